//! Files: headers, labels, annotations, the namespace's own file, paths.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::intent::settings::GitOps;
use crate::render::{Manifest, Outside, is_namespace_file, namespace_directory};

fn mesh() -> Tree {
    tree(&[
        server("cart", json!({"externalSupport": true, "externalName": "cart.example.com", "mtls": "strict"})),
        client("cart", "web", json!({})),
        client("cart", "batch", json!({"app": "batch"})),
    ])
}

#[test]
fn a_file_begins_with_the_intents_it_comes_from_sorted() {
    let rendered = everything(&mesh());
    let manifest = &rendered.manifests["clusters/gke/east/shop/cart/authorizationpolicy-cart-allow.yaml"];
    let intents = ["inbound-intents/cart", "inbound-intents/cart/clients/batch", "inbound-intents/cart/clients/web"]
        .map(|end| format!("{PROD}/traffic-group-intents/t/{end}"));
    assert_eq!(manifest.intents.iter().map(|intent| intent.as_str()).collect::<Vec<_>>(), intents);
    let header: String = intents.iter().map(|intent| format!("# {intent}\n")).collect();
    let first = "# Rendered by Meshwright from the intents below: change them, not this file.\n";
    assert!(
        manifest.text.starts_with(&format!("{first}{header}apiVersion: security.istio.io/v1\n")),
        "{}",
        manifest.text
    );
    let metadata = &manifest.resource.metadata;
    assert_eq!(metadata.labels["app.kubernetes.io/managed-by"], "meshwright");
    assert_eq!(metadata.annotations["meshwright.dev/intents"], intents.join("\n"));
}

#[test]
fn a_file_of_many_intents_names_the_servers_and_counts_their_clients() {
    let of = |count: usize, more: &str| {
        let names = (0..count).map(|n| format!("c{n}{more}"));
        let clients = names.map(|name| {
            client("cart", &name, json!({"serviceAccounts": ["shop/web"], "serviceName": "web", "appLabel": "app=web"}))
        });
        let rendered = rendered(&[vec![server("cart", json!({}))], clients.collect()].concat());
        rendered.manifests["clusters/gke/east/shop/cart/authorizationpolicy-cart-allow.yaml"].clone()
    };
    let annotation = |manifest: &Manifest| manifest.resource.metadata.annotations["meshwright.dev/intents"].clone();
    assert_eq!(annotation(&of(99, "")).lines().count(), 100);
    let server = format!("{PROD}/traffic-group-intents/t/inbound-intents/cart");
    for (count, more) in [(100, ""), (99, &*"x".repeat(100))] {
        let manifest = of(count, more);
        assert_eq!(annotation(&manifest), format!("{server}\nand {count} clients"));
        assert!(manifest.text.contains(&format!("\n# {server}\n# and {count} clients\napiVersion: ")));
        assert_eq!(manifest.intents.len(), count + 1);
    }
}

#[test]
fn a_file_that_kubernetes_would_not_take_blocks() {
    let of = |count: usize| {
        let accounts: Vec<_> = (0..256).map(|n| format!("shop/a{n}{}", "x".repeat(58))).collect();
        let clients = (0..count).map(|n| {
            client("cart", &format!("c{n}"), json!({"serviceAccounts": accounts, "cidrs": [format!("10.0.0.{n}")]}))
        });
        rendered(&[vec![server("cart", json!({}))], clients.collect()].concat())
    };
    assert!(errors(&of(20)).is_empty());
    let blocked = of(50);
    assert_eq!(errors(&blocked), ["render/too-large"]);
    let finding = blocked.findings.iter().find(|finding| finding.rule == "render/too-large").unwrap();
    assert!(finding.place.path.ends_with("/inbound-intents/cart"), "{finding}");
    assert!(
        finding.message.starts_with("clusters/gke/east/shop/cart/authorizationpolicy-cart-allow.yaml"),
        "{finding}"
    );
}

#[test]
fn every_namespace_directory_keeps_a_file_that_depends_on_its_path_alone() {
    let rendered = everything(&mesh());
    let directories: BTreeSet<_> = rendered.manifests.keys().filter_map(|path| namespace_directory(path)).collect();
    assert_eq!(directories.iter().copied().collect::<Vec<_>>(), ["clusters/gke/east/shop", "clusters/gke/west/shop"]);
    for directory in directories {
        let file = &rendered.manifests[&format!("{directory}/configmap-meshwright.yaml")];
        assert!(is_namespace_file(&file.path, file.text.as_bytes()));
    }
}

#[test]
fn argo_cd_syncs_what_routes_name_before_routes_before_policies() {
    let tree = mesh();
    let settings = Settings { gitops: GitOps::ArgoCd, ..Settings::default() };
    let rendered = render(&tree, &settings, &Scope::everything(&tree), Outside::None);
    let mut waves = BTreeSet::new();
    for manifest in rendered.manifests.values() {
        let wave = manifest.resource.metadata.annotations.get("argocd.argoproj.io/sync-wave").cloned();
        waves.insert((wave, manifest.resource.kind_name().to_owned()));
    }
    let expected = [
        (None, "ConfigMap"),
        (Some("0"), "DestinationRule"),
        (Some("0"), "Gateway"),
        (Some("0"), "ServiceEntry"),
        (Some("1"), "VirtualService"),
        (Some("2"), "AuthorizationPolicy"),
        (Some("2"), "PeerAuthentication"),
    ];
    assert_eq!(waves, expected.map(|(wave, kind)| (wave.map(str::to_owned), kind.to_owned())).into());
}

#[test]
fn names_that_end_in_roles_never_meet() {
    let names = ["a", "a-allow", "a-east", "a-east-west", "a-remote", "a-mtls", "a-deny"];
    let documents: Vec<String> = names
        .iter()
        .flat_map(|name| {
            let label = format!("app={name}");
            let said = json!({"serviceName": name, "appLabel": label, "mtls": "strict", "externalSupport": true,
                "externalName": format!("{name}.example.com")});
            let deny = access_point(name, "batch", "deny", json!({"action": "DENY", "url": ["/x"]}));
            [server(name, said), client(name, "batch", json!({"app": "batch"})), deny]
        })
        .collect();
    let rendered = rendered(&documents);
    assert_eq!(paths(&rendered).len(), names.len() * 8);
    let mut seen = BTreeSet::new();
    for manifest in rendered.manifests.values() {
        let metadata = &manifest.resource.metadata;
        let directory = namespace_directory(&manifest.path).unwrap().to_owned();
        assert!(
            seen.insert((directory, manifest.resource.kind_name().to_owned(), metadata.name.clone())),
            "{}",
            manifest.path
        );
        assert!(crate::intent::scalar::DnsLabel::parse(&metadata.name).is_ok());
    }
}
