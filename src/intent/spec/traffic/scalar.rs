//! The values that traffic management is made of, as Istio takes them.

use serde_json::{Value, json};

use crate::intent::fields::Scalar;
use crate::intent::scalar::{DnsLabel, HostName, Text};
use crate::intent::shape::Shape;

/// A whole number as Istio's API has it (`int32`, `uint32`).
pub(super) const COUNT: Shape = Shape::Whole(0, i32::MAX as u64);

/// A whole number that is not 0.
pub(super) const SOME: Shape = Shape::Whole(1, i32::MAX as u64);

/// Percent, in whole numbers.
pub(super) const PERCENT: Shape = Shape::Whole(0, 100);

/// A yes or no.
pub(super) const FLAG: Shape = Shape::Scalar(
    |value| value.as_bool().map(Value::from).ok_or_else(|| "must be true or false".into()),
    || json!({"type": "boolean"}),
);

/// A text that is not empty.
pub(super) const TEXT: Shape = Shape::Scalar(
    |value| match value.as_str() {
        Some("") => Err("is empty".into()),
        _ => Text::read(value).map(|text| text.as_str().into()),
    },
    || json!({"type": "string", "minLength": 1, "maxLength": 1024}),
);

/// The name of a header (RFC 9110, section 5.1), in lower case as proxies compare it.
pub(super) const HEADER: Shape = Shape::Scalar(
    |value| {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let name = value.as_str().filter(|name| !name.is_empty() && name.len() <= 256 && name.bytes().all(token));
        name.map(Value::from).ok_or_else(|| "must be the name of a header".into())
    },
    || json!({"type": "string", "minLength": 1, "maxLength": 256}),
);

/// A host by its full name: a short one means something else in every namespace.
pub(super) const HOST: Shape =
    Shape::Scalar(|value| HostName::read(value).map(|host| host.as_str().into()), HostName::schema);

/// A DNS label.
pub(super) const LABEL: Shape =
    Shape::Scalar(|value| DnsLabel::read(value).map(|label| label.as_str().into()), DnsLabel::schema);

/// A value of a label of pods (Kubernetes, "Labels and Selectors").
pub(super) const LABEL_VALUE: Shape = Shape::Scalar(
    |value| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let text = value.as_str().filter(|text| text.len() <= 63 && text.bytes().all(inner));
        let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
        let text = text.filter(|text| edge(text.as_bytes().first()) && edge(text.as_bytes().last()));
        text.map(Value::from).ok_or_else(|| "must be the value of a label".into())
    },
    || json!({"type": "string", "maxLength": 63}),
);

/// A duration in Istio's form: at least 1 ms, in whole milliseconds (`pkg/config/validation/agent/validation.go`).
pub(super) const DURATION: Shape = Shape::Scalar(
    |value| match millis(value) {
        Some(millis) if millis >= 1.0 => Ok(value.clone()),
        _ => Err("must be a duration such as 1.5s, at least 1ms, in whole milliseconds".into()),
    },
    || json!({"type": "string", "examples": ["1.5s"]}),
);

/// The same, or 0s.
pub(super) const DURATION_OR_ZERO: Shape = Shape::Scalar(
    |value| match millis(value) {
        Some(_) => Ok(value.clone()),
        None => Err("must be a duration such as 1.5s or 0s, in whole milliseconds".into()),
    },
    || json!({"type": "string", "examples": ["1.5s", "0s"]}),
);

/// A duration of whole seconds, which is all that HTTP has a word for.
pub(super) const SECONDS: Shape = Shape::Scalar(
    |value| match millis(value) {
        Some(millis) if millis >= 1000.0 && millis % 1000.0 == 0.0 => Ok(value.clone()),
        _ => Err("must be a duration of whole seconds, such as 600s".into()),
    },
    || json!({"type": "string", "examples": ["600s"]}),
);

/// The whole milliseconds of a duration.
fn millis(value: &Value) -> Option<f64> {
    milliseconds(value.as_str()?).filter(|millis| millis.fract() == 0.0)
}

fn milliseconds(mut text: &str) -> Option<f64> {
    let mut total = 0.0;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = text[..digits].parse().ok()?;
        let unit = &text[digits..];
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        total += number
            * match &unit[..end] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1000.0,
                "ms" => 1.0,
                "us" | "µs" => 0.001,
                "ns" => 0.000_001,
                _ => return None,
            };
        text = &unit[end..];
    }
    Some((total * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(shape: &Shape, value: &str) -> bool {
        shape.read(&value.into(), "", &mut vec![]).is_some()
    }

    #[test]
    fn durations_are_whole_milliseconds() {
        for good in ["1ms", "1.5s", "1h30m", "0.001s", "1000us"] {
            assert!(reads(&DURATION, good) && reads(&DURATION_OR_ZERO, good), "{good}");
        }
        for bad in ["", "5", "s", "1.5ms", "1us", "-1s", "1 s"] {
            assert!(!reads(&DURATION, bad) && !reads(&DURATION_OR_ZERO, bad), "{bad}");
        }
        assert!(!reads(&DURATION, "0s") && reads(&DURATION_OR_ZERO, "0s"));
        assert!(reads(&SECONDS, "1m") && !reads(&SECONDS, "1500ms") && !reads(&SECONDS, "0s"));
    }

    #[test]
    fn names_of_headers_and_values_of_labels() {
        assert!(reads(&HEADER, "x-user") && !reads(&HEADER, "x user") && !reads(&HEADER, ":path"));
        for (value, good) in [("v1", true), ("", true), ("a_b.c-d", true), ("-a", false), ("a/b", false)] {
            assert_eq!(reads(&LABEL_VALUE, value), good, "{value}");
        }
    }
}
