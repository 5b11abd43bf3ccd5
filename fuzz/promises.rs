//! What holds for any bytes that anybody sends: reading ends, says where it stopped, and answers no more than it was asked.
//!
//! The fuzz targets and `tests/fuzz.rs` share this file.
#![allow(dead_code, reason = "each target needs one of them")]

use std::sync::LazyLock;

use meshwright::intent::Bundle;
use meshwright::intent::bundle::to_document;
use meshwright::lint::{Manifests, lint_files};
use meshwright::schema::Schemas;
use meshwright::yaml;
use serde_json::{Value, json};

/// The most findings of a file, and the longest message.
const MOST: (usize, usize) = (1_001, 1 << 16);

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// How many lines there may be at the most: YAML breaks them at carriage returns, too.
fn lines(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count()).unwrap() + 1
}

/// The two readers of YAML agree, what is written is read, and places are in the text.
pub(crate) fn yaml(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(documents) = yaml::documents(text) else { return };
    let lines = lines(bytes);
    for document in documents.iter() {
        let read = yaml::value(document.text);
        assert_eq!(read, yaml::from_str::<Value>(document.text), "the plain reader says what the other does");
        match read {
            Ok(value) => {
                let again = yaml::from_str::<Value>(&yaml::to_string(&value));
                assert_eq!(again.as_ref(), Ok(&value), "what is written is read");
                let pointers: Vec<String> = members(&value).map(|name| format!("/{name}")).collect();
                let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
                for (line, column) in document.positions(&pointers).into_iter().flatten() {
                    assert!(line >= document.line && line <= lines && column > 0, "{line}:{column} of {lines}");
                }
            }
            Err(error) => assert!(error.in_document_from(document.line).line <= lines, "the error is in the text"),
        }
    }
    assert_eq!(documents.edit(&[].into()), text, "an edit of nothing changes nothing");
}

fn members(value: &Value) -> impl Iterator<Item = String> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, _)| name.replace('~', "~0").replace('/', "~1")).take(8)
}

/// Manifests are read and linted, by definitions too; findings are bounded and have places in the file.
pub(crate) fn manifests(bytes: &[u8]) {
    let check = |value: &Value| widgets().check(value);
    let file = Manifests::read("a.yaml", bytes.to_vec(), Some(&check));
    let lines = lines(bytes);
    let alone = file.findings();
    assert!(alone.len() <= MOST.0, "{} findings", alone.len());
    for finding in alone.iter().cloned().chain(lint_files(&[&file])) {
        let place = &finding.place;
        assert!((1..=lines).contains(&place.line) && place.column > 0, "{finding} in {lines} lines");
        assert!(finding.message.len() <= MOST.1 + bytes.len(), "{finding}");
    }
}

/// A bundle that is read is written and read again as it was.
pub(crate) fn bundle(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match Bundle::read(text) {
        Ok(bundle) => {
            for posted in &bundle.documents {
                let again = Bundle::read(&to_document(None, &posted.resource)).map(|it| it.documents);
                let again = again.map(|it| it.into_iter().map(|it| it.resource).collect::<Vec<_>>());
                assert_eq!(again.as_deref(), Ok(std::slice::from_ref(&posted.resource)), "a codec loses nothing");
            }
        }
        Err(rejected) => assert!(!rejected.is_empty(), "a refusal has a reason"),
    }
}

fn widgets() -> &'static Schemas {
    static WIDGETS: LazyLock<Schemas> = LazyLock::new(|| {
        let text = include_str!("../src/schema/tests.yaml").to_owned();
        Schemas::read(&[("widgets.yaml".to_owned(), text)]).unwrap()
    });
    &WIDGETS
}

/// Definitions are read, and hold a value, rules and all.
pub(crate) fn definitions(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match Schemas::read(&[("a.yaml".to_owned(), text.to_owned())]) {
        Ok(schemas) => {
            let widget = json!({
                "apiVersion": "mesh.example/v1", "kind": "Widget", "metadata": {"name": "a"},
                "spec": {
                    "host": "a.example", "port": 80, "timeout": "1s", "namespace": "b", "url": "https://a",
                    "ports": [{"name": "a", "number": 1}, {"name": "b", "number": 1.5}], "labels": {"a": "b", "c": null},
                    "strange": "x", "broken": "x", "deep": [1, 2, 3], "tags": ["a", "a"], "unknown": {"a": [{}]},
                },
            });
            let found = schemas.check(&widget);
            assert!(found.iter().all(|it| it.message.len() <= MOST.1 + bytes.len()), "messages are bounded");
            schemas.unsure();
        }
        Err(found) => assert!(!found.is_empty(), "a refusal has a reason"),
    }
}
