//! A private key that is nobody's, and the forms it is sent in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// PKCS#8 (RFC 5958) around SEC 1 on P-256, up to the secret number.
const PKCS8: &[u8] =
    b"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\
    \x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20";
/// SEC 1 (RFC 5915) up to the secret number, and behind it.
const SEC1: (&[u8], &[u8]) = (b"\x30\x77\x02\x01\x01\x04\x20", b"\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
/// What comes before the public point.
const POINT: &[u8] = b"\xa1\x44\x03\x42\x00\x04";

/// The key in some form.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// The number that is secret.
fn secret() -> Vec<u8> {
    Sha256::digest(b"nobody's key").to_vec()
}

fn point() -> Vec<u8> {
    [POINT, &Sha256::digest(b"x"), &Sha256::digest(b"y")].concat()
}

fn pkcs8() -> Vec<u8> {
    [PKCS8, &secret(), &point()].concat()
}

fn sec1() -> Vec<u8> {
    [SEC1.0, &secret(), SEC1.1, &point()].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub(crate) fn forms() -> Vec<Form> {
    let (pkcs8_pem, sec1_pem) = (pem("PRIVATE KEY", &pkcs8()), pem("EC PRIVATE KEY", &sec1()));
    [
        ("PKCS#8 in base64", STANDARD.encode(pkcs8())),
        ("SEC 1 in base64", STANDARD.encode(sec1())),
        ("PEM of PKCS#8 in base64", STANDARD.encode(&pkcs8_pem)),
        ("PEM of SEC 1 in base64", STANDARD.encode(&sec1_pem)),
        ("PEM of PKCS#8", pkcs8_pem),
        ("PEM of SEC 1", sec1_pem),
    ]
    .map(|(name, text)| Form { name, text })
    .into()
}

/// Pieces of the key, one of which is in each copy of it: none of them crosses the end of a line.
pub(crate) fn needles() -> Vec<Vec<u8>> {
    let mut needles = vec![secret()];
    for form in forms() {
        let piece = if form.text.starts_with("-----") {
            form.text.lines().nth(1).unwrap()[40..60].to_owned()
        } else {
            form.text[100..124].to_owned()
        };
        needles.push(piece.into_bytes());
    }
    needles
}
