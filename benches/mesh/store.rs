//! Data folders with a mesh on main.

use std::path::Path;
use std::sync::Arc;

use meshwright::boot::{Stores, SystemClock};
use meshwright::change::Clock;
use meshwright::config::Config;
use meshwright::intent::Settings;
use meshwright::render::{Outside, Rendered, Scope, render};
use meshwright::repo::{Commit, CommitId, Edits, Identity, Mirror, TreeId};

use crate::Outcome;
use crate::plan::{Plan, intent_files};

/// The configuration of a server over `data`, on any free port.
pub(crate) fn config(data: &Path) -> Config {
    Config { data: data.to_owned(), listen: "127.0.0.1:0".into(), ..Config::default() }
}

/// The clock of this machine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Opens the stores in `data`, with a mesh on main.
pub(crate) fn seeded(data: &Path, plan: Plan) -> Outcome<Stores> {
    let stores = Stores::open(&config(data), &clock())?;
    let tree = plan.tree()?;
    let mut edits = intent_files(&tree);
    edits.extend(manifests(render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None)));
    let main = stores.mirror.branch("main")?;
    let commit = commit(&stores.mirror, main, &edits)?;
    stores.mirror.set_reference("refs/heads/main", main, Some(commit), "seed")?;
    stores.mirror.sync()?;
    Ok(stores)
}

/// Commits on top of `parent`.
pub(crate) fn commit(mirror: &Mirror, parent: Option<CommitId>, edits: &Edits) -> Outcome<CommitId> {
    let base = parent.map(|id| mirror.commit_info(id)).transpose()?.map_or(TreeId::EMPTY, |info| info.tree);
    let parents: Vec<CommitId> = parent.into_iter().collect();
    let author = Identity { name: "Meshwright".to_owned(), email: "meshwright@example.com".to_owned() };
    Ok(mirror.commit(&Commit {
        parents: &parents,
        base,
        edits,
        author: &author,
        time: 1_700_000_000,
        message: "bench\n",
        signer: None,
    })?)
}

/// Manifests as files to be written.
pub(crate) fn manifests(rendered: Rendered) -> Edits {
    let write = |(path, manifest): (String, meshwright::render::Manifest)| {
        (path, meshwright::repo::Edit::Write(manifest.text.into_bytes()))
    };
    rendered.manifests.into_iter().map(write).collect()
}
