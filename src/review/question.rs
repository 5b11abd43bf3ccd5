//! Who asks for what, and what is answered.

use serde::Serialize;

use crate::access::{CallingAs, Decision, Request};
use crate::intent::Anchor;

/// What is asked of one service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// The port of the service; all of them where it is not said.
    pub port: Option<u16>,
    /// `provider/cluster`; all of them where it is not said.
    pub cluster: Option<String>,
    /// Who calls.
    pub from: CallingAs,
    /// What else the call shows; its identity and what it is made to follow from the rest of the question.
    pub request: Request,
}

impl Question {
    /// The same of the caller that `text` names: `namespace/service-account` or a whole identity; none when it is
    /// something else.
    #[must_use]
    pub fn of_caller(self, text: &str) -> Option<Self> {
        Some(Self { from: CallingAs::parse(text)?, ..self })
    }
}

/// What the workload behind a port of a service answers on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// `provider/cluster`.
    pub cluster: String,
    /// The label of its pods.
    pub workload: String,
    /// The port of the service.
    pub port: u16,
    /// The inbound intent about it.
    pub intent: Anchor,
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// What else decides, or does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}
