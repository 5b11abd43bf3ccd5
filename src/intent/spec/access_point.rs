//! What clients may do at a server.

use crate::intent::fields::Fields;
use crate::intent::scalar::{Method, PathPattern, Port, Text, word_type};

word_type! {
    /// What happens to a request that matches.
    Action {
        /// It may pass.
        Allow = "ALLOW",
        /// It is refused.
        Deny = "DENY",
        /// It is logged.
        Audit = "AUDIT",
    }
}

/// An access point, also known as security details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// What happens to a request that matches.
    pub action: Action,
    /// Paths, any of them; empty: all.
    pub paths: Vec<PathPattern>,
    /// Methods, any of them; empty: all.
    pub methods: Vec<Method>,
    /// Hosts, any of them; empty: all.
    pub hosts: Vec<Text>,
    /// The pods' ports, any of them; empty: the server's.
    pub ports: Vec<Port>,
    /// Whether a condition on JSON web tokens was asked for.
    pub jwt: bool,
}

impl AccessPoint {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let action = f.optional("action", "ALLOW (default), DENY or AUDIT");
        let paths = f.list("url", "Istio path patterns, any of them; empty: all paths");
        let methods = f.list("access", "HTTP methods, any of them; empty: all methods");
        let hosts = f.list::<Text>("hosts", "values of the Host header, any of them");
        let ports = f.list("ports", "ports of the pods, any of them; default the server's targetPort");
        let jwt = f.object("jwt", "a condition on the request's JSON web token", |f| {
            f.optional::<Text>("issuer", "who issued it");
            f.optional::<Text>("jwksUri", "where the issuer's keys are");
            f.list::<Text>("audiences", "for whom it was issued");
            f.list::<Text>("subjects", "about whom it speaks");
            Some(())
        });
        let older = [
            f.optional::<Text>("externalAuthenticationIssuer", "older name of jwt.issuer").is_some(),
            f.optional::<Text>("externalAuthenticationJwksUri", "older name of jwt.jwksUri").is_some(),
            f.kept("userAccess", "older name of jwt.subjects").is_some(),
        ];
        for (i, host) in hosts.iter().enumerate() {
            let inner = host.as_str().trim_start_matches('*').trim_end_matches('*');
            if host.as_str().is_empty() || inner.contains('*') || inner.chars().any(|c| c.is_whitespace() || c == '/') {
                f.violation(&format!("hosts/{i}"), "must be a host, perhaps with a * at its start or end");
            }
        }
        let jwt = jwt.is_some() || older.contains(&true);
        Some(Self { action: action.unwrap_or(Action::Allow), paths, methods, hosts, ports, jwt })
    }

    /// Whether it looks at requests rather than connections.
    #[must_use]
    pub fn is_http_level(&self) -> bool {
        !(self.paths.is_empty() && self.methods.is_empty() && self.hosts.is_empty()) || self.jwt
    }
}
