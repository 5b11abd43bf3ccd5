//! What a plugin adds: one outside this program over a local socket, and those that are built in.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use meshwright::boot::SystemClock;
use meshwright::change::Plugins as _;
use meshwright::intent::{Anchor, Kind, Settings, Tree};
use meshwright::plugin::{DEADLINE, Directory, Pool, Target};
use meshwright::render::{
    Answers, Ask, Outside, PluginFiles, Question, Rendered, Scope, questions, render, render_asking,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

use crate::answering::{Answering, Asked};
use crate::plan::{Plan, resource};
use crate::report::{Took, best, have_memory, median, middle, milliseconds, seconds, spend, target};
use crate::{Outcome, Setting};

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let services = if setting.quick { 1_000 } else { 10_000 };
    outside(setting, services)?;
    built_in(services)
}

/// A mesh as a plugin is asked about it, and a way to it.
struct Asking<'a> {
    runtime: &'a Runtime,
    address: &'a str,
    settings: &'a Settings,
    tree: &'a Tree,
    scope: &'a Scope,
}

/// Has plugins asked as `meshwright render` does.
struct Plugins<'a> {
    runtime: &'a Runtime,
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

/// What the same takes, in one turn.
struct Turn {
    built_in: Took,
    known: Took,
    called: Took,
    bare: Took,
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

    /// Renders all services without plugins, asking one, and with its answers at hand, each in a process of its own, and asks
    /// the same without rendering.
    fn turn_of_all(&self, services: usize, asked: &Asked, channel: &Channel) -> Outcome<Turn> {
        let [built_in, called, known] = [BUILT_IN, CALLED, KNOWN].map(|how| apart(how, self.address, services));
        let exchange = asked.bare(channel);
        let (bare, exchanged) = spend(|| self.runtime.block_on(exchange));
        exchanged?;
        Ok(Turn { built_in: built_in?, known: known?, called: called?, bare })
    }

    /// The same of one service, in this process. What one gave is gone before the next begins.
    fn turn_of_one(&self, asked: &Asked, channel: &Channel) -> Outcome<Turn> {
        let (pool, plain) = (self.pool(), Settings::default());
        let (built_in, _) = spend(|| render(self.tree, &plain, self.scope, Outside::None));
        let (called, _) = spend(|| self.call(&pool));
        let (known, _) = spend(|| self.render(pool.answers()));
        drop(pool);
        let exchange = asked.bare(channel);
        let (bare, exchanged) = spend(|| self.runtime.block_on(exchange));
        exchanged.map(|()| Turn { built_in, known, called, bare })
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

/// The first argument with which this program renders once, and the second, which says how.
pub(crate) const APART: &str = "--apart";
const BUILT_IN: &str = "built-in";
const CALLED: &str = "called";
const KNOWN: &str = "known";

/// What a rendering takes in a process in which nothing was rendered before, as in that of `meshwright render`: a second after
/// memory is freed the allocator gives it back, which whatever runs by then would pay for.
fn apart(how: &str, address: &str, services: usize) -> Outcome<Took> {
    let mut command = Command::new(std::env::current_exe()?);
    let command = command.args([APART, how, address, &services.to_string()]).stderr(Stdio::inherit());
    let output = command.output()?;
    let said = String::from_utf8(output.stdout)?;
    let times =
        said.split_whitespace().map(|it| it.parse().map(Duration::from_nanos)).collect::<Result<Vec<_>, _>>()?;
    match times[..] {
        [wall, processor] if output.status.success() => Ok(Took { wall, processor }),
        _ => Err(format!("the process that rendered {how} ended with {}", output.status).into()),
    }
}

/// Renders once, and prints the nanoseconds that it took, of wall and of processor time.
pub(crate) fn render_apart(words: &[&str]) -> Outcome {
    let [how, address, services] = *words else { return Err(format!("{APART} takes three words").into()) };
    let (runtime, settings, tree) = (runtime()?, listing()?, Plan::of(services.parse()?).tree()?);
    let scope = Scope::everything(&tree);
    let asking = Asking { runtime: &runtime, address, settings: &settings, tree: &tree, scope: &scope };
    let pool = asking.pool();
    let (took, rendered) = match how {
        BUILT_IN => {
            let plain = Settings::default();
            have_memory()?;
            spend(|| render(&tree, &plain, &scope, Outside::None))
        }
        CALLED => {
            have_memory()?;
            spend(|| asking.call(&pool))
        }
        KNOWN => {
            runtime.block_on(pool.settle(&questions(&tree, &settings, &scope)));
            have_memory()?;
            spend(|| asking.render(pool.answers()))
        }
        other => return Err(format!("{APART} knows no {other}").into()),
    };
    if let Some(question) = rendered.unanswered.first() {
        return Err(format!("{question} was not answered").into());
    }
    println!("{} {}", took.wall.as_nanos(), took.processor.as_nanos());
    Ok(())
}

/// A runtime to ask on, as the one of `meshwright render`.
fn runtime() -> Outcome<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

fn listing() -> Outcome<Settings> {
    Ok(Settings::read("plugins: [{name: np, version: '1', kinds: [inbound-intents, clients]}]\n")?)
}

fn outside(setting: &Setting, services: usize) -> Outcome {
    let (serving, runtime, settings) = (runtime()?, runtime()?, listing()?);
    let folder = tempfile::tempdir_in(&setting.folder)?;
    let (small, large) = (Plan::of(100).tree()?, Plan::of(services).tree()?);
    let one = Scope::concerned(&small, &small, &[Anchor::parse(&Plan::client(0, 7, "far"))?]);
    let all = Scope::everything(&large);
    println!(
        "one service in this process, the plugin on another runtime, and each rendering of 10,000 in a process of its own; processor time is \
         that of the process that renders, and of both sides in bare gRPC"
    );
    println!(
        "{:>8} {:>8} {:>4} {:>9} {:>10} {:>10} {:>10} {:>10} {:>28} {:>10}",
        "services", "answers", "at", "", "built in", "known", "called", "bare gRPC", "a call adds", "of built in"
    );
    for manifests in [false, true] {
        let plugin = Answering::new(manifests);
        let answers = if manifests { "policies" } else { "nothing" };
        for address in plugin.serve(&serving, folder.path())? {
            let at = if address.starts_with("unix") { "unix" } else { "tcp" };
            let channel = runtime.block_on(Endpoint::new(address.clone())?.connect())?;
            for (tree, scope, count) in [(&small, &one, 1), (&large, &all, services)] {
                let asking = Asking { runtime: &runtime, address: &address, settings: &settings, tree, scope };
                let asked = plugin.listen(|| asking.verify())?;
                let turns: Vec<Turn> = match count {
                    1 => (0..100).map(|_| asking.turn_of_one(&asked, &channel)).collect::<Outcome<_>>()?,
                    _ => (0..31).map(|_| asking.turn_of_all(services, &asked, &channel)).collect::<Outcome<_>>()?,
                };
                let (wall, processor) = (Summary::of(&turns, |it| it.wall), Summary::of(&turns, |it| it.processor));
                println!("{count:>8} {answers:>8} {at:>4} {:>9} {wall}", "wall");
                println!("{:>32} {processor}", "processor");
                match count {
                    1 => target("a call adds at most 1 ms to one service", wall.adds[1] <= 1.0),
                    _ => target("it adds at most 20 % to all of them", wall.share[1] <= 20.0),
                }
            }
        }
    }
    Ok(())
}

/// Some turns summed up, in one kind of time.
struct Summary {
    /// The medians: built in, known, called, and bare gRPC.
    medians: [Duration; 4],
    /// What a call adds to what is rendered with its answers at hand, in milliseconds, in the same turn: other programs slow down
    /// a whole turn more often than a part of it.
    adds: [f64; 3],
    /// The same in percent of what is rendered without.
    share: [f64; 3],
}

impl Summary {
    fn of(turns: &[Turn], time: fn(&Took) -> Duration) -> Self {
        let of = |part: fn(&Turn) -> &Took| median(turns.iter().map(|turn| time(part(turn))).collect());
        let ms = |took: &Took| time(took).as_secs_f64() * 1e3;
        let adds = |turn: &Turn| ms(&turn.called) - ms(&turn.known);
        Self {
            medians: [of(|it| &it.built_in), of(|it| &it.known), of(|it| &it.called), of(|it| &it.bare)],
            adds: middle(turns.iter().map(adds).collect()),
            share: middle(turns.iter().map(|turn| adds(turn) / ms(&turn.built_in) * 100.0).collect()),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.medians.iter().try_for_each(|time| write!(f, "{:>10} ", milliseconds(*time)))?;
        let ([low, adds, high], [least, share, most]) = (self.adds, self.share);
        write!(f, "{adds:>10.2} ({low:.2} to {high:.2}) ms {share:>4.0} ({least:.0} to {most:.0}) %")
    }
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
