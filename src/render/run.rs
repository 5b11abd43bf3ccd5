//! Rendering: the intents of a scope are resolved and handed to the plugins, and what these answer is put together.

use std::collections::{BTreeSet, HashSet};

use rayon::prelude::*;

use super::asked::Asked;
use super::dns::Dns;
use super::load_balancer::LoadBalancer;
use super::manifest::too_large;
use super::namespace::{namespace_directory, namespace_file};
use super::output::{Manifest, Output, Rendered};
use super::outside::{self, Answers, Outside, PluginFiles};
use super::plugin::Plugin;
use super::question::Question;
use super::scope::Scope;
use super::sm_config::SmConfig;
use crate::finding::{Finding, Place};
use crate::intent::{Settings, Tree};
use crate::istio::Resource;

/// The plugins that are built in.
const BUILT_IN: [&dyn Plugin; 3] = [&SmConfig, &LoadBalancer, &Dns];

/// Renders the services of `scope` as `tree` has them, with what is known of outside plugins.
#[must_use]
pub fn render(tree: &Tree, settings: &Settings, scope: &Scope, outside: Outside<'_>) -> Rendered {
    rendered(collected(tree, settings, scope, outside, |_| {}))
}

/// Who has outside plugins asked.
pub trait Ask {
    /// What was answered.
    fn answers(&self) -> &Answers;
    /// Has these answered, and comes back at once.
    fn begin(&self, questions: &[Question]);
    /// Waits until each of these is answered or has failed, after which it may have been asked once more.
    fn wait(&self, questions: &[Question]);
}

/// Renders the services of `scope`, with the files of outside plugins as they should be. Plugins are asked for those that main
/// does not have; they answer while what is built in is rendered.
#[must_use]
pub fn render_asking(
    tree: &Tree,
    settings: &Settings,
    scope: &Scope,
    files: &PluginFiles,
    plugins: &impl Ask,
) -> Rendered {
    let outside = Outside::Fresh { files, before: None, answers: plugins.answers() };
    let mut out = collected(tree, settings, scope, outside, |questions| plugins.begin(questions));
    let questions = std::mem::take(&mut out.unanswered);
    plugins.wait(&questions);
    out.extend(outside::answered(questions, plugins.answers(), settings.gitops));
    rendered(out)
}

/// What all plugins answer. Those outside come first, so that what they did not answer yet can be asked meanwhile.
fn collected(
    tree: &Tree,
    settings: &Settings,
    scope: &Scope,
    outside: Outside<'_>,
    begin: impl FnOnce(&[Question]),
) -> Output {
    let mut out = Output::default();
    let asked = Asked::resolve(tree, settings, scope, &mut out);
    let listed = outside::listed(&settings.plugins, tree, outside);
    listed.iter().for_each(|plugin| out.extend(answer(plugin, &asked)));
    begin(&out.unanswered);
    BUILT_IN.into_iter().for_each(|plugin| out.extend(answer(plugin, &asked)));
    out
}

/// Everything that outside plugins can be asked about the services of `scope`.
#[must_use]
pub fn questions(tree: &Tree, settings: &Settings, scope: &Scope) -> Vec<Question> {
    let (files, answers) = (PluginFiles::default(), Answers::default());
    let outside = Outside::Fresh { files: &files, before: None, answers: &answers };
    let asked = Asked::resolve(tree, settings, scope, &mut Output::default());
    let listed = outside::listed(&settings.plugins, tree, outside);
    listed.iter().flat_map(|plugin| plugin.render(&asked).unanswered).collect()
}

/// What a plugin answers.
fn answer(plugin: &dyn Plugin, asked: &Asked<'_>) -> Output {
    let mut answer = plugin.render(asked);
    answer.manifests.iter_mut().for_each(|manifest| manifest.plugin = plugin.name());
    answer
}

/// An app that is placed nowhere is one thing to mend, however many servers and clients it is the app of: the first of
/// them stands for all.
fn say_once(findings: &mut Vec<Finding>) {
    let mut said = BTreeSet::new();
    findings.retain(|finding| {
        finding.rule != "topology/placement" || said.insert((finding.message.clone(), finding.remedy.clone()))
    });
}

/// Sorts all that was given, and adds the file that keeps each namespace's directory.
fn rendered(out: Output) -> Rendered {
    let Output { mut manifests, mut targets, mut exits, unplaced, mut findings, units, mut outdated, unanswered, kept } =
        out;
    // Of two in the same file it is always the same one that stays.
    manifests.par_sort_unstable_by(|a, b| a.path.cmp(&b.path).then_with(|| a.text.cmp(&b.text)));
    findings.extend(manifests.windows(2).filter_map(|pair| same_file(&pair[0], &pair[1])));
    findings.extend(same_resource(manifests.iter()));
    findings.extend(manifests.iter().filter_map(of_the_mesh));
    findings.extend(manifests.iter().filter_map(too_large));
    let directories: BTreeSet<&str> =
        manifests.iter().filter_map(|manifest| namespace_directory(&manifest.path)).collect();
    let keepers: Vec<Manifest> = directories.into_iter().filter_map(namespace_file).collect();
    targets.sort();
    exits.sort();
    findings.sort();
    findings.dedup();
    say_once(&mut findings);
    outdated.sort();
    let manifests = manifests.into_iter().chain(keepers).map(|manifest| (manifest.path.clone(), manifest)).collect();
    let units = units.into_iter().collect();
    Rendered { manifests, targets, exits, unplaced, findings, units, outdated, unanswered, kept }
}

/// What is wrong where two resources would stand in one file: nobody could say which one a cluster gets.
fn same_file(one: &Manifest, other: &Manifest) -> Option<Finding> {
    if one.path != other.path {
        return None;
    }
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
    Some(Finding::error("render/same-file", Place::at(&one.path), message, remedy))
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

/// What a resource is on all clusters together: its namespace's directory, its group, its kind and its name.
fn identity(manifest: &Manifest) -> Option<[&str; 4]> {
    let Resource { metadata, .. } = &manifest.resource;
    let directory = namespace_directory(&manifest.path)?;
    Some([directory, manifest.resource.group(), manifest.resource.kind_name(), &metadata.name])
}

/// What is wrong where an outside plugin writes a resource that stands in another file too.
fn same_resource<'m>(manifests: impl Iterator<Item = &'m Manifest>) -> Vec<Finding> {
    let (outside, others): (Vec<&Manifest>, Vec<&Manifest>) =
        manifests.partition(|manifest| manifest.is_of_outside_plugin());
    let known = |manifest: &'m Manifest| Some((identity(manifest)?, manifest));
    let mut outside: Vec<([&str; 4], &Manifest)> = outside.into_par_iter().filter_map(known).collect();
    outside.par_sort_unstable_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.path.cmp(&other.path)));
    let mut findings = vec![];
    for same in outside.chunk_by(|(a, _), (b, _)| a == b) {
        let (_, first) = same[0];
        let differing = same.iter().filter(|(_, manifest)| manifest.path != first.path);
        findings.extend(differing.map(|(_, manifest)| written_twice(manifest, first)));
    }
    // Most are of kinds that no outside plugin writes.
    let kinds: HashSet<[&str; 2]> = outside.iter().map(|([_, group, kind, _], _)| [*group, *kind]).collect();
    let is_shared = |manifest: &&Manifest| kinds.contains(&[manifest.resource.group(), manifest.resource.kind_name()]);
    for (identity, manifest) in others.into_iter().filter(is_shared).filter_map(known) {
        let place = outside.partition_point(|(other, _)| *other < identity);
        if let Some((_, one)) = outside.get(place).filter(|(other, _)| *other == identity) {
            findings.push(written_twice(one, manifest));
        }
    }
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
