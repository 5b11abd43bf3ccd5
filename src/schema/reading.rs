//! Reading custom resource definitions, and finding the one of a resource.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use serde_path_to_error::Segment;

use super::check::{Check, Unsure};
use super::definition::{Definition, Version};
use super::run::Run;
use crate::finding::{Finding, Place};
use crate::{istio, yaml};

/// The rule of what is wrong by a schema, as `istioctl analyze` numbers it.
const SCHEMA: &str = "istio/IST0106";
/// The rule of versions that are deprecated.
const DEPRECATED: &str = "istio/IST0002";
/// The rule of definitions that cannot be used.
const DEFINITION: &str = "lint/crd";

/// Custom resource definitions, by group and kind.
#[derive(Debug, Default)]
pub struct Schemas {
    definitions: HashMap<String, HashMap<String, Defined>>,
    run: Run,
    /// What could not be evaluated, each once: what it is, where it stands, why, and for how many values.
    unsure: Mutex<BTreeMap<String, (Place, Unsure, usize)>>,
}

#[derive(Debug)]
struct Defined {
    definition: Definition,
    place: Place,
}

impl Schemas {
    /// Reads files of definitions, each with its path; what they hold beside is passed over.
    ///
    /// # Errors
    /// A file that is not YAML or holds no definition, and definitions that cannot be used.
    pub fn read(files: &[(String, String)]) -> Result<Self, Vec<Finding>> {
        let (mut schemas, mut wrong) = (Self::default(), vec![]);
        for (path, text) in files {
            if let Err(found) = schemas.file(path, text) {
                wrong.extend(found);
            }
        }
        if wrong.is_empty() { Ok(schemas) } else { Err(wrong) }
    }

    fn file(&mut self, path: &str, text: &str) -> Result<(), Vec<Finding>> {
        let fail = |line, column, message: String, remedy: &str| {
            Finding::error(DEFINITION, Place { line, column, ..Place::at(path) }, message, remedy)
        };
        let documents = yaml::documents(text).map_err(|error| vec![fail(1, 1, error.message, "split the file")])?;
        let (mut count, mut wrong) = (0, vec![]);
        for document in documents.iter() {
            let value = match yaml::value(document.text) {
                Ok(value) => value,
                Err(error) => {
                    let error = error.in_document_from(document.line);
                    wrong.push(fail(error.line.max(1), error.column.max(1), error.message, "mend the document"));
                    continue;
                }
            };
            for (pointer, value) in istio::unrolled(value).into_iter().filter(|(_, value)| is_definition(value)) {
                count += 1;
                let (line, column) = document.position(&pointer).unwrap_or((document.line, 1));
                let place = Place { line, column, ..Place::at(path) };
                if let Err((within, message)) = self.definition(value, place) {
                    let (line, column) = document.position(&format!("{pointer}{within}")).unwrap_or((line, column));
                    let message = if within.is_empty() { message } else { format!("#{within}: {message}") };
                    wrong.push(fail(line, column, message, "mend the definition, or leave it out"));
                }
            }
        }
        if count == 0 && wrong.is_empty() {
            let message = "the file holds no CustomResourceDefinition".to_owned();
            wrong.push(fail(1, 1, message, "name a file of definitions, such as those that Istio is installed with"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Takes a definition in, or tells where in it something is wrong, as a JSON pointer, and what.
    fn definition(&mut self, mut value: Value, place: Place) -> Result<(), (String, String)> {
        if value.get("apiVersion").and_then(Value::as_str) != Some("apiextensions.k8s.io/v1") {
            return Err(("/apiVersion".to_owned(), "a definition is of apiextensions.k8s.io/v1".to_owned()));
        }
        let spec = value.get_mut("spec").map(Value::take).unwrap_or_default();
        let definition: Definition = serde_path_to_error::deserialize(spec).map_err(|error| {
            let pointer = pointer(error.path());
            (pointer, error.into_inner().to_string())
        })?;
        let kinds = self.definitions.entry(definition.group.clone()).or_default();
        let kind = definition.names.kind.clone();
        if kinds.contains_key(&kind) {
            return Err((String::new(), format!("{kind} of {} is defined twice", definition.group)));
        }
        kinds.insert(kind, Defined { definition, place });
        Ok(())
    }

    /// Checks the value of a resource against its definition; pointers lead from the resource. Nothing is found where the
    /// group of the resource has no definition here.
    pub fn check(&self, value: &Value) -> Vec<Finding> {
        let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let (Some((group, version)), kind) = (text("apiVersion").split_once('/'), text("kind")) else { return vec![] };
        let Some(kinds) = self.definitions.get(group).filter(|_| !kind.is_empty()) else { return vec![] };
        let at = |pointer: &str| Place::pointing("", pointer);
        let Some(Defined { definition, place }) = kinds.get(kind) else {
            let message = format!("{group} has no kind {kind:?}");
            return vec![Finding::error(SCHEMA, at("/kind"), message, "mind the spelling, or the apiVersion")];
        };
        let served: Vec<&str> =
            definition.versions.iter().filter(|version| version.served).map(|version| version.name.as_str()).collect();
        let remedy = format!("use one of {}", served.join(", "));
        let Some(version) = definition.versions.iter().find(|it| it.name == version) else {
            let message = format!("{kind} has no version {version:?}");
            return vec![Finding::error(SCHEMA, at("/apiVersion"), message, remedy)];
        };
        let mut found = vec![];
        if !version.served {
            let message = format!("the version {} of {kind} is not served", version.name);
            found.push(Finding::error(SCHEMA, at("/apiVersion"), message, remedy));
        } else if version.deprecated {
            let message = version.deprecation_warning.clone();
            let message = message.unwrap_or_else(|| format!("the version {} of {kind} is deprecated", version.name));
            found.push(Finding::warning(DEPRECATED, at("/apiVersion"), message, remedy));
        }
        let mut check = Check::new(&self.run);
        check.resource(&version.schema.schema, value);
        found.extend(check.faults.into_iter().map(|it| Finding::error(SCHEMA, at(&it.pointer), it.message, it.remedy)));
        for unsure in check.unsure {
            self.note(group, kind, version, place, unsure);
        }
        found
    }

    fn note(&self, group: &str, kind: &str, version: &Version, place: &Place, unsure: Unsure) {
        let mut all = self.unsure.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{group}/{} {kind} {}", version.name, unsure.what);
        all.entry(key).or_insert_with(|| (place.clone(), unsure, 0)).2 += 1;
    }

    #[cfg(test)]
    pub(super) fn spend(&self, steps: u64) {
        self.run.spend(steps);
    }

    /// The rules and patterns that could not be evaluated for the values that were checked, each told once.
    pub fn unsure(&self) -> Vec<Finding> {
        let all = self.unsure.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |(place, unsure, count): &(Place, Unsure, usize)| {
            let values = if *count == 1 { "1 value was".to_owned() } else { format!("{count} values were") };
            let message = format!("{values} not held against {}: {}", unsure.what, unsure.why);
            Finding::note("lint/cel", place.clone(), message)
        };
        all.values().map(told).collect()
    }
}

/// The JSON pointer to what serde could not read in a `spec`.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = "/spec".to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    pointer
}

fn is_definition(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some("CustomResourceDefinition")
}
