//! What permissions say agrees with what policies decide.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{arbitrary, naive};
use crate::access::permission::of_rule;
use crate::access::{Attribute, Caller, Mesh, Permission, Protocol, Request};
use crate::istio::{Action, Condition, Operation, Rule, RuleFrom, RuleTo, Source};

/// The rule that a permission says.
pub(super) fn as_rule(permission: &Permission) -> Rule {
    let mut source = Source::default();
    match &permission.caller {
        Caller::Anyone => {}
        Caller::Principal(name) | Caller::Outside(name) => source.principals.push(name.clone()),
        Caller::ServiceAccount(name) => source.service_accounts.push(name.clone()),
        Caller::Namespace(name) => source.namespaces.push(name.clone()),
        Caller::Address(block) => source.ip_blocks.push(block.clone()),
    }
    let (mut operation, mut when) = (Operation::default(), vec![]);
    let asked = permission.scope.within.iter().map(|it| (it, false));
    for ((attribute, values), negated) in asked.chain(permission.scope.except.iter().map(|it| (it, true))) {
        let values: Vec<String> = values.iter().cloned().collect();
        let fields = match attribute {
            Attribute::Method => Some((&mut operation.methods, &mut operation.not_methods)),
            Attribute::Host => Some((&mut operation.hosts, &mut operation.not_hosts)),
            Attribute::Path => Some((&mut operation.paths, &mut operation.not_paths)),
            _ => None,
        };
        if let Some((field, not_field)) = fields {
            *if negated { not_field } else { field } = values;
            continue;
        }
        let key = match attribute.plain() {
            Attribute::Port => "destination.port",
            Attribute::SourceIp => "source.ip",
            Attribute::RemoteIp => "remote.ip",
            Attribute::RequestPrincipal => "request.auth.principal",
            Attribute::Principal => "source.principal",
            Attribute::ServiceAccount => "source.serviceAccount",
            Attribute::Namespace => "source.namespace",
            Attribute::TrustDomain => "source.trustDomain",
            Attribute::Other(key) => key,
            other => unreachable!("a rule asks for {other:?} once"),
        };
        let (values, not_values) = if negated { (vec![], values) } else { (values, vec![]) };
        when.push(Condition { key: key.to_owned(), values, not_values });
    }
    let (from, to) = (vec![RuleFrom { source: Some(source) }], vec![RuleTo { operation: Some(operation) }]);
    Rule { from, to, when }
}

/// Whether a request is meant.
pub(super) fn means(permission: &Permission, request: &Request) -> bool {
    naive::matches(&Mesh::default(), "shop", &Action::Allow, &as_rule(permission), request)
}

fn of(rule: &Rule) -> Vec<Permission> {
    of_rule(rule, "shop", &Action::Allow)
}

/// A rule much like `wide`: with patterns of `other` here and there, and all that `other` turns away.
fn akin(wide: &Rule, other: &Rule) -> Rule {
    let mut akin = wide.clone();
    let take = |into: &mut Vec<String>, from: &Vec<String>| {
        if !from.is_empty() {
            into.clone_from(from);
        }
    };
    let mut sources = akin.from.iter_mut().filter_map(|from| from.source.as_mut());
    if let (Some(into), Some(from)) = (sources.next(), other.from.first().and_then(|from| from.source.as_ref())) {
        take(&mut into.principals, &from.principals);
        take(&mut into.request_principals, &from.request_principals);
        into.not_principals.extend(from.not_principals.clone());
        into.not_namespaces.extend(from.not_namespaces.clone());
    }
    let mut operations = akin.to.iter_mut().filter_map(|to| to.operation.as_mut());
    if let (Some(into), Some(from)) = (operations.next(), other.to.first().and_then(|to| to.operation.as_ref())) {
        take(&mut into.paths, &from.paths);
        take(&mut into.hosts, &from.hosts);
        take(&mut into.methods, &from.methods);
        into.not_paths.extend(from.not_paths.clone());
    }
    akin.when.extend(other.when.clone());
    akin
}

fn http() -> impl Strategy<Value = Request> {
    arbitrary::request().prop_map(|mut request| {
        request.to.protocol = Protocol::Http;
        request
    })
}

proptest! {
    #![proptest_config(super::cases(2000))]

    #[test]
    fn a_rule_matches_what_its_permissions_mean(rule in arbitrary::rule(), request in http(), action in 0..2_usize) {
        let action = [Action::Allow, Action::Deny][action].clone();
        let matched = naive::matches(&Mesh::default(), "shop", &action, &rule, &request);
        let permissions = of_rule(&rule, "shop", &action);
        prop_assert_eq!(permissions.iter().any(|it| means(it, &request)), matched, "{:?}", permissions);
    }

    #[test]
    fn what_a_permission_covers_it_means(
        wide in arbitrary::rule(), other in arbitrary::rule(), requests in proptest::collection::vec(http(), 8),
    ) {
        let narrow = akin(&wide, &other);
        for wide in of(&wide) {
            for narrow in of(&narrow) {
                if wide.covers(&narrow) {
                    for request in &requests {
                        prop_assert!(!means(&narrow, request) || means(&wide, request), "{:?} {:?} {:?}", wide, narrow, request);
                    }
                }
            }
        }
    }
}

#[test]
fn random_permissions_cover_one_another_often() {
    let mut runner = TestRunner::deterministic();
    let case = (arbitrary::rule(), arbitrary::rule());
    let (mut pairs, mut covered) = (0, BTreeSet::new());
    for n in 0..2000 {
        let (wide, other) = case.new_tree(&mut runner).unwrap().current();
        let narrow = akin(&wide, &other);
        for (wide, narrow) in
            of(&wide).iter().flat_map(|wide| of(&narrow).into_iter().map(move |narrow| (wide.clone(), narrow)))
        {
            pairs += 1;
            if wide.covers(&narrow) && !wide.scope.is_everything() {
                covered.insert(n);
            }
        }
    }
    assert!(covered.len() > 400, "{} of {pairs}", covered.len());
}
