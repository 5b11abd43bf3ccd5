//! Reading bodies: how long, how slow, and of which type they may be.

use std::future::Future;

use axum::body::{BodyDataStream, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use tokio_stream::StreamExt;

use super::api::Limits;
use super::place::Place;
use super::problem::{self, Problem};

/// The most parts of a multipart body.
const PARTS: usize = 16;

/// How much of a body that is too long is read and dropped before the answer, in bytes.
const DRAINED: usize = 16 << 20;

/// How long a refused request may take to send its body.
const DISCARD: std::time::Duration = std::time::Duration::from_secs(2);

/// Types of bundles.
pub(super) const YAML: [&str; 3] = ["application/yaml", "text/yaml", "application/x-yaml"];

/// Names of the one charset that is read.
const UTF_8: [&str; 2] = ["utf-8", "utf8"];

/// Byte order marks: the one of UTF-8 says nothing, those of UTF-16 say that nothing here can read it.
const MARK: &[u8] = b"\xef\xbb\xbf";
const FOREIGN_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The type of a body without its parameters, in lower case; none when it is not said. What is not sent as it is, or not
/// in UTF-8, is refused.
fn media_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if codings.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let problem = media("Send the body as it is: a Content-Encoding other than identity is not read.");
        return Err(problem.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let mut parts = value.split(';').map(str::trim);
    let kind = parts.next().map(str::to_ascii_lowercase);
    for (name, charset) in parts.filter_map(|parameter| parameter.split_once('=')) {
        let charset = charset.trim_matches('"');
        if name.eq_ignore_ascii_case("charset") && !UTF_8.iter().any(|known| charset.eq_ignore_ascii_case(known)) {
            return Err(media("Send UTF-8: a body in another charset is not read."));
        }
    }
    Ok(kind)
}

/// What was sent to write one resource.
#[derive(Debug)]
pub(super) struct Sent {
    /// The JSON.
    pub(super) json: Bytes,
    /// Whether a file came with it, which is gone.
    pub(super) file: bool,
}

/// The body of a write of one resource: JSON, or multipart with a file where that is `accepted`.
pub(super) async fn resource(request: Request, limits: &Limits, accepted: bool) -> Result<Sent, Problem> {
    match media_type(request.headers())?.as_deref() {
        Some("application/json") => Ok(Sent { json: whole(request, limits, limits.body).await?, file: false }),
        Some("multipart/form-data") if accepted => in_time(place_of(&request), limits, metadata(request, limits)).await,
        _ if accepted => Err(media("Send application/json, or multipart/form-data with a part called metadata.")),
        _ => Err(media("Send application/json.")),
    }
}

/// The text of a bundle.
pub(super) async fn bundle(request: Request, limits: &Limits) -> Result<Bytes, Problem> {
    match media_type(request.headers())? {
        Some(kind) if YAML.contains(&kind.as_str()) => {
            let bytes = whole(request, limits, limits.bundle).await?;
            if bytes.iter().all(u8::is_ascii_whitespace) {
                return Err(Problem::new(&problem::EMPTY_BODY, "The body is empty; send the documents of a bundle."));
            }
            Ok(bytes)
        }
        _ => Err(media("Send application/yaml.")),
    }
}

/// A body of JSON that may be left out.
pub(super) async fn optional(request: Request, limits: &Limits) -> Result<Option<Bytes>, Problem> {
    let kind = media_type(request.headers())?;
    let bytes = whole(request, limits, limits.body).await?;
    match kind.as_deref() {
        _ if bytes.is_empty() => Ok(None),
        Some("application/json") => Ok(Some(bytes)),
        _ => Err(media("Send application/json, or no body.")),
    }
}

/// The whole body as text, of at most `most` bytes.
async fn whole(request: Request, limits: &Limits, most: usize) -> Result<Bytes, Problem> {
    unmarked(raw(request, limits, most).await?)
}

/// The whole body as it was sent, of at most `most` bytes.
pub(super) async fn raw(request: Request, limits: &Limits, most: usize) -> Result<Bytes, Problem> {
    let place = place_of(&request);
    in_time(place.clone(), limits, async {
        let request = short(request, most).await?;
        let mut chunks = request.into_body().into_data_stream();
        let Some(first) = chunks.next().await else { return Ok(Bytes::new()) };
        let first = first.map_err(|_| broken())?;
        let mut rest: Vec<u8> = vec![];
        while let Some(chunk) = chunks.next().await {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&chunk.map_err(|_| broken())?);
            if rest.len() > most {
                drain(&mut chunks).await;
                return Err(too_large(most));
            }
            room(place.as_ref(), rest.len())?;
        }
        // Most bodies come in one piece, which is not copied.
        let bytes = if rest.is_empty() { first } else { rest.into() };
        if bytes.len() > most { Err(too_large(most)) } else { Ok(bytes) }
    })
    .await
}

/// A body without the byte order mark that some editors put before it.
fn unmarked(bytes: Bytes) -> Result<Bytes, Problem> {
    if FOREIGN_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        let detail = "The body begins with the byte order mark of UTF-16; send UTF-8.";
        return Err(Problem::new(&problem::NOT_TEXT, detail));
    }
    Ok(if bytes.starts_with(MARK) { bytes.slice(MARK.len()..) } else { bytes })
}

/// A request whose body does not say that it is longer than `most`.
async fn short(request: Request, most: usize) -> Result<Request, Problem> {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_none_or(|length: u64| length <= most as u64) {
        return Ok(request);
    }
    // Who waits to be told to go on has sent nothing yet.
    if !headers.contains_key(header::EXPECT) {
        drain(&mut request.into_body().into_data_stream()).await;
    }
    Err(too_large(most))
}

/// Takes the body of a request that is refused without looking at it: on a connection with an unread body no other
/// request gets through.
pub(super) async fn discard(request: Request) {
    if let Some(place) = place_of(&request) {
        place.leave();
    }
    _ = tokio::time::timeout(DISCARD, drain(&mut request.into_body().into_data_stream())).await;
}

/// Takes what is still being sent, up to a bound: a sender that is cut off may never see the answer.
async fn drain(chunks: &mut BodyDataStream) {
    let mut left = DRAINED;
    while let Some(Ok(chunk)) = chunks.next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

/// The part `metadata` of a multipart body. Files are read, counted and dropped, never kept.
async fn metadata(request: Request, limits: &Limits) -> Result<Sent, Problem> {
    let place = place_of(&request);
    let mut request = short(request, limits.multipart).await?;
    axum::extract::DefaultBodyLimit::max(limits.multipart).apply(&mut request);
    let most = limits.multipart;
    let fail = |error: axum::extract::multipart::MultipartError| {
        if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE { too_large(most) } else { malformed() }
    };
    let mut parts = Multipart::from_request(request, &()).await.map_err(|_| malformed())?;
    let (mut metadata, mut file): (Option<Vec<u8>>, _) = (None, false);
    for _ in 0..PARTS {
        let Some(mut part) = parts.next_field().await.map_err(fail)? else {
            let missing = "The part called metadata is missing: it holds the whole JSON body.";
            let metadata = metadata.ok_or_else(|| Problem::new(&problem::BAD_REQUEST, missing))?;
            return Ok(Sent { json: unmarked(metadata.into())?, file });
        };
        match part.name() {
            Some("file") => {
                file = true;
                while part.chunk().await.map_err(fail)?.is_some() {}
            }
            Some("metadata") if metadata.is_none() => {
                let mut text = vec![];
                while let Some(chunk) = part.chunk().await.map_err(fail)? {
                    text.extend_from_slice(&chunk);
                    if text.len() > limits.body {
                        return Err(too_large(limits.body));
                    }
                    room(place.as_ref(), text.len())?;
                }
                metadata = Some(text);
            }
            _ => {
                let detail = "Send one part called metadata with the JSON body, and parts called file.";
                return Err(Problem::new(&problem::BAD_REQUEST, detail));
            }
        }
    }
    Err(Problem::new(&problem::BAD_REQUEST, format!("A multipart body has at most {} parts.", PARTS - 1)))
}

/// The place that a request is worked on in.
fn place_of(request: &Request) -> Option<Place> {
    request.extensions().get().cloned()
}

/// Takes room for so much of a body.
fn room(place: Option<&Place>, bytes: usize) -> Result<(), Problem> {
    place.map_or(Ok(()), |place| place.hold(bytes))
}

/// Reads a body as long as the caller may take for it, without keeping a place meanwhile.
async fn in_time<T>(
    place: Option<Place>,
    limits: &Limits,
    read: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let late = |_| {
        let seconds = limits.patience.as_secs();
        Problem::new(&problem::TIMEOUT, format!("The body did not arrive within {seconds} seconds; send it again."))
    };
    let read = async { tokio::time::timeout(limits.patience, read).await.map_err(late)? };
    match place {
        Some(place) => place.wait(read).await,
        None => read.await,
    }
}

fn media(detail: &'static str) -> Problem {
    Problem::new(&problem::MEDIA_TYPE, detail)
}

fn too_large(most: usize) -> Problem {
    Problem::new(&problem::TOO_LARGE, format!("The body is longer than {most} bytes; send less at once."))
}

fn broken() -> Problem {
    Problem::new(&problem::BAD_REQUEST, "The body broke off; send it again.")
}

fn malformed() -> Problem {
    Problem::new(&problem::BAD_REQUEST, "The body is not multipart/form-data as its boundary says (RFC 7578).")
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
