//! Checks: those that main requires, and ours.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::forge::{ForgeError, Report, Unmet};
use crate::forge::hosted::{Api, OUR_CHECK, PER_PAGE, report_status};
use crate::repo::CommitId;

/// What main requires of what is merged.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// The names of checks.
    checks: Vec<String>,
    /// Whether it is merged by a queue.
    pub(super) queue: bool,
}

/// Reads the rules of main: those of rulesets, and those of its protection as far as everybody may see them.
pub(super) async fn rules(api: &Api, main: &str) -> Result<Rules, ForgeError> {
    let mut rules = Rules::default();
    let path = |page| api.at(&format!("/rules/branches/{main}?per_page={PER_PAGE}&page={page}"));
    let first = api.get(path(1)).await?;
    // Private repositories of a free plan and Enterprise servers before 3.11 have no rulesets.
    let found: Vec<Rule> = if matches!(first.status, 403 | 404) { vec![] } else { api.all_from(first, path).await? };
    for rule in found {
        match rule.kind.as_str() {
            "merge_queue" => rules.queue = true,
            "required_status_checks" => {
                let checks = rule.parameters.unwrap_or_default().required_status_checks.unwrap_or_default();
                rules.checks.extend(checks.into_iter().map(|check| check.context));
            }
            _ => {}
        }
    }
    let branch: Branch = api.get(api.at(&format!("/branches/{main}"))).await?.expect(&[200])?.json()?;
    let contexts = branch.protection.and_then(|it| it.required_status_checks).and_then(|it| it.contexts);
    rules.checks.extend(contexts.unwrap_or_default());
    rules.checks.sort();
    rules.checks.dedup();
    Ok(rules)
}

/// A rule of a ruleset.
#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    parameters: Option<Parameters>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    required_status_checks: Option<Vec<Required>>,
}

#[derive(Debug, Deserialize)]
struct Required {
    context: String,
}

#[derive(Debug, Deserialize)]
struct Branch {
    protection: Option<Protection>,
}

#[derive(Debug, Deserialize)]
struct Protection {
    required_status_checks: Option<Contexts>,
}

#[derive(Debug, Deserialize)]
struct Contexts {
    contexts: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Runs {
    check_runs: Vec<Run>,
}

#[derive(Debug, Deserialize)]
struct Run {
    name: String,
    status: String,
    conclusion: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
struct Status {
    context: String,
    state: String,
}

/// The required checks that have not passed at a commit, whether they are check runs or commit statuses.
pub(super) async fn unmet(api: &Api, rules: &Rules, head: CommitId) -> Result<Vec<Unmet>, ForgeError> {
    if rules.checks.is_empty() {
        return Ok(vec![]);
    }
    // Whether it passed, by name; the API gives the latest run and the latest status of each name.
    let mut ended: BTreeMap<String, Option<bool>> = BTreeMap::new();
    let path = |page| api.at(&format!("/commits/{head}/check-runs?per_page={PER_PAGE}&page={page}"));
    for run in api.entries(api.get(path(1)).await?, path, |page: Runs| page.check_runs).await? {
        let passed = run.conclusion.as_deref().map(|it| matches!(it, "success" | "neutral" | "skipped"));
        ended.insert(run.name, passed.filter(|_| run.status == "completed"));
    }
    let path = |page| api.at(&format!("/commits/{head}/status?per_page={PER_PAGE}&page={page}"));
    for status in api.entries(api.get(path(1)).await?, path, |page: Combined| page.statuses).await? {
        let passed = match status.state.as_str() {
            "success" => Some(true),
            "pending" => None,
            _ => Some(false),
        };
        ended.insert(status.context, passed);
    }
    let state = |name: &String| ended.get(name).copied().flatten();
    let missing = rules.checks.iter().filter(|name| state(name) != Some(true));
    Ok(missing.map(|name| Unmet { name: name.clone(), failed: state(name) == Some(false) }).collect())
}

/// Has our check of a commit say this: a check run, or a commit status where we may not create check runs. Of several runs
/// of one name the last counts; one that is changed keeps the marks it had.
pub(super) async fn report(api: &Api, head: CommitId, report: &Report, as_app: bool) -> Result<(), ForgeError> {
    if !as_app {
        return report_status(api, head, report).await;
    }
    let mut body = described(report);
    body["head_sha"] = head.to_string().into();
    let answer = api.send("POST", api.at("/check-runs"), body).await?;
    match answer.status {
        403 => report_status(api, head, report).await,
        _ => answer.expect(&[201]).map(drop),
    }
}

/// A check run that says what a report says.
fn described(report: &Report) -> Value {
    let annotations = report.annotations.iter().map(|it| {
        json!({
            "path": it.path,
            "start_line": it.line,
            "end_line": it.line,
            "annotation_level": if it.failure { "failure" } else { "warning" },
            "message": it.message,
        })
    });
    let mut run = json!({
        "name": OUR_CHECK,
        "status": "completed",
        "conclusion": if report.passed { "success" } else { "action_required" },
        "output": { "title": report.title, "summary": report.summary, "annotations": annotations.collect::<Vec<_>>() },
    });
    if let Some(url) = &report.url {
        run["details_url"] = url.as_str().into();
    }
    run
}
