//! Private keys are sealed as sealed-secrets reads them, and what cannot be sealed is refused in words.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, unreachable_pub, reason = "all of this is a test")]

mod tls;

use std::time::{Duration, Instant};

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{BigUint, Oaep, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::Sha256;

use meshwright::intent::fields::Scalar as _;
use meshwright::intent::posted::Keys;
use meshwright::intent::sealing::{Refused, SealedKey, SealingCertificate};
use meshwright::intent::{Anchor, Kind, Resource};
use tls::{Made, made, openssl};

const NAMESPACE: &str = "istio-system";
const NAME: &str = "cart-tls-1";

fn sealing(made: &Made) -> SealingCertificate {
    SealingCertificate::read(&Value::from(made.certificate.clone())).unwrap()
}

/// An inbound intent with certificates and a key, as clients post it.
fn body(certificates: &Value) -> Value {
    json!({"metadata": {"name": "cart"}, "spec": {"app": "cart", "appLabel": "app=cart", "serviceName": "cart",
        "port": 80, "protocol": "HTTP", "serviceMesh": "istio", "externalSupport": true, "externalName": "a.example.com",
        "management": {"tlsType": "SIMPLE"}, "external": {"externalCerts": certificates}}})
}

/// A key and certificates, sealed; or why not.
fn seal(
    with: &SealingCertificate,
    key: &str,
    service: Option<&str>,
    authority: Option<&str>,
) -> Result<SealedKey, Refused> {
    let (resource, posted) = Resource::receive(
        None,
        Kind::Inbound,
        body(&json!({"serviceCertificate": service, "servicePrivateKey": key, "caCertificate": authority})),
    )
    .unwrap();
    assert!(!resource.text().contains("servicePrivateKey"), "{}", resource.text());
    let sealed = posted.unwrap().pair(service, authority)?.seal(with, NAMESPACE, NAME);
    Ok(sealed.unwrap())
}

/// What the controller makes of a value.
fn unseal(key: &RsaPrivateKey, label: &str, value: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(value).unwrap();
    let length = usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let (wrapped, sealed) = bytes[2..].split_at(length);
    let session = key.decrypt(Oaep::new_with_label::<Sha256, _>(label), wrapped).ok()?;
    assert_eq!(session.len(), 32);
    Aes256Gcm::new_from_slice(&session).unwrap().decrypt(Nonce::from_slice(&[0; 12]), sealed).ok()
}

#[test]
fn what_is_sealed_is_read_with_the_clusters_key_for_that_secret_only() {
    let controller = made("rsa:4096");
    let own = RsaPrivateKey::from_pkcs8_pem(&controller.key).unwrap();
    let (server, authority) = (made("P-256"), made("P-384"));
    let sealed = seal(&sealing(&controller), &server.key, Some(&server.certificate), Some(&authority.certificate));
    let sealed = sealed.unwrap();
    let label = format!("{NAMESPACE}/{NAME}");
    for (item, plain) in
        [("tls.crt", &server.certificate), ("tls.key", &server.key), ("ca.crt", &authority.certificate)]
    {
        let value = &sealed.data[item];
        assert_eq!(String::from_utf8(unseal(&own, &label, value).unwrap()).unwrap(), *plain, "{item}");
        assert_eq!(unseal(&own, "istio-system/other", value), None, "{item} is for one secret");
        // The two bytes of 4096 bits, then these, then the text and its tag.
        let bytes = STANDARD.decode(value).unwrap();
        assert_eq!((&bytes[..2], bytes.len()), (&[2, 0][..], 2 + 512 + plain.len() + 16));
    }
    assert_eq!(sealed.data.len(), 3);
    let other = RsaPrivateKey::from_pkcs8_pem(&made("rsa:2048").key).unwrap();
    assert_eq!(unseal(&other, &label, &sealed.data["tls.key"]), None);
}

#[test]
fn openssl_unwraps_the_session_key_too() {
    let (controller, server) = (made("rsa:2048"), made("rsa:2048"));
    let sealed = seal(&sealing(&controller), &server.key, Some(&server.certificate), None).unwrap();
    let bytes = STANDARD.decode(&sealed.data["tls.key"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), &controller.key).unwrap();
    std::fs::write(folder.path().join("wrapped"), &bytes[2..258]).unwrap();
    let label: String = format!("{NAMESPACE}/{NAME}").bytes().map(|byte| format!("{byte:02x}")).collect();
    let label = format!("rsa_oaep_label:{label}");
    let padding = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", &label];
    let decrypt = ["pkeyutl", "-decrypt", "-inkey", "key", "-in", "wrapped"];
    let session = openssl(folder.path(), &[&decrypt[..], &padding].concat());
    let cipher = Aes256Gcm::new_from_slice(&session).unwrap();
    let plain = cipher.decrypt(Nonce::from_slice(&[0; 12]), &bytes[258..]).unwrap();
    assert_eq!(String::from_utf8(plain).unwrap(), server.key);
}

#[test]
fn a_key_posted_again_in_any_form_is_the_same_and_anything_else_is_other() {
    let controller = sealing(&made("rsa:2048"));
    for algorithm in ["rsa:2048", "P-256", "P-384"] {
        let server = made(algorithm);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), &server.key).unwrap();
        let older = openssl(folder.path(), &["pkey", "-in", "key", "-traditional"]);
        let older = String::from_utf8(older).unwrap();
        assert!(older.contains("RSA PRIVATE KEY") || older.contains("EC PRIVATE KEY"), "{algorithm}");
        let lines = |text: &str| -> String {
            text.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
        };
        let (key, certificate) = (&server.key, &server.certificate);
        let first = seal(&controller, key, Some(certificate), None).unwrap();
        for form in [
            key.clone(),
            STANDARD.encode(key),
            lines(&STANDARD.encode(key)),
            key.replace('\n', "\r\n"),
            format!("Bag Attributes\n    friendlyName: cart\n{key}"),
            format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{older}"),
            older,
        ] {
            let in_base64 = STANDARD.encode(certificate);
            assert_eq!(seal(&controller, &form, Some(&in_base64), None).unwrap(), first, "{algorithm}");
        }
        let other = seal(&sealing(&made("rsa:2048")), key, Some(certificate), None).unwrap();
        let renamed = seal(&controller, key, Some(certificate), Some(certificate)).unwrap();
        assert_ne!(other.data["tls.key"], first.data["tls.key"], "another cluster");
        assert_ne!(renamed.certificates, first.certificates);
        // Each value has a session key of its own: the nonce is always the same.
        assert_ne!(renamed.data["ca.crt"][..344], renamed.data["tls.crt"][..344]);
        assert_eq!(renamed.data["tls.key"], first.data["tls.key"]);
    }
}

/// An RSA key whose numbers belong together and are so long that reckoning with them takes long.
fn endless() -> String {
    let one = BigUint::from(1u8);
    // Two numbers that are 2 modulo 3, which is all that is asked of primes; then 3 has an inverse modulo each less 1.
    let [p, q] = [0x5au8, 0x6b].map(|byte| (BigUint::from_bytes_be(&vec![byte; 400_000]) * 6u8) + 5u8);
    let d = ((&p - &one) * (&q - &one) * 2u8 + &one) / 3u8;
    let tagged = |tag: u8, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[tag, 0x83], &length[1..], bytes].concat()
    };
    // As many bytes as its bits and its sign take.
    let number = |number: &BigUint| {
        let sign: &[u8] = if number.bits().is_multiple_of(8) { &[0] } else { &[] };
        match [sign, &number.to_bytes_be()].concat() {
            short if short.len() == 1 => vec![0x02, 0x01, short[0]],
            long => tagged(0x02, &long),
        }
    };
    let numbers = [&(&p * &q), &BigUint::from(3u8), &d, &p, &q, &one, &one, &one].map(number);
    let der = tagged(0x30, &[&[0x02, 0x01, 0x00], &*numbers.concat()].concat());
    format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", STANDARD.encode(der))
}

#[test]
fn what_cannot_be_sealed_is_refused_with_its_field_and_without_a_word_of_the_key() {
    let controller = sealing(&made("rsa:2048"));
    let (server, other, weak, edwards) = (made("P-256"), made("P-256"), made("rsa:1024"), made("ed25519"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), &server.key).unwrap();
    let with_password = |format: &[&str]| {
        let arguments = [&["pkey", "-in", "key", "-aes256", "-passout", "pass:x"], format].concat();
        String::from_utf8(openssl(folder.path(), &arguments)).unwrap()
    };
    let own = Some(server.certificate.as_str());
    let body: String = server.key.lines().filter(|line| !line.starts_with('-')).collect();
    let cut = server.key.replace(&body[..8], "");
    let long = "x".repeat(1 << 19);
    let endless = endless();
    let (large, begun) = (made("rsa:4104"), Instant::now());
    for (key, certificate, field, part) in [
        (&server.key, None, "serviceCertificate", "is required"),
        (&server.key, Some("x"), "serviceCertificate", "certificate in PEM"),
        (&server.key, Some(&*server.key), "serviceCertificate", "nothing else"),
        (&server.key, Some(&*other.certificate), "servicePrivateKey", "does not belong"),
        (&weak.key, Some(&*weak.certificate), "servicePrivateKey", "2048"),
        (&large.key, Some(&*large.certificate), "servicePrivateKey", "4096"),
        (&endless, own, "servicePrivateKey", "4096"),
        (&edwards.key, Some(&*edwards.certificate), "servicePrivateKey", "P-256 or P-384"),
        (&with_password(&[]), own, "servicePrivateKey", "password"),
        (&with_password(&["-traditional"]), own, "servicePrivateKey", "password"),
        (&format!("{}{}", server.key, other.key), own, "servicePrivateKey", "one private key"),
        (&server.certificate, own, "servicePrivateKey", "one private key"),
        (&cut, own, "servicePrivateKey", "must be an RSA key"),
        (&body, own, "servicePrivateKey", "one private key"),
        (&"none".to_owned(), own, "servicePrivateKey", "one private key"),
        (&long, own, "servicePrivateKey", "one private key"),
        (&"-----BEGIN PRIVATE KEY-----".repeat(9000), own, "servicePrivateKey", "one private key"),
    ] {
        // A key in the place of a certificate is refused before anything is taken for one.
        if certificate == Some(&*server.key) {
            let posted = json!({"serviceCertificate": certificate, "servicePrivateKey": key});
            assert!(Resource::receive(None, Kind::Inbound, self::body(&posted)).is_err());
            continue;
        }
        let refused = seal(&controller, key, certificate, None).unwrap_err();
        assert_eq!(refused.field, field, "{refused:?}");
        assert!(refused.message.contains(part), "{part} is not in {refused:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let refused = seal(&controller, &server.key, own, Some("x")).unwrap_err();
    assert_eq!(refused.field, "caCertificate");
}

#[test]
fn a_certificate_that_nothing_can_be_sealed_with_is_refused_with_the_cluster() {
    let good = made("rsa:2048");
    let read = |certificate: &str| {
        let body = json!({"metadata": {"name": "east"}, "spec": {"sealingCertificate": certificate}});
        Resource::read(None, Kind::Cluster, &body)
    };
    for accepted in
        ["", &good.certificate, &STANDARD.encode(&good.certificate), &format!("# ours\n{}", good.certificate)]
    {
        read(accepted).unwrap();
    }
    let twice = good.certificate.repeat(2);
    let garbled = good.certificate.replace("MII", "MIA");
    for (refused, part) in [
        ("x", "kubeseal --fetch-cert"),
        (&*twice, "must be one certificate"),
        (&*garbled, "X.509"),
        (&*made("P-256").certificate, "RSA"),
        (&*made("rsa:1024").certificate, "2048"),
        (&*good.key, "private key"),
    ] {
        let found = read(refused).unwrap_err();
        assert_eq!(found[0].pointer, "/spec/sealingCertificate");
        assert!(found[0].message.contains(part), "{found:?}");
    }
}

#[test]
fn a_key_is_taken_from_its_own_field_only_and_once() {
    let server = made("P-256");
    let certificates = json!({"serviceCertificate": server.certificate, "servicePrivateKey": server.key});
    let receive = |kind, body| Resource::receive(None, kind, body).map(|(_, key)| key.is_some());
    let mut direct = body(&json!({}));
    direct["spec"]["external"] = certificates.clone();
    assert_eq!(receive(Kind::Inbound, direct.clone()), Ok(true));
    assert_eq!(receive(Kind::Inbound, body(&certificates)), Ok(true));
    direct["spec"]["external"]["externalCerts"] = certificates.clone();
    assert!(receive(Kind::Inbound, direct).is_err(), "two keys");
    let mut both = body(&certificates);
    both["spec"]["external"]["credentialName"] = "cart".into();
    assert_eq!(receive(Kind::Inbound, both).unwrap_err()[0].pointer, "/spec/external/credentialName");
    let mut elsewhere = body(&json!({"serviceCertificate": server.certificate}));
    elsewhere["metadata"]["description"] = server.key.clone().into();
    assert!(receive(Kind::Inbound, elsewhere).is_err());
    assert!(receive(Kind::OutboundServer, body(&certificates)).is_err());
    assert!(Resource::read(None, Kind::Inbound, &body(&certificates)).is_err(), "what is not posted has no key");
    let (_, key) = Resource::receive(None, Kind::Inbound, body(&certificates)).unwrap();
    let mut keys = Keys::default();
    keys.insert(&Anchor::parse("projects/a").unwrap(), key);
    assert_eq!((format!("{keys:?}").as_str(), keys.len()), ("Keys(1)", 1), "they cannot be printed");
}
