//! TLS that the mesh speaks towards outside hosts: one DestinationRule for a namespace, one more for each workload with a
//! secret of its own.

use std::collections::BTreeMap;

use super::callee::Callee;
use super::name_of;
use crate::intent::scalar::{Label, OutsideHost};
use crate::intent::spec::{OriginationMode, OutboundServer};
use crate::istio::{
    ClientTlsMode, ClientTlsSettings, DestinationRule, LabelSelector, PortSelector, PortTrafficPolicy, StringMap,
    TrafficPolicy,
};

/// The rules of `host` for callers that reach it straight: name, rule, and whom it is for.
pub(super) fn of_callers<'s, 't>(
    host: &OutsideHost,
    callees: &[&'s Callee<'t>],
) -> Vec<(String, DestinationRule, Vec<&'s Callee<'t>>)> {
    let mut groups: BTreeMap<Option<&Label>, Vec<&Callee<'_>>> = BTreeMap::new();
    for callee in callees {
        if let Some(tls) = &callee.server.tls {
            // A sidecar reads a secret only where a rule selects its pods.
            let own = tls.credential_name.as_ref().map(|_| &callee.caller.label);
            groups.entry(own).or_default().push(callee);
        }
    }
    let rule = |(label, callees): (Option<&Label>, Vec<&'s Callee<'t>>)| {
        let selector = label.map(|label| [label.pair()].map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        let name = match label {
            None => name_of(host, &["outbound"]),
            Some(label) => name_of(host, &[label.as_str(), "outbound"]),
        };
        (name, destination_rule(&callees, selector), callees)
    };
    groups.into_iter().map(rule).collect()
}

/// A rule for the ports of `callees`, for the pods of its own namespace that `selector` names.
pub(super) fn destination_rule(callees: &[&Callee<'_>], selector: Option<StringMap>) -> DestinationRule {
    let mut ports = BTreeMap::new();
    for callee in callees {
        if let Some(tls) = settings(callee.server) {
            ports.entry(callee.server.service_port()).or_insert(tls);
        }
    }
    let policy = |(port, tls): (u16, ClientTlsSettings)| PortTrafficPolicy {
        port: Some(PortSelector::number(port.into())),
        tls: Some(tls),
        ..PortTrafficPolicy::default()
    };
    let port_level_settings = ports.into_iter().map(policy).collect();
    DestinationRule {
        host: callees.first().map(|callee| callee.server.host.to_string()).unwrap_or_default(),
        traffic_policy: Some(TrafficPolicy { port_level_settings, ..TrafficPolicy::default() }),
        export_to: vec![".".into()],
        workload_selector: selector.map(|match_labels| LabelSelector { match_labels }),
        ..DestinationRule::default()
    }
}

fn settings(server: &OutboundServer) -> Option<ClientTlsSettings> {
    let tls = server.tls.as_ref()?;
    let mut sni = tls.sni.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut names: Vec<String> = tls.subject_alt_names.iter().map(ToString::to_string).collect();
    if sni.is_empty() && server.is_opaque() {
        // Envoy takes both from the Host header, and there is none.
        sni = server.host.to_string();
        names = vec![sni.clone()];
    }
    Some(ClientTlsSettings {
        mode: Some(match tls.mode {
            OriginationMode::Simple => ClientTlsMode::Simple,
            OriginationMode::Mutual => ClientTlsMode::Mutual,
        }),
        credential_name: tls.credential_name.as_ref().map(ToString::to_string).unwrap_or_default(),
        subject_alt_names: names,
        sni,
        ..ClientTlsSettings::default()
    })
}
