//! What the values of attributes stand for, and what several of them leave.

use std::collections::BTreeSet;

use super::address::{self, Block};
use super::attribute::Attribute;
use super::condition::{issuer_and_subject, port};
use super::language::{self, Language, Star};
use super::path::is_template;
use super::pattern;

/// Values of one attribute.
pub(super) type Asked<'a> = (&'a Attribute, &'a BTreeSet<String>);

/// Whether every text that the value `narrow` matches is matched by `wide`; where that takes too long to find out, no.
pub(super) fn covers(attribute: &Attribute, wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    match attribute.plain() {
        Attribute::SourceIp | Attribute::RemoteIp => address::covers(wide, narrow),
        Attribute::Other(key) if key == "destination.ip" => address::covers(wide, narrow),
        Attribute::Port => port(wide).is_some_and(|wide| port(narrow) == Some(wide)),
        plain
        @ (Attribute::Method | Attribute::Path | Attribute::Host | Attribute::Principal | Attribute::Other(_)) => {
            let is_template = *plain == Attribute::Path && (is_template(wide) || is_template(narrow));
            pattern::covers(wide, narrow) || is_template && is_within(plain, wide, narrow)
        }
        // Of texts without a pattern none is within another.
        plain => (has_pattern(wide) || has_pattern(narrow)) && is_within(plain, wide, narrow),
    }
}

fn is_within(attribute: &Attribute, wide: &str, narrow: &str) -> bool {
    let of = |value| texts(attribute, value).collect::<Vec<_>>();
    language::is_met(domain(attribute).as_ref(), &[of(narrow)], &of(wide)) == Some(false)
}

/// Whether a value may stand for several texts.
pub(super) fn has_pattern(value: &str) -> bool {
    value.contains('*')
}

/// Whether nothing is matched by both values; where that takes too long to find out, no.
pub(super) fn excludes(attribute: &Attribute, one: &str, other: &str) -> bool {
    let set = |value: &str| BTreeSet::from([value.to_owned()]);
    is_met(&[(attribute, &set(one)), (attribute, &set(other))], &[]) == Some(false)
}

/// Whether something of a request, which these attributes ask about, may have a value of each of `within` and none of
/// `except`; none where that would take too long to find out.
pub(super) fn is_met(within: &[Asked<'_>], except: &[Asked<'_>]) -> Option<bool> {
    let Some((first, _)) = within.first().or(except.first()) else { return Some(true) };
    match first.subject() {
        Attribute::SourceIp | Attribute::RemoteIp => Some(is_met_by_block(within, except)),
        Attribute::Other(key) if key == "destination.ip" => Some(is_met_by_block(within, except)),
        Attribute::Port => {
            let ports = |asked: &Asked<'_>| asked.1.iter().filter_map(|it| port(it)).collect::<BTreeSet<u16>>();
            let refused: BTreeSet<u16> = except.iter().flat_map(ports).collect();
            let mut asked = within.iter().map(ports);
            let Some(first) = asked.next() else { return Some(true) };
            let left = asked.fold(first, |left, ports| &left & &ports);
            Some(!left.is_subset(&refused))
        }
        subject => {
            let all = |asked: &Asked<'_>| asked.1.iter().flat_map(|it| texts(asked.0.plain(), it)).collect::<Vec<_>>();
            let within: Vec<_> = within.iter().map(all).collect();
            let except: Vec<_> = except.iter().flat_map(all).collect();
            language::is_met(domain(subject).as_ref(), &within, &except)
        }
    }
}

fn is_met_by_block(within: &[Asked<'_>], except: &[Asked<'_>]) -> bool {
    let blocks = |asked: &Asked<'_>| asked.1.iter().filter_map(|it| Block::of(it)).collect::<Vec<_>>();
    let refused: Vec<Block> = except.iter().flat_map(blocks).collect();
    let mut asked = within.iter().map(blocks);
    let Some(first) = asked.next() else { return true };
    // Of two blocks that share an address one holds the other.
    let both = |left: Vec<Block>, more: Vec<Block>| -> Vec<Block> {
        let met = left.iter().flat_map(|one| more.iter().filter_map(|other| one.met(other)));
        met.collect()
    };
    asked.fold(first, both).iter().any(|block| !block.is_covered(&refused))
}

/// All that there is of what an attribute is about, where that is less than any text.
fn domain(subject: &Attribute) -> Option<Language> {
    match subject {
        Attribute::Path => Some(Language::paths()),
        Attribute::Principal | Attribute::ServiceAccount | Attribute::Namespace | Attribute::TrustDomain => {
            Some(Language::identities())
        }
        _ => None,
    }
}

/// What a value stands for: the texts of any of these.
fn texts(attribute: &Attribute, value: &str) -> impl Iterator<Item = Language> {
    let behind_scheme =
        (*attribute == Attribute::Namespace).then(|| Language::namespace_behind_scheme(value)).flatten();
    std::iter::once(text(attribute, value)).chain(behind_scheme)
}

fn text(attribute: &Attribute, value: &str) -> Language {
    match attribute {
        Attribute::Method | Attribute::Host => Language::pattern(value, Star::Empty),
        Attribute::Other(key) if key.starts_with("request.headers") => Language::pattern(value, Star::Empty),
        Attribute::Path => Language::path(value),
        Attribute::Namespace => Language::namespace(value),
        Attribute::ServiceAccount => Language::account(value),
        Attribute::TrustDomain => Language::trust_domain(value),
        Attribute::RequestPrincipal => {
            let (issuer, subject) = issuer_and_subject(value);
            Language::token(&issuer, &subject)
        }
        _ => Language::pattern(value, Star::Full),
    }
}
