//! The words about a change that need more than its plan.

use super::forge::PullText;
use super::ledger::Ledger;
use super::proposal::Proposal;
use super::record::Change;
use crate::finding::Severity;
use crate::intent::Kind;
use crate::review::Plan;
use crate::review::pull::{self, PullMeta};

/// What blocks a change, one sentence each. Topology that is pending elsewhere is named with its change.
#[must_use]
pub(super) fn blocks(plan: &Plan, view: &Ledger, change: &Change) -> Vec<String> {
    let blocking = || plan.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut words: Vec<String> = blocking().map(|f| format!("{}: {}; {}", f.place, f.message, f.remedy)).collect();
    if blocking().any(|finding| finding.rule.starts_with("topology/")) {
        let topology = |kind: Kind| {
            matches!(
                kind,
                Kind::LogicalCloud
                    | Kind::App
                    | Kind::AppPlacement
                    | Kind::Cluster
                    | Kind::ClusterLabel
                    | Kind::KvPairs
                    | Kind::DeploymentIntentGroup
            )
        };
        let pending = view.active().into_iter().filter(|other| other.id != change.id);
        for other in pending.filter(|other| view.writes(&other.id).any(|write| topology(write.anchor.kind()))) {
            words.push(format!("topology is pending in change {}: this one goes on when that is merged", other.id));
        }
    }
    words
}

/// What the pull request of a change says.
#[must_use]
pub(super) fn pull_text(change: &Change, proposal: &Proposal, draft: bool) -> PullText {
    let names: Vec<String> = change.main_groups().map(super::id::Group::short).collect();
    let groups: Vec<&str> = names.iter().map(String::as_str).collect();
    let meta = PullMeta {
        change: change.id.to_string(),
        requesters: change.requesters.iter().map(ToString::to_string).collect(),
        unverified: change.requesters.iter().any(super::person::Person::is_local),
        intents: proposal.intents.iter().map(ToString::to_string).collect(),
    };
    PullText { title: pull::title(&proposal.plan, &groups), body: pull::body(&proposal.plan, &meta), draft }
}
