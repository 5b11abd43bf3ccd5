//! What listeners are told.

use meshwright::change::{Event, State};
use tokio::sync::broadcast::Receiver;

use crate::desk::{PATIENT, open_with};

/// The events up to the first that `last` is true of.
async fn until(events: &mut Receiver<Event>, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut told = vec![];
    while !told.last().is_some_and(&last) {
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), events.recv());
        told.push(next.await.unwrap().unwrap());
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_and_what_is_taken_over_at_the_intake_is_told_in_order() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    let mut events = house.desk().events();
    let body = |name: &str| format!(r#"{{"metadata": {{"name": "{name}"}}}}"#);
    let first = house.put("projects/one", &body("one")).await.unwrap().change.unwrap();
    // Of two that began in one millisecond nobody knows which came first.
    house.until(&first, State::Draft).await;
    let second = house.put("projects/two", &body("two")).await.unwrap().change.unwrap();
    house.until(&second, State::Draft).await;
    let both = "anchor: projects\nmetadata: {name: one, description: x}\n---\nanchor: projects\nmetadata: {name: two, description: x}\n";
    house.post_bundle(both).await.unwrap();
    let told = until(&mut events, |event| event.state == State::Superseded).await;
    assert!(told.iter().map(|event| event.seq).eq(1..=told.len() as u64), "{told:?}");
    for id in [&first, &second] {
        let states: Vec<_> = told.iter().filter(|event| event.change == *id).map(|event| event.state).collect();
        assert_eq!(states[0], State::Journaled);
        assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "nothing is told twice: {states:?}");
    }
    let reason = told.last().unwrap().reason.as_ref().unwrap();
    assert!(reason.contains(first.as_str()), "{reason}");
}
