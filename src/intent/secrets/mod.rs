//! Finding private keys in what is sent, so that none is ever kept.
//!
//! What is found: keys in PEM, in the DER of PKCS#8 (encrypted or not), PKCS#1, SEC 1 and PKCS#12, of OpenSSH, PuTTY, age
//! and OpenPGP, as JSON Web Keys, as OpenSSL and GnuTLS print them, and numbers that are called a private key. They are
//! found as they are, in base64 or hexadecimal digits with anything before, between and behind, compressed by gzip or
//! zlib, in three such wrappings, and in pieces over one array or the fields of one object.
//!
//! What is not found: a secret number with nothing beside it, which looks like any hash; the later lines of a key without
//! its first; pieces in several bodies; keys in base32, base85, decimal digits written as text, XML, Java keystores,
//! binary OpenPGP, archives and other compressions; and what somebody hides on purpose. The effort grows with the length
//! of the text, and what is wrapped to cost more is not looked at to its end.

mod der;
mod words;
mod wrapping;

use std::fmt::{self, Display, Formatter};

use serde_json::{Map, Value};

use super::fields::{Violation, escape};
use wrapping::SHORTEST;

/// What to do instead of sending a private key.
pub const REMEDY: &str = "a private key is not accepted here: create a Secret with it in the gateway's namespace of the \
    cluster and name that by credentialName, or post it as external.servicePrivateKey of an inbound intent whose clusters \
    have a sealingCertificate";

/// How often a wrapping is taken off while looking for a key.
const LAYERS: usize = 3;

/// The shortest string that is taken for a piece of a key beside the other fields of an object, in bytes.
const PIECE: usize = 16;

/// What it costs to begin to inflate, in bytes.
const ATTEMPT: usize = 512;

/// Every place in `body` that holds a private key.
#[must_use]
pub fn scan(body: &Value) -> Vec<Violation> {
    let mut found = vec![];
    walk(body, &Place::Whole, &mut found);
    found
}

/// Whether `text` holds a private key.
#[must_use]
pub fn holds_private_key(text: &str) -> bool {
    let text = text.as_bytes();
    // Too short for a label, and without the colon of a member, which may be written %3A: most names of fields.
    if text.len() < words::SHORTEST_LABEL && !text.iter().any(|byte| b":%".contains(byte)) {
        return false;
    }
    let mut left = effort(text.len());
    let mut holds = |text: &[u8]| words::has_label(text) || text_holds_key(text, LAYERS, &mut left);
    holds(text) || wrapping::unescaped(text).is_some_and(|text| holds(&text))
}

/// Looks into what `text` says and decodes to, as long as some effort is left.
fn text_holds_key(text: &[u8], layers: usize, left: &mut usize) -> bool {
    if words::has_json_web_key(text) || words::names_a_secret(text) {
        return true;
    }
    layers > 0
        && text.len() >= SHORTEST
        && wrapping::decoded(text).any(|bytes| spend(left, bytes.len()) && bytes_hold_key(&bytes, layers - 1, left))
}

/// Looks into bytes, the text in them, and what they inflate to.
fn bytes_hold_key(bytes: &[u8], layers: usize, left: &mut usize) -> bool {
    if der::holds_key(bytes) || words::has_label(bytes) {
        return true;
    }
    if layers > 0 {
        for at in 0..bytes.len() {
            let Some((plain, moved)) = wrapping::inflated(&bytes[at..], *left) else { continue };
            if spend(left, ATTEMPT + moved) && bytes_hold_key(&plain, layers - 1, left) {
                return true;
            }
        }
    }
    wrapping::texts(bytes).any(|text| text_holds_key(text, layers, left))
}

/// How many bytes are looked at in all that so many come to.
fn effort(bytes: usize) -> usize {
    32 * bytes + 1024
}

/// Whether there is effort left for so many bytes.
fn spend(left: &mut usize, bytes: usize) -> bool {
    let enough = *left >= bytes;
    *left = left.saturating_sub(bytes);
    enough
}

/// Where a value is in the whole: written as a JSON pointer (RFC 6901) once something is found there.
enum Place<'p> {
    Whole,
    Item(&'p Self, usize),
    Member(&'p Self, &'p str),
}

impl Place<'_> {
    fn violation(&self) -> Violation {
        Violation::new(self.to_string(), REMEDY)
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Item(of, index) => write!(f, "{of}/{index}"),
            Self::Member(of, name) => write!(f, "{of}/{}", escape(name)),
        }
    }
}

fn walk(value: &Value, place: &Place<'_>, found: &mut Vec<Violation>) {
    let before = found.len();
    let whole = match value {
        Value::String(text) => holds_private_key(text),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(item, &Place::Item(place, index), found));
            found.len() == before && holds_key_together(items)
        }
        Value::Object(map) if words::is_json_web_key(map.keys().map(String::as_str)) => true,
        Value::Object(map) => {
            for (name, item) in map {
                let inner = Place::Member(place, name);
                if holds_private_key(name) {
                    found.push(place.violation());
                } else if item.as_str().is_some_and(|text| words::is_secret_field(name, text)) {
                    found.push(inner.violation());
                } else {
                    walk(item, &inner, found);
                }
            }
            found.len() == before && fields_hold_key(map)
        }
        _ => false,
    };
    if whole {
        found.push(place.violation());
    }
}

/// Whether the items of an array are the lines of a key, or its bytes.
fn holds_key_together(items: &[Value]) -> bool {
    let lines: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    if lines.len() > 1 {
        return holds_private_key(&lines.join("\n"));
    }
    let bytes: Vec<u8> = items.iter().map_while(|item| u8::try_from(item.as_u64()?).ok()).collect();
    bytes.len() > PIECE && bytes_hold_key(&bytes, LAYERS, &mut effort(bytes.len()))
}

/// Whether the fields of an object are pieces of a key.
fn fields_hold_key(map: &Map<String, Value>) -> bool {
    let pieces: Vec<&str> = map.values().filter_map(Value::as_str).filter(|text| text.len() >= PIECE).collect();
    pieces.len() > 1 && holds_private_key(&pieces.join("\n"))
}

#[cfg(test)]
mod tests;
