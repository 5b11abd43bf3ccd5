//! Everything about the pods of one label: policies, mTLS, and how they decide.

use std::collections::BTreeSet;

use super::context::Context;
use super::output::{Output, Target, TargetAccess};
use super::server::Server;
use super::source::gateway_principal;
use super::workload::Workload;
use super::{mtls, notice, policy, reach, token};
use crate::intent::ClusterId;

/// Renders what all servers of one namespace and label say about their pods, on every cluster.
pub(super) fn render(servers: &[&Server<'_>], context: &Context<'_>) -> Output {
    let mut out = Output::default();
    if servers.len() > 1 {
        servers.iter().for_each(|server| notice::of_conflicts(server, context, &mut out.findings));
    }
    let clusters: BTreeSet<&ClusterId> = servers.iter().flat_map(|server| server.clusters.iter()).collect();
    for cluster in clusters {
        let here: Vec<_> = servers.iter().copied().filter(|server| server.clusters.contains(cluster)).collect();
        let workload = Workload::of(cluster, &here);
        out.targets.extend(target(cluster, &here, workload.as_ref(), context));
        let Some((workload, facts)) = workload.zip(context.clusters.get(cluster)) else { continue };
        policy::render(&workload, facts, context, &mut out);
        mtls::render(&workload, context, &mut out);
        token::render(&workload, context, &mut out);
        notice::of_workload(&workload, &mut out.findings);
        reach::of_workload(&workload, &mut out.findings);
    }
    out
}

fn target(
    cluster: &ClusterId,
    here: &[&Server<'_>],
    workload: Option<&Workload<'_, '_>>,
    context: &Context<'_>,
) -> Option<Target> {
    let first = here.first()?;
    let unguarded = || {
        let ended = here.iter().any(|server| server.is_enforced());
        if ended { TargetAccess::Terminated } else { TargetAccess::NotEnforced }
    };
    let facts = context.clusters.get(cluster);
    let services: BTreeSet<_> = here.iter().map(|server| server.inbound.service.to_string()).collect();
    let intents: BTreeSet<_> = here.iter().map(|server| server.anchor.clone()).collect();
    let by_waypoint = workload.is_some_and(|workload| workload.waypoint().is_some());
    Some(Target {
        cluster: cluster.clone(),
        namespace: first.namespace.to_string(),
        root_namespace: facts.map(|facts| facts.root_namespace.clone()).unwrap_or_default(),
        ingress: facts.map(gateway_principal).unwrap_or_default(),
        label: first.inbound.label.to_string(),
        services: services.into_iter().collect(),
        opaque: !here.iter().any(|server| server.protocol.is_http() && (!server.inbound.ambient || by_waypoint)),
        access: workload.map_or_else(unguarded, Workload::access),
        by_waypoint,
        intents: intents.into_iter().collect(),
    })
}
