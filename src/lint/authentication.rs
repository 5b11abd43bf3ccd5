//! Rules 85 and 86: PeerAuthentication and RequestAuthentication (`validation.go`).

use serde_json::Value;

use super::headers::is_strict_name;
use super::report::{At, Report, SCHEMA_WARNING, SPEC, known};
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
        // Keys of a map of numbers in JSON, which have no sign.
        let digits = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        whole::port(report, ports.member(port), digits.and_then(|port| port.parse().ok()));
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
    if rule.issuer.is_empty() && rule.jwks_uri.is_empty() {
        report.error("istio/086", at.member("issuer"), "a token without issuer or jwksUri", "set one of them");
    }
    if !rule.jwks.is_empty() && !rule.jwks_uri.is_empty() {
        report.error("istio/086", at, "jwks and jwksUri exclude each other", "keep one");
    }
    let scheme = rule.jwks_uri.split_once("://").map_or("", |(scheme, _)| scheme);
    if !rule.jwks_uri.is_empty() && !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        report.error(
            "istio/086",
            at.member("jwksUri"),
            "keys are fetched over HTTP",
            "write an http:// or https:// URL",
        );
    }
    if !rule.jwks.is_empty() {
        check_keys(report, at.member("jwks"), &rule.jwks);
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
        if claim.claim.is_empty() || !is_strict_name(&claim.header) {
            let list = at.member("outputClaimToHeaders");
            report.error("istio/086", list.item(index), "a claim goes to a header", "name both");
        }
    }
    whole::duration(report, at.member("timeout"), rule.timeout.as_ref());
}

/// The keys that a rule brings itself (RFC 7517): a set of them, or one.
fn check_keys(report: &mut Report<'_>, at: At<'_>, keys: &str) {
    let value: Value = serde_json::from_str(keys).unwrap_or_default();
    let list = match value.get("keys") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(_) => vec![],
        None => vec![&value],
    };
    if list.is_empty() || !list.iter().all(|key| key.get("kty").is_some_and(Value::is_string)) {
        return report.error(
            "istio/086",
            at,
            "jwks is not a JSON Web Key Set",
            "write {\"keys\": […]} with a kty in each",
        );
    }
    for (index, _) in list.iter().enumerate().filter(|(_, key)| key["kty"] == "oct" || key.get("d").is_some()) {
        let message = format!("key {index} holds what is private, and tokens are verified by public keys");
        report.warning(SCHEMA_WARNING, at, message, "leave the public part, and replace the key");
    }
}
