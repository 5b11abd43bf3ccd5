//! Whether a submission may be accepted, judged against what is proposed now.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::advice::advice;
use super::id::{ChangeId, Group};
use super::ledger::{ChangeTree, Ledger};
use super::submission::{Cause, Obstacle, Operation, Outcome, Precondition, Refusal, Submission};
use super::write::Verb;
use crate::finding::{Finding, Place};
use crate::intent::conflicts::{Conflict, conflicts};
use crate::intent::rules;
use crate::intent::{Anchor, Kind, Resource, Topology, Tree};

/// A submission that may be accepted.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// What has to be written, in an order that can be applied.
    pub writes: Vec<(Anchor, Verb)>,
    /// What becomes of each resource.
    pub outcomes: Vec<(Anchor, Outcome)>,
    /// What the caller should know.
    pub warnings: Vec<Finding>,
    /// The proposed view with all of it applied.
    pub proposed: Tree,
}

impl Admitted {
    /// The tree that its writes make of `base`, and of nothing else that is pending.
    pub(super) fn change(self, base: &Tree) -> ChangeTree {
        let mut change = ChangeTree { tree: base.clone(), changed: vec![], findings: self.warnings };
        let mut changed = BTreeSet::new();
        for (anchor, verb) in self.writes {
            change.findings.extend(verb.apply(&anchor, &mut change.tree).err());
            changed.insert(anchor);
        }
        change.changed = changed.into_iter().collect();
        change
    }
}

/// Judges a submission.
///
/// # Errors
/// Everything that stands in its way; of several kinds of obstacles the gravest names the cause.
pub(super) fn admit(ledger: &Ledger, submission: &Submission) -> Result<Admitted, Refusal> {
    let mut judge = Judge {
        ledger,
        admitted: Admitted { proposed: ledger.proposed.clone(), ..Admitted::default() },
        refused: vec![],
    };
    let mut operations: Vec<(usize, &Operation)> = submission.operations.iter().enumerate().collect();
    if submission.bundle {
        // Documents come in any order: parents first. What goes does so last, and children first.
        let goes = |operation: &Operation| matches!(operation, Operation::Delete(_));
        operations.sort_by(|(_, a), (_, b)| match (goes(a), goes(b)) {
            (true, true) => b.anchor().cmp(a.anchor()),
            (false, false) => a.anchor().cmp(b.anchor()),
            (one, other) => one.cmp(&other),
        });
    }
    for (index, operation) in &operations {
        judge.operation(*index, operation, &submission.precondition);
    }
    if let Some(root) = &submission.prune {
        judge.prune(root, submission);
    }
    judge.together(&operations);
    judge.finish()
}

struct Judge<'a> {
    ledger: &'a Ledger,
    admitted: Admitted,
    refused: Vec<(Cause, Obstacle)>,
}

impl Judge<'_> {
    fn refuse(&mut self, cause: Cause, operation: usize, subject: &Anchor, pointer: &str, message: impl Into<String>) {
        let (subject, pointer) = (subject.as_str().to_owned(), pointer.to_owned());
        self.refused.push((cause, Obstacle { operation, subject, pointer, message: message.into() }));
    }

    fn operation(&mut self, index: usize, operation: &Operation, precondition: &Precondition) {
        let anchor = operation.anchor().clone();
        if let Some(why) = self.ledger.base.unreadable(&anchor) {
            return self.refuse(Cause::Unreadable, index, &anchor, "", why);
        }
        let existing = self.admitted.proposed.get(&anchor).cloned();
        if let Some(missing) = anchor.lineage().skip(1).filter(|a| self.admitted.proposed.get(a).is_none()).last() {
            return self.refuse(
                Cause::NotFound,
                index,
                &missing,
                "",
                format!("{missing} does not exist; create it first"),
            );
        }
        if !holds(precondition, existing.as_deref()) {
            let message = match precondition {
                Precondition::Absent => {
                    format!("{anchor} exists already; leave the precondition out to change it all the same")
                }
                _ => "the resource is not as the precondition says; read it again and repeat the write".to_owned(),
            };
            return self.refuse(Cause::Precondition, index, &anchor, "", message);
        }
        let twin = existing.is_none().then(|| self.admitted.proposed.differs_by_case(&anchor)).flatten();
        if let (Operation::Create(_) | Operation::Put(_), Some(other)) = (operation, twin) {
            let message = format!(
                "{other} exists already and differs by case only: where case is ignored, their files and names would be \
                 one; choose another name"
            );
            return self.refuse(Cause::Exists, index, &anchor, "/metadata/name", message);
        }
        match (operation, existing) {
            (Operation::Create(_), Some(_)) => {
                let message = format!("{anchor} exists already; use PUT to replace it");
                self.refuse(Cause::Exists, index, &anchor, "/metadata/name", message);
            }
            (Operation::Create(resource) | Operation::Put(resource), existing) => {
                let outcome = match &existing {
                    None => Outcome::Created,
                    Some(existing) if existing.body() == resource.body() => Outcome::Unchanged,
                    Some(_) => Outcome::Replaced,
                };
                // What is sent never decides the state.
                self.take(anchor, Verb::Put(Arc::new(resource.clone().with_state_of(None))), outcome);
            }
            (_, None) => self.refuse(Cause::NotFound, index, &anchor, "", format!("{anchor} does not exist")),
            (Operation::Delete(_), Some(_)) => self.delete(index, anchor),
            (Operation::Approve(_), Some(_)) => self.admitted.outcomes.push((anchor, Outcome::Accepted)),
            (Operation::Terminate(_), Some(group)) => self.lifecycle(anchor, Verb::Terminate, group.state.terminated),
            (Operation::Instantiate(_), Some(group)) => {
                self.lifecycle(anchor, Verb::Instantiate, !group.state.terminated)
            }
        }
    }

    fn delete(&mut self, index: usize, anchor: Anchor) {
        let child = self.admitted.proposed.within(&anchor).nth(1).cloned();
        if let Some(child) = child {
            let message = format!("{anchor} still holds {}; delete what lives below it first", child.anchor());
            return self.refuse(Cause::HasChildren, index, &anchor, "", message);
        }
        self.take(anchor, Verb::Delete, Outcome::Deleted);
    }

    fn lifecycle(&mut self, anchor: Anchor, verb: Verb, already: bool) {
        let outcome = if already { Outcome::Unchanged } else { Outcome::Accepted };
        self.take(anchor, verb, outcome);
        if let Some(last) = self.admitted.outcomes.last_mut() {
            last.1 = Outcome::Accepted;
        }
    }

    fn take(&mut self, anchor: Anchor, verb: Verb, outcome: Outcome) {
        self.admitted.outcomes.push((anchor.clone(), outcome));
        if outcome == Outcome::Unchanged {
            return;
        }
        if verb.apply(&anchor, &mut self.admitted.proposed).is_ok() {
            self.admitted.writes.push((anchor, verb));
        }
    }

    fn prune(&mut self, root: &Anchor, submission: &Submission) {
        let named: BTreeSet<&Anchor> = submission.operations.iter().map(Operation::anchor).collect();
        let lost: Vec<Anchor> = self
            .admitted
            .proposed
            .within(root)
            .map(|r| r.anchor().clone())
            .filter(|a| a != root && !named.contains(a))
            .collect();
        // From below upwards; a resource that still holds one the bundle names stays, and is told.
        for anchor in lost.into_iter().rev() {
            self.delete(0, anchor);
        }
    }

    /// Rules and contradictions between several resources, as they stand with all of it applied.
    fn together(&mut self, operations: &[(usize, &Operation)]) {
        let after = self.admitted.proposed.clone();
        let groups: BTreeSet<Group> =
            self.admitted.writes.iter().flat_map(|(anchor, _)| self.ledger.groups_of(anchor)).collect();
        let destination = self.ledger.destination(&groups).map(|change| change.id.clone());
        let written: BTreeSet<Anchor> = self.admitted.writes.iter().map(|(anchor, _)| anchor.clone()).collect();
        let topology = Topology::new(&after, &self.ledger.base.settings.cluster_defaults);
        let (mut seen, mut advised, mut compared) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (index, operation) in operations.iter().filter(|(_, operation)| written.contains(operation.anchor())) {
            let anchor = operation.anchor();
            for violation in rules::violations(&after, anchor) {
                if seen.insert((None, violation.message.clone())) {
                    self.refuse(Cause::Invalid, *index, anchor, &violation.pointer, violation.message);
                }
            }
            let told = rules::outside_the_mesh(&after, anchor).into_iter().chain(advice(&after, &topology, anchor));
            self.admitted.warnings.extend(told.filter(|told| advised.insert(told.message.clone())));
            // What is said of a server is looked for once, however many clients come with it.
            let compares = [Kind::Inbound, Kind::OutboundServer, Kind::Outbound];
            let server = compares.into_iter().find_map(|kind| anchor.ancestor(kind));
            let Some(server) = server.filter(|server| compared.insert(server.clone())) else { continue };
            if let Some(crowd) = rules::crowd(&after, &server).filter(|_| !matches!(operation, Operation::Delete(_))) {
                self.refuse(Cause::Invalid, *index, anchor, "", crowd);
            }
            let before = conflicts(&self.ledger.proposed, anchor);
            // An outbound server that comes with its caller speaks for itself.
            let told = |with: &Anchor| with.kind() == Kind::OutboundServer && with != anchor && written.contains(with);
            let new = |conflict: &Conflict| !before.contains(conflict) && !told(&conflict.intent);
            for conflict in conflicts(&after, anchor).into_iter().filter(new) {
                if seen.insert((Some(conflict.with.clone()), conflict.to_string())) {
                    self.conflict(*index, anchor, &conflict, destination.as_ref(), &written);
                }
            }
        }
    }

    fn conflict(
        &mut self,
        index: usize,
        anchor: &Anchor,
        conflict: &Conflict,
        destination: Option<&ChangeId>,
        written: &BTreeSet<Anchor>,
    ) {
        let elsewhere = !written.contains(&conflict.with)
            && self.ledger.owner(&conflict.with).is_some_and(|owner| Some(owner) != destination);
        if elsewhere {
            let message = format!(
                "{conflict}; that intent is not merged yet: whichever is merged first wins, the other is blocked"
            );
            let remedy = "agree with its requester";
            self.admitted.warnings.push(Finding::warning(
                "intent/conflict",
                Place::at(anchor.as_str()),
                message,
                remedy,
            ));
        } else {
            let pointer = if *anchor == conflict.intent { conflict.field } else { "" };
            self.refuse(Cause::Conflict, index, anchor, pointer, format!("{conflict}; make them agree"));
        }
    }

    fn finish(mut self) -> Result<Admitted, Refusal> {
        let order = [
            Cause::Unreadable,
            Cause::NotFound,
            Cause::Invalid,
            Cause::Precondition,
            Cause::Exists,
            Cause::HasChildren,
            Cause::Conflict,
        ];
        let cause = order.into_iter().find(|cause| self.refused.iter().any(|(c, _)| c == cause));
        match cause {
            None => Ok(self.admitted),
            Some(cause) => {
                self.refused.sort_by_key(|(_, obstacle)| obstacle.operation);
                Err(Refusal { cause, obstacles: self.refused.into_iter().map(|(_, obstacle)| obstacle).collect() })
            }
        }
    }
}

fn holds(precondition: &Precondition, existing: Option<&Resource>) -> bool {
    match (precondition, existing) {
        (Precondition::None, _) | (Precondition::Absent, None) => true,
        (Precondition::Absent, Some(_)) | (Precondition::Match(_), None) => false,
        (Precondition::Match(tags), Some(resource)) => tags.is_empty() || tags.contains(&resource.etag()),
    }
}
