//! VirtualService: which requests go where.

use super::message::{message, open_enum};
use super::{
    CorsPolicy, Destination, Headers, HttpFaultInjection, HttpMatchRequest, HttpRetry, Percent, PortSelector, StringMap,
};

message! {
    /// A VirtualService (`networking/v1alpha3/virtual_service.proto`).
    pub struct VirtualService {
        /// The hosts that the routes apply to; none in a delegate.
        pub hosts: Vec<String>,
        /// The Gateways, `[namespace/]name`, and `mesh` for sidecars; sidecars alone when absent.
        pub gateways: Vec<String>,
        /// The routes of HTTP, HTTP/2, gRPC and ended TLS; the first match wins.
        pub http: Vec<HttpRoute>,
        /// The routes of TLS passed through, by SNI.
        pub tls: Vec<TlsRoute>,
        /// The routes of other TCP.
        pub tcp: Vec<TcpRoute>,
        /// The namespaces that see it.
        pub export_to: Vec<String>,
    }

    /// What happens to the HTTP requests that match (`HTTPRoute`).
    pub struct HttpRoute {
        /// The name, for access logs.
        pub name: String,
        /// The requests: any of these; all when empty.
        #[serde(rename = "match")]
        pub matches: Vec<HttpMatchRequest>,
        /// Where they go.
        pub route: Vec<HttpRouteDestination>,
        /// A redirect that answers them.
        pub redirect: Option<HttpRedirect>,
        /// A fixed answer.
        pub direct_response: Option<HttpDirectResponse>,
        /// A VirtualService that says more.
        pub delegate: Option<Delegate>,
        /// What is rewritten before they go on.
        pub rewrite: Option<HttpRewrite>,
        /// The longest an answer may take.
        pub timeout: Option<String>,
        /// How they are tried again.
        pub retries: Option<HttpRetry>,
        /// Faults put in on purpose.
        pub fault: Option<HttpFaultInjection>,
        /// Where copies go.
        pub mirror: Option<Destination>,
        /// The share of requests to copy, in whole percent; deprecated, use `mirror_percentage`.
        #[serde(alias = "mirror_percent")]
        pub mirror_percent: Option<u32>,
        /// The share of requests to copy to `mirror`; all when absent.
        pub mirror_percentage: Option<Percent>,
        /// Where copies go, to several destinations; excludes `mirror`.
        pub mirrors: Vec<HttpMirrorPolicy>,
        /// Cross-origin sharing.
        pub cors_policy: Option<CorsPolicy>,
        /// What is done to headers.
        pub headers: Option<Headers>,
    }

    /// A destination of HTTP requests and its share (`HTTPRouteDestination`).
    pub struct HttpRouteDestination {
        /// The service.
        pub destination: Option<Destination>,
        /// The share, in proportion to the others'.
        pub weight: Option<i32>,
        /// What is done to headers.
        pub headers: Option<Headers>,
    }

    /// A destination of connections and its share (`RouteDestination`).
    pub struct RouteDestination {
        /// The service.
        pub destination: Option<Destination>,
        /// The share, in proportion to the others'.
        pub weight: Option<i32>,
    }

    /// A redirect (`HTTPRedirect`).
    pub struct HttpRedirect {
        /// The new path and query.
        pub uri: String,
        /// The new beginning of the path, in place of what the match's prefix matched.
        pub prefix_rewrite: String,
        /// The new host.
        pub authority: String,
        /// The new port.
        pub port: Option<u32>,
        /// Where the new port comes from; excludes `port`.
        pub derive_port: Option<RedirectPortSelection>,
        /// The new scheme.
        pub scheme: String,
        /// The status, 301 when absent.
        pub redirect_code: Option<u32>,
    }

    /// A fixed answer (`HTTPDirectResponse`).
    pub struct HttpDirectResponse {
        /// The status.
        pub status: Option<u32>,
        /// The body.
        pub body: Option<HttpBody>,
    }

    /// A body: one of the two (`HTTPBody`).
    pub struct HttpBody {
        /// A text.
        pub string: Option<String>,
        /// Base64 of bytes.
        pub bytes: Option<String>,
    }

    /// A VirtualService without hosts (`Delegate`).
    pub struct Delegate {
        /// Its name.
        pub name: String,
        /// Its namespace; the delegating one's when empty.
        pub namespace: String,
    }

    /// What is rewritten before a request goes on (`HTTPRewrite`).
    pub struct HttpRewrite {
        /// The path, or the beginning that the match's prefix matched.
        pub uri: String,
        /// The authority.
        pub authority: String,
        /// The path by an expression; excludes `uri`.
        pub uri_regex_rewrite: Option<RegexRewrite>,
    }

    /// A rewriting by an expression (`RegexRewrite`).
    pub struct RegexRewrite {
        /// An RE2 expression.
        #[serde(rename = "match")]
        pub matches: String,
        /// What takes the place; `\1` and so on name groups.
        pub rewrite: String,
    }

    /// Where copies go and how many (`HTTPMirrorPolicy`).
    pub struct HttpMirrorPolicy {
        /// The service.
        pub destination: Option<Destination>,
        /// The share of requests to copy; all when absent.
        pub percentage: Option<Percent>,
    }

    /// Where TLS connections go that are passed through (`TLSRoute`).
    pub struct TlsRoute {
        /// The connections: any of these.
        #[serde(rename = "match")]
        pub matches: Vec<TlsMatchAttributes>,
        /// Where they go.
        pub route: Vec<RouteDestination>,
    }

    /// Where TCP connections go (`TCPRoute`).
    pub struct TcpRoute {
        /// The connections: any of these; all when empty.
        #[serde(rename = "match")]
        pub matches: Vec<L4MatchAttributes>,
        /// Where they go.
        pub route: Vec<RouteDestination>,
    }

    /// Which TLS connections: all that is given must hold (`TLSMatchAttributes`).
    pub struct TlsMatchAttributes {
        /// The server names.
        pub sni_hosts: Vec<String>,
        /// The addresses dialled, IPs or CIDRs.
        pub destination_subnets: Vec<String>,
        /// The port dialled.
        pub port: Option<u32>,
        /// The labels of the calling workload.
        pub source_labels: StringMap,
        /// The Gateways, in place of those of the VirtualService.
        pub gateways: Vec<String>,
        /// The namespace of the calling workload.
        pub source_namespace: String,
    }

    /// Which connections: all that is given must hold (`L4MatchAttributes`).
    pub struct L4MatchAttributes {
        /// The addresses dialled, IPs or CIDRs.
        pub destination_subnets: Vec<String>,
        /// The port dialled.
        pub port: Option<u32>,
        /// The caller's addresses; hidden by Istio.
        pub source_subnet: String,
        /// The labels of the calling workload.
        pub source_labels: StringMap,
        /// The Gateways, in place of those of the VirtualService.
        pub gateways: Vec<String>,
        /// The namespace of the calling workload.
        pub source_namespace: String,
    }
}

impl VirtualService {
    /// Everywhere that its routes and mirrors lead, with the share where one is said.
    pub fn destinations(&self) -> impl Iterator<Item = (&Destination, Option<i32>)> {
        let http = self.http.iter().flat_map(|route| {
            let routes = route.route.iter().map(|to| (&to.destination, to.weight));
            let mirrors = route.mirrors.iter().map(|to| (&to.destination, None));
            routes.chain(mirrors).chain([(&route.mirror, None)])
        });
        let tls = self.tls.iter().flat_map(|route| &route.route);
        let connections =
            tls.chain(self.tcp.iter().flat_map(|route| &route.route)).map(|to| (&to.destination, to.weight));
        http.chain(connections).filter_map(|(to, weight)| Some((to.as_ref()?, weight)))
    }
}

impl Destination {
    /// A port of a host, without a subset.
    pub fn new(host: impl Into<String>, port: Option<u32>) -> Self {
        Self { host: host.into(), subset: String::new(), port: port.map(PortSelector::number) }
    }
}

open_enum! {
    /// Where the port of a redirect comes from (`HTTPRedirect.RedirectPortSelection`).
    pub enum RedirectPortSelection {
        /// 80 for HTTP, 443 for HTTPS.
        FromProtocolDefault = "FROM_PROTOCOL_DEFAULT",
        /// The request's.
        FromRequestPort = "FROM_REQUEST_PORT",
    }
}
