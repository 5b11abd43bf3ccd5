//! Rules 17 to 24: TLS that is ended at a server (`validation.go`, `validateTLSOptions`).

use std::collections::HashSet;

use super::report::{At, Report, SCHEMA, known};
use crate::istio::{ServerTlsMode, ServerTlsSettings, TlsProtocol};

/// `pkg/config/security`, `ValidCipherSuites`.
const CIPHERS: [&str; 15] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, tls: &ServerTlsSettings) {
    known!(report, "istio/017", at.member("mode"), tls.mode, ServerTlsMode);
    known!(report, SCHEMA, at.member("minProtocolVersion"), tls.min_protocol_version, TlsProtocol);
    known!(report, SCHEMA, at.member("maxProtocolVersion"), tls.max_protocol_version, TlsProtocol);
    check_sources(report, at, tls);
    check_ciphers(report, at, tls);
    let files = [&tls.server_certificate, &tls.private_key, &tls.ca_certificates];
    let any_file = files.iter().any(|file| !file.is_empty()) || !tls.tls_certificates.is_empty();
    let any_secret = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
    match &tls.mode {
        Some(ServerTlsMode::IstioMutual) if any_file || any_secret => {
            report.error(
                "istio/018",
                at,
                "ISTIO_MUTUAL brings Istio's own certificates",
                "remove credentialName and the files",
            );
        }
        None | Some(ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough)
            if any_file || any_secret || !tls.ca_crl.is_empty() =>
        {
            report.warning(
                "istio/019",
                at,
                "TLS that is passed through uses no certificates",
                "remove them, or set mode SIMPLE or MUTUAL",
            );
        }
        Some(ServerTlsMode::Simple) => check_credentials(report, at, tls, false),
        Some(ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual) => check_credentials(report, at, tls, true),
        _ => {}
    }
}

/// Rules 20 and 22.
fn check_sources(report: &mut Report<'_>, at: At<'_>, tls: &ServerTlsSettings) {
    let sources = [
        !tls.credential_name.is_empty(),
        !tls.credential_names.is_empty(),
        !tls.tls_certificates.is_empty(),
        !tls.server_certificate.is_empty() && !tls.private_key.is_empty(),
    ];
    if sources.iter().filter(|source| **source).count() > 1 {
        report.error(
            "istio/020",
            at,
            "credentialName, credentialNames, tlsCertificates and serverCertificate exclude each other",
            "keep one of them",
        );
    }
    if tls.credential_names.len() > 2 || tls.tls_certificates.len() > 2 {
        report.error("istio/022", at, "more than two certificates", "keep one for RSA and one for ECDSA");
    }
}

/// Rules 21 and 23.
fn check_credentials(report: &mut Report<'_>, at: At<'_>, tls: &ServerTlsSettings, mutual: bool) {
    let secret = !tls.credential_name.is_empty() || !tls.credential_names.is_empty();
    let own_files = !tls.server_certificate.is_empty() && !tls.private_key.is_empty();
    let listed =
        tls.tls_certificates.iter().all(|files| !files.server_certificate.is_empty() && !files.private_key.is_empty());
    if !secret && !own_files && (tls.tls_certificates.is_empty() || !listed) {
        report.error(
            "istio/021",
            at,
            "no certificate to serve",
            "set credentialName, or serverCertificate and privateKey",
        );
    }
    if mutual && !secret && tls.ca_certificates.is_empty() {
        report.error(
            "istio/021",
            at.member("caCertificates"),
            "no CA to verify clients with",
            "set caCertificates, or credentialName",
        );
    }
    if !tls.ca_crl.is_empty() && secret {
        // Istio looks no further than credentialName.
        let message = "caCrl has no effect beside credentialName";
        report.warning("istio/023", at.member("caCrl"), message, "put the list into the secret");
    } else if !tls.ca_crl.is_empty() && !mutual {
        let message = "with SIMPLE no client shows a certificate that caCrl could revoke";
        report.error("istio/023", at.member("caCrl"), message, "remove it, or set mode MUTUAL");
    }
}

/// Rule 24.
fn check_ciphers(report: &mut Report<'_>, at: At<'_>, tls: &ServerTlsSettings) {
    let old = matches!(tls.min_protocol_version, Some(TlsProtocol::V1_0 | TlsProtocol::V1_1));
    if old && tls.cipher_suites.is_empty() {
        report.warning(
            "istio/024",
            at.member("minProtocolVersion"),
            "TLS below 1.2 needs cipher suites that are no longer on by default",
            "set cipherSuites, or TLSV1_2",
        );
    }
    let mut seen = HashSet::new();
    for (index, cipher) in tls.cipher_suites.iter().enumerate() {
        let again = !seen.insert(cipher);
        let taken_as_is =
            cipher.is_empty() || cipher == "ALL" || !cipher.starts_with(|first: char| first.is_alphanumeric());
        let at = at.member("cipherSuites");
        let at = at.item(index);
        if !taken_as_is && !CIPHERS.contains(&cipher.as_str()) {
            report.warning(
                "istio/024",
                at,
                format!("{cipher} is not a cipher suite that Envoy offers and is left out"),
                "remove it",
            );
        } else if again {
            report.warning("istio/024", at, format!("{cipher} is named twice"), "remove one");
        }
    }
}
