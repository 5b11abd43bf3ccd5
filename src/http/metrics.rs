//! Counters, and the text that Prometheus reads (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::readiness::Part;
use crate::change::{Ledger, State};

/// Upper bounds of the buckets of request times, in milliseconds.
const BOUNDS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// The template of a route, known at compile time or made once.
pub(super) type Template = &'static str;

#[derive(Default)]
struct Times {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    milliseconds: u64,
}

#[derive(Default)]
struct Series {
    by_status: BTreeMap<u16, u64>,
    times: Times,
}

/// What is counted.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(Template, &'static str), Series>>,
    webhooks: Mutex<BTreeMap<&'static str, u64>>,
    accepted: AtomicU64,
    streams: Arc<AtomicI64>,
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
        series.times.count += 1;
        series.times.milliseconds += milliseconds;
        if let Some(at) = BOUNDS.iter().position(|bound| milliseconds <= *bound) {
            series.times.buckets[at] += 1;
        }
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
    pub(super) fn text(&self, ledger: &Ledger, parts: &[Part]) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        _ = self.write(&mut out, ledger, parts);
        out
    }

    fn write(&self, out: &mut String, ledger: &Ledger, parts: &[Part]) -> std::fmt::Result {
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
            let mut below = 0;
            for (bound, count) in BOUNDS.iter().zip(times.buckets) {
                below += count;
                writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {below}", seconds(*bound))?;
            }
            writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", times.count)?;
            writeln!(out, "{name}_sum{{{labels}}} {}", seconds(times.milliseconds))?;
            writeln!(out, "{name}_count{{{labels}}} {}", times.count)?;
        }
        drop(requests);
        head(out, "meshwright_intents_accepted_total", "counter", "Intents that were written durably.")?;
        writeln!(out, "meshwright_intents_accepted_total {}", self.accepted.load(Ordering::Relaxed))?;
        head(out, "meshwright_webhooks_total", "counter", "Webhooks of the forge by result.")?;
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
        head(out, "meshwright_event_streams", "gauge", "Event streams that are open.")?;
        writeln!(out, "meshwright_event_streams {}", self.streams.load(Ordering::Relaxed))?;
        head(out, "meshwright_ready", "gauge", "Whether a part works.")?;
        for part in parts {
            writeln!(out, "meshwright_ready{{part=\"{}\"}} {}", part.name, u8::from(part.fault.is_none()))?;
        }
        Ok(())
    }
}

fn head(out: &mut String, name: &str, kind: &str, words: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {words}\n# TYPE {name} {kind}")
}

fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown_in_prometheus_words() {
        let metrics = Metrics::default();
        metrics.answered("/v2/projects", "POST", 201, 3);
        metrics.answered("/v2/projects", "POST", 201, 1);
        metrics.answered("/v2/projects", "POST", 409, 60_000);
        metrics.accepted(2);
        let open = metrics.stream();
        let parts = [Part { name: "journal", fault: Some("full".into()) }];
        let text = metrics.text(&Ledger::default(), &parts);
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
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
        drop(open);
        assert!(metrics.text(&Ledger::default(), &[]).contains("meshwright_event_streams 0"));
    }
}
