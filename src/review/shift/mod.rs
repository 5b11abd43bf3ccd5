//! How access changes, from what was rendered before and after.

mod callers;
mod outside;
mod phrase;
mod reach;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use super::{AccessChange, Shift, Stray};
use crate::istio::Resource;
use crate::render::Rendered;

pub(super) use workload::loosened;

/// A change of access on one cluster; those that say the same are one entry of a plan.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    shift: Shift,
    target: String,
    caller: String,
    sentence: String,
}

/// What is said, and on which clusters.
#[derive(Default)]
struct Sayings(BTreeMap<Said, BTreeSet<String>>);

impl Sayings {
    fn say(&mut self, cluster: &str, shift: Shift, target: &str, caller: &str, sentence: String) {
        let said = Said { shift, target: target.to_owned(), caller: caller.to_owned(), sentence };
        self.0.entry(said).or_default().insert(cluster.to_owned());
    }
}

/// How access changes, worst first; equal words over many clusters are one entry.
pub(super) fn shifts(before: &Rendered, after: &Rendered, strays: &[Stray]) -> Vec<AccessChange> {
    let mut sayings = Sayings::default();
    workload::compare(before, after, strays, &mut sayings);
    outside::compare(before, after, &mut sayings);
    reach::compare(before, after, &mut sayings);
    let entries = sayings.0.into_iter().map(|(said, clusters)| {
        let clusters: Vec<String> = clusters.into_iter().collect();
        let words = format!("{} ({})", said.sentence, phrase::clusters(&clusters));
        AccessChange { shift: said.shift, target: said.target, clusters, caller: said.caller, words }
    });
    entries.collect()
}

/// The resources of what was rendered, each with the place of its file.
fn resources(rendered: &Rendered) -> impl Iterator<Item = (Location<'_>, &Resource)> {
    rendered.manifests.values().filter_map(|manifest| Some((Location::of(&manifest.path)?, &manifest.resource)))
}

#[cfg(test)]
mod tests;
