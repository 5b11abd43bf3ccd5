//! What was asked and is not answered: what is being asked, what failed, and when it can be asked again.

use std::collections::{BTreeSet, HashMap};

use super::breaker::{FIRST_PAUSE, LONGEST_PAUSE, is_due};
use super::fault::Fault;
use crate::change::Timestamp;
use crate::change::patience::pause;
use crate::render::{Input, Question};

/// So few questions are not worth forgetting, and how long after they could be asked again others are, in milliseconds.
const FEW: usize = 1000;
const FORGOTTEN_AFTER: i64 = 600_000;

/// Questions that are not answered.
#[derive(Debug, Default)]
pub(super) struct Book {
    asked: HashMap<Input, Asked>,
    /// With how many more than [`FEW`] it is looked what can be forgotten.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Asked {
    /// Whether it is being asked now.
    running: bool,
    /// Why it was not answered the last time, and when it can be asked again.
    failed: Option<(String, Timestamp)>,
    /// How often that happened in a row.
    times: u32,
}

impl Book {
    /// Whether a question is to be asked now; if so, it is being asked from now on.
    pub(super) fn begin(&mut self, input: &Input, now: Timestamp) -> bool {
        let asked = self.asked.entry(input.clone()).or_default();
        let waits = asked.failed.as_ref().is_some_and(|(_, again)| !is_due(*again, now));
        let begins = !asked.running && !waits;
        asked.running |= begins;
        begins
    }

    /// A question is answered.
    pub(super) fn answered(&mut self, input: &Input) {
        self.asked.remove(input);
        self.calm();
    }

    /// Few that failed are looked through again, once there were none.
    fn calm(&mut self) {
        if self.asked.is_empty() {
            self.sweep_at = 0;
        }
    }

    /// A question was not answered; gives the moment when it can be asked again.
    pub(super) fn failed(&mut self, input: &Input, fault: &Fault, now: Timestamp) -> Timestamp {
        if self.asked.len() > FEW + self.sweep_at {
            let is_late = |at: &Timestamp| at.plus(FORGOTTEN_AFTER) < now;
            self.asked.retain(|_, asked| asked.running || !asked.failed.as_ref().is_some_and(|(_, at)| is_late(at)));
            // Twice as many before the next look: what each failure costs does not grow with their number.
            self.sweep_at = 2 * self.asked.len();
        }
        let asked = self.asked.entry(input.clone()).or_default();
        let again = now.plus(pause(asked.times, FIRST_PAUSE, LONGEST_PAUSE, now));
        let why = fault.of_plugin(&input.plugin);
        *asked = Asked { running: false, failed: Some((why, again)), times: asked.times.saturating_add(1) };
        again
    }

    /// What failed of a plugin can be asked again at once.
    pub(super) fn retry(&mut self, plugin: &str, now: Timestamp) {
        for (of, asked) in &mut self.asked {
            if let Some((_, again)) = asked.failed.as_mut().filter(|_| &*of.plugin == plugin) {
                *again = now.min(*again);
            }
        }
    }

    /// Forgets all questions of a plugin: it is another, or is not listed any more.
    pub(super) fn forget(&mut self, plugin: &str) {
        self.asked.retain(|of, _| &*of.plugin != plugin);
        self.calm();
    }

    /// Whether any of these is being asked.
    pub(super) fn is_running(&self, questions: &[Question]) -> bool {
        questions.iter().any(|question| self.asked.get(&question.input).is_some_and(|asked| asked.running))
    }

    /// Why these were not answered the last time, once each.
    pub(super) fn faults(&self, questions: &[Question]) -> Vec<String> {
        let why = |question: &Question| self.asked.get(&question.input)?.failed.as_ref().map(|(why, _)| why.clone());
        questions.iter().filter_map(why).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Reason;
    use super::*;
    use crate::intent::scalar::DnsLabel;
    use crate::render::{Asking, Subject};

    fn question(service: &str) -> Question {
        let subject = Subject::Service(service.into());
        let namespace = DnsLabel::parse("shop").unwrap();
        let about = Asking { namespace, subject, intents: vec![], clusters: vec![] };
        Question::new("np".into(), "1".into(), about)
    }

    #[test]
    fn a_question_is_asked_once_and_again_when_its_pause_is_over() {
        let (mut book, one) = (Book::default(), question("a"));
        let input = &one.input;
        let fault = Fault::new(Reason::Late, "did not answer");
        assert!(book.begin(input, Timestamp(0)) && !book.begin(input, Timestamp(0)));
        assert!(book.is_running(std::slice::from_ref(&one)) && book.faults(std::slice::from_ref(&one)).is_empty());
        assert_eq!(book.failed(input, &fault, Timestamp(0)), Timestamp(1000));
        assert!(!book.begin(input, Timestamp(999)) && book.begin(input, Timestamp(1000)));
        // What it failed by is told while it is asked again.
        assert_eq!(book.faults(std::slice::from_ref(&one)), ["the plugin np did not answer"]);
        assert_eq!(book.failed(input, &fault, Timestamp(2000)), Timestamp(4000));
        book.retry("np", Timestamp(2500));
        assert!(book.begin(input, Timestamp(2500)));
        book.answered(input);
        assert!(book.faults(std::slice::from_ref(&one)).is_empty());
    }

    #[test]
    fn questions_that_nobody_asks_any_more_are_forgotten() {
        let (mut book, fault) = (Book::default(), Fault::new(Reason::Late, "did not answer"));
        let many: Vec<Question> = (0..2000).map(|number| question(&number.to_string())).collect();
        for question in &many {
            book.failed(&question.input, &fault, Timestamp(0));
        }
        assert_eq!(book.asked.len(), 2000);
        // Not each time, but before there are three times as many.
        let later = Timestamp(FORGOTTEN_AFTER + 2000);
        for number in 0..4000 {
            book.failed(&question(&format!("x{number}")).input, &fault, later);
        }
        assert!((4000..4010).contains(&book.asked.len()), "{}", book.asked.len());
        book.forget("np");
        assert_eq!(book.asked.len(), 0);
    }
}
