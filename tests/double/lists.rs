//! Pages of lists.

use std::sync::LazyLock;

use serde_json::Value;

use super::call::{Call, Reply};

/// One page of a list, with the header that names the next.
pub(crate) fn page(call: &Call, all: &[Value], most: usize) -> Reply {
    let number = |name: &str| call.query(name).parse::<usize>().ok();
    let size = number("per_page").or_else(|| number("limit")).unwrap_or(30).clamp(1, most);
    let page = number("page").unwrap_or(1).max(1);
    let from = ((page - 1) * size).min(all.len());
    let to = (from + size).min(all.len());
    let mut reply = Reply::ok(Value::Array(all[from..to].to_vec()));
    if to < all.len() {
        let next = format!("<https://forge.example{}?page={}>; rel=\"next\"", call.path, page + 1);
        reply.headers.push(("link", next));
    }
    reply
}

/// A count as a moment: each is a second after the one before, the first is when the tests began.
pub(crate) fn moment(tick: u64) -> String {
    static BEGIN: LazyLock<u64> = LazyLock::new(super::server::now);
    let seconds = i64::try_from(*BEGIN + tick).unwrap();
    chrono::DateTime::from_timestamp(seconds, 0).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
