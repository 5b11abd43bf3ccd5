//! Merging: at once, or by the merge queue of main.

use serde::Deserialize;
use serde_json::json;

use crate::change::forge::{ForgeError, Merged};
use crate::forge::hosted::{Api, Cost, Item, MergeMethod, commit};
use crate::repo::CommitId;

/// Merges a pull request that is at this head.
pub(super) async fn merge(
    api: &Api,
    item: &Item,
    head: CommitId,
    method: MergeMethod,
    message: &str,
) -> Result<Merged, ForgeError> {
    #[derive(Deserialize)]
    struct Done {
        sha: String,
    }
    let (title, body) = message.split_once('\n').unwrap_or((message, ""));
    let body = json!({
        "sha": head.to_string(),
        "merge_method": method.as_str(),
        "commit_title": title,
        "commit_message": body.trim(),
    });
    let path = api.at(&format!("/pulls/{}/merge", item.number));
    let done: Done = api.send("PUT", path, body).await?.expect(&[200])?.json()?;
    Ok(Merged::By(commit(&done.sha)?))
}

/// Puts a pull request that is at this head into the merge queue.
pub(super) async fn enqueue(api: &Api, item: &Item, head: CommitId) -> Result<Merged, ForgeError> {
    if is_queued(api, item).await? {
        return Ok(Merged::Queued);
    }
    let query = "mutation($id: ID!, $head: GitObjectID!) { \
                 enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { mergeQueueEntry { id } } }";
    api.graph(query, json!({ "id": item.node_id, "head": head.to_string() }), Cost::Write).await?;
    Ok(Merged::Queued)
}

/// Whether a pull request waits in the merge queue.
pub(super) async fn is_queued(api: &Api, item: &Item) -> Result<bool, ForgeError> {
    let (owner, name) = api.repository.split_once('/').unwrap_or_default();
    let query = "query($owner: String!, $name: String!, $number: Int!) { \
                 repository(owner: $owner, name: $name) { pullRequest(number: $number) { isInMergeQueue } } }";
    let variables = json!({ "owner": owner, "name": name, "number": item.number });
    let data = api.graph(query, variables, Cost::Read).await?;
    Ok(data["repository"]["pullRequest"]["isInMergeQueue"].as_bool().unwrap_or_default())
}
