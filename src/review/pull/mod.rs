//! The words of a pull request, in Markdown that no name or description can break out of.

mod excerpt;
mod markdown;
mod page;

use std::collections::BTreeSet;

use super::path::Location;
use super::{Plan, words};
use crate::finding::{Finding, Severity};
pub use markdown::code;
use markdown::{escaped, prose};
use page::Page;

/// The most bytes a body may have, and so the most characters: forges refuse 65,536.
pub const LIMIT: usize = 65_000;

/// The most characters a title may have.
const LONGEST_TITLE: usize = 120;

/// Clusters whose resources are listed, and how many of each.
const MOST_TABLES: usize = 20;
const MOST_RESOURCES: usize = 40;

/// The shares of a page; what a part leaves is there for the parts behind it.
const ACCESS_SHARE: usize = 14_000;
const TABLE_SHARE: usize = 4_000;
const RESOURCES_SHARE: usize = 6_000;
const FINDINGS_SHARE: usize = 8_000;
const ORIGIN_SHARE: usize = 4_000;

/// Requesters who are named, and the most characters of a name.
const MOST_REQUESTERS: usize = 8;
const LONGEST_NAME: usize = 64;

/// What a pull request says beside its plan.
#[derive(Debug, Clone, Default)]
pub struct PullMeta {
    /// The id of the change.
    pub change: String,
    /// Who asked.
    pub requesters: Vec<String>,
    /// Whether a requester is not proven to be who it says.
    pub unverified: bool,
    /// The URL of the server as readers reach it; empty where that is not known.
    pub server: String,
    /// The anchors of the intents that were written.
    pub intents: Vec<String>,
}

/// The title: groups, and the services that change. Plain text of one line.
#[must_use]
pub fn title(plan: &Plan, groups: &[&str]) -> String {
    let located = plan.resources.iter().filter_map(|change| Location::of(&change.path));
    let services: BTreeSet<&str> = located.map(|location| location.service).filter(|name| !name.is_empty()).collect();
    let services: Vec<&str> = services.into_iter().collect();
    let named = match services.as_slice() {
        [] => "intents only".to_owned(),
        [first, second, rest @ ..] if rest.len() > 1 => format!("{first}, {second} and {} more services", rest.len()),
        few => few.join(", "),
    };
    let groups = match groups {
        [first, second, rest @ ..] if !rest.is_empty() => format!("{first}, {second} and {} more", rest.len()),
        groups => groups.join(", "),
    };
    let title = if groups.is_empty() { named } else { format!("{groups}: {named}") };
    markdown::plain(&title).chars().take(LONGEST_TITLE).collect()
}

/// Somebody's words as text of one line, which no forge takes for markup or for a name to call.
#[must_use]
pub fn quoted(words: &str) -> String {
    prose(words)
}

/// The body: what happens to whom first, then counts, findings, who asked and a bounded part of the diff.
///
/// It is shorter than [`LIMIT`], and every fence and section in it is closed.
#[must_use]
pub fn body(plan: &Plan, meta: &PullMeta) -> String {
    let mut page = Page::new(LIMIT);
    access(&mut page, plan);
    resources(&mut page, plan);
    findings(&mut page, plan);
    origin(&mut page, meta);
    excerpt::diff(&mut page, plan, meta);
    page.finish()
}

fn access(page: &mut Page, plan: &Plan) {
    page.push(&format!("**{}**\n", escaped(&words::headline(plan))));
    if plan.access.is_empty() {
        page.push("\nNobody gains or loses access, as far as this repository shows.\n");
        return;
    }
    page.push("\n### Who may call what\n\n");
    let lines = plan.access.iter().map(|change| format!("- {}\n", prose(&change.words)));
    page.list(ACCESS_SHARE, lines, |more| format!("- … and {more} more changes of access\n"));
}

fn resources(page: &mut Page, plan: &Plan) {
    if plan.resources.is_empty() {
        return;
    }
    page.push("\n### Resources\n\n| cluster | added | changed | removed |\n|---|---|---|---|\n");
    let alike = words::alike(plan);
    let rows = alike.iter().map(|alike| {
        let [added, changed, removed] = alike.counts;
        format!("| {} | {added} | {changed} | {removed} |\n", escaped(&words::named(&alike.clusters)))
    });
    page.list(TABLE_SHARE, rows, |more| format!("| … and {more} more | | | |\n"));
    page.section("Which ones", |page| {
        let lines = alike.iter().take(MOST_TABLES).flat_map(|alike| {
            let more = alike.changes.len().saturating_sub(MOST_RESOURCES);
            let head = format!("- {}\n", escaped(&words::named(&alike.clusters)));
            let changes = alike.changes.iter().take(MOST_RESOURCES).map(|change| {
                let what = format!("{} {} {}", words::sign(change.happening), change.kind, change.name);
                format!("  - {}\n", code(&what))
            });
            let rest = (more > 0).then(|| format!("  - … and {more} more\n"));
            std::iter::once(head).chain(changes).chain(rest).collect::<Vec<_>>()
        });
        page.list(RESOURCES_SHARE, lines, |more| format!("- … and {more} more lines\n"));
        if alike.len() > MOST_TABLES {
            page.push(&format!("- … and {} more groups of clusters\n", alike.len() - MOST_TABLES));
        }
    });
}

fn findings(page: &mut Page, plan: &Plan) {
    for (severity, title) in
        [(Severity::Error, "What blocks"), (Severity::Warning, "Warnings"), (Severity::Note, "Worth knowing")]
    {
        let of_severity = || plan.findings.iter().filter(|finding| finding.severity == severity);
        if of_severity().next().is_some() {
            page.push(&format!("\n### {title}\n\n"));
            page.list(FINDINGS_SHARE, of_severity().map(finding), |more| format!("- … and {more} more\n"));
        }
    }
}

fn finding(finding: &Finding) -> String {
    let remedy = match finding.remedy.is_empty() {
        true => String::new(),
        false => format!("\n  **What to do:** {}", prose(&finding.remedy)),
    };
    let place = code(&finding.place.to_string());
    format!("- {} — {place} ({}){remedy}\n", prose(&finding.message), code(&finding.rule))
}

fn origin(page: &mut Page, meta: &PullMeta) {
    page.push("\n### Where this comes from\n\n");
    let name = |who: &String| code(&who.chars().take(LONGEST_NAME).collect::<String>());
    let named: Vec<String> = meta.requesters.iter().take(MOST_REQUESTERS).map(name).collect();
    let who = match meta.requesters.len() - named.len() {
        _ if named.is_empty() => "nobody by name".to_owned(),
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    };
    let unverified = if meta.unverified { " (unverified: nobody proved to be who they say)" } else { "" };
    page.push(&format!("Change {}, asked for by {who}{unverified}.\n", code(&meta.change)));
    if !meta.intents.is_empty() {
        page.section("Intents", |page| {
            let lines = meta.intents.iter().map(|intent| format!("- {}\n", code(intent)));
            page.list(ORIGIN_SHARE, lines, |more| format!("- … and {more} more\n"));
        });
    }
}

#[cfg(test)]
mod tests;
