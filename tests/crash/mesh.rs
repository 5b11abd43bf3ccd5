//! What the load writes: resources of a few groups that several writers share, without contradictions between them.

use serde_json::{Value, json};

/// How many deployment intent groups there are.
pub(crate) const GROUPS: usize = 3;
/// How many writers there are; each has a traffic group of its own in the groups it writes to.
pub(crate) const WRITERS: usize = 3;

const APP: &str = "projects/shop/composite-apps/boutique/v1";

/// The topology: it is merged before anything is killed.
pub(crate) fn topology() -> String {
    let mut text = String::from(
        "base: projects/shop
---
anchor: cluster-providers
metadata: {name: gke}
---
anchor: cluster-providers/gke/clusters
metadata: {name: east}
---
anchor: projects
metadata: {name: shop}
---
anchor: logical-clouds
metadata: {name: shop}
spec: {namespace: shop}
---
anchor: composite-apps
metadata: {name: boutique}
spec: {compositeAppVersion: v1}
",
    );
    for app in ["server", "caller"] {
        text += &format!("---\nanchor: composite-apps/boutique/v1/apps\nmetadata: {{name: {app}}}\n");
    }
    for n in 0..GROUPS {
        let group = format!("composite-apps/boutique/v1/deployment-intent-groups/g{n}");
        text += &format!(
            "---\nanchor: composite-apps/boutique/v1/deployment-intent-groups\nmetadata: {{name: g{n}}}\n\
             spec: {{logicalCloud: shop}}\n---\nanchor: {group}/generic-placement-intents\nmetadata: {{name: here}}\n"
        );
        for app in ["server", "caller"] {
            text += &format!(
                "---\nanchor: {group}/generic-placement-intents/here/app-intents\nmetadata: {{name: {app}}}\n\
                 spec: {{app: {app}, intent: {{allOf: [{{clusterProvider: gke, cluster: east}}]}}}}\n"
            );
        }
        for writer in 0..WRITERS {
            text += &format!("---\nanchor: {group}/traffic-group-intents\nmetadata: {{name: t{writer}}}\n");
        }
    }
    text
}

/// The path of a deployment intent group.
pub(crate) fn group(n: usize) -> String {
    format!("{APP}/deployment-intent-groups/g{n}")
}

/// The collection of the servers that a writer keeps in a group.
pub(crate) fn servers(group: usize, writer: usize) -> String {
    format!("{}/traffic-group-intents/t{writer}/inbound-intents", self::group(group))
}

/// Every resource that a writer may write, parents first.
pub(crate) fn places(writer: usize) -> Vec<String> {
    let mut places = vec![];
    for group in [writer % GROUPS, (writer + 1) % GROUPS] {
        for server in 0..2 {
            let server = format!("{}/s{group}{writer}{server}", servers(group, writer));
            places.push(server.clone());
            for client in ["one", "two"] {
                places.push(format!("{server}/clients/{client}"));
            }
            places.push(format!("{server}/clients/one/access-points/read"));
        }
    }
    places.extend((0..3).map(|n| format!("projects/w{writer}{n}")));
    places
}

/// The resource that holds the one at `place`, if any.
pub(crate) fn parent(place: &str) -> Option<&str> {
    let (collection, _) = place.rsplit_once('/')?;
    let (parent, _) = collection.rsplit_once('/')?;
    Some(parent)
}

/// The collection that the resource at `place` is in.
pub(crate) fn collection(place: &str) -> &str {
    place.rsplit_once('/').map_or(place, |(collection, _)| collection)
}

/// A body for the resource at `place`, unlike any other with another `version`.
pub(crate) fn body(place: &str, version: u64) -> Value {
    let name = place.rsplit('/').next().unwrap_or_default();
    let metadata = json!({"name": name, "description": format!("version {version}")});
    match collection(place).rsplit('/').next() {
        Some("inbound-intents") => json!({"metadata": metadata, "spec": {
            "app": "server", "appLabel": format!("app={name}"), "serviceName": name, "port": 8000 + version % 1000,
            "protocol": "HTTP", "serviceMesh": "istio",
        }}),
        Some("clients") => json!({"metadata": metadata, "spec": {
            "app": "caller", "appLabel": "app=caller", "serviceName": "caller", "namespaces": [], "cidrs": [],
            "serviceAccounts": [format!("shop/{name}")],
        }}),
        Some("access-points") => json!({"metadata": metadata, "spec": {
            "url": [format!("/v{version}/*")], "access": ["GET"],
        }}),
        _ => json!({"metadata": metadata}),
    }
}

/// A bundle that puts these resources.
pub(crate) fn bundle(puts: &[(String, Value)]) -> String {
    let documents = puts.iter().map(|(place, body)| {
        let mut document = json!({"anchor": collection(place)});
        document.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        // JSON is YAML.
        format!("{document}\n")
    });
    documents.collect::<Vec<_>>().join("---\n")
}
