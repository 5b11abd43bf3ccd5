//! The document as a page for people. It holds no script and fetches nothing.

use std::fmt::Write as _;

use serde_json::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#8881;padding:.8rem;overflow:auto;border-radius:4px}\
    summary{cursor:pointer;padding:.2rem 0}summary b{display:inline-block;min-width:4.5rem}\
    details{border-bottom:1px solid #8883}details>*:not(summary){margin-left:1rem}\
    :root{color-scheme:light dark}h2{margin-top:2rem}";

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The page that shows `document`.
pub(in crate::http) fn page(document: &Value) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    _ = write_page(&mut out, document);
    out
}

fn write_page(out: &mut String, document: &Value) -> std::fmt::Result {
    let info = &document["info"];
    writeln!(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width\"><title>Meshwright API</title>")?;
    writeln!(out, "<style>{STYLE}</style></head><body>")?;
    writeln!(out, "<h1>{} {}</h1>", text(&info["title"]), text(&info["version"]))?;
    for paragraph in info["description"].as_str().unwrap_or_default().split("\n\n") {
        writeln!(out, "<p>{}</p>", prose(paragraph))?;
    }
    writeln!(out, "<p>The same for machines: <a href=\"/openapi.json\">openapi.json</a>.</p>")?;
    let mut section = "";
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            if tag != section {
                section = tag;
                writeln!(out, "<h2>{}</h2>", escape(tag))?;
            }
            write_operation(out, path, method, operation)?;
        }
    }
    writeln!(out, "<h1>Schemas</h1>")?;
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let schema = serde_json::to_string_pretty(schema).unwrap_or_default();
        writeln!(out, "<details id=\"{0}\"><summary><code>{0}</code></summary>", escape(name))?;
        writeln!(out, "<pre>{}</pre></details>", prose(&schema))?;
    }
    writeln!(out, "</body></html>")
}

fn write_operation(out: &mut String, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
    let (method, summary) = (method.to_uppercase(), prose(operation["summary"].as_str().unwrap_or_default()));
    writeln!(out, "<details><summary><b>{method}</b> <code>{}</code> {summary}</summary>", escape(path))?;
    if let Some(words) = operation["description"].as_str() {
        writeln!(out, "<p>{}</p>", prose(words))?;
    }
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        writeln!(out, "<p>Body: <code>{}</code>{}</p>", escape(kind), link(&content["schema"]))?;
        match content.get("example") {
            Some(Value::String(example)) => writeln!(out, "<pre>{}</pre>", escape(example))?,
            Some(example) => {
                writeln!(out, "<pre>{}</pre>", escape(&serde_json::to_string_pretty(example).unwrap_or_default()))?;
            }
            None => {}
        }
    }
    let statuses = operation["responses"].as_object().into_iter().flatten();
    let statuses: Vec<_> = statuses
        .map(|(status, response)| {
            let content = response["content"].as_object().and_then(|content| content.values().next());
            format!("<code>{}</code>{}", escape(status), content.map(|c| link(&c["schema"])).unwrap_or_default())
        })
        .collect();
    writeln!(out, "<p>Answers: {}</p></details>", statuses.join(", "))
}

/// A link to the schema that is referred to, if one is.
fn link(schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    name.map(|name| format!(" (<a href=\"#{0}\">{0}</a>)", escape(name))).unwrap_or_default()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// A text in which what stands between backticks is shown as code.
fn prose(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(n, piece)| if n % 2 == 1 { format!("<code>{}</code>", escape(piece)) } else { escape(piece) })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
