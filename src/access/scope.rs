//! What a permission is about: attributes of a request and the values that they may have.

use std::collections::{BTreeMap, BTreeSet};

use super::{address, pattern};

/// An attribute of a request, named as the keys of conditions are
/// (istio.io, "Authorization Policy Conditions").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The method.
    Method,
    /// The path.
    Path,
    /// The host, in lower case; the port is part of it where the caller sends it.
    Host,
    /// The port of the workload.
    Port,
    /// The address of the direct peer.
    SourceIp,
    /// The address behind proxies.
    RemoteIp,
    /// Issuer and subject of the request's token.
    RequestPrincipal,
    /// The peer's identity.
    Principal,
    /// The peer's service account, with its namespace.
    ServiceAccount,
    /// The peer's namespace.
    Namespace,
    /// The peer's trust domain.
    TrustDomain,
    /// Another key of a condition.
    Other(String),
}

impl Attribute {
    /// Whether it is of a request that the sidecar reads, and not of the connection
    /// (istio `pilot/pkg/security/authz/model/generator.go`, "HTTP only").
    fn is_of_requests(&self) -> bool {
        match self {
            Self::Method | Self::Path | Self::Host | Self::RequestPrincipal => true,
            Self::Other(key) => key.starts_with("request."),
            _ => false,
        }
    }
}

type Values = BTreeMap<Attribute, BTreeSet<String>>;

/// What a permission is about; everything when it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scope {
    /// Each of these attributes must have one of its values.
    pub within: Values,
    /// None of these attributes may have one of its values.
    pub except: Values,
}

/// The most parts that a scope is split into; one of more stays whole.
const MOST_PARTS: usize = 512;

impl Scope {
    /// Asks for one of `values`, if there are any; false when no value could meet this and what was asked before.
    pub(super) fn ask<'a>(&mut self, attribute: Attribute, values: impl IntoIterator<Item = &'a String>) -> bool {
        let values: BTreeSet<String> = values.into_iter().map(|value| normal(&attribute, value)).collect();
        if values.is_empty() {
            return true;
        }
        let met = match self.within.get(&attribute) {
            None => values,
            Some(known) => {
                let both = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
                    let inside = |value: &&String| b.iter().any(|wide| value_covers(&attribute, wide, value));
                    a.iter().filter(inside).cloned().collect::<BTreeSet<_>>()
                };
                let mut met = both(known, &values);
                met.extend(both(&values, known));
                met
            }
        };
        let possible = !met.is_empty();
        self.within.insert(attribute, met);
        possible
    }

    /// Turns away any of `values`.
    pub(super) fn refuse<'a>(&mut self, attribute: Attribute, values: impl IntoIterator<Item = &'a String>) {
        let values: BTreeSet<String> = values.into_iter().map(|value| normal(&attribute, value)).collect();
        if !values.is_empty() {
            self.except.entry(attribute).or_default().extend(values);
        }
    }

    /// The same without what it says of requests.
    pub(super) fn of_connections(mut self) -> Self {
        self.within.retain(|attribute, _| !attribute.is_of_requests());
        self.except.retain(|attribute, _| !attribute.is_of_requests());
        self
    }

    /// Whether all of `narrow` is in this; where that is not plain, no.
    #[must_use]
    pub fn covers(&self, narrow: &Self) -> bool {
        let within = self.within.iter().all(|(attribute, wide)| {
            let inside = |value: &String| wide.iter().any(|wide| value_covers(attribute, wide, value));
            narrow.within.get(attribute).is_some_and(|values| values.iter().all(inside))
        });
        within
            && self.except.iter().all(|(attribute, refused)| {
                let none = BTreeSet::new();
                let by = narrow.except.get(attribute).unwrap_or(&none);
                refused.iter().all(|value| by.iter().any(|wide| value_covers(attribute, wide, value)))
            })
    }

    /// Whether it says nothing, and so is everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.within.is_empty() && self.except.is_empty()
    }

    /// The same in parts with one value of each attribute.
    pub(super) fn parts(&self) -> Vec<Self> {
        let size = self.within.values().try_fold(1_usize, |size, values| size.checked_mul(values.len()));
        if size.is_none_or(|size| size > MOST_PARTS) {
            return vec![self.clone()];
        }
        let mut parts = vec![Self { within: Values::new(), except: self.except.clone() }];
        for (attribute, values) in &self.within {
            let with = |part: &Self, value: &String| {
                let mut part = part.clone();
                part.within.insert(attribute.clone(), BTreeSet::from([value.clone()]));
                part
            };
            parts = parts.iter().flat_map(|part| values.iter().map(move |value| with(part, value))).collect();
        }
        parts
    }
}

fn normal(attribute: &Attribute, value: &str) -> String {
    if *attribute == Attribute::Host { value.to_ascii_lowercase() } else { value.to_owned() }
}

fn value_covers(attribute: &Attribute, wide: &str, narrow: &str) -> bool {
    match attribute {
        Attribute::SourceIp | Attribute::RemoteIp => address::covers(wide, narrow),
        Attribute::Port => wide == narrow,
        _ => pattern::covers(wide, narrow),
    }
}

/// Scopes put together again where they differ in the values of one attribute, and without what others cover.
#[must_use]
pub fn joined(scopes: impl IntoIterator<Item = Scope>) -> Vec<Scope> {
    let mut scopes: BTreeSet<Scope> = scopes.into_iter().collect();
    let attributes: BTreeSet<Attribute> = scopes.iter().flat_map(|scope| scope.within.keys().cloned()).collect();
    for attribute in attributes.into_iter().rev() {
        let mut groups: BTreeMap<(Scope, bool), BTreeSet<String>> = BTreeMap::new();
        for mut scope in scopes {
            let values = scope.within.remove(&attribute);
            groups.entry((scope, values.is_some())).or_default().extend(values.unwrap_or_default());
        }
        scopes = groups
            .into_iter()
            .map(|((mut scope, has), values)| {
                if has {
                    scope.within.insert(attribute.clone(), values);
                }
                scope
            })
            .collect();
    }
    let all: Vec<Scope> = scopes.into_iter().collect();
    all.iter().filter(|scope| !all.iter().any(|wide| wide != *scope && wide.covers(scope))).cloned().collect()
}
