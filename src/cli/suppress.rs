//! What `lint` shall not tell, as `istioctl analyze --suppress` has it.

use std::str::FromStr;

use crate::finding::Finding;
use crate::lint::Named;

/// A rule or a code of Istio, and the resources that it is not told of.
#[derive(Debug, Clone)]
pub(super) struct Suppression {
    code: String,
    /// `KIND NAME.NAMESPACE` with `*` for any text; all resources where there is none.
    resource: Option<String>,
}

impl FromStr for Suppression {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, resource) = text.split_once('=').map_or((text, None), |(code, of)| (code, Some(of)));
        if code.is_empty() || resource.is_some_and(|resource| !resource.contains(' ') && resource != "*") {
            return Err("write CODE, or CODE=KIND NAME.NAMESPACE, where * stands for any text");
        }
        Ok(Self { code: code.to_owned(), resource: resource.map(str::to_owned) })
    }
}

impl Suppression {
    /// Whether a finding, with the code that Istio gives it, is not to be told.
    pub(super) fn covers(&self, finding: &Finding, code: Option<&str>, about: Option<&Named>) -> bool {
        if self.code != finding.rule && Some(self.code.as_str()) != code {
            return false;
        }
        let Some(pattern) = &self.resource else { return true };
        about.is_some_and(|about| is_like(pattern, &format!("{} {}.{}", about.kind, about.name, about.namespace)))
    }
}

/// Whether a text is one of a pattern, in which `*` stands for any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return left.is_empty() };
    for part in parts {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_istioctl() {
        for (pattern, text) in [("*", "a"), ("Pod *.test", "Pod a.test"), ("*a*b*", "xaybz"), ("a", "a"), ("a*a", "aa")]
        {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("Pod *.test", "Pod a.prod"), ("a", "ab"), ("a*a", "a"), ("*a*b", "b")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }
}
