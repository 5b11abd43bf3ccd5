//! What happens, as it happens: server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::wrappers::{BroadcastStream, WatchStream};

use super::api::Shared;
use super::auth::Caller;
use super::conditions;
use super::problem::{self, Problem};
use crate::change::{ChangeId, event};

/// How long a stream may be silent: proxies cut what is silent for longer, some after half a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What comes down a stream.
enum Item {
    /// The stream is open, though nothing has happened yet.
    Open,
    Happened(event::Event),
    /// The reader was too slow: so many events are gone.
    Lost(u64),
    Stop,
}

/// `GET /v2/events`
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let parameters = conditions::parameters(request.uri(), &["change"])?;
    let wrong = || Problem::new(&problem::UNKNOWN_PARAMETER, "change must be the id of a change.");
    let only = match conditions::value(&parameters, "change") {
        None => None,
        Some(text) => Some(ChangeId::parse(text).ok_or_else(wrong)?),
    };
    let place = shared.streams.take(caller.name())?;
    let open = shared.metrics.stream();
    // A reader that comes back has missed what happened meanwhile: nothing is kept for it.
    let missed = request.headers().contains_key("last-event-id").then_some(Item::Lost(0));
    let happenings = BroadcastStream::new(shared.desk.events()).map(|received| match received {
        Ok(event) => Item::Happened(event),
        Err(BroadcastStreamRecvError::Lagged(count)) => Item::Lost(count),
    });
    let stopping = WatchStream::new(shared.stopping.clone()).filter(|stop| *stop).map(|_| Item::Stop);
    // A token that is taken away takes its streams with it.
    let door = shared.door.clone();
    let gone = WatchStream::new(door.exchanges()).filter(move |()| !door.knows(&caller)).map(|()| Item::Stop);
    let ends = stopping.merge(gone);
    let items = tokio_stream::iter([Item::Open]).chain(tokio_stream::iter(missed)).chain(happenings.merge(ends));
    let events = items.take_while(|item| !matches!(item, Item::Stop)).filter_map(move |item| {
        // They live as long as the stream does.
        let _held = (&place, &open);
        tell(item, only.as_ref()).map(Ok::<_, Infallible>)
    });
    let alive = KeepAlive::new().interval(HEARTBEAT.min(shared.limits.patience / 2));
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

fn tell(item: Item, only: Option<&ChangeId>) -> Option<Event> {
    match item {
        Item::Open => Some(Event::default().comment("open")),
        Item::Happened(event) if only.is_none_or(|only| *only == event.change) => {
            let data = serde_json::json!({
                "seq": event.seq,
                "at": event.at.to_string(),
                "change": event.change,
                "state": event.state,
                "reason": event.reason,
            });
            Some(Event::default().id(event.seq.to_string()).event("change").data(data.to_string()))
        }
        Item::Lost(count) => {
            let data = serde_json::json!({"count": count, "remedy": "read /v2/changes to see where things stand"});
            Some(Event::default().event("lost").data(data.to_string()))
        }
        Item::Happened(_) | Item::Stop => None,
    }
}
