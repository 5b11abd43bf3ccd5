//! One resource: its anchor, its body as it was sent, its spec as it was understood, and its state.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::anchor::Anchor;
use super::fields::{Fields, Violation};
use super::kind::{BodyForm, Kind};
use super::name::Name;
use super::posted::{self, PostedKey};
use super::scalar::text_of_at_most;
use super::sealing::Sealed;
use super::secrets;
use super::spec::Spec;

text_of_at_most!(Description, 1024);
text_of_at_most!(UserData, 512);

/// What Meshwright itself remembers of a resource; stored in Git beside its spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// An inbound intent that clients closed: it stays closed when the last one goes.
    pub closed: bool,
    /// A deployment intent group whose manifests were taken away.
    pub terminated: bool,
}

impl State {
    /// The state as it is shown and stored; `None` when there is nothing to say.
    #[must_use]
    pub fn to_value(self) -> Option<Value> {
        let mut map = Map::new();
        if self.closed {
            map.insert("access".into(), "closed".into());
        }
        if self.terminated {
            map.insert("terminated".into(), true.into());
        }
        (!map.is_empty()).then_some(Value::Object(map))
    }

    fn read(f: &mut Fields<'_>) -> Option<Self> {
        use super::scalar::Flag;
        use super::spec::Access;
        let access = f.optional::<Access>("access", "closed once a client was named");
        let terminated = f.optional::<Flag>("terminated", "whether its manifests were taken away");
        Some(Self { closed: access == Some(Access::Closed), terminated: terminated.is_some_and(|flag| flag.0) })
    }
}

/// A resource of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    anchor: Anchor,
    body: Arc<str>,
    spec: Spec,
    /// What Meshwright remembers of it.
    pub state: State,
}

impl Resource {
    /// Reads a body that is posted to the collection of `kind` below `parent`.
    ///
    /// `state` is read back too, but only files of the config repository decide it: see [`Resource::with_state_of`].
    ///
    /// # Errors
    /// All violations in it.
    pub fn read(parent: Option<&Anchor>, kind: Kind, body: &Value) -> Result<Self, Vec<Violation>> {
        let secrets = secrets::scan(body);
        if !secrets.is_empty() {
            return Err(secrets);
        }
        let (name, spec, state) = match kind.entry().form {
            BodyForm::Standard => Fields::read(body, "", |f| standard(f, kind))?,
            BodyForm::Label => Fields::read(body, "", label)?,
        };
        let version = if let Spec::CompositeApp(app) = &spec { Some(&app.version) } else { None };
        let anchor = Anchor::below(parent, kind, &name, version);
        Ok(Self { anchor, body: without_state(body).into(), spec, state })
    }

    /// The same of a body that may have a private key where one may be posted: what is read has none, and cannot be kept
    /// before the key is sealed, see [`Resource::with_sealed`].
    ///
    /// # Errors
    /// All violations in it.
    pub fn receive(
        parent: Option<&Anchor>,
        kind: Kind,
        mut body: Value,
    ) -> Result<(Self, Option<PostedKey>), Vec<Violation>> {
        let key = posted::take(kind, &mut body);
        Ok((Self::read(parent, kind, &body)?, key))
    }

    /// The same resource with its private key sealed.
    ///
    /// # Errors
    /// All violations in what that comes to.
    pub fn with_sealed(&self, sealed: &Sealed) -> Result<Self, Vec<Violation>> {
        let mut body = self.to_value();
        if let Some(place) = body.pointer_mut("/spec/external/sealed") {
            *place = sealed.to_value();
        }
        Self::read(self.anchor.parent().as_ref(), self.anchor.kind(), &body)
    }

    /// Where it lives.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// What it says.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The body as it was sent, as compact JSON, without the state.
    #[must_use]
    pub fn body(&self) -> &Arc<str> {
        &self.body
    }

    /// The body as it was sent, with the state beside it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut value: Value = serde_json::from_str(&self.body).unwrap_or_default();
        if let (Some(state), Some(map)) = (self.state.to_value(), value.as_object_mut()) {
            map.insert("state".into(), state);
        }
        value
    }

    /// The same as compact JSON text: what readers get.
    #[must_use]
    pub fn text(&self) -> String {
        match (self.state.to_value(), self.body.strip_suffix('}')) {
            (Some(state), Some(head)) => format!("{head},\"state\":{state}}}"),
            _ => self.body.to_string(),
        }
    }

    /// The entity tag of that text, without quotes: sixteen hexadecimal digits.
    #[must_use]
    pub fn etag(&self) -> String {
        let digest = Sha256::digest(self.text().as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same resource with the state of `other`: a body that is sent never decides the state.
    #[must_use]
    pub fn with_state_of(mut self, other: Option<&Self>) -> Self {
        self.state = other.map(|other| other.state).unwrap_or_default();
        self
    }

    /// The JSON schema of bodies of `kind`.
    #[must_use]
    pub fn schema(kind: Kind) -> Value {
        match kind.entry().form {
            BodyForm::Standard => {
                let mut schema = Fields::schema(|f| standard(f, kind));
                schema["properties"]["state"]["readOnly"] = true.into();
                schema
            }
            BodyForm::Label => Fields::schema(label),
        }
    }
}

fn standard(f: &mut Fields<'_>, kind: Kind) -> Option<(Name, Spec, State)> {
    let name = f.required_object("metadata", "who it is", |f| {
        let name = f.required::<Name>("name", "unique in its collection");
        f.optional::<Description>("description", "for people");
        f.optional::<UserData>("userData1", "kept as given");
        f.optional::<UserData>("userData2", "kept as given");
        name
    });
    let read = |f: &mut Fields<'_>| (kind.entry().read)(f);
    let spec = f.object_or_empty("spec", kind.entry().title, read);
    let state = f.object("state", "what Meshwright remembers of it; ignored when it is sent", State::read);
    Some((name?, spec?, state.unwrap_or_default()))
}

fn label(f: &mut Fields<'_>) -> Option<(Name, Spec, State)> {
    let name = f.required::<Name>("clusterLabel", "the label, which is also its name");
    Some((name?, Spec::ClusterLabel, State::default()))
}

fn without_state(body: &Value) -> String {
    match body.as_object() {
        Some(map) if map.contains_key("state") => {
            let mut map = map.clone();
            map.shift_remove("state");
            json!(map).to_string()
        }
        _ => body.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::kind::KINDS;

    #[test]
    fn every_documented_example_is_read() {
        for entry in KINDS {
            let body: Value = serde_json::from_str(entry.example).unwrap();
            let resource = Resource::read(None, entry.kind, &body).unwrap();
            assert_eq!(resource.to_value(), body, "{}", entry.title);
        }
    }

    #[test]
    fn all_violations_are_listed_with_their_pointers() {
        let body =
            json!({"metadata": {"name": "-x", "color": 1}, "spec": {"port": 0, "protocol": "SCTP", "colour": 2}});
        let violations = Resource::read(None, Kind::Inbound, &body).unwrap_err();
        let pointers: Vec<_> = violations.iter().map(|v| v.pointer.as_str()).collect();
        for pointer in [
            "/metadata/name",
            "/metadata/color",
            "/spec/app",
            "/spec/appLabel",
            "/spec/serviceName",
            "/spec/port",
            "/spec/protocol",
            "/spec/colour",
        ] {
            assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
        }
    }

    #[test]
    fn what_older_clients_leave_empty_is_not_said() {
        let certificates = json!({"serviceCertificate": "", "servicePrivateKey": "", "caCertificate": ""});
        let spec = json!({"app": "a", "appLabel": "app=a", "serviceName": "a", "port": 80, "protocol": "HTTP",
            "externalName": "", "serviceMesh": "", "edgeCNF": "", "external": {"externalCerts": certificates}});
        let body = json!({"metadata": {"name": "a"}, "spec": spec});
        let resource = Resource::read(None, Kind::Inbound, &body).unwrap();
        assert_eq!(resource.to_value(), body, "the body comes back as it was sent");
        let Spec::Inbound(inbound) = resource.spec() else { panic!("{body}") };
        assert_eq!(inbound.external_name, None);
    }

    #[test]
    fn what_follows_from_one_mistake_is_not_told_beside_it() {
        let spec = json!({"app": "a", "appLabel": "app=a", "serviceName": "a", "port": 53, "protocol": "UDP",
            "serviceMesh": "istio", "externalSupport": true, "management": {"tlsType": "SIMPLE"}});
        let body = json!({"metadata": {"name": "a"}, "spec": spec});
        let violations = Resource::read(None, Kind::Inbound, &body).unwrap_err();
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert_eq!(violations[0].pointer, "/spec/externalSupport");
    }

    #[test]
    fn what_an_exposure_lacks_is_not_told_where_it_could_not_be_read_or_cannot_be() {
        let name = ("externalName", json!("a.example.com"));
        let tls = |mode: &str| ("management", json!({"tlsType": mode}));
        for (more, pointer) in [
            (vec![("protocol", json!("HTTPS")), name.clone(), tls("SIMPLE")], "/spec/management/tlsType"),
            (vec![("protocol", json!("TLS")), name.clone(), tls("ISTIO_MUTUAL")], "/spec/management/tlsType"),
            (vec![("protocol", json!("TLS")), name.clone(), tls("PASSTROUGH")], "/spec/management/tlsType"),
            (
                vec![name.clone(), tls("SIMPLE"), ("external", json!({"credentialName": "-"}))],
                "/spec/external/credentialName",
            ),
            (vec![("externalName", json!("*.example.com"))], "/spec/externalName"),
            (vec![], "/spec/externalName"),
            (vec![name.clone(), tls("SIMPLE")], "/spec/external/credentialName"),
            (vec![("protocol", json!("TLS")), name], "/spec/external/port"),
        ] {
            let mut spec = json!({"app": "a", "appLabel": "app=a", "serviceName": "a", "port": 443, "protocol": "HTTP",
                "serviceMesh": "istio", "externalSupport": true});
            for (field, value) in more {
                spec[field] = value;
            }
            let body = json!({"metadata": {"name": "a"}, "spec": spec});
            let violations = Resource::read(None, Kind::Inbound, &body).unwrap_err();
            let pointers: Vec<_> = violations.iter().map(|violation| &*violation.pointer).collect();
            assert_eq!(pointers, [pointer], "{body}: {violations:?}");
            assert_eq!(violations[0].message.contains("wildcards are not supported"), body.to_string().contains('*'));
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_called_so() {
        let body = json!({"metadata": {"name": "a"}, "colour": 1});
        let violations = Resource::read(None, Kind::Project, &body).unwrap_err();
        assert!(violations[0].message.starts_with("is an unknown field; known here: metadata"), "{violations:?}");
    }

    #[test]
    fn the_entity_tag_is_of_what_readers_get() {
        let body = json!({"metadata": {"name": "shop"}});
        let mut project = Resource::read(None, Kind::Project, &body).unwrap();
        assert_eq!(project.text(), project.to_value().to_string());
        let (open, tag) = (project.clone(), project.etag());
        project.state.closed = true;
        assert_eq!(project.text(), r#"{"metadata":{"name":"shop"},"state":{"access":"closed"}}"#);
        assert_ne!(project.etag(), tag);
        assert_eq!(open.etag(), tag);
        assert_eq!(tag.len(), 16);
    }

    #[test]
    fn a_schema_lists_what_is_required() {
        let schema = Resource::schema(Kind::Inbound);
        assert_eq!(
            schema["properties"]["spec"]["required"],
            json!(["app", "appLabel", "serviceName", "port", "protocol"])
        );
        assert_eq!(schema["required"], json!(["metadata", "spec"]));
    }
}
