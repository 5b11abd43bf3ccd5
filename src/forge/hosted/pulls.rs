//! Pull requests: finding, opening, editing, closing and merging them.

use serde_json::json;

use super::item::Base;
use super::known::Details;
use super::{Dialect, Hosted, Item};
use crate::change::forge::{Ends, ForgeError, Merged, Pull, PullState, PullText, Verdict};
use crate::change::id::Timestamp;
use crate::forge::text::{OURS, must_fit};
use crate::repo::CommitId;

/// How far the clock of a forge may be ahead of ours, in milliseconds: what it says beyond that is not believed, or a
/// pull request would seem to be known for ever.
const AHEAD: i64 = 600_000;

impl<D: Dialect> Hosted<D> {
    /// Learns of every pull request of ours that changed since the last look.
    pub(super) async fn follow_pulls(&self) -> Result<(), ForgeError> {
        let _one = self.looking.lock().await;
        let (etag, seen_to) = {
            let mut known = self.known();
            known.doubt(self.api.now());
            (known.etag.clone(), known.seen_to)
        };
        let first = self.api.get_unless(self.dialect.list(&self.api, false, 1), etag).await?;
        if first.status == 304 {
            return Ok(());
        }
        let (etag, more) = (first.etag.clone(), first.more);
        let (mut items, mut newest) = (vec![], None);
        let ours = |item: &Item| item.is_of(&self.api.repository, OURS);
        let take = |page: Vec<Item>| {
            newest = newest.max(page.first().map(|item| item.updated_at));
            // Without a moment up to which all was seen: what is closed may be more than anybody wants to read.
            let reaches = seen_to.is_none_or(|seen_to| page.last().is_none_or(|last| last.updated_at < seen_to));
            items.extend(page.into_iter().filter(ours));
            reaches
        };
        self.api.pages_from(first, |page| self.dialect.list(&self.api, false, page), take).await?;
        if seen_to.is_none() && more {
            let list = |page| self.dialect.list(&self.api, true, page);
            let take = |page: Vec<Item>| {
                items.extend(page.into_iter().filter(ours));
                false
            };
            self.api.pages_from(self.api.get(list(1)).await?, list, take).await?;
        }
        let latest = self.latest();
        let mut known = self.known();
        known.complete = if seen_to.is_none() { !more } else { known.complete };
        for item in items {
            known.learn(item, latest);
        }
        known.etag = etag;
        known.seen_to = newest.map(|newest| newest.min(latest)).max(seen_to);
        Ok(())
    }

    /// The latest moment at which a forge whose clock is not ours can say that something happened.
    fn latest(&self) -> Timestamp {
        self.api.now().plus(AHEAD)
    }

    /// Remembers a pull request as an answer has it.
    fn learn(&self, item: &Item) {
        self.known().learn(item.clone(), self.latest());
    }

    /// A pull request with what is known beside it.
    pub(super) fn pull(&self, item: &Item, details: Option<&Details>) -> Result<Pull, ForgeError> {
        let mut state = item.outcome()?;
        if let (PullState::Closed { by, words }, Some((who, said))) =
            (&mut state, details.and_then(|it| it.closed.clone()))
        {
            (*by, *words) = (who, said);
        }
        let here = if state == PullState::Open { self.mirror.branch(&item.head.branch)? } else { None };
        Ok(Pull {
            number: item.number,
            branch: item.head.branch.clone(),
            head: here.map_or_else(|| item.head(), Ok)?,
            title: self.dialect.title(item).to_owned(),
            body: item.body.clone().unwrap_or_default(),
            draft: item.draft,
            state,
            reviews: details.map(|details| details.reviews.clone()).unwrap_or_default(),
            queued: details.is_some_and(|details| details.queued),
            url: item.html_url.clone(),
        })
    }

    /// The newest pull request of a branch.
    pub(super) async fn find(&self, branch: &str) -> Result<Option<Pull>, ForgeError> {
        let unknown = {
            let known = self.known();
            !known.knows_all_of(branch) && (known.is_opening(branch) || known.newest(branch).is_none())
        };
        if unknown {
            self.ask_for(branch).await?;
        }
        let found = self.known().newest(branch).map(|(item, details)| (item.clone(), details.cloned()));
        let Some((item, details)) = found else { return Ok(None) };
        let details = match details {
            Some(details) => details,
            None => {
                let details = self.details(&item).await?;
                self.known().detail(item.number, details.clone());
                details
            }
        };
        self.pull(&item, Some(&details)).map(Some)
    }

    /// Asks for the pull requests of one branch by its name.
    async fn ask_for(&self, branch: &str) -> Result<(), ForgeError> {
        let items = self.dialect.of_branch(&self.api, branch, &self.main).await?;
        for item in items.into_iter().filter(|item| item.is_of(&self.api.repository, branch)) {
            self.learn(&item);
        }
        self.known().was_asked(branch);
        Ok(())
    }

    /// What the list does not tell of a pull request.
    async fn details(&self, item: &Item) -> Result<Details, ForgeError> {
        let mut details = Details::of(item, self.api.now());
        details.reviews = self.reviews(item.number).await?;
        match item.outcome()? {
            PullState::Open => {
                // What nobody approved is in no queue.
                let approved = details.reviews.iter().any(|review| review.verdict == Verdict::Approve);
                details.queued = approved && self.dialect.queued(&self.api, item, &self.main).await?;
            }
            PullState::Closed { .. } => details.closed = Some(self.farewell(item.number).await?),
            PullState::Merged { .. } => {}
        }
        Ok(details)
    }

    /// A pull request as it is at this moment.
    pub(super) async fn item(&self, number: u64) -> Result<Item, ForgeError> {
        let answer = self.api.get(self.api.at(&format!("/pulls/{number}"))).await?;
        if answer.status == 404 {
            return Err(ForgeError::NotFound(number));
        }
        let item: Item = answer.expect(&[200])?.json()?;
        if !item.is_of(&self.api.repository, OURS) {
            return Err(ForgeError::NotFound(number));
        }
        self.learn(&item);
        Ok(item)
    }

    /// Opens a pull request, or gives the open one of that branch.
    pub(super) async fn open(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError> {
        must_fit(text)?;
        if self.mirror.branch(branch)?.is_none() {
            return Err(ForgeError::Refused(format!("there is no branch {branch}")));
        }
        if let Some(pull) = self.find(branch).await?.filter(|pull| pull.state == PullState::Open) {
            return Ok(pull);
        }
        self.known().begin(branch);
        let opened = self.dialect.open(&self.api, branch, &self.main, text).await;
        if matches!(opened, Ok(_) | Err(ForgeError::Refused(_) | ForgeError::Later(_))) {
            self.known().end(branch);
        }
        let Some(item) = opened? else {
            // Somebody was faster.
            self.ask_for(branch).await?;
            let found = self.find(branch).await?.filter(|pull| pull.state == PullState::Open);
            return found.ok_or_else(|| {
                ForgeError::Unavailable(format!("it says that {branch} has a pull request, and shows none"))
            });
        };
        self.learn(&item);
        self.known().detail(item.number, Details::of(&item, self.api.now()));
        self.finish(&item, text).await?;
        self.pull(&item, None)
    }

    /// Changes what an open pull request says.
    pub(super) async fn edit(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError> {
        must_fit(text)?;
        let known = self.known().get_sure(number).cloned();
        let item = match known {
            Some(item) => item,
            None => self.item(number).await?,
        };
        must_be_open(&item)?;
        let edited = self.dialect.edit(&self.api, &item, text).await;
        if let Err(ForgeError::Unavailable(_)) = edited {
            self.known().lose_sight_of(number);
        }
        let item = edited?;
        self.learn(&item);
        self.finish(&item, text).await?;
        self.find(&item.head.branch).await?.ok_or(ForgeError::NotFound(number))
    }

    /// Gives a pull request what it lacks beside its text.
    async fn finish(&self, item: &Item, text: &PullText) -> Result<(), ForgeError> {
        let has = |label: &str| item.labels.iter().flatten().any(|it| it.name.eq_ignore_ascii_case(label));
        let missing: Vec<&str> = self.labels.iter().map(String::as_str).filter(|label| !has(label)).collect();
        if !missing.is_empty() {
            self.dialect.label(&self.api, item.number, &missing).await?;
            self.known().labelled(item.number, &missing);
        }
        self.ask_for_reviews(item, text).await
    }

    /// Closes a pull request with some words.
    pub(super) async fn close(&self, number: u64, words: &str) -> Result<(), ForgeError> {
        let item = self.item(number).await?;
        match item.outcome()? {
            PullState::Closed { .. } => return Ok(()),
            PullState::Merged { .. } => return Err(not_open(&item)),
            PullState::Open => {}
        }
        if !words.is_empty() && !self.has_said(number, words).await? {
            self.comment(number, words).await?;
        }
        let path = self.api.at(&format!("/pulls/{number}"));
        let closed = self.api.send("PATCH", path, json!({ "state": "closed" })).await?;
        self.learn(&closed.expect(&[200, 201])?.json()?);
        Ok(())
    }

    /// Merges a pull request if main and its branch are where `ends` says.
    pub(super) async fn merge_at(&self, number: u64, ends: Ends, message: &str) -> Result<Merged, ForgeError> {
        let item = self.item(number).await?;
        if let Some(commit) = merged_at(&item, ends.head)? {
            return Ok(Merged::By(commit));
        }
        must_be_open(&item)?;
        if item.head()? != ends.head {
            return Err(ForgeError::Moved(item.head.branch));
        }
        if self.main_now().await? != ends.main {
            return Err(ForgeError::Moved(self.main.clone()));
        }
        if item.draft {
            return Err(ForgeError::Refused(format!("pull request {number} is a draft")));
        }
        if item.base.branch != self.main {
            let Base { branch } = item.base;
            let why =
                format!("somebody had pull request {number} go into {branch}; let it go into {} again", self.main);
            return Err(ForgeError::Refused(why));
        }
        let merged = match self.dialect.merge(&self.api, &item, ends, &self.main, message).await {
            // It says no: because it is merged, because something moved, or because it does not want to.
            Err(ForgeError::Refused(why)) => Merged::By(self.why_not(number, ends, why).await?),
            merged => merged?,
        };
        // What happened to it last is not known from this answer.
        self.item(number).await?;
        self.main_now().await?;
        Ok(merged)
    }

    /// What stands behind a refusal to merge; the commit if it is merged.
    async fn why_not(&self, number: u64, ends: Ends, why: String) -> Result<CommitId, ForgeError> {
        let item = self.item(number).await?;
        if let Some(commit) = merged_at(&item, ends.head)? {
            return Ok(commit);
        }
        if item.is_open() && item.head()? != ends.head {
            return Err(ForgeError::Moved(item.head.branch));
        }
        if self.main_now().await? != ends.main {
            return Err(ForgeError::Moved(self.main.clone()));
        }
        Err(ForgeError::Refused(why))
    }
}

/// The commit by which it was merged at that head; refused when it was merged at another.
fn merged_at(item: &Item, head: CommitId) -> Result<Option<CommitId>, ForgeError> {
    match item.outcome()? {
        PullState::Merged { commit } if item.head()? == head => Ok(Some(commit)),
        PullState::Merged { .. } => Err(not_open(item)),
        _ => Ok(None),
    }
}

fn must_be_open(item: &Item) -> Result<(), ForgeError> {
    if item.is_open() { Ok(()) } else { Err(not_open(item)) }
}

fn not_open(item: &Item) -> ForgeError {
    let state = if item.merged_at.is_some() { "merged" } else { "closed" };
    ForgeError::Refused(format!("pull request {} is {state}", item.number))
}
