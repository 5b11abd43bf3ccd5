//! What an outside plugin answers, read once: resources of kinds that it owns, in places that it was asked about.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::{Finding, Place, Severity};
use crate::intent::secrets;
use crate::istio::{self, Resource};
use crate::render::{Answer, Asking};
use crate::yaml::{self, Limits};

/// The most bytes of one manifest, and the most nodes that its aliases may add.
const MANIFEST: Limits = Limits { bytes: 1 << 20, depth: 64, aliased_nodes: 1000 };

/// The most manifests and the most findings of one answer.
const MOST_MANIFESTS: usize = 256;
/// The most findings of one answer.
const MOST_FINDINGS: usize = 100;

/// The longest text of a finding, in bytes.
const LONGEST_TEXT: usize = 1000;

/// The longest name of a resource (RFC 1123, a DNS subdomain).
const LONGEST_NAME: usize = 253;

/// The fields of `metadata` that manifests may set.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// What begins the names of our own labels and annotations.
const OURS: &str = "meshwright.dev/";

/// A kind of resource that a plugin owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OwnedKind {
    /// Such as `networking.k8s.io/v1`.
    pub(super) api_version: String,
    /// Such as `NetworkPolicy`.
    pub(super) kind: String,
}

/// A manifest as a plugin sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentManifest {
    /// The cluster that it is for, as `provider/cluster`.
    pub(super) cluster: String,
    /// JSON or YAML.
    pub(super) resource: Vec<u8>,
}

/// A finding as a plugin sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentFinding {
    /// How much it matters.
    pub(super) severity: Severity,
    /// The intent that it is about.
    pub(super) anchor: String,
    /// JSON pointer into that.
    pub(super) pointer: String,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) remedy: String,
}

/// Reads what the plugin called `plugin`, which owns `owned`, answered when it was asked `about`.
pub(super) fn answer(
    plugin: &str,
    owned: &BTreeSet<OwnedKind>,
    about: &Asking,
    manifests: Vec<SentManifest>,
    findings: Vec<SentFinding>,
) -> Answer {
    let anchor = about.intents.first().map_or("", |intent| intent.anchor.as_str());
    let mut answer = Answer::default();
    let wrong = |rule: &'static str, what: String| {
        let message = format!("the plugin {plugin} answers for {} what cannot be taken: {what}", about.name());
        Finding::error(rule, Place::at(anchor), message, "mend the plugin, and raise its version")
    };
    if manifests.len() > MOST_MANIFESTS || findings.len() > MOST_FINDINGS {
        let (manifests, findings) = (manifests.len(), findings.len());
        let what = format!(
            "{manifests} manifests and {findings} findings, where {MOST_MANIFESTS} and {MOST_FINDINGS} are allowed"
        );
        answer.findings.push(wrong("plugin/too-much", what));
        return answer;
    }
    let places = about.places();
    for (index, manifest) in manifests.iter().enumerate() {
        answer.bytes += manifest.resource.len();
        let read = read(manifest, owned).and_then(|resource| {
            let namespace = resource.metadata.namespace.as_str();
            let is_asked = places.get(manifest.cluster.as_str()).is_some_and(|known| known.contains(namespace));
            if !is_asked {
                let what = format!(
                    "is for namespace `{}` of cluster `{}`, which it was not asked about",
                    short(namespace),
                    short(&manifest.cluster)
                );
                return Err(Wrong("plugin/place", what));
            }
            Ok(resource)
        });
        match read {
            Ok(resource) => answer.resources.push((manifest.cluster.clone(), resource)),
            Err(Wrong(rule, what)) => answer.findings.push(wrong(rule, format!("manifest {} {what}", index + 1))),
        }
    }
    answer.resources.sort_by(|a, b| identity(a).cmp(&identity(b)));
    let twice = answer.resources.windows(2).find(|pair| identity(&pair[0]) == identity(&pair[1]));
    let twice = twice.map(|pair| {
        let [cluster, kind, namespace, name] = identity(&pair[0]);
        wrong("plugin/double", format!("it holds the {kind} {namespace}/{name} of {cluster} twice"))
    });
    answer.findings.extend(twice);
    for finding in findings {
        match said(plugin, about, finding) {
            Ok(finding) => answer.findings.push(finding),
            Err(what) => answer.findings.push(wrong("plugin/finding", what)),
        }
    }
    answer
}

fn identity((cluster, resource): &(String, Resource)) -> [&str; 4] {
    [cluster, resource.kind_name(), &resource.metadata.namespace, &resource.metadata.name]
}

/// The rule that something breaks, and what is wrong with it.
struct Wrong(&'static str, String);

fn read(sent: &SentManifest, owned: &BTreeSet<OwnedKind>) -> Result<Resource, Wrong> {
    let unreadable = |what: String| Wrong("plugin/manifest", what);
    let text = std::str::from_utf8(&sent.resource).map_err(|_| unreadable("is not UTF-8".to_owned()))?;
    MANIFEST.admit(text).map_err(|error| unreadable(format!("is too long: {error}")))?;
    let value: Value = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(|error| unreadable(format!("is no JSON: {error}")))?,
        false => yaml::from_str_within(text, MANIFEST).map_err(|error| unreadable(format!("is no YAML: {error}")))?,
    };
    let found = |name: &str| short(value.get(name).and_then(Value::as_str).unwrap_or_default());
    let (api_version, kind) = (found("apiVersion"), found("kind"));
    if api_version == "v1" && kind == "Secret" {
        return Err(Wrong("plugin/secret", "is a Secret, which never goes to Git; name one that is there".to_owned()));
    }
    if !owned.contains(&OwnedKind { api_version: api_version.clone(), kind: kind.clone() }) {
        let what = format!("is a `{kind}` of `{api_version}`, and the plugin does not say that it owns this kind");
        return Err(Wrong("plugin/kind", what));
    }
    if let Some(secret) = secrets::scan(&value).first() {
        return Err(Wrong("plugin/secret", format!("holds a private key at {}", secret.pointer)));
    }
    let resource = resource(value)?;
    match resource.unknown_fields().first() {
        Some(field) => Err(unreadable(format!("has a field that its kind does not have: {}", short(field)))),
        None => Ok(resource),
    }
}

/// The resource with metadata that can be written.
fn resource(value: Value) -> Result<Resource, Wrong> {
    let wrong = |what: String| Wrong("plugin/metadata", what);
    let metadata = value.get("metadata").and_then(Value::as_object);
    let unknown = metadata.and_then(|fields| fields.keys().find(|field| !METADATA.contains(&field.as_str())));
    if let Some(field) = unknown {
        let what = format!("sets metadata.{}, and a manifest may set {}", short(field), METADATA.join(", "));
        return Err(wrong(what));
    }
    let resource =
        istio::resource(value).map_err(|error| Wrong("plugin/manifest", format!("is no resource: {error}")))?;
    let metadata = &resource.metadata;
    if !is_subdomain(&metadata.name) {
        let what = format!("is named `{}`: a name is a DNS subdomain (RFC 1123)", short(&metadata.name));
        return Err(wrong(what));
    }
    let ours = metadata.labels.keys().chain(metadata.annotations.keys()).find(|key| key.starts_with(OURS));
    match ours {
        Some(key) => Err(wrong(format!("sets {}, and {OURS} is for Meshwright", short(key)))),
        None => Ok(resource),
    }
}

fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let sane = bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
        sane && !bytes.is_empty() && bytes[0] != b'-' && bytes[bytes.len() - 1] != b'-'
    };
    name.len() <= LONGEST_NAME && name.split('.').all(label)
}

/// A finding of the plugin, about one of the intents that it was asked about.
fn said(plugin: &str, about: &Asking, sent: SentFinding) -> Result<Finding, String> {
    if !about.intents.iter().any(|intent| intent.anchor == sent.anchor) {
        return Err(format!("a finding is about `{}`, which it was not asked about", short(&sent.anchor)));
    }
    if sent.message.trim().is_empty() {
        return Err("a finding says nothing".to_owned());
    }
    let place = Place::pointing(sent.anchor, short(&sent.pointer));
    let message = format!("{plugin}: {}", cut(&sent.message));
    Ok(Finding { severity: sent.severity, ..Finding::error("plugin/says", place, message, cut(&sent.remedy)) })
}

/// Text of a plugin as it is repeated: on one line.
fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_TEXT);
    text[..end].chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn short(text: &str) -> String {
    cut(&crate::intent::quoted(text))
}
