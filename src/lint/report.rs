//! Where a check stands in a resource, and what it has found so far.

use std::fmt::Write as _;

use crate::finding::{Finding, Place};

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

/// What was found in one resource.
pub(super) struct Report<'a> {
    place: &'a Place,
    pub(super) found: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        Self { place, found: Vec::new() }
    }

    /// Something that Istio refuses.
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
        let place = self.place(at);
        self.found.push(Finding::warning(rule, place, message, remedy));
    }

    /// Something that is worth knowing.
    pub(super) fn note(&mut self, rule: &'static str, at: At<'_>, message: impl Into<String>, remedy: &str) {
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
pub(super) const DEPRECATED: &str = "istio/IST0002";

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
