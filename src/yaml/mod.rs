//! The only user of the YAML crate: reading with positions and limits, deterministic writing.
//!
//! Reading follows Kubernetes: YAML 1.1 booleans (`yes`, `on`) and octal numbers (`0644`) of untyped values are what
//! `sigs.k8s.io/yaml` makes of them. Writing quotes whatever a YAML 1.1 *or* 1.2 reader could take for something else.

mod bare;
mod block;
mod edit;
mod error;
mod general;
mod placed;
mod plain;
mod position;
mod read;
mod stream;
mod write;

pub use edit::Fate;
pub use error::YamlError;
pub use placed::Placed;
pub use position::{Position, position, positions};
pub use read::{Limits, fields, from_str, from_str_within, value};
pub use stream::{Document, Documents, documents};
pub use write::to_string;
