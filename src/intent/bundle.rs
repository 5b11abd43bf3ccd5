//! Bundles: YAML streams whose documents are REST bodies with the anchor they are posted to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::anchor::{Anchor, Route};
use super::fields::Violation;
use super::kind::{BodyForm, Kind};
use super::posted::{Keys, PostedKey};
use super::quote::quoted;
use super::resource::Resource;
use super::secrets;
use crate::finding::{Finding, Place};
use crate::yaml;

/// A document of a bundle that cannot be accepted, with all that is wrong at one of its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place among the documents that say something, from 0.
    pub index: usize,
    /// The line that is wrong, from 1; where something is missing, that of what should hold it.
    pub line: u32,
    /// The column on it, from 1; 0 where only the line is known.
    pub column: u32,
    /// Whether it stops being YAML there.
    pub stops: bool,
    /// Where it would be posted, as far as that could be read.
    pub anchor: String,
    /// What is wrong; pointers are into the document.
    pub violations: Vec<Violation>,
}

/// What reads the body of a document.
type Reader = fn(Option<&Anchor>, Kind, Value) -> Result<(Resource, Option<PostedKey>), Vec<Violation>>;

/// One document of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its place among the documents that say something, from 0.
    pub index: usize,
    /// The line it begins on, from 1.
    pub line: u32,
    /// What it declares, with the state that is written beside it.
    pub resource: Resource,
}

/// A bundle, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bundle {
    /// The path that anchors are relative to.
    pub base: Option<String>,
    /// Its documents in the order they were written.
    pub documents: Vec<Posted>,
}

impl Bundle {
    /// Reads a stream of documents: at most one `{base: …}` and any number of resources. A private key in one is refused.
    ///
    /// # Errors
    /// Every document that cannot be accepted.
    pub fn read(text: &str) -> Result<Self, Vec<Rejected>> {
        let plain = |parent: Option<&Anchor>, kind, body| Ok((Resource::read(parent, kind, &body)?, None));
        Self::read_with(text, plain).map(|(bundle, _)| bundle)
    }

    /// The same of a bundle that is posted, with the private keys that have to be sealed before it is kept.
    ///
    /// # Errors
    /// Every document that cannot be accepted.
    pub fn receive(text: &str) -> Result<(Self, Keys), Vec<Rejected>> {
        Self::read_with(text, Resource::receive)
    }

    fn read_with(text: &str, read: Reader) -> Result<(Self, Keys), Vec<Rejected>> {
        let documents = yaml::documents(text).map_err(|error| vec![Rejected::unread(0, error.line.max(1), error)])?;
        let mut rejected = vec![];
        let mut values = vec![];
        let mut base: Option<String> = None;
        for (index, document) in documents.iter().enumerate() {
            match yaml::value(document.text) {
                Err(error) => {
                    rejected.push(Rejected::unread(index, document.line, error.in_document_from(document.line)));
                }
                Ok(value) => match read_base(&value) {
                    None => values.push((index, document.line, value)),
                    Some(Ok(path)) if base.is_none() => base = Some(path),
                    Some(Ok(_)) => rejected.push(Rejected::at(
                        index,
                        document.line,
                        "",
                        vec![Violation::new("/base", "a bundle has at most one base")],
                    )),
                    Some(Err(violation)) => rejected.push(Rejected::at(index, document.line, "", vec![violation])),
                },
            }
        }
        let mut bundle = Self { base, documents: vec![] };
        let mut keys = Keys::default();
        for (index, line, value) in values {
            match read_document(bundle.base.as_deref(), value, read) {
                Ok((resource, key)) => {
                    keys.insert(resource.anchor(), key);
                    bundle.documents.push(Posted { index, line, resource });
                }
                Err((anchor, violations)) => rejected.push(Rejected::at(index, line, &anchor, violations)),
            }
        }
        rejected.extend(bundle.twice());
        if rejected.is_empty() {
            return Ok((bundle, keys));
        }
        let by_place = |it: Rejected| match documents.get(it.index) {
            Some(document) => it.by_place(document),
            None => vec![it],
        };
        Err(rejected.into_iter().flat_map(by_place).collect())
    }

    fn twice(&self) -> Vec<Rejected> {
        let mut seen = BTreeMap::new();
        let mut twice = vec![];
        for document in &self.documents {
            if let Some(first) = seen.insert(document.resource.anchor(), document.line) {
                let message = format!("is declared on line {first} already");
                let anchor = document.resource.anchor().as_str();
                twice.push(Rejected::at(
                    document.index,
                    document.line,
                    anchor,
                    vec![Violation::new("/metadata/name", message)],
                ));
            }
        }
        twice
    }
}

impl Rejected {
    fn at(index: usize, line: u32, anchor: &str, violations: Vec<Violation>) -> Self {
        Self { index, line, column: 0, stops: false, anchor: quoted(anchor), violations }
    }

    /// The same by the places in `document` where its violations stand.
    fn by_place(self, document: &yaml::Document<'_>) -> Vec<Self> {
        if self.stops {
            return vec![self];
        }
        let Self { index, line, column, stops, anchor, violations } = self;
        let pointers: Vec<&str> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
        let places = document.positions(&pointers);
        let mut found: BTreeMap<(u32, u32), Vec<Violation>> = BTreeMap::new();
        for (violation, place) in violations.into_iter().zip(places) {
            // What is wrong with the whole of it stands where it begins.
            let place = place.filter(|_| !violation.pointer.is_empty());
            found.entry(place.unwrap_or((line, column))).or_default().push(violation);
        }
        let at = |((line, column), violations)| Self { index, line, column, stops, anchor: anchor.clone(), violations };
        found.into_iter().map(at).collect()
    }

    fn unread(index: usize, line: u32, error: yaml::YamlError) -> Self {
        let stops = error.line > 0;
        let (line, column) = if stops { (error.line, error.column) } else { (line, 0) };
        Self { column, stops, ..Self::at(index, line, "", vec![Violation::new("", error.message)]) }
    }

    /// One finding for each violation, in the document of the file at `path`.
    pub fn findings(self, path: &str, rule: &'static str) -> impl Iterator<Item = Finding> {
        let Self { line, column, anchor, violations, .. } = self;
        violations.into_iter().map(move |Violation { pointer, message }| {
            let place = Place { line, column, ..Place::pointing(path, pointer) };
            let message = if anchor.is_empty() { message } else { format!("{message} ({anchor})") };
            // What is wrong says what is right.
            Finding::error(rule, place, message, "")
        })
    }
}

/// A document that has no field but `base`.
fn read_base(value: &Value) -> Option<Result<String, Violation>> {
    let map = value.as_object()?;
    if map.len() != 1 {
        return None;
    }
    let path = map.get("base")?.as_str().unwrap_or_default().trim_matches('/').to_owned();
    if secrets::holds_private_key(&path) {
        return Some(Err(Violation::new("/base", secrets::REMEDY)));
    }
    Some(
        Anchor::parse(&path)
            .map(|anchor| anchor.as_str().to_owned())
            .map_err(|message| Violation::new("/base", message)),
    )
}

fn read_document(
    base: Option<&str>,
    value: Value,
    read: Reader,
) -> Result<(Resource, Option<PostedKey>), (String, Vec<Violation>)> {
    let Value::Object(mut map) = value else {
        return Err((String::new(), vec![Violation::new("", "must be an object with an anchor")]));
    };
    // These are taken out before the body is scanned, and messages quote them.
    for key in ["version", "resourceContext", "anchor"] {
        let found = map.get(key).map(secrets::scan).unwrap_or_default();
        if !found.is_empty() {
            let below = |v: Violation| Violation::new(format!("/{key}{}", v.pointer), v.message);
            return Err((String::new(), found.into_iter().map(below).collect()));
        }
    }
    let anchor = take_anchor(&mut map).map_err(|violation| (String::new(), vec![violation]))?;
    let path =
        whole_path(base, &anchor).map_err(|message| (anchor.clone(), vec![Violation::new("/anchor", message)]))?;
    match Route::parse(&path) {
        Ok(Route::Collection(parent, kind)) => {
            read(parent.as_ref(), kind, Value::Object(map)).map_err(|violations| (path, violations))
        }
        Ok(Route::Item(item)) => {
            let message = format!(
                "must be the collection it is posted to, such as `{}`; the name comes from metadata",
                item.collection()
            );
            Err((path, vec![Violation::new("/anchor", message)]))
        }
        Err(error) => Err((path, vec![Violation::new("/anchor", error.to_string())])),
    }
}

/// Takes `anchor`, or `resourceContext.anchor` of `version: emco/v2`, out of a document.
fn take_anchor(map: &mut Map<String, Value>) -> Result<String, Violation> {
    let version = map.shift_remove("version");
    if let Some(version) = &version
        && version.as_str() != Some("emco/v2")
    {
        return Err(Violation::new("/version", "only emco/v2 is known"));
    }
    let context = map.shift_remove("resourceContext");
    let (pointer, anchor) = match (map.shift_remove("anchor"), context) {
        (Some(_), Some(_)) => return Err(Violation::new("/resourceContext", "anchor says the same; leave one out")),
        (anchor @ Some(_), None) => ("/anchor", anchor),
        (None, context) => {
            ("/resourceContext/anchor", context.as_ref().and_then(|context| context.get("anchor")).cloned())
        }
    };
    match anchor.as_ref().and_then(Value::as_str) {
        Some(anchor) => Ok(anchor.trim_matches('/').to_owned()),
        None if pointer == "/anchor" => Err(Violation::new(pointer, "must be a string")),
        None => {
            Err(Violation::new("/anchor", "is required: the path of the collection that the document is posted to"))
        }
    }
}

fn whole_path(base: Option<&str>, anchor: &str) -> Result<String, String> {
    let whole = ["projects", "cluster-providers", "dtc-controllers", "controllers"];
    let first = anchor.split('/').next().unwrap_or_default();
    if whole.contains(&first) {
        return Ok(anchor.to_owned());
    }
    match base {
        Some(base) => Ok(format!("{base}/{anchor}")),
        None => Err("is relative, and the bundle has no base: begin it with projects/ or cluster-providers/".into()),
    }
}

/// A resource as a document of a bundle, its anchor relative to `base` where it lies below it.
#[must_use]
pub fn to_document(base: Option<&str>, resource: &Resource) -> String {
    let collection = resource.anchor().collection();
    let relative = base.and_then(|base| collection.strip_prefix(base)?.strip_prefix('/')).unwrap_or(collection);
    let mut document = Map::new();
    document.insert("anchor".into(), relative.into());
    if let Value::Object(body) = resource.to_value() {
        let first: &[&str] = match resource.anchor().kind().entry().form {
            BodyForm::Standard => &["metadata", "spec", "state"],
            BodyForm::Label => &[],
        };
        for key in first {
            if let Some(value) = body.get(*key) {
                document.insert((*key).into(), value.clone());
            }
        }
        document.extend(body.into_iter().filter(|(key, _)| !first.contains(&key.as_str())));
    }
    yaml::to_string(&document)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = "
base: projects/shop/composite-apps/boutique/v1
---
anchor: apps # a comment
metadata: {name: cart}
---
anchor: cluster-providers
metadata: {name: gke}
---
version: emco/v2
resourceContext: {anchor: projects/shop/logical-clouds}
metadata: {name: lc}
spec: {namespace: shop}
";

    #[test]
    fn anchors_are_relative_to_the_base_unless_they_are_whole() {
        let bundle = Bundle::read(BUNDLE).unwrap();
        let anchors: Vec<_> = bundle.documents.iter().map(|d| d.resource.anchor().as_str()).collect();
        assert_eq!(
            anchors,
            [
                "projects/shop/composite-apps/boutique/v1/apps/cart",
                "cluster-providers/gke",
                "projects/shop/logical-clouds/lc"
            ]
        );
    }

    #[test]
    fn every_document_that_is_wrong_is_named_with_its_line() {
        let text =
            "anchor: apps\nmetadata: {name: a}\n---\n- 1\n---\nanchor: projects\nmetadata: {name: -}\n---\na: [\n";
        let lines: Vec<_> =
            Bundle::read(text).unwrap_err().iter().map(|r| (r.line, r.violations[0].pointer.clone())).collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
    }

    #[test]
    fn what_is_wrong_is_named_with_the_line_that_it_stands_on() {
        let text = "# first\n---\nanchor: projects\nmetadata: {name: a}\n--- # second\nanchor: projects/a/logical-clouds\n\
                    metadata:\n  name: b\nspec:\n  # none\n  namespace: -x\n  other: 1\n  more: 2\n---\nanchor: projects\n";
        let rejected = Bundle::read(text).unwrap_err();
        let found: Vec<_> =
            rejected.iter().map(|it| (it.index, it.line, it.column, it.violations[0].pointer.as_str())).collect();
        let of_second = [(1, 11, 3, "/spec/namespace"), (1, 12, 3, "/spec/other"), (1, 13, 3, "/spec/more")];
        assert_eq!(found[..3], of_second);
        let missing = (2, 15, 1, "/metadata");
        assert_eq!(found[3], missing, "what is missing stands where the document begins to say something");
        assert_eq!(found.len(), 4);
        let told =
            rejected[0].clone().findings("a.yaml", "bundle/document").map(|it| it.to_string()).collect::<String>();
        assert!(told.starts_with("error[bundle/document] a.yaml:11:3#/spec/namespace: "), "{told}");
    }

    #[test]
    fn what_is_no_yaml_has_one_place_and_no_remedy_that_says_nothing() {
        let rejected = Bundle::read("anchor: projects\nmetadata: {name: a}\n---\nanchor: apps\nspec: {\n").unwrap_err();
        let findings: Vec<_> =
            rejected.into_iter().flat_map(|it| it.findings("orders.yaml", "bundle/document")).collect();
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        let told = finding.to_string();
        assert!(told.starts_with("error[bundle/document] orders.yaml:5:7: "), "{told}");
        assert!(!told.contains("line ") && !told.contains('—'), "{told}");
    }

    #[test]
    fn a_resource_is_not_declared_twice() {
        let text = "anchor: projects\nmetadata: {name: a}\n---\nanchor: projects\nmetadata: {name: a}\n";
        assert!(Bundle::read(text).unwrap_err()[0].violations[0].message.contains("line 1"));
    }

    #[test]
    fn a_private_key_is_found_beside_the_body_too_and_not_repeated() {
        let key = format!("-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----", "A".repeat(64));
        for text in [format!("anchor: {key}\nmetadata: {{name: a}}\n"), format!("base: {key}\n")] {
            let rejected = Bundle::read(&text).unwrap_err();
            assert_eq!(rejected[0].violations[0].message, secrets::REMEDY);
            assert!(!format!("{rejected:?}").contains("BEGIN"), "{rejected:?}");
        }
    }

    #[test]
    fn a_document_comes_back_as_it_was() {
        for document in Bundle::read(BUNDLE).unwrap().documents {
            for base in [None, Some("projects/shop")] {
                let text = base.map(|b| format!("base: {b}\n---\n")).unwrap_or_default()
                    + &to_document(base, &document.resource);
                assert_eq!(Bundle::read(&text).unwrap().documents[0].resource, document.resource);
            }
        }
    }
}
