//! Bundles in, manifests out: one file of tests per pattern.

mod across;
mod ambient;
mod dns;
mod egress;
mod exposure;
mod fields;
mod files;
mod outbound;
mod plugins;
mod policy;
mod reach;
mod remote;
mod scope;
mod sharing;
mod token;
mod topology;
mod traffic;

use serde_json::{Map, Value, json};

use super::{Outside, Rendered, Scope, TargetAccess, render};
use crate::finding::{Finding, Severity};
use crate::intent::{Settings, Tree, testing};

/// Two clusters that trust each other. In group `prod`, whose namespace is `shop`, apps `cart` and `web` run on `east`
/// and `batch` on `west`; in group `ops`, whose namespace is `tools`, `probe` runs on both.
const MESH: &str = r#"
base: projects/p/composite-apps/a/v1/deployment-intent-groups/prod/traffic-group-intents/t
---
{anchor: cluster-providers, metadata: {name: gke}}
---
{anchor: cluster-providers/gke/clusters, metadata: {name: east}}
---
anchor: cluster-providers/gke/clusters/east/kv-pairs
metadata: {name: istio}
spec: {kv: [{istioIngressGatewayAddress: 192.0.2.1}, {istioIngressGatewayPort: 31443}]}
---
{anchor: cluster-providers/gke/clusters, metadata: {name: west}, spec: {dnsProxy: true, trustDomain: west.example}}
---
{anchor: projects, metadata: {name: p}}
---
{anchor: projects/p/logical-clouds, metadata: {name: shop}, spec: {namespace: shop}}
---
{anchor: projects/p/logical-clouds, metadata: {name: tools}, spec: {namespace: tools}}
---
{anchor: projects/p/composite-apps, metadata: {name: a}, spec: {compositeAppVersion: v1}}
---
{anchor: projects/p/composite-apps/a/v1/apps, metadata: {name: cart}}
---
{anchor: projects/p/composite-apps/a/v1/apps, metadata: {name: web}}
---
{anchor: projects/p/composite-apps/a/v1/apps, metadata: {name: batch}}
---
{anchor: projects/p/composite-apps/a/v1/apps, metadata: {name: probe}}
---
{anchor: projects/p/composite-apps/a/v1/deployment-intent-groups, metadata: {name: prod}, spec: {logicalCloud: shop}}
---
{anchor: projects/p/composite-apps/a/v1/deployment-intent-groups, metadata: {name: ops}, spec: {logicalCloud: tools}}
---
anchor: projects/p/composite-apps/a/v1/deployment-intent-groups/prod/generic-placement-intents/g/app-intents
metadata: {name: cart}
spec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}]}}
---
anchor: projects/p/composite-apps/a/v1/deployment-intent-groups/prod/generic-placement-intents/g/app-intents
metadata: {name: web}
spec: {app: web, intent: {allOf: [{clusterProvider: gke, cluster: east}]}}
---
anchor: projects/p/composite-apps/a/v1/deployment-intent-groups/prod/generic-placement-intents/g/app-intents
metadata: {name: batch}
spec: {app: batch, intent: {allOf: [{clusterProvider: gke, cluster: west}]}}
---
anchor: projects/p/composite-apps/a/v1/deployment-intent-groups/ops/generic-placement-intents/g/app-intents
metadata: {name: probe}
spec: {app: probe, intent: {allOf: [{clusterProvider: gke, cluster: east}, {clusterProvider: gke, cluster: west}]}}
"#;

/// The group that most servers of these tests are in.
const PROD: &str = "projects/p/composite-apps/a/v1/deployment-intent-groups/prod";

/// A document that is posted.
fn document(anchor: &str, name: &str, spec: Value) -> String {
    format!("---\n{}\n", json!({"anchor": anchor, "metadata": {"name": name}, "spec": spec}))
}

/// `base` with the fields of `more` over it; null takes a field away.
fn with(base: Value, more: Value) -> Value {
    let (Value::Object(base), Value::Object(more)) = (base, more) else { panic!("two objects") };
    let mut merged: Map<_, _> = base.into_iter().chain(more).collect();
    merged.retain(|_, value| !value.is_null());
    Value::Object(merged)
}

/// An HTTP server `cart` on port 80 of Service `cart`, 8080 of its pods, with `more` said.
fn server(name: &str, more: Value) -> String {
    let base = json!({"app": "cart", "appLabel": "app=cart", "serviceName": "cart", "port": 80, "targetPort": 8080,
        "protocol": "HTTP", "serviceMesh": "istio"});
    document("inbound-intents", name, with(base, more))
}

/// A client of `server` with service account `shop/<name>` and app `web`, with `more` said.
fn client(server: &str, name: &str, more: Value) -> String {
    let base = json!({"app": "web", "appLabel": format!("app={name}"), "serviceName": name, "namespaces": [], "cidrs": [],
        "serviceAccounts": [format!("shop/{name}")]});
    document(&format!("inbound-intents/{server}/clients"), name, with(base, more))
}

fn access_point(server: &str, client: &str, name: &str, spec: Value) -> String {
    document(&format!("inbound-intents/{server}/clients/{client}/access-points"), name, spec)
}

fn tree(documents: &[String]) -> Tree {
    testing::tree(&(MESH.to_owned() + &documents.concat()))
}

/// The mesh with some clusters, placements or anything else said otherwise.
fn tree_instead(old: &str, new: &str, documents: &[String]) -> Tree {
    assert!(MESH.contains(old), "{old}");
    testing::tree(&(MESH.replace(old, new) + &documents.concat()))
}

fn everything(tree: &Tree) -> Rendered {
    render(tree, &Settings::default(), &Scope::everything(tree), Outside::None)
}

fn rendered(documents: &[String]) -> Rendered {
    everything(&tree(documents))
}

/// The paths below `clusters/gke/`, but for the files that keep directories.
fn paths(rendered: &Rendered) -> Vec<&str> {
    let all = rendered.manifests.values().filter(|manifest| !manifest.intents.is_empty());
    all.map(|manifest| manifest.path.strip_prefix("clusters/gke/").unwrap()).collect()
}

/// The spec of the one manifest whose path ends so.
fn spec(rendered: &Rendered, end: &str) -> Value {
    let found: Vec<_> = rendered.manifests.values().filter(|manifest| manifest.path.ends_with(end)).collect();
    let [manifest] = found[..] else { panic!("{end}: {} among {:#?}", found.len(), paths(rendered)) };
    serde_json::to_value(&manifest.resource).unwrap()["spec"].clone()
}

/// The rules of `cart`'s policy with this role.
fn rules(rendered: &Rendered, role: &str) -> Value {
    spec(rendered, &format!("authorizationpolicy-cart-{role}.yaml"))["rules"].clone()
}

/// The rules of findings that are at least this severe.
fn said(rendered: &Rendered, severity: Severity) -> Vec<&'static str> {
    rendered.findings.iter().filter(|finding| finding.severity >= severity).map(Finding::own_rule).collect()
}

fn errors(rendered: &Rendered) -> Vec<&'static str> {
    said(rendered, Severity::Error)
}

/// How the pods of `app=<label>` decide, by cluster.
fn decides(rendered: &Rendered, label: &str) -> Vec<(String, TargetAccess)> {
    let label = format!("app={label}");
    let targets = rendered.targets.iter().filter(|target| target.label == label);
    targets.map(|target| (target.cluster.cluster.clone(), target.access)).collect()
}
