//! Values of JSON and YAML that come from outside, whose text is not longer than is allowed: counted while they are read, so
//! that what many small values or deep nesting cost has a limit, too. Each map and list is made once, in its size.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values of one manifest: lists of numbers take many times their text in memory.
const MOST_VALUES: usize = 20_000;

/// The deepest nesting of maps and lists in one manifest.
pub(super) const DEEPEST: usize = 50;

/// How names begin by which serde_json means something else than a field.
const RESERVED: &str = "$serde_json::";

/// A value of at most [`MOST_VALUES`], nested no deeper than [`DEEPEST`], that names no field twice.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) value: Value,
    /// How many values it is, itself included.
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (count, members, items) = (Cell::new(0), RefCell::default(), RefCell::default());
        let reader = Reader { count: &count, members: &members, items: &items, deeper: DEEPEST };
        let value = reader.deserialize(from)?;
        Ok(Self { value, count: count.get() })
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'r> {
    /// How many values were read.
    count: &'r Cell<usize>,
    /// The members of the maps that are not at their end yet.
    members: &'r RefCell<Vec<(String, Value)>>,
    /// The items of the lists that are not.
    items: &'r RefCell<Vec<Value>>,
    /// How much deeper maps and lists may be.
    deeper: usize,
}

impl Reader<'_> {
    /// The reader of what is in a map or list.
    fn below<E: Error>(self) -> Result<Self, E> {
        match self.deeper.checked_sub(1) {
            Some(deeper) => Ok(Self { deeper, ..self }),
            None => Err(E::custom(format_args!("it is nested deeper than {DEEPEST}"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let count = self.count.get() + 1;
        if count > MOST_VALUES {
            return Err(D::Error::custom(format_args!("it has more than {MOST_VALUES} values")));
        }
        self.count.set(count);
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
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
        let (below, before) = (self.below()?, self.items.borrow().len());
        while let Some(item) = from.next_element_seed(below)? {
            self.items.borrow_mut().push(item);
        }
        Ok(Value::Array(self.items.borrow_mut().drain(before..).collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let (below, before) = (self.below()?, self.members.borrow().len());
        while let Some(name) = from.next_key::<String>()? {
            if name.starts_with(RESERVED) {
                return Err(A::Error::custom(format_args!("it names a field that begins with {RESERVED}")));
            }
            let value = from.next_value_seed(below)?;
            self.members.borrow_mut().push((name, value));
        }
        let mut members = self.members.borrow_mut();
        let mut map = Map::with_capacity(members.len() - before);
        for (name, value) in members.drain(before..) {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a map names a field twice"));
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
    use crate::yaml;

    fn of_json(text: &str) -> Result<Counted, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn of_yaml(text: &str) -> Result<Counted, String> {
        yaml::from_str(text).map_err(|error| error.to_string())
    }

    fn count(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
            Value::Object(members) => 1 + members.values().map(count).sum::<usize>(),
            _ => 1,
        }
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
        fn values_are_what_the_library_makes_of_them_each_counted(value in values()) {
            let text = value.to_string();
            for read in [of_json(&text).unwrap(), of_yaml(&text).unwrap()] {
                // In the same order, too.
                prop_assert_eq!(read.value.to_string(), text.as_str());
                prop_assert_eq!(read.count, count(&value));
            }
        }
    }

    #[test]
    fn yaml_is_what_kubernetes_makes_of_it() {
        let text = "a: yes\nb: 0644\nc: \"yes\"\nd: 2001-01-01\ne: 1e3\nf: ~\n1: 1.5\ng:\nh: &h {i: [1]}\nj: *h\nk: {<<: *h}\n";
        let (read, value) = (of_yaml(text).unwrap(), yaml::from_str::<Value>(text).unwrap());
        assert_eq!(read.value, value);
        assert_eq!(read.count, count(&value), "what an alias stands for counts");
        assert!(of_yaml("a: .inf\n").is_err());
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let list = |items: usize| format!("[{}1]", "1,".repeat(items - 1));
        let maps = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for read in [of_json, of_yaml] {
            assert_eq!(read(&list(MOST_VALUES - 1)).unwrap().count, MOST_VALUES);
            assert_eq!(read(&nested(DEEPEST)).unwrap().count, DEEPEST);
            assert_eq!(read(&maps(DEEPEST)).unwrap().count, DEEPEST + 1);
            for (text, words) in [
                (list(MOST_VALUES), "more than 20000 values"),
                (nested(DEEPEST + 1), "nested deeper than 50"),
                (maps(DEEPEST + 1), "nested deeper than 50"),
            ] {
                let error = read(&text).unwrap_err();
                assert!(error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn what_says_two_things_is_refused() {
        for twice in [of_json(r#"{"a": {"b": 1, "c": 2, "b": 1}}"#), of_yaml("1: a\n\"1\": b\n")] {
            let error = twice.unwrap_err();
            assert!(error.contains("a map names a field twice"), "{error}");
        }
        assert!(of_yaml("a: {b: hunter2, c: 2, b: hunter2}\n").is_err_and(|error| !error.contains("hunter2")));
        // Of which serde_json would make a map.
        let hidden = json!({"a": {"$serde_json::private::RawValue": r#"{"b": 1}"#}}).to_string();
        for read in [of_json, of_yaml] {
            let error = read(&hidden).unwrap_err();
            assert!(error.contains("begins with $serde_json::"), "{error}");
        }
    }
}
