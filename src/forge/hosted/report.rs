//! Our report on a commit, in the few words of a commit status.

use serde_json::json;

use super::Api;
use crate::change::forge::{ForgeError, Report};
use crate::repo::CommitId;

/// The name of our check.
pub(in crate::forge) const OUR_CHECK: &str = "meshwright/plan";

/// The most characters of the description of a commit status (GitHub REST API, "Commit statuses").
const LONGEST: usize = 140;

/// Has our one status of a commit say this; the last of its name counts. GitHub and Gitea take it in the same form.
pub(in crate::forge) async fn report_status(api: &Api, head: CommitId, report: &Report) -> Result<(), ForgeError> {
    let state = if report.passed { "success" } else { "failure" };
    let description: String = report.title.chars().take(LONGEST).collect();
    let mut body = json!({ "context": OUR_CHECK, "state": state, "description": description });
    if let Some(url) = &report.url {
        body["target_url"] = url.as_str().into();
    }
    api.send("POST", api.at(&format!("/statuses/{head}")), body).await?.expect(&[201]).map(drop)
}
