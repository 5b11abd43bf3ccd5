//! The plan from what was rendered before and after.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use super::resources::{changed, resources};
use super::unprepared::unprepared;
use super::{FileChange, Happening, Plan, Side, Stray, overlaps, shifts, subsets};
use crate::finding::{Finding, Place, Severity};
use crate::intent::{Anchor, layout};
use crate::istio::Resource;
use crate::lint::{lint, lint_across};
use crate::render::{Manifest, Rendered};

/// What a plan is made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// What main renders to; where a hand edit of a generated file is overwritten, what it holds instead.
    pub before: &'a Rendered,
    /// What the proposed tree renders to.
    pub after: &'a Rendered,
    /// Every file that changes, intents included.
    pub files: Vec<FileChange>,
    /// The manifests on main that people wrote: files below `clusters/` that no intent on main renders, whether or not
    /// the change is about them.
    pub strays: &'a [Stray],
    /// What else hand edits put into generated files that are overwritten.
    pub overwritten: Vec<Stray>,
    /// Digest of every path that changes, with its content before and after.
    pub digest: String,
    /// What was found elsewhere: contradictions, missing topology, answers of plugins.
    pub findings: Vec<Finding>,
    /// The most generated files that one change may remove.
    pub deletions_cap: usize,
}

/// What a set of writes does to the config repository, for people.
#[must_use]
pub fn plan(input: Input<'_>) -> Plan {
    let Input { before, after, mut files, strays, overwritten, digest, mut findings, deletions_cap } = input;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let known: BTreeSet<&Finding> = before.findings.iter().collect();
    let of_change = |finding: &&Finding| {
        finding.severity == Severity::Error || touches(&paths, &finding.place) || !known.contains(finding)
    };
    findings.extend(after.findings.iter().filter(|it| !is_told_as_access(it)).filter(of_change).cloned());
    findings.extend(linted(before, after, strays));
    findings.extend(unprepared(before, after));
    findings.extend(subsets::routed(before, after));
    findings.extend(overlaps(after, strays).into_iter().map(as_of_a_change));
    findings.extend(too_many_deletions(&files, deletions_cap));
    findings.sort_by(|one, other| (Reverse(one.severity), one).cmp(&(Reverse(other.severity), other)));
    findings.dedup();
    let there =
        if overwritten.is_empty() { Cow::Borrowed(strays) } else { Cow::Owned([strays, &overwritten].concat()) };
    let access = shifts(Side { rendered: before, strays: &there }, Side { rendered: after, strays });
    Plan { digest, access, resources: resources(before, after, &files), files, findings }
}

/// Whether one of the files at `paths` holds what stands at a place.
fn touches(paths: &BTreeSet<&str>, place: &Place) -> bool {
    let holds = |anchor: Anchor| paths.contains(&*layout::file_of(&anchor));
    paths.contains(&*place.path) || Anchor::parse(&place.path).is_ok_and(holds)
}

/// That a server is open is told where it opens, among who may call what.
fn is_told_as_access(finding: &Finding) -> bool {
    finding.rule == "access/open"
}

/// What a stale file is to a change that does not touch it: a check of the repository fails on it, a change goes on.
fn as_of_a_change(finding: Finding) -> Finding {
    let severity = if finding.rule == super::overlap::STALE { Severity::Warning } else { finding.severity };
    Finding { severity, ..finding }
}

/// Istio's rules over one generated manifest; of one that a plugin outside this program wrote it is told which.
#[must_use]
pub fn lint_of(manifest: &Manifest) -> Vec<Finding> {
    let found = lint(&manifest.resource, &Place::at(&manifest.path));
    if found.is_empty() || !manifest.is_of_outside_plugin() {
        return found;
    }
    let told = |finding: Finding| Finding {
        message: format!("{} (of the plugin {})", finding.message, manifest.plugin),
        ..finding
    };
    found.into_iter().map(told).collect()
}

/// What a rule finds to be missing: a plan sees no more than what the change concerns, so that a check of everything tells it.
const MISSING: [&str; 2] = ["istio/IST0101", "istio/IST0174"];

/// Istio's rules over the manifests that change, and over their clusters as far as the change shows in them.
fn linted(before: &Rendered, after: &Rendered, strays: &[Stray]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut changes: BTreeSet<&str> = BTreeSet::new();
    for manifest in changed(before, after) {
        findings.extend(lint_of(manifest));
        changes.insert(&manifest.path);
    }
    let clusters: BTreeSet<&str> = changes.iter().filter_map(|path| Some(Location::of(path)?.cluster)).collect();
    let across = across(after, strays, |cluster| clusters.contains(cluster));
    let is_told = |finding: &Finding| changes.contains(&*finding.place.path) && !MISSING.contains(&&*finding.rule);
    findings.extend(across.into_iter().filter(is_told));
    findings.retain(|finding| finding.severity != Severity::Note);
    findings
}

/// Istio's rules over the generated manifests of each cluster that is wanted, together with those that people wrote there;
/// what is found in these is not told.
#[must_use]
pub fn across(rendered: &Rendered, strays: &[Stray], is_wanted: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut clusters: BTreeMap<&str, Vec<(Place, &Resource)>> = BTreeMap::new();
    let ours = rendered.manifests.values().map(|it| (it.path.as_str(), std::slice::from_ref(&*it.resource)));
    let by_hand = strays.iter().map(|it| (it.path.as_str(), it.resources.as_slice()));
    for (path, resources) in ours.chain(by_hand) {
        let Some(location) = Location::of(path).filter(|location| is_wanted(location.cluster)) else { continue };
        let of_cluster = clusters.entry(location.cluster).or_default();
        of_cluster.extend(resources.iter().map(|resource| (Place::at(path), resource)));
    }
    let is_ours = |finding: &Finding| rendered.manifests.contains_key(&finding.place.path);
    let of_cluster = |resources: &Vec<(Place, &Resource)>| {
        let pairs: Vec<(&Place, &Resource)> = resources.iter().map(|(place, resource)| (place, *resource)).collect();
        lint_across(&pairs)
    };
    clusters.values().flat_map(of_cluster).filter(is_ours).collect()
}

/// A human decides over a change that removes more than one usually does.
#[must_use]
pub fn too_many_deletions(files: &[FileChange], cap: usize) -> Option<Finding> {
    let is_gone = |file: &&FileChange| file.happening == Happening::Removed && Location::of(&file.path).is_some();
    let count = files.iter().filter(is_gone).count();
    (count > cap).then(|| {
        Finding::error(
            "plan/deletions",
            Place::pointing("meshwright.yaml", "/caps/deletions"),
            format!("the change removes {count} generated files, and one change may remove {cap}"),
            format!(
                "look whether this is meant; if it is, split the change, or raise caps.deletions in meshwright.yaml to \
                 {count}"
            ),
        )
    })
}
