//! A private key between the body that it came in and its sealing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::anchor::Anchor;
use super::kind::Kind;
use super::sealing::{Pair, Refused};

/// Where a private key may be posted, and nowhere else.
const PLACES: [&[&str]; 2] = [&["spec", "external", "externalCerts"], &["spec", "external"]];
const FIELD: &str = "servicePrivateKey";

/// The longest part of a secret's name that is taken from its intent, in bytes.
const READABLE: usize = 40;

/// A private key as it was posted. It cannot be printed or compared, and is wiped when the last copy is dropped.
#[derive(Clone)]
pub struct PostedKey {
    text: Arc<Zeroizing<String>>,
    pointer: String,
}

impl PostedKey {
    /// Where it stood: a JSON pointer into its body.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// It with its certificate, chain included, and with that of the authority of callers, ready to be sealed.
    ///
    /// # Errors
    /// Which of them is wrong, or that they do not belong together.
    pub fn pair(&self, service: Option<&str>, authority: Option<&str>) -> Result<Pair, Refused> {
        Pair::read(&self.text, service, authority)
    }
}

/// The private keys of some resources; its `Debug` says how many they are.
#[derive(Clone, Default)]
pub struct Keys(BTreeMap<Anchor, PostedKey>);

impl Keys {
    /// Adds the key of the resource at `anchor`, if it came with one.
    pub fn insert(&mut self, anchor: &Anchor, key: Option<PostedKey>) {
        self.0.extend(key.map(|key| (anchor.clone(), key)));
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each with its resource, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Anchor, &PostedKey)> {
        self.0.iter()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// Takes the private key out of the body of a resource of `kind`, and leaves `sealed` there, empty: nothing that is kept
/// is made of the body before it is sealed. A key in any other field stays, and is refused with the rest of the body.
pub fn take(kind: Kind, body: &mut Value) -> Option<PostedKey> {
    if kind != Kind::Inbound {
        return None;
    }
    let (place, text) = PLACES.into_iter().find_map(|place| Some((place, taken(object(body, place)?)?)))?;
    object(body, &["spec", "external"])?.insert("sealed".into(), Value::Object(Map::new()));
    let pointer = format!("/{}/{FIELD}", place.join("/"));
    Some(PostedKey { text: Arc::new(Zeroizing::new(text)), pointer })
}

fn object<'b>(body: &'b mut Value, place: &[&str]) -> Option<&'b mut Map<String, Value>> {
    place.iter().try_fold(body, |value, name| value.get_mut(name))?.as_object_mut()
}

fn taken(object: &mut Map<String, Value>) -> Option<String> {
    object.get(FIELD)?.as_str().filter(|text| !text.is_empty())?;
    match object.shift_remove(FIELD)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The name of the secret that holds the key of the intent at `anchor`: always the same, and that of no other intent.
#[must_use]
pub fn secret_name(anchor: &Anchor) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let readable: String = anchor.name().chars().map(plain).take(READABLE).collect();
    let digest = Sha256::digest(anchor.as_str());
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{readable}-tls-{hash}")
}
