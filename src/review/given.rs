//! Policies as people wrote them, read for decisions about calls.

use crate::access::{Callee, Expectation, Matrix, Mesh, Policies, Request, Tally, Told, Verdict};
use crate::finding::{Finding, Place, Severity};
use crate::istio::{self, Parsed, Resource, Spec};
use crate::lint::lint;

/// Policies that were given as files, and what Istio refuses of them.
#[derive(Debug)]
pub struct Given {
    mesh: Mesh,
    resources: Vec<Resource>,
    /// What they decide, taken as written.
    pub policies: Policies,
    /// Warnings: what Istio refuses, and a cluster therefore does not hold.
    pub refused: Vec<Finding>,
}

impl Given {
    /// Reads manifests, each with its path; what is no policy is passed over.
    ///
    /// # Errors
    /// What cannot be read: without it every decision could be wrong, so that there is none.
    pub fn read(mesh: Mesh, files: &[(String, String)]) -> Result<Self, Vec<Finding>> {
        let (mut resources, mut unread, mut refused) = (vec![], vec![], vec![]);
        for (path, text) in files {
            for parsed in istio::read(text) {
                match parsed {
                    Ok(parsed) => {
                        refused.extend(self::refused(path, text, &parsed));
                        resources.push(parsed.resource);
                    }
                    Err(error) => unread.push(Finding::error(
                        "access/manifest",
                        Place { line: error.line, column: error.column, ..Place::at(path) },
                        error.message,
                        "mend the manifest, or leave the file out",
                    )),
                }
            }
        }
        if !unread.is_empty() {
            return Err(unread);
        }
        let policies = Policies::new(mesh.clone(), &resources);
        Ok(Self { mesh, resources, policies, refused })
    }

    /// Holds what is expected of workloads against what is decided; which pods are behind a service, and on which cluster,
    /// manifests of policies do not tell.
    #[must_use]
    pub fn hold(&self, expectations: &[Expectation]) -> Tally {
        let matrix = Matrix::new(self.mesh.clone(), &self.resources, vec![]);
        let local = self.mesh.trust_domains.first().map_or("", String::as_str);
        Tally::of(expectations, |expectation, from| match &expectation.to {
            Callee::Workload(to) if expectation.cluster.is_none() => {
                let mut request = Request { to: to.clone(), ..expectation.request.clone() };
                request.from.principal = from.principal(local);
                let decision = self.policies.decide_from_anywhere(&request);
                let is_denied = decision.verdict == Verdict::Deny;
                let let_in_otherwise = is_denied && matrix.access(to).admitting(&request).is_some();
                vec![Told { at: String::new(), principal: request.from.principal, decision, let_in_otherwise }]
            }
            _ => vec![],
        })
    }
}

/// What Istio refuses of a policy, placed in the text it was read from; nothing of other resources.
pub(super) fn refused(path: &str, text: &str, parsed: &Parsed) -> Vec<Finding> {
    let resource = &parsed.resource;
    let wrong: Vec<Finding> = match &resource.spec {
        Spec::AuthorizationPolicy(_) | Spec::PeerAuthentication(_) => lint(resource, &Place::at(path)),
        Spec::Other(_) if is_unknown_policy(resource) => {
            let message = format!("{} knows no such kind", resource.api_version());
            vec![Finding::error("access/kind", Place::pointing(path, "/kind"), message, "mind the spelling")]
        }
        _ => vec![],
    };
    let wrong: Vec<Finding> = wrong.into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    if wrong.is_empty() {
        return vec![];
    }
    let placed = |finding: Finding| {
        let at = parsed.position_in(text, &finding.place.pointer);
        let (line, column) = at.unwrap_or((parsed.line, 1));
        let place = Place { line, column, ..finding.place };
        let Finding { rule, message, remedy, .. } = finding;
        let name = format!("{}/{}", resource.metadata.namespace, resource.metadata.name);
        let message =
            format!("{message} ({rule}): Istio refuses {name}, so that a cluster does not hold it as it stands");
        Finding::warning("access/refused", place, message, remedy)
    };
    wrong.into_iter().map(placed).collect()
}

fn is_unknown_policy(resource: &Resource) -> bool {
    resource.group() == "security.istio.io"
}
