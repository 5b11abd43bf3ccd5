//! The modules of a crate: which file is which module, and which files no module declares.

use std::collections::BTreeMap;
use std::path::Path;

use crate::source::{self, Source};

/// A file that is part of the crate.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the crate, with `/`.
    pub(crate) path: String,
    /// `["render", "gateway"]`; files below `main.rs` and other roots begin with the root's own name.
    pub(crate) module: Vec<String>,
    /// Under `#[cfg(test)]`, or not part of the library and program at all.
    pub(crate) test: bool,
    pub(crate) source: Source,
}

/// Everything the rules look at.
#[derive(Debug, Default)]
pub(crate) struct House {
    pub(crate) files: Vec<File>,
    /// Files that no `mod` leads to.
    pub(crate) undeclared: Vec<String>,
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) cargo_toml: String,
}

impl House {
    /// Reads the crate at `root`.
    pub(crate) fn open(root: &Path) -> std::io::Result<Self> {
        let mut texts = BTreeMap::new();
        for folder in ["src", "tests", "benches"] {
            if root.join(folder).is_dir() {
                collect(root, folder, &mut texts)?;
            }
        }
        Ok(Self::of(texts, std::fs::read_to_string(root.join("Cargo.toml"))?))
    }

    /// A crate made of `texts`, by path.
    pub(crate) fn of(texts: BTreeMap<String, String>, cargo_toml: String) -> Self {
        let mut house = Self { texts, cargo_toml, ..Self::default() };
        let roots: Vec<String> = house.texts.keys().filter(|path| is_root(path)).cloned().collect();
        for root in roots {
            let module = match root.as_str() {
                "src/lib.rs" => vec![],
                "src/main.rs" => vec!["main".to_owned()],
                other => vec![other.to_owned()],
            };
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            house.walk(root.clone(), module, folder, !root.starts_with("src/"));
        }
        house.undeclared =
            house.texts.keys().filter(|path| !house.files.iter().any(|f| &f.path == *path)).cloned().collect();
        house
    }

    /// Reads the file of `module`, then the files that it declares; its children live in `folder`.
    fn walk(&mut self, path: String, module: Vec<String>, folder: String, test: bool) {
        let Some(text) = self.texts.get(&path) else { return };
        let source = source::read(text);
        let test = test || source.test;
        let mut children = Vec::new();
        for declared in source.declared.iter().filter(|declared| declared.elsewhere) {
            let inside: String = declared.inside.iter().map(|name| format!("{name}/")).collect();
            let at = format!("{folder}/{inside}{}", declared.name);
            let beside = path.rsplit_once('/').map_or("", |(beside, _)| beside);
            let candidates = match &declared.path {
                Some(given) => vec![format!("{beside}/{given}")],
                None => vec![format!("{at}.rs"), format!("{at}/mod.rs")],
            };
            let Some(file) = candidates.into_iter().find(|file| self.texts.contains_key(file)) else { continue };
            let module = [&module[..], &declared.inside, std::slice::from_ref(&declared.name)].concat();
            // A file with a path of its own is like a `mod.rs`: its children lie beside it.
            let below = match (&declared.path, file.rsplit_once('/')) {
                (Some(_), Some((folder, _))) => folder.to_owned(),
                _ => at,
            };
            children.push((file, module, below, test || declared.test));
        }
        self.files.push(File { path, module, test, source });
        for (file, module, folder, test) in children {
            self.walk(file, module, folder, test);
        }
    }
}

/// Where a crate begins: the library, the program, each test and each benchmark.
fn is_root(path: &str) -> bool {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["src", file] => file == "lib.rs" || file == "main.rs",
        ["tests" | "benches", _] | ["tests" | "benches", _, "main.rs"] => true,
        _ => false,
    }
}

fn collect(root: &Path, folder: &str, texts: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(root, &path, texts)?;
        } else if path.ends_with(".rs") {
            texts.insert(path, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}
