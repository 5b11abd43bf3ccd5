//! What a requester should know of a write that is accepted all the same.

use crate::finding::{Finding, Place};
use crate::intent::spec::Spec;
use crate::intent::{Anchor, Resource};

/// What is told when a server is in no mesh, once for it and what came with it.
pub(super) fn nothing_rendered(server: &Anchor) -> Finding {
    let message = format!("{server} is in no mesh, so nothing is rendered for it and nothing decides who may call it");
    let place = Place::pointing(server.as_str(), "/spec/serviceMesh");
    Finding::warning("intent/no-mesh", place, message, "say serviceMesh: istio in it if Istio shall carry it")
}

/// An ALLOW that names nothing looks as if it allowed nothing.
pub(super) fn everything(resource: &Resource) -> Option<Finding> {
    let Spec::AccessPoint(point) = resource.spec() else { return None };
    let anchor = resource.anchor();
    point.allows_everything().then(|| {
        let message =
            format!("{anchor} names no url, access, hosts or ports, so it lets its client do everything at the server");
        let remedy = "name in it what the client may do, if that is less";
        Finding::warning("intent/allows-everything", Place::at(anchor.as_str()), message, remedy)
    })
}
