//! Keys and certificates of nobody, made by OpenSSL.

use std::path::Path;
use std::process::Command;

/// A certificate with its private key, both in PEM.
#[allow(dead_code, reason = "not every program that takes this in asks for it")]
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What OpenSSL says when it is called with `arguments` in `folder`.
pub(crate) fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A new key of an algorithm, such as `rsa:2048` or `P-256`, with a certificate that is good for ten days.
#[allow(dead_code, reason = "not every program that takes this in asks for it")]
pub(crate) fn made(algorithm: &str) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let curve = format!("ec_paramgen_curve:{algorithm}");
    let key: &[&str] = match algorithm {
        "ed25519" => &["-newkey", "ed25519"],
        rsa if rsa.starts_with("rsa:") => &["-newkey", rsa],
        _ => &["-newkey", "ec", "-pkeyopt", &curve],
    };
    let rest = ["-noenc", "-keyout", "key", "-out", "certificate", "-days", "10", "-subj", "/CN=shop.example.com"];
    openssl(folder.path(), &[&["req", "-x509"], key, &rest[..]].concat());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    Made { certificate: read("certificate"), key: read("key") }
}
