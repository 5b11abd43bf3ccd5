//! Manifests on main that people wrote.

use super::given::refused;
use crate::finding::{Finding, Place};
use crate::istio::{self, Resource};

/// The rule of what is compared with nothing.
const UNREADABLE: &str = "overlap/unreadable";

/// A manifest on main that is not generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Stray {
    /// Its path in the config repository.
    pub path: String,
    /// The resources that it holds.
    pub resources: Vec<Resource>,
    /// What could not be read of it, and what Istio refuses of its policies.
    pub findings: Vec<Finding>,
}

impl Stray {
    /// Reads a manifest; what cannot be read becomes a warning, because it is compared with nothing.
    #[must_use]
    pub fn read(path: &str, text: &str) -> Self {
        let mut stray = Self { path: path.to_owned(), resources: vec![], findings: vec![] };
        for parsed in istio::read(text) {
            match parsed {
                Ok(parsed) => {
                    stray.findings.extend(refused(path, text, &parsed));
                    stray.resources.push(parsed.resource);
                }
                Err(error) => stray.findings.extend(Self::unread(path, &error.to_string()).findings),
            }
        }
        stray
    }

    /// Why it may decide otherwise than is known here, in words; none where all of it is known.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let finding = self.findings.first()?;
        let what = if finding.rule == UNREADABLE { "cannot be read" } else { "holds what Istio refuses" };
        Some(format!("{} {what}, so that the cluster may decide otherwise", self.path))
    }

    /// A manifest that is not read, and why.
    #[must_use]
    pub fn unread(path: &str, why: &str) -> Self {
        let finding = Finding::warning(
            UNREADABLE,
            Place::at(path),
            format!("this manifest cannot be read, so nothing tells whether it overlaps a generated one: {why}"),
            "mend it, or move it out of clusters/",
        );
        Self { path: path.to_owned(), resources: vec![], findings: vec![finding] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_a_warning_and_the_rest_counts() {
        let stray = Stray::read("clusters/a/b/x.yaml", "apiVersion: v1\nkind: ConfigMap\n---\n[\n---\na: 1\n");
        assert_eq!((stray.resources.len(), stray.findings.len()), (1, 2));
        assert_eq!(stray.findings[0].rule, "overlap/unreadable");
    }
}
