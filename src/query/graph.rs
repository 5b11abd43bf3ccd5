//! Who calls what, for pictures: services, who they let in, and where they run, as the intents say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::change::Ledger;
use crate::intent::rules::{clients, effective_protocol, is_closed};
use crate::intent::tree::group_of_guest;
use crate::intent::{Anchor, Kind, Topology};

/// Services and the calls that intents name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// Services, by namespace and name.
    pub services: Vec<Service>,
    /// Calls, by service and caller.
    pub calls: Vec<Call>,
}

/// A service that inbound intents are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// `namespace/service`.
    pub name: String,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Where it runs, as `provider/cluster`.
    pub clusters: BTreeSet<String>,
    /// Whether only those may call that are named; a service of several intents is closed once one of them is.
    pub closed: bool,
    /// The inbound intents about it.
    pub intents: Vec<Anchor>,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// What it really speaks, in Istio's words.
    pub protocol: &'static str,
}

/// Somebody who is let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The calling Service, as `namespace/service`; where its namespace is not known, its name alone.
    pub from: String,
    /// What is called, as `namespace/service`.
    pub to: String,
    /// Where the calling app runs.
    pub clusters: BTreeSet<String>,
    /// The identities that may call, as `namespace/service account`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service_accounts: Vec<String>,
    /// The namespaces whose every identity may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// The client intent that says so.
    pub intent: Anchor,
}

/// The services of a namespace, or of all, as main has them.
#[must_use]
pub fn graph(ledger: &Ledger, namespace: Option<&str>) -> Graph {
    let base = &ledger.base;
    let tree = &base.tree;
    let topology = Topology::new(tree, &base.settings.cluster_defaults);
    let clusters = |anchor: &Anchor, app| -> BTreeSet<String> {
        let group = anchor.ancestor(Kind::DeploymentIntentGroup);
        let found = group.and_then(|group| topology.clusters(&group, app).ok()).unwrap_or_default();
        found.iter().map(ToString::to_string).collect()
    };
    let (mut services, mut calls) = (BTreeMap::new(), vec![]);
    for (home, name) in tree.services().filter(|(home, _)| namespace.is_none_or(|asked| asked == home.as_str())) {
        let full = format!("{home}/{name}");
        let mut service =
            Service { name: full.clone(), ports: vec![], clusters: BTreeSet::new(), closed: false, intents: vec![] };
        for anchor in tree.of_service(home, name) {
            let Some(inbound) = tree.inbound(anchor) else { continue };
            let protocol = effective_protocol(tree, anchor, inbound).as_str();
            service.ports.push(Port { number: inbound.port.number(), protocol });
            service.clusters.extend(clusters(anchor, &inbound.app));
            service.closed |= is_closed(tree, anchor);
            service.intents.push(anchor.clone());
            for (intent, client) in clients(tree, anchor) {
                let guest = group_of_guest(client);
                let of = guest.as_ref().unwrap_or(anchor);
                let from = match tree.namespace(of) {
                    Some(namespace) => format!("{namespace}/{}", client.service),
                    None => client.service.to_string(),
                };
                calls.push(Call {
                    from,
                    to: full.clone(),
                    clusters: clusters(of, &client.app),
                    service_accounts: client.service_accounts.iter().map(ToString::to_string).collect(),
                    namespaces: client.namespaces.iter().map(ToString::to_string).collect(),
                    intent: intent.clone(),
                });
            }
        }
        service.ports.sort();
        service.ports.dedup();
        services.insert(full, service);
    }
    calls.sort_by(|one, other| (&one.to, &one.from, &one.intent).cmp(&(&other.to, &other.from, &other.intent)));
    Graph { services: services.into_values().collect(), calls }
}
