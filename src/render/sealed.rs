//! Certificates whose private key was sealed at intake: a SealedSecret in the namespace of each cluster's gateway.

use std::sync::Arc;

use serde_json::{Map, json};

use super::manifest::Draft;
use super::output::Manifest;
use super::server::Server;
use crate::finding::{Finding, Place};
use crate::intent::posted::secret_name;
use crate::intent::sealing::SealedKey;
use crate::intent::settings::GitOps;
use crate::intent::{ClusterFacts, ClusterId};
use crate::istio::Other;

/// The rule of what is wrong with a sealed key.
const RULE: &str = "render/sealed-key";

fn key<'s>(server: &'s Server<'_>, cluster: &ClusterId) -> Option<&'s SealedKey> {
    server.inbound.external.sealed.as_ref()?.0.get(&cluster.to_string())
}

/// The name of the secret that the certificate of `server` is unsealed into on `cluster`. Only the controller of the
/// cluster that it was sealed for can read it, and only into a secret of that name and namespace.
///
/// # Errors
/// A finding that says why there is no such secret, or that nobody could read it.
pub(super) fn credential(
    server: &Server<'_>,
    cluster: &ClusterId,
    facts: &ClusterFacts,
    findings: &mut Vec<Finding>,
) -> Result<String, Finding> {
    let place = || Place::pointing(server.anchor.as_str(), "/spec/external/sealed");
    let again = "put the intent once more with its serviceCertificate and servicePrivateKey";
    let Some(key) = key(server, cluster) else {
        let message = format!("the private key was not sealed for {cluster}, where the app runs now");
        return Err(Finding::error(RULE, place(), message, again));
    };
    let (name, namespace) = (secret_name(server.anchor), &facts.ingress.namespace);
    if key.name != name || key.namespace != *namespace {
        let message = format!(
            "the private key was sealed for the secret {}/{} of {cluster}, and can be read there only, not in {namespace}/{name}",
            key.namespace, key.name
        );
        return Err(Finding::error(RULE, place(), message, again));
    }
    if facts.sealing_certificate.as_ref().is_none_or(|now| now.fingerprint() != key.sealed_with) {
        let message = format!("the private key was sealed with another sealingCertificate than {cluster} has now");
        let remedy = format!("{again}; it can be read for as long as the controller keeps the older key");
        findings.push(Finding::warning(RULE, place(), message, remedy));
    }
    let message =
        format!("the sealed-secrets controller of {cluster} makes the secret `{name}` in namespace `{namespace}`");
    findings.push(Finding::note(RULE, place(), message));
    Ok(name)
}

/// The SealedSecret of `server` for `cluster`; none where its key was not sealed.
pub(super) fn manifest(server: &Server<'_>, cluster: &ClusterId, gitops: GitOps) -> Option<Manifest> {
    let key = key(server, cluster)?;
    let spec = json!({
        "encryptedData": key.data,
        "template": {"metadata": {"name": key.name, "namespace": key.namespace}, "type": "kubernetes.io/tls"},
    });
    let other = Other {
        api_version: "bitnami.com/v1alpha1".into(),
        kind: "SealedSecret".into(),
        body: Arc::new(Map::from_iter([("spec".to_owned(), spec)])),
    };
    let draft = Draft {
        cluster,
        namespace: &key.namespace,
        service: server.inbound.service.as_str(),
        name: key.name.clone(),
        spec: other.into(),
        intents: vec![server.anchor.clone()],
        observed: false,
    };
    Some(draft.finish(gitops))
}
