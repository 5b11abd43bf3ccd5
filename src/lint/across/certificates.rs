//! The certificates of Gateways: IST0101 and IST0161 for Secrets, IST0138 for one that several serve.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::super::report::{At, Report, SPEC};
use super::labels::Labelled;
use crate::istio::{Gateway, Resource, Secret, SecretText, ServerTlsSettings, Spec, StringMap};

/// The Secrets, the workloads, and the certificates that Gateways serve.
#[derive(Default)]
pub(super) struct Certificates<'a> {
    secrets: HashMap<(&'a str, &'a str), Secret<'a>>,
    /// Secrets that something else makes.
    made: HashSet<(&'a str, &'a str)>,
    with_secrets: HashSet<&'a str>,
    /// The namespaces of Secrets of a name, where there is but one.
    named: HashMap<&'a str, Option<&'a str>>,
    /// The namespaces of workloads, by their labels.
    workloads: Labelled<'a, &'a str>,
    /// Gateways by what they serve, with their selectors.
    serving: HashMap<Source<'a>, Labelled<'a, (&'a str, &'a str)>>,
}

/// Where a certificate comes from: a Secret, or two files.
type Source<'a> = (&'a str, &'a str);

fn source(tls: &ServerTlsSettings) -> Option<Source<'_>> {
    match (tls.credential_name.as_str(), tls.server_certificate.as_str(), tls.private_key.as_str()) {
        ("", "", _) | ("", _, "") => None,
        ("", certificate, key) => Some((certificate, key)),
        (secret, ..) => Some((secret, "")),
    }
}

impl<'a> Certificates<'a> {
    pub(super) fn add(&mut self, resource: &'a Resource) {
        let (namespace, name) = (resource.metadata.namespace.as_str(), resource.metadata.name.as_str());
        if let Some(secret) = resource.secret() {
            self.with_secrets.insert(namespace);
            self.named
                .entry(name)
                .and_modify(|home| *home = home.filter(|home| *home == namespace))
                .or_insert(Some(namespace));
            self.secrets.insert((namespace, name), secret);
        } else if let Some(made) = resource.makes_secret() {
            self.made.insert((namespace, made));
        } else if let Some(labels) = resource.pod_labels() {
            self.workloads.add(Cow::Owned(labels), namespace);
        } else if let Spec::Gateway(gateway) = &resource.spec {
            let sources: BTreeSet<_> =
                gateway.servers.iter().filter_map(|server| source(server.tls.as_ref()?)).collect();
            for source in sources {
                self.serving.entry(source).or_default().add(Cow::Borrowed(&gateway.selector), (namespace, name));
            }
        }
    }

    pub(super) fn check(&self, report: &mut Report<'_>, resource: &Resource, gateway: &Gateway) {
        let own = (resource.metadata.namespace.as_str(), resource.metadata.name.as_str());
        let home = self.home(&gateway.selector);
        let list = SPEC.member("servers");
        // Who serves a certificate, too, is looked for once: a proxy of this Gateway serves those that ask for no more labels.
        let mut found: HashMap<Source<'_>, Option<&(&str, &str)>> = HashMap::new();
        for (index, server) in gateway.servers.iter().enumerate() {
            let Some(tls) = &server.tls else { continue };
            let at = list.item(index);
            let at = at.member("tls");
            let several = at.member("credentialNames");
            for (number, name) in tls.credential_names.iter().enumerate() {
                self.secret(report, several.item(number), home, own.0, name);
            }
            if !tls.credential_name.is_empty() {
                self.secret(report, at.member("credentialName"), home, own.0, &tls.credential_name);
            }
            let Some(source) = source(tls) else { continue };
            let look = || self.serving.get(&source)?.find(&gateway.selector, |other| *other != own);
            if let Some((namespace, name)) = found.entry(source).or_insert_with(look) {
                let message = format!(
                    "the Gateway {namespace}/{name} serves this certificate too; browsers that reuse connections get 404"
                );
                report.warning("istio/IST0138", at, message, "make them one Gateway, or give each a certificate");
            }
        }
    }

    /// The namespace of the proxies that a Gateway selects, if there is one.
    fn home(&self, selector: &StringMap) -> Option<&'a str> {
        if selector.is_empty() {
            return None;
        }
        let home = *self.workloads.find(selector, |_| true)?;
        self.workloads.find(selector, |other| *other != home).is_none().then_some(home)
    }

    /// IST0101 and IST0161 for one Secret. Where no proxy here is selected, it is the one beside the Gateway, or the only one
    /// of its name, and not missed.
    fn secret(&self, report: &mut Report<'_>, at: At<'_>, home: Option<&str>, own: &str, name: &str) {
        let name = name.strip_prefix("kubernetes://").unwrap_or(name);
        if name.contains('/') {
            return;
        }
        let only = self.named.get(name).copied().flatten();
        let beside = || if self.secrets.contains_key(&(own, name)) { Some(own) } else { only };
        let Some(namespace) = home.or_else(beside) else { return };
        match self.secrets.get(&(namespace, name)) {
            Some(secret) => {
                if let Err(why) = is_servable(*secret) {
                    let message = format!("the Secret {namespace}/{name} {why}");
                    let remedy = "put a certificate and its key into tls.crt and tls.key, in PEM";
                    report.error("istio/IST0161", at, message, remedy);
                }
            }
            None if self.made.contains(&(namespace, name)) => {}
            None if self.with_secrets.contains(namespace) || self.named.contains_key(name) => {
                let message = format!("there is no Secret {name} in {namespace}, where the selected proxies are");
                report.error("istio/IST0101", at, message, "create it there, or name another");
            }
            None => {}
        }
    }
}

/// Whether a proxy can serve what a Secret holds. When it expires is not looked at.
///
/// Source: `pilot/pkg/credentials/kube/secrets.go`, `ExtractCertInfo`; `pilot/pkg/xds/sds.go`, `ValidateCertificate`.
fn is_servable(secret: Secret<'_>) -> Result<(), &'static str> {
    let pairs = [("cert", "key"), ("tls.crt", "tls.key")];
    let certificate = pairs.iter().find_map(|(certificate, key)| secret.text(key).and(secret.text(certificate)));
    let pem = match certificate.ok_or("has neither cert and key nor tls.crt and tls.key")? {
        SecretText::Plain(text) => text.to_owned(),
        SecretText::Encoded(text) => {
            // Kubernetes reads over line breaks, as Go does (`encoding/base64`).
            let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let bytes = STANDARD.decode(text).map_err(|_| "has a certificate that is not base64")?;
            String::from_utf8(bytes).map_err(|_| "has a certificate that is not PEM")?
        }
    };
    let begun = pem.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----"));
    let (_, rest) = begun.ok_or("has a certificate that is not PEM")?;
    let (body, _) = rest.split_once("-----END ").ok_or("has a certificate that is cut off")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(body).map_err(|_| "has a certificate that is not PEM")?;
    Certificate::from_der(&der).map(drop).map_err(|_| "has a certificate that cannot be read")
}
