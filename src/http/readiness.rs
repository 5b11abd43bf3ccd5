//! Whether the parts work that the server needs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::AbortHandle;

/// A part that the server needs to work, and whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is, such as `journal` or `plugin/NAME`.
    pub name: Cow<'static, str>,
    /// Why it does not work, for every caller to read; none when it does.
    pub fault: Option<String>,
}

/// What is said of a part that is being started.
const STARTING: &str = "starting";

/// What is said of a part that has ended.
const ENDED: &str = "has ended; restart the server, and report the last lines of its log";

/// Tells how the parts are. It is asked at each `GET /readyz` and must not block. Cloning shares it.
#[derive(Clone)]
pub struct Readiness {
    parts: Arc<dyn Fn() -> Vec<Part> + Send + Sync>,
    starting: Names,
    /// What runs until the server stops, by the name of the part that it is where it ends before.
    tasks: Arc<Mutex<Vec<(&'static str, AbortHandle)>>>,
}

/// How many guards each part that is being started has.
type Names = Arc<Mutex<BTreeMap<Cow<'static, str>, usize>>>;

/// A part that is being started, until this is dropped: by its success, its failure and its panic alike. Whoever forgets
/// to drop it keeps the server from being ready.
#[must_use = "a part has started as soon as this is dropped"]
pub struct Starting {
    names: Names,
    name: Cow<'static, str>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = names.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(&self.name);
            }
        }
    }
}

impl Readiness {
    /// Asks `parts` each time.
    pub fn new(parts: impl Fn() -> Vec<Part> + Send + Sync + 'static) -> Self {
        Self { parts: Arc::new(parts), starting: Names::default(), tasks: Arc::default() }
    }

    /// A part is being started: it is not ready until what this gives is dropped.
    pub fn start(&self, name: impl Into<Cow<'static, str>>) -> Starting {
        let name = name.into();
        *self.starting.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default() += 1;
        Starting { names: Arc::clone(&self.starting), name }
    }

    /// A task that runs until the server stops: once it ends before, as by a panic, it is a part that does not work.
    pub fn rely_on(&self, name: &'static str, task: AbortHandle) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push((name, task));
    }

    /// The server stops: its tasks may end.
    pub fn stop(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether every part works.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.parts().iter().all(|part| part.fault.is_none())
    }

    /// Whether a part is being started.
    #[must_use]
    pub fn is_starting(&self, name: &str) -> bool {
        self.starting.lock().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// The parts as they are now. Of one that is being started a reason that is known already counts more.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = (self.parts)();
        for name in self.starting.lock().unwrap_or_else(PoisonError::into_inner).keys() {
            let fault = || Some(STARTING.to_owned());
            match parts.iter_mut().find(|part| part.name == *name) {
                Some(part) => part.fault = part.fault.take().or_else(fault),
                None => parts.push(Part { name: name.clone(), fault: fault() }),
            }
        }
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = tasks.iter().filter(|(_, task)| task.is_finished());
        parts.extend(ended.map(|(name, _)| Part { name: (*name).into(), fault: Some(ENDED.to_owned()) }));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_not_ready_until_every_guard_of_it_is_dropped() {
        let fault = Arc::new(Mutex::new(None));
        let told = fault.clone();
        let readiness =
            Readiness::new(move || vec![Part { name: "worker".into(), fault: told.lock().unwrap().clone() }]);
        let fault_of = |name: &str| readiness.parts().into_iter().find(|part| part.name == name).map(|it| it.fault);
        assert!(readiness.is_ready());
        let guards = [readiness.start("worker"), readiness.clone().start("worker")];
        assert_eq!(fault_of("worker"), Some(Some(STARTING.to_owned())));
        *fault.lock().unwrap() = Some("the forge is away".to_owned());
        assert_eq!(fault_of("worker"), Some(Some("the forge is away".to_owned())), "a reason counts more");
        *fault.lock().unwrap() = None;
        let [first, second] = guards;
        drop(first);
        assert!(!readiness.is_ready() && readiness.is_starting("worker"));
        drop(second);
        assert!(readiness.is_ready() && !readiness.is_starting("worker"));
        // One that nobody lists is listed for as long as it starts.
        let plugin = readiness.start(format!("plugin/{}", "a"));
        assert_eq!(fault_of("plugin/a"), Some(Some(STARTING.to_owned())));
        let panicked = std::thread::spawn(move || {
            let _plugin = plugin;
            panic!("on purpose");
        });
        assert!(panicked.join().is_err() && readiness.is_ready() && fault_of("plugin/a").is_none());
    }

    #[tokio::test]
    async fn a_task_that_ends_before_the_server_stops_is_a_part_that_does_not_work() {
        let readiness = Readiness::new(Vec::new);
        let lasts = tokio::spawn(std::future::pending::<()>());
        let ends = tokio::spawn(async { panic!("on purpose") });
        readiness.rely_on("sinks", lasts.abort_handle());
        readiness.rely_on("reload", ends.abort_handle());
        assert!(ends.await.is_err());
        let expected = Part { name: "reload".into(), fault: Some(ENDED.to_owned()) };
        assert_eq!(readiness.clone().parts(), [expected]);
        readiness.stop();
        lasts.abort();
        assert!(lasts.await.is_err() && readiness.is_ready());
    }

    #[test]
    fn a_guard_that_is_forgotten_keeps_the_server_from_being_ready() {
        let readiness = Readiness::new(|| vec![Part { name: "worker".into(), fault: None }]);
        std::mem::forget(readiness.start("plugin/b"));
        assert!(!readiness.is_ready());
        assert!(!readiness.is_ready(), "for ever");
    }
}
