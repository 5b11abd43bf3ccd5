//! The last few values that somebody asked for.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// At most so many values by key; the one that was not asked for longest goes first.
#[derive(Debug)]
pub struct Recent<K, V> {
    most: usize,
    entries: Mutex<VecDeque<(K, V)>>,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    /// None yet, and never more than `most`.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|(known, _)| known == key)?;
        let entry = entries.remove(at)?;
        let value = entry.1.clone();
        entries.push_back(entry);
        Some(value)
    }

    /// Puts a value in the place of what is known of its key.
    pub fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(known, _)| *known != key);
        entries.push_back((key, value));
        let surplus = entries.len().saturating_sub(self.most);
        entries.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let recent = Recent::new(2);
        recent.put(1, "a");
        recent.put(2, "b");
        assert_eq!(recent.get(&1), Some("a"));
        recent.put(3, "c");
        assert_eq!([1, 2, 3].map(|key| recent.get(&key)), [Some("a"), None, Some("c")]);
        recent.put(1, "d");
        assert_eq!([1, 3].map(|key| recent.get(&key)), [Some("d"), Some("c")]);
    }
}
