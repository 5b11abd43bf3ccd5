//! Everything that a server wrote or said.

use std::path::Path;
use std::process::Command;

/// What was written or said, with where.
pub(crate) struct Traces(Vec<(String, Vec<u8>)>);

impl Traces {
    /// The files below `data` as they are, the objects of the repository as they are when they are read, the log, and
    /// the answers.
    pub(crate) fn of(data: &Path, log: String, answers: &[String]) -> Self {
        let mut found = vec![("the log".to_owned(), log.into_bytes())];
        found.extend(answers.iter().map(|answer| ("an answer".to_owned(), answer.clone().into_bytes())));
        files(data, &mut found);
        let objects = Command::new("git")
            .arg("--git-dir")
            .arg(data.join("config.git"))
            .args(["cat-file", "--batch-all-objects", "--batch"])
            .output()
            .expect("git is installed");
        assert!(objects.status.success(), "{}", String::from_utf8_lossy(&objects.stderr));
        found.push(("an object of the repository".to_owned(), objects.stdout));
        Self(found)
    }

    /// Says so if `needle` is nowhere: then nothing was looked at.
    pub(crate) fn hold(&self, needle: &[u8]) {
        for place in ["journal.db", "an object of the repository", "an answer"] {
            let mut places = self.0.iter().filter(|(name, _)| name.contains(place));
            let needle_text = String::from_utf8_lossy(needle);
            assert!(places.any(|(_, bytes)| holds(bytes, needle)), "{needle_text} is not in {place}");
        }
    }

    pub(crate) fn do_not_hold(&self, needle: &[u8]) {
        for (place, bytes) in &self.0 {
            let needle_text = String::from_utf8_lossy(needle);
            assert!(!holds(bytes, needle), "{needle_text} is in {place}:\n{}", around(bytes, needle));
        }
    }
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    position(bytes, needle).is_some()
}

fn around(bytes: &[u8], needle: &[u8]) -> String {
    let at = position(bytes, needle).unwrap_or_default();
    String::from_utf8_lossy(&bytes[at.saturating_sub(600)..bytes.len().min(at + 300)]).into_owned()
}
