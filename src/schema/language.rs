//! The language of rules as Kubernetes extends it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{Context, Env, ExecutionError, Value, extensions};

/// The standard functions, and those of texts and lists.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut environment = Env::stdlib();
        for extension in [extensions::strings, extensions::lists] {
            // They are declared in one place only, so that none can be declared already; without them a rule is unsure.
            let _ = environment.add_extension(extension);
        }
        Arc::new(environment)
    });
    ENVIRONMENT.clone()
}

/// What rules are evaluated in, with the functions that Kubernetes adds and that rules of Istio call. A duration is its
/// nanoseconds: rules compare it. It is made once: that costs more than most rules.
pub(super) fn language() -> &'static Context<'static, 'static> {
    static LANGUAGE: LazyLock<Context<'static, 'static>> = LazyLock::new(extended);
    &LANGUAGE
}

fn extended() -> Context<'static, 'static> {
    let mut context = Context::with_env(environment());
    // As above.
    let _ = context.add_function("duration", duration);
    let _ = context.add_function("isURL", |text: Arc<String>| scheme(&text).is_some());
    let _ = context.add_function("url", url);
    let _ = context.add_function("getScheme", get_scheme);
    context
}

#[expect(clippy::needless_pass_by_value, reason = "the language passes its arguments so")]
fn duration(text: Arc<String>) -> Result<i64, ExecutionError> {
    nanoseconds(&text).ok_or_else(|| ExecutionError::function_error("duration", "not a duration"))
}

/// A duration of Go, such as `1h2m3.5s`, in nanoseconds (`time.ParseDuration`).
fn nanoseconds(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut sum = 0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(end);
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, left) = unit.split_at(end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * scale;
        rest = left;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is compared with what fits")]
    (!text.is_empty() && rest.len() < text.len() && sum < i64::MAX as f64).then_some(if negative {
        -sum as i64
    } else {
        sum as i64
    })
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

/// The scheme of a URL, empty for an absolute path; none for what is no URL (`net/url.ParseRequestURI`).
fn scheme(text: &str) -> Option<String> {
    if text.is_empty() || text.chars().any(|c| c.is_ascii_control() || c == ' ') {
        return None;
    }
    if text.starts_with('/') {
        return Some(String::new());
    }
    let (scheme, rest) = text.split_once(':')?;
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let sound = match authority {
        Some(authority) => {
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map_or("", |(_, port)| port);
            port.chars().all(|c| c.is_ascii_digit()) && !host.contains(['<', '>', '"', '\\', '^', '`', '{', '}', '|'])
        }
        None => true,
    };
    (named && sound).then(|| scheme.to_ascii_lowercase())
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
    fn durations_are_those_of_go() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("1ms", Some(1_000_000)),
            ("1h2m3.5s", Some(3_723_500_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            ("1µs", Some(1_000)),
            ("", None),
            ("1", None),
            ("s", None),
            ("1d", None),
            ("1s ", None),
            ("999999999h", None),
        ] {
            assert_eq!(nanoseconds(text), nanos, "{text}");
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
        ] {
            assert_eq!(scheme(text).as_deref(), expected, "{text}");
        }
    }
}
