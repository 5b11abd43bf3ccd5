//! The matrix agrees with the decisions about single requests.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::permissions::means;
use super::{arbitrary, naive};
use crate::access::tests::read;
use crate::access::{Access, Attribute, Destination, Idle, Lockout, Matrix, Mesh, Protocol, Request, Tls, Verdict};
use crate::istio::{Action, Resource, Spec};

/// Without CUSTOM policies, about which the matrix asks nobody.
fn resources() -> impl Strategy<Value = Vec<Resource>> {
    arbitrary::resources().prop_map(|all| all.into_iter().filter(|it| !is(it, &Action::Custom)).collect())
}

fn is(resource: &Resource, action: &Action) -> bool {
    matches!(&resource.spec, Spec::AuthorizationPolicy(policy) if policy.action.as_ref() == Some(action))
}

fn may(access: &Access, request: &Request) -> bool {
    if access.mode.tls == Tls::Strict && request.from.principal.is_none() {
        return false;
    }
    let mut request = request.clone();
    if access.mode.tls == Tls::Disabled {
        request.from.principal = None;
    }
    access
        .grants
        .iter()
        .any(|grant| means(&grant.permission, &request) && !grant.except.iter().any(|except| means(except, &request)))
}

fn allows(mesh: &Mesh, resources: &[Resource], request: &Request) -> bool {
    naive::decide(mesh, resources, request).verdict == Verdict::Allow
}

proptest! {
    #![proptest_config(super::cases(1500))]

    #[test]
    fn the_matrix_lets_in_whom_the_naive_decision_lets_in(
        mesh in arbitrary::mesh(), resources in resources(), request in arbitrary::request(),
    ) {
        let matrix = Matrix::new(mesh.clone(), &resources, vec![request.to.clone()]);
        let access = &matrix.whole()[0];
        prop_assert_eq!(may(access, &request), allows(&mesh, &resources, &request), "{:?}", access);
    }
}

proptest! {
    #![proptest_config(super::cases(500))]

    #[test]
    fn a_difference_says_of_each_request_whether_it_is_let_in_now(
        before in resources(), after in resources(), request in arbitrary::request(), kept in 0..5_usize,
    ) {
        let mesh = Mesh::default();
        // Some policies stay, under names that the others do not have.
        let mut kept: Vec<Resource> = before.iter().take(kept).cloned().collect();
        kept.iter_mut().for_each(|resource| resource.metadata.name.insert_str(0, "kept-"));
        let [had, has] = [&before, &after].map(|own| [kept.clone(), own.clone()].concat());
        let matrix = Matrix::new(mesh.clone(), &had, vec![request.to.clone()]);
        let differences = matrix.difference(&before, &after);
        let (was, is) = (allows(&mesh, &had, &request), allows(&mesh, &has, &request));
        match differences.as_slice() {
            [] => prop_assert_eq!(was, is),
            [difference] if difference.mode.is_none() => {
                let more = !difference.gained.is_empty() || !difference.spared.is_empty();
                let less = !difference.lost.is_empty() || !difference.denied.is_empty();
                prop_assert!(more || was || !is, "{:?}", difference);
                prop_assert!(less || !was || is, "{:?}", difference);
                prop_assert!(!difference.locked_out || !is);
            }
            _ => {}
        }
    }

    #[test]
    fn who_is_locked_out_is_not_let_in(resources in resources(), requests in vec(arbitrary::request(), 6)) {
        let mesh = Mesh::default();
        let workloads = requests.iter().map(|request| request.to.clone()).collect();
        for (index, lockout) in Matrix::new(mesh.clone(), &resources, workloads).lockouts() {
            if !matches!(lockout, Lockout::PlainText(_)) {
                prop_assert!(!allows(&mesh, &resources, &requests[index]));
            }
        }
    }

    #[test]
    fn what_nothing_matches_is_not_matched(resources in arbitrary::resources(), requests in vec(arbitrary::request(), 6)) {
        let mesh = Mesh::default();
        for (name, idle) in Matrix::new(mesh.clone(), &resources, vec![]).idle() {
            let resource = resources.iter().find(|it| format!("{}/{}", it.metadata.namespace, it.metadata.name) == name);
            let (Some(Resource { spec: Spec::AuthorizationPolicy(policy), metadata, .. }), Idle::NothingMatches) =
                (resource, idle) else { continue };
            let action = policy.action.clone().unwrap_or(Action::Allow);
            let http = requests.iter().filter(|request| request.to.protocol == Protocol::Http);
            for (rule, request) in policy.rules.iter().flat_map(|rule| http.clone().map(move |it| (rule, it))) {
                prop_assert!(!naive::matches(&mesh, &metadata.namespace, &action, rule, request), "{:?}", rule);
            }
        }
    }
}

#[test]
fn random_matrices_have_entries_of_every_kind() {
    let mut runner = TestRunner::deterministic();
    let case = (resources(), arbitrary::request());
    let (mut open, mut closed, mut cut, mut nobody) = (0, 0, 0, 0);
    for _ in 0..1000 {
        let (resources, request) = case.new_tree(&mut runner).unwrap().current();
        let access = Matrix::new(Mesh::default(), &resources, vec![]).access(&request.to);
        open += usize::from(access.open);
        closed += usize::from(!access.open && !access.grants.is_empty());
        cut += usize::from(access.grants.iter().any(|grant| !grant.except.is_empty()));
        nobody += usize::from(access.grants.is_empty());
    }
    assert!([open, closed, cut, nobody].iter().all(|count| *count > 50), "{open} {closed} {cut} {nobody}");
}

fn cart() -> Destination {
    let labels = [("app".to_owned(), "cart".to_owned())].into();
    Destination { namespace: "shop".to_owned(), labels, ..Destination::default() }
}

#[test]
fn an_open_workload_is_one_entry_and_a_denial_is_taken_out_where_it_covers() {
    let access = |specs: &[(&str, &str)]| Matrix::new(Mesh::default(), &read(specs), vec![cart()]).whole().remove(0);
    let open = access(&[]);
    assert_eq!((open.open, open.grants.len()), (true, 1));
    let allow = ("a", "{rules: [{to: [{operation: {methods: [GET], paths: ['/a/*', /admin]}}]}]}");
    let denied = access(&[allow, ("d", "{action: DENY, rules: [{to: [{operation: {paths: ['/ad*']}}]}]}")]);
    let paths = denied.grants[0].permission.scope.within[&Attribute::Path].iter().cloned().collect::<Vec<_>>();
    assert_eq!((denied.grants.len(), paths, denied.grants[0].except.len()), (1, vec!["/a/*".to_owned()], 0));
    let cut = access(&[allow, ("d", "{action: DENY, rules: [{to: [{operation: {paths: ['*/secret']}}]}]}")]);
    assert_eq!((cut.grants.len(), cut.grants[0].except.len()), (1, 1));
}

#[test]
fn whoever_is_locked_out_is_found() {
    let named = "{rules: [{from: [{source: {principals: [td/ns/shop/sa/a]}}]}]}";
    let deny = |fields: &str| format!("{{action: DENY, rules: [{{from: [{{source: {{{fields}}}}}]}}]}}");
    let plain = "{rules: [{from: [{source: {notPrincipals: ['*']}}]}]}";
    let lockouts = |specs: &[(&str, &str)]| Matrix::new(Mesh::default(), &read(specs), vec![cart()]).lockouts();
    assert_eq!(lockouts(&[("a", "{}")]), [(0, Lockout::Nobody)]);
    assert_eq!(lockouts(&[("a", named)]), []);
    assert_eq!(lockouts(&[("a", named), ("d", &deny("namespaces: [shop]"))]), [(0, Lockout::AllDenied)]);
    assert_eq!(lockouts(&[("d", "{action: DENY, rules: [{}]}")]), [(0, Lockout::AllDenied)]);
    assert_eq!(lockouts(&[("a", named), ("d", &deny("namespaces: [web]"))]), []);
    let strict = ("s", "{mtls: {mode: STRICT}}");
    assert!(matches!(lockouts(&[("a", plain), strict]).as_slice(), [(0, Lockout::PlainText(_))]));
    assert_eq!(lockouts(&[("a", named), strict]), []);
}

#[test]
fn policies_that_nothing_matches_are_found() {
    let idle = |spec: &str| {
        let specs = [("p", spec), ("d", "{action: DENY, rules: [{from: [{source: {namespaces: [web]}}]}]}")];
        Matrix::new(Mesh::default(), &read(&specs), vec![cart()]).idle()
    };
    let said = |why| vec![("shop/p".to_owned(), why)];
    for (rule, why) in [
        ("to: [{operation: {paths: [a]}}]", Idle::NothingMatches),
        ("to: [{operation: {paths: ['/a/{*}'], notPaths: ['/a/{**}']}}]", Idle::NothingMatches),
        ("from: [{source: {principals: ['*/sa/a'], namespaces: [web]}}]", Idle::AllDenied),
        ("from: [{source: {principals: [td/ns/shop/sa/a], notNamespaces: [shop]}}]", Idle::NothingMatches),
        ("from: [{source: {ipBlocks: [10.0.0.0/8], notIpBlocks: [10.0.0.0/9, 10.128.0.0/9]}}]", Idle::NothingMatches),
        ("when: [{key: nonsense, values: [a]}]", Idle::NothingMatches),
    ] {
        assert_eq!(idle(&format!("{{rules: [{{{rule}}}]}}")), said(why), "{rule}");
    }
    assert_eq!(idle("{selector: {matchLabels: {app: other}}, rules: [{}]}"), said(Idle::SelectsNothing));
    assert_eq!(idle("{action: DENY}"), said(Idle::NothingMatches));
    assert_eq!(idle("{}"), []);
    assert_eq!(idle("{rules: [{to: [{operation: {paths: ['/a*', '*b']}}]}]}"), []);
}

#[test]
fn a_difference_looks_at_the_workloads_that_a_policy_selects() {
    let other = Destination { labels: [("app".to_owned(), "other".to_owned())].into(), ..cart() };
    let of = |labels: &str, methods: &str| {
        read(&[(
            "p",
            &format!(
                "{{selector: {{matchLabels: {{{labels}}}}}, rules: [{{to: [{{operation: {{methods: [{methods}]}}}}]}}]}}"
            ),
        )])
    };
    let had = of("app: cart", "GET");
    let matrix = Matrix::new(Mesh::default(), &had, vec![other, cart()]);
    let changed = |put: &[Resource]| matrix.difference(&had, put);
    let more = changed(&of("app: cart", "GET, POST"));
    assert_eq!((more.len(), more[0].workload, more[0].gained.len(), more[0].lost.len()), (1, 1, 1, 0));
    let moved = changed(&of("app: other", "GET"));
    assert_eq!(moved.iter().map(|it| it.workload).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(changed(&had), []);
    let nobody = changed(&read(&[("p", "{selector: {matchLabels: {app: cart}}}")]));
    assert!(nobody[0].locked_out);
    let strict = matrix.difference(&[], &read(&[("s", "{mtls: {mode: STRICT}}")]));
    assert!(strict.iter().all(|it| it.mode == Some((Tls::Permissive, Tls::Strict))) && strict.len() == 2);
}
