//! `meshwright access --to`: what a service of a config repository answers to one call.

use std::net::IpAddr;
use std::path::PathBuf;

use super::super::output::Output;
use super::super::{Failure, Outcome, Verdict, bundle, output};
use crate::access::CallingAs;
use crate::change::Base;
use crate::change::submission::Cause;
use crate::review::{Answer, Question};

#[derive(clap::Args)]
#[command(next_help_heading = "A service of a config repository")]
pub(super) struct Ask {
    /// The service that is called
    #[arg(long, value_name = "NAMESPACE/SERVICE", value_parser = service, conflicts_with_all = ["requests", "manifests"])]
    to: Option<(String, String)>,
    /// Who calls: a service account, or a whole identity such as cluster.local/ns/shop/sa/web; without it plain text
    #[arg(long, value_name = "NAMESPACE/ACCOUNT", value_parser = caller, requires = "to")]
    from: Option<CallingAs>,
    /// The port of the service; all of them without
    #[arg(long, value_name = "NUMBER", requires = "to")]
    port: Option<u16>,
    /// The cluster; all of them without
    #[arg(long, value_name = "PROVIDER/CLUSTER", requires = "to")]
    cluster: Option<String>,
    /// The method, in upper case
    #[arg(long, value_name = "METHOD", requires = "to")]
    method: Option<String>,
    /// The path
    #[arg(long, value_name = "PATH", requires = "to")]
    path: Option<String>,
    /// The authority, with its port where the caller sends one
    #[arg(long, value_name = "HOST", requires = "to")]
    host: Option<String>,
    /// The address that calls come from
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    ip: Option<IpAddr>,
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".", requires = "to")]
    repo: PathBuf,
    /// How to print the answers
    #[arg(long, short, value_enum, default_value_t, requires = "to")]
    output: Output,
}

fn service(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('/').filter(|(namespace, service)| !namespace.is_empty() && !service.is_empty());
    let (namespace, service) = parts.ok_or("a service is named `namespace/service`")?;
    Ok((namespace.to_owned(), service.to_owned()))
}

fn caller(text: &str) -> Result<CallingAs, String> {
    CallingAs::parse(text).ok_or_else(|| "a caller is `namespace/service-account` or a whole identity".to_owned())
}

impl Ask {
    pub(super) fn run(self) -> Outcome {
        let (namespace, service) = self.to.unwrap_or_default();
        let mut question = Question {
            namespace,
            service,
            port: self.port,
            cluster: self.cluster,
            from: self.from.unwrap_or_default(),
            ..Question::default()
        };
        question.request.from.ip = self.ip;
        question.request.method = self.method;
        question.request.path = self.path;
        question.request.host = self.host;
        let base = Base::read(&bundle::checkout(&self.repo)?).map_err(Failure::failed)?;
        let answers = base.may(&question).map_err(|refusal| match refusal.cause {
            Cause::NotFound => Failure::failed(refusal),
            _ => Failure::Found(base.problems.into_values().flatten().collect()),
        })?;
        if self.output == Output::Json {
            return output::json(&serde_json::json!({ "answers": answers }));
        }
        answers.iter().try_for_each(|answer| output::print(&line(&question, answer)))?;
        Ok(Verdict::Ok)
    }
}

/// One answer in a line.
fn line(question: &Question, answer: &Answer) -> String {
    let Answer { cluster, port, decision, note, .. } = answer;
    let also = decision.unsure.iter().map(String::as_str).chain(*note).map(|why| format!(" ({why})"));
    let asks = decision.external.as_ref().map(|provider| format!(", until {provider} lets it in")).unwrap_or_default();
    let also: String = also.collect();
    let Question { namespace, service, .. } = question;
    format!("{cluster} {namespace}/{service}:{port} {decision}{asks}{also}\n")
}
