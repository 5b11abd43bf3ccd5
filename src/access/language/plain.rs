//! What is seen of languages without running them: ends and segments that are fixed.

use super::{Class, Item, Language};

/// The most pairs of languages that are looked at.
const MOST_PAIRS: usize = 4096;

/// Whether it is plain that no text is of one language of each set in `within` and of none in `except`.
pub(super) fn is_nothing(domain: Option<&Language>, within: &[Vec<Language>], except: &[Language]) -> bool {
    let domain = domain.map(std::slice::from_ref);
    let sets: Vec<&[Language]> = within.iter().map(Vec::as_slice).chain(domain).collect();
    let few = |a: &[Language], b: &[Language]| a.len().saturating_mul(b.len()) <= MOST_PAIRS;
    let is_covered = |set: &&[Language]| {
        few(set, except) && set.iter().all(|narrow| except.iter().any(|wide| has_all(&wide.0, &narrow.0)))
    };
    let are_apart = |a: &[Language], b: &[Language]| {
        few(a, b) && a.iter().all(|one| b.iter().all(|other| are_apart(&one.0, &other.0)))
    };
    sets.iter().any(is_covered)
        || sets.iter().enumerate().any(|(n, one)| sets[n + 1..].iter().any(|other| are_apart(one, other)))
}

/// Whether it is plain that no text is of both.
fn are_apart(one: &[Item], other: &[Item]) -> bool {
    if differ(one.iter(), other.iter()) || differ(one.iter().rev(), other.iter().rev()) {
        return true;
    }
    let (Some(one), Some(other)) = (segments(one), segments(other)) else { return false };
    let differ = |(one, other): (&&[Item], &&[Item])| {
        differ(one.iter(), other.iter()) || differ(one.iter().rev(), other.iter().rev())
    };
    one.len() != other.len() || one.iter().zip(&other).any(differ)
}

/// Whether two texts cannot be the same, told from one end.
fn differ<'a>(mut one: impl Iterator<Item = &'a Item>, mut other: impl Iterator<Item = &'a Item>) -> bool {
    loop {
        match (one.next(), other.next()) {
            (Some(Item::Byte(a)), Some(Item::Byte(b))) if a == b => {}
            (Some(Item::Byte(_)), Some(Item::Byte(_))) => return true,
            (Some(Item::Byte(byte)), Some(Item::One(class))) | (Some(Item::One(class)), Some(Item::Byte(byte)))
                if !class.has(*byte) =>
            {
                return true;
            }
            (Some(Item::Byte(_) | Item::One(_)), Some(Item::Byte(_) | Item::One(_))) => {}
            (None, Some(Item::Byte(_) | Item::One(_))) | (Some(Item::Byte(_) | Item::One(_)), None) => return true,
            _ => return false,
        }
    }
}

/// Whether it is plain that every text of `narrow` is of `wide`.
fn has_all(wide: &[Item], narrow: &[Item]) -> bool {
    if has_run(wide, narrow) {
        return true;
    }
    match wide {
        [fixed @ .., Item::Many(Class::Any)] if is_fixed(fixed) => narrow.starts_with(fixed),
        [Item::Many(Class::Any), fixed @ ..] if is_fixed(fixed) => narrow.ends_with(fixed),
        _ => match (segments(wide), segments(narrow)) {
            (Some(wide), Some(narrow)) => {
                wide.len() == narrow.len() && wide.iter().zip(&narrow).all(|(wide, narrow)| has_run(wide, narrow))
            }
            _ => false,
        },
    }
}

/// The same where `wide` is one run, or no other than `narrow`.
fn has_run(wide: &[Item], narrow: &[Item]) -> bool {
    let in_class = |class: Class, item: &Item| match *item {
        Item::Byte(byte) => class.has(byte),
        Item::One(own) | Item::Many(own) => own == class || class == Class::Any,
    };
    let is_some = || narrow.iter().any(|item| !matches!(item, Item::Many(_)));
    match *wide {
        _ if wide == narrow => true,
        [Item::One(one), Item::Many(class)] if one == class => {
            is_some() && narrow.iter().all(|item| in_class(class, item))
        }
        _ => false,
    }
}

fn is_fixed(items: &[Item]) -> bool {
    items.iter().all(|item| matches!(item, Item::Byte(_)))
}

/// What stands between slashes, where runs have none.
fn segments(items: &[Item]) -> Option<Vec<&[Item]>> {
    let has_slashes = |item: &Item| matches!(item, Item::One(class) | Item::Many(class) if class.has(b'/'));
    (!items.iter().any(has_slashes)).then(|| items.split(|item| *item == Item::Byte(b'/')).collect())
}
