use super::*;
use axum::http::HeaderName;

fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn token(name: &str) -> Token {
    Token::new(name, &hash(&format!("{name}-secret"))).unwrap()
}

fn auth() -> Auth {
    let these = ActsFor::These(vec!["github:alice".into()]);
    Auth::tokens(vec![
        token("plain").logins(vec!["github:plain".into()]).grant("shop", &[Right::Propose]),
        token("portal").acts_for(these),
        token("robot").acts_for(ActsFor::Anybody),
    ])
    .unwrap()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn status(auth: &Auth, lines: &[(&'static str, &str)]) -> u16 {
    auth.caller(&headers(lines)).map_or_else(|problem| problem.kind.status.as_u16(), |_| 200)
}

#[test]
fn a_token_is_known_by_its_hash() {
    let caller = auth().caller(&headers(&[("authorization", "Bearer plain-secret")])).unwrap();
    assert_eq!(caller.person, Person { name: "plain".into(), logins: vec!["github:plain".into()] });
    assert_eq!(caller.name(), "plain");
    for value in ["Bearer wrong", "Bearer ", "Bearer", "plain-secret", "Basic cGxhaW4=", "Bearer plain-secret x"] {
        assert_eq!(status(&auth(), &[("authorization", value)]), 401, "{value}");
    }
    assert_eq!(status(&auth(), &[]), 401);
    let twice = [("authorization", "Bearer plain-secret"), ("authorization", "Bearer plain-secret")];
    let mut headers = headers(&twice[..1]);
    headers.append(header::AUTHORIZATION, "Bearer plain-secret".parse().unwrap());
    assert!(auth().caller(&headers).is_err());
    assert_eq!(status(&Auth::tokens(vec![]).unwrap(), &twice[..1]), 401, "no tokens: nobody");
}

#[test]
fn an_actor_is_believed_of_those_who_may_speak_for_it_only() {
    let with = |token: &str, actor: &str| {
        status(&auth(), &[("authorization", &format!("Bearer {token}-secret")), (ACTOR, actor)])
    };
    assert_eq!(with("plain", "github:alice"), 403);
    assert_eq!(with("portal", "github:alice"), 200);
    assert_eq!(with("portal", "github:bob"), 403);
    assert_eq!(with("robot", "github:bob"), 200);
    for actor in ["alice", ":alice", "github:", "github:a b", "github:a:b", ""] {
        assert_eq!(with("robot", actor), 400, "{actor}");
    }
    assert_eq!(status(&Auth::open(), &[(ACTOR, "github:alice")]), 403);
    let lines = [("authorization", "Bearer robot-secret"), (ACTOR, "github:bob")];
    let caller = auth().caller(&headers(&lines)).unwrap();
    assert_eq!(caller.name(), "robot");
    assert_eq!(caller.person, Person { name: "github:bob".into(), logins: vec!["github:bob".into()] });
}

#[test]
fn without_credentials_everybody_is_local_and_may_do_everything() {
    let caller = Auth::open().caller(&HeaderMap::new()).unwrap();
    assert!(caller.person.is_local());
    assert!(Right::ALL.iter().all(|right| caller.may(*right, None) && caller.may_anywhere(*right)));
}

#[test]
fn tokens_that_would_be_somebody_else_are_refused() {
    for name in ["", "local", "github:alice", "a b", &"x".repeat(129)] {
        assert!(Token::new(name, &hash("x")).is_err(), "{name}");
    }
    for hash in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
        let error = Token::new("x", hash).unwrap_err();
        assert!(hash.is_empty() || !error.contains(hash), "{error}");
    }
    assert!(Auth::tokens(vec![token("a"), token("a")]).is_err());
}

#[test]
fn a_caller_is_known_by_its_token_and_told_apart_by_its_name() {
    let (before, after) = (auth(), Auth::tokens(vec![token("new"), token("portal"), token("plain")]).unwrap());
    assert_eq!(after.names().collect::<Vec<_>>(), ["new", "portal", "plain"]);
    assert_eq!(Auth::open().names().collect::<Vec<_>>(), [LOCAL]);
    let caller = |name: &str| before.caller(&headers(&[("authorization", &format!("Bearer {name}-secret"))])).unwrap();
    assert!(after.knows(&caller("plain")) && !after.knows(&caller("robot")));
    let other = Auth::tokens(vec![Token::new("plain", &hash("another")).unwrap()]).unwrap();
    assert!(!other.knows(&caller("plain")), "another token of the same name");
    let local = Auth::open().caller(&HeaderMap::new()).unwrap();
    assert!(Auth::open().knows(&local) && !after.knows(&local));
}
