//! The values that fields of specs are made of. A value of such a type is valid.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::fields::{Scalar, type_name};
use super::name::{NAME_MAX, NAME_PATTERN, Name};
use super::pattern;

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("must be a string, is {}", type_name(value)))
}

/// Declares a newtype over shared text with a checking function and a schema.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:expr, $schema:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads a value.
            ///
            /// # Errors
            /// What is wrong with it, as a message for whoever sent it.
            pub fn parse(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> Result<String, String> = $check;
                check(text).map(|checked| Self(checked.into()))
            }

            /// The value as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Scalar for $name {
            fn read(value: &Value) -> Result<Self, String> {
                Self::parse(text(value)?)
            }

            fn schema() -> Value {
                $schema
            }
        }
    };
}

text_type! {
    /// A DNS label (RFC 1123): lower-case letters, digits and inner hyphens, at most 63.
    DnsLabel,
    |text| {
        let outer = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let bytes = text.as_bytes();
        if bytes.len() <= 63 && outer(bytes.first()) && outer(bytes.last()) && bytes.iter().all(|b| inner(*b)) {
            Ok(text.to_owned())
        } else {
            Err("must be a DNS label: lower-case letters, digits and inner hyphens, at most 63".into())
        }
    },
    json!({"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"})
}

text_type! {
    /// A fully qualified host name, kept in lower case and without a trailing dot.
    HostName,
    |text| {
        if text.contains('*') {
            return Err("must be one host name: wildcards are not supported".into());
        }
        let lower = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels: Vec<&str> = lower.split('.').collect();
        let label = |l: &&str| {
            !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-')
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let numeric_top = labels.last().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if lower.len() > 255 || !labels.iter().all(label) || numeric_top {
            Err("must be a host name: labels of letters, digits and inner hyphens, at most 63 each and 255 together, \
                 the last one not all digits".into())
        } else if labels.len() < 2 {
            Err("must be a fully qualified host name; a short name would be resolved in the wrong namespace".into())
        } else {
            Ok(lower)
        }
    },
    json!({"type": "string", "format": "hostname", "maxLength": 255})
}

text_type! {
    /// The host name of an outside service, or `*.` and one for all below it, in lower case and without a trailing dot.
    OutsideHost,
    |text| match text.strip_prefix("*.") {
        None => HostName::parse(text).map(|host| host.to_string()),
        Some(domain) => HostName::parse(domain).map(|domain| format!("*.{domain}")),
    },
    json!({"type": "string", "maxLength": 257, "examples": ["api.bank.example", "*.bank.example"]})
}

text_type! {
    /// A pod label selector `key=value` (Kubernetes label syntax).
    Label,
    |text| {
        let (key, value) = text.split_once('=').ok_or("must be key=value")?;
        let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
        let part = |s: &str| {
            let b = s.as_bytes();
            s.len() <= 63 && b.first().is_none_or(u8::is_ascii_alphanumeric) && b.last().is_none_or(u8::is_ascii_alphanumeric)
                && b.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if name.is_empty() || !part(name) || !prefix.is_none_or(subdomain) {
            Err("the key must be a Kubernetes label key: a name, perhaps behind a DNS subdomain in lower case and a /".into())
        } else if value.is_empty() || !part(value) {
            Err("the value must be a Kubernetes label value that is not empty".into())
        } else {
            Ok(text.to_owned())
        }
    },
    json!({"type": "string", "pattern": "^[^=]+=[^=]+$"})
}

impl Label {
    /// Key and value.
    #[must_use]
    pub fn pair(&self) -> (&str, &str) {
        self.0.split_once('=').unwrap_or((&self.0, ""))
    }
}

text_type! {
    /// A service account as `namespace/name`.
    ServiceAccountRef,
    |text| match text.split_once('/') {
        Some((namespace, name)) if DnsLabel::parse(namespace).is_ok() && subdomain(name) => Ok(text.to_owned()),
        _ => Err("must be namespace/service-account".into()),
    },
    json!({"type": "string", "pattern": "^[a-z0-9-]+/[a-z0-9.-]+$"})
}

impl ServiceAccountRef {
    /// Namespace and name.
    #[must_use]
    pub fn pair(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

text_type! {
    /// A cluster as `provider/cluster`.
    ClusterRef,
    |text| match text.split_once('/') {
        Some((provider, cluster)) if Name::parse(provider).is_ok() && Name::parse(cluster).is_ok() => Ok(text.to_owned()),
        _ => Err("must be a cluster as provider/cluster, such as gke/east".into()),
    },
    json!({"type": "string", "pattern": "^[^/]+/[^/]+$", "examples": ["gke/east"]})
}

impl ClusterRef {
    /// Provider and cluster.
    #[must_use]
    pub fn pair(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

text_type! {
    /// The name of a Kubernetes object that may contain dots (RFC 1123 subdomain).
    ObjectName,
    |text| if subdomain(text) { Ok(text.to_owned()) } else {
        Err("must be a Kubernetes name: lower-case letters, digits, inner hyphens and dots".into())
    },
    json!({"type": "string", "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"})
}

fn subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| DnsLabel::parse(label).is_ok())
}

text_type! {
    /// An IP address or a range in CIDR form, kept as written.
    IpBlock,
    ip_block,
    json!({"type": "string", "description": "IP address or CIDR range"})
}

/// The length of a range is what Go's `netip.ParsePrefix` takes: digits alone, no zero before others. Envoy takes a peer
/// of an IPv4-mapped address (RFC 4291, section 2.5.5.2) for one of IPv4, so that no range of such addresses holds any.
fn ip_block(text: &str) -> Result<String, String> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let Ok(address) = address.parse::<IpAddr>() else { return Err("must be an IP address or CIDR range".into()) };
    let most: u8 = if address.is_ipv4() { 32 } else { 128 };
    let digits = |length: &str| length == "0" || !length.starts_with('0') && length.bytes().all(|b| b.is_ascii_digit());
    let length = match length.map(|length| length.parse().ok().filter(|bits| *bits <= most && digits(length))) {
        Some(None) => {
            return Err(format!(
                "the prefix length must be 0 to {most}, in digits alone and without a zero before them"
            ));
        }
        Some(Some(length)) => length,
        None => most,
    };
    let IpAddr::V6(address) = address else { return Ok(text.to_owned()) };
    match (address.to_ipv4_mapped(), length.checked_sub(96)) {
        (None, _) => Ok(text.to_owned()),
        (Some(address), Some(length)) => {
            Err(format!("is of IPv4, and would hold for nobody as IPv6: write {address}/{length}"))
        }
        (Some(_), None) => Err("is of IPv4, and would hold for nobody as IPv6: write the IPv4 block".into()),
    }
}

text_type! {
    /// An Istio path pattern: exact, `/prefix*`, `*suffix`, `*`, or a template with `{*}` and `{**}`.
    PathPattern,
    pattern::path,
    json!({"type": "string", "maxLength": 1024, "examples": ["/status/*"]})
}

text_type! {
    /// A pattern of the Host header: exact, `*suffix`, `prefix*` or `*`.
    HostPattern,
    pattern::host,
    json!({"type": "string", "maxLength": 1024, "examples": ["*.example.com"]})
}

text_type! {
    /// Text of at most 1024 characters.
    Text,
    |text| if text.chars().count() <= 1024 { Ok(text.to_owned()) } else { Err("must have at most 1024 characters".into()) },
    json!({"type": "string", "maxLength": 1024})
}

/// A port number, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(u16);

impl Port {
    /// The port `number`, if it is not 0.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for Port {
    /// Older clients send ports as strings; both are read.
    fn read(value: &Value) -> Result<Self, String> {
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.as_u64().or_else(|| value.as_str().filter(digits)?.parse().ok());
        number
            .and_then(|number| u16::try_from(number).ok())
            .and_then(Self::new)
            .ok_or_else(|| "must be a port: a whole number from 1 to 65535".into())
    }

    fn schema() -> Value {
        json!({"type": "integer", "minimum": 1, "maximum": 65535})
    }
}

/// A yes or no, given as a boolean or as `yes`, `no`, `true`, `false` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag(pub bool);

impl Scalar for Flag {
    fn read(value: &Value) -> Result<Self, String> {
        let given = value.as_bool().or_else(|| match value.as_str()?.to_ascii_lowercase().as_str() {
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => None,
        });
        given.map(Self).ok_or_else(|| "must be yes, no, true or false".into())
    }

    fn schema() -> Value {
        json!({"oneOf": [{"type": "boolean"}, {"type": "string", "enum": ["yes", "no"]}]})
    }
}

impl Scalar for Name {
    fn read(value: &Value) -> Result<Self, String> {
        Self::parse(text(value)?)
    }

    fn schema() -> Value {
        json!({"type": "string", "maxLength": NAME_MAX, "pattern": NAME_PATTERN})
    }
}

/// Declares an enumeration of words that are read in any case.
macro_rules! word_type {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal $(| $alias:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(unreachable_pub, reason = "some words are private to the file that declares them")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word as the API writes it.
            #[must_use]
            #[allow(unreachable_pub, reason = "as above")]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::intent::fields::Scalar for $name {
            fn read(value: &serde_json::Value) -> Result<Self, String> {
                let words = [$($word),+];
                let given = value.as_str().unwrap_or("\u{0}");
                $(if given.eq_ignore_ascii_case($word) $(|| given.eq_ignore_ascii_case($alias))* { return Ok(Self::$variant); })+
                Err(format!("must be one of {}", words.iter().filter(|w| !w.is_empty()).copied().collect::<Vec<_>>().join(", ")))
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "string", "enum": [$($word),+]})
            }
        }
    };
}
pub(crate) use word_type;

/// Declares text of a bounded length.
macro_rules! text_of_at_most {
    ($name:ident, $most:literal) => {
        struct $name;

        impl $crate::intent::fields::Scalar for $name {
            fn read(value: &serde_json::Value) -> Result<Self, String> {
                match value.as_str() {
                    None => Err(format!("must be a string, is {}", $crate::intent::fields::type_name(value))),
                    Some(text) if text.chars().count() > $most => Err(format!("must have at most {} characters", $most)),
                    Some(_) => Ok(Self),
                }
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "string", "maxLength": $most})
            }
        }
    };
}
pub(crate) use text_of_at_most;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_that_kubernetes_takes() {
        for good in ["app=x", "App=X_1.y", "example.com/app=x", "kubernetes.io/metadata.name=x", "a/b=c", "1.2.3.4/a=b"]
        {
            assert!(Label::parse(good).is_ok(), "{good}");
        }
        let long = format!("{}/a=b", ["x".repeat(63).as_str(); 4].join("."));
        for bad in ["Example.COM/app=x", "example.com./app=x", "-a/b=c", "a_b.c/d=e", "/app=x", "a/b/c=x", "=x", &long]
        {
            assert!(Label::parse(bad).unwrap_err().starts_with("the key must be"), "{bad}");
        }
        for bad in ["app", "app=", "app=x=y", "app= x", "app=x\n"] {
            assert!(Label::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ip_block_is_one_that_istio_takes_and_envoy_matches() {
        for good in ["10.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "0.0.0.0/0", "10.0.0.0/32", "::1", "::/0", "2001:db8::/32"]
        {
            assert!(IpBlock::parse(good).is_ok(), "{good}");
        }
        for bad in ["10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/00", "10.0.0.0/", "10.0.0.0/33", "::/+0", "::/129", "::/-1"]
        {
            let message = IpBlock::parse(bad).unwrap_err();
            assert!(message.starts_with("the prefix length must be 0 to "), "{bad}: {message}");
        }
        for bad in ["", "10.0.0", "10.0.0.01", "example.com", "fe80::1%eth0", " 10.0.0.1"] {
            assert_eq!(IpBlock::parse(bad).unwrap_err(), "must be an IP address or CIDR range", "{bad}");
        }
        for (bad, instead) in [
            ("::ffff:10.0.0.0/104", "write 10.0.0.0/8"),
            ("::ffff:10.0.0.1", "write 10.0.0.1/32"),
            ("::ffff:a00:0/8", "write the IPv4 block"),
        ] {
            let message = IpBlock::parse(bad).unwrap_err();
            assert!(message.ends_with(instead), "{bad}: {message}");
        }
    }

    #[test]
    fn a_port_is_a_whole_number_or_its_digits() {
        for good in [json!(1), json!(8080), json!(65535), json!("8080")] {
            assert!(Port::read(&good).is_ok(), "{good}");
        }
        let (numbers, others) = (
            [json!(0), json!(-1), json!(65536), json!(8080.0), json!(1e300), json!(u64::MAX)],
            [
                json!("+8080"),
                json!("-1"),
                json!("80 "),
                json!("8e1"),
                json!(""),
                json!("99999999999999999999999"),
                json!(true),
                json!([80]),
            ],
        );
        for bad in numbers.iter().chain(&others) {
            assert_eq!(Port::read(bad).unwrap_err(), "must be a port: a whole number from 1 to 65535", "{bad}");
        }
    }
}
