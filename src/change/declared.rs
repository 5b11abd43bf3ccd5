//! What a config repository says: intents, topology and settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::codeowners::CodeOwners;
use crate::finding::{Finding, Place};
use crate::intent::layout::{self, FOLDERS, INTENTS};
use crate::intent::settings::SETTINGS_PATH;
use crate::intent::{Anchor, Resource, Settings, Tree};
use crate::repo::{Content, Files, LONGEST, RepoError, TooLong};
use crate::review::Stray;

/// The folder of the owners' own policies.
const POLICIES: &str = "policies";

/// The rule of what is readable and stands under nothing.
pub(super) const ORPHAN: &str = "intent/parent";

/// What was read of intents, topology and settings.
#[derive(Debug, Default)]
pub struct Declared {
    /// The intents.
    pub tree: Tree,
    /// The settings.
    pub settings: Settings,
    /// Who owns which paths; nobody where the settings do not honour them.
    pub code_owners: CodeOwners,
    /// Files that cannot be read, by path.
    pub problems: BTreeMap<String, Vec<Finding>>,
    /// Whether there is a file of intents, readable or not.
    pub has_intents: bool,
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
            declared.has_intents |= path.starts_with(INTENTS);
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
        if declared.settings.code_owners {
            match CodeOwners::read(files)? {
                Ok(owners) => declared.code_owners = owners,
                Err(finding) => drop(declared.problems.insert(finding.place.path.clone(), vec![finding])),
            }
        }
        for finding in orphans(&declared.tree) {
            declared.problems.entry(finding.place.path.clone()).or_default().push(finding);
        }
        Ok(declared)
    }

    /// What is wrong where generated manifests are left among `strays` and all intents are gone: taking every manifest
    /// away would open every server, and an empty or wrong folder is not to be taken for that wish.
    #[must_use]
    pub fn gone(&self, strays: &[Stray]) -> Option<Finding> {
        let left = strays.iter().find(|stray| stray.is_stale()).filter(|_| !self.has_intents)?;
        let message = format!("{} and maybe more was generated, and there are no intents at all", left.path);
        let remedy = "put intents/ back; or, if nothing of it is wanted, remove what bears the label \
                      app.kubernetes.io/managed-by: meshwright below clusters/ by hand";
        Some(Finding::error("intent/gone", Place::at(INTENTS.trim_end_matches('/')), message, remedy))
    }
}

/// Whether an owner's policy stands at `path`.
pub(super) fn is_policy(path: &str) -> bool {
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
pub(super) fn read(files: &dyn Files, path: &str) -> Result<Option<Content>, RepoError> {
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
    let resources: Vec<_> = tree.iter().collect();
    resources.into_par_iter().filter_map(orphan).collect()
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
