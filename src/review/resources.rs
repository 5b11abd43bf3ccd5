//! What happens to the resources of each cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::path::Location;
use super::{FileChange, Happening, ResourceChange};
use crate::istio::Kind;
use crate::render::{Manifest, Rendered};

/// The manifests that are new or whose text changes.
pub(super) fn changed<'a>(before: &'a Rendered, after: &'a Rendered) -> impl Iterator<Item = &'a Manifest> {
    let same =
        |manifest: &&Manifest| before.manifests.get(&manifest.path).is_some_and(|known| known.text == manifest.text);
    after.manifests.values().filter(move |manifest| !same(manifest))
}

/// What happens to the resources of each cluster, by cluster, kind and name.
///
/// A resource whose file moves is changed, not removed and added: its cluster sees one resource.
pub(super) fn resources(before: &Rendered, after: &Rendered, files: &[FileChange]) -> Vec<ResourceChange> {
    let mut found: BTreeMap<(String, String, String), ResourceChange> = BTreeMap::new();
    let gone = before.manifests.values().filter(|manifest| !after.manifests.contains_key(&manifest.path));
    for manifest in gone.filter(|manifest| !keeps_a_directory(manifest)) {
        if let Some(change) = change(manifest, Happening::Removed) {
            found.insert(key(&change), change);
        }
    }
    for manifest in changed(before, after) {
        let known = before.manifests.contains_key(&manifest.path);
        let Some(mut change) = change(manifest, if known { Happening::Changed } else { Happening::Added }) else {
            continue;
        };
        let key = key(&change);
        if found.contains_key(&key) {
            change.happening = Happening::Changed;
        }
        found.insert(key, change);
    }
    // What main already says is no change, though a part of the rendering shows it as one.
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    found
        .into_values()
        .filter(|change| paths.contains(change.path.as_str()))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Whether a file stays when nothing renders it any more, so that its directory is never empty.
fn keeps_a_directory(manifest: &Manifest) -> bool {
    manifest.resource.kind() == Kind::ConfigMap && manifest.intents.is_empty()
}

fn key(change: &ResourceChange) -> (String, String, String) {
    (change.cluster.clone(), change.kind.clone(), change.name.clone())
}

fn change(manifest: &Manifest, happening: Happening) -> Option<ResourceChange> {
    let location = Location::of(&manifest.path)?;
    let metadata = &manifest.resource.metadata;
    let namespace = if metadata.namespace.is_empty() { location.namespace } else { &metadata.namespace };
    Some(ResourceChange {
        cluster: location.cluster.to_owned(),
        kind: manifest.resource.kind_name().to_owned(),
        name: format!("{namespace}/{}", metadata.name),
        happening,
        path: manifest.path.clone(),
    })
}
