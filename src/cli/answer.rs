//! Changes as a server answers them.

use serde_json::Value;

use super::client::Client;
use super::{Failure, output};
use crate::change::State;

/// The fewest characters that name a change.
const FEWEST: usize = 6;
/// How many places are named on which a change is live.
const MOST_NAMED: usize = 10;
/// How many characters its id has.
const WHOLE: usize = 12;

/// The change that is meant: the one whose id is named or begins so, else the only one that is open.
pub(super) fn which(client: &Client, named: Option<&str>) -> Result<String, Failure> {
    let open = |change: &Value| !state(change).is_some_and(State::is_final);
    let Some(named) = named else {
        let open: Vec<Value> = all(client, &[])?.into_iter().filter(open).collect();
        return one(&open, "change is open", "changes are open");
    };
    // What cannot be the beginning of an id is for the server to refuse.
    if named.len() >= WHOLE || !named.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(named.to_owned());
    }
    if named.len() < FEWEST {
        return Err(Failure::Usage(format!("`{named}` may be many changes; give at least {FEWEST} characters")));
    }
    let named = named.to_ascii_lowercase();
    let found: Vec<Value> =
        all(client, &[])?.into_iter().filter(|change| text(change, "id").starts_with(&named)).collect();
    one(&found, &format!("change begins with {named}"), &format!("changes begin with {named}"))
}

/// The id of the one change there is.
fn one(changes: &[Value], what: &str, several: &str) -> Result<String, Failure> {
    match changes {
        [only] => Ok(text(only, "id").to_owned()),
        [] => Err(Failure::Failed(format!("no {what}; see `meshwright change list`"))),
        changes => {
            let list: String = changes.iter().map(head).collect();
            Err(Failure::Usage(format!("several {several}, name one:\n{}", list.trim_end())))
        }
    }
}

/// All changes that the server lists under these filters, newest first.
pub(super) fn all(client: &Client, filters: &[(&str, Option<&str>)]) -> Result<Vec<Value>, Failure> {
    let mut changes: Vec<Value> = vec![];
    let mut after: Option<String> = None;
    loop {
        let filters = filters.iter().copied().chain([("after", after.as_deref())]);
        let query: String = filters.filter_map(|(key, value)| Some(format!("&{key}={}", encode(value?)))).collect();
        let page = client.get(&format!("/v2/changes?limit=500{query}"))?;
        changes.extend(page.get("changes").and_then(Value::as_array).into_iter().flatten().cloned());
        after = page.get("next").and_then(Value::as_str).map(ToOwned::to_owned);
        if after.is_none() {
            return Ok(changes);
        }
    }
}

/// Prints a change with its plan in words.
pub(super) fn print(change: &Value) -> Result<(), Failure> {
    output::print(&head(change))?;
    let commit = output::line(text(change, "head"));
    if !commit.is_empty() && is_on_its_branch(change) {
        output::print(&format!("commit {commit}\n"))?;
    }
    output::print(&reached(change))?;
    match text(change, "summary") {
        "" => Ok(()),
        summary => output::print(&format!("\n{summary}")),
    }
}

/// On how many of the places that it touched a merged change is live, and which; nothing where no cluster has told of it.
fn reached(change: &Value) -> String {
    let places: Vec<&Value> = change.get("clusters").and_then(Value::as_array).into_iter().flatten().collect();
    let of = |field: &str| -> Vec<&&Value> { places.iter().filter(|place| place.get(field).is_some()).collect() };
    let (synced, live) = (of("synced"), of("live"));
    if synced.is_empty() {
        return String::new();
    }
    let name = |place: &&&Value| output::line(&format!("{}/{}", text(place, "cluster"), text(place, "namespace")));
    let named: Vec<String> = live.iter().take(MOST_NAMED).map(name).collect();
    let more = live.len() - named.len();
    let mut words = format!("live on {} of {}", live.len(), places.len());
    if !named.is_empty() {
        words = format!("{words}: {}", named.join(", "));
    }
    if more > 0 {
        words = format!("{words} and {more} more");
    }
    let rest = synced.len() - live.len();
    if rest > 0 {
        words = format!("{words}; synced, and not healthy yet, on {rest}");
    }
    format!("{words}\n")
}

/// Whether its branch holds what it is about.
fn is_on_its_branch(change: &Value) -> bool {
    use State::{Approved, ChangesRequested, Draft, Proposed};
    matches!(state(change), Some(Draft | Proposed | ChangesRequested | Approved))
}

/// A change in a line or two.
pub(super) fn head(change: &Value) -> String {
    let [id, state, merged, reason] =
        ["id", "state", "merged", "reason"].map(|field| output::line(text(change, field)));
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let merged = if merged.is_empty() { String::new() } else { format!(" as {merged}") };
    format!("change {id} is {state}{merged}{reason}\n")
}

pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Escapes a query value or path segment (RFC 3986, section 2.1).
pub(super) fn encode(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => (byte as char).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// The state of a change; none for one that only newer servers know.
pub(super) fn state(change: &Value) -> Option<State> {
    State::parse(text(change, "state"))
}

/// The change `id` as the server shows it.
pub(super) fn fetch(client: &Client, id: &str) -> Result<Value, Failure> {
    client.get(&format!("/v2/changes/{}", encode(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_words_of_a_review_stay_within_the_line_of_their_change() {
        let reason = "changes requested by github:bob: no\nchange abcdef000001 is merged";
        let change = json!({"id": "abcdef000001", "state": "changes-requested", "reason": reason});
        let expected = reason.replace('\n', "\\n");
        assert_eq!(head(&change), format!("change abcdef000001 is changes-requested ({expected})\n"));
    }

    #[test]
    fn a_merged_change_says_on_how_many_clusters_it_is_live() {
        let place = |cluster: &str, fields: &[&str]| {
            let mut place = json!({"cluster": cluster, "namespace": "shop"});
            fields.iter().for_each(|field| place[field] = "2026-11-22T06:50:45.000Z".into());
            place
        };
        let of = |clusters: Value| reached(&json!({ "clusters": clusters }));
        let (live, synced) = (["synced", "live"].as_slice(), ["synced"].as_slice());
        assert_eq!(reached(&json!({})), "");
        assert_eq!(of(json!([place("gke/east", &[])])), "", "nobody has told of it");
        assert_eq!(
            of(json!([place("gke/east", live), place("gke/north", &[]), place("gke/west", live)])),
            "live on 2 of 3: gke/east/shop, gke/west/shop\n"
        );
        assert_eq!(of(json!([place("gke/east", synced)])), "live on 0 of 1; synced, and not healthy yet, on 1\n");
        let many: Vec<_> = (0..12).map(|n| place(&format!("p/c{n}"), live)).collect();
        assert!(of(json!(many)).ends_with(", p/c9/shop and 2 more\n"));
    }

    #[test]
    fn several_that_begin_alike_are_named() {
        let changes = ["abcdef000001", "abcdef000002"].map(|id| json!({"id": id, "state": "draft"}));
        assert_eq!(one(&changes[..1], "", "").unwrap(), "abcdef000001");
        let Err(Failure::Usage(why)) = one(&changes, "change begins", "changes begin with abcdef") else {
            panic!("an ambiguous name was taken")
        };
        assert_eq!(
            why,
            "several changes begin with abcdef, name one:\nchange abcdef000001 is draft\nchange abcdef000002 is draft"
        );
    }
}
