//! What a set of writes does to the config repository: the plan, and the edits that carry it out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::admit::{Admitted, admit};
use super::audit::Listed;
use super::base::Base;
use super::codeowners::Owned;
use super::content;
use super::declared::{Declared, read, resources_of};
use super::journal::Contents;
use super::ledger::{ChangeTree, Ledger};
use super::plugins;
use super::sealing::to_sealed;
use super::stuck::Stuck;
use super::submission::Submission;
use crate::finding::{Finding, Place};
use crate::intent::{Anchor, layout};
use crate::render::{
    self, Answers, Manifest, Outdated, Outside, PluginFiles, Question, Rendered, Scope, has_stem, namespace_directory,
    stem_of,
};
use crate::repo::{BlobId, CommitId, Edits, Files, Mirror, RepoError};
use crate::review::words::many;
use crate::review::{self, FileChange, Happening, Model, Plan, Side, Stray};

/// How many drifted files are named in a plan.
const MOST_DRIFTED: usize = 3;

/// What outside plugins give for what a change comes to.
enum After<'a> {
    /// What they answered.
    Answered(&'a Answers),
    /// What was committed of that.
    Committed(&'a PluginFiles),
}

impl After<'_> {
    fn outside<'o>(&'o self, base: &'o Base, before: &'o Rendered) -> Outside<'o> {
        match self {
            Self::Answered(answers) => Outside::Fresh { files: &base.plugin_files, before: Some(before), answers },
            Self::Committed(files) => Outside::AsMain(files),
        }
    }
}

/// A plan with the edits that carry it out.
#[derive(Debug, Default)]
pub struct Proposal {
    /// The plan, for people.
    pub plan: Plan,
    /// The files that change.
    pub edits: Edits,
    /// Digest of every path that changes, with its content before and after.
    pub digest: String,
    /// The intents that its writes name.
    pub intents: Vec<Anchor>,
    /// The intents that each changed file comes from, before or after, by path.
    pub sources: BTreeMap<String, BTreeSet<Anchor>>,
    /// The changed paths that have owners on main.
    pub owned: Vec<Owned>,
    /// What outside plugins have to answer before it is complete; it is not to be carried out before.
    pub unanswered: Vec<Question>,
}

impl Proposal {
    /// Plans the writes of one change on top of `base`, whose files are `files`, with what outside plugins answered. Cost
    /// in proportion to what they touch.
    ///
    /// # Errors
    /// When a file cannot be read from where it is.
    pub fn make(base: &Base, files: &dyn Files, change: &ChangeTree, answers: &Answers) -> Result<Self, RepoError> {
        Self::planned(base, files, change, &After::Answered(answers))
    }

    fn planned(base: &Base, files: &dyn Files, change: &ChangeTree, plugins: &After<'_>) -> Result<Self, RepoError> {
        let scope = Scope::concerned(&base.tree, &change.tree, &change.changed);
        let mut before = render::render(&base.tree, &base.settings, &scope, Outside::AsMain(&base.plugin_files));
        let after = render::render(&change.tree, &base.settings, &scope, plugins.outside(base, &before));
        let mut edited = Edited {
            files,
            changes: vec![],
            edits: Edits::new(),
            findings: change.findings.clone(),
            overwritten: vec![],
        };
        edited.intents(change)?;
        edited.manifests(&before, &after)?;
        edited.findings.extend(base.problems.values().flatten().cloned());
        edited.findings.extend(untouched_drift(base, &edited.edits, &after));
        edited.findings.extend(before.outdated.iter().filter_map(|it| overwritten(it, &edited.edits)));
        edited.findings.extend(taken(&after, &edited, files, &base.strays)?);
        edited.findings.extend(unanswered(&after.unanswered));
        edited.findings.extend(base.code_owners.findings.iter().cloned());
        let side = Side { rendered: &after, strays: &base.strays };
        edited.findings.extend(Model::near(&change.tree, &base.settings.cluster_defaults, side).broken_promises());
        let Edited { mut changes, edits, findings, overwritten, .. } = edited;
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let ids = changes.iter().map(|change| {
            let new = (change.happening != Happening::Removed).then(|| BlobId::of(change.new.as_bytes()));
            // What stands there need not be text, so that the text that is shown of it does not say what it is.
            Ok((change.path.as_str(), files.blob_id(&change.path)?, new))
        });
        let digest = content::digest(ids.collect::<Result<Vec<_>, RepoError>>()?);
        let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        let owned = base.code_owners.owned(&paths);
        let sources = changes.iter().map(|change| (change.path.clone(), sources(&change.path, [&before, &after])));
        let sources = sources.collect();
        let overwritten = overwritten.iter().filter_map(|path| put_back(&mut before, path, &changes)).collect();
        let plan = review::plan(review::Input {
            before: &before,
            after: &after,
            files: changes,
            strays: &base.strays,
            overwritten,
            digest: digest.clone(),
            findings,
            deletions_cap: base.settings.caps.deletions,
        });
        let (intents, unanswered) = (change.changed.clone(), after.unanswered.clone());
        Ok(Self { plan, edits, digest, intents, sources, owned, unanswered })
    }

    /// Says why plugins did not answer.
    pub fn explain(&mut self, faults: &[String]) {
        let remedy = "see docs/plugins.md, \"When it does not work\"";
        let place = || Place::at("meshwright.yaml");
        let why = |fault: String| Finding::error("plugin/fault", place(), fault, remedy);
        // Errors stand first.
        self.plan.findings.splice(0..0, plugins::first(faults).into_iter().map(why));
    }

    /// Plans bundles on top of `base`, whose files are `files`, accepted one after the other as a server accepts them.
    ///
    /// # Errors
    /// Why one of them is refused; or when a file cannot be read from where it is.
    pub fn of_bundles(
        base: &Arc<Base>,
        files: &dyn Files,
        bundles: &[Submission],
        answers: &Answers,
    ) -> Result<Self, Stuck> {
        let mut ledger = Ledger::restore(Arc::clone(base), Contents::default());
        let mut all = Admitted::default();
        for bundle in bundles {
            let bundle = to_sealed(&ledger, bundle)?;
            let admitted = admit(&ledger, &bundle)?;
            all.writes.extend(admitted.writes);
            all.warnings.extend(admitted.warnings);
            ledger.proposed = admitted.proposed;
        }
        Ok(Self::make(&ledger.base, files, &all.change(&ledger.base.tree), answers)?)
    }

    /// What one commit changed of another, planned again from the intents of both.
    ///
    /// # Errors
    /// When a commit cannot be read.
    pub fn between(mirror: &Mirror, from: CommitId, to: CommitId) -> Result<Self, RepoError> {
        let base = Base::load(mirror, from)?;
        let (old, new) = (mirror.snapshot(from)?, mirror.snapshot(to)?);
        let mut changed = BTreeSet::new();
        for path in mirror.changed_paths(old.tree_id(), new.tree_id(), "")? {
            for files in [&old, &new] {
                let there = resources_of(files, &path.path)?.unwrap_or_default();
                changed.extend(there.iter().map(|resource| resource.anchor().clone()));
            }
        }
        let tree = Declared::read(&new)?.tree;
        let change = ChangeTree { tree, changed: changed.into_iter().collect(), findings: vec![] };
        // What plugins answered stands in the second commit.
        let plugin_files = Listed::read(&new)?.plugin_files(&new, &base.settings)?;
        Self::planned(&base, &old, &change, &After::Committed(&plugin_files))
    }

    /// Whether a file that it changes comes from an intent of `group`.
    #[must_use]
    pub fn concerns(&self, path: &str, group: &Anchor) -> bool {
        self.sources.get(path).is_some_and(|intents| intents.iter().any(|intent| intent.is_within(group)))
    }

    /// The projects whose intents the changed files come from, before or after.
    #[must_use]
    pub fn projects(&self) -> BTreeSet<String> {
        let projects = self.sources.values().flatten().filter_map(Anchor::project);
        projects.map(ToOwned::to_owned).collect()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }
}

fn sources(path: &str, rendered: [&Rendered; 2]) -> BTreeSet<Anchor> {
    let manifests = rendered.into_iter().filter_map(|rendered| rendered.manifests.get(path));
    manifests.flat_map(|manifest| manifest.intents.iter().cloned()).collect()
}

/// Puts into `rendered` what main holds at `path` instead, as the sorted `changes` have it and as far as that can be
/// read; what stands there beside the one resource that a generated file holds is the answer.
fn put_back(rendered: &mut Rendered, path: &str, changes: &[FileChange]) -> Option<Stray> {
    let change = changes.get(changes.binary_search_by(|change| change.path.as_str().cmp(path)).ok()?)?;
    let mut stray = Stray::read(path, &change.old);
    if !stray.findings.is_empty() {
        return None;
    }
    if stray.resources.is_empty() {
        rendered.manifests.remove(path);
        return None;
    }
    let resource = stray.resources.remove(0);
    let manifest = rendered.manifests.get_mut(path)?;
    (manifest.text, manifest.resource) = (change.old.clone(), resource.into());
    (!stray.resources.is_empty()).then_some(stray)
}

/// Generated files of main that somebody edited by hand and that stay as they are.
fn untouched_drift(base: &Base, edits: &Edits, after: &Rendered) -> Option<Finding> {
    let awaited: BTreeSet<&str> = after.unanswered.iter().map(|question| &*question.input.plugin).collect();
    // What becomes of a file whose plugin did not answer is not known yet.
    let is_open =
        |path: &&String| after.manifests.get(*path).is_some_and(|manifest| awaited.contains(&*manifest.plugin));
    let untouched = base.drift.iter().filter(|path| edits.get(path).is_none() && !is_open(path));
    let untouched: Vec<&str> = untouched.map(String::as_str).collect();
    let first = untouched.first()?;
    let named = untouched.iter().take(MOST_DRIFTED).copied().collect::<Vec<_>>().join(", ");
    let more = untouched.len().saturating_sub(MOST_DRIFTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(Finding::warning(
        "drift",
        Place::at(*first),
        format!(
            "main holds something else than its intents render to in {}, and this change leaves it so: {named}{more}",
            many(untouched.len(), "generated file")
        ),
        "run `meshwright render --repo . --write`, for files of plugins with --plugins=FILE, and propose the result",
    ))
}

/// What a plan lacks, one finding for each plugin.
pub fn unanswered(questions: &[Question]) -> Vec<Finding> {
    let mut by_plugin: BTreeMap<&str, Vec<&Question>> = BTreeMap::new();
    for question in questions {
        by_plugin.entry(&question.input.plugin).or_default().push(question);
    }
    let lacks = |(plugin, questions): (&str, Vec<&Question>)| {
        let about = &questions[0].about;
        let more = match questions.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!(
            "the plugin {plugin} has not answered for {}{more}: its files are shown as main has them, and what becomes of them is not known",
            about.name()
        );
        let remedy = "let it answer: of a server, GET /readyz says how it is; a command asks it with --plugins=FILE";
        let place = Place::at(about.intents.first().map_or("", |intent| intent.anchor.as_str()));
        Finding::error("plugin/unanswered", place, message, remedy)
    };
    by_plugin.into_iter().map(lacks).collect()
}

/// A file of an outside plugin that was not what it should be, and that is overwritten.
fn overwritten(outdated: &Outdated, edits: &Edits) -> Option<Finding> {
    edits.get(&outdated.path)?;
    let message = format!("on main this file of a plugin {}; it is overwritten", outdated.why);
    Some(Finding::warning("drift", Place::at(&outdated.path), message, "look at the diff whether that is wanted"))
}

/// Resources of outside plugins that are new and whose names a generated file of another service has: what is rendered
/// here does not show that. What people wrote is told as what overlaps.
fn taken(
    after: &Rendered,
    edited: &Edited<'_>,
    files: &dyn Files,
    strays: &[Stray],
) -> Result<Vec<Finding>, RepoError> {
    let mut findings = vec![];
    let mut folders: BTreeMap<&str, Vec<(String, BlobId)>> = BTreeMap::new();
    for change in edited.changes.iter().filter(|change| change.happening == Happening::Added) {
        let Some(manifest) = after.manifests.get(&change.path) else { continue };
        let (Some(folder), Some(stem)) = (namespace_directory(&change.path), stem_of(manifest)) else { continue };
        if !folders.contains_key(folder) {
            folders.insert(folder, files.list(folder)?);
        }
        let there = folders.get(folder).into_iter().flatten().map(|(path, _)| path);
        let is_taken =
            |path: &&String| has_stem(path, stem) && **path != change.path && edited.edits.get(path).is_none();
        let is_generated = |path: &&String| !strays.iter().any(|stray| stray.path == **path);
        if let Some(other) =
            there.filter(|path| !after.manifests.contains_key(*path)).find(|path| is_taken(path) && is_generated(path))
        {
            let message =
                format!("the plugin {} would write the same resource that stands in {other}", manifest.plugin);
            let remedy = "let the plugin name its resource otherwise";
            findings.push(Finding::error("render/same-resource", Place::at(&change.path), message, remedy));
        }
    }
    Ok(findings)
}

struct Edited<'a> {
    files: &'a dyn Files,
    changes: Vec<FileChange>,
    edits: Edits,
    findings: Vec<Finding>,
    /// The generated files that main holds otherwise than its intents render to, and that change.
    overwritten: Vec<String>,
}

impl Edited<'_> {
    /// The files of intents and topology.
    fn intents(&mut self, change: &ChangeTree) -> Result<(), RepoError> {
        let heads: BTreeSet<Anchor> = change.changed.iter().map(layout::head_of).collect();
        for head in heads {
            let path = layout::file_of(&head);
            let old = self.read(&path)?;
            let new = layout::edit_file(old.as_deref(), &layout::residents(&change.tree, &head));
            self.set(&path, old, new)?;
        }
        Ok(())
    }

    /// The generated files.
    fn manifests(&mut self, before: &Rendered, after: &Rendered) -> Result<(), RepoError> {
        let paths: BTreeSet<&String> = before.manifests.keys().chain(after.manifests.keys()).collect();
        for path in paths {
            let (was, will) = (before.manifests.get(path), after.manifests.get(path));
            if will.is_none() && was.is_some_and(|was| was.intents.is_empty()) {
                // It stays for ever, so that taking the last manifest away still prunes.
                continue;
            }
            let old = self.read(path)?;
            self.look_at_hand_edits(path, old.as_deref(), was, will);
            let [stands, wanted] = [was, will].map(|manifest| manifest.map(|manifest| &manifest.text));
            if was.is_some() && old.as_ref() != stands && old.as_ref() != wanted {
                self.overwritten.push(path.clone());
            }
            self.set(path, old, will.map(|manifest| manifest.text.clone()))?;
        }
        Ok(())
    }

    fn look_at_hand_edits(&mut self, path: &str, old: Option<&str>, was: Option<&Manifest>, will: Option<&Manifest>) {
        let Some(old) = old else { return };
        let place = Place::at(path);
        match (was, will) {
            (Some(was), _) if was.text != old => self.findings.push(Finding::warning(
                "drift",
                place,
                "somebody edited this generated file by hand; the edit is overwritten",
                "say the same in an intent if it is still wanted",
            )),
            (None, Some(will)) if will.text != old => self.findings.push(Finding::error(
                "render/occupied",
                place,
                "a file that Meshwright did not generate stands where one has to be generated",
                "move or remove it on main",
            )),
            _ => {}
        }
    }

    fn read(&self, path: &str) -> Result<Option<String>, RepoError> {
        Ok(match read(self.files, path)? {
            None => None,
            Some(Ok(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Some(Err(long)) => {
                let id = self.files.blob_id(path)?.map(|id| id.to_string()).unwrap_or_default();
                Some(format!("({} bytes, too long to be shown: {id})\n", long.bytes))
            }
        })
    }

    fn set(&mut self, path: &str, old: Option<String>, new: Option<String>) -> Result<(), RepoError> {
        if old == new && self.files.blob_id(path)? == new.as_ref().map(|text| BlobId::of(text.as_bytes())) {
            return Ok(());
        }
        let happening = match (&old, &new) {
            (None, _) => Happening::Added,
            (_, None) => Happening::Removed,
            _ => Happening::Changed,
        };
        match &new {
            Some(text) => self.edits.write(path, text.clone().into_bytes()),
            None => self.edits.delete(path),
        }
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        self.changes.push(FileChange { path: path.to_owned(), happening, old, new });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Person, Submission};
    use crate::intent::Bundle;
    use crate::intent::settings::SETTINGS_PATH;
    use crate::render::Answer;
    use crate::repo::WorkingTree;

    #[test]
    fn a_plugin_writes_no_resource_that_is_generated_for_another_service() {
        let folder = tempfile::tempdir().unwrap();
        let files = WorkingTree::open(folder.path()).unwrap();
        let listed = "plugins: [{name: np, version: '1', kinds: [inbound-intents]}]\n";
        files.write(SETTINGS_PATH, Some(listed)).unwrap();
        let propose = |text: &str, answers: &Answers| {
            let base = Arc::new(Base::read(&files).unwrap());
            let bundle = Submission::of_bundle(Bundle::read(text).unwrap(), false, Person::local()).unwrap();
            Proposal::of_bundles(&base, &files, &[bundle], answers).unwrap()
        };
        let (answers, mesh) = (Answers::default(), include_str!("../../fixtures/minimal/bundle.yaml"));
        answers.put(propose(mesh, &answers).unanswered[0].input.clone(), Answer::default(), 0).unwrap();
        for file in propose(mesh, &answers).plan.files {
            files.write(&file.path, Some(&file.new)).unwrap();
        }
        let base = Base::read(&files).unwrap();
        assert!(base.drift.is_empty() && base.strays.is_empty(), "{base:?}");
        let everything = Scope::everything(&base.tree);
        let rendered = render::render(&base.tree, &base.settings, &everything, Outside::AsMain(&base.plugin_files));
        let path = "clusters/gke/east/shop/cartservice/authorizationpolicy-cartservice-allow.yaml";
        let theirs = *rendered.manifests[path].resource.clone();

        let (head, _) = mesh.split_once("---\n").unwrap();
        let other = format!(
            "{head}---\nanchor: inbound-intents\nmetadata: {{name: other}}\nspec: {{app: cart, appLabel: app=other, \
             serviceName: other, port: 80, protocol: HTTP, serviceMesh: istio}}\n"
        );
        let errors = |name: &str| {
            let mut resource = theirs.clone();
            resource.metadata.name = name.to_owned();
            let answers = Answers::default();
            let resources = vec![("gke/east".to_owned(), Arc::new(resource))];
            answers
                .put(
                    propose(&other, &answers).unanswered[0].input.clone(),
                    Answer { resources, ..Answer::default() },
                    0,
                )
                .unwrap();
            let findings = propose(&other, &answers).plan.findings.into_iter();
            let same = findings.filter(|finding| finding.rule == "render/same-resource");
            same.map(|finding| finding.message).collect::<Vec<_>>()
        };
        assert_eq!(errors("other-allow"), [""; 0]);
        let said = format!("the plugin np would write the same resource that stands in {path}");
        assert_eq!(errors("cartservice-allow"), [said]);
    }

    #[test]
    fn files_that_drifted_are_one_warning_that_counts_them_and_names_the_first() {
        let drift: Vec<String> = (0..20).map(|number| format!("clusters/a/b/{number:02}.yaml")).collect();
        let base = Base { drift, ..Base::default() };
        let mut edits = Edits::new();
        edits.delete("clusters/a/b/00.yaml");
        let finding = untouched_drift(&base, &edits, &Rendered::default()).unwrap();
        assert_eq!(finding.place.path, "clusters/a/b/01.yaml");
        assert!(finding.message.contains("in 19 generated files"), "{finding}");
        assert!(finding.message.ends_with("clusters/a/b/03.yaml and 16 more"), "{finding}");
        assert_eq!(untouched_drift(&Base::default(), &edits, &Rendered::default()), None);
    }
}
