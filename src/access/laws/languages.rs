//! What is said of patterns holds for every short text.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::access::condition::Condition;
use crate::access::facts::Facts;
use crate::access::{Attribute, Peer, Request, meaning};

/// Every text over `letters` of up to `length` of them.
fn texts(letters: &[u8], length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = 0;
    for _ in 0..length {
        let end = all.len();
        for at in last..end {
            all.extend(letters.iter().map(|letter| format!("{}{}", all[at], char::from(*letter))).collect::<Vec<_>>());
        }
        last = end;
    }
    all
}

/// Every identity of some names.
fn identities() -> Vec<String> {
    let names = ["a", "b", "ab", "ns", "sa", "~", "~b", "a~"];
    let mut all = vec![];
    for domain in names {
        for namespace in names {
            all.extend(names.map(|account| format!("{domain}/ns/{namespace}/sa/{account}")));
        }
    }
    all
}

/// An attribute of who calls, its key, and values.
type OfCaller = (Attribute, &'static str, BTreeSet<String>);

fn of_caller() -> impl Strategy<Value = OfCaller> {
    let principals: &[&str] = &["*", "a/ns/*", "*/sa/a", "a/ns/b/sa/ab", "*b", "a*", "*/"];
    let kind = select(vec![
        (Attribute::Principal, "source.principal", principals),
        (Attribute::Namespace, "source.namespace", &["a", "b", "sa", "ns", "*", "*b", "a*"]),
        (Attribute::ServiceAccount, "source.serviceAccount", &["a/b", "sa/a", "ns/sa", "a/ab"]),
        (Attribute::TrustDomain, "source.trustDomain", &["a", "sa", "ns", "*", "a*", "*b"]),
    ]);
    kind.prop_flat_map(|(attribute, key, values)| {
        let values = btree_set(select(values).prop_map(str::to_owned), 1..=2);
        values.prop_map(move |values| (attribute.clone(), key, values))
    })
}

fn sets(patterns: &'static [&'static str]) -> impl Strategy<Value = Vec<BTreeSet<String>>> {
    vec(btree_set(select(patterns).prop_map(str::to_owned), 1..=3), 1..=3)
}

/// Compares with what the conditions of compiled policies say of each request.
fn check(
    (attribute, key): (&Attribute, &str),
    (within, except): (&[BTreeSet<String>], &BTreeSet<String>),
    requests: &[Request],
) -> Result<(), TestCaseError> {
    let compiled = |values: &BTreeSet<String>| -> Vec<Condition> {
        values.iter().map(|value| Condition::of(key, value, "shop").unwrap()).collect()
    };
    let (all, none) = (within.iter().map(compiled).collect::<Vec<_>>(), compiled(except));
    let is_one = |request: &Request| {
        let facts = Facts::of(request, true);
        let holds = |conditions: &Vec<Condition>| conditions.iter().any(|condition| condition.holds(&facts));
        all.iter().all(holds) && !holds(&none)
    };
    let asked: Vec<_> = within.iter().map(|values| (attribute, values)).collect();
    let said = meaning::is_met(&asked, &[(attribute, except)]);
    prop_assert_eq!(said, Some(requests.iter().any(is_one)), "{:?} but {:?}", within, except);
    Ok(())
}

thread_local! {
    static PATHS: Vec<Request> = texts(b"/ab[", 6)
        .into_iter()
        .map(|text| Request { path: Some(format!("/{text}")), ..Request::default() })
        .collect();
    static CALLERS: Vec<Request> = identities()
        .into_iter()
        .map(|identity| Request {
            from: Peer { principal: Some(identity), ..Peer::default() },
            ..Request::default()
        })
        .collect();
    static HOSTS: Vec<Request> = texts(b"ab:8", 5)
        .into_iter()
        .map(|text| Request { host: Some(text), ..Request::default() })
        .collect();
}

const PATTERNS: &[&str] = &[
    "/a",
    "/a*",
    "*b",
    "*",
    "/a/*",
    "*/b",
    "/{*}",
    "/{**}",
    "/a/{**}",
    "/{*}/b",
    "/{**}/b",
    "a",
    "/",
    "/a/",
    "/a/{*}",
    "*b/",
    "/a/b*",
    "/{*}/{**}",
    "/ab",
    "/a/b",
];

proptest! {
    #![proptest_config(super::cases(400))]

    #[test]
    fn sets_of_paths_meet_where_a_path_is_in_all(
        within in sets(PATTERNS), except in btree_set(select(PATTERNS).prop_map(str::to_owned), 0..=3),
    ) {
        PATHS.with(|paths| check((&Attribute::Path, ":path"), (&within, &except), paths))?;
    }

    #[test]
    fn sets_of_hosts_meet_where_a_host_is_in_all(
        within in sets(&["a", "a:*", "*b", "*:8", "*", "b*", "a:8", "ab"]),
        except in btree_set(select(&["a", "a*", "*8", "*:8", "*", "a:8"][..]).prop_map(str::to_owned), 0..=2),
    ) {
        HOSTS.with(|hosts| check((&Attribute::Host, ":authority"), (&within, &except), hosts))?;
    }

    #[test]
    fn sets_of_blocks_meet_where_an_address_is_in_all(
        within in sets(&["10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.1", "10.0.0.3", "0.0.0.0/0", "::/0"]),
        except in btree_set(
            select(&["10.0.0.0", "10.0.0.1", "10.0.0.2/31", "10.0.0.0/31", "::/1", "8000::/1", "10.0.0.0/30"][..])
                .prop_map(str::to_owned),
            0..=4,
        ),
    ) {
        let addresses = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "::1", "f000::"];
        let request = |ip: &str| Request {
            from: Peer { ip: Some(ip.parse::<IpAddr>().unwrap()), ..Peer::default() },
            ..Request::default()
        };
        let requests: Vec<Request> = addresses.into_iter().map(request).collect();
        check((&Attribute::SourceIp, "source.ip"), (&within, &except), &requests)?;
    }

    #[test]
    fn attributes_of_callers_meet_where_an_identity_has_them_all(
        within in vec(of_caller(), 1..=3), except in vec(of_caller(), 0..=2),
    ) {
        let compiled = |(_, key, values): &OfCaller| -> Vec<Condition> {
            values.iter().map(|value| Condition::of(key, value, "shop").unwrap()).collect()
        };
        let [all, none] = [&within, &except].map(|sets| sets.iter().map(compiled).collect::<Vec<_>>());
        let is_one = |request: &Request| {
            let facts = Facts::of(request, true);
            let holds = |conditions: &Vec<Condition>| conditions.iter().any(|condition| condition.holds(&facts));
            all.iter().all(holds) && !none.iter().any(holds)
        };
        let [asked, refused] = [&within, &except].map(|sets| sets.iter().map(|it| (&it.0, &it.2)).collect::<Vec<_>>());
        let is_met = CALLERS.with(|callers| callers.iter().any(is_one));
        prop_assert_eq!(meaning::is_met(&asked, &refused), Some(is_met), "{:?} but {:?}", within, except);
    }

    #[test]
    fn one_pattern_covers_another_where_each_path_of_it_is_in_it(wide in select(PATTERNS), narrow in select(PATTERNS)) {
        let [inner, outer] = [narrow, wide].map(|pattern| Condition::of(":path", pattern, "shop").unwrap());
        let holds = |request: &Request| {
            let facts = Facts::of(request, true);
            !inner.holds(&facts) || outer.holds(&facts)
        };
        let covered = PATHS.with(|paths| paths.iter().all(holds));
        // That each path begins with a slash is not looked at here.
        prop_assert!(covered || narrow != "a");
        let said = meaning::covers(&Attribute::Path, wide, narrow);
        prop_assert!(said == covered || narrow == "a" && !said, "{} {}", wide, narrow);
    }
}

#[test]
fn several_templates_cover_what_none_of_them_does_alone() {
    let set = |values: &[&str]| values.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
    let (narrow, wide) = (set(&["/a/{**}"]), set(&["/a/", "/a/{*}", "/a/{*}/{**}", "/a//{**}"]));
    assert_eq!(meaning::is_met(&[(&Attribute::Path, &narrow)], &[(&Attribute::Path, &wide)]), Some(false));
    let wide = set(&["/a/{*}", "/a/{*}/{**}", "/a//{**}"]);
    assert_eq!(meaning::is_met(&[(&Attribute::Path, &narrow)], &[(&Attribute::Path, &wide)]), Some(true));
}

#[test]
fn patterns_too_large_to_compare_are_not_said_to_cover() {
    let long = |end: &str| BTreeSet::from([format!("/{}{end}", "{*}/a/".repeat(2000))]);
    assert_eq!(meaning::is_met(&[(&Attribute::Path, &long("{**}"))], &[(&Attribute::Path, &long("{*}"))]), Some(true));
    assert_eq!(meaning::is_met(&[(&Attribute::Path, &long("{*}"))], &[(&Attribute::Path, &long("{**}"))]), None);
}
