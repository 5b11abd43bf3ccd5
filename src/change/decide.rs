//! What to do next with a change: a pure function of what is observed and what is desired.
//!
//! It comes in two parts, because what is desired costs a rendering: [`decide_early`] says what follows from what is
//! observed alone, and [`decide`] the rest.

use std::collections::BTreeSet;

use super::approval::Standing;
use super::forge::{Pull, PullState, PullText};
use super::id::{ChangeId, Timestamp};
use super::person::Person;
use super::record::{Change, Remark, State};
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
        matches!(self, Self::Push(_) | Self::Open | Self::Edit(_) | Self::Close(..))
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
        Some(Branch { digest: None, .. }) => {
            let words =
                format!("somebody else pushed to {}; remove those commits, or withdraw the change", change.branch);
            return Action::Rest(State::Blocked, Some(words));
        }
        Some(Branch { head, digest: Some(digest) }) if digest != desired.digest => return Action::Push(Some(*head)),
        Some(Branch { head, .. })
            if (change.head, change.covers, &change.touches) != (Some(*head), desired.covers, desired.touches) =>
        {
            return Action::Adopt(*head);
        }
        Some(_) => {}
    }
    let Some(pull) = observed.pull else { return Action::Open };
    if (&pull.title, &pull.body, pull.draft) != (&desired.text.title, &desired.text.body, desired.text.draft) {
        return Action::Edit(pull.number);
    }
    rest(observed, desired, timing)
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
    if let Some((by, words)) = &standing.objection {
        return Action::Rest(
            State::ChangesRequested,
            Some(Remark { by: by.clone(), words: words.clone() }.to_string()),
        );
    }
    if standing.suffices() {
        return Action::Rest(State::Approved, None);
    }
    Action::Rest(State::Proposed, Some(standing.lacks()))
}

/// How a change ends whose pull request somebody closed: who asked for it takes it back, anybody else rejects it.
#[must_use]
pub fn closed_by(change: &Change, by: &Person) -> State {
    let own = change.requesters.iter().any(|requester| requester.is(by) && !by.is_local());
    if own { State::Withdrawn } else { State::Rejected }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timing = Timing { settle: 10, ready_after: 100, poll: 1000 };

    #[derive(Clone)]
    struct Case {
        change: Change,
        now: i64,
        branch: Option<Branch>,
        pull: Option<Pull>,
        waits_for: Option<ChangeId>,
        standing: Standing,
        asked: bool,
        refused_until: Option<Timestamp>,
        empty: bool,
        touches: BTreeSet<String>,
        blocks: Vec<String>,
    }

    fn commit(n: u8) -> CommitId {
        CommitId::from([n; 20])
    }

    fn branch(n: u8, digest: Option<&str>) -> Branch {
        Branch { head: commit(n), digest: digest.map(ToOwned::to_owned) }
    }

    fn text() -> PullText {
        PullText { title: "t".into(), body: "b".into(), draft: false }
    }

    fn pull(state: PullState) -> Pull {
        let PullText { title, body, draft } = text();
        Pull {
            number: 7,
            branch: "b".into(),
            head: commit(1),
            title,
            body,
            draft,
            state,
            reviews: vec![],
            url: String::new(),
        }
    }

    /// A change whose branch and pull request are as desired, waiting for review.
    fn proposed() -> Case {
        let mut change = Change::new(ChangeId::parse("0123456789ab").unwrap(), BTreeSet::new(), Timestamp(0));
        (change.head, change.digest, change.covers) = (Some(commit(1)), Some("d".into()), 3);
        Case {
            change,
            now: 1000,
            branch: Some(branch(1, Some("d"))),
            pull: Some(pull(PullState::Open)),
            waits_for: None,
            standing: Standing { needed: 1, ..Standing::default() },
            asked: false,
            refused_until: None,
            empty: false,
            touches: BTreeSet::new(),
            blocks: vec![],
        }
    }

    #[derive(Debug, PartialEq)]
    enum Next {
        Early(Early),
        Late(Action),
    }

    impl From<Action> for Next {
        fn from(action: Action) -> Self {
            Self::Late(action)
        }
    }

    impl From<Early> for Next {
        fn from(early: Early) -> Self {
            Self::Early(early)
        }
    }

    fn assert_next(case: &Case, next: impl Into<Next>) {
        assert_eq!(run(case), next.into());
    }

    fn run(case: &Case) -> Next {
        let observed = Observed {
            change: &case.change,
            now: Timestamp(case.now),
            branch: case.branch.as_ref(),
            pull: case.pull.as_ref(),
            waits_for: case.waits_for.as_ref(),
            standing: &case.standing,
            asked: case.asked,
            refused_until: case.refused_until,
        };
        let touches = &case.touches;
        let desired =
            Desired { empty: case.empty, digest: "d", covers: 3, touches, blocks: &case.blocks, text: &text() };
        decide_early(&observed, &T).map_or_else(|| decide(&observed, &desired, &T).into(), Next::from)
    }

    #[test]
    fn single_writes_wait_until_they_settle() {
        let mut case = Case { now: 5, branch: None, pull: None, ..proposed() };
        case.change.head = None;
        assert_next(&case, Early::Wait(Timestamp(10)));
        case.change.complete = true;
        assert_next(&case, Action::Push(None));
    }

    #[test]
    fn single_writes_to_an_open_change_settle_too_unless_somebody_waits_for_them() {
        let mut case = Case { branch: Some(branch(1, Some("old"))), ..proposed() };
        (case.change.last_write, case.change.unsettled, case.change.ready) = (Timestamp(995), Timestamp(995), true);
        assert_next(&case, Early::Wait(Timestamp(1005)));
        assert_next(&Case { now: 1005, ..case.clone() }, Action::Push(Some(commit(1))));
        assert_next(&Case { asked: true, ..case.clone() }, Action::Push(Some(commit(1))));
        case.change.complete = true;
        assert_next(&case, Action::Push(Some(commit(1))));
    }

    #[test]
    fn who_never_pauses_is_not_waited_for() {
        let mut case = Case { branch: Some(branch(1, Some("old"))), ..proposed() };
        (case.change.last_write, case.change.unsettled) = (Timestamp(995), Timestamp(901));
        assert_next(&case, Early::Wait(Timestamp(1001)));
        assert_next(&Case { now: 1001, ..case }, Action::Push(Some(commit(1))));
    }

    #[test]
    fn what_the_forge_refused_waits_unless_somebody_asks() {
        let case = Case { branch: None, pull: None, refused_until: Some(Timestamp(2000)), ..proposed() };
        assert_next(&case, Action::Wait(Timestamp(2000)));
        assert_next(&Case { now: 2000, ..case.clone() }, Action::Push(None));
        assert_next(&Case { asked: true, ..case.clone() }, Action::Push(None));
        let merged = Some(pull(PullState::Merged { commit: commit(5) }));
        // What happened is seen at once.
        assert_next(&Case { pull: merged, ..case }, Early::Merged { head: commit(1), commit: commit(5) });
    }

    #[test]
    fn the_branch_comes_before_the_pull_request() {
        let mut case = Case { branch: None, pull: None, ..proposed() };
        case.change.head = None;
        assert_next(&case, Action::Push(None));
        let case = Case { pull: None, ..proposed() };
        assert_next(&case, Action::Open);
    }

    #[test]
    fn other_content_is_pushed_from_where_the_branch_is() {
        let case = Case { branch: Some(branch(1, Some("old"))), ..proposed() };
        assert_next(&case, Action::Push(Some(commit(1))));
    }

    #[test]
    fn what_comes_after_an_approval_is_left_to_the_next_change_and_what_came_before_voids_it() {
        let standing = Standing { sealed: Some(Timestamp(500)), outdated: true, needed: 1, ..Standing::default() };
        let mut case = Case { branch: Some(branch(1, Some("old"))), standing, ..proposed() };
        (case.change.digest, case.change.covers, case.change.unsettled) = (Some("old".into()), 2, Timestamp(500));
        assert_next(&case, Action::Split(commit(1)));
        assert_next(&Case { empty: true, ..case.clone() }, Action::Split(commit(1)));
        let edits: [fn(&mut Case); 5] = [
            |case| case.change.unsettled = Timestamp(499),
            |case| case.standing.sealed = None,
            |case| case.change.covers = 3,
            |case| case.change.absorbed = 2,
            |case| case.change.head = Some(commit(2)),
        ];
        for edit in edits {
            let mut other = case.clone();
            edit(&mut other);
            assert_next(&other, Action::Push(Some(commit(1))));
        }
    }

    #[test]
    fn a_push_that_was_not_recorded_is_taken_over() {
        let case = Case { branch: Some(branch(9, Some("d"))), ..proposed() };
        assert_next(&case, Action::Adopt(commit(9)));
    }

    #[test]
    fn what_is_not_known_of_a_branch_that_is_right_is_recorded() {
        let case = Case { touches: ["shop".to_owned()].into(), ..proposed() };
        assert_next(&case, Action::Adopt(commit(1)));
    }

    #[test]
    fn a_branch_that_somebody_else_moved_is_left_alone() {
        let case = Case { branch: Some(branch(9, None)), ..proposed() };
        assert!(matches!(run(&case), Next::Late(Action::Rest(State::Blocked, Some(_)))));
    }

    #[test]
    fn writes_that_cancel_each_other_close_the_change() {
        let case = Case { empty: true, ..proposed() };
        assert!(matches!(run(&case), Next::Late(Action::Close(7, _))));
        let case = Case { empty: true, pull: None, ..proposed() };
        assert!(matches!(run(&case), Next::Late(Action::End(_))));
    }

    #[test]
    fn a_pull_request_that_a_human_closed_ends_the_change_as_rejected() {
        let by = Some(Person { name: "bob".into(), logins: vec![] });
        let case = Case { pull: Some(pull(PullState::Closed { by, words: "not now".into() })), ..proposed() };
        let (head, state, words) = (commit(1), State::Rejected, "bob: not now".into());
        assert_next(&case, Early::Closed { head, state, words });
    }

    #[test]
    fn a_merge_is_believed_whatever_else_is_seen() {
        let case =
            Case { pull: Some(pull(PullState::Merged { commit: commit(5) })), branch: None, empty: true, ..proposed() };
        assert_next(&case, Early::Merged { head: commit(1), commit: commit(5) });
    }

    #[test]
    fn the_state_follows_from_blocks_then_readiness_then_reviews() {
        let rest = |case: &Case| match run(case) {
            Next::Late(Action::Rest(state, _)) => state,
            other => panic!("{other:?}"),
        };
        let bob = Person { name: "bob".into(), logins: vec![] };
        assert_eq!(rest(&Case { blocks: vec!["x".into()], ..proposed() }), State::Blocked);
        assert_eq!(rest(&Case { now: 50, ..proposed() }), State::Draft);
        assert_eq!(rest(&proposed()), State::Proposed);
        let approved = Standing { approvals: vec![bob.clone()], needed: 1, ..Standing::default() };
        assert_eq!(rest(&Case { standing: approved, ..proposed() }), State::Approved);
        let objected = Standing { needed: 1, objection: Some((bob, String::new())), ..Standing::default() };
        assert_eq!(rest(&Case { standing: objected, ..proposed() }), State::ChangesRequested);
    }

    #[test]
    fn a_younger_change_of_the_same_group_waits() {
        let older = ChangeId::parse("ffffffffffff");
        assert_next(&Case { waits_for: older.clone(), pull: None, ..proposed() }, Early::Behind(older.unwrap()));
    }
}
