//! Commit statuses: those that main requires, and ours.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::change::forge::{ForgeError, Unmet};
use crate::forge::hosted::{Api, PER_PAGE};
use crate::repo::CommitId;

#[derive(Debug, Deserialize)]
struct Branch {
    #[serde(default)]
    enable_status_check: bool,
    #[serde(default)]
    status_check_contexts: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Combined {
    #[serde(default)]
    statuses: Option<Vec<Status>>,
}

#[derive(Debug, Deserialize)]
struct Status {
    context: String,
    #[serde(rename = "status")]
    state: String,
}

/// The required statuses that are not successful at a commit. A required name may be a pattern with `*`.
pub(super) async fn unmet(api: &Api, main: &str, head: CommitId) -> Result<Vec<Unmet>, ForgeError> {
    let branch: Branch = api.get(api.at(&format!("/branches/{main}"))).await?.expect(&[200])?.json()?;
    let required = branch.status_check_contexts.filter(|_| branch.enable_status_check).unwrap_or_default();
    if required.is_empty() {
        return Ok(vec![]);
    }
    let path = |page| api.at(&format!("/commits/{head}/status?limit={PER_PAGE}&page={page}"));
    let of = |page: Combined| page.statuses.unwrap_or_default();
    let found: Vec<Status> = api.entries(api.get(path(1)).await?, path, of).await?;
    let states: BTreeMap<&str, &str> = found.iter().map(|it| (it.context.as_str(), it.state.as_str())).collect();
    let unmet = required.into_iter().filter_map(|name| {
        let matching: Vec<&str> =
            states.iter().filter(|(context, _)| matches(&name, context)).map(|(_, state)| *state).collect();
        let passed = !matching.is_empty() && matching.iter().all(|state| matches!(*state, "success" | "warning"));
        let failed = matching.iter().any(|state| matches!(*state, "failure" | "error"));
        (!passed).then_some(Unmet { name, failed })
    });
    Ok(unmet.collect())
}

/// Whether a name is meant by a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut rest = rest;
    let mut last = None;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.is_empty() || last.is_empty() || name.ends_with(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_name_may_be_a_pattern() {
        for (pattern, name, expected) in [
            ("ci", "ci", true),
            ("ci", "ci/x", false),
            ("ci/*", "ci/x", true),
            ("ci/*", "ci", false),
            ("*", "anything", true),
            ("ci/*/test", "ci/a/b/test", true),
            ("ci/*/test", "ci/test", false),
            ("*ab", "abab", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
