//! Whether the parts work that the server needs.

use std::sync::Arc;

/// A part that the server needs to work, and whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is, such as `journal`.
    pub name: &'static str,
    /// Why it does not work, for every caller to read; none when it does.
    pub fault: Option<String>,
}

/// Tells how the parts are. It is asked at each `GET /readyz` and must not block.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> Vec<Part> + Send + Sync>);

impl Readiness {
    /// Asks `parts` each time.
    pub fn new(parts: impl Fn() -> Vec<Part> + Send + Sync + 'static) -> Self {
        Self(Arc::new(parts))
    }

    /// Whether every part works.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.parts().iter().all(|part| part.fault.is_none())
    }

    /// The parts as they are now.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        (self.0)()
    }
}
