//! Rule 43: WorkloadGroup (`validation.go`, `ValidateWorkloadGroup`).

use super::headers::is_strict_name;
use super::report::{At, Report, SPEC};
use super::service_entry::{check_ports_and_labels, check_socket};
use super::whole;
use crate::istio::{ReadinessProbe, WorkloadGroup};

pub(super) fn check(report: &mut Report<'_>, group: &WorkloadGroup) {
    match &group.template {
        None => report.error(
            "istio/043",
            SPEC.member("template"),
            "a WorkloadGroup without a template",
            "add it, {} at least",
        ),
        Some(template) => {
            let at = SPEC.member("template");
            if let Some(path) = template.address.strip_prefix("unix://") {
                check_socket(report, at, template, path);
            }
            check_ports_and_labels(report, at, template);
        }
    }
    if let Some(metadata) = &group.metadata {
        let at = SPEC.member("metadata");
        whole::labels(report, at.member("labels"), &metadata.labels);
    }
    if let Some(probe) = &group.probe {
        check_probe(report, SPEC.member("probe"), probe);
    }
}

fn check_probe(report: &mut Report<'_>, at: At<'_>, probe: &ReadinessProbe) {
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (name, _) in numbers.iter().filter(|(_, number)| number.is_some_and(|number| number < 0)) {
        report.error("istio/043", at.member(name), "a negative number", "write 0 or more");
    }
    let methods = [probe.http_get.is_some(), probe.tcp_socket.is_some(), probe.exec.is_some(), probe.grpc.is_some()];
    let count = methods.iter().filter(|given| **given).count();
    if count != 1 {
        let message = format!("{count} of httpGet, tcpSocket, exec and grpc");
        report.error("istio/043", at, message, "keep exactly one");
    } else if probe.grpc.is_some() {
        // `validateReadinessProbe` does not know it, though the API has it.
        report.error("istio/043", at.member("grpc"), "Istio does not take grpc yet", "use httpGet, tcpSocket or exec");
    }
    if let Some(get) = &probe.http_get {
        let at = at.member("httpGet");
        whole::port(report, at.member("port"), get.port);
        if !matches!(get.scheme.as_str(), "" | "HTTP" | "HTTPS") {
            report.error(
                "istio/043",
                at.member("scheme"),
                format!("the scheme {:?}", get.scheme),
                "write HTTP or HTTPS",
            );
        }
        let list = at.member("httpHeaders");
        for (index, header) in get.http_headers.iter().enumerate() {
            // Kubernetes takes no underscore.
            if !is_strict_name(&header.name) || header.name.contains('_') {
                let message = format!("{:?} is not a header name", header.name);
                report.error("istio/043", list.item(index), message, "write letters, digits and hyphens");
            }
        }
    }
    if let Some(socket) = &probe.tcp_socket {
        whole::port(report, at.member("tcpSocket").member("port"), socket.port);
    }
    if probe.exec.as_ref().is_some_and(|exec| exec.command.is_empty()) {
        report.error("istio/043", at.member("exec").member("command"), "exec without a command", "write it");
    }
}
