//! From intents and topology to files: a pure function, one file of this room per pattern.
//!
//! The same tree gives the same bytes, whatever the order in which things were posted. What belongs to a host or to a
//! workload is rendered from *all* intents about it, so that no two resources fight. What is not known is never
//! guessed: it becomes a finding that blocks.

mod access;
mod across;
mod alias;
mod asked;
mod assembly;
mod clash;
mod context;
mod digest;
mod dns;
mod east_west;
mod exposure;
mod guarded;
mod leads;
mod load_balancer;
mod manifest;
mod message;
mod mtls;
mod name;
mod namespace;
mod notice;
mod operation;
mod outbound;
mod output;
mod outside;
mod places;
mod plugin;
mod pods;
mod policy;
mod question;
mod reach;
mod remote;
mod run;
mod scope;
mod sealed;
mod server;
mod sm_config;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod traffic;
mod unit;
mod workload;

pub use digest::Digest;
pub use namespace::{is_namespace_file, namespace_directory};
pub use output::{Exit, Manifest, Rendered, Target, TargetAccess};
pub use outside::{Answer, Answers, NoRoom, Outside, PluginFiles, has_stem, is_plugin_path, stem_of};
pub use question::{AskedCluster, AskedIntent, Asking, Input, Outdated, Question, Subject};
pub use run::{Ask, questions, render, render_asking};
pub use scope::Scope;
