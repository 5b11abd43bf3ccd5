//! What an outside plugin answers, read once: resources of kinds that it owns, in places that it was asked about.

use std::sync::Arc;

use serde_json::Value;

use super::fault::{Fault, Reason, without_key};
use super::kind::OwnedKind;
use super::v1;
use super::value::{Counted, DEEPEST};
use crate::finding::{Finding, Place, Severity};
use crate::intent::secrets;
use crate::istio::{self, Resource};
use crate::render::{Answer, Asking};
use crate::yaml::{self, Limits};

/// The most bytes of one manifest, its deepest nesting, and the most nodes that its aliases may add.
const MANIFEST: Limits = Limits { bytes: 256 << 10, depth: DEEPEST, aliased_nodes: 1000 };

/// The most bytes of all manifests of one answer, each as often as it has clusters.
const LONGEST_ANSWER: usize = 1 << 20;

/// The most manifests of one answer, each as often as it has clusters.
const MOST_MANIFESTS: usize = 256;

/// The most findings of one answer.
const MOST_FINDINGS: usize = 100;

/// The longest text of a finding, in bytes.
const LONGEST_TEXT: usize = 1000;

/// The longest name of a resource, which becomes part of the name of a file.
const LONGEST_NAME: usize = 180;

/// The longest value of a label, in bytes (Kubernetes, "Labels and Selectors").
const LONGEST_VALUE: usize = 63;

/// The fields of `metadata` that manifests may set.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];

/// What begins the names of our own labels and annotations.
const OURS: &str = "meshwright.dev/";

/// Reads what the plugin called `plugin`, which owns `owned`, answered when it was asked `about`.
///
/// # Errors
/// The first thing in it that cannot be taken.
pub(super) fn answer(
    plugin: &str,
    owned: &[OwnedKind],
    about: &Asking,
    response: v1::RenderResponse,
) -> Result<Answer, Fault> {
    let v1::RenderResponse { manifests, findings, .. } = response;
    let wrong =
        |what: String| Fault::new(Reason::Wrong, format!("answers for {} what cannot be taken: {what}", about.name()));
    let count: usize = manifests.iter().map(|manifest| manifest.clusters.len()).sum();
    let bytes = |manifest: &v1::Manifest| manifest.resource.len().saturating_mul(manifest.clusters.len());
    let bytes = manifests.iter().map(bytes).fold(0, usize::saturating_add);
    if count > MOST_MANIFESTS || findings.len() > MOST_FINDINGS || bytes > LONGEST_ANSWER {
        let findings = findings.len();
        return Err(wrong(format!(
            "{count} manifests of {bytes} bytes and {findings} findings, where {MOST_MANIFESTS}, {LONGEST_ANSWER} and \
             {MOST_FINDINGS} are allowed; a manifest counts for each of its clusters"
        )));
    }
    let mut answer = Answer { resources: Vec::with_capacity(count), ..Answer::default() };
    for (index, v1::Manifest { clusters, resource: sent }) in manifests.into_iter().enumerate() {
        let of_manifest = |what: String| wrong(format!("manifest {} {what}", index + 1));
        if clusters.is_empty() {
            return Err(of_manifest("names no cluster that it is for".to_owned()));
        }
        let (resource, values) = read(&sent, owned).map_err(of_manifest)?;
        answer.bytes += sent.len() + values * VALUE + clusters.len() * CLUSTER;
        let resource = Arc::new(resource);
        let namespace = resource.metadata.namespace.as_str();
        for cluster in clusters {
            if !about.is_in(&cluster, namespace) {
                let (namespace, cluster) = (short(namespace), short(&cluster));
                return Err(of_manifest(format!(
                    "is for namespace `{namespace}` of cluster `{cluster}`, which it was not asked about"
                )));
            }
            answer.resources.push((cluster, Arc::clone(&resource)));
        }
    }
    answer.resources.sort_by(|a, b| identity(a).cmp(&identity(b)));
    if let Some(pair) = answer.resources.windows(2).find(|pair| identity(&pair[0]) == identity(&pair[1])) {
        let [cluster, kind, namespace, name] = identity(&pair[0]);
        return Err(wrong(format!("it holds the {kind} {namespace}/{name} of {cluster} twice")));
    }
    for finding in findings {
        let finding = said(plugin, about, finding).map_err(wrong)?;
        answer.bytes += FINDING + finding.message.len() + finding.remedy.len();
        answer.findings.push(finding);
    }
    Ok(answer)
}

/// What a value takes in memory, what a cluster does that shares it, and a finding beside its texts, in bytes, about.
const VALUE: usize = 100;
const CLUSTER: usize = 100;
const FINDING: usize = 400;

fn identity((cluster, resource): &(String, Arc<Resource>)) -> [&str; 4] {
    [cluster, resource.kind_name(), &resource.metadata.namespace, &resource.metadata.name]
}

/// Reads one manifest, with how many values it has.
fn read(sent: &[u8], owned: &[OwnedKind]) -> Result<(Resource, usize), String> {
    let text = std::str::from_utf8(sent).map_err(|_| "is not UTF-8".to_owned())?;
    MANIFEST.admit(text).map_err(|error| format!("is too long: {error}"))?;
    let Counted { value, count } = match text.trim_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(|error| unread("JSON", &error.to_string()))?,
        false => yaml::from_str_within(text, MANIFEST).map_err(|error| unread("YAML", &error.to_string()))?,
    };
    let found = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (found("apiVersion"), found("kind"));
    if !owned.iter().any(|owned| (owned.api_version.as_str(), owned.kind.as_str()) == (api_version, kind)) {
        let kind = OwnedKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
        return Err(match kind.refused() {
            Some(why) => format!("is a {kind}, which {why}"),
            None => format!("is a {kind}, and the plugin does not say that it owns this kind"),
        });
    }
    if let Some(secret) = secrets::scan(&value).first() {
        return Err(format!("holds a private key at {}", cut(&secret.pointer)));
    }
    let resource = resource(value)?;
    match resource.unknown_fields().first() {
        Some(field) => Err(format!("has a field that its kind does not have: {}", short(field))),
        None => Ok((resource, count)),
    }
}

/// That a manifest cannot be read, without a key that the error might repeat.
fn unread(format: &str, error: &str) -> String {
    match secrets::holds_private_key(error) {
        true => format!("cannot be read as {format}, and why is not said: that would repeat a private key"),
        false => format!("cannot be read as {format}: {}", cut(error)),
    }
}

/// The resource with metadata that can be written.
fn resource(value: Value) -> Result<Resource, String> {
    let metadata = value.get("metadata").and_then(Value::as_object);
    let unknown = metadata.and_then(|fields| fields.keys().find(|field| !METADATA.contains(&field.as_str())));
    if let Some(field) = unknown {
        return Err(format!("sets metadata.{}, and a manifest may set {}", short(field), METADATA.join(", ")));
    }
    let resource = istio::resource(value).map_err(|error| format!("is no resource: {error}"))?;
    let metadata = &resource.metadata;
    if !is_subdomain(&metadata.name) {
        let name = short(&metadata.name);
        return Err(format!(
            "is named `{name}`: a name is a DNS subdomain (RFC 1123) of at most {LONGEST_NAME} characters"
        ));
    }
    if resource.kind() == istio::Kind::ConfigMap && metadata.name == KEEPER {
        return Err(format!("is the ConfigMap `{KEEPER}`, which keeps the directory of a namespace"));
    }
    if let Some((key, _)) = metadata.labels.iter().find(|(key, value)| !is_label(key, value)) {
        return Err(format!("has a label that Kubernetes refuses: `{}`", short(key)));
    }
    if let Some(key) = metadata.annotations.keys().find(|key| !istio::is_qualified_name(key)) {
        return Err(format!(
            "has an annotation whose key Kubernetes refuses: `{}`; a key is at most 63 letters, digits, `-`, `_` and `.` \
             between letters or digits, and may have a DNS subdomain (RFC 1123) and `/` before them",
            short(key)
        ));
    }
    let ours = metadata.labels.keys().chain(metadata.annotations.keys()).find(|key| key.starts_with(OURS));
    match ours {
        Some(key) => Err(format!("sets {}, and {OURS} is for Meshwright", short(key))),
        None => Ok(resource),
    }
}

/// The ConfigMap that keeps the directory of a namespace.
const KEEPER: &str = "meshwright";

/// Whether Kubernetes takes a label: unlike Istio it bounds values and wants prefixes of keys in lower case.
fn is_label(key: &str, value: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    let lower = !prefix.bytes().any(|byte| byte.is_ascii_uppercase());
    lower && value.len() <= LONGEST_VALUE && istio::is_kubernetes_label(key, value)
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
fn said(plugin: &str, about: &Asking, sent: v1::Finding) -> Result<Finding, String> {
    if !about.intents.iter().any(|intent| intent.anchor.as_str() == sent.anchor) {
        return Err(format!("a finding is about `{}`, which it was not asked about", short(&sent.anchor)));
    }
    if sent.message.trim().is_empty() {
        return Err("a finding says nothing".to_owned());
    }
    // What is not said blocks.
    let severity = match sent.severity() {
        v1::finding::Severity::Note => Severity::Note,
        v1::finding::Severity::Warning => Severity::Warning,
        v1::finding::Severity::Unspecified | v1::finding::Severity::Error => Severity::Error,
    };
    let (message, remedy) = (cut(&sent.message), cut(&sent.remedy));
    if secrets::holds_private_key(&message) || secrets::holds_private_key(&remedy) {
        return Err(format!("a finding about {} holds a private key", sent.anchor));
    }
    let place = Place::pointing(sent.anchor, short(&sent.pointer));
    Ok(Finding { severity, ..Finding::error("plugin/says", place, format!("{plugin}: {message}"), remedy) })
}

/// Text of a plugin as it is repeated: on one line.
fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_TEXT);
    text[..end].chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn short(text: &str) -> String {
    without_key(cut(&crate::intent::quoted(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::intent::scalar::DnsLabel;
    use crate::intent::{Anchor, ClusterId};
    use crate::render::{AskedIntent, Subject};

    fn refused(sent: &str) -> String {
        read(sent.as_bytes(), &[]).unwrap_err()
    }

    #[test]
    fn what_cannot_be_read_is_told_without_a_key_in_it() {
        let key = "-----BEGIN PRIVATE KEY-----";
        assert_eq!(
            refused(&format!("? {key}\n: 1\n? {key}\n: 2\n")),
            "cannot be read as YAML, and why is not said: that would repeat a private key"
        );
        assert!(refused("a: 1\na: 2\n").starts_with("cannot be read as YAML: "));
        assert!(refused("{\"a\": 1").starts_with("cannot be read as JSON: EOF"));
        let namespace = DnsLabel::parse("shop").unwrap();
        let intent = AskedIntent {
            anchor: Anchor::parse("projects/shop").unwrap(),
            body: "{}".into(),
            namespace: namespace.clone(),
            clusters: Arc::default(),
            closed: false,
            protocol: "",
        };
        let subject = Subject::Service("cart".into());
        let about = Asking { namespace, subject, intents: vec![intent], clusters: vec![] };
        let said = |anchor: &str, message: &str, remedy: &str| {
            let [anchor, message, remedy] = [anchor, message, remedy].map(str::to_owned);
            said("np", &about, v1::Finding { anchor, message, remedy, ..v1::Finding::default() })
        };
        let refused = Err("a finding about projects/shop holds a private key".to_owned());
        assert_eq!(said("projects/shop", key, ""), refused);
        assert_eq!(said("projects/shop", "no", key), refused);
        let error = said(key, "no", "").unwrap_err();
        assert!(error.contains("(not repeated") && !error.contains(key), "{error}");
        assert!(said("projects/shop", "no", "").is_ok());
    }

    #[test]
    fn labels_and_annotations_are_those_that_kubernetes_takes() {
        let of = |field: &str, key: &str, value: &str| {
            let metadata = json!({"name": "cart", "namespace": "shop", field: {key: value}});
            let sent = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
            resource(sent).err().unwrap_or_default()
        };
        let long = "n".repeat(64);
        for (key, value) in [("a", ""), ("a_b.C-d", "x_y.Z"), ("example.com/a", &long[1..]), (&long[1..], "1")] {
            assert_eq!((of("labels", key, value), of("annotations", key, value)), Default::default(), "{key}={value}");
        }
        for value in ["-", "a_", ".a", "a b", "a/b", &long] {
            assert_eq!(of("labels", "a", value), "has a label that Kubernetes refuses: `a`", "{value}");
            assert_eq!(of("annotations", "a", value), "", "{value}");
        }
        let prefix = format!("{}a/b", "a.".repeat(127));
        for key in ["", "/x", "a/", "a//b", "a/b/c", "a_", "-a", "a b", "a_b/c", "ä", &long, &prefix] {
            let (label, annotation) = (of("labels", key, ""), of("annotations", key, ""));
            assert!(label.starts_with("has a label that Kubernetes refuses: `"), "{key}: {label}");
            assert!(annotation.starts_with("has an annotation whose key Kubernetes refuses: `"), "{key}: {annotation}");
        }
        // Kubernetes puts keys of annotations in lower case before it looks at them, those of labels not.
        assert_eq!(of("labels", "X.y/z", ""), "has a label that Kubernetes refuses: `X.y/z`");
        assert_eq!(of("annotations", "X.y/z", ""), "");
    }

    #[test]
    fn a_manifest_counts_for_each_of_its_clusters_and_has_one() {
        let namespace = DnsLabel::parse("shop").unwrap();
        let names = || (0..300).map(|number| format!("gke/{number:03}"));
        let ids = names().map(|name| ClusterId { provider: "gke".into(), cluster: name[4..].to_owned() }).collect();
        let intent = AskedIntent {
            anchor: Anchor::parse("projects/shop").unwrap(),
            body: "{}".into(),
            namespace: namespace.clone(),
            clusters: Arc::new(ids),
            closed: false,
            protocol: "HTTP",
        };
        let subject = Subject::Service("cart".into());
        let about = Asking { namespace, subject, intents: vec![intent], clusters: vec![] };
        let owned = [OwnedKind { api_version: "networking.k8s.io/v1".into(), kind: "NetworkPolicy".into() }];
        let text = |padding: usize| {
            let resource = json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"padding": "x".repeat(padding)},
            });
            resource.to_string().into_bytes()
        };
        let read = |manifests: Vec<v1::Manifest>| {
            answer("np", &owned, &about, v1::RenderResponse { manifests, ..v1::RenderResponse::default() })
        };
        let answered = |manifests: Vec<(usize, usize)>| {
            let manifest = |(clusters, padding)| v1::Manifest {
                clusters: names().take(clusters).collect(),
                resource: text(padding),
            };
            read(manifests.into_iter().map(manifest).collect())
        };
        let clusters = |answer: Answer| answer.resources.into_iter().map(|(cluster, _)| cluster).collect::<Vec<_>>();
        assert_eq!(answered(vec![(256, 0)]).map(clusters), Ok(names().take(256).collect()));
        for (manifests, words) in [
            (vec![(0, 0)], "manifest 1 names no cluster that it is for"),
            (vec![(257, 0)], "257 manifests of "),
            (vec![(200, 0), (57, 0)], "257 manifests of "),
            (vec![(11, 100_000)], "11 manifests of 11"),
            (vec![(1, 0), (2, 0)], "it holds the NetworkPolicy shop/cart of gke/000 twice"),
        ] {
            let words = format!("answers for shop/cart what cannot be taken: {words}");
            let fault = answered(manifests).unwrap_err();
            assert!(fault.words.starts_with(&words), "{}", fault.words);
        }
        let of = |clusters: &[&str]| v1::Manifest {
            clusters: clusters.iter().map(|name| (*name).to_owned()).collect(),
            resource: text(0),
        };
        let twice = read(vec![of(&["gke/000", "gke/000"])]).unwrap_err();
        assert!(twice.words.contains("of gke/000 twice"), "{}", twice.words);
        // However it is sent, the same is the same.
        assert_eq!(read(vec![of(&["gke/001", "gke/000"])]), read(vec![of(&["gke/000"]), of(&["gke/001"])]));
        assert_ne!(read(vec![of(&["gke/000"])]), read(vec![of(&["gke/001"])]));
    }

    #[test]
    fn yaml_has_the_limits_of_json() {
        let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(refused(&nested(DEEPEST)).starts_with("is a `` of ``"), "{}", refused(&nested(DEEPEST)));
        let (deeper, longer) = (refused(&nested(DEEPEST + 1)), refused(&format!("a: [{}1]", "1,".repeat(20_000))));
        assert!(deeper.starts_with("cannot be read as YAML: ") && deeper.contains("dep"), "{deeper}");
        assert!(longer.contains("has more than 20000 values"), "{longer}");
    }
}
