//! What sinks are told: events in the JSON format of CloudEvents 1.0 (`cloudevents/formats/json-format.md`, "Envelope").

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::cut::cut;
use super::id::Timestamp;
use super::record::{Change, State};
use super::rollout::Stage;

/// What the type of every event begins with.
const DOMAIN: &str = "dev.meshwright";
/// The longest reason that is told, in bytes; all of it is shown where the change or the part is.
const LONGEST_REASON: usize = 4096;
/// The most projects of a change that are named.
const MOST_PROJECTS: usize = 100;

/// An event for sinks; it never becomes another, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Its place among all, from 1; never given twice.
    pub number: u64,
    /// When it came to be.
    pub at: Timestamp,
    /// What it is about: a change, or all parts of the server. Those about one thing are sent in their order.
    pub subject: String,
    /// The event, as JSON.
    pub document: Arc<str>,
}

/// An announcement that was not taken by all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The event.
    pub announcement: Arc<Announcement>,
    /// The names of the sinks that have yet to take it.
    pub awaited_by: BTreeSet<String>,
}

/// A part of the server, and why it does not work, if so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The name of the part.
    pub name: String,
    /// Why it does not work.
    pub fault: Option<String>,
}

/// Something that happened to a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Happened<'a> {
    pub(super) change: &'a Change,
    pub(super) what: What,
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// It came into another state, or is there for another reason; the state that it was in before, if there was one.
    State(Option<State>),
    /// Since it was merged it came so far.
    Rollout(Stage),
}

/// What makes an announcement one of its kind.
pub(super) struct Stamp<'a> {
    /// Who announces: a URI reference.
    pub(super) source: &'a str,
    pub(super) number: u64,
    pub(super) at: Timestamp,
}

impl Stamp<'_> {
    /// Something happened to a change.
    pub(super) fn change(&self, happened: Happened<'_>) -> Announcement {
        let change = happened.change;
        let (kind, previous) = match happened.what {
            What::State(previous) => (change.state.as_str(), previous),
            What::Rollout(stage) => (stage.as_str(), None),
        };
        let mut data = Map::new();
        data.insert("change".into(), change.id.as_str().into());
        data.insert("state".into(), change.state.as_str().into());
        if let Some(previous) = previous {
            data.insert("previous".into(), previous.as_str().into());
        }
        if let Some(reason) = &change.reason {
            data.insert("reason".into(), cut(reason.clone(), LONGEST_REASON).into());
        }
        if let Some(pull) = change.pull {
            data.insert("pull".into(), pull.into());
        }
        let projects: Vec<&str> = change.projects().into_iter().flatten().collect();
        data.insert("projects".into(), projects.iter().take(MOST_PROJECTS).copied().collect());
        if projects.len() > MOST_PROJECTS {
            data.insert("moreProjects".into(), (projects.len() - MOST_PROJECTS).into());
        }
        self.put(&format!("change.{kind}"), Some(change.id.as_str()), data.into())
    }

    /// The parts are like this.
    pub(super) fn readiness(&self, parts: &[Health]) -> Announcement {
        let shown: Vec<Value> = parts
            .iter()
            .map(|part| match &part.fault {
                Some(reason) => {
                    json!({"name": part.name, "ready": false, "reason": cut(reason.clone(), LONGEST_REASON)})
                }
                None => json!({"name": part.name, "ready": true}),
            })
            .collect();
        let ready = parts.iter().all(|part| part.fault.is_none());
        self.put("readiness", None, json!({"ready": ready, "parts": shown}))
    }

    fn put(&self, kind: &str, subject: Option<&str>, data: Value) -> Announcement {
        let mut event = Map::new();
        event.insert("specversion".into(), "1.0".into());
        // The moment too: a journal that was lost counts from 1 again.
        event.insert("id".into(), format!("{:x}-{}", self.at.0, self.number).into());
        event.insert("source".into(), self.source.into());
        event.insert("type".into(), format!("{DOMAIN}.{kind}").into());
        if let Some(subject) = subject {
            event.insert("subject".into(), subject.into());
        }
        event.insert("time".into(), self.at.to_string().into());
        event.insert("datacontenttype".into(), "application/json".into());
        event.insert("data".into(), data);
        Announcement {
            number: self.number,
            at: self.at,
            subject: subject.unwrap_or(kind).to_owned(),
            document: Value::Object(event).to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::id::{ChangeId, Group};
    use super::*;
    use crate::intent::Anchor;

    const STAMP: Stamp<'_> = Stamp { source: "https://mesh.example", number: 7, at: Timestamp(951_782_400_000) };

    fn change(projects: usize) -> Change {
        let group = |n| Group::natural(&Anchor::parse(&format!("projects/p{n:03}")).unwrap());
        let mut groups: BTreeSet<Group> = (0..projects).map(group).collect();
        groups.insert(Group::natural(&Anchor::parse("cluster-providers/gke").unwrap()));
        Change::new(ChangeId::parse("abcdef012345").unwrap(), groups, Timestamp(1))
    }

    fn into(change: &Change, previous: Option<State>) -> Happened<'_> {
        Happened { change, what: What::State(previous) }
    }

    #[test]
    fn what_a_merged_change_has_come_to_is_the_type_of_its_event() {
        let mut change = change(1);
        change.state = State::Merged;
        let event = STAMP.change(Happened { change: &change, what: What::Rollout(Stage::Live) });
        let document: Value = serde_json::from_str(&event.document).unwrap();
        assert_eq!(document["type"], "dev.meshwright.change.live");
        assert_eq!(document["data"], json!({"change": "abcdef012345", "state": "merged", "projects": ["p000"]}));
    }

    #[test]
    fn a_change_of_state_is_an_event_of_cloudevents_1_0() {
        let mut change = change(1);
        (change.state, change.reason, change.pull) = (State::ChangesRequested, Some("a \"word\"".to_owned()), Some(12));
        let event = STAMP.change(into(&change, Some(State::Proposed)));
        assert_eq!((event.number, event.at, event.subject.as_str()), (7, STAMP.at, "abcdef012345"));
        let expected = json!({
            "specversion": "1.0",
            "id": "dd9aa6e000-7",
            "source": "https://mesh.example",
            "type": "dev.meshwright.change.changes-requested",
            "subject": "abcdef012345",
            "time": "2000-02-29T00:00:00.000Z",
            "datacontenttype": "application/json",
            "data": {
                "change": "abcdef012345",
                "state": "changes-requested",
                "previous": "proposed",
                "reason": "a \"word\"",
                "pull": 12,
                "projects": ["p000"],
            },
        });
        assert_eq!(serde_json::from_str::<Value>(&event.document).unwrap(), expected);
    }

    #[test]
    fn the_page_about_configuration_shows_such_an_event() {
        let page = include_str!("../../docs/configuration.md");
        let shown = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let stamp = Stamp { source: "https://meshwright.example", number: 42, at: Timestamp(1_795_330_245_678) };
        let shop = Group::natural(&Anchor::parse("projects/shop").unwrap());
        let id = ChangeId::parse("5c1e0f3b9a27").unwrap();
        let mut change = Change::new(id, BTreeSet::from([shop]), Timestamp(1));
        (change.state, change.pull) = (State::Proposed, Some(12));
        let event = stamp.change(into(&change, Some(State::Planned)));
        let [shown, made] = [shown, &event.document].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(shown, made);
    }

    #[test]
    fn readiness_is_an_event_with_the_reasons_of_what_does_not_work() {
        let part = |name: &str, fault: Option<&str>| Health { name: name.into(), fault: fault.map(Into::into) };
        let event = STAMP.readiness(&[part("journal", None), part("forge", Some("away"))]);
        let read: Value = serde_json::from_str(&event.document).unwrap();
        assert_eq!(read["type"], "dev.meshwright.readiness");
        assert!(read.get("subject").is_none() && event.subject == "readiness");
        let parts = json!([{"name": "journal", "ready": true}, {"name": "forge", "ready": false, "reason": "away"}]);
        assert_eq!(read["data"], json!({"ready": false, "parts": parts}));
        let all = STAMP.readiness(&[part("journal", None)]);
        assert!(all.document.contains("\"ready\":true,\"parts\""), "{}", all.document);
    }

    #[test]
    fn however_much_there_is_to_say_an_event_stays_short() {
        let mut change = change(5000);
        change.reason = Some("ä".repeat(100_000));
        let event = STAMP.change(into(&change, None));
        assert!(event.document.len() < 8192, "{}", event.document.len());
        let read: Value = serde_json::from_str(&event.document).unwrap();
        assert_eq!(read["data"]["projects"].as_array().unwrap().len(), MOST_PROJECTS);
        assert_eq!(read["data"]["moreProjects"], 4900);
        assert!(read["data"]["reason"].as_str().unwrap().ends_with('…') && read["data"].get("previous").is_none());
    }
}
