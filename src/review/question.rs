//! Who asks for what, and what is answered.

use serde::Serialize;

use crate::access::{CallingAs, Decision, Request, namespaced, wrong_method, wrong_path};
use crate::intent::Anchor;

/// What every answer about access is true of.
pub const VISIBLE: &str =
    "as far as the config repository shows; what charts and others add in a cluster is not visible here";

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
    /// A question about the service that `text` names, `namespace/service`; none when it is something else.
    #[must_use]
    pub fn about(text: &str) -> Option<Self> {
        let (namespace, service) = namespaced(text)?;
        Some(Self { namespace: namespace.to_owned(), service: service.to_owned(), ..Self::default() })
    }

    /// What of it cannot be asked: the parameter, and why.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let method = self.request.method.as_deref().and_then(wrong_method).map(|why| ("method", why));
        let path = || self.request.path.as_deref().and_then(wrong_path).map(|why| ("path", why));
        let cluster = || {
            let wrong = self.cluster.as_deref().filter(|cluster| namespaced(cluster).is_none())?;
            Some(("cluster", format!("`{wrong}` is no cluster: name it `provider/cluster`")))
        };
        method.or_else(path).or_else(cluster)
    }

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
    /// The identity that the call was made as; none for plain text.
    pub principal: Option<String>,
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// What else decides, or does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// Whether it is turned away, and the same caller would be let in with a method, path, host or port that was not said.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub let_in_otherwise: bool,
}
