//! Rendering everything, with sizes growing tenfold; the yardstick is hashing the bytes that come out.

use std::hint::black_box;

use meshwright::finding::Severity;
use meshwright::intent::{Anchor, Settings, Tree};
use meshwright::render::{Outside, Scope, render};
use sha2::{Digest, Sha256};

use crate::plan::Plan;
use crate::report::{best, ratio};
use crate::{Outcome, Setting};

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let settings = Settings::default();
    println!("shortest of 3; yardstick: SHA-256 of the manifests on one core");
    println!(
        "{:>9} {:>10} {:>6} {:>11} {:>12} {:>6} {:>11} {:>6}",
        "services", "manifests", "MB", "render", "per file", "MB/s", "sha256", "ratio"
    );
    let sizes: &[usize] = if setting.quick { &[100, 1_000] } else { &[100, 1_000, 10_000] };
    for services in sizes {
        let tree = Plan::of(*services).tree()?;
        let (took, rendered) = best(3, || render(&tree, &settings, &Scope::everything(&tree), Outside::None));
        if let Some(error) = rendered.findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(format!("{error:?}").into());
        }
        let bytes: usize = rendered.manifests.values().map(|manifest| manifest.text.len()).sum();
        let (hashed, ()) = best(3, || {
            for manifest in rendered.manifests.values() {
                black_box(Sha256::digest(&manifest.text));
            }
        });
        let (mb, files) = (bytes as f64 / 1e6, rendered.manifests.len());
        println!(
            "{services:>9} {files:>10} {mb:>6.1} {took:>11.1?} {:>12.1?} {:>6.0} {hashed:>11.1?} {:>6.1}",
            took / u32::try_from(files)?,
            mb / took.as_secs_f64(),
            ratio(took, hashed),
        );
        one(&tree, &settings)?;
    }
    Ok(())
}

/// One client of one service changed: found by index, whatever the size of the rest.
fn one(tree: &Tree, settings: &Settings) -> Outcome {
    let changed = Anchor::parse(&Plan::client(0, 7, "far"))?;
    let (took, rendered) = best(20, || {
        let scope = Scope::concerned(tree, tree, std::slice::from_ref(&changed));
        render(tree, settings, &scope, Outside::None)
    });
    println!("{:>9} {:>10} {:>6} {took:>11.1?}", "one", rendered.manifests.len(), "");
    Ok(())
}
