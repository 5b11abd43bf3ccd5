//! `meshwright render`.

use std::path::{Path, PathBuf};

use super::output::{self, Output};
use super::plugins::Reach;
use super::{Failure, Outcome, Verdict, bundle};
use crate::change::proposal::unanswered;
use crate::change::{Audit, Declared, Listed};
use crate::finding::{Finding, Place, Severity};
use crate::intent::{Settings, layout};
use crate::render::{Outside, PluginFiles, Rendered, Scope, render, render_asking};
use crate::repo::WorkingTree;
use crate::review::words::many;
use crate::review::{FileChange, Happening, too_many_deletions};

/// What is said where manifests would have been written.
const NOTHING_WRITTEN: &str = "nothing was written; mend the errors first";

/// Render bundles into manifests, or bring a config repository checkout up to date
///
/// With -f, manifests go to standard output or into --out. With --repo, what the checkout lacks is shown as a diff;
/// --write changes the files in place, for pull requests made by hand. -f and --repo exclude each other.
#[derive(clap::Args)]
#[command(override_usage = "meshwright render [OPTIONS] (-f BUNDLE… [--out DIR] | --repo DIR [--write])")]
pub(super) struct Render {
    /// A bundle; `-` for standard input, a folder for all its *.yaml by name; may be given several times
    #[arg(short, long = "file", value_name = "BUNDLE")]
    file: Vec<PathBuf>,
    /// With -f: write the files below this folder instead of printing them; none while there are errors
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A checkout of the config repository, in place of bundles
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// With --repo: change the checkout's files in place; not while there are errors, or to remove more than
    /// caps.deletions allows
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    plugins: Reach,
    /// With --repo: leave the diff out
    #[arg(long)]
    no_diff: bool,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

impl Render {
    pub(super) fn run(self) -> Outcome {
        let usage = |why: &str| Err(Failure::Usage(why.to_owned()));
        match (&self.repo, self.file.is_empty()) {
            (None, true) => usage("nothing to render: name bundles by -f, or a checkout by --repo"),
            (Some(_), false) => {
                usage("-f and --repo exclude each other: -f renders bundles, --repo brings a checkout up to date")
            }
            (None, false) if self.plugins.is_asked() => {
                usage("--plugins is for --repo: which plugins render stands in a config repository's meshwright.yaml")
            }
            (None, false) if self.no_diff => {
                usage("--no-diff is for --repo: with -f, the manifests are what is printed")
            }
            (None, false) if self.write => {
                usage("--write is for --repo: with -f, --out DIR writes the files below DIR")
            }
            (Some(_), true) if self.out.is_some() => {
                usage("--out is for -f: with --repo, --write changes the checkout in place")
            }
            (Some(root), true) => self.checkout(root),
            (None, false) => self.bundles(),
        }
    }

    fn bundles(&self) -> Outcome {
        let tree = bundle::tree(bundle::resources(&self.file)?)?;
        let rendered = render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None);
        let blocked = say(&rendered);
        match (&self.out, self.output) {
            (Some(_), _) if blocked => output::note(NOTHING_WRITTEN),
            (Some(root), _) => {
                std::fs::create_dir_all(root)
                    .map_err(|error| Failure::Failed(format!("{}: {error}", output::path(root))))?;
                let files = WorkingTree::open(root).map_err(Failure::failed)?;
                for (path, manifest) in &rendered.manifests {
                    files.write(path, Some(&manifest.text)).map_err(Failure::failed)?;
                }
                output::note(&format!(
                    "{} written below {}",
                    many(rendered.manifests.len(), "file"),
                    output::path(root)
                ));
            }
            (None, Output::Json) => {
                let files: Vec<_> = rendered
                    .manifests
                    .values()
                    .map(|m| serde_json::json!({"path": m.path, "text": m.text, "intents": m.intents}))
                    .collect();
                output::json(&serde_json::json!({"files": files, "findings": rendered.findings}))?;
            }
            (None, Output::Text) => {
                for (path, manifest) in &rendered.manifests {
                    output::data(&format!("---\n# Path: {path}\n{}", manifest.text))?;
                }
            }
        }
        Ok(if blocked { Verdict::Findings } else { Verdict::Ok })
    }

    /// What a checkout renders to; what its plugins answer is asked where that is wanted.
    fn rendered(&self, declared: &Declared, files: &PluginFiles) -> Result<Rendered, Failure> {
        let (tree, settings) = (&declared.tree, &declared.settings);
        let scope = Scope::everything(tree);
        let Some(way) = self.plugins.way(tree, settings)? else {
            let mut rendered = render(tree, settings, &scope, Outside::AsMain(files));
            let outdated: Vec<Finding> = outdated_of_plugins(&rendered).collect();
            rendered.findings.extend(outdated);
            return Ok(rendered);
        };
        let mut rendered = render_asking(tree, settings, &scope, files, &way);
        way.end(&rendered.unanswered).iter().for_each(|fault| output::note(fault));
        rendered.findings.extend(unanswered(&rendered.unanswered));
        Ok(rendered)
    }

    fn checkout(&self, root: &Path) -> Outcome {
        let files = bundle::checkout(root)?;
        let declared = Declared::read(&files).map_err(Failure::failed)?;
        if !declared.problems.is_empty() {
            return Err(Failure::Found(declared.problems.into_values().flatten().collect()));
        }
        let listed = Listed::read(&files).map_err(Failure::failed)?;
        let plugin_files = listed.plugin_files(&files, &declared.settings).map_err(Failure::failed)?;
        let mut rendered = self.rendered(&declared, &plugin_files)?;
        let audit = Audit::of(&files, listed, &rendered).map_err(Failure::failed)?;
        let changes = outdated(&files, &declared, &audit).map_err(Failure::failed)?;
        rendered.findings.extend(declared.gone(&audit.strays));
        rendered.findings.extend(too_many_deletions(&changes, declared.settings.caps.deletions));
        let blocked = say(&rendered);
        let write = self.write && !blocked;
        for change in &changes {
            if write {
                let text = (change.happening != Happening::Removed).then_some(change.new.as_str());
                files.write(&change.path, text).map_err(Failure::failed)?;
            }
            if self.output == Output::Text && !self.no_diff {
                output::print_diff(change)?;
            }
        }
        if self.output == Output::Json {
            output::json(&serde_json::json!({"files": changes, "findings": rendered.findings, "written": write}))?;
        }
        let removed = changes.iter().filter(|change| change.happening == Happening::Removed).count();
        output::note(&if write {
            format!("{} written, {removed} removed", many(changes.len() - removed, "file"))
        } else if self.write {
            NOTHING_WRITTEN.to_owned()
        } else {
            format!("{} out of date; --write brings the checkout up to date", many(changes.len(), "file"))
        });
        Ok(if blocked || !(write || changes.is_empty()) { Verdict::Findings } else { Verdict::Ok })
    }
}

/// What brings the files of plugins up to date.
pub(super) const RENDER_WITH_PLUGINS: &str = "run `meshwright render --repo . --write --plugins=FILE`";

/// The files of plugins that are not what they should be, and which only the plugins can make anew.
pub(super) fn outdated_of_plugins(rendered: &Rendered) -> impl Iterator<Item = Finding> + use<'_> {
    rendered.outdated.iter().map(|outdated| {
        let message = format!("this file of a plugin {}", outdated.why);
        Finding::error("check/plugin", Place::at(&outdated.path), message, RENDER_WITH_PLUGINS)
    })
}

/// Every file of a checkout that is not as it should be: intents without their state, manifests, stale manifests.
pub(super) fn outdated(
    files: &WorkingTree,
    declared: &Declared,
    audit: &Audit,
) -> Result<Vec<FileChange>, crate::repo::RepoError> {
    use crate::repo::Files;
    let mut changes = vec![];
    for anchor in &declared.unclosed {
        let head = layout::head_of(anchor);
        let path = layout::file_of(&head);
        let old = files.read(&path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let new = layout::edit_file(Some(&old), &layout::residents(&declared.tree, &head)).unwrap_or_default();
        changes.push(FileChange { path, happening: Happening::Changed, old, new });
    }
    for (path, old, new) in &audit.differing {
        let happening = if old.is_some() { Happening::Changed } else { Happening::Added };
        let (path, old, new) = (path.clone(), old.clone().unwrap_or_default(), new.clone());
        changes.push(FileChange { path, happening, old, new });
    }
    for stray in audit.strays.iter().filter(|stray| stray.is_stale()) {
        let old =
            files.read(&stray.path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        changes.push(FileChange { path: stray.path.clone(), happening: Happening::Removed, old, new: String::new() });
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

/// Prints findings on standard error; tells whether one blocks.
fn say(rendered: &Rendered) -> bool {
    rendered.findings.iter().for_each(output::note_finding);
    rendered.findings.iter().any(|finding| finding.severity == Severity::Error)
}
