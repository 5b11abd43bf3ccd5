use super::*;
use crate::render::TargetAccess;
use crate::review::testing::{GATEWAY, With, rendered, rule};

const EAST: &str = "gke/east";
const SERVER: &str =
    "projects/p/composite-apps/a/v1/deployment-intent-groups/d/traffic-group-intents/t/inbound-intents/httpbin";

fn words(before: &Rendered, after: &Rendered) -> Vec<String> {
    let changes = shifts(side(before, &[]), side(after, &[]));
    changes.into_iter().map(|change| format!("{:?}: {}", change.shift, change.words)).collect()
}

fn side<'a>(rendered: &'a Rendered, strays: &'a [Stray]) -> Side<'a> {
    Side { rendered, strays }
}

fn policy_by_hand(namespace: &str, spec: &str) -> Stray {
    let text = format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: hand, namespace: {namespace}}}\n\
         spec: {spec}\n"
    );
    Stray::read(&format!("clusters/gke/east/{namespace}/by-hand.yaml"), &text)
}

fn get(paths: &str) -> String {
    format!("methods: [GET], paths: [{paths}]")
}

#[test]
fn the_first_client_closes_a_server_and_the_plan_says_who_is_left() {
    let before = rendered().open(EAST, "httpbin").open("gke/west", "httpbin");
    let rules = [rule("frontend", "methods: [GET], paths: [/status/*], ports: ['80']"), rule("batch", "ports: ['80']")];
    let after = rendered().closed(EAST, "httpbin", &rules.join(", ")).closed("gke/west", "httpbin", &rules.join(", "));
    assert_eq!(
        words(&before, &after),
        ["Closed: shop/httpbin closes: only shop/batch (everything) and shop/frontend (GET /status/*) may call it; \
          every other caller in the mesh loses access, as far as this repository shows (on gke/east and gke/west)"]
    );
}

#[test]
fn a_server_that_is_new_is_said_to_be_open_or_closed() {
    let after = rendered().open(EAST, "cart").closed(EAST, "httpbin", &rule("frontend", ""));
    assert_eq!(
        words(&rendered(), &after),
        [
            "Closed: shop/httpbin is closed from the start: only shop/frontend may call it; every other \
             caller in the mesh loses access, as far as this repository shows (on gke/east)",
            "Noted: shop/cart is open: every caller in the mesh may call it (on gke/east)",
        ]
    );
}

#[test]
fn callers_gain_lose_widen_and_narrow() {
    let before = [rule("a", &get("/a")), rule("b", &get("/a")), rule("c", &get("/a, /b")), rule("d", "")];
    let after = [rule("a", &get("/a, /b")), rule("c", &get("/a")), rule("d", &get("/a")), rule("e", &get("/status/*"))];
    let [before, after] = [before, after].map(|rules| rendered().closed(EAST, "httpbin", &rules.join(", ")));
    assert_eq!(
        words(&before, &after),
        [
            "Lost: shop/b loses all access to shop/httpbin; until now GET /a (on gke/east)",
            "Narrowed: shop/c loses GET /b on shop/httpbin and keeps GET /a (on gke/east)",
            "Narrowed: shop/d may do only GET /a on shop/httpbin; until now everything (on gke/east)",
            "Gained: shop/e gains GET /status/* on shop/httpbin (on gke/east)",
            "Widened: shop/a also gains GET /b on shop/httpbin (on gke/east)",
        ]
    );
}

#[test]
fn rules_cut_in_another_way_change_nothing() {
    let before = rendered().closed(EAST, "httpbin", &rule("a b", "methods: [GET, HEAD], paths: [/x]"));
    let rules = [rule("b", "methods: [HEAD], paths: [/x]"), rule("a", "methods: [GET, HEAD], paths: [/x]")];
    let after = rendered().closed(EAST, "httpbin", &format!("{}, {}", rules.join(", "), rule("b", &get("/x"))));
    assert_eq!(words(&before, &after), [""; 0]);
}

#[test]
fn an_account_within_a_namespace_keeps_what_it_had() {
    let before = rendered().closed(EAST, "httpbin", "{from: [{source: {namespaces: [shop]}}]}");
    let after = rendered().closed(EAST, "httpbin", &rule("frontend", ""));
    let narrowed = "Narrowed: every workload of namespace shop loses access to shop/httpbin, but for shop/frontend; \
                    until now everything (on gke/east)";
    assert_eq!(words(&before, &after), [narrowed]);
    let gained = "Gained: every workload of namespace shop gains everything on shop/httpbin (on gke/east)";
    assert_eq!(words(&after, &before), [gained]);
}

#[test]
fn the_last_client_leaves_a_server_that_nobody_may_call() {
    let before = rendered().closed(EAST, "httpbin", &rule("a b", ""));
    let left = rendered().closed(EAST, "httpbin", "");
    assert_eq!(
        words(&before, &left),
        ["Lost: shop/a and shop/b lose all access to shop/httpbin: nobody may call it any more, as far as this \
          repository shows (on gke/east)"]
    );
    let terminated = rendered().target(EAST, "httpbin", TargetAccess::Terminated).policy(EAST, "httpbin", "rules: []");
    assert_eq!(
        words(&before, &terminated),
        ["Lost: shop/a and shop/b lose all access to shop/httpbin, because it is terminated: nobody may call it any \
          more, as far as this repository shows (on gke/east)"]
    );
}

#[test]
fn what_opens_a_server_is_called_what_it_is() {
    let mut before = rendered().closed(EAST, "httpbin", &rule("a", ""));
    let observed = "metadata:\n  annotations: {istio.io/dry-run: 'true'}\n";
    let mut shadow = rendered().closed(EAST, "httpbin", &rule("a", ""));
    shadow.targets[0].access = TargetAccess::Observed;
    for manifest in shadow.manifests.values_mut() {
        manifest.text = manifest.text.replace("metadata:\n", observed);
        manifest.resource.metadata.annotations.insert("istio.io/dry-run".into(), "true".into());
    }
    let server = Anchor::parse(SERVER).unwrap();
    before.targets[0].intents = vec![server.clone()];
    let mut nowhere = rendered();
    nowhere.unplaced.insert(server.clone());
    for (after, why) in [
        (rendered(), "its intent is deleted"),
        (nowhere, "it is placed nowhere any more"),
        (rendered().open(EAST, "httpbin"), "its intent leaves it open"),
        (rendered().target(EAST, "httpbin", TargetAccess::NotEnforced), "the mesh does not guard it any more"),
        (rendered().closed("gke/west", "httpbin", &rule("a", "")), "it is not placed here any more"),
        (shadow, "its policies are only observed, nothing is enforced"),
    ] {
        let sentence = format!(
            "Opened: shop/httpbin opens, because {why}: every caller in the mesh may call it; until now only shop/a \
             could (on gke/east)"
        );
        assert_eq!(words(&before, &after)[0], sentence);
        assert_eq!(shifts(side(&before, &[]), side(&after, &[]))[0].intents, BTreeSet::from([server.clone()]));
    }
}

#[test]
fn other_pods_of_a_service_are_named() {
    let before = rendered().closed(EAST, "httpbin", &rule("a", ""));
    let mut after = rendered().closed(EAST, "httpbin-v2", &rule("a", ""));
    after.targets[0].services = vec!["httpbin".into()];
    assert_eq!(
        words(&before, &after),
        [
            "Opened: shop/httpbin at pods app=httpbin opens, because its intent selects other pods now: every caller \
             in the mesh may call it; until now only shop/a could (on gke/east)",
            "Closed: shop/httpbin at pods app=httpbin-v2 is closed from the start: only shop/a may call \
             it; every other caller in the mesh loses access, as far as this repository shows (on gke/east)",
        ]
    );
}

#[test]
fn deny_and_audit_are_said_of_their_callers() {
    let before = rendered().open(EAST, "httpbin");
    let rules = rule("a", "methods: [POST]");
    let denied = rendered().open(EAST, "httpbin").policy(EAST, "httpbin", &format!("action: DENY, rules: [{rules}]"));
    let audited = rendered().open(EAST, "httpbin").policy(EAST, "httpbin", &format!("action: AUDIT, rules: [{rules}]"));
    assert_eq!(words(&before, &denied), ["Lost: shop/a is denied every POST on shop/httpbin (on gke/east)"]);
    assert_eq!(
        words(&denied, &before),
        ["Gained: shop/a is no longer denied every POST on shop/httpbin (on gke/east)"]
    );
    let marked = "Noted: every POST by shop/a on shop/httpbin is marked for the audit log (on gke/east)";
    assert_eq!(words(&before, &audited), [marked]);
}

#[test]
fn a_deny_about_requests_denies_everything_where_nobody_reads_them() {
    let mut before = rendered().open(EAST, "httpbin");
    before.targets[0].opaque = true;
    let denying = [policy_by_hand("shop", "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}")];
    let words: Vec<_> = shifts(side(&before, &[]), side(&before, &denying)).into_iter().map(|it| it.words).collect();
    assert_eq!(words, ["everybody is denied everything on shop/httpbin (on gke/east)"]);
}

#[test]
fn many_clusters_are_one_entry() {
    let all = |rules: &str| (0..38).fold(rendered(), |all, n| all.closed(&format!("gke/c{n:02}"), "httpbin", rules));
    let [before, after] = [all(&rule("a", "")), all(&rule("a b", ""))];
    let changes = shifts(side(&before, &[]), side(&after, &[]));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].clusters.len(), 38);
    assert_eq!(changes[0].words, "shop/b gains everything on shop/httpbin (same in 38 clusters)");
}

#[test]
fn a_hand_written_policy_counts_on_both_sides() {
    let strays = [policy_by_hand("shop", "{rules: [{from: [{source: {namespaces: [shop]}}]}]}")];
    let before = rendered().open(EAST, "httpbin");
    let after = rendered().closed(EAST, "httpbin", "{from: [{source: {namespaces: [batch]}}]}");
    let words = |before: Side<'_>, after: Side<'_>| -> Vec<_> {
        shifts(before, after).into_iter().map(|change| change.words).collect()
    };
    assert_eq!(
        words(side(&before, &strays), side(&after, &strays)),
        ["every workload of namespace batch gains everything on shop/httpbin (on gke/east)"]
    );
    assert_eq!(
        words(side(&before, &strays), side(&before, &[])),
        [
            "shop/httpbin opens, because its intent leaves it open: every caller in the mesh may call it; until now only \
          every workload of namespace shop could (on gke/east)"
        ]
    );
}

#[test]
fn a_policy_by_hand_that_lets_everybody_in_leaves_a_workload_open() {
    let (open, closed) = (rendered().open(EAST, "httpbin"), rendered().closed(EAST, "httpbin", &rule("a", "")));
    let everybody = [policy_by_hand("shop", "{rules: [{}]}")];
    let said = |before: Side<'_>, after: Side<'_>| -> Vec<_> {
        shifts(before, after).into_iter().map(|change| (change.shift, change.words)).collect()
    };
    let [open, open_by_both] = [side(&open, &[]), side(&open, &everybody)];
    let [closed, opened] = [side(&closed, &[]), side(&closed, &everybody)];
    assert_eq!(said(open, open_by_both), []);
    let words = "shop/httpbin opens, because a hand-written policy lets everybody in: every caller in the mesh may call \
                 it; until now only shop/a could (on gke/east)";
    assert_eq!(said(closed, opened), [(Shift::Opened, words.to_owned())]);
    let words =
        "shop/httpbin is open all the same: a hand-written policy lets every caller in the mesh call it (on gke/east)";
    assert_eq!(said(open, opened), [(Shift::Noted, words.to_owned())]);
    assert_eq!(said(opened, closed)[0].0, Shift::Closed);
}

#[test]
fn a_policy_of_the_root_namespace_counts_in_all_namespaces() {
    let before = rendered().open(EAST, "httpbin");
    let said = |namespace: &str, spec: &str| {
        let strays = [policy_by_hand(namespace, spec)];
        shifts(side(&before, &[]), side(&before, &strays)).into_iter().map(|change| change.words).collect::<Vec<_>>()
    };
    let closes = "shop/httpbin closes: nobody may call it; every other caller in the mesh loses access, as far as this \
                  repository shows (on gke/east)";
    assert_eq!(said("istio-system", "{rules: []}"), [closes]);
    assert_eq!(said("istio-system", "{selector: {matchLabels: {app: httpbin}}, rules: []}"), [closes]);
    assert_eq!(said("istio-system", "{selector: {matchLabels: {app: other}}, rules: []}"), [""; 0]);
    assert_eq!(said("istio-config", "{rules: []}"), [""; 0]);

    let mut closed = rendered().closed(EAST, "httpbin", &rule("frontend", ""));
    let anybody =
        |namespace: &str, closed: &Rendered| loosened(closed, &[], &[policy_by_hand(namespace, "{rules: [{}]}")]);
    assert_eq!(anybody("istio-system", &closed)[0].finding.rule, "overlap/authorization-policy");
    assert_eq!(anybody("istio-config", &closed), []);
    closed.targets[0].root_namespace = "istio-config".into();
    assert_eq!(anybody("istio-system", &closed), []);
    assert_eq!(anybody("istio-config", &closed).len(), 1);
    // What guards the last workload of a cluster guards it still when its intent goes.
    let strays = [policy_by_hand("istio-config", "{rules: []}")];
    let gone = shifts(side(&closed, &strays), side(&rendered(), &strays));
    assert!(gone[0].words.starts_with("shop/frontend loses all access to shop/httpbin"), "{gone:?}");
}

#[test]
fn strict_mtls_turns_away_callers_without_a_sidecar() {
    let strict = rendered().open(EAST, "httpbin").file(
        EAST,
        "shop/httpbin/peerauthentication-httpbin.yaml",
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: httpbin, namespace: shop}\n\
         spec: {selector: {matchLabels: {app: httpbin}}, mtls: {mode: STRICT}}\n",
    );
    let lost = "Lost: shop/httpbin refuses plain text: callers without a sidecar lose access (on gke/east)";
    assert_eq!(words(&rendered().open(EAST, "httpbin"), &strict), [lost]);
}

fn exposed(mode: &str) -> Rendered {
    let tls = if mode.is_empty() { String::new() } else { format!(", tls: {{mode: {mode}, credentialName: c}}") };
    let (port, protocol) = if mode.is_empty() { (80, "HTTP") } else { (443, "HTTPS") };
    rendered()
        .file(
            EAST,
            "shop/productpage/gateway-productpage.yaml",
            &format!(
                "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: productpage, namespace: shop}}\n\
                 spec: {{selector: {{istio: ingressgateway}}, servers: [{{port: {{number: {port}, protocol: {protocol}, \
                 name: x}}, hosts: [shop/bookinfo.example.com]{tls}}}]}}\n"
            ),
        )
        .file(
            EAST,
            "shop/productpage/virtualservice-productpage.yaml",
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: productpage, namespace: shop}\n\
             spec: {hosts: [bookinfo.example.com], gateways: [productpage], http: [{route: [{destination: \
             {host: productpage.shop.svc.cluster.local, port: {number: 9080}}}]}]}\n",
        )
}

#[test]
fn what_is_exposed_to_the_outside_is_said_with_its_terms() {
    let url = "https://bookinfo.example.com:443";
    for (before, after, said) in [
        (
            rendered(),
            exposed("SIMPLE"),
            format!("Exposed: {url} now reaches shop/productpage from outside the mesh, without a client certificate"),
        ),
        (
            exposed("SIMPLE"),
            exposed("MUTUAL"),
            format!(
                "Exposed: {url} reaches shop/productpage with a client certificate now; until now without a client \
                 certificate"
            ),
        ),
        (
            exposed("SIMPLE"),
            rendered(),
            format!("Hidden: {url} no longer reaches shop/productpage from outside the mesh"),
        ),
        (
            rendered(),
            exposed(""),
            "Exposed: http://bookinfo.example.com:80 now reaches shop/productpage from outside the mesh, in plain text"
                .into(),
        ),
    ] {
        assert_eq!(words(&before, &after), [format!("{said} (on gke/east)")]);
    }
}

#[test]
fn who_calls_through_the_ingress_gateway_is_anybody_outside_and_named_first() {
    let through = |paths: &str| {
        format!("{{from: [{{source: {{principals: [{GATEWAY}]}}}}], to: [{{operation: {{{}}}}}]}}", get(paths))
    };
    let closed = |paths: &str| rendered().closed(EAST, "cart", &[rule("a", &get(paths)), through(paths)].join(", "));
    let outside = "anybody outside the mesh through the ingress gateway";
    assert_eq!(
        words(&rendered().open(EAST, "cart"), &closed("/a")),
        [format!(
            "Closed: shop/cart closes: only {outside} (GET /a) and shop/a (GET /a) may call it; every other caller in the \
             mesh loses access, as far as this repository shows (on gke/east)"
        )]
    );
    assert_eq!(
        words(&closed("/a"), &closed("/a, /b")),
        [
            format!("Exposed: {outside} also gains GET /b on shop/cart (on gke/east)"),
            "Widened: shop/a also gains GET /b on shop/cart (on gke/east)".to_owned()
        ]
    );
    let private = rendered().closed(EAST, "cart", &rule("a", &get("/a")));
    let caller = |change: &AccessChange| change.caller.clone();
    let gained = shifts(side(&private, &[]), side(&closed("/a"), &[]));
    assert_eq!(gained.iter().map(caller).collect::<Vec<_>>(), ["callers outside the mesh"]);
    let lost = format!("Lost: {outside} loses all access to shop/cart; until now GET /a (on gke/east)");
    assert_eq!(words(&closed("/a"), &private), [lost]);
}

#[test]
fn what_clusters_reach_of_each_other_is_said_on_both_sides() {
    let after = rendered()
        .file(
            "gke/west",
            "shop/cart/serviceentry-cart.yaml",
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: cart, namespace: web}\n\
             spec: {hosts: [cart.shop.svc.cluster.local], location: MESH_INTERNAL, resolution: STATIC, \
             ports: [{number: 7070, name: grpc, protocol: GRPC}], \
             endpoints: [{address: 192.0.2.1, ports: {grpc: 15443}}], exportTo: ['.']}\n",
        )
        .file(
            EAST,
            "shop/cart/gateway-east-west.yaml",
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: cart, namespace: shop}\n\
             spec: {selector: {istio: eastwestgateway}, servers: [{port: {number: 15443, protocol: TLS, name: tls}, \
             hosts: [shop/cart.shop.svc.cluster.local], tls: {mode: AUTO_PASSTHROUGH}}]}\n",
        );
    assert_eq!(
        words(&rendered(), &after),
        [
            "Gained: other clusters reach shop/cart through the east-west gateway at port 15443 (on gke/east)",
            "Gained: workloads of namespace web reach shop/cart of another cluster at 192.0.2.1:15443 (on gke/west)",
        ]
    );
    assert_eq!(
        words(&after, &rendered()),
        [
            "Lost: other clusters no longer reach shop/cart through the east-west gateway at port 15443 (on gke/east)",
            "Lost: workloads of namespace web no longer reach shop/cart of other clusters (on gke/west)",
        ]
    );
}

#[test]
fn who_reaches_a_host_that_all_namespaces_see_is_said_so() {
    let entry = |to: &str| {
        let alias = format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: cart, namespace: shop}}\n\
             spec: {{hosts: [cart.shop.west.gke.mesh], location: MESH_INTERNAL, resolution: STATIC, \
             ports: [{{number: 80, name: http, protocol: HTTP}}], \
             endpoints: [{{address: 192.0.2.2, ports: {{http: 15443}}}}], exportTo: [{to}]}}\n"
        );
        rendered().file(EAST, "shop/cart/serviceentry-cart.yaml", &alias)
    };
    let reach = "reach cart.shop.west.gke.mesh of another cluster at 192.0.2.2:15443 (on gke/east)";
    assert_eq!(words(&rendered(), &entry("'*'")), [format!("Gained: workloads of every namespace {reach}")]);
    assert_eq!(words(&rendered(), &entry("'.'")), [format!("Gained: workloads of namespace shop {reach}")]);
}

#[test]
fn a_trust_domain_is_named_only_where_there_are_several() {
    let of = |domains: &[&str]| {
        let principals: Vec<String> = domains.iter().map(|domain| format!("{domain}/ns/shop/sa/a")).collect();
        let rules = format!("{{from: [{{source: {{principals: [{}]}}}}]}}", principals.join(", "));
        rendered().closed(EAST, "httpbin", &rules)
    };
    let may = |before: &Rendered, after: &Rendered| words(before, after)[0].clone();
    assert!(may(&rendered(), &of(&["east.example.com"])).contains("only shop/a may call it"));
    assert_eq!(
        may(&of(&["east.example.com"]), &of(&["east.example.com", "west.example.com"])),
        "Gained: shop/a of trust domain west.example.com gains everything on shop/httpbin (on gke/east)"
    );
}

#[test]
fn limits_on_tokens_addresses_hosts_and_ports_are_said() {
    let source = "source: {principals: [cluster.local/ns/shop/sa/a], ipBlocks: [10.0.0.0/8], \
                  requestPrincipals: [https://issuer.example.com/*]}";
    let to =
        "operation: {methods: [GET], hosts: [a.example.com, 'a.example.com:*'], ports: ['80'], notPaths: [/admin*]}";
    let rules = format!("{}, {{from: [{{{source}}}], to: [{{{to}}}]}}", rule("b", "ports: ['81']"));
    let before = rendered().closed(EAST, "httpbin", &rule("b", "ports: ['81']"));
    assert_eq!(
        words(&before, &rendered().closed(EAST, "httpbin", &rules)),
        ["Gained: shop/a gains every GET [host a.example.com, port 80, from 10.0.0.0/8, with a token of \
          https://issuer.example.com/*, not path /admin*] on shop/httpbin (on gke/east)"]
    );
}

#[test]
fn a_policy_by_hand_that_lets_more_callers_in_is_found() {
    let rendered = rendered().closed(EAST, "httpbin", &rule("frontend", &get("/a"))).open(EAST, "cart");
    let by_hand = |path: &str, spec: &str| {
        let text = format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: hand, namespace: shop}}\n\
             spec: {spec}\n"
        );
        let found = loosened(&rendered, &[], &[Stray::read(path, &text)]);
        found.into_iter().map(|loosening| loosening.finding.message).collect::<Vec<_>>()
    };
    let path = "clusters/gke/east/shop/by-hand/policy.yaml";
    let anybody = by_hand(path, "{rules: [{}]}");
    assert_eq!(anybody.len(), 1, "{anybody:?}");
    assert!(anybody[0].contains("call shop/httpbin on gke/east, which no intent says"), "{anybody:?}");
    assert!(by_hand(path, &format!("{{rules: [{}]}}", rule("batch", "")))[0].contains("shop/batch"));
    for (path, spec) in [
        (path, format!("{{rules: [{}]}}", rule("frontend", &get("/a")))),
        (path, "{action: DENY, rules: [{}]}".to_owned()),
        (path, "{selector: {matchLabels: {app: other}}, rules: [{}]}".to_owned()),
        ("clusters/gke/west/shop/by-hand/policy.yaml", "{rules: [{}]}".to_owned()),
    ] {
        assert_eq!(by_hand(path, &spec), [""; 0], "{path} {spec}");
    }
}

#[test]
fn what_policies_by_hand_let_in_already_is_not_told_again() {
    let closed = rendered().closed(EAST, "httpbin", &rule("frontend", ""));
    let policy = |accounts: &str| policy_by_hand("shop", &format!("{{rules: [{}]}}", rule(accounts, "")));
    let moved = Stray { path: "clusters/gke/east/shop/aside/by-hand.yaml".into(), ..policy("batch") };
    assert_eq!(loosened(&closed, &[policy("batch")], &[policy("batch")]), []);
    assert_eq!(loosened(&closed, &[policy("batch")], std::slice::from_ref(&moved)), []);
    let [more] = &loosened(&closed, &[policy("batch")], &[moved, policy("batch evil")])[..] else { panic!() };
    assert_eq!((&*more.target, &*more.cluster), ("shop/httpbin", EAST));
    assert_eq!(more.finding.message, "it lets shop/evil call shop/httpbin on gke/east, which no intent says");
    assert_eq!(more.finding.place.path, "clusters/gke/east/shop/by-hand.yaml");
    let mut terminated = rendered().closed(EAST, "httpbin", "");
    terminated.targets[0].access = TargetAccess::Terminated;
    assert_eq!(loosened(&terminated, &[], &[policy("batch")]).len(), 1);
}
