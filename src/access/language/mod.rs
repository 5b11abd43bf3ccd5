//! The values of policies as sets of texts: which texts a pattern matches, and what several patterns share.

mod plain;
mod search;

pub(super) use search::is_met;

use super::path::is_template;

/// Texts of one form: fixed bytes and, between them, runs of any of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Language(Vec<Item>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Byte(u8),
    One(Class),
    /// Any number of them, none too.
    Many(Class),
}

/// Kinds of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Any,
    /// Not the byte that divides a token's issuer from its subject.
    Undivided,
    /// Not a slash.
    Name,
    /// What a normalised path may have.
    Path,
    /// What `{*}` stands for.
    Segment,
    /// What `{**}` stands for.
    Segments,
}

/// Divides issuer and subject, which are two claims.
const DIVIDER: u8 = 0;

impl Class {
    const ALL: [Self; 6] = [Self::Any, Self::Undivided, Self::Name, Self::Path, Self::Segment, Self::Segments];

    fn has(self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Undivided => byte != DIVIDER,
            Self::Name => byte != b'/',
            Self::Path => byte > b' ' && byte < 0x7f && !b"\"<>^`{|}?#\\".contains(&byte),
            Self::Segment => byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;:@=".contains(&byte),
            Self::Segments => byte == b'/' || Self::Segment.has(byte),
        }
    }
}

/// What a lone `*` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Star {
    /// Any text, an empty one too: a header that is there.
    Empty,
    /// Any text but the empty one.
    Full,
}

impl Language {
    /// A pattern as Istio has them: a `*` in front or behind stands for any text
    /// (istio `pilot/pkg/security/authz/matcher/string.go`, `header.go`).
    pub(super) fn pattern(pattern: &str, star: Star) -> Self {
        Self::of_class(pattern, star, Class::Any)
    }

    fn of_class(pattern: &str, star: Star, class: Class) -> Self {
        let bytes = |text: &str| text.bytes().map(Item::Byte).collect::<Vec<_>>();
        if pattern == "*" {
            return Self(match star {
                Star::Empty => vec![Item::Many(class)],
                Star::Full => vec![Item::One(class), Item::Many(class)],
            });
        }
        if let Some(suffix) = pattern.strip_prefix('*') {
            return Self([vec![Item::Many(class)], bytes(suffix)].concat());
        }
        match pattern.strip_suffix('*') {
            Some(prefix) => Self([bytes(prefix), vec![Item::Many(class)]].concat()),
            None => Self(bytes(pattern)),
        }
    }

    /// A pattern on paths: one on texts, or a template.
    pub(super) fn path(pattern: &str) -> Self {
        if !is_template(pattern) {
            return Self::pattern(pattern, Star::Full);
        }
        let mut items = vec![];
        for (n, segment) in pattern.split('/').enumerate() {
            if n > 0 {
                items.push(Item::Byte(b'/'));
            }
            match segment {
                "{*}" | "*" => items.extend([Item::One(Class::Segment), Item::Many(Class::Segment)]),
                "{**}" | "**" => items.push(Item::Many(Class::Segments)),
                text => items.extend(text.bytes().map(Item::Byte)),
            }
        }
        Self(items)
    }

    /// Every path that a proxy asks policies about.
    pub(super) fn paths() -> Self {
        Self(vec![Item::Byte(b'/'), Item::Many(Class::Path)])
    }

    /// Every identity: trust domain, namespace and service account.
    pub(super) fn identities() -> Self {
        Self::identity(&[Item::One(Class::Name), Item::Many(Class::Name)], None, None)
    }

    fn identity(domain: &[Item], namespace: Option<&str>, account: Option<&str>) -> Self {
        let part = |text: Option<&str>| match text {
            Some(text) => text.bytes().map(Item::Byte).collect::<Vec<_>>(),
            None => vec![Item::One(Class::Name), Item::Many(Class::Name)],
        };
        let bytes = |text: &str| text.bytes().map(Item::Byte).collect::<Vec<_>>();
        Self([domain.to_vec(), bytes("/ns/"), part(namespace), bytes("/sa/"), part(account)].concat())
    }

    /// The identities of a `namespace/account`.
    pub(super) fn account(account: &str) -> Self {
        let (namespace, name) = account.split_once('/').unwrap_or((account, ""));
        Self::identity(&[Item::One(Class::Name), Item::Many(Class::Name)], Some(namespace), Some(name))
    }

    /// The identities of a namespace; each `*` is any text, slashes too
    /// (istio `pilot/pkg/security/authz/model/generator.go`, `srcNamespaceGenerator`).
    pub(super) fn namespace(pattern: &str) -> Self {
        // Only as `…/ns/ns/sa/…` can an identity have `/ns/` elsewhere too, behind its trust domain.
        if !pattern.contains(['*', '/']) && pattern != "sa" {
            return Self::identity(&[Item::One(Class::Name), Item::Many(Class::Name)], Some(pattern), None);
        }
        Self::around(&format!("*/ns/{pattern}/*"))
    }

    /// The other identities of a namespace, whose trust domain is called `ns`: in `spiffe://ns/ns/…` the expression finds
    /// `/ns/` twice. None where there are no others.
    pub(super) fn namespace_behind_scheme(pattern: &str) -> Option<Self> {
        let has_others = pattern == "ns" || pattern.contains(['*', '/']);
        has_others.then(|| Self::around(&format!("ns/{pattern}/*")))
    }

    /// A text in which each `*` is any text.
    fn around(pattern: &str) -> Self {
        let item = |byte| if byte == b'*' { Item::Many(Class::Any) } else { Item::Byte(byte) };
        Self(pattern.bytes().map(item).collect())
    }

    /// The identities of a trust domain; one `*` is any text without a slash (`srcTrustDomainGenerator`).
    pub(super) fn trust_domain(pattern: &str) -> Self {
        let mut items: Vec<Item> = pattern.bytes().map(Item::Byte).collect();
        if let Some(at) = pattern.find('*') {
            items[at] = Item::Many(Class::Name);
        }
        Self::identity(&items, None, None)
    }

    /// The tokens of an issuer and a subject, each a pattern or else literal.
    pub(super) fn token(issuer: &(String, bool), subject: &(String, bool)) -> Self {
        let of = |(text, is_pattern): &(String, bool)| match is_pattern {
            true => Self::of_class(text, Star::Full, Class::Undivided).0,
            false => text.bytes().map(Item::Byte).collect(),
        };
        Self([of(issuer), vec![Item::Byte(DIVIDER)], of(subject)].concat())
    }

    /// Its only text, if it has no other.
    fn only(&self) -> Option<Vec<u8>> {
        let byte = |item: &Item| if let Item::Byte(byte) = item { Some(*byte) } else { None };
        self.0.iter().map(byte).collect()
    }

    /// Whether a text is of it. Its fixed ends are compared first, and what most patterns have between them is one run: only
    /// what is left beyond that goes through an automaton.
    pub(super) fn contains(&self, text: &[u8]) -> bool {
        let is_byte = |item: &&Item| matches!(item, Item::Byte(_));
        let before = self.0.iter().take_while(is_byte).count();
        let after = self.0[before..].iter().rev().take_while(is_byte).count();
        let end = self.0.len() - after;
        let Some(longest) = text.len().checked_sub(after).filter(|longest| *longest >= before) else { return false };
        let is = |items: &[Item], text: &[u8]| items.iter().zip(text).all(|(item, byte)| *item == Item::Byte(*byte));
        if !is(&self.0[..before], text) || !is(&self.0[end..], &text[longest..]) {
            return false;
        }
        let text = &text[before..longest];
        match (&self.0[before..end], text) {
            ([], text) => text.is_empty(),
            ([Item::Many(class)], text) => text.iter().all(|byte| class.has(*byte)),
            ([Item::One(one), Item::Many(class)], [first, rest @ ..]) => {
                one.has(*first) && rest.iter().all(|byte| class.has(*byte))
            }
            _ => self.runs(before, text, end),
        }
    }

    /// Whether a text leads from one place between items to another.
    fn runs(&self, from: usize, text: &[u8], to: usize) -> bool {
        let (mut states, mut next) = (vec![], vec![]);
        self.reach(from, &mut states);
        for byte in text {
            next.clear();
            self.step(&states, *byte, &mut next);
            std::mem::swap(&mut states, &mut next);
            if states.is_empty() {
                return false;
            }
        }
        states.iter().any(|at| usize::from(*at) == to)
    }

    fn start(&self) -> Vec<u16> {
        let mut states = vec![];
        self.reach(0, &mut states);
        states
    }

    /// Adds a place between items and those behind it that need no byte.
    fn reach(&self, mut at: usize, states: &mut Vec<u16>) {
        loop {
            let Ok(place) = u16::try_from(at) else { return };
            if !states.contains(&place) {
                states.push(place);
            }
            match self.0.get(at) {
                Some(Item::Many(_)) => at += 1,
                _ => return,
            }
        }
    }

    /// Adds the states behind a byte.
    fn step(&self, states: &[u16], byte: u8, next: &mut Vec<u16>) {
        for at in states.iter().map(|at| usize::from(*at)) {
            match self.0.get(at) {
                Some(Item::Byte(own)) if *own == byte => self.reach(at + 1, next),
                Some(Item::One(class)) if class.has(byte) => self.reach(at + 1, next),
                Some(Item::Many(class)) if class.has(byte) => self.reach(at, next),
                _ => {}
            }
        }
    }

    fn accepts(&self, states: &[u16]) -> bool {
        states.iter().any(|at| usize::from(*at) == self.0.len())
    }

    /// The bytes that all its texts begin with, and those that they end with.
    fn ends(&self) -> [Vec<u8>; 2] {
        let byte = |item: &Item| if let Item::Byte(byte) = item { Some(*byte) } else { None };
        let mut end: Vec<u8> = self.0.iter().rev().map_while(byte).collect();
        end.reverse();
        [self.0.iter().map_while(byte).collect(), end]
    }

    /// One of its texts, with `run` where any run may stand.
    fn sample(&self, run: &[u8]) -> Vec<u8> {
        let mut text = vec![];
        for item in &self.0 {
            match item {
                Item::Byte(byte) => text.push(*byte),
                Item::One(_) => text.push(FRESH),
                Item::Many(class) if run.iter().all(|byte| class.has(*byte)) => text.extend_from_slice(run),
                Item::Many(_) => {}
            }
        }
        text
    }
}

/// A byte that names hardly have, and all classes.
const FRESH: u8 = b'~';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_way_finds_what_the_automaton_finds() {
        let patterns = ["", "*", "a", "a*", "*a", "/a/*", "aa*", "*aa", "/{*}", "/{**}/a", "/a/{*}/a", "/{*}a"];
        let mut languages: Vec<Language> =
            patterns.iter().flat_map(|it| [Language::path(it), Language::pattern(it, Star::Empty)]).collect();
        languages.extend([Language::account("a/a"), Language::namespace("a"), Language::trust_domain("a*")]);
        // Every text of up to six of these bytes.
        let longer = |texts: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
            texts.iter().flat_map(|text| b"a/?".map(|byte| [text.as_slice(), &[byte]].concat())).collect()
        };
        let all = std::iter::successors(Some(vec![vec![]]), |texts| Some(longer(texts.clone()))).take(7).flatten();
        let mut texts: Vec<Vec<u8>> = all.collect();
        texts.extend([
            b"a/ns/a/sa/a".to_vec(),
            b"a/ns/a/sa/".to_vec(),
            b"aa/ns/a/sa/a".to_vec(),
            b"/ns/a/sa/a".to_vec(),
        ]);
        for language in &languages {
            let found = texts.iter().filter(|text| language.contains(text));
            let expected: Vec<_> = texts.iter().filter(|text| language.runs(0, text, language.0.len())).collect();
            assert_eq!(found.collect::<Vec<_>>(), expected, "{language:?}");
        }
        assert!(languages.iter().filter(|language| texts.iter().any(|text| language.contains(text))).count() > 20);
    }
}
