//! Opening and editing pull requests.

use serde_json::json;

use crate::change::forge::{ForgeError, PullText};
use crate::change::id::Timestamp;
use crate::forge::hosted::{Api, Cost, Item};

/// Opens a pull request; none when the branch has one.
pub(super) async fn open(api: &Api, branch: &str, main: &str, text: &PullText) -> Result<Option<Item>, ForgeError> {
    let PullText { title, body, draft, .. } = text;
    let request = |draft: bool| {
        let body = json!({ "title": title, "body": body, "head": branch, "base": main, "draft": draft });
        api.send("POST", api.at("/pulls"), body)
    };
    let mut answer = request(*draft).await?;
    if answer.status == 422 && *draft && answer.says("draft pull requests are not supported") {
        // Private repositories of a free plan have no drafts.
        answer = request(false).await?;
    }
    if answer.status == 422 && answer.says("a pull request already exists") {
        return Ok(None);
    }
    answer.expect(&[201])?.json().map(Some)
}

/// Has a pull request say this. Only GraphQL can make a draft ready, or a draft again.
pub(super) async fn edit(api: &Api, item: &Item, text: &PullText) -> Result<Item, ForgeError> {
    let mut after = item.clone();
    if item.draft != text.draft {
        let mutation = if text.draft { "convertPullRequestToDraft" } else { "markPullRequestReadyForReview" };
        let query = format!(
            "mutation($id: ID!) {{ {mutation}(input: {{pullRequestId: $id}}) {{ pullRequest {{ updatedAt }} }} }}"
        );
        match api.graph(&query, json!({ "id": item.node_id }), Cost::Write).await {
            Ok(data) => {
                after.draft = text.draft;
                let at = data[mutation]["pullRequest"]["updatedAt"].as_str().and_then(Timestamp::parse);
                after.updated_at = at.unwrap_or(after.updated_at);
            }
            Err(ForgeError::Refused(why)) if why.to_ascii_lowercase().contains("draft") && text.draft => {
                tracing::warn!(pull = item.number, why, "this repository has no drafts");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(item.reword(api, &text.title, &text.body).await?.unwrap_or(after))
}
