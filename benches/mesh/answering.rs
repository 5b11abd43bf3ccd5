//! A plugin to be measured with, and what an exchange with it takes by itself.

#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, unused_qualifications, unreachable_pub, dead_code, reason = "generated")]
#[path = "../../tests/plugin/v1.rs"]
mod v1;

use std::collections::HashSet;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::Outcome;

/// How many units are asked about in one message of a stream, as the program does it.
const GROUP: usize = 16;

/// A plugin that answers for each service with a NetworkPolicy of some 300 bytes, or with nothing.
#[derive(Clone)]
pub(crate) struct Answering {
    manifests: bool,
    /// What it is asked, while that is written down.
    heard: Arc<Mutex<Option<Vec<v1::RenderRequest>>>>,
}

#[tonic::async_trait]
impl v1::plugin_server::Plugin for Answering {
    async fn describe(&self, _: Request<v1::DescribeRequest>) -> Result<Response<v1::DescribeResponse>, Status> {
        let policy = v1::ResourceKind { api_version: "networking.k8s.io/v1".into(), kind: "NetworkPolicy".into() };
        Ok(Response::new(v1::DescribeResponse {
            name: "np".into(),
            version: "1".into(),
            intent_kinds: vec!["inbound-intents".into(), "clients".into()],
            resource_kinds: vec![policy],
        }))
    }

    async fn render(&self, request: Request<v1::RenderRequest>) -> Result<Response<v1::RenderResponse>, Status> {
        Ok(Response::new(self.answer(request.into_inner())))
    }

    type RenderAllStream = Pin<Box<dyn Stream<Item = Result<v1::RenderAllResponse, Status>> + Send>>;

    async fn render_all(
        &self,
        request: Request<Streaming<v1::RenderAllRequest>>,
    ) -> Result<Response<Self::RenderAllStream>, Status> {
        let answering = self.clone();
        let answers = request.into_inner().map(move |group| {
            let responses = group?.requests.into_iter().map(|asked| answering.answer(asked)).collect();
            Ok(v1::RenderAllResponse { responses })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

impl Answering {
    pub(crate) fn new(manifests: bool) -> Self {
        Self { manifests, heard: Arc::default() }
    }

    fn heard(&self) -> MutexGuard<'_, Option<Vec<v1::RenderRequest>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is asked while `work` is done, each once.
    pub(crate) fn listen(&self, work: impl FnOnce() -> Outcome) -> Outcome<Asked> {
        *self.heard() = Some(vec![]);
        let done = work();
        let mut requests = self.heard().take().unwrap_or_default();
        let mut digests = HashSet::new();
        requests.retain(|request| digests.insert(request.input_digest.clone()));
        done.map(|()| Asked(requests))
    }

    fn answer(&self, asked: v1::RenderRequest) -> v1::RenderResponse {
        if let Some(heard) = &mut *self.heard() {
            heard.push(asked.clone());
        }
        let mut answer = v1::RenderResponse {
            input_digest: asked.input_digest,
            version: "1".into(),
            ..v1::RenderResponse::default()
        };
        let Some(unit) = asked.unit.filter(|_| self.manifests) else { return answer };
        let service = match &unit.subject {
            Some(v1::unit::Subject::Service(service)) => service.as_str(),
            _ => "",
        };
        let clusters = unit.intents.iter().find(|it| it.kind == "inbound-intents").map(|it| it.clusters.as_slice());
        if let Some(clusters) = clusters {
            // From a template: what a plugin takes to think is its own.
            let resource = format!(
                r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"{service}","namespace":"{}"}},"spec":{{"podSelector":{{"matchLabels":{{"app":"{service}"}}}},"policyTypes":["Ingress"],"ingress":[{{"ports":[{{"port":8080}}]}}]}}}}"#,
                unit.namespace
            );
            answer.manifests.push(v1::Manifest { clusters: clusters.to_vec(), resource: resource.into_bytes() });
        }
        answer
    }

    /// Serves at both kinds of addresses, as long as the runtime lives.
    pub(crate) fn serve(&self, runtime: &tokio::runtime::Runtime, folder: &Path) -> Outcome<[String; 2]> {
        let service = || v1::plugin_server::PluginServer::new(self.clone());
        let _guard = runtime.enter();
        let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        let address = format!("http://{}", tcp.local_addr()?);
        let server = || {
            tonic::transport::Server::builder()
                .add_service(service())
                .add_service(tonic_health::server::health_reporter().1)
        };
        let tcp = TcpListenerStream::new(tokio::net::TcpListener::from_std(tcp)?);
        // As servers of gRPC do it: an answer is not held back for an acknowledgement.
        let tcp = tcp.map(|stream| stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream)));
        runtime.spawn(server().serve_with_incoming(tcp));
        let path = folder.join(format!("plugin-{}.sock", self.manifests));
        let unix = UnixListenerStream::new(tokio::net::UnixListener::bind(&path)?);
        runtime.spawn(server().serve_with_incoming(unix));
        Ok([address, format!("unix:{}", path.display())])
    }
}

/// What a plugin is asked, as messages.
pub(crate) struct Asked(Vec<v1::RenderRequest>);

impl Asked {
    /// The same in one call of bare gRPC: each question once, in messages that are there already, and nothing is done with the
    /// answers.
    pub(crate) fn bare(&self, channel: &Channel) -> impl Future<Output = Outcome> {
        let (mut grpc, count) = (Grpc::new(channel.clone()), self.0.len());
        let groups: Vec<_> = self.0.chunks(GROUP).map(|it| v1::RenderAllRequest { requests: it.to_vec() }).collect();
        let only = (count == 1).then(|| self.0[0].clone());
        async move {
            grpc.ready().await?;
            if let Some(request) = only {
                let (request, path) =
                    (Request::new(request), PathAndQuery::from_static("/meshwright.plugin.v1.Plugin/Render"));
                let _: Response<v1::RenderResponse> = grpc.unary(request, path, ProstCodec::default()).await?;
                return Ok(());
            }
            let (groups, path) = (
                Request::new(tokio_stream::iter(groups)),
                PathAndQuery::from_static("/meshwright.plugin.v1.Plugin/RenderAll"),
            );
            let answers: Response<Streaming<v1::RenderAllResponse>> =
                grpc.streaming(groups, path, ProstCodec::default()).await?;
            let (mut answers, mut answered) = (answers.into_inner(), 0);
            while let Some(group) = answers.message().await? {
                answered += group.responses.len();
            }
            if answered == count { Ok(()) } else { Err(format!("{answered} of {count} questions answered").into()) }
        }
    }
}
