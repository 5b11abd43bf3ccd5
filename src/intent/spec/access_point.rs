//! What clients may do at a server.

use super::jwt::Jwt;
use crate::intent::fields::Fields;
use crate::intent::scalar::{HostPattern, PathPattern, Port, word_type};

word_type! {
    /// What happens to a request that matches.
    Action {
        /// It may pass.
        Allow = "ALLOW",
        /// It is refused.
        Deny = "DENY",
        /// It is logged.
        Audit = "AUDIT",
    }
}

word_type! {
    /// An HTTP method (RFC 9110, section 9.3, and RFC 5789). Istio compares methods letter by letter, so that one which is
    /// mistyped would let nobody in, or of a DENY everybody.
    Method {
        /// Read.
        Get = "GET",
        /// Read without the content.
        Head = "HEAD",
        /// Have the content processed.
        Post = "POST",
        /// Create or replace.
        Put = "PUT",
        /// Remove.
        Delete = "DELETE",
        /// Open a tunnel.
        Connect = "CONNECT",
        /// Ask what is possible.
        Options = "OPTIONS",
        /// Have the request sent back.
        Trace = "TRACE",
        /// Change in part.
        Patch = "PATCH",
    }
}

/// An access point, also known as security details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// What happens to a request that matches.
    pub action: Action,
    /// Paths, any of them; empty: all.
    pub paths: Vec<PathPattern>,
    /// Methods, any of them; empty: all.
    pub methods: Vec<Method>,
    /// Hosts, any of them; empty: all.
    pub hosts: Vec<HostPattern>,
    /// The pods' ports, any of them; empty: the server's.
    pub ports: Vec<Port>,
    /// What the request's JSON web token has to be, if it needs one.
    pub jwt: Option<Jwt>,
}

impl AccessPoint {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let action = f.optional("action", "ALLOW (default), DENY or AUDIT");
        let paths = f.list("url", "Istio path patterns, any of them; empty: all paths");
        let methods = f.list("access", "HTTP methods, any of them; empty: all methods");
        let hosts = f.list("hosts", "patterns of the Host header, any of them; empty: all hosts");
        let ports = f.list("ports", "ports of the pods, any of them; default the server's targetPort");
        let jwt = Jwt::read(f);
        Some(Self { action: action.unwrap_or(Action::Allow), paths, methods, hosts, ports, jwt })
    }

    /// Whether it lets its client do everything at the server.
    #[must_use]
    pub fn allows_everything(&self) -> bool {
        self.action == Action::Allow && self.ports.is_empty() && !self.is_http_level()
    }

    /// Whether it looks at requests rather than connections.
    #[must_use]
    pub fn is_http_level(&self) -> bool {
        !(self.paths.is_empty() && self.methods.is_empty() && self.hosts.is_empty()) || self.jwt.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::fields::Scalar;
    use serde_json::json;

    fn read(spec: &serde_json::Value) -> Result<AccessPoint, Vec<crate::intent::Violation>> {
        Fields::read(spec, "/spec", AccessPoint::read)
    }

    #[test]
    fn a_pattern_that_nothing_matches_is_refused_where_it_stands() {
        let spec = json!({"url": ["/a/*", "/a?b"], "hosts": ["*.example", "*.example.*", "a b"]});
        let pointers = read(&spec).unwrap_err().into_iter().map(|found| found.pointer);
        assert!(pointers.eq(["/spec/url/1", "/spec/hosts/1", "/spec/hosts/2"]));
    }

    #[test]
    fn a_method_is_one_that_is_known_and_kept_in_upper_case() {
        let point = read(&json!({"access": ["GET", "patch"]})).unwrap();
        assert_eq!(point.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>(), ["GET", "PATCH"]);
        for wrong in ["GETT", "*", "", " GET", "GET,POST"] {
            let found = read(&json!({"access": ["GET", wrong]})).unwrap_err();
            assert_eq!(found[0].pointer, "/spec/access/1");
            assert_eq!(
                found[0].message, "must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH",
                "{wrong}"
            );
        }
        assert_eq!(Method::schema()["enum"].as_array().map(Vec::len), Some(9));
    }
}
