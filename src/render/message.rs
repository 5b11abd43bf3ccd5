//! Messages of Protocol Buffers, written field by field.

/// A message as it is written. As in every message of proto3, texts that are empty and flags that are not set are left out, but
/// for the items of lists.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

/// How what is in a field is written (Protocol Buffers, "Encoding").
const VARINT: u8 = 0;
const LENGTH_DELIMITED: u8 = 2;

impl Message {
    /// A field of bytes that are put together of `pieces`.
    pub(super) fn item(&mut self, tag: u8, pieces: &[&str]) {
        self.key(tag, LENGTH_DELIMITED);
        self.varint(pieces.iter().map(|piece| piece.len()).sum());
        pieces.iter().for_each(|piece| self.0.extend_from_slice(piece.as_bytes()));
    }

    pub(super) fn text(&mut self, tag: u8, text: &str) {
        if !text.is_empty() {
            self.item(tag, &[text]);
        }
    }

    pub(super) fn flag(&mut self, tag: u8, is_set: bool) {
        if is_set {
            self.key(tag, VARINT);
            self.varint(1);
        }
    }

    /// A message within this one.
    pub(super) fn nested(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.key(tag, LENGTH_DELIMITED);
        let start = self.0.len();
        write(self);
        // Its length stands before it, and is known by now.
        let end = self.0.len();
        self.varint(end - start);
        let prefix = self.0.len() - end;
        self.0[start..].rotate_right(prefix);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn key(&mut self, tag: u8, kind: u8) {
        self.varint(usize::from(tag) << 3 | usize::from(kind));
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
