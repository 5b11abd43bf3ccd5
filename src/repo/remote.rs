//! Another repository, to and from which the git program carries commits.

use std::process::Command;
use std::time::Duration;

use super::program::{self, Output};
use super::reference_name;
use super::tree::BULK;
use super::{CommitId, Credential, Mirror, RepoError};

/// How long the program may take unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What git says where a server wants another credential than it was given: it would ask for a user.
const REJECTED: [&str; 3] = ["could not read Username", "could not read Password", "Authentication failed"];

/// A repository at an address, seen from a mirror.
#[derive(Debug, Clone)]
pub struct Remote {
    mirror: Mirror,
    address: String,
    credential: Option<Credential>,
    timeout: Duration,
}

/// One branch to be moved in a remote repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Its short name, such as `main`.
    pub branch: String,
    /// The value it must have; `None`: it must not exist.
    pub expected: Option<CommitId>,
    /// The value it gets; `None`: it is deleted.
    pub new: Option<CommitId>,
}

impl Remote {
    /// The repository at `address`: an `https`, `http`, `ssh`, `git` or `file` URL, `user@host:path`, or a directory.
    ///
    /// # Errors
    /// [`RepoError::Refused`] for an address that git would take for an option or a command to run, that has a user or
    /// password for HTTP in it (use a [`Credential`]), or that would send a credential where it does not belong: over
    /// another protocol, or in plain text to another machine.
    pub fn new(mirror: &Mirror, address: &str, credential: Option<Credential>) -> Result<Self, RepoError> {
        let shown = redact(address);
        let refuse = |why| Err(RepoError::refused(shown.clone(), why));
        let (scheme, http) = (scheme(address), is_http(address));
        if address.is_empty() || address.starts_with('-') || address.contains(char::is_control) {
            return refuse("is not an address of a repository");
        }
        if address.split('/').next().is_some_and(|start| start.contains("::")) && !address.starts_with('[') {
            return refuse("names a transport program");
        }
        if scheme.as_deref().is_some_and(|scheme| !matches!(scheme, "http" | "https" | "ssh" | "git" | "file")) {
            return refuse("has a scheme other than https, http, ssh, git and file");
        }
        if http && authority(address).contains('@') {
            return refuse("carries a credential, which belongs into the configuration of secrets");
        }
        if credential.is_some() && !http {
            return refuse("takes no credential for HTTP");
        }
        if credential.is_some() && scheme.as_deref() == Some("http") && !is_this_machine(host(address)) {
            return refuse("would carry a credential in plain text; use https");
        }
        if credential.as_ref().is_some_and(|credential| credential.header().contains(char::is_control)) {
            return refuse("got a credential with a line break in it");
        }
        Ok(Self { mirror: mirror.clone(), address: address.to_owned(), credential, timeout: TIMEOUT })
    }

    /// The same remote with another credential, where it takes one: over SSH the keys of the machine's user count.
    ///
    /// # Errors
    /// As [`Remote::new`].
    pub fn with_credential(self, credential: Credential) -> Result<Self, RepoError> {
        if !is_http(&self.address) {
            return Ok(self);
        }
        let timeout = self.timeout;
        Ok(Self::new(&self.mirror, &self.address, Some(credential))?.with_timeout(timeout))
    }

    /// The address, and whether it takes a [`Credential`]: only HTTP does.
    #[must_use]
    pub fn address(&self) -> (&str, bool) {
        (&self.address, is_http(&self.address))
    }

    /// The same remote with another time limit for each run of the program.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Its branches and other references whose full names match one of the patterns, such as `refs/heads/main`.
    ///
    /// # Errors
    /// [`RepoError::Remote`] if it cannot be reached in time.
    pub fn references(&self, patterns: &[&str]) -> Result<Vec<(String, CommitId)>, RepoError> {
        let mut git = self.git(false);
        git.args(["ls-remote", "--refs", "--quiet", "--", &self.address]).args(patterns);
        let output = self.run("list the references", git)?;
        if !output.success {
            return Err(self.failure("list the references", &output));
        }
        let reference = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((name.to_owned(), id.parse().ok()?))
        };
        Ok(output.stdout.lines().filter_map(reference).collect())
    }

    /// Brings references here as the refspecs say, such as `+refs/heads/*:refs/remotes/origin/*`; tags only if named.
    ///
    /// With `prune`, references on the right that no longer exist on the left are deleted.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if a reference named in full does not exist there; [`RepoError::Refused`] for a refspec that
    /// git would take for an option; [`RepoError::Remote`] if the remote cannot be reached in time.
    pub fn fetch(&self, refspecs: &[&str], prune: bool) -> Result<(), RepoError> {
        for refspec in refspecs {
            if refspec.starts_with('-') || refspec.is_empty() || refspec.contains(char::is_control) {
                return Err(RepoError::refused(*refspec, "is not a refspec"));
            }
        }
        let mut git = self.git(false);
        git.args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--atomic"]);
        git.args(prune.then_some("--prune")).args(["--", &self.address]).args(refspecs);
        let output = self.run("fetch", git)?;
        if output.success {
            return Ok(());
        }
        if let Some(missing) = output.stderr.lines().find_map(|line| line.split_once("find remote ref ")) {
            return Err(RepoError::NotFound { what: missing.1.trim().to_owned() });
        }
        Err(self.failure("fetch", &output))
    }

    /// Moves, creates or deletes one branch if it has the expected value there.
    ///
    /// Safe to run twice: a branch that has the new value already counts as moved.
    ///
    /// # Errors
    /// As [`Remote::push_all`].
    pub fn push(&self, branch: &str, expected: Option<CommitId>, new: Option<CommitId>) -> Result<(), RepoError> {
        self.push_all(&[Push { branch: branch.to_owned(), expected, new }])
    }

    /// Moves, creates or deletes branches there, all or none, each guarded by the value it is expected to have.
    ///
    /// # Errors
    /// [`RepoError::Moved`] if a branch has another value, or is being moved by somebody at this moment;
    /// [`RepoError::Refused`] for an impossible branch name; [`RepoError::Remote`] if the remote cannot be reached in time
    /// or does not accept the commits, with its words.
    pub fn push_all(&self, pushes: &[Push]) -> Result<(), RepoError> {
        let mut bulk = false;
        let mut guards = Vec::new();
        let mut refspecs = Vec::new();
        for push in pushes {
            let reference = reference_name::of_branch(&push.branch)?;
            let text = |id: Option<CommitId>| id.map_or_else(String::new, |id| id.to_string());
            guards.push(format!("--force-with-lease={reference}:{}", text(push.expected)));
            refspecs.push(format!("{}:{reference}", text(push.new)));
            bulk = bulk || self.is_bulk(push)?;
        }
        if pushes.is_empty() {
            return Ok(());
        }
        let mut git = self.git(bulk);
        git.args(["push", "--porcelain", "--atomic", "--no-verify", "--no-signed", "--recurse-submodules=no"]);
        git.args(guards).args(["--", &self.address]).args(refspecs);
        let output = self.run("push", git)?;
        if output.success { Ok(()) } else { self.refusal(pushes, &output) }
    }

    /// Whether the newest commit changes so much that looking for deltas costs more than sending it whole.
    fn is_bulk(&self, push: &Push) -> Result<bool, RepoError> {
        let Some(new) = push.new else { return Ok(false) };
        let new = self.mirror.commit_info(new)?;
        let before = match push.expected.or(new.parents.first().copied()) {
            Some(before) => self.mirror.commit_info(before).map_or(super::TreeId::EMPTY, |before| before.tree),
            None => super::TreeId::EMPTY,
        };
        Ok(self.mirror.changed_paths_up_to(before, new.tree, "", BULK)?.len() >= BULK)
    }

    /// Tells a lost race from other failures by looking at the remote again.
    fn refusal(&self, pushes: &[Push], output: &Output) -> Result<(), RepoError> {
        let said = format!("{}\n{}", output.stdout, output.stderr);
        let race = ["stale info", "cannot lock ref", "failed to update ref", "fetch first", "non-fast-forward"];
        if !race.iter().any(|words| said.contains(words)) {
            return Err(self.failure("push", output));
        }
        let names = pushes.iter().map(|push| reference_name::of_branch(&push.branch)).collect::<Result<Vec<_>, _>>()?;
        let found = self.references(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
        let actual = |name: &str| found.iter().find(|(found, _)| found == name).map(|(_, id)| *id);
        if pushes.iter().zip(&names).all(|(push, name)| actual(name) == push.new) {
            return Ok(());
        }
        let moved = |push: &Push, name: &String| RepoError::Moved {
            reference: name.clone(),
            expected: push.expected,
            actual: actual(name),
        };
        let lost = pushes.iter().zip(&names).find(|(push, name)| actual(name) != push.expected);
        match lost.or_else(|| pushes.iter().zip(&names).next().filter(|_| said.contains("cannot lock ref"))) {
            Some((push, name)) => Err(moved(push, name)),
            None => Err(self.failure("push", output)),
        }
    }

    fn git(&self, bulk: bool) -> Command {
        let mut configuration = vec![("core.hooksPath".to_owned(), "/dev/null".to_owned())];
        if bulk {
            configuration.push(("pack.window".to_owned(), "0".to_owned()));
        }
        if let Some(credential) = &self.credential {
            // Only this host gets the header: curl would repeat it to wherever it is redirected.
            configuration.push((format!("http.{}.extraHeader", origin(&self.address)), credential.header()));
            configuration.push(("http.followRedirects".to_owned(), "false".to_owned()));
            configuration.push(("credential.helper".to_owned(), String::new()));
        }
        program::git(self.mirror.path(), &configuration)
    }

    fn run(&self, what: &str, git: Command) -> Result<Output, RepoError> {
        program::run(&format!("{what} ({})", redact(&self.address)), git, &[], self.timeout)
    }

    fn failure(&self, what: &str, output: &Output) -> RepoError {
        let rejected = output.stdout.lines().filter(|line| line.starts_with('!'));
        let said = rejected.chain(output.stderr.lines()).collect::<Vec<_>>().join("\n");
        let secrets = self.credential.as_ref().map(Credential::secrets).unwrap_or_default();
        let detail = secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(redact(&said), |text, secret| text.replace(secret.as_str(), "***"));
        let unknown = REJECTED.iter().any(|words| detail.contains(words));
        let detail = if unknown { format!("it does not accept the credential; renew it: {detail}") } else { detail };
        RepoError::Remote { what: format!("{what} ({})", redact(&self.address)), detail }
    }
}

fn scheme(address: &str) -> Option<String> {
    address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase())
}

fn is_http(address: &str) -> bool {
    matches!(scheme(address).as_deref(), Some("http" | "https"))
}

/// The host part of a URL, with what stands before `@`.
fn authority(address: &str) -> &str {
    address.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default())
}

/// The host of a URL, or of one without its scheme; without port and brackets.
#[must_use]
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Whether a host is the machine that asks, so that nobody can listen on the way.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn origin(address: &str) -> String {
    let scheme = address.split_once("://").map_or("https", |(scheme, _)| scheme);
    format!("{scheme}://{}/", authority(address))
}

/// The text without the users and passwords of the URLs in it.
fn redact(text: &str) -> String {
    let mut parts = text.split("://");
    let mut redacted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_whitespace() || "/'\"?#".contains(c)).unwrap_or(part.len());
        redacted.push_str("://");
        match part[..end].rfind('@') {
            Some(at) => {
                redacted.push_str("***");
                redacted.push_str(&part[at..]);
            }
            None => redacted.push_str(part),
        }
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_urls_are_redacted_wherever_they_stand() {
        let text = "fatal: 'https://me:s3cret@host/x' and ssh://git@host:22/y, not a@b";
        assert_eq!(redact(text), "fatal: 'https://***@host/x' and ssh://***@host:22/y, not a@b");
    }

    #[test]
    fn the_header_is_meant_for_one_host() {
        assert_eq!(origin("https://forge.example:8443/a/b.git"), "https://forge.example:8443/");
    }
}
