//! Whether an expression is one of RE2, as Go's `regexp` reads it (`regexp/syntax/parse.go`, with Perl's extensions).

/// The most times that something is repeated by `{}`, those around it multiplied (`repeatIsValid`).
const REPEATS: u32 = 1000;

/// Whether RE2 refuses an expression: a group or class left open or closed twice, a quantifier of nothing or of another
/// quantifier, an escape or a flag that it does not know, a lookaround or a reference back.
pub(super) fn is_bad(expression: &str) -> bool {
    Reader { left: expression }.expression().is_none()
}

struct Reader<'a> {
    left: &'a str,
}

/// What a `\` makes of what follows it.
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    Char(char),
    Class,
    /// A place in the text, such as the edge of a word, which no class has.
    Assertion,
}

/// What a quantifier would stand behind.
#[derive(Clone, Copy, PartialEq)]
enum Behind {
    Nothing,
    Something,
    Quantifier,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<char> {
        let next = self.left.chars().next()?;
        self.left = &self.left[next.len_utf8()..];
        Some(next)
    }

    fn take(&mut self, text: &str) -> bool {
        let Some(left) = self.left.strip_prefix(text) else { return false };
        self.left = left;
        true
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.left.find(|c| !wanted(c)).unwrap_or(self.left.len());
        let (taken, left) = self.left.split_at(end);
        self.left = left;
        taken
    }

    fn expression(&mut self) -> Option<()> {
        let mut behind = Behind::Nothing;
        // How often the last part repeats something, and the most of that in each group that is open.
        let (mut last, mut open) = (1_u32, vec![1_u32]);
        while let Some(next) = self.next() {
            let repeated = std::mem::replace(&mut last, 1);
            behind = match next {
                '(' if self.take("?") => {
                    if self.group()? {
                        open.push(1);
                        Behind::Nothing
                    } else {
                        behind
                    }
                }
                '(' => {
                    open.push(1);
                    Behind::Nothing
                }
                ')' => {
                    last = open.pop()?;
                    Behind::Something
                }
                '|' => Behind::Nothing,
                '*' | '+' | '?' => {
                    last = repeated;
                    self.quantified(behind)?
                }
                '{' => match self.repetition() {
                    Some((least, most)) => {
                        last = repeated.saturating_mul(most);
                        let is_valid = least <= most && most <= REPEATS && (most < 2 || last <= REPEATS);
                        is_valid.then(|| self.quantified(behind))??
                    }
                    None => Behind::Something,
                },
                '[' => {
                    self.class()?;
                    Behind::Something
                }
                '\\' if self.take("Q") => {
                    self.left = self.left.split_once("\\E").map_or("", |(_, left)| left);
                    Behind::Something
                }
                '\\' => {
                    self.escape()?;
                    Behind::Something
                }
                _ => Behind::Something,
            };
            let most = open.last_mut()?;
            *most = last.max(*most);
        }
        (open.len() == 1).then_some(())
    }

    fn quantified(&mut self, behind: Behind) -> Option<Behind> {
        self.take("?");
        (behind == Behind::Something).then_some(Behind::Quantifier)
    }

    /// The numbers of `{n}`, `{n,}` or `{n,m}`; without them a `{` stands for itself.
    fn repetition(&mut self) -> Option<(u32, u32)> {
        let (inner, left) = self.left.split_once('}')?;
        let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u32::MAX))
        };
        let least = number(least)?;
        let most = if most.is_empty() { least } else { number(most)? };
        self.left = left;
        Some((least, most))
    }

    /// After `(?`: whether a group is open now, rather than flags set.
    fn group(&mut self) -> Option<bool> {
        if self.take("P<") || self.take("<") {
            let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return (!name.is_empty() && self.take(">")).then_some(true);
        }
        self.take_while(|c| "imsU".contains(c));
        if self.take("-") && self.take_while(|c| "imsU".contains(c)).is_empty() {
            return None;
        }
        match self.next()? {
            ':' => Some(true),
            ')' => Some(false),
            _ => None,
        }
    }

    /// After `\`.
    fn escape(&mut self) -> Option<Escape> {
        let next = self.next()?;
        match next {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Some(Escape::Class),
            'A' | 'b' | 'B' | 'z' => Some(Escape::Assertion),
            'a' => Some(Escape::Char('\x07')),
            'f' => Some(Escape::Char('\x0c')),
            'n' => Some(Escape::Char('\n')),
            'r' => Some(Escape::Char('\r')),
            't' => Some(Escape::Char('\t')),
            'v' => Some(Escape::Char('\x0b')),
            'p' | 'P' if self.take("{") => {
                let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '^');
                (!name.is_empty() && self.take("}")).then_some(Escape::Class)
            }
            'p' | 'P' => self.next().map(|_| Escape::Class),
            _ => self.code(next).map(Escape::Char),
        }
    }

    /// After `\` and a character that begins a number or stands for itself.
    fn code(&mut self, next: char) -> Option<char> {
        match next {
            'x' if self.take("{") => {
                let digits = self.take_while(|c| c.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
                self.take("}").then_some(code)
            }
            'x' => {
                let code = u32::from_str_radix(self.left.get(..2)?, 16).ok().and_then(char::from_u32)?;
                self.left = &self.left[2..];
                Some(code)
            }
            '1'..='7' if !self.left.starts_with(|c| matches!(c, '0'..='7')) => None,
            '0'..='7' => {
                let end = self.left.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                let code = u32::from_str_radix(&self.left[..end], 8).unwrap_or(0);
                self.left = &self.left[end..];
                char::from_u32(next.to_digit(8)? * 8_u32.pow(u32::try_from(end).ok()?) + code)
            }
            _ => (next.is_ascii() && !next.is_ascii_alphanumeric()).then_some(next),
        }
    }

    /// After `[`.
    fn class(&mut self) -> Option<()> {
        self.take("^");
        let mut first = true;
        while first || !self.left.starts_with(']') {
            first = false;
            if self.take("[:") {
                let name = self.take_while(|c| c.is_ascii_lowercase() || c == '^');
                const NAMES: [&str; 14] = [
                    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
                    "upper", "word", "xdigit",
                ];
                (NAMES.contains(&name.trim_start_matches('^')) && self.take(":]")).then_some(())?;
                continue;
            }
            let Some(from) = self.in_class()? else { continue };
            if self.left.starts_with('-') && !self.left.starts_with("-]") {
                self.take("-");
                (from <= self.in_class()??).then_some(())?;
            }
        }
        self.next().map(|_| ())
    }

    /// A character of a class, or a class within it.
    fn in_class(&mut self) -> Option<Option<char>> {
        match self.next()? {
            '\\' => match self.escape()? {
                Escape::Char(char) => Some(Some(char)),
                Escape::Class => Some(None),
                Escape::Assertion => None,
            },
            other => Some(Some(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_bad;

    #[test]
    fn repeats_within_repeats_are_multiplied() {
        for good in ["(a{333}){3}|(b{2}){500}", "((a{10}){10}){10}", "(a{1000})+(a{1000}){1}", "(a{1000}){0}"] {
            assert!(!is_bad(good), "{good}");
        }
        for bad in ["(a{334}){3}", "((a{10}b){10}c){11}", "(x|(a{2})+){501}", "(a{2,}){501}", "a{1001}"] {
            assert!(is_bad(bad), "{bad}");
        }
    }

    #[test]
    fn what_re2_takes_and_what_not() {
        let good = [
            "",
            "^/a(b|c)*$",
            "[]a]+",
            "[[:alpha:]]+",
            r"\d{1,3}\.",
            "(?i)a",
            "(?:a)?",
            "(?P<n>a)",
            "(?<n>a)",
            "a{",
            "é*",
            "a+?",
            "/items/{id}",
            r"\Qa(b\E",
            r"\x41[\x{41}-z\d-]",
            r"\pL\p{Greek}",
            "(?i-s:a)",
            "a{2,}?",
            r"\012",
            "{",
            "a|",
            "()",
            "^*",
            "[a-]",
            "[^]]",
            r"\-\_",
            r"\ba\B\A\z",
            r"[\x00-\x{1f}]",
            r"[\t-\r]",
            r"[\d-z]",
        ];
        for good in good {
            assert!(!is_bad(good), "{good}");
        }
        let bad = [
            "(a",
            "a)",
            "[a",
            "*a",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
            r"(a)\1",
            "a|*",
            r"a\",
            "a**",
            "a+*",
            "a*?*",
            "(*a)",
            "a{2,1}",
            "a{1001}",
            "[z-a]",
            r"\y",
            r"\Z",
            "(?x)a",
            "(?P<n-a>b)",
            "[[:foo:]]",
            "{2}",
            r"\x4",
            r"\C",
            r"[\C]",
            r"[\b]",
            r"[\B]",
            r"[\A]",
            r"[a\z]",
            r"[\x00-\x{1f}\x01-\x00]",
            r"[a-\d]",
            "[",
            "(?",
        ];
        for bad in bad {
            assert!(is_bad(bad), "{bad}");
        }
    }
}
