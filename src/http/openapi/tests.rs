use std::collections::BTreeSet;

use super::*;
use crate::http::rights::Step;
use crate::http::routes::{STEPS, template};
use crate::intent::{Bundle, KINDS, Resource};

/// Every `$ref` in `value`.
fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = openapi();
    let mut found = vec![];
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn every_path_declares_exactly_its_parameters_and_every_operation_its_own_name_and_its_problems() {
    let document = openapi();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let in_path: Vec<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let declared: Vec<_> =
            item["parameters"].as_array().into_iter().flatten().filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(in_path, declared, "{path}");
        for method in ["get", "post", "put", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
            let with_body = operation.get("requestBody").map_or(&[][..], |_| &[400, 408, 413, 415, 422]);
            for status in with_body.iter().chain(&[414]) {
                let reference = format!("#/components/responses/Problem{status}");
                assert_eq!(operation["responses"][status.to_string()]["$ref"], reference, "{path}");
            }
        }
    }
    assert_eq!(names.len(), KINDS.len() * 5 + 6 + 12 + STEPS.len() + 3);
}

#[test]
fn every_route_is_described() {
    let document = openapi();
    let paths = document["paths"].as_object().unwrap();
    for path in paths.keys() {
        let in_tree = ["/v2/projects", "/v2/cluster-providers", "/v2/dtc-controllers"];
        assert!(template(path).is_some() || in_tree.iter().any(|root| path.starts_with(root)), "{path}");
    }
    for (_, path, _) in STEPS {
        assert!(paths.contains_key(path) && template(path).is_some());
    }
    assert!(["/v2/access", "/v2/graph"].iter().all(|path| paths.contains_key(*path)));
}

#[test]
fn what_a_reader_that_comes_back_sends_is_described() {
    let document = openapi();
    let parameters = document["paths"]["/v2/events"]["get"]["parameters"].as_array().unwrap();
    let header = parameters.iter().find(|parameter| parameter["in"] == "header").unwrap();
    assert_eq!(header["name"], "Last-Event-ID");
}

#[test]
fn every_change_of_access_has_its_word() {
    let document = openapi();
    let words = document["components"]["schemas"]["AccessChange"]["properties"]["shift"]["enum"].as_array().unwrap();
    // The last one has the highest number.
    assert_eq!(words.len(), crate::review::Shift::Noted as usize + 1);
    assert_eq!(words.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>().len(), words.len());
}

#[test]
fn steps_are_the_words_of_their_paths() {
    let steps = STEPS.map(|(_, _, step)| step);
    assert_eq!(steps, [Step::Approve, Step::RequestChanges, Step::Merge, Step::Withdraw, Step::Reject]);
    assert!(STEPS.iter().all(|(word, path, _)| path.ends_with(&format!("/{word}"))));
}

#[test]
fn examples_are_accepted() {
    let document = openapi();
    for entry in KINDS {
        let path = crate::http::address::collection_template(entry.kind);
        let post = &document["paths"][&path]["post"];
        let body = &post["requestBody"]["content"]["application/json"]["example"];
        assert!(Resource::read(None, entry.kind, body).is_ok(), "{path}");
    }
    assert_eq!(Bundle::read(beyond::EXAMPLE).unwrap().documents.len(), 2);
}

#[test]
fn the_page_shows_every_path_and_fetches_nothing() {
    let document = openapi();
    let page = page(&document);
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path}");
    }
    assert!(!page.contains('`') && page.contains("<code>view=live</code>"), "{page}");
    for word in ["<script", "src=", "url(", "https://cdn", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
}
