//! Values as they are stored, and back.

use std::sync::Arc;

use crate::change::person::Person;
use crate::change::{Change, ChangeId, Timestamp, Verb, Write};
use crate::intent::{Anchor, Resource};

/// A write as it is read from its row.
pub(super) struct WriteRow {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) change: String,
    pub(super) anchor: String,
    pub(super) verb: String,
    pub(super) body: Option<String>,
    pub(super) requester: String,
}

/// The word for a verb and the body that goes with it, as compact JSON.
pub(super) fn verb(verb: &Verb) -> (&'static str, Option<String>) {
    match verb {
        Verb::Put(resource) => ("put", Some(body(resource))),
        Verb::Delete => ("delete", None),
        Verb::Terminate => ("terminate", None),
        Verb::Instantiate => ("instantiate", None),
    }
}

fn body(resource: &Resource) -> String {
    // Most resources have no state, and their text is at hand.
    match resource.state.to_value() {
        None => resource.body().to_string(),
        Some(_) => resource.to_value().to_string(),
    }
}

/// A value as compact JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

/// A place or counter as the database takes it.
pub(super) fn integer(number: u64) -> Result<i64, String> {
    i64::try_from(number).map_err(|_| format!("{number} is no place in a journal"))
}

/// A place or counter as the database gave it.
pub(super) fn number(integer: i64) -> Result<u64, String> {
    u64::try_from(integer).map_err(|_| format!("{integer} is no place in a journal"))
}

impl WriteRow {
    /// The write; its resource is read anew, so that it is what this version understands of the body.
    pub(super) fn read(self) -> Result<Write, String> {
        let failed = |why: String| format!("write {} to `{}`: {why}", self.seq, self.anchor);
        let anchor = Anchor::parse(&self.anchor).map_err(failed)?;
        let requester: Person =
            serde_json::from_str(&self.requester).map_err(|error| failed(format!("requester: {error}")))?;
        let verb = match (self.verb.as_str(), &self.body) {
            ("put", Some(body)) => Verb::Put(Arc::new(resource(&anchor, body).map_err(failed)?)),
            ("delete", None) => Verb::Delete,
            ("terminate", None) => Verb::Terminate,
            ("instantiate", None) => Verb::Instantiate,
            (verb, _) => return Err(failed(format!("this version knows no such `{verb}`"))),
        };
        let change = ChangeId::parse(&self.change).ok_or_else(|| failed(format!("`{}` is no change", self.change)))?;
        Ok(Write { seq: number(self.seq)?, at: Timestamp(self.at), change, anchor, verb, requester })
    }
}

fn resource(anchor: &Anchor, body: &str) -> Result<Resource, String> {
    let value = serde_json::from_str(body).map_err(|error| format!("body: {error}"))?;
    let resource = Resource::read(anchor.parent().as_ref(), anchor.kind(), &value).map_err(|violations| {
        let words: Vec<_> = violations.iter().map(|found| format!("{} {}", found.pointer, found.message)).collect();
        format!("this version cannot read the body: {}", words.join("; "))
    })?;
    if resource.anchor() != anchor {
        return Err(format!("the body is that of `{}`", resource.anchor()));
    }
    Ok(resource)
}

/// The change of a row.
pub(super) fn change(id: &str, record: &str) -> Result<Change, String> {
    serde_json::from_str(record).map_err(|error| format!("change {id}: {error}"))
}
