//! The answers of one call, read as they come, beside those that are still on their way.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::described::Described;
use super::fault::{Fault, Reason};
use super::v1;
use crate::render::{Answer, Digest, Question};

/// So many groups of answers are read beside what still comes; the next one waits until one of them is.
const AT_ONCE: usize = 4;

/// So few bytes of manifests are read where they come: handing them to another thread would take longer.
const FEW: usize = 8 << 10;

/// What each question came to.
pub(super) type Outcomes = Vec<(Question, Result<Answer, Fault>)>;

/// What came of one call.
pub(super) struct Intake {
    described: Arc<Described>,
    /// Questions without a response.
    open: HashMap<Digest, Question>,
    reading: JoinSet<Vec<(Digest, Result<Answer, Fault>)>>,
    read: HashMap<Digest, Result<Answer, Fault>>,
}

impl Intake {
    /// Takes what the plugin that is described answers to `questions`.
    pub(super) fn new(described: Arc<Described>, questions: &[Question]) -> Self {
        let open = questions.iter().map(|question| (question.input.digest, question.clone())).collect();
        Self { described, open, reading: JoinSet::new(), read: HashMap::with_capacity(questions.len()) }
    }

    /// How many questions have no response yet.
    pub(super) fn lacks(&self) -> usize {
        self.open.len()
    }

    /// Takes responses in.
    ///
    /// # Errors
    /// One that was not asked for. Those before it count.
    pub(super) async fn take(&mut self, responses: Vec<v1::RenderResponse>) -> Result<(), Fault> {
        let count = responses.len();
        let asked = |response: v1::RenderResponse| {
            let question = self.open.remove(&Digest::parse(&response.input_digest)?)?;
            Some((question, response))
        };
        let group: Vec<(Question, v1::RenderResponse)> = responses.into_iter().map_while(asked).collect();
        let is_whole = group.len() == count;
        let described = Arc::clone(&self.described);
        let read = move |(question, response): (Question, _)| {
            // Whatever a plugin sends, whoever waits for the answer learns that there is none.
            let answer = catch_unwind(AssertUnwindSafe(|| described.read(&question, response)));
            (question.input.digest, answer.unwrap_or_else(|_| Err(unreadable())))
        };
        let manifests = group.iter().flat_map(|(_, response)| &response.manifests);
        if manifests.map(|manifest| manifest.resource.len()).sum::<usize>() <= FEW {
            self.read.extend(group.into_iter().map(read));
        } else {
            while self.reading.len() >= AT_ONCE {
                self.join().await;
            }
            self.reading.spawn_blocking(move || group.into_iter().map(read).collect());
        }
        match is_whole {
            true => Ok(()),
            false => Err(Fault::new(Reason::TooMuch, "answers what it was not asked, or the same twice")),
        }
    }

    async fn join(&mut self) {
        match self.reading.join_next().await {
            Some(Ok(read)) => self.read.extend(read),
            Some(Err(error)) => tracing::error!(%error, "answers of a plugin were not read"),
            None => {}
        }
    }

    /// What each question came to; those without an answer have the `fault`.
    pub(super) async fn end(mut self, questions: Vec<Question>, fault: Option<Fault>) -> Outcomes {
        while !self.reading.is_empty() {
            self.join().await;
        }
        let fault = fault.unwrap_or_else(unreadable);
        let outcome = |question: Question| {
            let answer = self.read.remove(&question.input.digest).unwrap_or_else(|| Err(fault.clone()));
            (question, answer)
        };
        questions.into_iter().map(outcome).collect()
    }
}

fn unreadable() -> Fault {
    Fault::new(Reason::Failed, "answers what cannot be read; standard error says why")
}
