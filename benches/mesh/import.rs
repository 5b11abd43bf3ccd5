//! A whole mesh from nothing onto a remote, by us and by the git program.

use std::fs;
use std::time::Duration;

use meshwright::intent::{Settings, Tree};
use meshwright::render::{Outside, Scope, render};
use meshwright::repo::{Edits, Mirror, Remote};

use crate::git::{self, add_commit_push, bare};
use crate::report::{milliseconds, ratio, seconds, target, time};
use crate::store::{commit, manifests};
use crate::{Outcome, Setting};

/// How often both are measured, in turns.
const RUNS: usize = 3;

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let tree = setting.plan.tree()?;
    println!("{} services rendered, committed and pushed to another bare repository;", setting.plan.total());
    println!("yardstick: git add -A, commit, push of the same files, {RUNS} runs in turns");
    let mut runs = vec![];
    for run in 0..RUNS {
        let (ours, edits) = ours(setting, &tree, run)?;
        let checkout = setting.folder.join(format!("import-{run}"));
        fs::create_dir(&checkout)?;
        git::git(&checkout, &["init", "-q", "-b", "main"])?;
        git::write(&checkout, &edits)?;
        let program = add_commit_push(&checkout, &bare(&setting.folder, &format!("import-{run}-theirs.git"))?)?;
        println!("  git program: {}; {:.2} x of it", seconds(program), ratio(ours, program));
        runs.push((ours, program));
    }
    runs.sort_by(|a, b| ratio(a.0, a.1).total_cmp(&ratio(b.0, b.1)));
    let (ours, program) = runs[RUNS / 2];
    let times = ratio(ours, program);
    target(&format!("{times:.2} x of git's time in the median run, at most 0.5 x"), times <= 0.5);
    Ok(())
}

fn ours(setting: &Setting, tree: &Tree, run: usize) -> Outcome<(Duration, Edits)> {
    let mirror = Mirror::open_or_init(setting.folder.join(format!("import-{run}.git")), "main")?;
    let address = bare(&setting.folder, &format!("import-{run}-ours.git"))?;
    let (rendering, edits) =
        time(|| manifests(render(tree, &Settings::default(), &Scope::everything(tree), Outside::None)));
    let (committing, head) = time(|| -> Outcome<_> {
        let head = commit(&mirror, None, &edits)?;
        mirror.set_reference("refs/heads/main", None, Some(head), "import")?;
        Ok(head)
    });
    let head = head?;
    let (pushing, pushed) = time(|| Remote::new(&mirror, &address, None)?.push("main", None, Some(head)));
    pushed?;
    let whole = rendering + committing + pushing;
    println!(
        "  meshwright: {} for {} files (render {}, commit {}, push {})",
        seconds(whole),
        edits.len(),
        milliseconds(rendering),
        milliseconds(committing),
        milliseconds(pushing)
    );
    Ok((whole, edits))
}
