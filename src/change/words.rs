//! The words about a change that need more than its plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::codeowners::Owner;
use super::forge::PullText;
use super::id::{ChangeId, Group};
use super::ledger::Ledger;
use super::person::Person;
use super::plugins;
use super::proposal::Proposal;
use super::record::{Change, State};
use super::write::Write;
use crate::finding::Severity;
use crate::intent::{Anchor, Kind, Topology};
use crate::review::Plan;
use crate::review::pull::{self, PullMeta};
use crate::review::words::many;

/// How many errors the reason of a blocked change says; its plan has them all.
const MOST_SAID: usize = 10;

/// For how many subjects that lack something others are searched: those of a whole mesh mostly lack the same.
const MOST_LACKING: usize = 100;

/// What blocks a change.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// One sentence each, with what to do.
    pub words: Vec<String>,
    /// The changes that hold what it lacks.
    pub needs: BTreeSet<ChangeId>,
}

/// What blocks a change whose plan lacks answers of outside plugins.
pub(super) fn unanswered(faults: &[String]) -> String {
    format!("{}; it goes on by itself when that is mended", plugins::first(faults).join("; "))
}

/// What blocks a change. Where topology is missing, the pending changes that may bring it are named.
#[must_use]
pub(super) fn blocks(plan: &Plan, view: &Ledger, change: &Change) -> Blocks {
    let blocking = || plan.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut blocks = Blocks::default();
    blocks.words.extend(blocking().take(MOST_SAID).map(|f| format!("{}: {}; {}", f.place, f.message, f.remedy)));
    let more = blocking().count().saturating_sub(MOST_SAID);
    if more > 0 {
        blocks.words.push(format!("{} in its plan", many(more, "more error")));
    }
    let lacking = blocking().filter(|finding| finding.rule.starts_with("topology/"));
    let lacking = lacking.filter_map(|finding| Anchor::parse(&finding.place.path).ok());
    let lacking: BTreeSet<Anchor> = lacking.take(MOST_LACKING).collect();
    if lacking.is_empty() {
        return blocks;
    }
    let topology = Topology::new(&view.proposed, &view.base.settings.cluster_defaults);
    for other in view.active().into_iter().filter(|other| other.id != change.id) {
        let concerns = |write: &Arc<Write>| lacking.iter().any(|subject| concerns(&topology, &write.anchor, subject));
        if !view.writes(&other.id).any(concerns) {
            continue;
        }
        blocks.words.push(if other.state == State::Blocked && other.needs.contains(&change.id) {
            format!(
                "it waits for change {}, which waits for this one: neither can be merged alone; withdraw both, and post \
                 what they hold as one bundle",
                other.id
            )
        } else {
            format!("what it lacks is pending in change {}: this one goes on when that is merged", other.id)
        });
        blocks.needs.insert(other.id.clone());
    }
    blocks
}

/// Whether a write to `anchor` can mend what `subject` lacks of its topology.
fn concerns(topology: &Topology<'_>, anchor: &Anchor, subject: &Anchor) -> bool {
    if anchor.is_within(subject) || subject.is_within(anchor) {
        return true;
    }
    match anchor.kind() {
        Kind::LogicalCloud => anchor.project() == subject.project(),
        Kind::App => anchor.parent().is_some_and(|app| subject.is_within(&app)),
        Kind::Cluster | Kind::ClusterLabel | Kind::KvPairs => {
            let group = subject.ancestor(Kind::DeploymentIntentGroup);
            let provider = anchor.ancestor(Kind::ClusterProvider);
            group.zip(provider).is_some_and(|(group, provider)| topology.concerns(&group, provider.name()))
        }
        _ => false,
    }
}

/// What the pull request of a change says.
#[must_use]
pub(super) fn pull_text(change: &Change, proposal: &Proposal, draft: bool, server: &str) -> PullText {
    let names: Vec<String> = change.main_groups().map(Group::short).collect();
    let groups: Vec<&str> = names.iter().map(String::as_str).collect();
    let meta = PullMeta {
        change: change.id.to_string(),
        requesters: change.requesters.iter().map(ToString::to_string).collect(),
        server: server.to_owned(),
        unverified: change.requesters.iter().any(Person::is_local),
        intents: proposal.intents.iter().map(ToString::to_string).collect(),
    };
    // A draft is for nobody yet, and who asked for it does not review it.
    let asks = |owner: &&Owner| match owner {
        Owner::User(login) => !change.requesters.iter().any(|requester| requester.has_on_any_forge(login)),
        Owner::Team(_) => true,
        Owner::Email(_) => false,
    };
    let owners = proposal.owned.iter().flat_map(|owned| &owned.owners).filter(|_| !draft);
    PullText {
        title: pull::title(&proposal.plan, &groups),
        body: pull::body(&proposal.plan, &meta),
        draft,
        reviewers: owners.filter(asks).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Timestamp;
    use crate::finding::{Finding, Place};

    #[test]
    fn the_reason_of_a_blocked_change_is_short_however_much_is_wrong() {
        let error = |n: usize| Finding::error("lint/x", Place::at(format!("clusters/{n}.yaml")), "is wrong", "mend it");
        let change = Change::new(ChangeId::parse("0123456789ab").unwrap(), BTreeSet::new(), Timestamp(0));
        let words = |count: usize| {
            let plan = Plan { findings: (0..count).map(error).collect(), ..Plan::default() };
            blocks(&plan, &Ledger::default(), &change).words
        };
        assert_eq!(words(1), ["clusters/0.yaml: is wrong; mend it"]);
        assert_eq!(words(10).len(), 10);
        let many = words(5000);
        assert_eq!((many.len(), many[10].as_str()), (11, "4990 more errors in its plan"));
    }
}
