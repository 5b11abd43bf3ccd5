//! Where resources stand in the config repository, and reading and editing the files they stand in.

use std::collections::BTreeMap;

use super::anchor::Anchor;
use super::bundle::{Bundle, to_document};
use super::kind::Kind;
use super::resource::Resource;
use super::tree::Tree;
use crate::finding::{Finding, Place};
use crate::yaml;

/// The folder that holds intents.
pub const INTENTS: &str = "intents/";

/// The folders that hold resources.
pub const FOLDERS: [&str; 2] = [INTENTS, "topology/"];

/// The path of the file that holds the resource at `anchor`.
#[must_use]
pub fn file_of(anchor: &Anchor) -> String {
    let name = |kind: Kind| anchor.ancestor(kind).map(|a| a.name().to_owned()).unwrap_or_default();
    let group = || {
        let app = anchor.ancestor(Kind::CompositeApp);
        let version = app.as_ref().and_then(|app| app.as_str().rsplit('/').next()).unwrap_or_default();
        format!("intents/{}/{}/{version}", name(Kind::Project), name(Kind::CompositeApp))
    };
    let dig = || format!("{}/{}", group(), name(Kind::DeploymentIntentGroup));
    match anchor.kind() {
        Kind::Project => format!("topology/projects/{}/_project.yaml", anchor.name()),
        Kind::LogicalCloud | Kind::ClusterReference | Kind::UserPermission => {
            format!("topology/projects/{}/{}.yaml", name(Kind::Project), name(Kind::LogicalCloud))
        }
        Kind::ClusterProvider => format!("topology/cluster-providers/{}/_provider.yaml", anchor.name()),
        Kind::Cluster | Kind::ClusterLabel | Kind::KvPairs => {
            format!("topology/cluster-providers/{}/{}.yaml", name(Kind::ClusterProvider), name(Kind::Cluster))
        }
        Kind::Controller => format!("topology/controllers/{}.yaml", anchor.name()),
        Kind::CompositeApp | Kind::App | Kind::CompositeProfile | Kind::Profile => format!("{}/_app.yaml", group()),
        Kind::DeploymentIntentGroup
        | Kind::GroupIntent
        | Kind::GenericPlacementIntent
        | Kind::AppPlacement
        | Kind::TrafficGroup => format!("{}/_group.yaml", dig()),
        Kind::Inbound | Kind::Client | Kind::AccessPoint => {
            format!("{}/{}/inbound/{}.yaml", dig(), name(Kind::TrafficGroup), name(Kind::Inbound))
        }
        Kind::Outbound | Kind::OutboundServer => {
            format!("{}/{}/outbound/{}.yaml", dig(), name(Kind::TrafficGroup), name(Kind::Outbound))
        }
    }
}

/// The resource whose file [`file_of`] names, which everything else in that file lives below.
#[must_use]
pub fn head_of(anchor: &Anchor) -> Anchor {
    let head = match anchor.kind() {
        Kind::ClusterReference | Kind::UserPermission => Kind::LogicalCloud,
        Kind::ClusterLabel | Kind::KvPairs => Kind::Cluster,
        Kind::App | Kind::CompositeProfile | Kind::Profile => Kind::CompositeApp,
        Kind::GroupIntent | Kind::GenericPlacementIntent | Kind::AppPlacement | Kind::TrafficGroup => {
            Kind::DeploymentIntentGroup
        }
        Kind::Client | Kind::AccessPoint => Kind::Inbound,
        Kind::OutboundServer => Kind::Outbound,
        own => own,
    };
    anchor.ancestor(head).unwrap_or_else(|| anchor.clone())
}

/// The resources that stand in the file of `head`, in the order of their anchors.
#[must_use]
pub fn residents<'a>(tree: &'a Tree, head: &Anchor) -> Vec<&'a Resource> {
    let path = file_of(head);
    tree.within(head).map(|resource| &**resource).filter(|resource| file_of(resource.anchor()) == path).collect()
}

/// Reads one file of resources.
///
/// # Errors
/// Findings for every document that cannot be read or stands in the wrong file.
pub fn read_file(path: &str, text: &str) -> Result<Vec<Resource>, Vec<Finding>> {
    let rule = "intent/file";
    let bundle = Bundle::read(text).map_err(|rejected| {
        rejected.into_iter().flat_map(|document| document.findings(path, rule)).collect::<Vec<_>>()
    })?;
    // What has the same head stands in the same file, and mostly it follows.
    let mut home = None;
    let mut misplaced = |posted: &&super::bundle::Posted| {
        let head = head_of(posted.resource.anchor());
        if home.as_ref() != Some(&head) && file_of(&head) == path {
            home = Some(head.clone());
        }
        home != Some(head)
    };
    let findings: Vec<_> = bundle
        .documents
        .iter()
        .filter(|posted| misplaced(posted))
        .map(|posted| {
            let anchor = posted.resource.anchor();
            let place = Place::on_line(path, posted.line);
            Finding::error(
                rule,
                place,
                format!("{anchor} does not belong in this file"),
                format!("move it to {}", file_of(anchor)),
            )
        })
        .collect();
    if findings.is_empty() { Ok(bundle.documents.into_iter().map(|d| d.resource).collect()) } else { Err(findings) }
}

/// The text of a file that shall hold exactly `resources`, given what it holds now; `None` when it shall be gone.
///
/// Documents that do not change keep their bytes, comments included; so does what stands between them.
#[must_use]
pub fn edit_file(old: Option<&str>, resources: &[&Resource]) -> Option<String> {
    if resources.is_empty() {
        return None;
    }
    let mut wanted: BTreeMap<&Anchor, &Resource> = resources.iter().map(|r| (r.anchor(), *r)).collect();
    let readable = old.and_then(|old| Bundle::read(old).ok().map(|bundle| (old, bundle)));
    let Some((old, bundle)) = readable else { return Some(fresh(resources)) };
    let base = bundle.base.as_deref();
    let mut fates = BTreeMap::new();
    for posted in bundle.documents.iter().rev() {
        match wanted.remove(posted.resource.anchor()) {
            Some(resource) if *resource == posted.resource => {}
            Some(resource) => drop(fates.insert(posted.index, yaml::Fate::Replaced(to_document(base, resource)))),
            None => drop(fates.insert(posted.index, yaml::Fate::Removed)),
        }
    }
    let Ok(documents) = yaml::documents(old) else { return Some(fresh(resources)) };
    let text = documents.edit(&fates);
    let Ok(documents) = yaml::documents(&text) else { return Some(fresh(resources)) };
    Some(documents.append(wanted.values().map(|resource| to_document(base, resource))))
}

/// A file written anew: a base where several documents share one, then the documents in the order of their anchors.
fn fresh(resources: &[&Resource]) -> String {
    let mut sorted = resources.to_vec();
    sorted.sort_by(|a, b| a.anchor().cmp(b.anchor()));
    let base = sorted.first().and_then(|head| head.anchor().parent()).filter(|_| sorted.len() > 1);
    let base = base.as_ref().map(Anchor::as_str);
    let mut parts: Vec<String> = base.map(|base| format!("base: {base}\n")).into_iter().collect();
    parts.extend(sorted.iter().map(|resource| to_document(base, resource)));
    parts.join("---\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::testing::resource;

    const TG: &str = "projects/p/composite-apps/a/v1/deployment-intent-groups/d/traffic-group-intents/t";

    #[test]
    fn one_file_holds_a_server_with_its_clients_and_access_points() {
        let path = "intents/p/a/v1/d/t/inbound/s.yaml";
        for anchor in
            ["inbound-intents/s", "inbound-intents/s/clients/c", "inbound-intents/s/clients/c/access-points/x"]
        {
            let anchor = Anchor::parse(&format!("{TG}/{anchor}")).unwrap();
            assert_eq!(file_of(&anchor), path);
            assert_eq!(head_of(&anchor).name(), "s");
        }
        let cluster = Anchor::parse("cluster-providers/gke/clusters/east/labels/edge").unwrap();
        assert_eq!(file_of(&cluster), "topology/cluster-providers/gke/east.yaml");
    }

    #[test]
    fn documents_that_do_not_change_keep_their_bytes() {
        let cluster = resource("cluster-providers/gke/clusters/east", r#"{"metadata":{"name":"east"}}"#);
        let label = resource("cluster-providers/gke/clusters/east/labels/edge", r#"{"clusterLabel":"edge"}"#);
        let old = "# written by hand\nanchor: cluster-providers/gke/clusters\nmetadata:   {name: east} # spaces\n";
        let both = edit_file(Some(old), &[&cluster, &label]).unwrap();
        assert!(both.starts_with(old) && both.ends_with("clusterLabel: edge\n"), "{both}");
        assert_eq!(edit_file(Some(&both), &[&cluster]).as_deref(), Some(old));
        assert_eq!(edit_file(Some(&both), &[]), None);
        let read = read_file("topology/cluster-providers/gke/east.yaml", &both).unwrap();
        assert_eq!(read, [cluster, label]);
    }

    #[test]
    fn a_document_in_the_wrong_file_is_found() {
        let findings = read_file("topology/x.yaml", "anchor: projects\nmetadata: {name: p}\n").unwrap_err();
        assert!(findings[0].remedy.contains("topology/projects/p/_project.yaml"));
    }
}
