//! Looking for a text that some languages have and others do not.

use std::collections::HashSet;

use super::{Class, FRESH, Item, Language, plain};

/// The most states of the automaton that are looked at, and the most items of all languages together. Both bound the time of
/// one question to some milliseconds.
const MOST_STATES: usize = 512;
const MOST_ITEMS: usize = 4096;

/// The most patterns that a text is made of.
const MOST_SAMPLED: usize = 64;

/// The most ends of patterns that are tried as what another pattern leaves open.
const MOST_ENDS: usize = 16;

/// Whether there is a text of one language of each set in `within`, and of none in `except`; `domain` has all texts there
/// are. None where that would take too long to find out.
pub(in crate::access) fn is_met(
    domain: Option<&Language>,
    within: &[Vec<Language>],
    except: &[Language],
) -> Option<bool> {
    let is_one = |text: &[u8]| {
        domain.is_none_or(|domain| domain.contains(text))
            && within.iter().all(|set| set.iter().any(|language| language.contains(text)))
            && !except.iter().any(|language| language.contains(text))
    };
    for set in within {
        if let Some(texts) = set.iter().map(Language::only).collect::<Option<Vec<_>>>() {
            return Some(texts.iter().any(|text| is_one(text)));
        }
    }
    if plain::is_nothing(domain, within, except) {
        return Some(false);
    }
    let samples = || within.iter().flatten().take(MOST_SAMPLED);
    let runs = [b"".as_slice(), &[FRESH], b"/", b"/~"].map(<[u8]>::to_vec);
    let ends = || within.iter().flatten().flat_map(Language::ends).take(MOST_ENDS);
    let is_met = |run: Vec<u8>| samples().any(|language| is_one(&language.sample(&run)));
    if runs.into_iter().any(is_met) || ends().any(is_met) {
        return Some(true);
    }
    if within.is_empty() && domain.is_none() && except.is_empty() {
        return Some(true);
    }
    Automaton::of(domain, within, except).search()
}

/// All languages run side by side.
struct Automaton<'a> {
    languages: Vec<&'a Language>,
    /// How many of them each set has of which one must accept; the rest must not.
    sets: Vec<usize>,
}

type States = Vec<Vec<u16>>;

impl<'a> Automaton<'a> {
    fn of(domain: Option<&'a Language>, within: &'a [Vec<Language>], except: &'a [Language]) -> Self {
        let sets = domain.iter().map(|_| 1).chain(within.iter().map(Vec::len)).collect();
        let languages = domain.into_iter().chain(within.iter().flatten()).chain(except).collect();
        Self { languages, sets }
    }

    fn search(&self) -> Option<bool> {
        let items: usize = self.languages.iter().map(|language| language.0.len()).sum();
        if items > MOST_ITEMS {
            return None;
        }
        let alphabet = self.alphabet();
        let start: States = self.languages.iter().map(|language| language.start()).collect();
        let mut seen = HashSet::from([start.clone()]);
        let mut ahead = vec![start];
        while let Some(states) = ahead.pop() {
            if self.accepts(&states) {
                return Some(true);
            }
            for byte in &alphabet {
                let step = |(language, states): (&&Language, &Vec<u16>)| {
                    let mut next = vec![];
                    language.step(states, *byte, &mut next);
                    next.sort_unstable();
                    next
                };
                let next: States = self.languages.iter().zip(&states).map(step).collect();
                if self.is_alive(&next) && !seen.contains(&next) {
                    if seen.len() == MOST_STATES {
                        return None;
                    }
                    seen.insert(next.clone());
                    ahead.push(next);
                }
            }
        }
        Some(false)
    }

    /// Whether each set may still accept.
    fn is_alive(&self, states: &States) -> bool {
        self.each_set(states, |_, states| !states.is_empty())
    }

    fn accepts(&self, states: &States) -> bool {
        let behind: usize = self.sets.iter().sum();
        let mut others = self.languages.iter().zip(states).skip(behind);
        self.each_set(states, Language::accepts) && !others.any(|(language, states)| language.accepts(states))
    }

    fn each_set(&self, states: &States, holds: impl Fn(&Language, &[u16]) -> bool) -> bool {
        let mut all = self.languages.iter().zip(states);
        self.sets.iter().all(|length| {
            // All of the set are taken, so that the next begins behind it.
            all.by_ref().take(*length).fold(false, |any, (language, states)| any | holds(language, states))
        })
    }

    /// One byte for each kind that the languages tell apart.
    fn alphabet(&self) -> Vec<u8> {
        let all = || self.languages.iter().flat_map(|language| &language.0);
        let written: HashSet<u8> =
            all().filter_map(|item| if let Item::Byte(byte) = item { Some(*byte) } else { None }).collect();
        let mut kinds = HashSet::new();
        let kind = |byte: u8| (written.contains(&byte).then_some(byte), Class::ALL.map(|class| class.has(byte)));
        (0..=u8::MAX).filter(|byte| kinds.insert(kind(*byte))).collect()
    }
}
