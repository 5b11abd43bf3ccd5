//! What holds for the decision about one request.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::arbitrary::{self, named};
use super::naive;
use crate::access::{Decision, Mesh, Policies, Protocol, Request, Verdict, is_enforced};
use crate::istio::{Action, AuthorizationPolicy, ObjectMeta, Resource, Rule, RuleFrom, Source, Spec};

fn decide(mesh: &Mesh, resources: &[Resource], request: &Request) -> Decision {
    Policies::new(mesh.clone(), resources).decide(request)
}

fn allows(mesh: &Mesh, resources: &[Resource], request: &Request) -> bool {
    decide(mesh, resources, request).verdict == Verdict::Allow
}

fn with(resources: &[Resource], mut more: Resource) -> Vec<Resource> {
    more.metadata.name = "more".to_owned();
    resources.iter().cloned().chain([more]).collect()
}

proptest! {
    #![proptest_config(super::cases(4000))]

    #[test]
    fn the_decision_is_the_naive_one(
        mesh in arbitrary::mesh(), resources in arbitrary::resources(), request in arbitrary::request(),
    ) {
        let decision = decide(&mesh, &resources, &request);
        let naive = naive::decide(&mesh, &resources, &request);
        prop_assert_eq!(decision.verdict, naive.verdict);
        prop_assert_eq!(decision.external.is_some(), naive.asks);
        let named = decision.policy.clone().zip(decision.rule);
        let order = |(policy, rule): &(String, usize)| {
            let (namespace, name) = policy.split_once('/').unwrap();
            format!("ns[{namespace}]-policy[{name}]-rule[{rule}]")
        };
        match naive.asks || decision.unsure.is_some() {
            // Filters of CUSTOM policies stand in the order of their providers.
            true => prop_assert_eq!(named.is_some(), !naive.by.is_empty()),
            false => prop_assert_eq!(named, naive.by.into_iter().min_by_key(order)),
        }
    }
}

proptest! {
    #![proptest_config(super::cases(1000))]

    #[test]
    fn it_is_unsure_where_the_age_of_a_peer_authentication_decides(
        resources in arbitrary::resources(), request in arbitrary::request(),
    ) {
        let mesh = Mesh::default();
        let of = |tls| naive::under(&mesh, &resources, &request, tls).verdict;
        let modes = naive::possible_tls(&mesh, &resources, &request);
        let verdicts: Vec<Verdict> = modes.into_iter().map(of).collect();
        let unsure = decide(&mesh, &resources, &request).unsure;
        let by_age = unsure.is_some_and(|why| why.contains("PeerAuthentications"));
        prop_assert_eq!(by_age, verdicts.iter().any(|verdict| *verdict != verdicts[0]));
    }

    #[test]
    fn it_is_unsure_where_an_address_decides_that_is_not_said(
        resources in arbitrary::resources(), mut request in arbitrary::request(),
    ) {
        let mesh = Mesh::default();
        (request.from.ip, request.from.remote_ip) = (None, None);
        let decision = Policies::new(mesh.clone(), &resources).decide_from_anywhere(&request);
        let addresses = ["10.1.2.3", "10.1.9.9", "10.2.0.1", "192.0.2.1", "203.0.113.1"].map(|it| it.parse().unwrap());
        for (ip, remote) in addresses.iter().flat_map(|ip| addresses.map(|remote| (*ip, remote))) {
            (request.from.ip, request.from.remote_ip) = (Some(ip), Some(remote));
            let verdict = naive::decide(&mesh, &resources, &request).verdict;
            prop_assert!(decision.unsure.is_some() || decision.verdict == verdict, "{} {}", ip, remote);
        }
    }

    #[test]
    fn another_allow_policy_takes_nothing_away_unless_it_is_the_first(
        resources in arbitrary::resources(), request in arbitrary::request(),
        more in arbitrary::policy(Just(Some(Action::Allow))),
    ) {
        let mesh = Mesh::default();
        let closed = naive::is_closed(&mesh, &resources, &request);
        let before = allows(&mesh, &resources, &request);
        prop_assert!(!before || !closed || allows(&mesh, &with(&resources, more), &request));
    }

    #[test]
    fn another_deny_policy_gives_nothing(
        resources in arbitrary::resources(), request in arbitrary::request(),
        more in arbitrary::policy(Just(Some(Action::Deny))),
    ) {
        let mesh = Mesh::default();
        let after = allows(&mesh, &with(&resources, more), &request);
        prop_assert!(!after || allows(&mesh, &resources, &request));
    }

    #[test]
    fn what_is_only_watched_or_audited_changes_nothing(
        resources in arbitrary::resources(), request in arbitrary::request(),
        audit in arbitrary::policy(Just(Some(Action::Audit))), mut dry in arbitrary::policy(arbitrary::action()),
    ) {
        let mesh = Mesh::default();
        dry.metadata.annotations.insert("istio.io/dry-run".into(), "true".into());
        let before = decide(&mesh, &resources, &request);
        prop_assert_eq!(&decide(&mesh, &with(&resources, audit), &request), &before);
        prop_assert_eq!(&decide(&mesh, &with(&resources, dry), &request), &before);
    }

    #[test]
    fn the_order_of_files_changes_nothing(
        (resources, shuffled) in arbitrary::resources().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        request in arbitrary::request(),
    ) {
        let mesh = Mesh::default();
        prop_assert_eq!(decide(&mesh, &resources, &request), decide(&mesh, &shuffled, &request));
    }

    #[test]
    fn a_caller_in_plain_text_has_no_identity_that_a_policy_asks_for(
        mut rule in arbitrary::rule(), mut request in arbitrary::request(),
    ) {
        request.from.principal = None;
        let source = |from: RuleFrom| from.source.unwrap_or_default();
        let asking = rule.from.drain(..).map(source).map(|mut source| {
            let lists = [&source.namespaces, &source.service_accounts, &source.trust_domains];
            if lists.iter().all(|list| list.is_empty()) && source.principals.is_empty() {
                source.principals.push("*".to_owned());
            }
            RuleFrom { source: Some(source) }
        });
        rule.from = asking.collect();
        if rule.from.is_empty() {
            let anybody = Source { principals: vec!["*".to_owned()], ..Source::default() };
            rule.from.push(RuleFrom { source: Some(anybody) });
        }
        let policy = AuthorizationPolicy { rules: vec![rule], ..Default::default() };
        let metadata = ObjectMeta { namespace: request.to.namespace.clone(), ..Default::default() };
        let resources = named([Resource::new(metadata, policy)]);
        prop_assert!(!allows(&Mesh::default(), &resources, &request));
    }

    #[test]
    fn a_wider_pattern_takes_nothing_away(
        mesh in arbitrary::mesh(), mut resources in arbitrary::resources(), request in arbitrary::request(), n in 0..12_usize,
    ) {
        let is_allow = |policy: &AuthorizationPolicy| {
            matches!(policy.action, None | Some(Action::Allow))
        };
        let before = allows(&mesh, &resources, &request);
        for resource in &mut resources {
            let Spec::AuthorizationPolicy(policy) = &mut resource.spec else { continue };
            if is_allow(policy) {
                policy.rules.iter_mut().for_each(|rule| widen(rule, n));
            }
        }
        prop_assert!(!before || allows(&mesh, &resources, &request));
    }
}

/// One list of patterns of each source or operation, each pattern as a prefix that it is covered by.
fn widen(rule: &mut Rule, n: usize) {
    let wider = |values: &mut Vec<String>| {
        for value in values.iter_mut().filter(|value| !value.contains(['*', '{'])) {
            value.truncate(value.len() - 1);
            value.push('*');
        }
    };
    for source in rule.from.iter_mut().filter_map(|from| from.source.as_mut()) {
        match n {
            0 => wider(&mut source.namespaces),
            1 => source.principals.iter_mut().for_each(|value| *value = "*".into()),
            // As with principals, a prefix of a local one no longer stands for its aliases.
            2 => source.trust_domains.iter_mut().for_each(|value| *value = "*".into()),
            3 => source.ip_blocks.iter_mut().filter(|it| *it == "10.1.2.3").for_each(|it| *it = "10.0.0.0/8".into()),
            _ => {}
        }
    }
    for operation in rule.to.iter_mut().filter_map(|to| to.operation.as_mut()) {
        match n {
            4 => wider(&mut operation.hosts),
            5 => wider(&mut operation.methods),
            6 => wider(&mut operation.paths),
            _ => {}
        }
    }
    for when in
        rule.when.iter_mut().filter(|when| when.key == "connection.sni" || when.key.starts_with("request.headers"))
    {
        wider(&mut when.values);
    }
}

#[test]
fn random_requests_are_let_in_and_turned_away_for_every_reason() {
    let mut runner = TestRunner::deterministic();
    let case = (arbitrary::mesh(), arbitrary::resources(), arbitrary::request());
    let mut counts = std::collections::BTreeMap::new();
    let total = 4000;
    for _ in 0..total {
        let (mesh, resources, request) = case.new_tree(&mut runner).unwrap().current();
        let decision = decide(&mesh, &resources, &request);
        let why = match (decision.verdict, decision.policy.is_some(), decision.external.is_some()) {
            _ if decision.peer_authentication.is_some() => "strict",
            (_, _, true) => "asked",
            (Verdict::Allow, true, _) => "allowed by a rule",
            (Verdict::Allow, false, _) => "open",
            (Verdict::Deny, true, _) => "denied by a rule",
            (Verdict::Deny, false, _) => "not allowed",
        };
        *counts.entry(why).or_insert(0) += 1;
        let only_tcp = request.to.protocol == Protocol::Tcp && decision.rule.is_some();
        *counts.entry("a rule on a TCP port").or_insert(0) += usize::from(only_tcp);
        let enforced = resources.iter().filter(|resource| is_enforced(&resource.metadata)).count();
        *counts.entry("several policies").or_insert(0) += usize::from(enforced > 1);
    }
    for (why, least) in [
        ("strict", 20),
        ("asked", 40),
        ("allowed by a rule", 400),
        ("open", 400),
        ("denied by a rule", 400),
        ("not allowed", 400),
        ("a rule on a TCP port", 100),
        ("several policies", 1000),
    ] {
        let count = counts.get(why).copied().unwrap_or_default();
        assert!(count >= least, "{why}: {count} of {total}, {counts:?}");
    }
}
