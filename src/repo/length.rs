//! How long a file may be.

/// The longest file that is read, in bytes: no manifest and no file of intents comes near, and one that was put there by
/// mistake or malice must not fill the memory.
pub const LONGEST: u64 = 16 << 20;

/// A file that is longer than [`LONGEST`] and was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Its length.
    pub bytes: u64,
}

/// What was read of a file.
pub type Content = Result<Vec<u8>, TooLong>;

/// The length of a file, if it may be read.
pub(in crate::repo) fn check(bytes: u64) -> Result<(), TooLong> {
    if bytes > LONGEST { Err(TooLong { bytes }) } else { Ok(()) }
}
