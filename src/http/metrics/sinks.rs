//! What waits for sinks, and what became of it.

use std::fmt::Write as _;

use super::histogram::head;
use crate::change::outbox::{Attempt, Tallies};

pub(super) fn write(out: &mut String, tallies: &Tallies) -> std::fmt::Result {
    let name = "meshwright_sink_events_waiting";
    head(out, name, "gauge", "Events that a sink has yet to take.")?;
    for (sink, tally) in &tallies.sinks {
        writeln!(out, "{name}{{sink=\"{sink}\"}} {}", tally.waiting)?;
    }
    let name = "meshwright_sink_deliveries_total";
    head(out, name, "counter", "Attempts to deliver an event to a sink by result.")?;
    for (sink, tally) in &tallies.sinks {
        for attempt in Attempt::ALL {
            let count = tally.attempts.get(&attempt).unwrap_or(&0);
            writeln!(out, "{name}{{sink=\"{sink}\",result=\"{}\"}} {count}", attempt.as_str())?;
        }
    }
    let name = "meshwright_sink_events_dropped_total";
    head(out, name, "counter", "Events that were given up because sinks did not take them.")?;
    writeln!(out, "{name} {}", tallies.dropped)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::change::outbox::Tally;

    #[test]
    fn each_sink_has_what_waits_for_it_and_every_result() {
        let tally = Tally { waiting: 3, attempts: BTreeMap::from([(Attempt::Refused, 2)]) };
        let mut text = String::new();
        write(&mut text, &Tallies { sinks: BTreeMap::from([("bus".into(), tally)]), dropped: 7 }).unwrap();
        for line in [
            "meshwright_sink_events_waiting{sink=\"bus\"} 3",
            "meshwright_sink_deliveries_total{sink=\"bus\",result=\"taken\"} 0",
            "meshwright_sink_deliveries_total{sink=\"bus\",result=\"refused\"} 2",
            "meshwright_sink_events_dropped_total 7",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
    }
}
