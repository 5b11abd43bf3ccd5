//! Putting together what was rendered: in order, checked, and with the files that keep the directories of namespaces.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::clash::{same_file, same_resource};
use super::manifest::too_large;
use super::namespace::{namespace_directory, namespace_file};
use super::output::{Manifest, Output, Rendered, add_counts};
use crate::finding::{Finding, Place};

/// What was rendered so far. What comes of it is the same whatever is added first.
#[derive(Default)]
pub(super) struct Assembly {
    /// All but its manifests.
    rendered: Rendered,
    /// Sorted by path.
    manifests: Vec<Manifest>,
    /// The directories of namespaces.
    directories: BTreeSet<String>,
}

impl Assembly {
    /// Takes in what was rendered, and does all of the work that does not depend on what is still to come.
    pub(super) fn add(&mut self, out: Output) {
        let Output { mut manifests, targets, exits, mut unplaced, findings, units, outdated, unanswered, kept } = out;
        manifests.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let mut directories: Vec<&str> =
            manifests.iter().filter_map(|manifest| namespace_directory(&manifest.path)).collect();
        directories.dedup();
        self.directories.extend(directories.into_iter().map(str::to_owned));
        let all = &mut self.rendered;
        all.findings.extend(findings);
        let said = |manifest| of_the_mesh(manifest).into_iter().chain(too_large(manifest));
        all.findings.par_extend(manifests.par_iter().flat_map_iter(said));
        all.targets.extend(targets);
        all.targets.sort();
        all.exits.extend(exits);
        all.exits.sort();
        all.unplaced.append(&mut unplaced);
        all.units.append(&mut units.into_iter().collect());
        all.outdated.extend(outdated);
        all.outdated.sort();
        all.unanswered.extend(unanswered);
        add_counts(&mut all.kept, kept);
        let has_some = !self.manifests.is_empty();
        self.manifests.append(&mut manifests);
        if has_some {
            // Two sorted runs, which the sort finds and merges.
            self.manifests.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }

    /// All of it.
    pub(super) fn finish(self) -> Rendered {
        let Self { mut rendered, mut manifests, directories } = self;
        let findings = &mut rendered.findings;
        findings.extend(same_resource(&manifests));
        for clash in manifests.chunk_by_mut(|a, b| a.path == b.path).filter(|clash| clash.len() > 1) {
            // Of these it is always the same one that stays: the first.
            clash.sort_unstable_by(|a, b| a.text.cmp(&b.text).then_with(|| a.plugin.cmp(&b.plugin)));
            findings.extend(clash.windows(2).map(|pair| same_file(&pair[0], &pair[1])));
        }
        manifests.dedup_by(|next, first| next.path == first.path);
        findings.sort();
        findings.dedup();
        say_once(findings);
        let keepers = directories.iter().filter_map(|directory| namespace_file(directory));
        rendered.manifests = manifests.into_iter().chain(keepers).map(|it| (it.path.clone(), it)).collect();
        rendered
    }
}

/// An app that is placed nowhere is one thing to mend, however many servers and clients it is the app of: the first of
/// them stands for all.
fn say_once(findings: &mut Vec<Finding>) {
    let mut said = BTreeSet::new();
    findings.retain(|finding| {
        finding.rule != "topology/placement" || said.insert((finding.message.clone(), finding.remedy.clone()))
    });
}

/// What a reviewer has to look at where an outside plugin writes what decides who reaches what: of a policy the plan says
/// whom it lets in, of anything else of Istio nothing but that it is there.
fn of_the_mesh(manifest: &Manifest) -> Option<Finding> {
    let is_of_mesh =
        ["istio.io", "gateway.networking.k8s.io"].iter().any(|group| manifest.resource.group().ends_with(group));
    (manifest.is_of_outside_plugin() && is_of_mesh).then(|| {
        let (plugin, kind) = (&manifest.plugin, manifest.resource.kind_name());
        let message = format!(
            "the plugin {plugin} writes this {kind}, which may change who reaches what, whatever the intents say"
        );
        let remedy = "look at the diff; who is allowed is decided by all policies together";
        Finding::warning("plugin/mesh", Place::at(&manifest.path), message, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::istio::{ConfigMap, ObjectMeta, Resource};

    fn manifest(plugin: &'static str, path: &str, name: &str) -> Manifest {
        let metadata = ObjectMeta { name: name.to_owned(), ..ObjectMeta::default() };
        let (resource, text) = (Resource::new(metadata, ConfigMap::default()), format!("{plugin} {name}"));
        Manifest {
            path: format!("clusters/gke/{path}.yaml"),
            text,
            resource: resource.into(),
            intents: vec![],
            plugin: plugin.into(),
        }
    }

    fn assembled(shares: [Vec<Manifest>; 2]) -> Rendered {
        let mut assembly = Assembly::default();
        shares.into_iter().for_each(|manifests| assembly.add(Output { manifests, ..Output::default() }));
        assembly.finish()
    }

    #[test]
    fn what_is_added_first_makes_no_difference() {
        let all = [
            manifest("sm-config", "east/shop/cart/a", "a"),
            manifest("sm-config", "west/shop/cart/b", "b"),
            // All in one file.
            manifest("sm-config", "east/shop/cart/c", "one"),
            manifest("sm-config", "east/shop/cart/c", "two"),
            manifest("np", "east/shop/cart/c", "three"),
            // The same resource in two files.
            manifest("np", "east/shop/cart/np-d", "d"),
            manifest("other", "east/shop/cart/other-d", "d"),
            // And in one that another stays in.
            manifest("other", "east/shop/cart/c", "a"),
            // In one file, and in another as well.
            manifest("np", "east/shop/cart/e", "e"),
            manifest("other", "east/shop/cart/e", "e"),
            manifest("np", "east/shop/cart/f", "e"),
        ];
        let once = assembled([all.to_vec(), vec![]]);
        let paths: Vec<&str> = once.manifests.keys().map(String::as_str).collect();
        let files = ["cart/a", "cart/c", "cart/e", "cart/f", "cart/np-d", "cart/other-d", "configmap-meshwright"];
        let mut expected: Vec<String> =
            files.iter().map(|file| format!("clusters/gke/east/shop/{file}.yaml")).collect();
        expected.extend(["cart/b", "configmap-meshwright"].map(|file| format!("clusters/gke/west/shop/{file}.yaml")));
        assert_eq!(paths, expected);
        let said: Vec<&str> = once.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "the plugins np and other would both write this file, which can be of one of them only",
                "the plugins other and sm-config would both write this file, which can be of one of them only",
                "two resources of the plugin sm-config would stand in the same file",
                "the plugins np and other would both write this file, which can be of one of them only",
                "the plugin other would write the same resource as the plugin sm-config, which stands in \
                 clusters/gke/east/shop/cart/a.yaml",
                "the plugin np would write the same resource as the plugin np, which stands in \
                 clusters/gke/east/shop/cart/e.yaml",
                "the plugin other would write the same resource as the plugin np, which stands in \
                 clusters/gke/east/shop/cart/np-d.yaml",
            ]
        );
        for later in 0..1_u32 << all.len() {
            let (second, first): (Vec<_>, Vec<_>) =
                (0..).zip(all.clone()).partition(|(place, _)| later & (1 << place) != 0);
            let shares = [first, second].map(|share| share.into_iter().map(|(_, manifest)| manifest).collect());
            assert_eq!(assembled(shares), once, "{later:b}");
        }
    }
}
