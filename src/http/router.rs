//! Routes, and serving them.

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api::{Api, Shared};
use super::auth::Caller;
use super::connection::{Bounded, Work};
use super::problem::{self, Problem};
use super::routes::STEPS;
use super::{access, bundles, changes, edge, events, health, tree, webhooks};

/// The routes of the API over `api`.
pub fn router(api: Api) -> Router {
    // Nobody stops a router by itself: its sender is gone.
    let (_, stopping) = watch::channel(false);
    routes(Shared::new(api, stopping))
}

fn routes(shared: Arc<Shared>) -> Router {
    let mut router = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(health::document))
        .route("/docs", get(health::docs))
        .route("/docs/", get(health::docs))
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/v2/bundles", post(bundles::apply))
        .route("/v2/plan", post(bundles::plan))
        .route("/v2/changes", get(changes::list))
        .route("/v2/changes/{id}", get(changes::show))
        .route("/v2/changes/{id}/diff", get(changes::show_diff))
        .route("/v2/changes/{id}/access", get(changes::show_access))
        .route("/v2/events", get(events::stream))
        .route("/v2/access", get(access::may))
        .route("/v2/graph", get(access::graph))
        .route("/v2/webhooks/{forge}", post(webhooks::receive))
        .route("/v2/{*path}", any(tree::handle));
    for (_, path, step) in STEPS {
        let take = move |State(shared),
                         Extension(caller): Extension<Caller>,
                         Path(id): Path<String>,
                         request: Request| { changes::take(step, shared, caller, id, request) };
        router = router.route(path, post(take));
    }
    router
        .method_not_allowed_fallback(other_method)
        .fallback(nowhere)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), edge::pass))
        .with_state(shared)
}

async fn other_method() -> Response {
    Problem::new(&problem::METHOD, "The header Allow names the methods that are allowed here.").into_response()
}

async fn nowhere() -> Problem {
    Problem::not_found("The path leads nowhere; GET /openapi.json describes those that lead somewhere.")
}

/// Counts what happens to changes.
async fn count(shared: Arc<Shared>) {
    let mut events = shared.desk.events();
    shared.metrics.begin(&shared.desk.view());
    loop {
        match events.recv().await {
            Ok(event) => {
                if let Some(change) = shared.desk.view().changes.get(&event.change) {
                    shared.metrics.came(&event, change);
                }
            }
            // Some went by uncounted.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves the API on `listener` until `shutdown` is ready; then requests that came in are answered, event streams end,
/// and what is not done by the moment that `shutdown` gives is cut.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    shutdown: impl Future<Output = Instant> + Send + 'static,
) -> io::Result<()> {
    let limits = api.limits.clone();
    let (stop, stopping) = watch::channel(false);
    let (tell, told) = oneshot::channel();
    let bounded = Bounded::new(listener, limits.connections, limits.patience);
    let shared = Shared::new(api, stopping);
    let _counting = AbortOnDrop(tokio::spawn(count(Arc::clone(&shared))));
    let service = routes(shared).into_make_service_with_connect_info::<Work>();
    let begin = async move {
        let by = shutdown.await;
        _ = stop.send(true);
        _ = tell.send(by);
    };
    let cut = async move {
        match told.await {
            Ok(by) => tokio::time::sleep_until(by).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        done = axum::serve(bounded, service).with_graceful_shutdown(begin) => done,
        () = cut => {
            tracing::warn!("requests were cut that took longer than `timing.shutdown`");
            Ok(())
        }
    }
}
