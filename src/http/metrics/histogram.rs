//! Metrics as Prometheus reads them.

use std::fmt::Write as _;

use crate::change::Times;

/// Writes times as the values of a histogram.
pub(super) fn write(out: &mut String, times: &Times, name: &str, labels: &str) -> std::fmt::Result {
    for (bound, count) in times.at_most() {
        writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {count}", seconds(bound))?;
    }
    writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", times.count())?;
    writeln!(out, "{name}_sum{{{labels}}} {}", seconds(times.sum()))?;
    writeln!(out, "{name}_count{{{labels}}} {}", times.count())
}

/// What comes before the values of a metric.
pub(super) fn head(out: &mut String, name: &str, kind: &str, words: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {words}\n# TYPE {name} {kind}")
}

pub(super) fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
