//! A server that registers with an orchestrator, and withdraws when it stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::process::{PATIENCE, Server};
use crate::{meshwright, write};

/// What came in: its line, its token and its body.
#[derive(Debug, PartialEq)]
struct Seen {
    line: String,
    token: String,
    body: Value,
}

/// An orchestrator that answers the first requests with these statuses, and all others with the last one.
fn orchestrator(statuses: &'static [u16]) -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, seen) = channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let stream = stream.unwrap();
            let mut reader = BufReader::new(&stream);
            let mut lines = vec![];
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim_end() {
                    "" => break,
                    line => lines.push(line.to_owned()),
                }
            }
            let field = |name: &str| {
                let value =
                    lines.iter().filter_map(|line| line.split_once(": ")).find(|it| it.0.eq_ignore_ascii_case(name));
                value.map(|it| it.1.to_owned()).unwrap_or_default()
            };
            let mut body = vec![0; field("content-length").parse().unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let line = lines[0].trim_end_matches(" HTTP/1.1").to_owned();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let status = statuses[at.min(statuses.len() - 1)];
            let answer = format!("HTTP/1.1 {status} .\r\ncontent-length: 4\r\nconnection: close\r\n\r\nsaid");
            (&stream).write_all(answer.as_bytes()).unwrap();
            if sender.send(Seen { line, token: field("authorization"), body }).is_err() {
                return;
            }
        }
    });
    (url, seen)
}

#[test]
fn a_server_registers_until_it_succeeds_and_withdraws_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "token", "hunter2\n");
    let token = folder.path().join("token");
    let (url, seen) = orchestrator(&[503, 409, 200, 204]);
    let config = format!(
        "orchestrator: {{url: '{url}/api/', host: mesh.example, port: 443, priority: 2, tokenFile: '{}'}}\n",
        token.display()
    );
    write(folder.path(), "serve.yaml", &config);
    let mut server = Server::spawn(&folder.path().join("data"), &folder.path().join("serve.yaml"));
    server.url();
    let body = json!({"metadata": {"name": "dtc"}, "spec": {"host": "mesh.example", "port": 443, "type": "action", "priority": 2}});
    let next = |line: &str, body: Value| {
        let (line, token) = (line.to_owned(), "Bearer hunter2".to_owned());
        assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), Seen { line, token, body });
    };
    next("POST /api/v2/controllers", body.clone());
    next("POST /api/v2/controllers", body.clone());
    next("PUT /api/v2/controllers/dtc", body);
    // What it says last may come after the orchestrator has heard it.
    let log = server.stop();
    next("DELETE /api/v2/controllers/dtc", Value::Null);
    for words in ["it answered 503: said", " registered", "the registration is withdrawn"] {
        assert!(log.contains(words), "{words}: {log}");
    }
    assert!(!log.contains("hunter2"), "{log}");
}

#[test]
fn a_server_whose_orchestrator_is_away_serves_and_stops_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    write(folder.path(), "serve.yaml", &format!("orchestrator: {{url: 'http://{nobody}', host: mesh.example}}\n"));
    let mut server = Server::spawn(&folder.path().join("data"), &folder.path().join("serve.yaml"));
    crate::process::Client::new(&server.url()).until_ready();
    server.stop();
}

#[test]
fn a_registration_that_cannot_be_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "token", "two words\n");
    for (orchestrator, words) in [
        ("{host: a}", "missing field `url`"),
        ("{url: 'https://o.example'}", "missing field `host`"),
        ("{url: 'o.example', host: a}", "orchestrator.url: `o.example` is no address"),
        ("{url: 'https://a:hunter2@o.example', host: a}", "orchestrator.url: the address holds a user or a password"),
        (
            "{url: 'https://o.example', host: a, tokenFile: token}",
            "orchestrator.tokenFile: holds something that is no token",
        ),
        ("{url: 'https://o.example', host: 'a b'}", "orchestrator.host: `a b` is no name"),
        ("{url: 'https://o.example', host: a, name: 'a/b'}", "orchestrator.name: `a/b` is no name"),
        ("{url: 'https://o.example', host: a, tokenFile: nowhere}", "orchestrator.tokenFile: nowhere: "),
    ] {
        write(folder.path(), "serve.yaml", &format!("orchestrator: {orchestrator}\n"));
        let run = meshwright(
            folder.path(),
            &["serve", "--config", "serve.yaml", "--listen", "127.0.0.1:0", "--data", "data"],
        );
        assert!(
            run.code == Some(2) && run.err.contains(words) && !run.err.contains("hunter2"),
            "{orchestrator}: {run:?}"
        );
    }
}
