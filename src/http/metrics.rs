//! Counters, and the text that Prometheus reads (exposition format 0.0.4).

mod histogram;
mod lives;
mod plugins;
mod sinks;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::readiness::Part;
use super::reloads::Reloads;
use crate::change::forge::Left;
use crate::change::id::Timestamp;
use crate::change::outbox::Tallies;
use crate::change::{Change, Event, Ledger, PluginReport, State, Times};
use histogram::head;
use lives::Lives;

/// Upper bounds of the buckets of request times, in milliseconds.
const OF_REQUESTS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// The template of a route, known at compile time or made once.
pub(super) type Template = &'static str;

struct Series {
    by_status: BTreeMap<u16, u64>,
    times: Times,
}

impl Default for Series {
    fn default() -> Self {
        Self { by_status: BTreeMap::new(), times: Times::new(&OF_REQUESTS) }
    }
}

/// What is counted.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(Template, &'static str), Series>>,
    webhooks: Mutex<BTreeMap<&'static str, u64>>,
    accepted: AtomicU64,
    streams: Arc<AtomicI64>,
    lives: Mutex<Lives>,
}

/// How everything is at the moment that is asked about.
pub(super) struct Now<'a> {
    /// What is known of changes.
    pub(super) ledger: &'a Ledger,
    /// How the parts are.
    pub(super) parts: &'a [Part],
    /// How the outside plugins are.
    pub(super) plugins: &'a [PluginReport],
    /// The moment.
    pub(super) at: Timestamp,
    /// What the forge may still be sent, where that is bounded.
    pub(super) left: Option<Left>,
    /// How readings of the configuration went.
    pub(super) reloads: &'a Reloads,
    /// What is counted of sinks.
    pub(super) sinks: &'a Tallies,
}

/// One event stream that is open, until this is dropped.
pub(super) struct OpenStream(Arc<AtomicI64>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// A request was answered.
    pub(super) fn answered(&self, route: Template, method: &'static str, status: u16, milliseconds: u64) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let series = requests.entry((route, method)).or_default();
        *series.by_status.entry(status).or_default() += 1;
        series.times.observe(milliseconds);
    }

    /// Counting of changes begins.
    pub(super) fn begin(&self, ledger: &Ledger) {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner).begin(ledger);
    }

    /// A change came into another state.
    pub(super) fn came(&self, event: &Event, change: &Change) {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner).came(event, change);
    }

    /// A webhook came in, with this result.
    pub(super) fn delivered(&self, result: &'static str) {
        *self.webhooks.lock().unwrap_or_else(PoisonError::into_inner).entry(result).or_default() += 1;
    }

    /// That many intents were accepted.
    pub(super) fn accepted(&self, intents: usize) {
        self.accepted.fetch_add(intents as u64, Ordering::Relaxed);
    }

    /// A stream was opened.
    pub(super) fn stream(&self) -> OpenStream {
        self.streams.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(&self.streams))
    }

    /// Everything as text.
    pub(super) fn text(&self, now: &Now<'_>) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        _ = self.write(&mut out, now);
        out
    }

    fn write(&self, out: &mut String, now: &Now<'_>) -> std::fmt::Result {
        let Now { ledger, parts, plugins, sinks, at, left, reloads } = now;
        head(out, "meshwright_http_requests_total", "counter", "Requests by route, method and status.")?;
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((route, method), series) in requests.iter() {
            for (status, count) in &series.by_status {
                let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
                writeln!(out, "meshwright_http_requests_total{{{labels}}} {count}")?;
            }
        }
        let name = "meshwright_http_request_seconds";
        head(out, name, "histogram", "Time from a request's head to its answer's head.")?;
        for ((route, method), Series { times, .. }) in requests.iter() {
            let labels = format!("route=\"{route}\",method=\"{method}\"");
            histogram::write(out, times, name, &labels)?;
        }
        drop(requests);
        head(out, "meshwright_intents_accepted_total", "counter", "Intents that were written durably.")?;
        writeln!(out, "meshwright_intents_accepted_total {}", self.accepted.load(Ordering::Relaxed))?;
        head(out, "meshwright_webhooks_total", "counter", "Webhooks of the forge and of GitOps engines by result.")?;
        for (result, count) in self.webhooks.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            writeln!(out, "meshwright_webhooks_total{{result=\"{result}\"}} {count}")?;
        }
        head(out, "meshwright_changes", "gauge", "Changes by state.")?;
        let mut states = BTreeMap::new();
        for change in ledger.changes.values() {
            *states.entry(change.state).or_insert(0_usize) += 1;
        }
        for state in State::ALL {
            let count = states.get(&state).unwrap_or(&0);
            writeln!(out, "meshwright_changes{{state=\"{state}\"}} {count}")?;
        }
        lives::write_waiting(out, ledger, *at)?;
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.look(ledger);
        lives.write(out)?;
        drop(lives);
        if let Some(left) = left {
            let words = "Requests that create or change something and that the forge may still be sent.";
            head(out, "meshwright_forge_writes_left", "gauge", words)?;
            writeln!(out, "meshwright_forge_writes_left{{within=\"minute\"}} {}", left.minute)?;
            writeln!(out, "meshwright_forge_writes_left{{within=\"hour\"}} {}", left.hour)?;
        }
        plugins::write(out, plugins)?;
        sinks::write(out, sinks)?;
        head(out, "meshwright_event_streams", "gauge", "Event streams that are open.")?;
        writeln!(out, "meshwright_event_streams {}", self.streams.load(Ordering::Relaxed))?;
        head(out, "meshwright_ready", "gauge", "Whether a part works.")?;
        for part in *parts {
            writeln!(out, "meshwright_ready{{part=\"{}\"}} {}", part.name, u8::from(part.fault.is_none()))?;
        }
        head(out, "meshwright_config_reloads_total", "counter", "Readings of the configuration by result.")?;
        for (result, count) in reloads.results() {
            writeln!(out, "meshwright_config_reloads_total{{result=\"{result}\"}} {count}")?;
        }
        head(out, "meshwright_config_current", "gauge", "Whether what runs is what the configuration says.")?;
        writeln!(out, "meshwright_config_current {}", u8::from(reloads.is_current()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_was_counted_is_shown_in_prometheus_words() {
        let metrics = Metrics::default();
        metrics.answered("/v2/projects", "POST", 201, 3);
        metrics.answered("/v2/projects", "POST", 201, 1);
        metrics.answered("/v2/projects", "POST", 409, 60_000);
        metrics.accepted(2);
        let open = metrics.stream();
        let parts = [Part { name: "journal".into(), fault: Some("full".into()) }];
        let left = Some(Left { minute: 7, hour: 300 });
        let failures = vec![("late", 2)];
        let mut calls = Times::new(&[100, 1000]);
        [200, 50, 2000].into_iter().for_each(|took| calls.observe(took));
        let plugins = [PluginReport { name: "np".into(), fault: None, calls, failures }];
        let (ledger, at, reloads) = (Ledger::default(), Timestamp(0), Reloads::default());
        reloads.refused();
        let sinks = &Tallies::default();
        let text = metrics.text(&Now {
            ledger: &ledger,
            parts: &parts,
            plugins: &plugins,
            sinks,
            at,
            left,
            reloads: &reloads,
        });
        for line in [
            "meshwright_http_requests_total{route=\"/v2/projects\",method=\"POST\",status=\"201\"} 2",
            "meshwright_http_request_seconds_bucket{route=\"/v2/projects\",method=\"POST\",le=\"0.001\"} 1",
            "meshwright_http_request_seconds_bucket{route=\"/v2/projects\",method=\"POST\",le=\"0.005\"} 2",
            "meshwright_http_request_seconds_bucket{route=\"/v2/projects\",method=\"POST\",le=\"30\"} 2",
            "meshwright_http_request_seconds_bucket{route=\"/v2/projects\",method=\"POST\",le=\"+Inf\"} 3",
            "meshwright_http_request_seconds_sum{route=\"/v2/projects\",method=\"POST\"} 60.004",
            "meshwright_intents_accepted_total 2",
            "meshwright_changes{state=\"approved\"} 0",
            "meshwright_event_streams 1",
            "meshwright_ready{part=\"journal\"} 0",
            "meshwright_forge_writes_left{within=\"hour\"} 300",
            "meshwright_writes_waiting 0",
            "meshwright_plugin_call_seconds_bucket{plugin=\"np\",le=\"0.1\"} 1",
            "meshwright_plugin_call_seconds_bucket{plugin=\"np\",le=\"1\"} 2",
            "meshwright_plugin_call_seconds_bucket{plugin=\"np\",le=\"+Inf\"} 3",
            "meshwright_plugin_call_seconds_sum{plugin=\"np\"} 2.25",
            "meshwright_plugin_call_seconds_count{plugin=\"np\"} 3",
            "meshwright_plugin_failures_total{plugin=\"np\",reason=\"late\"} 2",
            "meshwright_config_reloads_total{result=\"taken\"} 0",
            "meshwright_config_reloads_total{result=\"refused\"} 1",
            "meshwright_config_current 0",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
        drop(open);
        reloads.taken(true);
        let text =
            metrics.text(&Now { ledger: &ledger, parts: &[], plugins: &[], sinks, at, left: None, reloads: &reloads });
        assert!(text.contains("meshwright_config_current 1"), "{text}");
        assert!(text.contains("meshwright_event_streams 0") && !text.contains("writes_left"), "{text}");
    }

    #[test]
    fn the_page_for_operators_says_what_every_metric_means() {
        let metrics = Metrics::default();
        let (ledger, left) = (Ledger::default(), Some(Left { minute: 0, hour: 0 }));
        let reloads = Reloads::default();
        let sinks = &Tallies::default();
        let text = metrics.text(&Now {
            ledger: &ledger,
            parts: &[],
            plugins: &[],
            sinks,
            at: Timestamp(0),
            left,
            reloads: &reloads,
        });
        let page = include_str!("../../docs/operations.md");
        let told = |line: &str| {
            let mut cells = line.strip_prefix("| `meshwright_")?.split('|').map(str::trim);
            let (name, kind) = (cells.next()?.strip_suffix('`')?, cells.next()?);
            // Labels, what it says, and what to do: none is empty but for labels.
            let is_whole =
                cells.nth(1).is_some_and(|it| !it.is_empty()) && cells.next().is_some_and(|it| !it.is_empty());
            is_whole.then(|| format!("meshwright_{name} {kind}"))
        };
        let told: BTreeSet<String> = page.lines().filter_map(told).collect();
        let shown: BTreeSet<String> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
        assert!(shown.len() > 8, "{text}");
        assert_eq!(told, shown, "docs/operations.md and what is exported");
    }
}
