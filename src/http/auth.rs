//! Who calls: bearer tokens, their rights, and the people they may speak for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::{self, Problem};
use crate::change::Person;
use crate::change::person::LOCAL;
use crate::intent::secrets;

/// The header that names the person a caller speaks for.
pub(super) const ACTOR: &str = "meshwright-actor";

/// All projects, and what lies in none: cluster providers and plugins.
pub const EVERYWHERE: &str = "*";

/// Something that a caller may do in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Write intents, which become proposals.
    Propose,
    /// Review and merge changes.
    Approve,
    /// Merge and withdraw changes.
    Operate,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 3] = [Self::Propose, Self::Approve, Self::Operate];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Operate => "operate",
        }
    }

    /// The right of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == word)
    }
}

/// Whom a caller may speak for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ActsFor {
    /// Nobody but itself.
    #[default]
    Nobody,
    /// Everybody.
    Anybody,
    /// These actors, such as `github:alice`.
    These(Vec<String>),
}

/// A bearer token, known by its hash alone.
#[derive(Debug, Clone)]
pub struct Token {
    name: String,
    hash: [u8; 32],
    logins: Vec<String>,
    rights: BTreeMap<String, Vec<Right>>,
    acts_for: ActsFor,
}

impl Token {
    /// The token called `name` whose SHA-256 is `hash`, as 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with the name or the hash; the hash is not repeated.
    pub fn new(name: &str, hash: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(plain) {
            return Err(format!("the token name `{name}` must be 1 to 128 letters, digits, `-`, `_`, `.` or `@`"));
        }
        if name == LOCAL {
            return Err(format!("no token may be called `{LOCAL}`: that is the caller without credentials"));
        }
        let hash = unhex(hash).ok_or_else(|| format!("the hash of token `{name}` must be 64 hexadecimal digits"))?;
        let (logins, rights) = (vec![], BTreeMap::new());
        Ok(Self { name: name.to_owned(), hash, logins, rights, acts_for: ActsFor::Nobody })
    }

    /// With the forge logins of its owner, such as `github:alice`.
    #[must_use]
    pub fn logins(mut self, logins: Vec<String>) -> Self {
        self.logins = logins;
        self
    }

    /// With `rights` in `project`; [`EVERYWHERE`] stands for all projects and what lies in none.
    #[must_use]
    pub fn grant(mut self, project: &str, rights: &[Right]) -> Self {
        self.rights.entry(project.to_owned()).or_default().extend(rights);
        self
    }

    /// With those it may speak for.
    #[must_use]
    pub fn acts_for(mut self, acts_for: ActsFor) -> Self {
        self.acts_for = acts_for;
        self
    }

    fn may(&self, right: Right, project: Option<&str>) -> bool {
        let granted = |at: &str| self.rights.get(at).is_some_and(|rights| rights.contains(&right));
        granted(EVERYWHERE) || project.is_some_and(granted)
    }
}

/// Who may call.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    tokens: Option<Vec<Arc<Token>>>,
}

/// Who calls, and what they may do. It keeps the rights that it came in with, whatever is configured meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The person who asks: the owner of the token or the actor it speaks for.
    pub(super) person: Person,
    /// The token that it presented; none where no credentials are needed.
    token: Option<Arc<Token>>,
}

impl Caller {
    /// What it is told apart from other callers by: the name of its token, whomever it speaks for.
    pub(super) fn name(&self) -> &str {
        self.token.as_ref().map_or(LOCAL, |token| &token.name)
    }

    /// Whether it has `right` in `project`; `None` is what lies in no project.
    pub(super) fn may(&self, right: Right, project: Option<&str>) -> bool {
        self.token.as_ref().is_none_or(|token| token.may(right, project))
    }

    /// Whether it has `right` anywhere.
    pub(super) fn may_anywhere(&self, right: Right) -> bool {
        let anywhere = |token: &Arc<Token>| token.rights.values().any(|rights| rights.contains(&right));
        self.token.as_ref().is_none_or(anywhere)
    }
}

impl Auth {
    /// Whoever reaches the listener, which must be a loopback address then, as `local` with all rights.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    /// Those who present one of `tokens`; nobody when there are none.
    ///
    /// # Errors
    /// When two of them have one name: their owners could not be told apart.
    pub fn tokens(tokens: Vec<Token>) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        match tokens.iter().find(|token| !names.insert(&token.name)) {
            Some(twice) => Err(format!("two tokens are called `{}`", twice.name)),
            None => Ok(Self { tokens: Some(tokens.into_iter().map(Arc::new).collect()) }),
        }
    }

    /// Whether no credentials are needed.
    pub(super) fn is_open(&self) -> bool {
        self.tokens.is_none()
    }

    /// Who sends these headers.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let actor = actor(headers)?;
        let Some(tokens) = &self.tokens else {
            return match actor {
                None => Ok(Caller { person: Person::local(), token: None }),
                Some(_) => Err(not_for("a caller without credentials")),
            };
        };
        let index = bearer(headers).and_then(|text| lookup(tokens, text));
        let Some(token) = index.and_then(|index| tokens.get(index)) else {
            let detail = match bearer(headers) {
                None => "Send `Authorization: Bearer TOKEN` with a token that is configured here.",
                Some(_) => "The token that was sent is not configured here; send one that is.",
            };
            let problem = Problem::new(&problem::UNAUTHENTICATED, detail);
            return Err(problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        };
        let person = match actor {
            None => Person { name: token.name.clone(), logins: token.logins.clone() },
            Some(actor) => {
                let allowed = match &token.acts_for {
                    ActsFor::Nobody => false,
                    ActsFor::Anybody => true,
                    ActsFor::These(actors) => actors.iter().any(|known| known == actor),
                };
                if !allowed {
                    return Err(not_for(&format!("token `{}`", token.name)));
                }
                Person { name: actor.to_owned(), logins: vec![actor.to_owned()] }
            }
        };
        Ok(Caller { person, token: Some(Arc::clone(token)) })
    }

    /// Whether the credentials that `caller` came in with would still let it in.
    pub(super) fn knows(&self, caller: &Caller) -> bool {
        match (&self.tokens, &caller.token) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(tokens), Some(had)) => tokens.iter().any(|it| (&it.name, &it.hash) == (&had.name, &had.hash)),
        }
    }

    /// The names of the callers that are told apart.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let local = self.tokens.is_none().then_some(LOCAL);
        self.tokens.iter().flatten().map(|token| token.name.as_str()).chain(local)
    }
}

fn not_for(who: &str) -> Problem {
    let detail = format!("{who} may not speak for that actor; leave Meshwright-Actor out or allow it by mayActFor.");
    Problem::new(&problem::FORBIDDEN, detail)
}

/// The one actor that is named; more than one, or one that is no forge login, is refused.
fn actor(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(ACTOR).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
    let login = |text: &&str| {
        text.len() <= 128
            && text.split_once(':').is_some_and(|(forge, login)| {
                !forge.is_empty() && !login.is_empty() && forge.bytes().chain(login.bytes()).all(plain)
            })
    };
    let refused = || Problem::new(&problem::BAD_REQUEST, "Meshwright-Actor must be one login such as `github:alice`.");
    let value = value.to_str().ok().filter(login).filter(|actor| !secrets::holds_private_key(actor));
    match (value, values.next()) {
        (Some(actor), None) => Ok(Some(actor)),
        _ => Err(refused()),
    }
}

/// The bearer token that is sent, if there is one.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The place of the token `text`. The time it takes tells nothing: hashes are compared, all of them, in constant time.
fn lookup(tokens: &[Arc<Token>], text: &str) -> Option<usize> {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let mut found = None;
    for (index, token) in tokens.iter().enumerate() {
        if bool::from(token.hash.ct_eq(&hash)) {
            found = Some(index);
        }
    }
    found
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
