//! Sealing the private keys of a submission for the clusters that its apps are placed on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::admit::admit;
use super::id::Timestamp;
use super::ledger::Ledger;
use super::submission::{Cause, Obstacle, Operation, Refusal, Submission};
use crate::finding::{Finding, Place};
use crate::intent::posted::{PostedKey, secret_name};
use crate::intent::sealing::{Refused, Sealed, SealingCertificate};
use crate::intent::spec::Certificates;
use crate::intent::{Anchor, ClusterId, Kind, Resource, Spec, Topology};

/// The most keys that are sealed for one submission, each counted for each cluster.
const MOST: usize = 1024;

/// Has only ciphertext stand in a submission where private keys came with it: each is sealed for the clusters of its app as
/// they are once all of it is applied to what is proposed. The keys themselves are wiped; the certificates that they were
/// sealed with are the answer.
///
/// # Errors
/// Why the submission is refused without looking at its keys, or why one of them cannot be sealed.
pub(super) fn seal(view: &Ledger, submission: &mut Submission) -> Result<Vec<(Anchor, SealingCertificate)>, Refusal> {
    let keys = std::mem::take(&mut submission.keys);
    let mut used = vec![];
    if keys.is_empty() {
        return Ok(used);
    }
    let proposed = admit(view, submission)?.proposed;
    let topology = Topology::new(&proposed, &view.base.settings.cluster_defaults);
    let (mut left, mut refused) = (MOST, vec![]);
    for (anchor, key) in keys.iter() {
        let Some((index, resource)) = posted(submission, anchor) else { continue };
        match sealed(topology, resource, key, &mut left, &mut used) {
            Ok(sealed) => *resource = sealed,
            Err((pointer, message)) => {
                let subject = anchor.as_str().to_owned();
                refused.push(Obstacle { operation: index, subject, pointer, message });
            }
        }
    }
    if refused.is_empty() { Ok(used) } else { Err(Refusal { cause: Cause::Invalid, obstacles: refused }) }
}

/// The same of a submission that is only looked at; it is copied only where a key came with it.
///
/// # Errors
/// As for [`seal`].
pub(super) fn to_sealed<'s>(view: &Ledger, submission: &'s Submission) -> Result<Cow<'s, Submission>, Refusal> {
    if submission.keys.is_empty() {
        return Ok(Cow::Borrowed(submission));
    }
    let mut copy = submission.clone();
    seal(view, &mut copy)?;
    Ok(Cow::Owned(copy))
}

/// The resource at `anchor` that a submission writes, with its place.
fn posted<'s>(submission: &'s mut Submission, anchor: &Anchor) -> Option<(usize, &'s mut Resource)> {
    submission.operations.iter_mut().enumerate().find_map(|(index, operation)| match operation {
        Operation::Create(resource) | Operation::Put(resource) if resource.anchor() == anchor => {
            Some((index, resource))
        }
        _ => None,
    })
}

/// The resource with its key sealed, or a pointer to what is wrong and what to do.
fn sealed(
    topology: Topology<'_>,
    resource: &Resource,
    key: &PostedKey,
    left: &mut usize,
    used: &mut Vec<(Anchor, SealingCertificate)>,
) -> Result<Resource, (String, String)> {
    let here = |message: String| (key.pointer().to_owned(), message);
    let clusters = clusters(topology, resource).map_err(|missing| {
        here(format!(
            "is sealed for the clusters of its app, and they are not known: {}; {}, then post the key",
            missing.message, missing.remedy
        ))
    })?;
    *left = left.checked_sub(clusters.len()).ok_or_else(|| {
        here(format!(
            "comes with too many others: at most {MOST} keys are sealed at once, each for each cluster; split it"
        ))
    })?;
    let mut targets = vec![];
    for cluster in clusters {
        let unsealable = || {
            let address = cluster.anchor().map(|anchor| anchor.to_string()).unwrap_or_default();
            here(format!(
                "cannot be sealed for {cluster}, which has no sealingCertificate: set spec.sealingCertificate of {address} \
                 to what `kubeseal --fetch-cert` prints there, or create a Secret in the gateway's namespace and name it \
                 by credentialName"
            ))
        };
        let facts = topology.facts(&cluster).ok_or_else(unsealable)?;
        let certificate = facts.sealing_certificate.ok_or_else(unsealable)?;
        targets.push((cluster, facts.ingress.namespace, certificate));
    }
    let given = Certificates::of(&resource.to_value());
    let pair = key.pair(given.service.as_deref(), given.authority.as_deref());
    let pair = pair.map_err(|Refused { field, message }| {
        let place = key.pointer().rsplit_once('/').map_or("", |(place, _)| place);
        (format!("{place}/{field}"), message.to_owned())
    })?;
    let name = secret_name(resource.anchor());
    let mut all = Sealed::default();
    for (cluster, namespace, certificate) in targets {
        let broken = || here(format!("cannot be sealed with the sealingCertificate of {cluster}: fetch it again"));
        let sealed = pair.seal(&certificate, &namespace, &name).ok_or_else(broken)?;
        all.0.insert(cluster.to_string(), sealed);
        used.extend(cluster.anchor().map(|anchor| (anchor, certificate)));
    }
    resource.with_sealed(&all).map_err(|found| match found.into_iter().next() {
        Some(first) => (first.pointer, first.message),
        None => here("cannot be kept once it is sealed".to_owned()),
    })
}

/// Where the app of a server runs.
fn clusters(topology: Topology<'_>, resource: &Resource) -> Result<BTreeSet<ClusterId>, Finding> {
    match (resource.spec(), resource.anchor().ancestor(Kind::DeploymentIntentGroup)) {
        (Spec::Inbound(inbound), Some(group)) => topology.clusters(&group, &inbound.app),
        _ => Ok(BTreeSet::new()),
    }
}

/// What is to be known of the certificates that clusters are given to seal with, or that keys were sealed with.
pub(super) fn expired(submission: &Submission, used: &[(Anchor, SealingCertificate)], now: Timestamp) -> Vec<Finding> {
    let given = submission.operations.iter().filter_map(|operation| match operation {
        Operation::Create(resource) | Operation::Put(resource) => match resource.spec() {
            Spec::Cluster(cluster) => Some((resource.anchor(), cluster.sealing_certificate.as_ref()?)),
            _ => None,
        },
        _ => None,
    });
    let all: BTreeMap<_, _> = used.iter().map(|(cluster, certificate)| (cluster, certificate)).chain(given).collect();
    let is_expired = |certificate: &SealingCertificate| {
        i64::try_from(certificate.expires()).is_ok_and(|expires| expires < now.seconds())
    };
    let expired = all.into_iter().filter(|(_, certificate)| is_expired(certificate));
    let warning = |(cluster, _): (&Anchor, _)| {
        Finding::warning(
            "topology/sealing-certificate",
            Place::pointing(cluster.as_str(), "/spec/sealingCertificate"),
            format!("the sealingCertificate of {cluster} has expired: its controller has a newer one"),
            "set it to what `kubeseal --fetch-cert` prints there, and post private keys again",
        )
    };
    expired.map(warning).collect()
}
