use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

#[test]
fn preconditions_are_read_as_http_says() {
    for (lines, expected) in [
        (&[][..], Precondition::None),
        (&[("if-match", "*")], Precondition::Match(vec![])),
        (&[("if-match", "\"a\", \"b\"")], Precondition::Match(vec!["a".into(), "b".into()])),
        (&[("if-match", "W/\"a\"")], Precondition::Match(vec!["W/\"a\"".into()])),
        (&[("if-none-match", "*")], Precondition::Absent),
    ] {
        assert_eq!(precondition(&headers(lines)).unwrap(), expected, "{lines:?}");
    }
    for lines in [
        &[("if-match", "a")][..],
        &[("if-match", "")],
        &[("if-match", ",")],
        &[("if-none-match", "\"a\"")],
        &[("if-match", "*"), ("if-none-match", "*")],
    ] {
        assert!(precondition(&headers(lines)).is_err(), "{lines:?}");
    }
}

#[test]
fn a_reader_that_knows_it_already_is_told_so() {
    for (value, known) in
        [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false)]
    {
        assert_eq!(is_known(&headers(&[("if-none-match", value)]), "a"), known, "{value}");
    }
    assert!(!is_known(&HeaderMap::new(), "a"));
}

#[test]
fn a_key_is_bound_to_method_path_query_and_body() {
    let digest = |method: Method, uri: &'static str, body: &[u8]| {
        let uri = Uri::from_static(uri);
        idempotency(&headers(&[("idempotency-key", "k")]), &method, &uri, body).unwrap().unwrap().digest
    };
    let first = digest(Method::PUT, "/v2/a?b=c", b"{}");
    assert_eq!(first, digest(Method::PUT, "/v2/a?b=c", b"{}"));
    for other in [
        digest(Method::POST, "/v2/a?b=c", b"{}"),
        digest(Method::PUT, "/v2/ab?b=c", b"{}"),
        digest(Method::PUT, "/v2/a?b=d", b"{}"),
        digest(Method::PUT, "/v2/a?b=c", b"{ }"),
    ] {
        assert_ne!(first, other);
    }
    for key in ["", "a b", "ä", &"x".repeat(256)] {
        let value = axum::http::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        let headers = [(HeaderName::from_static(KEY), value)].into_iter().collect();
        assert!(idempotency(&headers, &Method::POST, &Uri::from_static("/"), b"").is_err(), "{key}");
    }
}

#[test]
fn parameters_are_known_and_given_once() {
    let uri = Uri::from_static("/v2/changes?state=approved&project=a%2Db+c&");
    let found = parameters(&uri, &["state", "project"]).unwrap();
    assert_eq!((value(&found, "state"), value(&found, "project")), (Some("approved"), Some("a-b c")));
    for uri in ["/?stat=x", "/?state=a&state=b", "/?state"] {
        let uri = Uri::from_static(uri);
        assert_eq!(parameters(&uri, &["state"]).is_err(), uri != "/?state", "{uri}");
    }
}

#[test]
fn a_parameter_that_is_no_text_is_refused() {
    let of =
        |query: &str| parameters(&format!("/?{query}").parse().unwrap(), &["to"]).map(|_| ()).map_err(|it| it.detail);
    assert_eq!(of("to=%c3%a4/x"), Ok(()));
    for query in ["to=%ff/x", "to=%c3", "to=a%ed%a0%80"] {
        assert_eq!(of(query), Err("The query parameter to is not UTF-8.".into()), "{query}");
    }
}

#[test]
fn a_parameter_that_is_not_known_is_named_unless_it_holds_a_private_key() {
    // An Ed25519 key of zeros, PKCS#8.
    let key = format!("MC4CAQAwBQYDK2VwBCIEI{}", "A".repeat(43));
    let long = "x".repeat(2000);
    for (query, shown) in [
        ("stat%65s=x", "The query parameter `states` is not known here; known: state."),
        (&*long, "…` is not known here; known: state."),
        ("=x", "A query parameter is not known here; known: state."),
        (&*key, "A query parameter is not known here; known: state."),
    ] {
        let detail = parameters(&format!("/?{query}").parse().unwrap(), &["state"]).unwrap_err().detail;
        assert!(detail.ends_with(shown) && detail.len() < 300, "{detail}");
    }
}

#[test]
fn an_escape_that_is_not_needed_makes_no_other_path() {
    assert_eq!(normal_path("projects/a%2Db"), "projects/a-b");
    assert_eq!(normal_path("projects/a%2fb%zz%e4"), "projects/a%2fb%zz%e4");
    assert_eq!(normal_path("a+b"), "a+b");
}
