//! Anybody's files of manifests, read and checked.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::name;
use super::named::{Named, Names};
use super::report::{METADATA, Report, SCHEMA};
use super::{lint, lint_across};
use crate::finding::{Finding, Place};
use crate::istio::{self, Kind, NoResource, Resource};
use crate::yaml::{self, Document, Limits};

/// The most findings of one file that are told.
const MOST: usize = 1_000;

/// A file of manifests, with what is wrong with each of them alone.
#[derive(Debug, Clone, Default)]
pub struct Manifests {
    text: String,
    /// The resources, with the line of the stream on which their document begins, and the pointer to them there.
    resources: Vec<(Place, Resource)>,
    names: Names,
    findings: Vec<Finding>,
}

/// What else is to be held against a resource: findings with pointers into its value.
pub type Check<'c> = &'c (dyn Fn(&serde_json::Value) -> Vec<Finding> + Sync);

impl Manifests {
    /// The longest file that is read, in bytes.
    pub const LONGEST: usize = Limits::DEFAULT.bytes;

    /// Reads a file, and checks each of its resources by [`lint()`] and by `also`.
    #[must_use]
    pub fn read(path: &str, bytes: Vec<u8>, also: Option<Check<'_>>) -> Self {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Self::unread(not_utf8(path, error.as_bytes())),
        };
        let documents = match yaml::documents(&text) {
            Ok(documents) => documents,
            Err(error) => return Self::unreadable(path, error.message, "split the file"),
        };
        let mut manifests = Self::default();
        if documents.is_empty() {
            manifests.findings.push(Finding::note("lint/empty", Place::on_line(path, 1), "the file holds no manifest"));
        }
        for document in documents.iter() {
            manifests.document(path, document, also);
        }
        locate(&mut manifests.findings, &documents);
        manifests.findings.sort();
        manifests.findings.dedup();
        if manifests.findings.len() > MOST {
            // The worst come last in their order.
            let more = manifests.findings.len() - MOST;
            manifests.findings.drain(..more);
            let message = format!("{more} more findings of this file, none worse, are not told");
            manifests.findings.push(Finding::note(MORE, Place::on_line(path, 1), message));
        }
        drop(documents);
        manifests.text = text;
        manifests
    }

    /// A file that cannot be read, and why.
    #[must_use]
    pub fn unreadable(path: &str, why: impl Into<String>, remedy: &str) -> Self {
        Self::unread(Finding::error(FILE, Place::on_line(path, 1), why, remedy))
    }

    fn unread(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }

    fn document(&mut self, path: &str, document: &Document<'_>, also: Option<Check<'_>>) {
        let value = match yaml::value(document.text) {
            Ok(value) => value,
            Err(error) => {
                let error = error.in_document_from(document.line);
                let (line, column) =
                    if error.line > 0 { (error.line, error.column.max(1)) } else { (document.line, 1) };
                let place = Place { line, column, ..Place::at(path) };
                let remedy = match document.text.contains("{{") {
                    true => "render the chart first: helm template … | meshwright lint -",
                    false => "mend the document: nothing else in it was checked",
                };
                self.names.add(document.line, "", None);
                return self.findings.push(Finding::error("lint/yaml", place, error.message, remedy));
            }
        };
        for (pointer, value) in istio::unrolled(value) {
            let place = Place { pointer, column: 0, ..Place::on_line(path, document.line) };
            self.names.add(document.line, &place.pointer, Named::of(&value));
            if let Some(length) = too_long(document, &value) {
                let message = format!("the resource takes {length} bytes, and Kubernetes stores at most {STORED}");
                self.findings.push(Finding::error("lint/size", place, message, "split it"));
                continue;
            }
            let mut found: Vec<Finding> = also.map(|check| check(&value)).unwrap_or_default();
            for finding in &mut found {
                finding.place =
                    Place { pointer: format!("{}{}", place.pointer, finding.place.pointer), ..place.clone() };
            }
            if value.as_object().is_some_and(|members| MARKS.iter().all(|mark| !members.contains_key(*mark))) {
                let message = "this is no manifest, so that nothing was checked";
                let remedy = "write kind, metadata and spec, or leave the file out";
                self.findings.push(Finding::warning("lint/manifest", place, message, remedy));
                continue;
            }
            let generated = value.pointer("/metadata/generateName").is_some();
            let own = match istio::resource(value) {
                Ok(resource) => {
                    let mut own = lint(&resource, &place);
                    if is_ruled(&resource) {
                        let mut report = Report::new(&place, &resource);
                        name::check(&mut report, &resource, generated);
                        own.append(&mut report.found);
                    }
                    own.extend(unknown_kind(&place, &resource));
                    self.resources.push((place, resource));
                    own
                }
                Err(wrong) => vec![no_resource(&place, wrong)],
            };
            // What a schema says is told once, in its words.
            let told: HashSet<_> = found.iter().map(|found| (&found.rule, &found.place)).collect();
            let own: Vec<_> = own.into_iter().filter(|own| !told.contains(&(&own.rule, &own.place))).collect();
            self.findings.extend(found);
            self.findings.extend(own);
        }
    }

    /// What is wrong with the file and with each of its resources alone, with lines and columns.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The resource that a finding of this file is about; `None` where it is about the file.
    #[must_use]
    pub fn resource_of(&self, finding: &Finding) -> Option<&Named> {
        if finding.rule == MORE { None } else { self.names.of(finding) }
    }

    /// How many resources the file holds, those that cannot be read included, and how many of them are of kinds that no rule
    /// is about, though others may refer to them.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.names.count(), self.resources.iter().filter(|(_, resource)| !is_ruled(resource)).count())
    }
}

/// Checks the manifests of one cluster against each other, by [`lint_across`]; findings have lines and columns.
#[must_use]
pub fn lint_files(files: &[&Manifests]) -> Vec<Finding> {
    let all = files.iter().flat_map(|file| &file.resources);
    let (mut resources, mut found) = (vec![], vec![]);
    let mut first: HashMap<[&str; 4], &Place> = HashMap::new();
    for (place, resource) in all {
        match first.entry(identity(resource)) {
            Entry::Occupied(other) if is_istios(resource) && !resource.metadata.name.is_empty() => {
                found.extend(twice(place, resource, other.get()))
            }
            Entry::Occupied(_) => resources.push((place, resource)),
            Entry::Vacant(free) => {
                free.insert(place);
                resources.push((place, resource));
            }
        }
    }
    found.extend(lint_across(&resources));
    let mut by_file: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in found {
        by_file.entry(finding.place.path.clone()).or_default().push(finding);
    }
    if by_file.is_empty() {
        return vec![];
    }
    for file in files {
        let Some((place, _)) = file.resources.first() else { continue };
        let Some(findings) = by_file.get_mut(&place.path) else { continue };
        if let Ok(documents) = yaml::documents(&file.text) {
            locate(findings, &documents);
        }
    }
    by_file.into_values().flatten().collect()
}

/// Whether rules are about the kind of a resource.
fn is_ruled(resource: &Resource) -> bool {
    resource.kind() != Kind::Other || resource.is_service() || resource.is_dns_endpoint()
}

fn is_istios(resource: &Resource) -> bool {
    resource.group() == "istio.io" || resource.group().ends_with(".istio.io")
}

/// What the API server tells resources apart by: group, kind, namespace and name.
fn identity(resource: &Resource) -> [&str; 4] {
    [resource.group(), resource.kind_name(), &resource.metadata.namespace, &resource.metadata.name]
}

/// A resource that another manifest is about, too.
fn twice(place: &Place, resource: &Resource, other: &Place) -> Vec<Finding> {
    let name = &resource.metadata.name;
    let message =
        format!("{} {name} is in {} too, and the one that is applied last holds", resource.kind_name(), other.path);
    let mut report = Report::new(place, resource);
    report.warning("lint/twice", METADATA.member("name"), message, "keep one of them");
    report.found
}

/// The rule of findings that are not told.
const MORE: &str = "lint/more";

/// The rule of files that cannot be read.
const FILE: &str = "lint/file";

/// What a map that is meant to be a resource has one of.
const MARKS: [&str; 3] = ["kind", "metadata", "spec"];

/// A file that is no UTF-8, by its first byte that is not.
fn not_utf8(path: &str, bytes: &[u8]) -> Finding {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let number = |number: usize| u32::try_from(number + 1).unwrap_or(u32::MAX);
    let (before, last) =
        valid.rsplit_once('\n').map_or((0, valid), |(before, last)| (before.split('\n').count(), last));
    let place = Place { line: number(before), column: number(last.chars().count()), ..Place::at(path) };
    Finding::error(FILE, place, "the file is not UTF-8", "save it as UTF-8")
}

/// The longest resource that is stored, in bytes of JSON: the longest request that etcd takes by default.
const STORED: usize = 3 << 19;

/// The length of a resource that is too long to be stored, and too long for rules that compare all of its parts.
fn too_long(document: &Document<'_>, value: &serde_json::Value) -> Option<usize> {
    /// Counts what is written.
    struct Length(usize);
    impl std::io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // Without aliases JSON is at most a few times as long as YAML.
    if document.text.len() < STORED / 8 && !document.text.contains('*') {
        return None;
    }
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value).ok().filter(|()| length.0 > STORED).map(|()| length.0)
}

fn no_resource(place: &Place, wrong: NoResource) -> Finding {
    let rule = if wrong.pointer.is_empty() { "lint/manifest" } else { SCHEMA };
    let remedy = match wrong.pointer.is_empty() {
        true => "write apiVersion, kind and metadata, or leave the file out",
        false => "write a value of the right type: nothing else in the resource was checked",
    };
    let place = Place { pointer: format!("{}{}", place.pointer, wrong.pointer), ..place.clone() };
    Finding::error(rule, place, wrong.message, remedy)
}

/// The kinds of Istio's groups that are not typed.
const UNTYPED: [&str; 5] = ["EnvoyFilter", "IstioOperator", "ProxyConfig", "TrafficExtension", "WasmPlugin"];

/// A kind in a group of Istio that has no such kind.
fn unknown_kind(place: &Place, resource: &Resource) -> Option<Finding> {
    let (group, kind) = (resource.group(), resource.kind_name());
    if !is_istios(resource) || resource.kind() != Kind::Other || UNTYPED.contains(&kind) {
        return None;
    }
    let place = Place { pointer: format!("{}/kind", place.pointer), ..place.clone() };
    let (message, remedy) = match group {
        "rbac.istio.io" => {
            (format!("{kind} of {group} was removed in Istio 1.6"), "write an AuthorizationPolicy of security.istio.io")
        }
        _ => (format!("{group} has no kind {kind:?}"), "mind the spelling, or the apiVersion"),
    };
    Some(Finding::error(SCHEMA, place, message, remedy))
}

/// Gives findings that have the line of their document, and no column, those of their pointer. Each document is walked
/// through once.
fn locate(findings: &mut [Finding], documents: &[Document<'_>]) {
    let mut by_line: BTreeMap<u32, Vec<&mut Finding>> = BTreeMap::new();
    for finding in findings.iter_mut().filter(|finding| finding.place.column == 0) {
        by_line.entry(finding.place.line).or_default().push(finding);
    }
    for document in documents {
        let Some(mut here) = by_line.remove(&document.line) else { continue };
        let pointers: Vec<String> = here.iter().map(|finding| finding.place.pointer.clone()).collect();
        let places = document.positions(&pointers.iter().map(String::as_str).collect::<Vec<_>>());
        for (finding, place) in here.iter_mut().zip(places) {
            (finding.place.line, finding.place.column) = place.unwrap_or((document.line, 1));
        }
    }
}
