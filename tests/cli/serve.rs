//! What `serve --demo` says, and says when it is started again.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::process::{Client, PATIENCE, Server};
use crate::{MESH, PROGRAM, meshwright, write};

/// A server with the sample mesh, which is killed when this is dropped.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    url: String,
}

impl Demo {
    /// Starts it, and waits until it has said what to try.
    fn start(data: &Path) -> (Self, String) {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut demo = Self { child, lines, url: String::new() };
        let listening = demo.line("listening url=");
        demo.url = listening.split("url=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let mut said = format!("{}\n", demo.line(", in another terminal:"));
        said.push_str(&demo.line("  meshwright change "));
        (demo, said)
    }

    /// The next line that holds `words`.
    fn line(&self, words: &str) -> String {
        let next = || self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{words}: {error}"));
        std::iter::repeat_with(next).find(|line| line.contains(words)).unwrap()
    }

    fn change(&self, step: &str) {
        let run = meshwright(Path::new("."), &["change", step, "--server", &self.url]);
        assert_eq!(run.code, Some(0), "{run:?}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_sample_mesh_is_loaded_once_and_a_restart_says_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (demo, said) = Demo::start(&data);
    assert!(said.contains(" is proposed and waits for your review. ") && said.contains("change show "), "{said}");
    demo.change("approve");
    drop(demo);
    let (demo, said) = Demo::start(&data);
    assert!(said.contains(" is approved and waits to be merged. "), "{said}");
    demo.change("merge");
    drop(demo);
    let (demo, said) = Demo::start(&data);
    assert!(said.starts_with("The sample mesh is on main; nothing waits for review."), "{said}");

    // What was changed since is not put back.
    let network = "anchor: cluster-providers/gke/clusters\nmetadata: {name: east}\nspec: {network: other}\n";
    write(folder.path(), "network.yaml", network);
    let apply = meshwright(folder.path(), &["apply", "-f", "network.yaml", "--server", &demo.url]);
    assert!(apply.out.contains(" is proposed"), "{apply:?}");
    demo.change("approve");
    demo.change("merge");
    drop(demo);
    let (_demo, said) = Demo::start(&data);
    assert!(said.starts_with("The sample mesh is on main; nothing waits for review."), "{said}");
}

#[test]
fn a_trouble_that_lasts_is_logged_once_however_often_it_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        assert!(
            Command::new("git").args(identity).args(arguments).current_dir(folder.path()).status().unwrap().success()
        );
    };
    git(&["init", "--quiet", "--initial-branch=other", "remote"]);
    git(&["-C", "remote", "commit", "--quiet", "--allow-empty", "--message=begin"]);
    let config =
        format!("repository: {{remote: '{}'}}\ntiming: {{poll: 50ms}}\n", folder.path().join("remote").display());
    write(folder.path(), "config.yaml", &config);
    let mut server = Server::spawn(&folder.path().join("data"), &folder.path().join("config.yaml"));
    let client = Client::new(&server.url());
    let ready = || client.send("GET", "/readyz", &[], None).unwrap().body;
    let told = (0..3000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        ready().contains("does not have the branch")
    });
    assert!(told, "{}", ready());
    let accepted = client.send("POST", "/v2/bundles", &[], Some(("application/yaml", MESH.as_bytes()))).unwrap();
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    let change = format!("/v2/changes/{}", accepted.headers["meshwright-change"].to_str().unwrap());
    for _ in 0..5 {
        let shown = client.send("GET", &change, &[], None).unwrap();
        assert!(shown.body.contains("planMissing"), "{}", shown.body);
        let plan = client.send("POST", "/v2/plan", &[], Some(("application/yaml", MESH.as_bytes()))).unwrap();
        assert_eq!(plan.status, 503, "{}", plan.body);
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    let log = server.kill();
    let told = log.lines().filter(|line| line.contains("does not have the branch") && line.contains(" WARN "));
    assert_eq!((told.count(), log.contains(" ERROR ")), (1, false), "{log}");
}

#[test]
fn a_token_that_is_missing_is_told_from_one_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let config = format!("tokens:\n- {{name: owner, sha256: {}}}\n", "0".repeat(64));
    write(root, "serve.yaml", &config);
    write(root, "token", "nobody's\n");
    write(root, "empty", "\n");
    let demo = meshwright(root, &["serve", "--demo", "--config", "serve.yaml", "--data", "data"]);
    assert!(demo.code == Some(2) && demo.err.contains("leave tokens out"), "{demo:?}");
    assert!(!demo.err.contains("listening") && !root.join("data").exists(), "{demo:?}");
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let url = server.url();
    for (more, words) in [
        (&[][..], "no token was sent: name a file that holds one by --token-file, or put it into MESHWRIGHT_TOKEN"),
        (&["--token-file", "token"], "is not configured here; send one that is.\n  the token is the one in token "),
        (&["--token-file", "empty"], "empty (--token-file) holds no token"),
    ] {
        let run = meshwright(root, &[&["change", "list", "--server", &url], more].concat());
        assert!(run.code == Some(1) && run.err.contains(words), "{run:?}");
    }
    server.kill();
}

#[cfg(unix)]
#[test]
fn the_service_manager_is_told_when_it_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    write(folder.path(), "serve.yaml", "");
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let mut server = Server::within(&folder.path().join("data"), &folder.path().join("serve.yaml"), &environment);
    let next = || {
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(next(), "READY=1\n");
    server.url();
    let mut early = String::new();
    while !early.contains("STATUS=ready\n") || early.matches("WATCHDOG=1\n").count() < 2 {
        early.push_str(&next());
        assert!(early.len() < 1000 && !early.contains("STATUS=not ready"), "{early}");
    }
    server.stop();
    let late = std::iter::repeat_with(next).find(|said| !said.starts_with("WATCHDOG=1"));
    assert_eq!(late.as_deref(), Some("STOPPING=1\n"));
}
