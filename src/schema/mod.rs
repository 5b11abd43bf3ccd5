//! What custom resource definitions allow, checked as the API server of Kubernetes does. Pure.
//!
//! A resource is held against the schema of its own version (structural schemas, apiextensions.k8s.io/v1): types, limits,
//! unknown fields as with strict field validation, and rules in CEL. A rule that cannot be evaluated here is told by
//! [`Schemas::unsure`] and refuses nothing.

mod bounded;
mod check;
mod definition;
mod format;
mod language;
mod pattern;
mod reading;
mod rule;
mod run;
mod short;
mod structure;
mod value;

pub use reading::Schemas;

#[cfg(test)]
mod tests;
