//! Keeping the repository tidy, off every path that somebody waits on.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::change::State;
use crate::change::event::Event;
use crate::repo::Mirror;

/// After how many merges the repository is looked at. A merge leaves a few dozen loose objects, so that some hundred of
/// them are worth packing.
const EVERY: usize = 32;

/// Tidies `mirror` after every so many merges, for as long as there are events. A failure is logged and costs nothing but
/// space.
pub(super) async fn after_merges(events: Receiver<Event>, mirror: Mirror) {
    every(events, EVERY, move || {
        let mirror = mirror.clone();
        // On a thread of its own: the runtime would wait for one of its own when it stops.
        let started = std::thread::Builder::new().name("tidy".into()).spawn(move || match mirror.tidy() {
            Ok(()) => tracing::debug!("the repository is tidy"),
            Err(error) => tracing::warn!(%error, "the repository could not be tidied; it works as it is"),
        });
        if let Err(error) = started {
            tracing::warn!(%error, "there is no thread to tidy the repository");
        }
    })
    .await;
}

async fn every(mut events: Receiver<Event>, count: usize, work: impl Fn()) {
    let mut merged = 0;
    loop {
        match events.recv().await {
            Ok(event) if event.state == State::Merged => {
                merged += 1;
                if merged % count == 0 {
                    work();
                }
            }
            // Who missed some counts a little late.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::change::{ChangeId, Timestamp};

    #[tokio::test]
    async fn only_merges_count() {
        let (sender, events) = tokio::sync::broadcast::channel(100);
        let change = ChangeId::parse("abcdef012345").unwrap();
        for seq in 1..=20 {
            let state = if seq % 2 == 0 { State::Merged } else { State::Approved };
            let event = Event { seq, at: Timestamp(0), change: change.clone(), state, reason: None };
            sender.send(event).unwrap();
        }
        drop(sender);
        let worked = Cell::new(0);
        every(events, 4, || worked.set(worked.get() + 1)).await;
        assert_eq!(worked.get(), 2, "of ten merges");
    }
}
