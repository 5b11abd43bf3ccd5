//! What goes wrong, and when.

use std::collections::VecDeque;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection closes without effect.
    LostBefore,
    /// It has its effect, and the connection closes.
    LostAfter,
    /// This status without effect.
    Status(u16),
    /// This status with these words, without effect.
    Says(u16, &'static str),
    /// It has its effect, and is answered by this status.
    StatusAfter(u16),
    /// The secondary limit, for so many seconds.
    Secondary(u64),
    /// The primary limit, until this second since 1970.
    Primary(u64),
}

/// Which calls are meant: those whose method and path, or operation of GraphQL, have these words.
#[derive(Debug, Clone)]
pub(crate) struct Match(pub(crate) &'static str, pub(crate) &'static str);

#[derive(Debug, Default)]
pub(crate) struct Faults {
    matching: Vec<(Match, Fault, usize)>,
    scheduled: VecDeque<Option<Fault>>,
}

impl Faults {
    pub(crate) fn add(&mut self, matching: Match, fault: Fault, times: usize) {
        self.matching.push((matching, fault, times));
    }

    pub(crate) fn schedule(&mut self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.scheduled.extend(faults);
    }

    /// Whether everything that was to go wrong has.
    pub(crate) fn is_spent(&self) -> bool {
        self.scheduled.is_empty() && self.matching.iter().all(|(.., times)| *times == 0)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What happens to this call.
    pub(crate) fn next(&mut self, method: &str, path: &str, operation: &str) -> Option<Fault> {
        if let Some(fault) = self.scheduled.pop_front() {
            return fault;
        }
        let hit = self.matching.iter_mut().find(|(Match(verb, words), _, times)| {
            *times > 0 && (verb.is_empty() || *verb == method) && (path.contains(words) || operation.contains(words))
        })?;
        hit.2 -= 1;
        Some(hit.1)
    }
}
