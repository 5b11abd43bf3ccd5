//! Rules of a policy: who may call what, each said once.

use super::operation::Operations;
use crate::intent::spec::Jwt;
use crate::istio::{Condition, Rule, RuleFrom};

/// Rules in the making.
#[derive(Default)]
pub(super) struct Rules(Vec<(Vec<RuleFrom>, Vec<Condition>, Operations)>);

impl Rules {
    /// Adds a rule; callers that have one already, with the same token, get one rule for both. Never one rule for several
    /// tokens: Istio lets each of its sources do all that it says.
    pub(super) fn add(&mut self, from: Vec<RuleFrom>, jwt: Option<&Jwt>, operations: Operations) {
        let (from, when) = (with_token(from, jwt), audiences(jwt));
        match self.0.iter_mut().find(|(known, condition, _)| *known == from && *condition == when) {
            Some((.., known)) => *known = std::mem::take(known).or(operations),
            None => self.0.push((from, when, operations)),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// As a policy holds them.
    pub(super) fn into_rules(self) -> Vec<Rule> {
        let rule = |(from, when, operations): (Vec<RuleFrom>, Vec<Condition>, Operations)| Rule {
            from,
            to: operations.into_rule(),
            when,
        };
        self.0.into_iter().map(rule).collect()
    }
}

/// Sources whose requests bear such a token.
fn with_token(from: Vec<RuleFrom>, jwt: Option<&Jwt>) -> Vec<RuleFrom> {
    let Some(jwt) = jwt else { return from };
    let of = |subject: &str| format!("{}/{subject}", jwt.issuer);
    let request_principals: Vec<String> = match jwt.subjects.is_empty() {
        true => vec![of("*")],
        false => jwt.subjects.iter().map(|subject| of(subject.as_str())).collect(),
    };
    let narrowed = |from: RuleFrom| {
        let mut source = from.source.unwrap_or_default();
        source.request_principals.clone_from(&request_principals);
        RuleFrom { source: Some(source) }
    };
    from.into_iter().map(narrowed).collect()
}

/// The condition that it was issued for one of these.
fn audiences(jwt: Option<&Jwt>) -> Vec<Condition> {
    let Some(jwt) = jwt.filter(|jwt| !jwt.audiences.is_empty()) else { return vec![] };
    let values = jwt.audiences.iter().map(ToString::to_string).collect();
    vec![Condition { key: "request.auth.audiences".to_owned(), values, ..Condition::default() }]
}
