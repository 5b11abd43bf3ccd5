//! Main as it is: intents, settings, and what else stands between the generated files.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use crate::finding::{Finding, Place};
use crate::intent::layout::{self, FOLDERS};
use crate::intent::settings::SETTINGS_PATH;
use crate::intent::{Anchor, Resource, Settings, Tree};
use crate::render::{self, Scope};
use crate::repo::{BlobId, CommitId, Content, Files, LONGEST, Mirror, RepoError, TooLong};
use crate::review::Stray;

/// The folder of the generated files.
pub const CLUSTERS: &str = "clusters";
/// The folder of the owners' own policies.
const POLICIES: &str = "policies";

/// How many services are rendered at once where nothing but the comparison is needed.
const PART: usize = 1000;

/// The newest state of main.
#[derive(Debug, Default)]
pub struct Base {
    /// The commit of main; none in an empty repository.
    pub commit: Option<CommitId>,
    /// The intents on it.
    pub tree: Tree,
    /// The settings on it.
    pub settings: Settings,
    /// Files that cannot be read, by path. While there are any, nothing is proposed.
    pub problems: BTreeMap<String, Vec<Finding>>,
    /// Manifests between the generated ones that Meshwright did not generate.
    pub strays: Vec<Stray>,
    /// Generated files that say something else than their intents render to.
    pub drift: Vec<String>,
}

/// What was read of intents, topology and settings.
#[derive(Debug, Default)]
pub struct Declared {
    /// The intents.
    pub tree: Tree,
    /// The settings.
    pub settings: Settings,
    /// Files that cannot be read, by path.
    pub problems: BTreeMap<String, Vec<Finding>>,
    /// Servers that clients close, though their file does not say `state.access: closed`.
    pub unclosed: Vec<Anchor>,
}

impl Declared {
    /// Reads intents, topology and settings.
    ///
    /// # Errors
    /// When a file cannot be read from where it is; one that makes no sense is a problem, not an error.
    pub fn read(files: &dyn Files) -> Result<Self, RepoError> {
        let mut texts = vec![];
        for folder in FOLDERS {
            texts.extend(files.read_all(folder.trim_end_matches('/'))?);
        }
        let read: Vec<_> = texts.par_iter().map(|(path, bytes)| (path, read_file(path, bytes))).collect();
        let mut declared = Self::default();
        for (path, _) in files.list(POLICIES)?.into_iter().filter(|(path, _)| is_policy(path)) {
            let message = "this version of Meshwright evaluates no policies, so it cannot tell whether this one holds";
            let finding = Finding::error(
                "policy/unsupported",
                Place::at(&path),
                message,
                "take it off main until you run a version that does",
            );
            declared.problems.insert(path, vec![finding]);
        }
        let mut resources: Vec<Resource> = vec![];
        for (path, result) in read {
            match result {
                Ok(found) => resources.extend(found),
                Err(findings) => drop(declared.problems.insert(path.clone(), findings)),
            }
        }
        let said_closed: BTreeSet<Anchor> =
            resources.iter().filter(|r| r.state.closed).map(|r| r.anchor().clone()).collect();
        declared.tree = resources.into_iter().collect();
        let closed = declared.tree.iter().filter(|r| r.state.closed).map(|r| r.anchor());
        declared.unclosed = closed.filter(|anchor| !said_closed.contains(*anchor)).cloned().collect();
        declared.settings = match read_settings(files)? {
            Ok(settings) => settings,
            Err(finding) => {
                declared.problems.insert(SETTINGS_PATH.into(), vec![finding]);
                Settings::default()
            }
        };
        for finding in orphans(&declared.tree) {
            declared.problems.entry(finding.place.path.clone()).or_default().push(finding);
        }
        Ok(declared)
    }
}

/// Whether an owner's policy stands at `path`.
fn is_policy(path: &str) -> bool {
    path.strip_prefix(POLICIES).is_some_and(|rest| rest.starts_with('/') && rest.ends_with(".rego"))
}

fn read_file(path: &str, content: &Content) -> Result<Vec<Resource>, Vec<Finding>> {
    if !path.ends_with(".yaml") {
        return Ok(vec![]);
    }
    let bytes = content.as_ref().map_err(|long| vec![too_long("intent/file", path, *long)])?;
    let text = std::str::from_utf8(bytes).map_err(|_| {
        vec![Finding::error("intent/file", Place::at(path), "the file is not UTF-8", "write it as UTF-8")]
    })?;
    layout::read_file(path, text)
}

/// Reads one file, of which it may be said that it is too long.
fn read(files: &dyn Files, path: &str) -> Result<Option<Content>, RepoError> {
    match files.read(path) {
        Err(RepoError::TooLong { bytes, .. }) => Ok(Some(Err(TooLong { bytes }))),
        read => Ok(read?.map(Ok)),
    }
}

fn too_long(rule: &'static str, path: &str, long: TooLong) -> Finding {
    let message = format!("the file has {} bytes and is not read; at most {LONGEST} are", long.bytes);
    Finding::error(rule, Place::at(path), message, "take it off main, or split it")
}

fn read_settings(files: &dyn Files) -> Result<Result<Settings, Finding>, RepoError> {
    let bytes = match read(files, SETTINGS_PATH)?.unwrap_or_else(|| Ok(vec![])) {
        Ok(bytes) => bytes,
        Err(long) => return Ok(Err(too_long("settings", SETTINGS_PATH, long))),
    };
    let read = std::str::from_utf8(&bytes).map_err(|_| "the file is not UTF-8".to_owned()).and_then(Settings::read);
    Ok(read
        .map_err(|message| Finding::error("settings", Place::at(SETTINGS_PATH), message, "mend the settings on main")))
}

/// Resources whose parent does not exist.
fn orphans(tree: &Tree) -> Vec<Finding> {
    let orphan = |resource: &Arc<Resource>| {
        let parent = resource.anchor().parent().filter(|parent| tree.get(parent).is_none())?;
        let message = format!("{} lives under {parent}, which does not exist", resource.anchor());
        Some(Finding::error(
            ORPHAN,
            Place::at(layout::file_of(resource.anchor())),
            message,
            "declare the parent, or remove it",
        ))
    };
    tree.iter().filter_map(orphan).collect()
}

/// How the folder of generated files differs from what the intents render to.
#[derive(Debug, Default)]
pub struct Audit {
    /// Generated files that are missing or say something else: path, what stands there, what should.
    pub differing: Vec<(String, Option<String>, String)>,
    /// Files that are not generated.
    pub strays: Vec<Stray>,
}

impl Audit {
    /// Compares every file below [`CLUSTERS`] with a full rendering; only files that are not generated are parsed.
    ///
    /// # Errors
    /// When a file cannot be read from where it is.
    pub fn of(files: &dyn Files, rendered: &render::Rendered) -> Result<Self, RepoError> {
        let mut listed = Listed::read(files)?;
        let mut differing = vec![];
        for (path, manifest) in listed.compare(rendered) {
            let present = if listed.ids.contains_key(path) { read(files, path)? } else { None };
            let present = present.map(|content| String::from_utf8_lossy(&content.unwrap_or_default()).into_owned());
            differing.push((path.clone(), present, manifest.text.clone()));
        }
        Ok(Self { differing, strays: listed.strays(files)? })
    }
}

/// The files below [`CLUSTERS`], by path, and which of them are rendered.
struct Listed {
    ids: BTreeMap<String, BlobId>,
    rendered: HashSet<String>,
}

impl Listed {
    fn read(files: &dyn Files) -> Result<Self, RepoError> {
        Ok(Self { ids: files.list(CLUSTERS)?.into_iter().collect(), rendered: HashSet::new() })
    }

    /// The manifests that are missing or stand there otherwise.
    fn compare<'r>(&mut self, rendered: &'r render::Rendered) -> Vec<(&'r String, &'r render::Manifest)> {
        let ids = &self.ids;
        let differs = |(path, manifest): &(&String, &render::Manifest)| {
            ids.get(*path) != Some(&BlobId::of(manifest.text.as_bytes()))
        };
        let differing = rendered.manifests.par_iter().filter(differs).collect();
        self.rendered.extend(rendered.manifests.keys().cloned());
        differing
    }

    /// What is there and was not rendered.
    fn strays(&self, files: &dyn Files) -> Result<Vec<Stray>, RepoError> {
        let mut strays = vec![];
        for path in self.ids.keys().filter(|path| !self.rendered.contains(*path)) {
            match read(files, path)?.unwrap_or_else(|| Ok(vec![])) {
                Err(long) => strays.push(Stray::unread(path, &format!("it has {} bytes", long.bytes))),
                Ok(bytes) if render::is_namespace_file(path, &bytes) => {}
                Ok(bytes) => strays.push(Stray::read(path, &String::from_utf8_lossy(&bytes))),
            }
        }
        Ok(strays)
    }
}

/// The rule of what is readable and stands under nothing.
const ORPHAN: &str = "intent/parent";

impl Base {
    /// Why the resource at `anchor` is not known: the file that it or something it lives under belongs into cannot be
    /// read. None when all that can be read.
    #[must_use]
    pub fn unreadable(&self, anchor: &Anchor) -> Option<String> {
        if self.problems.is_empty() {
            return None;
        }
        let files = anchor.lineage().filter_map(|anchor| self.problems.get(&layout::file_of(&anchor)));
        let Finding { place, message, remedy, .. } = files.flatten().filter(|f| f.rule != ORPHAN).last()?;
        Some(format!("{place} on main cannot be read, so nobody knows what is there: {message}; {remedy}"))
    }

    /// Reads all of a commit.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn load(mirror: &Mirror, commit: CommitId) -> Result<Self, RepoError> {
        Ok(Self { commit: Some(commit), ..Self::read(&mirror.snapshot(commit)?)? })
    }

    /// Reads all of a set of files, such as a checkout.
    ///
    /// # Errors
    /// When a file cannot be read from where it is.
    pub fn read(files: &dyn Files) -> Result<Self, RepoError> {
        let declared = Declared::read(files)?;
        let mut listed = Listed::read(files)?;
        let mut drift = BTreeSet::new();
        // Part by part: all manifests at once would take more memory than everything that stays.
        for part in Scope::everything(&declared.tree).parts(PART) {
            let rendered = render::render(&declared.tree, &declared.settings, &part);
            drift.extend(listed.compare(&rendered).into_iter().map(|(path, _)| path.clone()));
        }
        Ok(Self {
            commit: None,
            tree: declared.tree,
            settings: declared.settings,
            problems: declared.problems,
            strays: listed.strays(files)?,
            drift: drift.into_iter().collect(),
        })
    }

    /// The state of main at `commit`, from the state it had before: cost in proportion to what changed, unless settings
    /// or files that were not generated are among it.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn advance(&self, mirror: &Mirror, commit: CommitId) -> Result<Self, RepoError> {
        let Some(old) = self.commit.filter(|_| self.problems.is_empty()) else { return Self::load(mirror, commit) };
        let (from, to) = (mirror.snapshot(old)?, mirror.snapshot(commit)?);
        let changed = mirror.changed_paths(from.tree_id(), to.tree_id(), "")?;
        let mut tree = self.tree.clone();
        let mut touched: BTreeSet<Anchor> = BTreeSet::new();
        let mut added = vec![];
        for path in changed.iter().map(|changed| &changed.path) {
            if path == SETTINGS_PATH || is_policy(path) {
                return Self::load(mirror, commit);
            }
            let (Ok(gone), Ok(come)) = (resources_of(&from, path)?, resources_of(&to, path)?) else {
                return Self::load(mirror, commit);
            };
            for resource in &gone {
                tree.remove(resource.anchor());
            }
            touched.extend(gone.iter().chain(&come).map(|resource| resource.anchor().clone()));
            added.extend(come);
        }
        added.sort_by(|a, b| a.anchor().cmp(b.anchor()));
        added.into_iter().for_each(|resource| tree.insert(resource));
        let touched: Vec<_> = touched.into_iter().collect();
        let scope = Scope::concerned(&self.tree, &tree, &touched);
        let rendered = [&self.tree, &tree].map(|tree| render::render(tree, &self.settings, &scope));
        let mut as_rendered = true;
        for changed in changed.iter().filter(|changed| changed.path.starts_with("clusters/")) {
            let now = rendered[1].manifests.get(&changed.path).map(|m| BlobId::of(m.text.as_bytes()));
            as_rendered &= match (changed.new, now) {
                (None, None) => rendered[0].manifests.contains_key(&changed.path),
                (Some(_), None) => {
                    render::is_namespace_file(&changed.path, &to.read(&changed.path)?.unwrap_or_default())
                }
                (new, now) => new == now,
            };
        }
        // What the intents of this commit render to anew must have come with it.
        let [before, after] = &rendered;
        let came = |path: &String| changed.iter().any(|changed| changed.path == *path);
        let text = |rendered: &render::Rendered, path: &String| rendered.manifests.get(path).map(|m| m.text.clone());
        let differ = |path: &&String| text(before, path) != text(after, path);
        let all: BTreeSet<&String> = before.manifests.keys().chain(after.manifests.keys()).collect();
        for path in all.into_iter().filter(differ).filter(|path| !came(path)) {
            let now = to.blob_id(path)?;
            as_rendered &= match after.manifests.get(path) {
                Some(manifest) => now == Some(BlobId::of(manifest.text.as_bytes())),
                None => before.manifests.get(path).is_none_or(|was| was.intents.is_empty()) || now.is_none(),
            };
        }
        let orphaned = touched.iter().any(|anchor| {
            tree.within(anchor).any(|r| r.anchor().parent().is_some_and(|parent| tree.get(&parent).is_none()))
        });
        if orphaned || !as_rendered {
            return Self::load(mirror, commit);
        }
        let drift = self.drift.iter().filter(|path| !changed.iter().any(|c| c.path == **path)).cloned().collect();
        let strays =
            self.strays.iter().filter(|stray| !changed.iter().any(|c| c.path == stray.path)).cloned().collect();
        Ok(Self {
            commit: Some(commit),
            tree,
            settings: self.settings.clone(),
            problems: BTreeMap::new(),
            strays,
            drift,
        })
    }
}

type Read = Result<Vec<Resource>, Vec<Finding>>;

/// The resources of one file; none when there is no such file.
pub(super) fn resources_of(files: &dyn Files, path: &str) -> Result<Read, RepoError> {
    if !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        return Ok(Ok(vec![]));
    }
    Ok(match read(files, path)? {
        None => Ok(vec![]),
        Some(content) => read_file(path, &content),
    })
}
