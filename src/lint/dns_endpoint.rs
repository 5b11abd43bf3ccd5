//! DNSEndpoint, which external-dns makes records of: its schema asks for nothing, and what it cannot use it leaves out.
//!
//! Source: kubernetes-sigs/external-dns, `source/crd.go` and `endpoint/endpoint.go`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::report::{At, Report, SPEC};
use crate::istio::{DnsEndpoint, DnsRecord, NoResource};

/// The types of records that external-dns knows.
const TYPES: [&str; 10] = ["A", "AAAA", "CNAME", "TXT", "SRV", "NS", "PTR", "MX", "NAPTR", "DNAME"];

pub(super) fn check(report: &mut Report<'_>, read: &Result<(DnsEndpoint, Vec<String>), NoResource>) {
    let (endpoint, unknown) = match read {
        Ok(read) => read,
        Err(wrong) => {
            return report.error_at("dns/schema", &wrong.pointer, &wrong.message, "write a value of the right type");
        }
    };
    for pointer in unknown {
        report.no_field("dns/schema", pointer);
    }
    let list = SPEC.member("endpoints");
    if endpoint.endpoints.is_empty() {
        report.error("dns/targets", list, "a DNSEndpoint without endpoints", "add one, or remove the DNSEndpoint");
    }
    for (index, record) in endpoint.endpoints.iter().enumerate() {
        check_record(report, list.item(index), record);
    }
}

fn check_record(report: &mut Report<'_>, at: At<'_>, record: &DnsRecord) {
    if !is_name(&record.dns_name) {
        let message = format!("{:?} is not a name in DNS", record.dns_name);
        report.error(
            "dns/name",
            at.member("dnsName"),
            message,
            "write a name such as www.example.com or *.example.com",
        );
    }
    let known = TYPES.contains(&record.record_type.as_str());
    if !known {
        let message = format!("{:?} is not a type of records", record.record_type);
        report.error("dns/type", at.member("recordType"), message, format!("use one of {}", TYPES.join(", ")));
    }
    if record.record_ttl.is_some_and(|ttl| !(0..=i64::from(i32::MAX)).contains(&ttl)) {
        let message = "a time to live is 0 to 2147483647 seconds";
        report.error("dns/ttl", at.member("recordTTL"), message, "write such as 300");
    }
    let list = at.member("targets");
    if record.targets.is_empty() {
        report.error("dns/targets", list, "a record without targets", "name them");
    }
    for (index, target) in record.targets.iter().enumerate().filter(|_| known) {
        check_target(report, list.item(index), &record.record_type, target);
    }
}

fn check_target(report: &mut Report<'_>, at: At<'_>, kind: &str, target: &str) {
    let dot = target.ends_with('.');
    let bare = target.strip_suffix('.').unwrap_or(target);
    match kind {
        _ if target.is_empty() => report.error("dns/targets", at, "an empty target", "remove it"),
        "A" | "AAAA" | "NS" | "PTR" if dot => {
            report.error("dns/dot", at, format!("a target of {kind} ends without a dot"), format!("write {bare}"));
        }
        "SRV" | "NAPTR" if !dot => {
            report.error("dns/dot", at, format!("a target of {kind} ends with a dot"), format!("write {target}."));
        }
        "A" if bare.parse::<Ipv4Addr>().is_err() => {
            report.error("dns/address", at, format!("{target:?} is not an IPv4 address"), "write one, or use CNAME");
        }
        "AAAA" if bare.parse::<Ipv6Addr>().is_err() => {
            report.error("dns/address", at, format!("{target:?} is not an IPv6 address"), "write one, or use CNAME");
        }
        _ => {}
    }
}

/// Whether records can have the name: labels of up to 63 characters, underscores too (RFC 8552), `*` as the first (RFC 4592).
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && inner
    };
    name.len() <= 253 && name.strip_prefix("*.").unwrap_or(name).split('.').all(label)
}
