//! How far a deployment intent group has come: each intent and each resource.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::changes::Summary;
use crate::change::{Change, ChangeId, Group, Ledger, OnMain, Proposal, Rollout, State};
use crate::intent::{Anchor, Kind, Resource, Spec, Topology, Tree, layout};
use crate::review::Happening;

/// The word for what is on main.
const MERGED: &str = "merged";
/// The words for how far what is on main has come on a cluster.
const SYNCED: &str = "synced";
const LIVE: &str = "live";
/// The word for what is kept without its manifests.
const TERMINATED: &str = "terminated";

/// How far one intent has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntentStatus {
    /// The intent.
    pub anchor: Anchor,
    /// What people call its kind.
    pub kind: &'static str,
    /// The state of the change that decides it; `merged` when it is on main, `terminated` when only the intent is.
    pub state: &'static str,
    /// What happens to it, where a change is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happening: Option<Happening>,
    /// The change that is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeId>,
    /// The commit of main that put its file there as it is; none when that is long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Of a server, or a caller of outside services: the clusters it is placed on, as `provider/cluster`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
}

/// How far one resource of a cluster has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// `provider/cluster`.
    pub cluster: String,
    /// The Kubernetes kind.
    pub kind: String,
    /// `namespace/name`.
    pub name: String,
    /// The path of its file.
    pub path: String,
    /// What happens to it, where a change is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happening: Option<Happening>,
    /// The state of the change that touches it; `merged` when it is on main and none does, `synced` and `live` when its
    /// cluster has told so of the change that put it there.
    pub state: &'static str,
    /// The change that is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeId>,
    /// The commit that holds it: of the change's branch, else the one that put it on main, unless that is long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How far a deployment intent group has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The group.
    pub deployment_intent_group: Anchor,
    /// Of all its parts the state that is furthest from main; what is blocked comes first.
    pub state: &'static str,
    /// Changes that are pending, oldest first.
    pub changes: Vec<Summary>,
    /// Intents in the order of their anchors.
    pub intents: Vec<IntentStatus>,
    /// Resources on main or in pending changes, by cluster.
    pub resources: Vec<ResourceStatus>,
}

/// The changes that are pending for the group at `group`, oldest first.
#[must_use]
pub fn pending<'l>(ledger: &'l Ledger, group: &Anchor) -> Vec<&'l Change> {
    let own = Group::natural(group);
    let owners: BTreeSet<&ChangeId> = everything(ledger, group).filter_map(|anchor| ledger.owner(anchor)).collect();
    let concerned =
        |change: &&Change| !change.state.is_final() && (change.groups.contains(&own) || owners.contains(&change.id));
    let mut changes: Vec<_> = ledger.changes.values().map(|change| &**change).filter(concerned).collect();
    changes.sort_by_key(|change| (change.created, change.id.clone()));
    changes
}

/// How far the group at `group` has come; `plans` are those of its pending changes, as far as they are known, and
/// `main` is what main has of it.
#[must_use]
pub fn status(ledger: &Ledger, group: &Anchor, plans: &BTreeMap<ChangeId, &Proposal>, main: OnMain) -> Status {
    let changes = pending(ledger, group);
    let find = |anchor: &Anchor| {
        let owner = ledger.owner(anchor)?;
        ledger.changes.get(owner).map(|change| &**change).filter(|change| !change.state.is_final())
    };
    let OnMain { files, commits } = main;
    let intents = intents(ledger, group, &commits, find);
    let resources = changes.iter().flat_map(|change| {
        let plan = plans.get(&change.id).into_iter();
        // The same change may be about other groups too.
        let own = plan.flat_map(|plan| plan.plan.resources.iter().filter(|one| plan.concerns(&one.path, group)));
        own.map(|resource| ResourceStatus {
            cluster: resource.cluster.clone(),
            kind: resource.kind.clone(),
            name: resource.name.clone(),
            path: resource.path.clone(),
            happening: Some(resource.happening),
            state: change.state.as_str(),
            change: Some(change.id.clone()),
            commit: change.head.map(|head| head.to_string()),
        })
    });
    let mut resources: Vec<_> = resources.collect();
    let touched: BTreeSet<String> = resources.iter().map(|resource| resource.path.clone()).collect();
    let merged = |change: &Change| Some((change.merged?.to_string(), change.rollout.clone()?));
    let rollouts: BTreeMap<String, Rollout> = ledger.changes.values().filter_map(|change| merged(change)).collect();
    let reached = |path: &str| {
        let place = rollouts.get(commits.get(path)?)?.place(path)?;
        place.live.map(|_| LIVE).or_else(|| place.synced.map(|_| SYNCED))
    };
    resources.extend(files.into_iter().filter(|file| !touched.contains(&file.path)).map(|file| ResourceStatus {
        cluster: file.cluster,
        kind: file.kind,
        name: file.name,
        commit: commits.get(&file.path).cloned(),
        state: reached(&file.path).unwrap_or(MERGED),
        path: file.path,
        happening: None,
        change: None,
    }));
    resources.sort_by(|a, b| (&a.cluster, &a.kind, &a.name).cmp(&(&b.cluster, &b.kind, &b.name)));
    let states = intents.iter().map(|intent| intent.state).chain(changes.iter().map(|change| change.state.as_str()));
    Status {
        deployment_intent_group: group.clone(),
        state: states.min_by_key(|state| distance(state)).unwrap_or(MERGED),
        changes: changes.into_iter().map(Summary::of).collect(),
        intents,
        resources,
    }
}

/// Every anchor of the group, on main or proposed.
fn everything<'l>(ledger: &'l Ledger, group: &Anchor) -> impl Iterator<Item = &'l Anchor> {
    let anchors = |tree: &'l Tree| tree.within(group).map(|resource| resource.anchor());
    anchors(&ledger.base.tree).chain(anchors(&ledger.proposed))
}

fn intents<'l>(
    ledger: &'l Ledger,
    group: &Anchor,
    commits: &BTreeMap<String, String>,
    owner: impl Fn(&Anchor) -> Option<&'l Change>,
) -> Vec<IntentStatus> {
    let (base, proposed) = (&ledger.base.tree, &ledger.proposed);
    let topology = Topology::new(proposed, &ledger.base.settings.cluster_defaults);
    let terminated = base.get(group).is_some_and(|resource| resource.state.terminated);
    let anchors: BTreeSet<&Anchor> = everything(ledger, group).collect();
    let one = |anchor: &Anchor| {
        let (before, after) = (base.get(anchor), proposed.get(anchor));
        let change = owner(anchor);
        let settled = if terminated { TERMINATED } else { MERGED };
        let happening = change.map(|_| match (before, after) {
            (None, _) => Happening::Added,
            (Some(_), Some(_)) => Happening::Changed,
            (Some(_), None) => Happening::Removed,
        });
        IntentStatus {
            anchor: anchor.clone(),
            kind: anchor.kind().entry().title,
            state: change.map_or(settled, |change| change.state.as_str()),
            happening,
            change: change.map(|change| change.id.clone()),
            commit: before.and_then(|_| commits.get(&layout::file_of(anchor))).cloned(),
            clusters: after.or(before).map(|resource| clusters(&topology, resource)).unwrap_or_default(),
        }
    };
    anchors.into_iter().map(one).collect()
}

fn clusters(topology: &Topology<'_>, resource: &Resource) -> Vec<String> {
    let app = match resource.spec() {
        Spec::Inbound(server) => &server.app,
        Spec::Outbound(caller) => &caller.app,
        _ => return vec![],
    };
    let Some(group) = resource.anchor().ancestor(Kind::DeploymentIntentGroup) else { return vec![] };
    // What is not placed yet blocks its change, which says so.
    let found = topology.clusters(&group, app).unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

/// How far a state is from main, the furthest first.
fn distance(state: &str) -> usize {
    let order = [
        State::Blocked,
        State::ChangesRequested,
        State::Journaled,
        State::Planned,
        State::Draft,
        State::Proposed,
        State::Approved,
        State::Merging,
    ];
    order.iter().position(|known| known.as_str() == state).unwrap_or(if state == TERMINATED { 98 } else { 99 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Base;
    use crate::change::Timestamp;
    use crate::intent::testing::tree;
    use crate::review::{Plan, ResourceChange};
    use std::sync::Arc;

    const GROUP: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod";
    const MINIMAL: &str = include_str!("../../fixtures/minimal/bundle.yaml");

    fn group() -> Anchor {
        Anchor::parse(GROUP).unwrap()
    }

    fn change(state: State) -> Change {
        let mut change =
            Change::new(ChangeId::parse("abcdef012345").unwrap(), [Group::natural(&group())].into(), Timestamp(0));
        change.state = state;
        change
    }

    fn merged() -> Ledger {
        let base = Base { tree: tree(MINIMAL), ..Base::default() };
        on(base)
    }

    fn on(base: Base) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.proposed = base.tree.clone();
        ledger.base = Arc::new(base);
        ledger
    }

    #[test]
    fn what_is_on_main_is_merged_and_a_server_names_its_clusters() {
        let status = status(&merged(), &group(), &BTreeMap::new(), OnMain::default());
        assert_eq!((status.state, status.intents.len()), ("merged", 7));
        let server = status.intents.iter().find(|intent| intent.kind == "inbound intent").unwrap();
        assert_eq!(server.clusters, ["gke/east"]);
        assert!(status.intents.iter().all(|intent| intent.state == "merged" && intent.change.is_none()));
    }

    #[test]
    fn a_caller_of_outside_services_names_its_clusters() {
        let caller = "---\nanchor: outbound-intents\nmetadata: {name: o}\n\
                      spec: {app: cart, appLabel: app=cart, serviceName: cart}\n";
        let ledger = on(Base { tree: tree(&(MINIMAL.to_owned() + caller)), ..Base::default() });
        let status = status(&ledger, &group(), &BTreeMap::new(), OnMain::default());
        let caller = status.intents.iter().find(|intent| intent.kind == "outbound intent").unwrap();
        assert_eq!(caller.clusters, ["gke/east"]);
    }

    #[test]
    fn what_is_pending_has_the_state_of_its_change() {
        let mut ledger = merged();
        let client = Anchor::parse(&format!("{GROUP}/traffic-group-intents/web/inbound-intents/cart/clients/frontend"));
        let client = client.unwrap();
        ledger.proposed.remove(&client);
        let change = change(State::Proposed);
        let intents = intents(&ledger, &group(), &BTreeMap::new(), |anchor| (*anchor == client).then_some(&change));
        let gone = intents.iter().find(|intent| intent.anchor == client).unwrap();
        assert_eq!((gone.state, gone.happening), ("proposed", Some(Happening::Removed)));
        assert_eq!(intents.iter().filter(|intent| intent.state == "merged").count(), 6);
    }

    #[test]
    fn a_terminated_group_keeps_its_intents() {
        let mut base = Base { tree: tree(MINIMAL), ..Base::default() };
        base.tree.set_terminated(&group(), true);
        let ledger = on(base);
        assert_eq!(status(&ledger, &group(), &BTreeMap::new(), OnMain::default()).state, "terminated");
    }

    #[test]
    fn the_state_of_the_whole_is_the_one_furthest_from_main() {
        let mut ledger = merged();
        let change = change(State::Blocked);
        let resource = |name: &str| ResourceChange {
            cluster: "gke/east".into(),
            kind: "AuthorizationPolicy".into(),
            name: name.into(),
            happening: Happening::Added,
            path: "clusters/x.yaml".into(),
        };
        let elsewhere = ResourceChange { path: "clusters/y.yaml".into(), ..resource("other/c") };
        let plan = Plan { resources: vec![resource("shop/b"), resource("shop/a"), elsewhere], ..Plan::default() };
        let own = BTreeMap::from([("clusters/x.yaml".to_owned(), BTreeSet::from([group()]))]);
        let proposal = Proposal { plan, sources: own, ..Proposal::default() };
        ledger.changes.insert(change.id.clone(), Arc::new(change.clone()));
        let status = status(&ledger, &group(), &BTreeMap::from([(change.id, &proposal)]), OnMain::default());
        assert_eq!((status.state, status.changes.len()), ("blocked", 1));
        let names: Vec<_> = status.resources.iter().map(|resource| resource.name.as_str()).collect();
        assert_eq!(names, ["shop/a", "shop/b"]);
        let elsewhere =
            Anchor::parse("projects/shop/composite-apps/boutique/v1/deployment-intent-groups/other").unwrap();
        assert!(pending(&ledger, &elsewhere).is_empty());
    }
}
