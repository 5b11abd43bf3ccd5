//! What `access` says of requests.

use std::fs;

use crate::meshwright;

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
        "nonsense".to_owned(),
        format!(r#"{{{from}, "to": {{"namespace": "shop", "labels": {{"app": "other"}}}}}}"#),
    ];
    fs::write(folder.path().join("policies.yaml"), POLICIES).unwrap();
    fs::write(folder.path().join("requests.jsonl"), requests.join("\n")).unwrap();
    let mesh = ["--trust-domain", "new", "--trust-domain-alias", "old", "--root-namespace", "mesh-root"];
    let files = ["access", "--manifests", "policies.yaml", "--requests", "requests.jsonl"];
    let run = meshwright(folder.path(), &[&files[..], &mesh[..]].concat());
    assert_eq!(
        run.out.lines().collect::<Vec<_>>(),
        [
            r#"{"verdict":"allow","policy":"shop/cart","rule":0}"#,
            r#"{"verdict":"deny","policy":null,"rule":null}"#,
            r#"{"verdict":"deny","policy":null,"rule":null,"peerAuthentication":"mesh-root/mesh"}"#,
            r#"{"error":"expected ident at line 1 column 2"}"#,
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
