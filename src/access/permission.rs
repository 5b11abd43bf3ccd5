//! One caller and what it may do, read from the rules of policies.

use super::condition::{Condition as Fit, Unfit};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{Attribute, Caller, Scope};
use crate::istio::{Action, Operation, Rule, Source};

/// One caller and what it may do, or may not when a DENY policy says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// Who calls.
    pub caller: Caller,
    /// What is called, and what else must hold.
    pub scope: Scope,
}

impl Permission {
    /// Whether every request that `narrow` matches is matched by this; where that is not plain, no.
    #[must_use]
    pub fn covers(&self, narrow: &Self) -> bool {
        let inner = narrow.whole();
        if self.caller.covers(&narrow.caller) { self.scope.covers(&inner) } else { self.whole().covers(&inner) }
    }

    /// Whether some request may be meant by both; where that is not plain, yes.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let is_refused = self.refuses(&other.caller) || other.refuses(&self.caller);
        !is_refused && self.whole().met(&other.whole()).is_some()
    }

    /// Whether it is plain that what it excludes has each caller that `caller` stands for.
    fn refuses(&self, caller: &Caller) -> bool {
        let kinds = [
            (Attribute::Principal, Caller::Principal as fn(String) -> Caller),
            (Attribute::ServiceAccount, Caller::ServiceAccount),
            (Attribute::Namespace, Caller::Namespace),
        ];
        kinds.into_iter().any(|(attribute, of)| {
            let values = self.scope.except.get(&attribute).into_iter().flatten();
            values.cloned().any(|value| of(value).covers(caller))
        })
    }

    /// Whether it asks who calls: plain text then never has it.
    pub(super) fn asks_who_calls(&self) -> bool {
        let whole = self.whole();
        whole.within.keys().any(|attribute| *attribute.subject() == Attribute::Principal)
    }

    /// Whether it means those alone who call in plain text.
    pub(super) fn is_of_plain_text(&self) -> bool {
        let any = BTreeSet::from(["*".to_owned()]);
        self.whole().met(&Scope { within: BTreeMap::from([(Attribute::Principal, any)]), ..Scope::default() }).is_none()
    }

    /// The scope with the caller in it.
    fn whole(&self) -> Cow<'_, Scope> {
        let (attribute, value) = match &self.caller {
            Caller::Anyone => return Cow::Borrowed(&self.scope),
            Caller::Principal(principal) | Caller::Outside(principal) => (Attribute::Principal, principal),
            Caller::ServiceAccount(account) => (Attribute::ServiceAccount, account),
            Caller::Namespace(namespace) => (Attribute::Namespace, namespace),
            Caller::Address(block) => (Attribute::SourceIp, block),
        };
        let mut scope = self.scope.clone();
        // A scope that nothing meets stays as empty as it is asked to be.
        scope.ask(attribute, [value]);
        Cow::Owned(scope)
    }

    /// Whether no request can be meant; where that is not plain, no.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole().is_empty()
    }
}

/// The permissions that a rule of a policy in `namespace` gives; none when no request can match it, or Istio passes over it.
pub(super) fn of_rule(rule: &Rule, namespace: &str, action: &Action) -> Vec<Permission> {
    let known = rule.when.iter().all(|when| Fit::of(&when.key, "", namespace) != Err(Unfit::Key));
    if !known {
        return vec![];
    }
    let sources = rule.from.iter().filter_map(|from| from.source.as_ref()).flat_map(|source| {
        let blocks = [&source.ip_blocks, &source.not_ip_blocks, &source.remote_ip_blocks, &source.not_remote_ip_blocks];
        blocks.map(|values| ("source.ip", values))
    });
    let operations = rule.to.iter().filter_map(|to| to.operation.as_ref());
    let ports = operations.flat_map(|it| [&it.ports, &it.not_ports].map(|values| ("destination.port", values)));
    let whens = rule.when.iter().flat_map(|it| [&it.values, &it.not_values].map(|values| (it.key.as_str(), values)));
    let fit = sources.chain(ports).chain(whens).all(|(key, values)| values.iter().all(|value| is_fit(key, value)));
    match fit {
        true => of_fit_rule(rule, namespace, action),
        // What cannot be read ends an ALLOW rule, and is left out of others.
        false if *action == Action::Allow => vec![],
        false => of_fit_rule(&without_unfit(rule.clone()), namespace, action),
    }
}

/// Whether Istio can read a value.
fn is_fit(key: &str, value: &str) -> bool {
    Fit::of(key, value, "").is_ok()
}

fn without_unfit(mut rule: Rule) -> Rule {
    for source in rule.from.iter_mut().filter_map(|from| from.source.as_mut()) {
        let remote = [&mut source.remote_ip_blocks, &mut source.not_remote_ip_blocks];
        for values in remote.into_iter().chain([&mut source.ip_blocks, &mut source.not_ip_blocks]) {
            values.retain(|value| is_fit("source.ip", value));
        }
    }
    for operation in rule.to.iter_mut().filter_map(|to| to.operation.as_mut()) {
        for values in [&mut operation.ports, &mut operation.not_ports] {
            values.retain(|value| is_fit("destination.port", value));
        }
    }
    for when in &mut rule.when {
        for values in [&mut when.values, &mut when.not_values] {
            values.retain(|value| is_fit(&when.key, value));
        }
    }
    rule
}

fn of_fit_rule(rule: &Rule, namespace: &str, action: &Action) -> Vec<Permission> {
    // Where no requests are read a rule that is not of ALLOW means more.
    let is_empty = |permission: &Permission| match action {
        Action::Allow => permission.is_empty(),
        _ => Permission { scope: permission.scope.clone().of_connections(), ..permission.clone() }.is_empty(),
    };
    let any_source = [Source::default()];
    let any_operation = [Operation::default()];
    let sources: Vec<&Source> = match rule.from.is_empty() {
        true => any_source.iter().collect(),
        false => rule.from.iter().map(|from| from.source.as_ref().unwrap_or(&any_source[0])).collect(),
    };
    let operations: Vec<&Operation> = match rule.to.is_empty() {
        true => any_operation.iter().collect(),
        false => rule.to.iter().map(|to| to.operation.as_ref().unwrap_or(&any_operation[0])).collect(),
    };
    let mut permissions = Vec::new();
    for source in sources {
        for operation in &operations {
            let mut scope = Scope::default();
            let callers = callers(source, namespace, &mut scope);
            if let (true, Some(callers)) =
                (of_operation(operation, &mut scope) && when(rule, namespace, &mut scope), callers)
            {
                let one = |caller| Permission { caller, scope: scope.clone() };
                permissions.extend(callers.into_iter().map(one).filter(|permission| !is_empty(permission)));
            }
        }
    }
    permissions
}

/// The callers that a source names; what narrows them goes into `scope`. None when nobody can be meant.
fn callers(source: &Source, namespace: &str, scope: &mut Scope) -> Option<Vec<Caller>> {
    let accounts = full(&source.service_accounts, namespace);
    let mut positive = vec![
        (Attribute::Principal, Caller::Principal as fn(String) -> Caller, &source.principals),
        (Attribute::ServiceAccount, Caller::ServiceAccount, &accounts),
        (Attribute::Namespace, Caller::Namespace, &source.namespaces),
        (Attribute::SourceIp, Caller::Address, &source.ip_blocks),
    ];
    positive.retain(|(.., values)| !values.is_empty());
    let mut positive = positive.into_iter();
    let callers = match positive.next() {
        None => vec![Caller::Anyone],
        Some((_, caller, values)) => values.iter().cloned().map(caller).collect(),
    };
    let mut possible = true;
    for (attribute, _, values) in positive {
        possible &= scope.ask(attribute, values);
    }
    possible &= scope.ask(Attribute::RemoteIp, &source.remote_ip_blocks);
    possible &= scope.ask(Attribute::RequestPrincipal, &source.request_principals);
    possible &= scope.ask(Attribute::TrustDomain, &source.trust_domains);
    scope.refuse(Attribute::Principal, &source.not_principals);
    scope.refuse(Attribute::ServiceAccount, &full(&source.not_service_accounts, namespace));
    scope.refuse(Attribute::Namespace, &source.not_namespaces);
    scope.refuse(Attribute::TrustDomain, &source.not_trust_domains);
    scope.refuse(Attribute::SourceIp, &source.not_ip_blocks);
    scope.refuse(Attribute::RemoteIp, &source.not_remote_ip_blocks);
    scope.refuse(Attribute::RequestPrincipal, &source.not_request_principals);
    possible.then_some(callers)
}

fn of_operation(operation: &Operation, scope: &mut Scope) -> bool {
    scope.refuse(Attribute::Method, &operation.not_methods);
    scope.refuse(Attribute::Path, &operation.not_paths);
    scope.refuse(Attribute::Host, &operation.not_hosts);
    scope.refuse(Attribute::Port, &operation.not_ports);
    scope.ask(Attribute::Method, &operation.methods)
        && scope.ask(Attribute::Path, &operation.paths)
        && scope.ask(Attribute::Host, &operation.hosts)
        && scope.ask(Attribute::Port, &operation.ports)
}

/// Accounts with their namespace.
fn full(accounts: &[String], namespace: &str) -> Vec<String> {
    let full = |account: &String| match account.contains('/') {
        true => account.clone(),
        false => format!("{namespace}/{account}"),
    };
    accounts.iter().map(full).collect()
}

fn when(rule: &Rule, namespace: &str, scope: &mut Scope) -> bool {
    rule.when.iter().all(|condition| {
        let attribute = || match condition.key.as_str() {
            "source.ip" => Attribute::SourceIp,
            "remote.ip" => Attribute::RemoteIp,
            "source.namespace" => Attribute::Namespace,
            "source.principal" => Attribute::Principal,
            "source.serviceAccount" => Attribute::ServiceAccount,
            "source.trustDomain" => Attribute::TrustDomain,
            "request.auth.principal" => Attribute::RequestPrincipal,
            "destination.port" => Attribute::Port,
            key => Attribute::Other(key.to_owned()),
        };
        if attribute() == Attribute::ServiceAccount {
            scope.refuse(attribute(), &full(&condition.not_values, namespace));
            return scope.ask(attribute(), &full(&condition.values, namespace));
        }
        scope.refuse(attribute(), &condition.not_values);
        scope.ask(attribute(), &condition.values)
    })
}
