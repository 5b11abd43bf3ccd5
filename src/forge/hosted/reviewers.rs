//! Asking owners of what changes to review it.

use std::collections::{BTreeSet, VecDeque};

use serde_json::json;

use super::{Dialect, Hosted, Item};
use crate::change::codeowners::Owner;
use crate::change::forge::{ForgeError, PullText};

/// The most owners that are asked to review one pull request, and the most calls that this may cost. All of them may
/// approve, whoever was asked.
const MOST_REVIEWERS: usize = 30;
const MOST_REQUESTS: usize = 12;

/// How long it is believed that somebody cannot be asked, in milliseconds: an hour.
const BELIEVED: i64 = 3_600_000;

impl<D: Dialect> Hosted<D> {
    /// Asks those to review who shall and were not asked yet. The forge forgets that it asked a team when one of it has
    /// reviewed, and asks nobody where one of several cannot be asked; so it is remembered here whom we asked.
    pub(super) async fn ask_for_reviews(&self, item: &Item, text: &PullText) -> Result<(), ForgeError> {
        let accounts = item.requested_reviewers.iter().flatten().map(|account| account.login.to_ascii_lowercase());
        let teams = item.requested_teams.iter().flatten().map(|team| team.slug.to_ascii_lowercase());
        let (accounts, teams): (BTreeSet<String>, BTreeSet<String>) = (accounts.collect(), teams.collect());
        let reviewers: BTreeSet<String> = {
            let known = self.known();
            let details = known.newest(&item.head.branch).and_then(|(_, details)| details);
            details.iter().flat_map(|details| &details.reviews).map(|review| review.by.name.clone()).collect()
        };
        let asked = self.asked.get(&item.number).unwrap_or_default();
        let is_new = |owner: &&Owner| match owner {
            Owner::User(login) => {
                !accounts.contains(&login.to_ascii_lowercase()) && !reviewers.contains(&self.person(login).name)
            }
            Owner::Team(team) => !teams.contains(&slug(team).to_ascii_lowercase()),
            Owner::Email(_) => false,
        };
        let is_to_ask = |owner: &&Owner| !asked.contains(*owner) && is_new(owner) && !self.is_unaskable(owner);
        let new: Vec<&Owner> = text.reviewers.iter().filter(is_to_ask).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.request_all(item.number, new, asked).await
    }

    /// Asks owners together, and those of whom one cannot be asked in halves, as often as that is worth it. Who was asked is
    /// remembered at once: a budget that ends here does not have it begin anew.
    async fn request_all(
        &self,
        number: u64,
        owners: Vec<&Owner>,
        mut asked: BTreeSet<Owner>,
    ) -> Result<(), ForgeError> {
        let mut waiting: VecDeque<&[&Owner]> = owners.chunks(MOST_REVIEWERS).take(1).collect();
        for _ in 0..MOST_REQUESTS {
            let Some(some) = waiting.pop_front() else { break };
            if !self.request(number, some).await? {
                if let [owner] = some {
                    self.unaskable.put((*owner).clone(), self.api.now());
                } else {
                    waiting.extend([&some[..some.len() / 2], &some[some.len() / 2..]]);
                    continue;
                }
            }
            asked.extend(some.iter().map(|owner| (*owner).clone()));
            self.asked.put(number, asked.clone());
        }
        asked.extend(owners.into_iter().cloned());
        self.asked.put(number, asked);
        Ok(())
    }

    /// Whether an owner could not be asked a short while ago, wherever that was.
    fn is_unaskable(&self, owner: &Owner) -> bool {
        let now = self.api.now();
        self.unaskable.get(owner).is_some_and(|at| (at..at.plus(BELIEVED)).contains(&now))
    }

    /// Asks people and teams to review; whether all of them could be asked. Source: GitHub REST API, "Review requests";
    /// Gitea has the same.
    async fn request(&self, number: u64, owners: &[&Owner]) -> Result<bool, ForgeError> {
        let users =
            owners.iter().filter_map(|owner| if let Owner::User(login) = owner { Some(login.as_str()) } else { None });
        let teams =
            owners.iter().filter_map(|owner| if let Owner::Team(team) = owner { Some(slug(team)) } else { None });
        let body = json!({ "reviewers": users.collect::<Vec<_>>(), "team_reviewers": teams.collect::<Vec<_>>() });
        let path = self.api.at(&format!("/pulls/{number}/requested_reviewers"));
        let answer = self.api.send("POST", path, body).await?;
        if matches!(answer.status, 404 | 422) {
            // Somebody named there may not review here, and that keeps nobody else from it.
            let why = answer.message();
            tracing::warn!(pull = number, ?owners, why, "not all code owners can be asked to review");
            return Ok(false);
        }
        answer.expect(&[201]).map(|_| true)
    }
}

/// A team without its organisation.
fn slug(team: &str) -> &str {
    team.rsplit('/').next().unwrap_or(team)
}
