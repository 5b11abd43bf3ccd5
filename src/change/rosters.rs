//! Who is in which team, asked of the forge now and then.

use std::collections::BTreeSet;

use super::forge::Forge;
use super::id::Timestamp;
use super::owning::{Team, Teams};
use super::recent::Recent;

/// How long an answer is believed, in milliseconds: three minutes.
const BELIEVED: i64 = 180_000;

/// How long it takes until a forge is asked again that did not answer, in milliseconds: one minute.
const PATIENCE: i64 = 60_000;

/// The most teams that are remembered, and the most that are asked for at once: each is a call, and others wait for their
/// turn.
const MOST: usize = 500;
const MOST_AT_ONCE: usize = 30;

/// The teams that were asked for, each with when.
pub(super) struct Rosters(Recent<String, (Timestamp, Team)>);

impl Default for Rosters {
    fn default() -> Self {
        Self(Recent::new(MOST))
    }
}

impl Rosters {
    /// What is known of `teams`. The forge is asked where nothing is known; and where what is known is old, if an
    /// approval `hangs` on it: for mere words that is good enough.
    pub(super) async fn of(&self, forge: &dyn Forge, teams: BTreeSet<String>, now: Timestamp, hangs: bool) -> Teams {
        let (mut known, mut asked) = (Teams::new(), 0);
        for team in teams {
            let members = match self.0.get(&team) {
                Some((at, members)) if is_good(at, &members, now, hangs) => members,
                Some((_, members)) if asked == MOST_AT_ONCE => members,
                None if asked == MOST_AT_ONCE => Team::Unknown("it is asked for a little later".to_owned()),
                _ => {
                    asked += 1;
                    let members = ask(forge, &team).await;
                    self.0.put(team.clone(), (now, members.clone()));
                    members
                }
            };
            known.insert(team, members);
        }
        known
    }
}

/// Whether what the forge said at a moment is good enough now; a clock that was set back makes everything old.
fn is_good(at: Timestamp, members: &Team, now: Timestamp, hangs: bool) -> bool {
    let lasts = match members {
        Team::Unknown(_) => PATIENCE,
        _ if hangs => BELIEVED,
        _ => return true,
    };
    (0..lasts).contains(&now.0.saturating_sub(at.0))
}

async fn ask(forge: &dyn Forge, team: &str) -> Team {
    match forge.members(team).await {
        Ok(members) => Team::Members(members),
        Err(error) => {
            tracing::warn!(team, %error, "who is in a team that owns paths is not known");
            Team::Unknown(error.to_string())
        }
    }
}
