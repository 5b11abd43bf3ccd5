//! A GitHub App and its installation.

use std::process::Command;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::{Double, scratch};

/// The number of the app.
pub(crate) const ID: u64 = 4711;
/// The number of its installation.
pub(crate) const INSTALLATION: u64 = 815;
/// The login of its installation.
pub(crate) const LOGIN: &str = "meshwright-app[bot]";

/// An app that is installed in the repository.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    /// PEM.
    pub(crate) private_key: String,
    public_key: String,
    /// For how many seconds a token of its installation is good.
    pub(crate) lifetime: u64,
}

impl App {
    /// Whether this is a good JWT of the app.
    pub(crate) fn signed(&self, jwt: &str) -> bool {
        let key = DecodingKey::from_rsa_pem(self.public_key.as_bytes()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[self.id.to_string()]);
        decode::<Value>(jwt, &key, &validation).is_ok() || {
            // The number may stand there as a number.
            validation.iss = None;
            decode::<Value>(jwt, &key, &validation).is_ok_and(|token| token.claims["iss"] == self.id)
        }
    }
}

impl Double {
    /// Installs an app whose tokens are good for so many seconds.
    pub(crate) fn install_app(&self, lifetime: u64) -> App {
        let directory = scratch();
        let key = directory.path().join("key");
        let run = |arguments: &[&str]| {
            let output = Command::new("ssh-keygen").args(arguments).output().expect("ssh-keygen is installed");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let path = key.to_str().unwrap();
        run(&["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", path]);
        let public_key = run(&["-e", "-m", "PKCS8", "-f", &format!("{path}.pub")]);
        let private_key = std::fs::read_to_string(key).unwrap();
        let app = App { id: ID, private_key, public_key, lifetime };
        self.lock().app = Some(app.clone());
        app
    }
}
