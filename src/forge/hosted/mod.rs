//! Forges that are services of their own: what GitHub and Gitea have in common.
//!
//! Branches and commits go by the git program, pull requests by the API. One look asks for what changed in the list of
//! pull requests, with the entity tag of the last answer, and costs nothing where nothing did; what a list does not tell
//! is asked for when somebody wants to know it of a pull request that changed. Nothing is repeated here.

mod api;
mod branches;
mod budget;
mod dialect;
mod item;
mod known;
mod people;
mod pulls;
mod report;
mod reviewers;
mod talk;
mod token;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::origin::Origin;
use crate::change::clock::Clock;
use crate::change::codeowners::Owner;
use crate::change::forge::{
    Abilities, Ends, Forge, ForgeError, Heard, Left, Merged, Pull, PullText, Reaction, Report, Review, Unmet,
};
use crate::change::id::Timestamp;
use crate::change::person::Person;
use crate::change::recent::Recent;
use crate::forge::text::OURS;
use crate::repo::{CommitId, Mirror, Remote};

pub(in crate::forge) use api::{Answer, Api, Interface, LONGEST_ANSWER, PER_PAGE, Request, Transport};
pub use budget::Allowance;
pub(in crate::forge) use budget::{Budget, Cost};
pub use dialect::MergeMethod;
pub(in crate::forge) use dialect::{Dialect, Opinion, Remake};
pub(in crate::forge) use item::{Account, Item, Label, commit};
use known::Known;
use people::Writers;
pub(in crate::forge) use report::{OUR_CHECK, report_status};
use talk::{Listening, Remarks};
pub use token::Token;

/// The most pull requests of which it is remembered whom we asked to review, and the most owners who could not be asked.
const MOST_ASKED: usize = 1000;

/// What a hosted forge is told about the config repository.
#[derive(Debug, Clone)]
pub struct Place {
    /// `owner/name`.
    pub repository: String,
    /// The branch that changes are merged into.
    pub main: String,
    /// Labels that our pull requests bear.
    pub labels: Vec<String>,
}

/// A forge that is a service of its own.
pub(in crate::forge) struct Hosted<D> {
    api: Api,
    dialect: D,
    mirror: Mirror,
    origin: Arc<Origin>,
    main: String,
    labels: Vec<String>,
    known: Mutex<Known>,
    writers: Writers,
    remarks: Remarks,
    listed: Listening,
    /// Whom we asked to review, by pull request.
    asked: Recent<u64, BTreeSet<Owner>>,
    /// Owners who could not be asked, and when that was.
    unaskable: Recent<Owner, Timestamp>,
    me: OnceCell<String>,
    /// Held while the list is read: two who read it would each miss what the other saw.
    looking: tokio::sync::Mutex<()>,
}

impl<D: Dialect> Hosted<D> {
    pub(in crate::forge) fn new(
        dialect: D,
        transport: Box<dyn Transport>,
        (mirror, remote): (Mirror, Remote),
        place: Place,
        allowance: Allowance,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            api: Api::new(transport, Budget::new(allowance), clock, place.repository),
            dialect,
            origin: Arc::new(Origin::new(mirror.clone(), Some(remote))),
            mirror,
            main: place.main,
            labels: place.labels,
            known: Mutex::default(),
            writers: Writers::default(),
            remarks: Remarks::default(),
            listed: Listening::default(),
            asked: Recent::new(MOST_ASKED),
            unaskable: Recent::new(MOST_ASKED),
            me: OnceCell::new(),
            looking: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The login that we act under.
    async fn me(&self) -> Result<&str, ForgeError> {
        self.me.get_or_try_init(|| self.api.me()).await.map(String::as_str)
    }

    /// Somebody who signs in there.
    fn person(&self, login: &str) -> Person {
        Person { name: format!("{}:{login}", self.dialect.prefix()), logins: vec![] }
    }
}

#[async_trait]
impl<D: Dialect> Forge for Hosted<D> {
    fn abilities(&self) -> Abilities {
        Abilities { remarks: true, reviews: true }
    }

    fn is_own(&self, login: &str) -> bool {
        self.me.get().is_some_and(|me| me == login)
    }

    fn left(&self) -> Option<Left> {
        Some(self.api.left())
    }

    async fn refresh(&self) -> Result<Option<CommitId>, ForgeError> {
        self.follow_branches().await
    }

    async fn refresh_pulls(&self) -> Result<(), ForgeError> {
        self.follow_pulls().await?;
        // Known from the start: what we did ourselves is told by webhooks too.
        self.me().await.map(drop)
    }

    async fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError> {
        Ok(self.mirror.branch(name)?)
    }

    async fn push(&self, branch: &str, expected: Option<CommitId>, new: CommitId) -> Result<CommitId, ForgeError> {
        self.move_branch(branch, expected, new).await
    }

    async fn remove(&self, branch: &str, expected: CommitId) -> Result<(), ForgeError> {
        self.swap(branch, Some(expected), None).await
    }

    async fn open_pulls(&self) -> Result<Vec<Pull>, ForgeError> {
        let ours = |item: &&Item| item.head.branch.starts_with(OURS);
        let open: Vec<Item> = self.known().open().filter(ours).cloned().collect();
        open.iter().map(|item| self.pull(item, None)).collect()
    }

    async fn find_pull(&self, branch: &str) -> Result<Option<Pull>, ForgeError> {
        self.find(branch).await
    }

    async fn open_pull(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError> {
        self.open(branch, text).await
    }

    async fn edit_pull(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError> {
        self.edit(number, text).await
    }

    async fn close_pull(&self, number: u64, _: Option<&Person>, words: &str) -> Result<(), ForgeError> {
        self.close(number, words).await
    }

    async fn merge(&self, number: u64, ends: Ends, message: &str) -> Result<Merged, ForgeError> {
        self.merge_at(number, ends, message).await
    }

    async fn members(&self, team: &str) -> Result<BTreeSet<String>, ForgeError> {
        let Some((organisation, name)) = team.split_once('/') else {
            return Err(ForgeError::Refused(format!("{team} is no team of an organisation")));
        };
        let members = self.dialect.members(&self.api, organisation, name).await?;
        Ok(members.into_iter().map(|account| self.person(&account.login).name).collect())
    }

    async fn review(&self, number: u64, _: &Review) -> Result<(), ForgeError> {
        Err(ForgeError::Refused(format!("reviews of pull request {number} are given on the forge itself")))
    }

    fn forget(&self, branch: &str) {
        self.known().forget(branch);
    }

    async fn unmet(&self, head: CommitId) -> Result<Vec<Unmet>, ForgeError> {
        self.dialect.unmet(&self.api, &self.main, head).await
    }

    async fn remark(&self, number: u64, words: &str) -> Result<(), ForgeError> {
        self.say(number, words).await
    }

    async fn report(&self, head: CommitId, report: &Report) -> Result<(), ForgeError> {
        self.dialect.report(&self.api, head, report).await
    }

    async fn comments(&self, since: Timestamp) -> Result<Heard, ForgeError> {
        self.listen(since).await
    }

    async fn react(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        self.sign(comment, reaction).await
    }

    async fn may_write(&self, person: &Person) -> Result<bool, ForgeError> {
        match person.name.split_once(':').filter(|(prefix, _)| *prefix == self.dialect.prefix()) {
            Some((_, login)) => self.writes(login).await,
            None => Ok(false),
        }
    }
}
