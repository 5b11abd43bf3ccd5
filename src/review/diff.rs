//! The text of a file change, as `git diff` shows it.

use similar::TextDiff;

use super::{FileChange, Happening};

/// Lines of context around what changes.
const CONTEXT: usize = 3;

/// The unified diff of one file, with `a/` and `b/` before its path; empty when its text stays the same.
#[must_use]
pub fn unified(change: &FileChange) -> String {
    let side = |absent: Happening, side: &str| match change.happening == absent {
        true => "/dev/null".to_owned(),
        false => quoted(&format!("{side}/{}", change.path)),
    };
    let (before, after) = (side(Happening::Added, "a"), side(Happening::Removed, "b"));
    let body = hunks(change);
    match body.is_empty() && change.happening == Happening::Changed {
        true => body,
        false => format!("--- {before}\n+++ {after}\n{body}"),
    }
}

/// The hunks of one file alone.
pub(super) fn hunks(change: &FileChange) -> String {
    let diff = TextDiff::from_lines(change.old.as_str(), change.new.as_str());
    diff.unified_diff().context_radius(CONTEXT).to_string()
}

/// A path as git writes it: between quotes when it holds what would end the line or the quotes.
fn quoted(path: &str) -> String {
    match path.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
        true => format!("\"{}\"", path.escape_default()),
        false => path.to_owned(),
    }
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
        assert_eq!(unified(&change(Happening::Added, "", "")), "--- /dev/null\n+++ b/clusters/x.yaml\n");
        assert_eq!(unified(&change(Happening::Changed, "a\n", "a\n")), "");
    }

    #[test]
    fn a_last_line_without_an_end_is_told() {
        assert_eq!(
            unified(&change(Happening::Changed, "a", "b\n")),
            "--- a/clusters/x.yaml\n+++ b/clusters/x.yaml\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"
        );
    }

    #[test]
    fn a_path_cannot_forge_a_line_of_the_diff() {
        let change = FileChange { path: "a\n+++ b/x".into(), ..change(Happening::Added, "", "a\n") };
        assert_eq!(unified(&change), "--- /dev/null\n+++ \"b/a\\n+++ b/x\"\n@@ -0,0 +1 @@\n+a\n");
    }
}
