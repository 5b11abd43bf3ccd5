//! Reading an object field by field: one description gives the reader, all violations at once, and the JSON schema.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::quote::quoted;

/// The most entries of one list in a body: lists are multiplied with each other when it is judged who may call what.
pub const MOST_ENTRIES: usize = 256;

/// A rule that a body breaks, at a place in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong and what to do, in one sentence.
    pub message: String,
}

impl Violation {
    /// A violation at `pointer`, whose segments may be names that the caller chose.
    pub fn new(pointer: impl AsRef<str>, message: impl Into<String>) -> Self {
        Self { pointer: quoted(pointer.as_ref()), message: message.into() }
    }
}

/// A value that is read from one JSON value, and knows its schema.
pub trait Scalar: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// What is wrong with it, as a message for whoever sent it.
    fn read(value: &Value) -> Result<Self, String>;

    /// The JSON schema of the values that [`Scalar::read`] accepts.
    fn schema() -> Value;
}

enum Mode<'a> {
    Read(&'a Map<String, Value>),
    Describe,
}

/// The fields of one object, while they are being read or described.
pub struct Fields<'a> {
    mode: Mode<'a>,
    pointer: String,
    seen: Vec<&'static str>,
    pub(super) violations: Vec<Violation>,
    properties: Map<String, Value>,
    required: Vec<Value>,
    open: bool,
}

impl<'a> Fields<'a> {
    /// Reads `value`, which stands at `pointer`, with `reader`.
    ///
    /// # Errors
    /// Every violation in it, unknown fields and lists that are too long included.
    pub fn read<T>(
        value: &'a Value,
        pointer: &str,
        reader: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Vec<Violation>> {
        let mut violations = vec![];
        bound(value, pointer, &mut violations);
        match Self::read_bounded(value, pointer, reader) {
            Ok(read) if violations.is_empty() => Ok(read),
            read => {
                violations.extend(read.err().into_iter().flatten());
                Err(violations)
            }
        }
    }

    /// The same of a value whose lists were looked at.
    fn read_bounded<T>(
        value: &'a Value,
        pointer: &str,
        reader: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Vec<Violation>> {
        let Value::Object(map) = value else {
            return Err(vec![Violation::new(pointer, format!("must be an object, is {}", type_name(value)))]);
        };
        let mut fields = Self::new(Mode::Read(map), pointer.to_owned());
        let result = reader(&mut fields);
        if !fields.open {
            fields.report_unknown(map);
        }
        match result {
            Some(result) if fields.violations.is_empty() => Ok(result),
            _ => Err(fields.violations),
        }
    }

    /// The JSON schema of the objects that `reader` accepts.
    pub fn schema<T>(reader: impl FnOnce(&mut Self) -> Option<T>) -> Value {
        let mut fields = Self::new(Mode::Describe, String::new());
        drop(reader(&mut fields));
        fields.into_schema()
    }

    fn new(mode: Mode<'a>, pointer: String) -> Self {
        Self { mode, pointer, seen: vec![], violations: vec![], properties: Map::new(), required: vec![], open: false }
    }

    fn into_schema(self) -> Value {
        let mut schema = json!({"type": "object", "properties": self.properties, "additionalProperties": self.open});
        if !self.required.is_empty() {
            schema["required"] = Value::Array(self.required);
        }
        schema
    }

    fn report_unknown(&mut self, map: &Map<String, Value>) {
        for key in map.keys().filter(|key| !self.seen.contains(&key.as_str())) {
            let known = self.seen.join(", ");
            let message = if known.is_empty() {
                "is an unknown field; none is expected here".into()
            } else {
                format!("is an unknown field; known here: {known}")
            };
            self.violations.push(Violation::new(format!("{}/{}", self.pointer, escape(key)), message));
        }
    }

    pub(super) fn take(&mut self, name: &'static str, doc: &str, schema: impl FnOnce() -> Value) -> Option<&'a Value> {
        self.seen.push(name);
        match self.mode {
            Mode::Read(map) => map.get(name).filter(|value| !value.is_null()),
            Mode::Describe => {
                let mut schema = schema();
                if !doc.is_empty() {
                    schema["description"] = doc.into();
                }
                self.properties.insert(name.to_owned(), schema);
                None
            }
        }
    }

    fn missing(&mut self, name: &'static str) {
        match self.mode {
            Mode::Read(_) => self.violation(name, "is required"),
            Mode::Describe => self.required.push(name.into()),
        }
    }

    fn scalar<T: Scalar>(&mut self, pointer: String, value: &Value) -> Option<T> {
        T::read(value).map_err(|message| self.violations.push(Violation::new(pointer, message))).ok()
    }

    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, escape(name))
    }

    /// Records that the field at `path`, relative to this object, breaks a rule; an empty path is the object itself.
    pub fn violation(&mut self, path: &str, message: impl Into<String>) {
        let pointer = if path.is_empty() { self.pointer.clone() } else { format!("{}/{path}", self.pointer) };
        self.violations.push(Violation::new(pointer, message));
    }

    /// Whether nothing is wrong with the field `name` so far, so that a rule about it tells something new.
    #[must_use]
    pub fn is_sound(&self, name: &str) -> bool {
        let field = quoted(&self.at(name));
        let is_of_it = |pointer: &str| {
            pointer.strip_prefix(&*field).is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        !self.violations.iter().any(|violation| is_of_it(&violation.pointer))
    }

    /// A field that must be there.
    pub fn required<T: Scalar>(&mut self, name: &'static str, doc: &str) -> Option<T> {
        if let Some(value) = self.take(name, doc, T::schema) {
            return self.scalar(self.at(name), value);
        }
        self.missing(name);
        None
    }

    /// A field that may be absent or null.
    pub fn optional<T: Scalar>(&mut self, name: &'static str, doc: &str) -> Option<T> {
        let value = self.take(name, doc, T::schema)?;
        self.scalar(self.at(name), value)
    }

    /// A field that may be absent, null, or an empty text, as older clients leave it.
    pub fn optional_or_blank<T: Scalar>(&mut self, name: &'static str, doc: &str) -> Option<T> {
        let value = self.take(name, doc, || json!({"anyOf": [T::schema(), {"const": ""}]}))?;
        if value == "" { None } else { self.scalar(self.at(name), value) }
    }

    /// A list that may be absent: then it is empty.
    pub fn list<T: Scalar>(&mut self, name: &'static str, doc: &str) -> Vec<T> {
        let value = self.take(name, doc, || list_of(T::schema()));
        value.map(|value| self.items(name, value)).unwrap_or_default()
    }

    /// A list that must be there, and may be empty.
    pub fn required_list<T: Scalar>(&mut self, name: &'static str, doc: &str) -> Vec<T> {
        let value = self.take(name, doc, || list_of(T::schema()));
        if value.is_none() {
            self.missing(name);
        }
        value.map(|value| self.items(name, value)).unwrap_or_default()
    }

    fn items<T: Scalar>(&mut self, name: &str, value: &Value) -> Vec<T> {
        let Value::Array(items) = value else {
            self.violation(name, format!("must be a list, is {}", type_name(value)));
            return vec![];
        };
        let at = self.at(name);
        let items = items.iter().take(MOST_ENTRIES).enumerate();
        items.filter_map(|(i, item)| self.scalar(format!("{at}/{i}"), item)).collect()
    }

    /// An object that may be absent.
    pub fn object<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        reader: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name, doc, || Fields::schema(&reader))?;
        self.nested(self.at(name), value, &reader)
    }

    /// An object that must be there.
    pub fn required_object<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        reader: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        if let Some(value) = self.take(name, doc, || Fields::schema(&reader)) {
            return self.nested(self.at(name), value, &reader);
        }
        self.missing(name);
        None
    }

    /// An object that is read as an empty one when it is absent; it is required if that breaks a rule.
    pub fn object_or_empty<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        reader: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        if matches!(self.mode, Mode::Read(_)) {
            let empty = Value::Object(Map::new());
            let value = self.take(name, doc, || json!({})).unwrap_or(&empty);
            return self.nested(self.at(name), value, &reader);
        }
        let schema = Fields::schema(&reader);
        if schema.get("required").is_some() {
            self.required.push(name.into());
        }
        self.take(name, doc, || schema);
        None
    }

    /// A list of objects that may be absent: then it is empty.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        doc: &str,
        reader: impl Fn(&mut Fields<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.take(name, doc, || list_of(Fields::schema(&reader))) else {
            return vec![];
        };
        let Value::Array(items) = value else {
            self.violation(name, format!("must be a list, is {}", type_name(value)));
            return vec![];
        };
        let at = self.at(name);
        let items = items.iter().take(MOST_ENTRIES).enumerate();
        items.filter_map(|(i, item)| self.nested(format!("{at}/{i}"), item, &reader)).collect()
    }

    fn nested<T>(
        &mut self,
        pointer: String,
        value: &Value,
        reader: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        Fields::read_bounded(value, &pointer, reader).map_err(|violations| self.violations.extend(violations)).ok()
    }

    /// A field that is kept as it was given, whatever it is.
    pub fn kept(&mut self, name: &'static str, doc: &str) -> Option<Value> {
        self.take(name, doc, || json!({})).cloned()
    }

    /// Accepts every field that is not named; all are kept as given.
    pub fn keep_rest(&mut self) {
        self.open = true;
    }
}

/// The schema of a list of what `items` describes.
fn list_of(items: Value) -> Value {
    json!({"type": "array", "items": items, "maxItems": MOST_ENTRIES})
}

/// Every list in `value` with more entries than one may have, also where all is kept as it was given.
fn bound(value: &Value, pointer: &str, found: &mut Vec<Violation>) {
    match value {
        Value::Array(items) if items.len() > MOST_ENTRIES => found.push(Violation::new(
            pointer,
            format!(
                "has {} entries, at most {MOST_ENTRIES} are allowed: write fewer and wider ones, or split it",
                items.len()
            ),
        )),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| bound(item, &format!("{pointer}/{i}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| bound(item, &format!("{pointer}/{}", escape(key)), found));
        }
        _ => {}
    }
}

/// The JSON name of a value's type, with its article.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Escapes one segment of a JSON pointer (RFC 6901, section 3).
#[must_use]
pub fn escape(segment: &str) -> Cow<'_, str> {
    match segment.contains(['~', '/']) {
        true => segment.replace('~', "~0").replace('/', "~1").into(),
        false => segment.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Anything;

    impl Scalar for Anything {
        fn read(_: &Value) -> Result<Self, String> {
            Ok(Self)
        }

        fn schema() -> Value {
            json!({})
        }
    }

    fn reader(f: &mut Fields<'_>) -> Option<()> {
        f.list::<Anything>("list", "");
        f.required_list::<Anything>("needed", "");
        f.objects("objects", "", |f| {
            f.keep_rest();
            Some(())
        });
        f.kept("kept", "");
        Some(())
    }

    #[test]
    fn every_list_has_a_bound_wherever_it_stands() {
        let of = |length: usize| {
            let numbers: Vec<usize> = (0..length).collect();
            let objects: Vec<Value> = numbers.iter().map(|n| json!({"n": n})).collect();
            json!({"list": numbers, "needed": numbers, "objects": objects, "kept": {"a/b": [{"deep": numbers}]}})
        };
        assert_eq!(Fields::read(&of(MOST_ENTRIES), "/spec", reader), Ok(()));
        let found = Fields::read(&of(MOST_ENTRIES + 1), "/spec", reader).unwrap_err();
        let pointers: Vec<&str> = found.iter().map(|violation| &*violation.pointer).collect();
        assert_eq!(pointers, ["/spec/list", "/spec/needed", "/spec/objects", "/spec/kept/a~1b/0/deep"]);
        assert!(found[0].message.starts_with("has 257 entries, at most 256 are allowed"), "{}", found[0].message);

        let schema = Fields::schema(reader);
        for name in ["list", "needed", "objects"] {
            assert_eq!(schema["properties"][name]["maxItems"], MOST_ENTRIES, "{name}");
        }
    }
}
