//! What is said of the worker when it starts and when it is told to stop.

use std::time::Duration;

use meshwright::change::State;

use crate::desk::{PATIENT, TIMING, eventually, open_with, stop};

const BODY: &str = r#"{"metadata": {"name": "one"}}"#;

/// On one thread nothing was looked at yet when the start gives its parts.
#[tokio::test]
async fn the_worker_is_starting_until_it_has_looked_at_everything_once() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    let readiness = house.parts.readiness();
    let worker = || readiness.parts().into_iter().find(|part| part.name == "worker").unwrap().fault;
    assert_eq!((readiness.is_ready(), worker().as_deref()), (false, Some("starting")));
    eventually(|| if readiness.is_ready() { Ok(()) } else { Err(readiness.parts()) }).await;
    assert_eq!(worker(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_stop_takes_writes_and_leaves_them_to_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await;
    let readiness = house.parts.readiness();
    eventually(|| if readiness.is_ready() { Ok(()) } else { Err(readiness.parts()) }).await;
    house.desk().stop();
    let change = house.put("projects/one", BODY).await.unwrap().change.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.desk().change(&change).unwrap().state, State::Journaled);
    assert_eq!(house.desk().troubles(), [("worker", "the server is stopping".to_owned())]);
    drop(readiness);
    stop(house).await;
    let house = open_with(data.path(), TIMING).await;
    house.until(&change, State::Proposed).await;
    stop(house).await;
}
