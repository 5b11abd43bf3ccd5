//! Reading a type out of a JSON value while noting the fields that the type does not have.
//!
//! serde's own ways are not enough here: `flatten` buffers every value and loses order, `deny_unknown_fields` stops at
//! the first.

use std::slice::Iter;

use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, map};

/// What was noted while reading.
#[derive(Default)]
pub(super) struct Notes {
    /// The place being read, as tokens of a JSON pointer; where reading fails, the place of the failure.
    pub(super) at: Vec<String>,
    /// JSON pointers of the fields that the type does not have.
    pub(super) unknown: Vec<String>,
}

impl Notes {
    /// Notes that begin at a member of the whole.
    pub(super) fn at(member: &str) -> Self {
        Self { at: vec![member.to_owned()], unknown: Vec::new() }
    }

    /// The place being read as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        self.at.iter().fold(String::new(), |pointer, token| pointer + "/" + &escaped(token))
    }
}

/// A token of a JSON pointer (RFC 6901).
pub(super) fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// A value being read.
pub(super) struct Watched<'v, 'n> {
    pub(super) value: &'v Value,
    pub(super) notes: &'n mut Notes,
}

/// Why a value is not what its type asks for; names types, never values.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Mismatch(String);

impl de::Error for Mismatch {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self(format!("{} where {expected} belongs", kind_of(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self(format!("{} out of range where {expected} belongs", kind_of(found)))
    }
}

fn kind_of(found: de::Unexpected<'_>) -> &'static str {
    match found {
        de::Unexpected::Bool(_) => "a boolean",
        de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) => "an integer",
        de::Unexpected::Float(_) => "a number",
        de::Unexpected::Str(_) => "a string",
        de::Unexpected::Seq => "a list",
        de::Unexpected::Map => "a map",
        de::Unexpected::Unit => "nothing",
        _ => "something else",
    }
}

impl<'v> Watched<'v, '_> {
    fn map<V: Visitor<'v>>(self, members: &'v Map<String, Value>, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Members { left: members.iter(), value: None, notes: self.notes })
    }
}

impl<'v> Deserializer<'v> for Watched<'v, '_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { left: items.iter(), index: 0, notes: self.notes }),
            Value::Object(members) => self.map(members, visitor),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
        }
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let Value::Object(members) = self.value else { return self.deserialize_any(visitor) };
        for name in members.keys().filter(|name| !fields.contains(&name.as_str())) {
            let pointer = self.notes.pointer();
            self.notes.unknown.push(pointer + "/" + &escaped(name));
        }
        self.map(members, visitor)
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

struct Members<'v, 'n> {
    left: map::Iter<'v>,
    value: Option<(&'v str, &'v Value)>,
    notes: &'n mut Notes,
}

impl<'v> MapAccess<'v> for Members<'v, '_> {
    type Error = Mismatch;

    /// The next member that is not null: Kubernetes drops those that are.
    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let Some((name, value)) = self.left.find(|(_, value)| !value.is_null()) else { return Ok(None) };
        self.value = Some((name, value));
        seed.deserialize(name.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, Mismatch> {
        let Some((name, value)) = self.value.take() else { return Err(de::Error::custom("a value before its key")) };
        self.notes.at.push(name.to_owned());
        let read = seed.deserialize(Watched { value, notes: self.notes })?;
        self.notes.at.pop();
        Ok(read)
    }
}

struct Items<'v, 'n> {
    left: Iter<'v, Value>,
    index: usize,
    notes: &'n mut Notes,
}

impl<'v> SeqAccess<'v> for Items<'v, '_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some(value) = self.left.next() else { return Ok(None) };
        self.notes.at.push(self.index.to_string());
        let read = seed.deserialize(Watched { value, notes: self.notes })?;
        self.notes.at.pop();
        self.index += 1;
        Ok(Some(read))
    }
}
