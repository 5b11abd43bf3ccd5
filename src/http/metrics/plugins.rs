//! How outside plugins were asked.

use std::fmt::Write as _;

use super::histogram::head;
use crate::change::PluginReport;

/// Writes what became of calls of plugins.
pub(super) fn write(out: &mut String, plugins: &[PluginReport]) -> std::fmt::Result {
    let name = "meshwright_plugin_call_seconds";
    head(out, name, "summary", "Time that calls of outside plugins took which were answered as they have to be.")?;
    for PluginReport { name: plugin, calls, seconds, .. } in plugins {
        writeln!(out, "{name}_sum{{plugin=\"{plugin}\"}} {seconds}")?;
        writeln!(out, "{name}_count{{plugin=\"{plugin}\"}} {calls}")?;
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
