//! What is asked, as messages.

use super::v1;
use crate::render::{AskedCluster, AskedIntent, Asking, Question, Subject};

/// The request that asks a question.
pub(super) fn request(question: &Question) -> v1::RenderRequest {
    v1::RenderRequest { input_digest: question.input.digest.to_string(), unit: Some(unit(&question.about)) }
}

fn unit(about: &Asking) -> v1::Unit {
    v1::Unit {
        namespace: about.namespace.to_string(),
        subject: Some(match &about.subject {
            Subject::Service(service) => v1::unit::Subject::Service(service.clone()),
            Subject::Workload(label) => v1::unit::Subject::Workload(label.clone()),
        }),
        intents: about.intents.iter().map(intent).collect(),
        clusters: about.clusters.iter().map(|asked| cluster(asked)).collect(),
    }
}

fn intent(asked: &AskedIntent) -> v1::Intent {
    v1::Intent {
        anchor: asked.anchor.as_str().to_owned(),
        kind: asked.anchor.kind().entry().collection.to_owned(),
        body: asked.body.to_string(),
        namespace: asked.namespace.to_string(),
        clusters: asked.clusters.iter().map(ToString::to_string).collect(),
        closed: asked.closed,
        protocol: asked.protocol.to_owned(),
    }
}

fn cluster(asked: &AskedCluster) -> v1::Cluster {
    v1::Cluster {
        name: asked.name.clone(),
        trust_domain: asked.trust_domain.clone(),
        root_namespace: asked.root_namespace.clone(),
        ingress_address: asked.ingress_address.clone(),
        east_west_address: asked.east_west_address.clone(),
    }
}
