//! The part of the document about everything but the tree.

use serde_json::{Map, Value, json};

use super::{problems, reference};
use crate::change::State;
use crate::http::access::PARAMETERS;
use crate::http::body::YAML;
use crate::http::rights::Step;
use crate::http::routes::{STEPS, WEBHOOKS};
use crate::http::said::Said;

/// The bundle that the document shows.
pub(super) const EXAMPLE: &str = "base: projects/shop
---
anchor: projects
metadata: {name: shop}
---
anchor: logical-clouds
metadata: {name: lc}
spec: {namespace: shop}
";

/// The paths of bundles, changes, events and the server's own pages.
pub(super) fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    let mut add = |path: &str, item: Value| paths.insert(path.to_owned(), item);
    add("/v2/bundles", bundles());
    add("/v2/plan", plan());
    add("/v2/changes", changes());
    for (path, name, words, content) in [
        ("/v2/changes/{id}", "getChange", "One change with its plan in words.", json("ChangeDetail")),
        (
            "/v2/changes/{id}/diff",
            "getChangeDiff",
            "What it changes: one unified diff, or by file where `Accept: application/json` is sent.",
            json!({"text/x-diff": {"schema": {"type": "string"}}, "application/json": {"schema": reference("schemas", "FileDiffs")}}),
        ),
        ("/v2/changes/{id}/access", "getChangeAccess", "Who gains or loses access by it.", json("ChangeAccess")),
    ] {
        add(path, of_change("get", read(name, "changes", words, content, &[404, 409])));
    }
    for (word, path, step) in STEPS {
        add(path, of_change("post", taken(word, step)));
    }
    add("/v2/access", access());
    add("/v2/graph", graph());
    add("/v2/events", events());
    add(WEBHOOKS, webhooks());
    for (path, name, words, kind) in [
        ("/livez", "live", "Whether the process runs.", "text/plain"),
        ("/metrics", "metrics", "Counters for Prometheus.", "text/plain"),
        ("/openapi.json", "openapi", "This document.", "application/json"),
        ("/docs", "docs", "This document for people.", "text/html"),
    ] {
        let content = json!({kind: {"schema": if kind == "application/json" { json!({"type": "object"}) } else { json!({"type": "string"}) }}});
        let mut operation = read(name, "server", words, content, &[]);
        if name != "metrics" {
            open(&mut operation);
        }
        add(path, json!({"get": operation}));
    }
    let mut ready = read("ready", "server", "Whether every part works, and which does not.", json("Readiness"), &[]);
    open(&mut ready);
    ready["security"] = json!([{}, {"token": []}]);
    ready["responses"]["503"] = json!({"description": "a part does not work", "content": json("Readiness")});
    add("/readyz", json!({"get": ready}));
    paths
}

fn json(schema: &str) -> Value {
    json!({"application/json": {"schema": reference("schemas", schema)}})
}

fn read(name: &str, tag: &str, words: &str, content: Value, statuses: &[u16]) -> Value {
    let answer = json!({"200": {"description": "found", "content": content}});
    json!({"operationId": name, "tags": [tag], "summary": words, "responses": problems(answer, statuses)})
}

/// Marks an operation that needs no credentials.
fn open(operation: &mut Value) {
    operation["security"] = json!([{}]);
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.retain(|status, _| ["200", "414"].contains(&status.as_str()));
    }
}

fn of_change(method: &str, operation: Value) -> Value {
    let id = json!({
        "name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
    });
    json!({"parameters": [id], method: operation})
}

fn bundle_body() -> Value {
    let one = json!({
        "schema": {"type": "string", "description": "a stream of documents: bodies with the anchor they are posted to"},
        "example": EXAMPLE,
    });
    let content: Map<_, _> = YAML.into_iter().map(|kind| (kind.to_owned(), one.clone())).collect();
    json!({"required": true, "content": content})
}

fn prune() -> Value {
    json!({
        "name": "prune", "in": "query", "required": false,
        "description": "also delete what stands under the bundle's base and is not in it",
        "schema": {"type": "boolean", "default": false},
    })
}

const FAULTS: &str =
    "Errors point into `/<index of the document, from 0>/…`, and name its anchor (`document`) and line.";

fn bundles() -> Value {
    let answer = |words: &str| json!({"description": words, "content": json("Accepted")});
    let answers = json!({"200": answer("nothing changed"), "202": answer("accepted, all of it")});
    json!({"post": {
        "operationId": "applyBundle", "tags": ["bundles"],
        "summary": "Write a bundle, all of it or nothing, as one change.",
        "description": format!("Documents create or replace, so that posting a bundle again changes nothing. {FAULTS}"),
        "parameters": [prune(), reference("parameters", "idempotencyKey")],
        "requestBody": bundle_body(),
        "responses": problems(answers, &[400, 404, 408, 409, 413, 415, 422]),
    }})
}

fn plan() -> Value {
    let mut operation = read(
        "plan",
        "bundles",
        "What a bundle would change; nothing is stored.",
        json("Plan"),
        &[400, 404, 408, 409, 413, 415, 422],
    );
    operation["description"] = format!("Needs the right propose on any project. {FAULTS}").into();
    operation["parameters"] = json!([prune()]);
    operation["requestBody"] = bundle_body();
    json!({"post": operation})
}

fn query(name: &str, words: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "description": words, "schema": schema})
}

fn access() -> Value {
    let words = "Whether somebody may call a service: what each of its workloads decides, and by which policy and rule. It is \
        asked of main, and true as far as the config repository shows.";
    let mut operation = read("mayCall", "access", words, json("Access"), &[400, 404]);
    let text = || json!({"type": "string"});
    let parameters = PARAMETERS.map(|name| {
        let (words, schema) = match name {
            "from" => ("who calls, as `namespace/service-account` or a whole identity; without it plain text", text()),
            "to" => ("the service, as `namespace/service`", text()),
            "method" => ("the method, in upper case", text()),
            "path" => ("the path", text()),
            "host" => ("the authority, with its port where the caller sends one", text()),
            "port" => (
                "the port of the service; all of them without",
                json!({"type": "integer", "minimum": 1, "maximum": 65535}),
            ),
            "cluster" => ("`provider/cluster`; all of them without", text()),
            _ => ("the address that calls come from", text()),
        };
        let mut parameter = query(name, words, schema);
        parameter["required"] = (name == "to").into();
        parameter
    });
    operation["parameters"] = parameters.into_iter().collect();
    json!({"get": operation})
}

fn graph() -> Value {
    let words = "The services on main, who is named to call them, and where they run.";
    let mut operation = read("graph", "access", words, json("Graph"), &[400]);
    operation["parameters"] = json!([query("namespace", "the services of this namespace", json!({"type": "string"}))]);
    json!({"get": operation})
}

fn changes() -> Value {
    let states = State::ALL.map(State::as_str);
    let mut operation = read("listChanges", "changes", "Changes, newest first.", json("ChangePage"), &[400]);
    operation["parameters"] = json!([
        query("state", "those in this state", json!({"type": "string", "enum": states})),
        query("project", "those that own something of this project", json!({"type": "string"})),
        query("limit", "how many", json!({"type": "integer", "minimum": 1, "maximum": 500, "default": 50})),
        query("after", "the `next` of the page before", json!({"type": "string"})),
    ]);
    json!({"get": operation})
}

fn taken(word: &str, step: Step) -> Value {
    let words = match step {
        Step::Approve => "Approve its present content. Needs the right approve on all its projects.",
        Step::RequestChanges => "Ask for changes. Needs the right approve on all its projects.",
        Step::Reject => "Close it for good. Needs the right approve on all its projects.",
        Step::Merge => "Merge it. Needs the right approve or operate on all its projects.",
        Step::Withdraw => "Take it back. The requester may, and whoever has the right operate on all its projects.",
    };
    let answer = json!({"200": {"description": "the change as it then is", "content": json("Change")}});
    json!({
        "operationId": format!("change-{word}"), "tags": ["changes"], "summary": words,
        "requestBody": {"required": false, "content": {"application/json": {
            "schema": Said::schema(step),
            "example": {"comment": "as discussed"},
        }}},
        "responses": problems(answer, &[400, 404, 408, 409, 413, 415, 422]),
    })
}

fn webhooks() -> Value {
    let words = "A webhook of the forge, or of a GitOps engine.";
    let more = "That of a forge is signed with the secret that is configured, stored by its id, and then only a reason to \
        look at the forge: nothing of what it says is believed. It may be 10 MiB long. Argo CD sends a bearer token of \
        its own, and what the template in docs/gitops.md gives; Flux signs its Event in X-Signature. Those say that a \
        cluster has synced a commit, are stored by the digest of their body, and may be 256 KiB long.";
    let answer = json!({"202": {"description": "stored, or known already", "content": json("Delivered")}});
    let responses = problems(answer, &[400, 404, 408, 413, 415, 422]);
    json!({
        "parameters": [{
            "name": "forge", "in": "path", "required": true, "schema": {"type": "string", "enum": ["github", "gitea", "argocd", "flux"]},
        }],
        "post": {
            "operationId": "receiveWebhook", "tags": ["server"], "summary": words, "description": more,
            "security": [{}],
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": responses,
        },
    })
}

fn events() -> Value {
    let words = "What happens to changes, as it happens. `event: change` has a change's new state as JSON; \
        `event: lost` says that events are gone, because the reader was too slow or came back: read the changes anew. \
        A caller may have 16 streams open.";
    let content = json!({"text/event-stream": {"schema": {"type": "string"}}});
    let mut operation = read("events", "changes", words, content, &[400]);
    operation["parameters"] = json!([
        {"name": "change", "in": "query", "required": false, "description": "of this change only", "schema": {"type": "string"}},
        {
            "name": "Last-Event-ID", "in": "header", "required": false, "schema": {"type": "string"},
            "description": "sent by a reader that comes back: the stream then begins with `event: lost`, because nothing is kept",
        },
    ]);
    json!({"get": operation})
}
