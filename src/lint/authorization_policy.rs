//! Rules 76 to 84: AuthorizationPolicy (`validation.go`, `ValidateAuthorizationPolicy`; `pkg/config/security`).

use super::report::{At, Report, SCHEMA, SPEC, known};
use super::source::{self, bad_ports};
use super::{never, whole};
use crate::istio::{Action, AuthorizationPolicy, Condition, Operation, Rule};

pub(super) fn check(report: &mut Report<'_>, policy: &AuthorizationPolicy) {
    known!(report, SCHEMA, SPEC.member("action"), policy.action, Action);
    whole::targets(report, policy.selector.is_some(), policy.target_ref.as_ref(), &policy.target_refs);
    if let Some(selector) = &policy.selector {
        let at = SPEC.member("selector");
        whole::selector(report, at.member("matchLabels"), &selector.match_labels);
        whole::empty_selector(report, at, &selector.match_labels);
    }
    check_action(report, policy);
    let rules = SPEC.member("rules");
    if policy.rules.len() > 512 {
        report.error("istio/079", rules, "more than 512 rules", "split the policy");
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        check_rule(report, rules.item(index), rule, policy.action.as_ref());
    }
}

/// Rule 77.
fn check_action(report: &mut Report<'_>, policy: &AuthorizationPolicy) {
    let rules = SPEC.member("rules");
    let named = policy.provider.as_ref().is_some_and(|provider| !provider.name.is_empty());
    match policy.action {
        Some(Action::Deny | Action::Custom) if policy.rules.is_empty() => {
            report.error(
                "istio/077",
                rules,
                "a policy without rules that never applies",
                "add rules, {} for every request",
            );
        }
        Some(Action::Custom) if !named => {
            report.error("istio/077", SPEC.member("provider"), "CUSTOM names an authorizer", "set provider.name");
        }
        _ => {}
    }
    if policy.provider.is_some() && policy.action != Some(Action::Custom) {
        report.error(
            "istio/077",
            SPEC.member("provider"),
            "a provider is for CUSTOM",
            "remove it, or set action CUSTOM",
        );
    }
}

fn check_rule(report: &mut Report<'_>, at: At<'_>, rule: &Rule, action: Option<&Action>) {
    let custom = action == Some(&Action::Custom);
    let list = at.member("from");
    for (index, from) in rule.from.iter().enumerate() {
        let at = list.item(index);
        let at = at.member("source");
        match &from.source {
            Some(source) => source::check(report, at, source, custom),
            None => report.error("istio/079", at, "a from without a source", "name the callers, or remove it"),
        }
    }
    let list = at.member("to");
    for (index, to) in rule.to.iter().enumerate() {
        let at = list.item(index);
        let at = at.member("operation");
        match &to.operation {
            Some(operation) => check_operation(report, at, operation),
            None => report.error("istio/079", at, "a to without an operation", "name what is called, or remove it"),
        }
    }
    let list = at.member("when");
    for (index, condition) in rule.when.iter().enumerate() {
        check_condition(report, list.item(index), condition, custom);
    }
    if action == Some(&Action::Deny) && only_http(rule) {
        let message = "a DENY rule with HTTP attributes only denies every connection to TCP ports";
        report.warning("istio/084", at, message, "name the ports");
    }
}

fn only_http(rule: &Rule) -> bool {
    let tcp_from = rule.from.iter().filter_map(|from| from.source.as_ref()).any(source::has_tcp);
    let tcp_to = rule
        .to
        .iter()
        .filter_map(|to| to.operation.as_ref())
        .any(|to| !to.ports.is_empty() || !to.not_ports.is_empty());
    (!rule.from.is_empty() && rule.to.is_empty() && !tcp_from) || (!rule.to.is_empty() && !tcp_to)
}

/// Rules 79, 81 and 83.
fn check_operation(report: &mut Report<'_>, at: At<'_>, operation: &Operation) {
    let lists = [
        ("hosts", &operation.hosts),
        ("notHosts", &operation.not_hosts),
        ("ports", &operation.ports),
        ("notPorts", &operation.not_ports),
        ("methods", &operation.methods),
        ("notMethods", &operation.not_methods),
        ("paths", &operation.paths),
        ("notPaths", &operation.not_paths),
    ];
    source::values(report, at, &lists, "an operation that names nothing");
    never::check_operation(report, at, operation);
    for (name, ports) in [("ports", &operation.ports), ("notPorts", &operation.not_ports)] {
        bad_ports(report, at.member(name), ports);
    }
    for (name, paths) in [("paths", &operation.paths), ("notPaths", &operation.not_paths)] {
        let at = at.member(name);
        for (index, path) in paths.iter().enumerate().filter(|(_, path)| is_bad_template(path)) {
            let remedy = "let {*} and {**} be whole segments, {**} the last, and use no other wildcard beside them";
            report.error("istio/083", at.item(index), format!("{path} is not a path template"), remedy);
        }
    }
}

/// Whether a path has braces that are no template, or templates and something that does not go with them.
fn is_bad_template(path: &str) -> bool {
    let templated = path.contains("{*}") || path.contains("{**}");
    let literal = |segment: &str| {
        let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte);
        !segment.is_empty() && segment.bytes().all(taken)
    };
    let mut after_any = false;
    for segment in path.trim_matches('/').split('/') {
        let template = matches!(segment, "{*}" | "{**}");
        if template && after_any || !template && (segment.contains(['{', '}']) || templated && !literal(segment)) {
            return true;
        }
        after_any |= segment == "{**}";
    }
    false
}

/// Rule 82.
fn check_condition(report: &mut Report<'_>, at: At<'_>, condition: &Condition, custom: bool) {
    let key = condition.key.as_str();
    if condition.values.is_empty() && condition.not_values.is_empty() {
        report.error("istio/082", at, "a condition without values", "set values or notValues");
    }
    never::check_condition(report, at, condition);
    let named = key.strip_suffix(']').and_then(|key| key.split_once('[')).is_some_and(|(_, name)| !name.is_empty());
    let known = match key {
        "source.ip"
        | "remote.ip"
        | "destination.ip"
        | "destination.port"
        | "source.namespace"
        | "source.principal"
        | "source.serviceAccount"
        | "source.trustDomain"
        | "request.auth.principal"
        | "request.auth.audiences"
        | "request.auth.presenter"
        | "connection.sni" => true,
        _ => {
            let mapped = ["request.headers", "request.auth.claims", "experimental.envoy.filters."];
            named && mapped.iter().any(|start| key.starts_with(start))
        }
    };
    if !known {
        report.error(
            "istio/082",
            at.member("key"),
            format!("{key:?} is not an attribute"),
            "see Istio's list of authorization policy conditions",
        );
    }
    if custom
        && (matches!(key, "source.namespace" | "source.principal" | "source.serviceAccount" | "source.trustDomain")
            || key.starts_with("request.auth."))
    {
        report.error("istio/078", at.member("key"), format!("CUSTOM cannot look at {key}"), "let the authorizer look");
    }
    for (name, values) in [("values", &condition.values), ("notValues", &condition.not_values)] {
        let at = at.member(name);
        for (index, value) in values.iter().enumerate() {
            if value.is_empty() {
                report.error("istio/079", at.item(index), "an empty string", "remove it");
            } else if key.ends_with(".ip") {
                source::addresses_of(report, at.item(index), value);
            }
        }
        match key {
            "destination.port" => bad_ports(report, at, values),
            "source.serviceAccount" => source::accounts(report, at, values),
            "source.trustDomain" => source::wildcards(report, at, values),
            _ => {}
        }
    }
}
