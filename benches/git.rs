#![expect(clippy::print_stdout, reason = "a program that prints figures")]
//! What a commit costs as the repository grows, and what a first import costs against the git program.
//!
//! `cargo bench --bench git`; sizes can be given as arguments after `--`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use meshwright::repo::{Commit, CommitId, Edits, Identity, Mirror, Remote, RepoError, TreeId};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How many small commits the median is taken of.
const SAMPLES: usize = 41;
/// The size of the first import.
const IMPORT: usize = 40_000;

fn main() -> Outcome<()> {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    // One directory that goes at the end: for a while after a mass deletion ext4 takes long to make new files.
    let directory = tempfile::tempdir()?;
    small(directory.path(), if sizes.is_empty() { &[1_000, 40_000, 200_000] } else { &sizes })?;
    bulk(directory.path(), IMPORT)
}

/// Four changed files in repositories of growing size.
fn small(directory: &Path, sizes: &[usize]) -> Outcome<()> {
    println!("commit of 4 changed files, median of {SAMPLES}, branch moved as well");
    let mut yardstick = None;
    for size in sizes {
        let mirror = Mirror::open_or_init(directory.join(format!("{size}.git")), "main")?;
        let mut head = commit(&mirror, None, &manifests(*size, 0))?;
        mirror.set_reference("refs/heads/main", None, Some(head), "start")?;
        let mut times = Vec::new();
        for round in 1..=SAMPLES {
            let mut edits = Edits::new();
            for step in 0..4 {
                let index = (round * 7919 + step * (size / 4 + 1)) % size;
                edits.write(path(index), manifest(index, round));
            }
            let start = Instant::now();
            let next = commit(&mirror, Some(head), &edits)?;
            mirror.set_reference("refs/heads/main", Some(head), Some(next), "commit")?;
            times.push(start.elapsed());
            head = next;
        }
        times.sort();
        let median = times[SAMPLES / 2];
        let base = *yardstick.get_or_insert(median);
        println!(
            "  {size:>7} files: {} (worst {}), {:.2} x the smallest",
            milliseconds(median),
            milliseconds(times[SAMPLES - 1]),
            median.as_secs_f64() / base.as_secs_f64()
        );
    }
    Ok(())
}

/// A repository made from nothing and pushed, by us and by the git program.
fn bulk(directory: &Path, count: usize) -> Outcome<()> {
    println!("{count} files from nothing, committed and pushed to a bare repository");
    let files = manifests(count, 0);
    let mirror = Mirror::open_or_init(directory.join("import.git"), "main")?;
    let elsewhere = bare(directory, "ours.git")?;
    let start = Instant::now();
    let head = commit(&mirror, None, &files)?;
    mirror.set_reference("refs/heads/main", None, Some(head), "import")?;
    let committed = start.elapsed();
    Remote::new(&mirror, &elsewhere, None)?.push("main", None, Some(head))?;
    let ours = start.elapsed();
    println!("  meshwright: {} (commit {}, push {})", seconds(ours), seconds(committed), seconds(ours - committed));

    let checkout = directory.join("checkout");
    git(directory, &["init", "-q", "-b", "main", "checkout"])?;
    for (path, content) in files.iter().filter_map(|(path, edit)| match edit {
        meshwright::repo::Edit::Write(content) => Some((path, content)),
        meshwright::repo::Edit::Delete => None,
    }) {
        let file = checkout.join(path);
        fs::create_dir_all(file.parent().unwrap_or(&checkout))?;
        fs::write(file, content)?;
    }
    let theirs = bare(directory, "theirs.git")?;
    let start = Instant::now();
    git(&checkout, &["add", "-A"])?;
    git(&checkout, &["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "import"])?;
    git(&checkout, &["push", "-q", &theirs, "main"])?;
    let program = start.elapsed();
    println!("  git add, commit, push: {}", seconds(program));
    println!("  ratio {:.2}", ours.as_secs_f64() / program.as_secs_f64());
    Ok(())
}

fn commit(mirror: &Mirror, parent: Option<CommitId>, edits: &Edits) -> Result<CommitId, RepoError> {
    let base = parent.map(|id| mirror.commit_info(id)).transpose()?.map_or(TreeId::EMPTY, |info| info.tree);
    let parents: Vec<CommitId> = parent.into_iter().collect();
    let author = Identity { name: "Meshwright".to_owned(), email: "meshwright@example.com".to_owned() };
    mirror.commit(&Commit {
        parents: &parents,
        base,
        edits,
        author: &author,
        time: 1_700_000_000,
        message: "bench\n",
        signer: None,
    })
}

fn manifests(count: usize, round: usize) -> Edits {
    let mut edits = Edits::new();
    for index in 0..count {
        edits.write(path(index), manifest(index, round));
    }
    edits
}

/// Four files per service, ten services per project, twenty-five projects per cluster.
fn path(index: usize) -> String {
    let service = index / 4;
    let kind = ["virtual-service", "destination-rule", "authorization-policy", "gateway"][index % 4];
    format!("clusters/c{}/p{}/s{service}/{kind}.yaml", service / 250, service / 10)
}

fn manifest(index: usize, round: usize) -> String {
    let digest = (index as u64 ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(round as u64);
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: service-{index:05}\n  namespace: \
         team-{}\n  labels:\n    app.kubernetes.io/managed-by: meshwright\n    meshwright.io/digest: \
         \"{digest:016x}{:016x}\"\nspec:\n  hosts:\n    - service-{index:05}.team-{}.svc.cluster.local\n  gateways:\n    \
         - mesh\n  http:\n    - name: default\n      route:\n        - destination:\n            host: \
         service-{index:05}.team-{}.svc.cluster.local\n            subset: stable\n            port:\n              \
         number: 8080\n          weight: {}\n      timeout: 15s\n      retries:\n        attempts: 3\n        \
         perTryTimeout: 2s\n        retryOn: 5xx,reset\n",
        index % 97,
        digest.wrapping_mul(0xff51_afd7_ed55_8ccd),
        index % 97,
        index % 97,
        index % 100
    )
}

fn bare(directory: &Path, name: &str) -> Outcome<String> {
    git(directory, &["init", "-q", "--bare", "-b", "main", name])?;
    Ok(directory.join(name).display().to_string())
}

fn git(directory: &Path, arguments: &[&str]) -> Outcome<()> {
    let output = Command::new("git").current_dir(directory).args(arguments).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
