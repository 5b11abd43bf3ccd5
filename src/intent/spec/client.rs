//! Who may call a server.

use crate::intent::fields::{Fields, Scalar};
use crate::intent::name::Name;
use crate::intent::scalar::{DnsLabel, Flag, IpBlock, Label, ServiceAccountRef};
use serde_json::{Value, json};

/// The deployment intent group that a client's app belongs to, as `project/composite-app/version/group`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlacedIn {
    /// The anchor of that deployment intent group.
    pub group: String,
}

impl Scalar for PlacedIn {
    fn read(value: &Value) -> Result<Self, String> {
        let message = || "must be <project>/<composite-app>/<version>/<deployment-intent-group>".to_owned();
        let parts: Vec<Name> = value
            .as_str()
            .ok_or_else(message)?
            .split('/')
            .map(Name::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| message())?;
        let [project, app, version, group] = parts.as_slice() else { return Err(message()) };
        Ok(Self {
            group: format!("projects/{project}/composite-apps/{app}/{version}/deployment-intent-groups/{group}"),
        })
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[^/]+/[^/]+/[^/]+/[^/]+$"})
    }
}

/// A client intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The calling app; decides its clusters.
    pub app: Name,
    /// Selects the calling pods; shown to reviewers.
    pub label: Label,
    /// The calling Service; shown to reviewers.
    pub service: DnsLabel,
    /// Namespaces whose every identity may call.
    pub namespaces: Vec<DnsLabel>,
    /// Addresses that narrow each identity, or stand alone without a sidecar.
    pub cidrs: Vec<IpBlock>,
    /// Identities that may call.
    pub service_accounts: Vec<ServiceAccountRef>,
    /// Whether the calling pods have a sidecar, and so an identity.
    pub sidecar: bool,
    /// Where the calling app is found, when not in the server's own group.
    pub placed_in: Option<PlacedIn>,
}

impl Client {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let app = f.required("app", "the calling app");
        let label = f.required("appLabel", "key=value that selects the calling pods");
        let service = f.required("serviceName", "the calling Service");
        let namespaces = f.required_list("namespaces", "namespaces whose every identity may call; may be empty");
        let cidrs = f.required_list("cidrs", "addresses that narrow each identity; may be empty");
        let service_accounts = f.list("serviceAccounts", "identities that may call, each ns/sa");
        let sidecar =
            f.optional::<Flag>("sidecar", "whether the calling pods have a sidecar; default yes").is_none_or(|f| f.0);
        let placed_in = f.optional("placedIn", "project/composite-app/version/group where the calling app is found");
        if !sidecar && cidrs.is_empty() {
            f.violation("cidrs", "a client without a sidecar has no identity: name its addresses");
        }
        if !(sidecar || namespaces.is_empty() && service_accounts.is_empty()) {
            f.violation(
                "sidecar",
                "a client without a sidecar has no identity: leave namespaces and serviceAccounts empty",
            );
        }
        Some(Self {
            app: app?,
            label: label?,
            service: service?,
            namespaces,
            cidrs,
            service_accounts,
            sidecar,
            placed_in,
        })
    }
}
