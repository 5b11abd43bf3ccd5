//! Files of outside plugins: what they carry, so that anybody can check them without the plugin.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::intent::{Anchor, Settings};
use crate::istio::{self, Resource};
use crate::render::digest::Digest;
use crate::render::manifest::{self, INTENTS};
use crate::render::output::Manifest;
use crate::render::question::Input;

/// The plugin that wrote a file, as `name@version`.
const PLUGIN: &str = "meshwright.dev/plugin";
/// What it was asked about, as [`crate::render::Asking::name`].
const UNIT: &str = "meshwright.dev/plugin-unit";
/// The digest of what it was asked.
const INPUT: &str = "meshwright.dev/plugin-input";
/// How many files the same answer gave.
const FILES: &str = "meshwright.dev/plugin-files";
/// The digest of the resource without this annotation.
const CONTENT: &str = "meshwright.dev/plugin-content";

/// What a file says about where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) version: String,
    /// The digest of what was asked; none where it names none.
    pub(super) input: Option<Digest>,
    pub(super) files: usize,
}

/// A file of an outside plugin, as it stands in the config repository.
#[derive(Debug, Clone)]
pub(super) struct PluginFile {
    pub(super) origin: Origin,
    pub(super) manifest: Manifest,
    /// Whether it says what its digest says.
    pub(super) intact: bool,
}

/// The files of outside plugins in a config repository.
#[derive(Debug, Clone, Default)]
pub struct PluginFiles {
    /// By plugin and unit, each in the order of their paths.
    units: BTreeMap<Key, Vec<Arc<PluginFile>>>,
    /// Plugin and unit of each path.
    keys: BTreeMap<String, Key>,
}

/// Plugin and unit.
type Key = (String, String);

impl PluginFiles {
    /// Takes in what stands at `path`, if it is a file of a plugin that the settings list, in the place of what stood there.
    pub fn put(&mut self, settings: &Settings, path: &str, text: &str) {
        self.remove(path);
        let plugin = plugin_of(path).filter(|plugin| is_listed(settings, plugin));
        let Some((key, file)) = plugin.and_then(|plugin| read_file(plugin, path, text)) else { return };
        self.keys.insert(path.to_owned(), key.clone());
        let files = self.units.entry(key).or_default();
        let place = files.partition_point(|other| other.manifest.path < file.manifest.path);
        files.insert(place, Arc::new(file));
    }

    /// Forgets the file at `path`.
    pub fn remove(&mut self, path: &str) {
        let Some(key) = self.keys.remove(path) else { return };
        if let Some(files) = self.units.get_mut(&key) {
            files.retain(|file| file.manifest.path != path);
            if files.is_empty() {
                self.units.remove(&key);
            }
        }
    }

    pub(super) fn of(&self, plugin: &str, unit: &str) -> &[Arc<PluginFile>] {
        self.units.get(&(plugin.to_owned(), unit.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// Whether a file at `path` would be of a plugin that the settings list.
#[must_use]
pub fn is_plugin_path(settings: &Settings, path: &str) -> bool {
    plugin_of(path).is_some_and(|plugin| is_listed(settings, plugin))
}

fn is_listed(settings: &Settings, plugin: &str) -> bool {
    settings.plugins.iter().any(|listed| listed.name.as_str() == plugin)
}

/// The plugin that a path names: `…/KIND-NAME.PLUGIN.yaml`, where neither a kind nor a DNS label has a dot.
fn plugin_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("clusters/")?.rsplit('/').next()?.strip_suffix(".yaml")?;
    name.rsplit_once('.').map(|(_, plugin)| plugin)
}

/// Kind and name as the path of a file of an outside plugin has them; none of any other.
#[must_use]
pub fn stem_of(manifest: &Manifest) -> Option<&str> {
    manifest.path.rsplit('/').next()?.strip_suffix(".yaml")?.strip_suffix(&*manifest.plugin)?.strip_suffix('.')
}

/// Whether a generated file at `path` would be about a resource of that kind and name.
#[must_use]
pub fn has_stem(path: &str, stem: &str) -> bool {
    let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or_default();
    name == stem || name.rsplit_once('.').is_some_and(|(name, _)| name == stem)
}

/// The file of a resource, one of `files` that were answered to an input about a unit; `directory` is that of its namespace.
pub(super) fn write(
    input: &Input,
    files: usize,
    unit: &str,
    directory: &str,
    mut resource: Resource,
    intents: Vec<Anchor>,
) -> Manifest {
    let Input { plugin, version, .. } = input;
    let kind = resource.kind_name().to_ascii_lowercase();
    let path = format!("{directory}/{}/{kind}-{}.{plugin}.yaml", folder(unit), resource.metadata.name);
    let annotations = &mut resource.metadata.annotations;
    annotations.insert(PLUGIN.into(), format!("{plugin}@{version}"));
    annotations.insert(UNIT.into(), unit.to_owned());
    annotations.insert(INPUT.into(), input.digest.to_string());
    annotations.insert(FILES.into(), files.to_string());
    let content = digest(&resource);
    resource.metadata.annotations.insert(CONTENT.into(), content);
    Manifest { plugin: plugin.to_string().into(), ..manifest::file(path, resource, intents) }
}

/// The folder of what is about a unit: a service's own, and one that no service has for pods.
fn folder(unit: &str) -> String {
    let subject = unit.split_once('/').map_or(unit, |(_, subject)| subject);
    subject.replace(['/', '='], "_")
}

/// SHA-256 of the compact JSON of a resource, in hexadecimal digits.
fn digest(resource: &Resource) -> String {
    // There is nothing in it that JSON does not have.
    Digest::of(&serde_json::to_vec(resource).unwrap_or_default()).to_string()
}

fn read_file(plugin: &str, path: &str, text: &str) -> Option<(Key, PluginFile)> {
    let mut read = istio::read(text);
    let resource = read.pop()?.ok()?.resource;
    let annotations = &resource.metadata.annotations;
    let (name, version) = annotations.get(PLUGIN)?.split_once('@')?;
    let origin = Origin {
        version: version.to_owned(),
        input: Digest::parse(annotations.get(INPUT)?),
        files: annotations.get(FILES)?.parse().ok()?,
    };
    let key = (plugin.to_owned(), annotations.get(UNIT)?.clone());
    let mut plain = resource.clone();
    let content = plain.metadata.annotations.remove(CONTENT);
    let intact = content == Some(digest(&plain)) && manifest::text(&resource) == text;
    let intents = annotations.get(INTENTS).into_iter().flat_map(|names| names.lines());
    let intents = intents.filter_map(|name| Anchor::parse(name).ok()).collect();
    let is_own = name == plugin && read.is_empty();
    let manifest = Manifest {
        path: path.to_owned(),
        text: text.to_owned(),
        resource: resource.into(),
        intents,
        plugin: plugin.to_owned().into(),
    };
    is_own.then_some((key, PluginFile { origin, manifest, intact }))
}
