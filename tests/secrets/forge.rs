//! The secrets of a forge: the token of a user, the key and the tokens of an app, and what webhooks are signed with.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::double::{Delivery, Double, Face, Fault, Match, REPOSITORY, TOKEN, Verdict, scratch};
use crate::process::{Client, Server};
use crate::traces::Traces;
use crate::{propose, said, until};

const WEBHOOK_SECRET: &str = "what-webhooks-are-signed-with-31";
const NEXT_SECRET: &str = "another secret of webhooks";

/// The arguments of every process of this machine while `work` goes on.
pub(crate) fn arguments_while<T>(work: impl FnOnce() -> T) -> (T, String) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                for process in std::fs::read_dir("/proc").unwrap().flatten() {
                    let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).replace('\0', " ");
                    if line.contains("git") || line.contains("meshwright") {
                        seen.insert(line);
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            seen.into_iter().collect::<Vec<_>>().join("\n")
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        let seen = watching.join().unwrap();
        (result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), seen)
    })
}

/// Lives a change on a double, with failures, and looks for `needles` in everything that was written or said.
fn live(double: &Double, identity: &str, needles: impl Fn() -> Vec<String>) {
    let folder = scratch();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    write("token", TOKEN);
    write("webhook", WEBHOOK_SECRET);
    if let Some(app) = &double.lock().app {
        write("app.pem", &app.private_key);
    }
    let identity = identity.replace("TOKEN", &at("token")).replace("KEY", &at("app.pem"));
    let kind = if double.face == Face::GitHub { "github" } else { "gitea" };
    write(
        "server.yaml",
        &format!(
            "timing: {{settle: 20ms, readyAfter: 100ms, poll: 100ms}}\nlog: {{filter: trace}}\nforge:\n  kind: {kind}\n  \
             api: {}\n  repository: {REPOSITORY}\n  webhookSecretFiles: [{}]\n  {identity}\n",
            double.api_url(),
            at("webhook"),
        ),
    );
    let data = folder.path().join("data");
    let ((log, answers), arguments) = arguments_while(|| {
        let mut server = Server::spawn(&data, &folder.path().join("server.yaml"));
        let url = server.url();
        leaves_no_core_dump(server.process());
        let client = Client::new(&url);
        let id = propose(&client, &[]);
        let mut answers = vec![];
        // What fails is told, and told in every way.
        for (fault, times) in [(Fault::Status(500), 2), (Fault::LostBefore, 2), (Fault::Status(401), 3)] {
            double.fault(Match("", ""), fault, times);
            std::thread::sleep(Duration::from_millis(400));
            answers.push(said(&client.send("GET", "/readyz", &[], None).unwrap()));
        }
        double.mend();
        let delivery = Delivery { id: "1".into(), event: "push".into(), body: "{}".into() };
        let hook = format!("{url}/v2/webhooks/{kind}");
        assert_eq!(double.deliver(&hook, WEBHOOK_SECRET, &delivery).0, 202);
        let (status, answer) = double.deliver(&hook, NEXT_SECRET, &delivery);
        assert_eq!(status, 401);
        answers.push(answer);
        // Another secret comes into force by itself, and the one before goes.
        write("webhook", NEXT_SECRET);
        let taken = (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            double.deliver(&hook, NEXT_SECRET, &delivery).0 == 202
        });
        assert!(taken && double.deliver(&hook, WEBHOOK_SECRET, &delivery).0 == 401);
        double.review(1, "bob", Verdict::Approve, "fine");
        until(&client, &[], &id, |change| change["state"] == "approved");
        let merged = client.send("POST", &format!("/v2/changes/{id}/merge"), &[], None).unwrap();
        assert_eq!(merged.status, 200, "{}", merged.body);
        answers.push(said(&merged));
        for path in ["/v2/changes", "/metrics", "/readyz", &format!("/v2/changes/{id}")] {
            answers.push(said(&client.send("GET", path, &[], None).unwrap()));
        }
        (server.kill(), answers)
    });
    assert!(arguments.contains("fetch") && arguments.contains("push"), "{arguments}");
    let traces = Traces::of(&data, log, &answers);
    traces.hold(b"shop");
    let needles = needles();
    assert!(needles.iter().all(|needle| needle.len() > 20), "{needles:?}");
    for needle in needles {
        traces.do_not_hold(needle.as_bytes());
        assert!(!arguments.contains(&needle), "it is in the arguments of a process:\n{arguments}");
    }
}

/// A crash of the process writes nothing of its memory down, whatever was allowed to it.
pub(crate) fn leaves_no_core_dump(process: u32) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().skip(4).collect();
    assert_eq!(words, ["0", "0", "bytes"], "{core}");
}

/// A main branch to propose anything to.
fn begun(face: Face) -> Double {
    let double = Double::start(face);
    let bare = meshwright::repo::Mirror::open(double.repository()).unwrap();
    let mut edits = meshwright::repo::Edits::new();
    edits.write("meshwright.yaml", "renderer: 1\n");
    let by = meshwright::repo::Identity { name: "Alice".into(), email: "alice@example.com".into() };
    let tree = bare.tree_with(meshwright::repo::TreeId::EMPTY, &edits).unwrap();
    let commit = bare.commit_tree(tree, &[], &by, 1, "begin\n", None).unwrap();
    bare.set_reference("refs/heads/main", None, Some(commit), "begin").unwrap();
    double
}

fn encoded(user: &str, secret: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"))
}

#[test]
fn the_token_of_a_user_is_seen_nowhere() {
    for (face, user) in [(Face::GitHub, "x-access-token"), (Face::Gitea, "meshwright")] {
        let needles = || vec![TOKEN.to_owned(), encoded(user, TOKEN), WEBHOOK_SECRET.to_owned()];
        live(&begun(face), "tokenFile: TOKEN", needles);
    }
}

#[test]
fn the_key_and_the_tokens_of_an_app_are_seen_nowhere() {
    let double = begun(Face::GitHub);
    let app = double.install_app(3600);
    let lines: Vec<String> = app.private_key.lines().filter(|line| line.len() == 64).map(ToOwned::to_owned).collect();
    assert!(lines.len() > 10, "a key has many lines");
    let needles = || {
        let tokens: Vec<String> = double.lock().installation_tokens.keys().cloned().collect();
        assert!(!tokens.is_empty());
        let encoded = tokens.iter().map(|token| encoded("x-access-token", token));
        encoded.chain(tokens.iter().cloned()).chain(lines.clone()).chain([WEBHOOK_SECRET.to_owned()]).collect()
    };
    live(&double, "app: {id: 4711, privateKeyFile: KEY}", needles);
}
