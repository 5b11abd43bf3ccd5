//! What a permission is about: attributes of a request and the values that they may have.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::Attribute;
use super::meaning::{self, Asked};

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

/// The most pairs of patterns that are looked at for what they share; of more both are asked.
const MOST_PAIRS: usize = 4096;

impl Scope {
    /// Asks for one of `values`, if there are any; false when no value could meet this and what was asked before.
    pub(super) fn ask<'a>(&mut self, attribute: Attribute, values: impl IntoIterator<Item = &'a String>) -> bool {
        let values: BTreeSet<String> = values.into_iter().map(|value| normal(&attribute, value)).collect();
        if values.is_empty() {
            return true;
        }
        let Some(known) = self.within.get(&attribute) else {
            self.within.insert(attribute, values);
            return true;
        };
        let inside = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            let inside = |value: &&String| b.iter().any(|wide| meaning::covers(&attribute, wide, value));
            a.iter().filter(inside).cloned().collect::<BTreeSet<_>>()
        };
        let (narrow, narrower) = (inside(known, &values), inside(&values, known));
        if attribute.has_several_values() {
            // Each may be met by another value.
            if narrow != *known {
                if narrower == values {
                    self.within.insert(attribute, values);
                } else {
                    return self.ask(Attribute::Again(Box::new(attribute)), &values);
                }
            }
            return true;
        }
        // A text alone is in a pattern or out of it; only patterns cross.
        let patterns = |all: &BTreeSet<String>, inner: &BTreeSet<String>| -> Vec<String> {
            all.iter().filter(|it| meaning::has_pattern(it) && !inner.contains(*it)).cloned().collect()
        };
        let (own, others) = (patterns(known, &narrow), patterns(&values, &narrower));
        let crosses = |one: &String| others.iter().any(|other| !meaning::excludes(&attribute, one, other));
        if own.len().saturating_mul(others.len()) > MOST_PAIRS || own.iter().any(crosses) {
            return self.ask(Attribute::Again(Box::new(attribute)), &values);
        }
        let met = &narrow | &narrower;
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
    ///
    /// What several values leave of one another is found out as long as that takes some milliseconds at the most.
    #[must_use]
    pub fn covers(&self, narrow: &Self) -> bool {
        let all = |wide: &BTreeSet<String>, attribute: &Attribute, values: &BTreeSet<String>| {
            values.iter().all(|value| wide.iter().any(|wide| meaning::covers(attribute, wide, value)))
        };
        let within = self.within.iter().all(|(attribute, wide)| {
            let alike = || narrow.within.iter().filter(|(other, _)| other.plain() == attribute.plain());
            if alike().any(|(_, values)| all(wide, attribute, values)) {
                return true;
            }
            let asked = narrow.asked_like(attribute);
            if attribute.has_several_values() || asked.is_empty() {
                return false;
            }
            let mut except = narrow.refused_like(attribute);
            except.push((attribute, wide));
            meaning::is_met(&asked, &except) == Some(false)
        });
        within
            && self.except.iter().all(|(attribute, refused)| {
                if narrow.except.get(attribute).is_some_and(|by| all(by, attribute, refused)) {
                    return true;
                }
                let mut asked = narrow.asked_like(attribute);
                if attribute.has_several_values() || asked.is_empty() {
                    return false;
                }
                asked.push((attribute, refused));
                meaning::is_met(&asked, &narrow.refused_like(attribute)) == Some(false)
            })
    }

    /// What this and `other` share; none where that is plainly nothing.
    pub(super) fn met(&self, other: &Self) -> Option<Self> {
        let mut met = self.clone();
        for (attribute, values) in &other.except {
            met.refuse(attribute.clone(), values);
        }
        let possible = other.within.iter().all(|(attribute, values)| met.ask(attribute.plain().clone(), values));
        (possible && !met.is_empty()).then_some(met)
    }

    /// The same where an attribute has this value; none where it then means nothing.
    pub(super) fn at(mut self, attribute: &Attribute, value: &str) -> Option<Self> {
        let has = |values: &BTreeSet<String>| values.iter().any(|it| meaning::covers(attribute, it, value));
        if self.within.iter().any(|(other, values)| other.plain() == attribute && !has(values))
            || self.except.get(attribute).is_some_and(has)
        {
            return None;
        }
        self.within.retain(|other, _| other.plain() != attribute);
        self.except.remove(attribute);
        Some(self)
    }

    /// Whether no request can be meant; where that is not plain, no.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.within.iter().any(|(attribute, values)| {
            let asked = match attribute.has_several_values() {
                true => vec![(attribute, values)],
                false => self.asked_like(attribute),
            };
            let except = self.refused_like(attribute);
            // Alone and without domain everything is met by itself.
            let is_plain = asked.len() == 1 && except.is_empty() && !attribute.has_domain();
            !is_plain && meaning::is_met(&asked, &except) == Some(false)
        })
    }

    fn asked_like(&self, attribute: &Attribute) -> Vec<Asked<'_>> {
        self.within.iter().filter(|(other, _)| other.subject() == attribute.subject()).collect()
    }

    fn refused_like(&self, attribute: &Attribute) -> Vec<Asked<'_>> {
        self.except.iter().filter(|(other, _)| other.subject() == attribute.subject()).collect()
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
    if *attribute.plain() == Attribute::Host { value.to_ascii_lowercase() } else { value.to_owned() }
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
