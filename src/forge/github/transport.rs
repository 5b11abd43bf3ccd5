//! Requests to GitHub: signed in as an app or by a token.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use http_types::HeaderValue;
use http_types::header::{AUTHORIZATION, IF_NONE_MATCH};
use octocrab::models::{AppId, InstallationId};
use octocrab::secrecy::ExposeSecret as _;
use octocrab::{Error, Octocrab};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::forge::hosted::{Account, Answer, Interface, Request, Token, Transport};
use crate::repo::Credential;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 16 << 20;
/// How long to wait for a connection, and for an answer.
const CONNECT: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_secs(30);
/// How long before its end an installation's token is renewed.
const BEFORE_END: chrono::TimeDelta = chrono::TimeDelta::minutes(5);
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
    /// The user, or the app itself.
    identity_client: Octocrab,
    /// Knows where GraphQL is, and signs in by what it is given: that is not below where an app gets its tokens.
    graph: Octocrab,
    identity: Identity,
    repository: String,
    /// Who sends requests: the user, or the installation of the app.
    client: OnceCell<Octocrab>,
}

impl GitHubTransport {
    /// Signs in at the REST interface at `rest`; the GraphQL interface is below `graph`.
    pub(super) fn new(rest: &str, graph: &str, identity: Identity, repository: &str) -> Result<Self, String> {
        let at = |base: &str| {
            let builder = Octocrab::builder().base_uri(base).map_err(|error| told(&error))?;
            Ok::<_, String>(
                builder.set_connect_timeout(Some(CONNECT)).set_read_timeout(Some(WAIT)).set_write_timeout(Some(WAIT)),
            )
        };
        let signed = match &identity {
            Identity::App { id, key, .. } => at(rest)?
                .app_from_rsa_pem(AppId(*id), key.secret())
                .map_err(|_| "the private key of the app is no RSA key in PEM".to_owned())?,
            Identity::Token(token) => at(rest)?.personal_token(token.secret()),
        };
        let identity_client = signed.build().map_err(|error| told(&error))?;
        let graph = at(graph)?.build().map_err(|error| told(&error))?;
        Ok(Self { identity_client, graph, identity, repository: repository.to_owned(), client: OnceCell::new() })
    }

    async fn client(&self) -> Result<&Octocrab, String> {
        self.client.get_or_try_init(|| self.sign_in()).await
    }

    async fn sign_in(&self) -> Result<Octocrab, String> {
        let Identity::App { installation, .. } = &self.identity else { return Ok(self.identity_client.clone()) };
        let installation = match installation {
            Some(id) => *id,
            None => self.installation().await?,
        };
        self.identity_client.installation(InstallationId(installation)).map_err(|error| told(&error))
    }

    /// What stands behind `Bearer`.
    async fn token(&self) -> Result<Token, String> {
        if let Identity::Token(token) = &self.identity {
            return Ok(token.clone());
        }
        let token = self.client().await?.installation_token_with_buffer(BEFORE_END).await;
        token.map(|token| Token::new(token.expose_secret().to_owned())).map_err(|error| told(&error))
    }

    /// The installation of the app in the repository.
    async fn installation(&self) -> Result<u64, String> {
        #[derive(Deserialize)]
        struct Installation {
            id: u64,
        }
        let path = format!("/repos/{}/installation", self.repository);
        self.itself::<Installation>(path).await.map(|installation| installation.id)
    }

    /// What only the app or user itself may ask, not an installation.
    async fn itself<T: DeserializeOwned>(&self, path: String) -> Result<T, String> {
        let request = Request { method: "GET", interface: Interface::Rest, path, unless: None, body: None };
        let answer = carry(&self.identity_client, &request, None).await?;
        match answer.status {
            200 => answer.json().map_err(|error| error.to_string()),
            401 => Err(format!("it does not accept the configured key or token ({}); renew it", answer.message())),
            404 if matches!(self.identity, Identity::App { .. }) => {
                Err(format!("the app has no installation in {}; install it there", self.repository))
            }
            status => Err(format!("{} ({status})", answer.message())),
        }
    }
}

#[async_trait]
impl Transport for GitHubTransport {
    async fn send(&self, request: Request) -> Result<Answer, String> {
        match request.interface {
            Interface::Rest => carry(self.client().await?, &request, None).await,
            Interface::Graph => carry(&self.graph, &request, Some(&self.token().await?)).await,
        }
    }

    async fn me(&self) -> Result<String, String> {
        #[derive(Deserialize)]
        struct App {
            slug: String,
        }
        match self.identity {
            Identity::Token(_) => Ok(self.itself::<Account>("/user".to_owned()).await?.login),
            Identity::App { .. } => Ok(format!("{}[bot]", self.itself::<App>("/app".to_owned()).await?.slug)),
        }
    }

    async fn credential(&self) -> Result<Credential, String> {
        let secret = self.token().await?.secret().to_owned();
        Ok(Credential::Basic { user: TOKEN_USER.to_owned(), secret })
    }
}

/// Carries one request there and its answer back.
async fn carry(client: &Octocrab, request: &Request, token: Option<&Token>) -> Result<Answer, String> {
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
    let body = tokio::time::timeout(WAIT, Limited::new(body, LONGEST).collect()).await.map_err(late)?;
    let body = body.map_err(|error| format!("its answer was cut off, or is longer than {LONGEST} bytes: {error}"))?;
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
