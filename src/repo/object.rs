//! Objects as git names them, without a repository.

use std::io;

use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

/// The name of an object: SHA-1 over its kind, its length and its content.
///
/// libgit2 hashes five times slower, because it looks for prepared collisions. Content that is hashed here was made by
/// Meshwright or is compared with such content; what comes from elsewhere goes through git, which looks.
pub(in crate::repo) fn id(kind: ObjectType, content: &[u8]) -> [u8; 20] {
    Sha1::new().chain_update(header(kind, content)).chain_update(content).finalize().into()
}

/// The same of `length` bytes that are read piece by piece.
pub(in crate::repo) fn id_of(kind: ObjectType, mut content: impl io::Read, length: u64) -> io::Result<[u8; 20]> {
    let mut hash = Sha1::new().chain_update(header_of(kind, length));
    let mut piece = vec![0; 64 << 10];
    loop {
        match content.read(&mut piece)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&piece[..count]),
        }
    }
}

/// What stands before the content of a loose object, and is hashed with it.
pub(in crate::repo) fn header(kind: ObjectType, content: &[u8]) -> String {
    header_of(kind, content.len() as u64)
}

fn header_of(kind: ObjectType, length: u64) -> String {
    format!("{} {length}\0", kind.str())
}

/// The id as libgit2 takes it.
pub(in crate::repo) fn oid(id: [u8; 20]) -> Oid {
    Oid::from_bytes(&id).unwrap_or(Oid::ZERO_SHA1)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::deflate::Deflater;

    #[test]
    fn what_is_deflated_comes_back_whatever_its_size() {
        let mut deflater = Deflater::new();
        let mut state = 7_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        };
        for size in [0, 1, 63, 1_000, 300_000] {
            let content: Vec<u8> = (0..size).map(|_| noise()).collect();
            let mut deflated = b"kept".to_vec();
            deflater.deflate(&[b"head", &content], &mut deflated).unwrap();
            let mut back = Vec::new();
            flate2::read::ZlibDecoder::new(&deflated[4..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, [b"head", &content[..]].concat());
        }
    }
}
