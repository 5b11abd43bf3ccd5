//! All that is known between journal and main, as one snapshot.

use std::sync::Arc;

use imbl::OrdMap;

use super::id::ChangeId;
use super::record::Change;
use crate::intent::{Anchor, Settings, Tree};
use crate::repo::CommitId;

/// The newest state of main.
#[derive(Debug, Default)]
pub struct Base {
    /// The commit of main; none in an empty repository.
    pub commit: Option<CommitId>,
    /// The intents on it.
    pub tree: Tree,
    /// The settings on it.
    pub settings: Settings,
}

/// A snapshot.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The newest state of main.
    pub base: Arc<Base>,
    /// Main with every pending write applied.
    pub proposed: Tree,
    /// Every change that is known, final ones included.
    pub changes: OrdMap<ChangeId, Arc<Change>>,
    owners: OrdMap<Anchor, ChangeId>,
}

impl Ledger {
    /// The change whose pending write decides the resource at `anchor`, if any.
    #[must_use]
    pub fn owner(&self, anchor: &Anchor) -> Option<&ChangeId> {
        self.owners.get(anchor)
    }
}
