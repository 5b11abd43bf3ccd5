//! Times by how long they are.

use std::fmt::Write as _;

/// How many times were at most so long, for each of some bounds.
pub(super) struct Histogram {
    bounds: &'static [u64],
    buckets: Vec<u64>,
    count: u64,
    milliseconds: u64,
}

impl Histogram {
    /// One with these upper bounds, in milliseconds, that rise.
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, buckets: vec![0; bounds.len()], count: 0, milliseconds: 0 }
    }

    pub(super) fn observe(&mut self, milliseconds: u64) {
        self.count += 1;
        self.milliseconds = self.milliseconds.saturating_add(milliseconds);
        let at = self.bounds.iter().position(|bound| milliseconds <= *bound);
        if let Some(bucket) = at.and_then(|at| self.buckets.get_mut(at)) {
            *bucket += 1;
        }
    }

    pub(super) fn write(&self, out: &mut String, name: &str, labels: &str) -> std::fmt::Result {
        let mut below = 0;
        for (bound, count) in self.bounds.iter().zip(&self.buckets) {
            below += count;
            writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {below}", seconds(*bound))?;
        }
        writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", self.count)?;
        writeln!(out, "{name}_sum{{{labels}}} {}", seconds(self.milliseconds))?;
        writeln!(out, "{name}_count{{{labels}}} {}", self.count)
    }
}

/// What comes before the values of a metric.
pub(super) fn head(out: &mut String, name: &str, kind: &str, words: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {words}\n# TYPE {name} {kind}")
}

pub(super) fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
