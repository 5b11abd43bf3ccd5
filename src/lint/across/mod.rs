//! Rules over the manifests of one cluster (`istioctl analyze`, by its codes).

mod certificates;
mod conflicts;
mod destinations;
mod doubles;
mod gateways;
mod labels;
mod registry;
mod size;
mod visibility;

use rayon::prelude::*;

use super::report::{Report, SPEC};
use super::service_entry::unaddressed;
use crate::finding::{Finding, Place};
use crate::istio::{Resource, Spec};
use certificates::Certificates;
use destinations::Subsets;
use gateways::Gateways;
use registry::Registry;

/// Checks the resources of one cluster against each other.
///
/// What the resources do not show is not reported; `docs/lint.md` says of each thing when it is missed. Each lookup is by
/// index: the time is near linear in the number of resources.
pub fn lint_across(resources: &[(&Place, &Resource)]) -> Vec<Finding> {
    let (narrow, wide, sizes) = size::narrow(resources);
    let said_twice = || ALL.par_iter().flat_map_iter(|check| check(&narrow)).collect::<Vec<_>>();
    let (index, said_twice) = rayon::join(|| Index::new(&narrow, &wide), said_twice);
    let check = |(place, resource): &(&Place, &Resource)| index.check(place, resource);
    let mut found: Vec<Finding> = resources.par_iter().flat_map_iter(check).collect();
    found.extend(sizes);
    found.extend(said_twice);
    found
}

/// Rules that look at all resources at once.
const ALL: [fn(&doubles::All<'_>) -> Vec<Finding>; 5] =
    [doubles::hosts, doubles::protocols, doubles::namespaces, conflicts::servers, conflicts::selectors];

/// What the rules look up.
struct Index<'a> {
    registry: Registry<'a>,
    subsets: Subsets<'a>,
    gateways: Gateways<'a>,
    certificates: Certificates<'a>,
    /// Whether a control plane here gives ServiceEntries no addresses.
    unallocated: bool,
}

impl<'a> Index<'a> {
    fn new(narrow: &[(&'a Place, &'a Resource)], wide: &[(&'a Place, &'a Resource)]) -> Self {
        let mut index = Self {
            registry: Registry::default(),
            subsets: Subsets::default(),
            gateways: Gateways::default(),
            certificates: Certificates::default(),
            unallocated: false,
        };
        for (_, resource) in wide {
            index.registry.add_wide(resource);
            index.subsets.add_wide(resource);
        }
        for (_, resource) in narrow {
            index.registry.add(resource);
            index.subsets.add(resource);
            index.gateways.add(resource);
            index.certificates.add(resource);
            index.unallocated |= resource.environment().get("PILOT_ENABLE_IP_AUTOALLOCATE") == Some(&"false");
        }
        index
    }

    fn check(&self, place: &Place, resource: &Resource) -> Vec<Finding> {
        let mut report = Report::new(place, resource);
        let own = resource.metadata.namespace.as_str();
        match &resource.spec {
            Spec::VirtualService(service) => {
                self.gateways.check(&mut report, own, service);
                destinations::check(&mut report, &self.registry, &self.subsets, own, service);
            }
            Spec::DestinationRule(rule) => destinations::check_rule(&mut report, &self.registry, own, rule),
            Spec::Gateway(gateway) => self.certificates.check(&mut report, resource, gateway),
            Spec::ServiceEntry(entry) if self.unallocated => {
                // IST0134 (`analyzers/serviceentry/protocoladdresses.go`) for what rule 39 takes to be allocated.
                let list = SPEC.member("ports");
                for index in unaddressed(&resource.metadata, entry) {
                    let message = "a TCP port without addresses, and a control plane here allocates none";
                    report.warning("istio/IST0134", list.item(index), message, "set addresses");
                }
            }
            _ => {}
        }
        report.found
    }
}
