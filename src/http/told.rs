//! Reading what GitOps engines tell.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::change::Report;

/// The longest words about a body that is no such JSON, in characters: it may be repeated in them.
const LONGEST_REASON: usize = 200;

/// What the template for the notifications of Argo CD gives that `docs/gitops.md` has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notification {
    application: String,
    cluster: String,
    namespace: String,
    /// The commit that the sync status is about.
    revision: String,
    /// The sync status: `Synced`, `OutOfSync`, `Unknown`.
    sync: String,
    /// The health status: `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing`, `Unknown`.
    health: String,
    at: String,
}

/// An event of Flux (fluxcd/pkg, `apis/event/v1beta1`), as the provider `generic-hmac` of the notification-controller
/// forwards it; what does not concern us is passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    involved_object: Object,
    timestamp: String,
    reason: String,
    /// The metadata of the controller and of the Alert, without their prefixes.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Object {
    kind: String,
    #[serde(default)]
    name: String,
}

/// What a notification of Argo CD reports; none if it is not of an application that is synced.
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn argocd(body: &[u8]) -> Result<Option<Report>, String> {
    let told: Notification = read(body, "what the template in docs/gitops.md gives")?;
    let Notification { application, cluster, namespace, revision, sync, health, at } = told;
    tracing::debug!(application, cluster, namespace, revision, sync, health, "Argo CD tells of an application");
    if sync != "Synced" {
        return Ok(None);
    }
    Report::new(&cluster, Some(&namespace), &revision, health == "Healthy", &at).map(Some)
}

/// What an event of Flux reports; none if it is not about a Kustomization whose files were applied.
///
/// A Kustomization is `Progressing` for as long as it is reconciled, so that it succeeded only with a whole revision;
/// where its health was to be waited for and was bad, all was applied before (fluxcd/kustomize-controller,
/// `internal/controller/kustomization_controller.go`).
///
/// # Errors
/// What is wrong with it, and what to do.
pub(super) fn flux(body: &[u8]) -> Result<Option<Report>, String> {
    let Event { involved_object: object, timestamp, reason, metadata } = read(body, "an Event of Flux")?;
    tracing::debug!(kind = object.kind, name = object.name, reason, "Flux tells of an object");
    let healthy = match (object.kind.as_str(), reason.as_str()) {
        ("Kustomization", "ReconciliationSucceeded") => true,
        ("Kustomization", "HealthCheckFailed") => false,
        _ => return Ok(None),
    };
    let field = |name: &str| metadata.get(name).map(String::as_str);
    let cluster = field("cluster").ok_or(
        "the Event does not say of which cluster it is: add `eventMetadata: {cluster: PROVIDER/CLUSTER}` to the Alert",
    )?;
    // A branch and the commit it was at (Flux RFC-0005).
    let revision = field("revision").and_then(|revision| revision.rsplit_once("sha1:")).map(|(_, commit)| commit);
    let revision = revision.ok_or(
        "the Event has no `revision` such as main@sha1:…: only a Kustomization whose source is a GitRepository can be \
         followed; leave others out of `eventSources`",
    )?;
    Report::new(cluster, field("namespace"), revision, healthy, &timestamp).map(Some)
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        let why: String = error.to_string().chars().take(LONGEST_REASON).collect();
        format!("the body is not {what}: {why}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn application(field: &str, value: Value) -> Vec<u8> {
        let mut body = json!({
            "application": "mesh-gke-east-shop", "cluster": "gke/east", "namespace": "shop", "revision": COMMIT,
            "sync": "Synced", "health": "Healthy", "at": "2026-11-22T06:50:45Z",
        });
        body[field] = value;
        body.to_string().into_bytes()
    }

    fn event(change: impl Fn(&mut Value)) -> Vec<u8> {
        // As the controller sends it: a field that is not read stands for the many.
        let mut body = json!({
            "involvedObject": {
                "kind": "Kustomization", "namespace": "flux-system", "name": "mesh", "uid": "7d0cdc51",
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "resourceVersion": "1",
            },
            "severity": "info", "timestamp": "2026-11-22T06:50:45Z", "reason": "ReconciliationSucceeded",
            "message": "Reconciliation finished in 1.2s, next run in 10m0s",
            "metadata": {"commit_status": "update", "revision": format!("main@sha1:{COMMIT}"), "cluster": "gke/east"},
            "reportingController": "kustomize-controller", "reportingInstance": "kustomize-controller-1",
        });
        change(&mut body);
        body.to_string().into_bytes()
    }

    fn report(namespace: Option<&str>, healthy: bool) -> Report {
        Report::new("gke/east", namespace, COMMIT, healthy, "2026-11-22T06:50:45Z").unwrap()
    }

    #[test]
    fn an_application_that_is_synced_reports_its_revision_and_its_health() {
        let of = |field: &str, value: &str| argocd(&application(field, value.into()));
        assert_eq!(of("sync", "Synced").unwrap(), Some(report(Some("shop"), true)));
        for health in ["Progressing", "Degraded", "Missing", "Unknown", ""] {
            assert_eq!(of("health", health).unwrap(), Some(report(Some("shop"), false)), "{health}");
        }
        for sync in ["OutOfSync", "Unknown", ""] {
            assert_eq!(of("sync", sync).unwrap(), None, "{sync}");
        }
        for (field, value) in [("revision", "main"), ("cluster", "east"), ("namespace", "a/b"), ("at", "now")] {
            let why = of(field, value).unwrap_err();
            assert!(why.contains(field) || field == "at" && why.contains("time"), "{why}");
        }
        assert!(of("more", "x").unwrap_err().contains("unknown field `more`"));
        assert!(argocd(&application("sync", Value::Null)).unwrap_err().contains("docs/gitops.md"));
        assert!(argocd(b"{}").unwrap_err().contains("missing field `application`"));
        let long = format!("{{\"{}\": 1}}", "x".repeat(100_000));
        assert!(argocd(long.as_bytes()).unwrap_err().len() < 400);
    }

    #[test]
    fn an_event_of_flux_counts_when_a_kustomization_was_applied() {
        let of = |change: &dyn Fn(&mut Value)| flux(&event(change));
        assert_eq!(of(&|_| {}).unwrap(), Some(report(None, true)));
        assert_eq!(of(&|it| it["reason"] = "HealthCheckFailed".into()).unwrap(), Some(report(None, false)));
        assert_eq!(of(&|it| it["metadata"]["namespace"] = "shop".into()).unwrap(), Some(report(Some("shop"), true)));
        let revision = format!("refs/heads/main@sha1:{COMMIT}");
        assert_eq!(of(&|it| it["metadata"]["revision"] = revision.as_str().into()).unwrap(), Some(report(None, true)));
        for reason in ["Progressing", "ReconciliationFailed", "ArtifactFailed", "DependencyNotReady", ""] {
            assert_eq!(of(&|it| it["reason"] = reason.into()).unwrap(), None, "{reason}");
        }
        assert_eq!(of(&|it| it["involvedObject"]["kind"] = "GitRepository".into()).unwrap(), None);
        for (field, value, words) in [
            ("cluster", Value::Null, "the body is not an Event of Flux"),
            ("cluster", "east".into(), "`cluster` must be"),
            ("revision", "latest@sha256:abc".into(), "GitRepository"),
            ("revision", "main@sha1:abc".into(), "40 hexadecimal digits"),
        ] {
            let why = of(&|it| it["metadata"][field] = value.clone()).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        let nowhere = of(&|it| drop(it["metadata"].as_object_mut().unwrap().remove("cluster"))).unwrap_err();
        assert!(nowhere.contains("eventMetadata"), "{nowhere}");
    }
}
