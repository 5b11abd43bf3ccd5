//! Private keys in DER (ITU-T X.690), told by how they begin.

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The algorithms of keys, as the beginnings of their identifiers: RSA (RFC 8017), on curves (RFC 5480, RFC 8410), DSA and
/// Diffie-Hellman (RFC 3279), and those of FIPS 203 to 205. Those of signatures and of fields are others.
const ALGORITHMS: [&[u8]; 9] = [
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a",
    b"\x2a\x86\x48\xce\x3d\x02",
    b"\x2b\x65",
    b"\x2a\x86\x48\xce\x38\x04\x01",
    b"\x2a\x86\x48\xce\x3e\x02\x01",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01",
    b"\x60\x86\x48\x01\x65\x03\x04\x03",
    b"\x60\x86\x48\x01\x65\x03\x04\x04",
];

/// How a private key is encrypted with a password: by PKCS#5 (RFC 8018), or in the older way of PKCS#12 (RFC 7292).
const BY_PASSWORD: [&[u8]; 2] =
    [b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01"];

/// What a PKCS#12 file holds: content of PKCS#7 (RFC 2315), plain or signed.
const CONTENT: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";

/// The shortest structure that is taken for a key, and the least secret in it, in bytes.
const LEAST: usize = 16;

/// Whether a private key begins anywhere in `bytes`; what was cut off behind its beginning is a key all the same.
pub(super) fn holds_key(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().any(|(at, byte)| *byte == SEQUENCE && begins_key(&bytes[at..]))
}

/// Whether `bytes` begin as PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC 1 (RFC 5915) or PKCS#12 does.
fn begins_key(bytes: &[u8]) -> bool {
    let Some((length, inner)) = enter(bytes, SEQUENCE) else { return false };
    let encrypted =
        |rest: &[u8]| enter(rest, SEQUENCE).is_some_and(|(_, rest)| BY_PASSWORD.iter().any(|by| rest.starts_with(by)));
    let content = |rest: &[u8]| enter(rest, SEQUENCE).is_some_and(|(_, rest)| rest.starts_with(CONTENT));
    length >= LEAST
        && match inner {
            [INTEGER, 1, 0 | 1, rest @ ..] => follows_version(rest),
            [INTEGER, 1, 3, rest @ ..] => content(rest),
            rest => encrypted(rest),
        }
}

/// Whether a private key has `bytes` behind its version.
fn follows_version(bytes: &[u8]) -> bool {
    match enter(bytes, SEQUENCE) {
        // An algorithm, and then the key. A certificate that says no version has a name there.
        Some((length, [OBJECT_IDENTIFIER, _, rest @ ..])) => {
            ALGORITHMS.iter().any(|known| rest.starts_with(known))
                && length.checked_sub(2).and_then(|behind| rest.get(behind)) != Some(&SEQUENCE)
        }
        Some(_) => false,
        None => [INTEGER, OCTET_STRING].iter().any(|tag| enter(bytes, *tag).is_some_and(|(length, _)| length >= LEAST)),
    }
}

/// The length of what has `tag`, in bytes, and what comes behind that.
fn enter(bytes: &[u8], tag: u8) -> Option<(usize, &[u8])> {
    let [first, length, rest @ ..] = bytes else { return None };
    if *first != tag {
        return None;
    }
    let more = match length {
        0..0x80 => return Some((usize::from(*length), rest)),
        // Without a length it goes on until an end is marked, as in some PKCS#12 files.
        0x80 => return Some((usize::MAX, rest)),
        0x81..=0x83 => usize::from(length - 0x80),
        _ => return None,
    };
    let length = rest.get(..more)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some((length, &rest[more..]))
}
