use std::io::Write as _;

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

#[path = "public.rs"]
mod public;

use public::*;

/// An Ed25519 key in PKCS#8, made of zeros.
fn der() -> Vec<u8> {
    let mut der = vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([0; 32]);
    der
}

fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der()))
}

#[test]
fn a_key_is_found_in_every_wrapping() {
    let pem = pem("PRIVATE KEY");
    for text in [
        pem.clone(),
        pem.to_lowercase(),
        STANDARD.encode(&pem),
        STANDARD.encode(STANDARD.encode(&pem)),
        URL_SAFE_NO_PAD.encode(&pem),
        STANDARD.encode(der()),
        format!(
            "{}\n",
            STANDARD
                .encode(&pem)
                .as_bytes()
                .chunks(64)
                .map(|c| String::from_utf8_lossy(c))
                .collect::<Vec<_>>()
                .join("\n")
        ),
        self::pem("RSA PRIVATE KEY"),
        self::pem("ENCRYPTED PRIVATE KEY"),
        pem.replace('\n', "\\n"),
        pem.replace('\n', "%0A").replace(' ', "%20"),
        STANDARD.encode(der()).as_bytes().chunks(20).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\\n"),
        STANDARD.encode(&der()[..45]),
        der().iter().map(|byte| format!("{byte:02x}")).collect(),
        r#"{"kty": "EC", "crv": "P-256", "x": "a", "d": "b"}"#.to_owned(),
        r#"{\"kty\":\"oct\",\"k\":\"b\"}"#.to_owned(),
        STANDARD.encode([&b"openssh-key-v1\0\0\0\0\x04none"[..], &[0; 64]].concat()),
        format!("our key: {}, keep it safe", STANDARD.encode(der())),
        format!(r#"{{"key": "{}"}}"#, STANDARD.encode(&pem)),
        format!("{}/clients-of-it", STANDARD.encode(der())),
        format!("key={}==&more=x", STANDARD.encode(der())),
        "kty:x,d:y".to_owned(),
        "kty%3Aa,d%3Ab".to_owned(),
        "PRIVATEKEY----".to_owned(),
        format!("priv:{}=", "A".repeat(43)),
    ] {
        assert!(holds_private_key(&text), "{text}");
    }
}

/// The beginning of an encrypted key: PKCS#8 with PBES2, and with an older scheme of PKCS#12.
const ENCRYPTED: [&[u8]; 2] = [
    b"\x30\x81\xec\x30\x57\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d\x30\x4a\x30\x29\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c",
    b"\x30\x81\xb4\x30\x1c\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03\x30\x0e\x04\x08\x01\x02\x03\x04\x05\x06\x07\x08\x02\x02",
];

/// The beginning of a PKCS#12 file, with a length and without.
const PKCS12: [&[u8]; 2] = [
    b"\x30\x82\x03\xe1\x02\x01\x03\x30\x82\x03\x97\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x82\x03\x88\x04\x82\x03\x84\x30\x82\x03\x80",
    b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80\x04\x82\x03\x84\x30\x82\x03\x80",
];

fn long(beginning: &[u8]) -> Vec<u8> {
    [beginning, &[0x5a; 64]].concat()
}

fn spelled(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

#[test]
fn a_key_is_found_in_der_of_every_kind() {
    let rsa = b"\x30\x82\x04\xa4\x02\x01\x00\x02\x82\x01\x01\x00\xb3";
    let ec = b"\x30\x77\x02\x01\x01\x04\x20";
    for beginning in [&rsa[..], ec].into_iter().chain(ENCRYPTED).chain(PKCS12) {
        for before in ["", "x", "ab", "abc"] {
            let text = format!("{before}{}", STANDARD.encode(long(beginning)));
            assert!(holds_private_key(&text), "{text}");
        }
        let text = STANDARD.encode([b"\0", &*long(beginning)].concat());
        assert!(holds_private_key(&text), "{text}");
    }
}

#[test]
fn a_key_is_found_in_hexadecimal_digits_however_they_are_spaced() {
    let der = der();
    for between in ["", ":", " ", ", ", ":\n    "] {
        let digits = spelled(&der, between);
        assert!(holds_private_key(&digits) && holds_private_key(&digits.to_uppercase()), "{digits}");
    }
    for text in [
        format!("0x{}", spelled(&der, " 0x")),
        format!("key = {{0x{}}};", spelled(&der, ", 0x")),
        format!("\\x{}", spelled(&der, "\\x")),
        spelled(pem("PRIVATE KEY").as_bytes(), ""),
        format!("a{}", spelled(&der, "")),
    ] {
        assert!(holds_private_key(&text), "{text}");
    }
}

#[test]
fn a_key_is_found_by_the_words_around_it() {
    let digits = spelled(&[0xab; 32], ":");
    let lines = digits.as_bytes().chunks(45).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n    ");
    let number = STANDARD.encode([7; 32]);
    for text in [
        format!("Private-Key: (256 bit)\npriv:\n    {lines}\npub:\n    04:{lines}\nASN1 OID: prime256v1\n"),
        format!("ED25519 Private-Key:\npriv:\n    {lines}\n"),
        format!("modulus:\n    00:{lines}\npublicExponent: 65537 (0x10001)\nprivateExponent:\n    00:{lines}\n"),
        format!("private key:\n\t{lines}\n"),
        format!("[Interface]\nPrivateKey = {number}\nAddress = 10.0.0.1/24\n"),
        format!("private_key: '{number}'"),
        format!("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n{number}\n"),
        format!("AGE-SECRET-KEY-1{}", "Q".repeat(58)),
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nx\n---- END SSH2 ENCRYPTED PRIVATE KEY ----".to_owned(),
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----".to_owned(),
    ] {
        assert!(holds_private_key(&text), "{text}");
        assert!(holds_private_key(&STANDARD.encode(format!("{text}{}", " ".repeat(60)))), "{text} in base64");
    }
    let field = scan(&json!({"spec": {"privateKey": number, "publicKey": number}}));
    assert_eq!(field.iter().map(|found| &*found.pointer).collect::<Vec<_>>(), ["/spec/privateKey"]);
}

#[test]
fn a_key_is_found_as_a_json_web_key_of_every_type() {
    for (kind, member) in [
        ("RSA", "d"),
        ("RSA", "p"),
        ("RSA", "q"),
        ("RSA", "dp"),
        ("RSA", "dq"),
        ("RSA", "qi"),
        ("EC", "d"),
        ("OKP", "d"),
        ("oct", "k"),
        ("AKP", "priv"),
    ] {
        let key = json!({"kty": kind, "n": "AQAB", member: "c2VjcmV0"});
        assert_eq!(scan(&json!({"key": key}))[0].pointer, "/key", "{key}");
        let text = key.to_string();
        for text in [
            text.replace('"', "'"),
            text.replace('"', "\\\""),
            text.replace(['"', '{', '}'], ""),
            text.replace(',', ",\n  "),
        ] {
            assert!(holds_private_key(&text), "{text}");
        }
        assert!(holds_private_key(&STANDARD.encode(format!("{text}{}", " ".repeat(60)))), "{text} in base64");
    }
}

#[test]
fn a_key_is_found_when_it_is_compressed() {
    let pem = pem("ENCRYPTED PRIVATE KEY");
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
    gzip.write_all(pem.as_bytes()).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::fast());
    zlib.write_all(pem.as_bytes()).unwrap();
    for bytes in [gzip.finish().unwrap(), zlib.finish().unwrap()] {
        let text = STANDARD.encode(&bytes);
        assert!(holds_private_key(&text) && holds_private_key(&format!("data: {text}")), "{text}");
        assert!(holds_private_key(&STANDARD.encode(&bytes[..bytes.len() - 8])), "{text} without its end");
    }
}

#[test]
fn a_key_in_pieces_is_found_where_its_pieces_stand_together() {
    let text = STANDARD.encode(long(b"\x30\x77\x02\x01\x01\x04\x20"));
    let pieces: Vec<&str> = (0..text.len()).step_by(20).map(|at| &text[at..text.len().min(at + 20)]).collect();
    let pointers = |body: Value| scan(&body).into_iter().map(|found| found.pointer).collect::<Vec<_>>();
    assert_eq!(pointers(json!({"spec": {"key": pieces}})), ["/spec/key"]);
    let fields: Map<String, Value> =
        pieces.iter().enumerate().map(|(i, piece)| (format!("k{i}"), (*piece).into())).collect();
    assert_eq!(pointers(json!({"spec": {"key": fields}})), ["/spec/key"]);
    assert_eq!(pointers(json!({"spec": {"key": der()}})), ["/spec/key"]);
    assert_eq!(pointers(json!({"list": [1, 2, 3], "hosts": ["a.example.com", "b.example.com"]})), [""; 0]);
    let lines: Vec<String> = pem("PRIVATE KEY").lines().map(str::to_owned).collect();
    assert_eq!(
        pointers(json!({"lines": lines})),
        ["/lines/0", "/lines/1", "/lines/2"],
        "lines that tell by themselves are named"
    );
}

#[test]
fn the_place_is_named_and_the_key_is_not_repeated() {
    let jwk = json!({"spec": {"key": {"kty": "EC", "d": "x"}, "public": {"kty": "EC", "x": "y"}}});
    assert_eq!(scan(&jwk).iter().map(|found| &*found.pointer).collect::<Vec<_>>(), ["/spec/key"]);
    let body = json!({"spec": {"list": ["x", {"a/b": pem("EC PRIVATE KEY")}]}});
    let found = scan(&body);
    assert_eq!(found[0].pointer, "/spec/list/1/a~1b");
    assert!(!found[0].message.contains("BEGIN"));
    let several = json!({"a": [[pem("PRIVATE KEY")], "x", {"~": pem("PRIVATE KEY")}], "b": pem("PRIVATE KEY")});
    let pointers: Vec<String> = scan(&several).into_iter().map(|found| found.pointer).collect();
    assert_eq!(pointers, ["/a/0/0", "/a/2/~0", "/b"]);
}

/// Text in lines of 64 characters between the lines of PEM.
fn armored(label: &str, text: &str) -> String {
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

#[test]
fn what_is_public_passes_and_so_does_ordinary_text() {
    let bytes = |text: &str| STANDARD.decode(text).unwrap();
    for text in
        [CERTIFICATE, FIRST_CERTIFICATE, REQUEST, NAMELESS_REQUEST, PUBLIC_KEY, PUBLIC_KEY_WITH_ITS_CURVE, CERTIFICATES]
    {
        let pem = armored("PUBLIC", text);
        for text in [
            text.to_owned(),
            STANDARD.encode(&pem),
            pem,
            URL_SAFE_NO_PAD.encode(bytes(text)),
            spelled(&bytes(text), ":"),
            format!("caCertificate: {text}\n"),
        ] {
            assert!(!holds_private_key(&text), "{text}");
        }
    }
    let random: Vec<u8> =
        (0..4096_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).rotate_left(i).to_be_bytes()).collect();
    let digest = spelled(&random[..32], "");
    for text in [
        "a private key is never accepted",
        &"A".repeat(500),
        &STANDARD.encode(&random),
        &STANDARD.encode(STANDARD.encode(&random)),
        &URL_SAFE_NO_PAD.encode(&random),
        &spelled(&random, ""),
        &digest,
        &format!("registry.example.com/shop/cart-service@sha256:{digest}"),
        &format!("PublicKey = {}\nPresharedKey = none\n", STANDARD.encode(&random[..32])),
        &format!("privateKeySha256: {digest}"),
        "privateKey: see the Secret called shop-cart-credential in the namespace of the gateway",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK49ESJbdtHJmgHygM+RsKsTpIrgWTv/Ni3pMkZUCwoP nobody@example.com",
        "spiffe://cluster.local/ns/a-long-namespace-of-somebody/sa/a-service-account-with-a-long-name",
        "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6Im5vYm9keSJ9.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ",
        r#"{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "RS256", "use": "sig", "kid": "d"}]}"#,
        "AgBy8hCi:0a1b2c3d-4e5f-6789-abcd-ef0123456789:0a1b2c3d-4e5f-6789-abcd-ef0123456789-0a1b2c3d-4e5f-6789",
    ] {
        assert!(!holds_private_key(text), "{text}");
    }
    let body = json!({
        "metadata": {"name": "cart", "description": "x".repeat(300), "userData1": digest, "userData2": CERTIFICATE},
        "spec": {"hosts": vec!["shop-frontend.example.com"; 40], "ports": (0..200).collect::<Vec<u8>>(),
            "jwks": {"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}},
    });
    assert_eq!(scan(&body), []);
}

#[test]
fn what_is_wrapped_to_cost_much_is_looked_at_for_a_while_only() {
    let mut zeros = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
    zeros.write_all(&vec![0; 1 << 20]).unwrap();
    let zeros = STANDARD.encode(zeros.finish().unwrap().repeat(8));
    let nested = (0..3).fold("eJxA".repeat(1 << 12), |text, _| STANDARD.encode(text));
    for text in [zeros, nested, "H4sI".repeat(1 << 12)] {
        let whole = effort(text.len());
        let mut left = whole;
        assert!(!text_holds_key(text.as_bytes(), LAYERS, &mut left));
        assert!(left < whole);
        assert!(!text_holds_key(text.as_bytes(), LAYERS, &mut 0), "nothing is looked at without effort");
    }
    let key = STANDARD.encode(der());
    assert!(!text_holds_key(key.as_bytes(), LAYERS, &mut 10));
}
