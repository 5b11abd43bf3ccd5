//! What outside plugins answered, as long as it may be needed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::finding::Finding;
use crate::istio::Resource;
use crate::render::question::Question;

/// How many bytes they may take, about; what a mesh of ten thousand services is answered takes a tenth of that.
const MOST: usize = 256 << 20;

/// What each answer takes beside its manifests, about.
const OVERHEAD: usize = 512;

/// What a plugin answered, with what is wrong about it: errors block what needs the answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Resources for places that were asked about, each with its cluster as `provider/cluster`; sorted, none twice.
    pub resources: Vec<(String, Resource)>,
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// How much memory it takes, in bytes, about.
    pub bytes: usize,
}

type Key = (String, String, String);

/// The answers of outside plugins, by what they were asked. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Key, Arc<Answer>>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Answers {
    /// Keeps an answer; the oldest ones go where they take too much memory.
    pub fn put(&self, question: &Question, answer: Answer) {
        let key = key(&question.plugin, &question.version, &question.digest);
        let mut kept = self.kept();
        kept.bytes += OVERHEAD + answer.bytes;
        match kept.answers.insert(key.clone(), Arc::new(answer)) {
            Some(before) => kept.bytes -= OVERHEAD + before.bytes,
            None => kept.order.push_back(key),
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
        kept.order.retain(|(of, ..)| of != plugin);
        let gone: Vec<Key> = kept.answers.keys().filter(|(of, ..)| of == plugin).cloned().collect();
        for key in gone {
            if let Some(answer) = kept.answers.remove(&key) {
                kept.bytes -= OVERHEAD + answer.bytes;
            }
        }
    }

    /// Whether a question is answered.
    #[must_use]
    pub fn has(&self, question: &Question) -> bool {
        self.get(&question.plugin, &question.version, &question.digest).is_some()
    }

    pub(super) fn get(&self, plugin: &str, version: &str, digest: &str) -> Option<Arc<Answer>> {
        self.kept().answers.get(&key(plugin, version, digest)).cloned()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(plugin: &str, version: &str, digest: &str) -> Key {
    (plugin.to_owned(), version.to_owned(), digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Asking, Subject};

    fn question(plugin: &str, digest: usize) -> Question {
        let subject = Subject::Service("cart".into());
        let about = Asking { namespace: "shop".into(), subject, intents: vec![], clusters: vec![] };
        Question { plugin: plugin.into(), version: "1".into(), digest: digest.to_string(), about: Arc::new(about) }
    }

    #[test]
    fn the_oldest_answers_go_where_they_take_too_much() {
        let answers = Answers::default();
        let large = |bytes: usize| Answer { bytes, ..Answer::default() };
        for digest in 0..5 {
            answers.put(&question("np", digest), large(MOST / 4));
        }
        let there: Vec<bool> = (0..5).map(|digest| answers.has(&question("np", digest))).collect();
        assert_eq!(there, [false, false, true, true, true]);
        // One that is put again counts once.
        answers.put(&question("np", 4), large(0));
        assert_eq!(answers.kept().bytes, 3 * OVERHEAD + MOST / 2);
    }

    #[test]
    fn what_one_plugin_answered_is_forgotten_and_nothing_else() {
        let answers = Answers::default();
        for plugin in ["np", "other"] {
            answers.put(&question(plugin, 1), Answer { bytes: 7, ..Answer::default() });
        }
        answers.forget("np");
        assert!(!answers.has(&question("np", 1)) && answers.has(&question("other", 1)));
        assert_eq!(answers.kept().bytes, OVERHEAD + 7);
    }
}
