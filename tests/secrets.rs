//! Private keys and tokens are kept nowhere and said to nobody, by a real server that logs all it can.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is a test")]

#[path = "double/mod.rs"]
mod double;
#[path = "secrets/forge.rs"]
mod forge;
#[path = "secrets/key.rs"]
mod key;
#[path = "secrets/places.rs"]
mod places;
mod process;
#[path = "secrets/sealed.rs"]
mod sealed;
mod tls;
#[path = "secrets/traces.rs"]
mod traces;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use process::{Answer, Client, PATIENCE, Server};
use traces::Traces;

const MESH: &str = include_str!("../fixtures/minimal/bundle.yaml");
const TOKEN: &str = "mw-9f4c51e07ad84b6f-not-to-be-seen";

/// A configuration that logs everything, with a token if one is given.
fn configuration(folder: &Path, token: Option<&str>) -> PathBuf {
    let path = folder.join("meshwright.yaml");
    let mut text = String::from("timing: {settle: 20ms, readyAfter: 100ms, poll: 100ms}\nlog: {filter: trace}\n");
    if let Some(token) = token {
        let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        let rights = "{'*': [propose, approve, operate]}";
        text += &format!("tokens:\n- {{name: portal, sha256: {hash}, logins: ['github:alice'], rights: {rights}}}\n");
        text += &format!("- {{name: owner, sha256: {}, logins: ['github:bob'], rights: {rights}}}\n", "0".repeat(64));
    }
    std::fs::write(&path, text).unwrap();
    path
}

/// Posts the sample mesh, and gives the change once it has a pull request.
fn propose(client: &Client, headers: &[(&str, &str)]) -> String {
    let answer = client.send("POST", "/v2/bundles", headers, Some(("application/yaml", MESH.as_bytes()))).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = change_of(&answer);
    until(client, headers, &id, |change| change["state"] == "proposed");
    id
}

fn change_of(answer: &Answer) -> String {
    answer.headers["meshwright-change"].to_str().unwrap().to_owned()
}

/// Waits until a change is as `says` is true of.
fn until(client: &Client, headers: &[(&str, &str)], id: &str, says: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let answer = client.send("GET", &format!("/v2/changes/{id}"), headers, None).unwrap();
        let change = serde_json::from_str(&answer.body).unwrap();
        if says(&change) {
            return change;
        }
        assert!(started.elapsed() < PATIENCE, "it does not come about: {}", answer.body);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All that an answer says.
fn said(answer: &Answer) -> String {
    format!("{} {:?}\n{}", answer.status, answer.headers, answer.body)
}

#[test]
fn a_private_key_is_refused_wherever_it_would_be_kept_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), None);
    let data = folder.path().join("data");
    let mut server = Server::spawn(&data, &config);
    let client = Client::new(&server.url());
    let change = propose(&client, &[]);
    let mut answers = vec![];
    for form in key::forms() {
        for place in places::all(&form.text, &change) {
            let body = place.body.as_ref().map(|(kind, bytes)| (kind.as_str(), bytes.as_slice()));
            let headers: Vec<(&str, &str)> =
                place.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = client.send(place.method, &place.path, &headers, body).unwrap();
            let what = format!("{} in {}: {}", form.name, place.name, said(&answer));
            if let Some(field) = place.refused {
                assert!((400..500).contains(&answer.status), "{what}");
                assert!(answer.body.contains(field), "it does not name {field}: {what}");
            }
            answers.push(what);
        }
    }
    for step in ["approve", "merge"] {
        let answer = client.send("POST", &format!("/v2/changes/{change}/{step}"), &[], None).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for path in ["/v2/changes", "/metrics", "/v2/projects", "/readyz"] {
        answers.push(said(&client.send("GET", path, &[], None).unwrap()));
    }
    let traces = Traces::of(&data, server.kill(), &answers);
    traces.hold(b"shop");
    for needle in key::needles() {
        traces.do_not_hold(&needle);
    }
}

#[test]
fn a_token_is_seen_in_no_log_journal_repository_or_answer() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), Some(TOKEN));
    let data = folder.path().join("data");
    let mut server = Server::spawn(&data, &config);
    let client = Client::new(&server.url());
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Authorization", bearer.as_str())];
    let change = propose(&client, &headers);
    let mut answers = vec![];
    for (method, path) in [
        ("GET", "/v2/changes".to_owned()),
        ("GET", format!("/v2/changes/{change}/diff")),
        ("POST", format!("/v2/changes/{change}/approve")),
        ("POST", format!("/v2/changes/{change}/merge")),
        ("GET", "/v2/nowhere".to_owned()),
        ("PATCH", "/v2/projects".to_owned()),
        ("GET", "/metrics".to_owned()),
        ("POST", format!("/v2/changes/{change}/withdraw")),
    ] {
        answers.push(said(&client.send(method, &path, &headers, None).unwrap()));
    }
    let wrong = format!("Bearer {TOKEN}x");
    for headers in [&[("Authorization", wrong.as_str())][..], &[("Authorization", TOKEN)], &[]] {
        let answer = client.send("GET", "/v2/changes", headers, None).unwrap();
        assert_eq!(answer.status, 401, "{}", answer.body);
        answers.push(said(&answer));
    }
    let traces = Traces::of(&data, server.kill(), &answers);
    traces.hold(b"portal");
    traces.do_not_hold(TOKEN.as_bytes());
}

#[test]
fn the_kubeconfig_of_a_cluster_is_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path(), None);
    let data = folder.path().join("data");
    let mut server = Server::spawn(&data, &config);
    let client = Client::new(&server.url());
    let id = propose(&client, &[]);
    let before = until(&client, &[], &id, |_| true);
    let file = format!("apiVersion: v1\nkind: Config\nusers: [{{name: admin, user: {{token: {TOKEN}}}}}]\n");
    let (kind, body) = places::multipart(r#"{"metadata": {"name": "west"}}"#, "kubeconfig", file.as_bytes());
    let path = "/v2/cluster-providers/gke/clusters";
    let answer = client.send("POST", path, &[], Some((&kind, &body))).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    let shown = client.send("GET", &format!("{path}/west"), &[], None).unwrap();
    assert_eq!(shown.status, 200, "{}", shown.body);
    // What was posted is in a commit.
    until(&client, &[], &change_of(&answer), |change| change["head"].is_string() && change["head"] != before["head"]);
    let traces = Traces::of(&data, server.kill(), &[said(&answer), said(&shown)]);
    traces.hold(b"west");
    traces.do_not_hold(TOKEN.as_bytes());
    traces.do_not_hold(b"name: admin");
}

#[test]
fn without_tokens_no_other_machine_is_served_and_the_remedy_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_meshwright"))
        .args(["serve", "--listen", "0.0.0.0:0", "--data"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("Configure tokens, or listen on 127.0.0.1"), "{said}");
}
