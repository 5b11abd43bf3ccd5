//! Who may call what, decided as Istio decides it. Pure.
//!
//! A [`Guard`] is what the enforced policies that select one workload say, in a form that can be compared: one
//! [`Permission`] for each caller and what it may do. [`Policies`] decide about a single [`Request`]. Rules are Istio's
//! (`pilot/pkg/security/authz`).

mod address;
mod attachment;
mod attribute;
mod caller;
mod calling;
mod compiled;
mod condition;
mod covering;
mod expectation;
mod facts;
mod guard;
mod language;
mod matrix;
mod meaning;
mod mutual_tls;
mod path;
mod pattern;
mod permission;
mod policies;
mod request;
mod rule;
mod scope;
mod selection;
mod text;
mod trust;
mod ztunnel;

pub use attribute::Attribute;
pub use caller::Caller;
pub use calling::{CallingAs, namespaced, wrong_method, wrong_path};
pub use covering::{Covering, uncovered};
pub use expectation::{Callee, Expectation, Tally, Told};
pub use guard::{AllowSet, Guard, is_enforced};
pub use matrix::{Access, Difference, Grant, Idle, Lockout, Matrix};
pub use mutual_tls::{Mode, Tls};
pub use permission::Permission;
pub use policies::{Decision, Policies, Verdict};
pub use request::{Destination, Peer, Protocol, Proxy, Request};
pub use scope::{Scope, joined};
pub use selection::Selection;
pub use trust::Mesh;
pub use ztunnel::{Unenforced, unenforced};

#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod ztunnel_tests;
