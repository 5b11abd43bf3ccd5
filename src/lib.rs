//! Meshwright turns traffic intents, posted over REST, into reviewed pull requests of Istio configuration.
//!
//! The rooms and who may import whom are described in `CONTRIBUTING.md` and enforced by `tests/tidy.rs`.

pub mod access;
pub mod boot;
pub mod change;
pub mod cli;
pub mod config;
pub mod finding;
pub mod forge;
pub mod http;
pub mod intent;
pub mod istio;
pub mod journal;
pub mod json;
pub mod lint;
pub mod orchestrator;
pub mod plugin;
pub mod query;
pub mod render;
pub mod repo;
pub mod review;
pub mod schema;
pub mod signature;
pub mod sink;
pub mod yaml;
