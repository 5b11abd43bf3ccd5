//! The syntax of names, hosts, addresses, durations and expressions, as Istio reads them.

use std::net::{IpAddr, Ipv6Addr};

/// Whether `text` is a DNS label in Istio's sense: up to 63 letters, digits and inner hyphens, of either case.
///
/// Source: `pkg/config/labels`, `IsDNS1123Label`.
pub(super) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// What is wrong with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHost {
    /// It is not a domain name.
    Name,
    /// A `*` stands elsewhere than in the first label.
    Wildcard,
}

/// Checks a domain name (`pkg/config/validation/agent`, `ValidateFQDN`).
pub(super) fn fqdn(host: &str) -> Result<(), BadHost> {
    if host.is_empty() || host.len() > 255 {
        return Err(BadHost::Name);
    }
    labels(host.strip_suffix('.').unwrap_or(host))
}

/// Checks a domain name whose first label may be or begin with `*` (`agent`, `ValidateWildcardDomain`).
pub(super) fn wildcard_domain(host: &str) -> Result<(), BadHost> {
    let Some(tail) = host.strip_prefix('*') else { return fqdn(host) };
    if host.len() > 255 {
        return Err(BadHost::Name);
    }
    let (first, rest) = match tail.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (tail, None),
    };
    let first = first.strip_prefix('-').unwrap_or(first);
    if first.contains('*') {
        return Err(BadHost::Wildcard);
    }
    if !first.is_empty() && !is_label(first) {
        return Err(BadHost::Name);
    }
    rest.map_or(Ok(()), |rest| labels(rest.strip_suffix('.').unwrap_or(rest)))
}

fn labels(name: &str) -> Result<(), BadHost> {
    for label in name.split('.') {
        if !is_label(label) {
            return Err(if label.contains('*') { BadHost::Wildcard } else { BadHost::Name });
        }
    }
    let top = name.rsplit('.').next().unwrap_or(name);
    if top.bytes().all(|byte| byte.is_ascii_digit()) { Err(BadHost::Name) } else { Ok(()) }
}

/// Whether two hosts, with or without wildcards, have a name in common (`pkg/config/host`, `Name.Matches`).
pub(super) fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (Some(one), Some(other)) => one.ends_with(other) || other.ends_with(one),
        (Some(suffix), None) => other.ends_with(suffix),
        (None, Some(suffix)) => one.ends_with(suffix),
        (None, None) => one == other,
    }
}

/// Whether every name of `one` is a name of `other` (`pkg/config/host`, `Name.SubsetOf`).
pub(super) fn within(one: &str, other: &str) -> bool {
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (Some(one), Some(other)) => one.ends_with(other),
        (None, Some(suffix)) => one.ends_with(suffix),
        (Some(_), None) => false,
        (None, None) => one == other,
    }
}

/// Whether `text` is an IP address.
pub(super) fn is_ip(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b':') && text.parse::<IpAddr>().is_ok()
}

/// Whether `text` is an IP address or a CIDR, whose length is digits alone without a zero before them, as Go's
/// `netip.ParsePrefix` takes it.
pub(super) fn is_ip_or_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return is_ip(text) };
    let digits = bits == "0" || !bits.starts_with('0') && bits.bytes().all(|byte| byte.is_ascii_digit());
    let wide = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    digits && bits.parse().is_ok_and(|bits: u8| bits <= wide)
}

/// The IPv4 block that an IPv4-mapped address or CIDR is meant for (RFC 4291, section 2.5.5.2): Envoy takes a peer of such
/// an address for one of IPv4.
pub(super) fn mapped_block(text: &str) -> Option<String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "128"));
    let address = address.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped()?;
    let bits = bits.parse::<u8>().ok()?.checked_sub(96)?;
    Some(format!("{address}/{bits}"))
}

/// The nanoseconds of a duration as Go writes them, `1h30m`, `1.5s`; `None` when it is not one.
pub(super) fn nanoseconds(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0;
    while !rest.is_empty() || total == 0 {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let scale = scale(&tail[..unit])?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || number.len() > 18 || fraction.contains('.') {
            return None;
        }
        let digits: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        total += digits * scale + part * scale / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        rest = &tail[unit..];
        if rest.is_empty() {
            break;
        }
    }
    Some(sign * total)
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

/// The protocol of a port, as Istio tells them apart (`pkg/config/protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP in some version, gRPC included.
    Http,
    /// TLS or HTTPS, told apart by SNI.
    Tls,
    /// TCP in itself or with a protocol that Istio looks into.
    Tcp,
    /// UDP, which Istio does not carry.
    Udp,
}

/// The protocol that a port names, in any case; `None` for one that Istio does not know.
pub(super) fn protocol(name: &str) -> Option<Protocol> {
    const NAMES: [(&str, Protocol); 12] = [
        ("HTTP", Protocol::Http),
        ("HTTP2", Protocol::Http),
        ("GRPC", Protocol::Http),
        ("HTTPS", Protocol::Tls),
        ("TLS", Protocol::Tls),
        ("TCP", Protocol::Tcp),
        ("GRPC-Web", Protocol::Http),
        ("HTTP_PROXY", Protocol::Http),
        ("UDP", Protocol::Udp),
        ("Mongo", Protocol::Tcp),
        ("Redis", Protocol::Tcp),
        ("MySQL", Protocol::Tcp),
    ];
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, protocol)| *protocol)
}

/// Whether an expression holds something that RE2 refuses: a group or class left open or closed twice, a quantifier
/// of nothing, a lookaround or a reference back.
pub(super) fn is_bad_regex(expression: &str) -> bool {
    let bytes = expression.as_bytes();
    let (mut depth, mut at, mut can_repeat) = (0_i32, 0, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => {
                match bytes.get(at + 1) {
                    None | Some(b'1'..=b'9') => return true,
                    Some(_) => at += 1,
                }
                can_repeat = true;
            }
            b'[' => {
                let Some(end) = class_end(bytes, at) else { return true };
                at = end;
                can_repeat = true;
            }
            b'(' => {
                depth += 1;
                can_repeat = false;
                let group = &expression[at + 1..];
                if ["?=", "?!", "?<=", "?<!"].iter().any(|look| group.starts_with(look)) {
                    return true;
                }
                if group.starts_with('?') {
                    at += 1;
                }
            }
            b')' => {
                depth -= 1;
                can_repeat = true;
            }
            b'*' | b'+' | b'?' if !can_repeat => return true,
            b'|' => can_repeat = false,
            _ => can_repeat = true,
        }
        if depth < 0 {
            return true;
        }
        at += 1;
    }
    depth != 0
}

/// The byte of the `]` that closes the class opened at `open`.
fn class_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    if bytes.get(at) == Some(&b'^') {
        at += 1;
    }
    let first = at;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'[' if bytes.get(at + 1) == Some(&b':') => {
                let close = bytes[at..].windows(2).position(|pair| pair == b":]")?;
                at += close + 1;
            }
            b']' if at > first => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in ["a", "a.b", "A.b-c.example.", "*.a.b", "*", "*-x.a", "1.2.3.a"] {
            assert_eq!(wildcard_domain(good), Ok(()), "{good}");
        }
        for bad in ["", "a..b", "-a", "a_b", "a.123", ".", "a b"] {
            assert_eq!(wildcard_domain(bad), Err(BadHost::Name), "{bad}");
        }
        for bad in ["a.*.b", "a*.b", "**.a"] {
            assert_eq!(wildcard_domain(bad), Err(BadHost::Wildcard), "{bad}");
        }
        assert!(overlap("*.b.com", "a.b.com") && overlap("*.com", "*.b.com") && !overlap("*.b.com", "b.com"));
        assert!(within("a.b.com", "*.com") && !within("*.com", "*.b.com") && !within("*.com", "a.com"));
    }

    #[test]
    fn durations() {
        assert_eq!(nanoseconds("1h1.5s"), Some(3_601_500_000_000));
        assert_eq!(nanoseconds("0s"), Some(0));
        assert_eq!(nanoseconds("-1ms"), Some(-1_000_000));
        for bad in ["", "1", "s", "1 s", "1d", "1.2.3s", "."] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_and_expressions() {
        assert!(is_ip_or_cidr("10.0.0.0/8") && is_ip_or_cidr("::1/128") && is_ip("fe80::1"));
        assert!(!is_ip_or_cidr("10.0.0.0/33") && !is_ip_or_cidr("a/8") && !is_ip_or_cidr("10.0.0.0/+8") && !is_ip("a"));
        for good in ["^/a(b|c)*$", "[]a]+", "[[:alpha:]]+", r"\d{1,3}\.", "(?i)a", "(?:a)?", "(?P<n>a)", "a{", "é*", ""]
        {
            assert!(!is_bad_regex(good), "{good}");
        }
        for bad in ["(a", "a)", "[a", "*a", "(?=a)", "(?!a)", r"(a)\1", "a|*", r"a\"] {
            assert!(is_bad_regex(bad), "{bad}");
        }
    }
}
