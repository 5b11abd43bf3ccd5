//! Bundles that are named on the command line.

use std::path::{Path, PathBuf};

use super::{Failure, output, sources};
use crate::intent::bundle::Rejected;
use crate::intent::layout::FOLDERS;
use crate::intent::posted::Keys;
use crate::intent::settings::SETTINGS_PATH;
use crate::intent::{Bundle, Resource, Tree};
use crate::repo::{Files, WorkingTree};

/// The longest bundle that is read, in bytes.
const LONGEST: usize = 64 << 20;

/// The bundles that are named, those of folders in the order of their names. Only one can be pruned by: what another
/// declares would be removed with what nobody does.
pub(super) fn files(named: &[PathBuf], prune: bool) -> Result<Vec<PathBuf>, Failure> {
    let mut all = vec![];
    for path in named {
        if path.is_dir() { all.extend(folder(path)?) } else { all.push(path.clone()) }
    }
    if prune && all.len() > 1 {
        return Err(Failure::Usage(format!(
            "--prune: {} bundles are named, and each would remove what the others declare; name one at a time",
            all.len()
        )));
    }
    Ok(all)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", output::path(path)));
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_bundle = |path: &PathBuf| path.is_file() && sources::is_yaml(path);
    let mut found: Vec<_> = entries.iter().map(std::fs::DirEntry::path).filter(is_bundle).collect();
    found.sort();
    if found.is_empty() {
        let why = "is a folder without *.yaml files; name a bundle, or the folder that holds some (not one above it)";
        return Err(Failure::Failed(format!("{}: {why}", output::path(path))));
    }
    Ok(found)
}

/// Reads a file, or standard input for `-`.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("{}: {error}", output::path(path)));
    let bytes = sources::bytes(path, LONGEST).map_err(|error| failed(&error))?;
    if bytes.len() > LONGEST {
        return Err(failed(&format!("is longer than {LONGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| failed(&"is not UTF-8"))
}

/// Reads a bundle without private keys.
pub(super) fn read(path: &Path) -> Result<Bundle, Failure> {
    Bundle::read(&text(path)?).map_err(|rejected| found(path, rejected))
}

/// Reads a bundle with the private keys that are to be sealed.
pub(super) fn receive(path: &Path) -> Result<(Bundle, Keys), Failure> {
    Bundle::receive(&text(path)?).map_err(|rejected| found(path, rejected))
}

fn found(path: &Path, rejected: Vec<Rejected>) -> Failure {
    let file = path.display().to_string();
    let findings = rejected.into_iter().flat_map(|document| document.findings(&file, "bundle/document"));
    Failure::Found(findings.collect())
}

/// Reads bundles; each has its own base.
pub(super) fn resources(paths: &[PathBuf]) -> Result<Vec<Resource>, Failure> {
    let mut all = vec![];
    for path in &files(paths, false)? {
        all.extend(read(path)?.documents.into_iter().map(|document| document.resource));
    }
    all.sort_by(|a, b| a.anchor().cmp(b.anchor()));
    if let Some(pair) = all.windows(2).find(|pair| pair[0].anchor() == pair[1].anchor()) {
        return Err(Failure::Failed(format!("{} is declared twice", pair[0].anchor())));
    }
    Ok(all)
}

/// The tree that posting `resources` into an empty one gives.
pub(super) fn tree(resources: Vec<Resource>) -> Result<Tree, Failure> {
    let mut tree = Tree::default();
    for resource in resources {
        if let Some(parent) = resource.anchor().parent().filter(|parent| tree.get(parent).is_none()) {
            return Err(Failure::Failed(format!(
                "{} lives under {parent}, which no bundle declares",
                resource.anchor()
            )));
        }
        tree.put(resource);
    }
    Ok(tree)
}

/// A checkout of a config repository: it has settings, or intents or topology that the default settings hold for, as a
/// server takes main.
pub(super) fn checkout(root: &Path) -> Result<WorkingTree, Failure> {
    let files = WorkingTree::open(root).map_err(Failure::failed)?;
    let settings = files.blob_id(SETTINGS_PATH).map_err(Failure::failed)?;
    if settings.is_none() && !FOLDERS.iter().any(|folder| root.join(folder).is_dir()) {
        let [intents, topology] = FOLDERS;
        let remedy = "name the root of a checkout by --repo, or begin one with that file (it may be empty)";
        return Err(Failure::Failed(format!(
            "{}: is no config repository, it has no {intents}, no {topology} and no {SETTINGS_PATH}; {remedy}",
            output::path(root)
        )));
    }
    Ok(files)
}
