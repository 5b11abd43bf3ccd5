//! The plan as plain text, for a terminal.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Write};

use super::{AccessChange, Happening, Plan, ResourceChange};
use crate::finding::{Finding, Severity};

/// The most resources that are listed for clusters which change alike.
const MOST_RESOURCES: usize = 50;

/// The plan in words: who may call what, resources by cluster, what blocks and what warns. Ends with a line's end.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let mut text = format!("{}\n{}", headline(plan), access(&plan.access));
    if !plan.resources.is_empty() {
        text.push_str("\nResources\n");
        for alike in alike(plan) {
            push(&mut text, format_args!("  {}: {}\n", named(&alike.clusters), counted(alike.counts)));
            for change in alike.changes.iter().take(MOST_RESOURCES) {
                push(
                    &mut text,
                    format_args!("    {} {} {}\n", sign(change.happening), Line(&change.kind), Line(&change.name)),
                );
            }
            if let Some(more) = alike.changes.len().checked_sub(MOST_RESOURCES).filter(|more| *more > 0) {
                push(&mut text, format_args!("    … and {more} more\n"));
            }
        }
    }
    for (severity, title) in [(Severity::Error, "Blocks"), (Severity::Warning, "Warnings"), (Severity::Note, "Notes")] {
        let of_severity: Vec<&Finding> = plan.findings.iter().filter(|finding| finding.severity == severity).collect();
        if !of_severity.is_empty() {
            push(&mut text, format_args!("\n{title}\n"));
        }
        for finding in of_severity {
            let (place, message) = (Line(&finding.place), Line(&finding.message));
            push(&mut text, format_args!("  {place} [{}]\n    {message}\n", finding.rule));
            if !finding.remedy.is_empty() {
                push(&mut text, format_args!("    → {}\n", Line(&finding.remedy)));
            }
        }
    }
    text.chars().map(visible).collect()
}

/// Who may call what from now on, after an empty line; nothing where nothing changes.
#[must_use]
pub fn access(changes: &[AccessChange]) -> String {
    let mut text = String::new();
    for (index, change) in changes.iter().enumerate() {
        let title = if index == 0 { "\nAccess\n" } else { "" };
        push(&mut text, format_args!("{title}  {}\n", Line(&change.words)));
    }
    text
}

/// What the plan comes to, in one line.
#[must_use]
pub fn headline(plan: &Plan) -> String {
    let counts = plan.counts().into_values().fold([0; 3], add);
    let files = plan.files.len();
    let what = match (plan.resources.is_empty(), files) {
        (true, 0) => "nothing changes".to_owned(),
        (true, _) => format!("no resource changes, {}", many(files, "file")),
        (false, _) => {
            let clusters = many(plan.counts().len(), "cluster");
            format!("{} in {clusters}, {}", counted(counts), many(files, "file"))
        }
    };
    if plan.is_blocked() { format!("{what}; blocked") } else { what }
}

/// Clusters whose resources change alike.
pub(super) struct Alike<'a> {
    /// The clusters.
    pub(super) clusters: Vec<&'a str>,
    /// How many are added, changed and removed in each of them.
    pub(super) counts: [usize; 3],
    /// What changes in each of them, as the first shows it.
    pub(super) changes: Vec<&'a ResourceChange>,
}

/// The clusters of a plan, those that change alike together, in the order of their first.
pub(super) fn alike(plan: &Plan) -> Vec<Alike<'_>> {
    let mut clusters: BTreeMap<&str, Vec<&ResourceChange>> = BTreeMap::new();
    for change in &plan.resources {
        clusters.entry(&change.cluster).or_default().push(change);
    }
    let counts = plan.counts();
    let mut found: Vec<Alike<'_>> = Vec::new();
    let mut known: BTreeMap<Vec<(&str, &str, Happening)>, usize> = BTreeMap::new();
    for (cluster, changes) in clusters {
        let same = changes.iter().map(|change| (&*change.kind, &*change.name, change.happening)).collect();
        let at = *known.entry(same).or_insert(found.len());
        match found.get_mut(at) {
            Some(alike) => alike.clusters.push(cluster),
            None => {
                let counts = counts.get(cluster).copied().unwrap_or_default();
                found.push(Alike { clusters: vec![cluster], counts, changes });
            }
        }
    }
    found
}

/// Clusters by name, of many the first and a number.
pub(super) fn named(clusters: &[&str]) -> String {
    match clusters {
        [first, rest @ ..] if rest.len() > 3 => format!("{first} and the same in {} more clusters", rest.len()),
        clusters => clusters.join(", "),
    }
}

/// `2 added, 1 removed`.
pub(super) fn counted(counts: [usize; 3]) -> String {
    let words = ["added", "changed", "removed"].iter().zip(counts).filter(|(_, count)| *count > 0);
    words.map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// The sign of what happens to a resource.
pub(super) fn sign(happening: Happening) -> char {
    match happening {
        Happening::Added => '+',
        Happening::Changed => '~',
        Happening::Removed => '-',
    }
}

fn add(one: [usize; 3], other: [usize; 3]) -> [usize; 3] {
    [one[0] + other[0], one[1] + other[1], one[2] + other[2]]
}

/// `1 file`, `2 files`.
#[must_use]
pub fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Something that stays within its line, whatever the names in it hold.
struct Line<T>(T);

impl<T: Display> Display for Line<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let within = |c: char| if c == '\n' { char::REPLACEMENT_CHARACTER } else { visible(c) };
        self.0.to_string().chars().map(within).try_for_each(|c| f.write_char(c))
    }
}

/// Writing to a string does not fail.
fn push(text: &mut String, words: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(words);
}

/// A character as it may be shown: what steers the terminal or the direction of text is not.
pub(super) fn visible(c: char) -> char {
    if steers(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// Whether a character steers the terminal or the direction of text; the ends of lines and tabs may stay.
#[must_use]
pub fn steers(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Place;

    #[test]
    fn what_a_name_holds_makes_no_line_of_its_own() {
        let finding = Finding::warning("x", Place::at("clusters/a\nok: all is well"), "b\nc", "d\u{1b}\ne");
        let plan = Plan { findings: vec![finding], ..Plan::default() };
        let expected = "nothing changes\n\nWarnings\n  clusters/a\u{fffd}ok: all is well [x]\n    b\u{fffd}c\n    → d\u{fffd}\u{fffd}e\n";
        assert_eq!(summary(&plan), expected);
    }
}
