//! What a request shows, worked out once for all the policies that ask.

use std::borrow::Cow;

use serde_json::Value;

use super::path;
use super::request::{Protocol, Request, SPIFFE};

/// What a request shows.
pub(super) struct Facts<'a> {
    pub(super) request: &'a Request,
    spiffe_id: Option<String>,
    path: Option<String>,
    /// The path with its query, as the proxy has made it before policies are asked.
    path_and_query: Option<String>,
    host: Option<String>,
    headers: Vec<(Cow<'a, str>, &'a str)>,
    /// What comes of questions about addresses that the request does not say; none where these are absent.
    pub(super) unsaid: Option<bool>,
}

impl<'a> Facts<'a> {
    /// What `request` shows; who calls on a connection that is not `mutual` TLS is not known.
    pub(super) fn of(request: &'a Request, mutual: bool) -> Self {
        let lower = |name: &'a String| match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(name.to_ascii_lowercase()),
            false => Cow::Borrowed(name.as_str()),
        };
        let path = request.path.as_deref().and_then(path::normalised);
        let query = request.path.as_deref().and_then(|path| path.split('#').next()?.split_once('?'));
        let query = query.map(|(_, query)| format!("?{query}")).unwrap_or_default();
        Self {
            request,
            spiffe_id: request.from.spiffe_id().filter(|_| mutual),
            path_and_query: path.as_ref().map(|path| format!("{path}{query}")),
            path,
            host: request.host.as_deref().map(str::to_ascii_lowercase),
            headers: request.headers.iter().map(|(name, value)| (lower(name), value.as_str())).collect(),
            unsaid: None,
        }
    }

    pub(super) fn spiffe_id(&self) -> Option<&str> {
        self.spiffe_id.as_deref()
    }

    /// The SPIFFE id without `spiffe://`.
    pub(super) fn identity(&self) -> Option<&str> {
        self.spiffe_id().map(|id| id.strip_prefix(SPIFFE).unwrap_or(id))
    }

    /// Whether the proxy answers with 400 before any policy is asked.
    pub(super) fn is_malformed(&self) -> bool {
        self.request.to.protocol == Protocol::Http && self.request.path.is_some() && self.path.is_none()
    }

    /// The normalised path.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The authority in lower case.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The value of a header whose name is given in lower case; a proxy keeps method and authority among them.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        match name {
            ":method" => self.request.method.as_deref(),
            ":authority" | "host" => self.request.host.as_deref(),
            ":path" => self.path_and_query.as_deref(),
            _ => self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| *value),
        }
    }

    pub(super) fn claim(&self, name: &str) -> Option<&'a Value> {
        self.request.jwt.as_ref()?.get(name)
    }
}
