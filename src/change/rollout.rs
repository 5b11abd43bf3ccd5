//! How far a merged change has come on clusters, as the GitOps engines there tell.

use serde::{Deserialize, Serialize};

use super::audit::CLUSTERS;
use super::id::Timestamp;
use crate::repo::CommitId;

/// The longest name of a provider, a cluster or a namespace, in bytes.
const LONGEST_NAME: usize = 253;

/// One namespace of one cluster, whose generated files a change touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `provider/cluster`.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// When its engine had synced a commit of main that holds the change; none while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced: Option<Timestamp>,
    /// When that was found healthy, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Timestamp>,
}

impl Place {
    /// The place that a path of the config repository lies in; none for what is no file of a namespace.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let mut segments = path.split('/');
        let (CLUSTERS, provider, cluster, namespace, _) =
            (segments.next()?, segments.next()?, segments.next()?, segments.next()?, segments.next()?)
        else {
            return None;
        };
        let (cluster, namespace) = (format!("{provider}/{cluster}"), namespace.to_owned());
        Some(Self { cluster, namespace, synced: None, live: None })
    }

    /// `provider/cluster/namespace`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.cluster, self.namespace)
    }
}

/// How far a merged change has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rollout {
    /// The places that it touched, in the order of their paths.
    pub places: Vec<Place>,
    /// When it was live at all of them; when it was merged, if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Timestamp>,
}

/// What a merged change has come to at all of its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Synced,
    Live,
}

impl Stage {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Live => "live",
        }
    }
}

impl Rollout {
    /// What it has come to; none where it is not known to be synced everywhere, or has to come nowhere.
    pub(super) fn stage(&self) -> Option<Stage> {
        let is_synced = !self.places.is_empty() && self.places.iter().all(|place| place.synced.is_some());
        if !is_synced {
            return None;
        }
        Some(if self.live.is_some() { Stage::Live } else { Stage::Synced })
    }

    /// A change that was merged at `merged` and touched these files.
    pub(super) fn begin<'a>(paths: impl Iterator<Item = &'a str>, merged: Timestamp) -> Self {
        let mut places: Vec<Place> = paths.filter_map(Place::of).collect();
        places.sort_by_key(Place::path);
        places.dedup();
        let live = places.is_empty().then_some(merged);
        Self { places, live }
    }

    /// Takes over what another look at the same change found, where nothing was known yet.
    pub(super) fn join(&mut self, other: &Self) {
        for (place, found) in self.places.iter_mut().zip(&other.places) {
            place.synced = place.synced.or(found.synced);
            place.live = place.live.or(found.live);
        }
        self.live = self
            .live
            .or_else(|| self.places.iter().map(|place| place.live).collect::<Option<Vec<_>>>()?.into_iter().max());
    }

    /// The place of a path, if the change touched it.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<&Place> {
        let place = Place::of(path)?;
        self.places.iter().find(|known| known.cluster == place.cluster && known.namespace == place.namespace)
    }
}

/// What an engine tells: it has synced a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `provider/cluster`.
    cluster: String,
    /// The namespace; none for all of the cluster.
    namespace: Option<String>,
    /// The commit.
    pub(super) revision: CommitId,
    /// Whether what came of it is healthy.
    pub(super) healthy: bool,
    /// When the engine found that.
    pub(super) at: Timestamp,
}

impl Report {
    /// A report about a namespace of a cluster, or all of them.
    ///
    /// # Errors
    /// What of it cannot be, in words for whoever configures the engine.
    pub fn new(
        cluster: &str,
        namespace: Option<&str>,
        revision: &str,
        healthy: bool,
        at: &str,
    ) -> Result<Self, String> {
        let names: Vec<&str> = cluster.split('/').collect();
        if names.len() != 2 || !names.iter().all(|name| is_name(name)) {
            return Err("`cluster` must be provider/cluster, the two folders below `clusters/`".to_owned());
        }
        if !namespace.is_none_or(is_name) {
            return Err("`namespace` must be the name of a folder below that of its cluster".to_owned());
        }
        let revision =
            revision.parse().map_err(|_| "`revision` must be a commit of Git, 40 hexadecimal digits".to_owned())?;
        let at = Timestamp::parse(at).ok_or_else(|| "the time must be written as in RFC 3339".to_owned())?;
        Ok(Self { cluster: cluster.to_owned(), namespace: namespace.map(str::to_owned), revision, healthy, at })
    }

    /// What it is about: `provider/cluster`, with the namespace if it is about one.
    pub(super) fn about(&self) -> String {
        self.namespace
            .as_ref()
            .map_or_else(|| self.cluster.clone(), |namespace| format!("{}/{namespace}", self.cluster))
    }

    /// Whether it may tell something new of a place that it is about.
    pub(super) fn is_new_to(&self, place: &Place) -> bool {
        place.synced.is_none() || self.healthy && place.live.is_none()
    }

    /// Notes it at a place that it is about and whose change it holds. The clock of a cluster may be wrong: nothing is
    /// synced before it was `merged`, nor later than now.
    pub(super) fn note(&self, place: &mut Place, merged: Timestamp, now: Timestamp) {
        let at = Some(self.at.min(now).max(merged));
        place.synced = place.synced.or(at);
        place.live = place.live.or(at.filter(|_| self.healthy));
    }
}

/// Whether a folder may be called so.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_place_is_the_folder_of_a_namespace() {
        let place = Place::of("clusters/gke/east/shop/cart/virtual-service-cart.yaml").unwrap();
        assert_eq!((place.cluster.as_str(), place.namespace.as_str()), ("gke/east", "shop"));
        assert_eq!(Place::of("clusters/gke/east/shop/configmap-meshwright.yaml").unwrap().path(), "gke/east/shop");
        for path in ["clusters/gke/east/README.md", "clusters/gke", "intents/shop/x/y/z/w.yaml", ""] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_change_is_live_with_the_last_of_its_places_and_at_once_without_any() {
        let paths = ["clusters/gke/west/shop/a/b.yaml", "clusters/gke/east/shop/a/b.yaml", "clusters/gke/east/shop/c"];
        let mut rollout = Rollout::begin(paths.into_iter(), Timestamp(10));
        assert_eq!(rollout.places.iter().map(Place::path).collect::<Vec<_>>(), ["gke/east/shop", "gke/west/shop"]);
        let told = |place: usize, healthy, at: &str| {
            let mut found = rollout.clone();
            let report = Report::new("gke/east", None, COMMIT, healthy, at).unwrap();
            report.note(&mut found.places[place], Timestamp(10), Timestamp(90));
            found
        };
        let found = [
            told(0, false, "1970-01-01T00:00:00.050Z"),
            told(0, true, "1970-01-01T00:00:00.060Z"),
            told(1, true, "1970-01-01T00:00:00.001Z"),
        ];
        let mut live = vec![];
        for found in &found {
            rollout.join(found);
            live.push(rollout.live);
        }
        let east = &rollout.places[0];
        assert_eq!((east.synced, east.live), (Some(Timestamp(50)), Some(Timestamp(60))));
        assert_eq!(live, [None, None, Some(Timestamp(60))]);
        assert_eq!(rollout.places[1].live, Some(Timestamp(10)), "not before it was merged");
        let before = rollout.clone();
        rollout.join(&found[0]);
        assert_eq!(rollout, before, "twice is once");
        assert_eq!(Rollout::begin(["intents/a"].into_iter(), Timestamp(7)).live, Some(Timestamp(7)));
    }

    #[test]
    fn a_journal_from_before_knows_of_no_rollout_and_one_of_now_keeps_it() {
        use crate::change::{Change, ChangeId};
        let mut change = Change::new(ChangeId::parse("abcdef012345").unwrap(), [].into(), Timestamp(1));
        let text = serde_json::to_string(&change).unwrap();
        assert!(!text.contains("rollout"), "{text}");
        assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
        change.rollout = Some(Rollout::begin(["clusters/gke/east/shop/a"].into_iter(), Timestamp(7)));
        let text = serde_json::to_string(&change).unwrap();
        assert!(text.contains(r#""rollout":{"places":[{"cluster":"gke/east","namespace":"shop"}]}"#), "{text}");
        assert_eq!(serde_json::from_str::<Change>(&text).unwrap(), change);
    }

    #[test]
    fn what_a_report_cannot_be_is_said_with_the_field() {
        let of = |cluster: &str, namespace, revision: &str, at: &str| {
            Report::new(cluster, namespace, revision, true, at).map(|report| report.about())
        };
        let at = "2026-11-22T06:50:45Z";
        assert_eq!(of("gke/east", Some("shop"), COMMIT, at).unwrap(), "gke/east/shop");
        assert_eq!(of("gke/east", None, COMMIT, at).unwrap(), "gke/east");
        let long = "x".repeat(LONGEST_NAME + 1);
        for (cluster, namespace, revision, at, field) in [
            ("gke", None, COMMIT, at, "`cluster`"),
            ("gke/east/shop", None, COMMIT, at, "`cluster`"),
            ("gke/", None, COMMIT, at, "`cluster`"),
            ("gke/a b", None, COMMIT, at, "`cluster`"),
            ("gke/east", Some(""), COMMIT, at, "`namespace`"),
            ("gke/east", Some(long.as_str()), COMMIT, at, "`namespace`"),
            ("gke/east", None, &COMMIT[1..], at, "`revision`"),
            ("gke/east", None, COMMIT, "yesterday", "RFC 3339"),
        ] {
            let why = of(cluster, namespace, revision, at).unwrap_err();
            assert!(why.contains(field), "{why}");
        }
    }
}
