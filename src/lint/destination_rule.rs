//! Rules 65 to 70: DestinationRule (`validation.go`, `ValidateDestinationRule`; `agent`, `ValidateTLS`).

use std::collections::HashSet;

use super::report::{At, Report, SCHEMA, SPEC, known};
use super::syntax::{fqdn, is_ip, is_label};
use super::traffic;
use super::whole;
use crate::istio::{
    ClientTlsMode, ClientTlsSettings, DestinationRule, ObjectMeta, PortTrafficPolicy, ProxyProtocolVersion,
    TrafficPolicy,
};

pub(super) fn check(report: &mut Report<'_>, metadata: &ObjectMeta, rule: &DestinationRule) {
    if rule.host.is_empty() {
        report.error("istio/065", SPEC.member("host"), "a DestinationRule without a host", "name it");
    } else {
        whole::host(report, SPEC.member("host"), &rule.host);
        whole::full_host(report, SPEC.member("host"), &rule.host);
    }
    let selects = rule.workload_selector.is_some();
    if let Some(policy) = &rule.traffic_policy {
        check_policy(report, SPEC.member("trafficPolicy"), policy, selects);
    }
    let list = SPEC.member("subsets");
    let mut names = HashSet::new();
    for (index, subset) in rule.subsets.iter().enumerate() {
        let at = list.item(index);
        if !is_label(&subset.name) {
            report.error(
                "istio/066",
                at.member("name"),
                format!("{:?} is not a subset name", subset.name),
                "write a DNS label",
            );
        } else if !names.insert(&subset.name) {
            report.error(
                "istio/066",
                at.member("name"),
                format!("the subset {} is declared twice", subset.name),
                "keep one",
            );
        }
        whole::labels(report, at.member("labels"), &subset.labels);
        if let Some(policy) = &subset.traffic_policy {
            check_policy(report, at.member("trafficPolicy"), policy, selects);
        }
    }
    if let Some(selector) = &rule.workload_selector {
        let at = SPEC.member("workloadSelector");
        whole::selector(report, at.member("matchLabels"), &selector.match_labels);
        whole::empty_selector(report, at, &selector.match_labels);
        let own = |namespace: &String| namespace == "." || *namespace == metadata.namespace;
        if !rule.export_to.iter().all(own) {
            report.error(
                "istio/070",
                SPEC.member("exportTo"),
                "a DestinationRule with a workloadSelector stays in its namespace",
                "export it to .",
            );
        }
    }
    whole::export_to(report, SPEC.member("exportTo"), &rule.export_to, &metadata.namespace, false);
}

/// Rules 67 and 68.
fn check_policy(report: &mut Report<'_>, at: At<'_>, policy: &TrafficPolicy, selects: bool) {
    if *policy == TrafficPolicy::default() {
        report.error("istio/067", at, "an empty trafficPolicy", "remove it");
    }
    if let Some(pool) = &policy.connection_pool {
        traffic::connection_pool(report, at.member("connectionPool"), pool);
    }
    if let Some(balancer) = &policy.load_balancer {
        traffic::load_balancer(report, at.member("loadBalancer"), balancer, policy.outlier_detection.is_some());
    }
    if let Some(detection) = &policy.outlier_detection {
        traffic::outlier_detection(report, at.member("outlierDetection"), detection);
    }
    if let Some(tls) = &policy.tls {
        check_tls(report, at.member("tls"), tls, ("istio/IST0128", selects));
    }
    let list = at.member("portLevelSettings");
    for (index, port) in policy.port_level_settings.iter().enumerate() {
        check_port(report, list.item(index), port, selects);
    }
    if policy.tunnel.is_some() && policy.proxy_protocol.is_some() {
        report.error("istio/068", at, "tunnel and proxyProtocol exclude each other", "keep one");
    }
    if let Some(proxy) = &policy.proxy_protocol {
        known!(report, SCHEMA, at.member("proxyProtocol").member("version"), proxy.version, ProxyProtocolVersion);
    }
    if let Some(tunnel) = &policy.tunnel {
        let at = at.member("tunnel");
        if !matches!(tunnel.protocol.as_str(), "" | "CONNECT" | "POST") {
            report.error(
                "istio/068",
                at.member("protocol"),
                format!("{:?} is not a way to tunnel", tunnel.protocol),
                "use CONNECT or POST",
            );
        }
        if !is_ip(&tunnel.target_host) && fqdn(&tunnel.target_host).is_err() {
            report.error(
                "istio/068",
                at.member("targetHost"),
                "neither a name nor an IP address",
                "name the host to reach",
            );
        }
        whole::port(report, at.member("targetPort"), tunnel.target_port);
    }
}

fn check_port(report: &mut Report<'_>, at: At<'_>, settings: &PortTrafficPolicy, selects: bool) {
    if *settings == (PortTrafficPolicy { port: settings.port.clone(), ..Default::default() }) {
        report.error("istio/067", at, "portLevelSettings that set nothing", "remove them");
    }
    match &settings.port {
        Some(port) => whole::unchecked_port(report, at.member("port").member("number"), port.number),
        None => report.error("istio/067", at.member("port"), "portLevelSettings without a port", "name it"),
    }
    if let Some(pool) = &settings.connection_pool {
        traffic::connection_pool(report, at.member("connectionPool"), pool);
    }
    if let Some(balancer) = &settings.load_balancer {
        traffic::load_balancer(report, at.member("loadBalancer"), balancer, settings.outlier_detection.is_some());
    }
    if let Some(detection) = &settings.outlier_detection {
        traffic::outlier_detection(report, at.member("outlierDetection"), detection);
    }
    if let Some(tls) = &settings.tls {
        check_tls(report, at.member("tls"), tls, ("istio/IST0129", selects));
    }
}

/// Rule 69, and IST0128 or IST0129: since 1.21 Istio verifies by the system's certificates where none are named, so that only
/// `insecureSkipVerify` goes without; `istioctl analyze` warns of both.
fn check_tls(
    report: &mut Report<'_>,
    at: At<'_>,
    tls: &ClientTlsSettings,
    (unverified, selects): (&'static str, bool),
) {
    known!(report, SCHEMA, at.member("mode"), tls.mode, ClientTlsMode);
    let files = [&tls.client_certificate, &tls.private_key, &tls.ca_certificates, &tls.ca_crl];
    let any_file = files.iter().any(|file| !file.is_empty());
    let secret = !tls.credential_name.is_empty();
    let ends = matches!(tls.mode, Some(ClientTlsMode::Simple | ClientTlsMode::Mutual));
    let skips = ends && tls.insecure_skip_verify == Some(true);
    // What SIMPLE has a secret for is the CA alone.
    let secret_ca = secret && tls.mode == Some(ClientTlsMode::Simple);
    if skips && (!tls.ca_certificates.is_empty() || !tls.subject_alt_names.is_empty() || secret_ca) {
        report.error(
            "istio/069",
            at.member("insecureSkipVerify"),
            "insecureSkipVerify excludes caCertificates, subjectAltNames and, with SIMPLE, credentialName",
            "remove it, or them",
        );
    } else if skips {
        report.warning(
            unverified,
            at,
            "the server's certificate is not verified",
            "name caCertificates and subjectAltNames",
        );
    } else if ends && tls.ca_certificates.is_empty() && !(secret && selects) {
        report.note(
            unverified,
            at,
            "the server's certificate is verified by those of the system, and by Istio before 1.21 not at all",
            "name caCertificates where that matters",
        );
    }
    match &tls.mode {
        Some(ClientTlsMode::Simple | ClientTlsMode::Mutual) if secret && any_file => {
            report.error("istio/069", at, "credentialName and files exclude each other", "keep one of them");
        }
        Some(ClientTlsMode::Mutual) if !secret && (tls.client_certificate.is_empty() || tls.private_key.is_empty()) => {
            report.error(
                "istio/069",
                at,
                "MUTUAL needs a certificate to show",
                "set credentialName, or clientCertificate and privateKey",
            );
        }
        Some(ClientTlsMode::IstioMutual) if secret || any_file => {
            report.warning(
                "istio/069",
                at,
                "ISTIO_MUTUAL brings Istio's own certificates, and others have no effect",
                "remove credentialName and the files",
            );
        }
        _ => {}
    }
}
