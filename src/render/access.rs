//! Rules of a policy: who may call what, each said once.

use super::operation::Operations;
use crate::istio::{Rule, RuleFrom};

/// Rules in the making.
#[derive(Default)]
pub(super) struct Rules(Vec<(Vec<RuleFrom>, Operations)>);

impl Rules {
    /// Adds a rule; callers that have one already get one rule for both.
    pub(super) fn add(&mut self, from: Vec<RuleFrom>, operations: Operations) {
        match self.0.iter_mut().find(|(known, _)| *known == from) {
            Some((_, known)) => *known = std::mem::take(known).or(operations),
            None => self.0.push((from, operations)),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// As a policy holds them.
    pub(super) fn into_rules(self) -> Vec<Rule> {
        let rule =
            |(from, operations): (Vec<RuleFrom>, Operations)| Rule { from, to: operations.into_rule(), when: vec![] };
        self.0.into_iter().map(rule).collect()
    }
}
