//! A server of its own for each test, and a client that keeps answers whole.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::server::Server;
use meshwright::http::{ActsFor, Auth, Limits, Right, Terms, Token};
use serde_json::Value;
use ureq::http::Request;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The last segment of the problem's type.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status, "{self:?}");
        body["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }
}

/// A client of one server.
pub(crate) struct Client {
    agent: ureq::Agent,
    pub(crate) server: Server,
}

impl Client {
    /// A client of a new server without credentials.
    pub(crate) fn new() -> Self {
        Self::of(Auth::open(), Limits::default())
    }

    pub(crate) fn of(terms: impl Into<Terms>, limits: Limits) -> Self {
        Self::to(Server::start(terms, limits, 0))
    }

    pub(crate) fn to(server: Server) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(20)));
        Self { agent: config.build().into(), server }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let uri = format!("http://{}{path}", self.server.address);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.as_ref().to_vec();
        let mut response = if body.is_empty() && !matches!(method, "POST" | "PUT") {
            self.agent.run(request.body(()).unwrap()).unwrap()
        } else {
            self.agent.run(request.body(body).unwrap()).unwrap()
        };
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in response.headers() {
            let line = headers.entry(name.to_string()).or_default();
            line.push_str(if line.is_empty() { "" } else { ", " });
            line.push_str(value.to_str().unwrap());
        }
        let status = response.status().as_u16();
        Answer { status, headers, text: response.body_mut().read_to_string().unwrap() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body)
    }

    pub(crate) fn put(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = [&[("content-type", "application/json")], headers].concat();
        self.send("PUT", path, &headers, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "")
    }

    /// The change at `path` once it is in `state`.
    pub(crate) fn await_state(&self, path: &str, state: &str) -> Value {
        for _ in 0..500 {
            let change = self.get(path).json();
            if change["state"] == state {
                return change;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{path} did not become {state}: {:?}", self.get(path));
    }

    /// Posts the least mesh that renders something.
    pub(crate) fn with_a_mesh(self) -> Self {
        let bundle = include_str!("../../fixtures/minimal/bundle.yaml");
        let answer = self.send("POST", "/v2/bundles", &[("content-type", "application/yaml")], bundle);
        assert_eq!(answer.status, 202, "{answer:?}");
        self
    }
}

/// Tokens called `owner`, `reader` and `portal`, whose texts are their names with `-token` behind.
pub(crate) fn tokens() -> Auth {
    // printf %s owner-token | sha256sum
    let owner = "c32c7bb97d785c65916c05538cfc0f9d94768cb167eb73615071783ccc4bef77";
    let reader = "ba5005a40cf5212e4ac0190104cc127edab013294bb71279a975b27a80982d45";
    let portal = "0ba11c8c03cc892e40cac090ac14c4db6e655ecfaff2490257fbe4c10fba19f9";
    let token = |name, hash| Token::new(name, hash).unwrap();
    Auth::tokens(vec![
        token("owner", owner).grant("shop", &Right::ALL),
        token("reader", reader),
        token("portal", portal).grant("bank", &[Right::Propose]).acts_for(ActsFor::These(vec!["github:alice".into()])),
    ])
    .unwrap()
}
