//! Things with labels, found by those that a selector asks for.

use std::collections::HashMap;

use crate::istio::StringMap;

/// The most things with the rarest of the labels that are looked at.
const MOST: usize = 4096;

/// Things with labels.
pub(super) struct Labelled<T> {
    things: Vec<(StringMap, T)>,
    by_label: HashMap<(String, String), Vec<usize>>,
}

impl<T> Default for Labelled<T> {
    fn default() -> Self {
        Self { things: Vec::new(), by_label: HashMap::new() }
    }
}

impl<T: PartialEq> Labelled<T> {
    pub(super) fn add(&mut self, labels: &StringMap, thing: T) {
        // Replicas are alike.
        let alike = |(known, other): &(StringMap, T)| known == labels && *other == thing;
        if self.things.last().is_some_and(alike) {
            return;
        }
        for (name, value) in labels {
            self.by_label.entry((name.clone(), value.clone())).or_default().push(self.things.len());
        }
        self.things.push((labels.clone(), thing));
    }

    /// The first thing with all labels of the selector, an empty one selects all, that is wanted.
    pub(super) fn find(&self, selector: &StringMap, wanted: impl Fn(&T) -> bool) -> Option<&T> {
        let has = |(labels, thing): &&(StringMap, T)| {
            selector.iter().all(|(name, value)| labels.get(name) == Some(value)) && wanted(thing)
        };
        let lists = selector.iter().map(|(name, value)| self.by_label.get(&(name.clone(), value.clone())));
        let found = match lists.min_by_key(|list| list.map_or(0, Vec::len)) {
            None => self.things.iter().take(MOST).find(has),
            Some(rarest) => rarest?.iter().take(MOST).filter_map(|number| self.things.get(*number)).find(has),
        };
        found.map(|(_, thing)| thing)
    }
}
