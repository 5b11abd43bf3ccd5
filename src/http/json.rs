//! JSON bodies: read once and strictly, and no word of the body in what is said about it.

use std::cell::RefCell;

use serde_json::Value;
use serde_json::error::Category;

use super::problem::{self, Fault, Problem};
use crate::intent::fields::escape;
use crate::intent::{Violation, secrets};
use crate::json::{self, Segment, Watch};

/// Reads a body of JSON. Nesting is bounded by the reader (128 levels).
pub(super) fn read(body: &[u8]) -> Result<Value, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::new(&problem::EMPTY_BODY, "The body is empty; send a JSON object."));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let at = RefCell::default();
    let value = json::read(&mut reader, Place(&at));
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let words = error.to_string();
        // The reader has no other name for it. It is JSON, but no number that anything here could hold.
        if words.starts_with("number out of range") {
            return Problem::invalid(vec![too_large(at.into_inner())]);
        }
        let what = match error.classify() {
            Category::Eof => "ends too early",
            // What `json` says; the place is added below.
            Category::Data => words.split(" at line ").next().unwrap_or_default(),
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

/// The JSON pointer of what is being read.
#[derive(Clone, Copy)]
struct Place<'p>(&'p RefCell<String>);

impl Watch for Place<'_> {
    /// Comes back to where it was unless reading fails.
    fn within<T, E>(self, segment: Segment<'_>, read: impl FnOnce(Self) -> Result<T, E>) -> Result<T, E> {
        let length = self.0.borrow().len();
        match segment {
            Segment::Item(index) => self.0.borrow_mut().extend(["/", &index.to_string()]),
            Segment::Member(key) => self.0.borrow_mut().extend(["/", &escape(key)]),
        }
        let value = read(self)?;
        self.0.borrow_mut().truncate(length);
        Ok(value)
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
            (r#"{"a": {"$serde_json::private::RawValue": "{\"secret\": 1}"}}"#, "begins with `$serde_json::`: line 1"),
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
