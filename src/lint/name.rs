//! What Kubernetes asks of names (`staging/src/k8s.io/apimachinery`, `pkg/util/validation/validation.go`).

use super::report::{METADATA, Report};
use super::syntax::is_label;
use crate::istio::{Kind, Resource};

/// `lint/name`, for the kinds that rules are about. `generated` is whether the resource asks for a name.
pub(super) fn check(report: &mut Report<'_>, resource: &Resource, generated: bool) {
    let metadata = &resource.metadata;
    let at = METADATA.member("name");
    let name = metadata.name.as_str();
    // Rule 10 asks more of the names of Gateways.
    let told = resource.kind() == Kind::Gateway && !is_label(name);
    if name.is_empty() {
        if !generated && !told {
            report.error(NAME, at, "the resource has no name", "set metadata.name");
        }
    } else if resource.is_service() && (!is_dns_label(name) || name.starts_with(|first: char| first.is_ascii_digit())) {
        let remedy = "write up to 63 small letters, digits and inner hyphens, a letter first";
        report.error(NAME, at, format!("{name:?} is not the name of a Service"), remedy);
    } else if !is_dns_subdomain(name) && !told {
        let remedy = "write small letters, digits, inner hyphens and dots";
        report.error(NAME, at, format!("{name:?} is not a name that Kubernetes takes"), remedy);
    }
    if !metadata.namespace.is_empty() && !is_dns_label(&metadata.namespace) {
        let message = format!("{:?} is not the name of a namespace", metadata.namespace);
        let remedy = "write up to 63 small letters, digits and inner hyphens";
        report.error(NAME, METADATA.member("namespace"), message, remedy);
    }
}

const NAME: &str = "lint/name";

/// A label of RFC 1123 in small letters.
fn is_dns_label(text: &str) -> bool {
    is_label(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Labels of RFC 1123 in small letters, of any length, between dots.
fn is_dns_subdomain(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label =
        |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner);
    text.len() <= 253 && text.split('.').all(label)
}
