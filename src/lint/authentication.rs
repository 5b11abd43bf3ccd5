//! Rules 85 and 86: PeerAuthentication and RequestAuthentication (`validation.go`).

use super::headers::is_name;
use super::report::{At, Report, SPEC, known};
use super::whole;
use crate::istio::{JwtRule, LabelSelector, MutualTlsMode, PeerAuthentication, RequestAuthentication};

/// Rule 85.
pub(super) fn check_peer(report: &mut Report<'_>, authentication: &PeerAuthentication) {
    check_selector(report, authentication.selector.as_ref());
    if let Some(mtls) = &authentication.mtls {
        known!(report, "istio/085", SPEC.member("mtls").member("mode"), mtls.mode, MutualTlsMode);
    }
    let ports = SPEC.member("portLevelMtls");
    let selected = authentication.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    if !authentication.port_level_mtls.is_empty() && !selected {
        report.error("istio/085", ports, "portLevelMtls is for selected workloads", "add a selector");
    }
    for (port, mtls) in &authentication.port_level_mtls {
        known!(report, "istio/085", ports.member(port).member("mode"), mtls.mode, MutualTlsMode);
        whole::port(report, ports.member(port), port.parse().ok());
    }
}

/// Rule 86.
pub(super) fn check_request(report: &mut Report<'_>, authentication: &RequestAuthentication) {
    let (one, many) = (authentication.target_ref.as_ref(), &authentication.target_refs);
    whole::targets(report, authentication.selector.is_some(), one, many);
    check_selector(report, authentication.selector.as_ref());
    let list = SPEC.member("jwtRules");
    for (index, rule) in authentication.jwt_rules.iter().enumerate() {
        check_jwt(report, list.item(index), rule);
    }
}

fn check_selector(report: &mut Report<'_>, selector: Option<&LabelSelector>) {
    if let Some(selector) = selector {
        let at = SPEC.member("selector");
        whole::selector(report, at.member("matchLabels"), &selector.match_labels);
        whole::empty_selector(report, at, &selector.match_labels);
    }
}

fn check_jwt(report: &mut Report<'_>, at: At<'_>, rule: &JwtRule) {
    if rule.issuer.is_empty() && rule.jwks_uri.is_empty() && rule.jwks.is_empty() {
        report.error("istio/086", at.member("issuer"), "a token without issuer or keys", "set issuer or jwksUri");
    }
    if !rule.jwks.is_empty() && !rule.jwks_uri.is_empty() {
        report.error("istio/086", at, "jwks and jwksUri exclude each other", "keep one");
    }
    if !rule.jwks_uri.is_empty() && !["http://", "https://"].iter().any(|scheme| rule.jwks_uri.starts_with(scheme)) {
        report.error(
            "istio/086",
            at.member("jwksUri"),
            "keys are fetched over HTTP",
            "write an http:// or https:// URL",
        );
    }
    let lists = [
        ("audiences", &rule.audiences),
        ("fromParams", &rule.from_params),
        ("fromCookies", &rule.from_cookies),
        ("spaceDelimitedClaims", &rule.space_delimited_claims),
    ];
    for (name, list) in lists {
        if let Some(index) = list.iter().position(String::is_empty) {
            report.error("istio/086", at.member(name).item(index), "an empty string", "remove it");
        }
    }
    if let Some(index) = rule.from_headers.iter().position(|header| header.name.is_empty()) {
        report.error("istio/086", at.member("fromHeaders").item(index), "a header without a name", "name it");
    }
    for (index, claim) in rule.output_claim_to_headers.iter().enumerate() {
        if claim.claim.is_empty() || !is_name(&claim.header) {
            let list = at.member("outputClaimToHeaders");
            report.error("istio/086", list.item(index), "a claim goes to a header", "name both");
        }
    }
    whole::duration(report, at.member("timeout"), rule.timeout.as_ref());
}
