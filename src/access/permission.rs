//! One caller and what it may do, read from the rules of policies.

use super::{Attribute, Caller, Scope};
use crate::istio::{Operation, Rule, Source};

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
        self.caller.covers(&narrow.caller) && self.scope.covers(&narrow.scope)
    }
}

/// The permissions that a rule of a policy in `namespace` gives; none when no request can match it.
pub(super) fn of_rule(rule: &Rule, namespace: &str) -> Vec<Permission> {
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
            if let (true, Some(callers)) = (of_operation(operation, &mut scope) && when(rule, &mut scope), callers) {
                let one = |caller| Permission { caller, scope: scope.clone() };
                permissions.extend(callers.into_iter().map(one));
            }
        }
    }
    permissions
}

/// The callers that a source names; what narrows them goes into `scope`. None when nobody can be meant.
fn callers(source: &Source, namespace: &str, scope: &mut Scope) -> Option<Vec<Caller>> {
    let full = |accounts: &[String]| -> Vec<String> {
        let full = |account: &String| match account.contains('/') {
            true => account.clone(),
            false => format!("{namespace}/{account}"),
        };
        accounts.iter().map(full).collect()
    };
    let accounts = full(&source.service_accounts);
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
    scope.refuse(Attribute::ServiceAccount, &full(&source.not_service_accounts));
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

fn when(rule: &Rule, scope: &mut Scope) -> bool {
    rule.when.iter().all(|condition| {
        let attribute = || match condition.key.as_str() {
            "source.ip" => Attribute::SourceIp,
            "remote.ip" => Attribute::RemoteIp,
            "source.namespace" => Attribute::Namespace,
            "source.principal" => Attribute::Principal,
            "source.serviceAccount" => Attribute::ServiceAccount,
            "request.auth.principal" => Attribute::RequestPrincipal,
            "destination.port" => Attribute::Port,
            key => Attribute::Other(key.to_owned()),
        };
        scope.refuse(attribute(), &condition.not_values);
        scope.ask(attribute(), &condition.values)
    })
}
