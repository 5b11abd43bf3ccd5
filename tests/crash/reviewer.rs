//! Somebody who approves and merges what is proposed, and remembers having done so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;

use serde_json::Value;

use crate::process::{Client, Lost};

/// Changes as the server lists them, by identity.
pub(crate) type Changes = BTreeMap<String, Value>;

#[derive(Default)]
pub(crate) struct Reviewer {
    count: usize,
    /// The words of every approval that was sent, with the change they were about.
    pub(crate) sent: BTreeMap<String, String>,
    /// The words of those that were answered.
    pub(crate) given: BTreeSet<String>,
    /// The changes of which a merge was asked for.
    pub(crate) asked: BTreeSet<String>,
    /// The changes of which it was answered.
    pub(crate) merged: BTreeSet<String>,
}

impl Reviewer {
    /// Approves and merges, oldest first, until the server is gone or it has looked `looks` times.
    pub(crate) fn work(&mut self, client: &Client, looks: usize, begins: Option<&Sender<()>>) -> Result<(), Lost> {
        for _ in 0..looks {
            let proposed = list(client, "?state=proposed&limit=500")?;
            let approved = list(client, "?state=approved&limit=500")?;
            for id in approved.keys().chain(proposed.keys()) {
                begins.map(|begins| begins.send(()));
                self.approve(client, id)?;
                self.merge(client, id)?;
            }
        }
        Ok(())
    }

    fn approve(&mut self, client: &Client, id: &str) -> Result<(), Lost> {
        self.count += 1;
        let words = format!("approval {}", self.count);
        self.sent.insert(words.clone(), id.to_owned());
        let body = serde_json::json!({"comment": words}).to_string();
        let path = format!("/v2/changes/{id}/approve");
        let answer = client.send("POST", &path, &[], Some(("application/json", body.as_bytes())))?;
        match answer.status {
            200 => drop(self.given.insert(words)),
            409 => {}
            status => panic!("{path}: {status} {}", answer.body),
        }
        Ok(())
    }

    fn merge(&mut self, client: &Client, id: &str) -> Result<(), Lost> {
        self.asked.insert(id.to_owned());
        let path = format!("/v2/changes/{id}/merge");
        let answer = client.send("POST", &path, &[], None)?;
        match answer.status {
            200 => drop(self.merged.insert(id.to_owned())),
            409 => {}
            status => panic!("{path}: {status} {}", answer.body),
        }
        Ok(())
    }
}

/// All changes that `query` admits.
pub(crate) fn list(client: &Client, query: &str) -> Result<Changes, Lost> {
    let (mut found, mut after) = (Changes::new(), String::new());
    loop {
        let answer = client.send("GET", &format!("/v2/changes{query}{after}"), &[], None)?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        for change in page["changes"].as_array().unwrap() {
            found.insert(change["id"].as_str().unwrap().to_owned(), change.clone());
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(found),
        }
    }
}

/// What a change is found to be.
pub(crate) fn state(change: &Value) -> &str {
    change["state"].as_str().unwrap_or_default()
}
