//! Messages of Istio's API inside intents: described once, read strictly, kept in Istio's present form.
//!
//! A shape gives the reader and the JSON schema. Older names of fields and values are accepted and read as the new ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fields::{Fields, MOST_ENTRIES, Violation, escape, type_name};

/// What a value may be.
pub(super) enum Shape {
    /// One value: its canonical form, or what is wrong with it; and its schema.
    Scalar(fn(&Value) -> Result<Value, String>, fn() -> Value),
    /// A whole number within bounds.
    Whole(u64, u64),
    /// A number within bounds.
    Number(f64, f64),
    /// One of these words, each with the older words for it.
    OneOf(&'static [(&'static str, &'static [&'static str])]),
    /// Values of one shape, at least one.
    List(&'static Shape),
    /// Values of one shape by name, at least one.
    Table(&'static Shape),
    /// Named values.
    Message(&'static [Field]),
}

/// A field of a message.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The name that it had before.
    pub(super) older: Option<&'static str>,
    pub(super) doc: &'static str,
    pub(super) needed: bool,
    pub(super) shape: &'static Shape,
}

impl Field {
    /// A field that may be absent.
    pub(super) const fn new(name: &'static str, doc: &'static str, shape: &'static Shape) -> Self {
        Self { name, older: None, doc, needed: false, shape }
    }

    /// The same, which must be there.
    pub(super) const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    /// The same, which had another name before.
    pub(super) const fn once(self, older: &'static str) -> Self {
        Self { older: Some(older), ..self }
    }
}

impl Shape {
    /// Reads `value`, which stands at `pointer`; none where it breaks a rule, which is then among the violations.
    pub(super) fn read(&self, value: &Value, pointer: &str, violations: &mut Vec<Violation>) -> Option<Value> {
        let read = match self {
            Self::Scalar(read, _) => read(value),
            Self::Whole(least, most) => whole(value, *least, *most),
            Self::Number(least, most) => number(value, *least, *most),
            Self::OneOf(words) => word(value, words),
            Self::List(shape) => match value {
                Value::Array(items) if items.is_empty() => Err("is empty; leave it out".to_owned()),
                Value::Array(items) => {
                    let items = items.iter().enumerate();
                    let items = items.map(|(at, item)| shape.read(item, &format!("{pointer}/{at}"), violations));
                    // All of them are looked at, also where one is wrong.
                    return items.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>().map(Value::Array);
                }
                _ => Err(format!("must be a list, is {}", type_name(value))),
            },
            Self::Table(shape) => match value {
                Value::Object(map) if map.is_empty() => Err("is empty; leave it out".to_owned()),
                Value::Object(map) => {
                    let entries = map.iter().map(|(key, item)| {
                        let item = shape.read(item, &format!("{pointer}/{}", escape(key)), violations)?;
                        Some((key.clone(), item))
                    });
                    let sorted = entries.collect::<Vec<_>>().into_iter().collect::<Option<BTreeMap<_, _>>>()?;
                    return Some(Value::Object(sorted.into_iter().collect()));
                }
                _ => Err(format!("must be an object, is {}", type_name(value))),
            },
            Self::Message(fields) => match value {
                Value::Object(map) => return message(fields, map, pointer, violations),
                _ => Err(format!("must be an object, is {}", type_name(value))),
            },
        };
        read.map_err(|why| violations.push(Violation::new(pointer, why))).ok()
    }

    /// The JSON schema of what is read.
    pub(super) fn schema(&self) -> Value {
        match self {
            Self::Scalar(_, schema) => schema(),
            Self::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
            Self::OneOf(words) => {
                json!({"type": "string", "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>()})
            }
            Self::List(shape) => {
                json!({"type": "array", "items": shape.schema(), "minItems": 1, "maxItems": MOST_ENTRIES})
            }
            Self::Table(shape) => {
                json!({"type": "object", "additionalProperties": shape.schema(), "minProperties": 1})
            }
            Self::Message(fields) => {
                let property = |field: &Field| {
                    let mut schema = field.shape.schema();
                    if !field.doc.is_empty() {
                        schema["description"] = field.doc.into();
                    }
                    (field.name.to_owned(), schema)
                };
                let properties: Map<String, Value> = fields.iter().map(property).collect();
                let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
                let needed: Vec<&str> = fields.iter().filter(|field| field.needed).map(|field| field.name).collect();
                if !needed.is_empty() {
                    schema["required"] = needed.into();
                }
                schema
            }
        }
    }
}

impl Fields<'_> {
    /// A field whose value has a shape; in its canonical form.
    pub(super) fn shaped(&mut self, name: &'static str, doc: &str, shape: &Shape) -> Option<Value> {
        let value = self.take(name, doc, || shape.schema())?;
        let pointer = self.at(name);
        shape.read(value, &pointer, &mut self.violations)
    }
}

fn message(
    fields: &[Field],
    map: &Map<String, Value>,
    pointer: &str,
    violations: &mut Vec<Violation>,
) -> Option<Value> {
    let before = violations.len();
    for key in map.keys() {
        if !fields.iter().any(|field| field.name == key || field.older == Some(key)) {
            let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
            let message = format!("is an unknown field; known here: {}", known.join(", "));
            violations.push(Violation::new(format!("{pointer}/{}", escape(key)), message));
        }
    }
    let mut read = Map::new();
    for field in fields {
        let given = |name: &'static str| map.get(name).filter(|value| !value.is_null()).map(|value| (name, value));
        let (new, old) = (given(field.name), field.older.and_then(given));
        if let (Some(_), Some((older, _))) = (new, old) {
            let message = format!("is the older name of {}, which is there too; keep that", field.name);
            violations.push(Violation::new(format!("{pointer}/{older}"), message));
        }
        match new.or(old) {
            Some((name, value)) => {
                if let Some(value) = field.shape.read(value, &format!("{pointer}/{name}"), violations) {
                    read.insert(field.name.to_owned(), value);
                }
            }
            None if field.needed => {
                violations.push(Violation::new(format!("{pointer}/{}", field.name), "is required"));
            }
            None => {}
        }
    }
    if map.is_empty() {
        violations.push(Violation::new(pointer, "is empty; leave it out"));
    }
    (violations.len() == before).then_some(Value::Object(read))
}

fn whole(value: &Value, least: u64, most: u64) -> Result<Value, String> {
    let number = value.as_u64().filter(|number| (least..=most).contains(number));
    number.map(Value::from).ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn number(value: &Value, least: f64, most: f64) -> Result<Value, String> {
    let number = value.as_f64().filter(|number| (least..=most).contains(number));
    number.map(|_| value.clone()).ok_or_else(|| format!("must be a number from {least} to {most}"))
}

fn word(value: &Value, words: &[(&str, &[&str])]) -> Result<Value, String> {
    let given = value.as_str().unwrap_or_default();
    let known = words.iter().find(|(word, older)| *word == given || older.contains(&given));
    known
        .map(|(word, _)| (*word).into())
        .ok_or_else(|| format!("must be one of {}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: Shape = Shape::OneOf(&[("NEW", &["OLD"]), ("OTHER", &[])]);
    const INNER: Shape = Shape::Message(&[
        Field::new("count", "how many", &Shape::Whole(1, 5)).needed(),
        Field::new("share", "", &Shape::Number(0.0, 100.0)),
    ]);
    const OUTER: Shape = Shape::Message(&[
        Field::new("word", "", &WORD).once("Word"),
        Field::new("list", "", &Shape::List(&INNER)),
        Field::new("table", "", &Shape::Table(&Shape::Whole(0, 9))),
    ]);

    fn read(value: Value) -> Result<Value, Vec<(String, String)>> {
        let mut violations = vec![];
        let read = OUTER.read(&value, "/x", &mut violations);
        assert_eq!(read.is_some(), violations.is_empty());
        read.ok_or_else(|| violations.into_iter().map(|it| (it.pointer, it.message)).collect())
    }

    #[test]
    fn older_names_are_read_as_the_new_ones() {
        assert_eq!(read(json!({"Word": "OLD", "list": null})), Ok(json!({"word": "NEW"})));
        let found = read(json!({"Word": "OLD", "word": "NEW"})).unwrap_err();
        assert_eq!(found[0].0, "/x/Word");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_its_place() {
        let found = read(json!({
            "word": "NO", "more/of": 1, "table": {"a/b": -1},
            "list": [{"count": 6}, {"share": 100.1}, 7, {"count": 5, "share": 0.5}],
        }));
        let pointers: Vec<String> = found.unwrap_err().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(
            pointers,
            [
                "/x/more~1of",
                "/x/word",
                "/x/list/0/count",
                "/x/list/1/count",
                "/x/list/1/share",
                "/x/list/2",
                "/x/table/a~1b"
            ]
        );
        for empty in [json!({}), json!({"list": []}), json!({"table": {}}), json!([])] {
            assert_eq!(read(empty).unwrap_err().len(), 1);
        }
    }

    #[test]
    fn the_schema_says_the_same() {
        let schema = OUTER.schema();
        assert_eq!(schema["properties"]["word"]["enum"], json!(["NEW", "OTHER"]));
        assert_eq!(schema["properties"]["list"]["items"]["required"], json!(["count"]));
        assert_eq!(schema["additionalProperties"], false);
    }
}
