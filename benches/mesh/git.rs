//! The git program as a yardstick, on the same files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use meshwright::repo::{Edit, Edits};

use crate::Outcome;
use crate::report::time;

/// Runs git in `folder`.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::new("git").current_dir(folder).args(arguments).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

/// Makes an empty repository to push to, and gives its address.
pub(crate) fn bare(folder: &Path, name: &str) -> Outcome<String> {
    git(folder, &["init", "-q", "--bare", "-b", "main", name])?;
    Ok(folder.join(name).display().to_string())
}

/// Writes files as an editor would.
pub(crate) fn write(checkout: &Path, edits: &Edits) -> Outcome {
    for (path, edit) in edits.iter() {
        if let Edit::Write(content) = edit {
            let file = checkout.join(path);
            fs::create_dir_all(file.parent().unwrap_or(checkout))?;
            fs::write(file, content)?;
        }
    }
    Ok(())
}

/// How long `git add -A`, `git commit` and `git push` take with what changed in a checkout.
pub(crate) fn add_commit_push(checkout: &Path, address: &str) -> Outcome<Duration> {
    let (took, done) = time(|| {
        git(checkout, &["add", "-A"])?;
        git(checkout, &["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "change"])?;
        git(checkout, &["push", "-q", address, "main"])
    });
    done.map(|()| took)
}
