//! The program as people and scripts meet it: what it says, where, and how it exits.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is a test")]

#[path = "cli/access.rs"]
mod access;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/checkout.rs"]
mod checkout;
#[path = "cli/followed.rs"]
mod followed;
#[path = "cli/lint.rs"]
mod lint;
#[path = "cli/logs.rs"]
mod logs;
#[path = "cli/orchestrator.rs"]
mod orchestrator;
#[path = "cli/plan.rs"]
mod plan;
mod process;
#[path = "cli/reload.rs"]
mod reload;
#[path = "cli/render.rs"]
mod render;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/shutdown.rs"]
mod shutdown;
#[path = "cli/sinks.rs"]
mod sinks;
mod tls;

use std::fs;
use std::path::Path;
use std::process::Command;

use checkout::Checkout;
use process::{Client, Run, Server, meshwright};

const MESH: &str = include_str!("../fixtures/minimal/bundle.yaml");
const PROGRAM: &str = env!("CARGO_BIN_EXE_meshwright");

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Every line begins like a finding or belongs to the one before, and none is said twice.
fn are_findings(run: &Run, begins: &[&str]) {
    assert_eq!(run.code, Some(1), "{run:?}");
    let heads: Vec<&str> = run.err.lines().filter(|line| !line.starts_with("    → ")).collect();
    assert_eq!(heads.len(), begins.len(), "{run:?}");
    for (head, begin) in heads.iter().zip(begins) {
        assert!(head.starts_with(begin), "{head:?} does not begin with {begin:?}");
    }
}

#[test]
fn what_is_wrong_in_a_file_is_a_finding_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(
        root,
        "bad.yaml",
        "anchor: projects\nmetadata: {name: a}\nspec: {z: 1}\n---\nanchor: projects\nmetadata: {name: -x}\nspec: {b: 1}\n\
         ---\nanchor: {\n",
    );
    let begins = [
        "error[bundle/document] bad.yaml:3:8#/spec/z: is an unknown field",
        "error[bundle/document] bad.yaml:6:12#/metadata/name: ",
        "error[bundle/document] bad.yaml:7:8#/spec/b: ",
        "error[bundle/document] bad.yaml:9:9: ",
    ];
    are_findings(&meshwright(root, &["render", "-f", "bad.yaml"]), &begins);

    write(root, "repo/meshwright.yaml", "");
    write(root, "repo/topology/projects/a/_project.yaml", "anchor: projects\nmetadata: {name: a}\nspec: {b: 1}\n");
    let begins = ["error[intent/file] topology/projects/a/_project.yaml:3:8#/spec/b: "];
    are_findings(&meshwright(root, &["render", "--repo", "repo"]), &begins);
    let check = meshwright(root, &["check", "--repo", "repo"]);
    assert!(check.code == Some(1) && check.out.starts_with(begins[0]), "{check:?}");
}

#[test]
fn bundles_with_errors_are_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "mesh.yaml", MESH);
    write(
        root,
        "wrong.yaml",
        &MESH.replace(
            "spec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}]}}",
            "spec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: gone}]}}",
        ),
    );
    let wrong = meshwright(root, &["render", "-f", "wrong.yaml", "--out", "out"]);
    assert!(wrong.err.ends_with("\nnothing was written; mend the errors first\n"), "{wrong:?}");
    assert!(wrong.code == Some(1) && !root.join("out").exists(), "{wrong:?}");
    let right = meshwright(root, &["render", "-f", "mesh.yaml", "--out", "out"]);
    assert!(right.code == Some(0) && root.join("out/clusters/gke/east/shop/cartservice").is_dir(), "{right:?}");
}

#[test]
fn a_plan_that_prunes_says_what_goes_as_a_server_would() {
    let checkout = Checkout::of(MESH);
    let root = &checkout.root;
    let base = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web";
    let (_, cart) = MESH.split_once("anchor: inbound-intents\n").unwrap();
    let cart = cart.split("---").next().unwrap();
    write(root, "cart.yaml", &format!("base: {base}\n---\nanchor: inbound-intents\n{cart}"));
    let plan = |more: &[&str]| meshwright(root, &[&["plan", "--no-diff", "-f", "cart.yaml"], more].concat());
    assert!(plan(&[]).out.starts_with("nothing changes\n"), "{:?}", plan(&[]));
    let pruned = plan(&["--prune"]);
    assert!(pruned.code == Some(0) && pruned.out.contains("shop/frontend loses all access to shop/cartservice"));

    write(root, "cart.yaml", &format!("anchor: {base}/inbound-intents\n{cart}"));
    let without = plan(&["--prune"]);
    assert!(without.code == Some(1) && without.err.contains("cart.yaml: prune removes"), "{without:?}");
}

#[test]
fn bundles_are_planned_one_after_the_other_as_they_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "repo/meshwright.yaml", "");
    let (topology, intents) = MESH.split_once("---\nanchor: inbound-intents\n").unwrap();
    let (base, _) = topology.split_once("---\n").unwrap();
    write(root, "1.yaml", topology);
    write(root, "2.yaml", &format!("{base}---\nanchor: inbound-intents\n{intents}"));
    let plan = |files: [&str; 2]| meshwright(root, &["plan", "--repo", "repo", "-f", files[0], "-f", files[1]]);
    assert!(plan(["1.yaml", "2.yaml"]).out.contains("shop/cartservice is closed from the start"));
    let wrong = plan(["2.yaml", "1.yaml"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.err.starts_with("error[intent/parent] projects/shop: projects/shop does not exist"), "{wrong:?}");
}

#[test]
fn a_rule_that_a_server_and_its_client_break_together_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "repo/meshwright.yaml", "");
    write(root, "udp.yaml", &MESH.replace("protocol: GRPC", "protocol: UDP"));
    are_findings(
        &meshwright(root, &["plan", "--repo", "repo", "-f", "udp.yaml"]),
        &["error[intent/rule] projects/shop/"],
    );
}

#[test]
fn a_server_in_no_mesh_is_told_by_render_and_plan_alike() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "repo/meshwright.yaml", "");
    write(root, "none.yaml", &MESH.replace("serviceMesh: istio", "serviceMesh: none"));
    let render = meshwright(root, &["render", "-f", "none.yaml"]);
    assert_eq!((render.code, render.err.matches("warning[intent/no-mesh] projects/shop/").count()), (Some(0), 1));
    let plan = meshwright(root, &["plan", "-f", "none.yaml", "--repo", "repo", "--no-diff"]);
    assert_eq!((plan.code, plan.out.matches(" [intent/no-mesh]\n").count()), (Some(0), 1), "{plan:?}");
}

#[test]
fn a_file_of_absurd_length_is_named_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in ["meshwright.yaml", "intents/shop/long.yaml", "clusters/gke/east/long.yaml"] {
        write(root, "meshwright.yaml", "");
        write(root, path, &"# long\n".repeat(3 << 20));
        let check = meshwright(root, &["check"]);
        assert!(check.out.contains(path) && check.out.contains("22020096 bytes"), "{check:?}");
        assert_eq!(check.code, Some(i32::from(!path.starts_with("clusters"))), "{check:?}");
        fs::remove_file(root.join(path)).unwrap();
    }
}

#[test]
fn help_says_more_than_the_list_of_commands() {
    let folder = tempfile::tempdir().unwrap();
    let list = meshwright(folder.path(), &["--help"]);
    assert!(
        list.out.contains("  check        Check that a config repository is what its intents render to\n"),
        "{list:?}"
    );
    for (command, more) in [
        ("check", "Names every file that is not"),
        ("lint", "the code that `istioctl analyze` gives it"),
        ("access", "it reads one JSON object a line"),
        ("plan", "Exit code 1 when the plan is blocked"),
    ] {
        let help = meshwright(folder.path(), &[command, "--help"]);
        let said = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.code == Some(0) && said.contains(more), "{help:?}");
    }
}

#[test]
fn help_is_a_command_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = meshwright(folder.path(), &["help", "change"]);
    assert!(run.code == Some(0) && run.out.contains("  ready "), "{run:?}");
}

#[test]
fn the_address_of_another_machine_needs_its_scheme() {
    let folder = tempfile::tempdir().unwrap();
    let run = meshwright(folder.path(), &["change", "list", "--server", "mesh.example:8470"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("https://mesh.example:8470"), "{run:?}");
}

#[test]
fn a_bundle_is_applied_with_its_warnings_and_its_checkout_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "serve.yaml", "timing: {settle: 20ms, readyAfter: 100ms, poll: 100ms}\n");
    // A client without accounts is wider than one workload.
    write(root, "mesh.yaml", &MESH.replace("  serviceAccounts: [shop/frontend]\n", ""));
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let url = server.url();
    let address = url.strip_prefix("http://").unwrap();
    let apply = meshwright(root, &["apply", "-f", "mesh.yaml", "--server", address]);
    assert_eq!(apply.code, Some(0), "{apply:?}");
    let shown = meshwright(root, &["change", "show", "--server", address]);
    assert_eq!(apply.out, shown.out, "{apply:?}");
    assert!(apply.out.contains(" is proposed (needs 1 more approval)\ncommit ") && apply.out.contains("\nAccess\n"));
    assert_eq!(apply.out.matches(" [access/wider-than-workload]\n").count(), 1, "{apply:?}");
    assert!(!apply.err.contains("wider-than-workload"), "it is told once: {apply:?}");
    for step in ["approve", "merge"] {
        let run = meshwright(root, &["change", step, "--server", address]);
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let again = meshwright(root, &["change", "approve", "--server", address]);
    assert!(again.err.starts_with("error: no change is open"), "{again:?}");
    let ready = Client::new(&url).send("GET", "/readyz", &[], None).unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert_eq!(ready.headers["content-type"], "application/json");

    let cloned = Command::new("git").args(["clone", "--quiet", "data/config.git", "repo"]).current_dir(root).status();
    assert!(cloned.unwrap().success());
    let policy = root.join("repo/clusters/gke/east/shop/cartservice/authorizationpolicy-cartservice-allow.yaml");
    fs::remove_file(&policy).unwrap();
    let shown = meshwright(root, &["render", "--repo", "repo"]);
    assert!(shown.code == Some(1) && shown.err.contains("\n1 file out of date; --write "), "{shown:?}");
    let written = meshwright(root, &["render", "--repo", "repo", "--write"]);
    assert!(written.code == Some(0) && written.err.ends_with("\n1 file written, 0 removed\n"), "{written:?}");
    assert!(policy.is_file());
    server.kill();
}

#[test]
fn a_folder_stands_for_its_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (topology, intents) = MESH.split_once("---\nanchor: inbound-intents\n").unwrap();
    let (base, _) = topology.split_once("---\n").unwrap();
    write(root, "repo/meshwright.yaml", "");
    write(root, "bundles/1.yaml", topology);
    write(root, "bundles/2.yml", &format!("{base}---\nanchor: inbound-intents\n{intents}"));
    write(root, "bundles/notes.txt", "[");
    write(root, "bundles/deeper/3.yaml", "[");
    assert_eq!(meshwright(root, &["render", "-f", "bundles"]).code, Some(0));
    let plan = meshwright(root, &["plan", "-f", "bundles", "--repo", "repo"]);
    assert!(plan.code == Some(0) && plan.out.contains("shop/cartservice is closed from the start"), "{plan:?}");
    let none = meshwright(root, &["render", "-f", "repo/.."]);
    assert!(none.code == Some(1) && none.err.contains("is a folder without *.yaml files"), "{none:?}");
    for command in [["plan", "--repo", "repo"], ["apply", "--server", "localhost:1"]] {
        let prune = meshwright(root, &[&command[..], &["-f", "bundles", "--prune"]].concat());
        assert!(prune.code == Some(2) && prune.err.contains("--prune: 2 bundles are named"), "{prune:?}");
    }
}

#[test]
fn a_change_is_named_by_how_its_id_begins_and_said_to_be_complete() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // Nothing is ready by itself while this runs.
    write(root, "serve.yaml", "timing: {settle: 20ms, readyAfter: 1h, poll: 100ms}\n");
    write(root, "mesh.yaml", MESH);
    let mut server = Server::spawn(&root.join("data"), &root.join("serve.yaml"));
    let url = server.url();
    let change = |arguments: &[&str]| {
        let address = format!("{url}/v2/");
        meshwright(root, &[&["change"], arguments, &["--server", &address]].concat())
    };
    assert_eq!(meshwright(root, &["apply", "-f", "mesh.yaml", "--wait", "none", "--server", &url]).code, Some(0));
    assert_eq!(change(&["ready"]).code, Some(0));
    assert_eq!(change(&["approve"]).code, Some(0));
    assert_eq!(change(&["merge"]).code, Some(0));

    let group = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod";
    let post = |path: &str, body: &str| {
        let body = Some(("application/json", body.as_bytes()));
        let answer = Client::new(&url).send("POST", &format!("/v2/{path}"), &[], body).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.headers["meshwright-change"].to_str().unwrap().to_owned()
    };
    let draft = post(&format!("{group}/traffic-group-intents"), r#"{"metadata": {"name": "more"}}"#);
    let ready = change(&["ready", &draft[..6]]);
    assert_eq!((ready.code, ready.out), (Some(0), format!("change {draft} is proposed (needs 1 more approval)\n")));
    let shown = change(&["show", &draft[..7].to_uppercase()]);
    assert!(shown.out.starts_with(&format!("change {draft} is proposed")), "{shown:?}");
    assert_eq!(change(&["show", &draft[..5]]).code, Some(2));
    let other = if draft.starts_with('0') { "111111" } else { "000000" };
    let none = change(&["approve", other]);
    assert!(none.code == Some(1) && none.err.contains(&format!("no change begins with {other}")), "{none:?}");

    let head = shown.out.lines().nth(1).unwrap().strip_prefix("commit ").unwrap();
    let other = change(&["approve", &draft, "--head", &"0".repeat(40)]);
    assert!(other.code == Some(1) && other.err.contains(&format!("holds commit {head} by now")), "{other:?}");
    let short = change(&["approve", &draft, "--head", &head[..6]]);
    assert!(short.code == Some(2) && short.err.contains("give at least 7 digits"), "{short:?}");
    let other = if head.starts_with('0') { "1111111" } else { "0000000" };
    let other = change(&["approve", &draft, "--head", other]);
    assert!(other.code == Some(1) && other.err.contains(&format!("holds commit {head} by now")), "{other:?}");
    let again = change(&["ready", &draft]);
    assert!(again.code == Some(0) && again.err.contains("already") && again.out.contains(" is proposed"), "{again:?}");
    assert_eq!(change(&["approve", &draft, "--head", &head[..7].to_uppercase()]).code, Some(0));
    let sealed = change(&["ready", &draft]);
    assert!(
        sealed.code == Some(0) && sealed.err.contains("already") && sealed.out.contains(" is approved"),
        "{sealed:?}"
    );
    assert_eq!(change(&["merge", &draft, "--head", &head[..12]]).code, Some(0));
    let ended = change(&["ready", &draft]);
    assert!(ended.code == Some(1) && ended.err.contains("it takes no more writes"), "{ended:?}");
    let unknown = change(&["show", "not-one"]);
    assert!(unknown.err.contains("`meshwright change list` lists those there are"), "{unknown:?}");
    assert_eq!(
        change(&["withdraw", &post("projects", r#"{"metadata": {"name": "bank"}}"#), "-m", "not needed"]).code,
        Some(0)
    );
    assert!(change(&["list"]).out.contains("  projects/bank\n    local: not needed\n"), "{:?}", change(&["list"]));
    let cluster = post("cluster-providers", r#"{"metadata": {"name": "aks"}}"#);
    let groupless = change(&["ready", &cluster]);
    assert!(groupless.err.contains("is about no deployment intent group"), "{groupless:?}");
    server.kill();
}

/// A library that the program brings must not be looked for on the machine it is carried to.
#[cfg(target_os = "linux")]
#[test]
fn the_program_asks_for_no_library_but_those_of_the_system() {
    use std::io::Read as _;
    // The names that the loader looks for stand near the beginning.
    let mut head = vec![];
    fs::File::open(PROGRAM).unwrap().take(4 << 20).read_to_end(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head);
    assert!(head.contains("libc.so"), "the names were not found");
    for library in ["libz.so", "libgit2.so", "libsqlite3.so", "libssl.so"] {
        assert!(!head.contains(library), "{library}");
    }
}
