//! Values from outside, read strictly: no object gives a key twice, since readers that take the first and readers that take
//! the last would understand different things. What is said of them repeats nothing of them. Pure.

use std::cell::RefCell;
use std::fmt::{self, Formatter};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How keys begin by which `serde_json` means something else than a member: it would put a value in the place of the object.
const RESERVED: &str = "$serde_json::";

/// Is told of what is read, and may refuse it.
pub trait Watch: Copy {
    /// A value begins.
    ///
    /// # Errors
    /// It is refused.
    fn value<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    /// An object or array begins; gives what watches what is in it.
    ///
    /// # Errors
    /// It is refused.
    fn open<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    /// Reads what stands at `segment` of an object or array.
    ///
    /// # Errors
    /// It cannot be read.
    fn within<T, E>(self, _segment: Segment<'_>, read: impl FnOnce(Self) -> Result<T, E>) -> Result<T, E> {
        read(self)
    }
}

/// Where a value stands in the one around it.
#[derive(Debug, Clone, Copy)]
pub enum Segment<'s> {
    /// The index of an item.
    Item(usize),
    /// The key of a member.
    Member(&'s str),
}

/// Reads a value of any format.
///
/// # Errors
/// It cannot be read, an object gives a key twice or one that begins with `$serde_json::`, or `watch` refuses it.
pub fn read<'de, D: Deserializer<'de>>(from: D, watch: impl Watch) -> Result<Value, D::Error> {
    Reader { open: &Open::default(), watch }.deserialize(from)
}

/// What was read of objects and arrays that are not at their end: so each is made once, in its size.
#[derive(Default)]
struct Open {
    members: RefCell<Vec<(String, Value)>>,
    items: RefCell<Vec<Value>>,
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'r, W> {
    open: &'r Open,
    watch: W,
}

impl<'de, W: Watch> DeserializeSeed<'de> for Reader<'_, W> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.watch.value()?;
        from.deserialize_any(self)
    }
}

impl<'de, W: Watch> Visitor<'de> for Reader<'_, W> {
    type Value = Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // Of the infinite ones, which no reader lets through, serde_json makes the same.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let Self { open, watch } = self;
        let (watch, before) = (watch.open()?, open.items.borrow().len());
        for index in 0.. {
            let read = |watch| from.next_element_seed(Reader { open, watch });
            let Some(item) = watch.within(Segment::Item(index), read)? else { break };
            open.items.borrow_mut().push(item);
        }
        Ok(Value::Array(open.items.borrow_mut().drain(before..).collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let Self { open, watch } = self;
        let (watch, before) = (watch.open()?, open.members.borrow().len());
        while let Some(key) = from.next_key::<String>()? {
            if key.starts_with(RESERVED) {
                return Err(A::Error::custom(format_args!("gives a key that begins with `{RESERVED}`")));
            }
            let value = watch.within(Segment::Member(&key), |watch| from.next_value_seed(Reader { open, watch }))?;
            open.members.borrow_mut().push((key, value));
        }
        let mut members = open.members.borrow_mut();
        let mut map = Map::with_capacity(members.len() - before);
        for (key, value) in members.drain(before..) {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("gives a key twice in one object"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Clone, Copy)]
    struct Nobody;

    impl Watch for Nobody {}

    struct Strict(Value);

    impl<'de> serde::Deserialize<'de> for Strict {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            read(from, Nobody).map(Self)
        }
    }

    fn of_json(text: &str) -> Result<Value, String> {
        serde_json::from_str(text).map(|Strict(value)| value).map_err(|error| error.to_string())
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[a-zü\"\\\\\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[a-z]{0,3}", inner), 0..5)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_what_the_library_makes_of_them(value in values()) {
            let text = value.to_string();
            // In the same order, too.
            prop_assert_eq!(of_json(&text).unwrap().to_string(), text.as_str());
        }
    }

    #[test]
    fn what_says_two_things_is_refused() {
        let error = of_json(r#"{"a": {"b": 1, "c": 2, "b": 1}}"#).unwrap_err();
        assert!(error.starts_with("gives a key twice in one object"), "{error}");
        // Of which serde_json would make an object.
        let hidden = json!({"a": {"$serde_json::private::RawValue": r#"{"b": 1}"#}}).to_string();
        let error = of_json(&hidden).unwrap_err();
        assert!(error.starts_with("gives a key that begins with `$serde_json::`"), "{error}");
    }
}
