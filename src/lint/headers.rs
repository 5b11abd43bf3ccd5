//! Rule 56: what is done to headers (`validation.go`, `ValidateHTTPHeaderOperationName`).

use super::report::{At, Report};
use crate::istio::{HeaderOperations, Headers, HttpRoute};

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, headers: Option<&Headers>) {
    let Some(headers) = headers else { return };
    if let Some(request) = &headers.request {
        operations(report, at.member("request"), request, true);
    }
    if let Some(response) = &headers.response {
        operations(report, at.member("response"), response, false);
    }
}

fn operations(report: &mut Report<'_>, at: At<'_>, operations: &HeaderOperations, request: bool) {
    for (name, list) in [("set", &operations.set), ("add", &operations.add)] {
        let at = at.member(name);
        for (header, value) in list {
            if is_internal(header) && !(request && is_authority(header)) || header.is_empty() {
                refuse(report, at.member(header), header);
            }
            if value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
                report.error("istio/056", at.member(header), "a header value with control characters", "remove them");
            }
            if is_unclosed(value) {
                report.error("istio/056", at.member(header), "a % that begins no command of Envoy", "double it");
            }
        }
    }
    for (index, header) in operations.remove.iter().enumerate() {
        if is_internal(header) || header.is_empty() {
            refuse(report, at.member("remove").item(index), header);
        }
    }
}

fn refuse(report: &mut Report<'_>, at: At<'_>, header: &str) {
    report.error(
        "istio/056",
        at,
        format!("{header:?} cannot be changed"),
        "name a header other than Host and those with :",
    );
}

/// Whether a value has a `%` that neither stands twice nor encloses a command, `%NAME%` or `%NAME(…)%`, with anything or a
/// list of strings between the parentheses (`header_value_validator.go`).
fn is_unclosed(value: &str) -> bool {
    let mut left = value;
    while let Some((_, command)) = left.split_once('%') {
        if let Some(rest) = command.strip_prefix('%') {
            left = rest;
            continue;
        }
        let Some(end) = command.find(['%', '(']) else { return true };
        left = match command.as_bytes()[end] {
            b'%' => &command[end + 1..],
            _ => {
                let Some(close) = closing(&command[end + 1..]) else { return true };
                let Some(rest) = command[end + 1 + close + 1..].trim_start_matches(' ').strip_prefix('%') else {
                    return true;
                };
                rest
            }
        };
    }
    false
}

/// Where the parenthesis closes that was opened before; `\\` keeps the next character from closing it.
fn closing(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b')' => return Some(at),
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    None
}

/// The authority is set in one place (`virtualservice.go`, `validateAuthorityRewrite`).
pub(super) fn one_authority(report: &mut Report<'_>, at: At<'_>, route: &HttpRoute) {
    let rewritten = route.rewrite.as_ref().is_some_and(|rewrite| !rewrite.authority.is_empty());
    let request = route.headers.as_ref().and_then(|headers| headers.request.as_ref());
    let Some(request) = request else { return };
    let set = request.set.keys().chain(request.add.keys()).filter(|name| is_authority(name)).count();
    if set + usize::from(rewritten) > 1 {
        report.error("istio/056", at.member("headers"), "the authority is set more than once", "keep one");
    }
}

/// Whether `name` is a header name (RFC 7230, section 3.2.6).
pub(super) fn is_name(name: &str) -> bool {
    let taken = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(taken)
}

/// Whether `name` is a header name in Istio's narrower reading (`ValidateStrictHTTPHeaderName`).
pub(super) fn is_strict_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}
