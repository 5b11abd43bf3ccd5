//! The part of the document that follows from the table of kinds.

use serde_json::{Map, Value, json};

use super::{problems, reference};
use crate::http::address::{Call, collection_template, item_template, parameters};
use crate::intent::kind::{BodyForm, KindEntry};
use crate::intent::name::{NAME_MAX, NAME_PATTERN};
use crate::intent::{KINDS, Kind, Resource};

/// The schema of the bodies of each kind.
pub(super) fn schemas() -> Map<String, Value> {
    KINDS.iter().map(|entry| (schema_name(entry.kind), Resource::schema(entry.kind))).collect()
}

/// The paths of every collection, item and call.
pub(super) fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for entry in KINDS {
        paths.insert(collection_template(entry.kind), collection(entry));
        paths.insert(item_template(entry.kind), item(entry));
        for call in Call::of(entry.kind) {
            paths.insert(format!("{}/{}", item_template(entry.kind), call.as_str()), called(entry, *call));
        }
    }
    paths
}

fn schema_name(kind: Kind) -> String {
    format!("{kind:?}")
}

fn example(kind: Kind) -> Value {
    serde_json::from_str(kind.entry().example).unwrap_or_default()
}

/// The path parameters of one resource of `kind`, outermost first, each with the name that the examples use.
fn path_parameters(kind: Kind) -> Vec<Value> {
    let mut all = kind.entry().parent.map(path_parameters).unwrap_or_default();
    let body = example(kind);
    let pointers: &[&str] = match kind.entry().form {
        BodyForm::Label => &["/clusterLabel"],
        BodyForm::Standard => &["/metadata/name", "/spec/compositeAppVersion"],
    };
    for (name, pointer) in parameters(kind).into_iter().zip(pointers) {
        all.push(json!({
            "name": name, "in": "path", "required": true, "example": body.pointer(pointer),
            "schema": {"type": "string", "pattern": NAME_PATTERN, "maxLength": NAME_MAX},
        }));
    }
    all
}

fn request_body(entry: &KindEntry) -> Value {
    let json = json!({"schema": reference("schemas", &schema_name(entry.kind)), "example": example(entry.kind)});
    let mut content = json!({"application/json": json});
    if entry.multipart {
        content["multipart/form-data"] = json!({
            "schema": {
                "type": "object", "required": ["metadata"],
                "properties": {
                    "metadata": reference("schemas", &schema_name(entry.kind)),
                    "file": {
                        "description": "read and dropped; never stored",
                        "type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                },
            },
            "encoding": {"metadata": {"contentType": "application/json"}},
        });
    }
    json!({"required": true, "content": content})
}

fn answered(entry: &KindEntry, words: &str, created: bool) -> Value {
    let header = |name: &str| (name.to_owned(), reference("headers", name));
    let mut headers: Map<_, _> = ["ETag", "Meshwright-Change", "Link", "Warning"].into_iter().map(header).collect();
    if created {
        headers.extend([header("Location")]);
    }
    let schema = reference("schemas", &schema_name(entry.kind));
    json!({"description": words, "headers": headers, "content": {"application/json": {"schema": schema}}})
}

fn collection(entry: &KindEntry) -> Value {
    let (title, name) = (entry.title, schema_name(entry.kind));
    let items = json!({"type": "array", "items": reference("schemas", &name)});
    let alias = entry.alias.map(|alias| format!(" `{alias}` is another name of the collection.")).unwrap_or_default();
    let post = json!({
        "operationId": format!("create{name}"),
        "tags": [title],
        "summary": format!("Create: {title}"),
        "description": format!("The body comes back as it was sent.{alias}"),
        "parameters": [reference("parameters", "idempotencyKey")],
        "requestBody": request_body(entry),
        "responses": problems(json!({"201": answered(entry, "created", true)}), &[400, 404, 408, 409, 413, 415, 422]),
    });
    json!({
        "parameters": entry.parent.map(path_parameters).unwrap_or_default(),
        "get": {
            "operationId": format!("list{name}"),
            "tags": [title],
            "summary": format!("List: {title}"),
            "parameters": [reference("parameters", "view")],
            "responses": problems(
                json!({"200": {"description": "all of them", "content": {"application/json": {"schema": items}}}}),
                &[400, 404, 409],
            ),
        },
        "post": post,
    })
}

fn item(entry: &KindEntry) -> Value {
    let (title, name) = (entry.title, schema_name(entry.kind));
    let conditions = ["ifMatch", "ifNoneMatch", "idempotencyKey"].map(|name| reference("parameters", name));
    let written = json!({"200": answered(entry, "replaced", false), "201": answered(entry, "created", true)});
    let put = json!({
        "operationId": format!("put{name}"),
        "tags": [title],
        "summary": format!("Create or replace: {title}"),
        "parameters": conditions,
        "requestBody": request_body(entry),
        "responses": problems(written, &[400, 404, 408, 409, 412, 413, 415, 422]),
    });
    let change = json!({
        "Meshwright-Change": reference("headers", "Meshwright-Change"), "Link": reference("headers", "Link"),
        "Warning": reference("headers", "Warning"),
    });
    json!({
        "parameters": path_parameters(entry.kind),
        "get": {
            "operationId": format!("get{name}"),
            "tags": [title],
            "summary": format!("Read: {title}"),
            "parameters": [reference("parameters", "view"), reference("parameters", "ifNoneMatch")],
            "responses": problems(
                json!({"200": answered(entry, "as it was sent", false), "304": {"description": "it is still the same"}}),
                &[400, 404, 409],
            ),
        },
        "put": put,
        "delete": {
            "operationId": format!("delete{name}"),
            "tags": [title],
            "summary": format!("Delete: {title}"),
            "parameters": [reference("parameters", "ifMatch"), reference("parameters", "idempotencyKey")],
            "responses": problems(
                json!({"204": {"description": "deleted", "headers": change}}),
                &[400, 404, 409, 412],
            ),
        },
    })
}

fn called(entry: &KindEntry, call: Call) -> Value {
    let title = entry.title;
    let words = match (entry.kind, call) {
        (Kind::LogicalCloud, _) => "There is nothing to do for a logical cloud; it only has to exist.",
        (_, Call::Approve) => "The set is complete: ready for review now.",
        (_, Call::Instantiate) => "The set is complete: ready for review now; undoes a terminate.",
        (_, Call::Terminate) => {
            "Proposes the removal of its manifests and keeps its intents; a closed server keeps one policy that lets nobody in."
        }
        (_, Call::Status) => "How far each intent and each resource has come.",
    };
    let name = format!("{}{}", call.as_str(), schema_name(entry.kind));
    let parameters = path_parameters(entry.kind);
    if call == Call::Status {
        let content = json!({"application/json": {"schema": reference("schemas", "Status")}});
        let words = format!("{words} The parameters `type`, `output` and `instance` of older clients are ignored.");
        return json!({"parameters": parameters, "get": {
            "operationId": name, "tags": [title], "summary": words,
            "responses": problems(json!({"200": {"description": "the status", "content": content}}), &[400, 404, 409]),
        }});
    }
    let content = json!({"application/json": {"schema": reference("schemas", "Accepted")}});
    json!({"parameters": parameters, "post": {
        "operationId": name, "tags": [title], "summary": words,
        "parameters": [reference("parameters", "idempotencyKey")],
        "responses": problems(json!({"202": {"description": "accepted", "content": content}}), &[400, 404, 409]),
    }})
}
