//! `meshwright access matrix`.

use std::path::PathBuf;

use super::super::output::Output;
use super::super::{Failure, Outcome, Verdict, bundle, output};
use super::of_checkout;
use crate::access::namespaced;
use crate::review::Row;

/// Say who may call each service of a config repository
///
/// For each workload that an inbound intent is about: who is let in and what for, by the policies that the intents render to
/// and those that people wrote beside them, as far as the repository shows.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Matrix {
    /// The services to tell of; all of them without
    #[arg(value_name = "NAMESPACE/SERVICE", value_parser = service)]
    services: Vec<String>,
    /// The cluster; all of them without
    #[arg(long, value_name = "PROVIDER/CLUSTER")]
    cluster: Option<String>,
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// How to print the matrix
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  meshwright access matrix                            of this checkout
  meshwright access matrix shop/cart --cluster gke/east
  meshwright access matrix --repo ../config -o json   for scripts";

fn service(text: &str) -> Result<String, &'static str> {
    namespaced(text).map(|_| text.to_owned()).ok_or("a service is named `namespace/service`")
}

impl Matrix {
    pub(super) fn run(self) -> Outcome {
        let files = bundle::checkout(&self.repo)?;
        let mut rows = of_checkout(&files, |model| model.matrix())?;
        let is_of = |row: &Row, service: &String| row.target.split(", ").any(|it| it == service);
        for service in &self.services {
            if !rows.iter().any(|row| is_of(row, service)) {
                return Err(Failure::Failed(format!("no inbound intent is about the service {service}")));
            }
        }
        if let Some(cluster) = &self.cluster
            && !rows.iter().any(|row| row.cluster == *cluster)
        {
            return Err(Failure::Failed(format!("no inbound intent is about a service on {cluster}")));
        }
        rows.retain(|row| self.cluster.as_ref().is_none_or(|cluster| row.cluster == *cluster));
        rows.retain(|row| self.services.is_empty() || self.services.iter().any(|service| is_of(row, service)));
        if self.output == Output::Json {
            return output::json(&rows);
        }
        for row in rows {
            let text = row.to_string();
            let lines: Vec<String> = text.lines().map(output::line).collect();
            output::print(&format!("{}\n", lines.join("\n")))?;
        }
        Ok::<_, Failure>(Verdict::Ok)
    }
}
