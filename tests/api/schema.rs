//! Whether an answer is what a schema of the OpenAPI document says, and holds nothing that it does not say.

use serde_json::Value;

/// What says something for people, or what no answer is judged by.
const ASIDE: [&str; 6] = ["description", "examples", "format", "readOnly", "pattern", "additionalProperties"];

/// A schema with the document that its references lead into.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'d> {
    document: &'d Value,
    schema: &'d Value,
}

impl<'d> Schema<'d> {
    /// The schema of the JSON that `GET path` or `POST path` answers with `status`.
    pub(crate) fn of_answer(document: &'d Value, method: &str, path: &str, status: &str) -> Self {
        let answer = &document["paths"][path][method]["responses"][status];
        let schema = &answer["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} {status} has no schema of JSON");
        Self { document, schema }
    }

    /// Every way in which `value` is not what the schema says; `at` is where it stands.
    pub(crate) fn faults(self, value: &Value, at: &str) -> Vec<String> {
        let of = |schema: &'d Value| Self { schema, ..self };
        let mut faults = vec![];
        for (keyword, said) in self.schema.as_object().unwrap() {
            let holds = match keyword.as_str() {
                "$ref" => {
                    let target = self.document.pointer(said.as_str().unwrap().trim_start_matches('#')).unwrap();
                    faults.extend(of(target).faults(value, at));
                    true
                }
                "type" => one_or_all(said).iter().any(|kind| is(value, kind.as_str().unwrap())),
                "enum" => said.as_array().unwrap().contains(value),
                "const" => said == value,
                "minimum" => value.as_f64().is_none_or(|value| value >= said.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|value| value <= said.as_f64().unwrap()),
                "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= said.as_u64().unwrap()),
                "minProperties" => value.as_object().is_none_or(|map| map.len() as u64 >= said.as_u64().unwrap()),
                "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= said.as_u64().unwrap()),
                "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= said.as_u64().unwrap()),
                "oneOf" | "anyOf" => {
                    said.as_array().unwrap().iter().any(|schema| of(schema).faults(value, at).is_empty())
                }
                "items" => {
                    let items = value.as_array().into_iter().flatten().enumerate();
                    faults.extend(items.flat_map(|(index, item)| of(said).faults(item, &format!("{at}/{index}"))));
                    true
                }
                "required" => {
                    let missing =
                        said.as_array().unwrap().iter().filter(|name| value[name.as_str().unwrap()].is_null());
                    faults.extend(missing.map(|name| format!("{at} lacks {name}")));
                    true
                }
                "properties" => {
                    for (name, inner) in value.as_object().into_iter().flatten() {
                        match said.get(name) {
                            Some(schema) => faults.extend(of(schema).faults(inner, &format!("{at}/{name}"))),
                            None if self.schema["additionalProperties"] == true => {}
                            None => faults.push(format!("{at}/{name} is not described")),
                        }
                    }
                    true
                }
                known => {
                    assert!(ASIDE.contains(&known), "the keyword {known} is not judged here");
                    true
                }
            };
            if !holds {
                faults.push(format!("{at} is {value}, and {keyword} is {said}"));
            }
        }
        faults
    }
}

fn one_or_all(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not judged here"),
    }
}
