//! Reading anybody's manifests.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::resource::Written;
use super::watch::{Notes, Watched, escaped};
use super::{ConfigMap, Kind, ObjectMeta, Other, Resource, Spec};
use crate::yaml::{self, Document, YamlError};

/// A resource and where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The resource.
    pub resource: Resource,
    /// The index of its document among those that [`yaml::documents`] finds.
    pub document: usize,
    /// Where it is in its document, as a JSON pointer; empty unless it stood in a `List`.
    pub pointer: String,
    /// The line of the stream on which it begins, from 1.
    pub line: u32,
}

impl Parsed {
    /// Line and column in the stream, both from 1, of the value at `pointer` in the resource.
    ///
    /// `documents` must be those of the text that was read.
    pub fn position(&self, documents: &[Document<'_>], pointer: &str) -> Option<(u32, u32)> {
        documents.get(self.document)?.position(&format!("{}{pointer}", self.pointer))
    }
}

impl Parsed {
    /// The same in the stream itself, which is cut into its documents anew.
    pub fn position_in(&self, stream: &str, pointer: &str) -> Option<(u32, u32)> {
        self.position(&yaml::documents(stream).ok()?, pointer)
    }
}

/// Reads a stream of manifests: several documents, lists unrolled, every version of Istio's API.
///
/// Empty documents are passed over. Each error is about one document or list item, with its line in the stream: a text
/// that is not YAML, something without a kind, or a field of the wrong type. A stream longer than the default
/// [`yaml::Limits`] gives one error.
pub fn read(text: &str) -> Vec<Result<Parsed, YamlError>> {
    let documents = match yaml::documents(text) {
        Ok(documents) => documents,
        Err(error) => return vec![Err(error)],
    };
    let mut found = Vec::with_capacity(documents.len());
    for (index, document) in documents.iter().enumerate() {
        match yaml::value(document.text) {
            Ok(value) => found.extend(in_document(value, document, index)),
            Err(error) => found.push(Err(error.in_document_from(document.line))),
        }
    }
    found
}

/// The resources in the value of a document; it is walked through once for all of their places.
fn in_document(value: Value, document: &Document<'_>, index: usize) -> Vec<Result<Parsed, YamlError>> {
    let mut read: Vec<_> = unrolled(value).into_iter().map(|(pointer, value)| (resource(value), pointer)).collect();
    for (read, pointer) in &mut read {
        if let Err(wrong) = read {
            pointer.push_str(&wrong.pointer);
        }
    }
    let begins_at_once = document.text.starts_with(|first: char| first.is_ascii_alphabetic());
    let places = match read.iter().all(|(_, pointer)| pointer.is_empty()) && begins_at_once {
        // The place of the document, which is spared the walk.
        true => vec![None; read.len()],
        false => document.positions(&read.iter().map(|(_, pointer)| pointer.as_str()).collect::<Vec<_>>()),
    };
    let placed = read.into_iter().zip(places).map(|((read, pointer), place)| {
        let (line, column) = place.unwrap_or((document.line, 1));
        match read {
            Ok(resource) => Ok(Parsed { resource, document: index, pointer, line }),
            Err(wrong) => Err(YamlError::new(wrong.to_string()).at(line, column)),
        }
    });
    placed.collect()
}

/// The values of resources that a document holds, with the JSON pointers to them: itself, or the items of a `List`, which
/// take over what the list says of all its items.
pub fn unrolled(value: Value) -> Vec<(String, Value)> {
    let (mut found, mut left) = (vec![], vec![(String::new(), value)]);
    while let Some((pointer, mut value)) = left.pop() {
        let of = text(&value, "kind").and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
        let api_version = text(&value, "apiVersion").map(str::to_owned);
        match (of, api_version, value.get_mut("items").map(Value::take)) {
            (Some(of), Some(api_version), Some(Value::Array(items))) => {
                for (index, mut item) in items.into_iter().enumerate().rev() {
                    if let (false, Some(item)) = (of.is_empty(), item.as_object_mut()) {
                        item.entry("apiVersion").or_insert_with(|| api_version.clone().into());
                        item.entry("kind").or_insert_with(|| of.clone().into());
                    }
                    left.push((format!("{pointer}/items/{index}"), item));
                }
            }
            (_, _, items) => {
                if let (Some(items), Some(members)) = (items, value.as_object_mut()) {
                    members.insert("items".to_owned(), items);
                }
                if !value.is_null() {
                    found.push((pointer, value));
                }
            }
        }
    }
    found
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// Why a value is no resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", self.pointer, if self.pointer.is_empty() { "" } else { ": " })]
pub struct NoResource {
    /// The field that is wrong, as a JSON pointer; empty where it is the whole.
    pub pointer: String,
    /// What is wrong with it; names types, never values.
    pub message: String,
}

/// Reads the value of one resource, in any version of Istio's API.
///
/// # Errors
/// It is no map, it has no `apiVersion` or `kind`, or a field is of the wrong type.
pub fn resource(value: Value) -> Result<Resource, NoResource> {
    let whole = |message: &str| NoResource { pointer: String::new(), message: message.to_owned() };
    let api_version = text(&value, "apiVersion").map(str::to_owned);
    let kind = text(&value, "kind").filter(|kind| !kind.is_empty()).map(str::to_owned);
    let Value::Object(members) = value else { return Err(whole("a resource is a map")) };
    let kind = kind.ok_or_else(|| whole("the resource has no kind"))?;
    let api_version = api_version.ok_or_else(|| whole("the resource has no apiVersion"))?;
    of_kind(members, api_version, kind).map_err(|(pointer, message)| NoResource { pointer, message })
}

/// A pointer and what is wrong there.
type Wrong = (String, String);

fn of_kind(mut members: Map<String, Value>, api_version: String, kind_name: String) -> Result<Resource, Wrong> {
    let kind = Kind::named(&api_version, &kind_name);
    // Kubernetes keeps more metadata than manifests set; what is not modelled there is not unknown to it.
    let metadata: ObjectMeta = member(&members, "metadata", &mut Vec::new())?;
    members.retain(|name, _| !["apiVersion", "kind", "metadata"].contains(&name.as_str()));
    if kind == Kind::Other {
        return Ok(Resource::new(metadata, Other { api_version, kind: kind_name, body: members.into() }));
    }
    let mut unknown_fields = Vec::new();
    let spec = if kind == Kind::ConfigMap {
        typed::<ConfigMap>(&Value::Object(members), Notes::default(), &mut unknown_fields)?.into()
    } else {
        let beside = members.keys().filter(|name| !matches!(name.as_str(), "spec" | "status"));
        unknown_fields.extend(beside.map(|name| format!("/{}", escaped(name))));
        spec(kind, &members, &mut unknown_fields)?
    };
    let as_written_here = api_version == kind.api_version() && unknown_fields.is_empty();
    let written = (!as_written_here).then(|| Box::new(Written { api_version, unknown_fields }));
    Ok(Resource { metadata, spec, written })
}

fn spec(kind: Kind, members: &Map<String, Value>, unknown: &mut Vec<String>) -> Result<Spec, Wrong> {
    Ok(match kind {
        Kind::AuthorizationPolicy => Spec::AuthorizationPolicy(member(members, "spec", unknown)?),
        Kind::DestinationRule => Spec::DestinationRule(member(members, "spec", unknown)?),
        Kind::Gateway => Spec::Gateway(member(members, "spec", unknown)?),
        Kind::PeerAuthentication => Spec::PeerAuthentication(member(members, "spec", unknown)?),
        Kind::RequestAuthentication => Spec::RequestAuthentication(member(members, "spec", unknown)?),
        Kind::ServiceEntry => Spec::ServiceEntry(member(members, "spec", unknown)?),
        Kind::Sidecar => Spec::Sidecar(member(members, "spec", unknown)?),
        Kind::Telemetry => Spec::Telemetry(member(members, "spec", unknown)?),
        Kind::VirtualService => Spec::VirtualService(member(members, "spec", unknown)?),
        Kind::WorkloadEntry => Spec::WorkloadEntry(member(members, "spec", unknown)?),
        Kind::WorkloadGroup => Spec::WorkloadGroup(member(members, "spec", unknown)?),
        Kind::ConfigMap | Kind::Other => return Err((String::new(), "a kind without a spec".to_owned())),
    })
}

/// The member `name` as a `T`; an absent one is a default `T`.
fn member<T: DeserializeOwned + Default>(
    members: &Map<String, Value>,
    name: &str,
    unknown: &mut Vec<String>,
) -> Result<T, Wrong> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(value) => typed(value, Notes::at(name), unknown),
    }
}

pub(super) fn typed<T: DeserializeOwned>(
    value: &Value,
    mut notes: Notes,
    unknown: &mut Vec<String>,
) -> Result<T, Wrong> {
    let read = T::deserialize(Watched { value, notes: &mut notes });
    unknown.append(&mut notes.unknown);
    read.map_err(|mismatch| (notes.pointer(), mismatch.to_string()))
}
