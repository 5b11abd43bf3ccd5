//! One value of a policy's field, compiled to a question about a request.

use serde_json::Value;

use super::Request;
use super::address::Block;
use super::facts::Facts;
use super::path::{Template, is_template};
use super::text::Text;

/// One value of one field or key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// The SPIFFE id without `spiffe://`.
    Principal(Text),
    /// Parts of a namespace around each `*`, the first behind `/ns/`, the last before a slash.
    Namespace(Vec<String>),
    /// Namespace and name, each between slashes.
    ServiceAccount(String, String),
    TrustDomain(String),
    SourceIp(Block),
    RemoteIp(Block),
    DestinationIp(Block),
    Port(u16),
    Sni(Text),
    Method(Text),
    Host(Text),
    Path(Text),
    PathTemplate(Template),
    Header(String, Text),
    /// Issuer and subject.
    RequestPrincipal(Text, Text),
    Claim(Vec<String>, Text),
    /// What other filters of the proxy wrote down, which no request shows.
    FilterMetadata,
}

/// Why a value makes no condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The key is not one of Istio's: the whole rule is passed over.
    Key,
    /// The value or the name in the key's brackets makes no sense.
    Value,
}

/// The claims that are lists of words (istio `pilot/pkg/security/authn/policy_applier.go`, `buildSpaceDelimitedClaims`).
const LISTS_OF_WORDS: [&str; 2] = ["scope", "permission"];

impl Condition {
    /// The condition that `key` has `value`; keys are those of `when`, and of fields without one `:method`, `:authority`
    /// and `:path` (istio `pilot/pkg/security/authz/model/model.go`). `namespace` is the policy's.
    pub(super) fn of(key: &str, value: &str, namespace: &str) -> Result<Self, Unfit> {
        let block = || Block::of(value).ok_or(Unfit::Value);
        Ok(match key {
            "source.principal" => Self::Principal(Text::of(value)),
            "source.namespace" => {
                let whole = format!("/ns/{value}/");
                Self::Namespace(whole.split('*').map(str::to_owned).collect())
            }
            "source.serviceAccount" => {
                let (namespace, name) = value.split_once('/').unwrap_or((namespace, value));
                Self::ServiceAccount(format!("/ns/{namespace}/"), format!("sa/{name}"))
            }
            "source.trustDomain" => Self::TrustDomain(value.to_owned()),
            "source.ip" => Self::SourceIp(block()?),
            "remote.ip" => Self::RemoteIp(block()?),
            "destination.ip" => Self::DestinationIp(block()?),
            "destination.port" => Self::Port(port(value).ok_or(Unfit::Value)?),
            "connection.sni" => Self::Sni(Text::of(value)),
            "request.auth.principal" => {
                let (issuer, subject) = request_principal(value);
                Self::RequestPrincipal(issuer, subject)
            }
            "request.auth.audiences" => Self::Claim(vec!["aud".to_owned()], Text::of(value)),
            "request.auth.presenter" => Self::Claim(vec!["azp".to_owned()], Text::of(value)),
            ":method" => Self::Method(Text::of(value)),
            ":authority" => Self::Host(Text::of(&value.to_ascii_lowercase())),
            ":path" if is_template(value) => Self::PathTemplate(Template::of(value)),
            ":path" => Self::Path(Text::of(value)),
            _ => return Self::of_bracketed(key, value),
        })
    }

    fn of_bracketed(key: &str, value: &str) -> Result<Self, Unfit> {
        let inner = |rest: &str| rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
        if let Some(rest) = key.strip_prefix("request.headers") {
            let name = inner(rest).ok_or(Unfit::Value)?.to_ascii_lowercase();
            return Ok(Self::Header(name, Text::of(value)));
        }
        if let Some(rest) = key.strip_prefix("request.auth.claims") {
            let whole = inner(rest).ok_or(Unfit::Value)?;
            let names: Vec<String> = whole.split("][").map(str::to_owned).collect();
            let nested = names.iter().all(|name| !name.contains(['[', ']']));
            return Ok(Self::Claim(if nested { names } else { vec![whole] }, Text::of(value)));
        }
        match key.strip_prefix("experimental.envoy.filters.") {
            Some(rest) if rest.contains('[') => Ok(Self::FilterMetadata),
            Some(_) => Err(Unfit::Value),
            None => Err(Unfit::Key),
        }
    }

    /// Whether it asks about a request, which only a port that speaks HTTP has
    /// (`model/generator.go`, "HTTP only").
    pub(super) fn is_of_requests(&self) -> bool {
        match self {
            Self::Method(_)
            | Self::Host(_)
            | Self::Path(_)
            | Self::PathTemplate(_)
            | Self::Header(..)
            | Self::RequestPrincipal(..)
            | Self::Claim(..) => true,
            Self::Principal(_)
            | Self::Namespace(_)
            | Self::ServiceAccount(..)
            | Self::TrustDomain(_)
            | Self::SourceIp(_)
            | Self::RemoteIp(_)
            | Self::DestinationIp(_)
            | Self::Port(_)
            | Self::Sni(_)
            | Self::FilterMetadata => false,
        }
    }

    /// Whether it asks for an address that a request does not say.
    pub(super) fn is_unsaid(&self, request: &Request) -> bool {
        match self {
            Self::SourceIp(_) => request.from.ip.is_none(),
            Self::RemoteIp(_) => request.from.remote().is_none(),
            Self::DestinationIp(_) => request.to.ip.is_none(),
            _ => false,
        }
    }

    /// Whether a request has it; what is absent has nothing.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        let request = facts.request;
        match self {
            Self::Principal(text) => facts.identity().is_some_and(|identity| text.matches(identity)),
            Self::Namespace(parts) => facts.spiffe_id().is_some_and(|id| in_order(id, parts)),
            Self::ServiceAccount(namespace, name) => {
                facts.spiffe_id().is_some_and(|id| is_account(id, namespace, name))
            }
            Self::TrustDomain(pattern) => facts.identity().is_some_and(|identity| is_of_domain(identity, pattern)),
            Self::SourceIp(block) => request.from.ip.is_some_and(|ip| block.contains(ip)),
            Self::RemoteIp(block) => request.from.remote().is_some_and(|ip| block.contains(ip)),
            Self::DestinationIp(block) => request.to.ip.is_some_and(|ip| block.contains(ip)),
            Self::Port(port) => request.to.port == Some(*port),
            // Envoy keeps it in lower case (`source/common/network/connection_socket_impl.h`), and compares letter by letter.
            Self::Sni(text) => text.matches(&request.sni.as_deref().unwrap_or_default().to_ascii_lowercase()),
            Self::Method(text) => text.matches_header(request.method.as_deref()),
            Self::Host(text) => text.matches_header(facts.host()),
            Self::Path(text) => facts.path().is_some_and(|path| text.matches(path)),
            Self::PathTemplate(template) => facts.path().is_some_and(|path| template.matches(path)),
            Self::Header(name, text) => text.matches_header(facts.header(name)),
            Self::RequestPrincipal(issuer, subject) => {
                let is =
                    |claim, text: &Text| facts.claim(claim).and_then(Value::as_str).is_some_and(|it| text.matches(it));
                is("iss", issuer) && is("sub", subject)
            }
            Self::Claim(names, text) => claim(facts, names).is_some_and(|value| is_one_of(names, value, text)),
            Self::FilterMetadata => false,
        }
    }
}

/// A port as Go's `ParseUint` reads it: digits alone, without a sign (`model/util.go`, `convertToPort`).
pub(super) fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn request_principal(value: &str) -> (Text, Text) {
    let text =
        |(pattern, is_pattern): (String, bool)| if is_pattern { Text::of(&pattern) } else { Text::Exact(pattern) };
    let (issuer, subject) = issuer_and_subject(value);
    (text(issuer), text(subject))
}

/// Issuer and subject of a pattern, which the last slash divides: an issuer may be a URL
/// (`model/generator.go`, `requestPrincipalGenerator`). Each with whether it is a pattern; else it is literal.
pub(super) fn issuer_and_subject(value: &str) -> ((String, bool), (String, bool)) {
    let split = value.rsplit_once('/');
    let pattern = |text: &str| (text.to_owned(), true);
    let exact = |text: &str| (text.to_owned(), false);
    let behind_star = |text: &str| (format!("*{}", text.strip_prefix('*').unwrap_or(text)), true);
    match split {
        _ if value == "*" => (pattern("*"), pattern("*")),
        Some(("*", subject)) => (pattern("*"), exact(subject)),
        Some((issuer, subject)) if value.starts_with('*') => (behind_star(issuer), exact(subject)),
        None if value.starts_with('*') => (pattern("*"), behind_star(value)),
        Some((issuer, subject)) if value.ends_with('*') => (exact(issuer), pattern(subject)),
        None if value.ends_with('*') => (pattern(value), pattern("*")),
        Some((issuer, subject)) => (exact(issuer), exact(subject)),
        None => (exact(value), exact("")),
    }
}

/// Whether the parts are found one behind the other.
fn in_order(id: &str, parts: &[String]) -> bool {
    let behind = |rest: Option<&str>, part: &String| -> Option<usize> {
        let rest = rest?;
        rest.find(part.as_str()).map(|at| id.len() - rest.len() + at + part.len())
    };
    let end = parts.iter().try_fold(0, |at, part| behind(id.get(at..), part));
    end.is_some()
}

/// `spiffe://.+/ns/<namespace>/(.+/|)sa/<name>(/.+)?` (`model/generator.go`, `serviceAccountRegex`).
fn is_account(id: &str, namespace: &str, name: &str) -> bool {
    // Looked for behind the first byte of the trust domain, lest a find in `//ns/ns/` hides the one that counts.
    let Some(id) = id.get(super::request::SPIFFE.len() + 1..) else { return false };
    id.match_indices(namespace).any(|(at, found)| {
        let rest = &id[at + found.len()..];
        rest.match_indices(name).any(|(at, found)| {
            let begins = at == 0 || at > 1 && rest.as_bytes()[at - 1] == b'/';
            let after = &rest[at + found.len()..];
            begins && (after.is_empty() || after.len() > 1 && after.starts_with('/'))
        })
    })
}

/// Whether an identity is of a trust domain (`model/generator.go`, `srcTrustDomainGenerator`).
fn is_of_domain(identity: &str, pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let Some((domain, _)) = identity.split_once('/') else { return false };
    match pattern.split_once('*') {
        None => domain == pattern,
        Some((prefix, suffix)) => {
            domain.len() >= prefix.len() + suffix.len() && domain.starts_with(prefix) && domain.ends_with(suffix)
        }
    }
}

fn claim<'f>(facts: &Facts<'f>, names: &[String]) -> Option<&'f Value> {
    let (first, rest) = names.split_first()?;
    rest.iter().try_fold(facts.claim(first)?, |value, name| value.as_object()?.get(name))
}

/// Whether a claim is a text that matches, or a list with one.
fn is_one_of(names: &[String], value: &Value, text: &Text) -> bool {
    match value {
        Value::String(words) if matches!(names, [name] if LISTS_OF_WORDS.contains(&name.as_str())) => {
            // The list takes the place of the text, unless it would be empty.
            let mut words_of = words.split(' ').filter(|word| !word.is_empty()).peekable();
            if words_of.peek().is_none() { text.matches(words) } else { words_of.any(|word| text.matches(word)) }
        }
        Value::String(one) => text.matches(one),
        Value::Array(all) => all.iter().filter_map(Value::as_str).any(|one| text.matches(one)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_and_subject_are_divided_as_istio_does() {
        let exact = |text: &str| Text::Exact(text.to_owned());
        for (value, issuer, subject) in [
            ("*", Text::Present, Text::Present),
            ("https://a/b/*", exact("https://a/b"), Text::Present),
            ("a/b*", exact("a"), Text::Prefix("b".into())),
            ("*/b", Text::Present, exact("b")),
            ("*a/b", Text::Suffix("a".into()), exact("b")),
            ("*/*", Text::Present, exact("*")),
            ("*b", Text::Present, Text::Suffix("b".into())),
            ("a*", Text::Prefix("a".into()), Text::Present),
            ("a/b", exact("a"), exact("b")),
            ("a", exact("a"), exact("")),
        ] {
            assert_eq!(request_principal(value), (issuer, subject), "{value}");
        }
    }

    #[test]
    fn accounts_are_found_in_longer_identities_too() {
        let is = |id: &str| is_account(id, "/ns/a/", "sa/b");
        assert!(is("spiffe://td/ns/a/sa/b") && is("spiffe://td/ns/a/x/sa/b") && is("spiffe://td/ns/a/sa/b/c"));
        assert!(!is("spiffe://td/ns/a/sa/bc") && !is("spiffe://td/ns/a/xsa/b") && !is("spiffe:///ns/a/sa/b"));
        assert!(!is("spiffe://td/ns/a/sa/b/"));
        assert!(is_account("spiffe://ns/ns/ns/sa/b", "/ns/ns/", "sa/b"));
    }
}
