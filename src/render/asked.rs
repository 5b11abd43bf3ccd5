//! What plugins are asked about: the intents of a scope, resolved once for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::context::Context;
use super::leads;
use super::output::Output;
use super::places::Places;
use super::scope::Scope;
use super::server::Server;
use crate::finding::{Finding, Place};
use crate::intent::scalar::{DnsLabel, Label};
use crate::intent::{Settings, Topology, Tree};

/// The most services for which one thread is quicker than several.
const FEW: usize = 64;

/// The intents of a scope, resolved, with the topology that they need.
pub(super) struct Asked<'t> {
    pub(super) topology: Topology<'t>,
    pub(super) context: Context<'t>,
    pub(super) scope: &'t Scope,
    /// Sorted by host.
    servers: Vec<Server<'t>>,
    parallel: bool,
}

impl<'t> Asked<'t> {
    /// Resolves what is in `scope`; what is missing for that goes to `out`.
    pub(super) fn resolve(tree: &'t Tree, settings: &'t Settings, scope: &'t Scope, out: &mut Output) -> Self {
        let topology = Topology::new(tree, &settings.cluster_defaults);
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
        let mut servers = vec![];
        for (found, findings) in each(&shares, parallel, |services| resolve(tree, topology, services)) {
            servers.extend(found);
            out.findings.extend(findings);
        }
        let unplaced = servers.iter().filter(|server| server.clusters.is_empty());
        out.unplaced.extend(unplaced.map(|server| server.anchor.clone()));
        servers.chunk_by_mut(is_same_host).for_each(join_host);
        let context = context(tree, settings, topology, &servers);
        Self { topology, context, scope, servers, parallel }
    }

    /// What `work` gives for the servers of each host, on several threads where there are many.
    pub(super) fn each_host(&self, work: impl Fn(&[Server<'t>]) -> Output + Send + Sync) -> Output {
        joined(self.of_each_host(work))
    }

    /// The same, one by one.
    pub(super) fn of_each_host<R: Send>(&self, work: impl Fn(&[Server<'t>]) -> R + Send + Sync) -> Vec<R> {
        let hosts: Vec<&[Server<'_>]> = self.servers.chunk_by(is_same_host).collect();
        each(&hosts, self.parallel, |servers| work(servers))
    }

    /// The same for the servers of each workload.
    pub(super) fn each_workload(&self, work: impl Fn(&[&Server<'t>]) -> Output + Send + Sync) -> Output {
        let mut workloads: BTreeMap<(&DnsLabel, &Label), Vec<&Server<'_>>> = BTreeMap::new();
        for server in &self.servers {
            workloads.entry((server.namespace, &server.inbound.label)).or_default().push(server);
        }
        let workloads: Vec<_> = workloads.into_values().collect();
        joined(each(&workloads, self.parallel, |servers| work(servers)))
    }
}

pub(super) fn joined(shares: Vec<Output>) -> Output {
    let mut out = Output::default();
    shares.into_iter().for_each(|more| out.extend(more));
    out
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
