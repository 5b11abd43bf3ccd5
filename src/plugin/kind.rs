//! The kinds of resources that a plugin may own.

use super::fault::short;

/// A kind of resource that a plugin owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OwnedKind {
    /// Such as `networking.k8s.io/v1`.
    pub(super) api_version: String,
    /// Such as `NetworkPolicy`.
    pub(super) kind: String,
}

/// Kinds of Kubernetes that stand in no namespace: a plugin is asked about namespaces (`kubectl api-resources
/// --namespaced=false`). A kind of any group that bears such a name is refused, since only its definition would tell.
const OF_THE_CLUSTER: [&str; 44] = [
    "APIService",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterNetworkPolicy",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTrustBundle",
    "ComponentStatus",
    "CustomResourceDefinition",
    "DeviceClass",
    "DeviceTaintRule",
    "FlowSchema",
    "GatewayClass",
    "IPAddress",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ResourceSlice",
    "RuntimeClass",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "ServiceCIDR",
    "StorageClass",
    "StorageVersion",
    "StorageVersionMigration",
    "SubjectAccessReview",
    "TokenReview",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
    "VolumeSnapshotClass",
    "VolumeSnapshotContent",
];

/// The longest kind and API version, in bytes.
const LONGEST: usize = 100;

impl OwnedKind {
    /// Why no plugin may own it; none where one may.
    pub(super) fn refused(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            _ if !is_kind(&self.kind) || !is_api_version(&self.api_version) => Some("is the kind of no resource"),
            kind if kind.eq_ignore_ascii_case("Secret") => Some("never goes to Git; name one that is there"),
            kind if kind.ends_with("List") => Some("may hold anything; answer the resources in it one by one"),
            kind if OF_THE_CLUSTER.contains(&kind) => Some("stands in no namespace, and a plugin is asked about those"),
            _ => None,
        }
    }
}

impl std::fmt::Display for OwnedKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` of `{}`", short(&self.kind), short(&self.api_version))
    }
}

fn is_kind(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    letters && text.len() <= LONGEST && text.starts_with(|first: char| first.is_ascii_uppercase())
}

/// Whether a text is `version` or `group/version` (Kubernetes API conventions).
fn is_api_version(text: &str) -> bool {
    let (group, version) = text.rsplit_once('/').unwrap_or(("", text));
    let plain = |text: &str| text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    let is_version = version.strip_prefix('v').is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()));
    let is_group = group.split('.').all(|label| !label.is_empty() && label.split('-').all(plain));
    text.len() <= LONGEST && is_version && plain(version) && (!text.contains('/') || is_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_in_its_place_is_not_repeated() {
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHdo\n-----END PRIVATE KEY-----\n";
        for [api_version, kind] in [["v1", key], [key, "Pod"]] {
            let said = OwnedKind { api_version: api_version.into(), kind: kind.into() }.to_string();
            assert!(said.contains("(not repeated") && !said.contains("MC4C"), "{said}");
        }
    }

    #[test]
    fn what_may_hold_anything_or_stands_in_no_namespace_is_owned_by_no_plugin() {
        let refused = |api_version: &str, kind: &str| {
            OwnedKind { api_version: api_version.into(), kind: kind.into() }.refused().unwrap_or_default()
        };
        for (api_version, kind) in [
            ("v1", "ConfigMap"),
            ("networking.k8s.io/v1", "NetworkPolicy"),
            ("cert-manager.io/v1alpha2", "Certificate"),
            ("authorization.k8s.io/v1", "LocalSubjectAccessReview"),
            ("resource.k8s.io/v1", "ResourceClaim"),
            ("gateway.networking.k8s.io/v1", "Gateway"),
        ] {
            assert_eq!(refused(api_version, kind), "", "{kind}");
        }
        for (api_version, kind, why) in [
            ("v1", "List", "may hold anything"),
            ("v1", "SecretList", "may hold anything"),
            ("v1", "Secret", "never goes to Git"),
            ("example.com/v1", "Secret", "never goes to Git"),
            ("authorization.openshift.io/v1", "ClusterRole", "in no namespace"),
            ("v1", "ComponentStatus", "in no namespace"),
            ("v1", "Namespace", "in no namespace"),
            ("v1", "Node", "in no namespace"),
            ("v1", "PersistentVolume", "in no namespace"),
            ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "in no namespace"),
            ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding", "in no namespace"),
            ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "in no namespace"),
            ("authentication.k8s.io/v1", "SelfSubjectReview", "in no namespace"),
            ("authentication.k8s.io/v1", "TokenReview", "in no namespace"),
            ("authorization.k8s.io/v1", "SelfSubjectAccessReview", "in no namespace"),
            ("authorization.k8s.io/v1", "SelfSubjectRulesReview", "in no namespace"),
            ("authorization.k8s.io/v1", "SubjectAccessReview", "in no namespace"),
            ("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "in no namespace"),
            ("gateway.networking.k8s.io/v1", "GatewayClass", "in no namespace"),
            ("internal.apiserver.k8s.io/v1alpha1", "StorageVersion", "in no namespace"),
            ("networking.k8s.io/v1", "IPAddress", "in no namespace"),
            ("networking.k8s.io/v1", "ServiceCIDR", "in no namespace"),
            ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", "in no namespace"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "in no namespace"),
            ("resource.k8s.io/v1", "DeviceClass", "in no namespace"),
            ("resource.k8s.io/v1", "ResourceSlice", "in no namespace"),
            ("resource.k8s.io/v1alpha3", "DeviceTaintRule", "in no namespace"),
            ("snapshot.storage.k8s.io/v1", "VolumeSnapshotContent", "in no namespace"),
            ("storage.k8s.io/v1", "VolumeAttachment", "in no namespace"),
            ("storage.k8s.io/v1", "VolumeAttributesClass", "in no namespace"),
            ("storagemigration.k8s.io/v1beta1", "StorageVersionMigration", "in no namespace"),
            ("v1", "secret", "the kind of no resource"),
            ("v1", "../x", "the kind of no resource"),
            ("v1", "Kust omization", "the kind of no resource"),
            ("v1", "", "the kind of no resource"),
            ("V1", "ConfigMap", "the kind of no resource"),
            ("v1 ", "ConfigMap", "the kind of no resource"),
            ("a/b/../v1", "ConfigMap", "the kind of no resource"),
            ("/v1", "ConfigMap", "the kind of no resource"),
            ("", "ConfigMap", "the kind of no resource"),
        ] {
            assert!(refused(api_version, kind).contains(why), "{api_version} {kind}: {}", refused(api_version, kind));
        }
        assert!(OF_THE_CLUSTER.is_sorted(), "they are sorted");
    }
}
