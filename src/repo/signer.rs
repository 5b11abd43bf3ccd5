//! Signing commits with an SSH key.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::RepoError;
use super::program;

/// Signing is local; a key that asks for a passphrase is the only thing that could take longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Signs with an SSH key by way of `ssh-keygen`, as `git` does with `gpg.format = ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    key: PathBuf,
}

impl Signer {
    /// Signs with the private key in that file, or with the agent's key whose public half it is.
    #[must_use]
    pub fn new(key: impl Into<PathBuf>) -> Self {
        Self { key: key.into() }
    }

    /// The armoured signature of a commit object.
    ///
    /// # Errors
    /// [`RepoError::Remote`] if the key cannot be used, with the words of `ssh-keygen`; [`RepoError::Io`] if there is no
    /// `ssh-keygen`.
    pub(in crate::repo) fn sign(&self, content: &str) -> Result<String, RepoError> {
        let mut command = Command::new("ssh-keygen");
        command.env("LC_ALL", "C").env("SSH_ASKPASS_REQUIRE", "never");
        command.args(["-Y", "sign", "-n", "git", "-f"]).arg(&self.key);
        let output = program::run("sign a commit", command, content.as_bytes(), TIMEOUT)?;
        if output.success && output.stdout.starts_with("-----BEGIN SSH SIGNATURE-----") {
            Ok(output.stdout)
        } else {
            Err(RepoError::Remote { what: "sign a commit".to_owned(), detail: output.stderr.trim().to_owned() })
        }
    }
}
