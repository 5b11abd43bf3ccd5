//! Findings as machines of code hosts read them.

use crate::finding::{Finding, Place, Severity};
use crate::intent::{Anchor, layout};
use crate::lint::{Named, rule};

use super::sources::STANDARD_INPUT;

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For scripts.
    Json,
    /// Static Analysis Results Interchange Format 2.1.0.
    Sarif,
    /// Workflow commands that annotate a pull request on GitHub.
    Github,
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

/// What machines are told of standard input.
const STDIN: &str = "stdin";

/// The file of a finding; that of an intent where the finding names one, because code hosts know files only. What has a line
/// is a file, whatever its name looks like.
fn file(finding: &Finding) -> String {
    let Place { path, line, .. } = &finding.place;
    if path == STANDARD_INPUT {
        return STDIN.to_owned();
    }
    let anchor = Anchor::parse(path).ok().filter(|_| *line == 0);
    anchor.map_or_else(|| path.clone(), |anchor| layout::file_of(&anchor))
}

/// The address of a file, relative to what is checked, as a URI (RFC 3986, section 4.2).
fn uri(file: &str) -> String {
    let mut uri = String::with_capacity(file.len());
    for byte in file.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn words(finding: &Finding) -> String {
    if finding.remedy.is_empty() { finding.message.clone() } else { format!("{}; {}", finding.message, finding.remedy) }
}

/// A finding as a workflow command; see GitHub's "Workflow commands for GitHub Actions".
pub(super) fn github(finding: &Finding, resource: Option<&Named>) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = match (finding.place.line, finding.place.column) {
        (0, _) => String::new(),
        (line, 0) => format!(",line={line}"),
        (line, column) => format!(",line={line},col={column}"),
    };
    let (level, title) = (level(finding.severity), property(&finding.rule));
    let resource = resource.map(|resource| format!("[{resource}] ")).unwrap_or_default();
    let words = data(&format!("{resource}{}", words(finding)));
    format!("::{level} file={}{line},title={title}::{words}\n", property(&file(finding)))
}

/// Findings in the Static Analysis Results Interchange Format.
pub(super) fn sarif<'f>(found: impl Iterator<Item = (&'f Finding, Option<&'f Named>)>) -> serde_json::Value {
    let mut rules = std::collections::BTreeSet::new();
    let results: Vec<_> = found
        .map(|(finding, resource)| {
            rules.insert(&finding.rule);
            let level = if finding.severity == Severity::Note { "note" } else { level(finding.severity) };
            let mut location = serde_json::json!({"artifactLocation": {"uri": uri(&file(finding))}});
            if finding.place.line > 0 {
                location["region"] =
                    serde_json::json!({"startLine": finding.place.line, "startColumn": finding.place.column.max(1)});
            }
            let mut location = serde_json::json!({"physicalLocation": location});
            if let Some(resource) = resource {
                let full = resource.to_string();
                location["logicalLocations"] =
                    serde_json::json!([{"name": resource.name, "fullyQualifiedName": full, "kind": "resource"}]);
            }
            let mut result = serde_json::json!({
                "ruleId": finding.rule,
                "level": level,
                "message": {"text": words(finding)},
                "locations": [location],
            });
            let known = rule(&finding.rule).and_then(|rule| rule.code(finding.severity));
            let said = [("istio", known.unwrap_or_default()), ("pointer", &finding.place.pointer)];
            for (name, text) in said.into_iter().filter(|(_, text)| !text.is_empty()) {
                result["properties"][name] = text.into();
            }
            result
        })
        .collect();
    let described = |id: &std::borrow::Cow<'_, str>| {
        let mut described = serde_json::json!({ "id": id });
        if let Some(rule) = rule(id) {
            described["shortDescription"] = serde_json::json!({"text": rule.title});
        }
        described
    };
    let rules: Vec<_> = rules.into_iter().map(described).collect();
    let driver = serde_json::json!({"name": "meshwright", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    serde_json::json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_escapes_what_ends_it() {
        let finding = Finding::error("check/differs", Place::at("a,b:c"), "50%\nof it", "");
        assert_eq!(github(&finding, None), "::error file=a%2Cb%3Ac,title=check/differs::50%25%0Aof it\n");
    }

    #[test]
    fn an_annotation_stands_where_the_finding_does() {
        let place = Place { line: 3, column: 5, ..Place::at("projects/a.yaml") };
        let finding = Finding::warning("istio/051", place, "wrong", "mend it");
        assert_eq!(
            github(&finding, None),
            "::warning file=projects/a.yaml,line=3,col=5,title=istio/051::wrong; mend it\n"
        );
        let region = &sarif([(&finding, None)].into_iter())["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
            ["region"];
        assert_eq!(region, &serde_json::json!({"startLine": 3, "startColumn": 5}));
    }

    #[test]
    fn a_finding_of_an_intent_names_its_file() {
        let anchor = "cluster-providers/gke/clusters/east";
        let finding = Finding::error("x", Place::pointing(anchor, "/spec/trustDomain"), "wrong", "");
        let file = "topology/cluster-providers/gke/east.yaml";
        assert_eq!(github(&finding, None), format!("::error file={file},title=x::wrong\n"));
        let location =
            &sarif([(&finding, None)].into_iter())["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], file);
        assert_eq!(uri("a b/c:ü%.yaml"), "a%20b/c%3A%C3%BC%25.yaml");
        assert_eq!(super::file(&Finding::error("x", Place::on_line(STANDARD_INPUT, 1), "", "")), "stdin");
    }
}
