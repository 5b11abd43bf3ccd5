//! Figures as they are printed, and how they are summed up.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Outcome;

/// How long `work` takes, with what it gives.
pub(crate) fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Wall and processor time.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    pub(crate) processor: Duration,
}

/// How long `work` takes, and how long all threads of this process were on a processor meanwhile.
pub(crate) fn spend<T>(work: impl FnOnce() -> T) -> (Took, T) {
    let before = processor_time();
    let (wall, result) = time(work);
    (Took { wall, processor: processor_time().saturating_sub(before) }, result)
}

/// What this process took of all processors so far.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// The argument with which this program does nothing but [`touch`] memory.
pub(crate) const TOUCH: &str = "--touch";

/// Writes to so much memory that the system has it at hand when this process ends.
pub(crate) fn touch() {
    std::hint::black_box(vec![1_u8; 1 << 30]);
}

/// Has memory at hand for what is measured next. A virtual machine may hand memory that was freed some seconds ago back to
/// the machine below it, and waits for it when it is used again: several times as long as it takes to clear it.
pub(crate) fn have_memory() -> Outcome {
    let ended = Command::new(std::env::current_exe()?).arg(TOUCH).status()?;
    if ended.success() { Ok(()) } else { Err(format!("the process that touches memory ended with {ended}").into()) }
}

/// The shortest of several runs.
pub(crate) fn best<T>(runs: usize, mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut shortest = time(&mut work);
    for _ in 1..runs {
        let next = time(&mut work);
        if next.0 < shortest.0 {
            shortest = next;
        }
    }
    shortest
}

/// The middle one of some measurements.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The middle one of some figures, and between which ones that of ever more of them lies with 95 % (by their order: the figures
/// need not be spread like anything).
pub(crate) fn middle(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_unstable_by(f64::total_cmp);
    let count = figures.len();
    let aside = (0.98 * (count as f64).sqrt()).ceil() as usize;
    let at = |place: usize| figures.get(place.min(count.saturating_sub(1))).copied().unwrap_or_default();
    [(count / 2).saturating_sub(aside), count / 2, count / 2 + aside].map(at)
}

/// How often `one` holds `other`.
pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// In milliseconds.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// In seconds.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Says whether a target was reached.
pub(crate) fn target(what: &str, reached: bool) {
    println!("  {} {what}", if reached { "reached:" } else { "MISSED: " });
}

/// What else kept the machine busy in the last minute.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
