//! What identifies a change and the sets of intents that belong together.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::intent::{Anchor, Kind};

/// The identity of a change: twelve hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(String);

impl ChangeId {
    /// The identity of the change that begins with the write `seq`, accepted `at`, of `groups`.
    #[must_use]
    pub fn new(groups: &[Group], at: Timestamp, seq: u64) -> Self {
        let mut hash = Sha256::new();
        for group in groups {
            hash.update(group.0.as_bytes());
            hash.update([0]);
        }
        hash.update(at.0.to_be_bytes());
        hash.update(seq.to_be_bytes());
        Self(hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads an identity; none when it is not twelve hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 12 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The identity as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of intents that is changed as one: a deployment intent group, else a project, else a cluster provider, else
/// the plugins. It is named by the anchor of that resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(String);

impl Group {
    /// The group that a resource belongs to by its place alone.
    #[must_use]
    pub fn natural(anchor: &Anchor) -> Self {
        let by = |kind| anchor.ancestor(kind);
        let head = by(Kind::DeploymentIntentGroup).or_else(|| by(Kind::Project)).or_else(|| by(Kind::ClusterProvider));
        Self(head.map_or_else(|| "dtc-controllers".to_owned(), |head| head.as_str().to_owned()))
    }

    /// The anchor that names it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its names without those of the collections, such as `shop/boutique/v1/prod`.
    #[must_use]
    pub fn short(&self) -> String {
        let mut segments = self.0.split('/');
        let mut names = vec![];
        while let Some(collection) = segments.next() {
            // A composite app is named by its version too.
            let count = if collection == "composite-apps" { 2 } else { 1 };
            names.extend(segments.by_ref().take(count));
        }
        if names.is_empty() { self.0.clone() } else { names.join("/") }
    }

    /// The project it lies in, if any.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.0.strip_prefix("projects/")?.split('/').next()
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339, with any offset and any fraction of a second; what is shorter than a millisecond is left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|moment| Self(moment.timestamp_millis()))
    }

    /// The moment `milliseconds` later.
    #[must_use]
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a calendar cannot name is as near to it as it can.
        let moment = DateTime::from_timestamp_millis(self.0);
        let moment = moment.unwrap_or(if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC });
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_rfc_3339() {
        for (moment, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_330_245_678, "2026-11-22T06:50:45.678Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(moment).to_string(), text);
            assert_eq!(Timestamp::parse(text), Some(Timestamp(moment)));
        }
        assert_eq!(Timestamp::parse("2000-02-29T01:00:00+01:00"), Some(Timestamp(951_782_400_000)));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert!(Timestamp(i64::MAX).to_string().starts_with('+'));
    }

    #[test]
    fn a_resource_belongs_to_its_deployment_intent_group_else_project_else_provider() {
        for (anchor, group) in [
            (
                "projects/p/composite-apps/a/v/deployment-intent-groups/d/traffic-group-intents/t",
                "projects/p/composite-apps/a/v/deployment-intent-groups/d",
            ),
            ("projects/p/composite-apps/a/v/apps/x", "projects/p"),
            ("cluster-providers/gke/clusters/east", "cluster-providers/gke"),
            ("dtc-controllers/dns", "dtc-controllers"),
        ] {
            assert_eq!(Group::natural(&Anchor::parse(anchor).unwrap()).as_str(), group);
        }
    }

    #[test]
    fn a_group_has_a_short_name() {
        for (anchor, short) in [
            ("projects/p/composite-apps/a/v/deployment-intent-groups/d", "p/a/v/d"),
            ("projects/p", "p"),
            ("dtc-controllers/dns", "dtc-controllers"),
        ] {
            assert_eq!(Group::natural(&Anchor::parse(anchor).unwrap()).short(), short);
        }
    }
}
