//! Finding private keys in what is sent, so that none is ever kept.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::fields::{Violation, escape};

/// What to do instead of sending a private key.
pub const REMEDY: &str = "a private key is never accepted: create a Secret with it in the gateway's namespace of the \
    cluster and name that by credentialName";

/// The fewest characters that are taken for base64: the shortest key, Ed25519 in PKCS#8, has 48 bytes, 64 characters.
pub const SHORTEST: usize = 60;

/// How often text is decoded from base64 while looking for a key.
const LAYERS: usize = 3;

/// Base64 of both alphabets, however it ends.
static ENGINES: [GeneralPurpose; 2] = {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    [GeneralPurpose::new(&alphabet::STANDARD, config), GeneralPurpose::new(&alphabet::URL_SAFE, config)]
};

/// Every place in `body` that holds a private key: PEM, DER, or either of them in base64.
#[must_use]
pub fn scan(body: &Value) -> Vec<Violation> {
    let mut found = vec![];
    walk(body, &mut String::new(), &mut found);
    found
}

/// Whether `text` holds a private key: PEM, DER in base64, or either of them wrapped in base64 again.
#[must_use]
pub fn holds_private_key(text: &str) -> bool {
    bytes_hold_key(text.as_bytes(), LAYERS)
        || is_json_web_key(text)
        || unescaped(text).is_some_and(|text| bytes_hold_key(text.as_bytes(), LAYERS))
}

/// A private or symmetric JSON Web Key (RFC 7517) written out as text.
fn is_json_web_key(text: &str) -> bool {
    let squeezed = || text.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect::<String>();
    text.contains("kty") && {
        let text = squeezed();
        text.contains("\"kty\":") && (text.contains("\"d\":\"") || text.contains("\"k\":\""))
    }
}

/// The text without the escapes that it has when it was quoted once too often, for JSON or for a URL.
fn unescaped(text: &str) -> Option<String> {
    if !text.contains(['\\', '%']) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        (rest, _) = match (first, tail) {
            (b'\\', [b'n' | b'r' | b't', tail @ ..]) => (tail, bytes.push(b'\n')),
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (tail, bytes.push(nibble(*high) << 4 | nibble(*low)))
            }
            _ => (tail, bytes.push(*first)),
        };
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The value of a hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

fn walk(value: &Value, pointer: &mut String, found: &mut Vec<Violation>) {
    let length = pointer.len();
    match value {
        Value::String(text) if holds_private_key(text) => found.push(Violation::new(pointer.clone(), REMEDY)),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{i}"));
                walk(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Object(map) if map.contains_key("kty") && (map.contains_key("d") || map.contains_key("k")) => {
            found.push(Violation::new(pointer.clone(), REMEDY));
        }
        Value::Object(map) => {
            for (key, item) in map {
                if holds_private_key(key) {
                    found.push(Violation::new(pointer.clone(), REMEDY));
                    continue;
                }
                pointer.push('/');
                pointer.push_str(&escape(key));
                walk(item, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

fn bytes_hold_key(bytes: &[u8], layers: usize) -> bool {
    if is_der_key(bytes) || contains_pem_key(bytes) {
        return true;
    }
    layers > 0 && decodings(bytes).iter().any(|decoded| bytes_hold_key(decoded, layers - 1))
}

/// PEM labels end in `PRIVATE KEY` (RFC 7468), also those of OpenSSH and PGP blocks.
fn contains_pem_key(bytes: &[u8]) -> bool {
    // All of them hold these; most texts do not.
    let dashes = bytes.iter().filter(|byte| **byte == b'-').count();
    if dashes < 2 || !bytes.iter().any(|byte| byte.eq_ignore_ascii_case(&b'k')) {
        return false;
    }
    let squeezed: Vec<u8> = bytes.iter().map(u8::to_ascii_uppercase).filter(|b| b.is_ascii_graphic()).collect();
    [&b"PRIVATEKEY-----"[..], b"PRIVATEKEYBLOCK-----", b"OPENSSH-KEY-V1"]
        .iter()
        .any(|needle| squeezed.windows(needle.len()).any(|window| window == *needle))
}

/// PKCS#8, PKCS#1 and SEC 1 keys begin with a SEQUENCE that holds the version as an INTEGER of 0 or 1 first;
/// certificates and public keys begin with a SEQUENCE in a SEQUENCE.
fn is_der_key(bytes: &[u8]) -> bool {
    let (Some(0x30), Some(first)) = (bytes.first(), bytes.get(1)) else { return false };
    let (header, length) = match first {
        0x81 => (3, usize::from(*bytes.get(2).unwrap_or(&0))),
        0x82 => (4, usize::from(*bytes.get(2).unwrap_or(&0)) << 8 | usize::from(*bytes.get(3).unwrap_or(&0))),
        short if *short < 0x80 => (2, usize::from(*short)),
        _ => return false,
    };
    // What was cut off at its end is a key all the same.
    length >= 16 && matches!(bytes.get(header..header + 4), Some([0x02, 0x01, 0 | 1, 0x30 | 0x02 | 0x04]))
}

/// What text gives when it, or a long run in it, is taken for base64, with either alphabet, padding or not, or for
/// hexadecimal digits.
fn decodings(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.len() < SHORTEST {
        return vec![];
    }
    let compact: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let squeezed = (compact.len() >= SHORTEST && compact.len() != bytes.len()).then_some(compact.as_slice());
    let mut found = vec![];
    for (engine, signs) in ENGINES.iter().zip([b"+/", b"-_"]) {
        for text in [bytes].into_iter().chain(squeezed) {
            let runs = text.split(|b| !(b.is_ascii_alphanumeric() || signs.contains(b)));
            // One character beyond a whole number of bytes belongs to whatever stands behind.
            let whole = |run: &[u8]| engine.decode(&run[..run.len() - usize::from(run.len() % 4 == 1)]).ok();
            found.extend(runs.filter(|run| run.len() >= SHORTEST).filter_map(whole));
        }
    }
    let hexadecimal = compact.split(|b| !b.is_ascii_hexdigit()).filter(|run| run.len() >= 2 * SHORTEST * 3 / 4);
    found.extend(hexadecimal.map(|run| run.chunks_exact(2).map(|two| nibble(two[0]) << 4 | nibble(two[1])).collect()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::json;

    /// An Ed25519 key in PKCS#8, made of zeros.
    fn der() -> Vec<u8> {
        let mut der =
            vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
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
            tests::pem("RSA PRIVATE KEY"),
            tests::pem("ENCRYPTED PRIVATE KEY"),
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
        ] {
            assert!(holds_private_key(&text), "{text}");
        }
    }

    #[test]
    fn the_place_is_named_and_the_key_is_not_repeated() {
        let jwk = json!({"spec": {"key": {"kty": "EC", "d": "x"}, "public": {"kty": "EC", "x": "y"}}});
        assert_eq!(scan(&jwk).iter().map(|found| &*found.pointer).collect::<Vec<_>>(), ["/spec/key"]);
        let body = json!({"spec": {"list": ["x", {"a/b": pem("EC PRIVATE KEY")}]}});
        let found = scan(&body);
        assert_eq!(found[0].pointer, "/spec/list/1/a~1b");
        assert!(!found[0].message.contains("BEGIN"));
    }

    #[test]
    fn certificates_and_ordinary_text_pass() {
        let certificate = [vec![0x30, 0x82, 0x01, 0x00, 0x30, 0x81, 0xf0], vec![7; 253]].concat();
        let text =
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&certificate));
        for text in [text.as_str(), "a private key is never accepted", &STANDARD.encode(&certificate), &"A".repeat(500)]
        {
            assert!(!holds_private_key(text), "{text}");
        }
    }
}
