//! Who calls.

use super::{address, pattern};

/// Who calls, as one value of a policy names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// Everybody, with an identity or without.
    Anyone,
    /// Whoever is outside the mesh: their calls bear this identity of a gateway, without `spiffe://`.
    Outside(String),
    /// An identity without `spiffe://`, or a pattern; `*` is every peer with an identity.
    Principal(String),
    /// `namespace/account`, of any trust domain.
    ServiceAccount(String),
    /// Every identity of a namespace.
    Namespace(String),
    /// An address of the direct peer, an IP or CIDR.
    Address(String),
}

impl Caller {
    /// Whether every caller that `narrow` stands for is one of these; where that is not plain, no.
    #[must_use]
    pub fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Anyone, _) => true,
            (Self::Principal(wide), _) if wide == "*" => !matches!(narrow, Self::Anyone | Self::Address(_)),
            (Self::Outside(_), Self::Outside(_)) => true,
            (Self::Principal(wide), Self::Principal(narrow) | Self::Outside(narrow)) => pattern::covers(wide, narrow),
            (Self::Address(wide), Self::Address(narrow)) => address::covers(wide, narrow),
            (Self::Namespace(wide), Self::Namespace(narrow)) => wide == narrow || wide == "*",
            (Self::Namespace(wide), _) => narrow.account().is_some_and(|(namespace, _)| wide == namespace),
            (Self::ServiceAccount(wide), _) => {
                narrow.account().is_some_and(|(namespace, name)| *wide == format!("{namespace}/{name}"))
            }
            _ => false,
        }
    }

    /// The same caller where the gateway that calls for those outside the mesh has the identity `gateway`. Its trust
    /// domain is `cluster.local` too (istio `pilot/pkg/security/trustdomain`).
    #[must_use]
    pub(super) fn through(self, gateway: &str) -> Self {
        let outside = Self::Outside(gateway.to_owned());
        let is_gateway = match &self {
            Self::ServiceAccount(_) => self.covers(&outside),
            Self::Principal(principal) => {
                let is_local = self.parts().is_some_and(|(domain, ..)| domain == "cluster.local");
                principal == gateway || is_local && self.account().is_some() && self.account() == outside.account()
            }
            _ => false,
        };
        if is_gateway { outside } else { self }
    }

    /// Namespace and name of the one service account that this is, if it is one.
    #[must_use]
    pub fn account(&self) -> Option<(&str, &str)> {
        let (namespace, name) = match self {
            Self::ServiceAccount(account) => account.split_once('/')?,
            Self::Principal(_) | Self::Outside(_) => self.parts().map(|(_, namespace, name)| (namespace, name))?,
            _ => return None,
        };
        (!namespace.contains('*') && !name.contains('*')).then_some((namespace, name))
    }

    /// Trust domain, namespace and service account of a principal that is written in full.
    #[must_use]
    pub fn parts(&self) -> Option<(&str, &str, &str)> {
        let (Self::Principal(principal) | Self::Outside(principal)) = self else { return None };
        let (domain, rest) = principal.split_once("/ns/")?;
        let (namespace, name) = rest.split_once("/sa/")?;
        Some((domain, namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_covers_its_accounts() {
        let shop = Caller::Namespace("shop".into());
        let account = Caller::ServiceAccount("shop/frontend".into());
        let principal = Caller::Principal("cluster.local/ns/shop/sa/frontend".into());
        let outside = Caller::Outside("cluster.local/ns/shop/sa/frontend".into());
        for (wide, narrow, covers) in [
            (&shop, &account, true),
            (&shop, &principal, true),
            (&account, &principal, true),
            (&principal, &account, false),
            (&account, &shop, false),
            (&Caller::Principal("*".into()), &shop, true),
            (&Caller::Principal("*".into()), &Caller::Anyone, false),
            (&Caller::Principal("cluster.local/ns/shop/sa/*".into()), &principal, true),
            (&shop, &Caller::Principal("cluster.local/ns/shop/sa/*".into()), false),
            (&Caller::Anyone, &Caller::Address("10.0.0.1".into()), true),
            (&shop, &outside, true),
            (&principal, &outside, true),
            (&outside, &principal, false),
            (&outside, &Caller::Outside("east.example/ns/edge/sa/gateway".into()), true),
        ] {
            assert_eq!(wide.covers(narrow), covers, "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn the_gateway_is_whoever_is_outside() {
        let gateway = "east.example/ns/edge/sa/gateway";
        let principal = |text: &str| Caller::Principal(text.into());
        for (caller, is_outside) in [
            (principal(gateway), true),
            (principal("cluster.local/ns/edge/sa/gateway"), true),
            (Caller::ServiceAccount("edge/gateway".into()), true),
            (principal("west.example/ns/edge/sa/gateway"), false),
            (principal("cluster.local/ns/edge/sa/other"), false),
            (principal("*"), false),
            (Caller::Namespace("edge".into()), false),
        ] {
            assert_eq!(caller.clone().through(gateway) == Caller::Outside(gateway.into()), is_outside, "{caller:?}");
        }
    }
}
