//! What the log of a server says of requests and changes.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Client, PATIENCE, Server};
use crate::{MESH, write};

/// What must not be found in a log.
const SECRET: &str = "hunter2";

const YAML: &str = "application/yaml";

/// A server that logs so, and whose main branch, where `main` is false, is not there.
fn start(log: &str, main: bool) -> (tempfile::TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let remote = root.join("remote");
    let git =
        |arguments: &[&str]| assert!(Command::new("git").args(arguments).current_dir(root).status().unwrap().success());
    git(&["init", "--quiet", "--bare", "--initial-branch=main", "remote"]);
    if !main {
        let commit = "git commit-tree -m begin $(git mktree </dev/null)";
        let made = Command::new("sh")
            .args(["-c", &format!("git update-ref refs/heads/other $({commit})")])
            .envs(
                ["AUTHOR", "COMMITTER"]
                    .into_iter()
                    .flat_map(|who| [(format!("GIT_{who}_NAME"), "a"), (format!("GIT_{who}_EMAIL"), "a@example.com")]),
            )
            .current_dir(&remote)
            .status();
        assert!(made.unwrap().success());
    }
    let timing = "timing: {settle: 20ms, readyAfter: 100ms, poll: 100ms}";
    write(root, "serve.yaml", &format!("repository: {{remote: '{}'}}\n{timing}\nlog: {log}\n", remote.display()));
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let client = Client::new(&server.url());
    (folder, server, client)
}

/// Waits until a change is in a state.
fn until(client: &Client, change: &str, state: &str) {
    let begin = Instant::now();
    loop {
        let shown = client.send("GET", &format!("/v2/changes/{change}"), &[], None).unwrap().body;
        if shown.contains(&format!("\"state\":\"{state}\"")) {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{shown}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the spans around a line say of `name`.
fn around<'l>(line: &'l Value, name: &str) -> Option<&'l str> {
    line["spans"].as_array().into_iter().flatten().find_map(|span| span[name].as_str())
}

#[test]
fn lines_say_which_request_and_which_change_they_are_of() {
    let (_folder, server, client) = start("{json: true, filter: 'info,meshwright=trace'}", true);
    client.until_ready();
    let send = |method: &str, path: &str, id: &str, body: Option<&str>| {
        let headers = [("X-Request-Id", id), ("Authorization", "Bearer hunter2"), ("Meshwright-Note", SECRET)];
        client.send(method, path, &headers, body.map(|body| (YAML, body.as_bytes()))).unwrap()
    };
    let planned = send("POST", "/v2/plan", "r-plan", Some(&MESH.replace("frontend", SECRET)));
    assert_eq!(planned.status, 200, "{}", planned.body);
    let accepted = send("POST", "/v2/bundles", "r-bundle", Some(MESH));
    let change = accepted.headers["meshwright-change"].to_str().unwrap().to_owned();
    until(&client, &change, "proposed");
    assert_eq!(send("GET", "/v2/projects/shop?view=hunter2", "r-query", None).status, 400);
    assert_eq!(send("GET", "/v2/nowhere?hunter2", "r-nowhere", None).status, 404);
    for step in ["approve", "merge"] {
        let taken = client.send("POST", &format!("/v2/changes/{change}/{step}"), &[("X-Request-Id", step)], None);
        assert_eq!(taken.unwrap().status, 200, "{step}");
    }
    let log = server.stop();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |message: &str, request: Option<&str>| {
        let found = lines.iter().filter(|line| line["fields"]["message"] == message);
        found.filter(|line| around(line, "request") == request).collect::<Vec<_>>()
    };
    for (request, method, route, path, status) in [
        ("r-plan", "POST", Some("/v2/plan"), "/v2/plan", 200),
        ("r-bundle", "POST", Some("/v2/bundles"), "/v2/bundles", 202),
        ("r-query", "GET", Some("/v2/projects/{project}"), "/v2/projects/shop", 400),
        ("r-nowhere", "GET", None, "/v2/nowhere", 404),
        ("merge", "POST", Some("/v2/changes/{id}/merge"), &format!("/v2/changes/{change}/merge"), 200),
    ] {
        let [answered] = of("answered", Some(request))[..] else { panic!("{request}: {log}") };
        assert_eq!((around(answered, "method"), around(answered, "route")), (Some(method), route), "{answered}");
        let fields = &answered["fields"];
        assert_eq!((fields["path"].as_str(), fields["status"].as_u64()), (Some(path), Some(status)), "{answered}");
        assert!(fields["milliseconds"].is_u64() && answered["target"] == "meshwright::http", "{answered}");
    }
    // Work on other threads is of the same request, and of the same change.
    assert_eq!(of("planned", Some("r-plan")).len(), 1, "{log}");
    assert_eq!(of("accepted", Some("r-bundle"))[0]["fields"]["change"], *change);
    let committed = of("committed", None);
    assert!(!committed.is_empty() && committed.iter().all(|line| around(line, "change") == Some(&change)), "{log}");
    // Whatever is written about requests says of which.
    let anonymous = |line: &&Value| {
        let target = line["target"].as_str().unwrap();
        target.starts_with("meshwright::http") && around(line, "request").is_none()
    };
    assert_eq!(lines.iter().find(anonymous), None);
    assert!(!log.contains(SECRET), "{log}");
}

#[test]
fn what_a_line_is_about_does_not_depend_on_which_lines_are_chosen() {
    let (_folder, server, client) =
        start("{json: true, filter: 'off,meshwright::change=debug,meshwright::cli=info'}", true);
    let accepted = client.send("POST", "/v2/bundles", &[], Some((YAML, MESH.as_bytes()))).unwrap();
    let change = accepted.headers["meshwright-change"].to_str().unwrap().to_owned();
    until(&client, &change, "proposed");
    let log = server.kill();
    // Lines of the edge were not chosen; what says whose a line is does not depend on that.
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| !line["target"].as_str().unwrap().starts_with("meshwright::http")), "{log}");
    let committed = lines.iter().find(|line| line["fields"]["message"] == "committed");
    assert_eq!(committed.and_then(|line| around(line, "change")), Some(&*change), "{log}");
}

#[test]
fn a_failure_is_told_with_its_request_as_text_and_whatever_lines_are_chosen() {
    let (_folder, server, client) = start("{filter: 'off,meshwright::http=debug,meshwright::cli=info'}", false);
    let plan = client.send("POST", "/v2/plan", &[("X-Request-Id", "r-1")], Some((YAML, MESH.as_bytes()))).unwrap();
    assert_eq!(plan.status, 503, "{}", plan.body);
    let log = server.kill();
    let failed = log.lines().find(|line| line.contains("a request failed")).unwrap_or_else(|| panic!("{log}"));
    assert!(failed.contains("http{request=\"r-1\" method=\"POST\" route=\"/v2/plan\"}: "), "{failed}");
    assert!(failed.contains("does not have the branch"), "{failed}");
    let answered = log.lines().find(|line| line.contains("answered")).unwrap_or_else(|| panic!("{log}"));
    assert!(answered.contains("http{request=\"r-1\"") && answered.contains(" status=503 milliseconds="), "{answered}");
}
