//! AuthorizationPolicy: who may call what.

use super::message::{message, open_enum};
use super::{LabelSelector, PolicyTargetReference};

message! {
    /// An AuthorizationPolicy (`security/v1beta1/authorization_policy.proto`).
    pub struct AuthorizationPolicy {
        /// The workloads that it guards; the whole namespace when there is no target either.
        pub selector: Option<LabelSelector>,
        /// One resource that it guards; deprecated, use `target_refs`.
        pub target_ref: Option<PolicyTargetReference>,
        /// The resources that it guards.
        pub target_refs: Vec<PolicyTargetReference>,
        /// What happens to requests that match; `ALLOW` when absent.
        pub action: Option<Action>,
        /// The external authorizer of `CUSTOM`.
        pub provider: Option<ExtensionProvider>,
        /// The requests: any of these; an ALLOW policy without rules allows nothing.
        pub rules: Vec<Rule>,
    }

    /// An external authorizer (`AuthorizationPolicy.ExtensionProvider`).
    pub struct ExtensionProvider {
        /// Its name in the mesh configuration.
        pub name: String,
    }

    /// Which requests: one of `from`, one of `to` and all of `when` must hold (`Rule`).
    pub struct Rule {
        /// Who calls.
        pub from: Vec<RuleFrom>,
        /// What is called.
        pub to: Vec<RuleTo>,
        /// More conditions.
        pub when: Vec<Condition>,
    }

    /// Who calls (`Rule.From`).
    pub struct RuleFrom {
        /// The caller.
        pub source: Option<Source>,
    }

    /// What is called (`Rule.To`).
    pub struct RuleTo {
        /// The operation.
        pub operation: Option<Operation>,
    }

    /// A caller: all that is given must hold, each list by any of its items (`Source`).
    pub struct Source {
        /// The peer's identity, `<trust domain>/ns/<namespace>/sa/<service account>`.
        pub principals: Vec<String>,
        /// Not these.
        pub not_principals: Vec<String>,
        /// The identity in the request's token, `<issuer>/<subject>`.
        pub request_principals: Vec<String>,
        /// Not these.
        pub not_request_principals: Vec<String>,
        /// The peer's namespace.
        pub namespaces: Vec<String>,
        /// Not these.
        pub not_namespaces: Vec<String>,
        /// The peer's service account, `[namespace/]name`.
        pub service_accounts: Vec<String>,
        /// Not these.
        pub not_service_accounts: Vec<String>,
        /// The peer's trust domain.
        pub trust_domains: Vec<String>,
        /// Not these.
        pub not_trust_domains: Vec<String>,
        /// The peer's address, IPs or CIDRs.
        pub ip_blocks: Vec<String>,
        /// Not these.
        pub not_ip_blocks: Vec<String>,
        /// The caller's address behind proxies, IPs or CIDRs.
        pub remote_ip_blocks: Vec<String>,
        /// Not these.
        pub not_remote_ip_blocks: Vec<String>,
    }

    /// An operation: all that is given must hold, each list by any of its items (`Operation`).
    pub struct Operation {
        /// The hosts of the request.
        pub hosts: Vec<String>,
        /// Not these.
        pub not_hosts: Vec<String>,
        /// The ports of the workload.
        pub ports: Vec<String>,
        /// Not these.
        pub not_ports: Vec<String>,
        /// The methods.
        pub methods: Vec<String>,
        /// Not these.
        pub not_methods: Vec<String>,
        /// The paths.
        pub paths: Vec<String>,
        /// Not these.
        pub not_paths: Vec<String>,
    }

    /// A condition on an attribute (`Condition`).
    pub struct Condition {
        /// The attribute.
        pub key: String,
        /// The values that it may have.
        pub values: Vec<String>,
        /// The values that it may not have.
        pub not_values: Vec<String>,
    }
}

open_enum! {
    /// What happens to requests that match (`AuthorizationPolicy.Action`).
    pub enum Action {
        /// They are let in, and no others.
        Allow = "ALLOW",
        /// They are turned away.
        Deny = "DENY",
        /// They are marked for logging.
        Audit = "AUDIT",
        /// An external authorizer decides.
        Custom = "CUSTOM",
    }
}
