//! Resources that say too much to be compared with others: `lint/size`.

use super::super::report::{Report, SPEC};
use crate::finding::{Finding, Place};
use crate::istio::{Resource, Spec};

/// The most pairs of what one resource exports and the namespaces that see it.
const MOST: usize = 1 << 18;
/// The most such pairs of all resources, beyond what is written.
const MOST_OF_ALL: usize = 1 << 21;

/// Resources, each with its place.
type Resources<'a> = Vec<(&'a Place, &'a Resource)>;

/// The resources whose pairs of what is exported and who sees it are kept, those whose are too many, and a finding for each of
/// the latter.
pub(super) fn narrow<'a>(all: &[(&'a Place, &'a Resource)]) -> (Resources<'a>, Resources<'a>, Vec<Finding>) {
    let (mut narrow, mut wide, mut found, mut left) = (Vec::with_capacity(all.len()), vec![], vec![], MOST_OF_ALL);
    for (place, resource) in all {
        let (pairs, more) = pairs(resource);
        if pairs > MOST || more > left {
            let message =
                format!("{pairs} pairs of what is exported and namespaces are too many to be compared with others");
            let mut report = Report::new(place, resource);
            let remedy = "export it to fewer namespaces, or to *";
            report.warning("lint/size", SPEC.member("exportTo"), message, remedy);
            found.append(&mut report.found);
            wide.push((*place, *resource));
        } else {
            left -= more;
            narrow.push((*place, *resource));
        }
    }
    (narrow, wide, found)
}

/// How many pairs of a host, a port of one or a subset and a namespace that sees it a resource makes, and how many more they
/// are than what is written.
fn pairs(resource: &Resource) -> (usize, usize) {
    let (said, within, to) = match &resource.spec {
        Spec::VirtualService(service) => (service.hosts.len(), 1, &service.export_to),
        Spec::ServiceEntry(entry) => (entry.hosts.len(), entry.ports.len().max(1), &entry.export_to),
        Spec::DestinationRule(rule) => (rule.subsets.len(), 1, &rule.export_to),
        _ => return (0, 0),
    };
    let pairs = said.saturating_mul(within).saturating_mul(to.len().max(1));
    (pairs, pairs.saturating_sub(said + within + to.len()))
}
