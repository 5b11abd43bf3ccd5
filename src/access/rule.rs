//! What of a rule is about requests, which only a port that speaks HTTP has.

use crate::istio::{Action, Operation, Rule, Source};

/// Whether it asks about requests (istio `pilot/pkg/security/authz/model/generator.go`, "HTTP only").
pub(super) fn asks_about_requests(rule: &Rule) -> bool {
    let of_source =
        |source: &Source| !source.request_principals.is_empty() || !source.not_request_principals.is_empty();
    let of_operation = |it: &Operation| {
        let lists = [&it.hosts, &it.not_hosts, &it.methods, &it.not_methods, &it.paths, &it.not_paths];
        lists.into_iter().any(|list| !list.is_empty())
    };
    rule.from.iter().filter_map(|from| from.source.as_ref()).any(of_source)
        || rule.to.iter().filter_map(|to| to.operation.as_ref()).any(of_operation)
        || rule
            .when
            .iter()
            .any(|when| is_of_requests(&when.key) && !(when.values.is_empty() && when.not_values.is_empty()))
}

/// The rule on a port that does not speak HTTP: one of an ALLOW policy is passed over, of another action what is about
/// requests is left out (istio `pilot/pkg/security/authz/model/model.go`, `checkError`).
pub(super) fn of_connections(rule: &Rule, action: &Action) -> Option<Rule> {
    if !asks_about_requests(rule) {
        return Some(rule.clone());
    }
    if *action == Action::Allow {
        return None;
    }
    let mut rule = rule.clone();
    for source in rule.from.iter_mut().filter_map(|from| from.source.as_mut()) {
        source.request_principals.clear();
        source.not_request_principals.clear();
    }
    for it in rule.to.iter_mut().filter_map(|to| to.operation.as_mut()) {
        let ports = (std::mem::take(&mut it.ports), std::mem::take(&mut it.not_ports));
        *it = Operation { ports: ports.0, not_ports: ports.1, ..Operation::default() };
    }
    rule.when.retain(|when| !is_of_requests(&when.key));
    Some(rule)
}

fn is_of_requests(key: &str) -> bool {
    key.starts_with("request.")
}
