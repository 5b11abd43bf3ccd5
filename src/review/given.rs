//! Policies as people wrote them, read for decisions about calls.

use std::collections::BTreeMap;

use crate::access::{Callee, Decision, Expectation, Matrix, Mesh, Policies, Request, Tally, Told, Verdict};
use crate::finding::{Finding, Place, Severity};
use crate::istio::{self, ObjectMeta, Parsed, Resource, Spec};
use crate::lint::lint;

/// Policies that were given as files, and what is doubtful about them.
#[derive(Debug)]
pub struct Given {
    mesh: Mesh,
    resources: Vec<Resource>,
    /// What they decide, taken as written.
    policies: Policies,
    /// Why a cluster may decide otherwise, by the namespace of the policy.
    doubts: BTreeMap<String, String>,
    /// Warnings: what Istio refuses or what stands twice, so that a cluster does not hold all of it; that there is nothing.
    pub warnings: Vec<Finding>,
}

impl Given {
    /// Reads manifests, each with its path; what is no policy is passed over.
    ///
    /// # Errors
    /// What cannot be read: without it every decision could be wrong, so that there is none.
    pub fn read(mesh: Mesh, files: &[(String, String)]) -> Result<Self, Vec<Finding>> {
        let (mut resources, mut unread, mut warnings) = (vec![], vec![], vec![]);
        let (mut doubts, mut seen) = (BTreeMap::new(), BTreeMap::new());
        for (path, text) in files {
            for parsed in istio::read(text) {
                match parsed {
                    Ok(parsed) => {
                        let wrong = refused(path, text, &parsed);
                        let again = is_policy(&parsed.resource).then(|| twice(path, &parsed, &mut seen)).flatten();
                        let metadata = &parsed.resource.metadata;
                        if let Some(doubt) = doubt(metadata, &wrong, again.as_ref()) {
                            doubts.entry(metadata.namespace.clone()).or_insert(doubt);
                        }
                        warnings.extend(wrong.into_iter().chain(again));
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
        if !resources.iter().any(is_policy) {
            let at = files.first().map(|(path, _)| Place::at(path)).unwrap_or_default();
            let message = "there is no AuthorizationPolicy and no PeerAuthentication, so that everything is let in";
            warnings.push(Finding::warning("access/nothing", at, message, "name the files that hold them"));
        }
        let policies = Policies::new(mesh.clone(), &resources);
        Ok(Self { mesh, resources, policies, doubts, warnings })
    }

    /// What they decide about a call.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        self.doubted(self.policies.decide(request), request)
    }

    /// The same decision, with what is not known of the policies near the workload.
    fn doubted(&self, decision: Decision, request: &Request) -> Decision {
        let near = [&request.to.namespace, &self.mesh.root_namespace].into_iter().find_map(|at| self.doubts.get(at));
        Decision { unsure: decision.unsure.or_else(|| near.cloned()), ..decision }
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
                let decision = self.doubted(self.policies.decide_from_anywhere(&request), &request);
                let is_denied = decision.verdict == Verdict::Deny;
                let let_in_otherwise = is_denied && matrix.access(to).admitting(&request).is_some();
                vec![Told { at: String::new(), principal: request.from.principal, decision, let_in_otherwise }]
            }
            _ => vec![],
        })
    }
}

fn is_policy(resource: &Resource) -> bool {
    matches!(resource.spec, Spec::AuthorizationPolicy(_) | Spec::PeerAuthentication(_))
}

/// Why a cluster may decide otherwise than by a policy as it stands here.
fn doubt(metadata: &ObjectMeta, wrong: &[Finding], again: Option<&Finding>) -> Option<String> {
    let name = format!("{}/{}", metadata.namespace, metadata.name);
    match (wrong.first(), again) {
        (Some(_), _) => Some(format!("Istio refuses {name}, so that a cluster does not hold it as it stands")),
        (None, Some(_)) => Some(format!("{name} stands twice, and a cluster holds the one that is applied last")),
        (None, None) => None,
    }
}

/// What is doubtful where a policy was `seen` before, by its kind and name.
fn twice(path: &str, parsed: &Parsed, seen: &mut BTreeMap<[String; 3], (String, u32)>) -> Option<Finding> {
    let Resource { metadata, .. } = &parsed.resource;
    let kind = parsed.resource.kind_name();
    let of = [kind, &metadata.namespace, &metadata.name].map(str::to_owned);
    let (other, line) = seen.insert(of, (path.to_owned(), parsed.line))?;
    let message = format!(
        "the {kind} {}/{} stands here and at {other}:{line}: all of it is counted, and a cluster holds the one that is \
         applied last",
        metadata.namespace, metadata.name
    );
    let place = Place { line: parsed.line, column: 1, ..Place::at(path) };
    Some(Finding::warning("access/twice", place, message, "leave one of them out"))
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
