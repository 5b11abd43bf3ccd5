//! What a request says beside its body: preconditions, idempotency, query parameters.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use sha2::{Digest, Sha256};

use super::problem::{self, Problem};
use crate::change::submission::{Idempotency, Precondition};
use crate::intent::{quoted, secrets};

const KEY: &str = "idempotency-key";

/// What must hold of the resource that is written (RFC 9110, section 13).
pub(super) fn precondition(headers: &HeaderMap) -> Result<Precondition, Problem> {
    let refused = |detail: &'static str| Err(Problem::new(&problem::BAD_REQUEST, detail));
    match (joined(headers, &header::IF_MATCH)?, joined(headers, &header::IF_NONE_MATCH)?) {
        (None, None) => Ok(Precondition::None),
        (Some(text), None) => match tags(&text) {
            Some(tags) => Ok(Precondition::Match(tags)),
            None => refused("If-Match must be `*` or a list of quoted entity tags."),
        },
        (None, Some(text)) if text.trim() == "*" => Ok(Precondition::Absent),
        (None, Some(_)) => {
            refused("On a write If-None-Match may be `*` only; use If-Match with the entity tag you know.")
        }
        (Some(_), Some(_)) => refused("Send If-Match or If-None-Match, not both."),
    }
}

/// Whether a reader knows the representation with this entity tag already.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let Ok(Some(text)) = joined(headers, &header::IF_NONE_MATCH) else { return false };
    let weak = |known: &String| known.strip_prefix("W/").unwrap_or(known).trim_matches('"') == tag;
    tags(&text).is_some_and(|tags| tags.is_empty() || tags.iter().any(weak))
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let texts: Result<Vec<&str>, _> = values.map(|value| value.to_str()).collect();
    let refused = |_| Problem::new(&problem::BAD_REQUEST, format!("{name} must be visible ASCII."));
    Ok(Some(texts.map_err(refused)?.join(",")))
}

/// The entity tags of a list: strong ones without quotes, weak ones as they are, which never match; none for `*`.
fn tags(text: &str) -> Option<Vec<String>> {
    if text.trim() == "*" {
        return Some(vec![]);
    }
    let tag = |item: &str| match item.strip_prefix("W/") {
        Some(weak) => inner(weak).map(|_| item.to_owned()),
        None => inner(item).map(str::to_owned),
    };
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(tag)
        .collect::<Option<Vec<_>>>()
        .filter(|tags| !tags.is_empty())
}

fn inner(quoted: &str) -> Option<&str> {
    quoted.strip_prefix('"')?.strip_suffix('"').filter(|tag| !tag.contains('"'))
}

/// The idempotency key with the digest of what came with it.
pub(super) fn idempotency(
    headers: &HeaderMap,
    method: &Method,
    uri: &Uri,
    body: &[u8],
) -> Result<Option<Idempotency>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key =
        value.to_str().ok().filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
    let (Some(key), None) = (key, values.next()) else {
        let detail = "Idempotency-Key must be one key of 1 to 255 visible ASCII characters.";
        return Err(Problem::new(&problem::BAD_REQUEST, detail));
    };
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), uri.path().as_bytes(), uri.query().unwrap_or_default().as_bytes()] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(body);
    let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(Idempotency { key: key.to_owned(), digest }))
}

/// The query parameters of a request, of which all must be `known` and none given twice.
pub(super) fn parameters<'u>(
    uri: &'u Uri,
    known: &[&'static str],
) -> Result<Vec<(&'static str, Cow<'u, str>)>, Problem> {
    let mut found: Vec<(&'static str, Cow<'u, str>)> = vec![];
    for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(name) = known.iter().find(|known| **known == name) else {
            let known = if known.is_empty() { "none is".to_owned() } else { format!("known: {}", known.join(", ")) };
            let name = decoded(name, true);
            let what = if name.is_empty() || secrets::holds_private_key(&name) {
                "A query parameter".to_owned()
            } else {
                format!("The query parameter `{}`", quoted(&name))
            };
            return Err(Problem::new(&problem::UNKNOWN_PARAMETER, format!("{what} is not known here; {known}.")));
        };
        if found.iter().any(|(given, _)| given == name) {
            return Err(Problem::new(
                &problem::UNKNOWN_PARAMETER,
                format!("The query parameter {name} is given twice."),
            ));
        }
        let value = whole(value).ok_or_else(|| {
            Problem::new(&problem::UNKNOWN_PARAMETER, format!("The query parameter {name} is not UTF-8."))
        })?;
        found.push((name, value));
    }
    Ok(found)
}

/// The value of one parameter.
pub(super) fn value<'p>(parameters: &'p [(&'static str, Cow<'_, str>)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_ref())
}

/// A path in which characters that need no escape are not escaped (RFC 3986, section 6.2.2.2).
pub(super) fn normal_path(path: &str) -> Cow<'_, str> {
    decoded(path, false)
}

/// A path in which nothing is escaped, for looking at what it says; it leads nowhere any more.
pub(super) fn plain_path(path: &str) -> String {
    // A plus sign stands for itself in a path.
    decoded(&path.replace('+', "%2B"), true).into_owned()
}

/// The same as [`bytes`], as text; what is none is shown as it can be.
fn decoded(text: &str, query: bool) -> Cow<'_, str> {
    match bytes(text, query) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// A decoded value of a query; none where it is no text.
fn whole(value: &str) -> Option<Cow<'_, str>> {
    match bytes(value, true) {
        Cow::Borrowed(_) => Some(Cow::Borrowed(value)),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// Decodes percent signs: all of them, and plus signs, in a query; those of unreserved characters in a path.
fn bytes(text: &str, query: bool) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        let unreserved = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
        match escaped.filter(|escaped| query || unreserved(escaped)) {
            Some(escaped) => {
                out.push(escaped);
                at += 3;
            }
            None => {
                out.push(if query && *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "conditions_tests.rs"]
mod tests;
