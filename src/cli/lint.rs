//! `meshwright lint`.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::annotate::{self, Format};
use super::sources::{self, Sources};
use super::suppress::Suppression;
use super::{Failure, Outcome, Verdict, bundle, output};
use crate::finding::{Finding, Severity};
use crate::lint::{Check, Manifests, Named, lint_files, rule};
use crate::review::words::many;
use crate::schema::Schemas;

/// Check anybody's manifests against Istio's rules
///
/// Each finding has its rule, its place, what is wrong and what to do, and the code that `istioctl analyze` gives it. Files
/// below clusters/PROVIDER/CLUSTER/ are checked against those of the same cluster, all others against each other. Exit
/// code 1 when there is an error.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Lint {
    /// Files, or folders for all *.yaml, *.yml and *.json below them; `-` for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// A file of CustomResourceDefinitions of any version of Istio, or of others, to hold the manifests against, rules in CEL
    /// included; may be given several times
    #[arg(long, value_name = "FILE")]
    crds: Vec<PathBuf>,
    /// Do not tell of a rule or code, of the resources that are named or of all; `*` stands for any text; may be given several
    /// times, as for istioctl analyze
    #[arg(long, short = 'S', value_name = "CODE[=KIND NAME.NAMESPACE]")]
    suppress: Vec<Suppression>,
    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,
    /// How to print what was found
    #[arg(long, short, visible_alias = "format", value_enum, default_value_t)]
    output: Format,
}

const EXAMPLES: &str = "Examples:
  meshwright lint                             all manifests below this folder
  meshwright lint gateway.yaml routes/        a file, and a folder
  kubectl get vs,dr,gw -A -o yaml | meshwright lint -
  meshwright lint --crds crd-all.gen.yaml .   against the schemas of that version of Istio, too
  meshwright lint -S 'IST0132=VirtualService *.shop' .
  meshwright lint --strict --output github    annotations for a pull request; warnings fail it too";

impl Lint {
    pub(super) fn run(self) -> Outcome {
        let schemas = self.schemas()?;
        let check = |value: &Value| schemas.as_ref().map(|schemas| schemas.check(value)).unwrap_or_default();
        let also: Option<Check<'_>> = schemas.is_some().then_some(&check);
        let sources = Sources::below(&self.paths);
        let files: Vec<Manifests> = sources.files.par_iter().map(|path| sources.manifests(path, also)).collect();
        let mut clusters: BTreeMap<PathBuf, Vec<&Manifests>> = BTreeMap::new();
        for (path, file) in sources.files.iter().zip(&files) {
            clusters.entry(sources::cluster_of(path)).or_default().push(file);
        }
        let clusters: Vec<_> = clusters.into_values().collect();
        let mut findings: Vec<Finding> = clusters.par_iter().flat_map_iter(|files| lint_files(files)).collect();
        findings.extend(sources.findings.iter().chain(files.iter().flat_map(Manifests::findings)).cloned());
        findings.extend(schemas.iter().flat_map(Schemas::unsure));
        findings.sort_by(|a, b| (b.severity, &a.place, &a.rule).cmp(&(a.severity, &b.place, &b.rule)));
        findings.dedup();
        let count = |sum: (usize, usize), (all, others): (usize, usize)| (sum.0 + all, sum.1 + others);
        let (resources, others) = files.iter().map(Manifests::count).fold((0, 0), count);
        let by_path: HashMap<String, &Manifests> =
            sources.files.iter().map(|path| sources::name(path)).zip(&files).collect();
        let about = |finding: &'_ Finding| by_path.get(&finding.place.path)?.resource_of(finding);
        let told = findings.iter().map(|finding| (finding, about(finding)));
        let told: Vec<Told<'_>> = told.filter(|told| !self.is_suppressed(*told)).collect();
        let verdict = self.verdict(&told);
        self.print(&told, verdict, [files.len(), resources, others])?;
        // The process ends soon: giving back all resources piece by piece would take longer.
        std::mem::forget(files);
        Ok(verdict)
    }

    fn schemas(&self) -> Result<Option<Schemas>, Failure> {
        let read = |path: &PathBuf| Ok((path.display().to_string(), bundle::text(path)?));
        let files = self.crds.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if files.is_empty() { Ok(None) } else { Schemas::read(&files).map(Some).map_err(Failure::Found) }
    }

    fn is_suppressed(&self, (finding, about): Told<'_>) -> bool {
        self.suppress.iter().any(|suppression| suppression.covers(finding, istio_code(finding), about))
    }

    fn verdict(&self, told: &[Told<'_>]) -> Verdict {
        let least = if self.strict { Severity::Warning } else { Severity::Error };
        if told.iter().any(|(finding, _)| finding.severity >= least) { Verdict::Findings } else { Verdict::Ok }
    }

    fn print(
        &self,
        told: &[Told<'_>],
        verdict: Verdict,
        [files, resources, others]: [usize; 3],
    ) -> Result<(), Failure> {
        let ok = verdict == Verdict::Ok;
        match self.output {
            Format::Text => {
                let count = |severity| told.iter().filter(|(finding, _)| finding.severity == severity).count();
                told.iter().try_for_each(|told| output::print_finding(&for_people(*told)))?;
                let others = match (resources, others) {
                    (_, 0) => String::new(),
                    (1, _) => " of a kind that no rule is about".to_owned(),
                    _ => format!(", {others} of which are of kinds that no rule is about"),
                };
                let counts = [
                    many(files, "file"),
                    format!("{}{others}", many(resources, "resource")),
                    many(count(Severity::Error), "error"),
                    many(count(Severity::Warning), "warning"),
                ];
                output::print(&format!("{}: {}\n", if ok { "ok" } else { "not ok" }, counts.join(", ")))
            }
            Format::Json => {
                let findings: Vec<Value> = told.iter().map(|told| as_json(*told)).collect();
                let said = json!({
                    "ok": ok, "files": files, "resources": resources, "others": others, "findings": findings,
                });
                output::json(&said).map(drop)
            }
            Format::Sarif => output::json(&annotate::sarif(told.iter().copied())).map(drop),
            Format::Github => output::print(
                &told.iter().map(|(finding, about)| annotate::github(finding, *about)).collect::<String>(),
            ),
        }
    }
}

/// A finding, and the resource that it is about.
type Told<'f> = (&'f Finding, Option<&'f Named>);

/// The code that `istioctl analyze` gives a finding.
fn istio_code(finding: &Finding) -> Option<&'static str> {
    rule(&finding.rule)?.code(finding.severity)
}

/// The finding with Istio's code beside its rule, where that is another, and the resource before what is wrong with it.
fn for_people((finding, about): Told<'_>) -> Finding {
    let mut finding = finding.clone();
    if let Some(code) = istio_code(&finding).filter(|code| !finding.rule.ends_with(code)) {
        finding.rule = format!("{} {code}", finding.rule).into();
    }
    if let Some(about) = about {
        finding.message = format!("[{about}] {}", finding.message);
    }
    finding
}

fn as_json((finding, about): Told<'_>) -> Value {
    let mut value = json!(finding);
    if let Some(code) = istio_code(finding) {
        value["istio"] = code.into();
    }
    if let Some(about) = about {
        value["resource"] = json!(about);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Place;

    #[test]
    fn the_code_of_istio_stands_beside_a_rule_that_has_another_name() {
        let rule = |finding: Finding| for_people((&finding, None)).rule.into_owned();
        assert_eq!(rule(Finding::error("istio/049", Place::default(), "", "")), "istio/049 IST0106");
        assert_eq!(rule(Finding::warning("istio/063", Place::default(), "", "")), "istio/063 IST0133");
        assert_eq!(rule(Finding::error("istio/IST0109", Place::default(), "", "")), "istio/IST0109");
        assert_eq!(rule(Finding::error("lint/yaml", Place::default(), "", "")), "lint/yaml");
        assert_eq!(as_json((&Finding::error("lint/yaml", Place::default(), "", ""), None)).get("istio"), None);
    }
}
