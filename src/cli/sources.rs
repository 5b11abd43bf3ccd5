//! Files of manifests that are named on the command line, or lie below folders that are.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::finding::{Finding, Place};
use crate::lint::{Check, Manifests};

/// The most files that are read.
const MOST_FILES: usize = 1_000_000;
/// The most bytes of all files that are read.
const MOST_BYTES: u64 = 512 << 20;

/// Files to be read, and what was found on the way to them.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) files: Vec<PathBuf>,
    pub(super) findings: Vec<Finding>,
    read: AtomicU64,
}

/// The rule of links that are not followed.
pub(super) const LINK: &str = "lint/link";

/// How standard input is told.
pub(super) const STANDARD_INPUT: &str = "(standard input)";

/// What else a config repository holds beside the manifests in `clusters/`.
const NO_MANIFESTS: [&str; 4] = ["access-tests", "intents", "meshwright.yaml", "topology"];

/// How a path is told.
pub(super) fn name(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => STANDARD_INPUT.to_owned(),
        false => path.display().to_string(),
    }
}

fn finding(path: &Path, why: impl std::fmt::Display, remedy: &str) -> Finding {
    let place = Place::on_line(name(path), 1);
    Finding::error("lint/file", place, why.to_string(), remedy)
}

const UNREADABLE: &str = "mend it, or leave it out";
const EMPTY: &str = "standard input is empty, so that nothing was checked";
const LOOK_BEFORE: &str = "see whether the command that writes to it fails";

/// What is wrong where standard input was to be read and holds nothing.
pub(super) fn nothing_came() -> Finding {
    finding(Path::new("-"), EMPTY, LOOK_BEFORE)
}

/// The cluster that a file belongs to: the folder `clusters/<provider>/<cluster>` above it, the nearest one, and an empty path
/// for all others.
pub(super) fn cluster_of(path: &Path) -> PathBuf {
    let mut names: Vec<Component<'_>> = vec![];
    let path = std::path::absolute(path).unwrap_or_default();
    for component in path.components() {
        match component {
            Component::ParentDir => names.truncate(names.len().saturating_sub(1)),
            _ => names.push(component),
        }
    }
    let ends = names.windows(4).rposition(|names| names[0].as_os_str() == "clusters").map(|begins| begins + 3);
    ends.map(|end| names[..end].iter().collect()).unwrap_or_default()
}

impl Sources {
    /// The files that are named, and those that end in `.yaml`, `.yml` or `.json` below the folders that are, in the order of
    /// their names. JSON without an `apiVersion`, and folders and files whose names begin with a dot, are passed over; links
    /// to folders are told and not followed; of a config repository, what is no manifest is left to `check`.
    pub(super) fn below(named: &[PathBuf]) -> Self {
        let mut sources = Self::default();
        for path in named {
            if !path.is_dir() {
                sources.files.push(path.clone());
                continue;
            }
            let before = sources.files.len() + sources.findings.len();
            sources.folder(path);
            if sources.files.len() + sources.findings.len() == before {
                let place = Place::on_line(name(path), 1);
                let message = "the folder holds no *.yaml, *.yml or *.json, so that nothing was checked";
                sources.findings.push(Finding::warning("lint/folder", place, message, "name another, or files"));
            }
        }
        sources.files.sort();
        sources.files.dedup();
        sources
    }

    /// Leaves each file once, by the first of its names: one may be named beside its folder, or by a link.
    pub(super) fn once(&mut self) {
        let mut seen = HashSet::new();
        self.files.retain(|path| path.canonicalize().map_or(true, |path| seen.insert(path)));
    }

    fn folder(&mut self, root: &Path) {
        let config = is_config_repository(root);
        if config {
            let place = Place::on_line(name(root), 1);
            let message = format!(
                "this is a config repository: {} are no manifests, and `meshwright check` looks at them",
                NO_MANIFESTS.join(", ")
            );
            self.findings.push(Finding::note("lint/config", place, message));
        }
        let mut left = vec![root.to_owned()];
        while let Some(folder) = left.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.findings.push(finding(&folder, error, UNREADABLE));
                    continue;
                }
            };
            for entry in entries {
                let kind = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
                let (kind, entry) = match kind {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.findings.push(finding(&folder, error, UNREADABLE));
                        break;
                    }
                };
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let own = folder == root && NO_MANIFESTS.iter().any(|name| entry.file_name() == *name);
                if config && own {
                    continue;
                }
                let path = if folder == Path::new(".") { entry.file_name().into() } else { entry.path() };
                if kind.is_dir() { left.push(path) } else { self.entry(path, kind.is_symlink()) }
            }
            if self.files.len() > MOST_FILES {
                self.findings.push(finding(root, format!("holds more than {MOST_FILES} files"), "name parts of it"));
                return self.files.truncate(MOST_FILES);
            }
        }
    }

    /// A file or link in a folder.
    fn entry(&mut self, path: PathBuf, link: bool) {
        let json = path.extension().is_some_and(|end| end == "json");
        let wanted = json || is_yaml(&path);
        if !wanted && !link {
            return;
        }
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                let place = Place::on_line(name(&path), 1);
                let message = "is a link to a folder, which is not followed: name the folder itself to read it";
                self.findings.push(Finding::note(LINK, place, message));
            }
            _ if !wanted => {}
            Ok(found) if found.is_file() && json && !names_api_version(&path) => {}
            Ok(found) if found.is_file() => self.files.push(path),
            Ok(_) => self.findings.push(finding(&path, "is neither a file nor a folder", UNREADABLE)),
            Err(error) => self.findings.push(finding(&path, error, UNREADABLE)),
        }
    }

    /// Reads and checks one of the files.
    pub(super) fn manifests(&self, path: &Path, also: Option<Check<'_>>) -> Manifests {
        let name = name(path);
        match bytes(path, Manifests::LONGEST) {
            Ok(bytes) if bytes.len() > Manifests::LONGEST => {
                let why = format!("the file is longer than {} bytes", Manifests::LONGEST);
                Manifests::unreadable(&name, why, "split it")
            }
            Ok(bytes) if self.read.fetch_add(bytes.len() as u64, Ordering::Relaxed) > MOST_BYTES => {
                let why = format!("more than {MOST_BYTES} bytes of manifests are named, and this file is beyond");
                Manifests::unreadable(&name, why, "name fewer at a time")
            }
            Ok(bytes) if name == STANDARD_INPUT && bytes.iter().all(u8::is_ascii_whitespace) => {
                Manifests::unreadable(&name, EMPTY, LOOK_BEFORE)
            }
            Ok(bytes) => Manifests::read(&name, bytes, also),
            Err(error) => Manifests::unreadable(&name, error.to_string(), UNREADABLE),
        }
    }
}

/// Whether the name of a file says that it is YAML.
pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml")
}

/// Whether a folder is the checkout of a config repository.
fn is_config_repository(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    has("meshwright.yaml") || has("clusters") && (has("intents") || has("topology"))
}

/// Whether a file of JSON, of which most are no manifests, has a member of that name. One that cannot be read has.
fn names_api_version(path: &Path) -> bool {
    const MEMBER: &[u8] = b"\"apiVersion\"";
    bytes(path, Manifests::LONGEST).map_or(true, |bytes| bytes.windows(MEMBER.len()).any(|window| window == MEMBER))
}

/// The bytes of a file, or of standard input for `-`; one more than `most` where it is longer.
pub(super) fn bytes(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    if path.as_os_str() == "-" {
        io::stdin().lock().take(most as u64 + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_cluster_belong_together() {
        let of = |path: &str| cluster_of(Path::new(path)).display().to_string();
        let here = std::env::current_dir().unwrap().join("clusters/gke/east").display().to_string();
        assert_eq!(of("clusters/gke/east/shop/a.yaml"), here);
        assert_eq!(of("clusters/gke/west/../east/a.yaml"), here);
        assert_eq!(of("/repo/clusters/gke/east/shop/cart/a.yaml"), "/repo/clusters/gke/east");
        assert_eq!(
            of("/home/clusters/mesh/repo/clusters/gke/east/a.yaml"),
            "/home/clusters/mesh/repo/clusters/gke/east"
        );
        for path in ["/a.yaml", "/clusters/a.yaml", "/clusters/gke/a.yaml", "/my-clusters/gke/east/a.yaml", "/"] {
            assert_eq!(of(path), "", "{path}");
        }
    }
}
