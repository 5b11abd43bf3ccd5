//! One accepted write.

use std::sync::Arc;

use super::id::{ChangeId, Timestamp};
use super::person::Person;
use crate::finding::{Finding, Place};
use crate::intent::{Anchor, Resource, Tree};

/// What a write does to the resource it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Creates or replaces it; a server that says so is closed from then on.
    Put(Arc<Resource>),
    /// Removes it.
    Delete,
    /// Takes the manifests of a deployment intent group away and keeps its intents.
    Terminate,
    /// Undoes that.
    Instantiate,
}

/// A write that was accepted and is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// When it was accepted.
    pub at: Timestamp,
    /// The change it belongs to.
    pub change: ChangeId,
    /// The resource it is about.
    pub anchor: Anchor,
    /// What it does.
    pub verb: Verb,
    /// Who asked.
    pub requester: Person,
}

impl Write {
    /// Applies it to a tree; see [`Verb::apply`].
    ///
    /// # Errors
    /// When it makes no sense any more.
    pub fn apply(&self, tree: &mut Tree) -> Result<(), Finding> {
        self.verb.apply(&self.anchor, tree)
    }
}

impl Verb {
    /// Does this to the resource at `anchor` of a tree.
    ///
    /// # Errors
    /// When the tree has moved on so that it makes no sense any more; the tree is as it was.
    pub fn apply(&self, anchor: &Anchor, tree: &mut Tree) -> Result<(), Finding> {
        let refuse = |message: String, remedy: &str| {
            Err(Finding::error("intent/write", Place::at(anchor.as_str()), message, remedy))
        };
        match self {
            Verb::Put(resource) => {
                if let Some(parent) = anchor.parent()
                    && tree.get(&parent).is_none()
                {
                    let message = format!("{parent}, which it lives under, does not exist");
                    return refuse(message, "post the parent again, or withdraw this change");
                }
                tree.put(Resource::clone(resource));
                if resource.state.closed {
                    tree.close(anchor);
                }
            }
            Verb::Delete if tree.has_children(anchor) => {
                return refuse(
                    "something was put below it meanwhile".into(),
                    "remove that first, or withdraw this change",
                );
            }
            Verb::Delete => tree.remove(anchor),
            Verb::Terminate | Verb::Instantiate if tree.get(anchor).is_none() => {
                return refuse("the group does not exist any more".into(), "withdraw this change");
            }
            Verb::Terminate => tree.set_terminated(anchor, true),
            Verb::Instantiate => tree.set_terminated(anchor, false),
        }
        Ok(())
    }
}
