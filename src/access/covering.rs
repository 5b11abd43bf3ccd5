//! A set of permissions in which those that cover a caller are found without looking at all.

use std::collections::{BTreeSet, HashMap};

use super::{Caller, Permission};

/// Permissions by whom they let in.
pub struct Covering<'a> {
    all: &'a BTreeSet<Permission>,
    by_account: HashMap<(&'a str, &'a str), Vec<&'a Permission>>,
    by_namespace: HashMap<&'a str, Vec<&'a Permission>>,
    addresses: Vec<&'a Permission>,
    /// Those of patterns and of everybody, which are few.
    wide: Vec<&'a Permission>,
}

impl<'a> Covering<'a> {
    /// Puts `all` in order; cost in proportion to their number.
    #[must_use]
    pub fn of(all: &'a BTreeSet<Permission>) -> Self {
        let (by_account, by_namespace) = (HashMap::new(), HashMap::new());
        let mut covering = Self { all, by_account, by_namespace, addresses: vec![], wide: vec![] };
        for permission in all {
            match (&permission.caller, permission.caller.account()) {
                (Caller::Principal(_) | Caller::ServiceAccount(_), Some(account)) => {
                    covering.by_account.entry(account).or_default().push(permission);
                }
                (Caller::Namespace(namespace), _) if namespace != "*" => {
                    covering.by_namespace.entry(namespace).or_default().push(permission);
                }
                (Caller::Address(_), _) => covering.addresses.push(permission),
                _ => covering.wide.push(permission),
            }
        }
        covering
    }

    /// The permissions that every caller has whom `caller` stands for.
    pub fn reach(&self, caller: &Caller) -> impl Iterator<Item = &'a Permission> {
        let account = caller.account();
        let namespace = match (caller, account) {
            (Caller::Namespace(namespace), _) => Some(namespace.as_str()),
            (_, account) => account.map(|(namespace, _)| namespace),
        };
        let near = account.and_then(|account| self.by_account.get(&account)).into_iter().flatten();
        let near = near.chain(namespace.and_then(|namespace| self.by_namespace.get(namespace)).into_iter().flatten());
        let addresses = matches!(caller, Caller::Address(_)).then_some(&self.addresses).into_iter().flatten();
        let near = near.chain(addresses).chain(&self.wide).copied();
        near.filter(|permission| permission.caller.covers(caller)).collect::<Vec<_>>().into_iter()
    }

    /// The permissions of callers for whom `caller` stands.
    pub fn within(&self, caller: &Caller) -> impl Iterator<Item = &'a Permission> {
        let near: Vec<&Permission> = match caller.account() {
            // Whoever is one account stands for that account alone.
            Some(account) => self.by_account.get(&account).into_iter().flatten().chain(&self.wide).copied().collect(),
            None => self.all.iter().collect(),
        };
        near.into_iter().filter(|permission| caller.covers(&permission.caller)).collect::<Vec<_>>().into_iter()
    }

    /// The parts of `permissions` that these do not cover, joined or not as they were split.
    #[must_use]
    pub fn uncovered<'p>(&self, permissions: impl IntoIterator<Item = &'p Permission>) -> BTreeSet<Permission> {
        let mut left = BTreeSet::new();
        for permission in permissions.into_iter().filter(|permission| !self.all.contains(permission)) {
            let reach: Vec<&Permission> = self.reach(&permission.caller).collect();
            let parts = permission.scope.parts().into_iter();
            let parts = parts.filter(|part| !reach.iter().any(|wide| wide.scope.covers(part)));
            left.extend(parts.map(|scope| Permission { caller: permission.caller.clone(), scope }));
        }
        left
    }
}

/// The parts of `permissions` that `by` does not cover, joined or not as they were split.
#[must_use]
pub fn uncovered<'a>(
    permissions: impl IntoIterator<Item = &'a Permission>,
    by: &BTreeSet<Permission>,
) -> BTreeSet<Permission> {
    Covering::of(by).uncovered(permissions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::Scope;

    fn caller() -> impl Strategy<Value = Caller> {
        let name = || prop_oneof![Just("a"), Just("b"), Just("*")];
        let address = prop_oneof![Just("10.0.0.0/8"), Just("10.1.0.0/16"), Just("10.1.2.3")];
        prop_oneof![
            Just(Caller::Anyone),
            Just(Caller::Principal("*".into())),
            Just(Caller::Outside("cluster.local/ns/a/sa/b".into())),
            (name(), name()).prop_map(|(ns, sa)| Caller::Principal(format!("cluster.local/ns/{ns}/sa/{sa}"))),
            (name(), name()).prop_map(|(ns, sa)| Caller::ServiceAccount(format!("{ns}/{sa}"))),
            name().prop_map(|namespace| Caller::Namespace(namespace.into())),
            address.prop_map(|address| Caller::Address(address.into())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_found_in_order_is_what_a_look_at_all_finds(
            callers in proptest::collection::vec(caller(), 0..12), caller in caller(),
        ) {
            let all: BTreeSet<Permission> =
                callers.into_iter().map(|caller| Permission { caller, scope: Scope::default() }).collect();
            let covering = Covering::of(&all);
            let found: BTreeSet<&Permission> = covering.reach(&caller).collect();
            prop_assert_eq!(found, all.iter().filter(|it| it.caller.covers(&caller)).collect());
            let found: BTreeSet<&Permission> = covering.within(&caller).collect();
            prop_assert_eq!(found, all.iter().filter(|it| caller.covers(&it.caller)).collect());
        }
    }
}
