//! Istio's patterns on strings.

use super::path::is_template;

/// Whether everything that the pattern `narrow` matches is matched by `wide`; where that is not plain, no.
///
/// `*` is presence, a leading `*` a suffix, a trailing one a prefix, an inner one literal
/// (`pilot/pkg/security/authz/matcher`). A path with `{*}` or `{**}` is a template: it covers itself alone.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    if wide == "*" {
        return !narrow.is_empty();
    }
    if is_template(wide) {
        return false;
    }
    let literal = narrow.split('{').next().filter(|_| is_template(narrow));
    if let Some(suffix) = wide.strip_prefix('*') {
        return literal.is_none() && !narrow.ends_with('*') && narrow.ends_with(suffix);
    }
    let Some(prefix) = wide.strip_suffix('*') else { return false };
    let beginning = literal.unwrap_or_else(|| narrow.strip_suffix('*').unwrap_or(narrow));
    !narrow.starts_with('*') && beginning.starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_the_narrower_ones() {
        for (wide, narrow) in [
            ("*", "/a"),
            ("*", "/a*"),
            ("/a*", "/a"),
            ("/a*", "/ab*"),
            ("/a/*", "/a/{*}/c"),
            ("*.html", "/x.html"),
            ("*.html", "*x.html"),
            ("/s/{*}", "/s/{*}"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn what_is_not_plainly_narrower_is_not_covered() {
        for (wide, narrow) in [
            ("/a", "/a*"),
            ("/ab*", "/a*"),
            ("/a*", "*"),
            ("/a*", "*a"),
            ("*a", "/a*"),
            ("/a*b", "/axb"),
            ("/s/{*}", "/s/x"),
            ("*", ""),
            ("/a/b*", "/a/{*}"),
            ("*c", "/a/{*}/c"),
        ] {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }
}
