//! What the GitOps engines show to be themselves, as a configuration says.

use std::path::Path;

use super::error::BootError;
use super::forges::read;
use crate::config;
use crate::http::Engines;
use crate::signature::Secret;

/// The engines whose webhooks are taken; reads the files that are named.
pub(super) fn engines(configured: &config::Engines) -> Result<Engines, BootError> {
    let argocd = configured.argocd.as_ref().map(|it| secret(&it.token_file, "engines.argocd.tokenFile"));
    let flux = configured.flux.as_ref().map(|it| secret(&it.secret_file, "engines.flux.secretFile"));
    Ok(Engines { argocd: argocd.transpose()?, flux: flux.transpose()? })
}

fn secret(file: &Path, field: &'static str) -> Result<Secret, BootError> {
    Secret::new(read(file, field)?.trim()).map_err(|why| BootError::config(field, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_secret_that_is_missing_or_can_be_guessed_is_refused_with_its_field() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("long", "sixteen letters!\n");
        write("short", "short\n");
        let of = |text: &str| {
            let text = text.replace("AT", &folder.path().display().to_string());
            engines(&Config::read(&text).unwrap().engines)
        };
        let both = of("engines: {argocd: {tokenFile: AT/long}, flux: {secretFile: AT/long}}\n").unwrap();
        assert!(both.argocd.unwrap().is(b"sixteen letters!") && both.flux.is_some());
        let none = of("listen: 127.0.0.1:1\n").unwrap();
        assert!(none.argocd.is_none() && none.flux.is_none());
        for (text, words) in [
            ("engines: {argocd: {tokenFile: AT/short}}\n", "engines.argocd.tokenFile: a secret of 5 bytes"),
            ("engines: {flux: {secretFile: AT/missing}}\n", "engines.flux.secretFile: "),
        ] {
            let why = of(text).unwrap_err().to_string();
            assert!(why.starts_with(words), "{why}");
        }
        for text in ["engines: {argo: {}}\n", "engines: {flux: {}}\n", "engines: {flux: {token: x}}\n"] {
            Config::read(text).unwrap_err();
        }
    }
}
