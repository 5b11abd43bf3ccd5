//! A caller that writes, knows what it was promised, and finds it again after every restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;

use serde_json::Value;

use crate::mesh;
use crate::process::{Answer, Client, Lost};
use crate::random::Random;

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// Resources by path, as they were written.
pub(crate) type Resources = BTreeMap<String, Value>;

/// A write: what is sent, and what it makes of each resource.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: String,
    body: Option<(&'static str, String)>,
    key: Option<String>,
    effect: Vec<(String, Option<Value>)>,
}

/// A write with an `Idempotency-Key`, and the answer to it.
struct Keyed {
    request: Request,
    answer: Answer,
}

/// One caller; nobody else writes to its places.
pub(crate) struct Writer {
    number: usize,
    random: Random,
    places: Vec<String>,
    version: u64,
    /// What was promised.
    pub(crate) known: Resources,
    /// The one write whose answer was lost: it may have been done, all of it or nothing.
    lost: Option<Request>,
    keyed: Vec<Keyed>,
    /// The changes that its writes were said to belong to.
    pub(crate) changes: BTreeSet<String>,
    /// How many writes were promised.
    pub(crate) promised: usize,
}

impl Writer {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        Self {
            number,
            random: Random::new(seed),
            places: mesh::places(number),
            version: 0,
            known: Resources::new(),
            lost: None,
            keyed: vec![],
            changes: BTreeSet::new(),
            promised: 0,
        }
    }

    /// Looks for what was promised, then writes until the server is gone or `most` writes are done.
    pub(crate) fn work(&mut self, client: &Client, most: usize, begins: Option<&Sender<()>>) -> Result<(), Lost> {
        self.find(client)?;
        begins.map(|begins| begins.send(()));
        for _ in 0..most {
            match self.random.below(12) {
                0 => self.repeat(client)?,
                1 => self.put_together(client)?,
                2 => self.say_complete(client)?,
                _ => self.write_one(client)?,
            }
        }
        Ok(())
    }

    /// Everything that was promised is there, and nothing else.
    pub(crate) fn find(&mut self, client: &Client) -> Result<(), Lost> {
        let found = self.read(client, "")?;
        let done = self.with_lost();
        if found != self.known && found != done {
            panic!("writer {}: {}", self.number, difference(&found, &self.known, &done));
        }
        if let Some(request) = self.lost.take() {
            self.known = found;
            if request.key.is_some() && self.random.once_in(2) {
                // Whether it was done or not: with its key it can be sent again.
                self.send(client, &request)?;
            }
        }
        Ok(())
    }

    /// Everything that was promised is on main, and nothing else.
    pub(crate) fn find_live(&self, client: &Client) -> Result<(), Lost> {
        let found = self.read(client, "?view=live")?;
        assert!(found == self.known, "main: {}", difference(&found, &self.known, &self.known));
        Ok(())
    }

    /// What is known, if the lost write was done.
    fn with_lost(&self) -> Resources {
        let mut done = self.known.clone();
        apply(&mut done, self.lost.iter().flat_map(|request| &request.effect));
        done
    }

    /// Reads all its places; `view` is a query.
    fn read(&self, client: &Client, view: &str) -> Result<Resources, Lost> {
        let mut found = Resources::new();
        let mut collections: BTreeSet<String> =
            self.places.iter().map(|place| mesh::collection(place).into()).collect();
        collections.retain(|collection| !collection.ends_with("/clients") && !collection.ends_with("/access-points"));
        while let Some(collection) = collections.pop_first() {
            let answer = client.send("GET", &format!("/v2/{collection}{view}"), &[], None)?;
            assert_eq!(answer.status, 200, "{collection}{view}: {}", answer.body);
            for mut resource in serde_json::from_str::<Vec<Value>>(&answer.body).unwrap() {
                let fields = resource.as_object_mut().unwrap();
                fields.remove("state");
                let place = format!("{collection}/{}", fields["metadata"]["name"].as_str().unwrap());
                if collection != "projects" {
                    let below = self.places.iter().filter(|at| mesh::parent(at) == Some(place.as_str()));
                    collections.extend(below.map(|at| mesh::collection(at).to_owned()));
                } else if !self.places.contains(&place) {
                    continue;
                }
                found.insert(place, resource);
            }
        }
        Ok(found)
    }

    fn write_one(&mut self, client: &Client) -> Result<(), Lost> {
        let mut place = &self.places[self.random.below(self.places.len())];
        while let Some(parent) = mesh::parent(place).and_then(|parent| self.places.iter().find(|p| *p == parent))
            && !self.known.contains_key(parent)
        {
            place = parent;
        }
        let place = place.clone();
        let below = format!("{place}/");
        let is_parent = self.known.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below));
        let (method, path) = match self.known.contains_key(&place) {
            true if !is_parent && self.random.once_in(2) => ("DELETE", place.clone()),
            false if !self.random.once_in(4) => ("POST", mesh::collection(&place).to_owned()),
            _ => ("PUT", place.clone()),
        };
        let body = (method != "DELETE").then(|| self.body(&place));
        let key = self.random.once_in(4).then(|| self.key());
        let sent = body.as_ref().map(|body| (JSON, body.to_string()));
        let request = Request { method, path: format!("/v2/{path}"), body: sent, key, effect: vec![(place, body)] };
        self.send(client, &request)
    }

    /// A bundle over both of its groups.
    fn put_together(&mut self, client: &Client) -> Result<(), Lost> {
        let servers: Vec<String> = self.places.iter().filter(|place| is_server(place)).cloned().collect();
        let half = servers.len() / 2;
        let chosen = [&servers[self.random.below(half)], &servers[half + self.random.below(half)]];
        let puts = chosen.into_iter().flat_map(|server| [server.clone(), format!("{server}/clients/one")]);
        let puts: Vec<(String, Value)> = puts.map(|place| (place.clone(), self.body(&place))).collect();
        let body = Some((YAML, mesh::bundle(&puts)));
        let key = self.random.once_in(2).then(|| self.key());
        let effect = puts.into_iter().map(|(place, body)| (place, Some(body))).collect();
        self.send(client, &Request { method: "POST", path: "/v2/bundles".into(), body, key, effect })
    }

    /// Its changes need not wait for more writes.
    fn say_complete(&mut self, client: &Client) -> Result<(), Lost> {
        let path = format!("/v2/{}/approve", mesh::group(self.number % mesh::GROUPS));
        self.send(client, &Request { method: "POST", path, body: None, key: None, effect: vec![] })
    }

    /// Sends an earlier write again: it is answered as it was then, and nothing is done.
    fn repeat(&mut self, client: &Client) -> Result<(), Lost> {
        if self.keyed.is_empty() {
            return Ok(());
        }
        let Keyed { request, answer } = &self.keyed[self.random.below(self.keyed.len())];
        let again = request.sent(client)?;
        let (path, body) = (&request.path, &again.body);
        assert_eq!(again.status, answer.status, "{} {path} sent again: {body}", request.method);
        assert_eq!(change_of(&again), change_of(answer), "{path} sent again belongs to another change");
        assert_eq!(without_state(body), without_state(&answer.body), "{path} sent again is answered in another way");
        Ok(())
    }

    fn send(&mut self, client: &Client, request: &Request) -> Result<(), Lost> {
        let answer = match request.sent(client) {
            Ok(answer) => answer,
            Err(lost) => {
                self.lost = Some(request.clone());
                return Err(lost);
            }
        };
        assert!(
            (200..300).contains(&answer.status),
            "{} {} {:?}: {} {}",
            request.method,
            request.path,
            request.body,
            answer.status,
            answer.body
        );
        apply(&mut self.known, &request.effect);
        self.promised += request.effect.len();
        let change = change_of(&answer);
        assert!(change.is_some() || request.effect.is_empty(), "{} belongs to no change", request.path);
        self.changes.extend(change);
        if request.key.is_some() {
            self.keyed.push(Keyed { request: request.clone(), answer });
        }
        Ok(())
    }

    fn body(&mut self, place: &str) -> Value {
        self.version += 1;
        mesh::body(place, self.version)
    }

    fn key(&mut self) -> String {
        format!("{}-{:016x}", self.number, self.random.next())
    }
}

impl Request {
    fn sent(&self, client: &Client) -> Result<Answer, Lost> {
        let key = self.key.as_ref().map(|key| ("Idempotency-Key", key.as_str()));
        let body = self.body.as_ref().map(|(kind, text)| (*kind, text.as_bytes()));
        client.send(self.method, &self.path, key.as_slice(), body)
    }
}

fn is_server(place: &str) -> bool {
    mesh::collection(place).ends_with("/inbound-intents")
}

fn change_of(answer: &Answer) -> Option<String> {
    Some(answer.headers.get("meshwright-change")?.to_str().unwrap().to_owned())
}

fn without_state(body: &str) -> Value {
    let mut body = serde_json::from_str(body).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut body {
        fields.remove("state");
    }
    body
}

fn apply<'a>(resources: &mut Resources, effect: impl IntoIterator<Item = &'a (String, Option<Value>)>) {
    for (place, body) in effect {
        match body {
            Some(body) => drop(resources.insert(place.clone(), body.clone())),
            None => drop(resources.remove(place)),
        }
    }
}

fn difference(found: &Resources, known: &Resources, done: &Resources) -> String {
    let places: BTreeSet<&String> = found.keys().chain(known.keys()).chain(done.keys()).collect();
    let lines = places.into_iter().filter_map(|place| {
        let (found, known, done) = (found.get(place), known.get(place), done.get(place));
        (found != known || found != done)
            .then(|| format!("{place}\n  found:     {found:?}\n  promised:  {known:?}\n  with lost: {done:?}"))
    });
    format!("not what was promised:\n{}", lines.collect::<Vec<_>>().join("\n"))
}
