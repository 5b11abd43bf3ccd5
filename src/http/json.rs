//! JSON bodies: read once, keys given twice refused, and no word of the body in what is said about it.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use super::problem::{self, Fault, Problem};
use crate::intent::fields::escape;
use crate::intent::{Violation, secrets};

/// Reads a body of JSON. Nesting is bounded by the reader (128 levels).
pub(super) fn read(body: &[u8]) -> Result<Value, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(&problem::EMPTY_BODY, "The body is empty; send a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let at = RefCell::default();
    let value = Strict(&at).deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        // The reader has no other name for it. It is JSON, but no number that anything here could hold.
        if error.to_string().starts_with("number out of range") {
            return Problem::invalid(vec![too_large(at.into_inner())]);
        }
        let what = match error.classify() {
            Category::Eof => "ends too early",
            Category::Data => "gives a key twice in one object",
            Category::Syntax | Category::Io => "is not JSON, or is nested too deeply",
        };
        let detail = format!("The body {what}: line {}, column {}.", error.line(), error.column());
        Problem::new(&problem::NOT_JSON, detail)
    })
}

fn too_large(mut pointer: String) -> Fault {
    if secrets::holds_private_key(&pointer) {
        pointer.clear();
    }
    Violation::new(pointer, "must be a smaller number: this one is larger than any that can be read").into()
}

/// Reads a value in which no object has a key twice: readers that take the first and readers that take the last would
/// understand different things. Holds the JSON pointer of what is being read.
#[derive(Clone, Copy)]
struct Strict<'p>(&'p RefCell<String>);

impl Strict<'_> {
    /// Reads what stands at `segment` below the present place, and comes back unless that fails.
    fn within<T, E>(self, segment: &str, read: impl FnOnce(Self) -> Result<T, E>) -> Result<T, E> {
        let length = self.0.borrow().len();
        self.0.borrow_mut().extend(["/", &escape(segment)]);
        let value = read(self)?;
        self.0.borrow_mut().truncate(length);
        Ok(value)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = vec![];
        while let Some(item) = self.within(&list.len().to_string(), |this| items.next_element_seed(this))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = self.within(&key, |this| entries.next_value_seed(this))?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_as_it_was_written() {
        let text = r#"{"b":[1,-2,1.5,true,null,"ä\n"],"a":{"c":{}}}"#;
        assert_eq!(read(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_no_json_is_placed_and_not_repeated() {
        let deep = "[".repeat(100_000);
        for (text, part) in [
            (r#"{"secret": tru}"#, "column"),
            (r#"{"secret": 1, "a": {"secret": 1, "secret": 2}}"#, "twice in one object: line 1"),
            (r#"{"secret""#, "too early"),
            ("{} secret", "line 1, column 4"),
            (deep.as_str(), "nested too deeply"),
        ] {
            let problem = read(text.as_bytes()).unwrap_err();
            assert_eq!(problem.kind, &problem::NOT_JSON);
            assert!(problem.detail.contains(part) && !problem.detail.contains("secret"), "{}", problem.detail);
        }
        assert_eq!(read(b"{\"a\": \"\xff\"}").unwrap_err().kind, &problem::NOT_JSON);
    }

    #[test]
    fn a_number_that_is_too_large_is_named() {
        let problem = read(br#"{"a": [1, {}], "b/c": {"d": [1, 1e400]}, "e": 1}"#).unwrap_err();
        assert_eq!((problem.kind, &*problem.errors[0].pointer), (&problem::INVALID, "/b~1c/d/1"));
        let key = format!("-----BEGIN PRIVATE KEY-----{}", "A".repeat(64));
        let problem = read(format!(r#"{{"{key}": -1e400}}"#).as_bytes()).unwrap_err();
        assert_eq!((problem.kind, &*problem.errors[0].pointer), (&problem::INVALID, ""));
        assert!(!problem.detail.contains("KEY"), "{}", problem.detail);
    }

    #[test]
    fn nothing_is_not_json_but_empty() {
        for text in ["", " \n"] {
            assert_eq!(read(text.as_bytes()).unwrap_err().kind, &problem::EMPTY_BODY);
        }
    }
}
