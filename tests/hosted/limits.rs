//! How often a forge is asked, and what happens when it does not want to be asked more.

use std::time::Duration;

use meshwright::change::{State, Timing};

use crate::desk::{TIMING, eventually};
use crate::double::{Fault, Match, Seen, Verdict};
use crate::home::{As, Home};

/// Without being told, nobody looks again while a test runs.
const QUIET: Timing = Timing { settle: 300, ready_after: 1500, poll: 3_600_000 };

fn shown(calls: &[Seen]) -> String {
    calls.iter().map(|call| format!("\n  {call}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_500_intents_in_one_group_costs_at_most_8_calls() {
    for kind in [As::GitHubApp, As::GitHubUser, As::GiteaUser] {
        let home = Home::with(kind, QUIET, &[]).await;
        home.started().await;
        let mut ids = vec![];
        for n in 0..500 {
            let body = format!(r#"{{"metadata": {{"name": "c{n}"}}}}"#);
            let path = if n == 0 { "projects/shop".into() } else { format!("projects/shop/logical-clouds/c{n}") };
            let body = if n == 0 { r#"{"metadata": {"name": "shop"}}"#.to_owned() } else { body };
            ids.push(home.house.put(&path, &body).await.unwrap().change.unwrap());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        home.house.until(&ids[0], State::Proposed).await;
        let calls = home.double.calls();
        println!(
            "{kind:?}: {} calls for 500 intents, {:.3} per intent{}",
            calls.len(),
            calls.len() as f64 / 500.0,
            shown(&calls)
        );
        assert!(calls.len() <= 8, "{kind:?}: {}", shown(&calls));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_closes_for_a_while_is_left_alone_and_nothing_is_lost() {
    for (kind, fault) in [
        (As::GitHubApp, Fault::Secondary(1)),
        (As::GitHubUser, Fault::Primary(0)),
        (As::GiteaUser, Fault::Secondary(1)),
    ] {
        let home = Home::with(kind, TIMING, &[]).await;
        home.double.fault(Match("POST", "/pulls"), fault, 2);
        let (_, pull) = home.proposed().await;
        assert!(pull.open);
        home.house.until_trouble(|troubles| troubles.is_empty()).await;
        let calls = home.double.calls();
        let opened = calls.iter().filter(|call| call.method == "POST" && call.path.ends_with("/pulls"));
        assert_eq!(opened.count(), 3, "{}", shown(&calls));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_groups_stay_within_the_budget_and_all_arrive() {
    let mut home = Home::with(As::GitHubApp, Timing { settle: 10, ready_after: 10, poll: 100 }, &[]).await;
    // A minute and an hour as on github.com; the double counts by itself, and refuses what is above.
    (home.config.forge.budget.minute, home.config.forge.budget.hour) = (80, 500);
    home.double.set(|settings| settings.limit = Some([80, 500]));
    let home = home.restart(false).await;
    home.started().await;
    let mut ids = vec![];
    for n in 0..200 {
        let body = format!(r#"{{"metadata": {{"name": "p{n}"}}}}"#);
        ids.push(home.house.put(&format!("projects/p{n}"), &body).await.unwrap().change.unwrap());
    }
    let all = |state: State| ids.iter().filter(|id| home.house.change(id).state == state).count();
    // What one minute allows is done, and then it waits without asking.
    eventually(|| {
        let writes = home.double.lock().calls.iter().filter(|call| call.writes()).count();
        if writes >= 80 { Ok(()) } else { Err((writes, all(State::Proposed))) }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let calls = home.double.lock().calls.clone();
    let writes = calls.iter().filter(|call| call.writes()).count();
    assert_eq!(writes, 80, "{} calls", calls.len());
    assert!(calls.iter().all(|call| call.status != 403), "{}", shown(&calls));
    assert!(home.house.desk().troubles().is_empty(), "who keeps to a limit is well");
    assert!(all(State::Proposed) >= 20, "{}", all(State::Proposed));
    // Minutes and hours pass at our clock and at that of the forge.
    home.double.set(|settings| settings.limit = None);
    eventually(|| {
        home.house.pass_time();
        home.house.desk().happened(None);
        let proposed = all(State::Proposed);
        if proposed == ids.len() { Ok(()) } else { Err(proposed) }
    })
    .await;
    let calls = home.double.calls();
    let pulls = home.double.pulls();
    println!(
        "{} calls for 200 groups, {} of them writes",
        calls.len(),
        calls.iter().filter(|call| call.writes()).count()
    );
    assert_eq!(pulls.len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn main_is_followed_while_the_api_takes_no_requests() {
    let home = Home::new(As::GitHubUser).await;
    home.started().await;
    let in_an_hour = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 3600;
    home.double.fault(Match("", ""), Fault::Primary(in_an_hour), usize::MAX);
    let main = home.commit("main", "README.md", "elsewhere\n");
    home.house.until_main(|base| base.commit == Some(main)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_it_was_costs_nothing_and_looks_keep_a_distance() {
    let timing = Timing { settle: 500, poll: 3_600_000, ..TIMING };
    let home = Home::with(As::GitHubUser, timing, &[]).await;
    home.double.set(|settings| settings.required = vec!["ci/check".into()]);
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.desk().happened(None);
    home.house.until_change(&id, |change| change.reason.as_ref().is_some_and(|it| it.contains("ci/check"))).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    home.double.calls();
    for _ in 0..100 {
        home.house.desk().happened(None);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let calls = home.double.calls();
    let looks = calls.iter().filter(|call| call.path.ends_with("/pulls")).count();
    assert!((1..=5).contains(&looks), "{looks} looks");
    let costly: Vec<_> = calls.iter().filter(|call| call.status != 304).map(ToString::to_string).collect();
    assert_eq!(costly, [""; 0], "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_names_a_moment_far_away_is_asked_again_when_its_limits_can_have_ended() {
    let home = Home::new(As::GitHubUser).await;
    home.started().await;
    home.double.fault(Match("", ""), Fault::Primary(99_999_999_999), 1);
    let id = home.house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    eventually(|| if home.double.lock().faults.is_spent() { Ok(()) } else { Err("nothing was asked") }).await;
    (0..3).for_each(|_| home.house.pass_time());
    home.house.until(&id, State::Proposed).await;
}
