//! `meshwright check`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::access::expected;
use super::annotate::{self, Format};
use super::output;
use super::plugins::{Answered, Reach};
use super::render::{RENDER_WITH_PLUGINS, outdated, outdated_of_plugins};
use super::{Failure, Outcome, Verdict, against, bundle};
use crate::change::{Audit, Declared, Listed};
use crate::finding::{Finding, Place, Severity};
use crate::intent::layout;
use crate::intent::plugins::ListedPlugin;
use crate::intent::settings::SETTINGS_PATH;
use crate::render::{Outside, PluginFiles, Rendered, Scope, is_plugin_path, questions, render};
use crate::repo::Files;
use crate::review::words::{self, many};
use crate::review::{self, AccessChange, FileChange, Happening, Model, Side};

/// Check that a config repository is what its intents render to
///
/// Names every file that is not, with a diff; checks the generated manifests against Istio's rules, and hand-written
/// ones where they overlap; and decides about the calls of access-tests/*.yaml, as `access test` does. Exit code 1 when
/// something is wrong.
#[derive(clap::Args)]
pub(super) struct Check {
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// A commit or branch to compare with: what opens against it is told, and wrong where no intent asks for it
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    #[command(flatten)]
    plugins: Reach,
    /// How to print what was found
    #[arg(long, short, visible_alias = "format", value_enum, default_value_t)]
    output: Format,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let files = bundle::checkout(&self.repo)?;
        let (declared, listed) = rayon::join(|| Declared::read(&files), || Listed::read(&files));
        let (declared, listed) = (declared.map_err(Failure::failed)?, listed.map_err(Failure::failed)?);
        let mut findings: Vec<Finding> = declared.problems.values().flatten().cloned().collect();
        let (mut changes, mut access) = (vec![], vec![]);
        let (mut generated, mut by_digest) = (0, ByDigest::default());
        if findings.is_empty() {
            let plugin_files = listed.plugin_files(&files, &declared.settings).map_err(Failure::failed)?;
            let (rendered, faults, more) = self.rendered(&declared, &plugin_files)?;
            findings.extend(more);
            let unasked = if self.plugins.is_asked() { &[][..] } else { &declared.settings.plugins };
            (generated, by_digest) = (rendered.manifests.len(), ByDigest::of(&rendered, unasked, faults));
            findings.extend(outdated_of_plugins(&rendered));
            findings.extend(by_digest.faults.iter().map(|fault| not_asked(fault)));
            let audit = Audit::of(&files, listed, &rendered).map_err(Failure::failed)?;
            changes = outdated(&files, &declared, &audit).map_err(Failure::failed)?;
            findings.extend(changes.iter().filter_map(|change| outdated_finding(change, &declared)));
            findings.extend(manifests(&rendered, &audit));
            findings.extend(unexpected(&files, &declared, &rendered, &audit)?);
            findings.extend(declared.gone(&audit.strays));
            findings.extend(declared.code_owners.findings.iter().cloned());
            if let Some(base) = &self.base {
                let (said, opened) = against::compare(&self.repo, base, &declared, &rendered, &audit.strays)?;
                findings.extend(opened);
                access = said;
            }
            // The process ends soon: giving back a whole mesh piece by piece would take longer than looking for faults.
            std::mem::forget(rendered);
        }
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
        findings.dedup();
        told_as_errors(&mut findings);
        let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        match self.output {
            Format::Text => {
                text(&findings, &access, &changes, generated)?;
                by_digest.say(self.plugins.is_asked())?;
            }
            Format::Json => drop(output::json(&serde_json::json!({
                "ok": wrong == 0, "generated": generated, "findings": findings, "access": access, "files": changes,
                "pluginsByDigest": by_digest,
            }))?),
            Format::Sarif => drop(output::json(&annotate::sarif(findings.iter().map(|finding| (finding, None))))?),
            Format::Github => {
                output::print(&findings.iter().map(|finding| annotate::github(finding, None)).collect::<String>())?
            }
        }
        std::mem::forget(declared);
        Ok(if wrong > 0 { Verdict::Findings } else { Verdict::Ok })
    }
}

impl Check {
    /// What the checkout renders to, with what plugins answer where they are asked, why some did not, and what else is wrong
    /// with those that are listed.
    fn rendered(
        &self,
        declared: &Declared,
        files: &PluginFiles,
    ) -> Result<(Rendered, Vec<String>, Vec<Finding>), Failure> {
        let (tree, settings) = (&declared.tree, &declared.settings);
        let scope = Scope::everything(tree);
        let Some(way) = self.plugins.way(tree, settings)? else {
            return Ok((render(tree, settings, &scope, Outside::AsMain(files)), vec![], vec![]));
        };
        let looked = way.look();
        let questions = questions(tree, settings, &scope);
        let Answered { answers, faults } = way.ask(&questions);
        // Why they did not answer is told already.
        let silent = questions.iter().map(|question| &question.input).filter(|input| !answers.has(input));
        let silent: BTreeSet<&str> = silent.map(|input| &*input.plugin).collect();
        let answering = looked.into_iter().filter(|(name, _)| !silent.contains(name.as_str()));
        let findings = answering.map(|(_, words)| not_well(words)).collect();
        Ok((render(tree, settings, &scope, Outside::Answered { files, answers: &answers }), faults, findings))
    }
}

/// What there is to do about a plugin that is not as it has to be.
const MEND: &str = "mend the plugin, or where --plugins=FILE looks for it; docs/plugins.md says what these words mean";

/// A plugin that was to be asked and did not answer, so that its files are checked by their digests.
fn not_asked(fault: &str) -> Finding {
    Finding::error("plugin/unanswered", Place::pointing(SETTINGS_PATH, "/plugins"), fault, MEND)
}

/// A plugin that is not as it has to be, though it answered all that it was asked, or was asked nothing.
fn not_well(words: String) -> Finding {
    Finding::error("plugin/fault", Place::pointing(SETTINGS_PATH, "/plugins"), words, MEND)
}

/// The files of plugins that were checked without asking the plugin.
#[derive(Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ByDigest {
    files: usize,
    /// How many of them are of which plugin; of one that is listed and not asked there may be none.
    by_plugin: BTreeMap<String, usize>,
    /// Why plugins that were asked did not answer.
    faults: Vec<String>,
}

impl ByDigest {
    fn of(rendered: &Rendered, unasked: &[ListedPlugin], faults: Vec<String>) -> Self {
        let none = unasked.iter().map(|plugin| (plugin.name.to_string(), 0));
        let kept = rendered.kept.iter().map(|(name, count)| (name.to_string(), *count));
        let by_plugin: BTreeMap<String, usize> = none.chain(kept).collect();
        Self { files: by_plugin.values().sum(), by_plugin, faults }
    }

    fn say(&self, asked: bool) -> Result<(), Failure> {
        if self.by_plugin.is_empty() {
            return Ok(());
        }
        let how = if asked { "" } else { "; --plugins=FILE asks the plugins" };
        output::print(&format!("{} checked by digest only{how}\n", self.counts()))
    }

    /// `3 files of dns, 1 of np and 2 of other`.
    fn counts(&self) -> String {
        let words = |(place, (name, count)): (usize, (&String, &usize))| match place {
            0 => format!("{} of {name}", many(*count, "file")),
            _ => format!("{count} of {name}"),
        };
        let mut all: Vec<String> = self.by_plugin.iter().enumerate().map(words).collect();
        let last = all.pop().unwrap_or_default();
        if all.is_empty() { last } else { format!("{} and {last}", all.join(", ")) }
    }
}

/// What the manifests themselves are found to be: generated ones are never parsed again.
fn manifests(rendered: &Rendered, audit: &Audit) -> Vec<Finding> {
    let mut findings: Vec<Finding> = rendered.findings.clone();
    findings.par_extend(rendered.manifests.par_iter().flat_map_iter(|(_, manifest)| review::lint_of(manifest)));
    findings.extend(review::across(rendered, &audit.strays, |_| true));
    findings.retain(|finding| finding.severity != Severity::Note);
    findings.extend(review::overlaps(rendered, &audit.strays));
    findings
}

/// Whom intents promise access and the manifests deny it; and what people expect of access, and does not hold.
fn unexpected(
    files: &dyn Files,
    declared: &Declared,
    rendered: &Rendered,
    audit: &Audit,
) -> Result<Vec<Finding>, Failure> {
    let model =
        Model::new(&declared.tree, &declared.settings.cluster_defaults, Side { rendered, strays: &audit.strays });
    let mut findings = model.broken_promises();
    findings.extend(model.lockouts());
    match expected::beside(files)? {
        Err(unreadable) => findings.extend(unreadable),
        Ok(expectations) => findings.extend(model.hold(&expectations).findings),
    }
    Ok(findings)
}

/// What is wrong with a file that is out of date; none for one that is to go, which is told among the strays.
fn outdated_finding(change: &FileChange, declared: &Declared) -> Option<Finding> {
    let place = Place::at(&change.path);
    let unclosed = declared.unclosed.iter().any(|anchor| layout::file_of(anchor) == change.path);
    let (rule, message) = match change.happening {
        _ if unclosed => ("check/state", "clients are named, but `state.access: closed` is missing"),
        Happening::Added => ("check/missing", "the intents render to this file, and it is missing"),
        Happening::Changed => ("check/differs", "is not what its intents render to"),
        Happening::Removed => return None,
    };
    let of_plugin = is_plugin_path(&declared.settings, &change.path);
    let remedy = if of_plugin { RENDER_WITH_PLUGINS } else { "run `meshwright render --repo . --write`" };
    Some(Finding::error(rule, place, message, remedy))
}

/// Takes away what an error says of the same place in the same words.
fn told_as_errors(findings: &mut Vec<Finding>) {
    let told = |finding: &Finding| (finding.place.clone(), finding.message.clone());
    let errors: BTreeSet<_> = findings.iter().filter(|it| it.severity == Severity::Error).map(told).collect();
    findings.retain(|finding| finding.severity == Severity::Error || !errors.contains(&told(finding)));
}

fn text(
    findings: &[Finding],
    access: &[AccessChange],
    changes: &[FileChange],
    generated: usize,
) -> Result<(), Failure> {
    for finding in findings {
        output::print_finding(finding)?;
    }
    output::print(&words::access(access))?;
    for change in changes {
        output::print("\n")?;
        output::print_diff(change)?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if !access.is_empty() {
        output::print("\n")?;
    }
    let verdict = if errors > 0 { "not ok" } else { "ok" };
    let counts = [many(generated, "generated file"), many(errors, "error"), many(warnings, "warning")];
    output::print(&format!("{verdict}: {}\n", counts.join(", ")))
}
