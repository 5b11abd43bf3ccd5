//! What happens once: a change ends, and what it leaves on the forge is cleared away.

use std::collections::BTreeSet;

use super::base::Base;
use super::forge::{ForgeError, PullState};
use super::id::{ChangeId, Timestamp};
use super::record::{Change, State};
use super::refusals::Asked;
use super::stuck::{Stuck, blocking};
use super::talk::Remark;
use super::worker::Worker;
use crate::repo::{CommitId, Mirror, RepoError};
use crate::review::pull::quoted;

/// What is asked of the forge for a change that ended: no writes, on no main.
const NOTHING: Asked = (0, None);

impl Worker {
    /// The pull request was merged at `head`: main has by `commit` what that held. Gives the moment to look again where
    /// main is behind.
    pub(super) async fn settle(
        &self,
        change: &Change,
        head: CommitId,
        commit: CommitId,
    ) -> Result<Option<Timestamp>, Stuck> {
        self.refresh().await?;
        let (mirror, base) = (self.mirror.clone(), self.intake.view().base.clone());
        let landed = blocking(move || Ok(landed(&mirror, &base, commit)?));
        let (id, now) = (change.id.clone(), self.clock.now());
        let Some(otherwise) = landed.await? else {
            let why =
                format!("it was merged as {commit}, which main does not have: main is behind, or was forced back");
            self.record(&id, move |change| (change.state, change.reason) = (State::Merging, Some(why))).await?;
            return Ok(Some(now.plus(self.timing.poll)));
        };
        let reason = otherwise.first().map(|path| {
            tracing::error!(change = %id, files = ?otherwise, "main moved while it was merged: these files are not what the intents give");
            let count = otherwise.len();
            format!(
                "main moved while it was merged, and of the files that it changes {count} are there now otherwise than \
                 the intents on main give them, such as {path}: `meshwright check` names them, and the next change of \
                 their services restores them"
            )
        });
        self.forget(&id);
        self.intake
            .record(move |ledger| {
                let Some(current) = ledger.changes.get(&id).filter(|c| !c.state.is_final()).cloned() else {
                    return vec![];
                };
                let mut merged = current.ended(State::Merged, now, reason);
                merged.merged = Some(commit);
                // What another head held than the recorded one is not known: all goes on, and what is on main comes to nothing.
                ledger.finish(merged, current.held_by(head).unwrap_or(0))
            })
            .await?;
        self.clear_away(&change.id).await?;
        Ok(None)
    }

    /// Ends a change without merging it: its writes up to `up_to` leave the proposed view, later ones go on in another.
    pub(super) async fn end(&self, change: &Change, state: State, words: String, up_to: u64) -> Result<(), Stuck> {
        let reason = Some(words).filter(|words| !words.is_empty());
        let now = self.clock.now();
        self.finish(change, up_to, move |current| current.ended(state, now, reason)).await?;
        self.clear_away(&change.id).await
    }

    /// Ends a change because somebody said so. It is so as soon as the journal has it: a forge that cannot be told now is
    /// told later, and who dies in between does not have to guess what was meant. Writes after `up_to` go on in another.
    pub(super) async fn take_back(
        &self,
        change: &Change,
        state: State,
        remark: Remark,
        up_to: u64,
    ) -> Result<(), Stuck> {
        let now = self.clock.now();
        let ended = move |current: &Change| {
            let reason = Some(remark.to_string());
            Change { closing: Some(remark), ..current.ended(state, now, reason) }
        };
        self.finish(change, up_to, ended).await?;
        if let Err(stuck) = self.clear_away(&change.id).await {
            tracing::warn!(change = %change.id, %stuck, "what it left on the forge is cleared away later");
        }
        Ok(())
    }

    async fn finish(
        &self,
        change: &Change,
        up_to: u64,
        ended: impl FnOnce(&Change) -> Change + Send + 'static,
    ) -> Result<(), Stuck> {
        let id = change.id.clone();
        self.forget(&id);
        let recorded =
            self.intake.record(move |ledger| match ledger.changes.get(&id).filter(|c| !c.state.is_final()).cloned() {
                Some(current) => ledger.finish(ended(&current), up_to),
                None => vec![],
            });
        Ok(recorded.await?)
    }

    /// Clears away what a final change left on the forge. What the forge refuses is asked again later and later, and keeps
    /// nobody else from anything.
    pub(super) async fn clear_away(&self, id: &ChangeId) -> Result<(), Stuck> {
        let now = self.clock.now();
        if self.refusals.until(id, NOTHING).is_some_and(|until| now < until) {
            return Ok(());
        }
        match self.tidy(id).await {
            Err(Stuck::Forge(ForgeError::Refused(why))) => {
                let until = self.refusals.note(id, NOTHING, now, self.timing.poll);
                tracing::warn!(change = %id, %until, why, "the forge refuses to clear away what a change left");
                Ok(())
            }
            Err(stuck) => Err(stuck),
            Ok(()) => {
                self.refusals.forget(id);
                Ok(())
            }
        }
    }

    /// Closes what is open of a final change and removes its branch.
    async fn tidy(&self, id: &ChangeId) -> Result<(), Stuck> {
        let Some(change) = self.intake.view().changes.get(id).filter(|change| change.state.is_final()).cloned() else {
            return Ok(());
        };
        let pull = self.forge.find_pull(&change.branch).await?;
        if let Some(PullState::Merged { commit }) = pull.as_ref().map(|pull| &pull.state)
            && change.state != State::Merged
        {
            // Somebody merged it in the moment before it was taken back.
            return self.was_merged(&change.id, *commit).await;
        }
        if let Some(pull) = pull.filter(|pull| pull.state == PullState::Open) {
            // A pull request that a person closed was rejected; what was taken back is closed by Meshwright.
            let (by, words) = match &change.closing {
                Some(Remark { by, words }) if change.state == State::Rejected => (Some(by), words.as_str()),
                _ => (None, change.reason.as_deref().unwrap_or_default()),
            };
            // Where it is a comment, nobody's words are more than words.
            let words = if self.forge.abilities().remarks { quoted(words) } else { words.to_owned() };
            self.forge.close_pull(pull.number, by, &words).await?;
        }
        let head = self.forge.branch(&change.branch).await?;
        let own = match head {
            Some(head) if change.head != Some(head) => {
                self.look_at_branch(&change).await?.is_some_and(|branch| branch.digest.is_some())
            }
            _ => true,
        };
        // A branch with commits of somebody else is theirs.
        if let Some(head) = head.filter(|_| own) {
            self.forge.remove(&change.branch, head).await?;
        }
        self.correct(id, |change| Change { untidy: false, ..change }).await
    }

    /// Records that an ended change is on main after all; what has to be cleared away is looked at again.
    async fn was_merged(&self, id: &ChangeId, commit: CommitId) -> Result<(), Stuck> {
        self.correct(id, move |change| Change { state: State::Merged, reason: None, merged: Some(commit), ..change })
            .await
    }

    /// Records something about a change, whether it ended or not.
    pub(super) async fn correct(
        &self,
        id: &ChangeId,
        correct: impl FnOnce(Change) -> Change + Send + 'static,
    ) -> Result<(), Stuck> {
        let id = id.clone();
        let tidied = self.intake.record(move |ledger| match ledger.changes.get(&id).cloned() {
            Some(change) => vec![ledger.update(correct(Change::clone(&change)))],
            None => vec![],
        });
        Ok(tidied.await?)
    }
}

/// None where main does not have the commit of a merge. Else the files which that changes and which main has otherwise than
/// its intents give them: what was verified is not what came about, because main moved in between.
fn landed(mirror: &Mirror, base: &Base, commit: CommitId) -> Result<Option<Vec<String>>, RepoError> {
    let Some(main) = base.commit else { return Ok(None) };
    match mirror.is_ancestor(commit, main) {
        Ok(true) => {}
        Ok(false) | Err(RepoError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    // Durable before the journal forgets.
    mirror.sync()?;
    let merge = mirror.commit_info(commit)?;
    let Some(before) = merge.parents.first() else { return Ok(Some(vec![])) };
    let changed = mirror.changed_paths(mirror.commit_info(*before)?.tree, merge.tree, "")?;
    let changed: BTreeSet<&str> = changed.iter().map(|changed| changed.path.as_str()).collect();
    Ok(Some(base.drift.iter().filter(|path| changed.contains(path.as_str())).cloned().collect()))
}
