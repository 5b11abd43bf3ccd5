//! The forge that a configuration names.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use super::error::BootError;
use super::files;
use crate::change::Clock;
use crate::change::forge::Forge;
use crate::config::{self, Config, ForgeKind};
use crate::forge::{Allowance, Commits, Embedded, GitHub, Gitea, Identity, MergeMethod, Place, Token};
use crate::http::{Source, Webhooks};
use crate::repo::{self, Credential, Mirror, Remote, Signer};
use crate::signature::Secret;

/// The API of github.com.
const GITHUB: &str = "https://api.github.com";
/// The variables that hold a secret where no file is named.
const TOKEN: &str = "MESHWRIGHT_FORGE_TOKEN";
const APP_KEY: &str = "MESHWRIGHT_APP_PRIVATE_KEY";
const WEBHOOK_SECRET: &str = "MESHWRIGHT_WEBHOOK_SECRET";

/// Builds the forge that a configuration names, over `mirror`. Nothing is asked of it yet.
pub(super) fn build(
    config: &Config,
    mirror: &Mirror,
    remote: Option<Remote>,
    author: repo::Identity,
    signer: Option<Signer>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Forge>, BootError> {
    let forge = &config.forge;
    if forge.kind == ForgeKind::Embedded {
        only_where_hosted(forge)?;
        let embedded = Embedded::new(mirror.clone(), remote, clock.clone(), author);
        return Ok(Arc::new(embedded.with_signer(signer).with_main(&forge.main)));
    }
    let repository = forge.repository.clone().filter(|name| is_full_name(name));
    let repository = repository.ok_or_else(|| {
        BootError::config("forge.repository", "name the config repository on the forge, as `owner/name`")
    })?;
    let api = match (&forge.api, forge.kind) {
        (Some(api), _) => api.clone(),
        (None, ForgeKind::Gitea) => {
            return Err(BootError::config("forge.api", "name the API of the server, as https://HOST/api/v1"));
        }
        (None, _) => GITHUB.to_owned(),
    };
    must_be_safe(&api)?;
    let remote = match remote {
        Some(remote) => remote,
        None => Remote::new(mirror, &address(&api, &repository)?, None)?,
    };
    must_be_there(&remote, &api)?;
    checked(forge)?;
    let place = Place { repository, main: forge.main.clone(), labels: forge.labels.clone() };
    let method = match forge.merge_method {
        config::MergeMethod::Merge => MergeMethod::Merge,
        config::MergeMethod::Squash => MergeMethod::Squash,
        config::MergeMethod::Rebase => MergeMethod::Rebase,
    };
    let allowance = Allowance { minute: forge.budget.minute, hour: forge.budget.hour };
    if forge.kind == ForgeKind::Gitea {
        if forge.app.is_some() || forge.commits == config::Commits::Made {
            let message =
                "Gitea has no apps and makes no commits; leave `app` and `commits` out and name a `tokenFile`";
            return Err(BootError::config("forge", message));
        }
        let gitea = Gitea { api, token: token(forge)?, method, allowance };
        return Ok(gitea.connect(place, mirror.clone(), remote, clock.clone()));
    }
    let commits = match forge.commits {
        config::Commits::Pushed => Commits::Pushed,
        config::Commits::Made => Commits::Made,
    };
    let github = GitHub { api, identity: identity(forge)?, method, commits, allowance };
    let connected = github.connect(place, mirror.clone(), remote, clock.clone());
    connected.map_err(|why| BootError::config("forge", why))
}

/// The longest label that GitHub takes, in characters (REST API, "Labels").
const LONGEST_LABEL: usize = 50;

/// The most bytes of a file with a secret.
const LONGEST_SECRET: u64 = 1 << 20;

/// Values that a forge could not work with.
fn checked(forge: &config::Forge) -> Result<(), BootError> {
    if forge.budget.minute == 0 || forge.budget.hour == 0 {
        return Err(BootError::config("forge.budget", "say at least 1: with 0 nothing could ever be proposed"));
    }
    let sane = |label: &String| {
        let length = label.chars().count();
        label.trim() == label && (1..=LONGEST_LABEL).contains(&length) && !label.contains(char::is_control)
    };
    if let Some(label) = forge.labels.iter().find(|label| !sane(label)) {
        let message = format!("{label:?} is no label: use 1 to {LONGEST_LABEL} characters without space around them");
        return Err(BootError::config("forge.labels", message));
    }
    Ok(())
}

/// What only a hosted forge takes must not be ignored without one.
fn only_where_hosted(forge: &config::Forge) -> Result<(), BootError> {
    let given = config::Forge { main: forge.main.clone(), ..config::Forge::default() } != *forge;
    if given {
        return Err(BootError::config(
            "forge.kind",
            "say `github` or `gitea` for the other fields of `forge` to count",
        ));
    }
    Ok(())
}

fn identity(forge: &config::Forge) -> Result<Identity, BootError> {
    let Some(app) = &forge.app else { return token(forge).map(Identity::Token) };
    if forge.token_file.is_some() {
        return Err(BootError::config("forge", "name an `app` or a `tokenFile`, not both"));
    }
    let key = secret(app.private_key_file.as_deref(), APP_KEY, "forge.app.privateKeyFile")?;
    Ok(Identity::App { id: app.id, key, installation: app.installation })
}

fn token(forge: &config::Forge) -> Result<Token, BootError> {
    const FIELD: &str = "forge.tokenFile";
    let token = secret(forge.token_file.as_deref(), TOKEN, FIELD)?;
    if !token.is_one_word() {
        return Err(BootError::config(FIELD, "holds something that is no token: one line without spaces"));
    }
    Ok(token)
}

/// A secret from a file, else from the environment.
fn secret(file: Option<&Path>, variable: &str, field: &'static str) -> Result<Token, BootError> {
    let text = match file {
        Some(path) => read(path, field)?,
        None => std::env::var(variable).unwrap_or_default(),
    };
    let text = text.trim();
    if text.is_empty() {
        let message = format!("name a file that holds the secret, or put it into the environment variable {variable}");
        return Err(BootError::config(field, message));
    }
    Ok(Token::new(text.to_owned()))
}

/// What a file with a secret, or with certificates, holds.
pub(super) fn read(path: &Path, field: &'static str) -> Result<String, BootError> {
    text(path).map_err(|why| BootError::config(field, why))
}

/// The same for who has more to say of what is wrong, which names the file.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let mut text = String::new();
    let file = files::regular(path).map(|file| file.take(LONGEST_SECRET + 1));
    let read = file.and_then(|mut file| file.read_to_string(&mut text));
    match read.map_err(|error| wrong(error.to_string()))? {
        length if length as u64 > LONGEST_SECRET => Err(wrong(format!("is longer than {LONGEST_SECRET} bytes"))),
        _ => Ok(text),
    }
}

/// Whose webhooks are taken, and how they are signed.
pub(super) fn webhooks(forge: &config::Forge) -> Result<Option<Webhooks>, BootError> {
    const FIELD: &str = "forge.webhookSecretFiles";
    let source = match forge.kind {
        ForgeKind::Embedded => return Ok(None),
        ForgeKind::GitHub => Source::GitHub,
        ForgeKind::Gitea => Source::Gitea,
    };
    if forge.webhook_secret_files.len() > 2 {
        return Err(BootError::config(
            FIELD,
            "name two files at most: the present secret, and the one that comes or goes",
        ));
    }
    let mut texts = vec![];
    for path in &forge.webhook_secret_files {
        texts.push(read(path, FIELD)?.trim().to_owned());
    }
    if texts.is_empty() {
        texts.extend(
            std::env::var(WEBHOOK_SECRET).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
        );
    }
    let secrets = texts.iter().map(|text| Secret::new(text)).collect::<Result<Vec<_>, _>>();
    let secrets = secrets.map_err(|why| BootError::config(FIELD, why))?;
    Ok((!secrets.is_empty()).then_some(Webhooks { source, secrets }))
}

fn is_full_name(name: &str) -> bool {
    let sane = |part: &str| {
        let letters = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        letters && !part.is_empty() && part != "." && part != ".."
    };
    name.split_once('/').is_some_and(|(owner, name)| sane(owner) && sane(name))
}

/// A secret goes over plain HTTP only to this machine.
fn must_be_safe(api: &str) -> Result<(), BootError> {
    let message = "say an https:// URL without user, password, query and fragment: a token is sent there";
    if is_safe(api) { Ok(()) } else { Err(BootError::config("forge.api", message)) }
}

/// Whether a URL leads over HTTPS or to this machine, and holds no user, password, query and fragment.
pub(super) fn is_safe(url: &str) -> bool {
    let is_plain = !url.contains(['@', '?', '#']) && !url.contains(char::is_whitespace);
    let parts = url.split_once("://").filter(|_| is_plain);
    let scheme = parts.filter(|(_, rest)| has_sane_port(rest)).map(|(scheme, _)| scheme);
    match (scheme, repo::host(url)) {
        (Some("https"), host) => !host.is_empty(),
        (Some("http"), host) => repo::is_this_machine(host),
        _ => false,
    }
}

/// Whether what follows `://` has no port, or one that there is.
fn has_sane_port(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let behind_address = authority.rsplit(']').next().unwrap_or_default();
    behind_address.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// The token of the forge goes to the forge alone: git would send it to whatever host the remote names.
fn must_be_there(remote: &Remote, api: &str) -> Result<(), BootError> {
    let (address, takes_token) = remote.address();
    let (there, host) = (repo::host(address), repo::host(api));
    let is_there =
        there.eq_ignore_ascii_case(host) || host.strip_prefix("api.").is_some_and(|it| it.eq_ignore_ascii_case(there));
    let plain = address.starts_with("http://") && !repo::is_this_machine(there);
    if !takes_token || is_there && !plain {
        return Ok(());
    }
    let message = format!(
        "{address} would get the token of the forge at {host}{}; name its own https address, or one for SSH",
        if plain { " in plain text" } else { "" }
    );
    Err(BootError::config("repository.remote", message))
}

/// Where git finds a repository whose forge has its API there.
fn address(api: &str, repository: &str) -> Result<String, BootError> {
    let api = api.trim_end_matches('/');
    // GitHub has the API of its own hosts, also of those with data residency, on `api.HOST`.
    let of_cloud = api.strip_prefix("https://api.").filter(|host| *host == "github.com" || host.ends_with(".ghe.com"));
    let web = match of_cloud {
        Some(host) => Some(format!("https://{host}")),
        None => ["/api/v3", "/api/v1"].iter().find_map(|end| api.strip_suffix(end)).map(ToOwned::to_owned),
    };
    let web = web.ok_or_else(|| {
        let message =
            format!("where git finds the repository cannot be told from the API {api}; name `repository.remote`");
        BootError::config("forge.api", message)
    })?;
    Ok(format!("{web}/{repository}.git"))
}

/// What git signs in with where the forge is embedded.
pub(super) fn credential(path: &Path, user: Option<&str>) -> Result<Credential, BootError> {
    let secret = read(path, "repository.credentialFile")?.trim().to_owned();
    Ok(match user {
        Some(user) => Credential::Basic { user: user.to_owned(), secret },
        None => Credential::Bearer(secret),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_finds_the_repository_beside_the_api() {
        for (api, expected) in [
            (GITHUB, "https://github.com/acme/mesh.git"),
            ("https://api.acme.ghe.com", "https://acme.ghe.com/acme/mesh.git"),
            ("https://ghe.example/api/v3/", "https://ghe.example/acme/mesh.git"),
            ("https://git.example:3000/sub/api/v1", "https://git.example:3000/sub/acme/mesh.git"),
        ] {
            assert_eq!(address(api, "acme/mesh").unwrap(), expected);
        }
        assert!(address("https://ghe.example", "acme/mesh").unwrap_err().to_string().contains("repository.remote"));
    }

    #[test]
    fn a_secret_goes_over_plain_http_to_this_machine_only() {
        for api in [
            "https://x",
            "http://127.0.0.1:3000/api/v1",
            "http://localhost/api/v3",
            "http://[::1]:80",
            "http://[::1]/api/v1",
        ] {
            must_be_safe(api).unwrap();
        }
        for api in [
            "http://x/api/v3",
            "http://localhost.example",
            "ftp://x",
            "x",
            "http://127.0.0.1.example/api/v1",
            "http://localhost:x@evil.example",
            "https://u:p@x",
            "https://x?q",
            "https://x:65536",
            "https://x:0/api/v3",
            "https://[::1]:x/api/v3",
        ] {
            must_be_safe(api).unwrap_err();
        }
    }

    #[test]
    fn the_token_goes_to_the_forge_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::open_or_init(folder.path(), "main").unwrap();
        let checked = |address: &str, api: &str| must_be_there(&Remote::new(&mirror, address, None).unwrap(), api);
        for (address, api) in [
            ("https://github.com/acme/mesh.git", GITHUB),
            ("https://GitHub.com/acme/mesh.git", GITHUB),
            ("https://ghe.example:8443/acme/mesh", "https://ghe.example/api/v3"),
            ("http://127.0.0.1:3000/acme/mesh", "http://127.0.0.1:3000/api/v1"),
            // Over these no token is sent.
            ("ssh://git@elsewhere.example/acme/mesh", GITHUB),
            ("git@github.com:acme/mesh.git", GITHUB),
            ("/srv/mesh.git", GITHUB),
        ] {
            checked(address, api).unwrap();
        }
        for (address, api) in [
            ("http://github.com/acme/mesh.git", GITHUB),
            ("https://evil.example/acme/mesh.git", GITHUB),
            ("https://github.com.evil.example/acme/mesh.git", GITHUB),
            ("https://hub.com/acme/mesh.git", GITHUB),
            ("http://ghe.example/acme/mesh", "https://ghe.example/api/v3"),
        ] {
            let error = checked(address, api).unwrap_err().to_string();
            assert!(error.contains("repository.remote"), "{error}");
        }
    }

    #[test]
    fn what_a_forge_could_not_work_with_is_refused_with_its_field() {
        use config::{Budget, Forge};
        checked(&Forge::default()).unwrap();
        let budget = |minute, hour| Forge { budget: Budget { minute, hour }, ..Forge::default() };
        let label = |label: &str| Forge { labels: vec![label.to_owned()], ..Forge::default() };
        let long = "x".repeat(LONGEST_LABEL + 1);
        for (forge, field) in [
            (budget(0, 5), "forge.budget"),
            (budget(5, 0), "forge.budget"),
            (label(""), "forge.labels"),
            (label(" a"), "forge.labels"),
            (label(&long), "forge.labels"),
        ] {
            assert!(checked(&forge).unwrap_err().to_string().contains(field), "{forge:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let of = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            token(&Forge { token_file: Some(path.clone()), ..Forge::default() })
        };
        of(b" tok_1\n").unwrap();
        for wrong in [&b"a\nb"[..], b"a b", b"a\0b", b"\xff", b"", &vec![0; 100_000]] {
            assert!(of(wrong).unwrap_err().to_string().contains("forge.tokenFile"));
        }
    }

    #[test]
    fn a_repository_is_an_owner_and_a_name() {
        for name in ["acme/mesh-config", "a_b/c.d"] {
            assert!(is_full_name(name));
        }
        for name in ["acme", "a/b/c", "/b", "a/", "a/..", "a b/c", "a/b?x"] {
            assert!(!is_full_name(name), "{name}");
        }
    }
}
