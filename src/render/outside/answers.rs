//! What outside plugins answered, as long as it may be needed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::finding::Finding;
use crate::istio::Resource;
use crate::render::question::Input;

/// How many bytes they may take, about; what a mesh of ten thousand services is answered takes a tenth of that.
const MOST: usize = 256 << 20;

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

/// The answers of outside plugins, by what they were asked. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Input, Arc<Answer>>,
    order: VecDeque<Input>,
    bytes: usize,
}

impl Answers {
    /// Keeps an answer; the oldest ones go where they take too much memory.
    pub fn put(&self, input: Input, answer: Answer) {
        let mut kept = self.kept();
        kept.bytes += OVERHEAD + answer.bytes;
        match kept.answers.insert(input.clone(), Arc::new(answer)) {
            Some(before) => kept.bytes -= OVERHEAD + before.bytes,
            None => kept.order.push_back(input),
        }
        while kept.bytes > MOST {
            let Some(oldest) = kept.order.pop_front() else { break };
            if let Some(gone) = kept.answers.remove(&oldest) {
                kept.bytes -= OVERHEAD + gone.bytes;
            }
        }
    }

    /// Forgets what a plugin answered.
    pub fn forget(&self, plugin: &str) {
        let mut kept = self.kept();
        let Kept { answers, order, bytes } = &mut *kept;
        order.retain(|of| &*of.plugin != plugin);
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

    #[test]
    fn the_oldest_answers_go_where_they_take_too_much() {
        let answers = Answers::default();
        let large = |bytes: usize| Answer { bytes, ..Answer::default() };
        for about in 0..5 {
            answers.put(input("np", about), large(MOST / 4));
        }
        let there: Vec<bool> = (0..5).map(|about| answers.has(&input("np", about))).collect();
        assert_eq!(there, [false, false, true, true, true]);
        // One that is put again counts once.
        answers.put(input("np", 4), large(0));
        assert_eq!(answers.kept().bytes, 3 * OVERHEAD + MOST / 2);
    }

    #[test]
    fn what_one_plugin_answered_is_forgotten_and_nothing_else() {
        let answers = Answers::default();
        for plugin in ["np", "other"] {
            answers.put(input(plugin, 1), Answer { bytes: 7, ..Answer::default() });
        }
        answers.forget("np");
        assert!(!answers.has(&input("np", 1)) && answers.has(&input("other", 1)));
        assert_eq!(answers.kept().bytes, OVERHEAD + 7);
    }
}
