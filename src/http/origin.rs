//! Keeping web pages out of a server that asks for no credentials.
//!
//! A page may make a browser send requests to a loopback address: directly, which its `Origin` tells, or under a name of
//! its own that it lets resolve to that address (DNS rebinding), which `Host` tells.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, Method, Uri, header};

use super::problem::{self, Problem};

/// Refuses what did not come from this machine's own tools or pages.
pub(super) fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let host = match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST).and_then(|host| host.to_str().ok()),
    };
    let Some(host) = host.filter(|host| is_loopback(host)) else {
        let detail = "Without credentials only loopback names are served, such as http://localhost or http://127.0.0.1; \
            configure tokens to serve others.";
        return Err(Problem::new(&problem::FOREIGN_ORIGIN, detail));
    };
    if method.is_safe() {
        return Ok(());
    }
    let from_elsewhere = match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) != Some(host),
        None => headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none"),
    };
    if from_elsewhere {
        let detail = "Pages of other sites may not write here.";
        return Err(Problem::new(&problem::FOREIGN_ORIGIN, detail));
    }
    Ok(())
}

/// Whether a `Host` (RFC 9110, section 7.2), with or without a port, is a name or an address of this machine.
fn is_loopback(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.split_once(']').filter(|(_, port)| port.strip_prefix(':').map_or(port.is_empty(), is_port));
        return address.is_some_and(|(address, _)| address.parse().is_ok_and(|it: Ipv6Addr| it.is_loopback()));
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_name = || name.split('.').all(|label| !label.is_empty() && label.bytes().all(is_of_label));
    port.is_none_or(is_port)
        && (name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || (is_name() && (name == "localhost" || name.ends_with(".localhost"))))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether a byte may stand in a label of a name; some write low lines there.
fn is_of_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(method: &Method, lines: &[(&'static str, &'static str)]) -> bool {
        let headers = lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        check(method, &Uri::from_static("/v2/projects"), &headers).is_ok()
    }

    #[test]
    fn names_that_are_not_this_machine_are_refused() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]",
            "[::1]:8080",
            "x.localhost",
            "localhost.",
            "a_b.localhost:80",
        ] {
            assert!(outcome(&Method::GET, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "[::2]",
            "",
            "[::1].evil.example",
            "[::1]evil.example:80",
            "[::1",
            "[127.0.0.1]",
            "::1",
            "localhost:80:evil.example",
            "localhost:evil.example",
            "localhost:",
            "localhost:+80",
            "localhost:65536",
            "evil.example/.localhost",
            "me@localhost",
            "evil.example@127.0.0.1",
            "localhost..",
            ".localhost",
            "127.0.0.1:80:80",
        ] {
            assert!(!outcome(&Method::GET, &[("host", host)]), "{host}");
        }
        assert!(!outcome(&Method::GET, &[]));
    }

    #[test]
    fn pages_of_other_sites_may_read_nothing_and_write_nothing() {
        let host = ("host", "localhost:8080");
        assert!(outcome(&Method::POST, &[host]));
        assert!(outcome(&Method::POST, &[host, ("origin", "http://localhost:8080")]));
        for origin in ["http://evil.example", "http://localhost:9090", "https://localhost:8080", "null"] {
            assert!(!outcome(&Method::POST, &[host, ("origin", origin)]), "{origin}");
            assert!(!outcome(&Method::DELETE, &[host, ("origin", origin)]), "{origin}");
            assert!(outcome(&Method::GET, &[host, ("origin", origin)]), "no page can read the answer");
        }
        assert!(!outcome(&Method::POST, &[host, ("sec-fetch-site", "cross-site")]));
        assert!(outcome(&Method::POST, &[host, ("sec-fetch-site", "same-origin")]));
    }
}
