//! What a tree and the manifests that people wrote beside it answer together.

use super::{Model, Question, Side, Stray};
use crate::access::{Expectation, Verdict};
use crate::finding::Finding;
use crate::intent::testing;
use crate::intent::{Settings, Tree};
use crate::render::{Outside, Rendered, Scope, render};

/// One server on gke/east, with one client that closes it.
const MESH: &str = include_str!("../../fixtures/minimal/bundle.yaml");

/// The line of the server that says whether the mesh guards it.
const IN_MESH: &str = "  serviceMesh: istio\n";

/// A tree with what it renders to and what people wrote.
struct World {
    tree: Tree,
    settings: Settings,
    rendered: Rendered,
    strays: Vec<Stray>,
}

impl World {
    /// What a bundle renders to, and these manifests on gke/east: namespace, kind and spec.
    fn new(bundle: &str, by_hand: &[(&str, &str, &str)]) -> Self {
        let tree = testing::tree(bundle);
        let settings = Settings::default();
        let rendered = render(&tree, &settings, &Scope::everything(&tree), Outside::None);
        let stray = |(at, (namespace, kind, spec)): (usize, &(&str, &str, &str))| {
            let text = format!(
                "apiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: hand-{at}, namespace: {namespace}}}\nspec: {spec}\n"
            );
            let stray = Stray::read(&format!("clusters/gke/east/{namespace}/hand-{at}.yaml"), &text);
            assert_eq!(stray.findings, []);
            stray
        };
        let strays = by_hand.iter().enumerate().map(stray).collect();
        Self { tree, settings, rendered, strays }
    }

    fn model(&self) -> Model<'_> {
        let side = Side { rendered: &self.rendered, strays: &self.strays };
        Model::new(&self.tree, &self.settings.cluster_defaults, side)
    }

    /// What the one server answers to somebody, and what is noted of it.
    fn answer(&self, from: &str) -> (Verdict, Option<&'static str>) {
        let question = Question::about("shop/cartservice").unwrap().of_caller(from).unwrap();
        let answers = self.model().ask(&question);
        assert_eq!(answers.len(), 1);
        (answers[0].decision.verdict, answers[0].note)
    }

    fn promises(&self) -> Vec<Finding> {
        self.model().broken_promises()
    }
}

fn said(more: &str) -> String {
    assert!(MESH.contains(IN_MESH));
    MESH.replace(IN_MESH, &format!("{IN_MESH}{more}"))
}

const DENY_ALL: (&str, &str, &str) = ("shop", "AuthorizationPolicy", "{action: DENY, rules: [{}]}");

#[test]
fn what_the_mesh_does_not_guard_lets_everybody_in_whatever_policies_say() {
    let without_client =
        |bundle: &str| bundle.split("---\nanchor: inbound-intents/cart/clients").next().unwrap().to_owned();
    let guarded = World::new(&without_client(MESH), &[DENY_ALL]);
    assert_eq!(guarded.answer("shop/frontend"), (Verdict::Deny, None));
    let unguarded = without_client(&said("  management: {sidecarProxy: no}\n"));
    let (verdict, note) = World::new(&unguarded, &[DENY_ALL]).answer("shop/frontend");
    assert_eq!(verdict, Verdict::Allow);
    assert!(note.unwrap().starts_with("the mesh does not guard it"), "{note:?}");
}

#[test]
fn a_waypoint_holds_policies_of_services_in_their_own_namespace() {
    let deny = "{action: DENY, rules: [{}], targetRefs: [{kind: Service, group: \"\", name: cartservice}]}";
    let bundle = said("  dataPlane: ambient\n  waypoint: waypoint\n");
    let at = |namespace: &'static str| World::new(&bundle, &[(namespace, "AuthorizationPolicy", deny)]);
    assert_eq!(at("shop").answer("shop/frontend").0, Verdict::Deny);
    for elsewhere in ["istio-system", "other"] {
        assert_eq!(at(elsewhere).answer("shop/frontend").0, Verdict::Allow, "{elsewhere}");
    }
}

#[test]
fn what_ztunnel_does_not_read_lets_nobody_in_otherwise() {
    let read = "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/other]}}], to: [{operation: {paths: [/a]}}]}]}";
    let by_hand = [("shop", "AuthorizationPolicy", read)];
    let otherwise = |bundle: &str| {
        let question = Question::about("shop/cartservice").unwrap().of_caller("shop/other").unwrap();
        let world = World::new(bundle, &by_hand);
        let answer = world.model().ask(&question).remove(0);
        let callers = world.model().matrix().remove(0).callers.into_iter().map(|it| it.caller).collect::<Vec<_>>();
        (answer.decision.verdict, answer.let_in_otherwise, callers)
    };
    let callers = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        otherwise(MESH),
        (Verdict::Deny, true, callers(&["shop/frontend", "shop/other"])),
        "a sidecar reads paths"
    );
    assert_eq!(otherwise(&said("  dataPlane: ambient\n")), (Verdict::Deny, false, callers(&["shop/frontend"])));
}

#[test]
fn whoever_is_to_be_kept_out_is_tried_in_each_trust_domain() {
    let west =
        "---\nanchor: cluster-providers/gke/clusters\nmetadata: {name: west}\nspec: {trustDomain: west.example}\n";
    let placed = "---\nanchor: projects/shop/composite-apps/boutique/v1/apps\nmetadata: {name: batch}\n---\nanchor: \
                  projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/generic-placement-intents/placement/app-intents\n\
                  metadata: {name: batch}\nspec: {app: batch, intent: {allOf: [{clusterProvider: gke, cluster: west}]}}\n\
                  ---\nanchor: inbound-intents\nmetadata: {name: batch}\nspec: {app: batch, appLabel: app=batch, serviceName: batch, \
                  port: 80, protocol: TCP, serviceMesh: istio}\n";
    let bundle = format!("{MESH}{west}{placed}");
    let holds = |by_hand: &[(&str, &str, &str)], expect: &str| {
        let world = World::new(&bundle, by_hand);
        let test = format!("tests: [{{from: shop/other, to: shop/cartservice, expect: {expect}}}]");
        let expectations = Expectation::read("access-tests/a.yaml", &test).unwrap();
        let tally = world.model().hold(&expectations);
        tally.findings
    };
    assert_eq!(holds(&[], "deny"), []);
    let let_in = "{rules: [{from: [{source: {principals: [west.example/ns/shop/sa/other]}}]}]}";
    let broken = holds(&[("shop", "AuthorizationPolicy", let_in)], "deny");
    assert!(broken.len() == 1 && broken[0].message.contains("west.example/ns/shop/sa/other"), "{broken:?}");
}

#[test]
fn an_external_authorizer_breaks_no_promise_and_a_policy_by_hand_does() {
    let ask = "{action: CUSTOM, provider: {name: opa}, rules: [{}]}";
    assert_eq!(World::new(MESH, &[("shop", "AuthorizationPolicy", ask)]).promises(), []);
    let broken = World::new(MESH, &[DENY_ALL]).promises();
    assert!(broken.len() == 1 && broken[0].rule == "access/promise", "{broken:?}");
}

#[test]
fn what_one_kind_of_port_lets_in_says_nothing_of_the_other() {
    // On the port that is read as plain TCP a rule about methods never matches, so that nobody is let in there.
    let tcp = "---\nanchor: inbound-intents\nmetadata: {name: raw}\nspec: {app: cart, appLabel: app=cartservice, serviceName: raw, \
               port: 9, targetPort: 9, protocol: TCP, serviceMesh: istio}\n---\nanchor: inbound-intents/raw/clients\n\
               metadata: {name: frontend}\nspec: {app: frontend, appLabel: app=frontend, serviceName: frontend, namespaces: [], \
               cidrs: [], serviceAccounts: [shop/frontend]}\n";
    let deny = "{action: DENY, rules: [{to: [{operation: {notHosts: [cart.example]}}], from: [{source: {principals: \
                [cluster.local/ns/shop/sa/frontend]}}]}]}";
    let found = World::new(&format!("{MESH}{tcp}"), &[("shop", "AuthorizationPolicy", deny)]).promises();
    let told: Vec<_> = found.iter().map(|it| (&*it.rule, it.message.contains("raw:9"))).collect();
    assert_eq!(told, [("access/unsure", false), ("access/promise", true)], "{found:?}");
}
