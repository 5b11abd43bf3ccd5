//! A certificate and its private key, which belong together, ready to be sealed.

use std::collections::BTreeMap;

use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, SecretDocument};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::referenced::OwnedToRef as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

use super::certificate::SealingCertificate;
use super::envelope;
use super::fingerprint;
use super::pem::{self, Text};
use super::sealed::SealedKey;

/// The fewest bits of an RSA key that Envoy serves with (`source/common/tls/context_impl.cc`).
const FEWEST_BITS: usize = 2048;

/// The most bits that an RSA key may have, which is what the `rsa` crate takes of a public one.
const MOST_BITS: usize = RsaPublicKey::MAX_SIZE;

/// The longest key that is read, in bytes: twice what one of that many bits takes. Arithmetic with longer numbers takes long.
const LONGEST: usize = 5 << 10;

/// Why a certificate and a key cannot be sealed: which of their fields is wrong, and what is wrong with it. No word of the
/// key is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field, as clients write it.
    pub field: &'static str,
    /// What is wrong and what to do.
    pub message: &'static str,
}

impl Refused {
    fn key(message: &'static str) -> Self {
        Self { field: "servicePrivateKey", message }
    }
}

/// A certificate and its private key, with the authority of callers where one was given.
pub struct Pair {
    /// The key in PKCS#8, which is one text for one key, in whatever form it was posted.
    key: SecretDocument,
    /// What the secret holds, by name.
    items: BTreeMap<&'static str, Zeroizing<Vec<u8>>>,
    digest: String,
}

/// The private keys that gateways serve with.
enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

impl Pair {
    /// Reads a key with the texts of its certificate, chain included, and of the authority of callers.
    ///
    /// # Errors
    /// Which of them is wrong, or that they do not belong together.
    pub(in crate::intent) fn read(key: &str, service: Option<&str>, authority: Option<&str>) -> Result<Self, Refused> {
        let service = service.ok_or(Refused {
            field: "serviceCertificate",
            message: "is required with servicePrivateKey: the certificate, with its chain, in PEM",
        })?;
        let private = PrivateKey::parse(key)?;
        let (chain, authority) = chains(service, authority)?;
        if !private.belongs_to(chain.first.tbs_certificate.subject_public_key_info.owned_to_ref()) {
            return Err(Refused::key(
                "does not belong to serviceCertificate: post the key of that certificate, which comes first in its chain",
            ));
        }
        let key = private.document().ok_or(Refused::key("cannot be written as PKCS#8"))?;
        let digest = digest_of(&chain, authority.as_ref());
        let mut items = BTreeMap::from([("tls.key", pem::written("PRIVATE KEY", key.as_bytes()))]);
        items.insert("tls.crt", Zeroizing::new(chain.text));
        items.extend(authority.map(|authority| ("ca.crt", Zeroizing::new(authority.text))));
        Ok(Self { key, items, digest })
    }

    /// Seals it for the secret `name` in `namespace` of the cluster that has `certificate`; nothing where its key cannot
    /// encrypt.
    ///
    /// The same pair sealed again is the same ciphertext, so that posting it again is no change. What kubeseal draws at
    /// random is derived instead: by HMAC_DRBG (NIST SP 800-90A), seeded with the private key and with what is sealed for
    /// whom. To those who do not know the key that is as good as random, as it is for the signatures of RFC 6979, for no
    /// key that may be guessed is safe to begin with: the certificate beside it tells a good guess already. For the same
    /// reason nothing has to be kept to recognise a key by.
    #[must_use]
    pub fn seal(&self, certificate: &SealingCertificate, namespace: &str, name: &str) -> Option<SealedKey> {
        let label = format!("{namespace}/{name}");
        let sealed = |(item, plain): (&&'static str, &Zeroizing<Vec<u8>>)| {
            let purpose = [label.as_bytes(), item.as_bytes(), &Sha256::digest(&**plain)].join(&0);
            let mut source = envelope::Derived::new(self.key.as_bytes(), certificate.fingerprint(), &purpose);
            Some(((*item).to_owned(), envelope::seal(certificate.key(), &label, plain, &mut source)?))
        };
        Some(SealedKey {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            sealed_with: certificate.fingerprint().to_owned(),
            certificates: self.digest.clone(),
            data: self.items.iter().map(sealed).collect::<Option<_>>()?,
        })
    }
}

impl PrivateKey {
    fn parse(text: &str) -> Result<Self, Refused> {
        let text = Text::of(text);
        let mut keys = text.blocks().filter(|block| block.label.ends_with("PRIVATE KEY"));
        let (Some(block), None) = (keys.next(), keys.next()) else {
            return Err(Refused::key("must be one private key in PEM, or that in base64"));
        };
        let unknown = "must be an RSA key of 2048 to 4096 bits, or one on P-256 or P-384: gateways serve with no other";
        let (label, Some(der)) = (block.label, block.der) else {
            return Err(Refused::key("is no PEM, or has a password: take that off, as `openssl pkey` does"));
        };
        if der.len() > LONGEST {
            return Err(Refused::key(unknown));
        }
        let rsa = |key: RsaPrivateKey| Self::Rsa(Box::new(key));
        let key = match label {
            "PRIVATE KEY" => RsaPrivateKey::from_pkcs8_der(&der)
                .map(rsa)
                .or_else(|_| p256::SecretKey::from_pkcs8_der(&der).map(Self::P256))
                .or_else(|_| p384::SecretKey::from_pkcs8_der(&der).map(Self::P384))
                .ok(),
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(&der).map(rsa).ok(),
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&der)
                .map(Self::P256)
                .or_else(|_| p384::SecretKey::from_sec1_der(&der).map(Self::P384))
                .ok(),
            "ENCRYPTED PRIVATE KEY" => {
                return Err(Refused::key("has a password: take that off, as `openssl pkey` does"));
            }
            _ => None,
        };
        let unserved =
            |key: &Self| matches!(key, Self::Rsa(key) if !(FEWEST_BITS..=MOST_BITS).contains(&key.n().bits()));
        key.filter(|key| !unserved(key)).ok_or(Refused::key(unknown))
    }

    fn belongs_to(&self, certified: SubjectPublicKeyInfoRef<'_>) -> bool {
        match self {
            Self::Rsa(key) => RsaPublicKey::try_from(certified).is_ok_and(|certified| certified == key.to_public_key()),
            Self::P256(key) => {
                p256::PublicKey::try_from(certified).is_ok_and(|certified| certified == key.public_key())
            }
            Self::P384(key) => {
                p384::PublicKey::try_from(certified).is_ok_and(|certified| certified == key.public_key())
            }
        }
    }

    fn document(&self) -> Option<SecretDocument> {
        match self {
            Self::Rsa(key) => key.to_pkcs8_der().ok(),
            Self::P256(key) => key.to_pkcs8_der().ok(),
            Self::P384(key) => key.to_pkcs8_der().ok(),
        }
    }
}

/// Certificates, the first of which is the one that is asked for.
struct Chain {
    first: Certificate,
    /// All of them as OpenSSL writes them.
    text: Vec<u8>,
}

impl Chain {
    fn parse(field: &'static str, given: &str) -> Result<Self, Refused> {
        let given = Text::of(given);
        let (mut first, mut text) = (None, vec![]);
        for block in given.blocks() {
            let der = block.der.filter(|_| block.label == "CERTIFICATE").unwrap_or_default();
            let certificate = Certificate::from_der(&der)
                .map_err(|_| Refused { field, message: "must be certificates in PEM (X.509), and nothing else" })?;
            first.get_or_insert(certificate);
            text.extend_from_slice(&pem::written("CERTIFICATE", &der));
        }
        let none = Refused { field, message: "must be a certificate in PEM, or that in base64" };
        first.map(|first| Self { first, text }).ok_or(none)
    }
}

/// The fields of a server and of the authority of its callers.
fn chains(service: &str, authority: Option<&str>) -> Result<(Chain, Option<Chain>), Refused> {
    let chain = Chain::parse("serviceCertificate", service)?;
    Ok((chain, authority.map(|text| Chain::parse("caCertificate", text)).transpose()?))
}

/// Which certificates these are, however they are written: SHA-256 in hexadecimal digits.
fn digest_of(chain: &Chain, authority: Option<&Chain>) -> String {
    let authority = authority.map_or(&[][..], |chain| &chain.text);
    fingerprint(&[&chain.text[..], authority].join(&0))
}

/// The same of their texts.
///
/// # Errors
/// Which of them is none.
pub(in crate::intent) fn digest(service: &str, authority: Option<&str>) -> Result<String, Refused> {
    let (chain, authority) = chains(service, authority)?;
    Ok(digest_of(&chain, authority.as_ref()))
}
