//! Istio's patterns on strings, compiled.

/// A pattern on a string: `*` is presence, a leading `*` a suffix, a trailing one a prefix, anything else exact; an inner
/// `*` is literal (istio `pilot/pkg/security/authz/matcher/string.go`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Present,
    Suffix(String),
    Prefix(String),
    Exact(String),
}

impl Text {
    pub(super) fn of(pattern: &str) -> Self {
        if pattern == "*" {
            Self::Present
        } else if let Some(suffix) = pattern.strip_prefix('*') {
            Self::Suffix(suffix.to_owned())
        } else if let Some(prefix) = pattern.strip_suffix('*') {
            Self::Prefix(prefix.to_owned())
        } else {
            Self::Exact(pattern.to_owned())
        }
    }

    /// Whether it matches; presence asks for one character at least.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Present => !text.is_empty(),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Exact(exact) => text == exact,
        }
    }

    /// Whether it matches the value of a header, which is present even when it is empty
    /// (`matcher/header.go`, `HeaderMatcher`).
    pub(super) fn matches_header(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| *self == Self::Present || self.matches(value))
    }
}
