//! How the generated files differ from what they should be.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::declared::read;
use crate::intent::Settings;
use crate::render::{self, PluginFiles, is_plugin_path};
use crate::repo::{BlobId, Files, RepoError};
use crate::review::Stray;

/// The folder of the generated files.
pub const CLUSTERS: &str = "clusters";

/// How the folder of generated files differs from what the intents render to.
#[derive(Debug, Default)]
pub struct Audit {
    /// Generated files that are missing or say something else: path, what stands there, what should.
    pub differing: Vec<(String, Option<String>, String)>,
    /// Files that are not generated.
    pub strays: Vec<Stray>,
}

impl Audit {
    /// Compares every file below [`CLUSTERS`], as they were listed, with a full rendering; only files that are not
    /// generated are parsed.
    ///
    /// # Errors
    /// When a file cannot be read from where it is.
    pub fn of(files: &dyn Files, mut listed: Listed, rendered: &render::Rendered) -> Result<Self, RepoError> {
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
#[derive(Debug)]
pub struct Listed {
    ids: BTreeMap<String, BlobId>,
    rendered: HashSet<String>,
}

impl Listed {
    /// Lists them.
    ///
    /// # Errors
    /// When one cannot be read from where it is.
    pub fn read(files: &dyn Files) -> Result<Self, RepoError> {
        Ok(Self { ids: files.list(CLUSTERS)?.into_iter().collect(), rendered: HashSet::new() })
    }

    /// The files of the plugins that `settings` list.
    ///
    /// # Errors
    /// When one cannot be read from where it is.
    pub fn plugin_files(&self, files: &dyn Files, settings: &Settings) -> Result<PluginFiles, RepoError> {
        let mut found = PluginFiles::default();
        let paths = self.ids.keys().filter(|path| !settings.plugins.is_empty() && is_plugin_path(settings, path));
        for path in paths {
            if let Some(Ok(bytes)) = read(files, path)? {
                found.put(settings, path, &String::from_utf8_lossy(&bytes));
            }
        }
        Ok(found)
    }

    /// The manifests that are missing or stand there otherwise.
    pub(super) fn compare<'r>(&mut self, rendered: &'r render::Rendered) -> Vec<(&'r String, &'r render::Manifest)> {
        let ids = &self.ids;
        let differs = |(path, manifest): &(&String, &render::Manifest)| {
            ids.get(*path) != Some(&BlobId::of(manifest.text.as_bytes()))
        };
        let differing = rendered.manifests.par_iter().filter(differs).collect();
        self.rendered.extend(rendered.manifests.keys().cloned());
        differing
    }

    /// What is there and was not rendered.
    pub(super) fn strays(&self, files: &dyn Files) -> Result<Vec<Stray>, RepoError> {
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
