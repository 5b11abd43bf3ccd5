//! Istio's decision once more, as plainly as it can be written: nothing compiled, nothing indexed, every policy asked.

use serde_json::Value;

use crate::access::{Mesh, Protocol, Proxy, Request, Tls, Verdict, is_enforced};
use crate::istio::{Action, AuthorizationPolicy, MutualTlsMode, PeerAuthentication, Resource, Rule, Spec};

/// What it comes to.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) verdict: Verdict,
    /// `namespace/name` and rule of all that decide so.
    pub(super) by: Vec<(String, usize)>,
    pub(super) asks: bool,
}

pub(super) fn decide(mesh: &Mesh, resources: &[Resource], request: &Request) -> Said {
    under(mesh, resources, request, tls(mesh, resources, request))
}

/// The same where a port asks for `tls`.
pub(super) fn under(mesh: &Mesh, resources: &[Resource], request: &Request, tls: Tls) -> Said {
    let said = |verdict, by| Said { verdict, by, asks: false };
    if tls == Tls::Strict && request.from.principal.is_none() {
        return said(Verdict::Deny, vec![]);
    }
    let mut request = request.clone();
    if tls == Tls::Disabled {
        request.from.principal = None;
    }
    let policies: Vec<(&Resource, &AuthorizationPolicy)> = resources
        .iter()
        .filter_map(|resource| match &resource.spec {
            Spec::AuthorizationPolicy(policy) => Some((resource, policy)),
            _ => None,
        })
        .filter(|(resource, policy)| is_enforced(&resource.metadata) && selects(mesh, resource, policy, &request))
        .collect();
    let of = |action: Action| {
        let policies =
            policies.iter().filter(move |(_, policy)| policy.action.as_ref().unwrap_or(&Action::Allow) == &action);
        policies.copied().collect::<Vec<_>>()
    };
    let matching = |action: Action| {
        let mut by = vec![];
        for (resource, policy) in of(action.clone()) {
            let namespace = &resource.metadata.namespace;
            for (index, rule) in policy.rules.iter().enumerate() {
                if matches(mesh, namespace, &action, rule, &request) {
                    by.push((format!("{namespace}/{}", resource.metadata.name), index));
                }
            }
        }
        by
    };
    let (custom, deny, allow) = (matching(Action::Custom), matching(Action::Deny), matching(Action::Allow));
    let providers: Vec<_> = of(Action::Custom).iter().map(|(_, policy)| &policy.provider).collect();
    if !custom.is_empty() && providers.iter().any(|it| *it != providers[0]) {
        return said(Verdict::Deny, custom);
    }
    if !deny.is_empty() {
        return said(Verdict::Deny, deny);
    }
    if allow.is_empty() && !of(Action::Allow).is_empty() {
        return said(Verdict::Deny, vec![]);
    }
    if !custom.is_empty() {
        return Said { verdict: Verdict::Deny, by: custom, asks: true };
    }
    said(Verdict::Allow, allow)
}

/// Whether a policy guards the workload: of its namespace or the root one, by its labels, and without targets.
fn selects(mesh: &Mesh, resource: &Resource, policy: &AuthorizationPolicy, request: &Request) -> bool {
    let namespace = &resource.metadata.namespace;
    let labels = policy.selector.iter().flat_map(|it| &it.match_labels);
    (*namespace == request.to.namespace || *namespace == mesh.root_namespace)
        && labels.into_iter().all(|(key, value)| request.to.labels.get(key) == Some(value))
        && policy.target_ref.is_none()
        && policy.target_refs.is_empty()
}

/// The mode of the port, the first by name taken for the oldest.
fn tls(mesh: &Mesh, resources: &[Resource], request: &Request) -> Tls {
    possible_tls(mesh, resources, request)[0]
}

/// The modes that the port may have, whichever PeerAuthentication of each scope is the oldest.
pub(super) fn possible_tls(mesh: &Mesh, resources: &[Resource], request: &Request) -> Vec<Tls> {
    if request.to.proxy == Proxy::Gateway {
        return vec![Tls::Permissive];
    }
    let mut scopes: [Vec<(&str, &PeerAuthentication)>; 3] = [vec![], vec![], vec![]];
    for resource in resources {
        let Spec::PeerAuthentication(policy) = &resource.spec else { continue };
        let namespace = &resource.metadata.namespace;
        let labels: Vec<_> = policy.selector.iter().flat_map(|it| &it.match_labels).collect();
        let scope = match (*namespace == mesh.root_namespace, labels.is_empty()) {
            (true, true) => 0,
            (true, false) => continue,
            (false, true) => 1,
            (false, false) => 2,
        };
        let is_near = scope == 0 || *namespace == request.to.namespace;
        if is_near && labels.iter().all(|(key, value)| request.to.labels.get(*key) == Some(*value)) {
            scopes[scope].push((&resource.metadata.name, policy));
        }
    }
    let mut modes = vec![Tls::Permissive];
    for (level, mut scope) in scopes.into_iter().enumerate() {
        scope.sort_by_key(|(name, _)| format!("{name}."));
        let of = |policy: &PeerAuthentication| {
            let port = request.to.port.and_then(|port| policy.port_level_mtls.get(&port.to_string()));
            let own = port.filter(|_| level == 2).and_then(|mtls| set(mtls.mode.as_ref()));
            own.or(policy.mtls.as_ref().and_then(|mtls| set(mtls.mode.as_ref())))
        };
        if !scope.is_empty() {
            let next = scope.iter().flat_map(|(_, policy)| modes.iter().map(|mode| of(policy).unwrap_or(*mode)));
            modes = next.collect();
        }
    }
    modes
}

fn set(mode: Option<&MutualTlsMode>) -> Option<Tls> {
    match mode? {
        MutualTlsMode::Disable => Some(Tls::Disabled),
        MutualTlsMode::Permissive => Some(Tls::Permissive),
        MutualTlsMode::Strict => Some(Tls::Strict),
        _ => None,
    }
}

/// What one value of a field comes to.
enum Holds {
    Yes,
    No,
    /// It makes no sense.
    Unfit,
}

const KEYS: [&str; 14] = [
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.principal",
    "source.serviceAccount",
    "source.trustDomain",
    "destination.ip",
    "destination.port",
    "connection.sni",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[",
    "request.headers[",
];

/// Whether a rule matches a request.
pub(super) fn matches(mesh: &Mesh, namespace: &str, action: &Action, rule: &Rule, request: &Request) -> bool {
    if rule.when.iter().any(|when| !KEYS.iter().any(|key| when.key.starts_with(key))) {
        return false;
    }
    let mut unfit = false;
    // All fields of one source, operation or `when`: values OR, negated NOT (OR).
    let mut all = |fields: &[(&str, &Vec<String>, &Vec<String>)]| {
        let mut holds = true;
        for (key, values, not_values) in fields {
            let of_requests = key.starts_with("request.") || key.starts_with(':');
            for (values, wanted) in [(values, true), (not_values, false)] {
                let http = request.to.protocol == Protocol::Http;
                let said = values.iter().map(|value| match of_requests && !http {
                    true => Holds::Unfit,
                    false => has(mesh, namespace, key, value, request),
                });
                let said: Vec<Holds> = said.collect();
                unfit |= said.iter().any(|it| matches!(it, Holds::Unfit));
                if said.iter().any(|it| !matches!(it, Holds::Unfit)) {
                    holds &= said.iter().any(|it| matches!(it, Holds::Yes)) == wanted;
                }
            }
        }
        holds
    };
    let mut from = rule.from.is_empty();
    for source in rule.from.iter().map(|from| from.source.clone().unwrap_or_default()) {
        from |= all(&[
            ("source.principal", &source.principals, &source.not_principals),
            ("request.auth.principal", &source.request_principals, &source.not_request_principals),
            ("source.namespace", &source.namespaces, &source.not_namespaces),
            ("source.serviceAccount", &source.service_accounts, &source.not_service_accounts),
            ("source.trustDomain", &source.trust_domains, &source.not_trust_domains),
            ("source.ip", &source.ip_blocks, &source.not_ip_blocks),
            ("remote.ip", &source.remote_ip_blocks, &source.not_remote_ip_blocks),
        ]);
    }
    let mut to = rule.to.is_empty();
    for operation in rule.to.iter().map(|to| to.operation.clone().unwrap_or_default()) {
        to |= all(&[
            (":authority", &operation.hosts, &operation.not_hosts),
            ("destination.port", &operation.ports, &operation.not_ports),
            (":method", &operation.methods, &operation.not_methods),
            (":path", &operation.paths, &operation.not_paths),
        ]);
    }
    let mut when = true;
    for condition in &rule.when {
        when &= all(&[(&condition.key, &condition.values, &condition.not_values)]);
    }
    from && to && when && !(unfit && *action == Action::Allow)
}

fn has(mesh: &Mesh, namespace: &str, key: &str, value: &str, request: &Request) -> Holds {
    let header = |sent: Option<&str>| sent.is_some_and(|sent| value == "*" || text(value, sent));
    let holds = match key {
        key if key.starts_with("source.") && key != "source.ip" => is_caller(mesh, namespace, key, value, request),
        "source.ip" | "remote.ip" | "destination.ip" => {
            let ip = match key {
                "source.ip" => request.from.ip,
                "remote.ip" => request.from.remote_ip.or(request.from.ip),
                _ => request.to.ip,
            };
            let text = ip.map(|ip| ip.to_string()).unwrap_or_default();
            match value {
                "10.0.0.0/8" => text.starts_with("10."),
                "10.1.0.0/16" => text.starts_with("10.1."),
                "192.0.2.1" | "10.1.2.3" => text == value,
                _ => return Holds::Unfit,
            }
        }
        "destination.port" => match value.parse::<u16>() {
            _ if value.starts_with('+') => return Holds::Unfit,
            Err(_) => return Holds::Unfit,
            Ok(port) => request.to.port == Some(port),
        },
        "connection.sni" => text(value, &request.sni.as_deref().unwrap_or_default().to_lowercase()),
        ":method" => header(request.method.as_deref()),
        ":authority" => {
            let host = request.host.as_deref().map(str::to_lowercase);
            host.is_some_and(|host| value == "*" || text(&value.to_lowercase(), &host))
        }
        ":path" => {
            let is_template = value.contains("{*}") || value.contains("{**}");
            let path = request.path.as_deref().map(path);
            path.is_some_and(|path| if is_template { template(value, &path) } else { text(value, &path) })
        }
        key if key.starts_with("request.headers[") => {
            let name = &key["request.headers[".len()..key.len() - 1];
            let found = request.headers.iter().find(|(known, _)| known.to_lowercase() == name.to_lowercase());
            header(found.map(|(_, value)| value.as_str()))
        }
        key => has_token(key, value, request),
    };
    if holds { Holds::Yes } else { Holds::No }
}

fn is_caller(mesh: &Mesh, namespace: &str, key: &str, value: &str, request: &Request) -> bool {
    let Some(identity) = request.from.principal.as_deref() else { return false };
    let identity = identity.strip_prefix("spiffe://").unwrap_or(identity);
    let segments: Vec<&str> = identity.split('/').collect();
    let is_local = |domain: &str| mesh.trust_domains.iter().any(|local| local == domain);
    match key {
        "source.principal" => {
            let parts: Vec<&str> = value.split('/').collect();
            let rest = parts[1..].join("/");
            let all = match parts.len() == 5 && (parts[0] == "cluster.local" || is_local(parts[0])) {
                true => mesh.trust_domains.iter().map(|domain| format!("{domain}/{rest}")).collect(),
                false => vec![value.to_owned()],
            };
            all.iter().any(|one| text(one, identity))
        }
        // `.*` of Istio's expression crosses slashes.
        "source.namespace" => glob(&format!("*/ns/{value}/*"), &format!("spiffe://{identity}")),
        "source.serviceAccount" => {
            let full = if value.contains('/') { value.to_owned() } else { format!("{namespace}/{value}") };
            full == format!("{}/{}", segments[2], segments[4])
        }
        _ => glob(value, segments[0]) || is_local(value) && is_local(segments[0]),
    }
}

fn has_token(key: &str, value: &str, request: &Request) -> bool {
    let claim = |names: &[&str]| {
        let found = names.iter().try_fold(Value::Object(request.jwt.clone()?), |it, name| it.get(*name).cloned());
        found.map(|found| match &found {
            Value::String(words) if ["scope", "permission"].contains(&names[names.len() - 1]) => {
                match words.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>() {
                    none if none.is_empty() => vec![words.clone()],
                    all => all,
                }
            }
            Value::String(one) => vec![one.clone()],
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => vec![],
        })
    };
    let names: Vec<&str> = match key {
        "request.auth.principal" => {
            let of = |name: &str| claim(&[name]).and_then(|all| all.into_iter().next());
            let (Some(issuer), Some(subject)) = (of("iss"), of("sub")) else { return false };
            return match value.rsplit_once('/') {
                None => value == "*",
                Some((of_issuer, of_subject)) => text(of_issuer, &issuer) && text(of_subject, &subject),
            };
        }
        "request.auth.audiences" => vec!["aud"],
        "request.auth.presenter" => vec!["azp"],
        key => key["request.auth.claims[".len()..key.len() - 1].split("][").collect(),
    };
    claim(&names).is_some_and(|all: Vec<String>| all.iter().any(|it| text(value, it)))
}

fn text(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        _ if pattern == "*" => !text.is_empty(),
        (Some(suffix), _) => text.ends_with(suffix),
        (_, Some(prefix)) => text.starts_with(prefix),
        _ => pattern == text,
    }
}

/// Every `*` is anything.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_at_checked(1) {
        None => text.is_empty(),
        Some(("*", rest)) => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|text| glob(rest, text)),
    }
}

/// `{*}` is a character or more but no slash, `{**}` any characters.
fn template(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("{**}") {
        return (0..=path.len()).any(|at| template(rest, &path[at..]));
    }
    if let Some(rest) = pattern.strip_prefix("{*}") {
        let end = path.find('/').unwrap_or(path.len());
        return (1..=end).any(|at| template(rest, &path[at..]));
    }
    match (pattern.chars().next(), path.chars().next()) {
        (None, None) => true,
        (Some(one), Some(other)) => one == other && template(&pattern[1..], &path[1..]),
        _ => false,
    }
}

/// The path without query, its dot segments resolved.
fn path(sent: &str) -> String {
    let sent = sent.split('?').next().unwrap().replace("%2e", ".").replace("%2E", ".");
    let mut out: Vec<&str> = vec![];
    let segments: Vec<&str> = sent.split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    out.pop();
                }
                if is_last {
                    out.push("");
                }
            }
            name => out.push(name),
        }
    }
    format!("/{}", out.join("/"))
}

/// Whether an ALLOW policy guards the workload.
pub(super) fn is_closed(mesh: &Mesh, resources: &[Resource], request: &Request) -> bool {
    resources.iter().any(|resource| match &resource.spec {
        Spec::AuthorizationPolicy(policy) => {
            matches!(policy.action, None | Some(Action::Allow))
                && is_enforced(&resource.metadata)
                && selects(mesh, resource, policy, request)
        }
        _ => false,
    })
}
