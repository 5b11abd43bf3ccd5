//! Formats of texts and numbers (`pkg/validation/strfmt` of kube-openapi).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate};
use serde_json::Value;

/// Whether a value is of a format; formats that are not known here hold, as those hold that Kubernetes does not know.
pub(super) fn holds(format: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text_holds(format, text),
        Value::Number(number) => match (format, number.as_i64(), number.as_f64()) {
            ("int32", Some(number), _) => i32::try_from(number).is_ok(),
            ("uint32", Some(number), _) => u32::try_from(number).is_ok(),
            ("int32" | "uint32" | "int64", None, Some(number)) => {
                number.fract() == 0.0 && number.abs() < 2_f64.powi(31)
            }
            _ => true,
        },
        _ => true,
    }
}

fn text_holds(format: &str, text: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match format {
        "byte" => BASE64_STANDARD.decode(text).is_ok(),
        "date-time" | "datetime" => DateTime::parse_from_rfc3339(text).is_ok(),
        "date" => text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(address, length)| {
            let most = address.parse::<IpAddr>().map(|address| if address.is_ipv4() { 32 } else { 128 });
            let length = length.parse::<u8>().ok().filter(|_| length.bytes().all(|byte| byte.is_ascii_digit()));
            most.is_ok_and(|most| length.is_some_and(|length| length <= most))
        }),
        "mac" => {
            let parts: Vec<&str> = text.split([':', '-']).collect();
            parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && hex(part))
        }
        "uuid" => {
            let lengths: Vec<usize> = text.split('-').map(str::len).collect();
            (lengths == [8, 4, 4, 4, 12] || lengths == [32]) && text.split('-').all(hex)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::holds;
    use serde_json::json;

    #[test]
    fn formats_hold_for_what_is_of_them() {
        for (format, right, wrong) in [
            ("byte", json!("YQ=="), json!("Y")),
            ("date-time", json!("2026-01-31T12:00:00Z"), json!("2026-01-31")),
            ("date", json!("2026-01-31"), json!("2026-02-31")),
            ("ipv4", json!("192.0.2.1"), json!("192.0.2.256")),
            ("ipv6", json!("2001:db8::1"), json!("192.0.2.1")),
            ("cidr", json!("2001:db8::/32"), json!("192.0.2.0/33")),
            ("mac", json!("00:00:5e:00:53:01"), json!("00:00:5e:00:53")),
            ("uuid", json!("123e4567-e89b-12d3-a456-426614174000"), json!("123e4567")),
            ("int32", json!(2_147_483_647), json!(2_147_483_648_u32)),
            ("uint32", json!(4_294_967_295_u32), json!(-1)),
        ] {
            assert!(holds(format, &right) && !holds(format, &wrong), "{format}");
        }
        assert!(holds("of-somebody", &json!("x")));
    }
}
