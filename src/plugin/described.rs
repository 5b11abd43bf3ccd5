//! What a plugin says it is, compared with what is listed, and its answers as far as they are what it may say.

use std::collections::BTreeSet;

use super::fault::{Fault, Reason, short};
use super::kind::OwnedKind;
use super::{reading, v1};
use crate::intent::plugins::ListedPlugin;
use crate::render::{Answer, Question};

/// The most kinds that a plugin may say it wants or owns.
const MOST_KINDS: usize = 256;

/// What a plugin says it is.
#[derive(Debug)]
pub(super) struct Described {
    version: String,
    owned: Vec<OwnedKind>,
}

impl Described {
    /// What it says, where that is what is listed.
    ///
    /// # Errors
    /// The first thing that is otherwise, or that no plugin may say.
    pub(super) fn of(says: v1::DescribeResponse, listed: &ListedPlugin) -> Result<Self, Fault> {
        let v1::DescribeResponse { name, version, intent_kinds, resource_kinds } = says;
        let other = |what: String| Err(Fault::new(Reason::Version, what));
        if name != listed.name.as_str() {
            return other(format!("says that it is `{}`: another plugin listens there", short(&name)));
        }
        if version != listed.version {
            return other(format!(
                "is of version `{}`, and meshwright.yaml lists {}; list that, or run this",
                short(&version),
                listed.version
            ));
        }
        if intent_kinds.len() + resource_kinds.len() > MOST_KINDS {
            return Err(Fault::new(Reason::TooMuch, format!("names more than {MOST_KINDS} kinds")));
        }
        let wanted: BTreeSet<&str> = intent_kinds.iter().map(String::as_str).collect();
        let shown: BTreeSet<&str> = listed.kinds.iter().map(|kind| kind.entry().collection).collect();
        if wanted != shown {
            // There are five that it may want.
            let list = |kinds: BTreeSet<&str>| kinds.into_iter().take(10).map(short).collect::<Vec<_>>().join(", ");
            return other(format!(
                "wants to see {}, and meshwright.yaml lists {}; let both say the same",
                list(wanted),
                list(shown)
            ));
        }
        let owned = resource_kinds.into_iter().map(|it| OwnedKind { api_version: it.api_version, kind: it.kind });
        let owned: Vec<OwnedKind> = owned.collect();
        if let Some((kind, why)) = owned.iter().find_map(|kind| Some((kind, kind.refused()?))) {
            return Err(Fault::new(Reason::Wrong, format!("says that it owns {kind}, which {why}")));
        }
        Ok(Self { version, owned })
    }

    /// Reads what it answers to a question.
    ///
    /// # Errors
    /// The first thing in it that cannot be taken.
    pub(super) fn read(&self, question: &Question, response: v1::RenderResponse) -> Result<Answer, Fault> {
        if response.version != self.version {
            let (version, says) = (&self.version, short(&response.version));
            let words = format!("says that it is {version}, and answers as version `{says}`");
            return Err(Fault::new(Reason::Version, words));
        }
        reading::answer(&question.input.plugin, &self.owned, &question.about, response)
    }
}
