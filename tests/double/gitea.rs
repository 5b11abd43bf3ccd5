//! Gitea's REST API, as its documentation has it; where it has GitHub's form it is written there.

use meshwright::repo::CommitId;
use serde_json::{Value, json};

use super::REPOSITORY;
use super::call::{Call, Reply};
use super::github;
use super::lists::{moment, page};
use super::people::{Permission, Verdict};
use super::state::{Pull, State};

/// As many entries as a page has at most (Gitea's setting `MAX_RESPONSE_ITEMS`).
const MOST: usize = 50;
const DRAFT: &str = "WIP: ";

pub(crate) fn answer(state: &mut State, call: &Call, login: &str) -> Reply {
    match call.path.as_str() {
        "/user" => return Reply::ok(account(login)),
        "/orgs/acme/teams" => {
            let teams = state.teams.keys().enumerate().map(|(id, name)| json!({ "id": id + 1, "name": name }));
            return page(call, &teams.collect::<Vec<_>>(), MOST);
        }
        path if path.starts_with("/teams/") => {
            let id = path.split('/').nth(2).and_then(|id| id.parse::<usize>().ok()).unwrap_or_default();
            let Some(members) = state.teams.values().nth(id.wrapping_sub(1)) else { return Reply::not_found() };
            return page(call, &members.iter().map(|member| account(member)).collect::<Vec<_>>(), MOST);
        }
        _ => {}
    }
    let Some(rest) = call.path.strip_prefix(&format!("/repos/{REPOSITORY}/")) else { return Reply::not_found() };
    let parts: Vec<&str> = rest.split('/').collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["pulls"]) => list(state, call),
        ("POST", ["pulls"]) => open(state, call, login),
        ("GET", ["pulls", "main", branch @ ..]) => {
            let branch = branch.join("/");
            match state.pulls.values().rev().find(|pull| pull.branch == branch) {
                Some(found) => Reply::ok(pull(state, found)),
                None => Reply::not_found(),
            }
        }
        (_, ["pulls", n, rest @ ..]) => pulls(state, call, login, number(n), rest),
        ("GET", ["issues", "comments"]) => {
            let since = call.query("since").to_owned();
            let comments = state.comments.iter().filter(|comment| moment(comment.edited) >= since);
            page(call, &comments.map(|it| github::comment(state, it)).collect::<Vec<_>>(), MOST)
        }
        (_, ["issues", "comments", id, rest @ ..]) => github::comments(state, call, login, number(id), rest),
        (_, ["issues", n, rest @ ..]) => issues(state, call, login, number(n), rest),
        ("GET", ["labels"]) => {
            let labels = state.labels.iter().enumerate().map(|(id, name)| json!({ "id": id + 1, "name": name }));
            page(call, &labels.collect::<Vec<_>>(), MOST)
        }
        ("POST", ["labels"]) => {
            state.labels.push(call.text("name").to_owned());
            Reply::with(201, json!({ "id": state.labels.len(), "name": call.text("name") }))
        }
        ("GET", ["collaborators", who, "permission"]) => match state.people.get(*who) {
            Some(Permission::Write) => Reply::ok(json!({ "permission": "write" })),
            Some(Permission::Read) => Reply::ok(json!({ "permission": "read" })),
            None => Reply::not_found(),
        },
        ("POST", ["statuses", sha]) => {
            let status = (call.text("state").to_owned(), call.text("description").to_owned());
            state.statuses.insert(((*sha).to_owned(), call.text("context").to_owned()), status);
            state.links.insert((*sha).to_owned(), call.text("target_url").to_owned());
            Reply::with(201, json!({ "status": call.text("state") }))
        }
        ("GET", ["commits", sha, "status"]) => {
            let statuses = state.statuses.iter().filter(|((commit, _), _)| commit == sha);
            let statuses: Vec<Value> =
                statuses.map(|((_, context), (state, _))| json!({ "context": context, "status": state })).collect();
            let mut reply = page(call, &statuses, MOST);
            reply.body = json!({ "state": "pending", "statuses": reply.body });
            reply
        }
        ("GET", ["branches", "main"]) => Reply::ok(json!({
            "name": "main",
            "enable_status_check": !state.settings.required.is_empty(),
            "status_check_contexts": state.settings.required,
        })),
        _ => Reply::not_found(),
    }
}

fn account(login: &str) -> Value {
    json!({ "login": login })
}

fn pull(state: &State, pull: &Pull) -> Value {
    let mut json = github::pull(state, pull);
    json["title"] = if pull.draft { format!("{DRAFT}{}", pull.title) } else { pull.title.clone() }.into();
    json["merged"] = pull.merged.is_some().into();
    json["merge_commit_sha"] = pull.merged.map(|commit| commit.to_string()).into();
    json["body"] = pull.body.clone().into();
    json["requested_reviewers"] = Value::Null;
    if let Some(json) = json.as_object_mut() {
        for field in ["node_id", "requested_teams"] {
            json.remove(field);
        }
    }
    json
}

fn list(state: &State, call: &Call) -> Reply {
    let wanted = |pull: &&Pull| call.query("state") == "all" || pull.open;
    let mut pulls: Vec<&Pull> = state.pulls.values().filter(wanted).collect();
    pulls.sort_by_key(|pull| if call.query("sort") == "recentupdate" { pull.updated } else { pull.number });
    pulls.reverse();
    page(call, &pulls.into_iter().map(|it| pull(state, it)).collect::<Vec<_>>(), MOST)
}

/// A title without the sign of a draft, and whether it had it.
fn title(text: &str) -> (String, bool) {
    let plain = text.strip_prefix(DRAFT);
    (plain.unwrap_or(text).to_owned(), plain.is_some())
}

fn open(state: &mut State, call: &Call, login: &str) -> Reply {
    let (plain, draft) = title(call.text("title"));
    let mut asked = call.clone();
    asked.body["title"] = plain.into();
    match github::create(state, &asked, login, draft) {
        Ok(number) => Reply::with(201, pull(state, &state.pulls[&number])),
        Err(why) if why.contains("already exists") => {
            Reply::error(409, "pull request already exists for these targets")
        }
        Err(why) => Reply::error(422, &why),
    }
}

fn pulls(state: &mut State, call: &Call, login: &str, number: u64, rest: &[&str]) -> Reply {
    if !state.pulls.contains_key(&number) {
        return Reply::not_found();
    }
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::ok(pull(state, &state.pulls[&number])),
        ("PATCH", []) => {
            let mut asked = call.clone();
            let mut changed = false;
            if let Some(text) = call.body["title"].as_str() {
                let (plain, draft) = title(text);
                asked.body["title"] = plain.into();
                let pull = state.pulls.get_mut(&number).unwrap();
                changed = pull.draft != draft;
                pull.draft = draft;
            }
            if github::edit(state, &asked, number, login) || changed {
                state.touch(number);
            }
            Reply::with(201, pull(state, &state.pulls[&number]))
        }
        ("GET", ["reviews"]) => {
            let reviews = state.pulls[&number].reviews.iter().map(|review| {
                let verdict = match review.verdict {
                    Verdict::Approve => "APPROVED",
                    Verdict::RequestChanges => "REQUEST_CHANGES",
                    Verdict::Comment => "COMMENT",
                };
                json!({
                    "user": account(&review.by), "state": verdict, "commit_id": review.head.to_string(), "stale": false,
                    "dismissed": review.dismissed, "body": review.words, "submitted_at": moment(review.at),
                })
            });
            page(call, &reviews.collect::<Vec<_>>(), MOST)
        }
        ("POST", ["merge"]) => {
            let expected = call.text("head_commit_id").parse::<CommitId>().ok();
            let title = (call.text("MergeTitleField"), call.text("MergeMessageField"));
            match state.merge(number, expected, call.text("Do"), title, login) {
                Ok(_) => Reply::ok(Value::Null),
                Err(_) if !state.pulls[&number].open => Reply::not_found(),
                Err((status, why)) => Reply::error(status, &why),
            }
        }
        ("POST", ["requested_reviewers"]) => {
            let asked = github::request(state, call, number);
            if asked.status == 201 { Reply::with(201, json!([])) } else { asked }
        }
        _ => Reply::not_found(),
    }
}

fn issues(state: &mut State, call: &Call, login: &str, number: u64, rest: &[&str]) -> Reply {
    let Some(found) = state.pulls.get(&number).cloned() else { return Reply::not_found() };
    match (call.method.as_str(), rest) {
        ("GET", ["timeline"]) => {
            let closed = found.closed_by.as_deref().map(|by| json!({ "type": "close", "user": account(by) }));
            page(call, &closed.into_iter().collect::<Vec<_>>(), MOST)
        }
        ("GET", ["comments"]) => {
            let comments = state.comments.iter().filter(|comment| comment.pull == number);
            page(call, &comments.map(|it| github::comment(state, it)).collect::<Vec<_>>(), MOST)
        }
        ("POST", ["comments"]) => {
            let written = state.write_comment(number, login, call.text("body"));
            Reply::with(201, github::comment(state, &written))
        }
        ("POST", ["labels"]) => {
            let ids = call.body["labels"].as_array().cloned().unwrap_or_default();
            let names = ids.iter().filter_map(|id| state.labels.get(id.as_u64()? as usize - 1).cloned());
            let names: Vec<String> = names.collect();
            state.pulls.get_mut(&number).unwrap().labels.extend(names);
            state.touch(number);
            Reply::ok(json!([]))
        }
        _ => Reply::not_found(),
    }
}
