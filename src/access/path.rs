//! Paths of requests: how a sidecar normalises them, and templates that match them.

/// Whether a pattern is a template (istio `pkg/config/security/security.go`, `ContainsPathTemplate`).
pub(super) fn is_template(pattern: &str) -> bool {
    pattern.contains("{*}") || pattern.contains("{**}")
}

/// A path without query and fragment as a sidecar normalises it by default: `.` and `..` resolved, also where they are
/// escaped, a backslash turned into a slash, escapes of letters, digits and `-_~` undone, a slash put in front; slashes
/// are not merged and `%2F` is kept. None for a path with a NUL, plain or escaped, which a proxy answers with 400.
///
/// Istio's default is `BASE` (istio `pilot/pkg/networking/core/listener_builder.go`), which is Envoy's `normalize_path`
/// (`source/common/http/path_utility.cc`); that canonicalises as Chromium did in 2022, with whose `url_canon_path.cc` Envoy
/// is built. Istio lets Envoy strip fragments (istio `pkg/bootstrap/config.go`).
pub(super) fn normalised(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default().as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(path.len() + 1);
    if !matches!(path.first(), Some(b'/' | b'\\')) {
        out.push(b'/');
    }
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        let after_slash = out.last() == Some(&b'/');
        if let Some(length) = dot(&path[at..]) {
            at += length;
            if !after_slash {
                out.push(b'.');
                continue;
            }
            match after_dot(&path[at..]) {
                AfterDot::Name => out.push(b'.'),
                AfterDot::Here(length) => at += length,
                AfterDot::Up(length) => {
                    at += length;
                    out.pop();
                    let parent = out.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                    out.truncate(parent);
                    if out.is_empty() {
                        out.push(b'/');
                    }
                }
            }
            continue;
        }
        match (byte, unescaped(&path[at..])) {
            (0, _) | (_, Some(0)) => return None,
            (b'\\', _) => out.push(b'/'),
            (_, Some(plain)) if plain.is_ascii_alphanumeric() || b"-_~".contains(&plain) => {
                out.push(plain);
                at += 2;
            }
            (_, Some(_)) => {
                out.extend_from_slice(&path[at..at + 3]);
                at += 2;
            }
            (b'%', None) => out.push(b'%'),
            _ if byte <= b' ' || byte >= 0x7f || b"\"<>^`{|}".contains(&byte) => {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            _ => out.push(byte),
        }
        at += 1;
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

enum AfterDot {
    /// Part of a name.
    Name,
    /// The dot stands alone; so many bytes belong to it.
    Here(usize),
    /// A second dot, and nothing else.
    Up(usize),
}

fn after_dot(rest: &[u8]) -> AfterDot {
    let end = |rest: &[u8]| match rest.first() {
        None => Some(0),
        Some(b'/' | b'\\') => Some(1),
        Some(_) => None,
    };
    if let Some(length) = end(rest) {
        return AfterDot::Here(length);
    }
    match dot(rest).and_then(|length| Some(length + end(&rest[length..])?)) {
        Some(length) => AfterDot::Up(length),
        None => AfterDot::Name,
    }
}

/// The length of a dot, plain or escaped.
fn dot(rest: &[u8]) -> Option<usize> {
    match rest.first() {
        Some(b'.') => Some(1),
        _ => (unescaped(rest) == Some(b'.')).then_some(3),
    }
}

fn unescaped(rest: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = rest else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// A pattern on paths: a template, whose `{*}` stands for one segment and `{**}` for any number of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Any,
}

impl Template {
    pub(super) fn of(pattern: &str) -> Self {
        let segment = |text: &str| match text {
            "{*}" | "*" => Segment::One,
            "{**}" | "**" => Segment::Any,
            text => Segment::Literal(text.to_owned()),
        };
        Self(pattern.split('/').map(segment).collect())
    }

    /// Whether a normalised path fits (Envoy `extensions/path/uri_template_lib`: `*` is one allowed character or more,
    /// `**` any number of them and of slashes).
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        let (mut segment, mut at) = (0, 0);
        // Where the last `{**}` stands, and the segment of the path behind what it took.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(segment), path.get(at)) {
                (None, None) => return true,
                (Some(Segment::Any), Some(text)) if is_allowed(text) => {
                    retry = Some((segment, at + 1));
                    (segment, at) = (segment + 1, at + 1);
                    continue;
                }
                (Some(Segment::One), Some(text)) if !text.is_empty() && is_allowed(text) => {
                    (segment, at) = (segment + 1, at + 1);
                    continue;
                }
                (Some(Segment::Literal(literal)), Some(text)) if literal == text => {
                    (segment, at) = (segment + 1, at + 1);
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((any, behind)) if path.get(behind).is_some_and(|text| is_allowed(text)) => {
                    retry = Some((any, behind + 1));
                    (segment, at) = (any + 1, behind + 1);
                }
                _ => return false,
            }
        }
    }
}

/// Whether operators of templates stand for each of these characters; for an asterisk since Envoy 1.35
/// (`envoy.reloadable_features.uri_template_match_on_asterisk`).
fn is_allowed(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;:@=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_a_sidecar_does() {
        for (sent, normal) in [
            ("/a/../b", "/b"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.%2e/b", "/b"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a//b", "/a//b"),
            ("/a//../b", "/a/b"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a%2f../b", "/a%2f../b"),
            ("\\a\\..\\b", "/b"),
            ("/a?x=/../y", "/a"),
            ("/a#b", "/a"),
            ("/%61%7E%20", "/a~%20"),
            ("/...", "/..."),
            ("/a..", "/a.."),
            ("/.a", "/.a"),
            ("/%", "/%"),
            ("/%2", "/%2"),
            ("/ä", "/%C3%A4"),
            ("", "/"),
            ("?a", "/"),
            ("..", "/"),
            ("a/b/../c", "/a/c"),
            ("/%5c%25", "/%5c%25"),
            ("/%c0%af", "/%c0%af"),
            ("/a/..\\c", "/c"),
            ("/a/%2E./b", "/b"),
        ] {
            assert_eq!(normalised(sent).as_deref(), Some(normal), "{sent}");
        }
        for sent in ["/a/%00", "/a\0", "/xyz/.%00../abc", "/AAAA%%0000/abc"] {
            assert_eq!(normalised(sent), None, "{sent}");
        }
        assert_eq!(normalised("/a?%00").as_deref(), Some("/a"));
    }

    #[test]
    fn templates_match_segments() {
        for (template, path, matches) in [
            ("/a/{**}", "/a/", true),
            ("/a/{**}", "/a", false),
            ("/a/{**}", "/a/b/c", true),
            ("/s/{**}/c", "/s//c", true),
            ("/s/{**}/c", "/s/c", false),
            ("/s/{**}/c", "/s/c/c/c", true),
            ("/s/{**}/c", "/s/c/d", false),
            ("/s/{*}", "/s/x", true),
            ("/s/{*}", "/s/", false),
            ("/s/{*}", "/s/x/y", false),
            ("/s/{*}/c", "/s/x/c", true),
            ("/{*}/b/{**}", "/a/b/", true),
            ("/s/{*}", "/s/a*b", true),
            ("/s/{*}", "/s/a\"b", false),
            ("/{**}", "/", true),
            ("/{**}", "/a[", false),
            ("/s/{*}/", "/s/x/", true),
        ] {
            assert_eq!(Template::of(template).matches(path), matches, "{template} {path}");
        }
    }
}
