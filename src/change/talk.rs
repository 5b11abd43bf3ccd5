//! What is said about a change on the forge, by Meshwright and by people.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::person::Person;
use crate::repo::CommitId;

/// What somebody said of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Who.
    pub by: Person,
    /// Their words; may be empty.
    pub words: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { by, words } = self;
        if words.is_empty() { write!(f, "by {by}") } else { write!(f, "{by}: {words}") }
    }
}

/// What was said on the forge. It is remembered by digest: the same is not said twice, and what a person edits is left so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Talk {
    /// Digest of what the pull request was last given to say.
    pub text: Option<String>,
    /// Digest of what our comment below it was last given to say.
    pub remark: Option<String>,
    /// Digest of what was last reported, and of what commit.
    pub report: Option<String>,
    /// The last comment that was listened to.
    pub heard: u64,
    /// What our comment answers to what was last asked for there.
    pub answer: Option<Answer>,
    /// Who holds the change up, until somebody resumes it.
    pub hold: Option<Remark>,
    /// The commit of somebody else on its branch that we may push over, because somebody asked for it.
    pub overwrites: Option<CommitId>,
}

/// What our comment answers to what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The plan as it is by then.
    Plan,
    /// Which intents this file comes from.
    Explain(String),
    /// What can be asked for; after something that nobody knows.
    Help(Option<String>),
    /// These words of ours, in Markdown.
    Said(String),
}

/// Digest of something that is said.
#[must_use]
pub fn digest(said: &impl Serialize) -> String {
    // Plain data that is always written.
    let bytes = serde_json::to_vec(said).unwrap_or_default();
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
