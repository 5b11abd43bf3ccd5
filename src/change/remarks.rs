//! What is said about a change where its pull request stands: the report on its head, and the one comment below it.

use super::command::HELP;
use super::decide::Branch;
use super::forge::{Annotation, Report};
use super::proposal::Proposal;
use super::record::Change;
use super::talk::{Answer, Remark};
use crate::finding::{Finding, Severity};
use crate::intent::{Anchor, layout};
use crate::review::Plan;
use crate::review::pull::{LIMIT, code, quoted};
use crate::review::words::{headline, many};

/// The most places that a report marks; forges take no more at once.
const MOST_MARKED: usize = 50;

/// The most changes of access that an answer names.
const MOST_SHIFTS: usize = 50;

/// The most bytes of what somebody said that are repeated.
const LONGEST_QUOTE: usize = 2000;

/// What is reported of a change that `blocks` stand in the way of.
#[must_use]
pub(super) fn report(change: &Change, proposal: &Proposal, blocks: &[String], public_url: &str) -> Report {
    let plan = &proposal.plan;
    let title = headline(plan);
    let mut summary = format!("{}\n", quoted(&title));
    if !blocks.is_empty() {
        summary.push_str("\n**What blocks it**\n\n");
        for block in blocks {
            summary.push_str(&format!("- {}\n", quoted(block)));
        }
    }
    summary.truncate(summary.floor_char_boundary(LIMIT));
    let marked = plan.findings.iter().filter_map(|finding| annotation(plan, finding));
    let (annotations, url) = (marked.take(MOST_MARKED).collect(), url(change, public_url));
    Report { passed: blocks.is_empty(), title, summary, annotations, url }
}

/// What is said on the head of a change that cannot be rendered before plugins answered.
pub(super) fn waiting(change: &Change, waits: String, public_url: &str) -> Report {
    let summary = "What it comes to on main is not known before that; `meshwright change show` says why.\n".to_owned();
    Report { passed: false, title: waits, summary, annotations: vec![], url: url(change, public_url) }
}

/// Where a change is shown; none where nobody said how the server is reached.
fn url(change: &Change, public_url: &str) -> Option<String> {
    (!public_url.is_empty()).then(|| format!("{public_url}/v2/changes/{}", change.id))
}

/// A finding as a mark in a file that the change touches; none for what stands elsewhere.
fn annotation(plan: &Plan, finding: &Finding) -> Option<Annotation> {
    let path = match Anchor::parse(&finding.place.path) {
        Ok(anchor) => layout::file_of(&anchor),
        Err(_) => finding.place.path.clone(),
    };
    let touched = plan.files.iter().any(|file| file.path == path && !file.new.is_empty());
    let message = match finding.remedy.as_str() {
        "" => finding.message.to_string(),
        remedy => format!("{}; {remedy}", finding.message),
    };
    (touched && finding.severity > Severity::Note).then(|| Annotation {
        path,
        line: finding.place.line.max(1),
        failure: finding.severity == Severity::Error,
        message,
    })
}

/// What holds a change up, as something that blocks it.
#[must_use]
pub(super) fn held(change: &Change) -> Option<String> {
    let hold = change.talk.hold.as_ref()?;
    Some(format!("it is held up {}; `/meshwright resume` below its pull request lets it go on", hold_words(hold)))
}

fn hold_words(Remark { by, words }: &Remark) -> String {
    if words.is_empty() { format!("by {}", by.name) } else { format!("by {}: {}", by.name, cut(words)) }
}

/// What our comment below the pull request says; none while there was nothing to say.
#[must_use]
pub(super) fn remark(change: &Change, branch: Option<&Branch>, proposal: &Proposal) -> Option<String> {
    let mut parts = vec![];
    if branch.is_some_and(|branch| branch.digest.is_none()) {
        parts.push(format!(
            "**Somebody else committed to `{}`, so it is left alone.** Nothing of it is pushed over, and it is not merged \
             from here. Remove those commits, or write `/meshwright rebase` to have Meshwright render it again on main; \
             those commits are then no longer on the branch.",
            change.branch
        ));
    }
    if let Some(hold) = &change.talk.hold {
        let words = quoted(&hold_words(hold));
        parts.push(format!("**It is held up** {words}. Write `/meshwright resume` to let it go on."));
    }
    parts.extend(change.talk.answer.as_ref().map(|answer| match answer {
        Answer::Plan => plan(&proposal.plan),
        Answer::Explain(path) => explain(proposal, path),
        answer => said(answer),
    }));
    if parts.is_empty() && change.talk.remark.is_some() {
        parts.push("Nothing stands in the way here any more.".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("\n\n---\n\n"))
}

/// An answer that needs nothing of the plan.
#[must_use]
pub(super) fn said(answer: &Answer) -> String {
    match answer {
        Answer::Said(words) => words.clone(),
        Answer::Help(Some(word)) => format!("{} is not known here.\n\n{HELP}", code(word)),
        _ => HELP.to_owned(),
    }
}

/// The plan in short; the description of the pull request has it in full.
fn plan(plan: &Plan) -> String {
    let mut text = format!("**{}**\n", quoted(&headline(plan)));
    for shift in plan.access.iter().take(MOST_SHIFTS) {
        text.push_str(&format!("\n- {}", quoted(&shift.words)));
    }
    let more = plan.access.len().saturating_sub(MOST_SHIFTS);
    if more > 0 {
        text.push_str(&format!("\n- … and {}", many(more, "more change of access")));
    }
    text
}

fn explain(proposal: &Proposal, path: &str) -> String {
    let shown = code(path);
    let changed = proposal.plan.files.iter().any(|file| file.path == path);
    match proposal.sources.get(path).filter(|intents| !intents.is_empty()) {
        Some(intents) => {
            let lines: Vec<String> = intents.iter().map(|intent| format!("- {}", code(intent.as_str()))).collect();
            format!("{shown} comes from\n\n{}", lines.join("\n"))
        }
        None if changed => format!("{shown} holds intents itself, or what belongs to none."),
        None => format!("{shown} is not changed here."),
    }
}

fn cut(words: &str) -> &str {
    &words[..words.floor_char_boundary(LONGEST_QUOTE)]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::change::{ChangeId, Person, Timestamp};
    use crate::finding::Place;
    use crate::repo::CommitId;
    use crate::review::{FileChange, Happening};

    fn change() -> Change {
        Change::new(ChangeId::parse("0123456789ab").unwrap(), BTreeSet::new(), Timestamp(0))
    }

    #[test]
    fn findings_in_files_that_change_are_marked_there_and_no_others() {
        let file = |path: &str, new: &str| FileChange {
            path: path.into(),
            happening: Happening::Changed,
            old: "old".into(),
            new: new.into(),
        };
        let error = |path: &str| Finding::error("lint/x", Place::at(path), "is wrong", "mend it");
        let plan = Plan {
            files: vec![file("clusters/a.yaml", "x"), file("clusters/gone.yaml", "")],
            findings: ["clusters/a.yaml", "clusters/b.yaml", "clusters/gone.yaml"].map(error).into(),
            ..Plan::default()
        };
        let proposal = Proposal { plan, ..Proposal::default() };
        assert_eq!(report(&change(), &proposal, &[], "").url, None);
        let report = report(&change(), &proposal, &["clusters/a.yaml: is wrong".into()], "https://mesh.example");
        assert_eq!(report.url.as_deref(), Some("https://mesh.example/v2/changes/0123456789ab"));
        let marked: Vec<_> =
            report.annotations.iter().map(|it| (it.path.as_str(), it.line, it.message.as_str())).collect();
        assert_eq!(marked, [("clusters/a.yaml", 1, "is wrong; mend it")]);
        assert!(!report.passed && report.summary.contains("What blocks it"), "{report:?}");
    }

    #[test]
    fn there_is_a_comment_only_once_there_was_something_to_say() {
        let ours = Branch { head: CommitId::from([1; 20]), digest: Some("d".into()) };
        let theirs = Branch { digest: None, ..ours.clone() };
        let mut change = change();
        assert_eq!(remark(&change, Some(&ours), &Proposal::default()), None);
        let left = remark(&change, Some(&theirs), &Proposal::default()).unwrap();
        assert!(left.contains("left alone") && left.contains("/meshwright rebase"), "{left}");
        change.talk.remark = Some("digest".into());
        assert!(remark(&change, Some(&ours), &Proposal::default()).unwrap().contains("any more"));
        let by = Person { name: "github:bob".into(), logins: vec![] };
        change.talk.hold = Some(Remark { by, words: "wait <b>for</b> @all".into() });
        let held = remark(&change, Some(&ours), &Proposal::default()).unwrap();
        assert!(held.contains("github:bob") && held.contains("resume") && !held.contains("<b>"), "{held}");
    }
}
