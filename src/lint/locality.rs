//! Rule 72: traffic by locality (`agent`, `ValidateLocalityLbSetting` and `ValidateZoneAwareLbSetting`).

use std::collections::HashSet;

use super::report::{At, Report};
use crate::istio::{Failover, LoadBalancerSettings, LocalityLbSetting};

/// The labels by which Istio knows where an endpoint is.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

pub(super) fn check(report: &mut Report<'_>, at: At<'_>, settings: &LoadBalancerSettings, detects: bool) {
    let (locality, zone) = (&settings.locality_lb_setting, &settings.zone_aware_lb_setting);
    if locality.is_some() && zone.is_some() {
        report.error("istio/072", at, "localityLbSetting and zoneAwareLbSetting exclude each other", "keep one");
    }
    if let Some(locality) = locality {
        let at = at.member("localityLbSetting");
        check_distribution(report, at, locality);
        let fails_over = !locality.failover.is_empty() || !locality.failover_priority.is_empty();
        check_detection(report, at, fails_over, detects);
        check_failover(report, at, &locality.failover);
        let by_place = locality.failover_priority.iter().position(|label| TOPOLOGY.contains(&label.as_str()));
        if let Some(index) = by_place.filter(|_| !locality.failover.is_empty()) {
            let message = "failover says already which region comes next";
            report.error("istio/072", at.member("failoverPriority").item(index), message, "keep one of them");
        }
    }
    if let Some(zone) = zone {
        let at = at.member("zoneAwareLbSetting");
        let fails_over = !zone.failover.is_empty() || !zone.failover_priority.is_empty();
        check_detection(report, at, fails_over, detects);
        check_failover(report, at, &zone.failover);
        for (index, _) in
            zone.failover_priority.iter().enumerate().filter(|(_, label)| TOPOLOGY.contains(&label.as_str()))
        {
            let message = "regions and zones are seen to already";
            report.error("istio/072", at.member("failoverPriority").item(index), message, "remove the label");
        }
    }
}

fn check_detection(report: &mut Report<'_>, at: At<'_>, fails_over: bool, detects: bool) {
    if fails_over && !detects {
        let message = "without outlierDetection no endpoint is found unhealthy, and nothing fails over";
        report.warning("istio/072", at, message, "add outlierDetection");
    }
}

fn check_distribution(report: &mut Report<'_>, at: At<'_>, locality: &LocalityLbSetting) {
    if !locality.distribute.is_empty() && !locality.failover.is_empty() {
        report.error("istio/072", at, "distribute and failover exclude each other", "keep one");
    }
    let list = at.member("distribute");
    let mut origins = Localities::default();
    for (index, distribute) in locality.distribute.iter().enumerate() {
        let at = list.item(index);
        let sum: u64 = distribute.to.values().map(|share| u64::from(*share)).sum();
        if distribute.to.values().any(|share| *share == 0 || *share > 100) || sum != 100 {
            let message = format!("the shares sum to {sum}, each 1 to 100");
            report.error("istio/072", at.member("to"), message, "let them sum to 100");
        }
        origins.add(report, at.member("from"), &distribute.from);
        let mut targets = Localities::default();
        for to in distribute.to.keys() {
            targets.add(report, at.member("to"), to);
        }
    }
}

fn check_failover(report: &mut Report<'_>, at: At<'_>, failovers: &[Failover]) {
    let list = at.member("failover");
    for (index, failover) in failovers.iter().enumerate() {
        let at = list.item(index);
        if failover.from == failover.to {
            report.error("istio/072", at, "a failover leads from one region to another", "name both");
        } else if failover.from.contains(['/', '*']) || failover.to.contains(['/', '*']) {
            report.error("istio/072", at, "a failover is between regions", "name regions, without zones or *");
        }
    }
}

/// Localities, `region/zone/sub-zone`, of which none may be within another (`validateLocalities`).
#[derive(Default)]
struct Localities<'a> {
    whole: HashSet<&'a str>,
    /// What lies above those that are there.
    parts: HashSet<&'a str>,
}

impl<'a> Localities<'a> {
    fn add(&mut self, report: &mut Report<'_>, at: At<'_>, locality: &'a str) {
        let star = locality.find('*').is_some_and(|star| star + 1 < locality.len());
        if star || locality.splitn(3, '/').any(str::is_empty) {
            let message = format!("{locality:?} is not a locality");
            return report.error("istio/072", at, message, "write region/zone/sub-zone, or less, or * at the end");
        }
        let own = locality.strip_suffix("/*").unwrap_or(if locality == "*" { "" } else { locality });
        let ends = own.match_indices('/').map(|(end, _)| end);
        let above: Vec<&str> = ends.take(2).map(|end| &own[..end]).chain(["", own]).collect();
        if above.iter().any(|above| self.whole.contains(above)) || !locality.ends_with('*') && self.parts.contains(own)
        {
            let message = format!("{locality} overlaps with another of the localities");
            report.error("istio/072", at, message, "let each place be in one of them");
        }
        self.parts.extend(above.into_iter().filter(|above| *above != own));
        self.whole.insert(own);
    }
}
