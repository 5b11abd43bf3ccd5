//! Rules 54 and 55: what a route matches (`virtualservice.go`, `validateHTTPRouteMatchRequest`).

use super::headers::is_name;
use super::re2;
use super::report::{At, Report, SCHEMA};
use super::route::gateway_names;
use super::syntax::is_label;
use super::whole;
use crate::istio::{HttpMatchRequest, StringMatch};

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, matched: &HttpMatchRequest, gateway: bool) {
    let single = [
        ("uri", &matched.uri),
        ("scheme", &matched.scheme),
        ("method", &matched.method),
        ("authority", &matched.authority),
    ];
    for (name, matched) in single {
        string(report, at.member(name), matched.as_ref(), name == "uri");
    }
    let maps = [
        ("headers", &matched.headers),
        ("withoutHeaders", &matched.without_headers),
        ("queryParams", &matched.query_params),
    ];
    for (map, entries) in maps {
        let at = at.member(map);
        for (name, matched) in entries {
            // Istio takes it for a match of presence.
            let present = map == "withoutHeaders" && matched.regex.as_deref() == Some("*");
            string(report, at.member(name), Some(matched).filter(|_| !present), false);
            if map != "queryParams" {
                header_name(report, at.member(name), name, gateway);
            }
        }
    }
    whole::optional_port(report, at.member("port"), matched.port);
    gateway_names(report, at.member("gateways"), &matched.gateways);
    whole::labels(report, at.member("sourceLabels"), &matched.source_labels);
    if !matched.source_namespace.is_empty() && !is_label(&matched.source_namespace) {
        let message = format!("{:?} is not a namespace", matched.source_namespace);
        report.error(SCHEMA, at.member("sourceNamespace"), message, "write the name of one");
    }
}

/// Rule 54; a path may begin with anything.
pub(super) fn string(report: &mut Report<'_>, at: At<'_>, matched: Option<&StringMatch>, path: bool) {
    let Some(matched) = matched else { return };
    let given = [&matched.exact, &matched.prefix, &matched.regex];
    if given.iter().filter(|text| text.is_some()).count() > 1 {
        report.error("istio/054", at, "exact, prefix and regex exclude each other", "keep one");
    }
    if matched.prefix.as_deref() == Some("") && !path {
        report.error("istio/054", at.member("prefix"), "an empty prefix", "write one, or leave the match out");
    }
    let Some(regex) = matched.regex.as_deref() else { return };
    if regex.is_empty() || regex.len() > 1024 {
        report.error(
            "istio/054",
            at.member("regex"),
            format!("an expression of {} bytes", regex.len()),
            "write 1 to 1024",
        );
    } else if re2::is_bad(regex) {
        report.error(
            "istio/054",
            at.member("regex"),
            "RE2 does not take this expression",
            "mend groups, classes and quantifiers; RE2 has no lookaround and no references back",
        );
    }
}

/// Rule 55.
fn header_name(report: &mut Report<'_>, at: At<'_>, name: &str, gateway: bool) {
    let claim = is_claim(name);
    if claim && !gateway {
        report.error(
            "istio/055",
            at,
            "claims are matched at gateways only",
            "bind the VirtualService to Gateways alone",
        );
    }
    let pseudo = matches!(name, ":method" | ":path" | ":authority" | ":scheme" | ":status");
    if !claim && !pseudo && !is_name(name) {
        report.error("istio/055", at, format!("{name:?} is not a header name"), "write letters, digits, - and _");
    }
}

/// Whether a header stands for a claim of a token: `@request.auth.claims.a` or `@request.auth.claims[a]`
/// (`pkg/jwt/routing.go`, `ToRoutingClaim`).
fn is_claim(name: &str) -> bool {
    const BEGIN: &str = "@request.auth.claims";
    let Some(begin) = name.get(..BEGIN.len()).filter(|begin| begin.eq_ignore_ascii_case(BEGIN)) else { return false };
    let rest = &name[begin.len()..];
    rest.len() > 1 && rest.starts_with('.') || rest.len() > 2 && rest.starts_with('[') && rest.ends_with(']')
}
