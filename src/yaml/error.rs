//! What is wrong with a YAML text, without quoting the text.

use serde_yaml::{DeserializeError, MessageFormatter, UserMessageFormatter};

/// A YAML text that cannot be read, or does not hold what was asked for.
///
/// The message names types and field names, never the values of the text: those may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct YamlError {
    /// What is wrong, in one line.
    pub message: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
}

impl std::fmt::Display for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}

impl YamlError {
    /// An error about the text as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, column: 0 }
    }

    /// The same error at a place, from 1.
    #[must_use]
    pub fn at(mut self, line: u32, column: u32) -> Self {
        (self.line, self.column) = (line, column);
        self
    }

    /// The same error about a field, as a path; of none where that is the whole text.
    pub(super) fn of_field(mut self, path: &str) -> Self {
        if !matches!(path, "" | "." | "?") {
            self.message = format!("{path}: {}", self.message);
        }
        self
    }

    /// The same error in a text that begins on line `first` (from 1) of a larger one.
    #[must_use]
    pub fn in_document_from(mut self, first: u32) -> Self {
        if self.line > 0 {
            self.line += first.saturating_sub(1);
        }
        self
    }
}

impl From<DeserializeError> for YamlError {
    fn from(error: DeserializeError) -> Self {
        let at = error.location();
        let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            message: words(error.without_snippet()),
            line: at.map_or(0, |at| number(at.line())),
            column: at.map_or(0, |at| number(at.column())),
        }
    }
}

/// The crate's words for `error`, without the value it found.
fn words(error: &DeserializeError) -> String {
    match error {
        DeserializeError::SerdeInvalidType { unexpected, expected, .. }
        | DeserializeError::SerdeInvalidValue { unexpected, expected, .. } => {
            format!("{} where {expected} belongs", kind_of(unexpected))
        }
        DeserializeError::AliasError { error, .. } => words(error),
        DeserializeError::Unexpected { expected: "sequence start", .. } => "a list belongs here".to_owned(),
        DeserializeError::Unexpected { expected: "mapping start", .. } => "a map belongs here".to_owned(),
        DeserializeError::InvalidScalar { ty, .. } => match ty.as_bytes() {
            [b'u', b'0'..=b'9', ..] => "a whole number of 0 or more belongs here".to_owned(),
            [b'i', b'0'..=b'9', ..] => "a whole number belongs here".to_owned(),
            _ => format!("a {ty} belongs here"),
        },
        other => UserMessageFormatter.format_message(other).lines().next().unwrap_or_default().to_owned(),
    }
}

/// The kind in serde's `string "…"`, ``integer `…` `` and the like, without the value.
fn kind_of(unexpected: &str) -> &str {
    let end = unexpected.find(['"', '`']).unwrap_or(unexpected.len());
    let kind = unexpected[..end].trim();
    if kind.is_empty() { "a value" } else { kind }
}
