//! What a requester should know of a write that is accepted all the same.

use crate::finding::{Finding, Place, Severity};
use crate::intent::spec::Spec;
use crate::intent::{Resource, Topology};

/// What may not be meant in a resource that was written, as `topology` stands with all that came with it.
pub(super) fn advice(topology: &Topology<'_>, resource: &Resource) -> Vec<Finding> {
    let found = [topology.unknown_app(resource).map(|missing| unknown_app(resource, missing)), everything(resource)];
    found.into_iter().flatten().collect()
}

/// The app may still come: the order of writes does not matter.
fn unknown_app(resource: &Resource, missing: Finding) -> Finding {
    Finding {
        severity: Severity::Warning,
        rule: "intent/unknown-app",
        place: Place::pointing(resource.anchor().as_str(), "/spec/app"),
        message: format!("{} yet", missing.message),
        ..missing
    }
}

/// An ALLOW that names nothing looks as if it allowed nothing.
fn everything(resource: &Resource) -> Option<Finding> {
    let Spec::AccessPoint(point) = resource.spec() else { return None };
    let anchor = resource.anchor();
    point.allows_everything().then(|| {
        let message =
            format!("{anchor} names no url, access, hosts or ports, so it lets its client do everything at the server");
        let remedy = "name in it what the client may do, if that is less";
        Finding::warning("intent/allows-everything", Place::at(anchor.as_str()), message, remedy)
    })
}
