//! The Gateways that VirtualServices name: IST0101 and IST0132 (`analyzers/virtualservice/gateways.go`).

use std::collections::{HashMap, HashSet};

use super::super::hosts::Hosts;
use super::super::report::{At, Report, SPEC};
use crate::istio::{Resource, Spec, VirtualService};

/// The hosts that a Gateway serves, by the namespaces that it serves them to, `*` for all.
type Served<'a> = HashMap<&'a str, Hosts<'a, ()>>;

/// The most pairs of a host of a VirtualService and a further Gateway that it names that are compared.
const MOST: usize = 1 << 14;

/// Every Gateway that manifests tell of.
#[derive(Debug, Default)]
pub(super) struct Gateways<'a> {
    /// By namespace and name; Gateways of Kubernetes' Gateway API, too, which VirtualServices may name.
    served: HashMap<&'a str, HashMap<&'a str, Served<'a>>>,
}

impl<'a> Gateways<'a> {
    pub(super) fn add(&mut self, resource: &'a Resource) {
        let (own, name) = (resource.metadata.namespace.as_str(), resource.metadata.name.as_str());
        if let Some(hosts) = resource.listened_for() {
            let served = self.served.entry(own).or_default().entry(name).or_default().entry("*").or_default();
            hosts.into_iter().for_each(|host| served.add(host, ()));
        }
        let Spec::Gateway(gateway) = &resource.spec else { return };
        let served = self.served.entry(own).or_default().entry(name).or_default();
        for host in gateway.servers.iter().flat_map(|server| &server.hosts) {
            let (namespace, host) = host.split_once('/').unwrap_or(("*", host));
            served.entry(if namespace == "." { own } else { namespace }).or_default().add(host, ());
        }
    }

    pub(super) fn check(&self, report: &mut Report<'_>, own: &str, service: &VirtualService) {
        let list = SPEC.member("gateways");
        let (mut bound, mut named) = (vec![], HashSet::new());
        for (index, name) in service.gateways.iter().enumerate().filter(|(_, name)| named.insert(*name)) {
            if let Some(served) = self.find(report, list.item(index), own, name) {
                bound.push((index, name, served));
            }
        }
        for (list, route, number, names) in in_matches(service) {
            let list = SPEC.member(list);
            let route = list.item(route);
            let matches = route.member("match");
            let matched = matches.item(number);
            let at = matched.member("gateways");
            for (index, name) in names.iter().enumerate().filter(|(_, name)| !named.contains(name)) {
                self.find(report, at.item(index), own, name);
            }
        }
        if bound.len().saturating_sub(1).saturating_mul(service.hosts.len()) > MOST {
            let message =
                format!("{} hosts at {} Gateways are too many to be compared", service.hosts.len(), bound.len());
            return report.warning("lint/size", SPEC.member("hosts"), message, "split the VirtualService");
        }
        hosts(report, own, service, &bound, named.len());
    }

    /// IST0101: the hosts that a Gateway serves, `None` where it is not known, which is said where it would be here.
    fn find(&self, report: &mut Report<'_>, at: At<'_>, own: &str, name: &str) -> Option<&Served<'a>> {
        if name == "mesh" || name.contains(super::super::route::MADE) {
            return None;
        }
        let (namespace, gateway) = gateway_of(name, own);
        let here = self.served.get(namespace);
        let known = here.and_then(|gateways| gateways.get(gateway));
        let looked_for = here.is_some() || namespace == own && !self.served.is_empty();
        if known.is_none() && looked_for {
            report.error("istio/IST0101", at, format!("there is no Gateway {name}"), "create it, or name another");
        }
        known
    }
}

/// IST0132: a Gateway that serves none of the hosts, and a host that is for Gateways alone and that none serves.
fn hosts(
    report: &mut Report<'_>,
    own: &str,
    service: &VirtualService,
    bound: &[(usize, &String, &Served<'_>)],
    named: usize,
) {
    let admits = |served: &Served<'_>, host: &str| {
        ["*", own].iter().any(|scope| served.get(scope).is_some_and(|hosts| hosts.overlapping(host).is_some()))
    };
    let list = SPEC.member("gateways");
    let mut idle = false;
    for (index, name, served) in bound {
        if !service.hosts.is_empty() && !service.hosts.iter().any(|host| admits(served, host)) {
            let message = format!("the Gateway {name} serves none of the hosts");
            let remedy = "add the hosts to a server of the Gateway";
            report.warning("istio/IST0132", list.item(*index), message, remedy);
            idle = true;
        }
    }
    if idle || bound.len() < named {
        return;
    }
    let list = SPEC.member("hosts");
    for (index, host) in service.hosts.iter().enumerate() {
        if !bound.is_empty() && !bound.iter().any(|(_, _, served)| admits(served, host)) {
            let message = format!("no Gateway of the VirtualService serves {host}");
            report.warning("istio/IST0132", list.item(index), message, "add the host to a server of one");
        }
    }
}

/// The Gateways that matches name, each with its list of routes, the route and the match.
fn in_matches(service: &VirtualService) -> impl Iterator<Item = (&'static str, usize, usize, &Vec<String>)> {
    let http = service.http.iter().map(|route| route.matches.iter().map(|it| &it.gateways).collect());
    let tls = service.tls.iter().map(|route| route.matches.iter().map(|it| &it.gateways).collect());
    let tcp = service.tcp.iter().map(|route| route.matches.iter().map(|it| &it.gateways).collect());
    numbered("http", http).chain(numbered("tls", tls)).chain(numbered("tcp", tcp))
}

fn numbered<'v>(
    list: &'static str,
    routes: impl Iterator<Item = Vec<&'v Vec<String>>>,
) -> impl Iterator<Item = (&'static str, usize, usize, &'v Vec<String>)> {
    let of_route = move |(route, matches): (usize, Vec<_>)| {
        matches.into_iter().enumerate().map(move |(number, gateways)| (list, route, number, gateways))
    };
    routes.enumerate().flat_map(of_route)
}

/// The namespace and name of the Gateway that a VirtualService of namespace `own` means: `name`, `namespace/name`,
/// `./name`, or the older `name.namespace` with or without the domain of the cluster.
///
/// Source: `pilot/pkg/model/virtualservice.go`, `resolveGatewayName`.
fn gateway_of<'a>(name: &'a str, own: &'a str) -> (&'a str, &'a str) {
    if let Some((namespace, name)) = name.split_once('/') {
        return (if namespace == "." { own } else { namespace }, name);
    }
    match name.split_once('.') {
        Some((name, rest)) => (rest.split('.').next().unwrap_or(rest), name),
        None => (own, name),
    }
}
