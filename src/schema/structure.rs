//! A structural schema (`apiextensions.k8s.io/v1`, `JSONSchemaProps`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::pattern::Pattern;
use super::rule::Rule;

/// What a value must be. Keywords that only describe are left out, as are those that Kubernetes does not know: it drops
/// them too.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Schema {
    #[serde(rename = "type")]
    pub(super) kind: Option<Type>,
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub(super) int_or_string: bool,
    pub(super) nullable: bool,
    pub(super) default: Option<Value>,

    pub(super) properties: BTreeMap<String, Schema>,
    pub(super) additional_properties: Option<Additional>,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub(super) preserves: bool,
    #[serde(rename = "x-kubernetes-embedded-resource")]
    pub(super) embedded: bool,
    pub(super) required: Vec<String>,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,

    pub(super) items: Option<Box<Schema>>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) unique_items: bool,
    #[serde(rename = "x-kubernetes-list-type")]
    pub(super) list_type: Option<String>,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    pub(super) list_map_keys: Vec<String>,

    pub(super) format: Option<String>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Pattern>,

    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_minimum: bool,
    pub(super) exclusive_maximum: bool,
    pub(super) multiple_of: Option<f64>,

    #[serde(rename = "enum")]
    pub(super) values: Option<Vec<Value>>,
    pub(super) all_of: Vec<Schema>,
    pub(super) any_of: Vec<Schema>,
    pub(super) one_of: Vec<Schema>,
    pub(super) not: Option<Box<Schema>>,

    #[serde(rename = "x-kubernetes-validations")]
    pub(super) rules: Vec<Rule>,
}

/// A type of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

/// What may stand in a map beside its properties.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Additional {
    Any(bool),
    Of(Box<Schema>),
}

impl Schema {
    /// What a member of the map that this is must be.
    pub(super) fn member(&self, name: &str) -> Option<&Schema> {
        self.properties.get(name).or(match &self.additional_properties {
            Some(Additional::Of(schema)) => Some(schema),
            _ => None,
        })
    }

    /// Whether a map may have members that nothing is said about.
    pub(super) fn is_open(&self) -> bool {
        self.preserves || matches!(self.additional_properties, Some(Additional::Any(true)))
    }

    /// Drops what is null and may not be, and gives what is absent its default, as is done before anything is checked
    /// (`pkg/apiserver/schema/defaulting` of apiextensions-apiserver).
    pub(super) fn complete(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                members
                    .retain(|name, value| !value.is_null() || self.member(name).is_none_or(|schema| schema.nullable));
                self.give_defaults(members);
                for (name, value) in members {
                    if let Some(schema) = self.member(name) {
                        schema.complete(value);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    items.iter_mut().for_each(|item| schema.complete(item));
                }
            }
            _ => {}
        }
    }

    fn give_defaults(&self, members: &mut Map<String, Value>) {
        for (name, schema) in &self.properties {
            if let Some(default) = schema.default.as_ref().filter(|_| !members.contains_key(name)) {
                members.insert(name.clone(), default.clone());
            }
        }
    }
}
