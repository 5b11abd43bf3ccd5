//! The encryption of sealed-secrets (`pkg/crypto/crypto.go` there): a session key by RSA-OAEP with SHA-256, and the value
//! by AES-256-GCM with that key.
//!
//! The bytes are the length of what RSA gave in two bytes, big end first, then that, then what AES gave. The label of OAEP
//! is `namespace/name` of the secret, so that nobody can move a value into another.

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rfc6979::HmacDrbg;
use rsa::rand_core::{CryptoRng, Error, RngCore, impls};
use rsa::{Oaep, RsaPublicKey};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The bytes of a session key, of a nonce, and of the tag that AES-GCM ends with.
const SESSION_KEY: usize = 32;
const NONCE: usize = 12;
const TAG: usize = 16;

/// What the derivation is for; another number gives other ciphertexts.
const PURPOSE: &[u8] = b"meshwright sealing 1\0";

/// Bytes that are as good as random to those who do not know what they are derived from.
pub(super) struct Derived(HmacDrbg<Sha256>);

impl Derived {
    pub(super) fn new(secret: &[u8], certificate: &str, purpose: &[u8]) -> Self {
        Self(HmacDrbg::new(secret, certificate.as_bytes(), &[PURPOSE, purpose].concat()))
    }
}

impl RngCore for Derived {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Derived {}

/// Seals `plain` for whoever has the private key of `key`, in base64; nothing where `key` cannot encrypt.
pub(super) fn seal(key: &RsaPublicKey, label: &str, plain: &[u8], source: &mut Derived) -> Option<String> {
    let mut session = Zeroizing::new([0; SESSION_KEY]);
    source.fill_bytes(&mut *session);
    let wrapped = key.encrypt(source, Oaep::new_with_label::<Sha256, _>(label), &*session).ok()?;
    let cipher = Aes256Gcm::new_from_slice(&*session).ok()?;
    // Each session key encrypts one value only, so that the nonce may be the same.
    let sealed = cipher.encrypt(Nonce::from_slice(&[0; NONCE]), plain).ok()?;
    let length = u16::try_from(wrapped.len()).ok()?.to_be_bytes();
    Some(STANDARD.encode([&length[..], &wrapped, &sealed].concat()))
}

/// Whether `text` may be what [`seal`] gives.
pub(super) fn is_sealed(text: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(text) else { return false };
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return false };
    rest.len() >= usize::from(u16::from_be_bytes(*length)) + TAG
}
