//! What all resources of a run share: patterns, the language, and how much rules may still look at.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::Context;

use super::language;
use super::pattern::Patterns;

/// The most values that all rules of a run look at or make.
const OF_RUN: u64 = 200_000_000;

pub(super) struct Run {
    pub(super) patterns: Arc<Patterns>,
    /// It is made once: that costs more than most rules.
    pub(super) language: Context<'static, 'static>,
    used: AtomicU64,
}

impl Default for Run {
    fn default() -> Self {
        let patterns = Arc::new(Patterns::default());
        Self { language: language::language(patterns.clone()), patterns, used: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("patterns", &self.patterns).field("used", &self.used).finish_non_exhaustive()
    }
}

impl Run {
    /// Takes what a rule needs from what is left for all; false when nothing is left.
    pub(super) fn spend(&self, steps: u64) -> bool {
        self.used.fetch_add(steps, Ordering::Relaxed) < OF_RUN
    }
}
