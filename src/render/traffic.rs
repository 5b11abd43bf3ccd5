//! Traffic management of a host: one DestinationRule and one VirtualService for the mesh, made of all that its servers say.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::alias;
use super::context::Context;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::server::Server;
use crate::intent::scalar::Port;
use crate::intent::spec::{self, Failover, Policy, Toward, Weight};
use crate::intent::{Anchor, ClusterId};
use crate::istio::{
    ClientTlsSettings, Destination, DestinationRule, HttpMatchRequest, HttpMirrorPolicy, HttpRoute,
    HttpRouteDestination, L4MatchAttributes, PortSelector, PortTrafficPolicy, RouteDestination, Subset, TcpRoute,
    TrafficPolicy, VirtualService,
};

/// What is said about one port of a host.
#[derive(Debug, Clone, PartialEq, Default)]
struct OfPort {
    is_http: bool,
    /// Whether its pods end TLS.
    is_tls: bool,
    policy: Policy,
    http: spec::Http,
    weights: Vec<Weight>,
    failover: Vec<Failover>,
}

impl OfPort {
    /// The cluster that serves callers on `at` while none of its own pods does.
    fn gives_way(&self, at: &ClusterId) -> Option<ClusterId> {
        let from = self.failover.iter().find(|failover| ClusterId::from(&failover.from) == *at)?;
        Some(ClusterId::from(&from.to))
    }
}

/// What the servers of a host say about traffic to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Traffic {
    host: String,
    /// The host on each cluster that calls are led to.
    aliases: BTreeMap<ClusterId, String>,
    ports: BTreeMap<Port, OfPort>,
    subsets: Vec<spec::Subset>,
    intents: BTreeSet<Anchor>,
}

/// Renders what applies to callers on the clusters of a host.
pub(super) fn render(live: &[&Server<'_>], context: &Context<'_>, out: &mut Output) {
    let clusters: BTreeSet<&ClusterId> = live.iter().flat_map(|server| server.clusters.iter()).collect();
    for cluster in clusters {
        let here = || live.iter().copied().filter(|server| server.clusters.contains(cluster));
        let Some(first) = here().next() else { continue };
        let traffic = Traffic::of(here());
        let (service, namespace) = (first.inbound.service.as_str(), first.namespace.as_str());
        let rule = traffic.destination_rule(None).map(Into::into);
        let routes = traffic.mesh_routes(cluster).map(Into::into);
        for spec in [rule, routes].into_iter().flatten() {
            let (name, intents) = (resource_name(&[service, "traffic"]), traffic.intents.iter().cloned().collect());
            let draft = Draft { cluster, namespace, service, name, spec, intents, observed: false };
            out.manifests.push(draft.finish(context.gitops));
        }
    }
}

impl Traffic {
    /// What these servers of one host say. Where several are about one port they agree, or block each other.
    pub(super) fn of<'s, 't: 's>(servers: impl Iterator<Item = &'s Server<'t>>) -> Self {
        let mut traffic = Self::default();
        for server in servers {
            traffic.host = server.host();
            let said = &server.inbound.traffic;
            let port = traffic.ports.entry(server.inbound.port).or_default();
            port.is_http |= server.protocol.is_http();
            port.is_tls |= server.protocol.is_tls();
            join(&mut port.policy.load_balancer, &said.policy.load_balancer);
            join(&mut port.policy.connection_pool, &said.policy.connection_pool);
            join(&mut port.policy.outlier_detection, &said.policy.outlier_detection);
            join(&mut port.http.timeout, &said.http.timeout);
            join(&mut port.http.retries, &said.http.retries);
            join(&mut port.http.fault, &said.http.fault);
            join(&mut port.http.mirror, &said.http.mirror);
            join(&mut port.http.cors, &said.http.cors);
            if port.weights.is_empty() {
                port.weights.clone_from(&said.weights);
            }
            if port.failover.is_empty() {
                port.failover.clone_from(&said.failover);
            }
            for cluster in alias::led_to(said) {
                let host = alias::host(server, &cluster);
                traffic.aliases.insert(cluster, host);
            }
            for subset in &said.subsets {
                if !traffic.subsets.iter().any(|known| known.name == subset.name) {
                    traffic.subsets.push(subset.clone());
                }
            }
            if *said != spec::Traffic::default() {
                traffic.intents.insert(server.anchor.clone());
            }
        }
        traffic.subsets.sort_by(|a, b| a.name.cmp(&b.name));
        traffic
    }

    /// The intents that say something.
    pub(super) fn intents(&self) -> impl Iterator<Item = &Anchor> {
        self.intents.iter()
    }

    /// The same of another host, with its subsets or without.
    pub(super) fn called(self, host: &str, with_subsets: bool) -> Self {
        let subsets = if with_subsets { self.subsets } else { vec![] };
        Self { host: host.to_owned(), subsets, ..self }
    }

    /// Its subsets, with nothing said about them but who they are.
    pub(super) fn sets(&self) -> Vec<Subset> {
        let subset = |subset: &spec::Subset| Subset {
            name: subset.name.to_string(),
            labels: subset.labels.clone(),
            traffic_policy: None,
        };
        self.subsets.iter().map(subset).collect()
    }

    /// The labels of each subset.
    pub(super) fn subsets(&self) -> impl Iterator<Item = &BTreeMap<String, String>> {
        self.subsets.iter().map(|subset| &subset.labels)
    }

    /// The rule that says it; none where there is nothing to say and nothing `beside` it: how TLS is spoken, and when an
    /// endpoint is left out unless asked otherwise.
    pub(super) fn destination_rule(&self, beside: Option<TrafficPolicy>) -> Option<DestinationRule> {
        let mut policies = self.ports.values().map(|port| &port.policy);
        let first = policies.next().cloned().unwrap_or_default();
        let same = policies.all(|policy| *policy == first);
        let plain = self.ports.values().all(|port| port.policy.is_empty()) && self.subsets.is_empty();
        if plain && beside.is_none() {
            return None;
        }
        let beside = beside.unwrap_or_default();
        let whole = if same { over(&first, &beside) } else { beside.clone() };
        // What is said of a port takes nothing over from what is said of the host.
        let of_port = |(port, said): (&Port, &OfPort)| {
            let policy = over(&said.policy, &beside);
            PortTrafficPolicy {
                port: Some(PortSelector::number(port.number().into())),
                load_balancer: policy.load_balancer,
                connection_pool: policy.connection_pool,
                outlier_detection: policy.outlier_detection,
                tls: policy.tls,
            }
        };
        let ports = self.ports.iter().filter(|(_, said)| !same && !said.policy.is_empty());
        let whole = TrafficPolicy { port_level_settings: ports.map(of_port).collect(), ..whole };
        let subset = |subset: &spec::Subset| Subset {
            name: subset.name.to_string(),
            labels: subset.labels.clone(),
            traffic_policy: Some(over(&subset.policy, &TrafficPolicy::default()))
                .filter(|policy| *policy != TrafficPolicy::default()),
        };
        Some(DestinationRule {
            host: self.host.clone(),
            traffic_policy: Some(whole).filter(|policy| *policy != TrafficPolicy::default()),
            subsets: self.subsets.iter().map(subset).collect(),
            ..DestinationRule::default()
        })
    }

    /// The routes of sidecars on cluster `at`; none where nothing is said that needs one.
    pub(super) fn mesh_routes(&self, at: &ClusterId) -> Option<VirtualService> {
        // Sidecars pass over TCP routes of ports that carry TLS; the gateway obeys them.
        let leads = |port: &OfPort| !port.is_tls && (!port.weights.is_empty() || port.gives_way(at).is_some());
        let said = |port: &OfPort| !port.http.is_empty() || leads(port);
        let routed = || self.ports.iter().filter(|(_, port)| said(port));
        let mut http: Vec<HttpRoute> = routed()
            .filter(|(_, port)| port.is_http)
            .map(|(number, _)| HttpRoute {
                matches: vec![HttpMatchRequest { port: Some(number.number().into()), ..HttpMatchRequest::default() }],
                ..self.http_route(*number, at)
            })
            .collect();
        if !http.is_empty() {
            // What is not matched by any route is answered by 404, and the Service may have other ports.
            let destination = Some(Destination::new(&self.host, None));
            let route = vec![HttpRouteDestination { destination, ..HttpRouteDestination::default() }];
            http.push(HttpRoute { route, ..HttpRoute::default() });
        }
        let tcp: Vec<TcpRoute> = routed()
            .filter(|(_, port)| !port.is_http)
            .map(|(number, _)| TcpRoute {
                matches: vec![L4MatchAttributes { port: Some(number.number().into()), ..L4MatchAttributes::default() }],
                route: self.connections(*number, at),
            })
            .collect();
        if http.is_empty() && tcp.is_empty() {
            return None;
        }
        Some(VirtualService { hosts: vec![self.host.clone()], http, tcp, ..VirtualService::default() })
    }

    /// Where requests to a port go from cluster `at`, and what is done with them.
    pub(super) fn http_route(&self, port: Port, at: &ClusterId) -> HttpRoute {
        let Some(said) = self.ports.get(&port) else { return HttpRoute::default() };
        let route = self.shares(port, at).into_iter().map(|(destination, weight)| HttpRouteDestination {
            destination: Some(destination),
            weight,
            ..HttpRouteDestination::default()
        });
        HttpRoute {
            route: route.collect(),
            timeout: typed(&said.http.timeout),
            retries: typed(&said.http.retries),
            fault: typed(&said.http.fault),
            mirrors: said.http.mirror.iter().map(|mirror| self.mirror(mirror, port)).collect(),
            cors_policy: typed(&said.http.cors),
            ..HttpRoute::default()
        }
    }

    /// Where connections to a port go from cluster `at`.
    pub(super) fn connections(&self, port: Port, at: &ClusterId) -> Vec<RouteDestination> {
        let shares = self.shares(port, at).into_iter();
        shares.map(|(destination, weight)| RouteDestination { destination: Some(destination), weight }).collect()
    }

    fn shares(&self, port: Port, at: &ClusterId) -> Vec<(Destination, Option<i32>)> {
        let said = self.ports.get(&port);
        let to = |host: &String| Destination::new(host, Some(port.number().into()));
        let alias = |cluster: &ClusterId| self.aliases.get(cluster).filter(|_| cluster != at).unwrap_or(&self.host);
        let instead = said.and_then(|said| said.gives_way(at));
        let whole = to(instead.as_ref().map_or(&self.host, alias));
        let weights = said.map(|said| said.weights.as_slice()).unwrap_or_default();
        if weights.is_empty() {
            return vec![(whole, None)];
        }
        let share = |weight: &Weight| {
            let destination = match &weight.toward {
                Toward::Subset(subset) => Destination { subset: subset.to_string(), ..whole.clone() },
                Toward::Cluster(cluster) => to(alias(&cluster.into())),
            };
            (destination, Some(weight.weight.into()))
        };
        weights.iter().map(share).collect()
    }

    fn mirror(&self, mirror: &Value, port: Port) -> HttpMirrorPolicy {
        let text = |name: &str| mirror[name].as_str().map(ToOwned::to_owned);
        let own = text("host").is_none().then(|| PortSelector::number(port.number().into()));
        let destination = Destination {
            host: text("host").unwrap_or_else(|| self.host.clone()),
            subset: text("subset").unwrap_or_default(),
            port: typed(&mirror.get("port").cloned()).or(own),
        };
        HttpMirrorPolicy { destination: Some(destination), percentage: typed(&mirror.get("percentage").cloned()) }
    }
}

/// A policy with what there is `beside` it.
fn over(policy: &Policy, beside: &TrafficPolicy) -> TrafficPolicy {
    TrafficPolicy {
        load_balancer: typed(&policy.load_balancer).or_else(|| beside.load_balancer.clone()),
        connection_pool: typed(&policy.connection_pool).or_else(|| beside.connection_pool.clone()),
        outlier_detection: typed(&policy.outlier_detection).or_else(|| beside.outlier_detection.clone()),
        tls: beside.tls.clone().filter(|tls| *tls != ClientTlsSettings::default()),
        ..TrafficPolicy::default()
    }
}

fn join(known: &mut Option<Value>, said: &Option<Value>) {
    if known.is_none() {
        known.clone_from(said);
    }
}

/// A value as Istio's message, whose fields are those of the intent's shape: a test reads every one of them.
fn typed<T: DeserializeOwned>(value: &Option<Value>) -> Option<T> {
    value.as_ref().and_then(|value| T::deserialize(value).ok())
}
