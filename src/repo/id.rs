//! Object ids, one type per kind, so that a tree is never passed where a commit is meant.

use std::fmt;
use std::io;
use std::str::FromStr;

use git2::{ObjectType, Oid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {kind} id is forty hexadecimal digits")]
pub struct IdError {
    kind: &'static str,
}

macro_rules! object_id {
    ($name:ident, $kind:literal) => {
        #[doc = concat!("The id of a ", $kind, ": twenty bytes, shown as forty hexadecimal digits.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// The twenty bytes of the id.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            pub(in crate::repo) fn oid(self) -> Oid {
                Oid::from_bytes(&self.0).unwrap_or(Oid::ZERO_SHA1)
            }
        }

        impl From<Oid> for $name {
            fn from(oid: Oid) -> Self {
                let mut bytes = [0; 20];
                bytes.copy_from_slice(oid.as_bytes());
                Self(bytes)
            }
        }

        impl From<[u8; 20]> for $name {
            fn from(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Reads forty hexadecimal digits.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let refused = || IdError { kind: $kind };
                if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(refused());
                }
                let mut bytes = [0; 20];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| refused())?;
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

object_id!(CommitId, "commit");
object_id!(TreeId, "tree");
object_id!(BlobId, "blob");

impl BlobId {
    /// The id git gives to a file with this content; needs no repository.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(super::object::id(ObjectType::Blob, content))
    }

    /// The same of a file of so many bytes, which is not kept while it is read; of less than the whole of it, an id that no
    /// other content has.
    pub(in crate::repo) fn passing_over(file: impl io::Read, length: u64) -> io::Result<Self> {
        super::object::id_of(ObjectType::Blob, file, length).map(Self)
    }
}

impl TreeId {
    /// The tree without entries: the base of a first commit.
    pub const EMPTY: Self = Self([
        0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee,
        0x49, 0x04,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_id_is_the_one_git_computes() {
        assert_eq!(BlobId::of(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(BlobId::of(b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        let long = vec![b'x'; 300_000];
        assert_eq!(BlobId::passing_over(&long[..], 300_000).unwrap(), BlobId::of(&long));
    }

    #[test]
    fn an_id_survives_text_and_json() {
        let id = BlobId::of(b"hello\n");
        assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        assert_eq!(serde_json::from_str::<BlobId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn text_that_is_not_forty_digits_is_refused() {
        for text in ["", "ce01", "zz013625030ba8dba906f756967f9e9ca394464a", "+e013625030ba8dba906f756967f9e9ca394464a"]
        {
            assert!(matches!(text.parse::<CommitId>(), Err(IdError { .. })), "{text}");
        }
    }
}
