//! Who may come in, how often, and how slowly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use meshwright::http::{Auth, Limits, Part, Readiness, Terms};
use serde_json::json;

use crate::client::{Client, tokens};
use crate::server::Server;

const OWNER: (&str, &str) = ("authorization", "Bearer owner-token");
const READER: (&str, &str) = ("authorization", "Bearer reader-token");
const PORTAL: (&str, &str) = ("authorization", "Bearer portal-token");
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn where_tokens_are_configured_one_is_needed_for_all_but_probes_and_descriptions() {
    let client = Client::of(tokens(), Limits::default());
    for path in ["/livez", "/readyz", "/openapi.json", "/docs", "/docs/", "/"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    for path in ["/v2/projects", "/v2/changes", "/v2/events", "/metrics", "/v2/nowhere", "/x"] {
        let answer = client.get(path);
        assert_eq!((answer.problem().as_str(), answer.header("www-authenticate")), ("unauthenticated", "Bearer"));
        assert!(path == "/v2/events" || client.send("GET", path, &[READER], "").status != 401, "{path}");
    }
}

#[test]
fn why_a_part_does_not_work_is_told_to_callers_only() {
    let fault = || Some("intents/x.yaml is broken".to_owned());
    let ailing = || Readiness::new(move || vec![Part { name: "main".into(), fault: fault() }]);
    let client = Client::to(Server::start_with(tokens(), Limits::default(), 0, Some(ailing())));
    for stranger in [&[][..], &[("authorization", "Bearer nobody")]] {
        let answer = client.send("GET", "/readyz", stranger, "");
        let parts = json!({"ready": false, "parts": [{"name": "main", "ready": false}]});
        assert_eq!((answer.status, answer.json()), (503, parts));
    }
    let told = client.send("GET", "/readyz", &[READER], "");
    assert_eq!((told.status, &told.json()["parts"][0]["reason"]), (503, &json!("intents/x.yaml is broken")));

    let client = Client::to(Server::start_with(Auth::open(), Limits::default(), 0, Some(ailing())));
    assert!(client.get("/readyz").text.contains("intents/x.yaml"));
    let page = client.send("GET", "/readyz", &[("host", "evil.example")], "");
    assert!(page.status == 503 && !page.text.contains("intents/x.yaml"), "{page:?}");
}

#[test]
fn rights_are_kept_and_what_is_missing_is_named() {
    let client = Client::of(tokens(), Limits::default());
    let (shop, bank) = (r#"{"metadata":{"name":"shop"}}"#, r#"{"metadata":{"name":"bank"}}"#);
    assert_eq!(client.send("POST", "/v2/projects", &[READER, JSON], shop).status, 403);
    let created = client.send("POST", "/v2/projects", &[OWNER, JSON], shop);
    assert_eq!(created.status, 201, "{created:?}");
    let refused = client.send("POST", "/v2/projects", &[OWNER, JSON], bank);
    assert!(refused.json()["detail"].as_str().unwrap().contains("propose on project `bank`"), "{refused:?}");
    assert_eq!(client.send("POST", "/v2/cluster-providers", &[OWNER, JSON], shop).problem(), "forbidden");

    let alice = ("meshwright-actor", "github:alice");
    assert_eq!(client.send("GET", "/v2/projects", &[OWNER, alice], "").status, 403);
    assert_eq!(client.send("GET", "/v2/projects", &[PORTAL, ("meshwright-actor", "github:bob")], "").status, 403);
    let created = client.send("POST", "/v2/projects", &[PORTAL, alice, JSON], bank);
    assert_eq!(created.status, 201, "{created:?}");
    let bundle = "anchor: projects\nmetadata: {name: shop}\n---\nanchor: cluster-providers\nmetadata: {name: gke}\n";
    let yaml = ("content-type", "text/yaml");
    let refused = client.send("POST", "/v2/bundles", &[OWNER, yaml], bundle);
    assert_eq!(refused.json()["errors"][0]["document"], "cluster-providers/gke");

    let refused = client.send("POST", "/v2/plan", &[READER, yaml], bundle);
    assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("the right propose"), "{refused:?}");
    assert_eq!(
        client.send("POST", "/v2/plan", &[PORTAL, yaml], bundle).status,
        200,
        "who may propose elsewhere may look"
    );
}

#[test]
fn pages_of_other_sites_are_kept_out_where_no_credentials_are_asked() {
    let client = Client::new();
    assert_eq!(client.send("GET", "/v2/projects", &[("host", "evil.example")], "").problem(), "foreign-origin");
    let body = r#"{"metadata":{"name":"a"}}"#;
    let origin = ("origin", "http://evil.example");
    assert_eq!(client.send("POST", "/v2/projects", &[JSON, origin], body).problem(), "foreign-origin");
    let own = format!("http://{}", client.server.address);
    assert_eq!(client.send("POST", "/v2/projects", &[JSON, ("origin", &own)], body).status, 201);
}

#[test]
fn who_asks_too_often_is_told_when_to_ask_again() {
    let client = Client::of(Terms { rate: 0.5, burst: 3.0, ..tokens().into() }, Limits::default());
    let statuses = [(); 5].map(|()| client.send("GET", "/v2/projects", &[READER], "").status);
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let answer = client.send("GET", "/v2/projects", &[READER], "");
    assert_eq!((answer.problem().as_str(), answer.header("retry-after")), ("rate", "2"));
    assert_eq!(client.send("GET", "/v2/projects", &[OWNER], "").status, 200);
    assert_eq!(client.get("/livez").status, 200);
}

#[test]
fn ids_of_requests_are_echoed_or_given() {
    let client = Client::new();
    let echoed = client.send("GET", "/v2/projects", &[("x-request-id", "abc-1")], "");
    assert_eq!(echoed.header("x-request-id"), "abc-1");
    let given = client.send("GET", "/v2/projects", &[("x-request-id", "no good")], "");
    assert!(!given.header("x-request-id").is_empty() && given.header("x-request-id") != "no good");
}

#[test]
fn a_path_that_is_too_long_is_refused_unseen() {
    let client = Client::of(tokens(), Limits::default());
    let long = "x".repeat(8000);
    for path in [format!("/v2/projects/{long}"), format!("/v2/projects?view={long}")] {
        assert_ne!(client.send("GET", &path, &[READER], "").status, 414);
        let longer = format!("{path}{}", "y".repeat(200));
        let answer = client.send("POST", &longer, &[READER, JSON], "{}");
        assert_eq!((answer.status, answer.problem().as_str()), (414, "uri-too-long"), "{answer:?}");
        assert_eq!(answer.json()["instance"], "/", "it is not repeated");
        assert_eq!(client.get(&longer).status, 414, "whoever asks");
    }
}

#[test]
fn a_long_body_waits_for_its_turn_and_a_short_one_does_not() {
    let client = Client::of(Auth::open(), Limits { readers: 0, ..Limits::default() });
    let body = |name: &str, length: usize| format!(r#"{{"metadata":{{"name":"{name}"}}}}{}"#, " ".repeat(length));
    let mut stream = TcpStream::connect(client.server.address).unwrap();
    let long = body("a", 100_000);
    let head = "POST /v2/projects HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length";
    write!(stream, "{head}: {}\r\n\r\n{long}", long.len()).unwrap();
    assert_eq!(client.post("/v2/projects", &body("b", 1000)).status, 201);
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let waited = stream.read(&mut [0; 1]).unwrap_err().kind();
    assert!(matches!(waited, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{waited}");
}

#[test]
fn who_sends_a_body_slowly_takes_no_place_from_others() {
    let client = Client::of(Auth::open(), Limits { requests: 1, ..Limits::default() });
    let head = "HTTP/1.1\r\nhost: localhost\r\ncontent-length: 33\r\ncontent-type";
    let waiting = [
        format!("POST /v2/projects {head}: application/json\r\n\r\n{{"),
        format!("POST /v2/bundles {head}: application/yaml\r\n\r\na"),
        format!("POST /v2/cluster-providers/gke/clusters {head}: multipart/form-data; boundary=b\r\n\r\n-"),
        format!("POST /v2/projects/a/nowhere {head}: text/plain\r\n\r\n-"),
    ];
    client.post("/v2/cluster-providers", r#"{"metadata":{"name":"gke"}}"#);
    let mut streams = waiting.map(|text| {
        let mut stream = TcpStream::connect(client.server.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream
    });
    assert_eq!(client.get("/v2/projects").status, 200);
    streams[0].write_all(br#""metadata": {"name": "project"}}"#).unwrap();
    let mut answer = [0; 12];
    streams[0].read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 201");
}

#[test]
fn probes_and_metrics_are_answered_however_much_is_being_worked_on() {
    let client = Client::of(Auth::open(), Limits { requests: 0, ..Limits::default() });
    let busy = client.get("/v2/projects");
    assert_eq!((busy.status, busy.problem().as_str(), busy.header("retry-after")), (503, "busy", "1"));
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
}

#[test]
fn webhooks_have_places_of_their_own() {
    let forged = |client: &Client| client.post("/v2/webhooks/github", "{}").status;
    let client = Client::of(Auth::open(), Limits { webhooks: 0, ..Limits::default() });
    assert_eq!((forged(&client), client.get("/v2/projects").status), (503, 200));
    let client = Client::of(Auth::open(), Limits { requests: 0, ..Limits::default() });
    assert_eq!((forged(&client), client.get("/v2/projects").status), (404, 503), "none are configured here");
    let metrics = client.get("/metrics").text;
    assert!(metrics.contains("meshwright_webhooks_total{result=\"refused\"} 1"), "{metrics}");
}

#[test]
fn who_connects_and_asks_nothing_makes_way_when_most_connections_are_taken() {
    let client = Client::of(Auth::open(), Limits { connections: 8, ..Limits::default() });
    let idle = |count: usize| -> Vec<TcpStream> {
        (0..count).map(|_| TcpStream::connect(client.server.address).unwrap()).collect()
    };
    let begun = Instant::now();
    let mut few = idle(4);
    few[0].set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    let waited = few[0].read(&mut [0; 1]).unwrap_err().kind();
    assert!(matches!(waited, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{waited}");
    let many = idle(12);
    assert_eq!(client.get("/livez").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    drop(many);
}

/// How long the server keeps a connection that sends `text`, then a byte now and then.
fn kept(client: &Client, text: &str, trickle: &[u8]) -> (Duration, String) {
    let mut stream = TcpStream::connect(client.server.address).unwrap();
    let begun = Instant::now();
    stream.write_all(text.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut answer = vec![];
    let mut buffer = [0; 4096];
    while begun.elapsed() < Duration::from_secs(10) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                if stream.write_all(trickle).is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    (begun.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn what_trickles_is_cut_and_event_streams_are_not() {
    let client = Client::of(Auth::open(), Limits { patience: Duration::from_secs(1), ..Limits::default() });
    for text in ["", "GET /v2/pro", "GET /livez HTTP/1.1\r\nx"] {
        let (took, _) = kept(&client, text, b"x");
        assert!(took > Duration::from_millis(500) && took < Duration::from_secs(3), "{text:?}: {took:?}");
    }
    let idle = kept(&client, "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n", b"");
    assert!(idle.1.starts_with("HTTP/1.1 200") && idle.0 < Duration::from_secs(3), "{idle:?}");
    let slow = "POST /v2/projects HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    let (took, answer) = kept(&client, slow, b" ");
    assert!(answer.starts_with("HTTP/1.1 408") && took < Duration::from_secs(4), "{took:?} {answer}");
    let (took, answer) = kept(&client, "GET /v2/events HTTP/1.1\r\nhost: localhost\r\n\r\n", b"");
    assert!(took > Duration::from_secs(9) && answer.contains("200 OK"), "{took:?} {answer}");
}
