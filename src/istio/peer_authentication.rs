//! PeerAuthentication: whether a workload asks for mTLS.

use std::collections::BTreeMap;

use super::LabelSelector;
use super::message::{message, open_enum};

message! {
    /// A PeerAuthentication (`security/v1beta1/peer_authentication.proto`).
    pub struct PeerAuthentication {
        /// The workloads; the whole namespace when absent.
        pub selector: Option<LabelSelector>,
        /// What is asked for.
        pub mtls: Option<MutualTls>,
        /// What is asked for on single ports of the workload, by number.
        pub port_level_mtls: BTreeMap<String, MutualTls>,
    }

    /// Whether mTLS is asked for (`PeerAuthentication.MutualTLS`).
    pub struct MutualTls {
        /// The mode; inherited when absent.
        pub mode: Option<MutualTlsMode>,
    }
}

open_enum! {
    /// Whether mTLS is asked for (`PeerAuthentication.MutualTLS.Mode`).
    pub enum MutualTlsMode {
        /// What the namespace or the mesh says.
        Unset = "UNSET",
        /// Plain text only.
        Disable = "DISABLE",
        /// Both plain text and mTLS.
        Permissive = "PERMISSIVE",
        /// mTLS only.
        Strict = "STRICT",
    }
}
