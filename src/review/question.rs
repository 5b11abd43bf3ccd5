//! Who asks for what, and what is answered.

use serde::Serialize;

use crate::access::{Decision, Request};
use crate::intent::Anchor;

/// What a call is made as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CallingAs {
    /// Somebody without an identity in the mesh.
    #[default]
    PlainText,
    /// A service account, in the trust domain of the cluster that is called.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        account: String,
    },
    /// A whole identity, without `spiffe://`.
    Principal(String),
}

impl CallingAs {
    /// Reads `namespace/account`, `trust domain/ns/namespace/sa/account`, or the same as a SPIFFE id; none when it is
    /// something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("spiffe://").unwrap_or(text);
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            parts if parts.iter().any(|part| part.is_empty()) => None,
            [namespace, account] => {
                Some(Self::Account { namespace: (*namespace).to_owned(), account: (*account).to_owned() })
            }
            [_, "ns", _, "sa", _] => Some(Self::Principal(text.to_owned())),
            _ => None,
        }
    }

    /// The identity, where the local trust domain is called so.
    pub(super) fn principal(&self, trust_domain: &str) -> Option<String> {
        match self {
            Self::PlainText => None,
            Self::Account { namespace, account } => Some(format!("{trust_domain}/ns/{namespace}/sa/{account}")),
            Self::Principal(principal) => Some(principal.clone()),
        }
    }
}

/// What is asked of one service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// The port of the service; all of them where it is not said.
    pub port: Option<u16>,
    /// `provider/cluster`; all of them where it is not said.
    pub cluster: Option<String>,
    /// Who calls.
    pub from: CallingAs,
    /// What else the call shows; its identity and what it is made to follow from the rest of the question.
    pub request: Request,
}

/// What the workload behind a port of a service answers on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `provider/cluster`.
    pub cluster: String,
    /// The label of its pods.
    pub workload: String,
    /// The port of the service.
    pub port: u16,
    /// The inbound intent about it.
    pub intent: Anchor,
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// What else decides, or does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_accounts_or_whole_identities() {
        let account = CallingAs::Account { namespace: "shop".into(), account: "web".into() };
        assert_eq!(CallingAs::parse("shop/web"), Some(account.clone()));
        assert_eq!(account.principal("td").as_deref(), Some("td/ns/shop/sa/web"));
        let whole = CallingAs::Principal("td/ns/shop/sa/web".into());
        assert_eq!(
            [CallingAs::parse("spiffe://td/ns/shop/sa/web"), CallingAs::parse("td/ns/shop/sa/web")],
            [Some(whole.clone()), Some(whole)]
        );
        for wrong in ["", "web", "/web", "shop/", "a/b/c", "td/ns/shop/sa/", "td/ns/shop/web"] {
            assert_eq!(CallingAs::parse(wrong), None, "{wrong}");
        }
    }
}
