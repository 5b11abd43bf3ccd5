//! GitHub, on github.com and on Enterprise servers.

mod checks;
mod commits;
mod merging;
mod pulls;
mod transport;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::hosted::{Account, Allowance, Api, Dialect, Hosted, Item, MergeMethod, Opinion, PER_PAGE, Place, Remake};
use crate::change::clock::Clock;
use crate::change::forge::{Ends, Forge, ForgeError, Merged, PullText, Reaction, Report, Unmet};
use crate::change::id::Timestamp;
use crate::repo::{CommitId, Mirror, Remote};
use checks::{Reported, Rules};
use transport::GitHubTransport;
pub use transport::Identity;

/// How commits come to GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Commits {
    /// By a push, signed with our key where one is configured.
    #[default]
    Pushed,
    /// Made by GitHub, which signs them and shows them as verified.
    Made,
}

/// How long the rules of a branch are believed, in milliseconds.
const BELIEVED: i64 = 300_000;

/// GitHub as the forge of one repository.
pub struct GitHub {
    /// The REST interface: `https://api.github.com`, or `https://HOST/api/v3`.
    pub api: String,
    /// Whom it knows us as.
    pub identity: Identity,
    /// How pull requests are merged.
    pub method: MergeMethod,
    /// How commits come there.
    pub commits: Commits,
    /// What our own budget is.
    pub allowance: Allowance,
}

impl GitHub {
    /// Signs in when the first request is sent. `remote` is the repository as git reaches it.
    ///
    /// # Errors
    /// What of the configuration cannot be used.
    pub fn connect(
        self,
        place: Place,
        mirror: Mirror,
        remote: Remote,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Forge>, String> {
        let base = self.api.trim_end_matches('/');
        // An Enterprise server has GraphQL beside its REST interface (GitHub Enterprise Server Docs, "Forming calls with
        // GraphQL").
        let graph = base.strip_suffix("/v3").unwrap_or(base);
        let transport = GitHubTransport::new(base, graph, self.identity.clone(), &place.repository)?;
        let dialect = GitHubDialect {
            identity: self.identity,
            method: self.method,
            commits: self.commits,
            rules: Mutex::default(),
            reported: Reported::default(),
        };
        let hosted = Hosted::new(dialect, Box::new(transport), (mirror, remote), place, self.allowance, clock);
        Ok(Arc::new(hosted))
    }
}

struct GitHubDialect {
    identity: Identity,
    method: MergeMethod,
    commits: Commits,
    /// The rules of main, and until when they are believed.
    rules: Mutex<Option<(Rules, Timestamp)>>,
    reported: Reported,
}

impl GitHubDialect {
    /// What main requires.
    async fn rules(&self, api: &Api, main: &str) -> Result<Rules, ForgeError> {
        let lock = || self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let now = api.now();
        let known = lock().clone();
        if let Some((rules, _)) = known.filter(|(_, until)| now < *until) {
            return Ok(rules);
        }
        let rules = checks::rules(api, main).await?;
        *lock() = Some((rules.clone(), now.plus(BELIEVED)));
        Ok(rules)
    }
}

#[async_trait]
impl Dialect for GitHubDialect {
    fn prefix(&self) -> &'static str {
        "github"
    }

    fn list(&self, api: &Api, only_open: bool, page: u32) -> String {
        let state = if only_open { "open" } else { "all" };
        api.at(&format!("/pulls?state={state}&sort=updated&direction=desc&per_page={PER_PAGE}&page={page}"))
    }

    async fn of_branch(&self, api: &Api, branch: &str, main: &str) -> Result<Vec<Item>, ForgeError> {
        let owner = api.repository.split('/').next().unwrap_or_default();
        api.all(|page| {
            api.at(&format!("/pulls?state=all&head={owner}:{branch}&base={main}&per_page={PER_PAGE}&page={page}"))
        })
        .await
    }

    fn title<'a>(&self, item: &'a Item) -> &'a str {
        &item.title
    }

    async fn open(&self, api: &Api, branch: &str, main: &str, text: &PullText) -> Result<Option<Item>, ForgeError> {
        pulls::open(api, branch, main, text).await
    }

    async fn edit(&self, api: &Api, item: &Item, text: &PullText) -> Result<Item, ForgeError> {
        pulls::edit(api, item, text).await
    }

    async fn label(&self, api: &Api, number: u64, labels: &[&str]) -> Result<(), ForgeError> {
        let path = api.at(&format!("/issues/{number}/labels"));
        api.send("POST", path, json!({ "labels": labels })).await?.expect(&[200]).map(drop)
    }

    fn opinion(&self, state: &str, _: bool) -> Opinion {
        match state {
            "APPROVED" => Opinion::Approves,
            "CHANGES_REQUESTED" => Opinion::Objects,
            "DISMISSED" => Opinion::Dismissed,
            _ => Opinion::None,
        }
    }

    async fn closer(&self, api: &Api, number: u64) -> Result<Option<String>, ForgeError> {
        #[derive(Deserialize)]
        struct Issue {
            closed_by: Option<Account>,
        }
        let issue: Issue = api.get(api.at(&format!("/issues/{number}"))).await?.expect(&[200])?.json()?;
        Ok(issue.closed_by.map(|account| account.login))
    }

    async fn queued(&self, api: &Api, item: &Item, main: &str) -> Result<bool, ForgeError> {
        Ok(self.rules(api, main).await?.queue && merging::is_queued(api, item).await?)
    }

    async fn merge(&self, api: &Api, item: &Item, ends: Ends, main: &str, message: &str) -> Result<Merged, ForgeError> {
        if self.rules(api, main).await?.queue {
            merging::enqueue(api, item, ends.head).await
        } else {
            merging::merge(api, item, ends.head, self.method, message).await
        }
    }

    async fn unmet(&self, api: &Api, main: &str, head: CommitId) -> Result<Vec<Unmet>, ForgeError> {
        let rules = self.rules(api, main).await?;
        checks::unmet(api, &rules, head).await
    }

    async fn report(&self, api: &Api, head: CommitId, report: &Report) -> Result<(), ForgeError> {
        self.reported.report(api, head, report, matches!(self.identity, Identity::App { .. })).await
    }

    async fn react(&self, api: &Api, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        let content = match reaction {
            Reaction::Done => "+1",
            Reaction::Refused => "-1",
        };
        let path = api.at(&format!("/issues/comments/{comment}/reactions"));
        api.send("POST", path, json!({ "content": content })).await?.expect(&[200, 201]).map(drop)
    }

    async fn members(&self, api: &Api, team: &str) -> Result<Option<BTreeSet<String>>, ForgeError> {
        let Some((organisation, slug)) = team.split_once('/') else { return Ok(None) };
        let path = |page| format!("/orgs/{organisation}/teams/{slug}/members?per_page={PER_PAGE}&page={page}");
        if api.get(path(1)).await?.status == 404 {
            return Ok(None);
        }
        let members: Vec<Account> = api.all(path).await?;
        Ok(Some(members.into_iter().map(|account| account.login).collect()))
    }

    async fn request(&self, api: &Api, item: &Item, logins: &[String], teams: &[String]) -> Result<(), ForgeError> {
        let path = api.at(&format!("/pulls/{}/requested_reviewers", item.number));
        let body = json!({ "reviewers": logins, "team_reviewers": teams });
        let answer = api.send("POST", path, body).await?;
        if answer.status == 422 {
            // Somebody named there may not review here, and that keeps nobody else from it.
            tracing::warn!(pull = item.number, why = answer.message(), "not all code owners could be asked to review");
            return Ok(());
        }
        answer.expect(&[201]).map(drop)
    }

    async fn remake(
        &self,
        api: &Api,
        branch: &str,
        expected: Option<CommitId>,
        commit: Remake,
    ) -> Result<Option<CommitId>, ForgeError> {
        commits::make(api, branch, expected, commit).await.map(Some)
    }

    fn remakes(&self) -> bool {
        self.commits == Commits::Made
    }
}
