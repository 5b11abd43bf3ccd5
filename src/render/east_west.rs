//! The east-west Gateway: lets callers of other clusters in, to exactly one service, by server name.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::leads::Lead;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::remote::Imports;
use super::server::Server;
use crate::intent::{Anchor, ClusterId};
use crate::istio::{self, Gateway, Port, ServerTlsMode, ServerTlsSettings};

/// Renders the east-west Gateways of a host: wherever it is, if it is called from where it is not; and where its alias
/// hosts lead to.
pub(super) fn render(
    live: &[&Server<'_>],
    leads: &[Lead<'_, '_>],
    imports: &Imports<'_, '_>,
    context: &Context<'_>,
    out: &mut Output,
) {
    let Some(server) = live.first() else { return };
    let mut hosts: BTreeMap<&ClusterId, (BTreeSet<String>, Vec<Anchor>)> = BTreeMap::new();
    let importing: Vec<&Anchor> = imports.values().flat_map(|import| &import.intents).collect();
    let exporting = live.iter().filter(|_| !importing.is_empty());
    for cluster in exporting.flat_map(|server| server.clusters.iter()) {
        let (hosts, intents) = hosts.entry(cluster).or_default();
        if hosts.insert(server.host()) {
            intents.extend(importing.iter().copied().cloned());
        }
    }
    for lead in leads {
        let (hosts, intents) = hosts.entry(&lead.to).or_default();
        hosts.insert(lead.host());
        intents.extend(lead.intents.iter().cloned());
    }
    for (cluster, (hosts, intents)) in hosts {
        let Some(facts) = context.clusters.get(cluster) else { continue };
        let port = Port {
            number: Some(facts.internal_port.into()),
            protocol: "TLS".into(),
            name: "tls".into(),
            target_port: None,
        };
        let tls = ServerTlsSettings { mode: Some(ServerTlsMode::AutoPassthrough), ..ServerTlsSettings::default() };
        let entry = istio::Server {
            port: Some(port),
            hosts: hosts.into_iter().collect(),
            tls: Some(tls),
            ..istio::Server::default()
        };
        let spec = Gateway { selector: facts.east_west.selector.iter().cloned().collect(), servers: vec![entry] };
        let (namespace, service) = (server.namespace.as_str(), server.inbound.service.as_str());
        let name = resource_name(&[service, "east-west"]);
        let draft = Draft { cluster, namespace, service, name, spec: spec.into(), intents, observed: false };
        out.manifests.push(draft.finish(context.gitops));
    }
}
