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
            Ok(value) => Reader { document, index, found: &mut found }.read(value, String::new()),
            Err(error) => found.push(Err(error.in_document_from(document.line))),
        }
    }
    found
}

struct Reader<'a> {
    document: &'a Document<'a>,
    index: usize,
    found: &'a mut Vec<Result<Parsed, YamlError>>,
}

impl Reader<'_> {
    fn read(&mut self, value: Value, pointer: String) {
        let mut members = match value {
            Value::Null => return,
            Value::Object(members) => members,
            _ => return self.fail(&pointer, "a resource is a map"),
        };
        let api_version = text(&members, "apiVersion");
        let Some(kind) = text(&members, "kind").filter(|kind| !kind.is_empty()) else {
            return self.fail(&pointer, "the resource has no kind");
        };
        let Some(api_version) = api_version else { return self.fail(&pointer, "the resource has no apiVersion") };
        if let (Some(of), Some(Value::Array(items))) = (kind.strip_suffix("List"), members.get_mut("items")) {
            for (index, mut item) in std::mem::take(items).into_iter().enumerate() {
                if let (false, Some(item)) = (of.is_empty(), item.as_object_mut()) {
                    item.entry("apiVersion").or_insert_with(|| api_version.clone().into());
                    item.entry("kind").or_insert_with(|| of.into());
                }
                self.read(item, format!("{pointer}/items/{index}"));
            }
            return;
        }
        match resource(members, api_version, kind) {
            Ok(resource) => {
                let line = self.position(&pointer).map_or(self.document.line, |(line, _)| line);
                self.found.push(Ok(Parsed { resource, document: self.index, pointer, line }));
            }
            Err((inner, message)) => self.fail(&format!("{pointer}{inner}"), &format!("{inner}: {message}")),
        }
    }

    /// The position of a pointer, spared the reading where it is known.
    fn position(&self, pointer: &str) -> Option<(u32, u32)> {
        if pointer.is_empty() && self.document.text.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Some((self.document.line, 1));
        }
        self.document.position(pointer)
    }

    fn fail(&mut self, pointer: &str, message: &str) {
        let (line, column) = self.document.position(pointer).unwrap_or((self.document.line, 1));
        self.found.push(Err(YamlError::new(message).at(line, column)));
    }
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A pointer and what is wrong there.
type Wrong = (String, String);

fn resource(mut members: Map<String, Value>, api_version: String, kind_name: String) -> Result<Resource, Wrong> {
    let kind = Kind::named(&api_version, &kind_name);
    // Kubernetes keeps more metadata than manifests set; what is not modelled there is not unknown to it.
    let metadata: ObjectMeta = member(&members, "metadata", &mut Vec::new())?;
    for name in ["apiVersion", "kind", "metadata"] {
        members.shift_remove(name);
    }
    if kind == Kind::Other {
        return Ok(Resource::new(metadata, Other { api_version, kind: kind_name, body: members }));
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
        Kind::VirtualService => Spec::VirtualService(member(members, "spec", unknown)?),
        Kind::WorkloadEntry => Spec::WorkloadEntry(member(members, "spec", unknown)?),
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

fn typed<T: DeserializeOwned>(value: &Value, mut notes: Notes, unknown: &mut Vec<String>) -> Result<T, Wrong> {
    let read = T::deserialize(Watched { value, notes: &mut notes });
    unknown.append(&mut notes.unknown);
    read.map_err(|mismatch| (notes.pointer(), mismatch.to_string()))
}
