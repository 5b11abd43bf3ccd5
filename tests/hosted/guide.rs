//! What the page for a new user tells to do, done: command by command, against the double.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::double::{Double, Face, Verdict, scratch};

/// A block of the page: how it is marked, and its lines.
fn blocks(page: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks: Vec<(String, Vec<String>)> = vec![];
    let mut open = false;
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(kind) if !open => {
                blocks.push((kind.to_owned(), vec![]));
                open = true;
            }
            Some(_) => open = false,
            None if open => blocks.last_mut().unwrap().1.push(line.to_owned()),
            None => {}
        }
    }
    blocks
}

/// Whether lines are what is expected, in which `…` stands for anything, and alone on a line for any lines.
fn fits(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((any, rest)) if any == "…" => (0..=found.len()).any(|skipped| fits(rest, &found[skipped..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, others)| within(line, first) && fits(rest, others))
        }
    }
}

fn within(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    let mut parts = pattern.split('…');
    let Some(after) = rest.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    rest = after;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || pattern.ends_with('…')
}

/// A shell that keeps what it is told from one command to the next.
struct Shell {
    folder: PathBuf,
    servers: Vec<String>,
}

impl Shell {
    fn run(&mut self, command: &str) -> Vec<String> {
        let folder = self.folder.to_str().unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_meshwright")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let script = format!(
            "cd \"$(cat {folder}/.cwd 2>/dev/null || echo {folder})\" && {{ {command}\n}} && pwd > {folder}/.cwd; echo $? > {folder}/.rc; jobs -p > {folder}/.jobs"
        );
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("PATH", path)
            .env("MESHWRIGHT", env!("CARGO_MANIFEST_DIR"))
            .env("GIT_AUTHOR_NAME", "Alice")
            .env("GIT_AUTHOR_EMAIL", "alice@example.com")
            .env("GIT_COMMITTER_NAME", "Alice")
            .env("GIT_COMMITTER_EMAIL", "alice@example.com")
            .output()
            .expect("bash is installed");
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        self.servers.extend(read(".jobs").split_whitespace().map(ToOwned::to_owned));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = std::fs::read_to_string(self.folder.join("mesh-config/server.log")).unwrap_or_default();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(read(".rc").trim(), "0", "{command}\n{text}\n{errors}\n{log}");
        text.lines().map(ToOwned::to_owned).collect()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for server in &self.servers {
            drop(Command::new("kill").arg(server).status());
        }
    }
}

#[test]
fn the_page_about_github_is_true() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/github.md")).unwrap();
    let double = Double::start(Face::GitHub);
    let app = double.install_app(3600);
    double.add_team("mesh", &["bob"]);
    double.add_team("platform", &["bob"]);
    let folder = scratch();
    // The repository that stands on the page, with a free port and somebody who may push.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let git = double.git_url().replace("http://", &format!("http://alice:{}@", crate::double::TOKEN));
    let here = |text: &str| {
        text.replace("https://github.com/acme/mesh-config.git", &git)
            .replace("127.0.0.1:8470", &format!("127.0.0.1:{port}"))
            .replace("  repository: acme", &format!("  api: {}\n  repository: acme", double.api_url()))
    };
    let mut shell = Shell { folder: folder.path().to_owned(), servers: vec![] };
    let (mut commands, mut reviewed) = (0, false);
    for (kind, lines) in blocks(&page) {
        let workplace = folder.path().join("mesh-config");
        if kind == "yaml" && lines[0].starts_with("# ") {
            std::fs::write(workplace.join(lines[0].trim_start_matches("# ")), here(&lines.join("\n"))).unwrap();
        }
        if kind != "console" {
            continue;
        }
        let mut lines = lines.into_iter().peekable();
        while let Some(line) = lines.next() {
            let command = line.strip_prefix("$ ").unwrap().to_owned();
            let mut expected = vec![];
            while let Some(said) = lines.next_if(|line| !line.starts_with("$ ")) {
                expected.push(said);
            }
            if command.starts_with("chmod 600 app.pem") {
                std::fs::write(workplace.join("app.pem"), &app.private_key).unwrap();
            }
            if command.starts_with("meshwright change merge") && !reviewed {
                reviewed = true;
                review(&double, &mut shell, port);
            }
            let command = here(&command).replacen(
                "meshwright ",
                &format!("MESHWRIGHT_SERVER=http://127.0.0.1:{port} meshwright "),
                1,
            );
            let found = shell.run(&command);
            assert!(expected.is_empty() || fits(&expected, &found), "{command}\n{expected:#?}\n{found:#?}");
            commands += 1;
        }
    }
    assert!(reviewed && commands >= 8, "{commands} commands were run");
    let pulls = double.pulls();
    assert!(pulls.len() == 1 && pulls[0].merged.is_some(), "{pulls:#?}");
}

/// What people do between the commands: they review, and the webhook tells.
fn review(double: &Double, shell: &mut Shell, port: u16) {
    double.want_hooks();
    double.review(1, "bob", Verdict::Approve, "fine");
    let secret = std::fs::read_to_string(shell.folder.join("mesh-config/webhook-secret")).unwrap();
    let delivery = double.take_hooks().remove(0);
    let to = format!("http://127.0.0.1:{port}/v2/webhooks/github");
    assert_eq!(double.deliver(&to, secret.trim(), &delivery).0, 202);
    let show = format!(
        "until MESHWRIGHT_SERVER=http://127.0.0.1:{port} meshwright change show | grep --quiet approved; do sleep 0.2; done"
    );
    shell.run(&format!("timeout 60 bash -c '{show}'"));
}
