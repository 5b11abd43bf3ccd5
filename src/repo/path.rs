//! Which paths a tree may hold.

use super::RepoError;

/// File systems stop at 255 bytes for a name and 4,096 for a path: longer ones could not be checked out.
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 4096;

/// The deepest directory that is looked into. Ours are a dozen deep at most; whoever nests thousands means harm.
const DEEPEST: usize = 64;

/// Checks that a directory may be looked into.
///
/// # Errors
/// [`RepoError::Path`] if it is nested too deeply; the path is cut.
pub(in crate::repo) fn enter(path: &str) -> Result<(), RepoError> {
    if path.bytes().filter(|byte| *byte == b'/').count() < DEEPEST {
        return Ok(());
    }
    let beginning: String = path.chars().take(100).collect();
    Err(RepoError::path(format!("{beginning}…"), "is nested more than 64 directories deep; take it out"))
}

/// Checks a path that is about to be written.
///
/// # Errors
/// [`RepoError::Path`] for what `git fsck --strict` or a checkout would refuse: an empty component, `.`, `..`, any
/// spelling of `.git`, a NUL byte, and names too long for a file system.
pub(in crate::repo) fn check(path: &str) -> Result<(), RepoError> {
    let refuse = |why| Err(RepoError::path(path, why));
    if path.len() >= LONGEST_PATH {
        return refuse("is longer than 4,095 bytes");
    }
    if path.contains('\0') {
        return refuse("contains a NUL byte");
    }
    for name in path.split('/') {
        match name {
            "" => return refuse("has an empty component"),
            "." | ".." => return refuse("has a component `.` or `..`"),
            name if name.len() > LONGEST_NAME => return refuse("has a component longer than 255 bytes"),
            name if is_dot_git(name) => return refuse("has a component that some file systems take for `.git`"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a file system could take `name` for `.git`: HFS+ ignores some code points, NTFS ignores case, trailing dots
/// and spaces and anything after a colon, splits at backslashes, and knows the short name `git~1`
/// (git: `is_hfs_dotgit`, `is_ntfs_dotgit`).
fn is_dot_git(name: &str) -> bool {
    let ignored =
        |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let folded: String = name.chars().filter(|c| !ignored(*c)).collect::<String>().to_ascii_lowercase();
    folded.split('\\').any(|part| {
        let stem = part.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        stem == ".git" || stem == "git~1"
    })
}

/// A prefix of paths: the empty one holds all, any other one the file of that name and what lies below it.
pub(in crate::repo) fn components(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.split('/').filter(|name| !name.is_empty())
}

/// `directory` and `name` as one path.
pub(in crate::repo) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_and_unicode_paths_are_accepted() {
        for path in ["a", "a/b.yaml", ".github/CODEOWNERS", ".gitignore", "größe/日本語.yaml", "a b/c\td", "-rf", "git"]
        {
            check(path).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn hostile_paths_are_refused_by_name() {
        let long = "x".repeat(256);
        for path in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "a/./b",
            "..",
            "a/../b",
            ".git",
            ".GIT/config",
            "a/.git/hooks/x",
            "git~1",
            ".git.",
            ".git ",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it",
            "a\\.git\\x",
            "a\0b",
            long.as_str(),
        ] {
            match check(path) {
                Err(RepoError::Path { path: named, .. }) => assert_eq!(named, path),
                other => panic!("{path:?}: {other:?}"),
            }
        }
    }
}
