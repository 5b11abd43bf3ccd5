//! Who may call what, and what there is to call.

use std::num::NonZeroU16;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::api::Shared;
use super::conditions;
use super::problem::{self, Problem};
use crate::query;
use crate::review::{Question, VISIBLE};

/// The parameters of a question.
pub(super) const PARAMETERS: [&str; 8] = ["from", "to", "method", "path", "host", "port", "cluster", "ip"];

/// `GET /v2/access`
pub(super) async fn may(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let parameters = conditions::parameters(request.uri(), &PARAMETERS)?;
    let value = |name| conditions::value(&parameters, name).filter(|value| !value.is_empty());
    let wrong = |detail: &str| Problem::new(&problem::UNKNOWN_PARAMETER, detail.to_owned());
    let question = value("to").and_then(Question::about);
    let mut question =
        question.ok_or_else(|| wrong("to must name a service as `namespace/service`, such as to=shop/cartservice."))?;
    let text = |name| value(name).map(str::to_owned);
    let port = value("port").map(str::parse::<NonZeroU16>).transpose();
    let ip = value("ip").map(str::parse).transpose();
    question.port = port
        .map(|port| port.map(NonZeroU16::get))
        .map_err(|_| wrong("port must be a port of the service, 1 to 65535."))?;
    question.cluster = text("cluster");
    if let Some(from) = value("from") {
        question = question.of_caller(from).ok_or_else(|| {
            wrong("from must be `namespace/service-account` or a whole identity; without it the caller has none.")
        })?;
    }
    question.request.from.ip = ip.map_err(|_| wrong("ip must be the IP address of the caller."))?;
    question.request.method = text("method");
    question.request.path = text("path");
    question.request.host = text("host");
    if let Some((parameter, why)) = question.fault() {
        return Err(wrong(&format!("{parameter}: {why}")));
    }
    let answers = shared.plan(move |shared| Ok(shared.desk.may(&question)?)).await?;
    Ok(Json(json!({"answers": answers, "visible": VISIBLE})).into_response())
}

/// `GET /v2/graph`
pub(super) async fn graph(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let parameters = conditions::parameters(request.uri(), &["namespace"])?;
    let namespace = conditions::value(&parameters, "namespace").map(str::to_owned);
    let graph = shared.plan(move |shared| Ok(query::graph(&shared.desk.view(), namespace.as_deref()))).await?;
    Ok(Json(graph).into_response())
}
