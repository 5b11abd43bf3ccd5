//! Patterns: expressions of Go, as Rust's `regex` compiles them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::Chars;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

/// The sizes that an expression may have when it is compiled, in bytes: it is counted with the least that it fits in.
const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// The most bytes that all expressions of a run may have together.
const TOGETHER: usize = 64 << 20;

/// Why an expression is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// This alone, for this reason.
    Alone(String),
    /// This and all that come after it.
    Together,
}

type Compiled = Result<Regex, Unfit>;

/// The expressions of a run, each compiled once, when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Patterns(Mutex<(usize, HashMap<String, Compiled>)>);

impl Patterns {
    /// The compiled expression; whether it was compiled just now.
    pub(super) fn get(&self, text: &str) -> (Compiled, bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, known) = &mut *all;
        if let Some(compiled) = known.get(text) {
            return (compiled.clone(), false);
        }
        if *bytes >= TOGETHER {
            return (Err(Unfit::Together), false);
        }
        let (compiled, size) = compile(text);
        *bytes += size + text.len();
        known.insert(text.to_owned(), compiled.clone());
        (compiled, true)
    }
}

/// The `pattern` of a schema.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(super) struct Pattern {
    pub(super) text: String,
    compiled: OnceLock<Arc<Compiled>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    /// Whether a text matches.
    ///
    /// # Errors
    /// The pattern is not evaluated.
    pub(super) fn is_match(&self, text: &str, patterns: &Patterns) -> Result<bool, Unfit> {
        let compiled = self.compiled.get_or_init(|| Arc::new(patterns.get(&self.text).0));
        compiled.as_ref().as_ref().map(|compiled| compiled.is_match(text)).map_err(Clone::clone)
    }
}

fn compile(go: &str) -> (Compiled, usize) {
    let Some(text) = translated(go) else {
        return (Err(Unfit::Alone("it is no expression of RE2".to_owned())), 0);
    };
    let mut why = String::new();
    for size in SIZES {
        match RegexBuilder::new(&text).size_limit(size).dfa_size_limit(size).build() {
            Ok(compiled) => return (Ok(compiled), size),
            Err(regex::Error::CompiledTooBig(_)) => "it is too large".clone_into(&mut why),
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return (Err(Unfit::Alone(format!("it cannot be compiled: {last}"))), 0);
            }
        }
    }
    (Err(Unfit::Alone(why)), SIZES[SIZES.len() - 1])
}

/// An expression of Go (`regexp/syntax`, with Perl's extensions) in the syntax of Rust; none where it breaks off.
fn translated(go: &str) -> Option<String> {
    let (mut left, mut out) = (go.chars(), String::with_capacity(go.len() * 2));
    while let Some(next) = left.next() {
        match next {
            '\\' if take(&mut left, "Q") => {
                let (quoted, after) = left.as_str().split_once("\\E").unwrap_or((left.as_str(), ""));
                out.push_str(&regex::escape(quoted));
                left = after.chars();
            }
            '\\' => match escape(&mut left)? {
                Escape::Of(c) => character(c, &mut out),
                Escape::Set { inner, negated } => {
                    let _ = write!(out, "[{}{inner}]", if negated { "^" } else { "" });
                }
                Escape::Same(text) => out.push_str(&text),
            },
            '[' => class(&mut left, &mut out)?,
            '{' if is_repetition(left.as_str()) => out.push('{'),
            '{' => out.push_str("\\{"),
            other => out.push(other),
        }
    }
    Some(out)
}

fn take(left: &mut Chars<'_>, text: &str) -> bool {
    let Some(after) = left.as_str().strip_prefix(text) else { return false };
    *left = after.chars();
    true
}

/// Whether `{` stands before `n}`, `n,}` or `n,m}`; else it stands for itself.
fn is_repetition(left: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((inner, _)) = left.split_once('}') else { return false };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    digits(least) && (most.is_empty() || digits(most))
}

fn character(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
    }
}

/// What stands behind a backslash.
enum Escape {
    Of(char),
    /// Characters, as they stand in a class.
    Set {
        inner: &'static str,
        negated: bool,
    },
    /// What is written so in Rust.
    Same(String),
}

fn escape(left: &mut Chars<'_>) -> Option<Escape> {
    let set = |inner, negated| Some(Escape::Set { inner, negated });
    let next = left.next()?;
    match next {
        'd' | 'D' => set("0-9", next == 'D'),
        'w' | 'W' => set("0-9A-Za-z_", next == 'W'),
        's' | 'S' => set(r"\t\n\f\r ", next == 'S'),
        'b' | 'B' => Some(Escape::Same(format!("(?-u:\\{next})"))),
        'A' | 'z' => Some(Escape::Same(format!("\\{next}"))),
        'p' | 'P' => {
            let name = if take(left, "{") {
                let (name, after) = left.as_str().split_once('}')?;
                *left = after.chars();
                name.to_owned()
            } else {
                left.next()?.to_string()
            };
            let (name, negated) = name.strip_prefix('^').map_or((name.as_str(), false), |name| (name, true));
            let letter = if negated == (next == 'p') { 'P' } else { 'p' };
            Some(Escape::Same(format!("\\{letter}{{{name}}}")))
        }
        'a' => Some(Escape::Of('\x07')),
        'f' => Some(Escape::Of('\x0c')),
        'n' => Some(Escape::Of('\n')),
        'r' => Some(Escape::Of('\r')),
        't' => Some(Escape::Of('\t')),
        'v' => Some(Escape::Of('\x0b')),
        'x' if take(left, "{") => {
            let (digits, after) = left.as_str().split_once('}')?;
            *left = after.chars();
            number(digits, 16)
        }
        'x' => {
            let digits: String = left.by_ref().take(2).collect();
            if digits.len() == 2 { number(&digits, 16) } else { None }
        }
        '1'..='7' if !left.as_str().starts_with(|c| matches!(c, '0'..='7')) => None,
        '0'..='7' => {
            let more = left.as_str().bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            let digits: String = std::iter::once(next).chain(left.by_ref().take(more)).collect();
            number(&digits, 8)
        }
        _ => (next.is_ascii() && !next.is_ascii_alphanumeric()).then_some(Escape::Of(next)),
    }
}

fn number(digits: &str, base: u32) -> Option<Escape> {
    u32::from_str_radix(digits, base).ok().and_then(char::from_u32).map(Escape::Of)
}

/// What follows `[`, up to its `]`. No character stands bare that Rust could take for an operator.
fn class(left: &mut Chars<'_>, out: &mut String) -> Option<()> {
    out.push('[');
    if take(left, "^") {
        out.push('^');
    }
    let mut first = true;
    while first || !left.as_str().starts_with(']') {
        first = false;
        if left.as_str().starts_with("[:") {
            let (name, after) = left.as_str().split_once(":]")?;
            let _ = write!(out, "{name}:]");
            *left = after.chars();
            continue;
        }
        match in_class(left)? {
            Escape::Of(from) => {
                character(from, out);
                if left.as_str().starts_with('-') && !left.as_str().starts_with("-]") {
                    take(left, "-");
                    let Escape::Of(to) = in_class(left)? else { return None };
                    out.push('-');
                    character(to, out);
                }
            }
            Escape::Set { inner, negated: false } => out.push_str(inner),
            Escape::Set { inner, negated: true } => {
                let _ = write!(out, "[^{inner}]");
            }
            Escape::Same(text) if text.starts_with(r"\p") || text.starts_with(r"\P") => out.push_str(&text),
            // No class has a boundary.
            Escape::Same(_) => return None,
        }
    }
    take(left, "]");
    out.push(']');
    Some(())
}

fn in_class(left: &mut Chars<'_>) -> Option<Escape> {
    match left.next()? {
        '\\' => escape(left),
        other => Some(Escape::Of(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(go: &str, text: &str) -> bool {
        Pattern::from(go.to_owned()).is_match(text, &Patterns::default()).unwrap()
    }

    #[test]
    fn patterns_mean_what_they_mean_to_go() {
        for (go, yes, no) in [
            (r"^[\w.-]{1,63}$", "a-b.c", "é"),
            ("^[[a-z]+$", "[a", "]"),
            (r"^\Qa.b\E+$", "a.bb", "axb"),
            (r"^a\Q.*", "a.*", "ab"),
            ("^{a}$", "{a}", "a"),
            ("^a{,3}$", "a{,3}", "aaa"),
            ("^a{2,3}$", "aaa", "a"),
            ("^[a&&b]+$", "a&b", "c"),
            ("^[a~~b]+$", "a~b", "c"),
            ("^[+--]+$", "+,-", "."),
            (r"^\d$", "3", "٣"),
            (r"^\D$", "٣", "3"),
            (r"^\w+$", "e_1", "é"),
            (r"^[^\w]$", "é", "e"),
            (r"^[\D]$", "a", "1"),
            (r"^[\d-z]+$", "1-z", "a"),
            (r"^\s$", "\t", "\u{b}"),
            (r"^a\bé", "aé", "ab"),
            (r"^é\B!", "é!", "a!"),
            (r"^[]a]+$", "a]", "b"),
            (r"^[^]a]+$", "b", "]"),
            (r"^[[:alpha:]_[:^ascii:]]+$", "a_é", "1"),
            (r"^\x41\x{e9}\101$", "AéA", "A"),
            (r"^\pL\p{^Greek}$", "aa", "aα"),
            (r"^[\PL]$", "1", "a"),
            (r"^\<\-\_\>\@\/$", "<-_>@/", "-_@/"),
            (r"^a\b{x}$", "a{x}", "a"),
            ("^(?i:a)(?P<n>b)(?<m>c)$", "Abc", "ABc"),
            ("^[a-]$", "-", "b"),
            (r"^[\-\]]+$", "-]", "a"),
        ] {
            assert!(matches(go, yes) && !matches(go, no), "{go}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for go in
            ["[", "(", r"\", "[a-", "[a--b]", r"\1", r"\y", r"\x4", r"[\b]", "[z-a]", r"\p{Nope}", "(?=a)", r"[a-\d]"]
        {
            assert!(
                matches!(Pattern::from(go.to_owned()).is_match("", &Patterns::default()), Err(Unfit::Alone(_))),
                "{go}"
            );
        }
    }

    #[test]
    fn many_patterns_take_bounded_memory_and_equal_ones_are_one() {
        let patterns = Patterns::default();
        let told: Vec<Compiled> =
            (0..1000).map(|i| patterns.get(&format!("^[a-z]{{0,900}}[A-Z]{{0,900}}{i}$")).0).collect();
        assert!(told[0].is_ok() && told[10].is_ok());
        assert!(matches!(told[999], Err(Unfit::Together)));
        let patterns = Patterns::default();
        assert!(patterns.get("a").1 && !patterns.get("a").1);
    }
}
