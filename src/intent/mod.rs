//! Names, anchors, kinds, specs, the tree of intents, topology and the bundle codec. Pure.

pub mod anchor;
pub mod bundle;
mod conflict;
pub mod conflicts;
pub mod fields;
pub mod kind;
pub mod layout;
pub mod name;
pub mod outbound;
mod outside;
mod pattern;
pub mod plugins;
pub mod posted;
pub mod quote;
pub mod resource;
pub mod rules;
pub mod scalar;
pub mod sealing;
pub mod secrets;
pub mod settings;
mod shape;
pub mod spec;
#[cfg(test)]
pub(crate) mod testing;
pub mod topology;
pub mod tree;

pub use anchor::{Anchor, PathError, Route};
pub use bundle::Bundle;
pub use fields::Violation;
pub use kind::{KINDS, Kind};
pub use name::Name;
pub use outside::Outside;
pub use quote::quoted;
pub use resource::{Resource, State};
pub use settings::Settings;
pub use spec::Spec;
pub use topology::{ClusterFacts, ClusterId, Topology};
pub use tree::Tree;
