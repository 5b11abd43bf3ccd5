//! PEM (RFC 7468) as people post it: with text around it, lines of any length, and in base64 once more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The characters of a line (RFC 7468, section 2).
const LINE: usize = 64;

/// Text that is PEM, or was in base64. It is wiped when it is dropped, for it may hold a key.
pub(super) struct Text(Zeroizing<String>);

/// One block of PEM.
pub(super) struct Block<'t> {
    /// What it says that it is, such as `CERTIFICATE`.
    pub(super) label: &'t str,
    /// Its bytes; none where they are no base64, as in a key with a password of the older form.
    pub(super) der: Option<Zeroizing<Vec<u8>>>,
}

impl Text {
    /// Takes base64 off where `text` is not PEM as it is.
    pub(super) fn of(text: &str) -> Self {
        let bytes = if text.contains(BEGIN) { None } else { decoded(text) };
        // From UTF-8 the buffer is taken, not copied.
        let plain = bytes.and_then(|mut bytes| String::from_utf8(std::mem::take(&mut *bytes)).ok());
        Self(Zeroizing::new(plain.unwrap_or_else(|| text.to_owned())))
    }

    /// Its blocks, in order; what stands outside of them is not looked at, nor is one that does not end.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let (label, after) = rest.split_once(BEGIN)?.1.split_once(DASHES)?;
            let (body, after) = after.split_once(END)?;
            rest = after;
            Some(Block { label, der: decoded(body) })
        })
    }
}

/// The bytes that base64 in lines of any length stands for.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut signs = Zeroizing::new(Vec::with_capacity(text.len()));
    signs.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    // As long as it can get: a buffer that grew would leave a copy behind.
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(signs.len())]);
    let length = STANDARD.decode_slice(&*signs, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// One block of PEM as OpenSSL writes it.
pub(super) fn written(label: &str, der: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = base64::encoded_len(der.len(), true).unwrap_or_default();
    let mut signs = Zeroizing::new(vec![0; length]);
    let length = STANDARD.encode_slice(der, &mut signs).unwrap_or_default();
    let room = length + length / LINE + 2 * (BEGIN.len() + label.len() + DASHES.len()) + 2;
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    for part in [BEGIN, label, DASHES, "\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    for line in signs[..length].chunks(LINE) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    for part in [END, label, DASHES, "\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    text
}
