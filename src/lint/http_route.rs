//! Rules 49 to 51, 53 and 57 to 62: one HTTP route (`virtualservice.go`, `validateHTTPRoute`).

use super::headers;
use super::http_match;
use super::re2;
use super::report::{At, Report, SCHEMA, known};
use super::route::{Binding, destination, weights};
use super::whole;
use crate::istio::{
    CorsPolicy, FaultAbort, HttpDirectResponse, HttpFaultInjection, HttpMatchRequest, HttpRedirect, HttpRetry,
    HttpRewrite, HttpRoute, Percent, RedirectPortSelection, UnmatchedPreflights,
};

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, route: &HttpRoute, binding: Binding) {
    check_answer(report, at, route, binding);
    let matches = at.member("match");
    for (index, matched) in route.matches.iter().enumerate() {
        http_match::check(report, matches.item(index), matched, binding.gateway);
    }
    let list = at.member("route");
    for (index, to) in route.route.iter().enumerate() {
        destination(report, list.item(index).member("destination"), to.destination.as_ref());
        headers::check(report, list.item(index).member("headers"), to.headers.as_ref());
    }
    weights(report, list, route.route.iter().map(|to| to.weight));
    headers::check(report, at.member("headers"), route.headers.as_ref());
    headers::one_authority(report, at, route);
    check_mirrors(report, at, route);
    whole::duration(report, at.member("timeout"), route.timeout.as_ref());
    if let Some(fault) = &route.fault {
        check_fault(report, at.member("fault"), fault);
    }
    if let Some(retries) = &route.retries {
        check_retries(report, at.member("retries"), retries);
    }
    if let Some(redirect) = &route.redirect {
        check_redirect(report, at.member("redirect"), redirect);
        prefix_rewrite(report, at.member("redirect"), route, redirect);
    }
    if let Some(rewrite) = &route.rewrite {
        check_rewrite(report, at.member("rewrite"), rewrite);
    }
    if let Some(response) = &route.direct_response {
        check_direct_response(report, at.member("directResponse"), response);
    }
    if let Some(cors) = &route.cors_policy {
        check_cors(report, at.member("corsPolicy"), cors);
    }
}

/// Rules 49 and 50.
fn check_answer(report: &mut Report<'_>, at: At<'_>, route: &HttpRoute, binding: Binding) {
    let (redirects, responds) = (route.redirect.is_some(), route.direct_response.is_some());
    if route.delegate.is_some() {
        if binding.delegate {
            report.error("istio/050", at.member("delegate"), "a delegate does not delegate", "write the route here");
        } else if redirects || !route.route.is_empty() {
            report.error("istio/050", at, "a route that delegates has neither route nor redirect", "remove them");
        } else if responds {
            let message = "a route that delegates does not answer itself";
            report.warning("istio/050", at.member("directResponse"), message, "remove directResponse");
        }
        return;
    }
    let answers = usize::from(redirects) + usize::from(responds) + usize::from(!route.route.is_empty());
    if answers != 1 {
        report.error("istio/049", at, format!("{answers} of route, redirect and directResponse"), "keep exactly one");
    }
    if (redirects || responds) && (route.fault.is_some() || route.rewrite.is_some()) {
        report.error("istio/049", at, "redirect and directResponse exclude fault and rewrite", "remove them");
    }
}

/// Rule 51.
fn check_mirrors(report: &mut Report<'_>, at: At<'_>, route: &HttpRoute) {
    if let Some(mirror) = &route.mirror {
        destination(report, at.member("mirror"), Some(mirror));
        if !route.mirrors.is_empty() {
            report.error("istio/051", at.member("mirrors"), "mirror and mirrors exclude each other", "keep mirrors");
        }
    }
    if let Some(percent) = route.mirror_percent {
        report.deprecated(at.member("mirrorPercent"), "mirrorPercent", "mirrorPercentage");
        if percent > 100 {
            report.error("istio/051", at.member("mirrorPercent"), format!("{percent} percent"), "write 0 to 100");
        }
    }
    share(report, at.member("mirrorPercentage"), route.mirror_percentage.as_ref());
    let list = at.member("mirrors");
    for (index, mirror) in route.mirrors.iter().enumerate() {
        destination(report, list.item(index).member("destination"), mirror.destination.as_ref());
        share(report, list.item(index).member("percentage"), mirror.percentage.as_ref());
    }
}

fn share(report: &mut Report<'_>, at: At<'_>, percent: Option<&Percent>) {
    if let Some(value) = percent.and_then(|percent| percent.value)
        && !(0.0..=100.0).contains(&value)
    {
        report.error("istio/051", at, format!("{value} percent"), "write 0 to 100");
    }
}

/// Rule 57.
fn check_fault(report: &mut Report<'_>, at: At<'_>, fault: &HttpFaultInjection) {
    if fault.abort.is_none() && fault.delay.is_none() {
        report.error("istio/057", at, "a fault without abort or delay", "add one, or remove fault");
    }
    if let Some(delay) = &fault.delay {
        let at = at.member("delay");
        fault_share(report, at.member("percentage"), delay.percentage.as_ref());
        whole::duration(report, at.member("fixedDelay"), delay.fixed_delay.as_ref());
        if delay.exponential_delay.is_some() {
            report.error(
                "istio/057",
                at.member("exponentialDelay"),
                "Istio does not implement exponentialDelay",
                "use fixedDelay",
            );
        }
        if delay.percent.is_some() {
            report.deprecated(at.member("percent"), "percent", "percentage");
        }
    }
    if let Some(abort) = &fault.abort {
        check_abort(report, at.member("abort"), abort);
    }
}

fn check_abort(report: &mut Report<'_>, at: At<'_>, abort: &FaultAbort) {
    fault_share(report, at.member("percentage"), abort.percentage.as_ref());
    let kinds = [abort.http_status.is_some(), abort.grpc_status.is_some(), abort.http2_error.is_some()];
    match kinds.iter().filter(|kind| **kind).count() {
        0 => report.warning("istio/057", at, "an abort without a status does nothing", "set httpStatus or grpcStatus"),
        1 => {}
        _ => report.error("istio/057", at, "httpStatus, grpcStatus and http2Error exclude each other", "keep one"),
    }
    if let Some(status) = abort.http_status
        && !(200..=600).contains(&status)
    {
        report.error("istio/057", at.member("httpStatus"), format!("{status} is not a status"), "write 200 to 599");
    }
    if let Some(status) = &abort.grpc_status
        && !GRPC.contains(&status.as_str())
    {
        report.error(
            "istio/057",
            at.member("grpcStatus"),
            format!("{status:?} is not a gRPC status"),
            "write a name such as UNAVAILABLE",
        );
    }
    if abort.http2_error.is_some() {
        report.error("istio/057", at.member("http2Error"), "Istio does not implement http2Error", "use httpStatus");
    }
}

/// `pkg/util/grpc`, `SupportedGRPCStatus`.
const GRPC: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

fn fault_share(report: &mut Report<'_>, at: At<'_>, percent: Option<&Percent>) {
    if let Some(value) = percent.and_then(|percent| percent.value)
        && value != 0.0
        && !(0.0001..=100.0).contains(&value)
    {
        report.error("istio/057", at, format!("{value} percent"), "write 0, or 0.0001 to 100");
    }
}

/// Rule 58.
fn check_retries(report: &mut Report<'_>, at: At<'_>, retries: &HttpRetry) {
    whole::duration(report, at.member("perTryTimeout"), retries.per_try_timeout.as_ref());
    whole::duration(report, at.member("backoff"), retries.backoff.as_ref());
    let attempts = retries.attempts.unwrap_or(0);
    if attempts < 0 {
        report.error("istio/058", at.member("attempts"), format!("{attempts} attempts"), "write 0 or more");
    }
    let more =
        retries.per_try_timeout.is_some() || !retries.retry_on.is_empty() || retries.retry_remote_localities.is_some();
    if attempts == 0 && more {
        report.error(
            "istio/058",
            at,
            "0 attempts turn retries off, and more is said about them",
            "write attempts, or remove the rest",
        );
    }
    for policy in retries.retry_on.split(',').filter(|_| !retries.retry_on.is_empty()) {
        let status = policy.parse().is_ok_and(is_status);
        if !status && !RETRY_ON.contains(&policy) {
            report.error(
                "istio/058",
                at.member("retryOn"),
                format!("{policy:?} is not something to retry on"),
                "separate Envoy's names and statuses by commas, without spaces",
            );
        }
    }
}

/// Whether a status has a name (`net/http`, `StatusText`), as the statuses have that Istio takes for retries.
fn is_status(status: u16) -> bool {
    matches!(status, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=418 | 421..=426 | 428 | 429 | 431 | 451)
        || matches!(status, 500..=508 | 510 | 511)
}

/// `agent/validation.go`, `supportedRetryOnPolicies`.
const RETRY_ON: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Rule 59.
fn check_redirect(report: &mut Report<'_>, at: At<'_>, redirect: &HttpRedirect) {
    known!(report, SCHEMA, at.member("derivePort"), redirect.derive_port, RedirectPortSelection);
    let texts = [&redirect.uri, &redirect.prefix_rewrite, &redirect.authority, &redirect.scheme];
    if texts.iter().all(|text| text.is_empty()) && redirect.port.is_none() && redirect.derive_port.is_none() {
        report.error("istio/059", at, "a redirect that leads nowhere else", "set uri, authority, scheme or port");
    }
    if !redirect.uri.is_empty() && !redirect.prefix_rewrite.is_empty() {
        report.error("istio/059", at, "uri and prefixRewrite replace the same path", "keep one");
    }
    if redirect.port.is_some() && redirect.derive_port.is_some() {
        report.error("istio/059", at, "port and derivePort exclude each other", "keep one");
    }
    if let Some(code) = redirect.redirect_code
        && code != 0
        && !(300..=399).contains(&code)
    {
        report.error("istio/059", at.member("redirectCode"), format!("{code} is not a redirect"), "write a 3xx status");
    }
    if !matches!(redirect.scheme.as_str(), "" | "http" | "https") {
        report.error(
            "istio/059",
            at.member("scheme"),
            format!("the scheme {:?}", redirect.scheme),
            "write http or https",
        );
    }
    whole::optional_port(report, at.member("port"), redirect.port);
}

/// Rule 59 for a redirect that replaces what the match's prefix matched.
fn prefix_rewrite(report: &mut Report<'_>, at: At<'_>, route: &HttpRoute, redirect: &HttpRedirect) {
    let whole = |matched: &HttpMatchRequest| matched.uri.as_ref().is_some_and(|uri| uri.prefix.is_none());
    if !redirect.prefix_rewrite.is_empty() && route.matches.iter().any(whole) {
        let message = "prefixRewrite replaces a prefix, and a match of the route has none";
        report.error("istio/059", at.member("prefixRewrite"), message, "match uris by prefix, or set uri");
    }
}

/// Rule 60.
fn check_rewrite(report: &mut Report<'_>, at: At<'_>, rewrite: &HttpRewrite) {
    if !rewrite.uri.is_empty() && rewrite.uri_regex_rewrite.is_some() {
        report.error("istio/060", at, "uri and uriRegexRewrite exclude each other", "keep one");
    }
    if rewrite.uri.is_empty() && rewrite.uri_regex_rewrite.is_none() && rewrite.authority.is_empty() {
        report.error("istio/060", at, "a rewrite of nothing", "set uri, uriRegexRewrite or authority");
    }
    if let Some(regex) = &rewrite.uri_regex_rewrite {
        let at = at.member("uriRegexRewrite");
        if regex.matches.is_empty() || regex.rewrite.is_empty() {
            report.error("istio/060", at, "an expression needs both match and rewrite", "set both");
        } else if regex.matches.len() > 1024 || re2::is_bad(&regex.matches) {
            report.error("istio/060", at.member("match"), "not an RE2 expression of up to 1024 characters", "mend it");
        }
    }
}

/// Rule 61.
fn check_direct_response(report: &mut Report<'_>, at: At<'_>, response: &HttpDirectResponse) {
    if !response.status.is_some_and(|status| (200..=600).contains(&status)) {
        report.error("istio/061", at.member("status"), "an answer has a status", "write 200 to 599");
    }
    let Some(body) = &response.body else { return };
    if body.string.is_some() && body.bytes.is_some() {
        report.error("istio/061", at.member("body"), "string and bytes exclude each other", "keep one");
    }
    let bytes = body.bytes.as_ref().map_or(0, |encoded| encoded.len() / 4 * 3);
    let size = body.string.as_ref().map_or(bytes, String::len);
    if size > 1024 * 1024 {
        report.error("istio/061", at.member("body"), "a body larger than 1 MB", "serve it from a service");
    } else if size > 100 * 1024 {
        report.warning(
            "istio/061",
            at.member("body"),
            "a large body weighs on the control plane",
            "serve it from a service",
        );
    }
}

/// Rule 62.
fn check_cors(report: &mut Report<'_>, at: At<'_>, cors: &CorsPolicy) {
    known!(report, SCHEMA, at.member("unmatchedPreflights"), cors.unmatched_preflights, UnmatchedPreflights);
    if !cors.allow_origin.is_empty() {
        report.deprecated(at.member("allowOrigin"), "allowOrigin", "allowOrigins");
    }
    let origins = at.member("allowOrigins");
    for (index, origin) in cors.allow_origins.iter().enumerate() {
        let given = [&origin.exact, &origin.prefix, &origin.regex];
        if given.iter().all(|text| text.as_ref().is_none_or(String::is_empty)) {
            report.error("istio/062", origins.item(index), "an origin that is empty", "set exact, prefix or regex");
        } else {
            http_match::string(report, origins.item(index), Some(origin), false);
        }
    }
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];
    for (index, method) in cors.allow_methods.iter().enumerate() {
        if !methods.contains(&method.as_str()) {
            report.error(
                "istio/062",
                at.member("allowMethods").item(index),
                format!("{method:?} is not a method"),
                "write one such as GET",
            );
        }
    }
    for (name, list) in [("allowHeaders", &cors.allow_headers), ("exposeHeaders", &cors.expose_headers)] {
        for (index, header) in list.iter().enumerate() {
            if header != "*" && !headers::is_name(header) {
                report.error(
                    "istio/062",
                    at.member(name).item(index),
                    format!("{header:?} is not a header name"),
                    "write one, or *",
                );
            }
        }
    }
    let age = whole::duration(report, at.member("maxAge"), cors.max_age.as_ref());
    if age.is_some_and(|age| age % 1_000_000_000 != 0) {
        report.error("istio/062", at.member("maxAge"), "maxAge is in whole seconds", "round it");
    }
}
