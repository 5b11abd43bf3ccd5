//! Checkouts of a config repository that tests begin with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use meshwright::intent::{Anchor, Bundle, Tree, layout};

use crate::{meshwright, write};

/// A checkout, up to date and committed.
pub(crate) struct Checkout {
    _folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

impl Checkout {
    /// The checkout that holds what `bundle` declares.
    pub(crate) fn of(bundle: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let mut resources: Vec<_> =
            Bundle::read(bundle).unwrap().documents.into_iter().map(|posted| posted.resource).collect();
        resources.sort_by(|a, b| a.anchor().cmp(b.anchor()));
        let mut tree = Tree::default();
        resources.into_iter().for_each(|resource| tree.put(resource));
        let heads: BTreeSet<Anchor> = tree.iter().map(|resource| layout::head_of(resource.anchor())).collect();
        for head in heads {
            let text = layout::edit_file(None, &layout::residents(&tree, &head)).unwrap();
            write(&root, &layout::file_of(&head), &text);
        }
        write(&root, "meshwright.yaml", "");
        let checkout = Self { _folder: folder, root };
        checkout.render();
        git(&checkout.root, &["init", "--quiet"]);
        checkout.commit();
        checkout
    }

    /// Commits all files as they are.
    pub(crate) fn commit(&self) {
        git(&self.root, &["add", "."]);
        git(&self.root, &["commit", "--quiet", "--message", "as it is"]);
    }

    /// Brings the generated files up to date.
    pub(crate) fn render(&self) {
        let run = meshwright(&self.root, &["render", "--repo", ".", "--write"]);
        assert_eq!(run.code, Some(0), "{run:?}");
    }

    /// Puts `new` in the place of `old` in a file.
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.root.join(path)).unwrap();
        assert!(text.contains(old), "{path} does not hold {old:?}: {text}");
        fs::write(self.root.join(path), text.replace(old, new)).unwrap();
    }

    /// Makes all files what they were when they were committed.
    pub(crate) fn undo(&self) {
        git(&self.root, &["reset", "--quiet", "--hard"]);
        git(&self.root, &["clean", "--quiet", "-d", "--force"]);
    }
}

fn git(root: &Path, arguments: &[&str]) {
    let settings = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    let status = Command::new("git").args(settings).args(arguments).current_dir(root).status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}
