//! Rule 64: routes and matches that no request reaches (`validation.go`, `analyzeUnreachableHTTPRules`).

use super::report::{At, Report, SPEC};
use crate::istio::{HttpMatchRequest, VirtualService};

pub(super) fn check(report: &mut Report<'_>, service: &VirtualService) {
    let http: Vec<_> = service.http.iter().map(|route| route.matches.as_slice()).collect();
    routes(report, SPEC.member("http"), &http, same_request);
    let tls: Vec<_> = service.tls.iter().map(|route| route.matches.as_slice()).collect();
    routes(report, SPEC.member("tls"), &tls, PartialEq::eq);
    let tcp: Vec<_> = service.tcp.iter().map(|route| route.matches.as_slice()).collect();
    routes(report, SPEC.member("tcp"), &tcp, PartialEq::eq);
}

/// Whether two matches are the same but for their names.
fn same_request(one: &HttpMatchRequest, other: &HttpMatchRequest) -> bool {
    one.uri == other.uri
        && one.headers == other.headers
        && one.method == other.method
        && one.port == other.port
        && HttpMatchRequest { name: String::new(), ..one.clone() }
            == HttpMatchRequest { name: String::new(), ..other.clone() }
}

fn routes<M>(report: &mut Report<'_>, list: At<'_>, routes: &[&[M]], same: impl Fn(&M, &M) -> bool) {
    let catch_all = routes.iter().position(|matches| matches.is_empty());
    for (index, matches) in routes.iter().enumerate() {
        let at = list.item(index);
        if catch_all.is_some_and(|first| first < index) {
            let message = format!("route {} takes every request, and this one comes after it", catch_all.unwrap_or(0));
            report.warning("istio/064", at, message, "move the route without a match to the end");
            continue;
        }
        let earlier =
            |matched: &M| routes[..index].iter().any(|others| others.iter().any(|other| same(other, matched)));
        let taken = matches.iter().filter(|matched| earlier(matched)).count();
        if taken > 0 && taken == matches.len() {
            report.warning("istio/064", at, "every match of this route stands in an earlier one", "remove the route");
        } else if taken > 0 {
            report.warning(
                "istio/064",
                at.member("match"),
                "a match of this route stands in an earlier one",
                "remove it",
            );
        }
    }
}
