//! An outbound server, resolved: what the tree says about it and its caller in one place.

use crate::finding::{Finding, Place};
use crate::intent::scalar::DnsLabel;
use crate::intent::spec::{Outbound, OutboundServer, Via};
use crate::intent::{Anchor, Kind, Tree, outbound};
use crate::render::places::{Clusters, Places};

/// An outbound server with its caller.
pub(super) struct Callee<'t> {
    /// The intent.
    pub(super) anchor: &'t Anchor,
    /// What it says.
    pub(super) server: &'t OutboundServer,
    /// What its caller says.
    pub(super) caller: &'t Outbound,
    /// Where the caller lives.
    pub(super) namespace: &'t DnsLabel,
    /// Where the caller runs.
    pub(super) clusters: Clusters,
}

impl<'t> Callee<'t> {
    /// The outbound server at `anchor`; none where nothing may be rendered for it.
    ///
    /// # Errors
    /// What is missing, at the intent of the caller.
    pub(super) fn resolve(
        tree: &'t Tree,
        anchor: &'t Anchor,
        places: &mut Places<'t>,
    ) -> Result<Option<Self>, Finding> {
        let Some((caller, server)) = outbound::server(tree, anchor) else { return Ok(None) };
        let (Some(group), Some(intent)) = (anchor.ancestor(Kind::DeploymentIntentGroup), anchor.parent()) else {
            return Ok(None);
        };
        if places.terminated(&group) {
            return Ok(None);
        }
        let at_caller = |missing| Finding { place: Place::pointing(intent.as_str(), "/spec/app"), ..missing };
        let namespace = places.namespace(&group)?;
        let clusters = places.clusters(&group, &caller.app).map_err(at_caller)?;
        Ok(Some(Self { anchor, server, caller, namespace, clusters }))
    }

    /// Whether it is reached through the egress gateway.
    pub(super) fn exits(&self) -> bool {
        self.server.via == Via::EgressGateway
    }
}
