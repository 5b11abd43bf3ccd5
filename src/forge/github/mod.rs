//! GitHub, on github.com and on Enterprise servers.

mod checks;
mod commits;
mod installation;
mod merging;
mod pulls;
mod transport;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::hosted::{Account, Allowance, Api, Dialect, Hosted, Item, MergeMethod, Opinion, PER_PAGE, Place, Remake};
use crate::change::clock::Clock;
use crate::change::forge::{Ends, Forge, ForgeError, Merged, PullText, Report, Unmet};
use crate::change::id::Timestamp;
use crate::repo::{CommitId, Mirror, Remote};
use checks::Rules;
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
        let transport = GitHubTransport::new(base, graph, self.identity.clone(), &place.repository, clock.clone())?;
        let dialect = GitHubDialect {
            identity: self.identity,
            method: self.method,
            commits: self.commits,
            rules: Mutex::default(),
            repository: OnceCell::new(),
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
    /// The name of the repository in GraphQL.
    repository: OnceCell<String>,
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

    /// The name of the repository in GraphQL.
    async fn repository(&self, api: &Api) -> Result<&str, ForgeError> {
        self.repository.get_or_try_init(|| commits::repository(api)).await.map(String::as_str)
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
        checks::report(api, head, report, matches!(self.identity, Identity::App { .. })).await
    }

    async fn members(&self, api: &Api, organisation: &str, team: &str) -> Result<Vec<Account>, ForgeError> {
        let path = |page| format!("/orgs/{organisation}/teams/{team}/members?per_page={PER_PAGE}&page={page}");
        let first = api.get(path(1)).await?;
        if first.status == 404 {
            let why = "there is no such team, or it may not be seen: grant members: read in the organisation";
            return Err(ForgeError::Refused(why.to_owned()));
        }
        api.all_from(first, path).await
    }

    async fn remake(
        &self,
        api: &Api,
        branch: &str,
        expected: Option<CommitId>,
        commit: Remake,
    ) -> Result<CommitId, ForgeError> {
        commits::make(api, self.repository(api).await?, branch, expected, commit).await
    }

    fn remakes(&self) -> bool {
        self.commits == Commits::Made
    }
}
