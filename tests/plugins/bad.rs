//! Plugins that hang, fail, crash, flood, lie, and answer what they may not: the change that needs them says so and waits,
//! nothing else does, and it goes on by itself when the plugin is mended.

use std::collections::BTreeSet;

use super::plugin::MANY;
use super::{Does, Mesh, POLICY, PluginDouble, meshwright, process};

/// What each of them is told as.
const BAD: &[(Does, &str)] = &[
    (Does::Hang, "the plugin np did not answer within 0.7 s"),
    (Does::Fail, "the plugin np failed: Internal (stack overflow)"),
    (Does::Flood, "the plugin np was asked or answers more than is taken"),
    (Does::Described, "the plugin np is of version `9.9`, and meshwright.yaml lists 1.0"),
    (Does::OtherVersion, "the plugin np says that it is 1.0, and answers as version `6.6`"),
    (Does::Differs, "the plugin np answers differently for equal input"),
    (Does::TooMany, " bytes and 0 findings, where 256, 1048576 and 100 are allowed"),
    (Does::Refuse, "the plugin np does not let this server ask (who are you)"),
    (Does::OtherCluster, "is for namespace `shop` of cluster `gke/other`, which it was not asked about"),
    (Does::OtherNamespace, "is for namespace `kube-system` of cluster `gke/east`, which it was not asked about"),
    (Does::Secret, "manifest 1 is a `Secret` of `v1`, which never goes to Git"),
    (Does::List, "manifest 1 is a `List` of `v1`, which may hold anything"),
    (Does::Keeper, "is the ConfigMap `meshwright`, which keeps the directory"),
    (Does::Deep, "is nested deeper than 50"),
    (Does::Repeated, "gives a key twice in one object"),
    (Does::Large, "has more than 20000 values"),
    (
        Does::ClusterKind,
        "the plugin np says that it owns `ClusterRole` of `rbac.authorization.k8s.io/v1`, which stands in no namespace",
    ),
    (Does::PrivateKey, "holds a private key at /data/a"),
    (Does::NotUtf8, "manifest 1 is not UTF-8"),
    (Does::Bomb, "manifest 1 cannot be read as YAML"),
    (Does::OtherKind, "is a `Pod` of `v1`, and the plugin does not say that it owns this kind"),
    (Does::Path, "a name is a DNS subdomain"),
    (Does::Ours, "sets meshwright.dev/plugin, and meshwright.dev/ is for Meshwright"),
    (Does::Foreign, "the plugin np would write the same resource as the plugin sm-config"),
    (Does::Objects, "np: this port is not ours"),
    (Does::Unsound, "(of the plugin np)"),
];

#[test]
fn a_bad_plugin_blocks_what_needs_it_and_nothing_else() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    // Each has a change of its own to answer for.
    for (round, (does, words)) in BAD.iter().enumerate() {
        double.does(*does);
        if matches!(does, Does::Described | Does::ClusterKind) {
            // What it says of itself is asked for now and then, and counts until then.
            let words = words.strip_prefix("the plugin np ").unwrap();
            mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.contains(words)));
        }
        let bundle = super::MESH.replace("7070", &(7100 + round).to_string());
        std::fs::write(mesh.root().join("mesh.yaml"), bundle).unwrap();
        let change = mesh.apply();
        let blocked = mesh.wait(&change, |seen| {
            seen["state"] == "blocked" && seen["reason"].as_str().is_some_and(|reason| reason.contains(words))
        });
        assert!(!blocked.to_string().contains("hunter2"), "{does:?}: {blocked}");
        another_change_is_merged(&mesh, round);
        let withdraw = mesh.cli(&["change", "withdraw", &change, "-m", "never mind"]);
        assert_eq!(withdraw.code, Some(0), "{withdraw:?}");
    }
    let log = mesh.server.unwrap().kill();
    assert!(!log.contains("panicked") && !log.contains("hunter2"), "{log}");
}

/// What does not need the plugin goes its way meanwhile.
fn another_change_is_merged(mesh: &Mesh, number: usize) {
    let other = mesh.send("POST", "/v2/projects", &format!(r#"{{"metadata": {{"name": "p{number}"}}}}"#));
    let other = other.headers["meshwright-change"].to_str().unwrap().to_owned();
    mesh.merge(&other);
    mesh.wait_for(&other, "merged");
}

/// How many questions were not answered for this reason.
pub(super) fn failures(mesh: &Mesh, reason: &str) -> u64 {
    let metrics = mesh.get("/metrics").as_str().unwrap().to_owned();
    let name = format!("meshwright_plugin_failures_total{{plugin=\"np\",reason=\"{reason}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

/// Posts so many services on a port, and waits until they are blocked with these words.
fn blocked(mesh: &Mesh, count: usize, port: usize, words: &str) -> String {
    std::fs::write(mesh.root().join("mesh.yaml"), super::services(count, port)).unwrap();
    let change = mesh.apply();
    let is_told = |seen: &serde_json::Value| seen["reason"].as_str().is_some_and(|reason| reason.contains(words));
    mesh.wait(&change, |seen| seen["state"] == "blocked" && is_told(seen));
    change
}

#[test]
fn a_bad_plugin_is_told_in_a_stream_as_well() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    for (round, (does, reason, words)) in [
        (Does::Hang, "late", "the plugin np did not answer within 0.7 s"),
        (Does::Fail, "failed", "the plugin np failed: Internal (stack overflow)"),
        (Does::Twice, "too-much", "the plugin np answers what it was not asked, or the same twice"),
        (Does::Flood, "too-much", "the plugin np was asked or answers more than is taken"),
        (Does::Differs, "differs", "the plugin np answers differently for equal input"),
        (Does::Refuse, "refused", "the plugin np does not let this server ask (who are you)"),
    ]
    .into_iter()
    .enumerate()
    {
        double.does(does);
        let before = failures(&mesh, reason);
        let change = blocked(&mesh, 3, 7100 + round, words);
        assert!(failures(&mesh, reason) > before, "{does:?}");
        let withdraw = mesh.cli(&["change", "withdraw", &change, "-m", "never mind"]);
        assert_eq!(withdraw.code, Some(0), "{withdraw:?}");
    }
}

#[test]
fn what_came_before_a_stream_ended_early_or_was_cut_counts() {
    for (does, count, counts, reason, words) in [
        (Does::End, 3, 1, "failed", "the plugin np ended with 2 of "),
        (Does::Cut, 2 * MANY, MANY, "unreachable", "the plugin np cannot be reached at http://127.0.0.1:"),
    ] {
        let double = PluginDouble::start(does);
        let mesh = Mesh::with(&double);
        let change = blocked(&mesh, count, 7100, words);
        assert!(failures(&mesh, reason) > 0, "{does:?}");
        another_change_is_merged(&mesh, 0);
        let asked = double.asked();
        double.does(Does::Well);
        mesh.wait_for(&change, "proposed");
        let mut services: Vec<String> = (0..count).map(|number| format!("service-{number}")).collect();
        services.sort();
        let again: BTreeSet<String> = double.asked_after(asked).into_iter().collect();
        assert_eq!(again, services.into_iter().skip(counts).collect(), "{does:?}");
    }
}

/// What a check that asks the plugin says of its faults, and how many files it could check by digest only.
fn check(mesh: &Mesh) -> (Vec<String>, serde_json::Value) {
    let plugins = format!("--plugins={}", mesh.root().join("serve.yaml").display());
    let check = meshwright(&mesh.checkout(), &["check", &plugins, "-o", "json"]);
    let said: serde_json::Value = serde_json::from_str(&check.out).unwrap();
    let by_digest = &said["pluginsByDigest"];
    let faults = by_digest["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned());
    (faults.collect(), by_digest["byPlugin"]["np"].clone())
}

#[test]
fn a_check_tells_what_ended_a_call_and_what_came_before_counts() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::start(&format!("plugins: [{{name: np, address: '{}', deadline: 30s}}]\n", double.address));
    std::fs::write(mesh.root().join("mesh.yaml"), super::services(18, 7070)).unwrap();
    mesh.merge(&mesh.apply());
    double.does(Does::End);
    let (faults, by_digest) = check(&mesh);
    assert_eq!(faults, ["the plugin np ended with 17 of 18 questions unanswered"]);
    assert_eq!(by_digest, 17);
    // Sixteen of these are just below what is taken in one call, though none of them can be taken for itself.
    double.does(Does::Bulky);
    let (faults, by_digest) = check(&mesh);
    let (of_one, of_all): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.contains(" answers for "));
    assert_eq!(
        of_all,
        ["the plugin np was asked or answers more than is taken (answers more than 134217728 bytes at once)"]
    );
    assert!(of_one.len() == 16 && of_one.iter().all(|fault| fault.contains(" what cannot be taken: ")), "{of_one:?}");
    assert_eq!(by_digest, 18);
}

#[test]
fn a_change_goes_on_by_itself_when_its_plugin_returns() {
    for bad in [Does::Hang, Does::Ill, Does::Fail, Does::Refuse, Does::Differs] {
        let double = PluginDouble::start(bad);
        let mesh = Mesh::with(&double);
        if bad == Does::Ill {
            // It answers all the same, to whoever has not asked for its health.
            mesh.wait_for_part(|part| part["reason"].as_str().is_some_and(|why| why.contains("does not serve")));
        }
        let change = mesh.apply();
        mesh.wait_for(&change, "blocked");
        double.does(Does::Well);
        let seen = mesh.wait_for(&change, "proposed");
        assert!(mesh.get(&format!("/v2/changes/{change}/diff")).to_string().contains(POLICY), "{bad:?}: {seen}");
    }
}

#[test]
fn a_plugin_that_is_killed_and_started_again_is_found_again() {
    let double = PluginDouble::start(Does::Well);
    let address = double.address.strip_prefix("http://").unwrap().to_owned();
    let mut mesh = Mesh::with(&double);
    drop(double);
    let change = mesh.apply();
    let blocked = mesh.wait_for(&change, "blocked");
    assert!(blocked["reason"].as_str().unwrap().contains("the plugin np cannot be reached"), "{blocked}");
    // What was answered is not there after a restart, and asked for again.
    mesh.run();
    let _double = PluginDouble::start_at(&address, Does::Well, None);
    mesh.merge(&change);
    mesh.wait_for(&change, "merged");
}

#[test]
fn a_plan_waits_for_a_hanging_plugin_no_longer_than_it_may_take_and_others_do_not() {
    let double = PluginDouble::start(Does::Hang);
    let mesh = Mesh::start(&format!("plugins: [{{name: np, address: '{}', deadline: 5s}}]\n", double.address));
    let url = mesh.url.clone();
    let plan = move |text: String| {
        let body = Some(("application/yaml", text.as_bytes()));
        process::Client::new(&url).send("POST", "/v2/plan", &[], body).unwrap()
    };
    let hanging: Vec<_> = (0..8)
        .map(|number| {
            let (plan, text) = (plan.clone(), super::MESH.replace("7070", &(7200 + number).to_string()));
            std::thread::spawn(move || plan(text))
        })
        .collect();
    while double.waiting() < hanging.len() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let free = plan("anchor: projects\nmetadata: {name: free}\n".to_owned());
    assert!(free.status == 200 && hanging.iter().all(|plan| !plan.is_finished()), "{}", free.body);
    for plan in hanging {
        let answer = plan.join().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains("plugin/unanswered"), "{}", answer.body);
    }
}
