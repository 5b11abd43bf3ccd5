//! Just enough of Rust's grammar to tell code from comments and strings.

/// What a token is; a string keeps its text for `#[path = "…"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(String),
    Text(String),
    Sign(char),
    /// `::`
    Path,
    /// A number, a character or a lifetime: nothing a rule looks at.
    Other,
}

/// A token and its line, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

impl Token {
    /// The word this token is, or nothing.
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub(crate) fn is(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

/// Splits Rust source into tokens, comments left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: source.chars().collect(), at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(next) = lexer.peek(0) {
        let line = lexer.line;
        if let Some(kind) = lexer.token(next) {
            tokens.push(Token { kind, line });
        }
    }
    tokens
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let from = self.at;
        while self.peek(0).is_some_and(&wanted) {
            self.bump();
        }
        self.chars[from..self.at].iter().collect()
    }

    fn token(&mut self, next: char) -> Option<Kind> {
        match (next, self.peek(1)) {
            ('/', Some('/')) => {
                self.take_while(|c| c != '\n');
                None
            }
            ('/', Some('*')) => {
                self.block_comment();
                None
            }
            ('"', _) => Some(self.string()),
            ('\'', second) => Some(self.quote(second)),
            (':', Some(':')) => {
                self.at += 2;
                Some(Kind::Path)
            }
            (c, _) if c.is_ascii_digit() => Some(self.number()),
            (c, _) if is_word(c) => Some(self.word()),
            (c, _) => {
                self.bump();
                (!c.is_whitespace()).then_some(Kind::Sign(c))
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => (depth, self.at) = (depth + 1, self.at + 2),
                (Some('*'), Some('/')) => (depth, self.at) = (depth - 1, self.at + 2),
                (None, _) => return,
                _ => _ = self.bump(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) -> Kind {
        let mut text = String::new();
        self.bump();
        while let Some(c) = self.bump() {
            match c {
                '"' => break,
                '\\' => text.extend(self.bump()),
                c => text.push(c),
            }
        }
        Kind::Text(text)
    }

    /// After `r`: hashes, then the text up to a quote with as many hashes.
    fn raw_string(&mut self) -> Kind {
        let hashes = self.take_while(|c| c == '#').len();
        self.bump();
        let from = self.at;
        while let Some(c) = self.bump() {
            if c == '"' && (0..hashes).all(|n| self.peek(n) == Some('#')) {
                let text = self.chars[from..self.at - 1].iter().collect();
                self.at += hashes;
                return Kind::Text(text);
            }
        }
        Kind::Other
    }

    /// A character or a lifetime.
    fn quote(&mut self, second: Option<char>) -> Kind {
        self.bump();
        if second == Some('\\') {
            self.at += 2; // the escaped character may itself be a quote
            self.take_while(|c| c != '\'');
            self.bump();
        } else if self.peek(1) == Some('\'') {
            self.bump();
            self.bump();
        } else {
            self.take_while(is_word);
        }
        Kind::Other
    }

    fn number(&mut self) -> Kind {
        self.take_while(is_word);
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.bump();
            self.take_while(is_word);
        }
        Kind::Other
    }

    fn word(&mut self) -> Kind {
        let word = self.take_while(is_word);
        match (word.as_str(), self.peek(0), self.peek(1)) {
            ("r" | "br" | "cr", Some('"'), _) | ("r" | "br" | "cr", Some('#'), Some('"' | '#')) => self.raw_string(),
            ("b" | "c", Some('"'), _) => self.string(),
            ("b", Some('\''), second) => self.quote(second),
            ("r", Some('#'), Some(c)) if is_word(c) => {
                self.bump();
                Kind::Word(self.take_while(is_word))
            }
            _ => Kind::Word(word),
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
