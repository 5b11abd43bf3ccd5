use std::time::Instant;

use super::super::double::{Double, Seen, status};
use super::*;

const SECRET: &str = "It's a Secret to Everybody";
const DOCUMENT: &str = "Hello, World!";

async fn sent(url: &str, secret: Option<&str>) -> Outcome {
    let secret = secret.map(|text| Secret::new(text).unwrap());
    let sink = Sink::new("bus".into(), url, secret).unwrap();
    sink.send(&agent(Duration::from_secs(2)), DOCUMENT).await
}

async fn answered(answer: impl Fn(&Seen) -> Option<Vec<u8>> + Send + Sync + 'static) -> Outcome {
    sent(&Double::new(answer).url, None).await
}

#[tokio::test]
async fn a_request_is_an_event_in_the_structured_mode_and_signed_as_github_does() {
    let double = Double::new(|_| status(204));
    assert_eq!(sent(&double.url, Some(SECRET)).await.attempt, Attempt::Taken);
    let seen = double.seen.recv().unwrap();
    assert!(seen.head.starts_with("POST /in HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("content-type"), "application/cloudevents+json; charset=utf-8");
    // GitHub Docs, "Validating webhook deliveries".
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(seen.header("x-meshwright-signature-256"), signature);
    assert_eq!(seen.body, DOCUMENT);
    assert!(seen.header("user-agent").starts_with("meshwright/") && !seen.head.contains("Secret"));

    sent(&double.url, None).await;
    assert_eq!(double.seen.recv().unwrap().header("x-meshwright-signature-256"), "");
}

#[tokio::test]
async fn what_became_of_an_event_is_told_by_the_status() {
    for (code, attempt) in [
        (200, Attempt::Taken),
        (299, Attempt::Taken),
        (400, Attempt::Refused),
        (401, Attempt::Refused),
        (408, Attempt::Failed),
        (410, Attempt::Refused),
        (429, Attempt::Failed),
        (500, Attempt::Failed),
        (503, Attempt::Failed),
    ] {
        let outcome = answered(move |_| status(code)).await;
        assert_eq!(outcome.attempt, attempt, "{code}: {outcome:?}");
        assert!(attempt == Attempt::Taken || outcome.words.contains(&format!("{code}: said")), "{outcome:?}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = Double::new(|_| status(200));
    for code in [301, 302, 307, 308] {
        let target = elsewhere.url.clone();
        let head = move |_: &Seen| {
            Some(format!("HTTP/1.1 {code} .\r\nlocation: {target}\r\ncontent-length: 4\r\n\r\nsaid").into_bytes())
        };
        let outcome = answered(head).await;
        assert_eq!(outcome.attempt, Attempt::Refused, "{outcome:?}");
    }
    assert!(elsewhere.seen.try_recv().is_err(), "nobody else was told");
}

#[tokio::test]
async fn whoever_hangs_is_given_up() {
    let begin = Instant::now();
    let outcome = answered(|_| None).await;
    assert_eq!(outcome.attempt, Attempt::Failed, "{outcome:?}");
    let outcome = answered(|_| Some(b"HTTP/1.1 500 .\r\ncontent-length: 9\r\n\r\n".to_vec())).await;
    assert_eq!(outcome.attempt, Attempt::Failed, "{outcome:?}");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn answers_of_megabytes_are_not_read_and_broken_ones_do_no_harm() {
    let long = |status: u16| {
        let mut answer = format!("HTTP/1.1 {status} .\r\ncontent-length: 99999999\r\n\r\n").into_bytes();
        answer.resize(32 << 20, b'x');
        answer
    };
    let outcome = answered(move |_| Some(long(500))).await;
    assert!(outcome.attempt == Attempt::Failed && outcome.words.len() < 1000, "{}", outcome.words.len());
    assert_eq!(answered(move |_| Some(long(200))).await.attempt, Attempt::Taken);
    for (answer, attempt) in [
        // The sink has it, however it goes on.
        (&b"HTTP/1.1 200 .\r\ncontent-length: 99\r\n\r\nhal"[..], Attempt::Taken),
        (b"HTTP/1.1 500 .\r\ncontent-length: 99\r\n\r\nhal", Attempt::Failed),
        (b"HTTP/1.1 200", Attempt::Failed),
        (b"", Attempt::Failed),
        (b"\x16\x03\x01\xff no HTTP", Attempt::Failed),
        (b"HTTP/1.1 500 .\r\ncontent-length: 8\r\n\r\n\x1b[31m\xff\r\n", Attempt::Failed),
    ] {
        let outcome = answered(move |_| Some(answer.to_vec())).await;
        assert_eq!(outcome.attempt, attempt, "{outcome:?}");
        assert!(!outcome.words.contains(char::is_control), "{outcome:?}");
    }
    let head = format!("HTTP/1.1 200 .\r\nx: {}\r\n\r\n", "x".repeat(8 << 20)).into_bytes();
    assert_eq!(answered(move |_| Some(head.clone())).await.attempt, Attempt::Failed);
    // Nobody listens on the port of tcpmux, which no other test gets either.
    assert_eq!(sent("http://127.0.0.1:1", None).await.attempt, Attempt::Failed);
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_heard_within_bounds() {
    for (code, wish, expected) in [
        (429, "7", 7000),
        (503, "0", 0),
        (503, "999999999999", 300_000),
        (503, "-5", 0),
        (503, "Fri, 31 Dec 1999 23:59:59 GMT", 0),
        (500, "7", 0),
        (400, "7", 0),
    ] {
        let head = move |_: &Seen| {
            let head = format!("HTTP/1.1 {code} .\r\nretry-after: {wish}\r\ncontent-length: 4\r\n\r\nsaid");
            Some(head.into_bytes())
        };
        assert_eq!(answered(head).await.wish, expected, "{code} {wish}");
    }
}
