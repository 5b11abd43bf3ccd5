//! Starting while the forge is away, and what a forge shows while a plugin is.

use std::sync::Arc;

use meshwright::boot::{Parts, Stores, SystemClock};
use meshwright::change::State;

use crate::desk::{MINIMAL, TIMING, eventually, open_configured, stop};
use crate::double::{Double, Fault, Match, Pull};
use crate::home::{ALL, As, Home};

const PROJECT: &str = r#"{"metadata": {"name": "one"}}"#;

/// The forge answers nothing but that it is overloaded.
fn break_down(double: &Double) {
    double.fault(Match("", ""), Fault::Status(503), usize::MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_taken_while_the_forge_is_away_and_what_the_journal_lost_is_taken_over_when_it_is_back() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let home = Home::new(kind).await;
        let one = home.house.put("projects/one", PROJECT).await.unwrap().change.unwrap();
        home.house.until(&one, State::Proposed).await;
        let (double, config) = home.close().await;
        let journal = config.data.join("journal.db");
        let backup = std::fs::read(&journal).unwrap();
        let house = open_configured(&config, TIMING).await;
        let lost = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
        house.until(&lost, State::Proposed).await;
        stop(house).await;
        std::fs::write(&journal, backup).unwrap();

        break_down(&double);
        let house = open_configured(&config, TIMING).await;
        assert!(house.desk().view().changes.contains_key(&one) && !house.desk().view().changes.contains_key(&lost));
        let written = house.put("projects/two", &PROJECT.replace("one", "two")).await.unwrap().change.unwrap();
        eventually(|| house.desk().troubles().into_iter().find(|(part, _)| *part == "forge").ok_or("nothing is told"))
            .await;
        assert_eq!(double.pulls().len(), 2, "{kind:?}: nothing can have been opened");

        double.mend();
        house.until(&written, State::Proposed).await;
        let adopted = house.until(&lost, State::Proposed).await;
        assert_eq!((adopted.pull, double.pulls().len()), (Some(2), 3), "{kind:?}");
        eventually(|| if house.desk().troubles().is_empty() { Ok(()) } else { Err(house.desk().troubles()) }).await;
        stop(house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_knew_its_forge_does_not_start_without_it() {
    let home = Home::new(As::GitHubUser).await;
    let (double, config) = home.close().await;
    break_down(&double);
    let clock: Arc<dyn meshwright::change::Clock> = Arc::new(SystemClock);
    let stores = Stores::open(&config, &clock).unwrap();
    let refused = Parts::start(stores, clock, TIMING).await.err().unwrap().to_string();
    assert!(refused.contains("503"), "{refused}");
}

/// Whether the report on the head of a pull request is that all is well, and what it is called.
fn report(home: &Home, pull: &Pull) -> Option<(bool, String)> {
    let (state, head) = (home.double.lock(), pull.head.to_string());
    let status = state.statuses.get(&(head, "meshwright/plan".to_owned())).cloned();
    let run = || {
        let run = state.runs.iter().rfind(|run| run.head == pull.head)?;
        Some((run.conclusion.clone()?, run.output["title"].as_str()?.to_owned()))
    };
    status.or_else(run).map(|(conclusion, title)| (conclusion == "success", title))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_held_back_while_a_plugin_is_away_and_its_check_says_so() {
    for kind in ALL {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let listed = "plugins: [{name: np, version: '1', kinds: [clients]}]\n";
        home.commit("main", "meshwright.yaml", &format!("renderer: 1\napprovals: 1\n{listed}"));
        let blocked = home.house.until(&id, State::Blocked).await;
        assert!(blocked.reason.as_ref().unwrap().contains("the plugin np is reached nowhere"), "{kind:?}");
        let held = home.until_pull(pull.number, |pull| pull.draft).await;
        assert_eq!((held.head, held.title, held.body), (pull.head, pull.title.clone(), pull.body.clone()), "{kind:?}");
        eventually(|| {
            let told = report(&home, &pull);
            told.clone().filter(|(passed, title)| !passed && title.contains("waits for the answer of np")).ok_or(told)
        })
        .await;
        home.commit("main", "meshwright.yaml", "renderer: 1\napprovals: 1\n");
        home.house.until(&id, State::Proposed).await;
        let back = home.until_pull(pull.number, |pull| !pull.draft).await;
        eventually(|| report(&home, &back).filter(|(passed, _)| *passed).ok_or_else(|| report(&home, &back))).await;
    }
}
