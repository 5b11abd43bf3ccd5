//! Commits that GitHub makes, so that it signs them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::forge::ForgeError;
use crate::forge::hosted::{Api, Cost, Remake, commit};
use crate::repo::CommitId;

/// What begins the name of a branch on which a commit is made before ours is moved there: to reset ours first would close
/// its pull request.
const MAKING: &str = "meshwright-making/";

/// What a reference that is not there has as its old value, and one that goes as its new.
const NOWHERE: &str = "0000000000000000000000000000000000000000";

/// The name of the repository in GraphQL.
pub(super) async fn repository(api: &Api) -> Result<String, ForgeError> {
    let (owner, name) = api.repository.split_once('/').unwrap_or_default();
    let query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }";
    let found = api.graph(query, json!({ "owner": owner, "name": name }), Cost::Read).await?;
    let id = found["repository"]["id"].as_str().map(ToOwned::to_owned);
    id.ok_or_else(|| ForgeError::Refused(format!("there is no repository {}, or it may not be seen", api.repository)))
}

/// Makes a commit on top of its parent and moves a branch of `repository` there from `expected`, all or nothing.
pub(super) async fn make(
    api: &Api,
    repository: &str,
    branch: &str,
    expected: Option<CommitId>,
    wanted: Remake,
) -> Result<CommitId, ForgeError> {
    let making = format!("{MAKING}{}", branch.rsplit('/').next().unwrap_or(branch));
    begin(api, &making, &wanted.parent.to_string()).await?;
    let made = finish(api, repository, branch, &making, expected, wanted).await;
    if made.is_err() {
        // As far as that works: the next attempt begins on it anew, and nothing else looks at it.
        let path = api.at(&format!("/git/refs/heads/{making}"));
        drop(api.send("DELETE", path, Value::Null).await);
    }
    made
}

async fn finish(
    api: &Api,
    repository: &str,
    branch: &str,
    making: &str,
    expected: Option<CommitId>,
    wanted: Remake,
) -> Result<CommitId, ForgeError> {
    let base = wanted.parent.to_string();
    let made = create(api, making, &base, wanted).await?;
    let made_text = made.to_string();
    let old = expected.map_or_else(|| NOWHERE.to_owned(), |expected| expected.to_string());
    let query = "mutation($repository: ID!, $updates: [RefUpdate!]!) { \
                 updateRefs(input: {repositoryId: $repository, refUpdates: $updates}) { clientMutationId } }";
    let updates = json!([
        { "name": format!("refs/heads/{branch}"), "beforeOid": old, "afterOid": made_text, "force": true },
        { "name": format!("refs/heads/{making}"), "beforeOid": made_text, "afterOid": NOWHERE, "force": true },
    ]);
    let variables = json!({ "repository": repository, "updates": updates });
    match api.graph(query, variables, Cost::Write).await {
        Ok(_) => Ok(made),
        // It says no: because ours is somewhere else by now, or because it does not want to.
        Err(ForgeError::Refused(why)) => match place_of(api, branch).await? {
            now if now == expected => Err(ForgeError::Refused(why)),
            _ => Err(ForgeError::Moved(branch.to_owned())),
        },
        Err(error) => Err(error),
    }
}

/// Puts the branch on which the commit is made at the parent, wherever an attempt that failed left it.
async fn begin(api: &Api, making: &str, base: &str) -> Result<(), ForgeError> {
    let reference = format!("refs/heads/{making}");
    let created = api.send("POST", api.at("/git/refs"), json!({ "ref": reference, "sha": base })).await?;
    if created.status != 422 {
        return created.expect(&[201]).map(drop);
    }
    let path = api.at(&format!("/git/{reference}"));
    api.send("PATCH", path, json!({ "sha": base, "force": true })).await?.expect(&[200]).map(drop)
}

async fn create(api: &Api, making: &str, base: &str, wanted: Remake) -> Result<CommitId, ForgeError> {
    let (mut additions, mut deletions): (Vec<Value>, Vec<Value>) = (vec![], vec![]);
    for (path, content) in wanted.changes {
        match content {
            Some(content) => additions.push(json!({ "path": path, "contents": STANDARD.encode(content) })),
            None => deletions.push(json!({ "path": path })),
        }
    }
    let (headline, body) = wanted.message.split_once('\n').unwrap_or((&wanted.message, ""));
    let query =
        "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }";
    let variables = json!({ "input": {
        "branch": { "repositoryNameWithOwner": api.repository, "branchName": making },
        "expectedHeadOid": base,
        "message": { "headline": headline, "body": body.trim() },
        "fileChanges": { "additions": additions, "deletions": deletions },
    }});
    let data = api.graph(query, variables, Cost::Write).await?;
    commit(data["createCommitOnBranch"]["commit"]["oid"].as_str().unwrap_or_default())
}

#[derive(Deserialize)]
struct Reference {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// Where a branch is now; none when it is not there.
async fn place_of(api: &Api, branch: &str) -> Result<Option<CommitId>, ForgeError> {
    let answer = api.get(api.at(&format!("/git/ref/heads/{branch}"))).await?;
    if answer.status == 404 {
        return Ok(None);
    }
    let found: Reference = answer.expect(&[200])?.json()?;
    commit(&found.object.sha).map(Some)
}
