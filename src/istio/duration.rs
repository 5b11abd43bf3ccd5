//! Durations as Go writes them.

/// The nanoseconds of a duration such as `1h30m` or `-1.5s`; `None` for what is none, and for a whole number of more
/// than 18 digits (`time.ParseDuration`).
#[must_use]
pub fn nanoseconds(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let scale = scale(&tail[..unit])?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() > 18 || fraction.contains('.') {
            return None;
        }
        // What stands behind is less than a nanosecond.
        let fraction = fraction.get(..18).unwrap_or(fraction);
        let digits: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        total += digits * scale + part * scale / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        rest = &tail[unit..];
        if rest.is_empty() {
            return Some(sign * total);
        }
    }
}

fn scale(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, expected) in [
            ("0", 0),
            ("0s", 0),
            ("1ms", 1_000_000),
            ("1h1.5s", 3_601_500_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("-1.5s", -1_500_000_000),
            ("+.5s", 500_000_000),
            ("1.0000000019999999999999s", 1_000_000_001),
            ("0s0ms", 0),
            ("1µs", 1_000),
            ("999999999h", 3_599_999_996_400_000_000_000),
        ] {
            assert_eq!(nanoseconds(text), Some(expected), "{text}");
        }
        for bad in ["", "-", "1", "s", "1 s", "1s ", "1d", "1.2.3s", ".", ".s", "1s2", "1234567890123456789s", "1..s"] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }
}
