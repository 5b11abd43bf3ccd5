//! `meshwright check`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::output::{self, Output};
use super::render::outdated;
use super::{Failure, Outcome, Verdict, bundle};
use crate::change::{Audit, Declared, Listed};
use crate::finding::{Finding, Place, Severity};
use crate::intent::{Spec, layout};
use crate::lint;
use crate::render::{Rendered, Scope, render};
use crate::repo::Mirror;
use crate::review::words::many;
use crate::review::{self, FileChange, Happening};

/// Check that a config repository is what its intents render to
///
/// Names every file that is not, with a diff; checks the generated manifests against Istio's rules, and hand-written
/// ones where they overlap. Exit code 1 when something is wrong.
#[derive(clap::Args)]
pub(super) struct Check {
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// A commit or branch to compare with: a server that was closed there must not be open now, unless it asks for it
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as --format, as other commands have it
    #[arg(long, short, value_enum, conflicts_with = "format")]
    output: Option<Output>,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
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

impl Check {
    pub(super) fn run(self) -> Outcome {
        let files = bundle::checkout(&self.repo)?;
        let (declared, listed) = rayon::join(|| Declared::read(&files), || Listed::read(&files));
        let (declared, listed) = (declared.map_err(Failure::failed)?, listed.map_err(Failure::failed)?);
        let mut findings: Vec<Finding> = declared.problems.values().flatten().cloned().collect();
        let mut changes = vec![];
        let mut generated = 0;
        if findings.is_empty() {
            let rendered = render(&declared.tree, &declared.settings, &Scope::everything(&declared.tree));
            generated = rendered.manifests.len();
            let audit = Audit::of(&files, listed, &rendered).map_err(Failure::failed)?;
            changes = outdated(&files, &declared, &audit).map_err(Failure::failed)?;
            findings.extend(changes.iter().map(|change| outdated_finding(change, &declared)));
            findings.extend(manifests(&rendered, &audit));
            if let Some(base) = &self.base {
                findings.extend(self.reopened(base, &declared)?);
            }
            // The process ends soon: giving back a whole mesh piece by piece would take longer than looking for faults.
            std::mem::forget(rendered);
        }
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
        findings.dedup();
        let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        let format =
            self.output.map_or(self.format, |output| if output == Output::Json { Format::Json } else { Format::Text });
        match format {
            Format::Text => text(&findings, &changes, generated)?,
            Format::Json => drop(output::json(
                &serde_json::json!({"ok": wrong == 0, "generated": generated, "findings": findings, "files": changes}),
            )?),
            Format::Sarif => drop(output::json(&sarif(&findings))?),
            Format::Github => findings.iter().try_for_each(|finding| output::print(&github(finding)))?,
        }
        std::mem::forget(declared);
        Ok(if wrong > 0 { Verdict::Findings } else { Verdict::Ok })
    }

    /// Servers that were closed at `base` and are open now, though nobody said `access: open`.
    fn reopened(&self, base: &str, declared: &Declared) -> Result<Vec<Finding>, Failure> {
        let mirror = Mirror::open(&self.repo).map_err(Failure::failed)?;
        let commit = mirror.resolve(base).map_err(|error| Failure::Failed(format!("--base {base}: {error}")))?;
        let before = Declared::read(&mirror.snapshot(commit).map_err(Failure::failed)?).map_err(Failure::failed)?;
        let dropped = before.tree.iter().filter(|resource| resource.state.closed).filter_map(|resource| {
            let now = declared.tree.get(resource.anchor())?;
            let Spec::Inbound(inbound) = now.spec() else { return None };
            if now.state.closed || inbound.access.is_some() {
                return None;
            }
            let path = layout::file_of(resource.anchor());
            let message = format!(
                "{} was closed at {base} and would be open to every workload of the mesh now",
                resource.anchor()
            );
            Some(Finding::error(
                "check/reopened",
                Place::at(path),
                message,
                "put `state: {access: closed}` back, or say `access: open`",
            ))
        });
        Ok(dropped.collect())
    }
}

/// What the manifests themselves are found to be: generated ones are never parsed again.
fn manifests(rendered: &Rendered, audit: &Audit) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        rendered.findings.iter().filter(|f| f.severity != Severity::Note).cloned().collect();
    let places: Vec<Place> = rendered.manifests.keys().map(Place::at).collect();
    let mut clusters: BTreeMap<&str, Vec<(&Place, _)>> = BTreeMap::new();
    for (manifest, place) in rendered.manifests.values().zip(&places) {
        clusters.entry(cluster_folder(&place.path)).or_default().push((place, &manifest.resource));
    }
    findings
        .par_extend(rendered.manifests.par_iter().flat_map_iter(|(path, m)| lint::lint(&m.resource, &Place::at(path))));
    findings.extend(clusters.values().flat_map(|resources| lint::lint_across(resources)));
    findings.extend(review::overlaps(rendered, &audit.strays));
    findings.extend(audit.strays.iter().flat_map(|stray| stray.findings.clone()));
    findings
}

/// `clusters/<provider>/<cluster>` of a path below it.
fn cluster_folder(path: &str) -> &str {
    path.match_indices('/').nth(2).map_or(path, |(at, _)| &path[..at])
}

fn outdated_finding(change: &FileChange, declared: &Declared) -> Finding {
    let place = Place::at(&change.path);
    let unclosed = declared.unclosed.iter().any(|anchor| layout::file_of(anchor) == change.path);
    let (rule, message) = match change.happening {
        _ if unclosed => ("check/state", "clients are named, but `state.access: closed` is missing"),
        Happening::Added => ("check/missing", "the intents render to this file, and it is missing"),
        Happening::Changed => ("check/differs", "is not what its intents render to"),
        Happening::Removed => ("check/stale", "bears Meshwright's label, and no intent renders to it"),
    };
    Finding::error(rule, place, message, "run `meshwright render --repo . --write`")
}

fn text(findings: &[Finding], changes: &[FileChange], generated: usize) -> Result<(), Failure> {
    for finding in findings {
        output::print(&output::finding(finding))?;
    }
    for change in changes {
        output::print(&format!("\n{}", review::unified_coloured(change)))?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let verdict = if errors > 0 { "not ok" } else { "ok" };
    let counts = [many(generated, "generated file"), many(errors, "error"), many(warnings, "warning")];
    output::print(&format!("{verdict}: {}\n", counts.join(", ")))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    }
}

fn words(finding: &Finding) -> String {
    if finding.remedy.is_empty() { finding.message.clone() } else { format!("{}; {}", finding.message, finding.remedy) }
}

/// A workflow command; see GitHub's "Workflow commands for GitHub Actions".
fn github(finding: &Finding) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = if finding.place.line > 0 { format!(",line={}", finding.place.line) } else { String::new() };
    let (level, title) = (level(finding.severity), property(finding.rule));
    format!("::{level} file={}{line},title={title}::{}\n", property(&finding.place.path), data(&words(finding)))
}

fn sarif(findings: &[Finding]) -> serde_json::Value {
    let results: Vec<_> = findings
        .iter()
        .map(|finding| {
            let level = if finding.severity == Severity::Note { "note" } else { level(finding.severity) };
            let mut location = serde_json::json!({"artifactLocation": {"uri": finding.place.path}});
            if finding.place.line > 0 {
                location["region"] = serde_json::json!({"startLine": finding.place.line});
            }
            serde_json::json!({
                "ruleId": finding.rule,
                "level": level,
                "message": {"text": words(finding)},
                "locations": [{"physicalLocation": location}],
            })
        })
        .collect();
    let rules: std::collections::BTreeSet<_> = findings.iter().map(|finding| finding.rule).collect();
    let rules: Vec<_> = rules.into_iter().map(|rule| serde_json::json!({"id": rule})).collect();
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
        assert_eq!(github(&finding), "::error file=a%2Cb%3Ac,title=check/differs::50%25%0Aof it\n");
    }
}
