//! AuthorizationPolicies: one per workload and action, because a policy guards pods, not Services.

use super::access::Rules;
use super::context::Context;
use super::guarded::Guarded;
use super::manifest::Draft;
use super::name::resource_name;
use super::operation::Operations;
use super::output::Output;
use super::source::{from, gateways, principal, sources};
use super::unit::Unit;
use super::workload::Workload;
use crate::finding::{Finding, Place};
use crate::intent::scalar::DnsLabel;
use crate::intent::spec::Action;
use crate::intent::{Anchor, ClusterFacts};
use crate::istio::{self, RuleFrom, Source};

/// The most rules that Istio takes in one policy (`pkg/config/validation/validation.go`).
const MOST_RULES: usize = 512;

/// Renders the policies of a workload: of its pods, or of each of its Services where a waypoint stands before them.
pub(super) fn render(workload: &Workload<'_, '_>, facts: &ClusterFacts, context: &Context<'_>, out: &mut Output) {
    let policies = Policies { workload, facts, context };
    let Some(waypoint) = workload.waypoint() else { return policies.render(&Guarded::Pods, out) };
    policies.only_through(waypoint, out);
    for service in workload.services() {
        policies.render(&Guarded::Service(service), out);
    }
}

/// The policies of a workload in the making.
struct Policies<'a, 's, 't> {
    workload: &'a Workload<'s, 't>,
    facts: &'a ClusterFacts,
    context: &'a Context<'t>,
}

impl Policies<'_, '_, '_> {
    fn render(&self, guarded: &Guarded<'_>, out: &mut Output) {
        let units = || self.workload.units.iter().filter(|unit| guarded.concerns(unit));
        if units().any(Unit::is_closed) {
            let servers = units().flat_map(|unit| unit.servers.iter());
            let intents = servers.flat_map(|server| server.intents()).collect();
            self.push(guarded, (istio::Action::Allow, "allow"), self.allowed(guarded), intents, out);
        }
        for (action, written, role) in
            [(Action::Deny, istio::Action::Deny, "deny"), (Action::Audit, istio::Action::Audit, "audit")]
        {
            let (rules, intents) = self.pointed_out(guarded, action);
            if rules.len() > 0 {
                self.push(guarded, (written, role), rules, intents, out);
            }
        }
    }

    /// A rule per caller of a closed server; the gateway may do what callers may that are not held to addresses.
    fn allowed(&self, guarded: &Guarded<'_>) -> Rules {
        let mut rules = Rules::default();
        for unit in self.workload.units.iter().filter(|unit| guarded.concerns(unit)) {
            if !unit.is_closed() {
                let ports = match guarded {
                    Guarded::Pods => vec![unit.port],
                    Guarded::Service(_) => unit.servers.first().map(|it| guarded.ports(unit, it)).unwrap_or_default(),
                };
                ports.into_iter().for_each(|port| rules.add(vec![], None, Operations::of_port(port)));
                continue;
            }
            let callers = || {
                unit.callers().flat_map(|(server, caller)| {
                    guarded.ports(unit, server).into_iter().map(move |port| (server, port, caller))
                })
            };
            for (server, port, caller) in callers() {
                for (jwt, operations) in Operations::allowed((server, port), caller) {
                    rules.add(sources(caller, self.context), jwt, operations);
                }
            }
            let through_gateway = callers().filter(|(.., caller)| caller.client.cidrs.is_empty() && unit.is_exposed());
            for (server, port, caller) in through_gateway {
                for (jwt, operations) in Operations::allowed((server, port), caller) {
                    rules.add(vec![self.gateway(unit)], jwt, operations);
                }
            }
        }
        rules
    }

    /// The ingress gateways by which outside callers reach a unit: its cluster's, and those of clusters whose calls are led
    /// here.
    fn gateway(&self, unit: &Unit<'_, '_>) -> RuleFrom {
        let exposed = unit.servers.iter().filter(|server| server.is_exposed());
        let ways = exposed.flat_map(|server| server.ways.iter().filter(|(_, to)| to == self.workload.cluster));
        let others = ways.filter_map(|(from, _)| self.context.clusters.get(from));
        gateways(others.chain([self.facts]))
    }

    /// What access points with `action` say, of their callers and of the gateway: a way around them is none.
    fn pointed_out(&self, guarded: &Guarded<'_>, action: Action) -> (Rules, Vec<Anchor>) {
        let mut rules = Rules::default();
        let mut intents = vec![];
        for unit in self.workload.units.iter().filter(|unit| guarded.concerns(unit)) {
            for (server, caller) in unit.callers() {
                for port in guarded.ports(unit, server) {
                    for (jwt, operations) in Operations::of((server, port), caller, action) {
                        let mut from = sources(caller, self.context);
                        if unit.is_exposed() {
                            from.push(self.gateway(unit));
                        }
                        rules.add(from, jwt, operations);
                        intents.extend([server.anchor.clone(), caller.anchor.clone()]);
                    }
                }
            }
        }
        (rules, intents)
    }

    /// Lets nobody past the waypoint: what is closed is called through it alone, and ztunnel sees to that.
    fn only_through(&self, waypoint: &DnsLabel, out: &mut Output) {
        let workload = self.workload;
        if !workload.units.iter().any(Unit::is_closed) {
            return;
        }
        let mut rules = Rules::default();
        let principal = principal(&self.facts.trust_domain, workload.namespace.as_str(), waypoint.as_str());
        for unit in &workload.units {
            let from = match unit.is_closed() {
                true => vec![from(Source { principals: vec![principal.clone()], ..Source::default() })],
                false => vec![],
            };
            rules.add(from, None, Operations::of_port(unit.port));
        }
        let intents = workload.servers().map(|server| server.anchor.clone()).collect();
        self.push(&Guarded::Pods, (istio::Action::Allow, "waypoint"), rules, intents, out);
    }

    fn push(
        &self,
        guarded: &Guarded<'_>,
        (action, role): (istio::Action, &str),
        rules: Rules,
        intents: Vec<Anchor>,
        out: &mut Output,
    ) {
        let workload = self.workload;
        if rules.len() > MOST_RULES {
            let message = format!("{} rules in one policy, Istio takes {MOST_RULES}", rules.len());
            let remedy = "name callers by namespace, or split the workload";
            let place = workload.servers().next().map(|server| Place::at(server.anchor.as_str()));
            out.findings.push(Finding::error("render/rules", place.unwrap_or_default(), message, remedy));
        }
        // Istio knows no dry run of AUDIT, which never decides.
        let observed = workload.observed && action != istio::Action::Audit;
        let (selector, target_refs, service) = workload.guarded(guarded);
        let spec = istio::AuthorizationPolicy {
            selector,
            target_refs,
            action: Some(action),
            rules: rules.into_rules(),
            ..istio::AuthorizationPolicy::default()
        };
        let draft = Draft {
            cluster: workload.cluster,
            namespace: workload.namespace.as_str(),
            service,
            name: resource_name(&[service, role]),
            spec: spec.into(),
            intents,
            observed,
        };
        out.manifests.push(draft.finish(self.context.gitops));
    }
}
