//! Rule 64, IST0130 and IST0131: routes and matches that no request reaches (`validation.go`, `analyzeUnreachableHTTPRules`).

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::report::{At, Report, SPEC};
use crate::istio::{HttpMatchRequest, VirtualService};

/// The most earlier matches that one is compared with.
const MOST: usize = 256;

pub(super) fn check(report: &mut Report<'_>, service: &VirtualService) {
    let http: Vec<_> = service.http.iter().map(|route| route.matches.as_slice()).collect();
    let text = |matched: &HttpMatchRequest| {
        if matched.name.is_empty() {
            text(matched)
        } else {
            text(&HttpMatchRequest { name: String::new(), ..matched.clone() })
        }
    };
    routes(report, SPEC.member("http"), &http, text);
    covered(report, SPEC.member("http"), &http);
    let tls: Vec<_> = service.tls.iter().map(|route| route.matches.as_slice()).collect();
    routes(report, SPEC.member("tls"), &tls, self::text);
    let tcp: Vec<_> = service.tcp.iter().map(|route| route.matches.as_slice()).collect();
    routes(report, SPEC.member("tcp"), &tcp, self::text);
}

/// What two matches have in common that match alike.
fn text(matched: &impl Serialize) -> String {
    serde_json::to_string(matched).unwrap_or_default()
}

/// Routes after one that takes everything, and matches that were there before.
fn routes<M>(report: &mut Report<'_>, list: At<'_>, routes: &[&[M]], text: impl Fn(&M) -> String) {
    let catch_all = routes.iter().position(|matches| matches.is_empty()).unwrap_or(usize::MAX);
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, matches) in routes.iter().enumerate() {
        let route = list.item(index);
        if catch_all < index {
            let message = format!("route {catch_all} takes every request, and this one comes after it");
            report.warning("istio/IST0130", route, message, "move the route without a match to the end");
            continue;
        }
        let repeated: Vec<_> = matches.iter().map(|matched| *seen.entry(text(matched)).or_insert(index)).collect();
        let mut first: HashMap<String, usize> = HashMap::new();
        let (at, mut unused) = (route.member("match"), vec![]);
        for (number, (matched, earlier)) in matches.iter().zip(repeated).enumerate() {
            let again = *first.entry(text(matched)).or_insert(number) < number;
            if again || earlier < index {
                unused.push((number, earlier));
            }
        }
        if !unused.is_empty() && unused.len() == matches.len() {
            let message = "every match of this route stands in an earlier one";
            report.warning("istio/IST0130", route, message, "remove the route");
            continue;
        }
        for (number, earlier) in unused {
            let message = format!("route {earlier} has the same match");
            report.warning("istio/IST0131", at.item(number), message, "remove it");
        }
    }
}

/// Matches by a prefix or a whole path that an earlier, shorter prefix has taken already.
///
/// Istio compares conditions by their text; here an earlier match covers a later one when each of its conditions is one of
/// the later match's, which neither blames a route that is reached nor passes over one that only adds conditions.
fn covered(report: &mut Report<'_>, list: At<'_>, routes: &[&[HttpMatchRequest]]) {
    let mut earlier: HashMap<&str, Vec<(usize, &HttpMatchRequest)>> = HashMap::new();
    // Only these are looked for, and not every beginning of a path.
    let mut lengths: BTreeSet<usize> = BTreeSet::new();
    let catch_all = routes.iter().position(|matches| matches.is_empty()).unwrap_or(routes.len());
    for (index, matches) in routes.iter().enumerate().take(catch_all) {
        let route = list.item(index);
        for (number, matched) in matches.iter().enumerate() {
            let Some(uri) = &matched.uri else { continue };
            let Some(path) = uri.prefix.as_deref().or(uri.exact.as_deref()) else { continue };
            let most = path.len() + usize::from(uri.exact.is_some());
            let begins = lengths.range(..most).filter_map(|length| earlier.get(path.get(..*length)?));
            let mut shorter = begins.flatten().take(MOST);
            if let Some((by, _)) = shorter.find(|(_, other)| takes(other, matched)) {
                let message = format!("route {by} takes the requests for {path} before");
                report.warning(
                    "istio/IST0131",
                    route.member("match").item(number),
                    message,
                    "move the narrower match before it",
                );
            }
            if uri.prefix.is_some() && uri.exact.is_none() && uri.regex.is_none() {
                lengths.insert(path.len());
                earlier.entry(path).or_default().push((index, matched));
            }
        }
    }
}

/// Whether all conditions of `one` but its path are conditions of `other`.
fn takes(one: &HttpMatchRequest, other: &HttpMatchRequest) -> bool {
    let within = |one: &std::collections::BTreeMap<String, _>, other: &std::collections::BTreeMap<String, _>| {
        one.iter().all(|(name, matched)| other.get(name) == Some(matched))
    };
    other.ignore_uri_case != Some(true)
        && [(&one.scheme, &other.scheme), (&one.method, &other.method), (&one.authority, &other.authority)]
            .iter()
            .all(|(one, other)| one.is_none() || one == other)
        && within(&one.headers, &other.headers)
        && within(&one.without_headers, &other.without_headers)
        && within(&one.query_params, &other.query_params)
        && (one.port.is_none() || one.port == other.port)
        && one.source_labels.iter().all(|(name, value)| other.source_labels.get(name) == Some(value))
        && (one.source_namespace.is_empty() || one.source_namespace == other.source_namespace)
        && (one.gateways.is_empty() || one.gateways == other.gateways)
}
