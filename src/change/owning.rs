//! Which owners of changed paths have approved, and which are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};

use super::codeowners::{Owned, Owner};
use super::person::Person;

/// Who is in a team, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Team {
    /// The logins of its members, with the forge's prefix.
    Members(BTreeSet<String>),
    /// The forge does not say, for this reason.
    Unknown(String),
}

/// The most owners of something that are named where an approval is missing.
const MOST_NAMED: usize = 10;

/// Teams by `organisation/team`.
pub type Teams = BTreeMap<String, Team>;

/// Owned paths of which no owner has approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The paths and their owners.
    pub owned: Owned,
    /// Why none of the owners can approve, and what to do; none where one of them can.
    pub nobody: Option<String>,
}

/// The teams of which it must be known who is in them: those that own what nobody of `approvals` owns by their login.
pub(super) fn teams_that_matter(owned: &[Owned], approvals: &[Person]) -> BTreeSet<String> {
    let open = owned.iter().filter(|owned| !is_approved(owned, approvals, &Teams::new()));
    let team = |owner: &Owner| if let Owner::Team(team) = owner { Some(team.clone()) } else { None };
    open.flat_map(|owned| &owned.owners).filter_map(team).collect()
}

/// What of `owned` none of `approvals` approves that count. `requesters` cannot approve.
pub(super) fn missing(
    owned: &[Owned],
    approvals: &[Person],
    requesters: &BTreeSet<Person>,
    teams: &Teams,
) -> Vec<Missing> {
    let open = owned.iter().filter(|owned| !is_approved(owned, approvals, teams));
    let missing = |owned: &Owned| Missing { owned: owned.clone(), nobody: nobody(&owned.owners, requesters, teams) };
    open.map(missing).collect()
}

fn is_approved(owned: &Owned, approvals: &[Person], teams: &Teams) -> bool {
    let is = |owner: &Owner, person: &Person| match owner {
        Owner::User(login) => person.has_on_any_forge(login),
        Owner::Team(team) => match teams.get(team) {
            Some(Team::Members(members)) => members.iter().any(|login| person.has(login)),
            _ => false,
        },
        // A login does not tell whose address that is.
        Owner::Email(_) => false,
    };
    // Without credentials everybody is `local`, the owners too.
    approvals.iter().any(|person| person.is_local() || owned.owners.iter().any(|owner| is(owner, person)))
}

/// Why none of `owners` can approve; none where one of them can.
fn nobody(owners: &BTreeSet<Owner>, requesters: &BTreeSet<Person>, teams: &Teams) -> Option<String> {
    if requesters.iter().any(Person::is_local) {
        // Without credentials everybody may.
        return None;
    }
    let reasons: Option<Vec<String>> = owners.iter().map(|owner| cannot(owner, requesters, teams)).collect();
    Some(reasons?.join("; "))
}

/// Why an owner cannot approve, and what to do; none where they can.
fn cannot(owner: &Owner, requesters: &BTreeSet<Person>, teams: &Teams) -> Option<String> {
    let place = "in CODEOWNERS on main";
    let another = format!("name another owner {place}");
    let asked = |is: &dyn Fn(&Person) -> bool| requesters.iter().any(is);
    match owner {
        Owner::User(login) => asked(&|requester| requester.has_on_any_forge(login))
            .then(|| format!("{owner} asked for it, and a requester's own approval does not count; {another}")),
        Owner::Email(_) => {
            Some(format!("nobody knows which login {owner} has; name @login or @organisation/team {place}"))
        }
        Owner::Team(team) => match teams.get(team) {
            Some(Team::Members(members)) => members
                .iter()
                .all(|login| asked(&|requester| requester.has(login)))
                .then(|| format!("{owner} has no member who did not ask for it; {another}")),
            Some(Team::Unknown(why)) => {
                Some(format!("who is in {owner} is not known: {why}; let Meshwright read its members, or {another}"))
            }
            None => None,
        },
    }
}

impl Display for Missing {
    /// Who has to approve, or why nobody can.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let mut owners: Vec<String> = self.owned.owners.iter().take(MOST_NAMED).map(ToString::to_string).collect();
        let others = self.owned.owners.len() - owners.len();
        if others > 0 {
            owners.push(format!("{others} others"));
        }
        let owners = owners.join(" or ");
        match &self.nobody {
            Some(why) => write!(f, "no owner can approve {}: {why}", self.owned),
            None => {
                let own = if self.owned.owners.len() == 1 { "owns" } else { "own" };
                write!(f, "an approval of {owners}, who {own} {}", self.owned)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::codeowners::CodeOwners;

    fn person(name: &str) -> Person {
        Person { name: name.into(), logins: vec![] }
    }

    fn teams() -> Teams {
        let members = |logins: &[&str]| Team::Members(logins.iter().map(|login| (*login).to_owned()).collect());
        [
            ("acme/mesh", members(&["github:Carol", "github:alice"])),
            ("acme/empty", members(&[])),
            ("acme/alone", members(&["github:alice"])),
            ("acme/secret", Team::Unknown("HTTP 403".into())),
        ]
        .map(|(team, members)| (team.to_owned(), members))
        .into()
    }

    /// What is missing where `owners` own one path, alice asked and `approvals` approved.
    fn lacks(owners: &str, approvals: &[&str]) -> String {
        let owned = CodeOwners::parse("CODEOWNERS", format!("* {owners}\n").as_bytes()).owned(&["a"]);
        let approvals: Vec<Person> = approvals.iter().map(|name| person(name)).collect();
        let missing = missing(&owned, &approvals, &[person("github:alice")].into(), &teams());
        missing.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_owner_suffices_whoever_else_owns_it() {
        for (owners, approvals) in [
            ("@bob", &["github:bob"][..]),
            ("@BOB @carol", &["gitea:Bob"]),
            ("@acme/mesh", &["github:dave", "github:carol"]),
            ("@bob @acme/secret", &["github:bob"]),
            ("docs@example.com @bob", &["github:bob"]),
            ("docs@example.com", &["local"]),
            ("@acme/secret", &["local"]),
        ] {
            assert_eq!(lacks(owners, approvals), "", "{owners}");
        }
    }

    #[test]
    fn others_do_not_approve_for_the_owners() {
        for (owners, approvals, words) in [
            ("@bob", &["github:carol", "bob"][..], "an approval of @bob, who owns a"),
            ("@acme/mesh @bob", &["gitea:carol"], "an approval of @bob or @acme/mesh, who own a"),
            ("@bob docs@example.com", &["github:docs"], "an approval of @bob or docs@example.com, who own a"),
            ("@bob @alice", &[], "an approval of @alice or @bob, who own a"),
            ("@acme/not-asked-yet", &[], "an approval of @acme/not-asked-yet, who owns a"),
        ] {
            assert_eq!(lacks(owners, approvals), words, "{owners}");
        }
    }

    #[test]
    fn where_no_owner_can_approve_it_is_said_why_and_what_to_do() {
        for (owners, words) in [
            (
                "docs@example.com",
                "nobody knows which login docs@example.com has; name @login or @organisation/team in CODEOWNERS on main",
            ),
            (
                "@acme/secret",
                "who is in @acme/secret is not known: HTTP 403; let Meshwright read its members, or \
                 name another owner in CODEOWNERS on main",
            ),
            (
                "@acme/empty",
                "@acme/empty has no member who did not ask for it; name another owner in CODEOWNERS on main",
            ),
            (
                "@alice @acme/alone",
                "@alice asked for it, and a requester's own approval does not count; name another owner in CODEOWNERS on \
                 main; @acme/alone has no member who did not ask for it; name another owner in CODEOWNERS on main",
            ),
        ] {
            assert_eq!(lacks(owners, &["github:bob"]), format!("no owner can approve a: {words}"));
        }
    }

    #[test]
    fn only_teams_are_asked_for_that_can_make_a_difference() {
        let read = CodeOwners::parse("CODEOWNERS", b"/a @bob @acme/mesh\n/b @acme/mesh @acme/web\n/c @carol\n");
        let owned = read.owned(&["a", "b", "c"]);
        let asked = |owned: &[Owned]| teams_that_matter(owned, &[person("github:bob")]).into_iter().collect::<Vec<_>>();
        assert_eq!(asked(&owned[..1]), [""; 0]);
        assert_eq!(asked(&owned), ["acme/mesh", "acme/web"]);
        assert!(teams_that_matter(&owned, &[Person::local()]).is_empty());
    }
}
