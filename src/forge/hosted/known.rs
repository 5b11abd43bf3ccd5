//! What was last seen of the pull requests of a forge, so that it is asked only for what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::item::{Item, Label};
use crate::change::forge::Review;
use crate::change::{Person, Timestamp};

/// The most pull requests that are remembered though they are not open.
const MOST_CLOSED: usize = 2000;

/// How long after details were read something may still happen in the second that they are true of, in milliseconds.
/// Forges tell moments by the second.
const SECOND: i64 = 2000;

/// What the list of pull requests does not say of one.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    /// The moment of the pull request that this is true of.
    of: Timestamp,
    /// When it was read.
    at: Timestamp,
    /// Whether it was read again after that second, so that nothing can be missing.
    settled: bool,
    /// Whether it has to be read again.
    doubted: bool,
    pub(super) reviews: Vec<Review>,
    /// Who closed it, and their words.
    pub(super) closed: Option<(Option<Person>, String)>,
    pub(super) queued: bool,
}

impl Details {
    pub(super) fn of(item: &Item, at: Timestamp) -> Self {
        Self { of: item.updated_at, at, ..Self::default() }
    }
}

#[derive(Debug)]
struct Entry {
    item: Item,
    details: Option<Details>,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    pulls: BTreeMap<u64, Entry>,
    /// The numbers of those of a branch.
    branches: HashMap<String, BTreeSet<u64>>,
    /// The numbers of those that are not open.
    closed: BTreeSet<u64>,
    /// The numbers of those of which a call that was to change them did not say what came of it.
    unsure: HashSet<u64>,
    /// The entity tag of the first page of the list.
    pub(super) etag: Option<String>,
    /// Up to when everything that happened was seen.
    pub(super) seen_to: Option<Timestamp>,
    /// Whether the list was read to its end: then a branch without a pull request here never had one.
    pub(super) complete: bool,
    /// Branches that were asked for by name.
    asked: HashSet<String>,
    /// Branches for which a pull request was asked for, and nobody said what came of it.
    opening: HashSet<String>,
}

impl Known {
    /// Remembers a pull request as an answer has it; an older answer does not replace a newer one, unless that claims to be
    /// of a moment after the `latest` that can be.
    pub(super) fn learn(&mut self, item: Item, latest: Timestamp) {
        let (number, branch) = (item.number, item.head.branch.clone());
        match self.pulls.get_mut(&number) {
            Some(entry) if (item.updated_at.plus(1)..=latest).contains(&entry.item.updated_at) => return,
            Some(entry) => entry.item = item,
            None => _ = self.pulls.insert(number, Entry { item, details: None }),
        }
        self.unsure.remove(&number);
        // Who knows a pull request of it need not know whether there is any.
        self.asked.remove(&branch);
        self.branches.entry(branch).or_default().insert(number);
        if self.pulls.get(&number).is_some_and(|entry| entry.item.is_open()) {
            self.closed.remove(&number);
        } else {
            self.closed.insert(number);
        }
        while self.closed.len() > MOST_CLOSED {
            self.complete = false;
            let Some(entry) = self.closed.pop_first().and_then(|number| self.pulls.remove(&number)) else { continue };
            let branch = &entry.item.head.branch;
            if let Some(numbers) = self.branches.get_mut(branch) {
                numbers.remove(&entry.item.number);
                if numbers.is_empty() {
                    self.branches.remove(branch);
                }
            }
        }
    }

    /// Nobody knows what a call came to that was to change it.
    pub(super) fn lose_sight_of(&mut self, number: u64) {
        self.unsure.insert(number);
    }

    /// A pull request got these labels, which no answer shows yet.
    pub(super) fn labelled(&mut self, number: u64, labels: &[&str]) {
        if let Some(entry) = self.pulls.get_mut(&number) {
            let labels = labels.iter().map(|name| Label { id: 0, name: (*name).to_owned() });
            entry.item.labels.get_or_insert_default().extend(labels);
        }
    }

    /// Remembers details.
    pub(super) fn detail(&mut self, number: u64, details: Details) {
        if let Some(entry) = self.pulls.get_mut(&number) {
            let again = entry.details.as_ref().is_some_and(|before| before.doubted && before.of == details.of);
            entry.details = Some(Details { settled: again, ..details });
        }
    }

    /// Has details read again that may lack what happened in the second in which they were read, or that change without a
    /// trace in the list, as a place in a queue does.
    pub(super) fn doubt(&mut self, now: Timestamp) {
        for entry in self.pulls.values_mut().filter(|entry| entry.item.is_open()) {
            if let Some(details) = &mut entry.details {
                let young = !details.settled && details.at.plus(SECOND) <= now;
                details.doubted |= young || details.queued;
            }
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Item> {
        self.pulls.get(&number).map(|entry| &entry.item)
    }

    /// The same, where it is sure to be so.
    pub(super) fn get_sure(&self, number: u64) -> Option<&Item> {
        self.get(number).filter(|_| !self.unsure.contains(&number))
    }

    /// The newest pull request of a branch, with its details where they are known and still true.
    pub(super) fn newest(&self, branch: &str) -> Option<(&Item, Option<&Details>)> {
        let entry = self.pulls.get(self.branches.get(branch)?.last()?)?;
        let is_true = |details: &&Details| details.of == entry.item.updated_at && !details.doubted;
        Some((&entry.item, entry.details.as_ref().filter(is_true)))
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Item> {
        self.pulls.values().map(|entry| &entry.item).filter(|item| item.is_open())
    }

    /// Whether a branch of which nothing is known has no pull request.
    pub(super) fn knows_all_of(&self, branch: &str) -> bool {
        !self.opening.contains(branch) && (self.complete || self.asked.contains(branch))
    }

    /// A pull request of a branch is asked for: there may be one, whatever the answer is.
    pub(super) fn begin(&mut self, branch: &str) {
        self.opening.insert(branch.to_owned());
    }

    /// Whether nobody knows what came of asking for one.
    pub(super) fn is_opening(&self, branch: &str) -> bool {
        self.opening.contains(branch)
    }

    /// What came of it is known.
    pub(super) fn end(&mut self, branch: &str) {
        self.opening.remove(branch);
    }

    /// The pull requests of a branch were asked for by its name.
    pub(super) fn was_asked(&mut self, branch: &str) {
        self.asked.insert(branch.to_owned());
        self.end(branch);
    }

    /// Nothing that was seen of a branch counts any more.
    pub(super) fn forget(&mut self, branch: &str) {
        self.asked.remove(branch);
        for entry in self.pulls.values_mut().filter(|entry| entry.item.head.branch == branch) {
            entry.details = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCH: &str = "meshwright/shop-0123456789ab";

    const LATEST: Timestamp = Timestamp(i64::MAX);

    fn item(number: u64, second: u64, state: &str) -> Item {
        let sha = "0".repeat(40);
        serde_json::from_value(serde_json::json!({
            "number": number, "html_url": "", "title": "", "state": state, "updated_at": Timestamp(second as i64 * 1000).to_string(), "base": { "ref": "main" },
            "head": { "ref": BRANCH, "sha": sha },
        }))
        .unwrap()
    }

    #[test]
    fn details_are_read_again_once_after_the_second_in_which_they_were_read() {
        let mut known = Known::default();
        known.learn(item(1, 7, "open"), LATEST);
        known.detail(1, Details::of(&item(1, 7, "open"), Timestamp(0)));
        let holds = |known: &mut Known, now| {
            known.doubt(Timestamp(now));
            known.newest(BRANCH).unwrap().1.is_some()
        };
        assert!(holds(&mut known, SECOND - 1));
        assert!(!holds(&mut known, SECOND), "a review of the same second may have come since");
        known.detail(1, Details::of(&item(1, 7, "open"), Timestamp(SECOND)));
        assert!(holds(&mut known, i64::MAX / 2), "nothing of that second can come any more");
        known.learn(item(1, 8, "open"), LATEST);
        assert!(!holds(&mut known, 0), "something happened");
        known.detail(1, Details::of(&item(1, 8, "open"), Timestamp(0)));
        assert!(!holds(&mut known, SECOND));
    }

    #[test]
    fn what_waits_in_a_queue_is_read_at_every_look() {
        let mut known = Known::default();
        known.learn(item(1, 7, "open"), LATEST);
        for _ in 0..3 {
            known.detail(1, Details { queued: true, ..Details::of(&item(1, 7, "open"), Timestamp(0)) });
            known.doubt(Timestamp(0));
            assert!(known.newest(BRANCH).unwrap().1.is_none());
        }
    }

    #[test]
    fn an_older_answer_does_not_replace_a_newer_one() {
        let mut known = Known::default();
        known.learn(item(1, 8, "closed"), LATEST);
        known.learn(item(1, 7, "open"), LATEST);
        assert_eq!(known.open().count(), 0);
    }

    #[test]
    fn of_what_is_closed_the_newest_are_remembered_and_others_are_asked_for_by_name() {
        let mut known = Known { complete: true, ..Known::default() };
        for number in 1..=MOST_CLOSED as u64 + 1 {
            known.learn(item(number, number, "closed"), LATEST);
        }
        assert_eq!((known.get(1).is_some(), known.get(2).is_some()), (false, true));
        assert!(!known.knows_all_of("meshwright/other-0123456789ab"));
        assert_eq!(known.newest(BRANCH).unwrap().0.number, MOST_CLOSED as u64 + 1);
    }

    #[test]
    fn a_moment_far_ahead_does_not_keep_what_follows_from_being_learned() {
        let mut known = Known::default();
        known.learn(item(1, 9_000_000_000, "open"), LATEST);
        known.learn(item(1, 601, "closed"), Timestamp(600_000));
        assert_eq!(known.open().count(), 0);
    }

    #[test]
    fn moments_are_compared_and_not_their_texts() {
        let written =
            |number: u64, at: &str| Item { updated_at: Timestamp::parse(at).unwrap(), ..item(number, 0, "open") };
        let mut known = Known::default();
        // The hour after summer time ended.
        known.learn(written(1, "2026-10-25T02:50:00+02:00"), LATEST);
        known.learn(Item { state: "closed".into(), ..written(1, "2026-10-25T02:10:00+01:00") }, LATEST);
        assert_eq!(known.open().count(), 0);
    }
}
