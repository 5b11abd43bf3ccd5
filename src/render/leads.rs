//! Calls that are led from one cluster to another by alias host, and what keeps them from it.

use std::collections::{BTreeMap, BTreeSet};

use super::alias;
use super::context::Context;
use super::notice::{self, of_cluster};
use super::remote::Imports;
use super::server::Server;
use crate::finding::{Finding, Place};
use crate::intent::scalar::Port;
use crate::intent::spec::{Address, Subset};
use crate::intent::topology::registered;
use crate::intent::{Anchor, ClusterId};

/// The longest server name in a handshake (BoringSSL, `TLSEXT_MAXLEN_host_name`).
const LONGEST_SERVER_NAME: usize = 255;

/// The most clusters that are named one by one.
const MOST_NAMED: usize = 8;

/// How calls of a host go from one cluster, or one namespace of it, to another cluster.
pub(super) struct Lead<'s, 't> {
    /// Where the callers are.
    pub(super) from: &'s ClusterId,
    /// Where what they need is rendered.
    pub(super) namespace: &'s str,
    /// Whether the host is on their cluster too, so that all namespaces there take its routes.
    pub(super) beside: bool,
    /// The cluster that serves.
    pub(super) to: ClusterId,
    /// Whether it serves only while the callers' cluster does not.
    pub(super) standby: bool,
    /// The ports that are called, with a server that says so.
    pub(super) ports: BTreeMap<Port, &'s Server<'t>>,
    /// The intents that it comes from.
    pub(super) intents: Vec<Anchor>,
}

/// The ways between the clusters of a host that calls of each port take.
pub(super) fn ways(live: &[&Server<'_>]) -> BTreeMap<Port, BTreeSet<(ClusterId, ClusterId)>> {
    let mut ways: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for server in live {
        let traffic = &server.inbound.traffic;
        for from in server.clusters.iter().filter(|_| traffic.is_over_clusters()) {
            let way = |to: ClusterId| (from.clone(), to);
            ways.entry(server.inbound.port).or_default().extend(alias::led_from(traffic, from).map(way));
        }
    }
    ways
}

/// The leads of a host that can be rendered; what keeps the others from it is told.
pub(super) fn leads<'s, 't>(
    live: &[&'s Server<'t>],
    imports: &Imports<'s, 't>,
    context: &Context<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<Lead<'s, 't>> {
    let over = || live.iter().copied().filter(|server| server.inbound.traffic.is_over_clusters());
    if over().next().is_none() {
        return vec![];
    }
    let mut leads: BTreeMap<(&ClusterId, &str, ClusterId), Lead<'s, 't>> = BTreeMap::new();
    let mut add =
        |from: &'s ClusterId, namespace: &'s str, beside: bool, server: &'s Server<'t>, intents: &[Anchor]| {
            let traffic = &server.inbound.traffic;
            for to in alias::led_from(traffic, from) {
                let standby = !traffic.failover.is_empty();
                let lead = leads.entry((from, namespace, to.clone())).or_insert_with(|| Lead {
                    from,
                    namespace,
                    beside,
                    to,
                    standby,
                    ports: BTreeMap::new(),
                    intents: vec![],
                });
                if lead.standby != standby {
                    findings.push(two_kinds(server, lead));
                }
                lead.ports.entry(server.inbound.port).or_insert(server);
                lead.intents.push(server.anchor.clone());
                lead.intents.extend(intents.iter().cloned());
            }
        };
    for server in over() {
        server.clusters.iter().for_each(|from| add(from, server.namespace.as_str(), true, server, &[]));
    }
    for ((from, namespace), import) in imports {
        for server in over().filter(|server| import.ports.contains_key(&server.inbound.port)) {
            add(from, namespace, false, server, &import.intents);
        }
    }
    for server in over() {
        match nowhere(server, live, context) {
            missing if missing.is_empty() => findings.extend(served_elsewhere(server)),
            missing => findings.extend(missing),
        }
        let same_port = live.iter().filter(|it| it.inbound.port == server.inbound.port);
        let fails_over = !server.inbound.traffic.failover.is_empty();
        findings.extend(same_port.filter(|_| fails_over).flat_map(|it| kept_in_use(it)));
    }
    let possible = |lead: &Lead<'_, '_>| {
        let obstacles = lead.obstacles(live, context);
        let possible = obstacles.is_empty() && lead.serves(live);
        findings.extend(obstacles);
        possible
    };
    leads.into_values().filter(possible).collect()
}

impl<'s, 't> Lead<'s, 't> {
    /// The alias host.
    pub(super) fn host(&self) -> String {
        self.ports.values().next().map(|server| alias::host(server, &self.to)).unwrap_or_default()
    }

    /// The servers that run on `cluster`, with what is known of their pods' ports; none where one is not known.
    pub(super) fn pods(&self, cluster: &ClusterId, live: &[&'s Server<'t>]) -> Option<Vec<(&'s Server<'t>, Port)>> {
        let known = |port: &Port| on(cluster, *port, live).find_map(|it| Some((it, it.inbound.target_port?)));
        self.ports.keys().map(known).collect()
    }

    /// Whether the host is where it leads to; where it is not is told once for its server.
    fn serves(&self, live: &[&Server<'_>]) -> bool {
        self.ports.keys().all(|port| on(&self.to, *port, live).next().is_some())
    }

    /// What keeps it from being rendered.
    fn obstacles(&self, live: &[&'s Server<'t>], context: &Context<'_>) -> Vec<Finding> {
        let Some(first) = self.ports.values().next().copied().filter(|_| self.serves(live)) else { return vec![] };
        let mut found = vec![];
        match context.clusters.get(&self.to).and_then(|facts| facts.east_west_address.as_ref()) {
            None => found.push(notice::no_gateway_address(first, &self.to)),
            Some((Address::Host(name), _)) if self.standby => found.push(self.by_name(first, name.as_str())),
            Some(address) => found.extend(self.shared_gateway(first, address, context)),
        }
        let ends = [Some(&self.to), Some(self.from).filter(|_| self.standby)];
        for cluster in ends.into_iter().flatten().filter(|cluster| self.pods(cluster, live).is_none()) {
            found.push(no_target_port(first, cluster));
        }
        found.extend(self.ambiguous(first));
        found.extend(self.too_long(live));
        found.extend(self.opaque(context));
        found
    }

    /// Pods are found by selector, and Istio takes a name beside them for none of their addresses: a Service of one
    /// resolution (`pilot/pkg/model/sidecar.go`, `appendSidecarServices`).
    fn by_name(&self, server: &Server<'_>, name: &str) -> Finding {
        Finding::error(
            "topology/gateway-address",
            pointing(server),
            format!(
                "`{}` on {} cannot give way to {}: the gateway there is known by the name {name}, and only an address can \
                 stand beside pods",
                server.inbound.service, self.from, self.to
            ),
            format!("say its IP address in eastWest.address of {}", of_cluster(&self.to)),
        )
    }

    /// What is behind one gateway address is one place to those who dial it.
    fn shared_gateway(&self, server: &Server<'_>, address: &(Address, Port), context: &Context<'_>) -> Option<Finding> {
        let facts = |cluster: &&ClusterId| context.clusters.get(*cluster);
        let same =
            |cluster: &&ClusterId| facts(cluster).is_some_and(|it| it.east_west_address.as_ref() == Some(address));
        let other = server.host_clusters.iter().filter(|cluster| **cluster != self.to).find(same)?;
        let message = format!(
            "{} and {other} have one gateway, {}:{}: calls cannot be led to one of them",
            self.to, address.0, address.1
        );
        let remedy = format!("say the own eastWest.address of {}", of_cluster(&self.to));
        Some(Finding::error("topology/gateway-address", pointing(server), message, remedy))
    }

    /// Clusters whose names become the same labels.
    fn ambiguous(&self, server: &Server<'_>) -> Option<Finding> {
        let labels = alias::labels(&self.to);
        let mut others = server.host_clusters.iter().filter(|cluster| **cluster != self.to);
        let other = others.find(|cluster| alias::labels(cluster) == labels)?;
        let host = self.host();
        let message = format!("{} and {other} would both be {host}: calls cannot be led to one of them", self.to);
        Some(Finding::error("render/alias", pointing(server), message, "register one of them under another name"))
    }

    /// A name that no handshake can bear, or DNS.
    fn too_long(&self, live: &[&Server<'_>]) -> Option<Finding> {
        let subsets = live.iter().flat_map(|server| &server.inbound.traffic.subsets);
        let subset = subsets.map(|subset| subset.name.as_str().len()).max().unwrap_or(0);
        let (host, server) = (self.host(), self.ports.values().next()?);
        let bytes = format!("outbound_.{}_._.{host}", u16::MAX).len() + subset;
        (bytes > LONGEST_SERVER_NAME).then(|| {
            let message =
                format!("the server name of {host} would have {bytes} bytes, and TLS takes {LONGEST_SERVER_NAME}");
            let remedy = "shorten the names of the service, its namespace or the cluster";
            Finding::error("render/alias", pointing(server), message, remedy)
        })
    }

    /// A host without an address of its own takes every connection to its port, unless requests name it. Sidecars give it
    /// one where they resolve it (`pilot/pkg/model/service.go`, `nodeUsesAutoallocatedIPs`).
    fn opaque(&self, context: &Context<'_>) -> Option<Finding> {
        let server = self.ports.values().find(|server| !server.protocol.is_http())?;
        context.clusters.get(self.from).filter(|facts| !facts.dns_proxy)?;
        Some(Finding::error(
            "topology/dns-proxy",
            pointing(server),
            format!(
                "{} has no address of its own on {}, and would take every connection to port {} there: `{}` speaks {}",
                self.host(),
                self.from,
                server.inbound.port,
                server.inbound.service,
                server.protocol
            ),
            format!(
                "let sidecars give it one (proxyMetadata ISTIO_META_DNS_CAPTURE: \"true\"), then set dnsProxy: true on {}",
                of_cluster(self.from)
            ),
        ))
    }
}

/// The servers of a port that run on a cluster.
fn on<'s, 't>(cluster: &ClusterId, port: Port, live: &[&'s Server<'t>]) -> impl Iterator<Item = &'s Server<'t>> {
    live.iter().copied().filter(move |server| server.inbound.port == port && server.clusters.contains(cluster))
}

/// Clusters that are named and where the host is not.
fn nowhere(server: &Server<'_>, live: &[&Server<'_>], context: &Context<'_>) -> Vec<Finding> {
    let traffic = &server.inbound.traffic;
    let port = server.inbound.port;
    let callers = traffic.failover.iter().map(|failover| ClusterId::from(&failover.from));
    let named: BTreeSet<ClusterId> = callers.chain(alias::led_to(traffic)).collect();
    let missing = named.into_iter().filter(|cluster| on(cluster, port, live).next().is_none());
    let finding = |cluster: ClusterId| {
        let service = &server.inbound.service;
        let known = registered(context.tree, &cluster.provider);
        let (message, remedy) = if known.contains(&cluster) {
            (
                format!("`{service}` is not on {cluster} with port {port}, and calls are to be led there or away"),
                format!("place app `{}` there too, or take {cluster} out", server.inbound.app),
            )
        } else {
            (
                format!("no cluster {cluster} is registered, and calls of `{service}` are to be led there or away"),
                format!("name {}, or post it to cluster-providers/{}/clusters", one_of(&known), cluster.provider),
            )
        };
        Finding::error("topology/over-clusters", pointing(server), message, remedy)
    };
    missing.map(finding).collect()
}

/// Clusters that could be meant, the first by name.
fn one_of(known: &[ClusterId]) -> String {
    let named: Vec<String> = known.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    match (named.len(), known.len() - named.len()) {
        (0, _) => "a cluster of a provider that has some".to_owned(),
        (1, 0) => named.concat(),
        (_, 0) => format!("one of {}", named.join(", ")),
        (_, more) => format!("one of {} and {more} more", named.join(", ")),
    }
}

/// Outlier detection that keeps pods in use which fail, so that calls do not fail over from them: for the server, and for
/// its subsets.
fn kept_in_use(server: &Server<'_>) -> Vec<Finding> {
    let (service, traffic) = (&server.inbound.service, &server.inbound.traffic);
    let subset = |(at, subset): (usize, &'_ Subset)| {
        (format!("subsets/{at}/trafficPolicy/"), subset.policy.outlier_detection.clone())
    };
    let whole = (String::new(), traffic.policy.outlier_detection.clone());
    let mut found = vec![];
    for (path, detection) in traffic.subsets.iter().enumerate().map(subset).chain([whole]) {
        let percent = |field: &str| detection.as_ref()?.get(field)?.as_f64();
        let mut warn = |field: &str, message: String, remedy: &str| {
            let pointer = format!("/spec/trafficManagement/{path}outlierDetection/{field}");
            let place = Place::pointing(server.anchor.as_str(), pointer);
            found.push(Finding::warning("render/failover", place, message, remedy));
        };
        if let Some(most) = percent("maxEjectionPercent").filter(|most| *most < 100.0) {
            let message = format!(
                "`{service}` fails over, and of its own pods only {most} of 100 are ever left out: the others are called \
                 however they fail"
            );
            warn("maxEjectionPercent", message, "leave it out, which is 100 with failover");
        }
        if let Some(least) = percent("minHealthPercent").filter(|least| *least > 0.0) {
            let message = format!(
                "`{service}` fails over, and while fewer than {least} of 100 of its pods are healthy none is left out: \
                 calls do not fail over then"
            );
            warn("minHealthPercent", message, "leave it out, which is 0");
        }
    }
    found
}

/// Who serves whom, in words.
fn served_elsewhere(server: &Server<'_>) -> Vec<Finding> {
    let (service, traffic) = (&server.inbound.service, &server.inbound.traffic);
    let mut said: Vec<String> = traffic
        .failover
        .iter()
        .map(|failover| {
            format!("{} serves callers of `{service}` on {} as the pods there fail", failover.to, failover.from)
        })
        .collect();
    if traffic.weighs_clusters() {
        let shares: Vec<_> =
            traffic.weights.iter().map(|share| format!("{} ({})", share.toward, share.weight)).collect();
        said.push(format!("callers of `{service}` on any cluster are served by {}", shares.join(", ")));
    }
    let finding = |said: String| {
        let message = format!("{said}: the policies of the cluster that serves decide who may call");
        Finding::note("access/served-elsewhere", pointing(server), message)
    };
    said.into_iter().map(finding).collect()
}

/// One alias host cannot have endpoints of its callers' cluster for one port, and none for another.
fn two_kinds(server: &Server<'_>, lead: &Lead<'_, '_>) -> Finding {
    Finding::error(
        "render/alias",
        pointing(server),
        format!(
            "port {} of `{}` fails over to {} from {}, and another port has a share there: both would be {}",
            server.inbound.port,
            server.inbound.service,
            lead.to,
            lead.from,
            lead.host()
        ),
        "let all ports of the Service fail over, or all have weights of clusters",
    )
}

/// Pods whose port is not known cannot be those of an alias host.
fn no_target_port(server: &Server<'_>, cluster: &ClusterId) -> Finding {
    let message = format!("the pods' port behind `{}` on {cluster} is not known", server.inbound.service);
    let remedy = "say targetPort in the intent about it";
    Finding::error("render/alias", Place::pointing(server.anchor.as_str(), "/spec/targetPort"), message, remedy)
}

fn pointing(server: &Server<'_>) -> Place {
    let field = server.inbound.traffic.over_clusters_field();
    Place::pointing(server.anchor.as_str(), format!("/spec/trafficManagement/{field}"))
}
