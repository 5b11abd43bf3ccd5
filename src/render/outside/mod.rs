//! Plugins outside this program: their answers as files, and their files on main as what they answered before.
//!
//! Nothing here waits for them; `render_asking` does, once all else is rendered. What main has for a unit is kept while the
//! unit is what it was asked as; for any other the answer is looked up, and what nobody answered yet becomes a question.

mod answers;
mod file;
mod units;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::asked::{Asked, joined};
use super::digest::Digest;
use super::manifest::{directory_of, marked};
use super::output::{Manifest, Output, Rendered};
use super::plugin::Plugin;
use super::question::{Asking, Outdated, Question};
use crate::finding::{Finding, Place};
use crate::intent::plugins::ListedPlugin;
use crate::intent::settings::GitOps;
use crate::intent::{Anchor, ClusterId, Spec, Tree};
use crate::istio::Resource;
pub use answers::{Answer, Answers, NoRoom};
use file::PluginFile;
pub use file::{PluginFiles, has_stem, is_plugin_path, stem_of};

/// Where a plugin stands among the others where nobody says.
const PRIORITY: i64 = 100;

/// What is known of outside plugins while something is rendered.
#[derive(Debug, Clone, Copy)]
pub enum Outside<'a> {
    /// Nothing: none is listed, or only what is built in matters.
    None,
    /// Their files as main has them, right or not.
    AsMain(&'a PluginFiles),
    /// What was answered; for what was not, their files as main has them.
    Answered {
        /// The files on main.
        files: &'a PluginFiles,
        /// What was answered.
        answers: &'a Answers,
    },
    /// Their files as they should be: those of main that answer what is asked now, and the answers that there are; where there
    /// is none, the files that main has, beside the question.
    Fresh {
        /// The files on main.
        files: &'a PluginFiles,
        /// What main was rendered to, where its units without files are known to be right.
        before: Option<&'a Rendered>,
        /// What was answered.
        answers: &'a Answers,
    },
}

/// An outside plugin as one that renders.
pub(super) struct OutsidePlugin<'a> {
    listed: &'a ListedPlugin,
    name: Arc<str>,
    version: Arc<str>,
    outside: Outside<'a>,
}

/// The plugins that a config repository lists, in the order in which they are asked.
pub(super) fn listed<'a>(plugins: &'a [ListedPlugin], tree: &Tree, outside: Outside<'a>) -> Vec<OutsidePlugin<'a>> {
    let priority = |plugin: &ListedPlugin| {
        let registered = || match tree.get(&Anchor::parse(&format!("dtc-controllers/{}", plugin.name)).ok()?)?.spec() {
            Spec::Controller(controller) => Some(controller.priority),
            _ => None,
        };
        plugin.priority.or_else(registered).unwrap_or(PRIORITY)
    };
    let mut sorted: Vec<&ListedPlugin> = plugins.iter().filter(|_| !matches!(outside, Outside::None)).collect();
    sorted.sort_by_key(|plugin| (priority(plugin), &plugin.name));
    let of = |listed: &'a ListedPlugin| {
        let (name, version) = (listed.name.as_str().into(), listed.version.as_str().into());
        OutsidePlugin { listed, name, version, outside }
    };
    sorted.into_iter().map(of).collect()
}

impl Plugin for OutsidePlugin<'_> {
    fn name(&self) -> Cow<'static, str> {
        self.name.to_string().into()
    }

    fn render(&self, asked: &Asked<'_>) -> Output {
        let units = units::units(asked, self.listed);
        joined(units.into_par_iter().map(|unit| self.of_unit(unit, asked)).collect())
    }
}

/// What is wrong where a plugin answers something else than what it answered when the files were made, of equal input.
fn otherwise(files: &[Arc<PluginFile>], manifests: &[Manifest]) -> Option<Finding> {
    let answered: BTreeMap<&str, &str> = manifests.iter().map(|it| (it.path.as_str(), it.text.as_str())).collect();
    let file =
        files.iter().find(|file| answered.get(file.manifest.path.as_str()) != Some(&file.manifest.text.as_str()))?;
    let message = format!(
        "the plugin {} answers differently for equal input: this file is what it answered before",
        file.manifest.plugin
    );
    let remedy = "mend the plugin: other manifests for the same intents take another version of it";
    Some(Finding::error("plugin/differs", Place::at(&file.manifest.path), message, remedy))
}

impl OutsidePlugin<'_> {
    fn of_unit(&self, about: Asking, asked: &Asked<'_>) -> Output {
        let mut out = Output::default();
        let question = Question::new(Arc::clone(&self.name), Arc::clone(&self.version), about);
        let (unit, digest) = (question.about.name(), question.input.digest);
        let key = (Arc::clone(&self.name), unit.clone());
        out.units.push((key.clone(), digest));
        match self.outside {
            Outside::None => {}
            Outside::AsMain(files) => self.keep(files.of(&self.name, &unit), digest, &mut out),
            Outside::Answered { files, answers } => {
                let files = files.of(&self.name, &unit);
                match answers.get(&question.input) {
                    None => self.keep(files, digest, &mut out),
                    Some(answer) => {
                        let is_right = files.iter().all(|file| self.outdated(file, files.len(), digest).is_none());
                        out.extend(taken(&question, &answer, asked.context.gitops));
                        out.findings.extend(otherwise(files, &out.manifests).filter(|_| is_right));
                    }
                }
            }
            Outside::Fresh { files, before, answers } => {
                let files = files.of(&self.name, &unit);
                let none_before = || before.is_some_and(|before| before.units.get(&key) == Some(&digest));
                let is_right = files.iter().all(|file| self.outdated(file, files.len(), digest).is_none());
                if is_right && (!files.is_empty() || none_before()) {
                    out.manifests.extend(files.iter().map(|file| file.manifest.clone()));
                } else {
                    out.extend(of_question(question, answers, asked.context.gitops));
                }
            }
        }
        out
    }

    /// Takes the files of a unit as they are.
    fn keep(&self, files: &[Arc<PluginFile>], digest: Digest, out: &mut Output) {
        for file in files {
            let why = self.outdated(file, files.len(), digest);
            out.outdated.extend(why.map(|why| Outdated { path: file.manifest.path.clone(), why }));
            out.manifests.push(file.manifest.clone());
        }
        if !files.is_empty() {
            *out.kept.entry(Arc::clone(&self.name)).or_default() += files.len();
        }
    }

    /// Why a file, one of `count`, is not what the unit of `digest` gives.
    fn outdated(&self, file: &PluginFile, count: usize, digest: Digest) -> Option<String> {
        let (plugin, version) = (&self.name, &self.version);
        Some(match &file.origin {
            _ if !file.intact => "was changed by hand: its digest is of something else".to_owned(),
            it if it.version != **version => {
                format!("is of {plugin} {}, and meshwright.yaml lists {version}", it.version)
            }
            it if it.input != Some(digest) => format!("is what {plugin} answered before its intents changed"),
            it if it.files != count => {
                format!("came with {} files of the same answer, and there are {count}", it.files)
            }
            _ => return None,
        })
    }
}

/// What is made of an answer: its files, and what there is to say.
fn taken(question: &Question, answer: &Answer, gitops: GitOps) -> Output {
    let mut out = Output { findings: answer.findings.clone(), ..Output::default() };
    let Question { input, about, .. } = question;
    let unit = about.name();
    let files = answer.resources.len();
    for (cluster, resource) in &answer.resources {
        let Some((provider, cluster)) = cluster.split_once('/') else { continue };
        let cluster = ClusterId { provider: provider.to_owned(), cluster: cluster.to_owned() };
        let directory = directory_of(&cluster, &resource.metadata.namespace);
        let intents: Vec<Anchor> = about.intents.iter().map(|intent| intent.anchor.clone()).collect();
        let marked = marked(Resource::clone(resource), &intents, gitops);
        out.manifests.push(file::write(input, files, &unit, &directory, marked, intents));
    }
    out
}

/// What a question comes to: what is made of its answer, or the question where nobody answered it.
fn of_question(question: Question, answers: &Answers, gitops: GitOps) -> Output {
    match answers.get(&question.input) {
        Some(answer) => taken(&question, &answer, gitops),
        None => Output { unanswered: vec![question], ..Output::default() },
    }
}

/// What the questions of a rendering come to by now. What main has stays where nobody answered: that it would go is as little
/// known as what would come.
pub(super) fn answered(questions: Vec<Question>, outside: Outside<'_>, gitops: GitOps) -> Output {
    // Nothing else leaves questions.
    let Outside::Fresh { files, answers, .. } = outside else { return Output::default() };
    let of = |question: Question| {
        let mut out = of_question(question, answers, gitops);
        for Question { input, about, .. } in &out.unanswered {
            let stays = files.of(&input.plugin, &about.name()).iter();
            out.manifests.extend(stays.map(|file| file.manifest.clone()));
        }
        out
    };
    joined(questions.into_par_iter().map(of).collect())
}
