//! Rendering: servers are resolved, sorted by host and by workload, and handed to the patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::context::Context;
use super::manifest::too_large;
use super::namespace::{namespace_directory, namespace_file};
use super::output::{Manifest, Output, Rendered};
use super::places::Places;
use super::scope::Scope;
use super::server::Server;
use super::{across, east_west, exposure, leads, notice, outbound, pods, remote, traffic};
use crate::finding::{Finding, Place};
use crate::intent::scalar::{DnsLabel, Label};
use crate::intent::{Settings, Topology, Tree};

/// The most services for which one thread is quicker than several.
const FEW: usize = 64;

/// Renders the services of `scope` as `tree` has them.
#[must_use]
pub fn render(tree: &Tree, settings: &Settings, scope: &Scope) -> Rendered {
    let topology = Topology::new(tree, &settings.cluster_defaults);
    let mut out = Output::default();
    for anchor in scope.homeless().filter(|anchor| tree.inbound(anchor).is_some_and(|inbound| inbound.in_mesh)) {
        // It may have found a namespace since.
        let Err(missing) = topology.namespace(anchor) else { continue };
        out.findings.push(Finding { place: Place::at(anchor.as_str()), ..missing });
        out.unplaced.insert(anchor.clone());
    }

    let services: Vec<_> = scope.services().collect();
    let parallel = services.len() > FEW;
    // Shares are big, because each remembers on its own where apps run.
    let share = services.len().div_ceil(4 * rayon::current_num_threads()).max(FEW);
    let shares: Vec<&[_]> = services.chunks(share).collect();
    let resolved = each(&shares, parallel, |services| resolve(tree, topology, services));
    let mut servers = vec![];
    for (found, findings) in resolved {
        servers.extend(found);
        out.findings.extend(findings);
    }
    let unplaced = servers.iter().filter(|server| server.clusters.is_empty());
    out.unplaced.extend(unplaced.map(|server| server.anchor.clone()));
    servers.chunk_by_mut(is_same_host).for_each(join_host);

    let context = context(tree, settings, topology, &servers);
    let hosts: Vec<&[Server<'_>]> = servers.chunk_by(is_same_host).collect();
    let mut workloads: BTreeMap<(&DnsLabel, &Label), Vec<&Server<'_>>> = BTreeMap::new();
    for server in &servers {
        workloads.entry((server.namespace, &server.inbound.label)).or_default().push(server);
    }
    let workloads: Vec<_> = workloads.into_values().collect();
    each(&workloads, parallel, |servers| pods::render(servers, &context)).into_iter().for_each(|more| out.extend(more));
    each(&hosts, parallel, |servers| of_host(servers, &context)).into_iter().for_each(|more| out.extend(more));
    outbound::render(tree, settings.gitops, topology, scope, &mut out);
    rendered(out)
}

/// An app that is placed nowhere is one thing to mend, however many servers and clients it is the app of: the first of
/// them stands for all.
fn say_once(findings: &mut Vec<Finding>) {
    let mut said = BTreeSet::new();
    findings.retain(|finding| {
        finding.rule != "topology/placement" || said.insert((finding.message.clone(), finding.remedy.clone()))
    });
}

fn each<T: Sync, R: Send>(items: &[T], parallel: bool, work: impl Fn(&T) -> R + Send + Sync) -> Vec<R> {
    if parallel { items.par_iter().map(work).collect() } else { items.iter().map(work).collect() }
}

fn resolve<'t>(
    tree: &'t Tree,
    topology: Topology<'t>,
    services: &[&'t (DnsLabel, DnsLabel)],
) -> (Vec<Server<'t>>, Vec<Finding>) {
    let mut places = Places::new(tree, topology);
    let (mut servers, mut findings) = (vec![], vec![]);
    for (namespace, service) in services {
        for anchor in tree.of_service(namespace, service) {
            servers.extend(Server::resolve(tree, anchor, namespace, &mut places, &mut findings));
        }
    }
    (servers, findings)
}

fn is_same_host(left: &Server<'_>, right: &Server<'_>) -> bool {
    (left.namespace, &left.inbound.service) == (right.namespace, &right.inbound.service)
}

/// Tells each server of a host where the others run, and how calls of its port go between these clusters.
fn join_host(servers: &mut [Server<'_>]) {
    if servers.len() > 1 {
        let all: BTreeSet<_> = servers.iter().flat_map(|server| server.clusters.iter().cloned()).collect();
        let all = Arc::new(all);
        servers.iter_mut().for_each(|server| server.host_clusters = Arc::clone(&all));
    }
    let live: Vec<&Server<'_>> = servers.iter().filter(|server| server.is_live()).collect();
    for (port, ways) in leads::ways(&live) {
        let ways = Arc::new(ways);
        let about = servers.iter_mut().filter(|server| server.inbound.port == port);
        about.for_each(|server| server.ways = Arc::clone(&ways));
    }
}

fn context<'t>(tree: &'t Tree, settings: &Settings, topology: Topology<'t>, servers: &[Server<'_>]) -> Context<'t> {
    let mut clusters = BTreeMap::new();
    for server in servers {
        let places = server.callers.iter().map(|caller| &caller.clusters).chain([&server.clusters]);
        for id in places.flat_map(|clusters| clusters.iter()) {
            if !clusters.contains_key(id)
                && let Some(facts) = topology.facts(id)
            {
                clusters.insert(id.clone(), facts);
            }
        }
    }
    Context { tree, gitops: settings.gitops, clusters }
}

fn of_host(servers: &[Server<'_>], context: &Context<'_>) -> Output {
    let mut out = Output::default();
    for server in servers {
        notice::of_server(server, context, &mut out.findings);
        if servers.len() > 1 || server.inbound.exposed {
            notice::of_conflicts(server, context, &mut out.findings);
        }
    }
    let live: Vec<&Server<'_>> = servers.iter().filter(|server| server.is_live()).collect();
    let imports = remote::imports(&live);
    traffic::render(&live, context, &mut out);
    exposure::render(&live, context, &mut out);
    remote::render(&live, &imports, context, &mut out);
    let leads = leads::leads(&live, &imports, context, &mut out.findings);
    across::render(&live, &leads, context, &mut out);
    east_west::render(&live, &leads, &imports, context, &mut out);
    out
}

/// Sorts all that was given, and adds the file that keeps each namespace's directory.
fn rendered(out: Output) -> Rendered {
    let Output { mut manifests, mut targets, mut exits, unplaced, mut findings } = out;
    // Of two in the same file it is always the same one that stays.
    manifests.par_sort_unstable_by(|a, b| a.path.cmp(&b.path).then_with(|| a.text.cmp(&b.text)));
    for pair in manifests.windows(2).filter(|pair| pair[0].path == pair[1].path) {
        let message = "two resources would stand in the same file";
        findings.push(Finding::error(
            "render/same-file",
            Place::at(&pair[0].path),
            message,
            "rename one of the services",
        ));
    }
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
