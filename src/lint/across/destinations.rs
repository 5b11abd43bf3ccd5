//! What routes lead to: IST0101 for hosts, ports and subsets, IST0112, and IST0174 for DestinationRules.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::super::report::{At, Report, SPEC};
use super::registry::{Found, Known, MOST_SCOPES, Registry, full, scopes};
use super::visibility::exports;
use crate::istio::{Destination, DestinationRule, Resource, Spec, VirtualService};

/// The subsets that DestinationRules declare, by host and the namespaces that see them.
#[derive(Debug, Default)]
pub(super) struct Subsets<'a> {
    hosts: HashSet<Cow<'a, str>>,
    /// The hosts of DestinationRules of which no more is kept.
    wide: HashSet<Cow<'a, str>>,
    declared: HashSet<(Cow<'a, str>, &'a str, &'a str)>,
}

impl<'a> Subsets<'a> {
    pub(super) fn add(&mut self, resource: &'a Resource) {
        let Spec::DestinationRule(rule) = &resource.spec else { return };
        let own = resource.metadata.namespace.as_str();
        let host = full(&rule.host, own);
        for to in exports(own, &rule.export_to) {
            self.declared.extend(rule.subsets.iter().map(|subset| (host.clone(), to, subset.name.as_str())));
        }
        self.hosts.insert(host);
    }

    /// Adds what is too large to be kept, and may declare whatever is looked for.
    pub(super) fn add_wide(&mut self, resource: &'a Resource) {
        if let Spec::DestinationRule(rule) = &resource.spec {
            self.wide.insert(full(&rule.host, &resource.metadata.namespace));
        }
    }

    /// Whether a subset is declared for none of the namespaces though its host has a DestinationRule here.
    fn lacks(&self, host: &str, scopes: &[&str], subset: &str) -> bool {
        let declared = |to| self.declared.contains(&(Cow::Borrowed(host), to, subset));
        self.hosts.contains(host)
            && !self.wide.contains(host)
            && scopes.len() <= MOST_SCOPES
            && !declared("*")
            && !scopes.iter().any(|scope| declared(scope))
    }
}

/// Where a route leads.
struct Led<'v> {
    to: &'v Destination,
    /// `http`, `tls` or `tcp`, and the number of the route in it.
    route: (&'static str, usize),
    /// `route`, `mirror` or `mirrors`, and the number of the destination in it.
    within: (&'static str, Option<usize>),
}

fn all(service: &VirtualService) -> impl Iterator<Item = Led<'_>> {
    let http = service.http.iter().enumerate().flat_map(|(index, route)| {
        let to = route.route.iter().enumerate().map(|(inner, to)| ("route", Some(inner), to.destination.as_ref()));
        let mirror = route.mirror.iter().map(|mirror| ("mirror", None, Some(mirror)));
        let mirrors =
            route.mirrors.iter().enumerate().map(|(inner, to)| ("mirrors", Some(inner), to.destination.as_ref()));
        to.chain(mirror).chain(mirrors).map(move |(list, inner, to)| (("http", index), (list, inner), to))
    });
    let tls = service.tls.iter().enumerate().map(|(index, it)| (("tls", index), &it.route));
    let tcp = service.tcp.iter().enumerate().map(|(index, it)| (("tcp", index), &it.route));
    let connections = tls.chain(tcp).flat_map(|(route, to)| {
        to.iter().enumerate().map(move |(inner, to)| (route, ("route", Some(inner)), to.destination.as_ref()))
    });
    http.chain(connections).filter_map(|(route, within, to)| Some(Led { to: to?, route, within }))
}

/// IST0101 and IST0112 for the destinations of a VirtualService.
pub(super) fn check(
    report: &mut Report<'_>,
    registry: &Registry<'_>,
    subsets: &Subsets<'_>,
    own: &str,
    service: &VirtualService,
) {
    // A host that many routes lead to is looked for once.
    let mut found: HashMap<&str, Found<'_, '_>> = HashMap::new();
    let scopes = scopes(own, &service.export_to);
    for led in all(service) {
        let list = SPEC.member(led.route.0);
        let route = list.item(led.route.1);
        let within = route.member(led.within.0);
        let item = led.within.1.map(|number| within.item(number));
        let at = match (led.within.0, &item) {
            ("mirror", _) | (_, None) => within,
            (_, Some(item)) => item.member("destination"),
        };
        let host = full(&led.to.host, own);
        match found.entry(&led.to.host).or_insert_with(|| registry.find(&host, own, &scopes)) {
            Found::Missing => {
                let message = format!("no Service and no ServiceEntry here is for {host}");
                report.error("istio/IST0101", at.member("host"), message, "create one, or name another host");
            }
            Found::Here(known) => check_port(report, at, led.to, known),
            Found::Unknown => {}
        }
        if !led.to.subset.is_empty() && subsets.lacks(&host, &scopes, &led.to.subset) {
            let message = format!("no DestinationRule of {host} declares the subset {}", led.to.subset);
            report.error("istio/IST0101", at.member("subset"), message, "declare it, or name another");
        }
    }
}

fn check_port(report: &mut Report<'_>, at: At<'_>, to: &Destination, known: &Known<'_>) {
    let ports = &known.ports;
    let list = || ports.iter().take(8).map(u32::to_string).collect::<Vec<_>>().join(", ");
    match to.port.as_ref().and_then(|port| port.number) {
        Some(number) if !ports.contains(&number) && !ports.is_empty() => {
            let message = format!("{} has no port {number}", to.host);
            let remedy = format!("use one of its ports, {}", list());
            report.error("istio/IST0101", at.member("port"), message, remedy);
        }
        None if known.least > 1 => {
            let message = format!("{} has several ports, {}", to.host, list());
            report.error("istio/IST0112", at, message, "name the port that is meant");
        }
        _ => {}
    }
}

/// IST0174: a DestinationRule for a host that no service has. One for a wildcard is for whatever comes.
pub(super) fn check_rule(report: &mut Report<'_>, registry: &Registry<'_>, own: &str, rule: &DestinationRule) {
    let host = full(&rule.host, own);
    let find = || registry.find(&host, own, &scopes(own, &rule.export_to));
    if !host.starts_with('*') && !host.is_empty() && matches!(find(), Found::Missing) {
        let message = format!("no Service and no ServiceEntry here is for {host}");
        report.warning("istio/IST0174", SPEC.member("host"), message, "create one, or name another host");
    }
}
