//! Requests to GitHub: signed in as an app or by a token.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use http_types::HeaderValue;
use http_types::header::{AUTHORIZATION, IF_NONE_MATCH};
use octocrab::models::AppId;
use octocrab::{Error, Octocrab};

use super::installation::Installation;
use crate::change::clock::Clock;
use crate::forge::hosted::{Account, Answer, Interface, LONGEST_ANSWER, Request, Token, Transport};
use crate::repo::Credential;

/// How long to wait for a connection, and for an answer.
const CONNECT: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(30);
/// The user that goes with a token when git signs in (GitHub Docs, "Authenticating as a GitHub App installation").
const TOKEN_USER: &str = "x-access-token";

/// Whom GitHub knows us as. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A GitHub App, which may do what its installation in the repository may.
    App {
        /// Its number.
        id: u64,
        /// Its private key, PEM.
        key: Token,
        /// The number of its installation; looked up when it is not given.
        installation: Option<u64>,
    },
    /// The token of a user.
    Token(Token),
}

pub(super) struct GitHubTransport {
    rest: Octocrab,
    /// Knows where GraphQL is: that is not below the REST interface.
    graph: Octocrab,
    signed_in: SignedIn,
}

/// Who sends requests.
enum SignedIn {
    User(Token),
    App(Box<Installation>),
}

impl GitHubTransport {
    /// Signs in at the REST interface at `rest`; the GraphQL interface is below `graph`.
    pub(super) fn new(
        rest: &str,
        graph: &str,
        identity: Identity,
        repository: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let at = |base: &str| {
            let builder = Octocrab::builder().base_uri(base).map_err(|error| told(&error))?;
            Ok::<_, String>(
                builder.set_connect_timeout(Some(CONNECT)).set_read_timeout(Some(WAIT)).set_write_timeout(Some(WAIT)),
            )
        };
        let signed_in = match identity {
            Identity::Token(token) => SignedIn::User(token),
            Identity::App { id, key, installation } => {
                let app = at(rest)?
                    .app_from_rsa_pem(AppId(id), key.secret())
                    .map_err(|_| "the private key of the app is no RSA key in PEM".to_owned())?;
                let app = app.build().map_err(|error| told(&error))?;
                SignedIn::App(Box::new(Installation::new(app, installation, repository, clock)))
            }
        };
        let rest = at(rest)?.build().map_err(|error| told(&error))?;
        let graph = at(graph)?.build().map_err(|error| told(&error))?;
        Ok(Self { rest, graph, signed_in })
    }

    /// What stands behind `Bearer`.
    async fn token(&self) -> Result<Token, String> {
        match &self.signed_in {
            SignedIn::User(token) => Ok(token.clone()),
            SignedIn::App(installation) => installation.token().await,
        }
    }
}

#[async_trait]
impl Transport for GitHubTransport {
    async fn send(&self, request: Request) -> Result<Answer, String> {
        let client = if request.interface == Interface::Graph { &self.graph } else { &self.rest };
        let answer = carry(client, &request, Some(&self.token().await?)).await?;
        if let (401, SignedIn::App(installation)) = (answer.status, &self.signed_in) {
            installation.renew().await;
        }
        Ok(answer)
    }

    async fn me(&self) -> Result<String, String> {
        let token = match &self.signed_in {
            SignedIn::User(token) => token,
            SignedIn::App(installation) => return installation.login().await,
        };
        let answer = ask_as(&self.rest, "/user", Some(token)).await?;
        match answer.status {
            200 => answer.json::<Account>().map(|account| account.login).map_err(|error| error.to_string()),
            401 => Err(format!("it does not accept the configured token ({}); renew it", answer.message())),
            status => Err(format!("{} ({status})", answer.message())),
        }
    }

    async fn credential(&self) -> Result<Credential, String> {
        let secret = self.token().await?.secret().to_owned();
        Ok(Credential::Basic { user: TOKEN_USER.to_owned(), secret })
    }
}

/// Reads what is at a path of the REST interface.
pub(super) async fn ask_as(client: &Octocrab, path: &str, token: Option<&Token>) -> Result<Answer, String> {
    let path = path.to_owned();
    let request = Request { method: "GET", interface: Interface::Rest, path, unless: None, body: None };
    carry(client, &request, token).await
}

/// Carries one request there and its answer back.
pub(super) async fn carry(client: &Octocrab, request: &Request, token: Option<&Token>) -> Result<Answer, String> {
    let path = if request.interface == Interface::Graph { "/graphql" } else { request.path.as_str() };
    let mut builder = http_types::Request::builder().method(request.method).uri(path);
    if let Some(etag) = &request.unless {
        builder = builder.header(IF_NONE_MATCH, etag);
    }
    if let Some(token) = token {
        let header = HeaderValue::from_str(&format!("Bearer {}", token.secret()));
        let mut header = header.map_err(|_| "the token has characters that no token has".to_owned())?;
        header.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, header);
    }
    let built = client.build_request(builder, request.body.as_ref()).map_err(|error| told(&error))?;
    let late = |_| format!("no answer within {} s", WAIT.as_secs());
    let response = tokio::time::timeout(WAIT, client.execute(built)).await.map_err(late)?;
    let (parts, body) = response.map_err(|error| told(&error))?.into_parts();
    let body = tokio::time::timeout(WAIT, Limited::new(body, LONGEST_ANSWER).collect()).await.map_err(late)?;
    let body =
        body.map_err(|error| format!("its answer was cut off, or is longer than {LONGEST_ANSWER} bytes: {error}"))?;
    Ok(Answer::new(parts.status.as_u16(), &parts.headers, body.to_bytes().to_vec()))
}

/// What went wrong, in one line without a trace of where in the program.
fn told(error: &Error) -> String {
    let mut words = match error {
        Error::GitHub { source, .. } => format!("{} ({})", source.message, source.status_code),
        error => error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let line = inner.to_string().lines().next().unwrap_or_default().to_owned();
        if !words.contains(&line) {
            words = format!("{words}: {line}");
        }
        cause = inner.source();
    }
    words.chars().take(500).collect()
}
