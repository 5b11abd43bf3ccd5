//! Main as it is: intents, settings, and what else stands between the generated files.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::audit::Listed;
use super::codeowners::{self, CodeOwners};
use super::declared::{Declared, ORPHAN, is_policy, read, resources_of};
use crate::finding::Finding;
use crate::intent::settings::SETTINGS_PATH;
use crate::intent::{Anchor, Settings, Tree, layout};
use crate::render::{self, Outside, PluginFiles, Scope, is_plugin_path};
use crate::repo::{BlobId, CommitId, Files, Mirror, RepoError};
use crate::review::Stray;

/// How many services are rendered at once where nothing but the comparison is needed.
const PART: usize = 1000;

/// The newest state of main.
#[derive(Debug, Default)]
pub struct Base {
    /// The commit of main; none in an empty repository.
    pub commit: Option<CommitId>,
    /// The intents on it.
    pub tree: Tree,
    /// The settings on it.
    pub settings: Settings,
    /// Who owns which paths on it; nobody where the settings do not honour them.
    pub code_owners: CodeOwners,
    /// Files that cannot be read, by path. While there are any, nothing is proposed.
    pub problems: BTreeMap<String, Vec<Finding>>,
    /// Manifests between the generated ones that Meshwright did not generate.
    pub strays: Vec<Stray>,
    /// Generated files that say something else than their intents render to.
    pub drift: Vec<String>,
    /// The files of outside plugins on it.
    pub plugin_files: Arc<PluginFiles>,
}

impl Base {
    /// Why the resource at `anchor` is not known: the file that it or something it lives under belongs into cannot be
    /// read. None when all that can be read.
    #[must_use]
    pub fn unreadable(&self, anchor: &Anchor) -> Option<String> {
        if self.problems.is_empty() {
            return None;
        }
        let files = anchor.lineage().filter_map(|anchor| self.problems.get(&layout::file_of(&anchor)));
        let Finding { place, message, remedy, .. } = files.flatten().filter(|f| f.rule != ORPHAN).last()?;
        Some(format!("{place} on main cannot be read, so nobody knows what is there: {message}; {remedy}"))
    }

    /// Reads all of a commit.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn load(mirror: &Mirror, commit: CommitId) -> Result<Self, RepoError> {
        Ok(Self { commit: Some(commit), ..Self::read(&mirror.snapshot(commit)?)? })
    }

    /// Reads all of a set of files, such as a checkout.
    ///
    /// # Errors
    /// When a file cannot be read from where it is.
    pub fn read(files: &dyn Files) -> Result<Self, RepoError> {
        let mut declared = Declared::read(files)?;
        let mut listed = Listed::read(files)?;
        let plugin_files = listed.plugin_files(files, &declared.settings)?;
        let mut drift = BTreeSet::new();
        // Part by part: all manifests at once would take more memory than everything that stays.
        for part in Scope::everything(&declared.tree).parts(PART) {
            let outside = Outside::AsMain(&plugin_files);
            let rendered = render::render(&declared.tree, &declared.settings, &part, outside);
            drift.extend(rendered.outdated.iter().map(|outdated| outdated.path.clone()));
            drift.extend(listed.compare(&rendered).into_iter().map(|(path, _)| path.clone()));
        }
        let strays = listed.strays(files)?;
        if let Some(finding) = declared.gone(&strays) {
            declared.problems.insert(finding.place.path.clone(), vec![finding]);
        }
        Ok(Self {
            commit: None,
            tree: declared.tree,
            settings: declared.settings,
            code_owners: declared.code_owners,
            problems: declared.problems,
            strays,
            drift: drift.into_iter().collect(),
            plugin_files: Arc::new(plugin_files),
        })
    }

    /// The state of main at `commit`, from the state it had before: cost in proportion to what changed, unless settings
    /// or files that were not generated are among it.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn advance(&self, mirror: &Mirror, commit: CommitId) -> Result<Self, RepoError> {
        let Some(old) = self.commit.filter(|_| self.problems.is_empty()) else { return Self::load(mirror, commit) };
        let (from, to) = (mirror.snapshot(old)?, mirror.snapshot(commit)?);
        let changed = mirror.changed_paths(from.tree_id(), to.tree_id(), "")?;
        let came: HashSet<&str> = changed.iter().map(|changed| changed.path.as_str()).collect();
        let mut code_owners = self.code_owners.clone();
        if self.settings.code_owners && codeowners::PLACES.iter().any(|place| came.contains(place)) {
            let Ok(read) = CodeOwners::read(&to)? else { return Self::load(mirror, commit) };
            code_owners = read;
        }
        let mut tree = self.tree.clone();
        let mut touched: BTreeSet<Anchor> = BTreeSet::new();
        let mut added = vec![];
        for path in changed.iter().map(|changed| &changed.path) {
            if path == SETTINGS_PATH || is_policy(path) {
                return Self::load(mirror, commit);
            }
            let (Ok(gone), Ok(come)) = (resources_of(&from, path)?, resources_of(&to, path)?) else {
                return Self::load(mirror, commit);
            };
            for resource in &gone {
                tree.remove(resource.anchor());
            }
            touched.extend(gone.iter().chain(&come).map(|resource| resource.anchor().clone()));
            added.extend(come);
        }
        added.sort_by(|a, b| a.anchor().cmp(b.anchor()));
        added.into_iter().for_each(|resource| tree.insert(resource));
        let touched: Vec<_> = touched.into_iter().collect();
        let scope = Scope::concerned(&self.tree, &tree, &touched);
        let plugin_files = self.plugin_files_after(&to, &came)?;
        let sides = [(&self.tree, &self.plugin_files), (&tree, &plugin_files)];
        let rendered = sides.map(|(tree, files)| render::render(tree, &self.settings, &scope, Outside::AsMain(files)));
        let mut as_rendered = rendered[1].outdated.is_empty();
        for changed in changed.iter().filter(|changed| changed.path.starts_with("clusters/")) {
            let now = rendered[1].manifests.get(&changed.path).map(|m| BlobId::of(m.text.as_bytes()));
            as_rendered &= match (changed.new, now) {
                (None, None) => rendered[0].manifests.contains_key(&changed.path),
                // One that is too long to be read is none of ours.
                (Some(_), None) => read(&to, &changed.path)?
                    .is_some_and(|read| read.is_ok_and(|bytes| render::is_namespace_file(&changed.path, &bytes))),
                (new, now) => new == now,
            };
        }
        // What the intents of this commit render to anew must have come with it.
        let [before, after] = &rendered;
        let differ = |path: &&String| {
            let [before, after] = [before, after].map(|rendered| rendered.manifests.get(*path).map(|m| &m.text));
            before != after
        };
        let all: BTreeSet<&String> = before.manifests.keys().chain(after.manifests.keys()).collect();
        let anew: BTreeSet<&str> = all.into_iter().filter(differ).map(String::as_str).collect();
        for path in anew.iter().copied().filter(|path| !came.contains(path)) {
            let now = to.blob_id(path)?;
            as_rendered &= match after.manifests.get(path) {
                Some(manifest) => now == Some(BlobId::of(manifest.text.as_bytes())),
                None => before.manifests.get(path).is_none_or(|was| was.intents.is_empty()) || now.is_none(),
            };
        }
        let orphaned = touched.iter().any(|anchor| {
            tree.within(anchor).any(|r| r.anchor().parent().is_some_and(|parent| tree.get(&parent).is_none()))
        });
        if orphaned || !as_rendered {
            return Self::load(mirror, commit);
        }
        // What the intents render to anew was looked at: it is as it should be, or all was read again.
        let looked_at = |path: &str| came.contains(path) || anew.contains(path);
        let drift = self.drift.iter().filter(|path| !looked_at(path)).cloned().collect();
        let strays = self.strays.iter().filter(|stray| !came.contains(stray.path.as_str())).cloned().collect();
        Ok(Self {
            commit: Some(commit),
            tree,
            settings: self.settings.clone(),
            code_owners,
            problems: BTreeMap::new(),
            strays,
            drift,
            plugin_files,
        })
    }

    /// The files of outside plugins, after the files at the paths that `came` became those of `to`.
    fn plugin_files_after(&self, to: &dyn Files, came: &HashSet<&str>) -> Result<Arc<PluginFiles>, RepoError> {
        let mut known = Arc::clone(&self.plugin_files);
        for path in came.iter().filter(|path| is_plugin_path(&self.settings, path)) {
            let known = Arc::make_mut(&mut known);
            match read(to, path)? {
                Some(Ok(bytes)) => known.put(&self.settings, path, &String::from_utf8_lossy(&bytes)),
                _ => known.remove(path),
            }
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::WorkingTree;

    #[test]
    fn main_with_generated_files_and_no_intents_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        let files = WorkingTree::open(folder.path()).unwrap();
        let policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n\
                      metadata: {name: a, namespace: shop, labels: {app.kubernetes.io/managed-by: meshwright}}\n";
        let path = "clusters/gke/east/shop/a/authorizationpolicy-a.yaml";
        files.write(path, Some(policy)).unwrap();
        let rules = || {
            let problems = Base::read(&files).unwrap().problems;
            problems.into_values().flatten().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert_eq!(rules(), ["intent/gone"]);
        files.write("intents/shop/a/v1/_app.yaml", Some("# nothing yet\n")).unwrap();
        assert_eq!(rules(), [""; 0]);
        files.write("intents/shop/a/v1/_app.yaml", None).unwrap();
        files.write(path, Some(&policy.replace("meshwright", "hand"))).unwrap();
        assert_eq!(rules(), [""; 0]);
    }
}
