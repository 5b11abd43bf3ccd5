//! Values of an AuthorizationPolicy that Istio takes and no request has
//! (`pilot/pkg/security/authz/matcher/string.go`, `model/generator.go`).

use super::report::{At, Report};
use crate::istio::{Condition, Operation, Source};

const RULE: &str = "lint/never";

/// What is wrong with a value, and what to do.
type Fault = Option<(&'static str, &'static str)>;

const STAR: (&str, &str) =
    ("has a * in its midst, which stands for itself", "let one * begin or end it, or write several values");

pub(super) fn check_source(report: &mut Report<'_>, at: At<'_>, source: &Source) {
    for (name, values, fault) in [
        ("principals", &source.principals, principal as fn(&str) -> Fault),
        ("notPrincipals", &source.not_principals, principal),
        ("namespaces", &source.namespaces, namespace),
        ("notNamespaces", &source.not_namespaces, namespace),
        ("serviceAccounts", &source.service_accounts, account),
        ("notServiceAccounts", &source.not_service_accounts, account),
    ] {
        check(report, at.member(name), values, fault);
    }
}

pub(super) fn check_operation(report: &mut Report<'_>, at: At<'_>, operation: &Operation) {
    for (name, values, fault) in [
        ("hosts", &operation.hosts, host as fn(&str) -> Fault),
        ("notHosts", &operation.not_hosts, host),
        ("methods", &operation.methods, method),
        ("notMethods", &operation.not_methods, method),
        ("paths", &operation.paths, path),
        ("notPaths", &operation.not_paths, path),
    ] {
        check(report, at.member(name), values, fault);
    }
}

pub(super) fn check_condition(report: &mut Report<'_>, at: At<'_>, condition: &Condition) {
    let key = condition.key.as_str();
    let mapped = ["request.headers", "request.auth.claims"].iter().find_map(|start| key.strip_prefix(start));
    if mapped.is_some_and(|rest| !rest.starts_with('[')) {
        let message = format!("{key:?} is taken by Istio's validation, and no request has it");
        report.warning(RULE, at.member("key"), message, "write request.headers[name] or request.auth.claims[name]");
    }
    let fault = match key {
        "source.principal" => principal,
        "source.namespace" => namespace,
        "source.serviceAccount" => account,
        "request.headers[:method]" => method,
        _ => return,
    };
    for (name, values) in [("values", &condition.values), ("notValues", &condition.not_values)] {
        check(report, at.member(name), values, fault);
    }
}

fn check(report: &mut Report<'_>, at: At<'_>, values: &[String], fault: fn(&str) -> Fault) {
    for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
        if let Some((what, remedy)) = fault(value) {
            report.warning(RULE, at.item(index), format!("{value:?} {what}"), remedy);
        }
    }
}

/// The same without the `*` that makes it a pattern.
fn literal(value: &str) -> &str {
    value.strip_prefix('*').or_else(|| value.strip_suffix('*')).unwrap_or(value)
}

fn star(value: &str) -> Fault {
    literal(value).contains('*').then_some(STAR)
}

fn principal(value: &str) -> Fault {
    match literal(value).starts_with("spiffe://") {
        true => Some(("begins with spiffe://, which no principal does here", "leave spiffe:// out")),
        false => star(value),
    }
}

/// Every `*` of a namespace is a pattern, also beyond a slash.
fn namespace(value: &str) -> Fault {
    let may_cross = value.contains('*') && value.contains('/');
    let fits = value.split('*').all(is_name) && !value.starts_with('-') && !value.ends_with('-');
    (!may_cross && !fits).then_some(("is no namespace", "write the namespace: letters a-z, digits and inner hyphens"))
}

/// Rule 80 finds what is no account in Istio's eyes.
fn account(value: &str) -> Fault {
    let (namespace, name) = value.rsplit_once('/').unwrap_or(("", value));
    let fits = is_name(namespace) && name.split('.').all(is_name);
    let remedy = "write [namespace/]name: letters a-z, digits, inner hyphens, and dots in the name";
    (!fits && !value.contains('*') && !namespace.contains('/')).then_some(("is no service account", remedy))
}

fn is_name(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn host(value: &str) -> Fault {
    match value.contains('/') {
        true => Some(("has a slash, which no host has", "write the host alone, with :port where callers send it")),
        false => star(value),
    }
}

fn method(value: &str) -> Fault {
    match value.contains(|char: char| char.is_ascii_lowercase()) {
        true => Some(("has lower case, which the methods of HTTP have not", "write it in upper case")),
        false => star(value),
    }
}

fn path(value: &str) -> Fault {
    let is_template = value.contains("{*}") || value.contains("{**}");
    match value {
        _ if value.contains(['?', '#']) => {
            Some(("has a query or fragment, which are cut off before", "write the path alone"))
        }
        _ if !value.starts_with(['/', '*', '{']) => {
            Some(("begins with no slash, as all paths do", "let it begin with / or *"))
        }
        _ if is_template => None,
        _ => star(value),
    }
}
