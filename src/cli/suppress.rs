//! What `lint` shall not tell, as `istioctl analyze --suppress` has it.

use std::str::FromStr;

use crate::finding::Finding;
use crate::lint::{Named, rules};

/// A rule or a code of Istio, and the resources that it is not told of.
#[derive(Debug, Clone)]
pub(super) struct Suppression {
    code: String,
    /// `KIND NAME.NAMESPACE` or `KIND NAMESPACE/NAME`, with `*` for any text; all resources where there is none.
    resource: Option<String>,
}

impl FromStr for Suppression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, resource) = text.split_once('=').map_or((text, None), |(code, of)| (code, Some(of)));
        if code.is_empty() || resource.is_some_and(|resource| !resource.contains(' ') && resource != "*") {
            return Err("write CODE, or CODE=KIND NAME.NAMESPACE, where * stands for any text".to_owned());
        }
        if !is_known(code) {
            return Err(format!("no rule is called {code}, and Istio has no such code; docs/lint.md lists them"));
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
        about.is_some_and(|about| {
            // As istioctl writes it, and as findings name it here.
            let Named { kind, namespace, name } = about;
            is_like(pattern, &format!("{kind} {name}.{namespace}"))
                || is_like(pattern, &format!("{kind} {namespace}/{name}"))
        })
    }
}

/// Whether a rule is called so here or by Istio, whose codes that are not found here are left alone.
fn is_known(code: &str) -> bool {
    let number =
        code.strip_prefix("IST0").filter(|number| number.len() == 3 && number.bytes().all(|it| it.is_ascii_digit()));
    number.is_some() || rules().iter().any(|rule| rule.id == code)
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
    fn a_resource_is_named_as_istioctl_does_or_as_findings_do_and_codes_are_known() {
        let named = Named { kind: "VirtualService".into(), namespace: "shop".into(), name: "cart".into() };
        let finding = Finding::error("istio/IST0101", Default::default(), "", "");
        let covers =
            |text: &str| text.parse::<Suppression>().map(|it| it.covers(&finding, Some("IST0101"), Some(&named)));
        for text in ["IST0101", "istio/IST0101", "IST0101=VirtualService *.shop", "IST0101=VirtualService shop/cart"] {
            assert_eq!(covers(text), Ok(true), "{text}");
        }
        for text in ["IST0102", "lint/yaml", "IST0101=VirtualService *.web", "IST0101=Gateway shop/cart"] {
            assert_eq!(covers(text), Ok(false), "{text}");
        }
        for text in ["IST9999", "*", "", "istio/999", "IST0101=VirtualService"] {
            assert!(covers(text).is_err(), "{text}");
        }
    }

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
