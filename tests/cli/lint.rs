//! What `lint` finds in anybody's manifests, and what it makes of files that are none.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{PROGRAM, Run, meshwright, write};

const SERVICE: &str = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: x}\nspec:\n  \
                       hosts: [a.example]\n  gateways: [y/z/none]\n  http:\n  - route:\n    - destination: {host: b.example}\n";

/// Severity, rule and place of each finding.
fn heads(run: &Run) -> Vec<&str> {
    let heads = run.out.lines().filter_map(|line| line.split_once(": ").filter(|(head, _)| head.contains('[')));
    heads.map(|(head, _)| head).collect()
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn input(arguments: &[&str], text: &[u8]) -> Run {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn findings_of_files_folders_and_standard_input_have_their_places() {
    let folder = folder(&[
        ("deep/er/service.yaml", SERVICE.as_bytes()),
        (
            "deep/gateway.yml",
            b"# mine\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g.g}\n",
        ),
        ("deep/notes.txt", b"["),
        (".hidden/x.yaml", b"["),
    ]);
    let run = meshwright(folder.path(), &["lint", "deep"]);
    assert_eq!(
        heads(&run),
        [
            "error[istio/048 IST0106] deep/er/service.yaml:6:14#/spec/gateways/0",
            "error[istio/011 IST0106] deep/gateway.yml:3:1#/spec/servers",
            "error[istio/010 IST0106] deep/gateway.yml:5:12#/metadata/name",
        ],
        "{run:?}"
    );
    assert!(
        run.code == Some(1) && run.out.ends_with("\nnot ok: 2 files, 2 resources, 3 errors, 0 warnings\n"),
        "{run:?}"
    );
    assert_eq!(meshwright(folder.path(), &["lint"]).out, run.out, "this folder where none is named");
    assert_eq!(meshwright(folder.path(), &["lint", "deep", "deep/er/service.yaml"]).out, run.out, "each file once");

    let piped = input(&["lint", "-"], SERVICE.as_bytes());
    assert_eq!(heads(&piped), ["error[istio/048 IST0106] (standard input):6:14#/spec/gateways/0"], "{piped:?}");
    let right = SERVICE.replace("  gateways: [y/z/none]\n", "");
    let right = input(&["lint", "-"], right.as_bytes());
    assert_eq!((right.code, right.out.as_str()), (Some(0), "ok: 1 file, 1 resource, 0 errors, 0 warnings\n"));
}

#[test]
fn warnings_fail_where_they_are_asked_to() {
    let old = SERVICE.replace("istio.io/v1\n", "istio.io/v1beta1\n").replace("  gateways: [y/z/none]\n", "");
    let folder = folder(&[("old.yaml", old.as_bytes())]);
    let run = |more: &[&str]| meshwright(folder.path(), &[&["lint", "old.yaml"], more].concat());
    assert_eq!(heads(&run(&[])), ["warning[istio/IST0002] old.yaml:1:1#/apiVersion"]);
    assert_eq!((run(&[]).code, run(&["--strict"]).code), (Some(0), Some(1)));
    let wrong = run(&["--nonsense"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let help = meshwright(folder.path(), &["lint", "--help"]);
    assert!(help.out.contains("kubectl get vs,dr,gw -A -o yaml | meshwright lint -"), "{help:?}");
}

#[test]
fn machines_are_told_the_same() {
    let folder = folder(&[("a,b.yaml", SERVICE.as_bytes())]);
    let run = |format: &str| meshwright(folder.path(), &["lint", "--output", format]);
    let told: Value = serde_json::from_str(&run("json").out).unwrap();
    assert_eq!((&told["ok"], &told["files"], &told["resources"]), (&false.into(), &1.into(), &1.into()));
    let finding = &told["findings"][0];
    assert_eq!((&finding["rule"], &finding["istio"]), (&"istio/048".into(), &"IST0106".into()), "{told}");
    let place = serde_json::json!({"path": "a,b.yaml", "line": 6, "column": 14, "pointer": "/spec/gateways/0"});
    assert_eq!(finding["place"], place);
    let resource = serde_json::json!({"kind": "VirtualService", "namespace": "x", "name": "a"});
    assert_eq!(finding["resource"], resource);
    let github = run("github").out;
    assert!(
        github.starts_with("::error file=a%2Cb.yaml,line=6,col=14,title=istio/048::[VirtualService x/a] "),
        "{github}"
    );
    let sarif: Value = serde_json::from_str(&run("sarif").out).unwrap();
    let region = "/runs/0/results/0/locations/0/physicalLocation/region";
    assert_eq!(sarif.pointer(region).unwrap(), &serde_json::json!({"startLine": 6, "startColumn": 14}));
    let location = &sarif["runs"][0]["results"][0]["locations"][0];
    assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "VirtualService x/a");
    assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "a%2Cb.yaml");
}

#[test]
fn findings_name_the_resource_and_the_field() {
    let item = |name: &str, field: &str| {
        format!(
            "- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  metadata: {{name: {name}, namespace: x}}\n  spec: {{hosts: [{name}.b], {field}: 1, http: [{{route: [{{destination: {{host: a.b}}}}]}}]}}\n"
        )
    };
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}{}---\n{{{{ values }}\n",
        item("one", "http2"),
        item("two", "gatways")
    );
    let run = input(&["lint", "-"], list.as_bytes());
    let lines: Vec<_> = run.out.lines().filter(|line| line.contains("error[")).collect();
    let begins = [
        "error[istio/IST0106] (standard input):7:26#/items/0/spec/http2: [VirtualService x/one] there is no field http2",
        "error[istio/IST0106] (standard input):11:26#/items/1/spec/gatways: [VirtualService x/two] there is no field gatways",
        "error[lint/yaml] (standard input):13:",
    ];
    assert_eq!(lines.len(), 3, "{run:?}");
    assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{run:?}");
    assert!(run.out.contains("→ render the chart first: helm template … | meshwright lint -\n"), "{run:?}");
    let sarif = input(&["lint", "-", "-o", "sarif"], list.as_bytes());
    assert!(sarif.out.contains("\"uri\": \"stdin\""), "{sarif:?}");
    let removed = "apiVersion: rbac.istio.io/v1alpha1\nkind: ServiceRole\nmetadata: {name: a}\n";
    let run = input(&["lint", "-"], removed.as_bytes());
    assert!(run.out.contains("[ServiceRole a] ServiceRole of rbac.istio.io was removed in Istio 1.6\n"), "{run:?}");
}

#[test]
fn nothing_on_standard_input_is_an_error() {
    for nothing in ["", "\n"] {
        let run = input(&["lint", "-"], nothing.as_bytes());
        assert_eq!((run.code, heads(&run)), (Some(1), vec!["error[lint/file] (standard input):1:1"]), "{run:?}");
    }
    let none = input(&["lint", "-"], b"apiVersion: v1\nkind: List\nitems: []\n");
    assert_eq!(none.code, Some(0), "{none:?}");
}

#[test]
fn a_resource_may_ask_not_to_be_told_of_what_istio_admits() {
    let wrong = |codes: &str| {
        let text = SERVICE.replace("istio.io/v1\n", "istio.io/v1beta1\n").replace(
            "namespace: x}",
            &format!("namespace: x, annotations: {{galley.istio.io/analyze-suppress: '{codes}'}}}}"),
        );
        input(&["lint", "-"], text.as_bytes())
    };
    let error = "error[istio/048 IST0106] (standard input):6:14#/spec/gateways/0";
    let warning = "warning[istio/IST0002] (standard input):1:1#/apiVersion";
    assert_eq!(heads(&wrong("IST0133")), [error, warning]);
    for codes in ["IST0002", "*", "IST0133,IST0002", "IST0106, istio/IST0002"] {
        assert_eq!(heads(&wrong(codes)), [error], "{codes}");
    }
    let asked = |what: &str| input(&["lint", "-", "-S", what], SERVICE.as_bytes());
    for what in ["IST0106", "istio/048", "IST0106=VirtualService a.*", "IST0106=* *.x"] {
        let run = asked(what);
        assert_eq!((run.code, run.out.lines().count()), (Some(0), 1), "{what}: {run:?}");
    }
    for what in ["IST0133", "IST0106=Gateway *", "IST0106=VirtualService *.y"] {
        assert_eq!(heads(&asked(what)), [error], "{what}");
    }
    assert_eq!(asked("IST0106=VirtualService").code, Some(2));
}

#[test]
fn a_config_repository_is_left_to_check_but_for_its_manifests() {
    let service = SERVICE.replace("  gateways: [y/z/none]\n", "");
    let repository = folder(&[
        ("clusters/gke/east/x/a.yaml", service.as_bytes()),
        ("intents/a.yaml", b"a: ["),
        ("topology/a.yaml", b"a: ["),
        ("access-tests/a.yaml", b"a: ["),
        ("meshwright.yaml", b"a: ["),
        ("other/intents/a.yaml", b"a: 1\n"),
    ]);
    let run = meshwright(repository.path(), &["lint"]);
    assert_eq!(heads(&run), ["warning[lint/manifest] other/intents/a.yaml:1:1", "note[lint/config] .:1:1"], "{run:?}");
    let named = meshwright(repository.path(), &["lint", "intents"]);
    assert_eq!(heads(&named), ["error[lint/yaml] intents/a.yaml:1:4"], "{named:?}");
}

#[test]
fn clusters_are_looked_at_one_by_one() {
    let service = SERVICE.replace("  gateways: [y/z/none]\n", "");
    let other = service.replace("name: a,", "name: b,");
    let apart =
        folder(&[("clusters/gke/east/x/a.yaml", service.as_bytes()), ("clusters/gke/west/x/b.yaml", other.as_bytes())]);
    assert_eq!(meshwright(apart.path(), &["lint"]).code, Some(0));
    let within = apart.path().join("clusters/gke");
    assert_eq!(meshwright(&within, &["lint"]).code, Some(0), "whatever folder the paths begin in");
    assert_eq!(meshwright(&within.join("east"), &["lint", ".", "../west"]).code, Some(0));
    let west = apart.path().join("clusters/gke/west");
    assert_eq!(meshwright(&within, &["lint", "east", &west.display().to_string()]).code, Some(0));
    let together = folder(&[("one/a.yaml", service.as_bytes()), ("two/b.yaml", other.as_bytes())]);
    let run = meshwright(together.path(), &["lint", "one", "two"]);
    let both = ["one/a", "two/b"].map(|file| format!("error[istio/IST0109] {file}.yaml:5:11#/spec/hosts/0"));
    assert_eq!(heads(&run), both, "{run:?}");
}

#[test]
fn what_is_no_manifest_is_a_finding_with_its_place() {
    let folder = folder(&[
        ("bom.yaml", b"\xef\xbb\xbfapiVersion: networking.istio.io/v1\r\nkind: Gateway\r\nmetadata:\r\n  name: g.g\r\nspec: {servers: []}\r\n"),
        ("double.yaml", b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  name: b\n"),
        ("empty.yaml", b""),
        ("kind.yaml", b"apiVersion: networking.istio.io/v1\nkind: VirtualServise\n---\nkind: [\n---\napiVersion: v1\nkind: Pod\n"),
        ("latin.yaml", b"a: 1\nname: caf\xe9\n"),
        ("nul.yaml", b"a: \0\n"),
        ("no-kind.yaml", b"apiVersion: v1\nspec: {}\n"),
        ("scalar.yaml", b"--- 7\n--- [1]\n"),
        ("values.yaml", b"replicas: 1\n"),
    ]);
    let run = meshwright(folder.path(), &["lint"]);
    assert_eq!(
        heads(&run),
        [
            "error[istio/010 IST0106] bom.yaml:4:3#/metadata/name",
            "error[istio/011 IST0106] bom.yaml:5:8#/spec/servers",
            "error[lint/yaml] double.yaml:5:3",
            "error[istio/IST0106] kind.yaml:2:1#/kind",
            "error[lint/yaml] kind.yaml:4:7",
            "error[lint/file] latin.yaml:2:10",
            "error[lint/manifest] no-kind.yaml:1:1",
            "error[lint/yaml] nul.yaml:1:4",
            "error[lint/manifest] scalar.yaml:1:5",
            "error[lint/manifest] scalar.yaml:2:5",
            "warning[lint/manifest] values.yaml:1:1",
            "note[lint/empty] empty.yaml:1:1",
        ],
        "{run:?}"
    );
    assert!(
        run.out
            .ends_with(": 9 files, 3 resources, 2 of which are of kinds that no rule is about, 10 errors, 1 warning\n"),
        "{run:?}"
    );
}

#[test]
fn lists_and_json_are_read() {
    let item = r#"{"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "g.g"}}"#;
    let list = format!(
        "{{\"apiVersion\": \"v1\",\n\"kind\": \"List\",\t\"items\": [\n{item},\n{}]}}",
        item.replace("g.g", "h.h")
    );
    let folder = folder(&[("list.json", list.as_bytes())]);
    let run = meshwright(folder.path(), &["lint", "list.json"]);
    assert_eq!(
        heads(&run),
        [
            "error[istio/011 IST0106] list.json:3:1#/items/0/spec/servers",
            "error[istio/010 IST0106] list.json:3:74#/items/0/metadata/name",
            "error[istio/011 IST0106] list.json:4:1#/items/1/spec/servers",
            "error[istio/010 IST0106] list.json:4:74#/items/1/metadata/name",
        ],
        "{run:?}"
    );
    write(folder.path(), "package.json", "{\"name\": \"a\", \"tabs\": [\t}");
    assert_eq!(meshwright(folder.path(), &["lint"]).out, run.out, "JSON is found in folders, unless it is no manifest");
    fs::remove_file(folder.path().join("list.json")).unwrap();
    let none = meshwright(folder.path(), &["lint"]);
    assert_eq!((none.code, heads(&none)), (Some(0), vec!["warning[lint/folder] .:1:1"]), "{none:?}");
}

#[cfg(unix)]
#[test]
fn links_and_what_cannot_be_read_are_told() {
    use std::os::unix::fs::symlink;
    let folder = folder(&[("real/a.yaml", SERVICE.replace("  gateways: [y/z/none]\n", "").as_bytes())]);
    let root = folder.path();
    symlink("..", root.join("real/loop")).unwrap();
    symlink("self.yaml", root.join("self.yaml")).unwrap();
    symlink("gone", root.join("gone.yaml")).unwrap();
    symlink("real/a.yaml", root.join("link.yaml")).unwrap();
    let named = Command::new("mkfifo").arg(root.join("pipe.yaml")).status().unwrap();
    assert!(named.success());
    let run = meshwright(root, &["lint", ".", "nowhere"]);
    let told = heads(&run);
    assert_eq!(
        told,
        [
            "error[lint/file] gone.yaml:1:1",
            "error[lint/file] nowhere:1:1",
            "error[lint/file] pipe.yaml:1:1",
            "error[lint/file] self.yaml:1:1",
            "warning[lint/twice] real/a.yaml:3:12#/metadata/name",
            "note[lint/link] real/loop:1:1",
        ],
        "{run:?}"
    );
}

/// `fixtures/lint/<rule>/passes` and `fails` for the rules of the command: `manifests`, and `definitions.yaml` if need be.
#[test]
fn folders_show_the_rules_of_the_command() {
    use meshwright::lint::{Scope, rules};
    let mut shown = 0;
    for rule in rules().iter().filter(|rule| rule.scope == Scope::Command) {
        for case in ["passes", "fails"] {
            let folder = own(&format!("fixtures/lint/{}/{case}", rule.id));
            let folder = Path::new(&folder);
            let mut arguments = vec!["lint", "manifests"];
            if folder.join("definitions.yaml").exists() {
                arguments.extend(["--crds", "definitions.yaml"]);
            }
            let run = meshwright(folder, &arguments);
            let all = Run { out: format!("{}{}", run.err, run.out), ..run };
            let heads = heads(&all);
            let severity = format!("{:?}", rule.severities[0]).to_lowercase();
            let own = |head: &&&str| head.starts_with(&format!("{severity}[{}]", rule.id));
            let expected = if case == "fails" { 1 } else { 0 };
            assert_eq!((heads.len(), heads.iter().filter(own).count()), (expected, expected), "{}: {all:?}", rule.id);
            shown += 1;
        }
    }
    assert!(shown >= 8, "links, folders and definitions have rules");
}

/// Lints one file of absurd content within bounded time and output.
fn bounded(name: &str, bytes: &[u8]) -> Run {
    let folder = folder(&[("a.yaml", bytes)]);
    let started = Instant::now();
    let run = meshwright(folder.path(), &["lint"]);
    assert!(started.elapsed() < Duration::from_secs(60), "{name} takes {:?}", started.elapsed());
    assert!(matches!(run.code, Some(0 | 1)) && run.err.is_empty(), "{name}: {:?} {}", run.code, run.err);
    assert!(run.out.len() < 1 << 20, "{name}: {} bytes are said", run.out.len());
    run
}

#[test]
fn absurd_files_cost_bounded_time() {
    let bomb: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    let megabytes = |piece: &str, count: usize| piece.repeat((count << 20) / piece.len());
    let big = "x".repeat(1 << 20);
    let many = vec!["*a"; 50_000].join(", ");
    let wrong = [
        ("an alias bomb", format!("a0: &a0 [x, x]\n{bomb}")),
        ("a large text many times", format!("a: &a {big}\nb: [{many}]\n")),
        ("deep lists", megabytes("[", 9)),
        ("deep maps", megabytes("{a: ", 9)),
        ("deep blocks", (0..4000).map(|n| format!("{}a:\n", " ".repeat(n))).collect()),
        ("deep dashes", megabytes("- ", 9)),
        ("a long word", megabytes("x", 9)),
        ("question marks", megabytes("? ", 9)),
        ("tags", megabytes("!!a ", 9)),
        ("a file beyond the limit", megabytes("# long\n", 11)),
        ("a resource beyond what is stored", format!("{SERVICE}  x: {}\n", megabytes("x", 2))),
    ];
    for (name, text) in &wrong {
        let run = bounded(name, text.as_bytes());
        let [one] = heads(&run)[..] else { panic!("{name}: {}", run.out) };
        assert!(one.starts_with("error[lint/") && one.contains(" a.yaml:"), "{name}: {one}");
    }
    let names = |of: &str| (0..20_000).map(|n| format!("{of}{n}")).collect::<Vec<_>>().join(", ");
    let wide = format!("{}  exportTo: [{}]\n", SERVICE.replace("a.example", &names("a.a")), names("n"));
    let run = bounded("hosts times namespaces", wide.as_bytes());
    assert!(heads(&run).contains(&"warning[lint/size] a.yaml:10:3#/spec/exportTo"), "{run:?}");
    let many = [
        ("documents", megabytes("---\na: 1\n", 4)),
        ("items", format!("apiVersion: v1\nkind: List\nitems:\n{}", megabytes("- kind: Gateway\n", 4))),
        ("fields", format!("{SERVICE}{}", (0..60_000).map(|n| format!("  f{n}: 1\n")).collect::<String>())),
    ];
    for (name, text) in &many {
        let run = bounded(name, text.as_bytes());
        assert!(heads(&run).contains(&"note[lint/more] a.yaml:1:1"), "{name}: {}", run.out.lines().last().unwrap());
    }
}

#[test]
fn a_file_that_only_grows_is_read_to_the_limit() {
    let run = meshwright(Path::new("/"), &["lint", "/dev/zero"]);
    assert_eq!(heads(&run), ["error[lint/file] /dev/zero:1:1"], "{run:?}");
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", "");
    let sparse = fs::File::options().write(true).open(folder.path().join("a.yaml")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    assert_eq!(heads(&meshwright(folder.path(), &["lint"])), ["error[lint/file] a.yaml:1:1"]);
}

/// A file of this crate.
fn own(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn manifests_are_held_against_definitions() {
    let widget = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: mesh.example/v1\n  kind: Widget\n  metadata: {name: a}\n  \
                  spec:\n    host: a.example\n    timeout: 1us\n    strange: 1Gi\n    prot: 80\n";
    let folder = folder(&[("a.yaml", widget.as_bytes()), ("none.yaml", b"a: 1\n")]);
    let crds = own("src/schema/tests.yaml");
    let run = meshwright(folder.path(), &["lint", "--crds", &crds, "a.yaml"]);
    let unsure = format!("note[lint/cel] {crds}:2:1");
    assert_eq!(
        heads(&run),
        [
            "error[istio/IST0106] a.yaml:9:5#/items/0/spec/timeout",
            "error[istio/IST0106] a.yaml:11:5#/items/0/spec/prot",
            unsure.as_str(),
        ],
        "{run:?}"
    );
    assert_eq!(meshwright(folder.path(), &["lint", "a.yaml"]).code, Some(0), "nothing is known of it without");
    let wrong = meshwright(folder.path(), &["lint", "--crds", "none.yaml", "a.yaml"]);
    let begins = "error[lint/crd] none.yaml:1:1: the file holds no CustomResourceDefinition";
    assert!(wrong.code == Some(1) && wrong.err.starts_with(begins), "{wrong:?}");
    assert_eq!(meshwright(folder.path(), &["lint", "--crds", "gone.yaml", "a.yaml"]).code, Some(1));
}
