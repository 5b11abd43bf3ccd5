//! Traffic management: load balancing and HTTP settings, with Istio's own field names and value forms.

use serde_json::{Value, json};

use crate::intent::fields::{Fields, Scalar};
use crate::intent::scalar::Text;

/// A whole number that is not negative.
pub(super) struct Count;

impl Scalar for Count {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_u64().map(|_| Self).ok_or_else(|| "must be a whole number that is not negative".into())
    }

    fn schema() -> Value {
        json!({"type": "integer", "minimum": 0})
    }
}

/// A duration in Istio's form: at least 1 ms, in whole milliseconds (`pkg/config/validation/agent/validation.go`).
struct Duration;

impl Scalar for Duration {
    fn read(value: &Value) -> Result<Self, String> {
        let message = || "must be a duration such as 1.5s, at least 1ms, in whole milliseconds".to_owned();
        let text = value.as_str().ok_or_else(message)?;
        milliseconds(text).filter(|ms| *ms >= 1.0 && ms.fract() == 0.0).map(|_| Self).ok_or_else(message)
    }

    fn schema() -> Value {
        json!({"type": "string", "examples": ["1.5s"]})
    }
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

/// Reads `trafficManagement`; nothing of it is rendered by this version, so only its shape is checked.
pub(super) fn read(f: &mut Fields<'_>) -> Option<()> {
    let open = |f: &mut Fields<'_>| {
        f.keep_rest();
        Some(())
    };
    f.object("loadBalancer", "as in a DestinationRule", open);
    f.object("connectionPool", "as in a DestinationRule", open);
    f.object("outlierDetection", "as in a DestinationRule", open);
    f.optional::<Duration>("timeout", "of a whole request");
    f.object("retries", "as in a VirtualService", |f| {
        f.optional::<Count>("attempts", "how often a request is tried again");
        f.optional::<Duration>("perTryTimeout", "of one try");
        f.optional::<Text>("retryOn", "conditions, comma-separated");
        f.keep_rest();
        Some(())
    });
    f.object("fault", "as in a VirtualService", open);
    f.object("mirror", "as in a VirtualService", open);
    f.object("cors", "as corsPolicy of a VirtualService", open);
    f.objects("subsets", "as in a DestinationRule", |f| {
        let name = f.required::<Text>("name", "its name");
        f.keep_rest();
        name.map(|_| ())
    });
    f.kept("weights", "share of each subset or cluster");
    f.kept("failover", "where calls go when a cluster fails");
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_milliseconds() {
        for good in ["1ms", "1.5s", "1h30m", "0.001s", "1000us"] {
            assert!(Duration::read(&good.into()).is_ok(), "{good}");
        }
        for bad in ["", "5", "s", "0s", "1.5ms", "1us", "-1s", "1 s"] {
            assert!(Duration::read(&bad.into()).is_err(), "{bad}");
        }
    }
}
