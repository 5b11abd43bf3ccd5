//! What people see of changes and plans whose plugin is away, and in which order plugins are asked.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Client, Does, INBOUND, LISTED, MESH, Mesh, PATIENCE, PluginDouble, process};

impl Mesh {
    /// The first pull request, as the server keeps it.
    fn pull(&self) -> Value {
        let repo = self.root().join("data/config.git");
        let file = "refs/meshwright/pulls/1:pull.json";
        let show = std::process::Command::new("git").arg("-C").arg(repo).args(["show", file]).output().unwrap();
        serde_json::from_slice(&show.stdout).unwrap_or_else(|_| panic!("{show:?}"))
    }
}

/// Plans the mesh of the fixture in the background.
fn plan(mesh: &Mesh) -> std::thread::JoinHandle<process::Answer> {
    let client = Client::new(&mesh.url);
    std::thread::spawn(move || {
        client.send("POST", "/v2/plan", &[], Some(("application/yaml", MESH.as_bytes()))).unwrap()
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
