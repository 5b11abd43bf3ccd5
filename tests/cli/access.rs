//! What `access` says of requests.

use std::fs;

use crate::checkout::Checkout;
use crate::{meshwright, write};

const POLICIES: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  rules:
    - from: [{source: {principals: [old/ns/shop/sa/frontend]}}]
      to: [{operation: {paths: [/cart/*]}}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: mesh, namespace: mesh-root}
spec: {mtls: {mode: STRICT}}
";

#[test]
fn each_request_gets_one_verdict_and_what_is_no_request_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let to = r#""to": {"namespace": "shop", "labels": {"app": "cart"}, "port": 80, "protocol": "http"}"#;
    let from = r#""from": {"principal": "new/ns/shop/sa/frontend"}"#;
    let requests = [
        format!(r#"{{{from}, {to}, "method": "GET", "path": "/cart/1"}}"#),
        format!(r#"{{{from}, {to}, "method": "GET", "path": "/cart/../admin"}}"#),
        format!(r#"{{"from": {{"principal": null}}, {to}}}"#),
        " ".to_owned(),
        "nonsense".to_owned(),
        format!(r#"{{"from": {{"ip": "x"}}, {to}}}"#),
        format!(r#"{{{from}, {to}, "mehtod": "GET"}}"#),
        r#"{"to": {}}"#.to_owned(),
        r#"{"to": {"namespace": "shop"}"#.to_owned(),
        format!(r#"{{{from}, "to": {{"namespace": "shop", "labels": {{"app": "other"}}}}}}"#),
    ];
    fs::write(folder.path().join("policies.yaml"), POLICIES).unwrap();
    fs::write(folder.path().join("requests.jsonl"), requests.join("\n")).unwrap();
    let mesh = ["--trust-domain", "new", "--trust-domain-alias", "old", "--root-namespace", "mesh-root"];
    let files = ["access", "--manifests", "policies.yaml", "--requests", "requests.jsonl"];
    let run = meshwright(folder.path(), &[&files[..], &mesh[..]].concat());
    let unknown = "{\"error\":\"unknown field `mehtod`, expected one of `from`, `to`, `method`, `path`, `host`, `sni`, \
                   `headers`, `jwt`\",\"line\":7,\"column\":147,\"field\":\"mehtod\"}";
    assert_eq!(
        run.out.lines().collect::<Vec<_>>(),
        [
            r#"{"verdict":"allow","policy":"shop/cart","rule":0}"#,
            r#"{"verdict":"deny","policy":null,"rule":null}"#,
            r#"{"verdict":"deny","policy":null,"rule":null,"peerAuthentication":"mesh-root/mesh"}"#,
            r#"{"error":"the line is no JSON: expected ident","line":5,"column":2}"#,
            r#"{"error":"invalid IP address syntax","line":6,"column":19,"field":"from.ip"}"#,
            unknown,
            r#"{"error":"missing field `namespace`","line":8,"column":9,"field":"to"}"#,
            r#"{"error":"the line is no JSON: EOF while parsing an object","line":9,"column":28}"#,
            r#"{"verdict":"allow","policy":null,"rule":null}"#,
        ]
    );
    assert_eq!(run.code, Some(1), "{run:?}");

    fs::write(folder.path().join("requests.jsonl"), &requests[0]).unwrap();
    let run = meshwright(folder.path(), &files);
    assert_eq!((run.out.as_str(), run.code), ("{\"verdict\":\"deny\",\"policy\":null,\"rule\":null}\n", Some(0)));
}

#[test]
fn nothing_is_decided_by_manifests_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policies.yaml"), POLICIES.replace("rules:\n", "rules: 1\n  x:\n")).unwrap();
    fs::write(folder.path().join("requests.jsonl"), r#"{"to": {"namespace": "shop"}}"#).unwrap();
    let run = meshwright(folder.path(), &["access", "--manifests", "policies.yaml", "--requests", "requests.jsonl"]);
    assert_eq!((run.out.as_str(), run.code), ("", Some(1)));
    assert!(run.err.contains("error[access/manifest] policies.yaml"), "{run:?}");
    let run = meshwright(folder.path(), &["access", "--manifests", "-", "--requests", "-"]);
    assert_eq!(run.code, Some(2), "{run:?}");
}

/// What is expected of the minimal mesh.
const EXPECTED: &str = "tests:
- name: the frontend uses carts
  from: shop/frontend
  to: shop/cartservice
  expect: allow
  policy: shop/cartservice-allow
- from: [shop/batch, cluster.local/ns/other/sa/frontend, other/ns/shop/sa/frontend]
  to: shop/cartservice
  port: 7070
  cluster: gke/east
  expect: deny
- workload: {namespace: shop, labels: {app: cartservice}, port: 7070}
  expect: deny
";

#[test]
fn one_call_of_a_service_is_decided_from_a_checkout() {
    let checkout = Checkout::of(crate::MESH);
    let ask =
        |arguments: &[&str]| meshwright(&checkout.root, &[&["access", "--to", "shop/cartservice"], arguments].concat());
    let run = ask(&["--from", "shop/frontend", "--method", "GET", "--path", "/"]);
    let allowed = "gke/east shop/cartservice:7070 allow, by rule 0 of shop/cartservice-allow (as \
                   cluster.local/ns/shop/sa/frontend)\n";
    assert_eq!((run.out.as_str(), run.code), (allowed, Some(0)));
    let run = ask(&[]);
    assert_eq!(run.out, "gke/east shop/cartservice:7070 deny, as no rule lets it in (plain text)\n");
    let run = ask(&["--from", "shop/frontend", "-o", "json"]);
    let answers: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(answers["answers"][0]["policy"], "shop/cartservice-allow");
    assert_eq!(answers["answers"][0]["principal"], "cluster.local/ns/shop/sa/frontend");
    let run = ask(&["--from", "other/ns/shop/sa/frontend"]);
    assert!(run.out.contains(":7070 deny, as no rule lets it in (as other/ns/shop/sa/frontend)"), "{run:?}");
    // What policies ask of addresses that are not said is left open.
    let by_hand = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: far, namespace: shop}\n\
                   spec: {action: DENY, rules: [{from: [{source: {notIpBlocks: [10.0.0.0/8]}}]}]}\n";
    write(&checkout.root, "clusters/gke/east/shop/far.yaml", by_hand);
    let from = ["--from", "shop/frontend"];
    assert!(ask(&from).out.contains("address that was not said"), "{:?}", ask(&from));
    let near = ask(&[&from[..], &["--ip", "10.0.0.1"]].concat());
    assert!(near.out.contains("allow") && !near.out.contains("was not said"), "{near:?}");
    fs::remove_file(checkout.root.join("clusters/gke/east/shop/far.yaml")).unwrap();
    let run = ask(&["--cluster", "gke/west"]);
    assert!(run.code == Some(1) && run.err.contains("is not served there; it is on gke/east on port 7070"), "{run:?}");
    for wrong in [&["--from", "web"][..], &["--requests", "-"], &["--port", "x"], &["--manifests", "-"]] {
        assert_eq!(ask(wrong).code, Some(2), "{wrong:?}");
    }
    for wrong in [
        &["access"][..],
        &["access", "--from", "a/b"],
        &["access", "--requests", "-"],
        &["access", "test", "--to", "a/b"],
    ] {
        assert_eq!(meshwright(&checkout.root, wrong).code, Some(2), "{wrong:?}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let run = meshwright(elsewhere.path(), &["access", "--to", "shop/cartservice"]);
    assert!(run.code == Some(1) && run.err.contains("no config repository"), "{run:?}");
}

#[test]
fn services_behind_one_waypoint_are_told_apart() {
    let mesh = crate::MESH
        .replace("  serviceMesh: istio\n", "  serviceMesh: istio\n  dataPlane: ambient\n  waypoint: front\n");
    let admin = "\n---\nanchor: inbound-intents\nmetadata: {name: admin}\nspec: {app: cart, appLabel: app=cartservice, \
                 serviceName: admin, port: 81, targetPort: 8081, protocol: GRPC, serviceMesh: istio, dataPlane: ambient, \
                 waypoint: front}\n---\nanchor: inbound-intents/admin/clients\nmetadata: {name: boss}\nspec: {app: frontend, \
                 appLabel: app=frontend, serviceName: boss, namespaces: [], cidrs: [], serviceAccounts: [shop/boss]}\n";
    let checkout = Checkout::of(&format!("{mesh}{admin}"));
    // A DENY policy of one holds for the calls of that one.
    let by_hand = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: shut, namespace: shop}\n\
                   spec: {targetRefs: [{kind: Service, name: admin}], action: DENY, rules: [{from: [{source: {principals: \
                   [cluster.local/ns/shop/sa/frontend]}}]}]}\n";
    write(&checkout.root, "clusters/gke/east/shop/shut.yaml", by_hand);
    for (to, from, says) in [
        ("shop/cartservice", "shop/frontend", "shop/cartservice:7070 allow, by rule 0 of shop/cartservice-allow"),
        ("shop/cartservice", "shop/boss", "shop/cartservice:7070 deny, as no rule lets it in"),
        ("shop/admin", "shop/boss", "shop/admin:81 allow, by rule 0 of shop/admin-allow"),
        ("shop/admin", "shop/frontend", "shop/admin:81 deny, by rule 0 of shop/shut"),
    ] {
        let run = meshwright(&checkout.root, &["access", "--to", to, "--from", from]);
        assert!(run.code == Some(0) && run.out.contains(says), "{to} {from}: {run:?}");
    }
    // Whom the intents promise it is let in, by the ports of the Services.
    let run = meshwright(&checkout.root, &["check"]);
    assert!(!run.out.contains("access/promise"), "{run:?}");
}

#[test]
fn what_is_expected_beside_the_config_is_checked() {
    let checkout = Checkout::of(crate::MESH);
    let test = || meshwright(&checkout.root, &["access", "test"]);
    let run = test();
    assert!(run.code == Some(1) && run.err.contains("access-tests"), "nothing to check is no success: {run:?}");
    write(&checkout.root, "access-tests/shop.yaml", EXPECTED);
    let run = test();
    assert_eq!((run.out.as_str(), run.code), ("5 calls decided, 0 findings\n", Some(0)), "{run:?}");
    assert_eq!(meshwright(&checkout.root, &["check"]).code, Some(0));

    let by_hand = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: shut, namespace: shop}\n\
                   spec: {action: DENY, rules: [{}]}\n";
    write(&checkout.root, "clusters/gke/east/shop/shut.yaml", by_hand);
    let says = "error[access/expected] access-tests/shop.yaml:2:3#/tests/0: the frontend uses carts: call of \
                shop/cartservice by shop/frontend is expected: allow by shop/cartservice-allow; but on gke/east as \
                cluster.local/ns/shop/sa/frontend it is deny, by rule 0 of shop/shut";
    for command in [&["access", "test"][..], &["check"]] {
        let run = meshwright(&checkout.root, command);
        assert!(run.code == Some(1) && run.out.contains(says), "{command:?}: {run:?}");
    }
    let run = meshwright(&checkout.root, &["access", "test", "--output", "json"]);
    let tally: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&tally["calls"], tally["findings"].as_array().map(Vec::len)), (&serde_json::json!(5), Some(1)));
}

#[test]
fn what_cannot_be_expected_is_refused_where_it_stands() {
    let checkout = Checkout::of(crate::MESH);
    for (text, says) in [
        ("tests: []\n", "expects nothing"),
        ("", "access/expectation"),
        ("tests:\n- {to: shop/cartservice}\n", "expect"),
        ("tests:\n- {to: shop/cartservice, expect: maybe}\n", "maybe"),
        ("tests:\n- {to: shop/cartservice, expect: allow, verb: GET}\n", "verb"),
        ("tests:\n- {expect: allow}\n", "one of `to` and `workload`"),
        ("tests:\n- {to: cartservice, expect: allow}\n", "no `namespace/service`"),
        ("tests:\n- {to: shop/cartservice, from: web, expect: allow}\n", "`web` is neither"),
        ("tests:\n- {to: shop/cartservice, from: [], expect: allow}\n", "empty list of callers"),
        ("tests:\n- {workload: {namespace: shop}, port: 1, expect: allow}\n", "workload.port"),
        ("tests:\n- {workload: {namespace: shop, labels: {a: [1]}}, expect: allow}\n", "2:"),
        ("tests:\n- {to: shop/none, expect: allow}\n", "nothing that is called so is known"),
        ("tests:\n- {workload: {namespace: shop}, cluster: gke/none, expect: allow}\n", "known on gke/none"),
        (&format!("tests: {}", "[".repeat(100)), "access-tests/a.yaml:1:"),
    ] {
        write(&checkout.root, "access-tests/a.yaml", text);
        for command in [&["access", "test"][..], &["check"]] {
            let run = meshwright(&checkout.root, command);
            let told = format!("{}{}", run.out, run.err);
            assert!(run.code == Some(1) && told.contains(says), "{command:?} {text}: {run:?}");
        }
    }
    fs::write(checkout.root.join("access-tests/a.yaml"), [0xff, 0xfe]).unwrap();
    assert!(meshwright(&checkout.root, &["access", "test"]).err.contains("not UTF-8"));
}

#[test]
fn manifests_alone_are_held_against_expectations_of_workloads() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policies.yaml"), POLICIES).unwrap();
    let test = "tests:\n- {from: shop/frontend, workload: {namespace: shop, labels: {app: cart}}, path: /cart/1, expect: allow}\n\
                - {from: shop/frontend, workload: {namespace: shop, labels: {app: cart}}, path: /x, expect: deny}\n";
    fs::write(folder.path().join("test.yaml"), test).unwrap();
    let run = |more: &[&str]| {
        let all = ["access", "test", "test.yaml", "--manifests", "policies.yaml"];
        meshwright(folder.path(), &[&all[..], more].concat())
    };
    assert_eq!(run(&["--trust-domain", "old"]).code, Some(0));
    let other = run(&[]);
    assert!(other.code == Some(1) && other.out.contains("2 calls decided, 1 finding"), "{other:?}");
    assert_eq!(run(&["--repo", "."]).code, Some(2));
    let none = meshwright(folder.path(), &["access", "test", "--manifests", "policies.yaml"]);
    assert!(none.code == Some(2) && none.err.contains("name the files"), "{none:?}");
}

#[test]
fn a_mesh_has_names_and_a_file_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("all")).unwrap();
    fs::write(folder.path().join("all/a.yaml"), "kind: [").unwrap();
    fs::write(folder.path().join("requests.jsonl"), r#"{"to": {"namespace": "shop"}}"#).unwrap();
    let ask = |more: &[&str]| {
        meshwright(folder.path(), &[&["access", "--requests", "requests.jsonl", "--manifests", "all"], more].concat())
    };
    std::os::unix::fs::symlink("a.yaml", folder.path().join("all/b.yaml")).unwrap();
    for twice in [&["all/a.yaml"][..], &["./all/../all/a.yaml"], &["all"], &[]] {
        let run = ask(twice);
        assert_eq!(run.err.matches("error[access/manifest]").count(), 1, "{twice:?}: {run:?}");
    }
    for (wrong, says) in [
        (["--trust-domain", ""], "a trust domain is one name"),
        (["--trust-domain", "*"], "a trust domain is one name"),
        (["--trust-domain", "a/b"], "a trust domain is one name"),
        (["--trust-domain-alias", ""], "a trust domain is one name"),
        (["--root-namespace", ""], "a namespace is named"),
        (["--root-namespace", "a.b"], "a namespace is named"),
    ] {
        let run = ask(&wrong);
        assert!(run.code == Some(2) && run.err.contains(says), "{wrong:?}: {run:?}");
    }
}

#[test]
fn what_cannot_be_read_or_is_refused_by_istio_leaves_a_doubt() {
    let checkout = Checkout::of(crate::MESH);
    write(&checkout.root, "access-tests/shop.yaml", EXPECTED);
    let refused = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: shut, namespace: shop}\n\
                   spec: {action: deny, rules: [{}]}\n";
    for (text, says) in [("foo: [", "cannot be read"), (refused, "holds what Istio refuses")] {
        write(&checkout.root, "clusters/gke/east/shop/hand.yaml", text);
        let run = meshwright(&checkout.root, &["access", "--to", "shop/cartservice", "--from", "shop/frontend"]);
        assert!(run.code == Some(0) && run.out.contains(says), "{run:?}");
        let run = meshwright(&checkout.root, &["access", "test"]);
        assert!(run.code == Some(1) && run.out.contains(says), "{run:?}");
        let run = meshwright(&checkout.root, &["check"]);
        assert!(run.code == Some(1) && run.out.contains("clusters/gke/east/shop/hand.yaml"), "{run:?}");
    }
}

#[test]
fn what_istio_refuses_of_given_manifests_is_told_beside_the_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let policies = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop}\nspec:\n  \
                    rules:\n  - from: [{source: {principal: [x]}}]\n---\napiVersion: security.istio.io/v1\nkind: \
                    AuthorizationPolicies\nmetadata: {name: b, namespace: shop}\n";
    // Below folders that are named, too.
    write(folder.path(), "policies/deep/policies.yml", policies);
    fs::write(folder.path().join("requests.jsonl"), r#"{"to": {"namespace": "shop"}}"#).unwrap();
    let files = ["access", "--manifests", "policies", "--requests", "requests.jsonl"];
    let run = meshwright(folder.path(), &files);
    assert!(run.out.starts_with("{\"verdict\":\"allow\",\"policy\":\"shop/a\",\"rule\":0,\"unsure\":"), "{run:?}");
    assert_eq!(run.code, Some(0));
    for says in ["warning[access/refused] policies/deep/policies.yml:6:", "Istio refuses shop/a", "knows no such kind"]
    {
        assert!(run.err.contains(says), "{says}: {run:?}");
    }
    for more in [&["--method", "GET"][..], &["--from", "a/b"], &["--cluster", "a/b"], &["--to", "a/b"]] {
        assert_eq!(meshwright(folder.path(), &[&files[..], more].concat()).code, Some(2), "{more:?}");
    }
}

#[test]
fn whoever_is_let_in_with_some_request_is_not_kept_out() {
    let points = "\n---\nanchor: inbound-intents/cart/clients/frontend/access-points\nmetadata: {name: get}\nspec: \
                  {url: [/cart], access: [GET]}\n";
    let checkout = Checkout::of(&format!("{}{points}", crate::MESH));
    let test = |text: &str| {
        write(&checkout.root, "access-tests/a.yaml", &format!("tests:\n- {{{text}}}\n"));
        meshwright(&checkout.root, &["access", "test"])
    };
    let run = test("from: shop/frontend, to: shop/cartservice, expect: deny");
    assert!(run.code == Some(1) && run.out.contains("that is not said the same caller is let in"), "{run:?}");
    let workload = "workload: {namespace: shop, labels: {app: cartservice}}";
    assert_eq!(test(&format!("from: shop/frontend, {workload}, expect: deny")).code, Some(1));
    for kept_out in [
        "from: shop/frontend, to: shop/cartservice, method: POST, expect: deny",
        "from: shop/frontend, to: shop/cartservice, path: /other, expect: deny",
        "from: shop/batch, to: shop/cartservice, expect: deny",
        "to: shop/cartservice, expect: deny",
    ] {
        assert_eq!(test(kept_out).code, Some(0), "{kept_out}");
    }
    let ask = |more: &[&str]| meshwright(&checkout.root, &[&["access", "--to", "shop/cartservice"], more].concat());
    assert!(ask(&["--from", "shop/frontend"]).out.contains("the same caller is let in"));
    assert!(!ask(&["--from", "shop/batch"]).out.contains("the same caller is let in"));
    for wrong in [&["--method", "get"][..], &["--path", "cart"], &["--cluster", "east"], &["--from", "shop/*"]] {
        assert_eq!(ask(wrong).code, Some(2), "{wrong:?}");
    }
    assert_eq!(ask(&["--trust-domain", "x"]).code, Some(2), "it is of manifests");
    for wrong in ["from: shop/*, to: shop/cartservice", "to: shop/cartservice, method: get", "to: a/b, cluster: east"] {
        let run = test(&format!("{wrong}, expect: deny"));
        assert!(run.code == Some(1) && run.err.contains("access/expectation"), "{run:?}");
    }
}

#[test]
fn the_matrix_says_who_is_let_in_and_a_check_whom_policies_by_hand_lock_out() {
    let points = "\n---\nanchor: inbound-intents/cart/clients/frontend/access-points\nmetadata: {name: get}\nspec: \
                  {url: [/cart, /items/*], access: [GET, POST]}\n";
    let checkout = Checkout::of(&format!("{}{points}", crate::MESH));
    let matrix = || meshwright(&checkout.root, &["access", "matrix"]).out;
    let head = "gke/east shop/cartservice (app=cartservice)\n";
    assert_eq!(matrix(), format!("{head}  shop/frontend: GET, POST /cart, /items/* [port 7070]\n"));
    let policy = |spec: &str| {
        let text = format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: hand, namespace: shop}}\nspec: {spec}\n"
        );
        write(&checkout.root, "clusters/gke/east/shop/hand.yaml", &text);
        meshwright(&checkout.root, &["check"]).out
    };
    let told = policy("{action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}");
    assert!(!told.contains("access/idle") && !told.contains("access/locked-out"), "{told}");
    assert_eq!(matrix(), format!("{head}  shop/frontend: GET /cart, /items/* [port 7070]\n"));
    policy("{action: DENY, rules: [{to: [{operation: {paths: [/items/secret]}}]}]}");
    assert!(matrix().contains("but for everybody (/items/secret by any method)"), "{}", matrix());
    let told = policy("{action: DENY, rules: [{}]}");
    assert!(told.contains("warning[access/locked-out]"), "{told}");
    assert_eq!(matrix(), format!("{head}  nobody\n"));
    let told = policy("{rules: [{from: [{source: {namespaces: [a], notNamespaces: [\"*\"]}}]}]}");
    assert!(told.contains("warning[access/idle] clusters/gke/east/shop/hand.yaml"), "{told}");
    let some = |more: &[&str]| meshwright(&checkout.root, &[&["access", "matrix"][..], more].concat());
    assert_eq!(some(&["shop/cartservice", "--cluster", "gke/east"]).out, matrix());
    for nobody in [&["shop/other"][..], &["--cluster", "gke/west"]] {
        assert_eq!(some(nobody).code, Some(1), "{nobody:?}");
    }
    let run = meshwright(&checkout.root, &["access", "matrix", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&rows[0]["target"], &rows[0]["open"]), (&"shop/cartservice".into(), &false.into()), "{rows}");
}

#[test]
fn manifests_that_tell_nothing_or_too_much_are_no_base_for_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let policy = |account: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: cart, namespace: shop}}\nspec: {{rules: \
             [{{from: [{{source: {{principals: [cluster.local/ns/shop/sa/{account}]}}}}]}}]}}\n"
        )
    };
    write(root, "clusters/gke/east/shop/cart.yaml", &policy("frontend"));
    write(root, "clusters/gke/west/shop/cart.yaml", &policy("other"));
    write(
        root,
        "requests.jsonl",
        r#"{"from": {"principal": "cluster.local/ns/shop/sa/frontend"}, "to": {"namespace": "shop"}}"#,
    );
    let decide = |manifests: &[&str]| {
        meshwright(root, &[&["access", "--requests", "requests.jsonl", "--manifests"][..], manifests].concat())
    };
    let run = decide(&["."]);
    assert!(run.code == Some(2) && run.err.contains("clusters/gke/east or "), "{run:?}");
    let run = decide(&["clusters/gke/east"]);
    assert_eq!(
        (run.out.as_str(), run.code),
        ("{\"verdict\":\"allow\",\"policy\":\"shop/cart\",\"rule\":0}\n", Some(0))
    );
    // Nobody writes to standard input here.
    let run = decide(&["-"]);
    assert!(run.code == Some(1) && run.err.contains("standard input is empty"), "{run:?}");
    #[cfg(unix)]
    {
        fs::create_dir(root.join("linked")).unwrap();
        std::os::unix::fs::symlink(root.join("clusters/gke/east"), root.join("linked/east")).unwrap();
        write(root, "linked/none.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
        let run = decide(&["linked"]);
        assert!(
            run.code == Some(1) && run.err.contains("error[lint/link]"),
            "what is not followed may decide: {run:?}"
        );
    }
    write(root, "list.yaml", "apiVersion: v1\nkind: List\nitems: []\n");
    let run = decide(&["list.yaml"]);
    assert!(run.code == Some(0) && run.err.contains("warning[access/nothing] list.yaml"), "{run:?}");
    write(root, "twice.yaml", &format!("{}---\n{}", policy("frontend"), policy("other")));
    let run = decide(&["twice.yaml"]);
    assert!(run.err.contains("warning[access/twice] twice.yaml:6:1") && run.out.contains("stands twice"), "{run:?}");
    write(root, "refused.yaml", &policy("frontend").replace("principals", "principal"));
    let run = decide(&["refused.yaml"]);
    assert!(run.out.contains("\"unsure\":\"Istio refuses shop/cart"), "{run:?}");
}
