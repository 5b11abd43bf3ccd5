//! `meshwright access --to`: what a service of a config repository answers to one call.

use std::net::IpAddr;
use std::path::PathBuf;

use super::super::output::Output;
use super::super::{Failure, Outcome, Verdict, bundle, output};
use crate::access::CallingAs;
use crate::change::Base;
use crate::change::submission::Cause;
use crate::review::{Answer, Question, VISIBLE};

#[derive(clap::Args)]
#[command(next_help_heading = "A service of a config repository")]
#[group(id = "ask", multiple = true, conflicts_with_all = ["requests", "given"])]
pub(super) struct Ask {
    /// The service that is called
    #[arg(long, value_name = "NAMESPACE/SERVICE", value_parser = service)]
    to: Option<Question>,
    /// Who calls: a service account, in the trust domain of the cluster that is called, or a whole identity such as
    /// cluster.local/ns/shop/sa/web; without it plain text
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

fn service(text: &str) -> Result<Question, String> {
    Question::about(text).ok_or_else(|| "a service is named `namespace/service`".to_owned())
}

fn caller(text: &str) -> Result<CallingAs, String> {
    CallingAs::parse(text).ok_or_else(|| "a caller is `namespace/service-account` or a whole identity".to_owned())
}

impl Ask {
    pub(super) fn run(self) -> Outcome {
        let mut question = self.to.unwrap_or_default();
        question.port = self.port;
        question.cluster = self.cluster;
        question.from = self.from.unwrap_or_default();
        question.request.from.ip = self.ip;
        question.request.method = self.method;
        question.request.path = self.path;
        question.request.host = self.host;
        if let Some((parameter, why)) = question.fault() {
            return Err(Failure::Usage(format!("--{parameter}: {why}")));
        }
        let base = Base::read(&bundle::checkout(&self.repo)?).map_err(Failure::failed)?;
        let answers = base.may(&question).map_err(|refusal| match refusal.cause {
            Cause::NotFound => Failure::failed(refusal),
            _ => Failure::Found(base.problems.into_values().flatten().collect()),
        })?;
        if self.output == Output::Json {
            return output::json(&serde_json::json!({ "answers": answers, "visible": VISIBLE }));
        }
        answers.iter().try_for_each(|answer| output::print(&lines(&question, answer)))?;
        Ok(Verdict::Ok)
    }
}

/// One answer, and in lines of their own what else has to be known.
fn lines(question: &Question, answer: &Answer) -> String {
    let Answer { cluster, port, decision, note, principal, .. } = answer;
    let Question { namespace, service, .. } = question;
    let who = principal.as_ref().map_or("plain text".to_owned(), |principal| format!("as {principal}"));
    let mut said = output::line(&format!("{cluster} {namespace}/{service}:{port} {decision} ({who})"));
    said.push('\n');
    let asks = decision.external.as_ref().map(|provider| format!("{provider} is asked, and may let it in"));
    let unenforced = decision.not_enforced.iter().map(|what| format!("not enforced: {what}"));
    let otherwise = "with some method, path, host or port that was not said, the same caller is let in";
    let otherwise = answer.let_in_otherwise.then(|| otherwise.to_owned());
    let unsure = decision.unsure.clone();
    for more in note.map(str::to_owned).into_iter().chain(asks).chain(unenforced).chain(otherwise).chain(unsure) {
        said.push_str(&format!("  {}\n", output::line(&more)));
    }
    said
}
