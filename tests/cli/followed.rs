//! Merged changes, followed to their clusters by what GitOps engines tell of main; the server is killed meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac as _};
use meshwright::repo::{Edits, Identity, Mirror};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::process::{Client, PATIENCE, Server};
use crate::sinks::{Seen, Sink};
use crate::{meshwright, write};

/// A server on two clusters, `gke/east` and `gke/west`.
const MESH: &str = include_str!("../../fixtures/failover/bundle.yaml");
const TOKEN: &str = "the token of Argo CD";
const SECRET: &str = "what Flux signs with";
const BOTH: &str = "engines: {argocd: {tokenFile: AT/token}, flux: {secretFile: AT/secret}}\n";
const TIMING: &str = "timing: {settle: 20ms, readyAfter: 100ms, poll: 100ms}\n";

/// The places where nobody is.
const NOWHERE: [Vec<String>; 2] = [vec![], vec![]];

struct Running {
    folder: tempfile::TempDir,
    server: Option<Server>,
    client: Client,
    url: String,
}

impl Running {
    fn start(engines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "token", &format!("{TOKEN}\n"));
        write(root, "secret", SECRET);
        write(root, "serve.yaml", &format!("{TIMING}{}", engines.replace("AT", &root.display().to_string())));
        let (server, client, url) = serve(root);
        Self { folder, server: Some(server), client, url }
    }

    fn both() -> Self {
        Self::start(BOTH)
    }

    /// Kills it, and starts it again.
    fn again(&mut self) {
        self.server.take().unwrap().kill();
        let (server, client, url) = serve(self.folder.path());
        (self.server, self.client, self.url) = (Some(server), client, url);
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.client.send("GET", path, &[], None).unwrap().body).unwrap()
    }

    fn change(&self, id: &str) -> Value {
        self.json(&format!("/v2/changes/{id}"))
    }

    /// Has a bundle merged, and waits until it is known where it has to come; gives the change and its commit.
    fn merged(&self, bundle: &str) -> (String, String) {
        let answer =
            self.client.send("POST", "/v2/bundles", &[], Some(("application/yaml", bundle.as_bytes()))).unwrap();
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.headers["meshwright-change"].to_str().unwrap().to_owned();
        self.until(&id, |change| change["state"] == "proposed");
        for step in ["approve", "merge"] {
            let body = Some(("application/json", b"{}".as_slice()));
            let answer = self.client.send("POST", &format!("/v2/changes/{id}/{step}"), &[], body).unwrap();
            assert_eq!(answer.status, 200, "{step}: {}", answer.body);
        }
        let change = self.until(&id, |change| change["clusters"].is_array());
        (id, change["merged"].as_str().unwrap().to_owned())
    }

    fn until(&self, id: &str, says: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let change = self.change(id);
            if says(&change) {
                return change;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not come to be: {change:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn post(&self, engine: &str, headers: &[(&str, &str)], body: &Value) -> (u16, String) {
        let body = body.to_string();
        let sent = Some(("application/json", body.as_bytes()));
        let answer = self.client.send("POST", &format!("/v2/webhooks/{engine}"), headers, sent).unwrap();
        (answer.status, answer.body)
    }

    fn argocd(&self, body: &Value) -> (u16, String) {
        self.post("argocd", &[("Authorization", &format!("Bearer {TOKEN}"))], body)
    }

    fn flux(&self, body: &Value) -> (u16, String) {
        self.post("flux", &[("X-Signature", &format!("sha256={}", sign(SECRET, body)))], body)
    }

    /// The places where a change is synced, and those where it is live.
    fn reached(&self, id: &str) -> [Vec<String>; 2] {
        let change = self.change(id);
        let of = |field: &str| {
            let places = change["clusters"].as_array().unwrap().iter().filter(|place| place[field].is_string());
            places.map(|place| format!("{}/{}", text(place, "cluster"), text(place, "namespace"))).collect()
        };
        ["synced", "live"].map(of)
    }

    fn metric(&self, series: &str) -> String {
        let metrics = self.client.send("GET", "/metrics", &[], None).unwrap().body;
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in\n{metrics}")).to_owned()
    }

    /// Somebody pushes a commit to a branch: on top of main, and onto main itself if it is called so.
    fn push(&self, branch: &str) -> String {
        let mirror = Mirror::open(self.folder.path().join("data/config.git")).unwrap();
        let main = mirror.branch("main").unwrap().unwrap();
        let mut edits = Edits::new();
        edits.write(format!("notes/{branch}.md"), "by hand\n");
        let tree = mirror.tree_with(mirror.commit_info(main).unwrap().tree, &edits).unwrap();
        let by = Identity { name: "Carol".into(), email: "carol@example.com".into() };
        let commit = mirror.commit_tree(tree, &[main], &by, 1, "by hand\n", None).unwrap();
        let before = mirror.branch(branch).unwrap();
        mirror.set_reference(&format!("refs/heads/{branch}"), before, Some(commit), "push").unwrap();
        commit.to_string()
    }
}

fn serve(root: &Path) -> (Server, Client, String) {
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let url = server.url();
    let client = Client::new(&url);
    client.until_ready();
    (server, client, url)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

fn sign(secret: &str, body: &Value) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.to_string().as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the template of `docs/gitops.md` gives.
fn application(cluster: &str, revision: &str, health: &str) -> Value {
    json!({
        "application": "mesh", "cluster": cluster, "namespace": "shop", "revision": revision, "sync": "Synced",
        "health": health, "at": "2100-01-01T00:00:00Z",
    })
}

/// What the notification-controller of Flux forwards.
fn kustomization(cluster: &str, revision: &str, reason: &str) -> Value {
    json!({
        "involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": "mesh"},
        "severity": "info", "timestamp": "2100-01-01T00:00:00Z", "reason": reason, "message": "finished",
        "metadata": {"cluster": cluster, "revision": format!("main@sha1:{revision}")},
        "reportingController": "kustomize-controller",
    })
}

#[test]
fn a_change_is_live_once_all_its_clusters_are_whoever_tells_and_whoever_is_killed() {
    let sink = Sink::new(200);
    let mut running = Running::start(&format!("{BOTH}sinks: [{{name: bus, url: '{}'}}]\n", sink.url));
    let (id, commit) = running.merged(MESH);
    assert_eq!(running.reached(&id), NOWHERE, "nobody told anything");
    assert_eq!(running.argocd(&application("gke/east", &commit, "Progressing")).0, 202);
    assert_eq!(running.reached(&id), [vec!["gke/east/shop".to_owned()], vec![]]);
    assert_eq!(running.argocd(&application("gke/east", &commit, "Healthy")).0, 202);
    // Another engine tells of the other cluster, and first that its health is bad.
    assert_eq!(running.flux(&kustomization("gke/west", &commit, "HealthCheckFailed")).0, 202);
    assert_eq!(running.metric("meshwright_change_seconds_count{to=\"live\"}"), "0");
    running.again();
    let both = ["gke/east/shop", "gke/west/shop"].map(str::to_owned).to_vec();
    assert_eq!(running.reached(&id), [both.clone(), both[..1].to_vec()]);
    let shown = meshwright(running.folder.path(), &["change", "show", &id, "--server", &running.url]);
    assert!(shown.out.contains("live on 1 of 2: gke/east/shop; synced, and not healthy yet, on 1\n"), "{shown:?}");
    // A later commit holds the change.
    let later = running.push("main");
    assert_eq!(running.flux(&kustomization("gke/west", &later, "ReconciliationSucceeded")).0, 202);
    let change = running.until(&id, |change| change["clusters"][1]["live"].is_string());
    assert_eq!(change["state"], "merged");
    // A clock that is ahead has nothing live later than now.
    assert!(text(&change["clusters"][1], "live") < "2099", "{change:#}");
    assert_eq!(running.metric("meshwright_change_seconds_count{to=\"live\"}"), "1");
    let group = "/v2/projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/status";
    let status = running.json(group);
    assert!(
        status["resources"].as_array().is_some_and(|all| all.len() > 1 && all.iter().all(|it| it["state"] == "live")),
        "{status:#}"
    );
    running.again();
    assert_eq!(running.reached(&id), [both.clone(), both]);
    assert_eq!(running.metric("meshwright_change_seconds_count{to=\"live\"}"), "0", "it was live before");
    let mut told: Vec<String> = vec![];
    while told.last().is_none_or(|last| !last.ends_with("live")) {
        let event = sink.next(Seen::is_of_a_change);
        assert_eq!(event.word("subject"), id);
        told.push(event.word("type").to_owned());
    }
    told.dedup();
    assert_eq!(
        told[told.len() - 3..],
        ["merged", "synced", "live"].map(|kind| format!("dev.meshwright.change.{kind}"))
    );
}

#[test]
fn what_is_told_too_early_counts_once_main_is_there_and_what_is_told_of_others_never() {
    let running = Running::both();
    let (id, commit) = running.merged(MESH);
    let aside = running.push("aside");
    for (cluster, revision) in [
        ("gke/east", "0123456789abcdef0123456789abcdef01234567"), // of another repository
        ("gke/east", aside.as_str()),                             // another branch, which holds the change
        ("gke/north", commit.as_str()),                           // a cluster that nobody knows
    ] {
        let (status, answer) = running.flux(&kustomization(cluster, revision, "ReconciliationSucceeded"));
        assert_eq!((status, answer.contains("\"new\":true")), (202, true), "{answer}");
    }
    let mut out_of_sync = application("gke/east", &commit, "Healthy");
    out_of_sync["sync"] = "OutOfSync".into();
    assert_eq!(running.argocd(&out_of_sync).0, 202);
    assert_eq!(running.flux(&kustomization("gke/east", &commit, "Progressing")).0, 202);
    assert_eq!(running.reached(&id), NOWHERE);
    // An older commit does not hold a later change, and the branch that was told of first becomes main.
    let mirror = Mirror::open(running.folder.path().join("data/config.git")).unwrap();
    let main = mirror.branch("main").unwrap();
    mirror.set_reference("refs/heads/main", main, Some(aside.parse().unwrap()), "push").unwrap();
    running.until(&id, |change| change["clusters"][0]["live"].is_string());
    let (next, _) = running.merged(&MESH.replace("port: 80", "port: 81"));
    assert_eq!(running.argocd(&application("gke/west", &commit, "Healthy")).0, 202);
    assert_eq!(running.reached(&next), NOWHERE);
    assert_eq!(running.reached(&id)[1].len(), 2);
    assert_eq!(running.metric("meshwright_change_seconds_count{to=\"live\"}"), "1");
    // What touches no cluster is live when it is merged.
    let (id, _) = running.merged("anchor: projects\nmetadata: {name: other}\n");
    assert_eq!(running.change(&id)["clusters"], json!([]));
    assert_eq!(running.metric("meshwright_change_seconds_count{to=\"live\"}"), "2");
}

#[test]
fn an_engine_is_believed_for_its_token_or_signature_and_not_twice() {
    let running = Running::both();
    let (id, commit) = running.merged(MESH);
    let (argocd, flux) =
        (application("gke/east", &commit, "Healthy"), kustomization("gke/west", &commit, "ReconciliationSucceeded"));
    let signature = sign(SECRET, &flux);
    for (headers, engine, body) in [
        (vec![], "argocd", &argocd),
        (vec![("Authorization", "Bearer the token of Argo C?")], "argocd", &argocd),
        (vec![("Authorization", TOKEN)], "argocd", &argocd),
        (vec![("X-Signature", signature.as_str())], "argocd", &argocd),
        (vec![], "flux", &flux),
        (vec![("X-Signature", &*sign("another secret than ours", &flux))], "flux", &flux),
        (vec![("X-Signature", &*sign(SECRET, &argocd))], "flux", &flux),
        (vec![("Authorization", "Bearer what Flux signs with")], "flux", &flux),
    ] {
        let (status, answer) = running.post(engine, &headers, body);
        assert_eq!(status, 401, "{headers:?}: {answer}");
    }
    assert_eq!(running.reached(&id), NOWHERE);
    assert_eq!(running.metric("meshwright_webhooks_total{result=\"unsigned\"}"), "8");
    for new in [true, false] {
        for (status, answer) in [running.argocd(&argocd), running.flux(&flux)] {
            assert_eq!((status, answer.contains(&format!("\"new\":{new}"))), (202, true), "{answer}");
        }
    }
    assert_eq!(running.metric("meshwright_webhooks_total{result=\"known\"}"), "2");
    let (status, answer) = running.argocd(&json!({"application": "mesh"}));
    assert_eq!((status, answer.contains("missing field `cluster`")), (400, true), "{answer}");
    let mut nowhere = flux.clone();
    nowhere["metadata"] = json!({"revision": format!("main@sha1:{commit}")});
    let (status, answer) = running.flux(&nowhere);
    assert_eq!((status, answer.contains("eventMetadata")), (400, true), "{answer}");
    let mut long = flux.clone();
    long["message"] = "x".repeat(257 << 10).into();
    assert_eq!(running.flux(&long).0, 413);
    let body = argocd.to_string();
    let headers = [("Authorization", format!("Bearer {TOKEN}"))].map(|(name, value)| (name, value.leak() as &str));
    let answer = running.client.send("POST", "/v2/webhooks/argocd", &headers, Some(("text/plain", body.as_bytes())));
    assert_eq!(answer.unwrap().status, 415);
}

#[test]
fn engines_that_are_not_configured_lead_nowhere_until_they_are() {
    let running = Running::start("engines: {flux: {secretFile: AT/secret}}\n");
    let told = application("gke/east", "0123456789abcdef0123456789abcdef01234567", "Healthy");
    let (status, answer) = running.argocd(&told);
    assert_eq!((status, answer.contains("engines.argocd.tokenFile")), (404, true), "{answer}");
    let event = |reason| kustomization("gke/east", "0123456789abcdef0123456789abcdef01234567", reason);
    assert_eq!(running.flux(&event("ReconciliationSucceeded")).0, 202);
    // The file with the secret is looked at, too.
    let root = running.folder.path();
    write(root, "secret", "what it signs with from now on");
    let begin = Instant::now();
    while running.flux(&event("HealthCheckFailed")).0 != 401 {
        assert!(begin.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    }
    write(
        root,
        "serve.yaml",
        &format!("{TIMING}engines: {{argocd: {{tokenFile: {}}}}}\n", root.join("token").display()),
    );
    while running.argocd(&told).0 != 202 {
        assert!(begin.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(running.flux(&event("Progressing")).0, 404);
}
