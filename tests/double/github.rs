//! GitHub's REST API, as its documentation has it.

use std::collections::BTreeMap;

use meshwright::repo::CommitId;
use serde_json::{Value, json};

use super::app;
use super::call::{Call, Reply};
use super::lists::{moment, page};
use super::people::{Comment, Permission, Verdict};
use super::server::now;
use super::state::{Pull, Run, State};
use super::{BOT, REPOSITORY};

/// What only an app itself may ask, by a JWT.
pub(crate) fn as_app(state: &mut State, call: &Call) -> Option<Reply> {
    let mine = call.path == "/app"
        || call.path.starts_with("/app/installations/")
        || call.path == format!("/repos/{REPOSITORY}/installation");
    if !mine {
        return None;
    }
    let app = state.app.clone().filter(|app| app.signed(&call.token));
    let Some(app) = app else { return Some(Reply::error(401, "A JSON web token could not be decoded")) };
    Some(match call.path.as_str() {
        "/app" => Reply::ok(json!({ "id": app.id, "slug": "meshwright-app" })),
        path if path.ends_with("/access_tokens") => {
            let token = format!("ghs_{}{:032}", now(), state.tick());
            state.installation_tokens.insert(token.clone(), now() + app.lifetime);
            let until = meshwright::change::Timestamp(((now() + app.lifetime) * 1000) as i64).to_string();
            Reply::with(201, json!({ "token": token, "expires_at": until, "permissions": {} }))
        }
        _ => Reply::ok(json!({ "id": app::INSTALLATION })),
    })
}

pub(crate) fn answer(state: &mut State, call: &Call, login: &str) -> Reply {
    if call.path == "/user" {
        // An installation is nobody.
        return if login == BOT {
            Reply::ok(account(login))
        } else {
            Reply::error(403, "Resource not accessible by integration")
        };
    }
    if let Some(rest) = call.path.strip_prefix("/orgs/acme/teams/") {
        let members = rest.strip_suffix("/members").and_then(|slug| state.teams.get(slug));
        let Some(members) = members else { return Reply::not_found() };
        return page(call, &members.iter().map(|member| account(member)).collect::<Vec<_>>(), 100);
    }
    let Some(rest) = call.path.strip_prefix(&format!("/repos/{REPOSITORY}/")) else { return Reply::not_found() };
    let parts: Vec<&str> = rest.split('/').collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    match (call.method.as_str(), parts.as_slice()) {
        ("GET", ["pulls"]) => list(state, call),
        ("POST", ["pulls"]) => open(state, call, login),
        (_, ["pulls", n, rest @ ..]) => pulls(state, call, login, number(n), rest),
        ("GET", ["issues", "comments"]) => {
            let since = call.query("since").to_owned();
            let comments = state.comments.iter().filter(|comment| moment(comment.edited) >= since);
            page(call, &comments.map(|it| comment(state, it)).collect::<Vec<_>>(), 100)
        }
        (_, ["issues", "comments", id, rest @ ..]) => comments(state, call, login, number(id), rest),
        (_, ["issues", n, rest @ ..]) => issues(state, call, login, number(n), rest),
        ("GET", ["collaborators", who, "permission"]) => match state.people.get(*who) {
            Some(Permission::Write) => Reply::ok(json!({ "permission": "write" })),
            Some(Permission::Read) => Reply::ok(json!({ "permission": "read" })),
            None => Reply::ok(json!({ "permission": "none" })),
        },
        (_, ["check-runs", rest @ ..]) => check_runs(state, call, login, rest),
        ("POST", ["statuses", sha]) => {
            let status = (call.text("state").to_owned(), call.text("description").to_owned());
            state.statuses.insert(((*sha).to_owned(), call.text("context").to_owned()), status);
            state.links.insert((*sha).to_owned(), call.text("target_url").to_owned());
            Reply::with(201, json!({ "state": call.text("state") }))
        }
        ("GET", ["commits", sha, "check-runs"]) => {
            let wanted = |run: &&Run| {
                run.head.to_string() == *sha && [run.name.as_str(), ""].contains(&call.query("check_name"))
            };
            // Of several of one name the last.
            let last: BTreeMap<&str, &Run> =
                state.runs.iter().filter(wanted).map(|it| (it.name.as_str(), it)).collect();
            let runs: Vec<Value> = last.into_values().map(run).collect();
            let mut reply = page(call, &runs, 100);
            reply.body = json!({ "total_count": runs.len(), "check_runs": reply.body });
            reply
        }
        ("GET", ["commits", sha, "status"]) => {
            let statuses = state.statuses.iter().filter(|((commit, _), _)| commit == sha);
            let statuses: Vec<Value> =
                statuses.map(|((_, context), (state, _))| json!({ "context": context, "state": state })).collect();
            let mut reply = page(call, &statuses, 100);
            reply.body = json!({ "state": "pending", "statuses": reply.body });
            reply
        }
        ("GET", ["rules", ..]) if state.settings.no_rulesets => {
            Reply::error(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.")
        }
        ("GET", ["rules", "branches", "main"]) => {
            let mut rules = vec![];
            if state.settings.queue {
                rules.push(json!({ "type": "merge_queue", "parameters": {} }));
            }
            if !state.settings.required.is_empty() {
                let checks: Vec<Value> = state.settings.required.iter().map(|it| json!({ "context": it })).collect();
                rules.push(
                    json!({ "type": "required_status_checks", "parameters": { "required_status_checks": checks } }),
                );
            }
            page(call, &rules, 100)
        }
        ("GET", ["branches", "main"]) => Reply::ok(
            json!({ "name": "main", "protection": { "enabled": false, "required_status_checks": { "contexts": [] } } }),
        ),
        (_, ["git", rest @ ..]) => references(state, call, rest),
        _ => Reply::not_found(),
    }
}

pub(crate) fn account(login: &str) -> Value {
    json!({ "login": login, "type": if login.ends_with("[bot]") { "Bot" } else { "User" } })
}

pub(crate) fn pull(state: &State, pull: &Pull) -> Value {
    json!({
        "number": pull.number,
        "node_id": format!("PR_{}", pull.number),
        "html_url": format!("{}/{REPOSITORY}/pull/{}", state.address, pull.number),
        "state": if pull.open { "open" } else { "closed" },
        "title": pull.title,
        "body": if pull.body.is_empty() { Value::Null } else { json!(pull.body) },
        "draft": pull.draft,
        "user": account(&pull.author),
        "labels": pull.labels.iter().map(|name| json!({ "id": 1, "name": name })).collect::<Vec<_>>(),
        "requested_reviewers": pull.reviewers.iter().map(|login| account(login)).collect::<Vec<_>>(),
        "requested_teams": pull.teams.iter().map(|slug| json!({ "slug": slug })).collect::<Vec<_>>(),
        "merged_at": pull.merged.map(|_| moment(pull.updated)),
        // Of one that is open it is what the forge joined on trial, which is on no branch.
        "merge_commit_sha": pull.merged.unwrap_or(pull.head).to_string(),
        "updated_at": moment(pull.updated),
        "head": { "ref": pull.branch, "sha": pull.head.to_string(), "repo": { "full_name": pull.of } },
        "base": { "ref": pull.base },
    })
}

fn list(state: &State, call: &Call) -> Reply {
    let head = call.query("head").strip_prefix("acme:").unwrap_or_default();
    let wanted = |pull: &&Pull| {
        let of = match call.query("state") {
            "all" => true,
            "closed" => !pull.open,
            _ => pull.open,
        };
        of && (head.is_empty() || pull.branch == head)
    };
    let mut pulls: Vec<&Pull> = state.pulls.values().filter(wanted).collect();
    pulls.sort_by_key(|pull| if call.query("sort") == "updated" { pull.updated } else { pull.number });
    if call.query("direction") != "asc" {
        pulls.reverse();
    }
    page(call, &pulls.into_iter().map(|it| pull(state, it)).collect::<Vec<_>>(), 100)
}

/// Opens a pull request, or says why not.
pub(crate) fn create(state: &mut State, call: &Call, login: &str, draft: bool) -> Result<u64, String> {
    let branch = call.text("head").to_owned();
    let Some(head) = state.branch(&branch).filter(|_| !branch.is_empty()) else {
        return Err("head: invalid".to_owned());
    };
    let Some(main) = state.branch("main") else { return Err("base: invalid".to_owned()) };
    if state.open_of(&branch).is_some() {
        return Err(format!("A pull request already exists for acme:{branch}."));
    }
    if state.mirror.is_ancestor(head, main).unwrap() {
        return Err(format!("No commits between main and {branch}"));
    }
    let number = state.pulls.last_key_value().map_or(1, |(last, _)| last + 1);
    let pull = Pull {
        number,
        of: REPOSITORY.to_owned(),
        branch,
        head,
        base: "main".to_owned(),
        title: call.text("title").to_owned(),
        body: call.text("body").to_owned(),
        draft,
        open: true,
        merged: None,
        closed_by: None,
        author: login.to_owned(),
        updated: state.tick(),
        labels: vec![],
        reviewers: vec![],
        teams: vec![],
        reviews: vec![],
        queued: false,
    };
    state.pulls.insert(number, pull);
    state.tell(number, "pull_request", "opened", login);
    Ok(number)
}

fn open(state: &mut State, call: &Call, login: &str) -> Reply {
    if call.text("body").chars().count() > 65_535 {
        return Reply::invalid("body is too long (maximum is 65536 characters)");
    }
    match create(state, call, login, call.body["draft"].as_bool().unwrap_or_default()) {
        Ok(number) => Reply::with(201, pull(state, &state.pulls[&number])),
        Err(why) => Reply::invalid(&why),
    }
}

fn pulls(state: &mut State, call: &Call, login: &str, number: u64, rest: &[&str]) -> Reply {
    if !state.pulls.contains_key(&number) {
        return Reply::not_found();
    }
    match (call.method.as_str(), rest) {
        ("GET", []) => Reply::ok(pull(state, &state.pulls[&number])),
        ("PATCH", []) => {
            if edit(state, call, number, login) {
                state.touch(number);
            }
            Reply::ok(pull(state, &state.pulls[&number]))
        }
        ("GET", ["reviews"]) => {
            let reviews = state.pulls[&number].reviews.iter().map(|review| {
                let verdict = match review.verdict {
                    _ if review.dismissed => "DISMISSED",
                    Verdict::Approve => "APPROVED",
                    Verdict::RequestChanges => "CHANGES_REQUESTED",
                    Verdict::Comment => "COMMENTED",
                };
                json!({
                    "user": account(&review.by), "state": verdict, "commit_id": review.head.to_string(),
                    "body": review.words, "submitted_at": moment(review.at),
                })
            });
            page(call, &reviews.collect::<Vec<_>>(), 100)
        }
        ("PUT", ["merge"]) => {
            let expected = call.text("sha").parse::<CommitId>().ok();
            let title = (call.text("commit_title"), call.text("commit_message"));
            match state.merge(number, expected, call.text("merge_method"), title, login) {
                Ok(commit) => Reply::ok(json!({ "sha": commit.to_string(), "merged": true })),
                Err((status, why)) => Reply::error(status, &why),
            }
        }
        ("POST", ["requested_reviewers"]) => request(state, call, number),
        _ => Reply::not_found(),
    }
}

/// Asks for reviews: of all who are named, or of nobody.
pub(crate) fn request(state: &mut State, call: &Call, number: u64) -> Reply {
    let names = |field: &str| -> Vec<String> {
        call.body[field].as_array().into_iter().flatten().filter_map(|it| it.as_str().map(ToOwned::to_owned)).collect()
    };
    let (people, teams) = (names("reviewers"), names("team_reviewers"));
    if people.iter().any(|login| !state.people.contains_key(login))
        || teams.iter().any(|team| !state.teams.contains_key(team))
    {
        return Reply::error(422, "Reviews may only be requested from collaborators.");
    }
    let pull_request = state.pulls.get_mut(&number).unwrap();
    pull_request.reviewers.extend(people);
    pull_request.teams.extend(teams);
    state.touch(number);
    Reply::with(201, pull(state, &state.pulls[&number]))
}

/// Changes text and state as asked; whether anything changed.
pub(crate) fn edit(state: &mut State, call: &Call, number: u64, login: &str) -> bool {
    let pull = state.pulls.get_mut(&number).unwrap();
    let before = pull.clone();
    if let Some(title) = call.body["title"].as_str() {
        title.clone_into(&mut pull.title);
    }
    if let Some(body) = call.body["body"].as_str() {
        body.clone_into(&mut pull.body);
    }
    if call.text("state") == "closed" && pull.open {
        state.close(number, login);
        return false;
    }
    *pull != before
}

pub(crate) fn comment(state: &State, comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "user": account(&comment.by),
        "body": comment.body,
        "created_at": moment(comment.at),
        "updated_at": moment(comment.edited),
        "issue_url": format!("{}/api/v3/repos/{REPOSITORY}/issues/{}", state.address, comment.pull),
    })
}

/// What is below one comment.
pub(crate) fn comments(state: &mut State, call: &Call, login: &str, id: u64, rest: &[&str]) -> Reply {
    let tick = state.tick();
    let Some(found) = state.comments.iter_mut().find(|comment| comment.id == id) else { return Reply::not_found() };
    match (call.method.as_str(), rest) {
        ("PATCH", []) if found.by == login => {
            call.text("body").clone_into(&mut found.body);
            found.edited = tick;
            let found = found.clone();
            Reply::ok(comment(state, &found))
        }
        ("POST", ["reactions"]) => {
            state.reactions.push((id, call.text("content").to_owned()));
            Reply::with(201, json!({ "content": call.text("content") }))
        }
        _ => Reply::error(403, "Forbidden"),
    }
}

fn issues(state: &mut State, call: &Call, login: &str, number: u64, rest: &[&str]) -> Reply {
    let Some(found) = state.pulls.get(&number).cloned() else { return Reply::not_found() };
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let closed_by = found.closed_by.as_deref().map(account);
            Reply::ok(
                json!({ "number": number, "state": if found.open { "open" } else { "closed" }, "closed_by": closed_by }),
            )
        }
        ("GET", ["comments"]) => {
            let comments = state.comments.iter().filter(|comment| comment.pull == number);
            page(call, &comments.map(|it| comment(state, it)).collect::<Vec<_>>(), 100)
        }
        ("POST", ["comments"]) => {
            let written = state.write_comment(number, login, call.text("body"));
            Reply::with(201, comment(state, &written))
        }
        ("POST", ["labels"]) => {
            let names = call.body["labels"].as_array().cloned().unwrap_or_default();
            let names = names.iter().filter_map(|name| name.as_str().map(ToOwned::to_owned));
            state.pulls.get_mut(&number).unwrap().labels.extend(names);
            state.touch(number);
            Reply::ok(json!([]))
        }
        _ => Reply::not_found(),
    }
}

fn run(run: &Run) -> Value {
    json!({
        "id": run.id, "name": run.name, "head_sha": run.head.to_string(), "output": run.output,
        "status": if run.conclusion.is_some() { "completed" } else { "in_progress" }, "conclusion": run.conclusion,
    })
}

fn check_runs(state: &mut State, call: &Call, login: &str, rest: &[&str]) -> Reply {
    if login == BOT || state.settings.no_checks {
        return Reply::error(403, "You must authenticate via a GitHub App.");
    }
    let conclusion = call.body["conclusion"].as_str().map(ToOwned::to_owned);
    match (call.method.as_str(), rest) {
        ("POST", []) => {
            let Ok(head) = call.text("head_sha").parse() else { return Reply::invalid("head_sha is no commit") };
            let id = state.tick();
            let made =
                Run { id, name: call.text("name").to_owned(), head, conclusion, output: call.body["output"].clone() };
            state.runs.push(made.clone());
            state.links.insert(head.to_string(), call.text("details_url").to_owned());
            Reply::with(201, run(&made))
        }
        ("PATCH", [id]) => {
            let Some(found) = state.runs.iter_mut().find(|run| run.id.to_string() == **id) else {
                return Reply::not_found();
            };
            // Marks are added to those that are there.
            let mut marks = found.output["annotations"].as_array().cloned().unwrap_or_default();
            (found.conclusion, found.output) = (conclusion, call.body["output"].clone());
            marks.extend(found.output["annotations"].as_array().cloned().unwrap_or_default());
            found.output["annotations"] = marks.into();
            Reply::ok(run(found))
        }
        _ => Reply::not_found(),
    }
}

fn references(state: &mut State, call: &Call, rest: &[&str]) -> Reply {
    let shown = |name: &str, commit: CommitId| json!({ "ref": name, "object": { "sha": commit.to_string() } });
    match (call.method.as_str(), rest) {
        ("GET", ["ref", name @ ..]) => {
            let name = format!("refs/{}", name.join("/"));
            match state.mirror.reference(&name).unwrap() {
                Some(commit) => Reply::ok(shown(&name, commit)),
                None => Reply::not_found(),
            }
        }
        ("POST", ["refs"]) => {
            let (name, commit) = (call.text("ref"), call.text("sha").parse::<CommitId>());
            let Ok(commit) = commit else { return Reply::invalid("sha is no commit") };
            if state.mirror.reference(name).unwrap().is_some() {
                return Reply::error(422, "Reference already exists");
            }
            state.mirror.set_reference(name, None, Some(commit), "api").unwrap();
            Reply::with(201, shown(name, commit))
        }
        ("DELETE", ["refs", name @ ..]) => {
            let name = format!("refs/{}", name.join("/"));
            let Some(before) = state.mirror.reference(&name).unwrap() else {
                return Reply::error(422, "Reference does not exist");
            };
            state.mirror.set_reference(&name, Some(before), None, "api").unwrap();
            Reply::with(204, Value::Null)
        }
        ("PATCH", ["refs", name @ ..]) => {
            let name = format!("refs/{}", name.join("/"));
            let (Ok(commit), Some(before)) = (call.text("sha").parse(), state.mirror.reference(&name).unwrap()) else {
                return Reply::error(422, "Reference does not exist");
            };
            state.mirror.set_reference(&name, Some(before), Some(commit), "api").unwrap();
            Reply::ok(shown(&name, commit))
        }
        _ => Reply::not_found(),
    }
}
