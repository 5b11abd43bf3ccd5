//! `meshwright access`.

mod ask;
pub(super) mod expected;
mod matrix;
mod requests;
mod test;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::sources::cluster_of;
use super::{Failure, Outcome, output};
use crate::access::Mesh;
use crate::change::{Audit, Declared, Listed};
use crate::intent::scalar::DnsLabel;
use crate::render::{Outside, Scope, render};
use crate::repo::Files;
use crate::review::{Given, Model, Side};

/// Decide whether calls are let through, as Istio decides it
///
/// With --to it answers for a service of a config repository what each cluster decides, and by which policy and rule.
///
/// With --requests it reads one JSON object a line, such as {"from": {"principal": "cluster.local/ns/a/sa/b"}, "to":
/// {"namespace": "c", "labels": {"app": "d"}, "port": 80, "protocol": "http"}, "method": "GET", "path": "/"}, and prints for
/// each the verdict, the policy and the index of its rule that decided. A line that cannot be read gives one with `error`,
/// its `line` and, where one is wrong, the `field`; blank lines are passed over.
///
/// The answer is as far as these manifests show. Exit code 0 whatever is decided, 1 when it could not be; `access test` exits
/// with 1 where a verdict is not the expected one.
#[derive(clap::Args)]
#[command(
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    group = clap::ArgGroup::new("what").required(true).args(["to", "requests"])
)]
pub(super) struct Access {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    ask: ask::Ask,
    /// Requests, one JSON object a line; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "manifests", help_heading = "Manifests")]
    requests: Option<PathBuf>,
    #[command(flatten)]
    manifests: Manifests,
}

const EXAMPLES: &str = "Examples:
  meshwright access --to shop/cart --from shop/frontend --method GET --path /cart
  meshwright access --to shop/cart --from east.example/ns/shop/sa/frontend --cluster gke/west
  meshwright access --manifests policies.yaml more/ --requests requests.jsonl
  kubectl get authorizationpolicies,peerauthentications -A -o yaml |
    meshwright access --manifests - --requests requests.jsonl";

#[derive(clap::Subcommand)]
enum Command {
    /// Check that calls are decided as files of expectations say
    Test(test::Test),
    /// Say who may call each service of a config repository
    Matrix(matrix::Matrix),
}

/// Manifests, and the mesh they are for.
#[derive(clap::Args)]
#[command(next_help_heading = "Manifests")]
#[group(id = "given", multiple = true)]
struct Manifests {
    /// Manifests with the policies, each file read once; `-` for standard input, a folder for all *.yaml, *.yml and *.json below it
    #[arg(id = "manifests", long = "manifests", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// The namespace whose policies hold for the whole mesh
    #[arg(long, value_name = "NAME", default_value_t = Mesh::default().root_namespace, requires = "manifests", value_parser = namespace)]
    root_namespace: String,
    /// The local trust domain
    #[arg(long, value_name = "NAME", default_value = "cluster.local", requires = "manifests", value_parser = trust_domain)]
    trust_domain: String,
    /// Another name of the local trust domain; may be given several times
    #[arg(long, value_name = "NAME", requires = "manifests", value_parser = trust_domain)]
    trust_domain_alias: Vec<String>,
}

fn namespace(text: &str) -> Result<String, String> {
    DnsLabel::parse(text)
        .map(|_| text.to_owned())
        .map_err(|_| "a namespace is named in a-z, 0-9 and inner -".to_owned())
}

/// A trust domain as certificates have it (SPIFFE-ID, 2.1), in any case: Istio does not look at it.
fn trust_domain(text: &str) -> Result<String, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("a trust domain is one name in letters, digits, -, . and _, such as cluster.local".to_owned()),
    }
}

impl Manifests {
    fn read(&self) -> Result<Given, Failure> {
        let trust_domains = std::iter::once(&self.trust_domain).chain(&self.trust_domain_alias).cloned().collect();
        let mesh = Mesh { root_namespace: self.root_namespace.clone(), trust_domains };
        let texts = requests::texts(&self.files)?;
        let mut clusters: BTreeSet<PathBuf> = texts.iter().map(|(path, _)| cluster_of(Path::new(path))).collect();
        clusters.remove(Path::new(""));
        if let (Some(first), Some(last), true) = (clusters.first(), clusters.last(), clusters.len() > 1) {
            return Err(Failure::Usage(format!(
                "--manifests: each cluster decides by its own policies; name those of one, such as {} or {}",
                output::path(first),
                output::path(last)
            )));
        }
        Given::read(mesh, &texts).map_err(Failure::Found)
    }

    /// Whether standard input is the manifests.
    fn takes_stdin(&self) -> bool {
        self.files.iter().any(|path| path.as_os_str() == "-")
    }
}

impl Access {
    pub(super) fn run(self) -> Outcome {
        match (self.command, self.requests) {
            (Some(Command::Test(test)), _) => test.run(),
            (Some(Command::Matrix(matrix)), _) => matrix.run(),
            (None, Some(requests)) => {
                if requests.as_os_str() == "-" && self.manifests.takes_stdin() {
                    return Err(Failure::Usage("--requests -: standard input holds the manifests".to_owned()));
                }
                let given = self.manifests.read()?;
                given.warnings.iter().for_each(output::note_finding);
                requests::decide(&given, &requests)
            }
            (None, None) => self.ask.run(),
        }
    }
}

/// What the policies of a checkout come to: those that its intents render to, and those that people wrote beside them.
fn of_checkout<T>(files: &dyn Files, ask: impl FnOnce(&Model<'_>) -> T) -> Result<T, Failure> {
    let declared = Declared::read(files).map_err(Failure::failed)?;
    if !declared.problems.is_empty() {
        return Err(Failure::Found(declared.problems.into_values().flatten().collect()));
    }
    let listed = Listed::read(files).map_err(Failure::failed)?;
    let plugin_files = listed.plugin_files(files, &declared.settings).map_err(Failure::failed)?;
    let scope = Scope::everything(&declared.tree);
    let rendered = render(&declared.tree, &declared.settings, &scope, Outside::AsMain(&plugin_files));
    let audit = Audit::of(files, listed, &rendered).map_err(Failure::failed)?;
    let side = Side { rendered: &rendered, strays: &audit.strays };
    Ok(ask(&Model::new(&declared.tree, &declared.settings.cluster_defaults, side)))
}
