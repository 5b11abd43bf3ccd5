//! Rules 78 to 81: the callers that an AuthorizationPolicy names (`pkg/config/security`).

use super::never;
use super::report::{At, Report, SCHEMA};
use super::syntax::{is_ip_or_cidr, mapped_block};
use crate::istio::Source;

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, source: &Source, custom: bool) {
    values(report, at, &lists(source), "a source that names nobody");
    never::check_source(report, at, source);
    let addresses = [
        ("ipBlocks", &source.ip_blocks),
        ("notIpBlocks", &source.not_ip_blocks),
        ("remoteIpBlocks", &source.remote_ip_blocks),
        ("notRemoteIpBlocks", &source.not_remote_ip_blocks),
    ];
    for (name, blocks) in addresses {
        let at = at.member(name);
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| !block.is_empty()) {
            addresses_of(report, at.item(index), block);
        }
    }
    check_accounts(report, at, source);
    for (name, domains) in [("trustDomains", &source.trust_domains), ("notTrustDomains", &source.not_trust_domains)] {
        let at = at.member(name);
        wildcards(report, at, domains);
        if let Some(index) = domains.iter().position(|domain| domain.contains('/')) {
            report.error(SCHEMA, at.item(index), "a trust domain has no /", "name the trust domain alone");
        }
    }
    let identity = [
        (&source.principals, &source.not_principals),
        (&source.request_principals, &source.not_request_principals),
        (&source.namespaces, &source.not_namespaces),
        (&source.service_accounts, &source.not_service_accounts),
        (&source.trust_domains, &source.not_trust_domains),
    ];
    if custom && identity.iter().any(|(yes, no)| !yes.is_empty() || !no.is_empty()) {
        report.error("istio/078", at, "CUSTOM cannot look at identities", "name addresses, or let the authorizer look");
    }
}

/// Rule 81 for a block of addresses.
pub(super) fn addresses_of(report: &mut Report<'_>, at: At<'_>, block: &str) {
    if !is_ip_or_cidr(block) {
        report.error("istio/081", at, format!("{block:?} is neither an IP address nor a CIDR"), "write one");
    } else if let Some(instead) = mapped_block(block) {
        let message = format!("{block:?} is of IPv4 and holds for nobody as IPv6");
        report.warning("istio/081", at, message, format!("write {instead}"));
    }
}

fn lists(source: &Source) -> [(&'static str, &Vec<String>); 14] {
    [
        ("principals", &source.principals),
        ("notPrincipals", &source.not_principals),
        ("requestPrincipals", &source.request_principals),
        ("notRequestPrincipals", &source.not_request_principals),
        ("namespaces", &source.namespaces),
        ("notNamespaces", &source.not_namespaces),
        ("serviceAccounts", &source.service_accounts),
        ("notServiceAccounts", &source.not_service_accounts),
        ("trustDomains", &source.trust_domains),
        ("notTrustDomains", &source.not_trust_domains),
        ("ipBlocks", &source.ip_blocks),
        ("notIpBlocks", &source.not_ip_blocks),
        ("remoteIpBlocks", &source.remote_ip_blocks),
        ("notRemoteIpBlocks", &source.not_remote_ip_blocks),
    ]
}

/// Whether the source says something that a TCP connection has too.
pub(super) fn has_tcp(source: &Source) -> bool {
    lists(source)
        .iter()
        .any(|(name, list)| !list.is_empty() && !name.to_ascii_lowercase().contains("requestprincipals"))
}

/// Rule 79: something is named, and nothing by an empty string.
pub(super) fn values(report: &mut Report<'_>, at: At<'_>, lists: &[(&'static str, &Vec<String>)], nothing: &str) {
    if lists.iter().all(|(_, list)| list.is_empty()) {
        report.error("istio/079", at, nothing, "name something, or remove it");
    }
    for (name, list) in lists {
        if let Some(index) = list.iter().position(String::is_empty) {
            report.error("istio/079", at.member(name).item(index), "an empty string", "remove it");
        }
    }
}

/// Trust domains, which a * may begin or end (`CheckWildcardValues`).
pub(super) fn wildcards(report: &mut Report<'_>, at: At<'_>, values: &[String]) {
    for (index, value) in values.iter().enumerate() {
        let inner = value.strip_prefix('*').or_else(|| value.strip_suffix('*')).unwrap_or(value);
        if inner.contains('*') {
            let message = format!("{value:?} has a * in its midst, or two");
            report.error(SCHEMA, at.item(index), message, "let one * begin or end it");
        }
    }
}

/// Rule 80.
fn check_accounts(report: &mut Report<'_>, at: At<'_>, source: &Source) {
    let lists = [("serviceAccounts", &source.service_accounts), ("notServiceAccounts", &source.not_service_accounts)];
    if lists.iter().all(|(_, list)| list.is_empty()) {
        return;
    }
    let others = [&source.principals, &source.not_principals, &source.namespaces, &source.not_namespaces];
    if others.iter().any(|list| !list.is_empty()) {
        report.error(
            "istio/080",
            at,
            "serviceAccounts exclude principals and namespaces",
            "write them into one of the fields",
        );
    }
    for (name, list) in lists {
        accounts(report, at.member(name), list);
    }
}

/// Rule 80 for the accounts themselves; empty ones are rule 79's.
pub(super) fn accounts(report: &mut Report<'_>, at: At<'_>, accounts: &[String]) {
    if accounts.len() > 16 {
        let message = format!("{} service accounts, and 16 are allowed", accounts.len());
        report.error("istio/080", at, message, "split the source");
    }
    for (index, account) in accounts.iter().enumerate().filter(|(_, account)| !account.is_empty()) {
        let parts = account.split('/').count();
        if account.contains('*') || parts > 2 || account.split('/').any(str::is_empty) || account.len() > 320 {
            let message = format!("{account:?} is not a service account");
            report.error("istio/080", at.item(index), message, "write [namespace/]name, without *");
        }
    }
}

/// Rule 81 for ports, which are strings here.
pub(super) fn bad_ports(report: &mut Report<'_>, at: At<'_>, ports: &[String]) {
    for (index, port) in ports.iter().enumerate() {
        let number = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        if !number && !port.is_empty() {
            report.error(
                "istio/081",
                at.item(index),
                format!("{port:?} is not a port"),
                "write a number from 0 to 65535",
            );
        }
    }
}
