//! What all webhooks have in common.

use axum::http::header;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::problem::{self, Problem};

/// What is answered to a delivery that is remembered.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    /// Its id.
    pub(super) delivery: String,
    /// Whether it was not known before.
    pub(super) new: bool,
}

/// What a delivery is known by that has no id: the digest of its body.
pub(super) fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses a body of another type than JSON.
pub(super) fn must_be_json(media_type: &str) -> Result<(), Problem> {
    if media_type.to_ascii_lowercase().starts_with("application/json") {
        return Ok(());
    }
    let detail = "Choose application/json as the content type of the webhook.";
    Err(Problem::new(&problem::MEDIA_TYPE, detail)
        .header(header::ACCEPT, header::HeaderValue::from_static("application/json")))
}
