//! Where a check stands in a resource, and what it has found so far.

use std::fmt::Write as _;

use super::rules::rule;
use crate::finding::{Finding, Place, Severity};
use crate::istio::Resource;

/// A place in a resource; made into a JSON pointer only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

/// The `spec` of a resource.
pub(super) const SPEC: At<'static> = At { parent: None, step: Step::Member("spec") };

/// The `metadata` of a resource.
pub(super) const METADATA: At<'static> = At { parent: None, step: Step::Member("metadata") };

impl<'a> At<'a> {
    /// A top-level member of a resource.
    pub(super) fn top(name: &'a str) -> Self {
        Self { parent: None, step: Step::Member(name) }
    }

    /// A member of the map at this place.
    pub(super) fn member(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    /// An item of the list at this place.
    pub(super) fn item(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }

    fn write(&self, pointer: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(pointer);
        }
        pointer.push('/');
        match self.step {
            Step::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => {
                let _ = write!(pointer, "{index}");
            }
        }
    }
}

/// The annotation that names the codes of `istioctl analyze` that it shall not give a resource.
const SUPPRESS: &str = "galley.istio.io/analyze-suppress";

/// What was found in one resource.
pub(super) struct Report<'a> {
    place: &'a Place,
    /// The codes that the resource does not want to be told, or `*` for all.
    suppressed: Option<&'a str>,
    pub(super) found: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(place: &'a Place, resource: &'a Resource) -> Self {
        let suppressed = resource.metadata.annotations.get(SUPPRESS).map(String::as_str);
        Self { place, suppressed, found: Vec::new() }
    }

    /// Whether the resource asks not to be told of a rule, by its name or by Istio's code (`pkg/config/analysis/local`,
    /// `filterMessages`). What Istio refuses is told nonetheless.
    fn is_suppressed(&self, name: &str, severity: Severity) -> bool {
        let Some(codes) = self.suppressed else { return false };
        let code = rule(name).and_then(|rule| rule.code(severity));
        codes.split(',').map(str::trim).any(|asked| asked == "*" || asked == name || Some(asked) == code)
    }

    /// Something that Istio or Kubernetes refuses, or an error of `istioctl analyze`.
    pub(super) fn error(
        &mut self,
        rule: &'static str,
        at: At<'_>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let place = self.place(at);
        self.found.push(Finding::error(rule, place, message, remedy));
    }

    /// Something that Istio admits and that is probably not meant.
    pub(super) fn warning(
        &mut self,
        rule: &'static str,
        at: At<'_>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.is_suppressed(rule, Severity::Warning) {
            return;
        }
        let place = self.place(at);
        self.found.push(Finding::warning(rule, place, message, remedy));
    }

    /// Something that is worth knowing.
    pub(super) fn note(&mut self, rule: &'static str, at: At<'_>, message: impl Into<String>, remedy: &str) {
        if self.is_suppressed(rule, Severity::Note) {
            return;
        }
        let place = self.place(at);
        self.found.push(Finding { remedy: remedy.to_owned(), ..Finding::note(rule, place, message) });
    }

    /// Something that Istio no longer wants written.
    pub(super) fn deprecated(&mut self, at: At<'_>, what: &str, instead: &str) {
        self.warning(DEPRECATED, at, format!("{what} is deprecated"), format!("use {instead}"));
    }

    /// Something at a JSON pointer in the resource.
    pub(super) fn error_at(&mut self, rule: &'static str, pointer: &str, message: impl Into<String>, remedy: &str) {
        let place = self.pointing(pointer);
        self.found.push(Finding::error(rule, place, message, remedy));
    }

    /// A field that the schema does not have.
    pub(super) fn no_field(&mut self, rule: &'static str, pointer: &str) {
        let name = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let message = format!("there is no field {name}");
        self.error_at(rule, pointer, message, "mind the spelling, or remove it");
    }

    fn place(&self, at: At<'_>) -> Place {
        let mut pointer = String::new();
        at.write(&mut pointer);
        self.pointing(&pointer)
    }

    fn pointing(&self, pointer: &str) -> Place {
        Place { pointer: format!("{}{pointer}", self.place.pointer), ..self.place.clone() }
    }
}

/// The rule of deprecated fields, values and versions, as `istioctl analyze` numbers it.
const DEPRECATED: &str = "istio/IST0002";

/// The rule of fields and values that the schema does not have, as `istioctl analyze` numbers it.
pub(super) const SCHEMA: &str = "istio/IST0106";

/// The rule of what the schema has and Istio warns of, as `istioctl analyze` numbers it.
pub(super) const SCHEMA_WARNING: &str = "istio/IST0133";

/// Reports a value that its enumeration does not have.
macro_rules! known {
    ($report:expr, $rule:expr, $at:expr, $value:expr, $type:ty) => {
        if let Some(value) = &$value
            && !value.is_known()
        {
            $report.error(
                $rule,
                $at,
                format!("{value} is not a value of this field"),
                format!("use one of {}", <$type>::KNOWN.join(", ")),
            );
        }
    };
}

pub(super) use known;
