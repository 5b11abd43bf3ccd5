use super::*;
use crate::change::{Change, ChangeId, Group, Person, Timestamp};
use crate::http::auth::{Auth, EVERYWHERE, Token};
use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};

const RIGHTS: [Right; 3] = Right::ALL;

/// The anchors that are written, by where they lie.
const OWN: &str =
    "projects/shop/composite-apps/a/v/deployment-intent-groups/d/traffic-group-intents/t/inbound-intents/s";
const OTHER: &str =
    "projects/bank/composite-apps/a/v/deployment-intent-groups/d/traffic-group-intents/t/inbound-intents/s";

fn anchor(path: &str) -> Anchor {
    Anchor::parse(path).unwrap()
}

/// A caller called `me` with one right at one place.
fn holder(place: &str, rights: &[Right]) -> Caller {
    let token = Token::new("me", &Sha256::digest("x").iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let auth = Auth::tokens(vec![token.unwrap().grant(place, rights)]).unwrap();
    let presented = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
    auth.caller(&presented).unwrap()
}

fn change(paths: &[&str], requester: &str) -> Change {
    let groups = paths.iter().map(|path| Group::natural(&anchor(path))).collect();
    let mut change = Change::new(ChangeId::parse("abcdef012345").unwrap(), groups, Timestamp(0));
    change.requesters.insert(Person { name: requester.into(), logins: vec![] });
    change
}

#[test]
fn the_matrix_of_writes() {
    let client = format!("{OTHER}/clients/c");
    let point = format!("{client}/access-points/x");
    // Who may write: [server of the own project, server of another, client there, access point there, provider, plugin].
    let paths = [OWN, OTHER, &client, &point, "cluster-providers/gke/clusters/east", "dtc-controllers/dns"];
    for (place, right, expected) in [
        ("shop", Right::Propose, [true, false, true, true, false, false]),
        (EVERYWHERE, Right::Propose, [true; 6]),
        ("shop", Right::Approve, [false; 6]),
        ("shop", Right::Operate, [false; 6]),
        (EVERYWHERE, Right::Approve, [false; 6]),
        (EVERYWHERE, Right::Operate, [false; 6]),
    ] {
        let caller = holder(place, &[right]);
        let found = paths.map(|path| {
            let anchor = anchor(path);
            write(&caller, anchor.project(), anchor.kind()).is_ok()
        });
        assert_eq!(found, expected, "{place} {right:?}");
    }
}

#[test]
fn the_matrix_of_steps() {
    let steps = [Step::Approve, Step::RequestChanges, Step::Reject, Step::Merge, Step::Withdraw];
    let (own, both, provider) =
        (change(&[OWN], "you"), change(&[OWN, OTHER], "you"), change(&["cluster-providers/gke"], "you"));
    for (place, right, change, expected) in [
        ("shop", Right::Propose, &own, [false; 5]),
        ("shop", Right::Approve, &own, [true, true, true, true, false]),
        ("shop", Right::Operate, &own, [false, false, false, true, true]),
        ("bank", Right::Approve, &own, [false; 5]),
        ("shop", Right::Approve, &both, [false; 5]),
        ("shop", Right::Operate, &both, [false; 5]),
        (EVERYWHERE, Right::Approve, &both, [true, true, true, true, false]),
        ("shop", Right::Approve, &provider, [false; 5]),
        (EVERYWHERE, Right::Operate, &provider, [false, false, false, true, true]),
    ] {
        let caller = holder(place, &[right]);
        let found = steps.map(|step| super::step(&caller, step, change).is_ok());
        assert_eq!(found, expected, "{place} {right:?} {:?}", change.groups);
    }
}

#[test]
fn requesters_take_their_own_changes_back_and_nobody_elses() {
    let caller = holder("shop", &[Right::Propose]);
    let mut own = change(&[OTHER], "me");
    assert!(step(&caller, Step::Withdraw, &own).is_ok());
    own.requesters.insert(Person { name: "you".into(), logins: vec![] });
    assert!(step(&caller, Step::Withdraw, &own).is_err(), "it holds another's writes too");
    let caller = holder("shop", &[Right::Approve]);
    assert!(step(&caller, Step::Withdraw, &change(&[OWN], "me")).is_err(), "propose was taken away");
}

#[test]
fn what_is_missing_is_named() {
    let caller = holder("shop", &RIGHTS);
    let other = anchor(OTHER);
    let problem = write(&caller, other.project(), other.kind()).unwrap_err();
    assert_eq!(problem.kind.status.as_u16(), 403);
    assert_eq!(problem.detail, "Your token lacks the right propose on project `bank`.");
    let problem = step(&caller, Step::Merge, &change(&["cluster-providers/gke"], "you")).unwrap_err();
    assert!(problem.detail.contains("approve or operate on `*`"), "{}", problem.detail);
}

#[test]
fn a_bundle_needs_every_right_and_every_missing_one_is_named() {
    let caller = holder("shop", &[Right::Propose]);
    let anchors = [OWN, OTHER, "cluster-providers/gke"].map(anchor);
    let problem = bundle(&caller, anchors.iter().enumerate()).unwrap_err();
    let pointers: Vec<_> = problem.errors.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/1", "/2"]);
    assert!(bundle(&caller, anchors.iter().take(1).enumerate()).is_ok());
}

#[test]
fn a_lifecycle_call_needs_propose_or_operate() {
    let group = anchor("projects/shop/composite-apps/a/v/deployment-intent-groups/d");
    let outcomes = RIGHTS.map(|right| {
        let caller = holder("shop", &[right]);
        lifecycle(&caller, &group).is_ok()
    });
    assert_eq!(outcomes, [true, false, true]);
}
