//! Changes: listed, shown, and taken on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use meshwright::http::{Auth, Limits, Right, Token};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{Client, tokens};

#[test]
fn changes_are_listed_shown_and_refused_where_they_do_not_exist() {
    let client = Client::new().with_a_mesh();
    let page = client.get("/v2/changes?project=shop&limit=10").json();
    let id = page["changes"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(page["changes"][0]["requesters"][0]["verified"], false, "local is nobody in particular");
    let one = client.get(&format!("/v2/changes/{id}")).json();
    assert!(one["reviews"]["approvalsNeeded"].is_number() && one["plan"]["files"].is_array(), "{one}");
    let diff = client.get(&format!("/v2/changes/{id}/diff"));
    assert_eq!(diff.header("content-type"), "text/x-diff; charset=utf-8");
    assert!(diff.text.starts_with("--- /dev/null\n+++ b/"), "{diff:?}");
    let files = client.send("GET", &format!("/v2/changes/{id}/diff"), &[("accept", "application/json")], "").json();
    assert_eq!(files["files"][0]["happening"], "added");
    assert!(client.get(&format!("/v2/changes/{id}/access")).json()["access"].is_array());
    assert_eq!(client.get("/v2/changes?project=none").json()["changes"].as_array().unwrap().len(), 0);
    for path in ["/v2/changes/000000000000", "/v2/changes/x", "/v2/changes/x/diff"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    for query in ["stat=draft", "state=x", "limit=0", "limit=501", "after=x", "limit=1&limit=2"] {
        assert_eq!(client.get(&format!("/v2/changes?{query}")).problem(), "unknown-parameter", "{query}");
    }
}

#[test]
fn how_long_changes_took_and_what_waits_is_counted() {
    let client = Client::new().with_a_mesh();
    let id = client.get("/v2/changes").json()["changes"][0]["id"].as_str().unwrap().to_owned();
    let told = |lines: &[&str]| {
        let all = || {
            let text = client.get("/metrics").text;
            lines.iter().all(|line| text.lines().any(|have| have == *line))
        };
        let told = (0..500).any(|_| {
            all() || {
                std::thread::sleep(std::time::Duration::from_millis(20));
                false
            }
        });
        assert!(told, "{lines:?} in {}", client.get("/metrics").text);
    };
    told(&["meshwright_change_seconds_count{to=\"proposed\"} 1", "meshwright_oldest_write_seconds 0"]);
    assert!(!client.get("/metrics").text.contains("meshwright_writes_waiting 0\n"));
    for step in ["approve", "merge"] {
        assert_eq!(client.post(&format!("/v2/changes/{id}/{step}"), "").status, 200);
    }
    told(&["meshwright_change_seconds_count{to=\"merged\"} 1", "meshwright_writes_waiting 0"]);
}

#[test]
fn a_comment_is_json_or_nothing() {
    let client = Client::new().with_a_mesh();
    let id = client.get("/v2/changes").json()["changes"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/changes/{id}/withdraw");
    assert_eq!(client.post(&path, r#"{"coment":"x"}"#).problem(), "invalid");
    assert_eq!(client.send("POST", &path, &[("content-type", "text/plain")], "x").problem(), "media-type");
    for step in ["approve", "request-changes", "merge", "withdraw", "reject"] {
        let long = format!(r#"{{"comment":"{}"}}"#, "x".repeat(1025));
        let answer = client.post(&format!("/v2/changes/{id}/{step}"), &long);
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (400, &"/comment".into()), "{step}");
    }
    let answer = client.post(&path, r#"{"comment":"not needed any more"}"#);
    assert_eq!((answer.status, &answer.json()["state"]), (200, &"withdrawn".into()), "{answer:?}");
}

#[test]
fn no_caller_takes_all_event_streams() {
    let client = Client::of(tokens(), Limits { own_event_streams: 2, ..Limits::default() });
    let open = |token: &str| {
        let mut stream = BufReader::new(TcpStream::connect(client.server.address).unwrap());
        let head = "GET /v2/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer";
        write!(stream.get_mut(), "{head} {token}-token\r\n\r\n").unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        (line, stream)
    };
    let held = [(); 2].map(|()| open("reader"));
    assert!(held.iter().all(|(line, _)| line.starts_with("HTTP/1.1 200")));
    let refused = client.send("GET", "/v2/events", &[("authorization", "Bearer reader-token")], "");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "10"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("You have 2 event streams open"), "{refused:?}");
    assert!(open("owner").0.starts_with("HTTP/1.1 200"), "others are not held up");
}

#[test]
fn events_come_as_they_happen_and_end_with_the_server() {
    let client = Client::new();
    let mut stream = TcpStream::connect(client.server.address).unwrap();
    let host = client.server.address;
    write!(stream, "GET /v2/events HTTP/1.1\r\nhost: {host}\r\nlast-event-id: 7\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.find(|line| line.starts_with([':', 'e', 'd']) && !line.starts_with("date")).unwrap();
    assert_eq!(first, ": open", "a reader sees at once that the stream is there");
    lines.find(|line| line == "event: lost").unwrap();
    client.post("/v2/projects", r#"{"metadata":{"name":"a"}}"#);
    lines.find(|line| line == "event: change").unwrap();
    assert!(client.get("/metrics").text.contains("meshwright_event_streams 1"));
    let begun = std::time::Instant::now();
    client.server.stop();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "the stream kept the server up");
    assert_eq!(lines.last().as_deref(), Some(""));
}

/// Tokens with rights of their own: `admin` proposes everywhere, `one` and `two` approve in the projects of their names.
fn owners() -> Auth {
    let token = |name: &str| {
        let hash: String = Sha256::digest(format!("{name}-token")).iter().map(|byte| format!("{byte:02x}")).collect();
        Token::new(name, &hash).unwrap().logins(vec![format!("github:{name}")])
    };
    let owner = |name| token(name).grant(name, &[Right::Approve]);
    Auth::tokens(vec![token("admin").grant("*", &[Right::Propose]), owner("one"), owner("two")]).unwrap()
}

struct Owned(Client);

impl Owned {
    fn post(&self, bundle: &str) -> String {
        let headers = [("authorization", "Bearer admin-token"), ("content-type", "application/yaml")];
        let answer = self.0.send("POST", "/v2/bundles", &headers, bundle);
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["change"].as_str().unwrap().to_owned()
    }

    fn until(&self, id: &str, says: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let change =
                self.0.send("GET", &format!("/v2/changes/{id}"), &[("authorization", "Bearer admin-token")], "");
            let change = change.json();
            if says(&change) {
                return change;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("it does not come about");
    }

    fn approve(&self, id: &str, who: &str) -> u16 {
        let authorization = format!("Bearer {who}-token");
        let path = format!("/v2/changes/{id}/approve");
        self.0.send("POST", &path, &[("authorization", authorization.as_str())], "").status
    }
}

#[test]
fn rights_are_those_on_the_change_as_it_is_when_it_is_approved() {
    let server = Owned(Client::of(owners(), Limits::default()));
    let id = server.post("anchor: projects\nmetadata: {name: one}\n");
    let old = server.until(&id, |change| change["state"] == "proposed")["head"].clone();
    let mut stream = TcpStream::connect(server.0.server.address).unwrap();
    let head =
        "host: localhost\r\nauthorization: Bearer one-token\r\ncontent-type: application/json\r\ncontent-length: 2";
    write!(stream, "POST /v2/changes/{id}/approve HTTP/1.1\r\n{head}\r\n\r\n{{").unwrap();
    // Its body is still on its way when the change comes to be about another project too.
    let both =
        "anchor: projects\nmetadata: {name: one, description: x}\n---\nanchor: projects\nmetadata: {name: two}\n";
    assert_eq!(server.post(both), id);
    server.until(&id, |change| change["state"] == "proposed" && change["head"] != old);
    assert_eq!(server.approve(&id, "one"), 403);
    stream.write_all(b"}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}
