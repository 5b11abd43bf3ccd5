//! Why a plugin did not answer as it has to.

use tonic::{Code, Status};

use super::target::Unreachable;

/// Why a plugin did not answer as it has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// In one word, for counting.
    pub(super) reason: &'static str,
    /// In words that follow the name of the plugin.
    pub(super) words: String,
}

impl Fault {
    pub(super) fn new(reason: &'static str, words: impl Into<String>) -> Self {
        Self { reason, words: words.into() }
    }

    /// A call that took too long.
    pub(super) fn late(deadline: std::time::Duration) -> Self {
        Self::new("late", format!("did not answer within {} s", deadline.as_secs_f64()))
    }

    /// What a call ended with.
    pub(super) fn of(status: &Status) -> Self {
        let short = |text: &str| text.chars().filter(|char| !char.is_control()).take(200).collect::<String>();
        let said = short(status.message());
        // Of the errors below each other the last one says what happened.
        let sources = std::iter::successors(std::error::Error::source(status), |error| error.source());
        let cause = sources.last().map(|error| short(&error.to_string()));
        match status.code() {
            Code::Unavailable | Code::Unknown | Code::Cancelled
                if cause.is_some() || status.code() == Code::Unavailable =>
            {
                let why = cause.unwrap_or(said);
                Self::new("unreachable", format!("cannot be reached ({why})"))
            }
            Code::OutOfRange | Code::ResourceExhausted => {
                Self::new("too-much", format!("answers more than is taken ({said})"))
            }
            Code::Unimplemented => Self::new("unimplemented", format!("does not serve what is asked ({said})")),
            Code::DeadlineExceeded => Self::new("late", format!("gave up ({said})")),
            Code::Unauthenticated | Code::PermissionDenied => {
                Self::new("refused", format!("does not let this server ask ({said})"))
            }
            code => Self::new("failed", format!("failed: {code:?} ({})", cause.unwrap_or(said))),
        }
    }
}

impl From<Unreachable> for Fault {
    fn from(why: Unreachable) -> Self {
        Self::new("unreachable", format!("cannot be reached as it is configured: {why}"))
    }
}
