//! The table of all rules: what each asks for, how a breach weighs, and where Istio has it from.

use crate::finding::Severity;

/// A rule that manifests are held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What findings of it bear: `istio/` and a number of the project's list or a code of `istioctl analyze`, `dns/` for
    /// DNSEndpoints, `lint/` for files.
    pub id: &'static str,
    /// What it asks for, in one sentence.
    pub title: &'static str,
    /// How its findings may weigh, the gravest first: an error is refused by Istio or Kubernetes, or an error of
    /// `istioctl analyze`; a warning is admitted.
    pub severities: &'static [Severity],
    /// What it looks at.
    pub scope: Scope,
    /// The file and function that it was read off, in istio/istio unless another repository is named.
    pub source: &'static str,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One resource.
    Resource,
    /// Several resources, or a file as a whole.
    Files,
    /// What a command reads them by: folders, and definitions that they are held against.
    Command,
}

impl Rule {
    /// The code that `istioctl analyze` gives what Istio finds by this rule with this severity: its own, or that of the
    /// validation of a resource, IST0106 where it fails and IST0133 where it warns.
    ///
    /// Source: `pkg/config/analysis/msg/messages.yaml`.
    #[must_use]
    pub fn code(&self, severity: Severity) -> Option<&'static str> {
        let name = self.id.strip_prefix("istio/")?;
        match severity {
            _ if name.starts_with("IST") => Some(name),
            Severity::Error => Some("IST0106"),
            _ => Some("IST0133"),
        }
    }
}

/// Every rule, in the order of the project's list.
#[must_use]
pub fn rules() -> &'static [Rule] {
    RULES
}

/// The rule of an id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

const ERROR: &[Severity] = &[Severity::Error];
const WARNING: &[Severity] = &[Severity::Warning];
const NOTE: &[Severity] = &[Severity::Note];
const BOTH: &[Severity] = &[Severity::Error, Severity::Warning];
const HINT: &[Severity] = &[Severity::Warning, Severity::Note];

const ALONE: Scope = Scope::Resource;
const ACROSS: Scope = Scope::Files;
const COMMAND: Scope = Scope::Command;

macro_rules! table {
    ($( $id:literal $severities:ident $scope:ident $title:literal $source:literal; )*) => {
        const RULES: &[Rule] = &[$(
            Rule { id: $id, title: $title, severities: $severities, scope: $scope, source: $source },
        )*];
    };
}

table! {
    // Common
    "istio/001" ERROR ALONE "A host is a domain name: up to 255 characters, labels of up to 63 letters, digits and inner hyphens, the last one not a number" "pkg/config/validation/agent/validation.go, ValidateFQDN";
    "istio/002" ERROR ALONE "A wildcard stands in the first label only" "pkg/config/validation/agent/validation.go, ValidateWildcardDomain";
    "istio/003" BOTH ALONE "A port is 1 to 65535" "pkg/config/validation/agent/validation.go, ValidatePort";
    "istio/004" ERROR ALONE "The name of a port is a DNS label" "pkg/config/validation/validation.go, ValidatePortName";
    "istio/005" ERROR ALONE "A protocol is one that Istio knows; a Gateway names one" "pkg/config/validation/validation.go, ValidateProtocol";
    "istio/006" ERROR ALONE "A duration is at least 1ms in whole milliseconds" "pkg/config/validation/agent/validation.go, ValidateDuration";
    "istio/007" ERROR ALONE "exportTo names ., * or namespaces, each once, * alone; ~ only on a ServiceEntry, alone" "pkg/config/validation/validation.go, validateExportTo";
    "istio/008" BOTH ALONE "A selector has labels, without empty keys and without *" "pkg/config/validation/validation.go, validateWorkloadSelector";
    "istio/009" ERROR ALONE "istio.io/dry-run is a boolean on an AuthorizationPolicy that allows or denies" "pkg/config/validation/validation.go, checkDryRunAnnotation";
    // Gateway
    "istio/010" ERROR ALONE "The name of a Gateway is a DNS label, without dots" "pkg/config/validation/validation.go, ValidateGateway";
    "istio/011" ERROR ALONE "A Gateway has a server, and a server a port with number, protocol and name, and hosts" "pkg/config/validation/validation.go, validateServer";
    "istio/012" ERROR ALONE "The ports of a Gateway have names of their own" "pkg/config/validation/validation.go, ValidateGateway";
    "istio/013" ERROR ALONE "A host of a Gateway is [namespace/]name, neither short nor a partial wildcard" "pkg/config/validation/agent/validation.go, ValidateNamespaceSlashWildcardHostname";
    "istio/014" ERROR ALONE "A port of a Gateway or a Sidecar has no targetPort" "pkg/config/validation/validation.go, validateServerPort";
    "istio/015" ERROR ALONE "A server for HTTPS or TLS has tls" "pkg/config/validation/validation.go, validateServer";
    "istio/016" ERROR ALONE "A server for plain HTTP has tls for httpsRedirect only, one for other protocols none" "pkg/config/validation/validation.go, validateServer";
    "istio/017" ERROR ALONE "The mode of server TLS is PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL or OPTIONAL_MUTUAL" "istio/api, networking/v1alpha3/gateway.proto, TLSmode";
    "istio/018" ERROR ALONE "ISTIO_MUTUAL carries no credentials" "pkg/config/validation/validation.go, validateTLSOptions";
    "istio/019" WARNING ALONE "TLS that is passed through names no certificates" "pkg/config/validation/validation.go, validateTLSOptions";
    "istio/020" ERROR ALONE "Certificates of a server come from one source" "pkg/config/validation/validation.go, validateTLSOptions";
    "istio/021" ERROR ALONE "TLS that is ended has a certificate, by credentialName or files, and mutual TLS by files a CA" "pkg/config/validation/validation.go, validateTLSOptions";
    "istio/022" ERROR ALONE "A server has at most two certificates" "istio/api, networking/v1alpha3/gateway.proto, ServerTLSSettings";
    "istio/023" BOTH ALONE "caCrl goes neither with credentialName nor with SIMPLE" "pkg/config/validation/validation.go, validateTLSOptions";
    "istio/024" WARNING ALONE "TLS below 1.2 names its cipher suites; cipher suites are offered by Envoy, each once" "pkg/config/validation/validation.go, validateTLSOptions";
    "istio/025" WARNING ALONE "httpsRedirect is for HTTP ports" "pkg/config/validation/validation.go, ValidateGateway";
    // ServiceEntry
    "istio/026" ERROR ALONE "A ServiceEntry has 1 to 256 hosts, none of them *" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/027" ERROR ALONE "A ServiceEntry has endpoints or a workloadSelector, not both" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/028" ERROR ALONE "The ports of a ServiceEntry have names and numbers of their own" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/029" ERROR ALONE "Resolution is NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS, location MESH_EXTERNAL or MESH_INTERNAL" "istio/api, networking/v1alpha3/service_entry.proto";
    "istio/030" ERROR ALONE "A ServiceEntry has up to 256 addresses, IPs or CIDRs, CIDRs with resolution NONE or STATIC only" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/031" ERROR ALONE "Resolution NONE goes without endpoints" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/032" ERROR ALONE "Endpoints of resolution STATIC are IP addresses or unix sockets" "pkg/config/validation/validation.go, validateWorkloadEntry";
    "istio/033" ERROR ALONE "Resolution DNS without endpoints has hosts without wildcards" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/034" ERROR ALONE "Endpoints of resolution DNS have an address, a name or an IP" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/035" ERROR ALONE "Resolution DNS_ROUND_ROBIN has at most one endpoint" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/036" ERROR ALONE "The ports of an endpoint bear names of the service's ports" "pkg/config/validation/validation.go, validateWorkloadEntry";
    "istio/037" ERROR ALONE "An endpoint that is a unix socket is an absolute path, without ports, of a service with one port" "pkg/config/validation/validation.go, ValidateUnixAddress";
    "istio/038" ERROR ALONE "Several hosts share HTTP and TLS ports only, unless resolution is NONE" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/039" WARNING ALONE "A TCP port has addresses, unless Istio allocates them" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/040" ERROR ALONE "Resolution DYNAMIC_DNS has wildcard hosts, no addresses, no endpoints, ports of HTTP, HTTP2, GRPC and TLS, and no waypoint inside of the mesh" "pkg/config/validation/validation.go, ValidateServiceEntry";
    "istio/041" ERROR ALONE "A ServiceEntry has up to 4096 endpoints" "istio/api, networking/v1alpha3/service_entry.proto, ServiceEntry";
    // WorkloadEntry, WorkloadGroup
    "istio/042" ERROR ALONE "A workload has an address or a network" "pkg/config/validation/validation.go, validateWorkloadEntry";
    "istio/043" ERROR ALONE "A WorkloadGroup has a template, and a probe one method" "pkg/config/validation/validation.go, ValidateWorkloadGroup";
    // VirtualService
    "istio/044" ERROR ALONE "A VirtualService without hosts is a delegate: no gateways, tls or tcp" "pkg/config/validation/validation.go, ValidateVirtualService";
    "istio/045" ERROR ALONE "A VirtualService for sidecars does not name the host *" "pkg/config/validation/validation.go, ValidateVirtualService";
    "istio/046" ERROR ALONE "The hosts of a VirtualService do not overlap" "pkg/config/validation/validation.go, ValidateVirtualService";
    "istio/047" ERROR ALONE "A VirtualService has http, tls or tcp routes" "pkg/config/validation/validation.go, ValidateVirtualService";
    "istio/048" ERROR ALONE "Gateways are named namespace/name" "pkg/config/validation/validation.go, validateGatewayNames";
    "istio/049" ERROR ALONE "A route has exactly one of route, redirect and directResponse, the last two without fault and rewrite" "pkg/config/validation/virtualservice.go, validateHTTPRouteConflict";
    "istio/050" BOTH ALONE "A route that delegates does not answer itself; a delegate does not delegate" "pkg/config/validation/virtualservice.go, validateHTTPRouteConflict";
    "istio/051" ERROR ALONE "A route has mirror or mirrors, with percentages of 0 to 100" "pkg/config/validation/validation.go, validateHTTPMirrors";
    "istio/052" ERROR ALONE "Weights are not negative, and those of several destinations not all 0" "pkg/config/validation/validation.go, validateHTTPRouteDestinations";
    "istio/053" ERROR ALONE "A destination has a host other than *, and a subset that is a DNS label" "pkg/config/validation/validation.go, validateDestination";
    "istio/054" ERROR ALONE "A string match is one of exact, prefix and regex, the latter in RE2 and up to 1024 bytes" "pkg/config/validation/validation.go, validateStringMatch";
    "istio/055" ERROR ALONE "A header that is matched has a name by RFC 7230, a pseudo header's, or at gateways @request.auth.claims" "pkg/config/validation/validation.go, ValidateHTTPHeaderNameOrJwtClaimRoute";
    "istio/056" ERROR ALONE "Headers with : and Host are not changed, but for the authority of requests, once" "pkg/config/validation/validation.go, ValidateHTTPHeaderOperationName";
    "istio/057" BOTH ALONE "A fault has abort or delay, a status of 200 to 600, and a percentage of 0 or 0.0001 to 100" "pkg/config/validation/validation.go, validateHTTPFaultInjection";
    "istio/058" ERROR ALONE "Retries have 0 attempts and nothing else, or more, and retryOn by commas without spaces" "pkg/config/validation/agent/validation.go, ValidateHTTPRetry";
    "istio/059" ERROR ALONE "A redirect has a uri or a prefix, an authority, a scheme or a port, and a 3xx status" "pkg/config/validation/validation.go, validateHTTPRedirect";
    "istio/060" ERROR ALONE "A rewrite has uri or uriRegexRewrite" "pkg/config/validation/validation.go, validateHTTPRewrite";
    "istio/061" BOTH ALONE "A direct response has a status and a body of up to 1 MB" "pkg/config/validation/validation.go, validateHTTPDirectResponse";
    "istio/062" ERROR ALONE "CORS has origins that are not empty, known methods, header names, and maxAge in whole seconds" "pkg/config/validation/validation.go, validateCORSPolicy";
    "istio/063" BOTH ALONE "A TLS route matches sniHosts within the VirtualService's hosts" "pkg/config/validation/validation.go, validateTLSMatch";
    // DestinationRule
    "istio/065" ERROR ALONE "A DestinationRule has a host" "pkg/config/validation/validation.go, ValidateDestinationRule";
    "istio/066" ERROR ALONE "Subsets have names of their own that are DNS labels" "pkg/config/validation/validation.go, validateSubset";
    "istio/067" ERROR ALONE "trafficPolicy, portLevelSettings and connectionPool are not empty" "pkg/config/validation/validation.go, validateTrafficPolicy";
    "istio/068" ERROR ALONE "A traffic policy has tunnel or proxyProtocol, and a tunnel a target" "pkg/config/validation/validation.go, validateTunnelSettings";
    "istio/069" BOTH ALONE "TLS to a host has credentialName or files, MUTUAL either; insecureSkipVerify goes without CA and names" "pkg/config/validation/agent/validation.go, ValidateTLS";
    "istio/070" ERROR ALONE "A DestinationRule with a workloadSelector is exported to its own namespace only" "pkg/config/validation/validation.go, validateExportTo";
    "istio/071" ERROR ALONE "Consistent hashing hashes one thing by one algorithm; a cookie has a name, a Maglev table a prime below 5000011" "pkg/config/validation/validation.go, validateLoadBalancer";
    "istio/072" BOTH ALONE "Locality has distribute, with shares of 100, or failover between regions, with outlierDetection" "pkg/config/validation/agent/validation.go, ValidateLocalityLbSetting";
    "istio/073" ERROR ALONE "consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors" "pkg/config/validation/validation.go, validateOutlierDetection";
    // Sidecar
    "istio/074" ERROR ALONE "A Sidecar says something, in listeners of their own ports; egress hosts are namespace/name, and one listener without port comes last" "pkg/config/validation/validation.go, ValidateSidecar";
    "istio/075" ERROR ALONE "egressProxy goes with ALLOW_ANY, and TLS of a Sidecar comes from files, neither ISTIO_MUTUAL nor AUTO_PASSTHROUGH" "pkg/config/validation/validation.go, validateSidecarOutboundTrafficPolicy";
    // AuthorizationPolicy
    "istio/076" ERROR ALONE "A policy has at most one of selector, targetRef and up to 16 targetRefs, to kinds that can be targeted" "pkg/config/validation/validation.go, validatePolicyTargetReference";
    "istio/077" ERROR ALONE "DENY and CUSTOM have rules, CUSTOM a provider and no other action one" "pkg/config/validation/validation.go, ValidateAuthorizationPolicy";
    "istio/078" ERROR ALONE "CUSTOM looks at no identity" "pkg/config/validation/validation.go, ValidateAuthorizationPolicy";
    "istio/079" ERROR ALONE "from, to, source, operation and strings are not empty, and rules are at most 512" "pkg/config/security/security.go, CheckEmptyValues";
    "istio/080" ERROR ALONE "serviceAccounts are up to 16 of [namespace/]name without *, and go without principals and namespaces" "pkg/config/security/security.go, CheckServiceAccount";
    "istio/081" BOTH ALONE "Addresses are IPs or CIDRs, and ports strings of 0 to 65535" "pkg/config/security/security.go, ValidateIPs and ValidatePorts";
    "istio/082" ERROR ALONE "A condition has an attribute that Istio knows, and values or notValues" "pkg/config/security/security.go, ValidateAttribute";
    "istio/083" ERROR ALONE "{*} and {**} are whole segments of a path, {**} the last of them" "pkg/config/security/security.go, CheckValidPathTemplate";
    "istio/084" WARNING ALONE "DENY does not look at HTTP attributes alone" "pkg/config/validation/validation.go, ValidateAuthorizationPolicy";
    // PeerAuthentication, RequestAuthentication
    "istio/085" ERROR ALONE "portLevelMtls is for selected workloads; a mode is UNSET, DISABLE, PERMISSIVE or STRICT" "pkg/config/validation/validation.go, ValidatePeerAuthentication";
    "istio/086" ERROR ALONE "A token has an issuer or a jwksUri over HTTP, jwks or jwksUri, and nothing empty" "pkg/config/validation/validation.go, validateJwtRule";
    // By the codes of istioctl analyze
    "istio/IST0002" WARNING ALONE "No deprecated version, field, value or name is used" "pkg/config/analysis/analyzers/deprecation/deprecation.go, and the comments of istio/api";
    "istio/IST0101" ERROR ACROSS "What a resource refers to is there: Gateways, hosts and their ports, subsets, Secrets" "pkg/config/analysis/analyzers/virtualservice";
    "istio/IST0106" ERROR ALONE "Fields and values are those of the schema" "pkg/config/analysis/analyzers/schema/validation.go, and the custom resource definitions";
    "istio/IST0109" ERROR ACROSS "One VirtualService for sidecars is for a host" "pkg/config/analysis/analyzers/virtualservice/conflictingmeshgatewayhosts.go";
    "istio/IST0110" ERROR ACROSS "The Sidecars of a namespace select different workloads" "pkg/config/analysis/analyzers/sidecar/selector.go";
    "istio/IST0111" ERROR ACROSS "A namespace has one Sidecar without selector" "pkg/config/analysis/analyzers/sidecar/selector.go";
    "istio/IST0112" ERROR ACROSS "A route to a service with several ports names one" "pkg/config/analysis/analyzers/virtualservice/destinationhosts.go";
    "istio/IST0118" NOTE ALONE "The name of a Service's port, or its appProtocol, says what is spoken" "pkg/config/analysis/analyzers/service/portname.go";
    "istio/IST0128" HINT ALONE "The server's certificate is verified" "pkg/config/analysis/analyzers/destinationrule/ca-certificates.go";
    "istio/IST0129" HINT ALONE "The server's certificate is verified on a port" "pkg/config/analysis/analyzers/destinationrule/ca-certificates.go";
    "istio/IST0130" WARNING ALONE "Every route of a VirtualService is reached" "pkg/config/validation/validation.go, analyzeUnreachableHTTPRules";
    "istio/IST0131" WARNING ALONE "No match of a VirtualService is taken by an earlier one" "pkg/config/validation/validation.go, coveredValidation";
    "istio/IST0132" WARNING ACROSS "The hosts of a VirtualService are served by its Gateways" "pkg/config/analysis/analyzers/virtualservice/gateways.go";
    "istio/IST0133" WARNING ALONE "Nothing is said that has no effect, or not the one that it seems to have" "pkg/config/analysis/analyzers/schema/validation.go";
    "istio/IST0134" WARNING ACROSS "A TCP port has addresses where the control plane allocates none" "pkg/config/analysis/analyzers/serviceentry/protocoladdresses.go";
    "istio/IST0138" WARNING ACROSS "Gateways of the same proxies do not serve one certificate" "pkg/config/analysis/analyzers/gateway/certificate.go";
    "istio/IST0145" ERROR ACROSS "Gateways of the same proxies open different hosts on a port" "pkg/config/analysis/analyzers/gateway/conflictinggateway.go";
    "istio/IST0159" ERROR ACROSS "The Telemetries of a namespace select different workloads" "pkg/config/analysis/analyzers/telemetry/selector.go";
    "istio/IST0160" ERROR ACROSS "A namespace has one Telemetry without selector" "pkg/config/analysis/analyzers/telemetry/default_selector.go";
    "istio/IST0161" ERROR ACROSS "The Secret of a Gateway holds a certificate and its key" "pkg/config/analysis/analyzers/gateway/secret.go";
    "istio/IST0165" WARNING ALONE "A VirtualService is not bound to a Gateway that Istio makes itself" "pkg/config/analysis/analyzers/virtualservice/gateways.go";
    "istio/IST0174" WARNING ACROSS "The host of a DestinationRule is that of a service" "pkg/config/analysis/analyzers/destinationrule/subset.go";
    "istio/IST0177" WARNING ACROSS "ServiceEntries agree on the protocol of a port of a host" "pkg/config/analysis/analyzers/serviceentry/conflictingserviceentries.go";
    // DNSEndpoint
    "dns/schema" ERROR ALONE "Fields and values of a DNSEndpoint are those of its schema" "kubernetes-sigs/external-dns, config/crd/standard/dnsendpoints.externaldns.k8s.io.yaml";
    "dns/name" ERROR ALONE "A record has a name" "kubernetes-sigs/external-dns, source/crd.go; RFC 1035, RFC 8552";
    "dns/type" ERROR ALONE "A record is A, AAAA, CNAME, TXT, SRV, NS, PTR, MX, NAPTR or DNAME" "kubernetes-sigs/external-dns, endpoint/endpoint.go";
    "dns/ttl" ERROR ALONE "A time to live is 0 to 2147483647 seconds" "RFC 2181, section 8";
    "dns/targets" ERROR ALONE "A DNSEndpoint has records, and a record targets" "kubernetes-sigs/external-dns, source/crd.go";
    "dns/address" ERROR ALONE "Targets of A and AAAA are addresses" "kubernetes-sigs/external-dns, endpoint/endpoint.go";
    "dns/dot" ERROR ALONE "Targets of A, AAAA, NS and PTR end without a dot, those of SRV and NAPTR with one" "kubernetes-sigs/external-dns, source/crd.go";
    // Files
    "lint/file" ERROR ACROSS "A file is UTF-8 and can be read" "YAML 1.2.2, section 5.2";
    "lint/yaml" ERROR ACROSS "A document is YAML" "YAML 1.2.2";
    "lint/manifest" BOTH ACROSS "A document is a resource: a map with apiVersion and kind" "kubernetes/kubernetes, staging/src/k8s.io/apimachinery, TypeMeta";
    "lint/name" ERROR ALONE "A resource has a name, and it and its namespace are those that Kubernetes takes" "kubernetes/kubernetes, staging/src/k8s.io/apimachinery, pkg/util/validation/validation.go";
    "lint/short" WARNING ALONE "Hosts are written in full, whatever namespace they are read in" "istio/api, networking/v1alpha3/virtual_service.proto, Destination";
    "lint/never" WARNING ALONE "Values of an AuthorizationPolicy are such as a request may have" "pilot/pkg/security/authz/matcher/string.go, StringMatcherWithPrefix";
    "lint/size" BOTH ACROSS "A resource is not longer than what Kubernetes stores" "etcd-io/etcd, server/embed/config.go, DefaultMaxRequestBytes";
    "lint/twice" WARNING ACROSS "A resource stands in one place" "kubernetes/kubernetes, group, kind, namespace and name";
    "lint/empty" NOTE ACROSS "A file holds a manifest" "this project";
    "lint/more" NOTE ACROSS "A file has no more findings than are told" "this project";
    "lint/folder" WARNING COMMAND "A folder that is named holds *.yaml, *.yml or *.json" "this project";
    "lint/config" NOTE COMMAND "A folder that is named is no config repository, of which `meshwright check` looks at the intents" "this project";
    "lint/link" NOTE COMMAND "A folder below one that is named is no link" "this project";
    "lint/crd" ERROR COMMAND "A file of definitions holds CustomResourceDefinitions" "kubernetes/kubernetes, staging/src/k8s.io/apiextensions-apiserver, pkg/apis/apiextensions/v1/types.go";
    "lint/cel" NOTE COMMAND "The rules in CEL and the patterns of a definition are those that can be evaluated here" "kubernetes/kubernetes, staging/src/k8s.io/apiextensions-apiserver, pkg/apiserver/schema/cel";
}
