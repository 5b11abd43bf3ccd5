//! Records in DNS for the name that outside callers use.

use serde_json::{Value, json};

use super::inbound::Inbound;
use crate::intent::fields::{Fields, Scalar};
use crate::intent::scalar::HostName;

/// How long a resolver may keep an answer, in whole seconds (RFC 2181, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u32);

impl Ttl {
    /// The most seconds.
    const MOST: u32 = i32::MAX.unsigned_abs();

    /// The seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for Ttl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for Ttl {
    fn read(value: &Value) -> Result<Self, String> {
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        let seconds = seconds.filter(|seconds| (1..=Self::MOST).contains(seconds));
        seconds.map(Self).ok_or_else(|| format!("must be whole seconds from 1 to {}", Self::MOST))
    }

    fn schema() -> Value {
        json!({"type": "integer", "minimum": 1, "maximum": Self::MOST})
    }
}

/// The records that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dns {
    /// The domain of the record for callers in one's own network.
    pub local_domain: Option<HostName>,
    /// The domain of the record for everybody.
    pub public_domain: Option<HostName>,
    /// How long answers hold; as external-dns has it where it is not said.
    pub ttl: Option<Ttl>,
}

impl Dns {
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let dns = Self {
            local_domain: f.optional_or_blank("localDomain", "domain of the record for callers in one's own network"),
            public_domain: f.optional_or_blank("publicDomain", "domain of the record for everybody"),
            ttl: f.optional("ttl", "seconds that an answer holds; default: as external-dns is configured"),
        };
        if f.is_sound("localDomain") && f.is_sound("publicDomain") {
            if dns.local_domain.is_none() && dns.public_domain.is_none() {
                f.violation("publicDomain", "or localDomain is required: a record has to be in some domain");
            }
            if dns.local_domain.is_some() && dns.local_domain == dns.public_domain {
                f.violation("localDomain", "is publicDomain once more; leave one of them out");
            }
        }
        Some(dns)
    }

    /// The names of the records for a service that is called `name` outside: below each domain, unless it is so already.
    ///
    /// # Errors
    /// A name that would be too long for DNS.
    fn names(&self, name: &HostName) -> Result<Vec<HostName>, String> {
        let domains = [&self.local_domain, &self.public_domain].into_iter().flatten();
        let below = |domain: &HostName| match name.as_str().strip_suffix(domain.as_str()) {
            Some(rest) if rest.ends_with('.') => Ok(name.clone()),
            _ => HostName::parse(&format!("{name}.{domain}")),
        };
        domains.map(below).collect()
    }
}

impl Inbound {
    /// The names of its records; none unless outside callers reach it.
    #[must_use]
    pub fn record_names(&self) -> Vec<HostName> {
        let asked = self.dns.as_ref().filter(|_| self.exposed && self.in_mesh).zip(self.external_name.as_ref());
        asked.and_then(|(dns, name)| dns.names(name).ok()).unwrap_or_default()
    }

    /// Every name that outside callers reach it by, its external name first, each once.
    #[must_use]
    pub fn outside_names(&self) -> Vec<HostName> {
        let mut names: Vec<HostName> = self.external_name.iter().cloned().collect();
        for name in self.record_names() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// What records need.
    pub(super) fn dns_rules(&self, f: &mut Fields<'_>) {
        let Some(dns) = self.dns.as_ref().filter(|_| self.in_mesh && f.is_sound("dns")) else { return };
        if !self.exposed {
            let message = "leads outside callers to the ingress gateway, which serves them with externalSupport only: set \
                           it, or leave dns out";
            return f.violation("dns", message);
        }
        if let Some(Err(message)) = self.external_name.as_ref().map(|name| dns.names(name)) {
            f.violation("dns", format!("makes a name that DNS cannot hold: {message}"));
        }
    }
}
