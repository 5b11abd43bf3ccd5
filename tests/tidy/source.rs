//! What one source file says: the paths it names, the modules it declares, its attributes.

use crate::lexer::{Kind, Token, tokens};

/// A path the code names, `{a, b}` unfolded, as written: `super::gateway::render`.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// The inline modules it stands in.
    pub(crate) inside: Vec<String>,
    /// Under `#[cfg(test)]`.
    pub(crate) test: bool,
    /// In a `pub use`.
    pub(crate) public: bool,
}

/// `mod name;` or `mod name { … }`.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) inside: Vec<String>,
    pub(crate) test: bool,
    /// Its code is in another file: at `#[path = "…"]`, or where Rust looks.
    pub(crate) elsewhere: bool,
    pub(crate) path: Option<String>,
}

/// One file, read.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) named: Vec<Named>,
    pub(crate) declared: Vec<Declared>,
    /// The words of each attribute: `#[cfg_attr(miri, ignore)]` is `cfg_attr miri ignore`.
    pub(crate) attributes: Vec<(usize, Vec<String>)>,
    /// Macros called.
    pub(crate) macros: Vec<(usize, String)>,
    /// The file holds more than comments.
    pub(crate) has_code: bool,
    /// `#![cfg(test)]`.
    pub(crate) test: bool,
}

struct Reader<'a> {
    tokens: &'a [Token],
    found: Source,
    inside: Vec<(String, usize)>,
    depth: usize,
    /// Token number at which the `#[cfg(test)]` item ends.
    test_until: usize,
    path: Option<String>,
}

/// Reads one file.
pub(crate) fn read(text: &str) -> Source {
    let tokens = tokens(text);
    let found = Source { has_code: !tokens.is_empty(), ..Source::default() };
    let mut reader = Reader { tokens: &tokens, found, inside: Vec::new(), depth: 0, test_until: 0, path: None };
    let mut at = 0;
    while at < tokens.len() {
        at = reader.step(at);
    }
    reader.found
}

const KEYWORDS: [&str; 10] = ["use", "mod", "pub", "as", "return", "in", "dyn", "impl", "where", "extern"];

impl Reader<'_> {
    fn word(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).and_then(Token::word)
    }

    fn is(&self, at: usize, sign: char) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(sign))
    }

    fn is_path(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Path)
    }

    fn inside(&self) -> Vec<String> {
        self.inside.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Reads what begins at `at`; gives where to go on.
    fn step(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        match &token.kind {
            Kind::Sign('#') => return self.attribute(at),
            Kind::Sign('{') => self.depth += 1,
            Kind::Sign('}') => {
                self.depth = self.depth.saturating_sub(1);
                self.inside.pop_if(|(_, depth)| *depth == self.depth);
            }
            Kind::Word(word) if word == "use" && !self.is(at + 1, '<') => {
                let public = at > 0 && (self.tokens[at - 1].is_word("pub") || self.tokens[at - 1].is(')'));
                return self.tree(at + 1, &[], Some(public));
            }
            Kind::Word(word) if word == "mod" && self.word(at + 1).is_some() => self.module(at),
            Kind::Word(word) if !KEYWORDS.contains(&word.as_str()) => {
                if self.is(at + 1, '!') && !self.is(at + 2, '=') {
                    self.found.macros.push((token.line, word.clone()));
                }
                let continued = at > 1 && self.is_path(at - 1) && self.is(at - 2, '>');
                if self.is_path(at + 1) && !continued {
                    return self.tree(at, &[], None);
                }
            }
            _ => {}
        }
        at + 1
    }

    /// A path, or in a `use` (`Some(public)`) a tree of paths; `before` leads to it.
    fn tree(&mut self, mut at: usize, before: &[String], of_use: Option<bool>) -> usize {
        let mut segments = before.to_vec();
        let first = at;
        loop {
            if self.is(at, '{') && of_use.is_some() {
                at += 1;
                while at < self.tokens.len() && !self.is(at, '}') {
                    at = self.tree(at, &segments, of_use);
                    at += usize::from(self.is(at, ','));
                }
                return at + 1;
            }
            if let Some(word) = self.word(at) {
                segments.push(word.to_owned());
            } else if self.is(at, '*') && of_use.is_some() {
                segments.push("*".to_owned());
            } else if !self.is_path(at) {
                break; // `Vec::<T>`: what follows is no segment
            }
            at += 1;
            if self.is_path(at) {
                at += 1;
            } else if !self.is_path(at - 1) {
                break;
            }
        }
        self.found.named.push(Named {
            segments,
            line: self.tokens[first.min(self.tokens.len() - 1)].line,
            inside: self.inside(),
            test: first < self.test_until,
            public: of_use == Some(true),
        });
        if of_use.is_some() && self.word(at) == Some("as") {
            at += 2;
        }
        at.max(first + 1)
    }

    fn module(&mut self, at: usize) {
        let Some(name) = self.word(at + 1).map(str::to_owned) else { return };
        let elsewhere = self.is(at + 2, ';');
        if !elsewhere && !self.is(at + 2, '{') {
            return;
        }
        self.found.declared.push(Declared {
            name: name.clone(),
            line: self.tokens[at].line,
            inside: self.inside(),
            test: at < self.test_until,
            elsewhere,
            path: self.path.take(),
        });
        if !elsewhere {
            self.inside.push((name, self.depth));
        }
    }

    fn attribute(&mut self, at: usize) -> usize {
        let inner = self.is(at + 1, '!');
        let open = at + 1 + usize::from(inner);
        if !self.is(open, '[') {
            return at + 1;
        }
        let close = self.end_of_group(open);
        let words: Vec<_> = self.tokens[open..close].iter().filter_map(Token::word).map(str::to_owned).collect();
        let only_in_tests = matches!(words.iter().map(String::as_str).collect::<Vec<_>>()[..], ["cfg", "test"])
            || words.starts_with(&["cfg".to_owned(), "all".to_owned(), "test".to_owned()]);
        if only_in_tests && inner {
            self.found.test = true;
        } else if only_in_tests {
            self.test_until = self.test_until.max(self.end_of_item(close + 1));
        }
        if words == ["path"] {
            self.path = self.tokens[open..close].iter().find_map(|token| match &token.kind {
                Kind::Text(text) => Some(text.clone()),
                _ => None,
            });
        }
        self.found.attributes.push((self.tokens[at].line, words));
        open + 1 // paths in attributes count too: `#[tokio::main]`
    }

    /// The token that closes the bracket at `open`.
    fn end_of_group(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(open) {
            match token.kind {
                Kind::Sign('(' | '[' | '{') => depth += 1,
                Kind::Sign(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        self.tokens.len() - 1
    }

    /// Where the item, field or arm that begins at `at` ends.
    fn end_of_item(&self, mut at: usize) -> usize {
        let mut is_use = false;
        while at < self.tokens.len() {
            match &self.tokens[at].kind {
                Kind::Sign('{') => {
                    at = self.end_of_group(at);
                    if !is_use {
                        return at + 1;
                    }
                }
                Kind::Sign('(' | '[') => at = self.end_of_group(at),
                Kind::Sign(';' | ',' | '}') => return at,
                Kind::Word(word) => is_use |= word == "use",
                _ => {}
            }
            at += 1;
        }
        at
    }
}
