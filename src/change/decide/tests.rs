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
    unmet: Vec<Unmet>,
    remark: Option<&'static str>,
    report: Option<Report>,
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
    PullText { title: "t".into(), body: "b".into(), draft: false, reviewers: [].into() }
}

fn pull(state: PullState) -> Pull {
    let PullText { title, body, draft, .. } = text();
    Pull {
        number: 7,
        branch: "b".into(),
        head: commit(1),
        title,
        body,
        draft,
        state,
        reviews: vec![],
        queued: false,
        url: String::new(),
    }
}

/// A change whose branch and pull request are as desired, waiting for review.
fn proposed() -> Case {
    let mut change = Change::new(ChangeId::parse("0123456789ab").unwrap(), BTreeSet::new(), Timestamp(0));
    (change.head, change.digest, change.covers) = (Some(commit(1)), Some("d".into()), 3);
    change.talk.text = Some(talk::digest(&text()));
    Case {
        change,
        now: 1000,
        branch: Some(branch(1, Some("d"))),
        pull: Some(pull(PullState::Open)),
        waits_for: None,
        standing: Standing { needed: 1, ..Standing::default() },
        asked: false,
        refused_until: None,
        unmet: vec![],
        remark: None,
        report: None,
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
        unmet: &case.unmet,
    };
    let touches = &case.touches;
    let desired = Desired {
        empty: case.empty,
        digest: "d",
        covers: 3,
        touches,
        blocks: &case.blocks,
        text: &text(),
        report: case.report.as_ref(),
        remark: case.remark,
    };
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
