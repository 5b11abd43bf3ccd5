//! What a call is made as.

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

    /// The identity, where the local trust domain is called so; none for plain text.
    #[must_use]
    pub fn principal(&self, trust_domain: &str) -> Option<String> {
        match self {
            Self::PlainText => None,
            Self::Account { namespace, account } => Some(format!("{trust_domain}/ns/{namespace}/sa/{account}")),
            Self::Principal(principal) => Some(principal.clone()),
        }
    }
}

impl std::fmt::Display for CallingAs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PlainText => f.write_str("a caller without identity"),
            Self::Account { namespace, account } => write!(f, "{namespace}/{account}"),
            Self::Principal(principal) => f.write_str(principal),
        }
    }
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
