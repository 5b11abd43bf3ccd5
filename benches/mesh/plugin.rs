//! What a plugin adds: one outside this program over a local socket, and those that are built in.

#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, unused_qualifications, unreachable_pub, dead_code, reason = "generated")]
#[path = "../../tests/plugin/v1.rs"]
mod v1;

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use meshwright::boot::SystemClock;
use meshwright::change::Plugins as _;
use meshwright::intent::{Anchor, Kind, Settings, Tree};
use meshwright::plugin::{DEADLINE, Directory, Pool, Target};
use meshwright::render::{Answers, Ask, Outside, PluginFiles, Question, Rendered, Scope, render, render_asking};
use serde_json::{Value, json};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use crate::plan::{Plan, resource};
use crate::report::{best, median, milliseconds, ratio, seconds, target, time};
use crate::{Outcome, Setting};

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let services = if setting.quick { 1_000 } else { 10_000 };
    outside(setting, services)?;
    built_in(services)
}

/// A plugin that answers for each service with a NetworkPolicy of some 300 bytes, or with nothing.
#[derive(Clone)]
struct Answering {
    manifests: bool,
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
    fn answer(&self, asked: v1::RenderRequest) -> v1::RenderResponse {
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
        for cluster in clusters.unwrap_or_default() {
            // From a template: what a plugin takes to think is its own.
            let resource = format!(
                r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"{service}","namespace":"{}"}},"spec":{{"podSelector":{{"matchLabels":{{"app":"{service}"}}}},"policyTypes":["Ingress"],"ingress":[{{"ports":[{{"port":8080}}]}}]}}}}"#,
                unit.namespace
            );
            answer.manifests.push(v1::Manifest { cluster: cluster.clone(), resource: resource.into_bytes() });
        }
        answer
    }
}

/// Serves a plugin at both kinds of addresses, as long as the runtime lives.
fn serve(runtime: &tokio::runtime::Runtime, folder: &Path, manifests: bool) -> Outcome<[String; 2]> {
    let answering = Answering { manifests };
    let service = || v1::plugin_server::PluginServer::new(answering.clone());
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
    let path = folder.join(format!("plugin-{manifests}.sock"));
    let unix = UnixListenerStream::new(tokio::net::UnixListener::bind(&path)?);
    runtime.spawn(server().serve_with_incoming(unix));
    Ok([address, format!("unix:{}", path.display())])
}

/// A mesh as a plugin is asked about it, and a way to it.
struct Asking<'a> {
    runtime: &'a tokio::runtime::Runtime,
    address: &'a str,
    settings: &'a Settings,
    tree: &'a Tree,
    scope: &'a Scope,
}

/// Has plugins asked as `meshwright render` does.
struct Plugins<'a> {
    runtime: &'a tokio::runtime::Runtime,
    pool: &'a Pool,
}

impl Ask for Plugins<'_> {
    fn answers(&self) -> &Answers {
        self.pool.answers()
    }

    fn begin(&self, questions: &[Question]) {
        self.pool.ask(questions);
    }

    fn wait(&self, questions: &[Question]) {
        self.runtime.block_on(self.pool.settle(questions));
    }
}

/// How long the same takes, in one turn.
struct Turn {
    built_in: Duration,
    known: Duration,
    called: Duration,
}

impl Asking<'_> {
    /// A pool that remembers nothing but is connected.
    fn pool(&self) -> Pool {
        let at = Target { address: self.address.to_owned(), tls: None, deadline: DEADLINE };
        let directory = Directory { targets: BTreeMap::from([("np".to_owned(), at)]), registered: None };
        let pool = Pool::new(directory, Arc::new(SystemClock), self.runtime.handle().clone());
        pool.follow(self.tree, self.settings);
        // The first look connects.
        while pool.reports().iter().any(|report| report.fault.is_some()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        pool
    }

    fn render(&self, answers: &Answers) -> Rendered {
        let files = PluginFiles::default();
        render(self.tree, self.settings, self.scope, Outside::Fresh { files: &files, before: None, answers })
    }

    /// Renders and asks meanwhile.
    fn call(&self, pool: &Pool) -> Rendered {
        let plugins = Plugins { runtime: self.runtime, pool };
        render_asking(self.tree, self.settings, self.scope, &PluginFiles::default(), &plugins)
    }

    /// Renders without plugins, asking one, and with its answers at hand. What one gave is gone before the next begins.
    fn turn(&self) -> Turn {
        let (pool, plain) = (self.pool(), Settings::default());
        let (built_in, _) = time(|| render(self.tree, &plain, self.scope, Outside::None));
        let (called, _) = time(|| self.call(&pool));
        let (known, _) = time(|| self.render(pool.answers()));
        Turn { built_in, known, called }
    }

    /// That what is asked for comes, and is what would be rendered if it had been known.
    fn verify(&self) -> Outcome {
        let pool = self.pool();
        let rendered = self.call(&pool);
        match rendered.unanswered.first() {
            Some(question) => Err(format!("{question}: {:?}", pool.faults(&rendered.unanswered)).into()),
            None if self.render(pool.answers()) != rendered => Err("asked for, it is something else than known".into()),
            None => Ok(()),
        }
    }
}

fn outside(setting: &Setting, services: usize) -> Outcome {
    let serving = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let settings = Settings::read("plugins: [{name: np, version: '1', kinds: [inbound-intents, clients]}]\n")?;
    let folder = tempfile::tempdir_in(&setting.folder)?;
    let (small, large) = (Plan::of(100).tree()?, Plan::of(services).tree()?);
    let one = Scope::concerned(&small, &small, &[Anchor::parse(&Plan::client(0, 7, "far"))?]);
    let all = Scope::everything(&large);
    println!("a plugin in a process of its own is as far away as this one, on another runtime");
    println!(
        "{:>9} {:>9} {:>5} {:>9} {:>9} {:>9} {:>14}",
        "services", "answers", "at", "built in", "known", "called", "a call adds"
    );
    for manifests in [false, true] {
        for address in serve(&serving, folder.path(), manifests)? {
            let at = if address.starts_with("unix") { "unix" } else { "tcp" };
            let answers = if manifests { "policies" } else { "nothing" };
            for (tree, scope, count, turns) in [(&small, &one, 1, 40), (&large, &all, services, 11)] {
                let asking = Asking { runtime: &runtime, address: &address, settings: &settings, tree, scope };
                asking.verify()?;
                let turns: Vec<Turn> = (0..turns).map(|_| asking.turn()).collect();
                let of = |part: fn(&Turn) -> Duration| median(turns.iter().map(part).collect());
                let (built_in, known, called) = (of(|it| it.built_in), of(|it| it.known), of(|it| it.called));
                let adds = of(|it| it.called.saturating_sub(it.known));
                let share = ratio(adds, built_in) * 100.0;
                println!(
                    "{count:>9} {answers:>9} {at:>5} {:>9} {:>9} {:>9} {:>9} {share:>3.0} %",
                    milliseconds(built_in),
                    milliseconds(known),
                    milliseconds(called),
                    milliseconds(adds)
                );
                match count {
                    1 => target("a call adds at most 1 ms to one service", adds <= Duration::from_millis(1)),
                    _ => target("it adds at most 20 % to all of them", share <= 20.0),
                }
            }
        }
    }
    Ok(())
}

/// The tree of a plan with something more in each inbound intent.
fn tree_with(plan: Plan, more: &Value) -> Outcome<Tree> {
    let mut changed = vec![];
    for (number, found) in plan.resources()?.into_iter().enumerate() {
        let anchor = found.anchor().clone();
        if anchor.kind() != Kind::Inbound {
            changed.push(found);
            continue;
        }
        let mut body = found.to_value();
        for (field, value) in more.as_object().into_iter().flatten() {
            body["spec"][field] = value.clone();
        }
        body["spec"]["externalName"] = format!("service-{number}.example.com").into();
        let parent = anchor.parent().ok_or("an inbound intent has a parent")?;
        changed.push(resource(parent.as_str(), Kind::Inbound, &body)?);
    }
    Ok(changed.into_iter().collect())
}

/// `dns` and `load-balancer`, as what they add to a mesh whose services are exposed.
fn built_in(services: usize) -> Outcome {
    let (plan, settings) = (Plan::of(services), Settings::default());
    let exposed = json!({"externalSupport": true});
    let records = json!({"externalSupport": true, "dns": {"publicDomain": "example.org", "ttl": 300}});
    let balanced = json!({"externalSupport": true, "trafficManagement": {
        "loadBalancer": {"simple": "LEAST_REQUEST", "localityLbSetting": {"enabled": true}},
        "outlierDetection": {"consecutive5xxErrors": 5},
        "subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}],
        "weights": [{"subset": "v1", "weight": 90}, {"subset": "v2", "weight": 10}],
    }});
    println!(
        "built-in plugins over {services} services, beside the same mesh without what asks for them; the shortest of 5"
    );
    let rendered = |more: &Value| -> Outcome<(Duration, usize)> {
        let tree = tree_with(plan, more)?;
        let scope = Scope::everything(&tree);
        let (took, rendered) = best(5, || render(&tree, &settings, &scope, Outside::None));
        let error = rendered.findings.iter().find(|it| it.severity == meshwright::finding::Severity::Error);
        match error {
            Some(error) => Err(error.to_string().into()),
            None => Ok((took, rendered.manifests.len())),
        }
    };
    let (without, files) = rendered(&exposed)?;
    println!("{:>15} {:>12} {files:>8} manifests", "neither", seconds(without));
    for (name, more) in [("dns", records), ("load-balancer", balanced)] {
        let (took, all) = rendered(&more)?;
        let adds = took.saturating_sub(without);
        println!("{name:>15} {:>12} {all:>8} manifests, it adds {}", seconds(took), seconds(adds));
        target(&format!("{name} takes at most 0.5 s"), adds <= Duration::from_millis(500));
    }
    Ok(())
}
