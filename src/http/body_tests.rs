use super::*;
use axum::body::Body;
use std::time::Duration;

fn limits() -> Limits {
    Limits { body: 64, multipart: 600, bundle: 64, patience: Duration::from_millis(50), ..Limits::default() }
}

fn request(kind: &str, body: impl Into<Body>) -> Request {
    Request::builder().header("content-type", kind).body(body.into()).unwrap()
}

async fn status(request: Request, multipart: bool) -> u16 {
    resource(request, &limits(), multipart).await.map_or_else(|problem| problem.kind.status.as_u16(), |_| 200)
}

#[tokio::test]
async fn types_are_told_apart() {
    for (kind, multipart, expected) in [
        ("application/json", false, 200),
        ("Application/JSON; charset=utf-8", false, 200),
        ("application/problem+json", false, 415),
        ("text/plain", true, 415),
        ("", false, 415),
        ("multipart/form-data; boundary=x", false, 415),
        ("multipart/form-data", true, 400),
    ] {
        assert_eq!(status(request(kind, "{}"), multipart).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn what_is_not_sent_as_it_is_or_not_in_utf_8_is_refused_with_words() {
    for (charset, expected) in [
        ("charset=UTF-8", 200),
        ("Charset=\"utf-8\"", 200),
        ("charset=utf8", 200),
        ("profile=x", 200),
        ("charset=iso-8859-1", 415),
        ("profile=x; CHARSET=\"utf-16\"", 415),
        ("charset=", 415),
    ] {
        assert_eq!(status(request(&format!("application/json; {charset}"), "{}"), false).await, expected, "{charset}");
        let refused = bundle(request(&format!("{}; {charset}", YAML[0]), "a: 1"), &limits()).await.is_err();
        assert_eq!(refused, expected == 415, "{charset}");
        let comment = optional(request(&format!("application/json;{charset}"), "{}"), &limits()).await;
        assert_eq!(comment.is_err(), expected == 415, "{charset}");
    }
    for (coding, expected) in [("identity", 200), ("Identity", 200), ("gzip", 415), ("identity, br", 415)] {
        let mut request = request("application/json", "{}");
        request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        let answer = resource(request, &limits(), false).await;
        assert_eq!(answer.is_err(), expected == 415, "{coding}");
        if let Err(problem) = answer {
            assert!(problem.detail.contains("Content-Encoding"), "{}", problem.detail);
            assert_eq!(problem.render("/", "r").headers()[header::ACCEPT_ENCODING], "identity");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_said_or_not() {
    assert_eq!(status(request("application/json", "x".repeat(64)), false).await, 200);
    assert_eq!(status(request("application/json", "x".repeat(65)), false).await, 413);
    let chunks = tokio_stream::iter((0..9).map(|_| Ok::<_, std::io::Error>("x".repeat(8))));
    assert_eq!(status(request("application/json", Body::from_stream(chunks)), false).await, 413);
    let mut said = request("application/json", "{}");
    said.headers_mut().insert(header::CONTENT_LENGTH, 65.into());
    assert_eq!(status(said, false).await, 413);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for_forever() {
    let never = tokio_stream::pending::<Result<Bytes, std::io::Error>>();
    assert_eq!(status(request("application/json", Body::from_stream(never)), false).await, 408);
}

fn multipart(parts: &[(&str, &str)]) -> Request {
    let mut body = String::new();
    for (name, text) in parts {
        body += &format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n{text}\r\n");
    }
    request("multipart/form-data; boundary=b", body + "--b--\r\n")
}

#[tokio::test]
async fn of_a_multipart_body_only_the_metadata_is_kept() {
    let parts = [("file", "kubeconfig"), ("metadata", "{\"a\": 1}"), ("file", "chart")];
    let sent = resource(multipart(&parts), &limits(), true).await.unwrap();
    assert_eq!((&*sent.json, sent.file), (&b"{\"a\": 1}"[..], true));
    assert!(!resource(multipart(&parts[1..2]), &limits(), true).await.unwrap().file);
    for (parts, expected) in [
        (&[("file", "x")][..], 400),
        (&[("metadata", "{}"), ("metadata", "{}")], 400),
        (&[("metadata", "{}"), ("other", "x")], 400),
        (&[("metadata", &*"x".repeat(65))], 413),
        (&[("metadata", "{}"), ("file", &*"x".repeat(600))], 413),
        (&[("file", ""); PARTS], 413),
    ] {
        assert_eq!(status(multipart(parts), true).await, expected, "{parts:?}");
    }
}

#[tokio::test]
async fn a_bundle_is_yaml_and_a_comment_is_json_or_nothing() {
    for kind in YAML {
        assert!(bundle(request(kind, "a: 1"), &limits()).await.is_ok());
    }
    assert_eq!(bundle(request("application/json", "{}"), &limits()).await.unwrap_err().kind, &problem::MEDIA_TYPE);
    assert_eq!(bundle(request(YAML[0], " \n"), &limits()).await.unwrap_err().kind, &problem::EMPTY_BODY);
    assert_eq!(optional(request("text/plain", ""), &limits()).await.unwrap(), None);
    assert_eq!(optional(request("text/plain", "x"), &limits()).await.unwrap_err().kind, &problem::MEDIA_TYPE);
}
