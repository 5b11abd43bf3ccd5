#![expect(clippy::print_stdout, reason = "a program that prints figures")]
//! What everything costs on a mesh of 10,000 services, each figure against a yardstick measured in the same run.
//!
//! `cargo bench --bench mesh` prints all; words after `--` choose parts, `--quick` makes everything smaller. What each
//! line means stands in `benches/README.md`.

#[path = "mesh/access.rs"]
mod access;
#[path = "mesh/access_point.rs"]
mod access_point;
#[path = "mesh/answering.rs"]
mod answering;
#[path = "mesh/check.rs"]
mod check;
#[path = "mesh/commit.rs"]
mod commit;
#[path = "mesh/connection.rs"]
mod connection;
#[path = "mesh/git.rs"]
mod git;
#[path = "mesh/import.rs"]
mod import;
#[path = "mesh/intake.rs"]
mod intake;
#[path = "mesh/journal.rs"]
mod journal;
#[path = "mesh/lint.rs"]
mod lint;
#[path = "mesh/plan.rs"]
mod plan;
#[path = "mesh/plugin.rs"]
mod plugin;
#[path = "mesh/process.rs"]
mod process;
#[path = "mesh/render.rs"]
mod render;
#[path = "mesh/report.rs"]
mod report;
#[path = "mesh/store.rs"]
mod store;

use std::path::PathBuf;

use plan::Plan;

/// What is measured has the allocator that the program has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How everything here ends.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A part of the measurements, by the word that chooses it.
type Part = (&'static str, fn(&Setting) -> Outcome);

const PARTS: [Part; 10] = [
    ("commit", commit::measure),
    ("render", render::measure),
    ("import", import::measure),
    ("access-point", access_point::measure),
    ("journal", journal::measure),
    ("intake", intake::measure),
    ("check", check::measure),
    ("lint", lint::measure),
    ("access", access::measure),
    ("plugin", plugin::measure),
];

/// What all parts share.
struct Setting {
    /// A folder on the disk that is measured; it goes at the end, because for a while after a mass deletion ext4 takes
    /// long to make new files.
    folder: PathBuf,
    /// Whether small sizes suffice.
    quick: bool,
    /// The mesh of most parts.
    plan: Plan,
}

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [plugin::APART, how @ ..] = &*words.iter().map(String::as_str).collect::<Vec<_>>() {
        return plugin::render_apart(how);
    }
    if words == [report::TOUCH] {
        report::touch();
        return Ok(());
    }
    let quick = words.iter().any(|word| word == "--quick");
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|word| !PARTS.iter().any(|(name, _)| name == *word)) {
        let known: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no part {unknown}; known: {}", known.join(", ")).into());
    }
    // Not the folder for temporary files: others delete there, and ext4 is slow to make files where many went.
    let parent = std::env::var_os("MESHWRIGHT_BENCH_DIR").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    std::fs::create_dir_all(&parent)?;
    let folder = tempfile::Builder::new().prefix("meshwright-bench-").tempdir_in(parent)?;
    let plan = if quick { Plan { namespaces: 20, services: 50 } } else { Plan { namespaces: 200, services: 50 } };
    let setting = Setting { folder: folder.path().to_owned(), quick, plan };
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores, load {} before, in {}", report::load(), folder.path().display());
    for (name, part) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|word| *word == name) {
            println!("\n== {name}");
            part(&setting)?;
        }
    }
    Ok(())
}
