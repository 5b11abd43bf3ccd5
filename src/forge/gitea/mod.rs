//! Gitea and Forgejo, which have one API.

mod checks;
mod labels;
mod transport;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::hosted::{
    Account, Allowance, Api, Dialect, Hosted, Item, MergeMethod, Opinion, PER_PAGE, Place, Remake, Token, report_status,
};
use crate::change::clock::Clock;
use crate::change::forge::{Ends, Forge, ForgeError, Merged, PullState, PullText, Report, Unmet};
use crate::repo::{CommitId, Mirror, Remote};
use transport::GiteaTransport;

/// What makes a title that of a draft, in the form that is written (Gitea's setting `WORK_IN_PROGRESS_PREFIXES`).
const DRAFT: &str = "WIP: ";

/// What it says of a pull request that it has not compared with main since the last push (`routers/api/v1/repo/pull.go`).
const UNSURE: &str = "try again later";

/// Gitea as the forge of one repository.
pub struct Gitea {
    /// The API: `https://HOST/api/v1`.
    pub api: String,
    /// The token of a user.
    pub token: Token,
    /// How pull requests are merged.
    pub method: MergeMethod,
    /// What our own budget is.
    pub allowance: Allowance,
}

impl Gitea {
    /// Signs in when the first request is sent. `remote` is the repository as git reaches it.
    #[must_use]
    pub fn connect(self, place: Place, mirror: Mirror, remote: Remote, clock: Arc<dyn Clock>) -> Arc<dyn Forge> {
        let transport = GiteaTransport::new(self.api.trim_end_matches('/'), self.token);
        let dialect = GiteaDialect { method: self.method };
        Arc::new(Hosted::new(dialect, Box::new(transport), (mirror, remote), place, self.allowance, clock))
    }
}

struct GiteaDialect {
    method: MergeMethod,
}

#[async_trait]
impl Dialect for GiteaDialect {
    fn prefix(&self) -> &'static str {
        "gitea"
    }

    fn list(&self, api: &Api, only_open: bool, page: u32) -> String {
        let state = if only_open { "open" } else { "all" };
        api.at(&format!("/pulls?state={state}&sort=recentupdate&limit={PER_PAGE}&page={page}"))
    }

    async fn of_branch(&self, api: &Api, branch: &str, main: &str) -> Result<Vec<Item>, ForgeError> {
        let answer = api.get(api.at(&format!("/pulls/{main}/{branch}"))).await?;
        match answer.status {
            404 => Ok(vec![]),
            _ => Ok(vec![answer.expect(&[200])?.json()?]),
        }
    }

    fn title<'a>(&self, item: &'a Item) -> &'a str {
        item.title.strip_prefix(DRAFT).unwrap_or(&item.title)
    }

    async fn open(&self, api: &Api, branch: &str, main: &str, text: &PullText) -> Result<Option<Item>, ForgeError> {
        let body = json!({ "title": title(text), "body": text.body, "head": branch, "base": main });
        let answer = api.send("POST", api.at("/pulls"), body).await?;
        if answer.status == 409 {
            return Ok(None);
        }
        answer.expect(&[201])?.json().map(Some)
    }

    async fn edit(&self, api: &Api, item: &Item, text: &PullText) -> Result<Item, ForgeError> {
        Ok(item.reword(api, &title(text), &text.body).await?.unwrap_or_else(|| item.clone()))
    }

    async fn label(&self, api: &Api, number: u64, labels: &[&str]) -> Result<(), ForgeError> {
        labels::give(api, number, labels).await
    }

    fn opinion(&self, state: &str, dismissed: bool) -> Opinion {
        match state {
            _ if dismissed => Opinion::Dismissed,
            "APPROVED" => Opinion::Approves,
            "REQUEST_CHANGES" => Opinion::Objects,
            _ => Opinion::None,
        }
    }

    async fn closer(&self, api: &Api, number: u64) -> Result<Option<String>, ForgeError> {
        #[derive(Deserialize)]
        struct Happened {
            #[serde(rename = "type")]
            kind: String,
            user: Option<Account>,
        }
        let path = |page| api.at(&format!("/issues/{number}/timeline?limit={PER_PAGE}&page={page}"));
        let happened: Vec<Happened> = api.all(path).await?;
        let closed = happened.into_iter().rev().find(|it| it.kind == "close");
        Ok(closed.and_then(|it| it.user).map(|account| account.login))
    }

    async fn queued(&self, _: &Api, _: &Item, _: &str) -> Result<bool, ForgeError> {
        Ok(false)
    }

    async fn merge(&self, api: &Api, item: &Item, ends: Ends, _: &str, message: &str) -> Result<Merged, ForgeError> {
        let (title, body) = message.split_once('\n').unwrap_or((message, ""));
        let body = json!({
            "Do": self.method.as_str(),
            "MergeTitleField": title,
            "MergeMessageField": body.trim(),
            "head_commit_id": ends.head.to_string(),
        });
        let path = api.at(&format!("/pulls/{}", item.number));
        let answer = api.send("POST", format!("{path}/merge"), body).await?;
        if answer.status == 405 && answer.says(UNSURE) {
            return Err(ForgeError::Unavailable(format!(
                "it has yet to find out whether {} can be merged",
                item.number
            )));
        }
        answer.expect(&[200])?;
        // Its answer is empty: by which commit is asked for.
        let merged: Item = api.get(path).await?.expect(&[200])?.json()?;
        match merged.outcome()? {
            PullState::Merged { commit } => Ok(Merged::By(commit)),
            _ => Err(ForgeError::Unavailable("it says that it merged, and shows no commit".to_owned())),
        }
    }

    async fn unmet(&self, api: &Api, main: &str, head: CommitId) -> Result<Vec<Unmet>, ForgeError> {
        checks::unmet(api, main, head).await
    }

    async fn report(&self, api: &Api, head: CommitId, report: &Report) -> Result<(), ForgeError> {
        report_status(api, head, report).await
    }

    async fn members(&self, api: &Api, organisation: &str, team: &str) -> Result<Vec<Account>, ForgeError> {
        #[derive(Deserialize)]
        struct Team {
            id: u64,
            name: String,
        }
        let list = |page| format!("/orgs/{organisation}/teams?limit={PER_PAGE}&page={page}");
        let first = api.get(list(1)).await?;
        let teams: Vec<Team> = if first.status == 404 { vec![] } else { api.all_from(first, list).await? };
        let Some(team) = teams.into_iter().find(|known| known.name.eq_ignore_ascii_case(team)) else {
            return Err(ForgeError::Refused("there is no such team, or our user may not see it".to_owned()));
        };
        api.all(|page| format!("/teams/{}/members?limit={PER_PAGE}&page={page}", team.id)).await
    }

    async fn remake(&self, _: &Api, _: &str, _: Option<CommitId>, _: Remake) -> Result<CommitId, ForgeError> {
        Err(ForgeError::Refused("this forge makes no commits".to_owned()))
    }

    fn remakes(&self) -> bool {
        false
    }
}

fn title(text: &PullText) -> String {
    if text.draft { format!("{DRAFT}{}", text.title) } else { text.title.clone() }
}
