//! One outside plugin where it is reached by now, and what is known of it there.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::breaker::Breaker;
use super::fault::{Fault, Reason};
use super::link::Link;
use super::target::Target;
use crate::change::{PluginReport, Times, Timestamp};

/// A plugin that is listed, where it is reached by now.
pub(super) struct Entry {
    /// Tells it from others of the same name.
    pub(super) number: u64,
    pub(super) target: Result<Target, Fault>,
    pub(super) link: Result<Link, Fault>,
    /// Looks at it now and then, until this is dropped.
    pub(super) probing: Option<AbortHandle>,
    /// What the last look found; none before the first.
    pub(super) seen: Option<Result<(), Fault>>,
    /// Has it looked at soon.
    pub(super) look_soon: Arc<Notify>,
    pub(super) breaker: Breaker,
}

/// What calls of a plugin came to.
pub(super) struct Counts {
    pub(super) calls: Times,
    pub(super) failures: BTreeMap<Reason, u64>,
}

/// Upper bounds of how long calls take, in milliseconds: one unit takes some, many seconds, and deadlines are ten of these
/// where nothing else is said.
const BOUNDS: [u64; 12] = [1, 5, 25, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 120_000];

impl Default for Counts {
    fn default() -> Self {
        Self { calls: Times::new(&BOUNDS), failures: BTreeMap::new() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(probing) = &self.probing {
            probing.abort();
        }
    }
}

impl Entry {
    /// Why it is not called now; none where it is.
    pub(super) fn fault(&self, now: Timestamp) -> Option<Fault> {
        let because = |fault: &Fault, why: &str| Fault::new(fault.reason, format!("{}; {why}", fault.words));
        if let Err(fault) = &self.link {
            return Some(fault.clone());
        }
        if let Some(fault) = self.keeps_from_calls() {
            return Some(because(fault, "it is asked when a look at it finds it well"));
        }
        let (fault, _) = self.breaker.open(now)?;
        Some(because(fault, "it failed several times in a row and is left alone for a while"))
    }

    /// What the last look found, if that shows that there is no sense in calling it.
    pub(super) fn keeps_from_calls(&self) -> Option<&Fault> {
        self.seen.as_ref()?.as_ref().err().filter(|fault| fault.reason.keeps_from_calls())
    }

    /// Takes notice of what a call came to.
    pub(super) fn note(&mut self, fault: Option<&Fault>, begun: Timestamp, now: Timestamp) {
        self.breaker.note(fault, begun, now);
        let is_news = match &self.seen {
            None => false,
            Some(Ok(())) => fault.is_some(),
            // A look may find something that calls cannot show.
            Some(Err(_)) => fault.is_none() && self.keeps_from_calls().is_some(),
        };
        if is_news {
            // Whoever asks how it is shall not be told what it was before.
            self.look_soon.notify_one();
        }
    }

    /// What the last look found, or shows without one; none before the first.
    pub(super) fn found(&self) -> Option<Result<(), Fault>> {
        self.link.as_ref().err().map(|fault| Err(fault.clone())).or_else(|| self.seen.clone())
    }

    /// How the plugin is, of that name.
    pub(super) fn report(&self, name: &str, counts: &Counts, now: Timestamp) -> PluginReport {
        let fault = match self.found() {
            None => Some("was not looked at yet".to_owned()),
            Some(Err(fault)) => Some(fault.words),
            Some(Ok(())) => self.fault(now).map(|fault| fault.words),
        };
        PluginReport {
            name: name.to_owned(),
            fault,
            calls: counts.calls.clone(),
            failures: counts.failures.iter().map(|(reason, count)| (reason.as_str(), *count)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn entry(seen: Option<Result<(), Fault>>, look_soon: &Arc<Notify>) -> Entry {
        let target = Target { address: "http://127.0.0.1:1".into(), tls: None, deadline: Duration::from_secs(1) };
        let link = Link::new(&target);
        let look_soon = Arc::clone(look_soon);
        Entry { number: 1, target: Ok(target), link, probing: None, seen, look_soon, breaker: Breaker::default() }
    }

    fn fault(reason: Reason) -> Fault {
        Fault::new(reason, "fails")
    }

    #[tokio::test]
    async fn a_plugin_is_looked_at_soon_where_a_call_shows_something_else_than_the_last_look() {
        let looked = |seen: Option<Result<(), Fault>>, called: Option<Fault>| async move {
            let look_soon = Arc::default();
            entry(seen, &look_soon).note(called.as_ref(), Timestamp(0), Timestamp(0));
            timeout(Duration::ZERO, look_soon.notified()).await.is_ok()
        };
        let late = || fault(Reason::Late);
        assert!(looked(Some(Ok(())), Some(late())).await && looked(Some(Err(late())), None).await);
        assert!(!looked(Some(Ok(())), None).await && !looked(Some(Err(late())), Some(late())).await);
        assert!(!looked(None, Some(late())).await);
        // Its health may be for others to ask.
        assert!(!looked(Some(Err(fault(Reason::Refused))), None).await);
    }

    #[tokio::test]
    async fn only_a_look_that_shows_nobody_at_work_keeps_from_calls() {
        for (reason, keeps) in [
            (Reason::Unreachable, true),
            (Reason::Unhealthy, true),
            (Reason::Late, true),
            (Reason::Version, false),
            (Reason::Refused, false),
            (Reason::Failed, false),
            (Reason::TooMuch, false),
        ] {
            let kept = entry(Some(Err(fault(reason))), &Arc::default()).fault(Timestamp(0));
            let words = kept.map(|fault| fault.words);
            let expected = keeps.then_some("fails; it is asked when a look at it finds it well");
            assert_eq!(words.as_deref(), expected, "{reason:?}");
        }
        assert_eq!(entry(None, &Arc::default()).fault(Timestamp(0)), None);
    }
}
