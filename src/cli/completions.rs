//! `meshwright completions` and `meshwright version`.

use clap_complete::Shell;

use super::output::{self, Output};
use super::{Outcome, Verdict};

/// Print a completion script for a shell
#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut clap::Command) -> Outcome {
        let mut script = vec![];
        clap_complete::generate(self.shell, command, "meshwright", &mut script);
        output::data(&String::from_utf8_lossy(&script))?;
        Ok(Verdict::Ok)
    }
}

/// Print the version
#[derive(clap::Args)]
pub(super) struct Version {
    /// How to print it
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

impl Version {
    pub(super) fn run(self) -> Outcome {
        let version = env!("CARGO_PKG_VERSION");
        let renderer = crate::intent::settings::RENDERER;
        match self.output {
            Output::Text => output::print(&format!("meshwright {version} (renderer {renderer})\n"))?,
            Output::Json => return output::json(&serde_json::json!({"version": version, "renderer": renderer})),
        }
        Ok(Verdict::Ok)
    }
}
