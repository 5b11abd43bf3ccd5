//! What the resources of a file are called, and which of them a finding is about.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::finding::Finding;

/// What a resource is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its kind, such as `VirtualService`.
    pub kind: String,
    /// Its namespace; empty where the manifest names none.
    pub namespace: String,
    /// Its name; empty where the manifest has none.
    pub name: String,
}

impl Named {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text(value.get("kind"));
        let metadata = |name: &str| text(value.get("metadata").and_then(|metadata| metadata.get(name)));
        (!kind.is_empty()).then(|| Self { kind, namespace: metadata("namespace"), name: metadata("name") })
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.namespace.as_str(), self.name.as_str()) {
            (_, "") => f.write_str(&self.kind),
            ("", name) => write!(f, "{} {name}", self.kind),
            (namespace, name) => write!(f, "{} {namespace}/{name}", self.kind),
        }
    }
}

/// The resources of a file, by the line of their document and the pointer to them there; `None` for a document that is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<(u32, String), Option<Named>>);

impl Names {
    pub(super) fn add(&mut self, line: u32, pointer: &str, named: Option<Named>) {
        self.0.insert((line, pointer.to_owned()), named);
    }

    /// How many resources there are.
    pub(super) fn count(&self) -> usize {
        self.0.values().flatten().count()
    }

    /// The resource in which a finding stands.
    pub(super) fn of(&self, finding: &Finding) -> Option<&Named> {
        let place = &finding.place;
        let ((line, _), _) = self.0.range(..(place.line.checked_add(1)?, String::new())).next_back()?;
        let mut within = place.pointer.as_str();
        loop {
            if let Some(named) = self.0.get(&(*line, within.to_owned())) {
                return named.as_ref();
            }
            (within, _) = within.rsplit_once('/')?;
        }
    }
}
