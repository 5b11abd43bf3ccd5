//! A mesh of any size: two clusters, and projects of one namespace each.

use std::fmt::Write as _;

use meshwright::intent::{Anchor, Bundle, Kind, Resource, Tree, layout};
use meshwright::repo::Edits;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::Outcome;

const CLUSTERS: [&str; 2] = ["east", "west"];

/// How large a mesh is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Projects, each with a namespace and a deployment intent group of its own.
    pub(crate) namespaces: usize,
    /// Services in each. Every other one runs on the other cluster; each is called by one on its own cluster and one on
    /// the other, which takes four manifests.
    pub(crate) services: usize,
}

impl Plan {
    /// The plan of about that many services.
    pub(crate) fn of(services: usize) -> Self {
        Self { namespaces: services.div_ceil(50), services: services.min(50) }
    }

    /// Its services.
    pub(crate) fn total(self) -> usize {
        self.namespaces * self.services
    }

    /// The resources that say it.
    pub(crate) fn resources(self) -> Outcome<Vec<Resource>> {
        let mut resources = read(&clusters())?;
        let projects = (0..self.namespaces).into_par_iter().map(|namespace| read(&self.project(namespace)));
        let projects = projects.collect::<Result<Vec<_>, String>>()?;
        resources.extend(projects.into_iter().flatten());
        Ok(resources)
    }

    /// The same as a tree.
    pub(crate) fn tree(self) -> Outcome<Tree> {
        Ok(self.resources()?.into_iter().collect())
    }

    /// A traffic group, below which inbound intents live.
    pub(crate) fn group(namespace: usize) -> String {
        format!(
            "projects/team-{namespace}/composite-apps/shop/v1/deployment-intent-groups/prod/traffic-group-intents/web"
        )
    }

    /// A client intent.
    pub(crate) fn client(namespace: usize, service: usize, client: &str) -> String {
        format!("{}/inbound-intents/service-{service}/clients/{client}", Self::group(namespace))
    }

    fn project(self, namespace: usize) -> String {
        let app = format!("projects/team-{namespace}/composite-apps/shop/v1");
        let mut text = format!(
            "base: {app}/deployment-intent-groups/prod
---
{{anchor: projects, metadata: {{name: team-{namespace}}}}}
---
{{anchor: projects/team-{namespace}/logical-clouds, metadata: {{name: lc}}, spec: {{namespace: team-{namespace}}}}}
---
{{anchor: projects/team-{namespace}/composite-apps, metadata: {{name: shop}}, spec: {{compositeAppVersion: v1}}}}
---
{{anchor: {app}/deployment-intent-groups, metadata: {{name: prod}}, spec: {{logicalCloud: lc}}}}
---
{{anchor: generic-placement-intents, metadata: {{name: placement}}}}
---
{{anchor: traffic-group-intents, metadata: {{name: web}}}}
"
        );
        for service in 0..self.services {
            let cluster = CLUSTERS[service % 2];
            let _ = write!(
                text,
                "---
{{anchor: {app}/apps, metadata: {{name: app-{service}}}}}
---
anchor: generic-placement-intents/placement/app-intents
metadata: {{name: app-{service}}}
spec: {{app: app-{service}, intent: {{allOf: [{{clusterProvider: gke, cluster: {cluster}}}]}}}}
---
anchor: traffic-group-intents/web/inbound-intents
metadata: {{name: service-{service}}}
spec: {{app: app-{service}, appLabel: app=app-{service}, serviceName: service-{service}, port: 80, targetPort: 8080,
  protocol: HTTP, serviceMesh: istio, serviceAccount: app-{service}}}
"
            );
            for (name, step) in [("near", 2), ("far", 1)] {
                let caller = (service + step) % self.services;
                let _ = write!(
                    text,
                    "---
anchor: traffic-group-intents/web/inbound-intents/service-{service}/clients
metadata: {{name: {name}}}
spec: {{app: app-{caller}, appLabel: app=app-{caller}, serviceName: service-{caller}, namespaces: [], cidrs: [],
  serviceAccounts: [team-{namespace}/app-{caller}]}}
---
anchor: traffic-group-intents/web/inbound-intents/service-{service}/clients/{name}/access-points
metadata: {{name: read}}
spec: {{url: [\"/items/*\", \"/health\"], access: [GET, HEAD]}}
"
                );
            }
        }
        text
    }
}

/// Two clusters whose gateways are known and whose sidecars resolve names.
fn clusters() -> String {
    let mut text = "anchor: cluster-providers\nmetadata: {name: gke}\n".to_owned();
    for (n, cluster) in CLUSTERS.into_iter().enumerate() {
        let anchor = "cluster-providers/gke/clusters";
        let _ = write!(
            text,
            "---
{{anchor: {anchor}, metadata: {{name: {cluster}}}, spec: {{dnsProxy: true}}}}
---
anchor: {anchor}/{cluster}/kv-pairs
metadata: {{name: istio}}
spec: {{kv: [{{istioIngressGatewayAddress: 192.0.2.{n}}}, {{istioIngressGatewayPort: 15443}}]}}
"
        );
    }
    text
}

fn read(text: &str) -> Result<Vec<Resource>, String> {
    let bundle = Bundle::read(text).map_err(|rejected| format!("{:?}", rejected.first()))?;
    Ok(bundle.documents.into_iter().map(|posted| posted.resource).collect())
}

/// The files of intents and topology that hold a tree.
pub(crate) fn intent_files(tree: &Tree) -> Edits {
    let heads = tree.iter().map(|resource| resource.anchor()).filter(|anchor| layout::head_of(anchor) == **anchor);
    let mut edits = Edits::new();
    for head in heads {
        if let Some(text) = layout::edit_file(None, &layout::residents(tree, head)) {
            edits.write(layout::file_of(head), text);
        }
    }
    edits
}

/// An access point as a client would post it; `n` tells it from others.
pub(crate) fn access_point(name: &str, n: usize) -> Value {
    json!({"metadata": {"name": name}, "spec": {"url": [format!("/extra/{n}")], "access": ["PUT"]}})
}

/// An inbound intent as a client would post it.
pub(crate) fn inbound(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "description": "one service of many"},
        "spec": {
            "app": "app-0", "appLabel": format!("app={name}"), "serviceName": name, "port": 80, "targetPort": 8080,
            "protocol": "HTTP", "serviceMesh": "istio", "serviceAccount": name
        }
    })
}

/// A body as it is read.
pub(crate) fn resource(parent: &str, kind: Kind, body: &Value) -> Outcome<Resource> {
    let parent = Anchor::parse(parent)?;
    Resource::read(Some(&parent), kind, body).map_err(|violations| format!("{violations:?}").into())
}
