//! A server that tells sinks of changes and of readiness, and is killed meanwhile.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Client, PATIENCE, Server};
use crate::{MESH, meshwright, write};

/// An event that came in, with its signature.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    kind: String,
    signature: String,
    body: String,
    event: Value,
}

impl Seen {
    pub(crate) fn word(&self, field: &str) -> &str {
        self.event[field].as_str().unwrap_or_default()
    }

    fn state(&self) -> (&str, &str) {
        let word = |field: &str| self.event["data"][field].as_str().unwrap_or_default();
        (word("previous"), word("state"))
    }

    fn number(&self) -> u64 {
        self.word("id").rsplit('-').next().unwrap().parse().unwrap()
    }

    pub(crate) fn is_of_a_change(&self) -> bool {
        self.word("type").starts_with("dev.meshwright.change.")
    }

    fn is_of_readiness(&self) -> bool {
        self.word("type") == "dev.meshwright.readiness"
    }
}

/// A sink, whose status can be set while it runs; 0 has the sender wait.
pub(crate) struct Sink {
    pub(crate) url: String,
    status: Arc<AtomicU16>,
    seen: Receiver<Seen>,
}

impl Sink {
    pub(crate) fn new(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (sender, seen) = channel();
        let status = Arc::new(AtomicU16::new(status));
        let shared = status.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (status, sender) = (shared.clone(), sender.clone());
                std::thread::spawn(move || serve(&stream.unwrap(), &status, &sender));
            }
        });
        Self { url, status, seen }
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// The next event that `fits`.
    pub(crate) fn next(&self, fits: impl Fn(&Seen) -> bool) -> Seen {
        std::iter::repeat_with(|| self.seen.recv_timeout(PATIENCE).unwrap()).find(|seen| fits(seen)).unwrap()
    }
}

fn serve(stream: &TcpStream, status: &AtomicU16, sender: &Sender<Seen>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = vec![];
        loop {
            let mut line = String::new();
            // A sender that was killed says no more.
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let field = |name: &str| {
            let field = head.iter().filter_map(|line| line.split_once(": ")).find(|it| it.0.eq_ignore_ascii_case(name));
            field.map(|field| field.1.to_owned()).unwrap_or_default()
        };
        let mut body = vec![0; field("content-length").parse().unwrap()];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let body = String::from_utf8(body).unwrap();
        let event = serde_json::from_str(&body).unwrap();
        let signature = field("x-meshwright-signature-256");
        drop(sender.send(Seen { kind: field("content-type"), signature, body, event }));
        match status.load(Ordering::Relaxed) {
            0 => return std::thread::sleep(PATIENCE),
            status => {
                let answer = format!("HTTP/1.1 {status} .\r\ncontent-length: 4\r\n\r\nsaid");
                if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        }
    }
}

const TIMING: &str = "timing: {settle: 20ms, readyAfter: 100ms, poll: 100ms}\n";

fn configure(root: &Path, sinks: &[(&str, &Sink)]) {
    let sinks: String = sinks.iter().map(|(name, sink)| format!("- {{name: {name}, url: '{}'}}\n", sink.url)).collect();
    write(root, "serve.yaml", &format!("{TIMING}sinks:{}\n{sinks}", if sinks.is_empty() { " []" } else { "" }));
}

fn start(root: &Path) -> (Server, Client) {
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let client = Client::new(&server.url());
    (server, client)
}

fn post(client: &Client, path: &str, kind: &str, body: &str) -> String {
    let answer = client.send("POST", path, &[], Some((kind, body.as_bytes()))).unwrap();
    assert!((200..300).contains(&answer.status), "{}", answer.body);
    answer.headers["meshwright-change"].to_str().unwrap().to_owned()
}

fn state(client: &Client, change: &str) -> String {
    let answer = client.send("GET", &format!("/v2/changes/{change}"), &[], None).unwrap();
    serde_json::from_str::<Value>(&answer.body).unwrap()["state"].as_str().unwrap_or_default().to_owned()
}

fn metric(client: &Client, series: &str) -> Option<String> {
    let text = client.send("GET", "/metrics", &[], None).unwrap().body;
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(ToOwned::to_owned))
}

fn until(holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "it does not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Of each change, no event is missing, and none came before the one before it.
fn are_whole(seen: &[Seen]) -> BTreeMap<String, Vec<Seen>> {
    let mut by_change: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for seen in seen.iter().filter(|seen| seen.is_of_a_change()) {
        let known = by_change.entry(seen.word("subject").to_owned()).or_default();
        let repeated = known.last().is_some_and(|last| last.number() == seen.number());
        if repeated {
            assert_eq!(known.last().unwrap().body, seen.body, "an event never becomes another");
            continue;
        }
        let before = known.last().map_or("", |last| last.state().1).to_owned();
        assert_eq!(seen.state().0, before, "{seen:?} after {known:?}");
        assert!(known.last().is_none_or(|last| last.number() < seen.number()));
        known.push(seen.clone());
    }
    by_change
}

#[test]
fn a_sink_hears_every_state_in_order_signed_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sink = Sink::new(204);
    let secret = "a secret of the bus";
    write(root, "secret", &format!("{secret}\n"));
    let config = format!(
        "publicUrl: https://mesh.example/\n{TIMING}sinks: [{{name: bus, url: '{}', secretFile: '{}'}}]\n",
        sink.url,
        root.join("secret").display()
    );
    write(root, "serve.yaml", &config);
    let (server, client) = start(root);
    let change = post(&client, "/v2/bundles", "application/yaml", MESH);
    until(|| state(&client, &change) == "proposed");
    let url = format!("/v2/changes/{change}");
    let plan: Value = serde_json::from_str(&client.send("GET", &url, &[], None).unwrap().body).unwrap();
    for step in ["approve", "merge"] {
        let body = json!({"head": plan["head"]}).to_string();
        let body = Some(("application/json", body.as_bytes()));
        let answer = client.send("POST", &format!("{url}/{step}"), &[], body).unwrap();
        assert!((200..300).contains(&answer.status), "{step}: {}", answer.body);
    }
    until(|| state(&client, &change) == "merged");
    until(|| metric(&client, "meshwright_sink_events_waiting{sink=\"bus\"}").as_deref() == Some("0"));
    let taken = metric(&client, "meshwright_sink_deliveries_total{sink=\"bus\",result=\"taken\"}").unwrap();
    let taken: usize = taken.parse().unwrap();
    let log = server.stop();
    assert!(!log.contains(secret) && !log.contains("/events"), "{log}");

    let seen: Vec<Seen> = sink.seen.try_iter().collect();
    assert_eq!(seen.len(), taken + 1, "each came once, and the stop");
    let changes = are_whole(&seen);
    let states: Vec<&str> = changes[&change].iter().map(|seen| seen.state().1).collect();
    assert!(states.starts_with(&["journaled"]) && states.ends_with(&["merged"]), "{states:?}");
    assert!(["proposed", "approved"].iter().all(|state| states.contains(state)), "{states:?}");
    let last = changes[&change].last().unwrap();
    assert_eq!((last.word("specversion"), last.word("source")), ("1.0", "https://mesh.example"));
    assert_eq!((last.word("type"), last.word("subject")), ("dev.meshwright.change.merged", change.as_str()));
    assert_eq!(last.event["data"]["projects"], json!(["shop"]));
    assert!(last.event["data"]["pull"].is_u64(), "{}", last.body);
    let ready = seen.iter().filter(|seen| seen.is_of_readiness()).map(|seen| &seen.event["data"]["ready"]);
    assert_eq!(ready.collect::<Vec<_>>(), [true, false], "once after the start, once when it stops");
    for seen in &seen {
        assert_eq!(seen.kind, "application/cloudevents+json; charset=utf-8");
        assert_eq!(seen.signature.strip_prefix("sha256=").unwrap(), digest(secret, &seen.body));
    }
}

/// The signature as another program makes it.
fn digest(secret: &str, body: &str) -> String {
    let openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-r", "-hmac", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut openssl = openssl.unwrap();
    openssl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = openssl.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn what_was_recorded_before_a_kill_is_delivered_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sink = Sink::new(0);
    configure(root, &[("bus", &sink)]);
    let (server, client) = start(root);
    let change = post(&client, "/v2/projects", "application/json", r#"{"metadata": {"name": "bank"}}"#);
    let before = sink.next(Seen::is_of_a_change);
    assert_eq!((before.state(), before.word("subject")), (("", "journaled"), change.as_str()));
    let log = server.kill();
    assert!(!log.contains("was taken"), "{log}");

    sink.answer(200);
    let (server, client) = start(root);
    let again = sink.next(Seen::is_of_a_change);
    assert_eq!(again.body, before.body, "the same event, to the byte");
    until(|| state(&client, &change) == "proposed");
    let mut seen = vec![again];
    while seen.last().unwrap().state().1 != "proposed" {
        seen.push(sink.next(Seen::is_of_a_change));
    }
    are_whole(&seen);
    server.kill();
}

#[test]
fn however_often_it_is_killed_no_event_is_lost_or_comes_too_early() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (bus, log) = (Sink::new(200), Sink::new(200));
    configure(root, &[("bus", &bus), ("log", &log)]);
    let mut changes = vec![];
    for round in 0..8_u64 {
        log.answer(if round % 2 == 0 { 503 } else { 200 });
        let (server, client) = start(root);
        for project in 0..3 {
            let body = format!(r#"{{"metadata": {{"name": "p{round}-{project}"}}}}"#);
            changes.push(post(&client, "/v2/projects", "application/json", &body));
        }
        std::thread::sleep(Duration::from_millis(round * 60));
        server.kill();
    }
    log.answer(200);
    let (server, client) = start(root);
    until(|| changes.iter().all(|change| state(&client, change) == "proposed"));
    for sink in ["bus", "log"] {
        let series = format!("meshwright_sink_events_waiting{{sink=\"{sink}\"}}");
        until(|| metric(&client, &series).as_deref() == Some("0"));
    }
    assert_eq!(metric(&client, "meshwright_sink_events_dropped_total").as_deref(), Some("0"));
    server.stop();
    for (sink, name) in [(&bus, "bus"), (&log, "log")] {
        let seen: Vec<Seen> = sink.seen.try_iter().collect();
        let whole = are_whole(&seen);
        for change in &changes {
            let last = whole[change].last().unwrap();
            assert_eq!(last.state().1, "proposed", "{name}: {last:?}");
        }
    }
}

#[test]
fn a_sink_that_hangs_holds_up_neither_changes_nor_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sink = Sink::new(0);
    configure(root, &[("bus", &sink)]);
    let (server, client) = start(root);
    let change = post(&client, "/v2/projects", "application/json", r#"{"metadata": {"name": "bank"}}"#);
    until(|| state(&client, &change) == "proposed");
    sink.next(Seen::is_of_a_change);
    let log = server.stop();
    assert!(!log.contains("was not taken"), "it did not wait until that was given up: {log}");
    sink.answer(200);
    let (server, _) = start(root);
    let seen: Vec<Seen> = std::iter::repeat_with(|| sink.next(Seen::is_of_a_change)).take(2).collect();
    are_whole(&seen);
    server.kill();
}

#[test]
fn a_sink_that_is_taken_out_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (down, up) = (Sink::new(410), Sink::new(200));
    configure(root, &[("down", &down), ("up", &up)]);
    let (server, client) = start(root);
    let first = post(&client, "/v2/projects", "application/json", r#"{"metadata": {"name": "bank"}}"#);
    until(|| state(&client, &first) == "proposed");
    down.next(Seen::is_of_a_change);
    until(|| metric(&client, "meshwright_sink_events_waiting{sink=\"up\"}").as_deref() == Some("0"));
    let waiting = metric(&client, "meshwright_sink_events_waiting{sink=\"down\"}").unwrap();
    assert!(waiting.parse::<u64>().unwrap() >= 2, "{waiting}");
    let log = server.stop();
    assert_eq!(log.matches("it answered 410: said").count(), 2, "once for the change, once for readiness: {log}");

    configure(root, &[]);
    let (server, client) = start(root);
    assert_eq!(metric(&client, "meshwright_sink_events_waiting{sink=\"down\"}"), None);
    server.stop();
    configure(root, &[("down", &down)]);
    down.answer(200);
    while down.seen.try_recv().is_ok() {}
    let (server, client) = start(root);
    let second = post(&client, "/v2/projects", "application/json", r#"{"metadata": {"name": "shop"}}"#);
    let seen = down.next(Seen::is_of_a_change);
    assert_eq!(seen.word("subject"), second, "nothing of before");
    server.kill();
}

#[test]
fn readiness_is_announced_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let git = Command::new("git").args(["init", "--quiet", "--bare", "remote"]).current_dir(root).status();
    assert!(git.unwrap().success());
    let sink = Sink::new(200);
    let remote = root.join("remote");
    let config = format!(
        "repository: {{remote: '{}'}}\n{TIMING}sinks: [{{name: bus, url: '{}'}}]\n",
        remote.display(),
        sink.url
    );
    write(root, "serve.yaml", &config);
    let (server, client) = start(root);
    let first = sink.next(Seen::is_of_readiness);
    assert_eq!(first.event["data"]["ready"], json!(true), "{first:?}");
    assert_eq!(first.word("source"), "urn:meshwright:local");
    std::fs::rename(&remote, root.join("away")).unwrap();
    until(|| client.send("GET", "/readyz", &[], None).unwrap().status == 503);
    let second = sink.next(Seen::is_of_readiness);
    assert_eq!(second.event["data"]["ready"], json!(false), "{second:?}");
    let parts = second.event["data"]["parts"].as_array().unwrap();
    let faulty: Vec<&Value> = parts.iter().filter(|part| part["ready"] == json!(false)).collect();
    assert!(faulty.iter().any(|part| part["name"] == "forge" && part["reason"].is_string()), "{second:?}");
    server.kill();
}

#[test]
fn a_sink_that_comes_later_is_told_of_readiness_too() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Sink::new(200), Sink::new(200));
    configure(folder.path(), &[("first", &first)]);
    let (_server, _client) = start(folder.path());
    first.next(Seen::is_of_readiness);
    configure(folder.path(), &[("first", &first), ("second", &second)]);
    let told = second.next(Seen::is_of_readiness);
    assert_eq!(told.event["data"]["ready"], true, "{told:?}");
}

#[test]
fn a_stop_is_announced_at_once_or_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let sink = Sink::new(200);
    configure(root, &[("bus", &sink)]);
    let (server, _) = start(root);
    let up = sink.next(Seen::is_of_readiness);
    assert_eq!(up.event["data"]["ready"], json!(true), "{up:?}");
    server.stop();
    let down = sink.seen.try_iter().find(Seen::is_of_readiness).expect("it is heard before the server has ended");
    assert_eq!((&down.event["data"]["ready"], down.number()), (&json!(false), up.number() + 1), "{down:?}");
    let worker = down.event["data"]["parts"].as_array().unwrap().iter().find(|part| part["name"] == "worker");
    assert_eq!(worker.unwrap()["reason"], "the server is stopping");

    sink.answer(503);
    let (server, _) = start(root);
    sink.next(Seen::is_of_readiness);
    server.stop();
    sink.answer(200);
    while sink.seen.try_recv().is_ok() {}
    let (server, _) = start(root);
    let told = [(); 3].map(|()| sink.next(Seen::is_of_readiness));
    assert_eq!(told.each_ref().map(|seen| seen.number()), [3, 4, 5], "in their order");
    assert_eq!(told.map(|seen| seen.event["data"]["ready"].clone()), [true, false, true]);
    server.kill();
}

#[test]
fn a_sink_that_cannot_be_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "short", "fifteen letters\n");
    let many: Vec<String> = (0..17).map(|n| format!("{{name: s{n}, url: 'https://s.example'}}")).collect();
    let many = many.join(", ");
    for (sinks, words) in [
        ("{name: a}", "missing field `url`"),
        ("{url: 'https://s.example'}", "missing field `name`"),
        ("{name: a, url: 'https://s.example', secret: hunter2}", "unknown field `secret`"),
        ("{name: a b, url: 'https://s.example'}", "sinks.name: \"a b\" is no name"),
        ("{name: a, url: 'https://s.example'}, {name: a, url: 'https://t.example'}", "`a` is the name of two"),
        ("{name: a, url: 'http://s.example'}", "sinks.url: `a`: say an https:// URL"),
        ("{name: a, url: 'https://me:hunter2@s.example'}", "sinks.url: `a`: say an https:// URL"),
        ("{name: a, url: 'https://s.example?key=hunter2'}", "sinks.url: `a`: say an https:// URL"),
        ("{name: a, url: 'https://s.example', secretFile: nowhere}", "sinks.secretFile: `a`: nowhere: "),
        (
            "{name: a, url: 'https://s.example', secretFile: short}",
            "sinks.secretFile: `a`: short: a secret of 15 bytes",
        ),
        (&many, "sinks: name 16 at most"),
    ] {
        write(folder.path(), "serve.yaml", &format!("sinks: [{sinks}]\n"));
        let run = meshwright(
            folder.path(),
            &["serve", "--config", "serve.yaml", "--listen", "127.0.0.1:0", "--data", "data"],
        );
        let leaks = run.err.contains("hunter2") || run.err.contains("fifteen");
        assert!(run.code == Some(2) && run.err.contains(words) && !leaks, "{sinks}: {run:?}");
    }
}
