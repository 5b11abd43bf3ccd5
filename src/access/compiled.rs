//! A rule of a policy, compiled once and asked for every request.

use std::collections::HashSet;

use super::condition::{Condition, Unfit};
use super::facts::Facts;
use super::request::Protocol;
use super::text::Text;
use super::trust::Mesh;
use crate::istio::{Action, Operation, Rule, Source};

/// A rule, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compiled {
    /// Who calls: one of these, all clauses of it.
    sources: Vec<Vec<Clause>>,
    /// What is called: one of these, all clauses of it.
    operations: Vec<Vec<Clause>>,
    /// Whether it asks about requests.
    of_requests: bool,
}

/// One of these conditions, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    negated: bool,
    of_requests: bool,
    /// Identities in full, of which there may be thousands.
    identities: HashSet<String>,
    conditions: Vec<Condition>,
}

impl Compiled {
    /// A rule of a policy of `namespace`; none where Istio passes over it, because it asks what cannot be asked: an ALLOW
    /// rule as a whole, one of another action only where the key is unknown, else what is unfit of it is left out
    /// (istio `pilot/pkg/security/authz/model/model.go`, `checkError`; `builder/builder.go`).
    pub(super) fn of(rule: &Rule, action: &Action, namespace: &str, mesh: &Mesh) -> Option<Self> {
        let compiler = Compiler { strict: *action == Action::Allow, namespace, mesh };
        let mut whens = [vec![], vec![]];
        for condition in &rule.when {
            let is_of_destination = condition.key.starts_with("destination.")
                || condition.key == "connection.sni"
                || condition.key.starts_with("experimental.");
            let (key, values, not_values) = (&condition.key, &condition.values, &condition.not_values);
            compiler.field(key, values, not_values, &mut whens[usize::from(is_of_destination)])?;
        }
        let [of_source, of_destination] = whens;
        let (any_source, any_operation) = (Source::default(), Operation::default());
        let mut compiled = Self { sources: vec![], operations: vec![], of_requests: false };
        for from in &rule.from {
            let mut clauses = of_source.clone();
            compiler.source(from.source.as_ref().unwrap_or(&any_source), &mut clauses)?;
            compiled.sources.push(clauses);
        }
        if rule.from.is_empty() {
            compiled.sources.push(of_source);
        }
        for to in &rule.to {
            let mut clauses = of_destination.clone();
            compiler.operation(to.operation.as_ref().unwrap_or(&any_operation), &mut clauses)?;
            compiled.operations.push(clauses);
        }
        if rule.to.is_empty() {
            compiled.operations.push(of_destination);
        }
        let mut all = compiled.sources.iter().chain(&compiled.operations).flatten();
        compiled.of_requests = all.any(|clause| clause.of_requests);
        Some(compiled)
    }

    /// Whether a request matches. On a port that does not speak HTTP a rule of an ALLOW policy that asks about requests
    /// matches nothing, and of any other such questions are left out.
    pub(super) fn matches(&self, action: &Action, facts: &Facts<'_>) -> bool {
        let http = facts.request.to.protocol == Protocol::Http;
        if !http && self.of_requests && *action == Action::Allow {
            return false;
        }
        let all = |clauses: &Vec<Clause>| {
            clauses.iter().filter(|clause| http || !clause.of_requests).all(|clause| clause.holds(facts))
        };
        self.sources.iter().any(all) && self.operations.iter().any(all)
    }
}

impl Clause {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        let is_named = !self.identities.is_empty() && facts.identity().is_some_and(|it| self.identities.contains(it));
        let holds = is_named || self.conditions.iter().any(|condition| condition.holds(facts));
        let is_unsaid = || self.conditions.iter().any(|condition| condition.is_unsaid(facts.request));
        match facts.unsaid {
            Some(fits) if !holds && is_unsaid() => fits,
            _ => holds != self.negated,
        }
    }
}

struct Compiler<'a> {
    /// Whether a rule with something unfit is passed over.
    strict: bool,
    namespace: &'a str,
    mesh: &'a Mesh,
}

impl Compiler<'_> {
    fn source(&self, source: &Source, clauses: &mut Vec<Clause>) -> Option<()> {
        for (key, values, not_values) in [
            ("source.ip", &source.ip_blocks, &source.not_ip_blocks),
            ("remote.ip", &source.remote_ip_blocks, &source.not_remote_ip_blocks),
            ("source.namespace", &source.namespaces, &source.not_namespaces),
            ("source.trustDomain", &source.trust_domains, &source.not_trust_domains),
            ("source.serviceAccount", &source.service_accounts, &source.not_service_accounts),
            ("request.auth.principal", &source.request_principals, &source.not_request_principals),
            ("source.principal", &source.principals, &source.not_principals),
        ] {
            self.field(key, values, not_values, clauses)?;
        }
        Some(())
    }

    fn operation(&self, operation: &Operation, clauses: &mut Vec<Clause>) -> Option<()> {
        for (key, values, not_values) in [
            ("destination.port", &operation.ports, &operation.not_ports),
            (":path", &operation.paths, &operation.not_paths),
            (":method", &operation.methods, &operation.not_methods),
            (":authority", &operation.hosts, &operation.not_hosts),
        ] {
            self.field(key, values, not_values, clauses)?;
        }
        Some(())
    }

    /// Adds what a field or key asks for and what it excludes; none where the rule is passed over.
    fn field(&self, key: &str, values: &[String], not_values: &[String], clauses: &mut Vec<Clause>) -> Option<()> {
        for (negated, values) in [(false, values), (true, not_values)] {
            let mut clause = Clause { negated, of_requests: false, identities: HashSet::new(), conditions: vec![] };
            for value in values.iter().flat_map(|value| self.aliases(key, value)) {
                match Condition::of(key, &value, self.namespace) {
                    Ok(Condition::Principal(Text::Exact(identity))) => drop(clause.identities.insert(identity)),
                    Ok(condition) => clause.conditions.push(condition),
                    Err(Unfit::Key) => return None,
                    Err(Unfit::Value) if self.strict => return None,
                    Err(Unfit::Value) => {}
                }
            }
            if !clause.identities.is_empty() || !clause.conditions.is_empty() {
                clause.of_requests = clause.conditions.iter().any(Condition::is_of_requests);
                clauses.push(clause);
            }
        }
        // A key that nothing is asked of has to be known all the same.
        let is_known = || Condition::of(key, "", self.namespace) != Err(Unfit::Key);
        (!values.is_empty() || !not_values.is_empty() || is_known()).then_some(())
    }

    fn aliases(&self, key: &str, value: &str) -> Vec<String> {
        match key {
            "source.principal" => self.mesh.principals(value),
            "source.trustDomain" => self.mesh.domains(value),
            _ => vec![value.to_owned()],
        }
    }
}
