//! What proxies are told twice: IST0145 for servers of Gateways, IST0110 and IST0159 for selectors of Sidecars and Telemetries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::report::{METADATA, Report, SPEC};
use super::doubles::{All, Pair, ambient, name};
use crate::finding::Finding;
use crate::istio::{Gateway, Spec, StringMap};

/// The most selectors of one workload that are compared.
const MOST: usize = 32;

/// The most selectors that ask for a label, and for no rarer one, that are looked at for a workload.
const MOST_OF_LABEL: usize = 1024;

/// Selectors, by number.
#[derive(Default)]
struct Selectors<'a> {
    numbers: HashMap<&'a StringMap, usize>,
    all: Vec<&'a StringMap>,
}

impl<'a> Selectors<'a> {
    fn add(&mut self, selector: &'a StringMap) -> usize {
        let next = self.all.len();
        let number = *self.numbers.entry(selector).or_insert(next);
        if number == next {
            self.all.push(selector);
        }
        number
    }

    fn by_label(&self) -> ByLabel<'_, 'a> {
        let mut count: HashMap<(&str, &str), usize> = HashMap::new();
        for (key, value) in self.all.iter().flat_map(|selector| selector.iter()) {
            *count.entry((key, value)).or_default() += 1;
        }
        let mut by_label = ByLabel { selectors: self, rarest: HashMap::new(), of_all: None };
        for (number, selector) in self.all.iter().enumerate() {
            let labels = selector.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            match labels.min_by_key(|label| count.get(label)) {
                Some(label) => by_label.rarest.entry(label).or_default().push(number),
                None => by_label.of_all = Some(number),
            }
        }
        by_label
    }
}

/// Selectors, by the rarest of the labels that they ask for.
struct ByLabel<'s, 'a> {
    selectors: &'s Selectors<'a>,
    rarest: HashMap<(&'a str, &'a str), Vec<usize>>,
    /// The one that asks for none.
    of_all: Option<usize>,
}

impl ByLabel<'_, '_> {
    /// The first of those that select a workload with these labels.
    fn selecting(&self, labels: &StringMap) -> Vec<usize> {
        let lists = labels.iter().filter_map(|(key, value)| self.rarest.get(&(key.as_str(), value.as_str())));
        let some = lists.flat_map(|list| list.iter().take(MOST_OF_LABEL)).copied();
        let wanted =
            |number: &usize| self.selectors.all.get(*number).is_some_and(|selector| is_within(selector, labels));
        self.of_all.into_iter().chain(some.filter(wanted)).take(MOST).collect()
    }
}

fn is_within(selector: &StringMap, labels: &StringMap) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The workloads here, by namespace and labels, each once.
fn workloads<'a>(all: &All<'a>) -> BTreeSet<(&'a str, StringMap)> {
    let labels =
        all.iter().filter_map(|(_, resource)| Some((resource.metadata.namespace.as_str(), resource.pod_labels()?)));
    labels.collect()
}

fn gateways<'a>(all: &All<'a>) -> impl Iterator<Item = (usize, &'a str, &'a Gateway)> {
    all.iter().enumerate().filter_map(|(number, (_, resource))| match &resource.spec {
        Spec::Gateway(gateway) => Some((number, resource.metadata.namespace.as_str(), gateway)),
        _ => None,
    })
}

/// IST0145: Gateways that open one host on one port of the same proxies. Those whose selectors differ are of the same proxies
/// where one selector has all that the other has, and a workload here is selected by both.
///
/// Source: `analyzers/gateway/conflictinggateway.go`.
pub(super) fn servers(all: &All<'_>) -> Vec<Finding> {
    let mut selectors = Selectors::default();
    let mut opened: HashMap<Opened<'_>, Pair> = HashMap::new();
    for (number, own, gateway) in gateways(all) {
        let selector = selectors.add(&gateway.selector);
        for server in &gateway.servers {
            let Some(port) = server.port.as_ref().and_then(|port| port.number) else { continue };
            for host in &server.hosts {
                let key = (port, server.bind.as_str(), scoped(host, own), selector);
                opened.entry(key).or_insert_with(|| Pair::of(number)).add(number);
            }
        }
    }
    let nested = if selectors.all.len() > 1 { nested(&selectors, all) } else { HashMap::new() };
    let mut found = vec![];
    for (number, own, gateway) in gateways(all) {
        let (place, resource) = all[number];
        let mut report = Report::new(place, resource);
        let list = SPEC.member("servers");
        let selector = selectors.add(&gateway.selector);
        for (index, server) in gateway.servers.iter().enumerate() {
            let Some(port) = server.port.as_ref().and_then(|port| port.number) else { continue };
            let alike = || std::iter::once(selector).chain(nested.get(&selector).into_iter().flatten().copied());
            let clash = server.hosts.iter().enumerate().find_map(|(inner, host)| {
                let other = alike().find_map(|selector| {
                    opened.get(&(port, server.bind.as_str(), scoped(host, own), selector))?.other_than(number)
                })?;
                Some((inner, host, other))
            });
            if let Some((inner, host, other)) = clash {
                let message =
                    format!("the Gateway {} opens {host} on port {port} of the same proxies", name(all[other].1));
                let remedy = "make them one Gateway, or give each its own hosts, port or selector";
                let server = list.item(index);
                report.error("istio/IST0145", server.member("hosts").item(inner), message, remedy);
            }
        }
        found.append(&mut report.found);
    }
    found
}

/// What a server opens: a port at an address, for a host, at the proxies of a selector.
type Opened<'a> = (u32, &'a str, (&'a str, &'a str), usize);

/// The namespace that a host of a Gateway is for, and the host.
fn scoped<'a>(host: &'a str, own: &'a str) -> (&'a str, &'a str) {
    let (namespace, host) = host.split_once('/').unwrap_or(("*", host));
    (if namespace == "." { own } else { namespace }, host)
}

/// For each selector those that are within it, or that it is within, and that select a workload with it.
fn nested(selectors: &Selectors<'_>, all: &All<'_>) -> HashMap<usize, BTreeSet<usize>> {
    let mut nested: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    let by_label = selectors.by_label();
    for (_, labels) in &workloads(all) {
        let selecting = by_label.selecting(labels);
        let pairs = selecting.iter().flat_map(|one| selecting.iter().map(move |other| (*one, *other)));
        for (one, other) in pairs.filter(|(one, other)| one != other) {
            if is_within(selectors.all[one], selectors.all[other]) {
                nested.entry(one).or_default().insert(other);
                nested.entry(other).or_default().insert(one);
            }
        }
    }
    nested
}

/// IST0110 and IST0159: several resources of one namespace that select the same workloads, by one selector or by what a
/// workload here has.
///
/// Source: `analyzers/sidecar/selector.go`, `analyzers/telemetry/selector.go`.
pub(super) fn selectors(all: &All<'_>) -> Vec<Finding> {
    let mut of_namespace: BTreeMap<(&str, &str), Selecting<'_>> = BTreeMap::new();
    for (number, (_, resource)) in all.iter().enumerate() {
        let Some((_, kind, selector)) = selected(&resource.spec) else { continue };
        let (selectors, pairs) = of_namespace.entry((resource.metadata.namespace.as_str(), kind)).or_default();
        pairs.entry(selectors.add(selector)).or_insert_with(|| Pair::of(number)).add(number);
    }
    if of_namespace.is_empty() {
        return vec![];
    }
    // By the number of a selector, a resource that selects the same workload by another.
    let mut others: HashMap<(&str, &str, usize), usize> = HashMap::new();
    let by_label: HashMap<_, _> =
        of_namespace.iter().map(|(key, (selectors, _))| (*key, selectors.by_label())).collect();
    for (namespace, labels) in &workloads(all) {
        for kind in [SIDECAR, TELEMETRY] {
            let key = (*namespace, kind);
            let (Some((_, pairs)), Some(by_label)) = (of_namespace.get(&key), by_label.get(&key)) else { continue };
            let selecting = by_label.selecting(labels);
            let [first, second, ..] = selecting[..] else { continue };
            for number in selecting {
                let other = pairs.get(if number == first { &second } else { &first });
                if let Some(other) = other.and_then(|pair| pair.other_than(usize::MAX)) {
                    others.entry((namespace, kind, number)).or_insert(other);
                }
            }
        }
    }
    let ambient = ambient(all);
    let mut found = vec![];
    for (number, (place, resource)) in all.iter().enumerate() {
        let Some((rule, kind, selector)) = selected(&resource.spec) else { continue };
        let namespace = resource.metadata.namespace.as_str();
        if kind == SIDECAR && ambient.get(namespace) == Some(&true) {
            continue;
        }
        let Some((selectors, pairs)) = of_namespace.get(&(namespace, kind)) else { continue };
        let Some(own) = selectors.numbers.get(selector) else { continue };
        let same = pairs.get(own).and_then(|pair| pair.other_than(number));
        if let Some(other) = same.or_else(|| others.get(&(namespace, kind, *own)).copied()) {
            let message =
                format!("the {kind} {} selects the same workloads; which one holds is undefined", name(all[other].1));
            let mut report = Report::new(place, resource);
            report.error(rule, METADATA.member("name"), message, "keep one, or let them select different workloads");
            found.append(&mut report.found);
        }
    }
    found
}

/// The selectors of a kind in a namespace, and for each who has it.
type Selecting<'a> = (Selectors<'a>, BTreeMap<usize, Pair>);

const SIDECAR: &str = "Sidecar";
const TELEMETRY: &str = "Telemetry";

/// The rule, the kind and the labels of what selects some workloads, and may not be told twice.
fn selected(spec: &Spec) -> Option<(&'static str, &'static str, &StringMap)> {
    let (rule, kind, labels) = match spec {
        Spec::Sidecar(sidecar) => ("istio/IST0110", SIDECAR, &sidecar.workload_selector.as_ref()?.labels),
        Spec::Telemetry(telemetry) => ("istio/IST0159", TELEMETRY, &telemetry.selector.as_ref()?.match_labels),
        _ => return None,
    };
    (!labels.is_empty()).then_some((rule, kind, labels))
}
