//! Why a plugin did not answer as it has to.

use tonic::{Code, Status};

use super::target::Unreachable;
use crate::intent::secrets;

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It is not reached.
    Unreachable,
    /// It says of itself that it does not serve.
    Unhealthy,
    /// It is not the plugin, or not the version, that is listed.
    Version,
    /// It takes too long.
    Late,
    /// It was asked or answers more than is taken, or answers what it was not asked.
    TooMuch,
    /// It gives two answers for equal input.
    Differs,
    /// It answers what cannot be taken.
    Wrong,
    /// It ends with an error, or without all answers.
    Failed,
    /// It does not let this server ask.
    Refused,
}

impl Reason {
    /// The word for it, for counting.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unhealthy => "unhealthy",
            Self::Version => "version",
            Self::Late => "late",
            Self::TooMuch => "too-much",
            Self::Differs => "differs",
            Self::Wrong => "wrong",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// Whether it is about one unit, and tells nothing of others.
    pub(super) fn is_of_a_unit(self) -> bool {
        matches!(self, Self::Differs | Self::Wrong)
    }

    /// Whether a look at the plugin that ends like this shows that there is no sense in calling it.
    pub(super) fn keeps_from_calls(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unhealthy | Self::Late)
    }

    /// Whether another connection may be better.
    pub(super) fn may_end_with_the_connection(self) -> bool {
        matches!(self, Self::Unreachable | Self::Late | Self::TooMuch | Self::Failed)
    }

    /// Whether a look at the plugin that goes well shows that it is over.
    pub(super) fn ends_with_a_look(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unhealthy | Self::Version)
    }
}

/// What tonic and h2 begin with where they say that what came is no gRPC, or no HTTP/2.
const NO_GRPC: [&str; 2] = ["protocol error: ", "connection error detected: "];

/// Why a plugin did not answer as it has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    /// In words that follow the name of the plugin; without a moment, so that the same is recorded once.
    pub(super) words: String,
}

impl Fault {
    pub(super) fn new(reason: Reason, words: impl Into<String>) -> Self {
        Self { reason, words: words.into() }
    }

    /// What is said of the plugin of that name.
    pub(super) fn of_plugin(&self, name: &str) -> String {
        format!("the plugin {name} {}", self.words)
    }

    /// A call that took too long.
    pub(super) fn late(deadline: std::time::Duration) -> Self {
        Self::new(Reason::Late, format!("did not answer within {} s", deadline.as_secs_f64()))
    }

    /// What a call ended with.
    pub(super) fn of(status: &Status) -> Self {
        let said = short(status.message());
        // Of the errors below each other the last one says what happened.
        let sources = std::iter::successors(std::error::Error::source(status), |error| error.source());
        let cause = sources.last().map(|error| short(&error.to_string()));
        match status.code() {
            Code::Unavailable | Code::Unknown | Code::Cancelled
                if cause.is_some() || status.code() == Code::Unavailable =>
            {
                let why = cause.unwrap_or(said);
                Self::new(Reason::Unreachable, format!("cannot be reached ({why})"))
            }
            Code::OutOfRange | Code::ResourceExhausted => {
                Self::new(Reason::TooMuch, format!("was asked or answers more than is taken ({said})"))
            }
            Code::Unimplemented => Self::new(Reason::Failed, format!("does not serve what is asked ({said})")),
            Code::DeadlineExceeded => Self::new(Reason::Late, format!("gave up ({said})")),
            Code::Unauthenticated | Code::PermissionDenied => {
                Self::new(Reason::Refused, format!("does not let this server ask ({said})"))
            }
            code => {
                let why = cause.unwrap_or(said);
                let words = match NO_GRPC.iter().find_map(|start| why.strip_prefix(start)) {
                    Some(what) => format!("does not speak gRPC, or something else listens there ({what})"),
                    None => format!("failed: {code:?} ({why})"),
                };
                Self::new(Reason::Failed, words)
            }
        }
    }
}

impl From<Unreachable> for Fault {
    fn from(why: Unreachable) -> Self {
        Self::new(Reason::Unreachable, format!("cannot be reached as it is configured: {why}"))
    }
}

/// Text of a plugin as it is repeated: one line, not long, and no private key.
pub(super) fn short(text: &str) -> String {
    without_key(text.chars().filter(|char| !char.is_control()).take(200).collect())
}

/// The text, unless it holds a private key.
pub(super) fn without_key(text: String) -> String {
    match secrets::holds_private_key(&text) {
        true => "(not repeated, since it holds a private key)".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_says_is_repeated_on_one_line_and_without_a_private_key() {
        let of = |message: &str| Fault::of(&Status::internal(message)).words;
        assert_eq!(of("no\nfile"), "failed: Internal (nofile)");
        assert_eq!(of(&"x".repeat(1000)).len(), "failed: Internal ()".len() + 200);
        let key = "cannot use -----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----";
        let words = of(key);
        assert!(words.contains("holds a private key") && !words.contains("MC4C"), "{words}");
    }
}
