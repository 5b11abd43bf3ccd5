//! The example in Python, as its page says it is used.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::{Mesh, meshwright};

/// What has to be there for it.
const MODULES: &str = "import grpc, grpc_tools, grpc_health.v1";

/// A Python that has what the example needs: the one that is named, or the machine's own.
fn python() -> Option<String> {
    let named = std::env::var("MESHWRIGHT_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let there = Command::new(&python).args(["-c", MODULES]).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    assert!(there || named.is_none(), "MESHWRIGHT_PYTHON names {python}, which lacks grpcio and its tools");
    there.then_some(python)
}

/// Says what keeps a test from being run; in CI that is a failure.
fn not_run(missing: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI is true, and there is {missing}");
    // The macros write what nobody reads of a test that passes; the stream itself is read.
    let words = format!("\nNOT RUN in {}: there is {missing}\n", file!());
    std::io::stderr().write_all(words.as_bytes()).unwrap();
}

struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_example_in_python_renders_and_is_checked() {
    let Some(python) = python() else {
        return not_run(
            "no Python with grpcio, grpcio-tools and grpcio-health-checking: install \
             fixtures/plugins/network-policies/requirements.txt, and name that Python by MESHWRIGHT_PYTHON",
        );
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/plugins/network-policies");
    let plugin = Command::new(python)
        .args([&format!("{folder}/plugin.py"), "--listen", "127.0.0.1:0"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdout(Stdio::piped())
        .spawn();
    let mut plugin = Example(plugin.unwrap());
    let mut line = String::new();
    BufReader::new(plugin.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("listening on port ").unwrap().to_owned();

    let listed = "plugins: [{name: network-policies, version: '1.0', kinds: [inbound-intents, clients]}]\n";
    let reach = format!("plugins: [{{name: network-policies, address: 'http://127.0.0.1:{port}'}}]\n");
    let mesh = Mesh::listing(listed, &reach);
    std::fs::write(mesh.root().join("mesh.yaml"), super::services(20, 7070)).unwrap();
    mesh.merge(&mesh.apply());
    let repo = mesh.checkout();
    let path = "clusters/gke/east/shop/service-7/networkpolicy-service-7-7070.network-policies.yaml";
    let text = std::fs::read_to_string(repo.join(path)).unwrap();
    for line in ["  ingress:\n", "          kubernetes.io/metadata.name: shop\n", "    - port: 7070\n"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let plugins = format!("--plugins={}", mesh.root().join("serve.yaml").display());
    let check = meshwright(&repo, &["check", &plugins]);
    assert!(check.code == Some(0) && !check.out.contains("digest"), "{check:?}");
}
