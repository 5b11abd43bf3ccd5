//! Doing what people ask for below pull requests.

use std::sync::Arc;

use tracing::Instrument as _;

use super::adopt::differences;
use super::command::Command;
use super::forge::{Comment, ForgeError, Reaction};
use super::record::{Change, State};
use super::remarks;
use super::span::carrying;
use super::stuck::{Stuck, blocking};
use super::submission::{Cause, Idempotency, Operation, Precondition, Refusal, Submission};
use super::talk::{Answer, Remark};
use super::worker::Worker;
use super::write::Verb;
use crate::intent::layout;
use crate::intent::posted::Keys;
use crate::repo::{CommitId, Files as _, Mirror};
use crate::review::pull::quoted;

/// How much earlier than what was heard last is listened to again, in milliseconds: forges are slow to show, and their
/// clocks differ from ours.
const OVERLAP: i64 = 600_000;

impl Worker {
    /// Listens to what was written since the last time, and does what is asked for.
    pub(super) async fn listen(self: &Arc<Self>) -> Result<(), Stuck> {
        if !self.forge.abilities().remarks {
            return Ok(());
        }
        let view = self.intake.view();
        let first = || view.active().first().map_or(self.clock.now(), |oldest| oldest.created);
        let since = self.heard_to.get().unwrap_or_else(first);
        let heard = self.forge.comments(since.plus(-OVERLAP)).await?;
        for comment in &heard.comments {
            self.hear(comment).await?;
        }
        // By the clock of the forge, which need not be ours; nothing that is said to be far ahead makes us deaf.
        let up_to = heard.up_to.min(self.clock.now().plus(OVERLAP));
        self.heard_to.set(since.max(up_to));
        Ok(())
    }

    async fn hear(self: &Arc<Self>, comment: &Comment) -> Result<(), Stuck> {
        let view = self.intake.view();
        let about = view.changes.values().find(|change| change.pull == Some(comment.pull)).cloned();
        let Some(change) = about.filter(|change| change.talk.heard < comment.id) else { return Ok(()) };
        if let Some(command) = Command::read(&comment.words) {
            match self.answer(&change, comment, command).instrument(carrying(&change.id)).await {
                // It would be refused again, and what others ask for must not wait for it.
                Err(stuck @ (Stuck::Forge(ForgeError::Refused(_) | ForgeError::NotFound(_)) | Stuck::Repo(_))) => {
                    tracing::warn!(change = %change.id, comment = comment.id, %stuck, "a command is not answered");
                }
                answered => answered?,
            }
        }
        // Last: who dies before hears it again, and what was done is not done twice.
        let heard = comment.id;
        self.correct(&change.id, move |mut change| {
            change.talk.heard = change.talk.heard.max(heard);
            change
        })
        .await
    }

    /// Does what is asked for, and says so.
    async fn answer(self: &Arc<Self>, change: &Change, comment: &Comment, command: Command) -> Result<(), Stuck> {
        if !self.forge.may_write(&comment.by).await? {
            // Not even a sign: it would cost a write, and anybody could use up what changes need.
            tracing::info!(change = %change.id, comment = comment.id, by = %comment.by.name, "a command of somebody who may not write");
            return Ok(());
        }
        let (reaction, answer) = self.obey(change, comment, command).await?;
        if let Some(answer) = answer {
            if change.state.is_final() {
                // Nobody looks at it any more but who asked.
                self.forge.remark(comment.pull, &remarks::said(&answer)).await?;
            }
            self.correct(&change.id, |mut change| {
                change.talk.answer = Some(answer);
                change
            })
            .await?;
        }
        Ok(self.forge.react(comment.id, reaction).await?)
    }

    /// Does what is asked for; gives the sign to answer by, and what our comment says to it.
    async fn obey(
        self: &Arc<Self>,
        change: &Change,
        comment: &Comment,
        command: Command,
    ) -> Result<(Reaction, Option<Answer>), Stuck> {
        let refuse = |why: &str| Ok((Reaction::Refused, Some(Answer::Said(why.to_owned()))));
        match command {
            Command::Help => return Ok((Reaction::Done, Some(Answer::Help(None)))),
            Command::Unknown(word) => return Ok((Reaction::Refused, Some(Answer::Help(Some(word))))),
            Command::Revert => return self.revert(change, comment).await,
            _ if change.state.is_final() => {
                return refuse("That is over: only `/meshwright revert` can be asked for now.");
            }
            Command::Plan => return Ok((Reaction::Done, Some(Answer::Plan))),
            Command::Explain(path) => return Ok((Reaction::Done, Some(Answer::Explain(path)))),
            Command::Rebase => {
                let head = self.forge.branch(&change.branch).await?;
                self.record(&change.id, move |change| change.talk.overwrites = head).await?;
            }
            Command::Hold(words) => {
                let hold = Some(Remark { by: comment.by.clone(), words });
                self.record(&change.id, move |change| change.talk.hold = hold).await?;
            }
            Command::Resume => self.record(&change.id, |change| change.talk.hold = None).await?,
        }
        Ok((Reaction::Done, None))
    }

    /// Proposes the inverse of a merged change.
    async fn revert(self: &Arc<Self>, change: &Change, comment: &Comment) -> Result<(Reaction, Option<Answer>), Stuck> {
        let said = |reaction, words: String| Ok((reaction, Some(Answer::Said(words))));
        let (Some(merged), State::Merged) = (change.merged, change.state) else {
            return said(Reaction::Refused, "It is not merged; close the pull request to take it back.".to_owned());
        };
        let (mirror, main) = (self.mirror.clone(), self.intake.view().base.commit);
        let operations = match blocking(move || inverse(&mirror, merged, main)).await? {
            Ok(operations) => operations,
            Err(why) => return said(Reaction::Refused, why),
        };
        let submission = Submission {
            operations,
            bundle: true,
            prune: None,
            precondition: Precondition::None,
            // Heard twice, it is proposed once.
            idempotency: Some(Idempotency { key: format!("revert-{}", comment.id), digest: merged.to_string() }),
            by: comment.by.clone(),
            keys: Keys::default(),
        };
        match self.intake.submit(submission, Ok(())).await {
            Ok(receipt) => match receipt.change {
                Some(id) => said(
                    Reaction::Done,
                    format!("Change `{id}` proposes the inverse. A server that was closed by this stays closed."),
                ),
                None => said(Reaction::Done, "Main already says the inverse.".to_owned()),
            },
            Err(Refusal { cause, obstacles }) if cause != Cause::Unavailable => {
                let why: Vec<String> = obstacles.into_iter().map(|obstacle| obstacle.message).collect();
                said(Reaction::Refused, quoted(&why.join("; ")))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// The operations that undo what a commit of main did; or why they must not be proposed blindly.
fn inverse(mirror: &Mirror, merged: CommitId, main: Option<CommitId>) -> Result<Result<Vec<Operation>, String>, Stuck> {
    let (Some(before), Some(main)) = (mirror.commit_info(merged)?.parents.first().copied(), main) else {
        return Ok(Err("There is nothing before it.".to_owned()));
    };
    let (then, now) = (mirror.snapshot(merged)?, mirror.snapshot(main)?);
    let mut operations = vec![];
    for (anchor, verb) in differences(mirror, merged, before)? {
        let path = layout::file_of(&anchor);
        if then.blob_id(&path)? != now.blob_id(&path)? {
            return Ok(Err(format!(
                "`{path}` was changed again since, so the inverse would undo that too; post what it shall say instead."
            )));
        }
        operations.push(match verb {
            Verb::Put(resource) => Operation::Put(Arc::unwrap_or_clone(resource)),
            Verb::Delete => Operation::Delete(anchor),
            Verb::Terminate => Operation::Terminate(anchor),
            Verb::Instantiate => Operation::Instantiate(anchor),
        });
    }
    Ok(Ok(operations))
}
