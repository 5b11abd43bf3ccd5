//! The server: takes a request apart, lets it fail as it was told to, and answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::call::{Call, Reply, Seen};
use super::faults::Fault;
use super::state::State;
use super::{BOT, Face, TOKEN, app, gitea, github, graph, transport};

/// A server on a thread of its own; it ends when this is dropped.
pub(crate) struct Server {
    address: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    root: PathBuf,
}

impl Server {
    pub(crate) fn start(state: Arc<Mutex<State>>, root: PathBuf) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                let shared = Shared { state, root };
                let router = axum::Router::new()
                    .fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                        let shared = shared.clone();
                        async move {
                            let work = move || shared.answer(&method, &uri, &headers, &body);
                            match tokio::task::spawn_blocking(work).await.unwrap() {
                                Some(response) => response,
                                // A body that breaks off closes the connection.
                                None => Response::new(Body::from_stream(tokio_stream::once(Err::<Bytes, _>(
                                    std::io::Error::other("the line is cut"),
                                )))),
                            }
                        }
                    })
                    .layer(axum::extract::DefaultBodyLimit::max(64 << 20));
                let end = async move { drop(stopped.await) };
                axum::serve(listener, router).with_graceful_shutdown(end).await.unwrap();
            });
        });
        Self { address: told.recv().unwrap(), stop: Some(stop) }
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

impl Shared {
    /// The answer; none when the connection breaks instead.
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Response<Body>> {
        let path = uri.path();
        let (base, graph) = if path.starts_with("/api/v3") {
            ("/api/v3", false)
        } else if path.starts_with("/api/v1") {
            ("/api/v1", false)
        } else if path == "/api/graphql" {
            ("/api/graphql", true)
        } else {
            return self.git(method, uri, headers, body);
        };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let authorization = text("authorization").unwrap_or_default();
        let token = authorization.split_once(' ').map(|(_, token)| token.to_owned()).unwrap_or_default();
        let call = Call {
            method: method.to_string(),
            path: path.strip_prefix(base).unwrap_or(path).to_owned(),
            query: parameters(uri.query().unwrap_or_default()),
            unless: text("if-none-match"),
            token,
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
        };
        let mut state = self.state.lock().unwrap();
        state.follow("human");
        let operation = if graph { graph::operation(&call) } else { String::new() };
        let fault = state.faults.next(&call.method, &call.path, &operation);
        let reply = match fault {
            Some(Fault::LostBefore) => None,
            Some(Fault::LostAfter) => {
                drop(dispatch(&mut state, &call, graph));
                None
            }
            Some(Fault::Status(status)) => Some(Reply::error(status, "it was told to")),
            Some(Fault::Says(status, words)) => Some(Reply::error(status, words)),
            Some(Fault::StatusAfter(status)) => {
                drop(dispatch(&mut state, &call, graph));
                Some(Reply::error(status, "it was told to"))
            }
            Some(Fault::Secondary(seconds)) => Some(secondary(seconds)),
            Some(Fault::Primary(reset)) => {
                let mut reply = Reply::error(403, "API rate limit exceeded for installation ID 815.");
                reply.headers.push(("x-ratelimit-remaining", "0".to_owned()));
                reply.headers.push(("x-ratelimit-reset", reset.to_string()));
                Some(reply)
            }
            None => Some(limited(&mut state, &call, graph)),
        };
        let response = reply.map(|reply| write(reply, &call));
        let status = response.as_ref().map_or(0, |response| response.status().as_u16());
        state.calls.push(Seen { method: call.method.clone(), path: call.path.clone(), operation, status });
        response
    }

    fn git(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Response<Body>> {
        let mut state = self.state.lock().unwrap();
        let token = transport::password(headers).unwrap_or_default();
        let Some(login) = login(&state, &token) else {
            let refused = Response::builder().status(401).header("www-authenticate", "Basic realm=\"git\"");
            return Some(refused.body(Body::empty()).unwrap());
        };
        let fault = state.faults.next("GIT", uri.path(), "");
        if fault == Some(Fault::LostBefore) {
            return None;
        }
        let protected = state.settings.protected && uri.path().ends_with("git-receive-pack");
        if protected && String::from_utf8_lossy(body).contains("refs/heads/main") {
            return Some(Response::builder().status(403).body(Body::from("protected branch hook declined")).unwrap());
        }
        let response = transport::serve(&self.root, &login, method, uri, headers, body);
        state.follow(&login);
        if fault == Some(Fault::LostAfter) { None } else { Some(response) }
    }
}

/// Whom a token belongs to.
fn login(state: &State, token: &str) -> Option<String> {
    if token == TOKEN {
        return Some(BOT.to_owned());
    }
    let until = state.installation_tokens.get(token)?;
    (now() < *until).then(|| app::LOGIN.to_owned())
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn secondary(seconds: u64) -> Reply {
    let words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let mut reply = Reply::error(403, words);
    reply.headers.push(("retry-after", seconds.to_string()));
    reply
}

/// Refuses writes above the limit, where there is one.
fn limited(state: &mut State, call: &Call, graph: bool) -> Reply {
    let seen = Seen {
        method: call.method.clone(),
        path: call.path.clone(),
        operation: if graph { graph::operation(call) } else { String::new() },
        status: 0,
    };
    if let Some([minute, hour]) = state.settings.limit.filter(|_| seen.writes()) {
        let now = now();
        let within = |span: u64| state.writes.iter().filter(|at| **at + span > now).count();
        if within(60) >= minute || within(3600) >= hour {
            return secondary(60);
        }
        state.writes.push(now);
    }
    dispatch(state, call, graph)
}

fn dispatch(state: &mut State, call: &Call, graph: bool) -> Reply {
    if state.face == Face::GitHub
        && let Some(reply) = github::as_app(state, call)
    {
        return reply;
    }
    let Some(login) = login(state, &call.token) else { return Reply::error(401, "Bad credentials") };
    match (state.face, graph) {
        (Face::GitHub, true) => graph::answer(state, call, &login),
        (Face::GitHub, false) => github::answer(state, call, &login),
        (Face::Gitea, _) => gitea::answer(state, call, &login),
    }
}

/// Writes an answer; a list that is as the caller has it is not sent again.
fn write(reply: Reply, call: &Call) -> Response<Body> {
    let body = if reply.body.is_null() { String::new() } else { reply.body.to_string() };
    let mut response = Response::builder().header("content-type", "application/json; charset=utf-8");
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    if call.method == "GET" && reply.status == 200 {
        let etag = format!("W/\"{:x}\"", Sha256::digest(&body));
        if call.unless.as_ref() == Some(&etag) {
            return response.status(304).header("etag", etag).body(Body::empty()).unwrap();
        }
        response = response.header("etag", etag);
    }
    response.status(reply.status).body(Body::from(body)).unwrap()
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/"))).collect()
}
