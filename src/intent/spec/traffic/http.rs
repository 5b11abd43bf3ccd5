//! Timeouts, retries, faults, copies and cross-origin sharing, as a route of a VirtualService has them.
//!
//! Source of fields and rules: `networking/v1alpha3/virtual_service.proto`; `virtualservice.go`, `validateHTTPRoute`.

use serde_json::{Value, json};

use super::scalar::{COUNT, DURATION, FLAG, HEADER, HOST, LABEL, SECONDS, TEXT};
use crate::intent::fields::Fields;
use crate::intent::shape::{Field, Shape};
use crate::intent::spec::access_point::Method;

/// The smallest share of requests that a fault can hit, in percent.
const SMALLEST: f64 = 0.0001;

const RETRIES: Shape = Shape::Message(&[
    Field::new("attempts", "how often a request is tried again; 0 turns retries off", &COUNT).needed(),
    Field::new("perTryTimeout", "the longest one try may take", &DURATION),
    Field::new("retryOn", "after what, separated by commas", &RETRY_ON),
    Field::new("retryRemoteLocalities", "whether other localities are tried", &FLAG),
    Field::new("retryIgnorePreviousHosts", "whether hosts already tried are avoided", &FLAG),
    Field::new("backoff", "the shortest wait between tries", &DURATION),
]);

const RETRY_ON: Shape = Shape::Scalar(
    |value| {
        let known = |policy: &str| {
            RETRY_POLICIES.contains(&policy) || policy.parse::<u16>().is_ok_and(|status| (100..=599).contains(&status))
        };
        match value.as_str() {
            Some(text) if text.split(',').all(known) => Ok(value.clone()),
            _ => Err(format!(
                "must be of {} and statuses, separated by commas without spaces",
                RETRY_POLICIES.join(", ")
            )),
        }
    },
    || json!({"type": "string", "examples": ["5xx,reset"]}),
);

/// What Envoy can retry on (`validation.go`, `supportedRetryOnPolicies`).
const RETRY_POLICIES: [&str; 15] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "resource-exhausted",
    "unavailable",
];

const FAULT: Shape = Shape::Message(&[
    Field::new("delay", "a wait before the request goes on", &DELAY),
    Field::new("abort", "an error in place of the answer", &ABORT),
]);

const DELAY: Shape = Shape::Message(&[
    Field::new("fixedDelay", "how long", &DURATION).needed(),
    Field::new("percentage", "the share of requests; absent: all", &FAULT_SHARE),
    Field::new("percent", "older name of percentage, in whole percent", &Shape::Whole(0, 100)),
]);

const ABORT: Shape = Shape::Message(&[
    Field::new("httpStatus", "the status; either this or grpcStatus", &Shape::Whole(200, 599)),
    Field::new("grpcStatus", "the gRPC status by name", &GRPC_STATUS),
    Field::new("percentage", "the share of requests; absent: all", &FAULT_SHARE),
]);

const FAULT_SHARE: Shape = Shape::Message(&[Field::new("value", "percent", &Shape::Number(SMALLEST, 100.0)).needed()]);

const SHARE: Shape = Shape::Message(&[Field::new("value", "percent", &Shape::Number(0.0, 100.0)).needed()]);

/// Source: `google/rpc/code.proto`.
const GRPC_STATUS: Shape = Shape::OneOf(&[
    ("OK", &[]),
    ("CANCELLED", &[]),
    ("UNKNOWN", &[]),
    ("INVALID_ARGUMENT", &[]),
    ("DEADLINE_EXCEEDED", &[]),
    ("NOT_FOUND", &[]),
    ("ALREADY_EXISTS", &[]),
    ("PERMISSION_DENIED", &[]),
    ("RESOURCE_EXHAUSTED", &[]),
    ("FAILED_PRECONDITION", &[]),
    ("ABORTED", &[]),
    ("OUT_OF_RANGE", &[]),
    ("UNIMPLEMENTED", &[]),
    ("INTERNAL", &[]),
    ("UNAVAILABLE", &[]),
    ("DATA_LOSS", &[]),
    ("UNAUTHENTICATED", &[]),
]);

const MIRROR: Shape = Shape::Message(&[
    Field::new("host", "the full name of the service that gets copies; absent: this one", &HOST),
    Field::new("subset", "a subset of it", &LABEL),
    Field::new("port", "its port; absent: this one's", &PORT),
    Field::new("percentage", "the share of requests; absent: all", &SHARE),
]);

const PORT: Shape = Shape::Message(&[Field::new("number", "1 to 65535", &Shape::Whole(1, 65535)).needed()]);

const CORS: Shape = Shape::Message(&[
    Field::new("allowOrigins", "the origins, any of them", &Shape::List(&STRING_MATCH)),
    Field::new("allowOrigin", "older name of allowOrigins, whole", &Shape::List(&TEXT)),
    Field::new("allowMethods", "the methods", &Shape::List(&METHOD)),
    Field::new("allowHeaders", "the request headers", &Shape::List(&HEADER)),
    Field::new("exposeHeaders", "the response headers that scripts may read", &Shape::List(&HEADER)),
    Field::new("maxAge", "how long the answer to a preflight may be kept", &SECONDS),
    Field::new("allowCredentials", "whether credentials may be sent", &FLAG),
    Field::new("unmatchedPreflights", "what happens to preflights of other origins", &PREFLIGHTS),
]);

const STRING_MATCH: Shape = Shape::Message(&[
    Field::new("exact", "the whole text", &TEXT),
    Field::new("prefix", "its beginning", &TEXT),
    Field::new("regex", "an RE2 expression for the whole text", &TEXT),
]);

const METHOD: Shape = Shape::Scalar(
    |value| match value.as_str() {
        Some("*") => Ok(value.clone()),
        _ => <Method as crate::intent::fields::Scalar>::read(value).map(|method| method.as_str().into()),
    },
    <Method as crate::intent::fields::Scalar>::schema,
);

const PREFLIGHTS: Shape = Shape::OneOf(&[("FORWARD", &[]), ("IGNORE", &[])]);

/// What is done with requests on their way. The values are canonical JSON of Istio's messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Http {
    /// The longest an answer may take.
    pub timeout: Option<Value>,
    /// `HTTPRetry`.
    pub retries: Option<Value>,
    /// `HTTPFaultInjection`.
    pub fault: Option<Value>,
    /// `Destination`, its host absent where it is the server's own, with the `percentage` of copies.
    pub mirror: Option<Value>,
    /// `CorsPolicy`.
    pub cors: Option<Value>,
}

impl Http {
    pub(super) fn read(f: &mut Fields<'_>) -> Self {
        let timeout = f.shaped("timeout", "the longest an answer may take", &DURATION);
        let retries = f.shaped("retries", "how requests are tried again", &RETRIES);
        let fault = f.shaped("fault", "faults that are put in on purpose", &FAULT);
        let mirror = f.shaped("mirror", "where copies of requests go", &MIRROR);
        let cors = f.shaped("cors", "cross-origin sharing", &CORS);
        if let Some(retries) = &retries {
            let more =
                ["perTryTimeout", "retryOn", "retryRemoteLocalities"].iter().any(|name| retries.get(*name).is_some());
            if retries["attempts"] == 0 && more {
                f.violation("retries", "0 attempts turn retries off, and more is said about them");
            }
        }
        if let Some(mirror) = &mirror
            && mirror.get("host").is_none()
            && mirror.get("subset").is_none()
        {
            f.violation("mirror", "would copy requests to where they go anyway: name a host or a subset");
        }
        let fault = fault.map(|value| delayed(f, value));
        let cors = cors.map(|value| shared(f, value));
        Self { timeout, retries, fault, mirror, cors }
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Rule 57.
fn delayed(f: &mut Fields<'_>, mut value: Value) -> Value {
    if let Some(abort) = value.get("abort")
        && abort.get("httpStatus").is_some() == abort.get("grpcStatus").is_some()
    {
        f.violation("fault/abort", "needs exactly one of httpStatus and grpcStatus");
    }
    let delay = value.get_mut("delay").and_then(Value::as_object_mut);
    if let Some((delay, percent)) =
        delay.and_then(|delay| delay.shift_remove("percent").map(|percent| (delay, percent)))
    {
        if delay.contains_key("percentage") {
            f.violation("fault/delay/percent", "is the older name of percentage; keep that");
        } else if percent == 0 {
            f.violation("fault/delay/percent", "delays nothing; leave the delay out");
        } else {
            delay.insert("percentage".to_owned(), json!({ "value": percent }));
        }
    }
    value
}

/// Rule 62.
fn shared(f: &mut Fields<'_>, mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut()
        && let Some(origins) = map.shift_remove("allowOrigin")
    {
        if map.contains_key("allowOrigins") {
            f.violation("cors/allowOrigin", "is the older name of allowOrigins; keep that");
        }
        let exact = |origin: &Value| {
            // It stood for every origin, which an exact text does not.
            if origin == "*" { json!({ "regex": ".*" }) } else { json!({ "exact": origin }) }
        };
        let origins: Vec<Value> = origins.as_array().into_iter().flatten().map(exact).collect();
        map.insert("allowOrigins".to_owned(), origins.into());
    }
    for (at, origin) in value["allowOrigins"].as_array().into_iter().flatten().enumerate() {
        if origin.as_object().is_none_or(|map| map.len() != 1) {
            f.violation(&format!("cors/allowOrigins/{at}"), "needs exactly one of exact, prefix and regex");
        }
    }
    value
}
