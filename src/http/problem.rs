//! Problems: what is answered when a request is not carried out (RFC 9457).

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::change::submission::{Cause, Refusal};
use crate::intent::{Violation, quoted};

/// Where the types of problems are named; nothing is fetched from there.
pub(super) const BASE: &str = "https://meshwright.dev/problems/";

/// The most faults that one answer lists.
const MOST_FAULTS: usize = 100;

/// What is said of every failure that passes by itself or is for others to mend.
const LATER_AGAIN: &str = "The server cannot do that now: send it again in a few seconds. While that does not help, GET \
    /readyz says which part of it does not work.";

/// A stable type of problem.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The last segment of its URI.
    pub(super) slug: &'static str,
    /// What it is, in a few words that never change.
    pub(super) title: &'static str,
    /// The status it is answered with.
    pub(super) status: StatusCode,
}

macro_rules! kinds {
    ($($name:ident = $slug:literal, $title:literal, $status:ident;)*) => {
        $(pub(super) static $name: Kind = Kind { slug: $slug, title: $title, status: StatusCode::$status };)*

        /// Every type of problem.
        pub(super) static ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    EMPTY_BODY = "empty-body", "The body is empty", BAD_REQUEST;
    BAD_REQUEST = "bad-request", "The request cannot be understood", BAD_REQUEST;
    INVALID = "invalid", "A rule is violated", BAD_REQUEST;
    INCOMPLETE = "incomplete", "The topology is not complete", BAD_REQUEST;
    UNKNOWN_PARAMETER = "unknown-parameter", "A query parameter is not known or not valid", BAD_REQUEST;
    UNAUTHENTICATED = "unauthenticated", "Credentials are needed", UNAUTHORIZED;
    FORBIDDEN = "forbidden", "A right is missing", FORBIDDEN;
    FOREIGN_ORIGIN = "foreign-origin", "The request comes from a foreign site", FORBIDDEN;
    NOT_FOUND = "not-found", "It does not exist", NOT_FOUND;
    METHOD = "method-not-allowed", "The method is not allowed here", METHOD_NOT_ALLOWED;
    TIMEOUT = "timeout", "The body did not arrive in time", REQUEST_TIMEOUT;
    EXISTS = "exists", "The name is taken", CONFLICT;
    HAS_CHILDREN = "has-children", "Something lives below it", CONFLICT;
    CONFLICT = "conflict", "It contradicts another intent", CONFLICT;
    UNREADABLE = "unreadable", "Its file on main cannot be read", CONFLICT;
    KEY_REUSED = "key-reused", "The idempotency key came with another request before", CONFLICT;
    WRONG_STATE = "wrong-state", "The change is not in a state that allows it", CONFLICT;
    PRECONDITION = "precondition", "The precondition does not hold", PRECONDITION_FAILED;
    TOO_LARGE = "too-large", "The body is too large", PAYLOAD_TOO_LARGE;
    URI_TOO_LONG = "uri-too-long", "The path and query are too long", URI_TOO_LONG;
    MEDIA_TYPE = "media-type", "The content type is not accepted here", UNSUPPORTED_MEDIA_TYPE;
    NOT_JSON = "not-json", "The body is not JSON", UNPROCESSABLE_ENTITY;
    NOT_TEXT = "not-text", "The body is not text", UNPROCESSABLE_ENTITY;
    RATE = "rate", "Too many requests", TOO_MANY_REQUESTS;
    INTERNAL = "internal", "Something broke here", INTERNAL_SERVER_ERROR;
    UNAVAILABLE = "unavailable", "Nothing can be accepted now", SERVICE_UNAVAILABLE;
    BUSY = "busy", "Too much is being done at once", SERVICE_UNAVAILABLE;
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    /// JSON pointer (RFC 6901) into the body; in a bundle it begins with the index of the document.
    pub(super) pointer: String,
    /// What is wrong and what to do.
    pub(super) message: String,
    /// Of a bundle: where the document would be posted, or the resource it declares, as far as that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<String>,
    /// Of a bundle: the line that is wrong, or else the one that its document begins on, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u32>,
    /// The other resource that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
}

impl Fault {
    /// A fault of the one body that was sent.
    pub(super) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), document: None, line: None, subject: None }
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::new(violation.pointer, violation.message)
    }
}

/// A problem on its way out. What stays inside is logged with the request id and never shown.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) kind: &'static Kind,
    pub(super) detail: Cow<'static, str>,
    pub(super) errors: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    inside: Option<String>,
    /// Whether what is inside is logged already, as a trouble that lasts.
    known: bool,
}

/// The form that is sent.
#[derive(Serialize)]
struct Shown<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
}

impl Problem {
    /// A problem with what is wrong and what to do about it.
    pub(super) fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), errors: vec![], headers: vec![], inside: None, known: false }
    }

    /// With everything that is wrong; of very much, the first and how many more.
    pub(super) fn with(mut self, mut errors: Vec<Fault>) -> Self {
        let more = errors.len().saturating_sub(MOST_FAULTS);
        errors.truncate(MOST_FAULTS);
        if more > 0 {
            errors.push(Fault::new("", format!("and {more} more, which are not listed; mend these first")));
        }
        self.errors = errors;
        self
    }

    /// With a header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// To be tried again after that many seconds.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A failure of ours; the cause goes to the log alone.
    pub(super) fn internal(cause: impl Into<String>) -> Self {
        let mut problem = Self::new(&INTERNAL, "The request was not carried out; the log has the cause by request id.");
        problem.inside = Some(cause.into());
        problem
    }

    /// Rules that a body breaks.
    pub(super) fn invalid(errors: Vec<Fault>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => sentence(&one.message),
            [one] => format!("{} {}", one.pointer, one.message),
            many => format!("{} rules are violated; {}", many.len(), listed(many.len())),
        };
        Self::new(&INVALID, detail).with(errors)
    }

    /// A path that leads nowhere.
    pub(super) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&NOT_FOUND, detail)
    }

    /// A refusal of the desk; `place` turns an obstacle's operation and pointer into a fault.
    pub(super) fn refused(refusal: Refusal, place: impl Fn(usize, Fault) -> Fault) -> Self {
        let kind = match refusal.cause {
            Cause::NotFound => &NOT_FOUND,
            Cause::Exists => &EXISTS,
            Cause::HasChildren => &HAS_CHILDREN,
            Cause::Conflict => &CONFLICT,
            Cause::Unreadable => &UNREADABLE,
            Cause::Invalid => &INVALID,
            Cause::Incomplete => &INCOMPLETE,
            Cause::Precondition => &PRECONDITION,
            Cause::KeyReused => &KEY_REUSED,
            Cause::WrongState => &WRONG_STATE,
            Cause::Forbidden => &FORBIDDEN,
            Cause::Unavailable => {
                let mut problem = Self::new(&UNAVAILABLE, LATER_AGAIN).retry_after(5);
                problem.inside = Some(refusal.to_string());
                return problem;
            }
        };
        let detail = match refusal.obstacles.as_slice() {
            [one] => sentence(&one.message),
            many => format!("{} things stand in the way; {}", many.len(), listed(many.len())),
        };
        let faults = refusal.obstacles.into_iter().map(|obstacle| {
            let subject = Some(obstacle.subject).filter(|subject| !subject.is_empty());
            place(obstacle.operation, Fault { subject, ..Fault::new(obstacle.pointer, obstacle.message) })
        });
        Self::new(kind, detail).with(faults.collect())
    }

    /// The same beside troubles that were logged when they began, each with its part: who asks again and again while
    /// one lasts does not fill the log.
    pub(super) fn beside(mut self, troubles: impl FnOnce() -> Vec<(&'static str, String)>) -> Self {
        self.known = self.inside.as_ref().is_some_and(|cause| troubles().iter().any(|(_, why)| why == cause));
        self
    }

    /// What it says, for an answer that does without what failed; a failure of ours is logged here, once.
    pub(super) fn into_detail(self) -> Cow<'static, str> {
        self.log(None, "a part of an answer could not be made");
        self.detail
    }

    /// Logs a failure of ours; the span says which request it is of.
    fn log(&self, instance: Option<&str>, words: &str) {
        let (Some(cause), problem) = (&self.inside, self.kind.slug) else { return };
        if self.known {
            tracing::debug!(instance, problem, cause, "{words}");
        } else {
            tracing::error!(instance, problem, cause, "{words}");
        }
    }

    /// The answer to `request`, which asked for `instance`; failures of ours are logged here, once.
    pub(super) fn render(self, instance: &str, request: &str) -> Response {
        let instance = &*quoted(instance);
        let server = self.kind.status.is_server_error();
        self.log(Some(instance), "a request failed");
        let shown = Shown {
            r#type: format!("{BASE}{}", self.kind.slug),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            instance,
            errors: &self.errors,
            request: server.then_some(request),
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&shown).unwrap_or_default()));
        *response.status_mut() = self.kind.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.headers);
        response
    }
}

/// What `errors` holds of so many faults.
fn listed(count: usize) -> String {
    if count > MOST_FAULTS {
        format!("`errors` lists the first {MOST_FAULTS}.")
    } else {
        "`errors` lists them all.".to_owned()
    }
}

/// A message as a sentence of its own; one that begins with a path keeps it as it is written.
fn sentence(message: &str) -> String {
    if message.split(' ').next().is_some_and(|word| word.contains('/')) {
        return message.to_owned();
    }
    let mut letters = message.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal, |_, fault| fault)
    }
}

impl IntoResponse for Problem {
    /// Leaves the problem to the edge, which knows the request it belongs to.
    fn into_response(self) -> Response {
        let mut response = self.kind.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The refusal of a method, with those that are allowed.
pub(super) fn not_allowed(allow: &'static str) -> Response {
    let mut response = Problem::new(&METHOD, format!("Here {allow} are allowed.")).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    async fn shown(problem: Problem) -> Value {
        let response = problem.render("/v2/x", "r-1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn a_problem_says_what_is_wrong_where_and_all_of_it() {
        let faults = vec![Fault::new("/spec/port", "must be 1 to 65535"), Fault::new("/spec/app", "is required")];
        assert_eq!(
            shown(Problem::invalid(faults)).await,
            json!({
                "type": "https://meshwright.dev/problems/invalid",
                "title": "A rule is violated",
                "status": 400,
                "detail": "2 rules are violated; `errors` lists them all.",
                "instance": "/v2/x",
                "errors": [
                    {"pointer": "/spec/port", "message": "must be 1 to 65535"},
                    {"pointer": "/spec/app", "message": "is required"},
                ],
            })
        );
    }

    #[tokio::test]
    async fn of_very_many_faults_the_first_are_listed_and_the_rest_counted() {
        let faults = (0..1000).map(|index| Fault::new(format!("/{index}"), "is wrong")).collect();
        let body = shown(Problem::invalid(faults)).await;
        let errors = body["errors"].as_array().unwrap();
        assert_eq!((errors.len(), &errors[99]["pointer"]), (101, &json!("/99")));
        assert!(errors[100]["message"].as_str().unwrap().starts_with("and 900 more"), "{}", errors[100]);
        assert_eq!(body["detail"], "1000 rules are violated; `errors` lists the first 100.");
    }

    #[tokio::test]
    async fn what_is_inside_stays_inside() {
        let refusal = Refusal::new(Cause::Unavailable, "", "SQLITE_FULL in /var/lib");
        let body = shown(refusal.into()).await;
        assert!(!body.to_string().contains("SQLITE"), "{body}");
        assert!(body["detail"].as_str().unwrap().contains("send it again in a few seconds"), "{body}");
        assert!(body["detail"].as_str().unwrap().contains("GET /readyz"), "{body}");
        assert_eq!((&body["status"], &body["requestId"]), (&json!(503), &json!("r-1")));
        let body = shown(Problem::internal("secret cause")).await;
        assert!(!body.to_string().contains("secret"), "{body}");
    }

    #[test]
    fn slugs_are_unique() {
        let slugs: std::collections::BTreeSet<_> = ALL.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), ALL.len());
    }
}
