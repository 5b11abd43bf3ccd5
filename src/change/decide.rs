//! What to do next with a change: a pure function of what is observed and what is desired.
//!
//! It comes in two parts, because what is desired costs a rendering: [`decide_early`] says what follows from what is
//! observed alone, and [`decide`] the rest.

use std::collections::BTreeSet;

use super::approval::Standing;
use super::forge::{Pull, PullState, PullText, Report, Unmet};
use super::id::{ChangeId, Timestamp};
use super::person::Person;
use super::record::{Change, State};
use super::talk::{self, Remark};
use crate::repo::CommitId;

/// What the journal, the mirror and the forge say of a change.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// What is recorded of it.
    pub change: &'a Change,
    /// The present moment.
    pub now: Timestamp,
    /// Its branch on the forge.
    pub branch: Option<&'a Branch>,
    /// The newest pull request of its branch.
    pub pull: Option<&'a Pull>,
    /// The older change that must end first.
    pub waits_for: Option<&'a ChangeId>,
    /// What its reviews come to.
    pub standing: &'a Standing,
    /// Whether somebody waits for it: then it does not wait for more writes, nor because of what was refused before.
    pub asked: bool,
    /// When what was refused may be asked of the forge again.
    pub refused_until: Option<Timestamp>,
    /// The checks that main requires of its head and that have not passed, as far as they matter yet.
    pub unmet: &'a [Unmet],
}

/// A branch as it was found on the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Where it is.
    pub head: CommitId,
    /// The digest of its content; none when that commit is not ours.
    pub digest: Option<String>,
}

/// What its pending writes on the newest main come to.
#[derive(Debug, Clone)]
pub struct Desired<'a> {
    /// Whether the writes change nothing.
    pub empty: bool,
    /// Digest of the content, old and new, of every path that changes.
    pub digest: &'a str,
    /// The last write that is in it.
    pub covers: u64,
    /// The projects whose intents the files come from that it changes.
    pub touches: &'a BTreeSet<String>,
    /// What blocks it.
    pub blocks: &'a [String],
    /// What the pull request shall say.
    pub text: &'a PullText,
    /// What shall be reported of the head, where anybody would see it.
    pub report: Option<&'a Report>,
    /// What our comment below the pull request shall say, if anything, where anybody would see it.
    pub remark: Option<&'a str>,
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Writes within this many milliseconds go together.
    pub settle: i64,
    /// A change made of single writes is ready when nothing more came for this many milliseconds.
    pub ready_after: i64,
    /// How often main and the forge are looked at without being told, in milliseconds.
    pub poll: i64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { settle: 2000, ready_after: 30_000, poll: 5000 }
    }
}

/// What has to be done whatever the writes come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Early {
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Nothing before this older change has ended.
    Behind(ChangeId),
    /// What this head held is on main.
    Merged {
        /// The head that was merged, which need not be the last one that is known.
        head: CommitId,
        /// The commit that put it there.
        commit: CommitId,
    },
    /// Its pull request was closed at this head, so that it ends.
    Closed {
        /// The head.
        head: CommitId,
        /// How it ends.
        state: State,
        /// Why.
        words: String,
    },
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Nothing now: record this state and why.
    Rest(State, Option<String>),
    /// Commit what is desired and put the branch there, from where it is.
    Push(Option<CommitId>),
    /// Leave what came after a valid approval of this head to the next change.
    Split(CommitId),
    /// Record that the branch holds what is desired.
    Adopt(CommitId),
    /// Open a pull request.
    Open,
    /// Change what the pull request says.
    Edit(u64),
    /// Report on this head, and remember the report by this digest.
    Report(CommitId, String),
    /// Say something below the pull request.
    Remark(u64),
    /// Close the pull request with these words.
    Close(u64, String),
    /// It comes to nothing and has no pull request: it ends as withdrawn.
    End(String),
}

/// When a change counts as ready for review.
#[must_use]
pub fn ready_at(change: &Change, timing: &Timing) -> Timestamp {
    if change.ready { change.created } else { change.last_write.plus(timing.ready_after) }
}

/// So many settle windows are the longest that a write waits for others: those who never pause are not waited for.
const WINDOWS: i64 = 10;

/// When the writes of a change have settled, so that they go together.
#[must_use]
pub fn settled_at(change: &Change, timing: &Timing) -> Timestamp {
    if change.complete {
        return change.created;
    }
    change.last_write.plus(timing.settle).min(change.unsettled.plus(timing.settle.saturating_mul(WINDOWS)))
}

/// What to do before anything is rendered; none when that needs to be known.
#[must_use]
pub fn decide_early(observed: &Observed<'_>, timing: &Timing) -> Option<Early> {
    let change = observed.change;
    if let Some(Pull { head, state, .. }) = observed.pull {
        let head = *head;
        let closed = |state, words| Some(Early::Closed { head, state, words });
        match state {
            PullState::Merged { commit } => return Some(Early::Merged { head, commit: *commit }),
            PullState::Closed { by: Some(by), words } => {
                let remark = Remark { by: by.clone(), words: words.clone() };
                return closed(closed_by(change, by), remark.to_string());
            }
            PullState::Closed { by: None, words } => return closed(State::Withdrawn, words.clone()),
            PullState::Open => {}
        }
    }
    if let Some(older) = observed.waits_for {
        return Some(Early::Behind(older.clone()));
    }
    let settled = settled_at(change, timing);
    (!observed.asked && observed.now < settled).then_some(Early::Wait(settled))
}

impl Action {
    /// Whether the forge has to do something for it.
    fn asks_the_forge(&self) -> bool {
        matches!(
            self,
            Self::Push(_) | Self::Open | Self::Edit(_) | Self::Report(..) | Self::Remark(_) | Self::Close(..)
        )
    }
}

/// What to do next, when nothing has to be done early.
#[must_use]
pub fn decide(observed: &Observed<'_>, desired: &Desired<'_>, timing: &Timing) -> Action {
    let action = wanted(observed, desired, timing);
    match observed.refused_until.filter(|until| !observed.asked && observed.now < *until) {
        Some(until) if action.asks_the_forge() => Action::Wait(until),
        _ => action,
    }
}

/// What to do next if the forge never refused anything.
fn wanted(observed: &Observed<'_>, desired: &Desired<'_>, timing: &Timing) -> Action {
    let change = observed.change;
    let recorded = observed.branch.filter(|branch| change.head == Some(branch.head) && change.digest == branch.digest);
    if let Some(branch) = recorded.filter(|_| observed.standing.came_before(change, desired.covers)) {
        return Action::Split(branch.head);
    }
    if desired.empty {
        let words = "its writes cancel each other or say what main already says".to_owned();
        return match observed.pull {
            Some(pull) => Action::Close(pull.number, words),
            None => Action::End(words),
        };
    }
    match observed.branch {
        None => return Action::Push(None),
        Some(Branch { digest: None, .. }) => return left_alone(observed, desired),
        Some(Branch { head, digest: Some(digest) }) if digest != desired.digest => return Action::Push(Some(*head)),
        Some(Branch { head, .. })
            if (change.head, change.covers, &change.touches) != (Some(*head), desired.covers, desired.touches) =>
        {
            return Action::Adopt(*head);
        }
        Some(_) => {}
    }
    let Some(pull) = observed.pull else { return Action::Open };
    if change.talk.text.as_ref() != Some(&talk::digest(desired.text)) {
        return Action::Edit(pull.number);
    }
    if let Some(report) = desired.report {
        let digest = talk::digest(&(pull.head, report));
        if change.talk.report.as_ref() != Some(&digest) {
            return Action::Report(pull.head, digest);
        }
    }
    remark(observed, desired).unwrap_or_else(|| rest(observed, desired, timing))
}

/// What to do with a branch on which somebody else committed: nothing but to say so.
fn left_alone(observed: &Observed<'_>, desired: &Desired<'_>) -> Action {
    let words = format!(
        "somebody else pushed to {}, so it is left alone; remove those commits, have Meshwright take over again with \
         `/meshwright rebase`, or withdraw the change",
        observed.change.branch
    );
    remark(observed, desired).unwrap_or(Action::Rest(State::Blocked, Some(words)))
}

fn remark(observed: &Observed<'_>, desired: &Desired<'_>) -> Option<Action> {
    let (pull, words) = (observed.pull?, desired.remark?);
    (observed.change.talk.remark.as_ref() != Some(&talk::digest(&words))).then_some(Action::Remark(pull.number))
}

/// The state of a change whose pull request is as desired.
fn rest(observed: &Observed<'_>, desired: &Desired<'_>, timing: &Timing) -> Action {
    let standing = observed.standing;
    if !desired.blocks.is_empty() {
        return Action::Rest(State::Blocked, Some(desired.blocks.join("; ")));
    }
    if observed.now < ready_at(observed.change, timing) {
        return Action::Rest(State::Draft, None);
    }
    if observed.pull.is_some_and(|pull| pull.draft) {
        let words = "somebody made its pull request a draft; mark it as ready for review when it is";
        return Action::Rest(State::Draft, Some(words.to_owned()));
    }
    if let Some((by, words)) = &standing.objection {
        return Action::Rest(
            State::ChangesRequested,
            Some(Remark { by: by.clone(), words: words.clone() }.to_string()),
        );
    }
    if observed.pull.is_some_and(|pull| pull.queued) {
        return Action::Rest(State::Merging, Some("it waits in the merge queue".to_owned()));
    }
    if standing.suffices() {
        return Action::Rest(State::Approved, waits_for_checks(observed.unmet));
    }
    Action::Rest(State::Proposed, Some(standing.lacks()))
}

/// Why an approved change cannot be merged yet; none when it can.
#[must_use]
pub fn waits_for_checks(unmet: &[Unmet]) -> Option<String> {
    let name = |check: &Unmet| format!("`{}`{}", check.name, if check.failed { ", which failed" } else { "" });
    let names: Vec<String> = unmet.iter().map(name).collect();
    (!names.is_empty()).then(|| format!("main requires that these checks pass: {}", names.join(", ")))
}

/// How a change ends whose pull request somebody closed: who asked for it takes it back, anybody else rejects it.
#[must_use]
pub fn closed_by(change: &Change, by: &Person) -> State {
    let own = change.requesters.iter().any(|requester| requester.is(by) && !by.is_local());
    if own { State::Withdrawn } else { State::Rejected }
}

#[cfg(test)]
mod tests;
