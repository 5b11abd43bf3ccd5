//! What is kept of a private key: ciphertext, for each cluster its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::envelope;
use crate::intent::fields::{Fields, MOST_ENTRIES, Scalar, Violation, escape, type_name};
use crate::intent::scalar::{DnsLabel, ObjectName, Text};

/// The values of a secret with a certificate, by name; the last is there where callers show certificates.
const ITEMS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// A certificate with its key, sealed for one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// The name of the secret that it can be unsealed into.
    pub name: String,
    /// The namespace of that secret.
    pub namespace: String,
    /// The fingerprint of the cluster's certificate.
    pub sealed_with: String,
    /// Which certificates were sealed with the key.
    pub certificates: String,
    /// The values of the secret in the format of sealed-secrets, by name.
    pub data: BTreeMap<String, String>,
}

/// A certificate with its key, sealed for some clusters, by `provider/cluster`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed(pub BTreeMap<String, SealedKey>);

impl Sealed {
    /// As it is kept in an intent.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let clusters = self.0.iter().map(|(cluster, key)| {
            let SealedKey { name, namespace, sealed_with, certificates, data } = key;
            let key = json!({"name": name, "namespace": namespace, "sealedWith": sealed_with,
                "certificates": certificates, "encryptedData": data});
            (cluster.clone(), key)
        });
        Value::Object(clusters.collect::<Map<_, _>>())
    }

    /// Which certificates were sealed, one digest for each; empty where none was.
    pub fn certificates(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|key| key.certificates.as_str())
    }
}

impl SealedKey {
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let name = f.required::<ObjectName>("name", "the secret");
        let namespace = f.required::<DnsLabel>("namespace", "its namespace");
        let sealed_with = f.required::<Text>("sealedWith", "SHA-256 of the cluster's certificate");
        let certificates = f.required::<Text>("certificates", "SHA-256 of the certificates that were sealed");
        let data = f.required::<Data>("encryptedData", "the values of the secret, sealed");
        Some(Self {
            name: name?.to_string(),
            namespace: namespace?.to_string(),
            sealed_with: sealed_with?.to_string(),
            certificates: certificates?.to_string(),
            data: data?.0,
        })
    }
}

struct Data(BTreeMap<String, String>);

impl Scalar for Data {
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| format!("must be an object, is {}", type_name(value)))?;
        let known = map.keys().all(|item| ITEMS.contains(&item.as_str()));
        if !known || ITEMS[..2].iter().any(|item| !map.contains_key(*item)) {
            return Err("must hold tls.crt and tls.key, perhaps ca.crt, and nothing else".into());
        }
        let text = |(item, value): (&String, &Value)| {
            let sealed = value.as_str().filter(|text| envelope::is_sealed(text));
            Ok((item.clone(), sealed.ok_or_else(|| format!("{item} is not sealed: post the key again"))?.to_owned()))
        };
        map.iter().map(text).collect::<Result<_, String>>().map(Self)
    }

    fn schema() -> Value {
        let properties: Map<String, Value> =
            ITEMS.into_iter().map(|item| (item.to_owned(), json!({"type": "string"}))).collect();
        json!({"type": "object", "properties": properties, "required": ITEMS[..2], "additionalProperties": false})
    }
}

impl Scalar for Sealed {
    fn read(value: &Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| format!("must be an object, is {}", type_name(value)))?;
        if map.len() > MOST_ENTRIES {
            return Err(format!("names {} clusters, at most {MOST_ENTRIES} are allowed", map.len()));
        }
        let told = |found: Vec<Violation>| {
            found.first().map(|first| format!("{} {}", first.pointer, first.message)).unwrap_or_default()
        };
        let one = |(cluster, value): (&String, &Value)| {
            let key = Fields::read(value, &escape(cluster), SealedKey::read).map_err(told)?;
            Ok((cluster.clone(), key))
        };
        map.iter().map(one).collect::<Result<_, String>>().map(Self)
    }

    fn schema() -> Value {
        json!({"type": "object", "description": "by provider/cluster", "maxProperties": MOST_ENTRIES,
            "additionalProperties": Fields::schema(SealedKey::read)})
    }
}
