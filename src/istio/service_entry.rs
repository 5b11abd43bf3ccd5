//! ServiceEntry and WorkloadEntry: what the mesh knows of services and workloads beyond Kubernetes.

use std::collections::BTreeMap;

use super::message::{message, open_enum};
use super::{Port, StringMap, WorkloadSelector};

message! {
    /// A ServiceEntry (`networking/v1alpha3/service_entry.proto`).
    pub struct ServiceEntry {
        /// The names of the service.
        pub hosts: Vec<String>,
        /// Its virtual addresses, IPs or CIDRs.
        pub addresses: Vec<String>,
        /// Its ports.
        pub ports: Vec<Port>,
        /// Whether it is part of the mesh; `MESH_EXTERNAL` when absent.
        pub location: Option<Location>,
        /// How its endpoints are found; `NONE` when absent.
        pub resolution: Option<Resolution>,
        /// Its endpoints.
        pub endpoints: Vec<WorkloadEntry>,
        /// The workloads that are its endpoints; excludes `endpoints`.
        pub workload_selector: Option<WorkloadSelector>,
        /// The namespaces that see it.
        pub export_to: Vec<String>,
        /// The names that the servers' certificates may bear.
        pub subject_alt_names: Vec<String>,
    }

    /// A WorkloadEntry, or an endpoint of a ServiceEntry (`networking/v1alpha3/workload_entry.proto`).
    pub struct WorkloadEntry {
        /// An IP, a name or `unix://` and a path.
        pub address: String,
        /// The ports by the names that the service gives them.
        pub ports: BTreeMap<String, u32>,
        /// The labels.
        pub labels: StringMap,
        /// The network; endpoints of other networks are reached through gateways.
        pub network: String,
        /// `region/zone/sub-zone`.
        pub locality: String,
        /// The weight among endpoints of the same locality.
        pub weight: Option<u32>,
        /// The service account of the workload.
        pub service_account: String,
    }
}

open_enum! {
    /// Whether a service is part of the mesh (`service_entry.proto`, `Location`).
    pub enum Location {
        /// Outside: no Istio mTLS.
        MeshExternal = "MESH_EXTERNAL",
        /// Part of the mesh.
        MeshInternal = "MESH_INTERNAL",
    }

    /// How endpoints are found (`service_entry.proto`, `Resolution`).
    pub enum Resolution {
        /// The address that the caller dialled.
        None = "NONE",
        /// The addresses given.
        Static = "STATIC",
        /// What DNS answers, all of it.
        Dns = "DNS",
        /// What DNS answers, one at a time.
        DnsRoundRobin = "DNS_ROUND_ROBIN",
        /// What DNS answers for the name that the request names.
        DynamicDns = "DYNAMIC_DNS",
    }
}
