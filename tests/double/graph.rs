//! The part of GitHub's GraphQL API that REST does not have. A query is recognised by the field that it asks for; what it
//! asks for it takes from its variables.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use meshwright::repo::{CommitId, Edits};
use serde_json::{Value, json};

use super::REPOSITORY;
use super::call::{Call, Reply};
use super::lists::moment;
use super::state::State;

/// The fields that are known.
const FIELDS: [&str; 6] = [
    "createCommitOnBranch",
    "updateRefs",
    "convertPullRequestToDraft",
    "markPullRequestReadyForReview",
    "enqueuePullRequest",
    "repository",
];

/// The field that a query asks for.
pub(crate) fn operation(call: &Call) -> String {
    let query = call.text("query");
    FIELDS
        .iter()
        .find(|field| query.contains(&format!("{field}(")))
        .map_or_else(String::new, |field| (*field).to_owned())
}

pub(crate) fn answer(state: &mut State, call: &Call, login: &str) -> Reply {
    let variables = &call.body["variables"];
    let field = operation(call);
    let result = match field.as_str() {
        "createCommitOnBranch" => create_commit(state, &variables["input"], login),
        "updateRefs" => update_refs(state, variables, login),
        "convertPullRequestToDraft" | "markPullRequestReadyForReview" => {
            draft(state, variables, field == "convertPullRequestToDraft")
        }
        "enqueuePullRequest" => enqueue(state, variables),
        "repository" => {
            let queued =
                variables["number"].as_u64().and_then(|number| state.pulls.get(&number)).map(|pull| pull.queued);
            Ok(json!({ "id": "R_1", "pullRequest": { "isInMergeQueue": queued } }))
        }
        _ => Err("Field must not be empty".to_owned()),
    };
    Reply::ok(match result {
        Ok(value) => json!({ "data": { field: value } }),
        Err(why) => json!({ "data": Value::Null, "errors": [{ "type": "UNPROCESSABLE", "message": why }] }),
    })
}

/// The pull request behind a node.
fn number(state: &State, variables: &Value) -> Result<u64, String> {
    let id = variables["id"].as_str().and_then(|id| id.strip_prefix("PR_")).and_then(|id| id.parse().ok());
    id.filter(|number| state.pulls.contains_key(number)).ok_or_else(|| "Could not resolve to a node".to_owned())
}

fn draft(state: &mut State, variables: &Value, draft: bool) -> Result<Value, String> {
    let number = number(state, variables)?;
    state.pulls.get_mut(&number).unwrap().draft = draft;
    state.touch(number);
    Ok(json!({ "pullRequest": { "updatedAt": moment(state.pulls[&number].updated) } }))
}

fn enqueue(state: &mut State, variables: &Value) -> Result<Value, String> {
    let number = number(state, variables)?;
    if !state.settings.queue {
        return Err("The base branch does not have a merge queue".to_owned());
    }
    let pull = state.pulls.get_mut(&number).unwrap();
    if pull.draft || !pull.open || variables["head"].as_str() != Some(&pull.head.to_string()) {
        return Err("Pull request is not mergeable, or its head was modified".to_owned());
    }
    pull.queued = true;
    state.touch(number);
    Ok(json!({ "mergeQueueEntry": { "id": "MQE_1" } }))
}

fn create_commit(state: &mut State, input: &Value, login: &str) -> Result<Value, String> {
    let branch = input["branch"]["branchName"].as_str().unwrap_or_default();
    if input["branch"]["repositoryNameWithOwner"] != REPOSITORY {
        return Err("Could not resolve to a Repository".to_owned());
    }
    let Some(head) = state.branch(branch) else { return Err(format!("No branch named {branch}")) };
    if input["expectedHeadOid"].as_str() != Some(&head.to_string()) {
        return Err(format!("Expected branch to point to \"{}\" but it did not.", input["expectedHeadOid"]));
    }
    let mut edits = Edits::new();
    for addition in input["fileChanges"]["additions"].as_array().into_iter().flatten() {
        let content = STANDARD.decode(addition["contents"].as_str().unwrap()).map_err(|error| error.to_string())?;
        edits.write(addition["path"].as_str().unwrap(), content);
    }
    for deletion in input["fileChanges"]["deletions"].as_array().into_iter().flatten() {
        edits.delete(deletion["path"].as_str().unwrap());
    }
    let text = |field: &str| input["message"][field].as_str().unwrap_or_default();
    let message = format!("{}\n\n{}\n", text("headline"), text("body"));
    let commit = state.commit(head, &edits, &message, login);
    state.mirror.set_reference(&format!("refs/heads/{branch}"), Some(head), Some(commit), "api").unwrap();
    Ok(json!({ "commit": { "oid": commit.to_string() } }))
}

fn update_refs(state: &mut State, variables: &Value, login: &str) -> Result<Value, String> {
    let mut moves: Vec<(String, Option<CommitId>, Option<CommitId>)> = vec![];
    for update in variables["updates"].as_array().into_iter().flatten() {
        let oid = |field: &str| update[field].as_str().filter(|oid| oid.bytes().any(|b| b != b'0'));
        let name = update["name"].as_str().unwrap_or_default().to_owned();
        let (before, after) = (oid("beforeOid"), oid("afterOid").and_then(|oid| oid.parse().ok()));
        let now = state.mirror.reference(&name).unwrap();
        if before.map(ToOwned::to_owned) != now.map(|commit| commit.to_string()) {
            return Err(format!("{name}: the ref was updated by somebody else"));
        }
        moves.push((name, now, after));
    }
    for (name, before, after) in moves {
        state.mirror.set_reference(&name, before, after, "api").unwrap();
    }
    state.follow(login);
    Ok(json!({ "clientMutationId": Value::Null }))
}
