//! A server whose configuration changes while it runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use crate::process::{Client, PATIENCE, Server};
use crate::write;

/// The entry of a token that is called `name` and is `NAME-token`.
fn token(name: &str) -> String {
    let hash: String = Sha256::digest(format!("{name}-token")).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("- {{name: {name}, sha256: {hash}, rights: {{'*': [propose]}}}}\n")
}

/// A server with a configuration in a folder of its own.
struct Running {
    folder: tempfile::TempDir,
    server: Server,
    client: Client,
}

impl Running {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "serve.yaml", config);
        let mut server = Server::spawn(&folder.path().join("data"), &folder.path().join("serve.yaml"));
        let client = Client::new(&server.url());
        Self { folder, server, client }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("serve.yaml")
    }

    /// The status of a question by the holder of a token.
    fn ask(&self, name: &str) -> u16 {
        let authorization = format!("Bearer {name}-token");
        self.client.send("GET", "/v2/projects", &[("Authorization", &authorization)], None).unwrap().status
    }

    /// The values of metrics that `owner` sees.
    fn metrics<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        let metrics = self.client.send("GET", "/metrics", &[("Authorization", "Bearer owner-token")], None).unwrap();
        names.map(|name| {
            let line = metrics.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{name} in\n{}", metrics.body)).to_owned()
        })
    }

    fn results(&self) -> [String; 3] {
        self.metrics([
            "meshwright_config_reloads_total{result=\"taken\"}",
            "meshwright_config_reloads_total{result=\"refused\"}",
            "meshwright_config_current",
        ])
    }

    /// Waits until so many configurations were taken over and refused, and the last one is or is not in force.
    fn until(&self, expected: [&str; 3]) {
        let begin = Instant::now();
        while self.results() != expected {
            assert!(begin.elapsed() < PATIENCE, "{:?} is not {expected:?}", self.results());
            // No oftener than it may ask.
            std::thread::sleep(Duration::from_millis(15));
        }
    }
}

#[test]
fn no_request_fails_while_the_configuration_is_exchanged_and_tokens_come_and_go() {
    let config = |at: usize| {
        let changing = token(if at.is_multiple_of(2) { "even" } else { "odd" });
        let (rate, level) = (if at.is_multiple_of(3) { 0 } else { 1_000_000 }, ["info", "warn", "debug"][at % 3]);
        let tokens = format!("tokens:\n{}{changing}", token("owner"));
        format!("{tokens}limits: {{rate: {rate}, burst: 1000000}}\nlog: {{filter: {level}}}\ntiming: {{settle: 1h}}\n")
    };
    let running = Running::start(&config(0));
    assert_eq!([running.ask("even"), running.ask("odd")], [200, 401]);
    let done = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let post = |number: usize| {
            let (client, done) = (running.client.clone(), &done);
            scope.spawn(move || {
                let mut sent = 0;
                while !done.load(Ordering::Relaxed) || sent == 0 {
                    let path = format!("/v2/projects/load-{number}");
                    let body =
                        format!("{{\"metadata\": {{\"name\": \"load-{number}\", \"description\": \"{sent}\"}}}}");
                    let headers = [("Authorization", "Bearer owner-token")];
                    let body = Some(("application/json", body.as_bytes()));
                    let answer = client.send("PUT", &path, &headers, body).expect("an answer");
                    assert!([200, 201].contains(&answer.status), "{number}/{sent}: {answer:?}");
                    sent += 1;
                    std::thread::sleep(Duration::from_millis(2));
                }
                sent
            })
        };
        let posting: Vec<_> = (0..4).map(post).collect();
        for at in 1..=50 {
            write(running.folder.path(), "next.yaml", &config(at));
            std::fs::rename(running.folder.path().join("next.yaml"), running.file()).unwrap();
            running.server.signal("HUP");
            running.until([&at.to_string(), "0", "1"]);
            let expected = if at.is_multiple_of(2) { [200, 401] } else { [401, 200] };
            assert_eq!([running.ask("even"), running.ask("odd")], expected, "{at}");
        }
        done.store(true, Ordering::Relaxed);
        posting.into_iter().map(|it| it.join().unwrap()).sum::<usize>()
    });
    assert!(sent > 50, "{sent}");
    let log = running.server.kill();
    assert!(!log.contains(" ERROR ") && log.contains("the configuration was taken over"), "{log}");
}

#[test]
fn a_configuration_that_is_wrong_changes_nothing_and_is_told_once() {
    let tokens = format!("tokens:\n{}", token("owner"));
    let running = Running::start(&tokens);
    let with = |more: &str| write(running.folder.path(), "serve.yaml", &format!("{tokens}{more}"));
    let mut refused = 0;
    for (more, words) in [
        (String::new() + "limist: {rate: 5}\n", "limist"),
        ("- {name: b, sha256: hunter2}\n".to_owned(), "tokens: the hash of token `b` must be 64"),
        (format!("{}log: {{filter: 'a=b=c'}}\n", token("new")), "log.filter: "),
        (format!("{}publicUrl: nowhere\n", token("new")), "publicUrl: `nowhere` is no URL"),
    ] {
        with(&more);
        running.server.signal("HUP");
        refused += 1;
        running.until(["0", &refused.to_string(), "0"]);
        assert_eq!([running.ask("owner"), running.ask("new")], [200, 401], "{words}");
    }
    std::fs::remove_file(running.file()).unwrap();
    running.until(["0", "5", "0"]);
    let ready = running.client.send("GET", "/readyz", &[], None).unwrap();
    assert_eq!(ready.status, 200, "it works as before: {}", ready.body);
    // What needs a restart is named, and the rest is in force.
    with(&format!("{}timing: {{settle: 1h}}\ndata: elsewhere\nlog: {{json: true}}\n", token("new")));
    running.until(["1", "5", "0"]);
    assert_eq!([running.ask("owner"), running.ask("new")], [200, 200]);
    with("");
    running.until(["2", "5", "1"]);
    assert_eq!([running.ask("owner"), running.ask("new")], [200, 401]);
    let log = running.server.kill();
    let told = |level: &str, words: &str| log.lines().filter(|it| it.contains(level) && it.contains(words)).count();
    for words in ["limist", "tokens: the hash of token `b`", "log.filter: ", "publicUrl: ", "No such file"] {
        assert_eq!(told(" ERROR ", words), 1, "{words}: {log}");
    }
    // `data` is what the command line says.
    assert_eq!(told(" WARN ", "which need a restart fields=\"timing, log.json\""), 1, "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}

#[cfg(unix)]
#[test]
fn a_link_that_is_exchanged_above_the_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let link = |to: &str| {
        std::os::unix::fs::symlink(to, root.join("new")).unwrap();
        std::fs::rename(root.join("new"), root.join("..data")).unwrap();
    };
    // As the kubelet lays out a ConfigMap.
    for (folder, name) in [("..1", "old"), ("..2", "new")] {
        write(root, &format!("{folder}/serve.yaml"), &format!("tokens:\n{}{}", token("owner"), token(name)));
    }
    link("..1");
    std::os::unix::fs::symlink("..data/serve.yaml", root.join("serve.yaml")).unwrap();
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let client = Client::new(&server.url());
    let running = Running { folder: tempfile::tempdir().unwrap(), server, client };
    assert_eq!([running.ask("old"), running.ask("new")], [200, 401]);
    link("..2");
    running.until(["1", "0", "1"]);
    assert_eq!([running.ask("old"), running.ask("new")], [401, 200]);
    // Nothing is read again that is as it was.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(running.results(), ["1", "0", "1"]);
    running.server.kill();
}

#[cfg(unix)]
#[test]
fn a_stream_ends_with_the_token_that_opened_it() {
    let running = Running::start(&format!("tokens:\n{}{}", token("owner"), token("reader")));
    let stream = |name: &str| {
        let (client, authorization) = (running.client.clone(), format!("Bearer {name}-token"));
        let [begun] = running.metrics(["meshwright_event_streams"]).map(|it| it.parse::<u32>().unwrap());
        let reading = std::thread::spawn(move || {
            // An answer that comes whole is one that has ended.
            client.send("GET", "/v2/events", &[("Authorization", &authorization)], None).map(|answer| answer.status)
        });
        let begin = Instant::now();
        while running.metrics(["meshwright_event_streams"]) != [(begun + 1).to_string()] {
            assert!(begin.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(5));
        }
        reading
    };
    let (reader, owner) = (stream("reader"), stream("owner"));
    write(running.folder.path(), "serve.yaml", &format!("tokens:\n{}", token("owner")));
    running.server.signal("HUP");
    assert_eq!(reader.join().unwrap().unwrap(), 200);
    assert!(!owner.is_finished());
    running.server.stop();
    assert_eq!(owner.join().unwrap().unwrap(), 200);
}

#[cfg(unix)]
#[test]
fn the_service_manager_is_told_of_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let file: &Path = &folder.path().join("serve.yaml");
    write(folder.path(), "serve.yaml", "");
    let mut server = Server::within(&folder.path().join("data"), file, &[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    server.url();
    let next = || {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let next = || std::iter::repeat_with(next).find(|said| !said.starts_with("STATUS=")).unwrap();
    assert_eq!(next(), "READY=1\n");
    for config in ["log: {filter: debug}\n", "lgo: {}\n"] {
        write(folder.path(), "serve.yaml", config);
        server.signal("HUP");
        let said = next();
        let moment = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.strip_suffix('\n'));
        assert!(moment.is_some_and(|it| it.parse::<u64>().is_ok_and(|it| it > 0)), "{said}");
        assert_eq!(next(), "READY=1\n");
    }
    server.stop();
}
