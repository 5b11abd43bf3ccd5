//! The text of a file change, as `git diff` shows it.

use similar::TextDiff;

use super::{FileChange, Happening};

/// Lines of context around what changes.
const CONTEXT: usize = 3;

/// The unified diff of one file, with `a/` and `b/` before its path; empty when its text stays the same.
#[must_use]
pub fn unified(change: &FileChange) -> String {
    let nowhere = || "/dev/null".to_owned();
    let before = if change.happening == Happening::Added { nowhere() } else { format!("a/{}", change.path) };
    let after = if change.happening == Happening::Removed { nowhere() } else { format!("b/{}", change.path) };
    let diff = TextDiff::from_lines(change.old.as_str(), change.new.as_str());
    diff.unified_diff().context_radius(CONTEXT).header(&before, &after).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(happening: Happening, old: &str, new: &str) -> FileChange {
        FileChange { path: "clusters/x.yaml".into(), happening, old: old.into(), new: new.into() }
    }

    #[test]
    fn what_changes_is_shown_between_lines_that_stay() {
        let old: String = (1..=9).map(|n| format!("{n}\n")).collect();
        let diff = unified(&change(Happening::Changed, &old, &old.replace("5\n", "five\n")));
        assert_eq!(
            diff,
            "--- a/clusters/x.yaml\n+++ b/clusters/x.yaml\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_dev_null() {
        assert_eq!(
            unified(&change(Happening::Added, "", "a\n")),
            "--- /dev/null\n+++ b/clusters/x.yaml\n@@ -0,0 +1 @@\n+a\n"
        );
        assert_eq!(
            unified(&change(Happening::Removed, "a\n", "")),
            "--- a/clusters/x.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
        );
        assert_eq!(unified(&change(Happening::Changed, "a\n", "a\n")), "");
    }
}
