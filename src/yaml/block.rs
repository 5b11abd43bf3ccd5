//! Block style for the values that manifests and intents are made of, written many times faster than in general.
//!
//! It writes what the YAML crate would, byte for byte, or gives up: then the crate writes the document. Strings that
//! may need quotes are left to the crate as well, so that quoting is decided in one place.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use serde::ser::{self, Impossible, Serialize};

use super::bare::is_bare;
use super::general::append;

/// Writes `value` as one document; false when that has to be done in general, with `out` as far as it came.
pub(super) fn write<T: Serialize + ?Sized>(value: &T, out: &mut String) -> bool {
    value.serialize(Node { out, column: 0, place: Place::Start }).is_ok()
}

/// Something that is not written here.
#[derive(Debug)]
struct Unusual;

impl Display for Unusual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value that is written in general")
    }
}

impl std::error::Error for Unusual {}

impl ser::Error for Unusual {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Done = Result<(), Unusual>;

/// What stands before a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// Nothing, and it is the key of a map itself.
    InKey,
    Key,
    Dash,
}

/// A value about to be written. `column` is that of the key or dash before it.
struct Node<'o> {
    out: &'o mut String,
    column: usize,
    place: Place,
}

impl<'o> Node<'o> {
    /// A value that is one word: anything but a string, a list or a map.
    fn word(self, word: impl Display) -> Done {
        match self.place {
            Place::InKey => Err(Unusual),
            Place::Start => writeln!(self.out, "{word}").map_err(|_| Unusual),
            Place::Key | Place::Dash => writeln!(self.out, " {word}").map_err(|_| Unusual),
        }
    }

    /// A literal block of plain lines; `|-` because the last has no line break.
    fn lines(self, text: &str) {
        self.out.push_str(" |-\n");
        for line in text.split('\n') {
            indent(self.out, self.column + 2);
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    /// A map or list, whose items stand `deeper` than the key or dash before it.
    fn items(self, deeper: usize) -> Result<Items<'o>, Unusual> {
        let column = match self.place {
            Place::InKey => return Err(Unusual),
            Place::Start => self.column,
            Place::Key | Place::Dash => self.column + deeper,
        };
        Ok(Items { out: self.out, column, before: self.place, empty: true })
    }
}

/// The members of a map, or the items of a list.
struct Items<'o> {
    out: &'o mut String,
    column: usize,
    before: Place,
    empty: bool,
}

impl Items<'_> {
    /// Goes where the next item begins.
    fn begin(&mut self) {
        match (self.empty, self.before) {
            (true, Place::Start | Place::InKey) => {}
            (true, Place::Dash) => self.out.push(' '),
            (true, Place::Key) => {
                self.out.push('\n');
                indent(self.out, self.column);
            }
            (false, _) => indent(self.out, self.column),
        }
        self.empty = false;
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.begin();
        key.serialize(Node { out: self.out, column: self.column, place: Place::InKey })
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(Node { out: self.out, column: self.column, place: Place::Key })
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.begin();
        self.out.push('-');
        value.serialize(Node { out: self.out, column: self.column, place: Place::Dash })
    }

    fn finish(self, nothing: &str) -> Done {
        if self.empty { Node { out: self.out, column: 0, place: self.before }.word(nothing) } else { Ok(()) }
    }
}

fn indent(out: &mut String, column: usize) {
    const SPACES: &str = "                                ";
    let mut left = column;
    while left > 0 {
        let part = left.min(SPACES.len());
        out.push_str(&SPACES[..part]);
        left -= part;
    }
}

/// Appends a string of one line.
fn string(out: &mut String, text: &str) {
    if is_bare(text) {
        out.push_str(text);
        out.push('\n');
    } else {
        append(&text, out);
    }
}

/// Appends a key of one line with its colon. Some strings that need no quotes as values need them as keys.
fn key(out: &mut String, text: &str) {
    if is_bare(text) {
        out.push_str(text);
        out.push(':');
    } else {
        append(&BTreeMap::from([(text, ())]), out);
        out.truncate(out.len() - " null\n".len());
    }
}

/// Whether `text` has several lines that could all stand bare.
fn is_plain_lines(text: &str) -> bool {
    text.contains('\n') && text.split('\n').all(is_bare)
}

impl<'o> ser::Serializer for Node<'o> {
    type Ok = ();
    type Error = Unusual;
    type SerializeSeq = Items<'o>;
    type SerializeTuple = Items<'o>;
    type SerializeTupleStruct = Impossible<(), Unusual>;
    type SerializeTupleVariant = Impossible<(), Unusual>;
    type SerializeMap = Items<'o>;
    type SerializeStruct = Items<'o>;
    type SerializeStructVariant = Impossible<(), Unusual>;

    fn serialize_bool(self, v: bool) -> Done {
        self.word(v)
    }

    fn serialize_i8(self, v: i8) -> Done {
        self.word(v)
    }

    fn serialize_i16(self, v: i16) -> Done {
        self.word(v)
    }

    fn serialize_i32(self, v: i32) -> Done {
        self.word(v)
    }

    fn serialize_i64(self, v: i64) -> Done {
        self.word(v)
    }

    fn serialize_u8(self, v: u8) -> Done {
        self.word(v)
    }

    fn serialize_u16(self, v: u16) -> Done {
        self.word(v)
    }

    fn serialize_u32(self, v: u32) -> Done {
        self.word(v)
    }

    fn serialize_u64(self, v: u64) -> Done {
        self.word(v)
    }

    fn serialize_f32(self, _: f32) -> Done {
        Err(Unusual)
    }

    fn serialize_f64(self, _: f64) -> Done {
        Err(Unusual)
    }

    fn serialize_char(self, _: char) -> Done {
        Err(Unusual)
    }

    fn serialize_str(self, v: &str) -> Done {
        match self.place {
            Place::Key | Place::Dash if is_plain_lines(v) => self.lines(v),
            _ if v.contains(['\n', '\r']) => return Err(Unusual),
            Place::InKey => key(self.out, v),
            Place::Start => string(self.out, v),
            Place::Key | Place::Dash => {
                self.out.push(' ');
                string(self.out, v);
            }
        }
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Done {
        Err(Unusual)
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.word("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        Err(Unusual)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Done {
        Err(Unusual)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'o>, Unusual> {
        let deeper = if self.place == Place::Dash { 2 } else { 0 };
        self.items(deeper)
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'o>, Unusual> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Impossible<(), Unusual>, Unusual> {
        Err(Unusual)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unusual>, Unusual> {
        Err(Unusual)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'o>, Unusual> {
        self.items(2)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Items<'o>, Unusual> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Unusual>, Unusual> {
        Err(Unusual)
    }
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.item(value)
    }

    fn end(self) -> Done {
        self.finish("[]")
    }
}

impl ser::SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.item(value)
    }

    fn end(self) -> Done {
        self.finish("[]")
    }
}

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.value(value)
    }

    fn end(self) -> Done {
        self.finish("{}")
    }
}

impl ser::SerializeStruct for Items<'_> {
    type Ok = ();
    type Error = Unusual;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Done {
        self.key(key)?;
        self.value(value)
    }

    fn end(self) -> Done {
        self.finish("{}")
    }
}
