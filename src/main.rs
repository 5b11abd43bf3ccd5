//! The `meshwright` program.

use std::process::ExitCode;

/// A mesh is made of very many small values, built on all cores at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    meshwright::cli::run()
}
