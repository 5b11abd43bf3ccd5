//! What was last seen of the pull requests of a forge, so that it is asked only for what changed.

use std::collections::{BTreeMap, HashSet};

use super::item::{Item, Label};
use crate::change::Person;
use crate::change::forge::Review;

/// The most pull requests that are remembered though they are not open.
const MOST_CLOSED: usize = 2000;

/// What the list of pull requests does not say of one.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    /// The moment of the pull request that this is true of.
    of: String,
    pub(super) reviews: Vec<Review>,
    /// Who closed it, and their words.
    pub(super) closed: Option<(Option<Person>, String)>,
    pub(super) queued: bool,
}

impl Details {
    pub(super) fn of(item: &Item) -> Self {
        Self { of: item.updated_at.clone(), ..Self::default() }
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
    /// The entity tag of the first page of the list.
    pub(super) etag: Option<String>,
    /// Up to when everything that happened was seen.
    pub(super) seen_to: Option<String>,
    /// Whether the list was read to its end: then a branch without a pull request here never had one.
    pub(super) complete: bool,
    /// Branches that were asked for by name.
    asked: HashSet<String>,
    /// Branches for which a pull request was asked for, and nobody said what came of it.
    opening: HashSet<String>,
}

impl Known {
    /// Remembers a pull request as an answer has it; an older answer does not replace a newer one.
    pub(super) fn learn(&mut self, item: Item) {
        match self.pulls.get_mut(&item.number) {
            Some(entry) if entry.item.updated_at <= item.updated_at => entry.item = item,
            Some(_) => {}
            None => _ = self.pulls.insert(item.number, Entry { item, details: None }),
        }
        let closed = self.pulls.values().filter(|entry| !entry.item.is_open()).map(|entry| entry.item.number);
        let closed: Vec<u64> = closed.collect();
        if let Some(surplus) = closed.len().checked_sub(MOST_CLOSED).filter(|surplus| *surplus > 0) {
            self.complete = false;
            for number in &closed[..surplus] {
                if let Some(entry) = self.pulls.remove(number) {
                    self.asked.remove(&entry.item.head.branch);
                }
            }
        }
    }

    /// A pull request got these labels, which no answer shows yet.
    pub(super) fn labelled(&mut self, number: u64, labels: &[&str]) {
        if let Some(entry) = self.pulls.get_mut(&number) {
            let labels = labels.iter().map(|name| Label { id: 0, name: (*name).to_owned() });
            entry.item.labels.get_or_insert_default().extend(labels);
        }
    }

    /// Remembers details, unless something happened since they were true.
    pub(super) fn detail(&mut self, number: u64, details: Details) {
        if let Some(entry) = self.pulls.get_mut(&number) {
            entry.details = Some(details);
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Item> {
        self.pulls.get(&number).map(|entry| &entry.item)
    }

    /// The newest pull request of a branch, with its details where they are known and still true.
    pub(super) fn newest(&self, branch: &str) -> Option<(&Item, Option<&Details>)> {
        let entry = self.pulls.values().rev().find(|entry| entry.item.head.branch == branch)?;
        Some((&entry.item, entry.details.as_ref().filter(|details| details.of == entry.item.updated_at)))
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
