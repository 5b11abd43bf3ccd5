//! Rendering: the intents of a scope are resolved and handed to the plugins, and what these answer is put together.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::asked::Asked;
use super::dns::Dns;
use super::load_balancer::LoadBalancer;
use super::manifest::too_large;
use super::namespace::{namespace_directory, namespace_file};
use super::output::{Manifest, Output, Rendered};
use super::plugin::Plugin;
use super::scope::Scope;
use super::sm_config::SmConfig;
use crate::finding::{Finding, Place};
use crate::intent::{Settings, Tree};

/// The plugins that are built in, in the order in which they are asked.
const BUILT_IN: [&dyn Plugin; 3] = [&SmConfig, &LoadBalancer, &Dns];

/// Renders the services of `scope` as `tree` has them.
#[must_use]
pub fn render(tree: &Tree, settings: &Settings, scope: &Scope) -> Rendered {
    asked_of(&BUILT_IN, tree, settings, scope)
}

/// Asks the plugins, one after the other.
fn asked_of(plugins: &[&dyn Plugin], tree: &Tree, settings: &Settings, scope: &Scope) -> Rendered {
    let mut out = Output::default();
    let asked = Asked::resolve(tree, settings, scope, &mut out);
    let mut files: Vec<(Manifest, &str)> = vec![];
    for plugin in plugins {
        let mut answer = plugin.render(&asked);
        files.extend(answer.manifests.drain(..).map(|manifest| (manifest, plugin.name())));
        out.extend(answer);
    }
    rendered(files, out)
}

/// An app that is placed nowhere is one thing to mend, however many servers and clients it is the app of: the first of
/// them stands for all.
fn say_once(findings: &mut Vec<Finding>) {
    let mut said = BTreeSet::new();
    findings.retain(|finding| {
        finding.rule != "topology/placement" || said.insert((finding.message.clone(), finding.remedy.clone()))
    });
}

/// Sorts all that was given, each file with the plugin that wrote it, and adds the file that keeps each namespace's
/// directory.
fn rendered(mut files: Vec<(Manifest, &str)>, out: Output) -> Rendered {
    let Output { mut targets, mut exits, unplaced, mut findings, .. } = out;
    // Of two in the same file it is always the same one that stays.
    files.par_sort_unstable_by(|(a, _), (b, _)| a.path.cmp(&b.path).then_with(|| a.text.cmp(&b.text)));
    findings.extend(files.windows(2).filter_map(|pair| same_file(&pair[0], &pair[1])));
    let manifests: Vec<Manifest> = files.into_iter().map(|(manifest, _)| manifest).collect();
    findings.extend(manifests.iter().filter_map(too_large));
    let directories: BTreeSet<&str> =
        manifests.iter().filter_map(|manifest| namespace_directory(&manifest.path)).collect();
    let keepers: Vec<Manifest> = directories.into_iter().filter_map(namespace_file).collect();
    targets.sort();
    exits.sort();
    findings.sort();
    findings.dedup();
    say_once(&mut findings);
    let manifests = manifests.into_iter().chain(keepers).map(|manifest| (manifest.path.clone(), manifest)).collect();
    Rendered { manifests, targets, exits, unplaced, findings }
}

/// What is wrong where two resources would stand in one file: nobody could say which one a cluster gets.
fn same_file((one, by): &(Manifest, &str), (other, and): &(Manifest, &str)) -> Option<Finding> {
    if one.path != other.path {
        return None;
    }
    let (message, remedy) = if by == and {
        (format!("two resources of the plugin {by} would stand in the same file"), "rename one of the services")
    } else {
        let message =
            format!("the plugins {by} and {and} would both write this file, which can be of one of them only");
        (message, "let one of the plugins name its resource otherwise")
    };
    Some(Finding::error("render/same-file", Place::at(&one.path), message, remedy))
}
