//! What people see of changes and plans whose plugin is away, and in which order plugins are asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::bad::failures;
use super::{Client, Does, INBOUND, LISTED, MESH, Mesh, PATIENCE, POLICY, PluginDouble, process};

impl Mesh {
    /// The first pull request, as the server keeps it.
    fn pull(&self) -> Value {
        let repo = self.root().join("data/config.git");
        let file = "refs/meshwright/pulls/1:pull.json";
        let show = std::process::Command::new("git").arg("-C").arg(repo).args(["show", file]).output().unwrap();
        serde_json::from_slice(&show.stdout).unwrap_or_else(|_| panic!("{show:?}"))
    }

    fn wait_until_main_has(&self, path: &str) {
        wait(|| self.checkout().join(path).exists());
    }
}

/// Plans the mesh of the fixture in the background.
fn plan(mesh: &Mesh) -> std::thread::JoinHandle<process::Answer> {
    plan_of(mesh, MESH.to_owned())
}

fn plan_of(mesh: &Mesh, bundle: String) -> std::thread::JoinHandle<process::Answer> {
    let client = Client::new(&mesh.url);
    std::thread::spawn(move || {
        client.send("POST", "/v2/plan", &[], Some(("application/yaml", bundle.as_bytes()))).unwrap()
    })
}

fn wait(is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it does not become so");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_open_pull_request_is_a_draft_while_its_plugin_is_away() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    let change = mesh.apply();
    mesh.wait_for(&change, "proposed");
    let before = mesh.pull();
    assert_eq!(before["draft"], false);
    double.does(Does::Fail);
    let more = mesh.send("DELETE", &format!("/v2/{INBOUND}/clients/frontend"), "");
    assert_eq!(more.headers["meshwright-change"].to_str().unwrap(), change);
    let blocked = mesh.wait_for(&change, "blocked");
    assert!(blocked["reason"].as_str().unwrap().ends_with("; it goes on by itself when that is mended"), "{blocked}");
    wait(|| mesh.pull()["draft"] == true);
    let mut meanwhile = mesh.pull();
    meanwhile["draft"] = false.into();
    assert_eq!(meanwhile, before, "all else stays as it was");
    double.does(Does::Well);
    mesh.wait_for(&change, "proposed");
    assert_eq!(mesh.pull()["draft"], false);
}

#[test]
fn a_plan_says_why_a_plugin_did_not_answer() {
    let double = PluginDouble::start(Does::Secret);
    let mesh = Mesh::with(&double);
    let answer = plan(&mesh).join().unwrap();
    assert!(answer.status == 200 && answer.body.contains("which never goes to Git"), "{}", answer.body);
}

#[test]
fn a_plan_leaves_the_files_of_a_plugin_that_did_not_answer_as_they_are() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    mesh.merge(&mesh.apply());
    mesh.wait_until_main_has(POLICY);
    let planned = || -> (Vec<String>, bool) {
        let answer = plan_of(&mesh, MESH.replace("7070", "7071")).join().unwrap();
        let plan: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
        let paths = plan["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap().to_owned());
        (paths.collect(), answer.body.contains("its files are shown as main has them"))
    };
    double.does(Does::Fail);
    let (paths, is_told) = planned();
    assert!(is_told && !paths.is_empty() && !paths.contains(&POLICY.to_owned()), "{paths:?}");
    double.does(Does::Well);
    let until = Instant::now() + PATIENCE;
    while planned().1 {
        assert!(Instant::now() < until, "it is not asked again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(planned().0.contains(&POLICY.to_owned()));
}

#[test]
fn a_plugin_that_a_look_found_dead_is_not_asked_until_another_finds_it_well() {
    let double = PluginDouble::start(Does::Dead);
    let mesh = Mesh::with(&double);
    mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.starts_with("did not answer within")));
    let answer = plan(&mesh).join().unwrap();
    assert!(answer.body.contains("the plugin np did not answer within"), "{}", answer.body);
    assert_eq!(double.waiting(), 0);
    double.does(Does::Well);
    mesh.merge(&mesh.apply());
}

/// What stands between the server and a plugin, and forgets connections without closing them, as firewalls do.
struct Middle {
    address: String,
    /// How many connections were made, and how many of the first of them are forgotten.
    made: Arc<AtomicUsize>,
    forgotten: Arc<AtomicUsize>,
}

impl Middle {
    fn before(plugin: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let plugin = plugin.strip_prefix("http://").unwrap().to_owned();
        let (made, forgotten) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, until) = (Arc::clone(&made), Arc::clone(&forgotten));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let (number, far) = (count.fetch_add(1, Ordering::SeqCst), TcpStream::connect(&plugin).unwrap());
                for (from, to) in [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())] {
                    let (mut from, mut to, until) = (from.unwrap(), to.unwrap(), Arc::clone(&until));
                    std::thread::spawn(move || {
                        let mut bytes = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut bytes) {
                            if number >= until.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                                break;
                            }
                        }
                    });
                }
            }
        });
        Self { address, made, forgotten }
    }

    fn forget(&self) {
        self.forgotten.store(self.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

#[test]
fn a_connection_on_which_nothing_comes_any_more_is_let_go_of() {
    let double = PluginDouble::start(Does::Well);
    let middle = Middle::before(&double.address);
    let mesh = Mesh::start(&super::reach(&middle.address));
    mesh.merge(&mesh.apply());
    middle.forget();
    let more = mesh.send("DELETE", &format!("/v2/{INBOUND}/clients/frontend"), "");
    mesh.wait_for(more.headers["meshwright-change"].to_str().unwrap(), "proposed");
    // Not one deadline after the other until the connection itself is given up; a look may be late beside the first call.
    assert!(failures(&mesh, "late") <= 2, "{}", failures(&mesh, "late"));
}

#[test]
fn a_plan_does_not_wait_for_a_plugin_that_is_not_listed_any_more() {
    let double = PluginDouble::start(Does::Hang);
    let mesh = Mesh::start(&format!("plugins: [{{name: np, address: '{}', deadline: 300s}}]\n", double.address));
    let waiting = plan(&mesh);
    wait(|| double.waiting() > 0);
    mesh.commit("meshwright.yaml", "{}\n");
    let answer = waiting.join().unwrap();
    assert!(answer.status == 200 && !answer.body.contains("plugin/unanswered"), "{}", answer.body);
}

#[test]
fn plugins_are_asked_in_the_order_of_their_priorities() {
    for (priority, waits) in [(2, true), (0, false)] {
        let (first, second) = (PluginDouble::start(Does::Hang), PluginDouble::start(Does::Other));
        let other =
            LISTED.replace("plugins:\n", "").replace("{name: np,", &format!("{{name: other, priority: {priority},"));
        let settings = LISTED.replace("{name: np,", "{name: np, priority: 1,") + &other;
        let at =
            |name: &str, of: &PluginDouble| format!("- {{name: {name}, address: '{}', deadline: 3s}}\n", of.address);
        let mesh = Mesh::listing(&settings, &format!("plugins:\n{}{}", at("np", &first), at("other", &second)));
        let planning = plan(&mesh);
        wait(|| first.waiting() > 0);
        assert_eq!(second.asked() == 0, waits, "with priority {priority}");
        // It is asked all the same when the one before it has failed.
        let answer = planning.join().unwrap();
        assert!(second.asked() > 0 && answer.body.contains("did not answer within 3 s"), "{}", answer.body);
    }
}
