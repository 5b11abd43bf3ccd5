//! How access changes, from what was rendered before and after.

mod callers;
mod loosened;
mod outside;
pub(super) mod phrase;
mod reach;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use super::{AccessChange, Shift, Stray};
use crate::intent::Anchor;
use crate::istio::Resource;
use crate::render::Rendered;

pub use loosened::{Loosening, loosened};
pub(super) use workload::services;

/// One of two states that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What its intents render to.
    pub rendered: &'a Rendered,
    /// The manifests beside them that people wrote.
    pub strays: &'a [Stray],
}

/// A change of access on one cluster; those that say the same are one entry of a plan.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    shift: Shift,
    target: String,
    caller: String,
    sentence: String,
}

/// What is said, on which clusters, and because of which intents.
#[derive(Default)]
struct Sayings(BTreeMap<Said, (BTreeSet<String>, BTreeSet<Anchor>)>);

impl Sayings {
    fn say(&mut self, cluster: &str, shift: Shift, target: &str, caller: &str, sentence: String) {
        self.say_of(&[], cluster, shift, target, caller, sentence);
    }

    fn say_of(
        &mut self,
        intents: &[Anchor],
        cluster: &str,
        shift: Shift,
        target: &str,
        caller: &str,
        sentence: String,
    ) {
        let said = Said { shift, target: target.to_owned(), caller: caller.to_owned(), sentence };
        let (clusters, of) = self.0.entry(said).or_default();
        clusters.insert(cluster.to_owned());
        of.extend(intents.iter().cloned());
    }
}

/// How access changes, worst first; equal words over many clusters are one entry.
#[must_use]
pub fn shifts(before: Side<'_>, after: Side<'_>) -> Vec<AccessChange> {
    let mut sayings = Sayings::default();
    workload::compare(before, after, &mut sayings);
    outside::compare(before.rendered, after.rendered, &mut sayings);
    reach::compare(before.rendered, after.rendered, &mut sayings);
    let entries = sayings.0.into_iter().map(|(said, (clusters, intents))| {
        let clusters: Vec<String> = clusters.into_iter().collect();
        let words = format!("{} ({})", said.sentence, phrase::clusters(&clusters));
        AccessChange { shift: said.shift, target: said.target, clusters, caller: said.caller, words, intents }
    });
    entries.collect()
}

/// The resources of what was rendered, each with the place of its file.
fn resources(rendered: &Rendered) -> impl Iterator<Item = (Location<'_>, &Resource)> {
    rendered.manifests.values().filter_map(|manifest| Some((Location::of(&manifest.path)?, &*manifest.resource)))
}

#[cfg(test)]
mod tests;
