//! What `check` finds in a checkout.

use std::fs;

use serde_json::Value;

use crate::checkout::Checkout;
use crate::{MESH, meshwright, write};

const CART: &str = "intents/shop/boutique/v1/prod/web/inbound/cart.yaml";

/// What a comparison with the commit found, by rule.
fn against(checkout: &Checkout, rules: &[&str]) -> Vec<String> {
    let run = meshwright(&checkout.root, &["check", "--base", "HEAD", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let findings = told["findings"].as_array().unwrap().iter();
    let of_rules = findings.filter(|finding| rules.iter().any(|rule| finding["rule"] == *rule));
    let text = |finding: &Value, pointer: &str| finding.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let told = |f: &Value| format!("{} {}: {}", text(f, "/severity"), text(f, "/place/path"), text(f, "/message"));
    of_rules.map(told).collect()
}

const OPENS: &[&str] = &["check/opened", "check/exposed", "check/reopened"];

#[test]
fn what_opens_against_a_base_is_told_and_called_what_it_is() {
    let checkout = Checkout::of(MESH);
    assert_eq!(against(&checkout, OPENS), [""; 0]);
    let group = "intents/shop/boutique/v1/prod/_group.yaml";
    for (path, old, new, why) in [
        (CART, "serviceMesh: istio", "serviceMesh: none", "the mesh does not guard it any more"),
        (CART, "spec:\n  app: cart\n", "spec:\n  access: open\n  app: cart\n", "its intent leaves it open"),
        (
            CART,
            "spec:\n  app: cart\n",
            "spec:\n  enforcement: observe\n  app: cart\n",
            "its policies are only observed, nothing is enforced",
        ),
        (CART, "appLabel: app=cartservice", "appLabel: app=other", "its intent selects other pods now"),
        (group, "  app: cart\n", "  app: frontend\n", "it is placed nowhere any more"),
    ] {
        checkout.edit(path, old, new);
        let told = against(&checkout, OPENS);
        assert_eq!(told.len(), 1, "{why}: {told:?}");
        assert!(told[0].starts_with(&format!("warning {CART}: shop/cartservice")), "{told:?}");
        assert!(told[0].contains(&format!("opens, because {why}: every caller")), "{told:?}");
        assert!(told[0].ends_with("until now only shop/frontend could (on gke/east)"), "{told:?}");
        checkout.undo();
    }
    fs::remove_file(checkout.root.join(CART)).unwrap();
    let told = against(&checkout, OPENS);
    assert!(told.len() == 1 && told[0].contains("opens, because its intent is deleted"), "{told:?}");
    checkout.undo();

    let exposed = "externalSupport: true\n  externalName: cart.example.com\n  serviceMesh: istio";
    checkout.edit(CART, "serviceMesh: istio", exposed);
    let told = against(&checkout, OPENS);
    let words = "now reaches shop/cartservice from outside the mesh, in plain text (on gke/east)";
    assert!(told.len() == 2 && told.iter().all(|told| told.starts_with(&format!("warning {CART}: "))), "{told:?}");
    let gains = "anybody outside the mesh through the ingress gateway gains everything on shop/cartservice";
    assert!(told[0].contains(gains) && told[1].ends_with(words), "{told:?}");
}

#[test]
fn what_was_dropped_unasked_is_wrong_and_told_once() {
    let checkout = Checkout::of(MESH);
    let text = fs::read_to_string(checkout.root.join(CART)).unwrap();
    let server = text.split("---\n").find(|document| document.contains("serviceMesh")).unwrap();
    let base = text.split("---\n").find(|document| document.starts_with("base:")).unwrap();
    write(&checkout.root, CART, &format!("{base}---\n{}", server.replace("state:\n  access: closed\n", "")));
    let told = against(&checkout, OPENS);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(&format!("error {CART}: projects/shop/")), "{told:?}");
    assert!(told[0].ends_with("was closed at HEAD and would be open to every workload of the mesh now"), "{told:?}");
}

#[test]
fn a_policy_by_hand_that_goes_opens_what_it_closed() {
    let checkout = Checkout::of(&MESH.replace("  serviceMesh: istio\n", "  serviceMesh: istio\n  access: open\n"));
    let path = "clusters/gke/east/istio-system/by-hand/policy.yaml";
    write(
        &checkout.root,
        path,
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n\
         metadata: {name: none, namespace: istio-system}\nspec: {}\n",
    );
    checkout.commit();
    assert_eq!(against(&checkout, OPENS), [""; 0]);
    fs::remove_file(checkout.root.join(path)).unwrap();
    let told = against(&checkout, OPENS);
    let words = "shop/cartservice opens, because its intent leaves it open: every caller in the mesh may call it; until \
                 now nobody could (on gke/east)";
    assert_eq!(told, [format!("warning {CART}: {words}")]);
}

#[test]
fn what_cannot_be_read_at_the_base_is_told() {
    let checkout = Checkout::of(MESH);
    let text = fs::read_to_string(checkout.root.join(CART)).unwrap();
    write(&checkout.root, CART, "[");
    checkout.commit();
    write(&checkout.root, CART, &text);
    let told = against(&checkout, &["check/base"]);
    assert!(told.len() == 1 && told[0].starts_with(&format!("warning {CART}: ")), "{told:?}");
}

#[test]
fn a_stale_file_is_told_once() {
    let checkout = Checkout::of(MESH);
    let from = checkout.root.join("clusters/gke/east/shop/cartservice/authorizationpolicy-cartservice-allow.yaml");
    let stale = "clusters/gke/east/shop/cartservice/authorizationpolicy-old.yaml";
    fs::copy(from, checkout.root.join(stale)).unwrap();
    let told = against(&checkout, &["check/stale"]);
    assert!(told.len() == 1 && told[0].starts_with(&format!("error {stale}: ")), "{told:?}");
}

#[test]
fn what_steers_a_terminal_is_spelled_out_for_people_and_kept_for_scripts() {
    let checkout = Checkout::of(MESH);
    write(&checkout.root, "clusters/gke/east/a\u{1b}[2J.yaml", "[\u{1b}]0;title\u{7}");
    let check = meshwright(&checkout.root, &["check"]);
    assert!(check.out.contains("clusters/gke/east/a\\u{1b}[2J.yaml: "), "{check:?}");
    assert!(!check.out.contains(['\u{1b}', '\u{7}']), "{check:?}");
    let told = against(&checkout, &["overlap/unreadable"]);
    assert!(told.len() == 1 && told[0].contains("a\u{1b}[2J.yaml"), "{told:?}");
}

#[test]
fn a_base_that_names_nothing_is_told_once() {
    let checkout = Checkout::of(MESH);
    let check = meshwright(&checkout.root, &["check", "--base", "nonsense"]);
    assert_eq!((check.code, &*check.err), (Some(1), "error: --base nonsense: no such revision\n"), "{check:?}");
}

#[test]
fn a_policy_by_hand_that_lets_in_whom_no_intent_names_is_wrong_when_it_is_new() {
    let checkout = Checkout::of(MESH);
    let path = "clusters/gke/east/shop/by-hand/policy.yaml";
    let policy = |rules: &str| {
        let text = format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: more, namespace: shop}}\n\
             spec: {{rules: [{rules}]}}\n"
        );
        write(&checkout.root, path, &text);
    };
    let batch = "{from: [{source: {namespaces: [batch]}}]}";
    for (rules, who) in [("{}", "everybody"), (batch, "every workload of namespace batch")] {
        policy(rules);
        let told = against(&checkout, &["check/opened", "overlap/authorization-policy"]);
        let words = format!("it lets {who} call shop/cartservice on gke/east, which no intent says");
        assert_eq!(told, [format!("error {path}: {words}")]);
        assert_eq!(meshwright(&checkout.root, &["check", "--base", "HEAD"]).code, Some(1));
        assert_eq!(meshwright(&checkout.root, &["check"]).code, Some(0));
    }
    checkout.commit();
    let told = against(&checkout, &["check/opened", "overlap/authorization-policy"]);
    assert!(told.len() == 1 && told[0].starts_with(&format!("warning {path}: ")), "{told:?}");
    policy(&format!("{batch}, {{from: [{{source: {{namespaces: [evil]}}}}]}}"));
    let told = against(&checkout, &["check/opened"]);
    let words = "it lets every workload of namespace evil call shop/cartservice on gke/east, which no intent says";
    assert_eq!(told, [format!("error {path}: {words}")]);
}

#[test]
fn who_gains_and_loses_against_a_base_is_said_as_a_plan_says_it() {
    let checkout = Checkout::of(MESH);
    let check = || meshwright(&checkout.root, &["check", "--base", "HEAD"]);
    assert_eq!(check().out, "ok: 2 generated files, 0 errors, 0 warnings\n");
    checkout.edit(CART, "shop/frontend", "shop/kiosk");
    checkout.render();
    let told = check();
    let access = "Access\n  shop/frontend loses all access to shop/cartservice; until now everything (on gke/east)\n  \
                  shop/kiosk gains everything on shop/cartservice (on gke/east)\n\nok: 2 generated files";
    assert!(told.code == Some(0) && told.out.contains(access), "{told:?}");
    assert!(!meshwright(&checkout.root, &["check"]).out.contains("Access"));
}

#[test]
fn the_name_of_a_file_makes_no_line_of_its_own() {
    let checkout = Checkout::of(MESH);
    write(&checkout.root, "clusters/gke/east/a\nok: 0 errors.yaml", "[");
    let check = meshwright(&checkout.root, &["check"]);
    assert!(check.out.contains("clusters/gke/east/a\\nok: 0 errors.yaml: "), "{check:?}");
    assert!(!check.out.contains("\nok: 0 errors"), "{check:?}");
    let folder = meshwright(&checkout.root, &["render", "-f", "a\nok: nothing to do"]);
    assert!(folder.err.starts_with("error: a\\nok: nothing to do: "), "{folder:?}");
}

#[test]
fn what_an_intent_promises_and_a_policy_by_hand_denies_is_wrong_and_blocks_a_plan() {
    let checkout = Checkout::of(MESH);
    let policy = |rules: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: shut, namespace: shop}}\n\
             spec: {{action: DENY, rules: {rules}}}\n"
        )
    };
    let path = "clusters/gke/east/shop/shut.yaml";
    write(&checkout.root, path, &policy("[{to: [{operation: {methods: [TRACE]}}]}]"));
    let run = meshwright(&checkout.root, &["check"]);
    assert_eq!(run.code, Some(0), "what is denied beside the promise is nobody's business: {run:?}");

    write(&checkout.root, path, &policy("[{from: [{source: {namespaces: [shop]}}]}]"));
    let says = "cluster.local/ns/shop/sa/frontend is promised to call shop/cartservice:7070 (POST /*), and gke/east decides: \
                deny, by rule 0 of shop/shut";
    let run = meshwright(&checkout.root, &["check"]);
    assert!(run.code == Some(1) && run.out.contains("error[access/promise]") && run.out.contains(says), "{run:?}");
    // A bundle that touches the server is blocked by it, and one that touches something else is not.
    let near = MESH.replace("metadata: {name: cart}\nspec:\n", "metadata: {name: cart, description: x}\nspec:\n");
    assert_ne!(near, MESH);
    for (bundle, code) in [(near.as_str(), 1), ("anchor: projects\nmetadata: {name: other}\n", 0)] {
        write(&checkout.root, "b.yaml", bundle);
        let run = meshwright(&checkout.root, &["plan", "-f", "b.yaml"]);
        assert_eq!((run.code, run.out.contains("access/promise")), (Some(code), code == 1), "{run:?}");
    }
}

#[test]
fn what_depends_on_the_age_of_a_policy_is_told() {
    let checkout = Checkout::of(MESH);
    let policy = |name: &str, mode: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec: {{mtls: {{mode: {mode}}}}}\n"
        )
    };
    let says =
        "whether cluster.local/ns/shop/sa/frontend may call shop/cartservice:7070 (POST /*) on gke/east is not certain";
    for [one, two] in [["DISABLE", "STRICT"], ["STRICT", "DISABLE"]] {
        write(&checkout.root, "clusters/gke/east/shop/one.yaml", &policy("one", one));
        write(&checkout.root, "clusters/gke/east/shop/two.yaml", &policy("two", two));
        let run = meshwright(&checkout.root, &["check"]);
        assert!(run.out.contains("warning[access/unsure]") && run.out.contains(says), "{run:?}");
    }
}

#[test]
fn what_people_wrote_beside_generated_manifests_is_known_to_rules_across_them() {
    let checkout = Checkout::of(include_str!("../../fixtures/outbound/bundle.yaml"));
    let run = meshwright(&checkout.root, &["check"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    // A ServiceEntry of ours, and a VirtualService of theirs that leads to a host of theirs.
    let entry = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: theirs}\nspec: {hosts: \
                 [theirs.example], location: MESH_EXTERNAL, resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}\n";
    let folder = fs::read_dir(checkout.root.join("clusters")).unwrap().next().unwrap().unwrap().path();
    let cluster = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let namespace = fs::read_dir(&cluster).unwrap().next().unwrap().unwrap().path();
    fs::write(namespace.join("theirs.yaml"), entry).unwrap();
    let run = meshwright(&checkout.root, &["check"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn what_hangs_on_an_address_or_a_host_that_no_intent_names_is_a_doubt_and_not_a_broken_promise() {
    let checkout = Checkout::of(MESH);
    for rule in ["{from: [{source: {notIpBlocks: [10.0.0.0/8]}}]}", "{to: [{operation: {notHosts: [\"cart:7070\"]}}]}"]
    {
        let policy = format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: near, namespace: shop}}\n\
             spec: {{action: DENY, rules: [{rule}]}}\n"
        );
        write(&checkout.root, "clusters/gke/east/shop/near.yaml", &policy);
        let run = meshwright(&checkout.root, &["check"]);
        assert!(run.code == Some(0) && run.out.contains("warning[access/unsure]"), "{run:?}");
    }
}

#[test]
fn a_policy_that_asks_for_more_labels_than_are_known_is_a_doubt() {
    let checkout = Checkout::of(MESH);
    let policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: v1, namespace: shop}\nspec: \
                  {selector: {matchLabels: {app: cartservice, version: v1}}, action: DENY, rules: [{}]}\n";
    write(&checkout.root, "clusters/gke/east/shop/v1.yaml", policy);
    let run = meshwright(&checkout.root, &["access", "--from", "shop/frontend", "--to", "shop/cartservice"]);
    assert!(run.out.contains("shop/v1 selects pods by more labels than app=cartservice"), "{run:?}");
}

#[test]
fn two_files_that_define_one_object_fight() {
    let checkout = Checkout::of(MESH);
    let policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: cartservice-allow, namespace: \
                  shop}\nspec: {rules: [{}]}\n";
    write(&checkout.root, "clusters/gke/east/shop/hand.yaml", policy);
    let run = meshwright(&checkout.root, &["check"]);
    let says =
        "error[overlap/name] clusters/gke/east/shop/hand.yaml: it holds the AuthorizationPolicy shop/cartservice-allow";
    assert!(run.code == Some(1) && run.out.contains(says), "{run:?}");
}
