//! Writing any value as the YAML crate does.

use serde::Serialize;
use serde_yaml::SerializerOptions;

/// Appends what the YAML crate makes of a value.
pub(super) fn append<T: Serialize>(value: &T, text: &mut String) {
    let mut options = SerializerOptions::default();
    options.folded_wrap_chars = usize::MAX;
    #[expect(clippy::expect_used, reason = "a String takes every write, and our types serialise without errors")]
    serde_yaml::to_fmt_writer_with_options(text, value, options).expect("a value that serialises");
}
