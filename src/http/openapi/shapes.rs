//! Schemas of what is answered beside resources.

use serde_json::{Map, Value, json};

use super::reference;
use crate::change::State;
use crate::change::forge::Verdict;
use crate::change::submission::Outcome;
use crate::finding::Severity;
use crate::review::{Happening, Shift};

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

fn list(schema: &str) -> Value {
    json!({"type": "array", "items": reference("schemas", schema)})
}

/// An object; fields whose name ends in `?` may be absent.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let required: Vec<_> = fields.iter().map(|(name, _)| *name).filter(|name| !name.ends_with('?')).collect();
    let properties: Map<_, _> =
        fields.iter().map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// The words of an enumeration, as they are written.
fn words<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> Value {
    let values: Vec<Value> = values.into_iter().filter_map(|value| serde_json::to_value(value).ok()).collect();
    json!({"type": "string", "enum": values})
}

/// An object with the fields of two.
fn joined(base: &Value, more: Value) -> Value {
    let mut all = base.clone();
    if let (Some(into), Some(from)) = (all["properties"].as_object_mut(), more["properties"].as_object()) {
        into.extend(from.clone());
    }
    if let (Some(into), Some(from)) = (all["required"].as_array_mut(), more["required"].as_array()) {
        into.extend(from.clone());
    }
    all
}

/// The schemas of answers.
pub(super) fn schemas() -> Map<String, Value> {
    let change = change();
    let happening = words([Happening::Added, Happening::Changed, Happening::Removed]);
    let plan = plan_words();
    [
        ("Problem", problem()),
        ("Finding", finding()),
        ("Accepted", accepted()),
        ("Delivered", delivered()),
        ("ChangeDetail", joined(&change, detail())),
        ("Change", change),
        ("ChangePage", object([("changes", list("Change")), ("next?", text())])),
        ("Plan", joined(&plan, object([("diff", text())]))),
        ("PlanWords", plan),
        ("AccessChange", access_change()),
        ("Access", object([("answers", list("AccessAnswer")), ("visible", text())])),
        ("AccessAnswer", access_answer()),
        ("Graph", object([("services", list("GraphService")), ("calls", list("GraphCall"))])),
        ("GraphService", graph_service()),
        ("GraphCall", graph_call()),
        (
            "ResourceChange",
            object([
                ("cluster", text()),
                ("kind", text()),
                ("name", text()),
                ("happening", happening.clone()),
                ("path", text()),
            ]),
        ),
        ("FileChange", object([("path", text()), ("happening", happening.clone())])),
        (
            "FileDiffs",
            object([
                ("change", text()),
                (
                    "files",
                    json!({
                        "type": "array",
                        "items": object([("path", text()), ("happening", happening.clone()), ("diff", text())]),
                    }),
                ),
            ]),
        ),
        ("ChangeAccess", object([("change", text()), ("access", list("AccessChange"))])),
        ("Status", status(&happening)),
        (
            "Readiness",
            object([
                ("ready", json!({"type": "boolean"})),
                (
                    "parts",
                    json!({
                        "type": "array",
                        "items": object([
                            ("name", text()),
                            ("ready", json!({"type": "boolean"})),
                            ("reason?", json!({
                                "type": "string",
                                "description": "why it does not work, at most 1 KiB; with a token, where tokens are configured",
                            })),
                        ]),
                    }),
                ),
            ]),
        ),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

fn problem() -> Value {
    let fault = object([
        (
            "pointer",
            json!({"type": "string", "description": "JSON pointer into the body; of a bundle it begins with the index of the document"}),
        ),
        ("message", text()),
        ("document?", json!({"type": "string", "description": "of a bundle: the anchor of the document"})),
        (
            "line?",
            json!({"type": "integer", "description": "of a bundle: the line that is wrong, or else the one that its document begins on"}),
        ),
        ("subject?", json!({"type": "string", "description": "the other resource that it is about"})),
    ]);
    object([
        ("type", json!({"type": "string", "format": "uri"})),
        ("title", text()),
        ("status", json!({"type": "integer"})),
        ("detail", json!({"type": "string", "description": "what is wrong and what to do"})),
        ("instance", json!({"type": "string", "description": "the path of the request"})),
        ("errors?", json!({"type": "array", "items": fault, "description": "all of it"})),
        ("requestId?", json!({"type": "string", "description": "of a failure of the server; also in X-Request-Id"})),
    ])
}

fn finding() -> Value {
    let number = json!({"type": "integer"});
    object([
        ("severity", words([Severity::Note, Severity::Warning, Severity::Error])),
        ("rule", text()),
        ("place", object([("path", text()), ("pointer?", text()), ("line?", number.clone()), ("column?", number)])),
        ("message", text()),
        ("remedy", text()),
    ])
}

fn delivered() -> Value {
    json!({
        "type": "object",
        "required": ["delivery", "new"],
        "properties": {
            "delivery": {"type": "string", "description": "its id, or the digest of its body"},
            "new": {"type": "boolean", "description": "whether it had not come in before"},
        },
    })
}

fn accepted() -> Value {
    let outcomes =
        words([Outcome::Created, Outcome::Replaced, Outcome::Unchanged, Outcome::Deleted, Outcome::Accepted]);
    let document = object([("anchor", text()), ("outcome", outcomes)]);
    object([
        ("change", json!({"type": ["string", "null"]})),
        ("documents", json!({"type": "array", "items": document})),
        ("warnings", list("Finding")),
    ])
}

fn change() -> Value {
    let (flag, moment) = (json!({"type": "boolean"}), json!({"type": "string", "format": "date-time"}));
    let requester = object([("name", text()), ("logins?", texts()), ("verified", flag.clone())]);
    object([
        ("id", text()),
        ("state", words(State::ALL)),
        ("reason?", text()),
        ("groups", texts()),
        ("requesters", json!({"type": "array", "items": requester})),
        ("created", moment.clone()),
        ("lastWrite", moment),
        ("ready", flag.clone()),
        ("sealed", flag),
        ("branch", text()),
        ("pull?", json!({"type": "integer"})),
        ("head?", text()),
        ("base?", text()),
        ("digest?", text()),
        ("merged?", text()),
        ("supersededBy?", text()),
    ])
}

fn reviews() -> Value {
    let given = object([
        ("by", json!({"type": "string", "description": "who looked at it"})),
        ("verdict", words([Verdict::Approve, Verdict::RequestChanges])),
        ("head", json!({"type": "string", "description": "the commit that they looked at"})),
        ("at", json!({"type": "string", "format": "date-time"})),
        ("comment", text()),
    ]);
    object([
        ("approvalsNeeded", json!({"type": "integer"})),
        ("given", json!({"type": "array", "items": given, "description": "oldest first"})),
    ])
}

/// What is told of one change beside what lists have of it.
fn detail() -> Value {
    object([
        ("reviews", reviews()),
        ("summary?", json!({"type": "string", "description": "the plan in words"})),
        ("plan?", reference("schemas", "PlanWords")),
        (
            "clusters?",
            json!({
                "type": "array", "items": reached(),
                "description": "of a merged change: the namespaces of clusters that it touched",
            }),
        ),
        ("planMissing?", text()),
    ])
}

fn reached() -> Value {
    let moment = |words: &str| json!({"type": "string", "format": "date-time", "description": words});
    object([
        ("cluster", json!({"type": "string", "description": "`provider/cluster`"})),
        ("namespace", text()),
        ("synced?", moment("when the engine there had synced a commit that holds the change")),
        ("live?", moment("when that was found healthy, too")),
    ])
}

fn plan_words() -> Value {
    object([
        ("digest", text()),
        (
            "blocked",
            json!({"type": "boolean", "description": "whether a finding is an error, so that it cannot be merged"}),
        ),
        ("access", list("AccessChange")),
        ("resources", list("ResourceChange")),
        ("files", list("FileChange")),
        ("findings", list("Finding")),
    ])
}

fn access_change() -> Value {
    object([
        ("shift", words(Shift::ALL)),
        ("target", text()),
        ("clusters", texts()),
        ("caller", text()),
        ("words", text()),
    ])
}

fn access_answer() -> Value {
    object([
        ("cluster", text()),
        ("workload", text()),
        ("port", json!({"type": "integer"})),
        ("intent", text()),
        ("principal", json!({"type": ["string", "null"]})),
        ("verdict", json!({"type": "string", "enum": ["allow", "deny"]})),
        ("policy", json!({"type": ["string", "null"]})),
        ("rule", json!({"type": ["integer", "null"]})),
        ("external?", text()),
        ("peerAuthentication?", text()),
        ("unsure?", text()),
        ("refused?", text()),
        ("notEnforced?", texts()),
        ("letInOtherwise?", json!({"type": "boolean"})),
        ("note?", text()),
    ])
}

fn graph_service() -> Value {
    let port = object([("number", json!({"type": "integer"})), ("protocol", text())]);
    object([
        ("name", text()),
        ("ports", json!({"type": "array", "items": port})),
        ("clusters", texts()),
        ("closed", json!({"type": "boolean"})),
        ("intents", texts()),
    ])
}

fn graph_call() -> Value {
    object([
        ("from", text()),
        ("to", text()),
        ("clusters", texts()),
        ("serviceAccounts?", texts()),
        ("namespaces?", texts()),
        ("intent", text()),
    ])
}

fn status(happening: &Value) -> Value {
    let intent = object([
        ("anchor", text()),
        ("kind", text()),
        ("state", text()),
        ("happening?", happening.clone()),
        ("change?", text()),
        ("commit?", text()),
        ("clusters?", texts()),
    ]);
    let resource = object([
        ("cluster", text()),
        ("kind", text()),
        ("name", text()),
        ("path", text()),
        ("happening?", happening.clone()),
        ("state", text()),
        ("change?", text()),
        ("commit?", text()),
    ]);
    object([
        ("deploymentIntentGroup", text()),
        ("state", text()),
        ("changes", list("Change")),
        ("intents", json!({"type": "array", "items": intent})),
        ("resources", json!({"type": "array", "items": resource})),
    ])
}
