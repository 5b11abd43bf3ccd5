//! What a reviewer says with a step: words, and which content they mean.

use serde_json::{Value, json};

use super::problem::{Fault, Problem};
use super::rights::Step;
use crate::change::Meant;
use crate::intent::fields::{Fields, Scalar};
use crate::intent::scalar::Text;
use crate::intent::secrets;

/// What a reviewer says.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    pub(super) words: String,
    pub(super) meant: Meant,
}

impl Default for Said {
    fn default() -> Self {
        Self { words: String::new(), meant: Meant::Present }
    }
}

impl Said {
    /// Reads a body.
    ///
    /// # Errors
    /// Every violation in it.
    pub(super) fn read(step: Step, body: &[u8]) -> Result<Self, Problem> {
        let value = super::json::read(body)?;
        let mut found = secrets::scan(&value);
        if found.is_empty() {
            match Fields::read(&value, "", |f| Self::fields(step, f)) {
                Ok(said) => return Ok(said),
                Err(violations) => found = violations,
            }
        }
        Err(Problem::invalid(found.into_iter().map(Fault::from).collect()))
    }

    /// The JSON schema of the bodies that [`Said::read`] accepts.
    pub(super) fn schema(step: Step) -> Value {
        Fields::schema(|f| Self::fields(step, f))
    }

    fn fields(step: Step, f: &mut Fields<'_>) -> Option<Self> {
        let words = f.optional::<Text>("comment", "your words").map(|words| words.as_str().to_owned());
        let doc = "the commit that you looked at; refused when the change holds another by now";
        let head = if step.is_about_content() { f.optional::<Head>("head", doc) } else { None };
        let meant = head.map_or(Meant::Present, |Head(id)| Meant::Head(id));
        Some(Self { words: words.unwrap_or_default(), meant })
    }
}

/// The full id of a commit.
struct Head(String);

impl Scalar for Head {
    fn read(value: &Value) -> Result<Self, String> {
        let id =
            value.as_str().filter(|id| id.len() == 40 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        let id =
            id.ok_or("must be the full id of a commit: 40 digits and letters from a to f, as `head` of the change")?;
        Ok(Self(id.to_owned()))
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[0-9a-f]{40}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &str) -> Result<String, Problem> {
        Said::read(Step::Reject, body.as_bytes()).map(|said| said.words)
    }

    #[test]
    fn a_comment_may_be_left_out_and_nothing_else_may_be_said() {
        assert_eq!(words("{}").unwrap(), "");
        assert_eq!(words(r#"{"comment": "looks good"}"#).unwrap(), "looks good");
        for (body, pointer) in [(r#"{"comment": 1}"#, "/comment"), (r#"{"coment": ""}"#, "/coment"), ("[]", "")] {
            assert_eq!(words(body).unwrap_err().errors[0].pointer, pointer);
        }
        for (length, taken) in [(1024, true), (1025, false), (500_000, false)] {
            let words = words(&format!(r#"{{"comment": "{}"}}"#, "ä".repeat(length)));
            assert_eq!(words.as_ref().map_or(0, |words| words.chars().count()), if taken { length } else { 0 });
            let refused = words.err().map(|problem| problem.errors[0].clone());
            let too_long = Fault::new("/comment", "must have at most 1024 characters");
            assert_eq!(refused, (!taken).then_some(too_long), "{length}");
        }
        let key = format!(r#"{{"comment": "-----BEGIN PRIVATE KEY-----{}"}}"#, "A".repeat(64));
        assert_eq!(words(&key).unwrap_err().errors[0].message, secrets::REMEDY);
    }

    #[test]
    fn who_reviews_or_merges_may_say_which_commit_they_mean() {
        let head = "0123456789abcdef0123456789abcdef01234567";
        let body = format!(r#"{{"head": "{head}"}}"#);
        for step in [Step::Approve, Step::RequestChanges, Step::Merge] {
            assert_eq!(Said::read(step, body.as_bytes()).unwrap().meant, Meant::Head(head.into()));
            assert_eq!(Said::read(step, b"{}").unwrap().meant, Meant::Present);
            for wrong in [r#"{"head": "0123456"}"#, r#"{"head": 1}"#] {
                assert_eq!(Said::read(step, wrong.as_bytes()).unwrap_err().errors[0].pointer, "/head");
            }
        }
        for step in [Step::Withdraw, Step::Reject] {
            assert_eq!(Said::read(step, body.as_bytes()).unwrap_err().errors[0].pointer, "/head", "all of it goes");
        }
    }
}
