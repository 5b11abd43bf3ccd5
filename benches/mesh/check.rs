//! `check` over a checkout of the whole mesh, and the memory of a server that holds it.

use meshwright::repo::Mirror;

use crate::git::git;
use crate::process::{Server, run};
use crate::report::{median, seconds, target, time};
use crate::store::seeded;
use crate::{Outcome, Setting};

const RUNS: usize = 5;

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    let data = setting.folder.join("check");
    let mirror: Mirror = seeded(&data, setting.plan)?.mirror;
    println!(
        "the program itself, in a process of its own, on {} services; yardstick: git status",
        setting.plan.total()
    );
    git(&setting.folder, &["clone", "-q", &mirror.path().display().to_string(), "check-checkout"])?;
    // Else the disk would still be writing the checkout while it is read.
    mirror.sync()?;
    let checkout = setting.folder.join("check-checkout");
    let mut times = vec![];
    for _ in 0..RUNS {
        let (took, status, said) = run(&["check", "--repo", &checkout.display().to_string()])?;
        let (status_took, clean) = time(|| git(&checkout, &["status", "--short"]));
        clean?;
        println!("  meshwright check: {} ({said}); git status: {}", seconds(took), seconds(status_took));
        if !status.success() {
            return Err("the checkout is not what its intents render to".into());
        }
        times.push(took);
    }
    let took = median(times);
    target(&format!("{} for check, at most 2 s", seconds(took)), took.as_secs_f64() <= 2.0);

    drop(mirror);
    let (started, server) = Server::start(&data)?;
    let (peak, now) = (server.memory("VmHWM")?, server.memory("VmRSS")?);
    println!("  meshwright serve: listens after {}, {now:.0} MB resident then", seconds(started));
    target(&format!("{peak:.0} MB of memory at the most (VmHWM), at most 400 MB"), peak <= 400.0);
    Ok(())
}
