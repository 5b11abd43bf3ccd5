//! The installation of an app in the repository, and the tokens that it signs in with.

use std::sync::Arc;

use octocrab::Octocrab;
use serde::Deserialize;
use tokio::sync::{Mutex, OnceCell};

use super::transport::{ask_as, carry};
use crate::change::clock::Clock;
use crate::change::id::Timestamp;
use crate::forge::hosted::{Answer, Interface, Request, Token};

/// How long before its end a token is renewed, and the least and the most that one is used whatever is said of its end,
/// in milliseconds: they last an hour (GitHub Docs, "Generating an installation access token"), and clocks differ.
const BEFORE_END: i64 = 300_000;
const LEAST: i64 = 60_000;
const MOST: i64 = 3_600_000 - BEFORE_END;

pub(super) struct Installation {
    /// Signs in as the app itself.
    app: Octocrab,
    repository: String,
    clock: Arc<dyn Clock>,
    /// Its number; looked up when it is not given.
    number: OnceCell<u64>,
    /// The token and until when it is used. Held while it is renewed.
    issued: Mutex<Option<(Token, Timestamp)>>,
}

/// What is answered to the request for a token.
#[derive(Deserialize)]
struct Issued {
    token: Token,
    expires_at: String,
}

impl Installation {
    pub(super) fn new(app: Octocrab, number: Option<u64>, repository: &str, clock: Arc<dyn Clock>) -> Self {
        let number = OnceCell::new_with(number);
        Self { app, repository: repository.to_owned(), clock, number, issued: Mutex::default() }
    }

    /// The token that is used now.
    pub(super) async fn token(&self) -> Result<Token, String> {
        let mut issued = self.issued.lock().await;
        let now = self.clock.now();
        // A clock that was set back must not keep what lies ahead for ever.
        let lasts = |until: &Timestamp| now < *until && *until <= now.plus(MOST);
        if let Some((token, _)) = issued.as_ref().filter(|(_, until)| lasts(until)) {
            return Ok(token.clone());
        }
        let number = self.number.get_or_try_init(|| self.look_up()).await?;
        let path = format!("/app/installations/{number}/access_tokens");
        let request = Request { method: "POST", interface: Interface::Rest, path, unless: None, body: None };
        let answer = carry(&self.app, &request, None).await?;
        if answer.status != 201 {
            return Err(refused(&answer, "it gives no token to the installation of the app"));
        }
        let given: Issued = answer.json().map_err(|error| error.to_string())?;
        if !given.token.is_one_word() {
            return Err("what it gives to the installation of the app is no token".to_owned());
        }
        let end = Timestamp::parse(&given.expires_at).unwrap_or_default();
        let until = Timestamp(end.plus(-BEFORE_END).0.clamp(now.plus(LEAST).0, now.plus(MOST).0));
        *issued = Some((given.token.clone(), until));
        Ok(given.token)
    }

    /// The token is not accepted any more; another one is asked for.
    pub(super) async fn renew(&self) {
        *self.issued.lock().await = None;
    }

    /// The login of the app.
    pub(super) async fn login(&self) -> Result<String, String> {
        #[derive(Deserialize)]
        struct App {
            slug: String,
        }
        let answer = ask_as(&self.app, "/app", None).await?;
        match answer.status {
            200 => Ok(format!("{}[bot]", answer.json::<App>().map_err(|error| error.to_string())?.slug)),
            _ => Err(refused(&answer, "it does not say who the app is")),
        }
    }

    /// The number of the installation in the repository.
    async fn look_up(&self) -> Result<u64, String> {
        #[derive(Deserialize)]
        struct Found {
            id: u64,
        }
        let answer = ask_as(&self.app, &format!("/repos/{}/installation", self.repository), None).await?;
        match answer.status {
            200 => answer.json::<Found>().map(|found| found.id).map_err(|error| error.to_string()),
            404 => Err(format!("the app has no installation in {}; install it there", self.repository)),
            _ => Err(refused(&answer, "it does not say where the app is installed")),
        }
    }
}

/// What a refusal means of which an app can be told.
fn refused(answer: &Answer, what: &str) -> String {
    match answer.status {
        401 => format!("it does not accept the configured key of the app ({}); renew it", answer.message()),
        status => format!("{what}: {} ({status})", answer.message()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::forge::hosted::LONGEST_ANSWER;

    /// A clock that is moved by hand.
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::Relaxed))
        }
    }

    /// A server that gives these answers, one after the other, each followed by so many spaces.
    fn server(answers: Vec<(&'static str, String, usize)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (status, body, spaces) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0);
                let length = body.len() + spaces;
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                // Who has read enough goes away.
                drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
                for _ in 0..spaces.div_ceil(1 << 16) {
                    if stream.write_all(&[b' '; 1 << 16]).is_err() {
                        break;
                    }
                }
            }
        });
        address
    }

    fn installation(address: &str, clock: &Arc<Hand>) -> Installation {
        let app = Octocrab::builder().base_uri(address).unwrap().build().unwrap();
        Installation::new(app, Some(7), "acme/mesh", clock.clone())
    }

    fn given(token: &str, end: i64) -> (&'static str, String, usize) {
        let body = serde_json::json!({ "token": token, "expires_at": Timestamp(end).to_string() });
        ("201 Created", body.to_string(), 0)
    }

    #[tokio::test]
    async fn a_token_is_used_until_five_minutes_before_its_end_or_until_it_is_refused() {
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let hour = 3_600_000;
        let answers = vec![
            given("one", hour),
            given("two", 2 * hour),
            given("three", 0),
            given("four", 90 * hour),
            given("five", 0),
        ];
        let installation = installation(&server(answers), &clock);
        let at = async |now| {
            clock.0.store(now, Ordering::Relaxed);
            installation.token().await.unwrap().secret().to_owned()
        };
        assert_eq!([at(0).await, at(hour - BEFORE_END - 1).await], ["one", "one"]);
        assert_eq!(at(hour - BEFORE_END).await, "two");
        installation.renew().await;
        assert_eq!(at(hour).await, "three");
        assert_eq!(at(hour + LEAST - 1).await, "three", "one that is said to be over is used for a while");
        assert_eq!([at(hour + LEAST).await, at(hour + LEAST + MOST - 1).await], ["four", "four"]);
        assert_eq!(at(hour + LEAST + MOST).await, "five", "no end is believed that is further away");
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused_and_not_kept() {
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let wrong = [
            ("201 Created", "<html>".to_owned(), 0),
            ("201 Created", "{}".to_owned(), LONGEST_ANSWER * 4),
            ("404 Not Found", r#"{"message":"gone"}"#.to_owned(), 0),
            given("a b", 0),
            given("", 0),
        ];
        let expected = ["not that of the API", "longer than", "gone", "no token", "no token"];
        let installation = installation(&server(wrong.into_iter().chain([given("good", 0)]).collect()), &clock);
        for expected in expected {
            let error = installation.token().await.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(installation.token().await.unwrap().secret(), "good");
    }
}
