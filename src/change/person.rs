//! Who asks and who reviews.

use serde::{Deserialize, Serialize};

/// The name of the caller when no credentials are configured.
pub const LOCAL: &str = "local";

/// Somebody, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The name of the bearer token, `local`, or the actor it speaks for, such as `github:alice`.
    pub name: String,
    /// The forge logins of that person, such as `github:alice`; empty when they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<String>,
}

impl Person {
    /// Whoever calls a server that has no credentials.
    #[must_use]
    pub fn local() -> Self {
        Self { name: LOCAL.to_owned(), logins: vec![] }
    }

    /// Whether this is the unverified caller.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.name == LOCAL
    }

    /// Whether a forge login of this person is known.
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.name.contains(':') || !self.logins.is_empty()
    }

    /// Whether both are the same human as far as names and logins tell. Forges do not tell logins apart by case.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.names().any(|name| other.names().any(|other| name.eq_ignore_ascii_case(other)))
    }

    /// Whether this is who has a forge login, such as `github:alice`.
    #[must_use]
    pub fn has(&self, login: &str) -> bool {
        self.known_logins().any(|known| known.eq_ignore_ascii_case(login))
    }

    /// Whether this is who has a login on a forge, whichever that is: `alice` for `github:alice`.
    #[must_use]
    pub fn has_on_any_forge(&self, login: &str) -> bool {
        self.known_logins().any(|known| {
            let bare = known.split_once(':').map_or(known, |(_, bare)| bare);
            bare.eq_ignore_ascii_case(login)
        })
    }

    /// The name with the logins that are known, as a trailer of a commit has it: `portal (github:alice)`.
    #[must_use]
    pub fn signature(&self) -> String {
        if self.logins.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.logins.join(", ")) }
    }

    /// Whoever a trailer names.
    #[must_use]
    pub fn signed(text: &str) -> Self {
        let parts = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
        let logins = |list: &str| -> Vec<String> { list.split(", ").map(ToOwned::to_owned).collect() };
        let parts = parts.map(|(name, list)| (name, logins(list)));
        match parts.filter(|(_, logins)| logins.iter().all(|login| login.contains(':'))) {
            Some((name, logins)) => Self { name: name.to_owned(), logins },
            None => Self { name: text.to_owned(), logins: vec![] },
        }
    }

    /// The name of a token is no login, whatever it is.
    fn known_logins(&self) -> impl Iterator<Item = &str> {
        let name = Some(self.name.as_str()).filter(|name| name.contains(':'));
        name.into_iter().chain(self.logins.iter().map(String::as_str))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.logins).map(String::as_str)
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_those_of_a_forge_and_not_the_names_of_tokens() {
        let portal = Person { name: "portal".into(), logins: vec!["github:Alice".into()] };
        let actor = Person { name: "gitea:bob".into(), logins: vec![] };
        assert!(portal.has("github:alice") && portal.has_on_any_forge("alice") && actor.has_on_any_forge("BOB"));
        assert!(
            !portal.has("gitea:alice") && !portal.has_on_any_forge("portal") && !actor.has_on_any_forge("gitea:bob")
        );
    }

    #[test]
    fn whom_a_trailer_names_is_read_back_with_what_was_known() {
        let person = |name: &str, logins: &[&str]| Person {
            name: name.into(),
            logins: logins.iter().map(|login| (*login).into()).collect(),
        };
        for (person, signature) in [
            (Person::local(), "local"),
            (person("portal", &["github:alice"]), "portal (github:alice)"),
            (person("ci (nightly)", &[]), "ci (nightly)"),
            (person("ci (nightly)", &["github:a", "gitea:b"]), "ci (nightly) (github:a, gitea:b)"),
        ] {
            assert_eq!(person.signature(), signature);
            assert_eq!(Person::signed(signature), person);
        }
    }
}
