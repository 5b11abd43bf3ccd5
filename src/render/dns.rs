//! `dns`: records that lead outside callers to the ingress gateways of a service, for external-dns.
//!
//! Each cluster has the record of its own gateway. Several of one name are told apart by `setIdentifier`, so that the
//! external-dns of one cluster leaves those of the others alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::asked::Asked;
use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::plugin::Plugin;
use super::server::Server;
use crate::finding::{Finding, Place};
use crate::intent::scalar::HostName;
use crate::intent::spec::{Address, Ttl};
use crate::intent::{Anchor, ClusterId};
use crate::istio::{DnsEndpoint, DnsRecord};

/// The plugin.
pub(super) struct Dns;

impl Plugin for Dns {
    fn name(&self) -> Cow<'static, str> {
        "dns".into()
    }

    fn render(&self, asked: &Asked<'_>) -> Output {
        asked.each_host(|servers| of_host(servers, &asked.context))
    }
}

/// What the servers of a host ask for one name.
#[derive(Default)]
struct Asks<'s> {
    ttl: Option<Ttl>,
    clusters: BTreeSet<&'s ClusterId>,
    intents: Vec<&'s Anchor>,
}

fn of_host(servers: &[Server<'_>], context: &Context<'_>) -> Output {
    let mut out = Output::default();
    let mut names: BTreeMap<HostName, Asks<'_>> = BTreeMap::new();
    for server in servers.iter().filter(|server| server.is_exposed()) {
        for name in server.inbound.record_names() {
            let asks = names.entry(name).or_default();
            asks.ttl = asks.ttl.or(server.inbound.dns.as_ref().and_then(|dns| dns.ttl));
            asks.clusters.extend(server.clusters.iter());
            asks.intents.push(server.anchor);
        }
    }
    let Some(first) = servers.first().filter(|_| !names.is_empty()) else { return out };
    let clusters: BTreeSet<&ClusterId> = names.values().flat_map(|asks| asks.clusters.iter().copied()).collect();
    let addresses: BTreeMap<&ClusterId, &Address> = clusters
        .iter()
        .filter_map(|cluster| Some((*cluster, context.clusters.get(*cluster)?.ingress_address.as_ref()?)))
        .collect();
    for (name, asks) in &names {
        out.findings.extend(of_two_types(name, asks, &addresses));
        out.findings.extend(of_a_circle(name, asks, &addresses, context));
    }
    for cluster in clusters {
        let here: Vec<_> = names.iter().filter(|(_, asks)| asks.clusters.contains(cluster)).collect();
        let intents: Vec<Anchor> = here.iter().flat_map(|(_, asks)| asks.intents.iter().copied().cloned()).collect();
        let Some(address) = addresses.get(cluster) else {
            out.findings.extend(intents.first().map(|intent| no_address(intent, cluster)));
            continue;
        };
        let endpoints = here.iter().map(|(name, asks)| record(name, asks, address, cluster)).collect();
        let (namespace, service) = (first.namespace.as_str(), first.inbound.service.as_str());
        let (name, spec) = (resource_name(&[service, "dns"]), DnsEndpoint { endpoints }.into());
        let draft = Draft { cluster, namespace, service, name, spec, intents, observed: false };
        out.manifests.push(draft.finish(context.gitops));
    }
    out
}

fn record(name: &HostName, asks: &Asks<'_>, address: &Address, cluster: &ClusterId) -> DnsRecord {
    let several = asks.clusters.len() > 1;
    DnsRecord {
        dns_name: name.to_string(),
        targets: vec![address.to_string()],
        record_type: record_type(address).to_owned(),
        set_identifier: if several { cluster.to_string() } else { String::new() },
        record_ttl: asks.ttl.map(|ttl| ttl.seconds().into()),
        ..DnsRecord::default()
    }
}

fn record_type(address: &Address) -> &'static str {
    match address {
        Address::Ip(IpAddr::V4(_)) => "A",
        Address::Ip(IpAddr::V6(_)) => "AAAA",
        Address::Host(_) => "CNAME",
    }
}

/// A name that is an alias cannot have addresses as well (RFC 1034, section 3.6.2).
fn of_two_types(name: &HostName, asks: &Asks<'_>, addresses: &BTreeMap<&ClusterId, &Address>) -> Option<Finding> {
    let of = |alias: bool| {
        let mut known = asks.clusters.iter().filter_map(|cluster| Some((cluster, addresses.get(cluster)?)));
        known.find(|(_, address)| matches!(address, Address::Host(_)) == alias)
    };
    let ((named, host), (numbered, ip)) = of(true).zip(of(false))?;
    let message = format!(
        "{name} would be an alias of {host} for {named} and have the address {ip} for {numbered}, and DNS allows one of them"
    );
    let remedy = "post addresses for the gateways of all its clusters, or names for all";
    Some(Finding::error(
        "render/dns-types",
        Place::pointing(asks.intents.first()?.as_str(), "/spec/dns"),
        message,
        remedy,
    ))
}

/// A record that leads to a name which is a record itself: the gateway's own address has to come from elsewhere.
fn of_a_circle(
    name: &HostName,
    asks: &Asks<'_>,
    addresses: &BTreeMap<&ClusterId, &Address>,
    context: &Context<'_>,
) -> Option<Finding> {
    let is_record = |host: &HostName| {
        let mut known = context.tree.of_outside_name(host).filter_map(|anchor| context.tree.inbound(anchor));
        known.any(|inbound| inbound.record_names().contains(host))
    };
    let (cluster, host) = asks.clusters.iter().find_map(|cluster| match addresses.get(cluster) {
        Some(Address::Host(host)) if is_record(host) => Some((cluster, host)),
        _ => None,
    })?;
    let message =
        format!("{name} would lead to {host}, the gateway of {cluster}, which is a record of a server itself");
    let remedy = "post the address of the gateway, or a name that nobody asks records for";
    Some(Finding::error(
        "render/dns-circle",
        Place::pointing(asks.intents.first()?.as_str(), "/spec/dns"),
        message,
        remedy,
    ))
}

/// What is missing of the cluster that a record leads to.
fn no_address(intent: &Anchor, cluster: &ClusterId) -> Finding {
    let message = format!("the address of the ingress gateway of {cluster} is not known, so no record can lead there");
    let remedy = format!(
        "post istioIngressGatewayAddress to cluster-providers/{}/clusters/{}/kv-pairs",
        cluster.provider, cluster.cluster
    );
    Finding::error("topology/ingress-address", Place::pointing(intent.as_str(), "/spec/dns"), message, remedy)
}
