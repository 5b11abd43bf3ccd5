//! Changes as they are shown: one of them, or a page of those that match.

use std::fmt;

use serde::Serialize;

use crate::change::{Change, ChangeId, Ledger, Person, Place, State, Timestamp};

/// Which changes are asked for; what is not said matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Those in this state.
    pub state: Option<State>,
    /// Those that own a group of this project.
    pub project: Option<String>,
}

impl Filter {
    fn admits(&self, change: &Change) -> bool {
        self.state.is_none_or(|state| change.state == state)
            && self.project.as_deref().is_none_or(|project| change.projects().contains(&Some(project)))
    }
}

/// The place of a change in the list: newest first. It stays right while changes come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    created: Timestamp,
    id: ChangeId,
}

impl Cursor {
    fn of(change: &Change) -> Self {
        Self { created: change.created, id: change.id.clone() }
    }

    /// Reads what [`Cursor`]'s `Display` writes; none when it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (created, id) = text.rsplit_once('-')?;
        Some(Self { created: Timestamp(created.parse().ok()?), id: ChangeId::parse(id)? })
    }

    /// Newest first; ties by identity, so that the order is total.
    fn rank(&self) -> (std::cmp::Reverse<Timestamp>, &ChangeId) {
        (std::cmp::Reverse(self.created), &self.id)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.created.0, self.id)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The changes, newest first.
    pub changes: Vec<Summary>,
    /// What `after` must be to get the next page; none when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The changes that `filter` admits, newest first: at most `limit` of those behind `after`.
#[must_use]
pub fn page(ledger: &Ledger, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Page {
    let behind = |change: &&Change| after.is_none_or(|after| Cursor::of(change).rank() > after.rank());
    let all = ledger.changes.values().map(|change| &**change);
    let mut found: Vec<&Change> = all.filter(|change| filter.admits(change)).filter(behind).collect();
    let rank = |change: &&Change| (std::cmp::Reverse(change.created), change.id.clone());
    let more = found.len() > limit;
    if more {
        found.select_nth_unstable_by_key(limit, rank);
        found.truncate(limit);
    }
    found.sort_by_key(rank);
    let next = found.last().filter(|_| more).map(|last| Cursor::of(last).to_string());
    Page { changes: found.into_iter().map(Summary::of).collect(), next }
}

/// Somebody who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requester {
    /// The name of a token, an actor such as `github:alice`, or `local`.
    pub name: String,
    /// Their forge logins, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<String>,
    /// Whether it is known who that is.
    pub verified: bool,
}

impl Requester {
    fn of(person: &Person) -> Self {
        Self { name: person.name.clone(), logins: person.logins.clone(), verified: person.has_login() }
    }
}

/// How far a merged change has come at one place that it touched. Moments are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// `provider/cluster`.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// When the engine there had synced a commit that holds the change; none while that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced: Option<String>,
    /// When that was found healthy, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
}

impl Reached {
    /// The places that a merged change touched; none until somebody looked.
    #[must_use]
    pub fn all(change: &Change) -> Option<Vec<Self>> {
        Some(change.rollout.as_ref()?.places.iter().map(Self::of).collect())
    }

    fn of(place: &Place) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let (synced, live) = (text(place.synced), text(place.live));
        Self { cluster: place.cluster.clone(), namespace: place.namespace.clone(), synced, live }
    }
}

/// A change in short. Moments are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each is a field of a change, and described there")]
pub struct Summary {
    pub id: ChangeId,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub groups: Vec<String>,
    pub requesters: Vec<Requester>,
    pub created: String,
    pub last_write: String,
    pub ready: bool,
    pub sealed: bool,
    pub branch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<ChangeId>,
}

impl Summary {
    /// A change in short.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        let text = |commit: &Option<_>| commit.as_ref().map(ToString::to_string);
        Self {
            id: change.id.clone(),
            state: change.state,
            reason: change.reason.clone(),
            groups: change.groups.iter().map(|group| group.as_str().to_owned()).collect(),
            requesters: change.requesters.iter().map(Requester::of).collect(),
            created: change.created.to_string(),
            last_write: change.last_write.to_string(),
            ready: change.ready,
            sealed: change.sealed,
            branch: change.branch.clone(),
            pull: change.pull,
            head: text(&change.head),
            base: text(&change.base),
            digest: change.digest.clone(),
            merged: text(&change.merged),
            superseded_by: change.superseded_by.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Group;
    use crate::intent::Anchor;
    use std::sync::Arc;

    /// Changes of one group each, one per second; every third is merged.
    fn ledger(count: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for n in 0..count {
            let project = if n % 2 == 0 { "even" } else { "odd" };
            let group = Group::natural(&Anchor::parse(&format!("projects/{project}")).unwrap());
            // Two at a time share a moment.
            let at = Timestamp(i64::try_from(n / 2).unwrap() * 1000);
            let id = ChangeId::new(std::slice::from_ref(&group), at, n);
            let mut change = Change::new(id.clone(), [group].into(), at);
            change.state = if n % 3 == 0 { State::Merged } else { State::Draft };
            ledger.changes.insert(id, Arc::new(change));
        }
        ledger
    }

    #[test]
    fn pages_follow_each_other_and_hold_everything_once_newest_first() {
        let ledger = ledger(23);
        let (mut seen, mut after) = (vec![], None);
        loop {
            let page = page(&ledger, &Filter::default(), after.as_ref(), 5);
            seen.extend(page.changes.into_iter().map(|change| (change.created, change.id)));
            match page.next {
                Some(next) => after = Some(Cursor::parse(&next).unwrap()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 23);
        assert!(seen.is_sorted_by(|a, b| a.0 > b.0 || (a.0 == b.0 && a.1 < b.1)));
    }

    #[test]
    fn a_page_that_is_just_full_is_the_last() {
        let page = page(&ledger(5), &Filter::default(), None, 5);
        assert_eq!((page.changes.len(), page.next), (5, None));
    }

    #[test]
    fn filters_narrow_each_other() {
        let ledger = ledger(12);
        let count = |state, project: Option<&str>| {
            let filter = Filter { state, project: project.map(str::to_owned) };
            page(&ledger, &filter, None, 100).changes.len()
        };
        assert_eq!(count(None, Some("odd")), 6);
        assert_eq!(count(Some(State::Merged), None), 4);
        assert_eq!(count(Some(State::Merged), Some("odd")), 2);
        assert_eq!(count(Some(State::Blocked), Some("odd")), 0);
        assert_eq!(count(None, Some("od")), 0);
    }

    #[test]
    fn a_cursor_survives_text_and_other_text_is_none() {
        let change = Change::new(ChangeId::parse("abcdef012345").unwrap(), [].into(), Timestamp(1234));
        let cursor = Cursor::of(&change);
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for text in ["", "x", "1-", "1-xyz", "a-abcdef012345", "-abcdef012345"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_change_is_shown_in_camel_case_with_readable_moments() {
        let mut change = Change::new(ChangeId::parse("abcdef012345").unwrap(), [].into(), Timestamp(0));
        change.requesters.insert(Person::local());
        assert_eq!(
            serde_json::to_value(Summary::of(&change)).unwrap(),
            serde_json::json!({
                "id": "abcdef012345", "state": "journaled", "groups": [],
                "requesters": [{"name": "local", "verified": false}],
                "created": "1970-01-01T00:00:00.000Z", "lastWrite": "1970-01-01T00:00:00.000Z",
                "ready": false, "sealed": false, "branch": "meshwright/-abcdef012345",
            })
        );
    }
}
