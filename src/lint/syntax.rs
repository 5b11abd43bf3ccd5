//! The syntax of names, hosts, addresses and protocols, as Istio reads them.

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
    labels(host)
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
    if first.contains('*') {
        return Err(BadHost::Wildcard);
    }
    if first.len() > 62 || !first.is_empty() && !is_label(first.strip_prefix('-').unwrap_or(first)) {
        return Err(BadHost::Name);
    }
    rest.filter(|rest| !rest.is_empty()).map_or(Ok(()), labels)
}

/// Checks a server name at a Gateway, where those that Istio makes for AUTO_PASSTHROUGH are taken, too, such as
/// `outbound_.80_._.a.example` (`agent`, `ValidateWildcardDomainForVirtualServiceBoundToGateway`).
pub(super) fn server_name(host: &str) -> Result<(), BadHost> {
    let Some(made) = host.strip_prefix("outbound_").filter(|_| host.len() <= 255) else { return wildcard_domain(host) };
    let parts: Vec<_> = made.split('_').collect();
    let (Some(port), Some(name)) = (parts.first(), parts.get(2)) else { return Err(BadHost::Name) };
    let known = port.contains(|c: char| c.is_ascii_digit()) && name.contains(|c: char| c.is_ascii_alphabetic());
    if known { Ok(()) } else { Err(BadHost::Name) }
}

/// The labels of a name, which a dot may end.
fn labels(name: &str) -> Result<(), BadHost> {
    let top = name.rsplit('.').next().unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    for label in name.split('.') {
        if !is_label(label) {
            return Err(if label.contains('*') { BadHost::Wildcard } else { BadHost::Name });
        }
    }
    if !top.is_empty() && top.bytes().all(|byte| byte.is_ascii_digit()) { Err(BadHost::Name) } else { Ok(()) }
}

/// Whether `text` is an IP address.
pub(super) fn is_ip(text: &str) -> bool {
    // Go's `netip.ParseAddr` takes a zone behind an address of IPv6.
    let address = match text.split_once('%') {
        Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
        _ => text,
    };
    text.bytes().next().is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b':')
        && address.parse::<IpAddr>().is_ok()
}

/// Whether what follows `unix://` is a socket: an absolute path to a file, or an abstract name (`validation.go`,
/// `ValidateUnixAddress`).
pub(super) fn is_socket(path: &str) -> bool {
    path.starts_with('@') || path.starts_with('/') && !path.ends_with('/')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in ["a", "a.b", "A.b-c.example.", "*.a.b", "*", "*-x.a", "1.2.3.a", "a.1.", "*."] {
            assert_eq!(wildcard_domain(good), Ok(()), "{good}");
        }
        for bad in ["", "a..b", "-a", "a_b", "a.123", ".", "a b", "*-", "*-.a", "a.."] {
            assert_eq!(wildcard_domain(bad), Err(BadHost::Name), "{bad}");
        }
        for bad in ["a.*.b", "a*.b", "**.a"] {
            assert_eq!(wildcard_domain(bad), Err(BadHost::Wildcard), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        assert!(is_ip_or_cidr("10.0.0.0/8") && is_ip_or_cidr("::1/128") && is_ip("fe80::1"));
        assert!(!is_ip_or_cidr("10.0.0.0/33") && !is_ip_or_cidr("a/8") && !is_ip_or_cidr("10.0.0.0/+8") && !is_ip("a"));
    }
}
