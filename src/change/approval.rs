//! Which reviews count.

use super::forge::{Review, Verdict};
use super::person::Person;
use super::record::Change;
use crate::repo::CommitId;

/// What the reviews of a change come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Who approved the present content, the requesters apart.
    pub approvals: Vec<Person>,
    /// How many approvals are needed.
    pub needed: usize,
    /// The requester for whose sake one more is needed.
    pub unknown: Option<Person>,
    /// Who asked for changes and has not approved since, with their words.
    pub objection: Option<(Person, String)>,
}

impl Standing {
    /// Weighs `reviews`, oldest first. `current` says whether a commit holds the present content: an approval holds for
    /// the content, not for the commit.
    #[must_use]
    pub fn of(change: &Change, reviews: &[Review], approvals: u32, current: impl Fn(CommitId) -> bool) -> Self {
        // One human has one vote, under whatever name: the latest review replaces the earlier ones.
        let mut latest: Vec<&Review> = vec![];
        for review in reviews {
            latest.retain(|earlier| !earlier.by.is(&review.by));
            latest.push(review);
        }
        let counts = |person: &Person| {
            let own = change.requesters.iter().any(|requester| requester.is(person));
            // Without credentials everybody is `local`; that one approval is shown as unverified.
            !own || person.is_local()
        };
        let unknown = unknown(change).cloned();
        let mut standing = Self { needed: needed(change, approvals), unknown, ..Self::default() };
        for review in latest {
            let person = &review.by;
            match review.verdict {
                Verdict::RequestChanges => standing.objection = Some((person.clone(), review.words.clone())),
                Verdict::Approve if counts(person) && current(review.head) => standing.approvals.push(person.clone()),
                Verdict::Approve => {}
            }
        }
        standing
    }

    /// Whether a valid approval and no request for changes stand: later writes wait for the next change.
    #[must_use]
    pub fn seals(&self) -> bool {
        !self.approvals.is_empty() && self.objection.is_none()
    }

    /// Whether it may be merged.
    #[must_use]
    pub fn suffices(&self) -> bool {
        self.approvals.len() >= self.needed && self.objection.is_none()
    }
}

/// How many approvals a change needs where the settings ask for `approvals`: one more for a requester whose forge login is
/// unknown, because that might be any reviewer.
#[must_use]
pub fn needed(change: &Change, approvals: u32) -> usize {
    approvals as usize + usize::from(unknown(change).is_some())
}

/// A requester whose forge login is unknown.
fn unknown(change: &Change) -> Option<&Person> {
    change.requesters.iter().find(|requester| !requester.is_local() && !requester.has_login())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::change::{ChangeId, Timestamp};

    fn person(name: &str) -> Person {
        Person { name: name.into(), logins: vec![] }
    }

    fn change(requester: Person) -> Change {
        let id = ChangeId::parse("0123456789ab").unwrap();
        let mut change = Change::new(id, BTreeSet::new(), Timestamp(0));
        change.requesters.insert(requester);
        change
    }

    fn review(by: &Person, verdict: Verdict, head: u8) -> Review {
        Review { by: by.clone(), verdict, head: CommitId::from([head; 20]), at: Timestamp(0), words: "no".into() }
    }

    fn standing(change: &Change, reviews: &[Review]) -> Standing {
        Standing::of(change, reviews, 1, |head| head == CommitId::from([1; 20]))
    }

    #[test]
    fn an_approval_of_other_content_does_not_count() {
        let (alice, bob) = (person("github:alice"), person("github:bob"));
        assert!(standing(&change(alice.clone()), &[review(&bob, Verdict::Approve, 1)]).suffices());
        assert!(!standing(&change(alice), &[review(&bob, Verdict::Approve, 2)]).seals());
    }

    #[test]
    fn requesters_do_not_approve_their_own_change_under_any_name() {
        let token = Person { name: "portal".into(), logins: vec!["github:alice".into()] };
        let alice = person("github:alice");
        assert!(!standing(&change(token), &[review(&alice, Verdict::Approve, 1)]).seals());
    }

    #[test]
    fn a_requester_whose_login_is_unknown_needs_one_approval_more() {
        let (bob, carol) = (person("github:bob"), person("github:carol"));
        let change = change(person("ci"));
        assert!(!standing(&change, &[review(&bob, Verdict::Approve, 1)]).suffices());
        assert!(
            standing(&change, &[review(&bob, Verdict::Approve, 1), review(&carol, Verdict::Approve, 1)]).suffices()
        );
    }

    #[test]
    fn one_human_under_two_names_approves_once() {
        let bob = person("github:bob");
        let token = Person { name: "bob".into(), logins: vec!["github:bob".into()] };
        let reviews = [review(&bob, Verdict::Approve, 1), review(&token, Verdict::Approve, 1)];
        assert_eq!(standing(&change(person("ci")), &reviews).approvals.len(), 1);
        let reconsidered = [review(&bob, Verdict::RequestChanges, 1), review(&token, Verdict::Approve, 1)];
        assert_eq!(standing(&change(person("github:alice")), &reconsidered).objection, None);
    }

    #[test]
    fn one_local_approval_suffices_where_everybody_is_local() {
        let local = Person::local();
        assert!(standing(&change(local.clone()), &[review(&local, Verdict::Approve, 1)]).suffices());
    }

    #[test]
    fn a_request_for_changes_stands_until_its_author_approves() {
        let (alice, bob, carol) = (person("github:alice"), person("github:bob"), person("github:carol"));
        let objection = review(&bob, Verdict::RequestChanges, 2);
        let approval = review(&carol, Verdict::Approve, 1);
        assert!(!standing(&change(alice.clone()), &[objection.clone(), approval.clone()]).seals());
        assert!(standing(&change(alice), &[objection, approval, review(&bob, Verdict::Approve, 1)]).suffices());
    }
}
