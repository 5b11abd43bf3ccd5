//! Why a plugin did not answer as it has to.

use tonic::{Code, Status};

use super::cause::last_cause;
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

    /// What a call ended with that was made to the plugin at `address`.
    pub(super) fn of(status: &Status, address: &str) -> Self {
        // What a plugin says has none.
        if let Some(cause) = last_cause(status) {
            return Self::of_connection(&cause.to_string(), address);
        }
        let said = short(status.message());
        match status.code() {
            Code::Unavailable => Self::new(Reason::Unreachable, format!("cannot be reached at {address} ({said})")),
            Code::OutOfRange | Code::ResourceExhausted => {
                Self::new(Reason::TooMuch, format!("was asked or answers more than is taken ({said})"))
            }
            Code::Unimplemented => Self::new(Reason::Failed, format!("does not serve what is asked ({said})")),
            Code::DeadlineExceeded => Self::new(Reason::Late, format!("gave up ({said})")),
            Code::Unauthenticated | Code::PermissionDenied => {
                Self::new(Reason::Refused, format!("does not let this server ask ({said})"))
            }
            code => Self::new(Reason::Failed, format!("failed: {code:?} ({said})")),
        }
    }

    /// What a connection ended with.
    fn of_connection(cause: &str, address: &str) -> Self {
        // As h2 has it: a call that was broken off while the connection stays.
        let of_call =
            ["stream error received: ", "stream error detected: "].iter().find_map(|it| cause.strip_prefix(it));
        if let Some(what) = of_call.filter(|what| !what.contains("refused")) {
            return Self::new(Reason::Failed, format!("breaks calls off ({})", short(what)));
        }
        // What h2 found itself, and was not told.
        let why = match cause.strip_prefix("connection error detected: ") {
            Some(what) => format!("what listens there does not speak HTTP/2 as it has to: {}", short(what)),
            None => short(cause),
        };
        Self::new(Reason::Unreachable, format!("cannot be reached at {address} ({why})"))
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
        let of = |message: &str| Fault::of(&Status::internal(message), "").words;
        assert_eq!(of("no\nfile"), "failed: Internal (nofile)");
        assert_eq!(of(&"x".repeat(1000)).len(), "failed: Internal ()".len() + 200);
        let key = "cannot use -----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----";
        let words = of(key);
        assert!(words.contains("holds a private key") && !words.contains("MC4C"), "{words}");
    }

    #[test]
    fn what_a_connection_ended_with_is_told_apart_from_what_a_plugin_says() {
        let ended =
            |cause: &'static str| Fault::of(&Status::from_error(std::io::Error::other(cause).into()), "unix:/np");
        let fault = ended("connection error detected: frame with invalid size");
        let words = "cannot be reached at unix:/np (what listens there does not speak HTTP/2 as it has to: frame with invalid size)";
        assert_eq!(fault, Fault::new(Reason::Unreachable, words));
        let fault = ended("stream error received: stream no longer needed");
        assert_eq!(fault, Fault::new(Reason::Failed, "breaks calls off (stream no longer needed)"));
        let refused = ended("stream error received: refused stream before processing any application logic");
        assert_eq!(refused.reason, Reason::Unreachable);
        assert_eq!(ended("connection reset").words, "cannot be reached at unix:/np (connection reset)");
        let said = Fault::of(&Status::unknown("connection error detected: of a database"), "");
        assert_eq!(said.words, "failed: Unknown (connection error detected: of a database)");
    }
}
