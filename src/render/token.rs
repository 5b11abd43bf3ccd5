//! RequestAuthentication: whose tokens the pods of a workload verify.

use std::collections::BTreeMap;

use super::context::Context;
use super::guarded::Guarded;
use super::manifest::Draft;
use super::name::resource_name;
use super::output::Output;
use super::workload::Workload;
use crate::finding::{Finding, Place};
use crate::intent::Anchor;
use crate::intent::spec::{Issuer, KeysUri};
use crate::istio::{JwtRule, RequestAuthentication};

/// Renders the RequestAuthentication of a workload; none while it is only observed, because it cannot be tried out: it
/// turns away whoever bears a token that is not valid.
pub(super) fn render(workload: &Workload<'_, '_>, context: &Context<'_>, out: &mut Output) {
    let mut issuers: BTreeMap<&Issuer, Option<&KeysUri>> = BTreeMap::new();
    let mut intents: Vec<Anchor> = vec![];
    for (server, caller) in workload.units.iter().flat_map(|unit| unit.callers()) {
        for jwt in caller.points.iter().filter_map(|(_, point)| point.jwt.as_ref()) {
            let keys = issuers.entry(&jwt.issuer).or_default();
            *keys = keys.or(jwt.keys.as_ref());
            intents.extend([server.anchor.clone(), caller.anchor.clone()]);
        }
    }
    let Some(first) = intents.first() else { return };
    if workload.observed {
        let message = "tokens are not verified while the policy is only watched, so that it counts every request as one \
                       without a token";
        out.findings.push(Finding::note(
            "access/observed-token",
            Place::pointing(first.as_str(), "/spec/enforcement"),
            message,
        ));
        return;
    }
    let rule = |(issuer, keys): (&Issuer, Option<&KeysUri>)| JwtRule {
        issuer: issuer.to_string(),
        jwks_uri: keys.map(ToString::to_string).unwrap_or_default(),
        ..JwtRule::default()
    };
    let jwt_rules: Vec<JwtRule> = issuers.into_iter().map(rule).collect();
    let guarded: Vec<Guarded<'_>> = match workload.waypoint() {
        None => vec![Guarded::Pods],
        Some(_) => workload.services().into_iter().map(Guarded::Service).collect(),
    };
    for guarded in guarded {
        let (selector, target_refs, service) = workload.guarded(&guarded);
        let jwt_rules = jwt_rules.clone();
        let spec = RequestAuthentication { selector, target_refs, jwt_rules, ..RequestAuthentication::default() };
        let draft = Draft {
            cluster: workload.cluster,
            namespace: workload.namespace.as_str(),
            service,
            name: resource_name(&[service, "jwt"]),
            spec: spec.into(),
            intents: intents.clone(),
            observed: false,
        };
        out.manifests.push(draft.finish(context.gitops));
    }
}
