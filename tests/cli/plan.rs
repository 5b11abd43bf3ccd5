//! What `plan` says in a checkout.

use crate::checkout::Checkout;
use crate::tls::made;
use crate::{MESH, meshwright, write};

const GROUP: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web";
const POLICY: &str = "clusters/gke/east/shop/cartservice/authorizationpolicy-cartservice-allow.yaml";

/// What the plan of a bundle with these documents says.
fn planned(checkout: &Checkout, documents: &str) -> String {
    write(&checkout.root, "bundle.yaml", &format!("base: {GROUP}\n---\n{documents}"));
    let plan = meshwright(&checkout.root, &["plan", "--no-diff", "-f", "bundle.yaml"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    plan.out
}

/// The section of a plan with this title.
fn section<'p>(plan: &'p str, title: &str) -> Vec<&'p str> {
    let lines = plan.lines().skip_while(|line| *line != title).skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::trim).collect()
}

#[test]
fn what_undoing_a_hand_edit_does_to_access_is_said_against_what_is_committed() {
    let checkout = Checkout::of(MESH);
    let point =
        "anchor: inbound-intents/cart/clients/frontend/access-points\nmetadata: {name: read}\nspec: {access: [GET]}\n";
    let loses = "shop/evil loses all access to shop/cartservice; until now everything (on gke/east)";
    let gains = "shop/frontend gains every GET on shop/cartservice (on gke/east)";
    checkout.edit(POLICY, "sa/frontend", "sa/evil");
    checkout.commit();
    assert_eq!(section(&planned(&checkout, point), "Access"), [loses, gains]);

    // A policy that is put beside the generated one counts too.
    checkout.edit(POLICY, "sa/evil", "sa/frontend");
    let more = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: more, namespace: shop}\n\
                spec: {rules: [{}]}\n";
    let text = std::fs::read_to_string(checkout.root.join(POLICY)).unwrap();
    write(&checkout.root, POLICY, &format!("{text}{more}"));
    checkout.commit();
    let told = planned(&checkout, point);
    let closes = "shop/cartservice closes: only shop/frontend (every GET) may call it; every other caller in the mesh \
                  loses access, as far as this repository shows (on gke/east)";
    assert_eq!(section(&told, "Access"), [closes]);

    for text in ["", "["] {
        write(&checkout.root, POLICY, text);
        checkout.commit();
        let told = planned(&checkout, point);
        let begin = if text.is_empty() { "shop/cartservice closes: " } else { "shop/frontend may do only every GET" };
        assert!(section(&told, "Access")[0].starts_with(begin), "{told}");
    }
    std::fs::remove_file(checkout.root.join(POLICY)).unwrap();
    checkout.commit();
    let told = planned(&checkout, point);
    assert_eq!(section(&told, "Access"), [closes], "{told}");
    assert!(section(&told, "Resources").contains(&"+ AuthorizationPolicy shop/cartservice-allow"), "{told}");
}

#[test]
fn what_is_to_be_known_of_everything_else_is_told_by_a_check_and_not_by_a_plan() {
    let checkout = Checkout::of(&MESH.replace("  serviceAccounts: [shop/frontend]\n", ""));
    let rule = "access/wider-than-workload";
    assert!(meshwright(&checkout.root, &["check"]).out.contains(rule));
    let label = "anchor: cluster-providers/gke/clusters/east/labels\nclusterLabel: edge\n";
    assert!(!planned(&checkout, label).contains(rule));
    let point =
        "anchor: inbound-intents/cart/clients/frontend/access-points\nmetadata: {name: read}\nspec: {access: [GET]}\n";
    assert!(planned(&checkout, point).contains(rule));
}

#[test]
fn a_private_key_is_sealed_in_a_plan_and_shown_nowhere() {
    let checkout = Checkout::of(MESH);
    let (controller, server) = (made("rsa:2048"), made("P-256"));
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let cluster = format!(
        "anchor: cluster-providers/gke/clusters\nmetadata: {{name: east}}\nspec: {{sealingCertificate: {}}}\n",
        text(&controller.certificate)
    );
    let cart = format!(
        "anchor: inbound-intents\nmetadata: {{name: cart}}\nspec: {{app: cart, appLabel: app=cartservice, serviceName: \
         cartservice, port: 7070, targetPort: 7070, protocol: GRPC, serviceMesh: istio, externalSupport: true, externalName: \
         cart.example.com, management: {{tlsType: SIMPLE}}, external: {{serviceCertificate: {}, servicePrivateKey: {}}}}}\n",
        text(&server.certificate),
        text(&server.key)
    );
    write(&checkout.root, "bundle.yaml", &format!("base: {GROUP}\n---\n{cluster}---\n{cart}"));
    let plan = meshwright(&checkout.root, &["plan", "-f", "bundle.yaml"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    assert!(
        section(&plan.out, "Resources").iter().any(|line| line.starts_with("+ SealedSecret istio-system/cart-tls-"))
    );
    let pieces: Vec<&str> = server.key.lines().filter(|line| !line.starts_with('-')).map(|line| &line[..40]).collect();
    assert!(pieces.iter().all(|piece| !plan.out.contains(piece)), "{}", plan.out);
    // Without anything to seal with, it is refused in words.
    write(&checkout.root, "bundle.yaml", &format!("base: {GROUP}\n---\n{cart}"));
    let plan = meshwright(&checkout.root, &["plan", "-f", "bundle.yaml"]);
    let said = format!("{}{}", plan.out, plan.err);
    assert!(plan.code != Some(0) && said.contains("gke/east") && said.contains("sealingCertificate"), "{plan:?}");
    assert!(pieces.iter().all(|piece| !said.contains(piece)), "{said}");
}
