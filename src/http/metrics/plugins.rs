//! How outside plugins were asked.

use std::fmt::Write as _;

use super::histogram::{self, head};
use crate::change::PluginReport;

/// Writes what became of calls of plugins.
pub(super) fn write(out: &mut String, plugins: &[PluginReport]) -> std::fmt::Result {
    let name = "meshwright_plugin_call_seconds";
    head(out, name, "histogram", "Time that calls of outside plugins took, whatever came of them.")?;
    for PluginReport { name: plugin, calls, .. } in plugins {
        histogram::write(out, calls, name, &format!("plugin=\"{plugin}\""))?;
    }
    let name = "meshwright_plugin_failures_total";
    head(out, name, "counter", "Units that outside plugins did not answer as they have to, by reason.")?;
    for PluginReport { name: plugin, failures, .. } in plugins {
        for (reason, count) in failures {
            writeln!(out, "{name}{{plugin=\"{plugin}\",reason=\"{reason}\"}} {count}")?;
        }
    }
    Ok(())
}
