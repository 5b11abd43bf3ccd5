//! Every folder of `fixtures/lint` shows a rule: its files `passes*` give no finding, its files `fails*` the rule's alone.
//!
//! Rules about one resource are asked about each document for itself, those about several about a file as a whole, and those
//! of the command are shown by folders, which `tests/cli/lint.rs` gives to the command. Where a breach
//! of one rule cannot but break another, the first line says so: `# also istio/001: why`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::finding::{Finding, Severity};
use crate::lint::{Manifests, Rule, Scope, lint_files, rule, rules};
use crate::yaml;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint")
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The files of a rule whose names begin so, at least one.
fn files(rule: &Rule, begin: &str) -> Vec<PathBuf> {
    let mut found = listed(&folder().join(rule.id));
    found.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begin));
    assert!(!found.is_empty(), "{} has no file {begin}.yaml in fixtures/lint", rule.id);
    found
}

/// The rules that files show.
fn in_files() -> impl Iterator<Item = &'static Rule> {
    rules().iter().filter(|rule| rule.scope != Scope::Command)
}

/// What is found in each part of a file that a rule is asked about.
fn found(rule: &Rule, path: &Path) -> Vec<Vec<Finding>> {
    let bytes = fs::read(path).unwrap();
    let parts = match std::str::from_utf8(&bytes) {
        Ok(text) if rule.scope == Scope::Resource => {
            yaml::documents(text).unwrap().iter().map(|document| document.text.as_bytes().to_vec()).collect()
        }
        _ => vec![bytes],
    };
    assert!(!parts.is_empty(), "{}: no documents", path.display());
    let found = parts.into_iter().map(|part| {
        let file = Manifests::read(&path.display().to_string(), part, None);
        [file.findings(), &lint_files(&[&file])].concat()
    });
    found.collect()
}

/// The rules that a file says it cannot but break, too.
fn also(path: &Path) -> BTreeSet<String> {
    let text = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().take_while(|line| line.starts_with('#'));
    let named = lines.filter_map(|line| line.strip_prefix("# also ")?.split_once(": "));
    named.map(|(rule, why)| (!why.is_empty()).then(|| rule.to_owned()).unwrap()).collect()
}

/// Findings, one on a line.
fn lines(found: &[Finding]) -> String {
    found.iter().map(|finding| format!("\n  {finding}")).collect()
}

#[test]
fn what_passes_gives_no_finding() {
    let mut faults = vec![];
    for rule in in_files() {
        for path in files(rule, "passes") {
            let found = found(rule, &path).into_iter().enumerate().filter(|(_, found)| !found.is_empty());
            faults.extend(found.map(|(part, found)| format!("{}, part {part}:{}", path.display(), lines(&found))));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_fails_breaks_its_rule_alone() {
    let mut faults = vec![];
    for rule in in_files() {
        let mut severities = BTreeSet::new();
        for path in files(rule, "fails") {
            let also = also(&path);
            for (part, found) in found(rule, &path).iter().enumerate() {
                let broken: Vec<_> = found.iter().filter(|finding| finding.rule == rule.id).collect();
                let alone = found.iter().all(|finding| finding.rule == rule.id || also.contains(&*finding.rule));
                let said = |found: &Finding| {
                    !found.message.is_empty() && (!found.remedy.is_empty() || found.severity == Severity::Note)
                };
                if broken.is_empty() || !alone || !found.iter().all(said) {
                    faults.push(format!("{}, part {part}:{}", path.display(), lines(found)));
                }
                severities.extend(broken.iter().map(|found| found.severity));
            }
        }
        if severities != rule.severities.iter().copied().collect() {
            faults.push(format!("{}: findings weigh {severities:?}, the table has {:?}", rule.id, rule.severities));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_folder_shows_a_rule() {
    let folders = listed(&folder()).into_iter().flat_map(|group| listed(&group));
    for path in folders {
        let id = path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned();
        assert!(rule(&id).is_some(), "fixtures/lint/{id} shows no rule of the table");
        for file in listed(&path) {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(name.starts_with("passes") || name.starts_with("fails"), "{id}/{name} is not asked about");
        }
    }
}

/// The rules of the project's list that `istioctl analyze` has codes of its own for.
const BY_CODE: [u32; 1] = [64];

#[test]
fn the_table_holds_every_rule_once() {
    let ids: BTreeSet<_> = rules().iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), rules().len());
    let numbers = (1..=86).filter(|number| !BY_CODE.contains(number));
    let missing: Vec<_> = numbers.map(|number| format!("istio/{number:03}")).filter(|id| rule(id).is_none()).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_rule_that_the_code_names_is_in_the_table() {
    let mut named = BTreeSet::new();
    let own = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut left = vec![own("src/lint"), own("src/schema"), own("src/cli/sources.rs")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                listed(&path)
                    .into_iter()
                    .filter(|path| !["tests", "tests.rs", "rules.rs"].iter().any(|name| path.ends_with(name))),
            );
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let quoted = text.split('"').skip(1).step_by(2);
        let ids = quoted.filter(|text| ["istio/", "dns/", "lint/"].iter().any(|group| text.starts_with(group)));
        named.extend(ids.filter(|id| id.len() > 6 && !id.contains(' ')).map(str::to_owned));
    }
    let table: BTreeSet<_> = rules().iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(named, table, "what the code names, and what the table holds");
}

/// What is not to be written any more, by the project's list.
const OLD: [&str; 12] = [
    "LEAST_CONN",
    "consecutiveErrors",
    "minimumRingSize",
    "mirrorPercent",
    "percent",
    "allowOrigin",
    "warmupDurationSecs",
    "the gateway name g.edge.svc",
    "targetRef",
    "networking.istio.io/v1alpha3",
    "networking.istio.io/v1beta1",
    "security.istio.io/v1beta1",
];

#[test]
fn every_deprecation_is_shown() {
    let rule = rule("istio/IST0002").unwrap();
    let found: Vec<_> = files(rule, "fails").iter().flat_map(|path| found(rule, path)).flatten().collect();
    for old in OLD {
        let says = |finding: &&Finding| finding.message == format!("{old} is deprecated");
        assert_eq!(found.iter().filter(says).count(), 1, "{old}: {}", lines(&found));
    }
    let rule = self::rule("lint/short").unwrap();
    let found: Vec<_> = files(rule, "fails").iter().flat_map(|path| self::found(rule, path)).flatten().collect();
    let short = found.iter().filter(|finding| finding.message.starts_with("the short host "));
    assert!(short.count() >= 3, "of a DestinationRule, of a VirtualService and of a destination");
}
