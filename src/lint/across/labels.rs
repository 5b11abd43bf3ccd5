//! Things with labels, found by those that a selector asks for.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::istio::StringMap;

/// The most things with the rarest of the labels that are looked at.
const MOST: usize = 1024;

/// Things with labels.
pub(super) struct Labelled<'a, T> {
    things: Vec<(Cow<'a, StringMap>, T)>,
    by_label: HashMap<(String, String), Vec<usize>>,
}

impl<T> Default for Labelled<'_, T> {
    fn default() -> Self {
        Self { things: Vec::new(), by_label: HashMap::new() }
    }
}

impl<'a, T: PartialEq> Labelled<'a, T> {
    pub(super) fn add(&mut self, labels: Cow<'a, StringMap>, thing: T) {
        // Replicas are alike.
        if self.things.last().is_some_and(|(known, other)| *known == labels && *other == thing) {
            return;
        }
        for (name, value) in &*labels {
            self.by_label.entry((name.clone(), value.clone())).or_default().push(self.things.len());
        }
        self.things.push((labels, thing));
    }

    /// The first thing with all labels of the selector, an empty one selects all, that is wanted.
    pub(super) fn find(&self, selector: &StringMap, wanted: impl Fn(&T) -> bool) -> Option<&T> {
        let has = |(labels, thing): &&(Cow<'_, StringMap>, T)| {
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
