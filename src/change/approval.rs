//! Which reviews count.

use std::collections::BTreeSet;

use super::codeowners::Owned;
use super::forge::{Review, Verdict};
use super::id::Timestamp;
use super::owning::{self, Missing, Teams};
use super::person::Person;
use super::record::Change;
use crate::repo::CommitId;
use crate::review::words::many;

/// The most owners that are named of those who are missing.
const MOST_NAMED: usize = 5;

/// The reviews that count, whatever is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Votes {
    /// Who approved what the head holds, the requesters apart.
    pub approvals: Vec<Person>,
    /// Who asked for changes and has not approved since, with their words.
    pub objection: Option<(Person, String)>,
    /// Since when an approval and no request for changes stand.
    pub sealed: Option<Timestamp>,
}

/// What a change needs.
#[derive(Debug, Clone, Copy)]
pub struct Needed<'a> {
    /// How many approvals.
    pub approvals: u32,
    /// The changed paths of which an owner has to approve.
    pub owned: &'a [Owned],
    /// Who is in the teams among the owners.
    pub teams: &'a Teams,
}

/// What the reviews of a change come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Who approved what the head holds, the requesters apart.
    pub approvals: Vec<Person>,
    /// How many approvals are needed.
    pub needed: usize,
    /// The requester for whose sake one more is needed.
    pub unknown: Option<Person>,
    /// The paths of which no owner has approved.
    pub missing: Vec<Missing>,
    /// Who asked for changes and has not approved since, with their words.
    pub objection: Option<(Person, String)>,
    /// Since when a valid approval and no request for changes stand: later writes wait for the next change.
    pub sealed: Option<Timestamp>,
    /// Whether the head does not hold what the change is about by now, so that it cannot be merged whoever approved.
    pub outdated: bool,
}

impl Votes {
    /// Counts `reviews`, oldest first, of a change that `requesters` asked for. `held` says whether a commit holds what
    /// the head holds: an approval holds for the content, not for the commit.
    #[must_use]
    pub fn of(requesters: &BTreeSet<Person>, reviews: &[Review], held: impl Fn(CommitId) -> bool) -> Self {
        let counts = |person: &Person| {
            let own = requesters.iter().any(|requester| requester.is(person));
            // Without credentials everybody is `local`; that one approval is shown as unverified.
            !own || person.is_local()
        };
        let (mut votes, mut latest): (Self, Vec<(&Review, bool)>) = Default::default();
        for review in reviews {
            // One human has one vote, under whatever name: the latest review replaces the earlier ones.
            latest.retain(|(earlier, _)| !earlier.by.is(&review.by));
            latest.push((review, review.verdict == Verdict::Approve && counts(&review.by) && held(review.head)));
            let of = |wanted| latest.iter().filter(move |(review, _)| review.verdict == wanted);
            let objection = of(Verdict::RequestChanges).next_back();
            votes.objection = objection.map(|(review, _)| (review.by.clone(), review.words.clone()));
            let valid = of(Verdict::Approve).filter(|(_, valid)| *valid);
            votes.approvals = valid.map(|(review, _)| review.by.clone()).collect();
            let seals = !votes.approvals.is_empty() && votes.objection.is_none();
            votes.sealed = seals.then(|| votes.sealed.unwrap_or(review.at));
        }
        votes
    }
}

impl Standing {
    /// Weighs votes against what is needed of a change that `requesters` asked for.
    #[must_use]
    pub fn of(requesters: &BTreeSet<Person>, votes: Votes, needed: &Needed<'_>) -> Self {
        let Votes { approvals, objection, sealed } = votes;
        Self {
            missing: owning::missing(needed.owned, &approvals, requesters, needed.teams),
            needed: self::needed(requesters, needed.approvals),
            unknown: unknown(requesters).cloned(),
            approvals,
            objection,
            sealed,
            outdated: false,
        }
    }

    /// Whether it may be merged.
    #[must_use]
    pub fn suffices(&self) -> bool {
        let approved = self.approvals.len() >= self.needed && self.missing.is_empty();
        approved && self.objection.is_none() && !self.outdated
    }

    /// Whether a valid approval came before writes that the head of `change` does not hold, up to `last`; those wait for the
    /// next change. What changes nothing needs no change of its own.
    #[must_use]
    pub fn came_before(&self, change: &Change, last: u64) -> bool {
        let grew = last > change.covers && change.holds(change.covers);
        grew && self.outdated && self.sealed.is_some_and(|since| since <= change.unsettled)
    }

    /// Which approvals are missing, in words.
    #[must_use]
    pub fn lacks(&self) -> String {
        let mut words = vec![];
        if let Some(count) = self.needed.checked_sub(self.approvals.len()).filter(|count| *count > 0) {
            let unknown = |person| format!(", one of them because no forge login of {person} is known");
            let unknown = self.unknown.as_ref().map(unknown).unwrap_or_default();
            words.push(format!("needs {}{unknown}", many(count, "more approval")));
        }
        for missing in self.missing.iter().take(MOST_NAMED) {
            let needs = if missing.nobody.is_none() { "needs " } else { "" };
            words.push(format!("{needs}{missing}"));
        }
        if let Some(more) = self.missing.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            words.push(format!("needs {} of other owners too", many(more, "approval")));
        }
        words.join("; ")
    }
}

/// How many approvals a change needs where the settings ask for `approvals`: one more for a requester whose forge login is
/// unknown, because that might be any reviewer.
#[must_use]
pub fn needed(requesters: &BTreeSet<Person>, approvals: u32) -> usize {
    approvals as usize + usize::from(unknown(requesters).is_some())
}

/// A requester whose forge login is unknown.
fn unknown(requesters: &BTreeSet<Person>) -> Option<&Person> {
    requesters.iter().find(|requester| !requester.is_local() && !requester.has_login())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::codeowners::CodeOwners;

    fn person(name: &str) -> Person {
        Person { name: name.into(), logins: vec![] }
    }

    fn by(requester: Person) -> BTreeSet<Person> {
        BTreeSet::from([requester])
    }

    fn review(by: &Person, verdict: Verdict, head: u8) -> Review {
        Review { by: by.clone(), verdict, head: CommitId::from([head; 20]), at: Timestamp(0), words: "no".into() }
    }

    fn standing(requesters: &BTreeSet<Person>, reviews: &[Review]) -> Standing {
        owned_standing(requesters, reviews, "")
    }

    /// What reviews come to where `owners` is the CODEOWNERS of main and `a` and `b` change.
    fn owned_standing(requesters: &BTreeSet<Person>, reviews: &[Review], owners: &str) -> Standing {
        let votes = Votes::of(requesters, reviews, |head| head == CommitId::from([1; 20]));
        let owned = CodeOwners::parse("CODEOWNERS", owners.as_bytes()).owned(&["a", "b"]);
        Standing::of(requesters, votes, &Needed { approvals: 1, owned: &owned, teams: &Teams::new() })
    }

    #[test]
    fn an_approval_of_other_content_does_not_count() {
        let (alice, bob) = (person("github:alice"), person("github:bob"));
        assert!(standing(&by(alice.clone()), &[review(&bob, Verdict::Approve, 1)]).suffices());
        assert!(standing(&by(alice), &[review(&bob, Verdict::Approve, 2)]).sealed.is_none());
    }

    #[test]
    fn requesters_do_not_approve_their_own_change_under_any_name() {
        let token = Person { name: "portal".into(), logins: vec!["github:alice".into()] };
        let alice = person("github:alice");
        assert!(standing(&by(token), &[review(&alice, Verdict::Approve, 1)]).sealed.is_none());
    }

    #[test]
    fn a_requester_whose_login_is_unknown_needs_one_approval_more() {
        let (bob, carol) = (person("github:bob"), person("github:carol"));
        let change = by(person("ci"));
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
        assert_eq!(standing(&by(person("ci")), &reviews).approvals.len(), 1);
        let reconsidered = [review(&bob, Verdict::RequestChanges, 1), review(&token, Verdict::Approve, 1)];
        assert_eq!(standing(&by(person("github:alice")), &reconsidered).objection, None);
    }

    #[test]
    fn one_local_approval_suffices_where_everybody_is_local() {
        let local = Person::local();
        assert!(standing(&by(local.clone()), &[review(&local, Verdict::Approve, 1)]).suffices());
    }

    #[test]
    fn a_request_for_changes_stands_until_its_author_approves() {
        let (alice, bob, carol) = (person("github:alice"), person("github:bob"), person("github:carol"));
        let objection = review(&bob, Verdict::RequestChanges, 2);
        let approval = review(&carol, Verdict::Approve, 1);
        assert!(standing(&by(alice.clone()), &[objection.clone(), approval.clone()]).sealed.is_none());
        assert!(standing(&by(alice), &[objection, approval, review(&bob, Verdict::Approve, 1)]).suffices());
    }

    #[test]
    fn it_is_sealed_since_the_approval_that_no_objection_came_after() {
        let (bob, carol, ask) = (person("github:bob"), person("github:carol"), by(person("github:alice")));
        let steps = [
            (&bob, Verdict::Approve, 2, None),
            (&bob, Verdict::Approve, 1, Some(2)),
            (&carol, Verdict::Approve, 1, Some(2)),
            (&carol, Verdict::RequestChanges, 1, None),
            (&carol, Verdict::Approve, 2, Some(5)),
            (&bob, Verdict::Approve, 2, None),
        ];
        let mut reviews = vec![];
        for (at, (person, verdict, head, sealed)) in (1..).zip(steps) {
            reviews.push(Review { at: Timestamp(at), ..review(person, verdict, head) });
            assert_eq!(standing(&ask, &reviews).sealed, sealed.map(Timestamp), "after {at}");
        }
    }

    #[test]
    fn as_many_approvals_as_are_needed_do_not_suffice_without_the_owners() {
        let (bob, carol, ask) = (person("github:bob"), person("github:carol"), by(person("github:alice")));
        let by_carol = [review(&carol, Verdict::Approve, 1)];
        let standing = owned_standing(&ask, &by_carol, "/a @bob\n/b @carol\n");
        assert!(standing.sealed.is_some() && !standing.suffices());
        assert_eq!(standing.lacks(), "needs an approval of @bob, who owns a");
        let by_both = [review(&carol, Verdict::Approve, 1), review(&bob, Verdict::Approve, 1)];
        assert!(owned_standing(&ask, &by_both, "/a @bob\n/b @carol\n").suffices());
        assert!(!owned_standing(&by(bob.clone()), &by_both, "/a @bob\n").suffices(), "requesters own nothing here");
        let other_content = [review(&carol, Verdict::Approve, 1), review(&bob, Verdict::Approve, 2)];
        assert!(!owned_standing(&ask, &other_content, "/a @bob\n").suffices());
    }

    #[test]
    fn what_is_missing_is_said_shortly() {
        let lacks = |requester, owners: &str| owned_standing(&by(person(requester)), &[], owners).lacks();
        assert_eq!(lacks("github:alice", ""), "needs 1 more approval");
        assert_eq!(lacks("ci", ""), "needs 2 more approvals, one of them because no forge login of ci is known");
        assert_eq!(
            lacks("github:alice", "* @bob @acme/mesh"),
            "needs 1 more approval; needs an approval of @bob or @acme/mesh, who own a and 1 more path"
        );
        assert_eq!(
            lacks("github:alice", "* @alice"),
            "needs 1 more approval; no owner can approve a and 1 more path: @alice asked for it, and a requester's own \
             approval does not count; name another owner in CODEOWNERS on main"
        );
        let owned = |n| Owned { owners: BTreeSet::new(), first: format!("p{n}"), more: 0 };
        let missing = (0..7).map(|n| Missing { owned: owned(n), nobody: Some("x".into()) }).collect();
        let words = Standing { missing, ..Standing::default() }.lacks();
        assert!(words.ends_with("p4: x; needs 2 approvals of other owners too"), "{words}");
    }
}
