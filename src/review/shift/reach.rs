//! What clusters reach of each other, and what workloads know of the outside.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sayings, Shift, phrase, resources};
use crate::istio::{Gateway, Location, ServerTlsMode, ServiceEntry, Spec};
use crate::render::Rendered;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Workloads of a namespace, or of [`EVERY`], dial a service of other clusters at these addresses.
    Remote { namespace: String, target: String },
    /// Other clusters dial a service of this one at a port of its gateway.
    Lets { target: String, port: u32 },
    /// Workloads of a namespace know a server outside the mesh.
    Outside { namespace: String, target: String },
}

/// All namespaces.
const EVERY: &str = "*";

type Reaches<'a> = BTreeMap<(&'a str, Reach), BTreeSet<String>>;

/// Says what clusters reach of each other now, or not any more.
pub(super) fn compare(before: &Rendered, after: &Rendered, sayings: &mut Sayings) {
    let (was, is) = (reaches(before), reaches(after));
    for (key @ (cluster, reach), at) in &is {
        let known = was.get(key);
        let at = phrase::listed(&at.iter().collect::<Vec<_>>());
        match known {
            None => reach.begins(cluster, &at, sayings),
            Some(known) if *known != is[key] => {
                let until_now = phrase::listed(&known.iter().collect::<Vec<_>>());
                reach.moves(cluster, &at, &until_now, sayings);
            }
            Some(_) => {}
        }
    }
    for (cluster, reach) in was.keys().filter(|key| !is.contains_key(key)) {
        reach.ends(cluster, sayings);
    }
}

impl Reach {
    fn begins(&self, cluster: &str, at: &str, sayings: &mut Sayings) {
        match self {
            Self::Remote { namespace, target } => {
                let sentence = format!("{} reach {target} of another cluster at {at}", workloads(namespace));
                sayings.say(cluster, Shift::Gained, target, &format!("{namespace}/*"), sentence);
            }
            Self::Lets { target, port } => {
                let sentence = format!("other clusters reach {target} through the east-west gateway at port {port}");
                sayings.say(cluster, Shift::Gained, target, "other clusters", sentence);
            }
            Self::Outside { namespace, target } => {
                let sentence = format!("workloads of namespace {namespace} know {target} outside the mesh");
                sayings.say(cluster, Shift::Noted, target, &format!("{namespace}/*"), sentence);
            }
        }
    }

    fn moves(&self, cluster: &str, at: &str, until_now: &str, sayings: &mut Sayings) {
        if let Self::Remote { namespace, target } = self {
            let sentence =
                format!("{} reach {target} of other clusters at {at}; until now at {until_now}", workloads(namespace));
            sayings.say(cluster, Shift::Noted, target, &format!("{namespace}/*"), sentence);
        }
    }

    fn ends(&self, cluster: &str, sayings: &mut Sayings) {
        match self {
            Self::Remote { namespace, target } => {
                let sentence = format!("{} no longer reach {target} of other clusters", workloads(namespace));
                sayings.say(cluster, Shift::Lost, target, &format!("{namespace}/*"), sentence);
            }
            Self::Lets { target, port } => {
                let sentence =
                    format!("other clusters no longer reach {target} through the east-west gateway at port {port}");
                sayings.say(cluster, Shift::Lost, target, "other clusters", sentence);
            }
            Self::Outside { namespace, target } => {
                let sentence = format!("workloads of namespace {namespace} no longer know {target} outside the mesh");
                sayings.say(cluster, Shift::Noted, target, &format!("{namespace}/*"), sentence);
            }
        }
    }
}

fn workloads(namespace: &str) -> String {
    match namespace {
        EVERY => "workloads of every namespace".to_owned(),
        namespace => format!("workloads of namespace {namespace}"),
    }
}

fn reaches(rendered: &Rendered) -> Reaches<'_> {
    let mut found = Reaches::new();
    for (location, resource) in resources(rendered) {
        match &resource.spec {
            Spec::ServiceEntry(entry) => of_entry(location.cluster, &resource.metadata.namespace, entry, &mut found),
            Spec::Gateway(gateway) => of_gateway(location.cluster, gateway, &mut found),
            _ => {}
        }
    }
    found
}

fn of_entry<'a>(cluster: &'a str, namespace: &str, entry: &ServiceEntry, found: &mut Reaches<'a>) {
    let internal = entry.location == Some(Location::MeshInternal);
    if internal && entry.endpoints.is_empty() {
        return;
    }
    for host in &entry.hosts {
        let (namespace, target) = (namespace.to_owned(), phrase::host(host));
        if internal {
            let every = entry.export_to.iter().any(|to| to == EVERY);
            let namespace = if every { EVERY.to_owned() } else { namespace };
            let at = entry.endpoints.iter().map(|endpoint| {
                let ports: BTreeSet<String> = endpoint.ports.values().map(u32::to_string).collect();
                let ports: Vec<String> = ports.into_iter().collect();
                if ports.is_empty() {
                    endpoint.address.clone()
                } else {
                    format!("{}:{}", endpoint.address, ports.join(","))
                }
            });
            found.entry((cluster, Reach::Remote { namespace, target })).or_default().extend(at);
        } else {
            found.entry((cluster, Reach::Outside { namespace, target })).or_default();
        }
    }
}

fn of_gateway<'a>(cluster: &'a str, gateway: &Gateway, found: &mut Reaches<'a>) {
    let passes = |mode: Option<&ServerTlsMode>| mode == Some(&ServerTlsMode::AutoPassthrough);
    for server in gateway.servers.iter().filter(|it| passes(it.tls.as_ref().and_then(|tls| tls.mode.as_ref()))) {
        let port = server.port.as_ref().and_then(|port| port.number).unwrap_or_default();
        for host in &server.hosts {
            let host = host.rsplit_once('/').map_or(host.as_str(), |(_, host)| host);
            found.entry((cluster, Reach::Lets { target: phrase::host(host), port })).or_default();
        }
    }
}
