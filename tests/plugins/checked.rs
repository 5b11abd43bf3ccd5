//! What a plugin renders, on its way to main, and how it is checked there with and without the plugin.

use std::fs;

use super::{Does, INBOUND, Mesh, POLICY, PluginDouble, meshwright};

#[test]
fn a_plugin_renders_beside_what_is_built_in_and_its_files_say_where_they_come_from() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    let change = mesh.apply();
    let seen = mesh.wait_for(&change, "proposed");
    let diff = mesh.get(&format!("/v2/changes/{change}/diff")).to_string();
    assert!(diff.contains(POLICY) && diff.contains("authorizationpolicy-cartservice-allow.yaml"), "{seen} {diff}");
    mesh.merge(&change);
    let repo = mesh.checkout();
    let text = fs::read_to_string(repo.join(POLICY)).unwrap();
    for line in [
        "# Rendered by Meshwright from the intents below",
        &format!("# {INBOUND}\n"),
        "    meshwright.dev/plugin: np@1.0\n",
        "    meshwright.dev/plugin-unit: shop/cartservice\n",
        "    meshwright.dev/plugin-files: \"1\"\n",
        "    app.kubernetes.io/managed-by: meshwright\n",
        "  policyTypes:\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // Nobody is asked about what did not change.
    let asked = double.asked();
    let other = mesh.send("POST", "/v2/projects", r#"{"metadata": {"name": "bank"}}"#);
    let other = other.headers["meshwright-change"].to_str().unwrap().to_owned();
    mesh.merge(&other);
    assert_eq!(double.asked(), asked);
    let check = meshwright(&mesh.checkout(), &["check"]);
    assert!(check.code == Some(0) && check.out.contains("1 file of np checked by digest only"), "{check:?}");

    // A change of an intent asks anew, and the file goes with the service.
    let changed = mesh.send("DELETE", &format!("/v2/{INBOUND}/clients/frontend"), "");
    let changed = changed.headers["meshwright-change"].to_str().unwrap().to_owned();
    mesh.merge(&changed);
    assert!(double.asked() > asked);
    assert!(fs::read_to_string(mesh.checkout().join(POLICY)).unwrap().contains("x: \"0\"\n"));
    let gone = mesh.send("DELETE", &format!("/v2/{INBOUND}"), "");
    mesh.merge(gone.headers["meshwright-change"].to_str().unwrap());
    assert!(!mesh.checkout().join(POLICY).exists());
    assert_eq!(meshwright(&mesh.checkout(), &["check"]).code, Some(0));
}

#[test]
fn a_checkout_is_checked_by_digest_everywhere_and_rendered_where_the_plugin_is_reached() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    mesh.merge(&mesh.apply());
    let repo = mesh.checkout();
    let plugins = format!("--plugins={}", mesh.root().join("serve.yaml").display());
    let check = |more: &[&str]| meshwright(&repo, &[&["check"], more].concat());
    let asked = check(&[&plugins]);
    assert!(asked.code == Some(0) && !asked.out.contains("digest"), "{asked:?}");

    // A hand edit does not have the digest of what stands there.
    let right = fs::read_to_string(repo.join(POLICY)).unwrap();
    fs::write(repo.join(POLICY), right.replace("- Ingress", "- Egress")).unwrap();
    let edited = check(&[]);
    assert!(edited.code == Some(1) && edited.out.contains("was changed by hand"), "{edited:?}");
    let render = |more: &[&str]| meshwright(&repo, &[&["render", "--repo", ".", "--write"], more].concat());
    let alone = render(&[]);
    assert!(alone.code == Some(1) && alone.err.contains("nothing was written"), "{alone:?}");
    assert_eq!(render(&[&plugins]).code, Some(0));
    assert_eq!(fs::read_to_string(repo.join(POLICY)).unwrap(), right);

    // An intent that changed makes the file outdated, whatever its content.
    let path = "intents/shop/boutique/v1/prod/web/inbound/cart.yaml";
    let intents = fs::read_to_string(repo.join(path)).unwrap();
    fs::write(repo.join(path), intents.replace("port: 7070", "port: 7071")).unwrap();
    let outdated = check(&[]);
    assert!(outdated.out.contains("is what np answered before its intents changed"), "{outdated:?}");
    fs::write(repo.join(path), intents).unwrap();

    // Another version, a file of a plugin that is not listed.
    let listed = fs::read_to_string(repo.join("meshwright.yaml")).unwrap();
    fs::write(repo.join("meshwright.yaml"), listed.replace("1.0", "2.0")).unwrap();
    let older = check(&[]);
    assert!(older.out.contains("is of np 1.0, and meshwright.yaml lists 2.0"), "{older:?}");
    let unreached = check(&[&plugins]);
    assert!(unreached.out.contains("np is of version `1.0`, and meshwright.yaml lists 2.0"), "{unreached:?}");
    fs::write(repo.join("meshwright.yaml"), "").unwrap();
    let stale = check(&[]);
    assert!(stale.code == Some(1) && stale.out.contains("error[check/stale] "), "{stale:?}");
    fs::write(repo.join("meshwright.yaml"), &listed).unwrap();

    // A plugin that answers something else than it did is found where it is asked.
    double.does(Does::Yaml);
    assert_eq!(check(&[]).code, Some(0));
    let differs = check(&[&plugins]);
    assert!(differs.out.contains("error[plugin/differs]"), "{differs:?}");
    assert!(differs.out.contains("np answers differently for equal input"), "{differs:?}");
    assert!(differs.out.contains("→ run `meshwright render --repo . --write --plugins=FILE`"), "{differs:?}");

    // Where the plugin is away that was to be asked, the digests have to do, and that is wrong.
    drop(double);
    let away = check(&[&plugins, "-o", "json"]);
    assert_eq!(away.code, Some(1), "{away:?}");
    let said: serde_json::Value = serde_json::from_str(&away.out).unwrap();
    assert_eq!(said["pluginsByDigest"]["files"], 1, "{said}");
    assert!(
        said["pluginsByDigest"]["faults"][0].as_str().unwrap().contains("the plugin np cannot be reached"),
        "{said}"
    );
    let marked = check(&[&plugins, "-o", "github"]);
    assert!(marked.out.starts_with("::error ") && marked.out.contains("np cannot be reached"), "{marked:?}");
    // A file that is missing was part of the answer only if others of it are there: of one, only the plugin knows.
    fs::remove_file(repo.join(POLICY)).unwrap();
    let gone = check(&[]);
    let words = "0 files of np checked by digest only; --plugins=FILE asks the plugins\n";
    assert!(gone.code == Some(0) && gone.out.ends_with(words), "{gone:?}");
}

#[test]
fn what_was_checked_by_digest_only_is_told_for_each_plugin() {
    let (np, other) = (PluginDouble::start(Does::Well), PluginDouble::start(Does::Other));
    let listed = format!("{}- {{name: other, version: '1.0', kinds: [inbound-intents, clients]}}\n", super::LISTED);
    let reach = format!("{}- {{name: other, address: '{}'}}\n", super::reach(&np.address), other.address);
    let mesh = Mesh::listing(&listed, &reach);
    fs::write(mesh.root().join("mesh.yaml"), super::services(3, 7070)).unwrap();
    mesh.merge(&mesh.apply());
    let repo = mesh.checkout();
    let alone = meshwright(&repo, &["check"]);
    let words = "3 files of np and 3 of other checked by digest only; --plugins=FILE asks the plugins\n";
    assert!(alone.code == Some(0) && alone.out.ends_with(words), "{alone:?}");
    // One of the two that were to be asked is away.
    drop(other);
    let check = |more: &[&str]| {
        let plugins = format!("--plugins={}", mesh.root().join("serve.yaml").display());
        meshwright(&repo, &[&["check", &plugins], more].concat())
    };
    let asked = check(&[]);
    assert!(asked.code == Some(1) && asked.out.ends_with("3 files of other checked by digest only\n"), "{asked:?}");
    let said: serde_json::Value = serde_json::from_str(&check(&["-o", "json"]).out).unwrap();
    let by_digest = &said["pluginsByDigest"];
    assert!(by_digest["files"] == 3 && by_digest["byPlugin"] == serde_json::json!({"other": 3}), "{said}");
}

#[test]
fn yaml_of_a_plugin_is_written_as_ours_is() {
    let double = PluginDouble::start(Does::Yaml);
    let mesh = Mesh::with(&double);
    mesh.merge(&mesh.apply());
    let repo = mesh.checkout();
    let text = fs::read_to_string(repo.join(POLICY)).unwrap();
    assert!(text.contains("  podSelector: {}\n  ingress: []\n") && !text.contains("By hand"), "{text}");
    assert_eq!(meshwright(&repo, &["check"]).code, Some(0));
}

#[test]
fn a_bundle_is_planned_with_what_the_plugin_answers() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    let repo = mesh.checkout();
    let plugins = format!("--plugins={}", mesh.root().join("serve.yaml").display());
    let plan = |more: &[&str]| meshwright(&repo, &[&["plan", "-f", "../mesh.yaml"], more].concat());
    let without = plan(&[]);
    assert!(without.code == Some(1) && without.out.contains("[plugin/unanswered]"), "{without:?}");
    let with = plan(&[&plugins]);
    assert!(with.code == Some(0) && with.out.contains(POLICY), "{with:?}");
    // The server asks by itself.
    let bundle = process_plan(&mesh);
    assert!(bundle.contains(POLICY) && !bundle.contains("unanswered"), "{bundle}");
}

fn process_plan(mesh: &Mesh) -> String {
    let body = Some(("application/yaml", super::MESH.as_bytes()));
    let answer = super::Client::new(&mesh.url).send("POST", "/v2/plan", &[], body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn a_whole_mesh_is_asked_in_one_stream() {
    let double = PluginDouble::start(Does::Well);
    let mesh = Mesh::with(&double);
    fs::write(mesh.root().join("mesh.yaml"), super::services(300, 7070)).unwrap();
    let change = mesh.apply();
    mesh.wait_for(&change, "proposed");
    // Sixteen are asked twice.
    assert_eq!(double.asked(), 300 + 16);
    mesh.merge(&change);
    let check = meshwright(&mesh.checkout(), &["check"]);
    assert!(check.code == Some(0) && check.out.contains("300 files of np checked by digest only"), "{check:?}");
}
