//! Work that keeps a core busy, away from the threads that serve.

use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::Semaphore;

use super::problem::Problem;

/// The longest body that is understood on the spot, in bytes: looking through it for private keys takes a millisecond or
/// two at worst.
const SHORT: usize = 16 << 10;

/// Does work away from the threads that serve, when it is its turn; the turn lasts as long as the work, also when nobody
/// waits for it any more.
pub(super) async fn apart<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = Arc::clone(turns).acquire_owned().await.map_err(|error| Problem::internal(error.to_string()))?;
    let span = tracing::Span::current();
    let work = move || {
        let done = span.in_scope(work);
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(error.to_string()))?
}

/// Makes sense of a body: of a long one when it is its turn, away from the threads that serve.
pub(super) async fn understood<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    body: Bytes,
    work: impl FnOnce(&Bytes) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    if body.len() <= SHORT { work(&body) } else { apart(turns, move || work(&body)).await }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn long_bodies_are_understood_away_from_the_threads_that_serve() {
        let turns = Arc::new(Semaphore::new(1));
        for (length, here) in [(0, true), (SHORT, true), (SHORT + 1, false), (1 << 20, false)] {
            let done = understood(&turns, vec![b' '; length].into(), |_| Ok(thread::current().id())).await.unwrap();
            assert_eq!(done == thread::current().id(), here, "{length}");
        }
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_its_work() {
        let turns = Arc::new(Semaphore::new(1));
        let (started, go_on) = (channel(), channel::<()>());
        let work = move || {
            started.0.send(()).unwrap();
            go_on.1.recv().ok();
            Ok(())
        };
        let task = tokio::spawn({
            let turns = turns.clone();
            async move { apart(&turns, work).await }
        });
        tokio::task::spawn_blocking(move || started.1.recv().unwrap()).await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(turns.available_permits(), 0, "the work goes on");
        drop(go_on.0);
        apart(&turns, || Ok(())).await.unwrap();
    }
}
