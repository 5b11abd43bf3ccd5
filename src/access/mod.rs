//! Who may call what, decided as Istio decides it. Pure.
//!
//! A [`Guard`] is what the enforced policies that select one workload say, in a form that can be compared: one
//! [`Permission`] for each caller and what it may do. Rules are Istio's (`pilot/pkg/security/authz`).

mod address;
mod caller;
mod covering;
mod guard;
mod pattern;
mod permission;
mod scope;

pub use caller::Caller;
pub use covering::{Covering, uncovered};
pub use guard::{AllowSet, Guard, is_enforced};
pub use permission::Permission;
pub use scope::{Attribute, Scope, joined};

#[cfg(test)]
mod tests;
