//! What bodies are signed with.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The shortest secret, in bytes: shorter ones can be guessed.
const SHORTEST: usize = 16;

/// What a body is signed with; its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() < SHORTEST {
            return Err(format!("a secret of {} bytes can be guessed: use {SHORTEST} or more", text.len()));
        }
        Ok(Self(Zeroizing::new(text.as_bytes().to_vec())))
    }

    /// The signature of a body.
    fn mac(&self, body: &[u8]) -> Vec<u8> {
        // A key of any length is good: nothing is what no signature is equal to.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return vec![] };
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    }

    /// The signature of a body in hexadecimal digits.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        self.mac(body).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether `text` is the secret itself; takes the same time whatever it is.
    #[must_use]
    pub fn is(&self, text: &[u8]) -> bool {
        // Digests are of one length: the time tells nothing of that of the secret either.
        bool::from(Sha256::digest(self.0.as_slice()).ct_eq(&Sha256::digest(text)))
    }

    /// Whether it signed `body` with `signature`; takes the same time whatever that is.
    #[must_use]
    pub fn signed(&self, body: &[u8], signature: &[u8]) -> bool {
        let own = self.mac(body);
        !own.is_empty() && bool::from(own.as_slice().ct_eq(signature))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_4231_and_of_githubs_documentation() {
        // RFC 4231, test case 2; GitHub Docs, "Validating webhook deliveries".
        for (secret, body, signature) in [
            (
                "Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "It's a Secret to Everybody",
                "Hello, World!",
                "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
        ] {
            let (secret, body) = (Secret(Zeroizing::new(secret.as_bytes().to_vec())), body.as_bytes());
            assert_eq!(secret.sign(body), signature);
            let bytes: Vec<u8> =
                (0..32).map(|n| u8::from_str_radix(&signature[2 * n..2 * n + 2], 16).unwrap()).collect();
            assert!(secret.signed(body, &bytes) && !secret.signed(b"something else", &bytes));
            assert!(!secret.signed(body, &bytes[1..]) && !secret.signed(body, &[]));
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_and_none_is_shown() {
        assert!(Secret::new("fifteen letters").unwrap_err().contains("16"));
        let secret = Secret::new("sixteen letters!").unwrap();
        assert!(secret.is(b"sixteen letters!"));
        for other in ["", "sixteen letters", "sixteen letters?", "sixteen letters!!"] {
            assert!(!secret.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
