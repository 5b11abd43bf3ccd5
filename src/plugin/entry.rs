//! One outside plugin where it is reached by now, and what is known of it there.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::breaker::Breaker;
use super::fault::{Fault, Reason};
use super::link::Link;
use super::target::Target;
use crate::change::{PluginReport, Timestamp};

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
    /// Has it looked at now.
    pub(super) look: Arc<Notify>,
    pub(super) breaker: Breaker,
}

/// What calls of a plugin came to.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) milliseconds: i64,
    pub(super) failures: BTreeMap<Reason, u64>,
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
        let left_alone = |(fault, _): (&Fault, Timestamp)| {
            let words = format!("{}; it failed several times in a row and is left alone for a while", fault.words);
            Fault::new(fault.reason, words)
        };
        match (&self.link, &self.seen) {
            (Err(fault), _) => Some(fault.clone()),
            (_, Some(Err(fault))) if fault.reason.is_of_all() => Some(fault.clone()),
            _ => self.breaker.open(now).map(left_alone),
        }
    }

    /// Takes notice of what a call came to.
    pub(super) fn note(&mut self, fault: Option<&Fault>, now: Timestamp) {
        self.breaker.note(fault, now);
        if self.seen.as_ref().is_some_and(|seen| seen.is_ok() != fault.is_none()) {
            // Whoever asks how it is shall not be told what it was before.
            self.look.notify_one();
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
            calls: counts.calls,
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of calls stay far below 2^52")]
            seconds: counts.milliseconds as f64 / 1000.0,
            failures: counts.failures.iter().map(|(reason, count)| (reason.as_str(), *count)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_plugin_is_looked_at_at_once_where_a_call_shows_something_else_than_the_last_look() {
        let fault = || Fault::new(Reason::Late, "did not answer");
        let looked = |seen: Option<Result<(), Fault>>, called: Option<Fault>| async move {
            let look = Arc::<Notify>::default();
            let (number, target, link, breaker) = (1, Err(fault()), Err(fault()), Breaker::default());
            let mut entry = Entry { number, target, link, probing: None, seen, look: look.clone(), breaker };
            entry.note(called.as_ref(), Timestamp(0));
            timeout(Duration::ZERO, look.notified()).await.is_ok()
        };
        assert!(looked(Some(Ok(())), Some(fault())).await && looked(Some(Err(fault())), None).await);
        assert!(!looked(Some(Ok(())), None).await && !looked(Some(Err(fault())), Some(fault())).await);
        assert!(!looked(None, Some(fault())).await);
    }
}
