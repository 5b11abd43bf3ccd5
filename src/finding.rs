//! What a check found: the rule, where, what is wrong and what to do about it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// Works, but probably not as meant.
    Warning,
    /// Must be mended before the change can be proposed or merged.
    Error,
}

/// A place in a file or in the tree of intents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// A path in the config repository, or the anchor of an intent.
    pub path: String,
    /// Line, from 1; 0 when unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub column: u32,
    /// JSON pointer (RFC 6901) inside the document; empty for the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Place {
    /// The whole of the file or intent at `path`.
    pub fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// The beginning of a line, from 1, of the file at `path`.
    pub fn on_line(path: impl Into<String>, line: u32) -> Self {
        Self { line, column: 1, ..Self::at(path) }
    }

    /// The value at `pointer` in the file or intent at `path`.
    pub fn pointing(path: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self { path: path.into(), pointer: pointer.into(), ..Self::default() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column.max(1))?;
        }
        if !self.pointer.is_empty() {
            write!(f, "#{}", self.pointer)?;
        }
        Ok(())
    }
}

/// One thing a check found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable identifier, such as `topology/gateway-address` or `istio/049`.
    pub rule: Cow<'static, str>,
    /// Where it is.
    pub place: Place,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    /// A finding that blocks.
    pub fn error(rule: &'static str, place: Place, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Error, rule: rule.into(), place, message: message.into(), remedy: remedy.into() }
    }

    /// A finding that warns.
    pub fn warning(rule: &'static str, place: Place, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, place, message, remedy) }
    }

    /// A finding that informs.
    pub fn note(rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(rule, place, message, "") }
    }
}

#[cfg(test)]
impl Finding {
    /// The rule of a finding that was made here, and not read back.
    pub(crate) fn own_rule(&self) -> &'static str {
        let Cow::Borrowed(rule) = self.rule else { return "" };
        rule
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}[{}] {}: {}", self.rule, self.place, self.message)?;
        if !self.remedy.is_empty() {
            write!(f, " — {}", self.remedy)?;
        }
        Ok(())
    }
}
