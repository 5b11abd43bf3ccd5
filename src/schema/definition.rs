//! Custom resource definitions, as manifests hold them.

use serde::Deserialize;

use super::structure::Schema;

/// The `spec` of a definition (`apiextensions.k8s.io/v1`, `CustomResourceDefinitionSpec`), as far as manifests are checked.
#[derive(Debug, Deserialize)]
pub(super) struct Definition {
    pub(super) group: String,
    pub(super) names: Names,
    pub(super) versions: Vec<Version>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Names {
    pub(super) kind: String,
}

/// One version (`CustomResourceDefinitionVersion`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) name: String,
    pub(super) served: bool,
    #[serde(default)]
    pub(super) deprecated: bool,
    pub(super) deprecation_warning: Option<String>,
    pub(super) schema: Validation,
}

/// `CustomResourceValidation`.
#[derive(Debug, Deserialize)]
pub(super) struct Validation {
    #[serde(rename = "openAPIV3Schema")]
    pub(super) schema: Schema,
}
