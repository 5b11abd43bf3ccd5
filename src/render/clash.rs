//! What two plugins would both write, which can be of one of them only.

use std::collections::HashSet;

use rayon::prelude::*;

use super::namespace::namespace_directory;
use super::output::Manifest;
use crate::finding::{Finding, Place};
use crate::istio::Resource;

/// What is wrong where two resources would stand in one file: nobody could say which one a cluster gets.
pub(super) fn same_file(one: &Manifest, other: &Manifest) -> Finding {
    let (message, remedy) = if one.plugin == other.plugin {
        let message = format!("two resources of the plugin {} would stand in the same file", one.plugin);
        (message, "rename one of the services")
    } else {
        let message = format!(
            "the plugins {} and {} would both write this file, which can be of one of them only",
            one.plugin, other.plugin
        );
        (message, "let one of the plugins name its resource otherwise")
    };
    Finding::error("render/same-file", Place::at(&one.path), message, remedy)
}

/// What a resource is on all clusters together: its namespace's directory, its group, its kind and its name.
fn identity(manifest: &Manifest) -> Option<[&str; 4]> {
    let Resource { metadata, .. } = &*manifest.resource;
    let directory = namespace_directory(&manifest.path)?;
    Some([directory, manifest.resource.group(), manifest.resource.kind_name(), &metadata.name])
}

/// What is wrong where an outside plugin writes a resource that stands in another file too.
pub(super) fn same_resource<'m>(manifests: &'m [Manifest]) -> Vec<Finding> {
    let (outside, others): (Vec<&Manifest>, Vec<&Manifest>) =
        manifests.iter().partition(|manifest| manifest.is_of_outside_plugin());
    let known = |manifest: &'m Manifest| Some((identity(manifest)?, manifest));
    let mut outside: Vec<([&str; 4], &Manifest)> = outside.into_par_iter().filter_map(known).collect();
    outside.par_sort_unstable_by_key(|(identity, manifest)| (*identity, &manifest.path, &manifest.plugin));
    let mut findings = vec![];
    for same in outside.chunk_by(|(a, _), (b, _)| a == b) {
        let (_, first) = same[0];
        let differing = same.iter().filter(|(_, manifest)| manifest.path != first.path);
        findings.extend(differing.map(|(_, manifest)| written_twice(manifest, first)));
    }
    // Most are of kinds that no outside plugin writes.
    let kinds: HashSet<[&str; 2]> = outside.iter().map(|([_, group, kind, _], _)| [*group, *kind]).collect();
    let is_shared = |manifest: &&Manifest| kinds.contains(&[manifest.resource.group(), manifest.resource.kind_name()]);
    let twice = |manifest: &'m Manifest| {
        let (identity, manifest) = known(manifest)?;
        let place = outside.partition_point(|(other, _)| *other < identity);
        let (_, one) = outside.get(place).filter(|(other, _)| *other == identity)?;
        Some(written_twice(one, manifest))
    };
    findings.par_extend(others.into_par_iter().filter(is_shared).filter_map(twice));
    findings
}

/// That a plugin would write `one`, which is the same resource as `other`.
fn written_twice(one: &Manifest, other: &Manifest) -> Finding {
    let message = format!(
        "the plugin {} would write the same resource as the plugin {}, which stands in {}",
        one.plugin, other.plugin, other.path
    );
    let remedy = match one.plugin == other.plugin {
        true => "let the plugin name its resources by the units that they are about",
        false => "let one of the plugins name its resource otherwise",
    };
    Finding::error("render/same-resource", Place::at(&one.path), message, remedy)
}
