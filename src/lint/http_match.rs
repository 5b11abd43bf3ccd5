//! Rules 54 and 55: what a route matches (`virtualservice.go`, `validateHTTPRouteMatchRequest`).

use super::headers::is_name;
use super::report::{At, Report, SCHEMA};
use super::route::gateway_names;
use super::syntax::{is_bad_regex, is_label};
use super::whole;
use crate::istio::{HttpMatchRequest, StringMatch};

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, matched: &HttpMatchRequest, delegated: bool, gateway: bool) {
    let single = [
        ("uri", &matched.uri),
        ("scheme", &matched.scheme),
        ("method", &matched.method),
        ("authority", &matched.authority),
    ];
    for (name, matched) in single {
        string(report, at.member(name), matched.as_ref());
        no_regex(report, at.member(name), matched.as_ref(), delegated);
    }
    let maps = [
        ("headers", &matched.headers),
        ("withoutHeaders", &matched.without_headers),
        ("queryParams", &matched.query_params),
    ];
    for (map, entries) in maps {
        let at = at.member(map);
        for (name, matched) in entries {
            string(report, at.member(name), Some(matched));
            no_regex(report, at.member(name), Some(matched), delegated);
            if map != "queryParams" {
                header_name(report, at.member(name), name, gateway);
            }
        }
    }
    whole::optional_port(report, at.member("port"), matched.port);
    gateway_names(report, at.member("gateways"), &matched.gateways);
    if !matched.source_namespace.is_empty() && !is_label(&matched.source_namespace) {
        let message = format!("{:?} is not a namespace", matched.source_namespace);
        report.error(SCHEMA, at.member("sourceNamespace"), message, "write the name of one");
    }
}

/// Rule 54.
pub(super) fn string(report: &mut Report<'_>, at: At<'_>, matched: Option<&StringMatch>) {
    let Some(matched) = matched else { return };
    let given = [&matched.exact, &matched.prefix, &matched.regex];
    if given.iter().filter(|text| text.is_some()).count() > 1 {
        report.error("istio/054", at, "exact, prefix and regex exclude each other", "keep one");
    }
    if matched.prefix.as_deref() == Some("") {
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
    } else if is_bad_regex(regex) {
        report.error(
            "istio/054",
            at.member("regex"),
            "RE2 does not take this expression",
            "mend groups, classes and quantifiers; RE2 has no lookaround and no references back",
        );
    }
}

/// Rule 50, the part about what is matched.
fn no_regex(report: &mut Report<'_>, at: At<'_>, matched: Option<&StringMatch>, delegated: bool) {
    if delegated && matched.is_some_and(|matched| matched.regex.is_some()) {
        report.error("istio/050", at, "no expressions where routes are delegated", "use exact or prefix");
    }
}

/// Rule 55.
fn header_name(report: &mut Report<'_>, at: At<'_>, name: &str, gateway: bool) {
    let claim = name.starts_with("@request.auth.claims");
    if claim && !gateway {
        report.error(
            "istio/055",
            at,
            "claims are matched at gateways only",
            "bind the VirtualService to Gateways alone",
        );
    }
    let pseudo = matches!(name, ":method" | ":path" | ":authority" | ":scheme");
    if !claim && !pseudo && !is_name(name) {
        report.error("istio/055", at, format!("{name:?} is not a header name"), "write letters, digits, - and _");
    }
}
