//! Policies at ztunnel, which reads connections and no requests.
//!
//! Istio hands it a policy as clauses, one for `from`, one for `to` and one for each `when`; a clause holds where one of its
//! matches does, and a match that no field is left of never does (istio `pilot/pkg/serviceregistry/ambient/authorization.go`,
//! ztunnel `src/rbac.rs`).

use super::address::Block;
use super::request::SPIFFE;
use super::{Request, condition};
use crate::istio::{Action, AuthorizationPolicy, Condition, Operation, Rule, Source};

/// The keys of conditions that it reads.
const KEYS: [&str; 5] = ["source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"];

/// A rule of a policy that ztunnel does not enforce as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unenforced {
    /// The index of the rule, from 0; none where it is the whole policy.
    pub rule: Option<usize>,
    /// What happens instead.
    pub why: &'static str,
}

/// What ztunnel does not enforce of a policy as it is written; nothing of one with targets, which is for waypoints.
#[must_use]
pub fn unenforced(policy: &AuthorizationPolicy) -> Vec<Unenforced> {
    if policy.target_ref.is_some() || !policy.target_refs.is_empty() {
        return vec![];
    }
    let action = policy.action.as_ref().unwrap_or(&Action::Allow);
    if !reads(action) {
        return vec![Unenforced {
            rule: None,
            why: "ztunnel enforces ALLOW and DENY alone, and passes over the policy",
        }];
    }
    let of_rule = |(index, rule): (usize, &Rule)| {
        let why = match (has_more(rule), can_match(rule, action), action) {
            (true, false, Action::Allow) => "ztunnel cannot read all fields of it, and lets nobody in by it",
            (_, false, Action::Allow) => "no field is left that ztunnel reads, and it lets nobody in by it",
            (_, false, _) => "no field is left that ztunnel reads, and it never matches there",
            (true, true, _) => "ztunnel leaves out the fields that it cannot read, so that it matches more",
            (false, true, _) => return None,
        };
        Some(Unenforced { rule: Some(index), why })
    };
    policy.rules.iter().enumerate().filter_map(of_rule).collect()
}

/// Whether it reads policies of an action.
pub(super) fn reads(action: &Action) -> bool {
    matches!(action, Action::Allow | Action::Deny)
}

/// Whether a rule matches a connection; `unsaid` is what comes of questions about addresses that it does not say, none
/// where these are absent.
pub(super) fn matches(rule: &Rule, action: &Action, namespace: &str, request: &Request, unsaid: Option<bool>) -> bool {
    if *action == Action::Allow && asks_about_requests(rule) {
        return false;
    }
    let principal = request.from.principal.as_deref().map(|it| it.strip_prefix(SPIFFE).unwrap_or(it));
    let caller = Caller { identity: principal, namespace, request, unsaid };
    let source = |from: Option<&Source>| from.is_some_and(|source| caller.is(source));
    let operation = |to: Option<&Operation>| to.is_some_and(|operation| caller.asks(operation));
    (rule.from.is_empty() || rule.from.iter().any(|from| source(from.source.as_ref())))
        && (rule.to.is_empty() || rule.to.iter().any(|to| operation(to.operation.as_ref())))
        && rule.when.iter().all(|when| caller.meets(when))
}

/// Whether a rule may match there at all: each of its clauses has a match with a field.
pub(super) fn can_match(rule: &Rule, action: &Action) -> bool {
    if *action == Action::Allow && asks_about_requests(rule) {
        return false;
    }
    let has_source = |source: &Source| !fields_of_source(source).is_empty();
    let has_port = |operation: &Operation| !fields_of_operation(operation).is_empty();
    (rule.from.is_empty() || rule.from.iter().filter_map(|from| from.source.as_ref()).any(has_source))
        && (rule.to.is_empty() || rule.to.iter().filter_map(|to| to.operation.as_ref()).any(has_port))
        && rule.when.iter().all(|when| !fields_of_condition(when).is_empty())
}

/// Whether it has fields that make Istio drop an ALLOW rule.
fn asks_about_requests(rule: &Rule) -> bool {
    let of_source = |it: &Source| {
        let lists =
            [&it.remote_ip_blocks, &it.not_remote_ip_blocks, &it.request_principals, &it.not_request_principals];
        lists.into_iter().any(|list| !list.is_empty())
    };
    let of_operation = |it: &Operation| {
        let lists = [&it.hosts, &it.not_hosts, &it.methods, &it.not_methods, &it.paths, &it.not_paths];
        lists.into_iter().any(|list| !list.is_empty())
    };
    rule.from.iter().filter_map(|from| from.source.as_ref()).any(of_source)
        || rule.to.iter().filter_map(|to| to.operation.as_ref()).any(of_operation)
        || rule.when.iter().any(|when| !KEYS.contains(&when.key.as_str()))
}

/// Whether it has fields that ztunnel does not read: those, and trust domains, which Istio does not hand on.
fn has_more(rule: &Rule) -> bool {
    let of_source = |it: &Source| !it.trust_domains.is_empty() || !it.not_trust_domains.is_empty();
    asks_about_requests(rule) || rule.from.iter().filter_map(|from| from.source.as_ref()).any(of_source)
}

/// A list of values of a field, whether none of them may hold, and the key of conditions that means the same.
type Field<'a> = (&'static str, bool, Vec<&'a str>);

/// The fields that are left of these: lists from which what cannot be read is gone.
fn fields<'a>(lists: impl IntoIterator<Item = (&'static str, bool, &'a [String])>) -> Vec<Field<'a>> {
    let fit = |key: &str, value: &str| match key {
        "source.ip" | "destination.ip" => Block::of(value).is_some(),
        "destination.port" => condition::port(value).is_some(),
        _ => true,
    };
    let left = lists.into_iter().map(|(key, negated, values)| {
        (key, negated, values.iter().map(String::as_str).filter(|value| fit(key, value)).collect::<Vec<_>>())
    });
    left.filter(|(.., values)| !values.is_empty()).collect()
}

fn fields_of_source(source: &Source) -> Vec<Field<'_>> {
    fields([
        ("source.ip", false, source.ip_blocks.as_slice()),
        ("source.ip", true, &source.not_ip_blocks),
        ("source.namespace", false, &source.namespaces),
        ("source.namespace", true, &source.not_namespaces),
        ("source.serviceAccount", false, &source.service_accounts),
        ("source.serviceAccount", true, &source.not_service_accounts),
        ("source.principal", false, &source.principals),
        ("source.principal", true, &source.not_principals),
    ])
}

fn fields_of_operation(operation: &Operation) -> Vec<Field<'_>> {
    fields([("destination.port", false, operation.ports.as_slice()), ("destination.port", true, &operation.not_ports)])
}

fn fields_of_condition(when: &Condition) -> Vec<Field<'_>> {
    let key = KEYS.into_iter().find(|key| *key == when.key);
    fields(key.into_iter().flat_map(|key| [(key, false, when.values.as_slice()), (key, true, &when.not_values)]))
}

/// A connection, asked by a policy of `namespace`.
struct Caller<'a> {
    identity: Option<&'a str>,
    namespace: &'a str,
    request: &'a Request,
    unsaid: Option<bool>,
}

impl Caller<'_> {
    fn is(&self, source: &Source) -> bool {
        self.holds(&fields_of_source(source))
    }

    fn asks(&self, operation: &Operation) -> bool {
        self.holds(&fields_of_operation(operation))
    }

    fn meets(&self, when: &Condition) -> bool {
        self.holds(&fields_of_condition(when))
    }

    fn holds(&self, fields: &[Field<'_>]) -> bool {
        let is_unsaid = |key: &str| match key {
            "source.ip" => self.request.from.ip.is_none(),
            "destination.ip" => self.request.to.ip.is_none(),
            _ => false,
        };
        let has = |(key, negated, values): &Field<'_>| {
            let has = values.iter().any(|value| self.has(key, value));
            match self.unsaid {
                Some(fits) if is_unsaid(key) => fits,
                _ => has != *negated,
            }
        };
        !fields.is_empty() && fields.iter().all(has)
    }

    fn has(&self, key: &str, value: &str) -> bool {
        let account = self.identity.and_then(|identity| {
            let (namespace, name) = identity.split_once("/ns/")?.1.split_once("/sa/")?;
            Some((namespace, name))
        });
        let is_in = |ip: Option<std::net::IpAddr>| {
            Block::of(value).is_some_and(|block| ip.is_some_and(|ip| block.contains(ip)))
        };
        match key {
            "source.ip" => is_in(self.request.from.ip),
            "destination.ip" => is_in(self.request.to.ip),
            "destination.port" => self.request.to.port.is_some_and(|port| condition::port(value) == Some(port)),
            "source.principal" => self.identity.is_some_and(|identity| fits(value, identity)),
            "source.namespace" => fits(value, account.map_or("", |(namespace, _)| namespace)),
            _ => account == Some(value.split_once('/').unwrap_or((self.namespace, value))),
        }
    }
}

/// A pattern: `*` is presence, a leading `*` a suffix, a trailing one a prefix.
fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => !text.is_empty(),
        (Some(suffix), _) => text.ends_with(suffix),
        (_, Some(prefix)) => text.starts_with(prefix),
        _ => pattern == text,
    }
}
