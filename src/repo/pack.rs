//! A pack with its index, written at once (gitformat-pack).
//!
//! Whoever feeds a pack to libgit2 has every object decompressed and hashed once more to find its id. Here ids are known,
//! compressing is done on all cores, and what is left to hash is what was compressed.

use std::fs;
use std::io;
use std::path::Path;

use flate2::Crc;
use git2::{ObjectType, Oid};
use rayon::prelude::*;
use sha1::{Digest, Sha1};

use super::RepoError;
use super::deflate::Deflater;

/// An object that is to be packed.
pub(in crate::repo) struct Packed<'e> {
    pub(in crate::repo) id: Oid,
    pub(in crate::repo) kind: ObjectType,
    pub(in crate::repo) content: &'e [u8],
}

/// Where an object stands in the pack.
struct Entry {
    id: Oid,
    crc: u32,
    offset: u64,
}

/// Offsets from here on stand in a table of their own.
const LARGE: u64 = 1 << 31;

/// Writes the objects, each of which must be given once, into `directory`.
pub(in crate::repo) fn write(objects: &[Packed<'_>], directory: &Path) -> Result<(), RepoError> {
    let deflated: Vec<(Vec<u8>, u32)> = objects
        .par_iter()
        .with_min_len(64)
        .map_init(Deflater::new, |deflater, object| {
            let mut bytes = entry_header(object.kind, object.content.len());
            deflater.deflate(&[object.content], &mut bytes)?;
            let mut crc = Crc::new();
            crc.update(&bytes);
            Ok((bytes, crc.sum()))
        })
        .collect::<Result<_, RepoError>>()?;
    let count = u32::try_from(objects.len()).map_err(|_| RepoError::refused("pack", "has too many objects"))?;
    let mut pack = Vec::with_capacity(64 + deflated.iter().map(|(bytes, _)| bytes.len()).sum::<usize>());
    pack.extend_from_slice(b"PACK\0\0\0\x02");
    pack.extend_from_slice(&count.to_be_bytes());
    let mut entries = Vec::with_capacity(objects.len());
    for (object, (bytes, crc)) in objects.iter().zip(deflated) {
        entries.push(Entry { id: object.id, crc, offset: pack.len() as u64 });
        pack.extend_from_slice(&bytes);
    }
    let checksum: [u8; 20] = Sha1::digest(&pack).into();
    pack.extend_from_slice(&checksum);
    entries.sort_unstable_by_key(|entry| entry.id);
    let name: String = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    // The index comes last: a pack without one is not looked at.
    let put = |ending: &str, bytes: &[u8]| -> io::Result<()> {
        let incomplete = directory.join(format!("tmp_{ending}_{name}"));
        fs::write(&incomplete, bytes)?;
        fs::rename(&incomplete, directory.join(format!("pack-{name}.{ending}")))
    };
    put("pack", &pack).and_then(|()| put("idx", &index(&entries, &checksum))).map_err(RepoError::io("write a pack"))
}

/// The kind and size of an object: four bits of the size, then seven in each further byte.
fn entry_header(kind: ObjectType, size: usize) -> Vec<u8> {
    let kind: u8 = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Tag => 4,
        _ => 3,
    };
    let mut left = size >> 4;
    let mut bytes = vec![kind << 4 | low_bits(size, 0x0f)];
    while left > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push(low_bits(left, 0x7f));
        left >>= 7;
    }
    bytes
}

fn low_bits(number: usize, mask: u8) -> u8 {
    number.to_le_bytes()[0] & mask
}

/// The index, version 2, of entries in the order of their ids.
fn index(entries: &[Entry], pack: &[u8; 20]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1100 + entries.len() * 28);
    bytes.extend_from_slice(b"\xfftOc\0\0\0\x02");
    let up_to = |first: u8| entries.partition_point(|entry| entry.id.as_bytes()[0] <= first);
    for first in 0..=255 {
        bytes.extend_from_slice(&number(up_to(first) as u64));
    }
    entries.iter().for_each(|entry| bytes.extend_from_slice(entry.id.as_bytes()));
    entries.iter().for_each(|entry| bytes.extend_from_slice(&entry.crc.to_be_bytes()));
    let mut large: Vec<u64> = vec![];
    for entry in entries {
        if entry.offset < LARGE {
            bytes.extend_from_slice(&number(entry.offset));
        } else {
            bytes.extend_from_slice(&number(LARGE | large.len() as u64));
            large.push(entry.offset);
        }
    }
    large.iter().for_each(|offset| bytes.extend_from_slice(&offset.to_be_bytes()));
    bytes.extend_from_slice(pack);
    let checksum: [u8; 20] = Sha1::digest(&bytes).into();
    bytes.extend_from_slice(&checksum);
    bytes
}

/// The lower four bytes.
fn number(number: u64) -> [u8; 4] {
    let [_, _, _, _, rest @ ..] = number.to_be_bytes();
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_split_as_git_splits_them() {
        assert_eq!(entry_header(ObjectType::Blob, 0), [0x30]);
        assert_eq!(entry_header(ObjectType::Blob, 15), [0x3f]);
        assert_eq!(entry_header(ObjectType::Tree, 16), [0xa0, 0x01]);
        assert_eq!(entry_header(ObjectType::Commit, 2_048 + 5), [0x95, 0x80, 0x01]);
    }

    #[test]
    fn far_entries_stand_in_a_table_of_their_own() {
        let entry = |first: u8, offset| Entry { id: crate::repo::object::oid([first; 20]), crc: 0, offset };
        let bytes = index(&[entry(1, 12), entry(2, LARGE + 5)], &[9; 20]);
        let offsets = 8 + 256 * 4 + 2 * 20 + 2 * 4;
        assert_eq!(bytes[offsets..offsets + 16], [0, 0, 0, 12, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 5]);
        assert_eq!(bytes.len(), offsets + 16 + 40);
    }
}
