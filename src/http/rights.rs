//! Which rights a request needs.

use std::collections::BTreeSet;

use super::auth::{Caller, Right};
use super::problem::{self, Fault, Problem};
use crate::change::Change;
use crate::intent::{Anchor, Kind};

/// What is done to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Approve,
    RequestChanges,
    Merge,
    Withdraw,
    Reject,
}

impl Step {
    /// Whether it is taken for what the change holds, and would not be for something else.
    pub(super) fn is_about_content(self) -> bool {
        matches!(self, Self::Approve | Self::RequestChanges | Self::Merge)
    }
}

/// Whether `caller` may write a resource of `kind` that belongs to `project`.
///
/// Asking for access is open: whoever may propose in any project may write clients and access points under every
/// server, whose owners approve.
pub(super) fn may_write(caller: &Caller, project: Option<&str>, kind: Kind) -> bool {
    match kind {
        Kind::Client | Kind::AccessPoint => caller.may_anywhere(Right::Propose),
        _ => caller.may(Right::Propose, project),
    }
}

/// Refuses a write that `caller` may not make.
pub(super) fn write(caller: &Caller, project: Option<&str>, kind: Kind) -> Result<(), Problem> {
    if may_write(caller, project, kind) { Ok(()) } else { Err(missing(&[Right::Propose], project)) }
}

/// Refuses a lifecycle call that `caller` may not make.
pub(super) fn lifecycle(caller: &Caller, group: &Anchor) -> Result<(), Problem> {
    let rights = [Right::Propose, Right::Operate];
    any_of(caller, &rights, group.project())
}

/// Refuses to plan for a `caller` who may propose nothing: a plan shows what it would do to everybody's services.
pub(super) fn plan(caller: &Caller) -> Result<(), Problem> {
    if caller.may_anywhere(Right::Propose) {
        return Ok(());
    }
    Err(Problem::new(&problem::FORBIDDEN, "Your token lacks the right propose, on any project."))
}

/// Refuses a bundle that writes what `caller` may not write; every such document is named by its place.
pub(super) fn bundle<'a>(caller: &Caller, anchors: impl Iterator<Item = (usize, &'a Anchor)>) -> Result<(), Problem> {
    let refused: Vec<_> = anchors.filter(|(_, anchor)| !may_write(caller, anchor.project(), anchor.kind())).collect();
    let Some((_, first)) = refused.first() else { return Ok(()) };
    let errors = refused.iter().map(|(index, anchor)| Fault {
        document: Some(anchor.to_string()),
        ..Fault::new(format!("/{index}"), format!("needs the right propose {}", place(anchor.project())))
    });
    Err(missing(&[Right::Propose], first.project()).with(errors.collect()))
}

/// Refuses a step that `caller` may not take on `change`.
pub(super) fn step(caller: &Caller, step: Step, change: &Change) -> Result<(), Problem> {
    let projects: BTreeSet<Option<&str>> = change.projects();
    let rights: &[Right] = match step {
        Step::Approve | Step::RequestChanges | Step::Reject => &[Right::Approve],
        Step::Merge => &[Right::Approve, Right::Operate],
        Step::Withdraw => {
            let own = !change.requesters.is_empty() && change.requesters.iter().all(|by| caller.person.is(by));
            if own && caller.may_anywhere(Right::Propose) {
                return Ok(());
            }
            &[Right::Operate]
        }
    };
    projects.into_iter().try_for_each(|project| any_of(caller, rights, project))
}

fn any_of(caller: &Caller, rights: &[Right], project: Option<&str>) -> Result<(), Problem> {
    if rights.iter().any(|right| caller.may(*right, project)) { Ok(()) } else { Err(missing(rights, project)) }
}

fn missing(rights: &[Right], project: Option<&str>) -> Problem {
    let words: Vec<_> = rights.iter().map(|right| right.as_str()).collect();
    let detail = format!("Your token lacks the right {} {}.", words.join(" or "), place(project));
    Problem::new(&problem::FORBIDDEN, detail)
}

fn place(project: Option<&str>) -> String {
    match project {
        Some(project) => format!("on project `{project}`"),
        None => "on `*`, which cluster providers and plugins need".to_owned(),
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
