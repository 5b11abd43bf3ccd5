//! Plugins that were registered: where they are reached.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::intent::fields::{Fields, Scalar};
use crate::intent::scalar::{DnsLabel, HostName, Port, Text};

/// Where a plugin is reached and when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Where it listens: a host name or an address, also of the server's own machine.
    pub host: PluginHost,
    /// Its gRPC port.
    pub port: Port,
    /// Its order among plugins, lower first, where `meshwright.yaml` says none.
    pub priority: i64,
}

/// A host name or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginHost(String);

impl std::fmt::Display for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for PluginHost {
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or("must be a string")?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        // A Service of one's own namespace is a name without a dot.
        let label = DnsLabel::parse(text).map(|label| label.to_string());
        label.or_else(|_| HostName::parse(text).map(|host| host.to_string())).map(Self)
    }

    fn schema() -> Value {
        HostName::schema()
    }
}

struct Priority(i64);

impl Scalar for Priority {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_i64().map(Self).ok_or_else(|| "must be a whole number".into())
    }

    fn schema() -> Value {
        json!({"type": "integer"})
    }
}

impl Controller {
    pub(crate) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let host = f.required("host", "where the plugin is reached");
        let port = f.required("port", "its gRPC port");
        f.optional::<Text>("type", "kept as given");
        let priority = f.optional::<Priority>("priority", "order among plugins").map_or(0, |p| p.0);
        Some(Self { host: host?, port: port?, priority })
    }
}
