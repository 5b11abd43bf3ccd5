//! Every folder of `fixtures/` with a mesh is a test: its bundle must render to its goldens, byte for byte.
//!
//! `MESHWRIGHT_BLESS=1` writes the goldens anew; `git diff fixtures` is then the review.

#![expect(clippy::panic, clippy::unwrap_used, reason = "all of this file is a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use meshwright::finding::{Place, Severity};
use meshwright::intent::{Bundle, Resource, Settings, Tree};
use meshwright::istio::{Action, AuthorizationPolicy, Spec};
use meshwright::lint::{lint, lint_across};
use meshwright::render::{Outside, Rendered, Scope, is_namespace_file, render};
use meshwright::review::{Model, Side};

/// Where the findings stand among the goldens.
const FINDINGS: &str = "findings.txt";

/// Folders that hold something else.
const OTHERS: [&str; 4] = ["config-repo", "lint", "plugins", "webhooks"];

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.retain(|path| !OTHERS.iter().any(|other| path.ends_with(other)));
    found.sort();
    assert!(found.len() >= 5, "fixtures are missing: only {found:?}");
    found
}

fn documents(fixture: &Path) -> Vec<Resource> {
    let path = fixture.join("bundle.yaml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let bundle = Bundle::read(&text).unwrap_or_else(|rejected| panic!("{}: {:?}", path.display(), rejected[0]));
    bundle.documents.into_iter().map(|posted| posted.resource).collect()
}

fn posted(resources: impl IntoIterator<Item = Resource>) -> Tree {
    let mut tree = Tree::default();
    resources.into_iter().for_each(|resource| tree.put(resource));
    tree
}

/// Parents first, as a bundle is taken in.
fn tree(fixture: &Path) -> Tree {
    let mut resources = documents(fixture);
    resources.sort_by(|a, b| a.anchor().cmp(b.anchor()));
    posted(resources)
}

#[test]
fn every_bundle_can_be_posted_as_it_is() {
    for fixture in fixtures() {
        let tree = tree(&fixture);
        for resource in tree.iter() {
            let parent = resource.anchor().parent().filter(|parent| tree.get(parent).is_none());
            assert_eq!(parent, None, "{}: {}", fixture.display(), resource.anchor());
        }
    }
}

fn everything(tree: &Tree) -> Rendered {
    render(tree, &Settings::default(), &Scope::everything(tree), Outside::None)
}

/// Every file that a fixture shall give, findings included.
fn files(rendered: &Rendered) -> BTreeMap<String, String> {
    let manifests = rendered.manifests.iter().map(|(path, manifest)| (path.clone(), manifest.text.clone()));
    let findings: String = rendered.findings.iter().map(|finding| format!("{finding}\n")).collect();
    manifests.chain([(FINDINGS.to_owned(), findings)]).collect()
}

fn read_below(folder: &Path, at: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(at).unwrap_or_else(|error| panic!("{}: {error}", at.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(folder, &path, into);
        } else {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            into.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn bless(golden: &Path, files: &BTreeMap<String, String>) {
    if golden.exists() {
        fs::remove_dir_all(golden).unwrap();
    }
    for (name, text) in files {
        let path = golden.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn every_fixture_renders_to_its_goldens() {
    for fixture in fixtures() {
        let files = files(&everything(&tree(&fixture)));
        let golden = fixture.join("golden");
        if std::env::var_os("MESHWRIGHT_BLESS").is_some() {
            bless(&golden, &files);
        }
        assert!(golden.is_dir(), "{} is missing: MESHWRIGHT_BLESS=1 cargo test writes it", golden.display());
        let mut expected = BTreeMap::new();
        read_below(&golden, &golden, &mut expected);
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&files), names(&expected), "{}", golden.display());
        for (name, text) in &files {
            assert_eq!(text, &expected[name], "{}/{name}", golden.display());
        }
    }
}

#[test]
fn the_order_of_posting_does_not_matter() {
    for fixture in fixtures() {
        let expected = everything(&tree(&fixture));
        let mut resources = documents(&fixture);
        for turn in 0..resources.len() {
            resources.rotate_left(1);
            if turn % 2 == 1 {
                resources.reverse();
            }
            assert!(everything(&posted(resources.clone())) == expected, "{}, turn {turn}", fixture.display());
        }
    }
}

#[test]
fn older_clients_that_write_tcp_get_the_same_manifests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let today = everything(&tree(&folder.join("httpbin-sleep")));
    let older = everything(&tree(&folder.join("httpbin-sleep-tcp")));
    assert_eq!(older.manifests, today.manifests);
    assert_eq!(older.targets, today.targets);
    let (warnings, others): (Vec<_>, Vec<_>) =
        older.findings.into_iter().partition(|finding| finding.rule == "render/tcp-as-http");
    assert_eq!(others, today.findings);
    assert_eq!(warnings.len(), 2);
}

#[test]
fn every_manifest_says_where_it_comes_from() {
    for fixture in fixtures() {
        let tree = tree(&fixture);
        for (path, manifest) in everything(&tree).manifests {
            assert!(manifest.text.contains("app.kubernetes.io/managed-by: meshwright\n"), "{path}");
            if is_namespace_file(&path, manifest.text.as_bytes()) {
                continue;
            }
            assert!(!manifest.intents.is_empty() && manifest.intents.is_sorted(), "{path}");
            for intent in &manifest.intents {
                assert!(tree.get(intent).is_some(), "{path}: {intent}");
                assert!(manifest.text.contains(&format!("# {intent}\n")), "{path}: {intent}");
            }
            let read: serde_json::Value = meshwright::yaml::from_str(&manifest.text).unwrap();
            let annotation = read["metadata"]["annotations"]["meshwright.dev/intents"].as_str().unwrap();
            assert!(annotation.lines().eq(manifest.intents.iter().map(|intent| intent.as_str())), "{path}");
        }
    }
}

#[test]
fn every_manifest_keeps_istios_rules() {
    for fixture in fixtures() {
        let rendered = everything(&tree(&fixture));
        let mut clusters: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (path, manifest) in &rendered.manifests {
            // A note asks for nothing: that a server is verified by the certificates of the system.
            let mut found = lint(&manifest.resource, &Place::at(path));
            found.retain(|finding| finding.severity != Severity::Note);
            assert!(found.is_empty(), "{path}: {found:#?}");
            let cluster = path.split('/').take(3).collect::<Vec<_>>().join("/");
            clusters.entry(cluster).or_default().push((Place::at(path), &*manifest.resource));
        }
        for resources in clusters.values() {
            let resources: Vec<_> = resources.iter().map(|(place, resource)| (place, *resource)).collect();
            let found = lint_across(&resources);
            assert!(found.is_empty(), "{}: {found:#?}", fixture.display());
        }
    }
}

/// What intents promise and the manifests deny.
fn broken(tree: &Tree, rendered: &Rendered) -> Vec<String> {
    let side = Side { rendered, strays: &[] };
    let settings = Settings::default();
    let model = Model::new(tree, &settings.cluster_defaults, side);
    model.broken_promises().iter().map(ToString::to_string).collect()
}

#[test]
fn whom_an_intent_names_gets_in_and_a_policy_that_lost_its_rules_is_noticed() {
    let mut policies = 0;
    for fixture in fixtures() {
        let tree = tree(&fixture);
        let rendered = everything(&tree);
        assert_eq!(broken(&tree, &rendered), Vec::<String>::new(), "{}", fixture.display());
        for path in rendered.manifests.keys() {
            let mut rendered = rendered.clone();
            let resource = &mut rendered.manifests.get_mut(path).unwrap().resource;
            let Spec::AuthorizationPolicy(policy) = &mut resource.spec else { continue };
            if !matches!(policy.action, None | Some(Action::Allow)) || policy.rules.is_empty() || !of_pods(policy) {
                continue;
            }
            policy.rules.clear();
            let broken = broken(&tree, &rendered);
            assert!(broken.iter().any(|finding| finding.contains("is promised to call")), "{path}: {broken:?}");
            policies += 1;
        }
    }
    assert!(policies >= 10, "{policies}");
}

/// Whether it guards the pods of a server, and neither those of a gateway nor what passes a waypoint.
fn of_pods(policy: &AuthorizationPolicy) -> bool {
    let labels = policy.selector.iter().flat_map(|selector| selector.match_labels.values());
    policy.target_refs.is_empty() && !labels.into_iter().any(|value| value.contains("gateway"))
}
