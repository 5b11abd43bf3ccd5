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
/// Generated server implementations.
pub mod plugin_server {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    /// Generated trait containing gRPC methods that should be implemented for use with PluginServer.
    #[async_trait]
    pub trait Plugin: std::marker::Send + std::marker::Sync + 'static {
        /// What the plugin is. Asked when it is connected to, and compared with what meshwright.yaml lists.
        async fn describe(
            &self,
            request: tonic::Request<super::DescribeRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DescribeResponse>,
            tonic::Status,
        >;
        /// The manifests of one host or workload.
        async fn render(
            &self,
            request: tonic::Request<super::RenderRequest>,
        ) -> std::result::Result<tonic::Response<super::RenderResponse>, tonic::Status>;
        /// Server streaming response type for the RenderAll method.
        type RenderAllStream: tonic::codegen::tokio_stream::Stream<
                Item = std::result::Result<super::RenderAllResponse, tonic::Status>,
            >
            + std::marker::Send
            + 'static;
        /// The same for many: one answer for each request, in any order, grouped into messages as it suits.
        async fn render_all(
            &self,
            request: tonic::Request<tonic::Streaming<super::RenderAllRequest>>,
        ) -> std::result::Result<tonic::Response<Self::RenderAllStream>, tonic::Status>;
    }
    /// What a plugin serves, beside the standard health service (grpc.health.v1) under the empty name.
    #[derive(Debug)]
    pub struct PluginServer<T> {
        inner: Arc<T>,
        accept_compression_encodings: EnabledCompressionEncodings,
        send_compression_encodings: EnabledCompressionEncodings,
        max_decoding_message_size: Option<usize>,
        max_encoding_message_size: Option<usize>,
    }
    impl<T> PluginServer<T> {
        pub fn new(inner: T) -> Self {
            Self::from_arc(Arc::new(inner))
        }
        pub fn from_arc(inner: Arc<T>) -> Self {
            Self {
                inner,
                accept_compression_encodings: Default::default(),
                send_compression_encodings: Default::default(),
                max_decoding_message_size: None,
                max_encoding_message_size: None,
            }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> InterceptedService<Self, F>
        where
            F: tonic::service::Interceptor,
        {
            InterceptedService::new(Self::new(inner), interceptor)
        }
        /// Enable decompressing requests with the given encoding.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.accept_compression_encodings.enable(encoding);
            self
        }
        /// Compress responses with the given encoding, if the client supports it.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.send_compression_encodings.enable(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.max_decoding_message_size = Some(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.max_encoding_message_size = Some(limit);
            self
        }
    }
    impl<T, B> tonic::codegen::Service<http::Request<B>> for PluginServer<T>
    where
        T: Plugin,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;
        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/meshwright.plugin.v1.Plugin/Describe" => {
                    #[allow(non_camel_case_types)]
                    struct DescribeSvc<T: Plugin>(pub Arc<T>);
                    impl<T: Plugin> tonic::server::UnaryService<super::DescribeRequest>
                    for DescribeSvc<T> {
                        type Response = super::DescribeResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::DescribeRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Plugin>::describe(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = DescribeSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/meshwright.plugin.v1.Plugin/Render" => {
                    #[allow(non_camel_case_types)]
                    struct RenderSvc<T: Plugin>(pub Arc<T>);
                    impl<T: Plugin> tonic::server::UnaryService<super::RenderRequest>
                    for RenderSvc<T> {
                        type Response = super::RenderResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::RenderRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Plugin>::render(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = RenderSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/meshwright.plugin.v1.Plugin/RenderAll" => {
                    #[allow(non_camel_case_types)]
                    struct RenderAllSvc<T: Plugin>(pub Arc<T>);
                    impl<
                        T: Plugin,
                    > tonic::server::StreamingService<super::RenderAllRequest>
                    for RenderAllSvc<T> {
                        type Response = super::RenderAllResponse;
                        type ResponseStream = T::RenderAllStream;
                        type Future = BoxFuture<
                            tonic::Response<Self::ResponseStream>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<
                                tonic::Streaming<super::RenderAllRequest>,
                            >,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as Plugin>::render_all(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = RenderAllSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.streaming(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                _ => {
                    Box::pin(async move {
                        let mut response = http::Response::new(
                            tonic::body::Body::default(),
                        );
                        let headers = response.headers_mut();
                        headers
                            .insert(
                                tonic::Status::GRPC_STATUS,
                                (tonic::Code::Unimplemented as i32).into(),
                            );
                        headers
                            .insert(
                                http::header::CONTENT_TYPE,
                                tonic::metadata::GRPC_CONTENT_TYPE,
                            );
                        Ok(response)
                    })
                }
            }
        }
    }
    impl<T> Clone for PluginServer<T> {
        fn clone(&self) -> Self {
            let inner = self.inner.clone();
            Self {
                inner,
                accept_compression_encodings: self.accept_compression_encodings,
                send_compression_encodings: self.send_compression_encodings,
                max_decoding_message_size: self.max_decoding_message_size,
                max_encoding_message_size: self.max_encoding_message_size,
            }
        }
    }
    /// Generated gRPC service name
    pub const SERVICE_NAME: &str = "meshwright.plugin.v1.Plugin";
    impl<T> tonic::server::NamedService for PluginServer<T> {
        const NAME: &'static str = SERVICE_NAME;
    }
}
