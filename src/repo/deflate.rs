//! Objects as git compresses them.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::RepoError;

/// Compresses object after object; quickly rather than well, like git does with loose objects.
pub(in crate::repo) struct Deflater(Compress);

impl Deflater {
    pub(in crate::repo) fn new() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }

    /// Appends `parts` to `into` as one zlib stream.
    pub(in crate::repo) fn deflate(&mut self, parts: &[&[u8]], into: &mut Vec<u8>) -> Result<(), RepoError> {
        self.0.reset();
        into.reserve(64 + parts.iter().map(|part| part.len()).sum::<usize>() / 2);
        for part in parts {
            let begin = self.0.total_in();
            let left = |now: u64| part.get(usize::try_from(now - begin).unwrap_or(usize::MAX)..).unwrap_or_default();
            while !left(self.0.total_in()).is_empty() {
                self.step(left(self.0.total_in()), into, FlushCompress::None)?;
            }
        }
        while self.step(&[], into, FlushCompress::Finish)? != Status::StreamEnd {}
        Ok(())
    }

    fn step(&mut self, bytes: &[u8], into: &mut Vec<u8>, flush: FlushCompress) -> Result<Status, RepoError> {
        if into.capacity() - into.len() < 64 {
            into.reserve(into.len() / 2 + 512);
        }
        let done = self.0.compress_vec(bytes, into, flush);
        done.map_err(|error| RepoError::Io { what: "compress an object".to_owned(), source: error.into() })
    }
}
