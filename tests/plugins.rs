//! Plugins outside the program: what they render, how it is checked without them, and what a bad one can do.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is a test")]

#[path = "plugins/away.rs"]
mod away;
#[path = "plugins/bad.rs"]
mod bad;
#[path = "plugins/between.rs"]
mod between;
#[path = "plugins/checked.rs"]
mod checked;
mod plugin;
mod process;
#[path = "plugins/python.rs"]
mod python;
#[path = "plugins/reached.rs"]
mod reached;
mod tls;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use plugin::{DEADLINE, Does, PluginDouble};
use process::{Client, PATIENCE, Run, Server, meshwright};

const MESH: &str = include_str!("../fixtures/minimal/bundle.yaml");

/// The path of what the plugin renders for it.
const POLICY: &str = "clusters/gke/east/shop/cartservice/networkpolicy-cartservice.np.yaml";

/// What lists the plugin.
const LISTED: &str = "plugins:\n- {name: np, version: '1.0', kinds: [inbound-intents, clients]}\n";

const INBOUND: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web/\
                       inbound-intents/cart";

/// A server whose main lists a plugin.
struct Mesh {
    folder: tempfile::TempDir,
    server: Option<Server>,
    url: String,
}

impl Mesh {
    /// One that reaches the plugin as `plugins` says in its configuration.
    fn start(plugins: &str) -> Self {
        Self::listing(LISTED, plugins)
    }

    /// The same with other settings on main.
    fn listing(settings: &str, plugins: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
        let mut mesh = Self { folder, server: None, url: String::new() };
        mesh.configure(plugins);
        mesh.run();
        mesh.commit("meshwright.yaml", settings);
        // It knows main from the start.
        mesh.run();
        mesh
    }

    fn with(double: &PluginDouble) -> Self {
        Self::start(&reach(&double.address))
    }

    fn configure(&self, plugins: &str) {
        let timing = "timing: {settle: 20ms, readyAfter: 50ms, poll: 100ms}\n";
        fs::write(self.root().join("serve.yaml"), format!("{timing}{plugins}")).unwrap();
    }

    /// Starts the server, after it was killed too.
    fn run(&mut self) {
        self.server = None;
        let mut server = Server::spawn(&self.root().join("data"), &self.root().join("serve.yaml"));
        self.url = server.url();
        self.server = Some(server);
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, folder: &str, arguments: &[&str]) {
        let settings = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").args(settings).args(arguments).current_dir(self.root().join(folder)).status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    }

    /// A fresh clone of the config repository.
    fn checkout(&self) -> PathBuf {
        let repo = self.root().join("repo");
        drop(fs::remove_dir_all(&repo));
        self.git(".", &["clone", "--quiet", "data/config.git", "repo"]);
        repo
    }

    /// Puts a file on main by hand.
    fn commit(&self, path: &str, text: &str) {
        let repo = self.checkout();
        fs::create_dir_all(repo.join(path).parent().unwrap()).unwrap();
        fs::write(repo.join(path), text).unwrap();
        self.git("repo", &["add", "."]);
        self.git("repo", &["commit", "--quiet", "--message", "by hand"]);
        self.git("repo", &["push", "--quiet", "origin", "HEAD"]);
    }

    fn cli(&self, arguments: &[&str]) -> Run {
        meshwright(self.root(), &[arguments, &["--server", &self.url]].concat())
    }

    fn get(&self, path: &str) -> Value {
        let answer = Client::new(&self.url).send("GET", path, &[], None).unwrap();
        serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body))
    }

    fn send(&self, method: &str, path: &str, body: &str) -> process::Answer {
        Client::new(&self.url).send(method, path, &[], Some(("application/json", body.as_bytes()))).unwrap()
    }

    /// Posts the bundle and gives its change.
    fn apply(&self) -> String {
        let apply = self.cli(&["apply", "-f", "mesh.yaml", "--wait", "none", "-o", "json"]);
        assert_eq!(apply.code, Some(0), "{apply:?}");
        let change: Value = serde_json::from_str(&apply.out).unwrap();
        change["changes"][0]["id"].as_str().unwrap_or_else(|| panic!("{change}")).to_owned()
    }

    /// Waits until a change is as it should be, and gives it.
    fn wait(&self, change: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = self.get(&format!("/v2/changes/{change}"));
            if is_so(&seen) {
                return seen;
            }
            assert!(Instant::now() < until, "it stays {seen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the plugin is told of in `/readyz` as it should be.
    fn wait_for_part(&self, is_so: impl Fn(&Value) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let ready = self.get("/readyz");
            let parts = ready["parts"].as_array().unwrap();
            let part = parts.iter().find(|part| part["name"] == "plugin/np").unwrap_or_else(|| panic!("{ready}"));
            if is_so(part) {
                return;
            }
            assert!(Instant::now() < until, "it stays {part}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for(&self, change: &str, state: &str) -> Value {
        self.wait(change, |seen| seen["state"] == state)
    }

    /// Has a change approved and merged.
    fn merge(&self, change: &str) {
        self.wait_for(change, "proposed");
        for step in ["approve", "merge"] {
            let run = self.cli(&["change", step, change]);
            assert_eq!(run.code, Some(0), "{run:?}");
        }
    }
}

/// The mesh with so many services, each on a port.
fn services(count: usize, port: usize) -> String {
    let (head, inbound) = MESH.split_once("---\nanchor: inbound-intents\n").unwrap();
    let (server, client) = inbound.split_once("---\n").unwrap();
    let mut bundle = head.to_owned();
    for number in 0..count {
        let of = |text: &str| {
            let text = text.replace("name: cart}", &format!("name: cart-{number}}}"));
            let text = text.replace("cartservice", &format!("service-{number}")).replace("7070", &port.to_string());
            text.replace("inbound-intents/cart/", &format!("inbound-intents/cart-{number}/"))
        };
        bundle.push_str(&format!("---\nanchor: inbound-intents\n{}---\n{}", of(server), of(client)));
    }
    bundle
}

/// A configuration that reaches the plugin at an address.
fn reach(address: &str) -> String {
    format!("plugins:\n- {{name: np, address: '{address}', deadline: {}ms}}\n", DEADLINE.as_millis())
}
