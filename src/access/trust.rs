//! Trust domains: what a policy says of the local one holds for its aliases too.

use std::borrow::Cow;

use crate::istio::Rule;

/// What of a mesh's configuration decides about access (istio `mesh/v1alpha1/config.proto`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// The namespace whose policies hold everywhere.
    pub root_namespace: String,
    /// The local trust domain and its aliases; the first is the local one.
    pub trust_domains: Vec<String>,
}

/// The trust domain that stands for the local one and its aliases, whatever they are called.
pub(super) const CLUSTER_LOCAL: &str = "cluster.local";

impl Default for Mesh {
    fn default() -> Self {
        Self { root_namespace: "istio-system".to_owned(), trust_domains: vec![CLUSTER_LOCAL.to_owned()] }
    }
}

impl Mesh {
    /// The principals that one stands for (istio `pilot/pkg/security/trustdomain/bundle.go`,
    /// `ReplaceTrustDomainAliases`).
    pub(super) fn principals(&self, principal: &str) -> Vec<String> {
        let parts: Vec<&str> = principal.split('/').collect();
        let [domain, rest @ ..] = parts.as_slice() else { return vec![principal.to_owned()] };
        let is_local = || *domain == CLUSTER_LOCAL || self.trust_domains.iter().any(|local| alike(domain, local));
        if rest.len() != 4 || *domain == "*" || !is_local() {
            return vec![principal.to_owned()];
        }
        let mut all: Vec<String> = vec![];
        for local in &self.trust_domains {
            let one = match domain.strip_prefix('*').is_some_and(|suffix| local.ends_with(suffix)) {
                true => principal.to_owned(),
                false => format!("{local}/{}", rest.join("/")),
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// A rule whose principals and trust domains stand for themselves alone.
    pub(super) fn expanded<'r>(&self, rule: &'r Rule) -> Cow<'r, Rule> {
        if self.trust_domains == [CLUSTER_LOCAL] {
            return Cow::Borrowed(rule);
        }
        let principals =
            |values: &mut Vec<String>| *values = values.iter().flat_map(|it| self.principals(it)).collect();
        let domains = |values: &mut Vec<String>| *values = values.iter().flat_map(|it| self.domains(it)).collect();
        let mut rule = rule.clone();
        for source in rule.from.iter_mut().filter_map(|from| from.source.as_mut()) {
            [&mut source.principals, &mut source.not_principals].into_iter().for_each(principals);
            [&mut source.trust_domains, &mut source.not_trust_domains].into_iter().for_each(domains);
        }
        for when in &mut rule.when {
            let values = [&mut when.values, &mut when.not_values].into_iter();
            match when.key.as_str() {
                "source.principal" => values.for_each(principals),
                "source.trustDomain" => values.for_each(domains),
                _ => {}
            }
        }
        Cow::Owned(rule)
    }

    /// The trust domains that one stands for (`ExpandTrustDomainAliases`).
    pub(super) fn domains(&self, domain: &str) -> Vec<String> {
        match self.trust_domains.iter().any(|local| local == domain) {
            true => self.trust_domains.clone(),
            false => vec![domain.to_owned()],
        }
    }
}

/// Whether one is the other, or a pattern that matches it (`trustdomain/util.go`, `stringMatch`).
fn alike(one: &str, other: &str) -> bool {
    let fits = |text: &str, pattern: &str| {
        pattern.strip_suffix('*').is_some_and(|prefix| text.starts_with(prefix))
            || pattern.strip_prefix('*').is_some_and(|suffix| text.ends_with(suffix))
    };
    one == other || fits(one, other) || fits(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_of_the_mesh_stands_for_all_its_trust_domains() {
        let mesh = Mesh { trust_domains: vec!["new-td".into(), "old-td".into()], ..Mesh::default() };
        for (principal, all) in [
            ("new-td/ns/a/sa/b", vec!["new-td/ns/a/sa/b", "old-td/ns/a/sa/b"]),
            ("old-td/ns/a/sa/b", vec!["new-td/ns/a/sa/b", "old-td/ns/a/sa/b"]),
            ("cluster.local/ns/a/sa/b", vec!["new-td/ns/a/sa/b", "old-td/ns/a/sa/b"]),
            ("other/ns/a/sa/b", vec!["other/ns/a/sa/b"]),
            ("*-td/ns/a/sa/b", vec!["*-td/ns/a/sa/b"]),
            ("*/ns/a/sa/b", vec!["*/ns/a/sa/b"]),
            ("*/sa/b", vec!["*/sa/b"]),
            ("*", vec!["*"]),
        ] {
            assert_eq!(mesh.principals(principal), all, "{principal}");
        }
        assert_eq!(mesh.domains("old-td"), ["new-td", "old-td"]);
        assert_eq!(mesh.domains("cluster.local"), ["cluster.local"]);
    }
}
