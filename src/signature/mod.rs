//! Signatures of what goes over HTTP: HMAC (RFC 2104) with SHA-256, as GitHub signs its webhooks.

mod secret;

pub use secret::Secret;
