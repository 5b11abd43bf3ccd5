//! Values as rules see them.

use std::sync::{Arc, LazyLock};

use cel::Value;
use serde_json::Value as Json;

use super::language::{map, string};
use super::structure::{Schema, Type};

/// A value as rules see it: properties by names that are identifiers, numbers of the type that the schema gives them.
pub(super) fn in_language(schema: &Schema, of: &Json) -> Value {
    static ANYTHING: LazyLock<Schema> = LazyLock::new(Schema::default);
    match of {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::String(text) => string(text),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (_, _, Some(number)) if schema.kind == Some(Type::Number) => Value::Float(number),
            (Some(number), ..) => Value::Int(number),
            (None, Some(number), _) => Value::UInt(number),
            #[expect(clippy::cast_possible_truncation, reason = "the schema was asked whether it is whole")]
            (_, _, Some(number)) if schema.kind == Some(Type::Integer) => Value::Int(number as i64),
            (_, _, number) => Value::Float(number.unwrap_or(f64::NAN)),
        },
        Json::Array(items) => {
            let schema = schema.items.as_deref().unwrap_or(&ANYTHING);
            Value::List(Arc::new(items.iter().map(|item| in_language(schema, item)).collect()))
        }
        Json::Object(members) => map(members.iter().map(|(name, of)| {
            let called = if schema.properties.contains_key(name) { identifier(name) } else { name.clone() };
            (called, in_language(schema.member(name).unwrap_or(&ANYTHING), of))
        })),
    }
}

/// The words that no property can be called by.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// How rules call a property (`x-kubernetes-validations`, on accessible property names).
fn identifier(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let escaped = name.replace("__", "__underscores__");
    escaped.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

#[cfg(test)]
mod tests {
    use super::identifier;

    #[test]
    fn properties_are_called_by_identifiers() {
        assert_eq!(identifier("namespace"), "__namespace__");
        assert_eq!(identifier("x-y.z/a"), "x__dash__y__dot__z__slash__a");
        assert_eq!(identifier("a__b"), "a__underscores__b");
    }
}
