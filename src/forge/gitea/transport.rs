//! Requests to a Gitea or Forgejo server.

use std::time::Duration;

use async_trait::async_trait;
use ureq::Agent;
use ureq::http::Request as HttpRequest;

use crate::forge::hosted::{Account, Answer, Interface, LONGEST_ANSWER, Request, Token, Transport};
use crate::repo::Credential;

/// How long to wait for a connection, and for an answer.
const CONNECT: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(30);

pub(super) struct GiteaTransport {
    agent: Agent,
    base: String,
    token: Token,
}

impl GiteaTransport {
    /// Signs in at the API at `base` by a token.
    pub(super) fn new(base: &str, token: Token) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WAIT))
            .max_redirects(0)
            .build();
        Self { agent: config.into(), base: base.to_owned(), token }
    }
}

#[async_trait]
impl Transport for GiteaTransport {
    async fn send(&self, request: Request) -> Result<Answer, String> {
        if request.interface == Interface::Graph {
            return Err("this forge has no GraphQL".to_owned());
        }
        let url = format!("{}{}", self.base, request.path);
        let builder = HttpRequest::builder()
            .method(request.method)
            .uri(url)
            .header("Accept", "application/json")
            .header("Content-Type", "application/json")
            .header("User-Agent", concat!("meshwright/", env!("CARGO_PKG_VERSION")))
            .header("Authorization", format!("token {}", self.token.secret()));
        let builder = match &request.unless {
            Some(etag) => builder.header("If-None-Match", etag),
            None => builder,
        };
        let body = request.body.map(|body| body.to_string());
        let agent = self.agent.clone();
        let sent = move || {
            let response = match body {
                Some(body) => agent.run(builder.body(body).map_err(|error| error.to_string())?),
                None => agent.run(builder.body(()).map_err(|error| error.to_string())?),
            };
            let mut response = response.map_err(|error| error.to_string())?;
            let body = response.body_mut().with_config().limit(LONGEST_ANSWER as u64).read_to_vec();
            let body = body.map_err(|error| format!("its answer was cut off, or is too long: {error}"))?;
            Ok::<_, String>(Answer::new(response.status().as_u16(), response.headers(), body))
        };
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(sent)).await.map_err(|error| error.to_string())?
    }

    async fn me(&self) -> Result<String, String> {
        let path = "/user".to_owned();
        let request = Request { method: "GET", interface: Interface::Rest, path, unless: None, body: None };
        let answer = self.send(request).await?;
        match answer.status {
            200 => answer.json::<Account>().map(|account| account.login).map_err(|error| error.to_string()),
            status => Err(format!("{} ({status})", answer.message())),
        }
    }

    async fn credential(&self) -> Result<Credential, String> {
        // Gitea takes a token as the password of any user.
        Ok(Credential::Basic { user: "meshwright".to_owned(), secret: self.token.secret().to_owned() })
    }
}
