//! A forge whose calls fail as a schedule says, before or after their effect.
//!
//! It depends on nothing but the crate and `async-trait`, so that other test programs can take it in by `#[path]`.

#![allow(dead_code, clippy::unwrap_used, reason = "a test program that takes it in may use a part of it")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use meshwright::change::forge::{
    Abilities, Ends, ForgeError, Heard, Left, Merged, Pull, PullText, Reaction, Report, Review, Unmet,
};
use meshwright::change::{Forge, Person, Timestamp};
use meshwright::repo::CommitId;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: it has its effect and says so.
    None,
    /// The request is lost: no effect.
    Before,
    /// The answer is lost: it has its effect and does not say so.
    After,
}

/// A forge behind a bad line.
pub(crate) struct Faulty<F: Forge + ?Sized> {
    inner: Arc<F>,
    schedule: Mutex<Schedule>,
}

#[derive(Default)]
struct Schedule {
    faults: VecDeque<Fault>,
    calls: Vec<String>,
    /// What calls of that name are answered until they are let through again.
    barred: BTreeMap<&'static str, ForgeError>,
    /// Teams that there are besides those of the forge behind it.
    teams: BTreeMap<String, BTreeSet<String>>,
    broken: bool,
}

impl<F: Forge + ?Sized> Faulty<F> {
    /// `inner` with one fault for each call to come; when there are no more, all goes well.
    pub(crate) fn new(inner: Arc<F>, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { inner, schedule: Mutex::new(Schedule { faults: faults.into_iter().collect(), ..Schedule::default() }) }
    }

    /// The calls so far, with what happened to them.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.schedule.lock().unwrap().calls.clone()
    }

    /// Answers all calls of that name with this, without effect.
    pub(crate) fn bar(&self, name: &'static str, answer: ForgeError) {
        self.schedule.lock().unwrap().barred.insert(name, answer);
    }

    /// Makes the next refresh panic, as a bug would.
    pub(crate) fn break_down(&self) {
        self.schedule.lock().unwrap().broken = true;
    }

    /// Has a team with these members.
    pub(crate) fn gather(&self, team: &str, members: &[&str]) {
        let members = members.iter().map(|login| (*login).to_owned()).collect();
        self.schedule.lock().unwrap().teams.insert(team.to_owned(), members);
    }

    /// Lets all calls through again.
    pub(crate) fn unbar(&self) {
        self.schedule.lock().unwrap().barred.clear();
    }

    /// How many calls of that name there were.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.calls().iter().filter(|call| call.split(':').next() == Some(name)).count()
    }

    async fn call<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T, ForgeError>> + Send,
    ) -> Result<T, ForgeError> {
        let fault = {
            let mut schedule = self.schedule.lock().unwrap();
            let fault = schedule.faults.pop_front().unwrap_or(Fault::None);
            schedule.calls.push(format!("{name}: {fault:?}"));
            if let Some(answer) = schedule.barred.get(name) {
                return Err(answer.clone());
            }
            fault
        };
        let lost = |what: &str| ForgeError::Unavailable(format!("the {what} of {name} was lost"));
        match fault {
            Fault::None => call.await,
            Fault::Before => Err(lost("request")),
            Fault::After => {
                let _ = call.await;
                Err(lost("answer"))
            }
        }
    }
}

#[async_trait]
impl<F: Forge + ?Sized> Forge for Faulty<F> {
    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn is_own(&self, login: &str) -> bool {
        self.inner.is_own(login)
    }

    fn left(&self) -> Option<Left> {
        self.inner.left()
    }

    async fn refresh(&self) -> Result<Option<CommitId>, ForgeError> {
        let broken = self.schedule.lock().unwrap().broken;
        assert!(!broken, "it breaks as it was told to");
        self.call("refresh", self.inner.refresh()).await
    }

    async fn refresh_pulls(&self) -> Result<(), ForgeError> {
        self.call("refresh_pulls", self.inner.refresh_pulls()).await
    }

    async fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError> {
        self.call("branch", self.inner.branch(name)).await
    }

    async fn push(&self, branch: &str, expected: Option<CommitId>, new: CommitId) -> Result<CommitId, ForgeError> {
        self.call("push", self.inner.push(branch, expected, new)).await
    }

    async fn remove(&self, branch: &str, expected: CommitId) -> Result<(), ForgeError> {
        self.call("remove", self.inner.remove(branch, expected)).await
    }

    async fn open_pulls(&self) -> Result<Vec<Pull>, ForgeError> {
        self.call("open_pulls", self.inner.open_pulls()).await
    }

    async fn find_pull(&self, branch: &str) -> Result<Option<Pull>, ForgeError> {
        self.call("find_pull", self.inner.find_pull(branch)).await
    }

    async fn open_pull(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError> {
        self.call("open_pull", self.inner.open_pull(branch, text)).await
    }

    async fn edit_pull(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError> {
        self.call("edit_pull", self.inner.edit_pull(number, text)).await
    }

    async fn close_pull(&self, number: u64, by: Option<&Person>, words: &str) -> Result<(), ForgeError> {
        self.call("close_pull", self.inner.close_pull(number, by, words)).await
    }

    async fn merge(&self, number: u64, ends: Ends, message: &str) -> Result<Merged, ForgeError> {
        self.call("merge", self.inner.merge(number, ends, message)).await
    }

    async fn members(&self, team: &str) -> Result<BTreeSet<String>, ForgeError> {
        let gathered = self.schedule.lock().unwrap().teams.get(team).cloned();
        let members = async {
            match gathered {
                Some(members) => Ok(members),
                None => self.inner.members(team).await,
            }
        };
        self.call("members", members).await
    }

    async fn review(&self, number: u64, review: &Review) -> Result<(), ForgeError> {
        self.call("review", self.inner.review(number, review)).await
    }

    fn forget(&self, branch: &str) {
        self.inner.forget(branch);
    }

    async fn unmet(&self, head: CommitId) -> Result<Vec<Unmet>, ForgeError> {
        self.call("unmet", self.inner.unmet(head)).await
    }

    async fn remark(&self, number: u64, words: &str) -> Result<(), ForgeError> {
        self.call("remark", self.inner.remark(number, words)).await
    }

    async fn report(&self, head: CommitId, report: &Report) -> Result<(), ForgeError> {
        self.call("report", self.inner.report(head, report)).await
    }

    async fn comments(&self, since: Timestamp) -> Result<Heard, ForgeError> {
        self.call("comments", self.inner.comments(since)).await
    }

    async fn react(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        self.call("react", self.inner.react(comment, reaction)).await
    }

    async fn may_write(&self, person: &Person) -> Result<bool, ForgeError> {
        self.call("may_write", self.inner.may_write(person)).await
    }
}
