//! The answers of one call, read as they come, beside those that are still on their way.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use prost::Message as _;
use tokio::task::JoinSet;

use super::described::Described;
use super::fault::{Fault, Reason};
use super::v1;
use crate::render::{Answer, Digest, Question};

/// So many groups of answers are read beside what still comes; with more, nothing is taken in until one of them is read.
const AT_ONCE: usize = 4;

/// So few bytes of answers are read where they come: handing them to another thread would take longer.
const FEW: usize = 8 << 10;

/// What each question came to.
pub(super) type Outcomes = Vec<(Question, Result<Answer, Fault>)>;

/// What came of one call.
pub(super) struct Intake {
    described: Arc<Described>,
    questions: Arc<[Question]>,
    /// Whether each question has a response, and how many have none.
    has: Vec<bool>,
    lacks: usize,
    /// The place of the question that a response is most likely to: most plugins answer in the order that they are asked in.
    next: usize,
    /// The places of all of them, where that is not so.
    places: OnceCell<HashMap<Digest, usize>>,
    reading: JoinSet<Vec<(usize, Result<Answer, Fault>)>>,
    /// By the places of their questions.
    read: Vec<Option<Result<Answer, Fault>>>,
}

impl Intake {
    /// Takes what the plugin that is described answers to `questions`, no two of which are equal.
    pub(super) fn new(described: Arc<Described>, questions: Arc<[Question]>) -> Self {
        let (lacks, has) = (questions.len(), vec![false; questions.len()]);
        let read = questions.iter().map(|_| None).collect();
        Self { described, questions, has, lacks, next: 0, places: OnceCell::new(), reading: JoinSet::new(), read }
    }

    /// How many questions have no response yet.
    pub(super) fn lacks(&self) -> usize {
        self.lacks
    }

    /// The place of the question that a response is to, unless there is none or it has one.
    fn place(&mut self, response: &v1::RenderResponse) -> Option<usize> {
        let digest = Digest::parse(&response.input_digest)?;
        let all = || self.questions.iter().zip(0..).map(|(question, place)| (question.input.digest, place)).collect();
        let place = match self.questions.get(self.next) {
            Some(question) if question.input.digest == digest => self.next,
            _ => *self.places.get_or_init(all).get(&digest)?,
        };
        if std::mem::replace(&mut self.has[place], true) {
            return None;
        }
        self.lacks -= 1;
        self.next = place + 1;
        Some(place)
    }

    /// Takes responses in.
    ///
    /// # Errors
    /// One that was not asked for. Those before it count.
    pub(super) async fn take(&mut self, responses: Vec<v1::RenderResponse>) -> Result<(), Fault> {
        let count = responses.len();
        let asked = |response| Some((self.place(&response)?, response));
        let group: Vec<(usize, v1::RenderResponse)> = responses.into_iter().map_while(asked).collect();
        let is_whole = group.len() == count;
        let (described, questions) = (Arc::clone(&self.described), Arc::clone(&self.questions));
        let read = move |(place, response): (usize, _)| {
            let question = &questions[place];
            (place, guarded(question, || described.read(question, response)))
        };
        if group.iter().map(|(_, response)| response.encoded_len()).sum::<usize>() <= FEW {
            group.into_iter().map(read).for_each(|(place, answer)| self.read[place] = Some(answer));
        } else {
            // Before anything is waited for: what came counts, even if it is too late by then for more.
            self.reading.spawn_blocking(move || group.into_iter().map(read).collect());
            while self.reading.len() > AT_ONCE {
                self.join().await;
            }
        }
        match is_whole {
            true => Ok(()),
            false => Err(Fault::new(Reason::TooMuch, "answers what it was not asked, or the same twice")),
        }
    }

    async fn join(&mut self) {
        match self.reading.join_next().await {
            Some(Ok(read)) => read.into_iter().for_each(|(place, answer)| self.read[place] = Some(answer)),
            Some(Err(error)) => tracing::error!(%error, "answers of a plugin were not read"),
            None => {}
        }
    }

    /// What each question came to; those without an answer have the `fault`.
    pub(super) async fn end(mut self, fault: Option<Fault>) -> Outcomes {
        while !self.reading.is_empty() {
            self.join().await;
        }
        let fault = fault.unwrap_or_else(unreadable);
        let outcome = |(question, answer): (&Question, Option<_>)| {
            (question.clone(), answer.unwrap_or_else(|| Err(fault.clone())))
        };
        self.questions.iter().zip(self.read).map(outcome).collect()
    }
}

/// What `read` gives; where it panics, a fault of this one question: whoever waits for its answer learns that there is none.
fn guarded(question: &Question, read: impl FnOnce() -> Result<Answer, Fault>) -> Result<Answer, Fault> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let (plugin, unit) = (&*question.input.plugin, question.about.name());
        tracing::error!(plugin, unit, "what a plugin answered could not be read");
        Err(unreadable())
    })
}

fn unreadable() -> Fault {
    Fault::new(Reason::Failed, "answers what cannot be read; the log says why")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Settings;
    use crate::intent::scalar::DnsLabel;
    use crate::render::{Asking, Subject};

    fn question(number: usize) -> Question {
        let (namespace, subject) = (DnsLabel::parse("shop").unwrap(), Subject::Service(format!("s{number}")));
        let about = Asking { namespace, subject, intents: vec![], clusters: vec![] };
        Question::new("np".into(), "1".into(), about)
    }

    fn described() -> Arc<Described> {
        let settings = Settings::read("plugins: [{name: np, version: '1', kinds: [clients]}]\n").unwrap();
        let says = v1::DescribeResponse {
            name: "np".into(),
            version: "1".into(),
            intent_kinds: vec!["clients".into()],
            resource_kinds: vec![],
        };
        Arc::new(Described::of(says, &settings.plugins[0]).unwrap())
    }

    /// An answer with a manifest of so many bytes that cannot be taken, or with none.
    fn response(question: &Question, bytes: usize) -> v1::RenderResponse {
        let manifest = v1::Manifest { clusters: vec!["gke/east".into()], resource: vec![b' '; bytes] };
        v1::RenderResponse {
            input_digest: question.input.digest.to_string(),
            version: "1".into(),
            manifests: if bytes == 0 { vec![] } else { vec![manifest] },
            findings: vec![],
        }
    }

    /// What each question came to, in a word, after these groups of responses.
    fn came(questions: &[Question], groups: Vec<Vec<v1::RenderResponse>>, fault: Option<Fault>) -> Vec<&'static str> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut intake = Intake::new(described(), questions.into());
            let mut fault = fault;
            for group in groups {
                fault = intake.take(group).await.err().or(fault);
            }
            let word =
                |outcome: Result<Answer, Fault>| outcome.map_or_else(|fault| fault.reason.as_str(), |_| "answered");
            let outcomes = intake.end(fault).await;
            assert!(outcomes.iter().map(|(of, _)| of).eq(questions));
            outcomes.into_iter().map(|(_, outcome)| word(outcome)).collect()
        })
    }

    #[test]
    fn each_question_comes_to_its_own_answer_however_large_the_groups_are() {
        let questions: Vec<Question> = (0..30).map(question).collect();
        for bytes in [1, FEW, FEW + 1] {
            // More groups than are read at once; every third question is answered by what cannot be taken.
            let of = |(index, question): (usize, &Question)| response(question, if index % 3 == 0 { bytes } else { 0 });
            let mut responses: Vec<_> = questions.iter().enumerate().map(of).collect();
            responses.reverse();
            let groups = responses.chunks(3).map(<[_]>::to_vec).collect();
            let expected: Vec<_> = (0..30).map(|index| if index % 3 == 0 { "wrong" } else { "answered" }).collect();
            assert_eq!(came(&questions, groups, None), expected, "{bytes}");
        }
    }

    #[test]
    fn what_came_before_something_went_wrong_counts() {
        let questions: Vec<Question> = (0..3).map(question).collect();
        let (one, two) = (&questions[0], &questions[1]);
        let groups = vec![vec![response(one, 0), response(one, 0), response(two, 0)]];
        assert_eq!(came(&questions, groups, None), ["answered", "too-much", "too-much"]);
        let groups = vec![vec![response(&question(7), 0), response(one, 0)]];
        assert_eq!(came(&questions, groups, None), ["too-much"; 3]);
        let late = Fault::new(Reason::Late, "did not answer");
        assert_eq!(came(&questions, vec![vec![response(two, 0)]], Some(late)), ["late", "answered", "late"]);
        let lies = v1::RenderResponse { version: "2".into(), ..response(one, 0) };
        let digests = v1::RenderResponse { input_digest: String::new(), ..response(two, 0) };
        assert_eq!(came(&questions, vec![vec![lies, digests]], None), ["version", "too-much", "too-much"]);
    }

    #[test]
    fn what_came_counts_even_if_nothing_was_read_before_it_was_too_late() {
        let questions: Vec<Question> = (0..=AT_ONCE).map(question).collect();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().max_blocking_threads(1).build().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        runtime.spawn_blocking(move || held.recv());
        runtime.block_on(async {
            let mut intake = Intake::new(described(), questions.clone().into());
            for (index, question) in questions.iter().enumerate() {
                let taken = intake.take(vec![response(question, FEW + 1)]);
                // The last one waits until another is read, and is given up.
                let taken = tokio::time::timeout(std::time::Duration::from_millis(10), taken).await;
                assert_eq!(taken.is_ok(), index < AT_ONCE);
            }
            drop(release);
            let late = Fault::new(Reason::Late, "did not answer");
            let outcomes = intake.end(Some(late)).await;
            assert!(outcomes.iter().all(|(_, it)| it.as_ref().is_err_and(|fault| fault.reason == Reason::Wrong)));
        });
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_of_its_question() {
        let one = question(1);
        assert_eq!(guarded(&one, || Ok(Answer::default())), Ok(Answer::default()));
        let fault = guarded(&one, || panic!("a fault of the reader")).unwrap_err();
        assert!(fault.words.contains("the log says why"), "{}", fault.words);
    }
}
