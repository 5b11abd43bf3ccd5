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
    /// something else, such as a pattern: a call has one identity.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("spiffe://").unwrap_or(text);
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            parts if parts.iter().any(|part| part.is_empty() || part.contains(is_odd)) => None,
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

/// What no part of an identity has.
fn is_odd(char: char) -> bool {
    char == '*' || char.is_whitespace() || char.is_control()
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

/// The two names of `namespace/name`; none where a text is something else.
#[must_use]
pub fn namespaced(text: &str) -> Option<(&str, &str)> {
    text.split_once('/').filter(|(first, second)| !first.is_empty() && !second.is_empty() && !second.contains('/'))
}

/// Why a text is no method, in words; none for one that is (RFC 9110, 9.1: a token, and letters count).
#[must_use]
pub fn wrong_method(method: &str) -> Option<String> {
    let upper = method.to_ascii_uppercase();
    let is_token = !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    match (is_token, KNOWN.contains(&upper.as_str()) && upper != method) {
        (false, _) => Some(format!("`{method}` is no HTTP method")),
        (true, true) => Some(format!("methods are told apart by their letters: write {upper}")),
        (true, false) => None,
    }
}

const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Why a text is no path of a request, in words; none for one that is.
#[must_use]
pub fn wrong_path(path: &str) -> Option<String> {
    let is_wrong = !path.starts_with('/') || path.contains(char::is_whitespace) || path.contains(char::is_control);
    is_wrong.then(|| format!("`{path}` is no path: it begins with a slash and has no spaces"))
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
        for wrong in [
            "",
            "web",
            "/web",
            "shop/",
            "a/b/c",
            "td/ns/shop/sa/",
            "td/ns/shop/web",
            "shop/*",
            "*/ns/a/sa/b",
            "shop/we b",
        ] {
            assert_eq!(CallingAs::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn methods_and_paths_are_those_of_http() {
        for (method, is_right) in [("GET", true), ("PURGE", true), ("get", false), ("", false), ("G T", false)] {
            assert_eq!(wrong_method(method).is_none(), is_right, "{method}");
        }
        for (path, is_right) in [("/", true), ("/a?b", true), ("", false), ("a", false), ("/a b", false)] {
            assert_eq!(wrong_path(path).is_none(), is_right, "{path}");
        }
    }
}
