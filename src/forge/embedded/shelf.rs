//! Pull requests: found, opened, edited, reviewed and closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::index::Index;
use super::landing::landed;
use super::record::Record;
use crate::change::clock::Clock;
use crate::change::forge::{ForgeError, Pull, PullState, PullText, Review};
use crate::change::person::Person;
use crate::forge::origin::{self, Origin, PULLS, Swap};
use crate::forge::text::{OURS, must_fit};
use crate::repo::{CommitId, Identity, Mirror, Remote, RepoError, Signer, message};

/// How often something is decided again because somebody was faster.
const ATTEMPTS: usize = 50;

pub(super) struct Shelf {
    pub(super) mirror: Mirror,
    pub(super) origin: Origin,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) identity: Identity,
    /// Signs merges, where a key is configured.
    pub(super) signer: Option<Signer>,
    pub(super) main: String,
    /// Read from the references at first use.
    index: Mutex<Option<Index>>,
    /// Who changes a pull request holds it: compare-and-swap guards against others, this against needless races.
    writing: Mutex<()>,
}

/// A pull request and what decides about it, all seen at one moment.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) tip: CommitId,
    /// With the head as it is now.
    pub(super) record: Record,
    /// Where its branch is.
    pub(super) branch: Option<CommitId>,
    pub(super) main: Option<CommitId>,
}

#[derive(Clone, Copy)]
enum Wanted<'a> {
    Number(u64),
    Newest(&'a str),
}

impl Shelf {
    pub(super) fn new(
        mirror: Mirror,
        remote: Option<Remote>,
        clock: Arc<dyn Clock>,
        identity: Identity,
        main: &str,
    ) -> Self {
        let origin = Origin::new(mirror.clone(), remote);
        let (index, writing) = (Mutex::default(), Mutex::default());
        Self { mirror, origin, clock, identity, signer: None, main: main.to_owned(), index, writing }
    }

    pub(super) fn refresh(&self) -> Result<Option<CommitId>, ForgeError> {
        if self.origin.is_remote() {
            let found = self.origin.list(&[PULLS, &origin::head(OURS)])?;
            self.with_index(|index| self.learn(index, found.iter()))?;
        }
        self.branch(&self.main)
    }

    pub(super) fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError> {
        let name = origin::head(name);
        Ok(self.origin.look(std::slice::from_ref(&name))?.get(&name).copied())
    }

    pub(super) fn push(
        &self,
        branch: &str,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), ForgeError> {
        Ok(self.origin.swap(&[Swap { reference: origin::head(branch), expected, new }], "push")?)
    }

    /// The open pull requests of our branches.
    pub(super) fn pulls(&self) -> Result<Vec<Pull>, ForgeError> {
        let main = self.branch(&self.main)?;
        let found = self.origin.list(&[PULLS, &origin::head(OURS)])?;
        self.with_index(|index| self.learn(index, found.iter()))?;
        let numbers: BTreeMap<u64, CommitId> =
            found.iter().filter_map(|(name, tip)| Some((number(name)?, *tip))).collect();
        let mut pulls = Vec::new();
        for (number, tip) in numbers {
            let Some(record) = Record::load(&self.mirror, tip)?.filter(|record| record.branch.starts_with(OURS)) else {
                continue;
            };
            let branch = found.get(&origin::head(&record.branch)).copied();
            let seen = match self.present(number, Seen { tip, record, branch, main })? {
                Some(seen) => Some(seen),
                None => self.see(Wanted::Number(number))?.0,
            };
            let open = seen.filter(|seen| seen.record.state == PullState::Open);
            pulls.extend(open.map(|seen| Pull::from(seen.record)));
        }
        Ok(pulls)
    }

    pub(super) fn find(&self, branch: &str) -> Result<Option<Pull>, ForgeError> {
        Ok(self.see(Wanted::Newest(branch))?.0.map(|seen| seen.record.into()))
    }

    pub(super) fn open(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError> {
        must_fit(text)?;
        let _one = self.write();
        for _ in 0..ATTEMPTS {
            let (seen, next) = self.see(Wanted::Newest(branch))?;
            if let Some(seen) = seen.filter(|seen| seen.record.state == PullState::Open) {
                return Ok(seen.record.into());
            }
            let head = self.branch(branch)?;
            let head = head.ok_or_else(|| ForgeError::Refused(format!("there is no branch {branch}")))?;
            let record = Record {
                number: next,
                branch: branch.to_owned(),
                head,
                title: text.title.clone(),
                draft: text.draft,
                state: PullState::Open,
                reviews: vec![],
                body: text.body.clone(),
            };
            // No pull request of the branch has a number below `next`; whoever takes it first has opened it.
            if self.replace(&record, None, "Open", None)?.is_some() {
                self.with_index(|index| {
                    index.learn(next, Some(branch.to_owned()));
                    Ok(())
                })?;
                self.keep()?;
                return Ok(record.into());
            }
        }
        Err(contended(branch))
    }

    pub(super) fn edit(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError> {
        must_fit(text)?;
        self.update(number, "Edit", None, |record| {
            must_be_open(record)?;
            let same = (&record.title, &record.body, record.draft) == (&text.title, &text.body, text.draft);
            record.title.clone_from(&text.title);
            record.body.clone_from(&text.body);
            record.draft = text.draft;
            Ok(!same)
        })
    }

    pub(super) fn close(&self, number: u64, by: Option<&Person>, words: &str) -> Result<(), ForgeError> {
        self.update(number, "Close", by, |record| match &record.state {
            PullState::Closed { .. } => Ok(false),
            PullState::Merged { .. } => Err(not_open(record)),
            PullState::Open => {
                record.state = PullState::Closed { by: by.cloned(), words: words.to_owned() };
                Ok(true)
            }
        })?;
        self.keep()
    }

    pub(super) fn review(&self, number: u64, review: &Review) -> Result<(), ForgeError> {
        self.update(number, "Review", Some(&review.by), |record| {
            if record.reviews.contains(review) {
                return Ok(false);
            }
            must_be_open(record)?;
            if record.head != review.head {
                return Err(ForgeError::Refused("the content changed since; look again".to_owned()));
            }
            record.reviews.push(review.clone());
            Ok(true)
        })?;
        self.keep()
    }

    /// Changes what is stored, unless `edit` finds that there is nothing to change.
    fn update(
        &self,
        number: u64,
        event: &str,
        by: Option<&Person>,
        edit: impl Fn(&mut Record) -> Result<bool, ForgeError>,
    ) -> Result<Pull, ForgeError> {
        let _one = self.write();
        for _ in 0..ATTEMPTS {
            let Seen { tip, mut record, .. } = self.see_number(number)?;
            if !edit(&mut record)? || self.replace(&record, Some(tip), event, by)?.is_some() {
                return Ok(record.into());
            }
        }
        Err(contended(&format!("pull request {number}")))
    }

    /// Waits until nobody else here changes a pull request.
    pub(super) fn write(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pull request of that number.
    pub(super) fn see_number(&self, number: u64) -> Result<Seen, ForgeError> {
        self.see(Wanted::Number(number))?.0.ok_or(ForgeError::NotFound(number))
    }

    /// The pull request that is wanted, and the lowest number that no pull request had at that moment.
    fn see(&self, wanted: Wanted<'_>) -> Result<(Option<Seen>, u64), ForgeError> {
        loop {
            let (number, branch, next) = self.with_index(|index| {
                let number = match wanted {
                    Wanted::Number(number) => index.branch(number).map(|_| number),
                    Wanted::Newest(branch) => index.newest(branch),
                };
                let branch = number.and_then(|number| index.branch(number)).map(str::to_owned);
                Ok((number, branch, index.next()))
            })?;
            // One look for all, as a look may go over the network.
            let mut names = vec![origin::pull(next), origin::head(&self.main)];
            names.extend(branch.iter().map(|branch| origin::head(branch)));
            names.extend(number.map(origin::pull));
            let found = self.origin.look(&names)?;
            if found.contains_key(&names[0]) {
                self.with_index(|index| self.learn(index, found.iter()))?;
                continue;
            }
            let (Some(number), Some(branch)) = (number, branch) else { return Ok((None, next)) };
            let record = match found.get(&origin::pull(number)) {
                Some(tip) => Record::load(&self.mirror, *tip)?.map(|record| (*tip, record)),
                None => None,
            };
            let Some((tip, record)) = record else {
                self.with_index(|index| {
                    index.forget(number);
                    Ok(())
                })?;
                continue;
            };
            let branch = found.get(&origin::head(&branch)).copied();
            let main = found.get(&names[1]).copied();
            if let Some(seen) = self.present(number, Seen { tip, record, branch, main })? {
                return Ok((Some(seen), next));
            }
        }
    }

    /// Brings what is stored up to the present; none if somebody else changed it meanwhile.
    ///
    /// A pull request that is on main was merged: by a human with git, or by a process that died before it said so.
    fn present(&self, number: u64, mut seen: Seen) -> Result<Option<Seen>, ForgeError> {
        if seen.record.state != PullState::Open {
            self.with_index(|index| {
                index.settle(number);
                Ok(())
            })?;
            return Ok(Some(seen));
        }
        let stored = seen.record.head;
        seen.record.head = self.with_index(|index| Ok(index.head(number, seen.branch, stored)))?;
        let head = seen.record.head;
        let Some(main) = seen.main else { return Ok(Some(seen)) };
        if self.with_index(|index| Ok(index.is_apart(number, main, head)))? {
            return Ok(Some(seen));
        }
        let Some(commit) = landed(&self.mirror, &seen.record.branch, head, main)? else {
            self.with_index(|index| {
                index.set_apart(number, main, head);
                Ok(())
            })?;
            return Ok(Some(seen));
        };
        seen.record.state = PullState::Merged { commit };
        let tip = self.replace(&seen.record, Some(seen.tip), "Merge", None)?;
        Ok(tip.map(|tip| Seen { tip, ..seen }))
    }

    /// Stores a pull request in the place of what is at `before`; none if something else is there.
    fn replace(
        &self,
        record: &Record,
        before: Option<CommitId>,
        event: &str,
        by: Option<&Person>,
    ) -> Result<Option<CommitId>, ForgeError> {
        let swap = self.stored(record, before, event, by)?;
        match self.origin.swap(std::slice::from_ref(&swap), event) {
            Ok(()) => Ok(swap.new),
            Err(RepoError::Moved { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores a pull request, and says which reference has to be moved for it to count.
    pub(super) fn stored(
        &self,
        record: &Record,
        before: Option<CommitId>,
        event: &str,
        by: Option<&Person>,
    ) -> Result<Swap, ForgeError> {
        let text = message(&format!("{event} pull request {}: {}", record.number, record.title), "", &[]);
        let new = record.store(&self.mirror, before, &self.author(by), self.time(), &text)?;
        Ok(Swap { reference: origin::pull(record.number), expected: before, new: Some(new) })
    }

    /// Seconds since 1970-01-01 UTC, as a commit takes them.
    pub(super) fn time(&self) -> i64 {
        self.clock.now().seconds().max(0)
    }

    fn author(&self, by: Option<&Person>) -> Identity {
        let name: Option<String> =
            by.map(|by| by.name.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect());
        match name.filter(|name| !name.trim().is_empty()) {
            Some(name) => Identity { name, email: self.identity.email.clone() },
            None => self.identity.clone(),
        }
    }

    /// What people did is not lost with the power; a remote sees to that itself.
    fn keep(&self) -> Result<(), ForgeError> {
        if self.origin.is_remote() { Ok(()) } else { Ok(self.mirror.sync()?) }
    }

    fn with_index<T>(&self, work: impl FnOnce(&mut Index) -> Result<T, ForgeError>) -> Result<T, ForgeError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &mut *index {
            return work(index);
        }
        let mut fresh = Index::default();
        self.learn(&mut fresh, self.origin.list(&[PULLS])?.iter())?;
        work(index.insert(fresh))
    }

    /// Reads the branch of each pull request that is not known yet.
    fn learn<'a>(
        &self,
        index: &mut Index,
        found: impl Iterator<Item = (&'a String, &'a CommitId)>,
    ) -> Result<(), ForgeError> {
        for (name, tip) in found {
            if let Some(number) = number(name).filter(|number| !index.knows(*number)) {
                index.learn(number, Record::load(&self.mirror, *tip)?.map(|record| record.branch));
            }
        }
        Ok(())
    }
}

/// The number in the name of a reference.
fn number(reference: &str) -> Option<u64> {
    let number = reference.strip_prefix(PULLS)?;
    number.parse().ok().filter(|parsed: &u64| parsed.to_string() == number)
}

pub(super) fn must_be_open(record: &Record) -> Result<(), ForgeError> {
    if record.state == PullState::Open { Ok(()) } else { Err(not_open(record)) }
}

pub(super) fn not_open(record: &Record) -> ForgeError {
    let state = if matches!(record.state, PullState::Merged { .. }) { "merged" } else { "closed" };
    ForgeError::Refused(format!("pull request {} is {state}", record.number))
}

pub(super) fn contended(what: &str) -> ForgeError {
    ForgeError::Unavailable(format!("{what} is being changed by many at once"))
}
