//! Webhooks of the doubles, to a whole server that nobody else tells anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use meshwright::boot::Server;
use meshwright::change::{ChangeId, State};
use meshwright::config::{Config, Millis};
use meshwright::intent::Bundle;
use meshwright::journal::SqliteJournal;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::desk::{MINIMAL, eventually, submission};
use crate::double::{Delivery, Double, Verdict};
use crate::home::{As, Home};

const SECRET: &str = "a secret of the webhooks";
const NEXT: &str = "the one that takes its place";

/// A server that looks at the forge when it starts and when it is told.
struct Deaf {
    address: String,
    desk: meshwright::change::Desk,
    data: PathBuf,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Deaf {
    async fn start(config: &Config, secrets: &[&str]) -> Self {
        let mut config = config.clone();
        config.listen = "127.0.0.1:0".into();
        config.timing.settle = Millis(20);
        config.timing.ready_after = Millis(20);
        config.timing.poll = Some(Millis(3_600_000));
        let directory = config.data.parent().unwrap().to_owned();
        config.forge.webhook_secret_files = secrets.iter().enumerate().map(|(n, it)| file(&directory, n, it)).collect();
        let server = Server::start(&config).await.unwrap();
        let (address, desk) = (format!("http://{}", server.address()), server.desk().clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move { server.serve(async { drop(stopped.await) }).await.unwrap() });
        Self { address, desk, data: config.data, stop, served }
    }

    /// Stops the server, and waits until it has let its journal go.
    async fn stop(self) {
        drop((self.stop, self.desk));
        self.served.await.unwrap();
        eventually(|| SqliteJournal::open(self.data.join("journal.db"))).await;
    }

    fn path(&self, forge: &str) -> String {
        format!("{}/v2/webhooks/{forge}", self.address)
    }

    async fn proposed(&self) -> ChangeId {
        let documents = Bundle::read(MINIMAL).unwrap().documents;
        let operations = documents.into_iter().map(|it| meshwright::change::submission::Operation::Put(it.resource));
        let id = self.desk.submit(submission(operations.collect(), true)).await.unwrap().change.unwrap();
        self.until(&id, State::Proposed).await;
        id
    }

    async fn until(&self, id: &ChangeId, state: State) {
        eventually(|| Some(self.desk.change(id).unwrap().state).filter(|now| *now != state).map_or(Ok(()), Err)).await;
    }
}

fn file(directory: &Path, number: usize, secret: &str) -> PathBuf {
    let path = directory.join(format!("webhook-{number}"));
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    path
}

/// Waits until nothing is asked of the forge any more, and forgets what was.
async fn quiet(double: &Double) {
    loop {
        double.calls();
        tokio::time::sleep(Duration::from_millis(500)).await;
        if double.calls().is_empty() {
            return;
        }
    }
}

async fn deliver(double: &Double, to: &str, secret: &str, delivery: &Delivery) -> (u16, String) {
    tokio::task::block_in_place(|| double.deliver(to, secret, delivery))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_has_the_forge_looked_at_once_and_is_known_after_a_restart() {
    for (kind, forge) in [(As::GitHubApp, "github"), (As::GiteaUser, "gitea")] {
        let home = Home::new(kind).await;
        let (double, config) = home.close().await;
        let server = Deaf::start(&config, &[SECRET, NEXT]).await;
        let id = server.proposed().await;
        double.want_hooks();
        double.review(1, "bob", Verdict::Approve, "fine");
        let delivery = double.take_hooks().remove(0);
        let path = server.path(forge);
        assert_eq!(deliver(&double, &path, "not the secret at all", &delivery).await.0, 401);
        assert_eq!(server.desk.change(&id).unwrap().state, State::Proposed);
        let (status, answer) = deliver(&double, &path, NEXT, &delivery).await;
        assert_eq!((status, answer.contains("\"new\":true")), (202, true), "{answer}");
        server.until(&id, State::Approved).await;
        quiet(&double).await;
        let (status, answer) = deliver(&double, &path, SECRET, &delivery).await;
        assert_eq!((status, answer.contains("\"new\":false")), (202, true), "{answer}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(double.calls(), [], "what is known already wakes nobody");
        server.stop().await;
        let server = Deaf::start(&config, &[NEXT]).await;
        let (_, answer) = deliver(&double, &server.path(forge), NEXT, &delivery).await;
        assert!(answer.contains("\"new\":false"), "{answer}");
        assert_eq!(deliver(&double, &server.path(forge), SECRET, &delivery).await.0, 401, "it was taken away");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_or_no_json_or_for_another_forge_is_refused() {
    let home = Home::new(As::GitHubUser).await;
    let (double, config) = home.close().await;
    let server = Deaf::start(&config, &[SECRET]).await;
    let path = server.path("github");
    let with = |body: String| Delivery { id: "1".into(), event: "push".into(), body };
    let long = |length: usize| with(format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8)));
    assert_eq!(deliver(&double, &path, SECRET, &long(10 << 20)).await.0, 202);
    assert_eq!(deliver(&double, &path, SECRET, &long((10 << 20) + 1)).await.0, 413);
    assert_eq!(deliver(&double, &path, SECRET, &with("no json".into())).await.0, 422);
    assert_eq!(deliver(&double, &path, SECRET, &with(String::new())).await.0, 422);
    assert_eq!(deliver(&double, &server.path("gitea"), SECRET, &with("{}".into())).await.0, 404);
    assert_eq!(deliver(&double, &server.path("flux"), SECRET, &with("{}".into())).await.0, 404);
    server.stop().await;
    let server = Deaf::start(&config, &[]).await;
    let (status, answer) = deliver(&double, &server.path("github"), SECRET, &with("{}".into())).await;
    assert_eq!((status, answer.contains("webhookSecretFiles")), (404, true), "{answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_did_ourselves_wakes_nobody() {
    let home = Home::new(As::GitHubApp).await;
    let (double, config) = home.close().await;
    let server = Deaf::start(&config, &[SECRET]).await;
    double.want_hooks();
    server.proposed().await;
    quiet(&double).await;
    let ours = double.take_hooks();
    assert!(ours.iter().any(|delivery| delivery.event == "pull_request"), "{ours:#?}");
    for delivery in &ours {
        assert_eq!(deliver(&double, &server.path("github"), SECRET, delivery).await.0, 202);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(double.calls(), [], "the forge only tells what we did");
    let told = |id: &str, event: &str, login: &str| Delivery {
        id: id.into(),
        event: event.into(),
        body: format!("{{\"sender\": {{\"login\": \"{login}\"}}}}"),
    };
    let path = server.path("github");
    for (delivery, looks) in [
        (told("1", "pull_request", "meshwright-app[bot]"), false),
        (told("2", "ping", "alice"), false),
        (told("3", "pull_request", "alice"), true),
        // A check that our push began says so in our name, and is the work of another.
        (told("4", "check_run", "meshwright-app[bot]"), true),
    ] {
        assert_eq!(deliver(&double, &path, SECRET, &delivery).await.0, 202);
        if looks {
            eventually(|| if double.lock().calls.is_empty() { Err(&delivery) } else { Ok(()) }).await;
            quiet(&double).await;
        } else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(double.calls(), [], "{delivery:?}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_in_the_documented_shape_are_taken_when_they_are_signed() {
    for (kind, forge) in [(As::GitHubUser, "github"), (As::GiteaUser, "gitea")] {
        let home = Home::new(kind).await;
        let (double, config) = home.close().await;
        let server = Deaf::start(&config, &[SECRET]).await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/webhooks").join(forge);
        let mut sent = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let event = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
            let delivery = Delivery { id: format!("{sent}"), event, body: std::fs::read_to_string(&path).unwrap() };
            let to = server.path(forge);
            assert_eq!(deliver(&double, &to, "not the secret at all", &delivery).await.0, 401, "{}", path.display());
            let (status, answer) = deliver(&double, &to, SECRET, &delivery).await;
            assert_eq!((status, answer.contains("\"new\":true")), (202, true), "{}: {answer}", path.display());
            sent += 1;
        }
        assert!(sent >= 8, "fixtures are missing: only {sent} of {forge}");
        server.stop().await;
    }
}
