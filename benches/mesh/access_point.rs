//! One small write in a large mesh: from the desk until its branch exists.

use std::time::{Duration, Instant};

use meshwright::boot::Parts;
use meshwright::change::submission::{Operation, Precondition};
use meshwright::change::{ChangeId, Person, Submission, Timing};
use meshwright::intent::Kind;
use meshwright::repo::Mirror;

use crate::plan::{Plan, access_point, resource};
use crate::report::{median, milliseconds, ratio, seconds, target};
use crate::store::{clock, seeded};
use crate::{Outcome, Setting, journal};

const SAMPLES: usize = 31;
/// How long a branch is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Writes do not wait for more of their kind; nothing else is due while this runs.
const TIMING: Timing = Timing { settle: 0, ready_after: 3_600_000, poll: 3_600_000 };

/// Prints the figures.
pub(crate) fn measure(setting: &Setting) -> Outcome {
    println!("one access point posted to the desk until its branch exists, median of {SAMPLES}, durable journal;");
    println!("yardstick: one write of 4 KiB with fdatasync. Each write is a change of its own, which stays open");
    let stores = seeded(&setting.folder.join("access-point"), setting.plan)?;
    let mirror = stores.mirror.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let sync = Duration::from_secs_f64(1.0 / journal::sync_rate(&setting.folder.join("access-point-sync"))?);
    let times = runtime.block_on(async {
        let start = Instant::now();
        let parts = Parts::start(stores, clock(), TIMING).await?;
        println!("  the server starts on this mesh in {}", seconds(start.elapsed()));
        let mut times = vec![];
        for sample in 0..SAMPLES {
            times.push(write(&parts, &mirror, sample % setting.plan.namespaces, sample).await?);
            // What follows, opening the pull request, is not part of the next one.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(times)
    })?;
    let (best, worst) = (times.iter().min().copied(), times.iter().max().copied());
    let accepted = median(times.iter().map(|time| time.accepted).collect());
    let branch = median(times.iter().map(|time| time.branch).collect());
    println!(
        "  accepted {}, branch {} ({:.0} x a sync of {}; best {}, worst {})",
        milliseconds(accepted),
        milliseconds(branch),
        ratio(branch, sync),
        milliseconds(sync),
        milliseconds(best.unwrap_or_default().branch),
        milliseconds(worst.unwrap_or_default().branch)
    );
    target(&format!("{} until the branch exists, at most 20 ms", milliseconds(branch)), branch.as_secs_f64() <= 0.02);
    Ok(())
}

/// Moments of one write, from when it was posted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Moments {
    branch: Duration,
    accepted: Duration,
}

async fn write(parts: &Parts, mirror: &Mirror, namespace: usize, sample: usize) -> Outcome<Moments> {
    let parent = Plan::client(namespace, 7, "far");
    let posted = resource(&parent, Kind::AccessPoint, &access_point(&format!("extra-{sample}"), sample))?;
    let submission = Submission {
        operations: vec![Operation::Create(posted)],
        bundle: false,
        prune: None,
        precondition: Precondition::None,
        idempotency: None,
        by: Person { name: "github:alice".into(), logins: vec![] },
        keys: meshwright::intent::posted::Keys::default(),
    };
    let start = Instant::now();
    let receipt = parts.desk.submit(submission).await.map_err(|refusal| format!("{refusal:?}"))?;
    let accepted = start.elapsed();
    let id: ChangeId = receipt.change.ok_or("no change")?;
    let name = parts.desk.view().changes.get(&id).map(|change| change.branch.clone()).ok_or("no such change")?;
    while mirror.branch(&name)?.is_none() {
        if start.elapsed() > PATIENCE {
            return Err(format!("no branch: {:?}", parts.desk.view().changes.get(&id)).into());
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(Moments { branch: start.elapsed(), accepted })
}
