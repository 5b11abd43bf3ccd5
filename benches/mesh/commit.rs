//! What a commit of four manifests costs as the repository grows.

use std::path::Path;
use std::time::Instant;

use meshwright::repo::{CommitId, Edits, Mirror};

use crate::git::{self, add_commit_push};
use crate::report::{median, milliseconds, ratio, target};
use crate::store::commit;
use crate::{Outcome, Setting};

/// How many small commits the median is taken of, and how many of the git program.
const SAMPLES: usize = 41;
const PROGRAM_SAMPLES: usize = 5;
/// The size that has to be met, beside which smaller and larger ones are set.
const NOMINAL: usize = 40_000;

struct Sized {
    files: usize,
    mirror: Mirror,
    head: CommitId,
    times: Vec<std::time::Duration>,
    program: Vec<std::time::Duration>,
}

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let sizes: &[usize] = if setting.quick { &[1_000, 40_000] } else { &[1_000, 10_000, 40_000, 200_000] };
    println!("4 changed files committed and the branch moved, median of {SAMPLES}, sizes measured in turns;");
    println!("yardstick: git add -A, commit, push of the same change, median of {PROGRAM_SAMPLES}");
    let mut sized = sizes.iter().map(|files| begin(&setting.folder, *files)).collect::<Outcome<Vec<_>>>()?;
    for round in 1..=SAMPLES {
        for size in &mut sized {
            size.commit(round)?;
        }
    }
    for size in &mut sized {
        size.program(&setting.folder)?;
    }
    let medians: Vec<_> = sized.iter().map(|size| (size.files, median(size.times.clone()))).collect();
    let nominal = medians.iter().find(|(files, _)| *files == NOMINAL).map(|(_, time)| *time).unwrap_or_default();
    for (size, (files, time)) in sized.iter().zip(&medians) {
        let program = median(size.program.clone());
        let (worst, times) = (size.times.iter().max().copied().unwrap_or_default(), ratio(program, *time));
        println!(
            "  {files:>7} files: {} (worst {}); git {} = {times:.0} x",
            milliseconds(*time),
            milliseconds(worst),
            milliseconds(program)
        );
    }
    target(
        &format!("{} in a repository of {NOMINAL}, at most 3 ms", milliseconds(nominal)),
        nominal.as_secs_f64() <= 0.003,
    );
    for (files, time) in medians.iter().filter(|(files, _)| *files != NOMINAL) {
        let times = ratio(nominal, *time);
        target(
            &format!("{times:.2} x the same in {files}, at most 1.5 x either way"),
            (1.0 / 1.5..=1.5).contains(&times),
        );
    }
    Ok(())
}

fn begin(folder: &Path, files: usize) -> Outcome<Sized> {
    let mirror = Mirror::open_or_init(folder.join(format!("commit-{files}.git")), "main")?;
    let mut edits = Edits::new();
    for index in 0..files {
        edits.write(path(index), manifest(index, 0));
    }
    let head = commit(&mirror, None, &edits)?;
    mirror.set_reference("refs/heads/main", None, Some(head), "start")?;
    // Else the disk would still be writing the large ones while the small commits are measured.
    mirror.sync()?;
    Ok(Sized { files, mirror, head, times: vec![], program: vec![] })
}

impl Sized {
    fn change(&self, round: usize) -> Edits {
        let mut edits = Edits::new();
        for step in 0..4 {
            let index = (round * 7919 + step * (self.files / 4 + 1)) % self.files;
            edits.write(path(index), manifest(index, round));
        }
        edits
    }

    fn commit(&mut self, round: usize) -> Outcome {
        let edits = self.change(round);
        let start = Instant::now();
        let next = commit(&self.mirror, Some(self.head), &edits)?;
        self.mirror.set_reference("refs/heads/main", Some(self.head), Some(next), "commit")?;
        self.times.push(start.elapsed());
        self.head = next;
        Ok(())
    }

    /// The same changes by the git program, in a clone that pushes to another clone.
    fn program(&mut self, folder: &Path) -> Outcome {
        let source = self.mirror.path().display().to_string();
        let (checkout, address) = (format!("checkout-{}", self.files), format!("elsewhere-{}.git", self.files));
        git::git(folder, &["clone", "-q", &source, &checkout])?;
        git::git(folder, &["clone", "-q", "--bare", &source, &address])?;
        let (checkout, address) = (folder.join(checkout), folder.join(address).display().to_string());
        for round in SAMPLES + 1..=SAMPLES + PROGRAM_SAMPLES {
            git::write(&checkout, &self.change(round))?;
            self.program.push(add_commit_push(&checkout, &address)?);
        }
        Ok(())
    }
}

/// Four files per service, ten services per namespace, twenty-five namespaces per cluster.
fn path(index: usize) -> String {
    let service = index / 4;
    let kind = ["virtual-service", "destination-rule", "authorization-policy", "gateway"][index % 4];
    format!("clusters/p/c{}/n{}/s{service}/{kind}.yaml", service / 250, service / 10)
}

fn manifest(index: usize, round: usize) -> String {
    let digest = (index as u64 ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(round as u64);
    let team = index % 97;
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: service-{index:05}\n  namespace: \
         team-{team}\n  labels:\n    app.kubernetes.io/managed-by: meshwright\n    meshwright.io/digest: \
         \"{digest:016x}{:016x}\"\nspec:\n  hosts:\n    - service-{index:05}.team-{team}.svc.cluster.local\n  gateways:\n    \
         - mesh\n  http:\n    - name: default\n      route:\n        - destination:\n            host: \
         service-{index:05}.team-{team}.svc.cluster.local\n            subset: stable\n            port:\n              \
         number: 8080\n          weight: {}\n      timeout: 15s\n      retries:\n        attempts: 3\n        \
         perTryTimeout: 2s\n        retryOn: 5xx,reset\n",
        digest.wrapping_mul(0xff51_afd7_ed55_8ccd),
        index % 100
    )
}
