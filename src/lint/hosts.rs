//! Hosts with and without wildcards, found by what they have in common (`pkg/config/host`, `Name.Matches`).

use std::collections::{BTreeMap, HashMap};

/// The longest name; what is longer is none, and is not kept (rule 1).
const LONGEST: usize = 255;

/// Something for each of some hosts.
#[derive(Debug)]
pub(super) struct Hosts<'a, V> {
    /// By the host read backwards, without its `*`.
    backwards: BTreeMap<String, V>,
    names: HashMap<&'a str, V>,
    /// By what follows the `*` of hosts with a wildcard, and that by its length.
    wildcards: BTreeMap<usize, HashMap<&'a str, V>>,
}

impl<V> Default for Hosts<'_, V> {
    fn default() -> Self {
        Self { backwards: BTreeMap::new(), names: HashMap::new(), wildcards: BTreeMap::new() }
    }
}

impl<'a, V: Copy> Hosts<'a, V> {
    /// Adds a host; one that is there already keeps its value.
    pub(super) fn add(&mut self, host: &'a str, value: V) {
        if host.len() > LONGEST {
            return;
        }
        match host.strip_prefix('*') {
            Some(suffix) => {
                self.wildcards.entry(suffix.len()).or_default().entry(suffix).or_insert(value);
                self.backwards.entry(backwards(suffix)).or_insert(value);
            }
            None => {
                self.names.entry(host).or_insert(value);
                self.backwards.entry(backwards(host)).or_insert(value);
            }
        }
    }

    /// What is there for this very host.
    pub(super) fn at(&self, host: &str) -> Option<V> {
        match host.strip_prefix('*') {
            Some(suffix) => self.wildcards.get(&suffix.len())?.get(suffix).copied(),
            None => self.names.get(host).copied(),
        }
    }

    /// What is there for a host that has a name in common with this one.
    pub(super) fn overlapping(&self, host: &str) -> Option<V> {
        let suffix = host.strip_prefix('*');
        let below = || {
            let begin = backwards(suffix.filter(|suffix| suffix.len() <= LONGEST)?);
            let (name, value) = self.backwards.range(begin.clone()..).next()?;
            name.starts_with(&begin).then_some(*value)
        };
        self.covering(host).or_else(below)
    }

    /// What is there for this host itself, or for a wildcard that covers it, the longest first.
    pub(super) fn covering(&self, host: &str) -> Option<V> {
        let own = host.strip_prefix('*');
        if let (None, Some(value)) = (own, self.names.get(host)) {
            return Some(*value);
        }
        let tail = own.unwrap_or(host);
        let mut wider = self.wildcards.range(..=tail.len()).rev();
        wider.find_map(|(length, known)| known.get(tail.get(tail.len() - length..)?)).copied()
    }
}

fn backwards(host: &str) -> String {
    host.chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn hosts_overlap_as_istio_says() {
        let hosts = |list: &[&'static str]| {
            let mut hosts = Hosts::default();
            list.iter().for_each(|host| hosts.add(host, *host));
            hosts
        };
        assert_eq!(hosts(&["*.b.com"]).overlapping("a.b.com"), Some("*.b.com"));
        assert_eq!(hosts(&["*.com"]).overlapping("*.b.com"), Some("*.com"));
        assert_eq!(hosts(&["*.b.com"]).overlapping("*.com"), Some("*.b.com"));
        assert_eq!(hosts(&["a.b.com"]).overlapping("*.com"), Some("a.b.com"));
        assert_eq!(hosts(&["*.b.com"]).overlapping("b.com"), None);
        assert_eq!(hosts(&["a.com", "b.a.com"]).overlapping("*.b.com"), None);
        assert_eq!(hosts(&["*"]).overlapping("a"), Some("*"));
        assert_eq!(hosts(&["*.com", "*.b.com"]).covering("a.b.com"), Some("*.b.com"));
        assert_eq!(hosts(&["a.b.com"]).covering("*.b.com"), None);
        assert_eq!(hosts(&["*.com", "b.com"]).at("*.com"), Some("*.com"));
        assert_eq!(hosts(&["*.com", "b.com"]).at("a.com"), None);
        let long = "a".repeat(256);
        assert_eq!(hosts(&["*"]).covering(&long), Some("*"));
        assert_eq!(hosts(&["*.é.com"]).overlapping("x.ü.com"), None);
    }
}
