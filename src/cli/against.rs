//! A checkout against a commit: what access opens, in the words of a review.

use std::collections::BTreeSet;
use std::path::Path;

use super::Failure;
use crate::change::{Audit, Declared, Listed};
use crate::finding::{Finding, Place, Severity};
use crate::intent::layout::{FOLDERS, file_of};
use crate::intent::{Anchor, Kind, rules};
use crate::render::{Outside, Rendered, Scope, render};
use crate::repo::{Mirror, RepoError};
use crate::review::{AccessChange, Shift, Side, Stray, loosened, shifts};

/// How access changes from the commit `base` of the repository at `repo` to what was declared, rendered and written by
/// hand there; and what of it a reviewer has to know.
pub(super) fn compare(
    repo: &Path,
    base: &str,
    declared: &Declared,
    rendered: &Rendered,
    strays: &[Stray],
) -> Result<(Vec<AccessChange>, Vec<Finding>), Failure> {
    let mirror = Mirror::open(repo).map_err(Failure::failed)?;
    let commit = mirror.resolve(base).map_err(|error| unresolved(base, &error))?;
    let files = mirror.snapshot(commit).map_err(Failure::failed)?;
    let before = Declared::read(&files).map_err(Failure::failed)?;
    let listed = Listed::read(&files).map_err(Failure::failed)?;
    let plugin_files = listed.plugin_files(&files, &before.settings).map_err(Failure::failed)?;
    let scope = Scope::everything(&before.tree);
    let was = render(&before.tree, &before.settings, &scope, Outside::AsMain(&plugin_files));
    let audit = Audit::of(&files, listed, &was).map_err(Failure::failed)?;
    // A file of ours that nothing renders any more is to go, so that it guards nothing.
    let strays: Vec<Stray> = strays.iter().filter(|stray| !stray.is_stale()).cloned().collect();
    let access = shifts(Side { rendered: &was, strays: &audit.strays }, Side { rendered, strays: &strays });
    // The process ends soon: giving back a whole mesh piece by piece would take longer than looking for faults.
    std::mem::forget(was);

    let dropped = dropped(&before, declared);
    let mut findings: Vec<Finding> = dropped.iter().map(|anchor| reopened(anchor, base)).collect();
    let unasked = loosened(rendered, &audit.strays, &strays);
    let is_told = |change: &&AccessChange| {
        let by_hand =
            |cluster: &String| unasked.iter().any(|it| (&it.target, &it.cluster) == (&change.target, cluster));
        change.shift == Shift::Opened && change.clusters.iter().all(by_hand)
    };
    let asked = access.iter().filter(|change| change.intents.is_disjoint(&dropped) && !is_told(change));
    findings.extend(asked.filter_map(opened));
    findings.extend(unasked.into_iter().map(|it| opened_by_hand(it.finding)));
    let unread = before.problems.keys().filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)));
    findings.extend(unread.map(|path| unreadable(path, base)));
    Ok((access, findings))
}

fn unresolved(base: &str, error: &RepoError) -> Failure {
    let why = match error {
        RepoError::NotFound { .. } => "no such revision".to_owned(),
        error => error.to_string(),
    };
    Failure::Failed(format!("--base {base}: {why}"))
}

/// Servers that were closed and are not any more, though they are there and do not say `access: open`.
fn dropped(before: &Declared, now: &Declared) -> BTreeSet<Anchor> {
    let servers = before.tree.iter().map(|resource| resource.anchor()).filter(|anchor| anchor.kind() == Kind::Inbound);
    let closed = servers.filter(|anchor| rules::is_closed(&before.tree, anchor));
    let unasked = |anchor: &&Anchor| {
        let silent = now.tree.inbound(anchor).is_some_and(|inbound| inbound.access.is_none());
        silent && !rules::is_closed(&now.tree, anchor)
    };
    closed.filter(unasked).cloned().collect()
}

fn reopened(anchor: &Anchor, base: &str) -> Finding {
    let message = format!("{anchor} was closed at {base} and would be open to every workload of the mesh now");
    let remedy = "put `state: {access: closed}` back, or say `access: open`";
    Finding::error("check/reopened", Place::at(file_of(anchor)), message, remedy)
}

/// Whom a manifest lets in that is new or changed since the base, though no intent asks for it.
fn opened_by_hand(found: Finding) -> Finding {
    Finding { rule: "check/opened".into(), severity: Severity::Error, ..found }
}

/// What lets more callers in than before, because somebody asked for it.
fn opened(change: &AccessChange) -> Option<Finding> {
    let rule = match change.shift {
        Shift::Opened => "check/opened",
        Shift::Exposed => "check/exposed",
        _ => return None,
    };
    let path = change.intents.first().map(file_of).unwrap_or_default();
    let remedy = "let the owners of the service agree, or take it back";
    Some(Finding::warning(rule, Place::at(path), change.words.as_str(), remedy))
}

fn unreadable(path: &str, base: &str) -> Finding {
    let message = format!("this file cannot be read at {base}, so nothing tells what opens against it");
    Finding::warning("check/base", Place::at(path), message, "compare with a commit where it can be read")
}
