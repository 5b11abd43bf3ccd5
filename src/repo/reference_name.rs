//! Full names of references.

use git2::Reference;

use super::RepoError;

/// `refs/heads/<branch>`, if that is a name git allows.
pub(in crate::repo) fn of_branch(branch: &str) -> Result<String, RepoError> {
    let name = format!("refs/heads/{branch}");
    if branch.starts_with('-') || branch == "HEAD" || !Reference::is_valid_name(&name) {
        return Err(RepoError::refused(branch, "is not a branch name"));
    }
    Ok(name)
}
