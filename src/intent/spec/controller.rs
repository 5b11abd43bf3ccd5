//! Plugins that registered themselves.

use crate::intent::fields::{Fields, Scalar};
use crate::intent::scalar::{Port, Text};
use serde_json::{Value, json};

/// Where a plugin is reached and when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Host name or address.
    pub host: Text,
    /// gRPC port.
    pub port: Port,
    /// Its order among plugins; lower is called first.
    pub priority: i64,
}

struct Priority(i64);

impl Scalar for Priority {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_i64().map(Self).ok_or_else(|| "must be a whole number".into())
    }

    fn schema() -> Value {
        json!({"type": "integer"})
    }
}

impl Controller {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let host = f.required("host", "where the plugin is reached");
        let port = f.required("port", "its gRPC port");
        f.optional::<Text>("type", "kept as given");
        let priority = f.optional::<Priority>("priority", "order among plugins").map_or(0, |p| p.0);
        Some(Self { host: host?, port: port?, priority })
    }
}
