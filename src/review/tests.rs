use super::testing::{With, rendered, rule};
use super::*;
use crate::finding::Place;
use crate::render::Rendered;

fn files(before: &Rendered, after: &Rendered) -> Vec<FileChange> {
    let text = |rendered: &Rendered, path: &str| rendered.manifests.get(path).map(|manifest| manifest.text.clone());
    let paths: BTreeSet<&String> = before.manifests.keys().chain(after.manifests.keys()).collect();
    let change = |path: &String| {
        let (happening, old, new) = match (text(before, path), text(after, path)) {
            (Some(old), Some(new)) if old == new => return None,
            (Some(old), Some(new)) => (Happening::Changed, old, new),
            (Some(old), None) => (Happening::Removed, old, String::new()),
            (None, new) => (Happening::Added, String::new(), new.unwrap_or_default()),
        };
        Some(FileChange { path: path.clone(), happening, old, new })
    };
    paths.into_iter().filter_map(change).collect()
}

fn planned(before: &Rendered, after: &Rendered, strays: &[Stray], deletions_cap: usize) -> Plan {
    let (files, digest) = (files(before, after), "d1".to_owned());
    plan(Input { before, after, files, strays, overwritten: vec![], digest, findings: vec![], deletions_cap })
}

/// A small plan with something of everything.
pub(super) fn small() -> Plan {
    let before = rendered().open("gke/east", "httpbin").open("gke/west", "httpbin").closed("gke/west", "old", "");
    let allowed = rule("frontend", "methods: [GET], paths: [/status/*]");
    let mut after = rendered().closed("gke/east", "httpbin", &allowed).closed("gke/west", "httpbin", &allowed);
    after.findings = vec![
        Finding::warning("render/tcp", Place::at("intents/a"), "TCP is taken as HTTP", "name the port http"),
        Finding::error("topology/x", Place::pointing("intents/b", "/spec"), "no address is known", "post one"),
        Finding::warning("render/tcp", Place::at("intents/a"), "TCP is taken as HTTP", "name the port http"),
    ];
    planned(&before, &after, &[], 100)
}

#[test]
fn a_small_plan_reads_like_this() {
    assert_eq!(
        words::summary(&small()),
        "\
2 added, 1 removed in 2 clusters, 3 files; blocked

Access
  shop/old opens, because its intent is deleted: every caller in the mesh may call it; until now nobody could (on gke/west)
  shop/httpbin closes: only shop/frontend (GET /status/*) may call it; every other caller in the mesh loses access, as \
         far as this repository shows (on gke/east and gke/west)

Resources
  gke/east: 1 added
    + AuthorizationPolicy shop/httpbin
  gke/west: 1 added, 1 removed
    + AuthorizationPolicy shop/httpbin
    - AuthorizationPolicy shop/old

Blocks
  intents/b#/spec [topology/x]
    no address is known
    → post one

Warnings
  intents/a [render/tcp]
    TCP is taken as HTTP
    → name the port http
"
    );
}

#[test]
fn a_plan_of_nothing_says_so() {
    assert_eq!(words::summary(&Plan::default()), "nothing changes\n");
}

#[test]
fn clusters_that_change_alike_are_shown_once() {
    let after = (0..38).fold(rendered(), |all, n| all.closed(&format!("gke/c{n:02}"), "httpbin", ""));
    let text = words::summary(&planned(&rendered(), &after, &[], 100));
    let expected =
        "\nResources\n  gke/c00 and the same in 37 more clusters: 1 added\n    + AuthorizationPolicy shop/httpbin\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_plan_serialises_with_whether_it_is_blocked() {
    let value = serde_json::to_value(small()).unwrap();
    assert_eq!((&value["blocked"], &value["digest"]), (&true.into(), &"d1".into()));
    assert_eq!(value["access"][1]["shift"], "closed");
    assert_eq!(value["files"][0]["happening"], "added");
    assert_eq!(value["resources"][0]["path"], "clusters/gke/east/shop/httpbin/authorizationpolicy-httpbin.yaml");
}

#[test]
fn a_resource_whose_file_moves_is_changed() {
    let policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n";
    let before = rendered().file("gke/east", "shop/a/authorizationpolicy-p.yaml", policy);
    let after = rendered().file("gke/east", "shop/b/authorizationpolicy-p.yaml", policy);
    let plan = planned(&before, &after, &[], 100);
    assert_eq!(plan.resources.len(), 1);
    assert_eq!((plan.resources[0].happening, &*plan.resources[0].name), (Happening::Changed, "shop/p"));
}

#[test]
fn the_file_that_keeps_a_directory_is_not_said_to_go() {
    let keeper = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: meshwright, namespace: shop}\n";
    let before = rendered().file("gke/east", "shop/configmap-meshwright.yaml", keeper);
    assert_eq!(planned(&before, &rendered(), &[], 100).resources, []);
    assert_eq!(planned(&rendered(), &before, &[], 100).resources.len(), 1);
}

#[test]
fn more_deletions_than_the_cap_block_with_the_way_out() {
    let before = (0..3).fold(rendered(), |all, n| all.closed("gke/east", &format!("s{n}"), ""));
    let rules = |cap| {
        let plan = planned(&before, &rendered(), &[], cap);
        plan.findings.into_iter().map(|finding| (finding.own_rule(), finding.remedy)).collect::<Vec<_>>()
    };
    assert_eq!(rules(3), []);
    let remedy =
        "look whether this is meant; if it is, split the change, or raise caps.deletions in meshwright.yaml to 3";
    assert_eq!(rules(2), [("plan/deletions", remedy.to_owned())]);
}

#[test]
fn only_what_changes_is_linted() {
    let bad = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: shop}\n\
               spec: {servers: [{port: {number: 70000, protocol: HTTP, name: h}, hosts: ['*']}]}\n";
    let with = rendered().file("gke/east", "shop/a/gateway-g.yaml", bad);
    assert!(planned(&rendered(), &with, &[], 1).is_blocked());
    assert!(!planned(&with, &with, &[], 1).is_blocked());
}

#[test]
fn what_was_so_before_is_told_of_what_the_change_touches_alone() {
    let server = |name: &str| {
        let group = "projects/p/composite-apps/a/v1/deployment-intent-groups/d/traffic-group-intents/t";
        format!("{group}/inbound-intents/{name}")
    };
    let mut before = rendered().open("gke/east", "cart");
    before.findings = vec![
        Finding::warning("access/trust-domain", Place::at("cluster-providers/gke/clusters/east"), "shared", ""),
        Finding::note("access/nobody", Place::at(server("other")), "nobody"),
        Finding::note("access/nobody", Place::at(server("cart")), "nobody"),
        Finding::error("topology/x", Place::at(server("other")), "wrong", ""),
    ];
    let mut after = before.clone();
    after.findings.push(Finding::warning("access/wider", Place::at(server("other")), "wide", ""));
    let path = "intents/p/a/v1/d/t/inbound/cart.yaml".to_owned();
    let file = FileChange { path, happening: Happening::Changed, old: String::new(), new: "#".into() };
    let plan = plan(Input {
        before: &before,
        after: &after,
        files: vec![file],
        strays: &[],
        overwritten: vec![],
        digest: String::new(),
        findings: vec![],
        deletions_cap: 1,
    });
    let told = plan.findings.iter().map(|finding| (&*finding.rule, finding.place.path.clone()));
    let expected = [("topology/x", "other"), ("access/wider", "other"), ("access/nobody", "cart")];
    assert_eq!(told.collect::<Vec<_>>(), expected.map(|(rule, of)| (rule, server(of))));
}

fn ours() -> Rendered {
    rendered()
        .file(
            "gke/east",
            "shop/cart/destinationrule-cart.yaml",
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: cart, namespace: shop}\n\
             spec: {host: cart.shop.svc.cluster.local, exportTo: ['.', web]}\n",
        )
        .file(
            "gke/east",
            "shop/cart/virtualservice-cart.yaml",
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: cart, namespace: shop}\n\
             spec: {hosts: [cart.shop.svc.cluster.local]}\n",
        )
        .file(
            "gke/east",
            "shop/cart/peerauthentication-cart.yaml",
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: cart, namespace: shop}\n\
             spec: {selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}}\n",
        )
        .file(
            "gke/east",
            "shop/cart/gateway-cart.yaml",
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: cart, namespace: shop}\n\
             spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, protocol: HTTP, name: h}, \
             hosts: [shop/Cart.example.com]}]}\n",
        )
        .file(
            "gke/east",
            "shop/cart/serviceentry-cart.yaml",
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: cart, namespace: shop}\n\
             spec: {hosts: [api.example.com], exportTo: ['.']}\n",
        )
        .file(
            "gke/east",
            "shop/cart/sidecar-cart.yaml",
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: cart, namespace: shop}\n\
             spec: {workloadSelector: {labels: {app: cart}}, egress: [{hosts: [./api.example.com]}]}\n",
        )
}

fn rules(path: &str, kind: &str, namespace: &str, spec: &str) -> Vec<&'static str> {
    let group = if kind == "PeerAuthentication" { "security" } else { "networking" };
    let text = format!(
        "apiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {{name: hand, namespace: {namespace}}}\nspec: {spec}\n"
    );
    overlaps(&ours(), &[Stray::read(path, &text)]).iter().map(Finding::own_rule).collect()
}

#[test]
fn a_hand_written_manifest_that_fights_a_generated_one_blocks() {
    for (kind, namespace, spec, rule) in [
        ("DestinationRule", "shop", "{host: cart}", "overlap/destination-rule"),
        ("DestinationRule", "web", "{host: cart.shop.svc.cluster.local, exportTo: ['.']}", "overlap/destination-rule"),
        (
            "VirtualService",
            "web",
            "{hosts: [a, cart.shop.svc.cluster.local], gateways: [g, mesh]}",
            "overlap/virtual-service",
        ),
        ("PeerAuthentication", "shop", "{selector: {matchLabels: {app: cart}}}", "overlap/peer-authentication"),
        (
            "Gateway",
            "web",
            "{selector: {istio: ingressgateway}, servers: [{port: {number: 80}, hosts: ['*/cart.example.com']}]}",
            "overlap/gateway",
        ),
        ("ServiceEntry", "web", "{hosts: [api.example.com]}", "overlap/service-entry"),
        ("Sidecar", "shop", "{workloadSelector: {labels: {app: cart}}}", "overlap/sidecar"),
    ] {
        assert_eq!(rules("clusters/gke/east/by-hand.yaml", kind, namespace, spec), [rule], "{spec}");
        assert_eq!(rules("clusters/gke/west/by-hand.yaml", kind, namespace, spec), [""; 0], "another cluster: {spec}");
        assert_eq!(rules("docs/by-hand.yaml", kind, namespace, spec), [""; 0], "no cluster: {spec}");
    }
}

#[test]
fn a_hand_written_manifest_that_nobody_sees_beside_ours_is_left_alone() {
    let path = "clusters/gke/east/by-hand.yaml";
    for (kind, namespace, spec) in [
        ("DestinationRule", "other", "{host: cart.shop.svc.cluster.local, exportTo: ['.']}"),
        ("DestinationRule", "other", "{host: cart}"),
        ("VirtualService", "shop", "{hosts: [cart], gateways: [edge]}"),
        ("PeerAuthentication", "shop", "{mtls: {mode: STRICT}}"),
        ("PeerAuthentication", "web", "{selector: {matchLabels: {app: cart}}}"),
        ("Gateway", "web", "{selector: {istio: other}, servers: [{port: {number: 80}, hosts: [cart.example.com]}]}"),
        ("ServiceEntry", "web", "{hosts: [api.example.com], exportTo: ['.']}"),
    ] {
        assert_eq!(rules(path, kind, namespace, spec), [""; 0], "{kind} {spec}");
    }
}

#[test]
fn an_overlap_names_both_files_and_the_way_out() {
    let path = "clusters/gke/east/by-hand.yaml";
    let text = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: h, namespace: shop}\n\
                spec: {host: cart}\n";
    let finding = overlaps(&ours(), &[Stray::read(path, text)]).remove(0);
    assert_eq!(
        finding.to_string(),
        "error[overlap/destination-rule] clusters/gke/east/by-hand.yaml: it holds a DestinationRule of host \
         cart.shop.svc.cluster.local, and so does the generated clusters/gke/east/shop/cart/destinationrule-cart.yaml: \
         Istio would follow one of them, and nobody says which — remove it from clusters/gke/east/by-hand.yaml and say \
         what it does in the intent, or take the setting out of the intent so that \
         clusters/gke/east/shop/cart/destinationrule-cart.yaml goes away"
    );
}

#[test]
fn a_file_of_ours_that_nothing_renders_is_stale_and_does_not_block_others() {
    let text = |kind: &str| {
        format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: x, labels: {{app.kubernetes.io/managed-by: meshwright}}}}\n"
        )
    };
    let stale = [Stray::read("clusters/gke/east/shop/a/secret-x.yaml", &text("Secret"))];
    let found = overlaps(&ours(), &stale);
    assert_eq!((&*found[0].rule, found[0].severity), ("check/stale", Severity::Error));
    assert!(!planned(&rendered(), &rendered(), &stale, 1).is_blocked());
    let keeper = [Stray::read("clusters/gke/east/shop/configmap-meshwright.yaml", &text("ConfigMap"))];
    assert_eq!(overlaps(&ours(), &keeper), []);
}

#[test]
fn a_hand_written_file_is_never_overwritten() {
    let stray = [Stray::read("clusters/gke/east/shop/cart/gateway-cart.yaml", "apiVersion: v1\nkind: Secret\n")];
    let rules: Vec<_> = overlaps(&ours(), &stray).iter().map(Finding::own_rule).collect();
    assert_eq!(rules, ["overlap/file"]);
}

#[test]
fn a_plan_does_not_miss_what_only_a_check_of_everything_could_see() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: cart, namespace: shop}\nspec: \
                {host: cart.shop.svc.cluster.local}\n";
    let route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: cart, namespace: shop}\nspec: \
                 {hosts: [cart.shop.svc.cluster.local], http: [{route: [{destination: {host: cart.shop.svc.cluster.local}}]}]}\n";
    let after = rendered().file("gke/east", "shop/cart/destinationrule-cart.yaml", rule).file(
        "gke/east",
        "shop/cart/virtualservice-cart.yaml",
        route,
    );
    let other =
        "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: shop}\nspec: {ports: [{port: 80}]}\n";
    let strays = [Stray::read("clusters/gke/east/shop/other.yaml", other)];
    let all = across(&after, &strays, |_| true);
    let found: BTreeSet<_> = all.iter().map(|it| &*it.rule).collect();
    assert_eq!(found, BTreeSet::from(["istio/IST0101", "istio/IST0174"]));
    assert_eq!(planned(&rendered(), &after, &strays, 1).findings, []);
}
