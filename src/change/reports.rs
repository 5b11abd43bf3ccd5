//! What GitOps engines told last.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{MutexGuard, Notify};

use super::rollout::Report;

/// The most places and clusters whose last report is kept.
const KEPT: usize = 4096;

/// The last reports, by what they are about. A report may come before main is seen where it tells of, or before the
/// change that it holds is known to be merged.
#[derive(Default)]
pub(super) struct Reports {
    kept: Mutex<BTreeMap<String, Report>>,
    /// Main moved.
    moved: Notify,
    /// Held by whoever looks at what is told: one at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Reports {
    /// Main moved: what was told before may make sense now.
    pub(super) fn main_moved(&self) {
        self.moved.notify_one();
    }

    /// Resolves after main moved.
    pub(super) async fn news(&self) {
        self.moved.notified().await;
    }

    /// Waits until nobody else looks at what is told.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Keeps a report, unless it says less than one that is kept.
    pub(super) fn keep(&self, report: &Report) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let about = report.about();
        let known = kept.get(&about);
        // What was healthy at a commit was live with it, whatever happened to it later.
        let says_less =
            known.is_some_and(|known| known.at > report.at || known.revision == report.revision && known.healthy);
        if says_less || known.is_none() && kept.len() >= KEPT {
            return;
        }
        kept.insert(about, report.clone());
    }

    /// All that are kept.
    pub(super) fn all(&self) -> BTreeMap<String, Report> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Timestamp;

    fn report(revision: char, healthy: bool, at: i64) -> Report {
        let revision = revision.to_string().repeat(40);
        Report::new("gke/east", None, &revision, healthy, &Timestamp(at).to_string()).unwrap()
    }

    #[test]
    fn the_last_report_is_kept_and_what_was_healthy_stays_so() {
        let reports = Reports::default();
        let kept = || reports.all().into_values().next().unwrap();
        for (told, stays) in [
            (report('a', false, 5), true),
            (report('a', true, 6), true),
            (report('a', false, 7), false),
            (report('b', false, 8), true),
            (report('a', true, 6), false),
        ] {
            reports.keep(&told);
            assert_eq!(kept() == told, stays, "{told:?}");
        }
        assert_eq!(reports.all().len(), 1);
    }

    #[test]
    fn however_many_places_report_so_many_are_kept() {
        let reports = Reports::default();
        for n in 0..KEPT + 10 {
            let report = Report::new(&format!("gke/c{n}"), None, &"a".repeat(40), true, "2026-11-22T06:50:45Z");
            reports.keep(&report.unwrap());
        }
        assert_eq!(reports.all().len(), KEPT);
    }
}
