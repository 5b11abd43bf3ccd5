//! The REST API: router, extractors, problems, events.
//!
//! A request passes the edge (`edge`: origin, credentials, rate), is read once into values that are valid (`body`,
//! `json`, `intent`), and becomes a submission to the desk. Whatever is refused becomes a problem of a stable type.

mod access;
mod address;
mod apart;
mod api;
mod auth;
mod body;
mod bundles;
mod changes;
mod conditions;
mod connection;
mod delivery;
mod door;
mod edge;
mod engines;
mod events;
mod health;
mod json;
mod lifecycle;
mod metrics;
mod openapi;
mod origin;
mod place;
mod problem;
mod rate;
mod readiness;
mod reloads;
mod rights;
mod router;
mod routes;
mod said;
mod signature;
mod streams;
mod submit;
mod told;
mod tree;
mod webhooks;

pub use api::{Api, Limits};
pub use auth::{ActsFor, Auth, EVERYWHERE, Right, Token};
pub use door::{Door, Terms};
pub use openapi::openapi;
pub use readiness::{Part, Readiness, Starting};
pub use reloads::Reloads;
pub use router::{router, serve};
pub use signature::{Engines, Source, Webhooks};
