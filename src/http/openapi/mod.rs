//! The OpenAPI 3.1 document, made from the tables that the server itself works by.

mod beyond;
mod kinds;
mod page;
mod shapes;

use serde_json::{Map, Value, json};

use super::problem::{ALL, BASE};

pub(super) use page::page;

const DESCRIPTION: &str = "Traffic intents in, reviewed pull requests of Istio configuration out.\n\n\
    Every write is answered once it is durable, and becomes part of a change (`Meshwright-Change`, `Link`). A read shows \
    the proposed state, which is main with everything pending; `view=live` shows main alone. Errors are problems \
    (RFC 9457) that list all violations. A write may carry `If-Match`, `If-None-Match: *` and `Idempotency-Key`; the \
    latter covers method, path, query and body, of a multipart body its `metadata` part. An actor that the token may act \
    for is named by `Meshwright-Actor`, such as `github:alice`. `/livez`, `/readyz`, this document and `/docs` are for \
    everybody; everything else, `/metrics` too, needs a token where tokens are configured. Without tokens only loopback \
    hosts are served, and pages of other sites may not write.";

/// The OpenAPI 3.1 document of the API.
#[must_use]
pub fn openapi() -> Value {
    let mut paths = kinds::paths();
    paths.extend(beyond::paths());
    let mut schemas = kinds::schemas();
    schemas.extend(shapes::schemas());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Meshwright",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses(),
            "parameters": parameters(),
            "headers": headers(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    })
}

/// One response for each status that a problem may have, with the types of problems behind it.
fn responses() -> Map<String, Value> {
    let mut statuses: Vec<_> = ALL.iter().map(|kind| kind.status).collect();
    statuses.sort();
    statuses.dedup();
    let one = |status: axum::http::StatusCode| {
        let types: Vec<_> = ALL.iter().filter(|kind| kind.status == status).collect();
        let lines: Vec<_> = types.iter().map(|kind| format!("- `{BASE}{}`: {}", kind.slug, kind.title)).collect();
        let mut response = json!({
            "description": lines.join("\n"),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
        if status == axum::http::StatusCode::PRECONDITION_FAILED {
            response["headers"] = json!({"ETag": reference("headers", "ETag")});
        }
        (format!("Problem{}", status.as_u16()), response)
    };
    statuses.into_iter().map(one).collect()
}

/// Adds references to problems of these statuses to the `responses` of an operation.
fn problems(mut responses: Value, statuses: &[u16]) -> Value {
    for status in statuses.iter().chain(&[401, 403, 414, 429, 503]) {
        responses[status.to_string()] = json!({"$ref": format!("#/components/responses/Problem{status}")});
    }
    responses
}

fn parameters() -> Value {
    let header = |name: &str, words: &str| json!({"name": name, "in": "header", "required": false, "description": words, "schema": {"type": "string"}});
    json!({
        "view": {
            "name": "view", "in": "query", "required": false,
            "description": "`live` shows what is on main, `proposed` (default) main with everything pending",
            "schema": {"type": "string", "enum": ["live", "proposed"]},
        },
        "ifMatch": header("If-Match", "write only if the resource has one of these entity tags"),
        "ifNoneMatch": header("If-None-Match", "on a read: 304 if it still has this entity tag; on a write `*`: only if it does not exist"),
        "idempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "the same key and request give the first answer again; with another request it is 409",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
    })
}

fn headers() -> Value {
    let header = |words: &str| json!({"description": words, "schema": {"type": "string"}});
    json!({
        "ETag": header("the entity tag of the representation"),
        "Location": header("the path of what was created"),
        "Meshwright-Change": header("the change that the write belongs to"),
        "Warning": header("what the caller should know of a write that was accepted: 299 meshwright \"…\"; may come several times"),
        "Link": header("the same as a link, rel=\"change\""),
    })
}

fn reference(section: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{section}/{name}")})
}

#[cfg(test)]
mod tests;
