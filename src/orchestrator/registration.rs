//! Registering as a controller with an orchestrator (`POST /v2/controllers` of EMCO's orchestrator).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use ureq::Agent;
use ureq::http::{HeaderValue, Method, Request, Uri};

/// How long to wait for an answer.
const WAIT: Duration = Duration::from_secs(10);
/// The first pause after a failure, doubled each time, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a server that stops waits for the orchestrator to let it go.
const FAREWELL: Duration = Duration::from_secs(3);
/// The most bytes of an answer that are read, to be told in the log.
const LONGEST_ANSWER: u64 = 512;

/// What the orchestrator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The address of the orchestrator's API, without `/v2`.
    pub url: String,
    /// What the controller is called there.
    pub name: String,
    /// The host that the orchestrator reaches this server by.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its order among controllers.
    pub priority: i64,
}

/// Why a registration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The address is none.
    #[error("`{0}` is no address of an API; write it as https://orchestrator.example")]
    Url(String),
    /// The address holds a secret, which is not shown.
    #[error("the address holds a user or a password; put a token into a file instead")]
    Secret,
    /// The token would be read on the way.
    #[error("a token would go to {0} in plain text; use https, or an orchestrator on this machine")]
    PlainText(String),
    /// The token cannot stand in a header.
    #[error("holds something that is no token: one line without spaces")]
    Token,
}

/// Registers until it succeeds, and withdraws.
#[derive(Clone)]
pub struct Registrar {
    agent: Agent,
    registration: Arc<Registration>,
    authorization: Option<HeaderValue>,
    /// Whether the orchestrator may know this server by us; held while it is asked, so that nothing is withdrawn before it was
    /// registered.
    known: Arc<Mutex<bool>>,
    withdrawn: Arc<AtomicBool>,
}

impl Registrar {
    /// One that signs in by `token`, where there is one.
    ///
    /// # Errors
    /// What cannot be used.
    pub fn new(mut registration: Registration, token: Option<&str>) -> Result<Self, Unusable> {
        registration.url.truncate(registration.url.trim_end_matches('/').len());
        let url = &registration.url;
        if url.contains('@') {
            return Err(Unusable::Secret);
        }
        let uri: Uri = url.parse().map_err(|_| Unusable::Url(url.clone()))?;
        let host = uri.host().filter(|host| !host.is_empty() && uri.query().is_none());
        let Some(host) = host else { return Err(Unusable::Url(url.clone())) };
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if token.is_none() || is_here(host) => {}
            Some("http") => return Err(Unusable::PlainText(url.clone())),
            _ => return Err(Unusable::Url(url.clone())),
        }
        let authorization = token.map(|token| {
            let is_one_word = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
            let value =
                Some(token).filter(|_| is_one_word).map(|token| HeaderValue::from_str(&format!("Bearer {token}")));
            let Some(Ok(mut value)) = value else { return Err(Unusable::Token) };
            value.set_sensitive(true);
            Ok(value)
        });
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(WAIT)).max_redirects(0);
        let (agent, authorization) = (config.build().into(), authorization.transpose()?);
        let registration = Arc::new(registration);
        Ok(Self { agent, registration, authorization, known: Arc::default(), withdrawn: Arc::default() })
    }

    /// Registers, again and again with longer pauses until it succeeds or is withdrawn.
    pub async fn register(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let mut known = self.known.lock().await;
            if self.is_withdrawn() {
                return;
            }
            let orchestrator = &self.registration.url;
            let attempt = self.attempt(&mut known).await;
            if self.is_withdrawn() {
                // Whoever withdraws it may have given up waiting for this.
                return self.take_back(&mut known).await;
            }
            match attempt {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%orchestrator, %error, "registering failed; it is tried again in {pause:?}");
                }
            }
            drop(known);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A name that is there already is taken for an earlier registration of our own, and told where we are now. Where that
    /// is refused for good, the earlier registration is left as it is. What is said to be `known` may be so where no answer came.
    async fn attempt(&self, known: &mut bool) -> Result<(), String> {
        let Registration { url: orchestrator, name, host, port, priority } = &*self.registration;
        let body = json!({
            "metadata": {"name": name},
            "spec": {"host": host, "port": port, "type": "action", "priority": priority},
        });
        // No answer does not say that it came to nothing.
        let was_known = std::mem::replace(known, true);
        let mut answer = self.send(Method::POST, "", Some(body.to_string())).await?;
        let is_known = answer.0 == 409;
        if is_known {
            *known = was_known;
            answer = self.send(Method::PUT, &format!("/{name}"), Some(body.to_string())).await?;
        }
        match answer {
            (200..300, _) => {
                *known = true;
                tracing::info!(%orchestrator, "registered");
            }
            (status, said) if is_known && !may_pass(status) => {
                // It is another's.
                *known = false;
                tracing::warn!(
                    %orchestrator,
                    status,
                    said,
                    "the orchestrator knows {name} already, and does not take where it is now"
                );
            }
            (status, said) => {
                // A gateway may say so of what it has handed on.
                *known = was_known || !is_known && status >= 500;
                return Err(format!("it answered {status}: {said}"));
            }
        }
        Ok(())
    }

    /// Withdraws what was registered, and registers no more; gives up soon, for whoever stops does not wait long. What is being
    /// registered by then is withdrawn as soon as the orchestrator has answered, if the process still runs.
    pub async fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::SeqCst);
        let withdrawn = async { self.take_back(&mut *self.known.lock().await).await };
        if tokio::time::timeout(FAREWELL, withdrawn).await.is_err() {
            let orchestrator = &self.registration.url;
            tracing::warn!(%orchestrator, "the orchestrator takes too long to be told that this server stops");
        }
    }

    fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::SeqCst)
    }

    /// Withdraws what the orchestrator may know.
    async fn take_back(&self, known: &mut bool) {
        if !std::mem::take(known) {
            return;
        }
        let orchestrator = &self.registration.url;
        match self.send(Method::DELETE, &format!("/{}", self.registration.name), None).await {
            Ok((200..300 | 404, _)) => tracing::info!(%orchestrator, "the registration is withdrawn"),
            Ok((status, said)) => tracing::warn!(%orchestrator, status, said, "withdrawing was refused"),
            Err(error) => tracing::warn!(%orchestrator, %error, "withdrawing failed"),
        }
    }

    /// Sends a request about controllers; gives the status and how the answer begins.
    async fn send(&self, method: Method, below: &str, body: Option<String>) -> Result<(u16, String), String> {
        let mut builder = Request::builder()
            .method(method)
            .uri(format!("{}/v2/controllers{below}", self.registration.url))
            .header("Content-Type", "application/json")
            .header("User-Agent", concat!("meshwright/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            builder = builder.header("Authorization", authorization);
        }
        let agent = self.agent.clone();
        let sent = move || {
            let answer = match body {
                Some(body) => agent.run(builder.body(body).map_err(|error| error.to_string())?),
                None => agent.run(builder.body(()).map_err(|error| error.to_string())?),
            };
            let mut answer = answer.map_err(|error| error.to_string())?;
            let mut said = vec![];
            let reader = answer.body_mut().as_reader();
            // A status says enough where the body is cut off.
            drop(std::io::Read::read_to_end(&mut std::io::Read::take(reader, LONGEST_ANSWER), &mut said));
            let line = String::from_utf8_lossy(&said).chars().filter(|char| !char.is_control()).collect::<String>();
            Ok((answer.status().as_u16(), line))
        };
        tokio::task::spawn_blocking(sent).await.map_err(|error| error.to_string())?
    }
}

/// Whether a refusal of this status is one for now alone (RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4).
fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

/// Whether a host of an address is this machine.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn registrar(url: &str, token: Option<&str>) -> Result<Registrar, String> {
        let (url, name, host) = (url.to_owned(), "dtc".to_owned(), "mesh.example".to_owned());
        let registration = Registration { url, name, host, port: 8470, priority: 1 };
        Registrar::new(registration, token).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_goes_over_plain_http_to_this_machine_only_and_is_never_shown() {
        for (url, token) in [
            ("https://o.example", Some("t")),
            ("http://o.example:8080/base/", None),
            ("http://127.0.0.1:1", Some("t")),
            ("http://[::1]:1", Some("t")),
            ("http://localhost", Some("t")),
        ] {
            assert!(registrar(url, token).is_ok(), "{url}");
        }
        for (url, token, why) in [
            ("http://o.example", Some("t"), "in plain text"),
            ("http://localhost.example", Some("t"), "in plain text"),
            ("ftp://o.example", None, "no address"),
            ("o.example", None, "no address"),
            ("https://user:hunter2@o.example", None, "a user or a password"),
            ("https://o.example/?a=b", None, "no address"),
            ("https://o.example", Some(""), "no token"),
            ("https://o.example", Some("a b"), "no token"),
        ] {
            let error = registrar(url, token).err().unwrap_or_default();
            assert!(error.contains(why) && !error.contains("hunter2"), "{url}: {error}");
        }
        let known = registrar("https://o.example", Some("hunter2")).unwrap();
        assert!(!format!("{:?}", known.authorization).contains("hunter2"));
    }

    /// The next connection, which comes or never does.
    fn accept(listener: &TcpListener) -> TcpStream {
        listener.set_nonblocking(true).unwrap();
        for _ in 0..2000 {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false).unwrap();
                return stream;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody asks");
    }

    /// Takes one request, and answers it with a status; gives its method.
    fn answer(listener: &TcpListener, status: u16) -> String {
        answer_after(listener, status, || {})
    }

    /// The same once something is over.
    fn answer_after(listener: &TcpListener, status: u16, over: impl FnOnce()) -> String {
        let stream = accept(listener);
        let mut reader = BufReader::new(&stream);
        let (mut length, mut line, mut method) = (0, String::new(), None);
        while reader.read_line(&mut line).unwrap() > 2 {
            method.get_or_insert_with(|| line.split(' ').next().unwrap_or_default().to_owned());
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        over();
        let answer = format!("HTTP/1.1 {status} .\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        (&stream).write_all(answer.as_bytes()).unwrap();
        method.unwrap_or_default()
    }

    /// An orchestrator's listener, and who registers there.
    fn listening() -> (TcpListener, Registrar) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let registrar = registrar(&format!("http://{}", listener.local_addr().unwrap()), None).unwrap();
        (listener, registrar)
    }

    #[tokio::test]
    async fn a_known_name_is_registered_unless_the_orchestrator_cannot_say_so_now() {
        for (status, is_done) in [
            (200, true),
            (204, true),
            (404, true),
            (405, true),
            (403, true),
            (408, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            let (listener, registrar) = listening();
            let orchestrator = std::thread::spawn(move || [409, status].map(|status| answer(&listener, status)));
            // An attempt before may have got there.
            let mut known = true;
            let attempt = registrar.attempt(&mut known).await;
            assert_eq!(orchestrator.join().unwrap(), ["POST", "PUT"]);
            assert_eq!(attempt.is_ok(), is_done, "{status}: {attempt:?}");
            // What another keeps is not withdrawn.
            assert_eq!(known, !is_done || (200..300).contains(&status), "{status}");
        }
    }

    #[tokio::test]
    async fn what_may_have_been_registered_is_withdrawn_and_what_was_refused_is_not() {
        for (status, is_known) in [(201, true), (400, false), (403, false), (502, true)] {
            let (listener, registrar) = listening();
            let orchestrator = std::thread::spawn(move || answer(&listener, status));
            let mut known = false;
            drop(registrar.attempt(&mut known).await);
            assert_eq!((orchestrator.join().unwrap().as_str(), known), ("POST", is_known), "{status}");
        }
        let (listener, registrar) = listening();
        drop(listener);
        let mut known = false;
        assert!(registrar.attempt(&mut known).await.is_err() && known);
    }

    #[tokio::test]
    async fn what_an_orchestrator_takes_after_the_server_was_told_to_stop_is_withdrawn_too() {
        let (listener, registrar) = listening();
        let (asked, is_asked) = std::sync::mpsc::channel();
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let orchestrator = std::thread::spawn(move || {
            let over = || {
                asked.send(()).unwrap();
                waits.recv().unwrap();
            };
            [answer_after(&listener, 201, over), answer(&listener, 204)]
        });
        let registering = tokio::spawn({
            let registrar = registrar.clone();
            async move { registrar.register().await }
        });
        tokio::task::spawn_blocking(move || is_asked.recv().unwrap()).await.unwrap();
        // It does not wait for ever.
        registrar.withdraw().await;
        go_on.send(()).unwrap();
        registering.await.unwrap();
        assert_eq!(orchestrator.join().unwrap(), ["POST", "DELETE"]);
        // Nothing is left to withdraw.
        registrar.withdraw().await;
    }
}
