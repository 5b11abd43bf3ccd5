//! The registration with an orchestrator, as a configuration says.

use std::time::Duration;

use super::error::BootError;
use super::forges;
use crate::config;
use crate::http::Readiness;
use crate::orchestrator::{Registrar, Registration, Unusable};

/// How often a server that is not ready yet is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Who registers this server, which listens on `port`.
pub(super) fn registrar(configured: &config::Orchestrator, port: u16) -> Result<Registrar, BootError> {
    const TOKEN: &str = "orchestrator.tokenFile";
    let config::Orchestrator { url, name, host, priority, .. } = configured.clone();
    for (field, text) in [("orchestrator.name", &name), ("orchestrator.host", &host)] {
        let is_one_word =
            !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || b".-_:[]".contains(&it));
        if !is_one_word {
            return Err(BootError::config(
                field,
                format!("`{text}` is no name; use letters, digits, `.`, `-` and `_`"),
            ));
        }
    }
    let token = configured.token_file.as_deref().map(|path| forges::read(path, TOKEN)).transpose()?;
    let registration = Registration { url, name, host, port: configured.port.unwrap_or(port), priority };
    Registrar::new(registration, token.as_deref().map(str::trim)).map_err(|error| {
        let field = if matches!(error, Unusable::Token) { TOKEN } else { "orchestrator.url" };
        BootError::config(field, error.to_string())
    })
}

/// Registers once every part works: from then on requests are taken and carried.
pub(super) async fn register_when_ready(registrar: Registrar, readiness: Readiness) {
    while !readiness.is_ready() {
        tokio::time::sleep(LOOK).await;
    }
    registrar.register().await;
}
