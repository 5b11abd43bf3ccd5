//! What a cluster seals with: the certificate that `kubeseal --fetch-cert` prints.

use std::sync::Arc;

use rsa::RsaPublicKey;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::referenced::OwnedToRef as _;

use super::fingerprint;
use super::pem::Text;
use crate::intent::fields::{Scalar, type_name};

/// The fewest bits of a key that anything is sealed with; the controller makes keys of 4096.
const FEWEST_BITS: usize = 2048;

/// The certificate of a cluster's sealed-secrets controller.
#[derive(Debug, Clone)]
pub struct SealingCertificate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: RsaPublicKey,
    fingerprint: String,
    expires: u64,
}

impl SealingCertificate {
    /// Its key.
    pub(super) fn key(&self) -> &RsaPublicKey {
        &self.0.key
    }

    /// Which certificate it is: the SHA-256 of it in hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// When it expires, in seconds since 1970. The controller goes on reading what was sealed with it.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.0.expires
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let text = Text::of(text);
        let mut blocks = text.blocks().filter(|block| block.label == "CERTIFICATE");
        let (Some(block), None) = (blocks.next(), blocks.next()) else {
            return Err("must be one certificate in PEM, such as `kubeseal --fetch-cert` prints");
        };
        let der = block.der.unwrap_or_default();
        let certificate = Certificate::from_der(&der).map_err(|_| "is no X.509 certificate (RFC 5280)")?;
        let own = &certificate.tbs_certificate;
        let key = RsaPublicKey::try_from(own.subject_public_key_info.owned_to_ref())
            .map_err(|_| "must have an RSA key of at most 4096 bits, which is what sealed-secrets reads")?;
        if key.n().bits() < FEWEST_BITS {
            return Err("has an RSA key of less than 2048 bits, which can be broken");
        }
        let expires = own.validity.not_after.to_unix_duration().as_secs();
        Ok(Self(Arc::new(Inner { key, fingerprint: fingerprint(&der), expires })))
    }
}

impl PartialEq for SealingCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Eq for SealingCertificate {}

impl Scalar for SealingCertificate {
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| format!("must be a string, is {}", type_name(value)))?;
        Self::parse(text).map_err(ToOwned::to_owned)
    }

    fn schema() -> Value {
        json!({"type": "string", "description": "X.509 in PEM"})
    }
}
