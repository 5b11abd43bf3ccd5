//! Policies read from manifests as people wrote them.

use super::{Mesh, Policies};
use crate::finding::{Finding, Place};
use crate::istio;

impl Policies {
    /// Reads manifests, each with its path; what is no policy is passed over.
    ///
    /// # Errors
    /// What cannot be read: without it every decision could be wrong, so that there is none.
    pub fn read(mesh: Mesh, files: &[(String, String)]) -> Result<Self, Vec<Finding>> {
        let (mut resources, mut findings) = (vec![], vec![]);
        for (path, text) in files {
            for parsed in istio::read(text) {
                match parsed {
                    Ok(parsed) => resources.push(parsed.resource),
                    Err(error) => findings.push(Finding::error(
                        "access/manifest",
                        Place::at(path),
                        error.to_string(),
                        "mend the manifest, or leave the file out",
                    )),
                }
            }
        }
        if findings.is_empty() { Ok(Self::new(mesh, &resources)) } else { Err(findings) }
    }
}
