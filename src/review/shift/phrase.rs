//! Callers, permissions and clusters in words.

use std::collections::BTreeSet;

use crate::access::{Attribute, Caller, Permission, Scope, joined};

/// The most callers, clusters or values that a sentence names.
const MOST: usize = 8;

/// The most clusters that are named; of more, the number is told.
const MOST_CLUSTERS: usize = 3;

/// Those outside the mesh, as they are named in lists.
pub(super) const OUTSIDE: &str = "callers outside the mesh";

/// The clusters something happens on.
pub(super) fn clusters(clusters: &[String]) -> String {
    match clusters.len() > MOST_CLUSTERS {
        true => format!("same in {} clusters", clusters.len()),
        false => format!("on {}", listed(clusters)),
    }
}

/// `a, b and c`, and how many more when there are too many.
pub(super) fn listed<S: AsRef<str>>(items: &[S]) -> String {
    let shown: Vec<&str> = items.iter().take(MOST).map(AsRef::as_ref).collect();
    match (items.len() - shown.len(), shown.split_last()) {
        (0, Some((last, rest))) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        (0, _) => shown.concat(),
        (more, _) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A caller as a subject of a sentence.
pub(in crate::review) fn caller(caller: &Caller) -> String {
    match caller {
        Caller::Anyone => "everybody".into(),
        Caller::Outside(_) => "anybody outside the mesh through the ingress gateway".into(),
        Caller::Principal(all) if all == "*" => "every workload with an identity".into(),
        Caller::Namespace(namespace) => format!("every workload of namespace {namespace}"),
        Caller::ServiceAccount(account) => account.clone(),
        Caller::Address(block) => format!("whoever calls from {block}"),
        Caller::Principal(principal) => match caller.parts() {
            Some((domain, namespace, "*")) => format!("every workload of namespace {namespace}{}", of_domain(domain)),
            Some((domain, namespace, account)) => format!("{namespace}/{account}{}", of_domain(domain)),
            None => format!("identities {principal}"),
        },
    }
}

fn of_domain(domain: &str) -> String {
    if domain == "cluster.local" { String::new() } else { format!(" of trust domain {domain}") }
}

/// A caller as it is named in lists: `shop/frontend`, `shop/*`; empty for everybody.
pub(super) fn key(caller: &Caller) -> String {
    match caller {
        Caller::Anyone => String::new(),
        Caller::Outside(_) => OUTSIDE.into(),
        Caller::Namespace(namespace) => format!("{namespace}/*"),
        Caller::ServiceAccount(name) | Caller::Address(name) => name.clone(),
        Caller::Principal(principal) => match caller.parts() {
            Some((_, namespace, account)) => format!("{namespace}/{account}"),
            None => principal.clone(),
        },
    }
}

/// What permissions allow, whoever their callers are.
pub(in crate::review) fn scopes<'a>(permissions: impl IntoIterator<Item = &'a Permission>) -> String {
    let scopes: Vec<String> =
        joined(permissions.into_iter().map(|permission| permission.scope.clone())).iter().map(scope).collect();
    listed(&scopes)
}

/// Callers, each with what it may do; the callers alone where all may do everything.
pub(in crate::review) fn rights(permissions: &BTreeSet<Permission>) -> String {
    let callers: BTreeSet<&Caller> = permissions.iter().map(|permission| &permission.caller).collect();
    let everything = permissions.iter().all(|permission| permission.scope.is_everything());
    let right = |who: &&Caller| {
        let own = permissions.iter().filter(|permission| permission.caller == **who);
        if everything { caller(who) } else { format!("{} ({})", caller(who), scopes(own)) }
    };
    listed(&callers.iter().map(right).collect::<Vec<_>>())
}

/// `GET, HEAD /status/*`, and in brackets what else must hold.
fn scope(scope: &Scope) -> String {
    if scope.is_everything() {
        return "everything".into();
    }
    let values = |attribute| scope.within.get(&attribute).map(values);
    let what = match (values(Attribute::Method), values(Attribute::Path)) {
        (Some(methods), Some(paths)) => format!("{methods} {paths}"),
        (Some(methods), None) => format!("every {methods}"),
        (None, Some(paths)) => format!("{paths} by any method"),
        (None, None) => "everything".into(),
    };
    let limits = scope.within.iter().filter_map(|(attribute, values)| limit(attribute, values));
    let except = scope.except.iter().map(|(attribute, values)| format!("not {}", excepted(attribute, values)));
    let limits: Vec<String> = limits.chain(except).collect();
    if limits.is_empty() { what } else { format!("{what} [{}]", limits.join(", ")) }
}

fn limit(attribute: &Attribute, of: &BTreeSet<String>) -> Option<String> {
    match attribute {
        Attribute::Method | Attribute::Path => None,
        _ => Some(excepted(attribute, of)),
    }
}

fn excepted(attribute: &Attribute, of: &BTreeSet<String>) -> String {
    let name = match attribute {
        Attribute::Method => "method",
        Attribute::Path => "path",
        Attribute::Host => "host",
        Attribute::Port => "port",
        Attribute::SourceIp => "from",
        Attribute::RemoteIp => "from behind proxies",
        Attribute::RequestPrincipal => "with a token of",
        Attribute::Principal => "identity",
        Attribute::ServiceAccount => "service account",
        Attribute::Namespace => "namespace",
        Attribute::TrustDomain => "trust domain",
        Attribute::Other(key) if key == "request.auth.audiences" => "with a token for",
        Attribute::Other(key) => key,
        Attribute::Again(attribute) => return format!("also {}", excepted(attribute, of)),
    };
    format!("{name} {}", values(of))
}

/// Values with commas; a host that is there with any port too is named once.
fn values(values: &BTreeSet<String>) -> String {
    let of_port = |value: &str| {
        let bare = value.rsplit_once(':').filter(|(_, port)| *port == "*" || port.parse::<u16>().is_ok());
        bare.is_some_and(|(host, _)| values.contains(host))
    };
    let shown: Vec<&str> = values.iter().map(String::as_str).filter(|value| !of_port(value)).collect();
    match shown.len() > MOST {
        true => format!("{} and {} more", shown[..MOST].join(", "), shown.len() - MOST),
        false => shown.join(", "),
    }
}

/// The host of a service as `namespace/service`; any other host as it is.
pub(super) fn host(host: &str) -> String {
    let service = host.strip_suffix(".svc.cluster.local").and_then(|name| name.split_once('.'));
    service.map_or_else(|| host.to_owned(), |(name, namespace)| format!("{namespace}/{name}"))
}
