//! A call of the API, and its answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A call as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Without the base and the query.
    pub(crate) path: String,
    /// Of GraphQL, the name of the field that is asked for.
    pub(crate) operation: String,
    pub(crate) status: u16,
}

impl Seen {
    /// Whether it creates or changes something.
    pub(crate) fn writes(&self) -> bool {
        match self.operation.as_str() {
            // Who gets a token writes nothing.
            "" => self.method != "GET" && !self.path.starts_with("/app/"),
            operation => !matches!(operation, "repository" | "mergeQueue"),
        }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} -> {}", self.method, self.path, self.operation, self.status)
    }
}

/// A call as it came.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) unless: Option<String>,
    /// The text behind `Bearer` or `token`.
    pub(crate) token: String,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self::with(200, body)
    }

    pub(crate) fn with(status: u16, body: Value) -> Self {
        Self { status, headers: vec![], body }
    }

    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::with(status, json!({ "message": message, "documentation_url": "https://docs.example" }))
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// As GitHub refuses what it cannot work with.
    pub(crate) fn invalid(message: &str) -> Self {
        let errors = json!([{ "resource": "PullRequest", "code": "custom", "message": message }]);
        Self::with(422, json!({ "message": "Validation Failed", "errors": errors }))
    }
}
