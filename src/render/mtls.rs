//! PeerAuthentication: what peers of a workload must speak, when a server says so.

use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::workload::Workload;
use crate::intent::spec::Mtls;
use crate::istio::{MutualTls, MutualTlsMode, PeerAuthentication};

/// Renders the PeerAuthentication of a workload; none while it is only observed, because it cannot be tried out.
pub(super) fn render(workload: &Workload<'_, '_>, context: &Context<'_>, out: &mut Output) {
    let live = || workload.servers().filter(|server| !server.terminated);
    let said = |wanted: Mtls| live().any(|server| server.inbound.mtls == wanted);
    let mode = match () {
        () if workload.observed => return,
        () if said(Mtls::Strict) => MutualTlsMode::Strict,
        () if said(Mtls::Permissive) => MutualTlsMode::Permissive,
        () => return,
    };
    let spec = PeerAuthentication {
        selector: Some(workload.selector()),
        mtls: Some(MutualTls { mode: Some(mode) }),
        ..PeerAuthentication::default()
    };
    let saying = live().filter(|server| server.inbound.mtls != Mtls::Inherit);
    let draft = Draft {
        cluster: workload.cluster,
        namespace: workload.namespace.as_str(),
        service: workload.service,
        name: resource_name(&[workload.service, "mtls"]),
        spec: spec.into(),
        intents: saying.map(|server| server.anchor.clone()).collect(),
        observed: false,
    };
    out.manifests.push(draft.finish(context.gitops));
}
