//! Patterns of paths and hosts, as Istio matches them: one that no request can match is refused, because a DENY of it denies
//! nothing.

/// The most characters of a pattern.
const LONGEST: usize = 1_024;

/// Checks a path pattern by the rules of Istio's `pkg/config/security/security.go`: templates hold whole segments, `{**}`
/// last; elsewhere one `*` at the start or the end. What it is compared with is the path of a request after Envoy made
/// it canonical.
pub(super) fn path(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(format!("must be a path pattern of 1 to {LONGEST} characters"));
    }
    if let Some(message) = text.chars().find_map(foreign_to_paths) {
        return Err(message);
    }
    if let Some((escape, plain)) = escapes(text).find_map(|escape| unreserved(escape).map(|plain| (escape, plain))) {
        return Err(format!("requests are compared with {escape} resolved: write {plain} for it"));
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("requests are compared with . and .. resolved: write the path that they lead to".into());
    }
    if text.contains("{*}") || text.contains("{**}") { template(text) } else { plain(text) }.map(|()| text.to_owned())
}

/// Checks a path pattern with `{*}` or `{**}`.
fn template(text: &str) -> Result<(), String> {
    let mut rest_seen = false;
    for segment in text.split('/') {
        match segment {
            "{*}" | "{**}" if rest_seen => return Err("{**} must be the last operator".into()),
            "{**}" => rest_seen = true,
            "{*}" => {}
            s if s.contains(['{', '}', '*']) => return Err("{*} and {**} must be whole path segments".into()),
            _ => {}
        }
    }
    if text.starts_with('/') { Ok(()) } else { Err("a path template must begin with /".into()) }
}

/// Checks a path pattern without templates.
fn plain(text: &str) -> Result<(), String> {
    if text.contains(['{', '}']) {
        Err("braces are taken literally: write {*} for any one segment, {**} for any number of them".into())
    } else if !is_one_end(text) {
        Err("a * may stand at the start or at the end only, Istio takes any other literally".into())
    } else if !text.starts_with(['/', '*']) {
        Err("a path must begin with / or *".into())
    } else {
        Ok(())
    }
}

/// Checks a pattern of the Host header.
pub(super) fn host(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']' | '*');
    if text.is_empty() || text.len() > LONGEST {
        Err(format!("must be a host of 1 to {LONGEST} characters, perhaps with a * at its start or end"))
    } else if let Some(foreign) = text.chars().find(|c| !known(*c)) {
        let remedy = if foreign.is_ascii() { "leave it out" } else { "write the name in its ASCII form, xn--…" };
        Err(format!("no Host header holds {}: {remedy}", spelled(foreign)))
    } else if !is_one_end(text) {
        Err("one * may stand at the start or at the end, Istio takes any other literally".into())
    } else {
        Ok(text.to_owned())
    }
}

/// Whether there is no `*` but one at the start or the end.
fn is_one_end(text: &str) -> bool {
    let inner = text.strip_prefix('*').or_else(|| text.strip_suffix('*')).unwrap_or(text);
    !inner.contains('*')
}

/// What to do about a character that the path of no request holds (RFC 3986, section 3.3).
fn foreign_to_paths(c: char) -> Option<String> {
    match c {
        '?' => Some("Istio does not look at the query of a request: leave out ? and what follows it".into()),
        '#' => Some("no request carries a fragment: leave out # and what follows it".into()),
        '\\' => Some("requests are compared with / for each \\: write /".into()),
        c if c.is_control() => Some(format!("no path holds {}: leave it out", spelled(c))),
        ' ' | '"' | '<' | '>' | '`' | '\u{80}'.. => {
            let bytes = c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            Some(format!("requests carry {} percent-encoded: write {bytes}", spelled(c)))
        }
        _ => None,
    }
}

/// A character, or its number where it cannot be seen or changes what stands around it.
fn spelled(c: char) -> String {
    if c.is_ascii_graphic() { format!("`{c}`") } else { format!("U+{:04X}", u32::from(c)) }
}

/// The percent-escapes in `text`.
fn escapes(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('%').filter_map(|(at, _)| text.get(at..at + 3))
}

/// The character that an escape stands for, if it need not be escaped (RFC 3986, section 2.3).
fn unreserved(escape: &str) -> Option<char> {
    let digits = escape.get(1..).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let c = char::from(u8::from_str_radix(digits, 16).ok()?);
    (c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_a_request_can_have() {
        for good in [
            "*",
            "/",
            "/*",
            "/a",
            "/a/*",
            "*.js",
            "*/a",
            "/{*}",
            "/a/{*}/b",
            "/a/{**}",
            "/a//b",
            "/a%2Fb",
            "/a%20b",
            "/%zz",
            "/a%",
            "/.well-known/x",
            "/..a",
            "/a/...",
            "/a.b_c~d-e",
            "/a:b@c;d=e,f!$&'()+",
            "/pkg.Service/Method",
            "/a/.*",
            "/%C3%A4",
        ] {
            assert_eq!(path(good).as_deref(), Ok(good));
        }
        for (bad, message) in [
            ("", "must be a path pattern of 1 to 1024 characters"),
            ("/admin?debug=1", "Istio does not look at the query of a request: leave out ? and what follows it"),
            ("/a#b", "no request carries a fragment: leave out # and what follows it"),
            ("/a/../admin", "requests are compared with . and .. resolved: write the path that they lead to"),
            ("/a/./b", "requests are compared with . and .. resolved: write the path that they lead to"),
            ("/a/..", "requests are compared with . and .. resolved: write the path that they lead to"),
            ("/{*}/../b", "requests are compared with . and .. resolved: write the path that they lead to"),
            ("/%61dmin", "requests are compared with %61 resolved: write a for it"),
            ("/a/%2E%2e/b", "requests are compared with %2E resolved: write . for it"),
            ("/%7Ea", "requests are compared with %7E resolved: write ~ for it"),
            ("/a\\b", "requests are compared with / for each \\: write /"),
            ("/a b", "requests carry U+0020 percent-encoded: write %20"),
            ("/<b>", "requests carry `<` percent-encoded: write %3C"),
            ("/ädmin", "requests carry U+00E4 percent-encoded: write %C3%A4"),
            ("/a\u{202e}b", "requests carry U+202E percent-encoded: write %E2%80%AE"),
            ("/a\0b", "no path holds U+0000: leave it out"),
            ("/a\nb", "no path holds U+000A: leave it out"),
            ("/users/{id}", "braces are taken literally: write {*} for any one segment, {**} for any number of them"),
            ("/a{*}", "{*} and {**} must be whole path segments"),
            ("/{**}/{*}", "{**} must be the last operator"),
            ("{*}/a", "a path template must begin with /"),
            ("**", "a * may stand at the start or at the end only, Istio takes any other literally"),
            ("*a*", "a * may stand at the start or at the end only, Istio takes any other literally"),
            ("/a*b", "a * may stand at the start or at the end only, Istio takes any other literally"),
            ("a", "a path must begin with / or *"),
        ] {
            assert_eq!(path(bad).unwrap_err(), message, "{bad}");
        }
        assert!(path(&format!("/{}", "a".repeat(1024))).is_err());
    }

    #[test]
    fn a_host_is_what_a_header_can_have() {
        for good in
            ["*", "a", "A.example", "*.example", "a.*", "a:8080", "*:80", "[::1]:80", "a_b.example", "xn--a.example"]
        {
            assert_eq!(host(good).as_deref(), Ok(good));
        }
        for (bad, message) in [
            ("", "must be a host of 1 to 1024 characters, perhaps with a * at its start or end"),
            ("a b", "no Host header holds U+0020: leave it out"),
            ("a\0", "no Host header holds U+0000: leave it out"),
            ("a\u{202e}b", "no Host header holds U+202E: write the name in its ASCII form, xn--…"),
            ("http://a", "no Host header holds `/`: leave it out"),
            ("{*}", "no Host header holds `{`: leave it out"),
            ("**", "one * may stand at the start or at the end, Istio takes any other literally"),
            ("*a*", "one * may stand at the start or at the end, Istio takes any other literally"),
            ("a.*.b", "one * may stand at the start or at the end, Istio takes any other literally"),
        ] {
            assert_eq!(host(bad).unwrap_err(), message, "{bad}");
        }
    }
}
