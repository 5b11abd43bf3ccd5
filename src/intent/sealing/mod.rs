//! Private keys that are posted to be sealed: what clusters seal with, what is posted, and what is kept of it.
//!
//! A key that is posted becomes a value of [`PostedKey`](super::posted::PostedKey) where its body is read, and is sealed for
//! each cluster of its app before anything is journaled. What is kept is ciphertext that only the sealed-secrets controller
//! of that cluster can read. Sealing is deterministic (see [`Pair::seal`]), so that posting a key again changes nothing.

mod certificate;
mod envelope;
mod pair;
mod pem;
mod sealed;

pub use certificate::SealingCertificate;
pub use pair::{Pair, Refused};
pub use sealed::{Sealed, SealedKey};

pub(super) use pair::digest;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of `bytes` in hexadecimal digits.
fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
