//! A plugin that does as it is told, well or badly.

#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, unused_qualifications, unreachable_pub, dead_code, reason = "generated")]
pub(crate) mod v1;

mod cut;

use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::ServerTlsConfig;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use cut::{Allowance, Line};
use v1::plugin_server::{Plugin, PluginServer};

/// What the plugin does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// A NetworkPolicy for each cluster.
    Well,
    /// The same, as YAML.
    Yaml,
    /// Nothing, for ever.
    Hang,
    /// Nothing, whatever it is asked, its health too.
    Dead,
    /// An error, after the first answer of many.
    Fail,
    /// The connection is gone in the middle of an answer, after the first [`MANY`] of many; from then on all are.
    Cut,
    /// A proper end after the first answer of many.
    End,
    /// Nobody may ask it.
    Refuse,
    /// A message of many megabytes.
    Flood,
    /// A manifest of almost as many bytes as a message may have.
    Bulky,
    /// A thousand manifests.
    TooMany,
    /// The same answer twice.
    Twice,
    /// A manifest for a cluster that it was not asked about.
    OtherCluster,
    /// A manifest for a namespace that it was not asked about.
    OtherNamespace,
    /// A Secret.
    Secret,
    /// A list of whatever it likes.
    List,
    /// The ConfigMap that keeps a directory.
    Keeper,
    /// A hundred lists in each other.
    Deep,
    /// Many numbers.
    Large,
    /// A field that stands twice in its map.
    Repeated,
    /// A description with a kind of the whole cluster.
    ClusterKind,
    /// A private key in a ConfigMap.
    PrivateKey,
    /// Bytes that are no text.
    NotUtf8,
    /// Aliases of aliases.
    Bomb,
    /// A kind that it does not own.
    OtherKind,
    /// A name that is a path.
    Path,
    /// Our own annotation.
    Ours,
    /// An answer of another version.
    OtherVersion,
    /// A description of another version.
    Described,
    /// Another answer each time.
    Differs,
    /// A manifest that Istio refuses.
    Unsound,
    /// A finding that blocks.
    Objects,
    /// Not healthy.
    Ill,
    /// The resource of another plugin.
    Foreign,
    /// It is the plugin `other`, with a ConfigMap.
    Other,
}

/// After how many answers a connection is gone: as many as are asked for in one message.
pub(crate) const MANY: usize = 16;

/// The bytes of a bulky manifest: with the little else that an answer says, fewer than are taken in one message.
const BULK: usize = (8 << 20) - 1000;

/// What is asked and answered in many messages.
type Asked = Streaming<v1::RenderAllRequest>;
type Answers = mpsc::Sender<Result<v1::RenderAllResponse, Status>>;

#[derive(Clone)]
struct Double {
    does: Arc<Mutex<Does>>,
    asked: Arc<Mutex<Vec<String>>>,
    waiting: Arc<AtomicUsize>,
    allowance: Allowance,
    /// Whoever asked has all answers to a call.
    taken: Arc<Notify>,
}

/// A plugin on loopback, until this is dropped.
pub(crate) struct PluginDouble {
    pub(crate) address: String,
    double: Double,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl PluginDouble {
    /// One that begins like this.
    pub(crate) fn start(does: Does) -> Self {
        Self::start_at("127.0.0.1:0", does, None)
    }

    /// The same at an address, maybe with TLS.
    pub(crate) fn start_at(at: &str, does: Does, tls: Option<ServerTlsConfig>) -> Self {
        let listener = std::net::TcpListener::bind(at).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = match tls {
            None => format!("http://127.0.0.1:{port}"),
            Some(_) => format!("https://localhost:{port}"),
        };
        Self::serving(address, does, tls, || {
            TcpListenerStream::new(tokio::net::TcpListener::from_std(listener).unwrap())
        })
    }

    /// The same on a socket in the file system.
    pub(crate) fn start_on(path: &Path, does: Does) -> Self {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("unix:{}", path.display());
        Self::serving(address, does, None, || {
            UnixListenerStream::new(tokio::net::UnixListener::from_std(listener).unwrap())
        })
    }

    fn serving<S, C>(
        address: String,
        does: Does,
        tls: Option<ServerTlsConfig>,
        listen: impl FnOnce() -> S + Send + 'static,
    ) -> Self
    where
        S: Stream<Item = std::io::Result<C>> + Send + 'static,
        C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let double = Double {
            does: Arc::new(Mutex::new(does)),
            asked: Arc::default(),
            waiting: Arc::default(),
            allowance: Allowance::default(),
            taken: Arc::default(),
        };
        let served = double.clone();
        let serve = async move {
            let mut server = tonic::transport::Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).unwrap();
            }
            let health = Health(served.does.clone());
            let allowance = served.allowance.clone();
            let line = move |connection| Line { connection, allowance: allowance.clone() };
            let service = PluginServer::new(served).max_encoding_message_size(64 << 20);
            let health = tonic_health::pb::health_server::HealthServer::new(health);
            let incoming = listen().map(move |accepted| accepted.map(&line));
            let serving = server.add_service(service).add_service(health).serve_with_incoming(incoming);
            tokio::select! {
                served = serving => served.unwrap(),
                _ = stopped => {}
            }
        };
        let run = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(serve);
            runtime.shutdown_background();
        };
        let thread = std::thread::spawn(run);
        Self { address, double, stop: Some(stop), thread: Some(thread) }
    }

    /// What it does from now on.
    pub(crate) fn does(&self, does: Does) {
        *self.double.does.lock().unwrap() = does;
        self.double.allowance.set(None);
    }

    /// How many calls of it wait for ever.
    pub(crate) fn waiting(&self) -> usize {
        self.double.waiting.load(Ordering::SeqCst)
    }

    /// How many units it was asked about.
    pub(crate) fn asked(&self) -> usize {
        self.double.asked.lock().unwrap().len()
    }

    /// The services that it was asked about, each time, after the first `count` of them.
    pub(crate) fn asked_after(&self, count: usize) -> Vec<String> {
        self.double.asked.lock().unwrap()[count..].to_vec()
    }
}

impl Drop for PluginDouble {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Health(Arc<Mutex<Does>>);

#[tonic::async_trait]
impl tonic_health::pb::health_server::Health for Health {
    async fn check(
        &self,
        _: Request<tonic_health::pb::HealthCheckRequest>,
    ) -> Result<Response<tonic_health::pb::HealthCheckResponse>, Status> {
        use tonic_health::pb::health_check_response::ServingStatus;
        let does = *self.0.lock().unwrap();
        if does == Does::Dead {
            return std::future::pending().await;
        }
        let status = if does == Does::Ill { ServingStatus::NotServing } else { ServingStatus::Serving } as i32;
        Ok(Response::new(tonic_health::pb::HealthCheckResponse { status }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<tonic_health::pb::HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        _: Request<tonic_health::pb::HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("watch"))
    }
}

/// The version that the double is of, and the plugin that it is.
const VERSION: &str = "1.0";

#[tonic::async_trait]
impl Plugin for Double {
    async fn describe(&self, _: Request<v1::DescribeRequest>) -> Result<Response<v1::DescribeResponse>, Status> {
        if self.now() == Does::Dead {
            return self.hang().await;
        }
        let version = if self.now() == Does::Described { "9.9" } else { VERSION };
        let kind =
            |api_version: &str, kind: &str| v1::ResourceKind { api_version: api_version.into(), kind: kind.into() };
        let more = (self.now() == Does::ClusterKind).then(|| kind("rbac.authorization.k8s.io/v1", "ClusterRole"));
        Ok(Response::new(v1::DescribeResponse {
            name: if self.now() == Does::Other { "other" } else { "np" }.into(),
            version: version.into(),
            intent_kinds: vec!["inbound-intents".into(), "clients".into()],
            resource_kinds: [
                kind("networking.k8s.io/v1", "NetworkPolicy"),
                kind("networking.istio.io/v1", "VirtualService"),
                kind("security.istio.io/v1", "AuthorizationPolicy"),
                kind("v1", "ConfigMap"),
            ]
            .into_iter()
            .chain(more)
            .collect(),
        }))
    }

    async fn render(&self, request: Request<v1::RenderRequest>) -> Result<Response<v1::RenderResponse>, Status> {
        match self.now() {
            Does::Hang | Does::Dead => self.hang().await,
            Does::Fail => Err(Status::internal("stack overflow")),
            Does::Refuse => Err(refused()),
            _ => Ok(Response::new(self.answer(request.into_inner()))),
        }
    }

    type RenderAllStream = Pin<Box<dyn Stream<Item = Result<v1::RenderAllResponse, Status>> + Send>>;

    /// Answers each unit in a message of its own.
    async fn render_all(&self, request: Request<Asked>) -> Result<Response<Self::RenderAllStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().answer_all(request.into_inner(), sender));
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
    }
}

impl Double {
    fn now(&self) -> Does {
        *self.does.lock().unwrap()
    }

    async fn hang<T>(&self) -> T {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn answer_all(self, mut groups: Asked, answers: Answers) {
        let mut count = 0;
        while let Some(Ok(group)) = groups.next().await {
            for asked in group.requests {
                count += 1;
                let does = self.now();
                let answer = match does {
                    Does::Hang | Does::Dead => return self.hang().await,
                    Does::Fail if count > 1 => Err(Status::internal("stack overflow")),
                    Does::Refuse => Err(refused()),
                    Does::End if !self.is_first(&asked) => return,
                    Does::Cut if count > MANY => return self.cut(answers).await,
                    _ => Ok(v1::RenderAllResponse { responses: vec![self.answer(asked)] }),
                };
                for _ in 0..if does == Does::Twice { 2 } else { 1 } {
                    drop(answers.send(answer.clone()).await);
                }
            }
        }
        if self.now() == Does::Cut {
            answers.closed().await;
            self.taken.notify_one();
        }
    }

    /// Whether this, or nothing yet, was asked before anything else.
    fn is_first(&self, asked: &v1::RenderRequest) -> bool {
        let service = service_of(asked.unit.as_ref().unwrap());
        self.asked.lock().unwrap().first().is_none_or(|first| *first == service)
    }

    /// Begins an answer that does not end. Some of what is asked is asked in a second call, whose answers arrive before.
    async fn cut(self, answers: Answers) {
        self.taken.notified().await;
        self.allowance.set(Some(64 << 10));
        let long = v1::RenderResponse { version: "9".repeat(1 << 20), ..v1::RenderResponse::default() };
        drop(answers.send(Ok(v1::RenderAllResponse { responses: vec![long] })).await);
    }

    fn answer(&self, asked: v1::RenderRequest) -> v1::RenderResponse {
        let does = self.now();
        let unit = asked.unit.unwrap();
        let mut before = self.asked.lock().unwrap();
        let count = before.len();
        before.push(service_of(&unit));
        drop(before);
        let server = unit.intents.iter().find(|intent| intent.kind == "inbound-intents").unwrap();
        let manifests = match does {
            Does::OtherCluster => one("gke/other", policy(&unit, 0).to_string()),
            Does::Well => {
                let callers = unit.intents.iter().filter(|intent| intent.kind == "clients").count();
                let resource = policy(&unit, callers).to_string().into();
                vec![v1::Manifest { clusters: server.clusters.clone(), resource }]
            }
            Does::ClusterKind
            | Does::Twice
            | Does::Described
            | Does::OtherVersion
            | Does::Fail
            | Does::Cut
            | Does::End
            | Does::Hang
            | Does::Ill => {
                let callers = unit.intents.iter().filter(|intent| intent.kind == "clients").count();
                let policy = policy(&unit, callers).to_string();
                server.clusters.iter().flat_map(|cluster| one(cluster, policy.clone())).collect()
            }
            Does::TooMany => vec![one(&server.clusters[0], policy(&unit, 0).to_string()).remove(0); 1000],
            Does::Objects => vec![],
            _ => one(&server.clusters[0], resource(does, &unit, count)),
        };
        let finding = |it: &v1::Intent| v1::Finding {
            severity: v1::finding::Severity::Error as i32,
            anchor: it.anchor.clone(),
            pointer: "/spec/port".into(),
            message: "this port is not ours".into(),
            remedy: "ask the network team".into(),
        };
        let findings = Some(finding(server)).filter(|_| does == Does::Objects).into_iter().collect();
        let version = if does == Does::OtherVersion { "6.6" } else { VERSION };
        v1::RenderResponse { input_digest: asked.input_digest, version: version.into(), manifests, findings }
    }
}

fn refused() -> Status {
    Status::permission_denied("who are you")
}

fn one(cluster: &str, resource: impl Into<Vec<u8>>) -> Vec<v1::Manifest> {
    vec![v1::Manifest { clusters: vec![cluster.into()], resource: resource.into() }]
}

fn service_of(unit: &v1::Unit) -> String {
    match unit.subject.clone() {
        Some(v1::unit::Subject::Service(service)) => service,
        other => panic!("not asked for: {other:?}"),
    }
}

fn policy(unit: &v1::Unit, n: usize) -> serde_json::Value {
    let service = service_of(unit);
    serde_json::json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": service, "namespace": unit.namespace, "labels": {"x": n.to_string()}},
        "spec": {"podSelector": {"matchLabels": {"app": service}}, "policyTypes": ["Ingress"]},
    })
}

/// The one manifest that a bad plugin answers.
fn resource(does: Does, unit: &v1::Unit, count: usize) -> Vec<u8> {
    let (service, namespace) = (service_of(unit), &unit.namespace);
    let config = |kind: &str, data: &str| {
        let metadata = format!("{{name: {service}, namespace: {namespace}}}");
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\ndata: {{a: '{data}'}}\n").into_bytes()
    };
    let edited = |pointer: &str, value: serde_json::Value| {
        let mut policy = policy(unit, 0);
        policy["metadata"][pointer] = value;
        policy.to_string().into_bytes()
    };
    let edited_config = |name: &str, data: serde_json::Value| {
        let metadata = serde_json::json!({"name": name, "namespace": namespace});
        let map =
            serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": data}});
        map.to_string().into_bytes()
    };
    let of_istio = |group: &str, kind: &str, name: &str, spec: serde_json::Value| {
        let metadata = serde_json::json!({"name": name, "namespace": namespace});
        let api_version = format!("{group}.istio.io/v1");
        serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}).to_string()
    };
    match does {
        Does::Yaml => format!(
            "# By hand.\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {service}, namespace: \
             {namespace}}}\nspec: {{podSelector: {{}}, ingress: []}}\n"
        )
        .into_bytes(),
        Does::Flood => vec![b'x'; 20 << 20],
        Does::Bulky => vec![b'x'; BULK],
        Does::OtherNamespace => edited("namespace", "kube-system".into()),
        Does::Path => edited("name", "../../../x".into()),
        Does::Ours => edited("annotations", serde_json::json!({"meshwright.dev/plugin": "dns"})),
        Does::Secret => config("Secret", "hunter2"),
        Does::List => {
            let metadata = serde_json::json!({"name": "x", "namespace": namespace});
            let items = [of_istio("security", "AuthorizationPolicy", "open", serde_json::json!({"rules": [{}]}))];
            serde_json::json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items}).to_string().into()
        }
        Does::Other => edited_config(&service, serde_json::json!("a")),
        Does::Keeper => edited_config("meshwright", serde_json::json!("a")),
        Does::Deep => edited_config("deep", (0..100).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]))),
        Does::Repeated => {
            let text = String::from_utf8(edited_config("twice", serde_json::json!("a"))).unwrap();
            text.replacen('{', r#"{"kind":"Secret","#, 1).into()
        }
        Does::Large => edited_config("large", serde_json::json!(vec![0; 30_000])),
        Does::PrivateKey => config("ConfigMap", "-----BEGIN PRIVATE KEY-----"),
        Does::OtherKind => config("Pod", "a"),
        Does::NotUtf8 => vec![0xff, 0xfe, b'a'],
        Does::Bomb => {
            let bomb = (1..12).map(|level| {
                let items = vec![format!("*a{}", level - 1); 10].join(", ");
                format!("a{level}: &a{level} [{items}]\n")
            });
            format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", bomb.collect::<String>()).into_bytes()
        }
        Does::Differs => policy(unit, count).to_string().into_bytes(),
        Does::Unsound => {
            of_istio("networking", "VirtualService", &service, serde_json::json!({"hosts": ["*"], "http": []})).into()
        }
        Does::Foreign => {
            of_istio("security", "AuthorizationPolicy", &format!("{service}-allow"), serde_json::json!({})).into()
        }
        other => panic!("{other:?} has no manifest"),
    }
}

/// How long a plugin may take in these tests.
pub(crate) const DEADLINE: Duration = Duration::from_millis(700);
