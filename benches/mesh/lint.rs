//! `lint` over the manifests of a mesh as anybody would have written them, with sizes growing tenfold.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use meshwright::intent::Settings;
use meshwright::render::{Outside, Scope, render};
use meshwright::repo::Edit;
use sha2::{Digest, Sha256};

use crate::plan::Plan;
use crate::process::run;
use crate::report::{median, ratio, seconds, target, time};
use crate::store::manifests;
use crate::{Outcome, Setting, git};

const RUNS: usize = 5;

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    println!(
        "the program itself over a folder of manifests: reading, rules, rules across; median of {RUNS} runs in turns"
    );
    println!("yardstick: reading the same files and SHA-256 of them on one core");
    println!(
        "{:>9} {:>9} {:>6} {:>9} {:>10} {:>9} {:>6}",
        "services", "files", "MB", "lint", "per file", "sha256", "ratio"
    );
    let sizes: &[usize] = if setting.quick { &[10, 100, 1_000] } else { &[10, 100, 1_000, 10_000] };
    let definitions = std::env::var("MESHWRIGHT_ISTIO_CRDS").ok();
    for services in sizes {
        let tree = Plan::of(*services).tree()?;
        let edits = manifests(render(&tree, &Settings::default(), &Scope::everything(&tree), Outside::None));
        let folder = setting.folder.join(format!("lint-{services}"));
        git::write(&folder, &edits)?;
        let files: Vec<PathBuf> = edits.iter().map(|(path, _)| folder.join(path)).collect();
        let length = |edit: &Edit| if let Edit::Write(content) = edit { content.len() } else { 0 };
        let bytes: usize = edits.iter().map(|(_, edit)| length(edit)).sum();
        let (mut ours, mut theirs, mut held) = (vec![], vec![], vec![]);
        for _ in 0..RUNS {
            ours.push(lint(&folder, None)?);
            theirs.push(hash(&files)?);
            held.extend(definitions.as_deref().map(|path| lint(&folder, Some(path))).transpose()?);
        }
        let (took, hashed) = (median(ours), median(theirs));
        println!(
            "{services:>9} {:>9} {:>6.1} {:>9} {:>10.1?} {:>9} {:>6.1}",
            files.len(),
            bytes as f64 / 1e6,
            seconds(took),
            took / u32::try_from(files.len())?,
            seconds(hashed),
            ratio(took, hashed),
        );
        if !held.is_empty() {
            println!("{:>9} {:>9} {:>6} {:>9}", "--crds", "", "", seconds(median(held)));
        }
        if *services == 10_000 {
            target(&format!("{} for lint, at most 4 s", seconds(took)), took.as_secs_f64() <= 4.0);
        }
    }
    Ok(())
}

fn lint(folder: &Path, definitions: Option<&str>) -> Outcome<Duration> {
    let folder = folder.display().to_string();
    let mut arguments = vec!["lint", &folder];
    arguments.extend(definitions.iter().flat_map(|path| ["--crds", path]));
    let (took, status, said) = run(&arguments)?;
    if status.success() { Ok(took) } else { Err(format!("what is generated is found wrong: {said}").into()) }
}

fn hash(files: &[PathBuf]) -> Outcome<Duration> {
    let (took, read) =
        time(|| files.iter().try_for_each(|file| fs::read(file).map(|it| _ = black_box(Sha256::digest(it)))));
    read?;
    Ok(took)
}
