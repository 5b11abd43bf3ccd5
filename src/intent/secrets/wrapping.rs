//! What bytes and text come to when a wrapping is taken off them.

use std::io::Read;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The fewest characters that are taken for base64: the shortest key, Ed25519 in PKCS#8, has 48 bytes, 64 characters.
pub(super) const SHORTEST: usize = 60;

/// The fewest hexadecimal digits of as many bytes.
const DIGITS: usize = 2 * SHORTEST * 3 / 4;

/// How many times longer than what is compressed that is which is looked at.
const GROWTH: usize = 8;

static BASE64: GeneralPurpose = {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config)
};

/// What `text` gives when it is taken for base64 or for hexadecimal digits, each at every place where a byte may begin.
///
/// Whatever cannot be part of it is left out: ends of lines, quotes, commas, colons. So it does not matter how the text
/// is broken up, nor what stands before it.
pub(super) fn decoded(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    let standard = || text.iter().copied().filter(move |byte| plain(*byte)).collect::<Vec<u8>>();
    // The alphabet for URLs has the hyphen and the low line as signs of its own; elsewhere they are none.
    let either = |byte: &u8| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        byte => plain(*byte).then_some(*byte),
    };
    let for_urls = text.iter().any(|byte| b"-_".contains(byte)).then(|| text.iter().filter_map(either).collect());
    let signs = [Some(standard()), for_urls].into_iter().flatten();
    let base64 = signs.filter(|signs| signs.len() >= SHORTEST).flat_map(|signs: Vec<u8>| {
        (0..4).filter_map(move |skipped| {
            let signs = signs.get(skipped..)?;
            // One sign beyond a whole number of bytes belongs to whatever stands behind.
            BASE64.decode(&signs[..signs.len() - usize::from(signs.len() % 4 == 1)]).ok()
        })
    });
    base64.chain(hexadecimal(text))
}

/// The bytes of the hexadecimal digits in `text`, `0x` before them or not.
fn hexadecimal(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut digits = Vec::new();
    let mut before = None;
    for byte in text {
        match (before.replace(*byte), byte) {
            (Some(b'0'), b'x' | b'X') => drop(digits.pop()),
            (_, byte) => digits.extend(nibble(*byte)),
        }
    }
    let pair = |two: &[u8]| two[0] << 4 | two[1];
    let starts = if digits.len() < DIGITS { 0..0 } else { 0..2 };
    starts.map(move |skipped| digits[skipped..].chunks_exact(2).map(pair).collect())
}

/// The value of a hexadecimal digit.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' | b'A'..=b'F' => Some((digit | 0x20) - b'a' + 10),
        _ => None,
    }
}

/// The text without the escapes that it has when it was quoted once too often, for JSON or for a URL.
pub(super) fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    if !text.iter().any(|byte| b"\\%".contains(byte)) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'\\', [b'n' | b'r' | b't', tail @ ..]) => (b'\n', tail),
            (b'%', [high, low, after @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', tail),
            },
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    Some(bytes)
}

/// What `bytes` give when they are inflated, and how many bytes were read and written for it: at most `most` of both.
/// Nothing where they begin neither as gzip (RFC 1952) nor as zlib (RFC 1950).
pub(super) fn inflated(bytes: &[u8], most: usize) -> Option<(Vec<u8>, usize)> {
    let bytes = &bytes[..bytes.len().min(most)];
    let longest = most.min(bytes.len().saturating_mul(GROWTH)) as u64;
    let mut plain = vec![];
    // What came before it broke is looked at all the same.
    let unread = match bytes {
        [0x1f, 0x8b, 8, ..] => {
            let mut decoder = flate2::bufread::GzDecoder::new(bytes);
            _ = decoder.by_ref().take(longest).read_to_end(&mut plain);
            decoder.into_inner()
        }
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            let mut decoder = flate2::bufread::ZlibDecoder::new(bytes);
            _ = decoder.by_ref().take(longest).read_to_end(&mut plain);
            decoder.into_inner()
        }
        _ => return None,
    };
    let moved = bytes.len() - unread.len() + plain.len();
    Some((plain, moved))
}

/// The stretches of `bytes` that are text and long enough to hold a key.
pub(super) fn texts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    bytes.split(move |byte| !text(byte)).filter(|stretch| stretch.len() >= SHORTEST)
}
