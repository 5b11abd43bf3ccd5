//! ConfigMap: the one core kind that is written, to keep a namespace's directory from being empty.

use super::StringMap;
use super::message::message;

message! {
    /// A ConfigMap (Kubernetes, `core/v1`).
    pub struct ConfigMap {
        /// Texts by key.
        pub data: StringMap,
        /// Base64 of bytes by key.
        pub binary_data: StringMap,
        /// Whether it can never change.
        pub immutable: Option<bool>,
    }
}
