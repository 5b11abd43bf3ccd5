//! The language of rules as Kubernetes extends it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{Context, Env, ExecutionError, Value, extensions};

use super::bounded;
use super::pattern::Patterns;
use crate::istio::nanoseconds;

/// The standard functions, and those of texts and lists.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut environment = Env::stdlib();
        for extension in [extensions::strings, extensions::lists] {
            // They are declared in one place only, so that none can be declared already; without them a rule is unsure.
            let _ = environment.add_extension(extension);
        }
        bounded::declare(&mut environment);
        Arc::new(environment)
    });
    ENVIRONMENT.clone()
}

/// What rules are evaluated in, with the functions that Kubernetes adds and that rules of Istio call. A duration is its
/// nanoseconds: rules compare it.
pub(super) fn language(patterns: Arc<Patterns>) -> Context<'static, 'static> {
    let mut context = Context::with_env(environment());
    // As above.
    let _ = context.add_function(bounded::MATCHES, bounded::matcher(patterns));
    let _ = context.add_function("duration", duration);
    let _ = context.add_function("isURL", |text: Arc<String>| scheme(&text).is_some());
    let _ = context.add_function("url", url);
    let _ = context.add_function("getScheme", get_scheme);
    context
}

#[expect(clippy::needless_pass_by_value, reason = "the language passes its arguments so")]
fn duration(text: Arc<String>) -> Result<i64, ExecutionError> {
    let held = nanoseconds(&text).and_then(|nanoseconds| i64::try_from(nanoseconds).ok());
    held.ok_or_else(|| ExecutionError::function_error("duration", "not a duration"))
}

/// The member that holds the scheme of a URL.
const SCHEME: &str = "scheme";

#[expect(clippy::needless_pass_by_value, reason = "the language passes its arguments so")]
fn url(text: Arc<String>) -> Result<Value, ExecutionError> {
    let scheme = scheme(&text).ok_or_else(|| ExecutionError::function_error("url", "not a URL"))?;
    Ok(map([(SCHEME.to_owned(), string(&scheme))]))
}

fn get_scheme(This(url): This<Value>) -> Result<Value, ExecutionError> {
    let Value::Map(members) = &url else { return Err(ExecutionError::function_error("getScheme", "not a URL")) };
    let scheme = members.map.get(&Key::String(Arc::new(SCHEME.to_owned()))).cloned();
    scheme.ok_or_else(|| ExecutionError::function_error("getScheme", "not a URL"))
}

/// The scheme of a URL, empty for a path; none for what is no URL (`net/url.ParseRequestURI` of Go).
fn scheme(text: &str) -> Option<String> {
    if text.is_empty() || text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let named = text.split_once(':').filter(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    let (scheme, rest) = named.unwrap_or(("", text));
    let rest = rest.split('?').next().unwrap_or_default();
    let (authority, path) = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let sound = match path.starts_with('/') {
        _ if !is_authority(authority) => false,
        true => is_escaped(path),
        // What follows a scheme without a slash is opaque.
        false => !scheme.is_empty() || path == "*",
    };
    sound.then(|| scheme.to_ascii_lowercase())
}

fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let user_may = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    let host_may = |c: char| c.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(c) || !c.is_ascii();
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    let port = after.rsplit_once(':').map_or("", |(_, port)| port);
    user.chars().all(user_may)
        && host.chars().all(host_may)
        && is_escaped(user)
        && is_escaped(host)
        && host.starts_with('[') == host.contains(']')
        && port.chars().all(|c| c.is_ascii_digit())
}

/// Whether each `%` stands before two hexadecimal digits.
fn is_escaped(text: &str) -> bool {
    let hexadecimal = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.split('%').skip(1).all(hexadecimal)
}

/// A text.
pub(super) fn string(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

/// A map of texts to values.
pub(super) fn map(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (Key::String(Arc::new(name)), value));
    Value::Map(Map { map: Arc::new(members.collect::<HashMap<_, _>>()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_one_that_go_holds() {
        let nanoseconds = |text: &str| duration(Arc::new(text.to_owned())).ok();
        assert_eq!(nanoseconds("-1.5s"), Some(-1_500_000_000));
        for bad in ["", "1d", "999999999h"] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn schemes_are_those_of_urls() {
        for (text, expected) in [
            ("https://a.example/x", Some("https")),
            ("OCI://a", Some("oci")),
            ("/a", Some("")),
            ("file:///a", Some("file")),
            ("a.example/x", None),
            ("a.example:80/x", Some("a.example")),
            ("a.example/x:80", None),
            ("http://a.example:x/", None),
            ("http://[::1]/", Some("http")),
            ("", None),
            ("http://a b", None),
            ("http://#%blah$#@", None),
            ("http://user:%41@a.example", Some("http")),
            ("http://us er@a.example", None),
            ("http://[::1", None),
            ("/a%zz", None),
            ("/a b?%zz", Some("")),
            ("*", Some("")),
            ("mailto:a", Some("mailto")),
            ("a", None),
        ] {
            assert_eq!(scheme(text).as_deref(), expected, "{text}");
        }
    }
}
