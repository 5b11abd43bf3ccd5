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

/// The most pairs of an identity and a block of addresses in one client: each is a caller of its own to whoever judges
/// who may call what.
const MOST_CALLERS: usize = 1_024;

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
        let callers = (namespaces.len() + service_accounts.len()) * cidrs.len().max(1);
        if callers > MOST_CALLERS {
            let message = format!(
                "narrow each namespace and service account, which makes {callers} pairs, and at most {MOST_CALLERS} are \
                 allowed: write wider blocks, or split the client"
            );
            f.violation("cidrs", message);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_and_addresses_of_one_client_have_a_bound_together() {
        let spec = |identities: usize, blocks: usize| {
            let namespaces: Vec<_> = (0..identities / 2).map(|n| format!("n{n}")).collect();
            let accounts: Vec<_> = (identities / 2..identities).map(|n| format!("n/a{n}")).collect();
            let cidrs: Vec<_> = (0..blocks).map(|n| format!("10.0.{n}.0/24")).collect();
            json!({"app": "a", "appLabel": "app=a", "serviceName": "a", "namespaces": namespaces, "cidrs": cidrs,
                "serviceAccounts": accounts})
        };
        for (identities, blocks) in [(64, 16), (512, 0), (512, 2), (0, 256)] {
            assert!(Fields::read(&spec(identities, blocks), "/spec", Client::read).is_ok(), "{identities} {blocks}");
        }
        let found = Fields::read(&spec(65, 16), "/spec", Client::read).unwrap_err();
        assert_eq!(found[0].pointer, "/spec/cidrs");
        assert!(found[0].message.contains("1040 pairs"), "{}", found[0].message);
    }
}
