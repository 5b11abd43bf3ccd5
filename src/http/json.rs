//! JSON bodies: read once, keys given twice refused, and no word of the body in what is said about it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use super::problem::{self, Problem};

/// Reads a body of JSON. Nesting is bounded by the reader (128 levels).
pub(super) fn read(body: &[u8]) -> Result<Value, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(&problem::EMPTY_BODY, "The body is empty; send a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict.deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let what = match error.classify() {
            Category::Eof => "ends too early",
            Category::Data => "gives a key twice in one object",
            Category::Syntax | Category::Io => "is not JSON, or is nested too deeply",
        };
        let detail = format!("The body {what}: line {}, column {}.", error.line(), error.column());
        Problem::new(&problem::NOT_JSON, detail)
    })
}

/// Reads a value in which no object has a key twice: readers that take the first and readers that take the last would
/// understand different things.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
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
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Self)?;
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
    fn nothing_is_not_json_but_empty() {
        for text in ["", " \n"] {
            assert_eq!(read(text.as_bytes()).unwrap_err().kind, &problem::EMPTY_BODY);
        }
    }
}
