//! What `serve --demo` says, and says when it is started again.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::process::PATIENCE;
use crate::{PROGRAM, meshwright, write};

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
