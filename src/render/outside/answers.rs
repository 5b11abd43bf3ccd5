//! What outside plugins answered, as long as it may be needed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::finding::Finding;
use crate::istio::Resource;
use crate::render::question::Input;

/// How many bytes they may take, about; what a mesh of ten thousand services is answered takes a tenth of that.
const MOST: usize = 256 << 20;

/// How long an answer stays at least, in milliseconds: by then, who waits for it has used it.
const STAYS: u64 = 60_000;

/// What each answer takes beside its manifests, about.
const OVERHEAD: usize = 512;

/// What a plugin answered, with what is wrong about it: errors block what needs the answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Resources for places that were asked about, each with its cluster as `provider/cluster`; sorted, none twice.
    pub resources: Vec<(String, Arc<Resource>)>,
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// How much memory it takes, in bytes, about.
    pub bytes: usize,
}

/// What was sent in other pieces, or written otherwise, is the same answer.
impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        (&self.resources, &self.findings) == (&other.resources, &other.findings)
    }
}

/// An answer cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is answered within a minute may take {} MiB of memory", MOST >> 20)]
pub struct NoRoom;

/// The answers of outside plugins, by what they were asked. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Input, Arc<Answer>>,
    /// When each came, the first one first.
    order: VecDeque<(i64, Input)>,
    bytes: usize,
}

impl Answers {
    /// Keeps an answer that came at the moment `now`, in milliseconds of any clock. The oldest ones go where they take too
    /// much memory, but none of the last minute: it would only be asked for again.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn put(&self, input: Input, answer: Answer, now: i64) -> Result<(), NoRoom> {
        let kept = &mut *self.kept();
        let size = |answer: &Answer| OVERHEAD + answer.bytes;
        let before = kept.answers.get(&input).map_or(0, |before| size(before));
        let lacking = (kept.bytes - before + size(&answer)).saturating_sub(MOST);
        let (mut freed, mut gone) = (0, 0);
        while freed < lacking {
            let oldest = kept.order.get(gone).filter(|(came, _)| came.abs_diff(now) >= STAYS);
            let (_, of) = oldest.ok_or(NoRoom)?;
            freed += kept.answers.get(of).filter(|_| *of != input).map_or(0, |answer| size(answer));
            gone += 1;
        }
        for (_, of) in kept.order.drain(..gone) {
            kept.bytes -= kept.answers.remove(&of).map_or(0, |answer| size(&answer));
        }
        kept.bytes += size(&answer);
        match kept.answers.insert(input.clone(), Arc::new(answer)) {
            Some(before) => kept.bytes -= size(&before),
            None => kept.order.push_back((now, input)),
        }
        Ok(())
    }

    /// Forgets what a plugin answered.
    pub fn forget(&self, plugin: &str) {
        let mut kept = self.kept();
        let Kept { answers, order, bytes } = &mut *kept;
        order.retain(|(_, of)| &*of.plugin != plugin);
        for (_, answer) in answers.extract_if(|of, _| &*of.plugin == plugin) {
            *bytes -= OVERHEAD + answer.bytes;
        }
    }

    /// Whether a question is answered.
    #[must_use]
    pub fn has(&self, input: &Input) -> bool {
        self.kept().answers.contains_key(input)
    }

    pub(in crate::render) fn get(&self, input: &Input) -> Option<Arc<Answer>> {
        self.kept().answers.get(input).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Digest;

    fn input(plugin: &str, about: u8) -> Input {
        Input { plugin: plugin.into(), version: "1".into(), digest: Digest::of(&[about]) }
    }

    fn large(bytes: usize) -> Answer {
        Answer { bytes, ..Answer::default() }
    }

    #[test]
    fn the_oldest_answers_go_where_they_take_too_much() {
        let (answers, quarter, minute) = (Answers::default(), MOST / 4, 60_000);
        for about in 0..5 {
            answers.put(input("np", about), large(quarter), i64::from(about) * minute).unwrap();
        }
        let there = || (0..6).map(|about| answers.has(&input("np", about))).collect::<Vec<_>>();
        assert_eq!(there(), [false, false, true, true, true, false]);
        // One that is put again counts once.
        answers.put(input("np", 4), large(0), 4 * minute).unwrap();
        assert_eq!(answers.kept().bytes, 3 * OVERHEAD + MOST / 2);
        // Those of the last minute stay: who waits for them would ask for them again, for ever.
        assert_eq!(answers.put(input("np", 5), large(MOST), 4 * minute - 1), Err(NoRoom));
        assert!(answers.has(&input("np", 4)));
        // What cannot be kept takes nothing away, and what grows may take the place that it had.
        assert_eq!(answers.put(input("np", 5), large(MOST), 9 * minute), Err(NoRoom));
        answers.put(input("np", 2), large(quarter * 3), 9 * minute).unwrap();
        assert_eq!(there(), [false, false, true, false, true, false]);
        answers.put(input("np", 5), large(MOST - OVERHEAD), 9 * minute + minute).unwrap();
        assert_eq!(there(), [false, false, false, false, false, true]);
        assert_eq!(answers.kept().bytes, MOST);
    }

    #[test]
    fn what_one_plugin_answered_is_forgotten_and_nothing_else() {
        let answers = Answers::default();
        for plugin in ["np", "other"] {
            answers.put(input(plugin, 1), large(7), 0).unwrap();
        }
        answers.forget("np");
        assert!(!answers.has(&input("np", 1)) && answers.has(&input("other", 1)));
        assert_eq!(answers.kept().bytes, OVERHEAD + 7);
    }
}
