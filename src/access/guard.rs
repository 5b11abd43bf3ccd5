//! What the policies of one workload say together.

use std::collections::BTreeSet;

use super::permission::of_rule;
use super::{Caller, Permission};
use crate::istio::{Action, AuthorizationPolicy, ObjectMeta};

/// Who is let in before DENY policies are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowSet {
    /// Everybody: no enforced ALLOW policy selects the workload.
    Open,
    /// What one of these matches, and nothing else.
    Closed(BTreeSet<Permission>),
}

impl AllowSet {
    /// Whether everybody may do everything, for want of a policy or because one says so.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        let is_all = |it: &Permission| it.caller == Caller::Anyone && it.scope.is_everything();
        match self {
            Self::Open => true,
            Self::Closed(permissions) => permissions.iter().any(is_all),
        }
    }
}

/// What the enforced policies that select one workload say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Who is let in.
    pub allow: AllowSet,
    /// What is turned away all the same.
    pub deny: BTreeSet<Permission>,
    /// What is marked for the audit log.
    pub audit: BTreeSet<Permission>,
}

impl Guard {
    /// What `policies` say, all of which select the workload; those that are not enforced say nothing.
    ///
    /// CUSTOM policies ask somebody else and are passed over. Whether a port speaks HTTP is not looked at: fields of
    /// requests are taken to apply; see [`Guard::without_requests`].
    #[must_use]
    pub fn of<'a>(policies: impl IntoIterator<Item = (&'a ObjectMeta, &'a AuthorizationPolicy)>) -> Self {
        let mut guard = Self { allow: AllowSet::Open, deny: BTreeSet::new(), audit: BTreeSet::new() };
        for (metadata, policy) in policies.into_iter().filter(|(metadata, _)| is_enforced(metadata)) {
            let action = policy.action.as_ref().unwrap_or(&Action::Allow);
            let permissions = policy.rules.iter().flat_map(|rule| of_rule(rule, &metadata.namespace, action));
            match action {
                Action::Allow => match &mut guard.allow {
                    AllowSet::Closed(known) => known.extend(permissions),
                    AllowSet::Open => guard.allow = AllowSet::Closed(permissions.collect()),
                },
                Action::Deny => guard.deny.extend(permissions),
                Action::Audit => guard.audit.extend(permissions),
                Action::Custom | Action::Other(_) => {}
            }
        }
        guard
    }

    /// The same where the sidecar reads no requests: what DENY and AUDIT say of them is dropped, so that they match more
    /// (istio `pilot/pkg/security/authz/model/model.go`, `checkError`).
    ///
    /// ALLOW stays as it is written, though Istio passes over its rules about requests: what a port really speaks is up to
    /// the Service, and nobody who may call is to be missed.
    #[must_use]
    pub fn without_requests(self) -> Self {
        let wider = |permissions: BTreeSet<Permission>| -> BTreeSet<Permission> {
            permissions.into_iter().map(|it| Permission { scope: it.scope.of_connections(), ..it }).collect()
        };
        Self { deny: wider(self.deny), audit: wider(self.audit), ..self }
    }

    /// The same where those outside the mesh call through a gateway with the identity `gateway`, without `spiffe://`.
    #[must_use]
    pub fn through(self, gateway: &str) -> Self {
        let named = |permissions: BTreeSet<Permission>| -> BTreeSet<Permission> {
            permissions.into_iter().map(|it| Permission { caller: it.caller.through(gateway), ..it }).collect()
        };
        let allow = match self.allow {
            AllowSet::Open => AllowSet::Open,
            AllowSet::Closed(permissions) => AllowSet::Closed(named(permissions)),
        };
        Self { allow, deny: named(self.deny), audit: named(self.audit) }
    }
}

/// Whether a policy decides; one with `istio.io/dry-run` is only watched (`pilot/pkg/security/authz/builder`).
#[must_use]
pub fn is_enforced(metadata: &ObjectMeta) -> bool {
    let dry_run = metadata.annotations.get("istio.io/dry-run").map(String::as_str);
    !matches!(dry_run, Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
}
