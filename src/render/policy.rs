//! AuthorizationPolicies: one per workload and action, because a policy guards pods, not Services.

use super::access::Rules;
use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::operation::Operations;
use super::output::Output;
use super::source::{gateway, sources};
use super::workload::Workload;
use crate::finding::{Finding, Place};
use crate::intent::spec::Action;
use crate::intent::{Anchor, ClusterFacts};
use crate::istio;

/// The most rules that Istio takes in one policy (`pkg/config/validation/validation.go`).
const MOST_RULES: usize = 512;

/// Renders the policies of a workload.
pub(super) fn render(workload: &Workload<'_, '_>, facts: &ClusterFacts, context: &Context<'_>, out: &mut Output) {
    if workload.units.iter().any(super::unit::Unit::is_closed) {
        let intents = workload.servers().flat_map(|server| server.intents()).collect();
        let rules = allowed(workload, facts, context);
        push(workload, (istio::Action::Allow, "allow"), rules, intents, context, out);
    }
    for (action, written, role) in
        [(Action::Deny, istio::Action::Deny, "deny"), (Action::Audit, istio::Action::Audit, "audit")]
    {
        let (rules, intents) = pointed_out(workload, action, facts, context);
        if rules.len() > 0 {
            push(workload, (written, role), rules, intents, context, out);
        }
    }
}

/// A rule per caller of a closed server; the gateway may do what callers may that are not held to addresses.
fn allowed(workload: &Workload<'_, '_>, facts: &ClusterFacts, context: &Context<'_>) -> Rules {
    let mut rules = Rules::default();
    for unit in &workload.units {
        if !unit.is_closed() {
            rules.add(vec![], None, Operations::of_port(unit.port.map(|port| port.number())));
            continue;
        }
        for (server, caller) in unit.callers() {
            for (jwt, operations) in Operations::allowed(server, caller) {
                rules.add(sources(caller, context), jwt, operations);
            }
        }
        let anywhere = unit.callers().filter(|(_, caller)| caller.client.cidrs.is_empty() && unit.is_exposed());
        for (jwt, operations) in anywhere.flat_map(|(server, caller)| Operations::allowed(server, caller)) {
            rules.add(vec![gateway(facts)], jwt, operations);
        }
    }
    rules
}

/// What access points with `action` say, of their callers and of the gateway: a way around them is none.
fn pointed_out(
    workload: &Workload<'_, '_>,
    action: Action,
    facts: &ClusterFacts,
    context: &Context<'_>,
) -> (Rules, Vec<Anchor>) {
    let mut rules = Rules::default();
    let mut intents = vec![];
    for unit in &workload.units {
        for (server, caller) in unit.callers() {
            for (jwt, operations) in Operations::of(server, caller, action) {
                let mut from = sources(caller, context);
                if unit.is_exposed() {
                    from.push(gateway(facts));
                }
                rules.add(from, jwt, operations);
                intents.extend([server.anchor.clone(), caller.anchor.clone()]);
            }
        }
    }
    (rules, intents)
}

fn push(
    workload: &Workload<'_, '_>,
    (action, role): (istio::Action, &str),
    rules: Rules,
    intents: Vec<Anchor>,
    context: &Context<'_>,
    out: &mut Output,
) {
    if rules.len() > MOST_RULES {
        let message = format!("{} rules in one policy, Istio takes {MOST_RULES}", rules.len());
        let remedy = "name callers by namespace, or split the workload";
        let place = workload.servers().next().map(|server| Place::at(server.anchor.as_str()));
        out.findings.push(Finding::error("render/rules", place.unwrap_or_default(), message, remedy));
    }
    // Istio knows no dry run of AUDIT, which never decides.
    let observed = workload.observed && action != istio::Action::Audit;
    let spec = istio::AuthorizationPolicy {
        selector: Some(workload.selector()),
        action: Some(action),
        rules: rules.into_rules(),
        ..istio::AuthorizationPolicy::default()
    };
    let draft = Draft {
        cluster: workload.cluster,
        namespace: workload.namespace.as_str(),
        service: workload.service,
        name: resource_name(&[workload.service, role]),
        spec: spec.into(),
        intents,
        observed,
    };
    out.manifests.push(draft.finish(context.gitops));
}
