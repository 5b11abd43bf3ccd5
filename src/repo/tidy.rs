//! Housekeeping: loose objects and small packs become few, while the process goes on writing.

use std::time::Duration;

use super::mirror::spread;
use super::program;
use super::{Mirror, RepoError};

/// How many loose objects are left alone, about; git's own number.
const LOOSE: u32 = 6_700;

/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(600);

impl Mirror {
    /// Packs what lies about, if it is much; blocks for as long as that takes. May run beside everything else.
    ///
    /// Nothing is ever deleted, only packed. Git deletes what no reference leads to and is older than two weeks, and
    /// renews the age of what somebody writes again; our writer does not look at ages (`Loose`), so it could take an old
    /// object for present that is being deleted at this moment. What no reference leads to goes into a pack of its own
    /// and costs little there. References and their logs are left alone too: packing them takes locks that our own moves
    /// of references would run into. Who wants the space back runs `git gc` while the server is stopped.
    ///
    /// # Errors
    /// [`RepoError::Remote`] if the git program fails or takes too long.
    pub fn tidy(&self) -> Result<(), RepoError> {
        self.tidy_beyond(LOOSE)
    }

    pub(in crate::repo) fn tidy_beyond(&self, loose: u32) -> Result<(), RepoError> {
        let loose = loose.to_string();
        let configuration = [
            ("gc.auto", loose.as_str()),
            ("gc.autoDetach", "false"),
            ("gc.cruftPacks", "true"),
            ("gc.pruneExpire", "never"),
            ("gc.packRefs", "false"),
            ("gc.reflogExpire", "never"),
            ("gc.reflogExpireUnreachable", "never"),
            // One core is enough for what nobody waits for.
            ("pack.threads", "1"),
        ];
        let mut git = program::git(self.path(), &configuration.map(|(key, value)| (key.to_owned(), value.to_owned())));
        git.args(["gc", "--auto", "--quiet"]);
        let output = program::run("tidy the repository", git, &[], TIMEOUT)?;
        if !output.success {
            return Err(RepoError::Remote { what: "tidy the repository".into(), detail: output.stderr });
        }
        // Directories that became empty are gone.
        spread(&self.path().join("objects")).map_err(RepoError::io("make the directories of objects"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::repo::testing::{bench, edits, many};
    use crate::repo::{BlobId, TreeId};

    #[test]
    fn what_lies_about_is_packed_and_nothing_is_lost() {
        let bench = bench();
        // Git guesses how many there are by those of one directory.
        let counted = (0..).map(|number| format!("number: {number}\n"));
        let counted = counted.filter(|text| BlobId::of(text.as_bytes()).to_string().starts_with("17")).take(3);
        let counted: Vec<(String, String)> =
            counted.enumerate().map(|(n, text)| (format!("of-17/{n}"), text)).collect();
        let mut all = many(60);
        counted.iter().for_each(|(path, text)| all.write(path, text.clone().into_bytes()));
        let commit = bench.commit(None, &all, "files");
        bench.mirror.set_reference("refs/heads/main", None, Some(commit), "test").unwrap();
        // No reference leads there, as to what was proposed once, or is being written now.
        let stray = bench.mirror.tree_with(TreeId::EMPTY, &edits(&[("a/b", Some("of no commit"))])).unwrap();
        let objects = bench.mirror.path().join("objects");
        let file = |id: BlobId| objects.join(&id.to_string()[..2]).join(&id.to_string()[2..]);
        let blob = BlobId::of(b"number: 7\n");
        assert!(file(blob).is_file());
        bench.mirror.tidy_beyond(1).unwrap();
        assert!(!file(blob).is_file(), "it is packed");
        assert_eq!(fs::read_dir(&objects).unwrap().filter(|e| e.as_ref().unwrap().file_name().len() == 2).count(), 256);
        let snapshot = bench.mirror.snapshot(commit).unwrap();
        assert_eq!(snapshot.blob(blob).unwrap(), b"number: 7\n");
        assert_eq!(bench.contents(stray), [("a/b".into(), "of no commit".into())]);
        // What was written before is there, what is new comes beside it.
        let next = bench.commit(Some(commit), &edits(&[("a/b", Some("of no commit")), ("c", Some("new"))]), "next");
        assert_eq!(bench.mirror.snapshot(next).unwrap().tree_id(), bench.mirror.commit_info(next).unwrap().tree);
        let tree = bench.mirror.commit_info(next).unwrap().tree;
        assert!(bench.contents(tree).contains(&("a/b".into(), "of no commit".into())));
        bench.mirror.tidy_beyond(1).unwrap();
        assert!(bench.contents(tree).contains(&("c".into(), "new".into())));
    }
}
