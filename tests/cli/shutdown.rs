//! A server that is told to stop while it has something to do.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::process::{Client, PATIENCE, Server};
use crate::{MESH, write};

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server with this configuration, and a request that it waits for the rest of.
struct Waiting {
    server: Server,
    address: String,
    stream: TcpStream,
    _folder: tempfile::TempDir,
}

const BODY: &str = r#"{"metadata": {"name": "slow"}}"#;

impl Waiting {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "serve.yaml", config);
        let mut server = Server::spawn(&folder.path().join("data"), &folder.path().join("serve.yaml"));
        let address = server.url().strip_prefix("http://").unwrap().to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = BODY.len();
        let head = format!(
            "POST /v2/projects HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Who is told to go on is being served.
        let mut said = [0; 25];
        stream.read_exact(&mut said).unwrap();
        assert!(said.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&said));
        Self { server, address, stream, _folder: folder }
    }

    /// Asks the server to stop, and waits until it takes nothing new.
    fn stop(&self) -> Instant {
        let begin = Instant::now();
        self.server.signal("TERM");
        until("nothing new is taken", || TcpStream::connect(&self.address).is_err());
        begin
    }
}

#[test]
fn what_was_answered_is_there_after_a_stop_under_writes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write(folder.path(), "serve.yaml", "timing: {settle: 20ms, poll: 100ms, shutdown: 20s}\n");
    let mut server = Server::spawn(&data, &folder.path().join("serve.yaml"));
    let client = Client::new(&server.url());
    let count = AtomicUsize::new(0);
    let accepted: Vec<String> = std::thread::scope(|scope| {
        let write = |number: usize| {
            let (client, count) = (client.clone(), &count);
            scope.spawn(move || {
                let mut accepted = vec![];
                for at in 0..10_000 {
                    let name = format!("p-{number}-{at}");
                    let body = format!("{{\"metadata\": {{\"name\": \"{name}\"}}}}");
                    let body = Some(("application/json", body.as_bytes()));
                    match client.send("POST", "/v2/projects", &[], body) {
                        Ok(answer) if answer.status == 201 => accepted.push(name),
                        Ok(answer) => panic!("{answer:?}"),
                        // It has stopped; whether this was written is not known.
                        Err(_) => return accepted,
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                panic!("the server does not stop");
            })
        };
        let writing: Vec<_> = (0..4).map(write).collect();
        until("writes are accepted", || count.load(Ordering::Relaxed) >= 40);
        let begin = Instant::now();
        let log = server.stop();
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert!(log.contains(" stopping") && log.contains(" stopped") && !log.contains(" cut "), "{log}");
        writing.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    assert!(accepted.len() >= 40);
    let mut server = Server::spawn(&data, &folder.path().join("serve.yaml"));
    let client = Client::new(&server.url());
    for name in accepted {
        let found = client.send("GET", &format!("/v2/projects/{name}"), &[], None).unwrap();
        assert_eq!(found.status, 200, "{name}");
    }
    server.stop();
}

#[test]
fn a_request_that_was_begun_is_answered() {
    let mut waiting = Waiting::start("timing: {shutdown: 20s}\n");
    waiting.stop();
    waiting.stream.write_all(BODY.as_bytes()).unwrap();
    let mut answer = String::new();
    waiting.stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 201 Created"), "{answer}");
    let (code, log) = waiting.server.ended();
    assert!(code == Some(0) && !log.contains(" cut "), "{code:?} {log}");
}

#[test]
fn what_takes_longer_than_the_deadline_is_cut() {
    let waiting = Waiting::start("timing: {shutdown: 500ms}\n");
    let begin = waiting.stop();
    let (code, log) = waiting.server.ended();
    let took = begin.elapsed();
    assert_eq!(code, Some(0), "{log}");
    assert!(took > Duration::from_millis(500) && took < PATIENCE, "{took:?}");
    assert!(log.contains(" WARN ") && log.contains("requests were cut that took longer"), "{log}");
}

#[test]
fn who_asks_twice_is_not_kept_waiting() {
    for (signal, expected) in [("INT", 130), ("TERM", 143)] {
        let waiting = Waiting::start("timing: {shutdown: 1h}\n");
        let begin = waiting.stop();
        waiting.server.signal(signal);
        let (code, log) = waiting.server.ended();
        assert!(code == Some(expected) && log.contains("ended at once"), "{code:?} {log}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    }
}

#[cfg(unix)]
#[test]
fn a_push_that_hangs_is_cut_and_made_after_the_next_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let git =
        |arguments: &[&str]| assert!(Command::new("git").args(arguments).current_dir(root).status().unwrap().success());
    git(&["init", "--quiet", "--bare", "--initial-branch=main", "remote"]);
    let remote = root.join("remote");
    write(
        root,
        "serve.yaml",
        &format!("repository: {{remote: '{}'}}\ntiming: {{settle: 20ms, shutdown: 500ms}}\n", remote.display()),
    );
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let client = Client::new(&server.url());
    client.until_ready();
    // Nothing is pushed from here on for as long as the file is there.
    let hook = remote.join("hooks/pre-receive");
    write(root, "remote/hooks/pre-receive", "#!/bin/sh\ntouch begun\nwhile test -d hooks; do sleep 0.1; done\n");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let accepted = client.send("POST", "/v2/bundles", &[], Some(("application/yaml", MESH.as_bytes()))).unwrap();
    let change = accepted.headers["meshwright-change"].to_str().unwrap().to_owned();
    until("it is pushed", || remote.join("begun").exists());
    server.signal("TERM");
    let begin = Instant::now();
    let (code, log) = server.ended();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(code == Some(0) && log.contains("is cut by `timing.shutdown`"), "{code:?} {log}");
    std::fs::rename(remote.join("hooks"), remote.join("no-hooks")).unwrap();

    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let client = Client::new(&server.url());
    let shown = || client.send("GET", &format!("/v2/changes/{change}"), &[], None).unwrap().body;
    until("it is proposed", || shown().contains("\"state\":\"proposed\""));
    server.stop();
}

#[test]
fn a_server_that_waits_for_its_forge_at_its_start_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let forge = format!("http://{}", listener.local_addr().unwrap());
    write(folder.path(), "token", "hunter2\n");
    let token = folder.path().join("token");
    let repository = folder.path().join("mesh.git");
    assert!(Command::new("git").args(["init", "--quiet", "--bare"]).arg(&repository).status().unwrap().success());
    let config = format!(
        "repository: {{remote: '{}'}}\nforge: {{kind: gitea, api: '{forge}', repository: acme/mesh, tokenFile: '{}'}}\n",
        repository.display(),
        token.display()
    );
    write(folder.path(), "serve.yaml", &config);
    let server = Server::spawn(&folder.path().join("data"), &folder.path().join("serve.yaml"));
    listener.set_nonblocking(true).unwrap();
    let mut asking = None;
    until("the forge is asked, and does not answer", || {
        asking = listener.accept().ok();
        asking.is_some()
    });
    server.signal("HUP");
    server.signal("TERM");
    let (code, log) = server.ended();
    assert!(code == Some(0) && log.contains("stopped before it listened"), "{log}");
}
