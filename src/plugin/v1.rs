// @generated from proto/meshwright/plugin/v1/plugin.proto.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct DescribeRequest {}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DescribeResponse {
    /// What meshwright.yaml calls it: a DNS label (RFC 1123).
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    /// The version, one word. Other manifests for the same input need another version.
    #[prost(string, tag = "2")]
    pub version: ::prost::alloc::string::String,
    /// The kinds of intents that it wants to see, as paths of the REST API name their collections: inbound-intents, clients,
    /// access-points, outbound-intents, servers.
    #[prost(string, repeated, tag = "3")]
    pub intent_kinds: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// The kinds of resources that it writes. It may write no others, and never a Secret.
    #[prost(message, repeated, tag = "4")]
    pub resource_kinds: ::prost::alloc::vec::Vec<ResourceKind>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ResourceKind {
    /// Such as networking.k8s.io/v1.
    #[prost(string, tag = "1")]
    pub api_version: ::prost::alloc::string::String,
    /// Such as NetworkPolicy.
    #[prost(string, tag = "2")]
    pub kind: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RenderRequest {
    /// SHA-256 of the unit's bytes as they are sent, in hexadecimal digits: equal digests, equal units. The answer repeats it.
    #[prost(string, tag = "1")]
    pub input_digest: ::prost::alloc::string::String,
    /// What is asked about.
    #[prost(message, optional, tag = "2")]
    pub unit: ::core::option::Option<Unit>,
}
/// A host or a workload, with all intents about it, resolved.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Unit {
    /// Where it lives on each of its clusters.
    #[prost(string, tag = "1")]
    pub namespace: ::prost::alloc::string::String,
    /// The intents that the plugin wants to see, sorted by anchor.
    #[prost(message, repeated, tag = "4")]
    pub intents: ::prost::alloc::vec::Vec<Intent>,
    /// Every cluster that an intent names below, sorted by name.
    #[prost(message, repeated, tag = "5")]
    pub clusters: ::prost::alloc::vec::Vec<Cluster>,
    #[prost(oneof = "unit::Subject", tags = "2, 3")]
    pub subject: ::core::option::Option<unit::Subject>,
}
/// Nested message and enum types in `Unit`.
pub mod unit {
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Subject {
        /// A Kubernetes Service and all inbound intents about it: the unit of inbound-intents, clients and access-points.
        #[prost(string, tag = "2")]
        Service(::prost::alloc::string::String),
        /// Pods, by their label as key=value, and all outbound intents about them: the unit of outbound-intents and servers.
        #[prost(string, tag = "3")]
        Workload(::prost::alloc::string::String),
    }
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Intent {
    /// Where it lives in the REST API, such as projects/shop/…/inbound-intents/cart.
    #[prost(string, tag = "1")]
    pub anchor: ::prost::alloc::string::String,
    /// The collection that it is of, such as inbound-intents.
    #[prost(string, tag = "2")]
    pub kind: ::prost::alloc::string::String,
    /// Its body as it was posted, in JSON: metadata and spec.
    #[prost(string, tag = "3")]
    pub body: ::prost::alloc::string::String,
    /// The namespace of the app that it names; for access points and servers that of what they stand below.
    #[prost(string, tag = "4")]
    pub namespace: ::prost::alloc::string::String,
    /// The clusters that this app runs on, as provider/cluster, sorted by provider, then by cluster.
    #[prost(string, repeated, tag = "5")]
    pub clusters: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Of an inbound intent: whether only its clients may call.
    #[prost(bool, tag = "6")]
    pub closed: bool,
    /// Of an inbound intent: what it really speaks, such as HTTP where TCP was written and requests are looked at.
    #[prost(string, tag = "7")]
    pub protocol: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Cluster {
    /// As provider/cluster.
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    /// The SPIFFE trust domain.
    #[prost(string, tag = "2")]
    pub trust_domain: ::prost::alloc::string::String,
    /// The namespace whose policies hold for the whole mesh.
    #[prost(string, tag = "3")]
    pub root_namespace: ::prost::alloc::string::String,
    /// Where outside callers dial; empty where it is not known.
    #[prost(string, tag = "4")]
    pub ingress_address: ::prost::alloc::string::String,
    /// Where callers of other clusters dial, as address:port; empty where it is not known.
    #[prost(string, tag = "5")]
    pub east_west_address: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RenderAllRequest {
    #[prost(message, repeated, tag = "1")]
    pub requests: ::prost::alloc::vec::Vec<RenderRequest>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RenderAllResponse {
    #[prost(message, repeated, tag = "1")]
    pub responses: ::prost::alloc::vec::Vec<RenderResponse>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RenderResponse {
    /// That of the request.
    #[prost(string, tag = "1")]
    pub input_digest: ::prost::alloc::string::String,
    /// The version that answers, as in Describe.
    #[prost(string, tag = "2")]
    pub version: ::prost::alloc::string::String,
    #[prost(message, repeated, tag = "3")]
    pub manifests: ::prost::alloc::vec::Vec<Manifest>,
    #[prost(message, repeated, tag = "4")]
    pub findings: ::prost::alloc::vec::Vec<Finding>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Manifest {
    /// The clusters that it is for, each as provider/cluster: one at least, none twice, none but those that the subject runs on.
    /// What is the same on several is sent once for all of them. Limits count it for each.
    #[prost(string, repeated, tag = "1")]
    pub clusters: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// One resource as JSON or YAML in UTF-8, at most 256 KiB: apiVersion, kind, metadata (name, namespace, labels, annotations)
    /// and what else the kind has. No map names a field twice. JSON is read many times faster.
    #[prost(bytes = "vec", tag = "2")]
    pub resource: ::prost::alloc::vec::Vec<u8>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Finding {
    #[prost(enumeration = "finding::Severity", tag = "1")]
    pub severity: i32,
    /// The anchor of one of the unit's intents.
    #[prost(string, tag = "2")]
    pub anchor: ::prost::alloc::string::String,
    /// A JSON pointer (RFC 6901) into its body; empty for the whole.
    #[prost(string, tag = "3")]
    pub pointer: ::prost::alloc::string::String,
    /// What is wrong, in one sentence.
    #[prost(string, tag = "4")]
    pub message: ::prost::alloc::string::String,
    /// What to do about it.
    #[prost(string, tag = "5")]
    pub remedy: ::prost::alloc::string::String,
}
/// Nested message and enum types in `Finding`.
pub mod finding {
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Severity {
        Unspecified = 0,
        Note = 1,
        Warning = 2,
        /// Blocks the change.
        Error = 3,
    }
    impl Severity {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "SEVERITY_UNSPECIFIED",
                Self::Note => "NOTE",
                Self::Warning => "WARNING",
                Self::Error => "ERROR",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "SEVERITY_UNSPECIFIED" => Some(Self::Unspecified),
                "NOTE" => Some(Self::Note),
                "WARNING" => Some(Self::Warning),
                "ERROR" => Some(Self::Error),
                _ => None,
            }
        }
    }
}
/// Generated client implementations.
pub mod plugin_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    /// What a plugin serves, beside the standard health service (grpc.health.v1) under the empty name.
    #[derive(Debug, Clone)]
    pub struct PluginClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> PluginClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> PluginClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            PluginClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        /// What the plugin is. Asked when it is connected to, and compared with what meshwright.yaml lists.
        pub async fn describe(
            &mut self,
            request: impl tonic::IntoRequest<super::DescribeRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DescribeResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/meshwright.plugin.v1.Plugin/Describe",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("meshwright.plugin.v1.Plugin", "Describe"));
            self.inner.unary(req, path, codec).await
        }
        /// The manifests of one host or workload.
        pub async fn render(
            &mut self,
            request: impl tonic::IntoRequest<super::RenderRequest>,
        ) -> std::result::Result<tonic::Response<super::RenderResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/meshwright.plugin.v1.Plugin/Render",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("meshwright.plugin.v1.Plugin", "Render"));
            self.inner.unary(req, path, codec).await
        }
        /// The same for many: one answer for each request, in any order, grouped into messages as it suits.
        pub async fn render_all(
            &mut self,
            request: impl tonic::IntoStreamingRequest<Message = super::RenderAllRequest>,
        ) -> std::result::Result<
            tonic::Response<tonic::codec::Streaming<super::RenderAllResponse>>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/meshwright.plugin.v1.Plugin/RenderAll",
            );
            let mut req = request.into_streaming_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("meshwright.plugin.v1.Plugin", "RenderAll"));
            self.inner.streaming(req, path, codec).await
        }
    }
}
