//! The east-west Gateway: lets callers of other clusters in, to exactly one host, by server name.

use std::collections::BTreeSet;

use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::server::Server;
use crate::intent::{Anchor, ClusterId};
use crate::istio::{self, Gateway, Port, ServerTlsMode, ServerTlsSettings};

/// Renders the east-west Gateways of a host on each of `clusters`.
pub(super) fn render(
    server: &Server<'_>,
    clusters: &BTreeSet<&ClusterId>,
    intents: &[Anchor],
    context: &Context<'_>,
    out: &mut Output,
) {
    for cluster in clusters {
        let Some(facts) = context.clusters.get(*cluster) else { continue };
        let port = Port {
            number: Some(facts.internal_port.into()),
            protocol: "TLS".into(),
            name: "tls".into(),
            target_port: None,
        };
        let tls = ServerTlsSettings { mode: Some(ServerTlsMode::AutoPassthrough), ..ServerTlsSettings::default() };
        let entry =
            istio::Server { port: Some(port), hosts: vec![server.host()], tls: Some(tls), ..istio::Server::default() };
        let spec = Gateway { selector: facts.east_west.selector.iter().cloned().collect(), servers: vec![entry] };
        let service = server.inbound.service.as_str();
        let draft = Draft {
            cluster,
            namespace: server.namespace.as_str(),
            service,
            name: resource_name(&[service, "east-west"]),
            spec: spec.into(),
            intents: intents.to_vec(),
            observed: false,
        };
        out.manifests.push(draft.finish(context.gitops));
    }
}
