//! What the service manager is told: sd_notify(3), where systemd or one like it started the server.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::http::Readiness;

/// How often the state is looked at where no watchdog asks for more.
const LOOK: Duration = Duration::from_secs(5);

/// Says that requests are taken.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Says that the configuration is read again; [`ready`] says that this is over (`Type=notify-reload`).
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the service manager was not told"),
    }
}

/// Says how the parts are from now on. A watchdog is content as long as changes are carried.
pub(super) async fn attend(readiness: Readiness) {
    let watchdog = sd_notify::watchdog_enabled();
    // Twice in the time after which it would be restarted, as sd_watchdog_enabled(3) asks for.
    let pause = watchdog.map_or(LOOK, |most| LOOK.min(most / 2));
    let mut told = None;
    loop {
        let (status, carries) = state(&readiness);
        if watchdog.is_some() && carries {
            tell(&[NotifyState::Watchdog]);
        }
        if told.as_ref() != Some(&status) {
            tell(&[NotifyState::Status(&status)]);
            told = Some(status);
        }
        tokio::time::sleep(pause).await;
    }
}

/// Says that the server stops because it was asked to.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How the parts are, in one line, and whether changes are carried.
fn state(readiness: &Readiness) -> (String, bool) {
    let parts = readiness.parts();
    let faulty: Vec<&str> = parts.iter().filter(|part| part.fault.is_some()).map(|part| &*part.name).collect();
    let status = match faulty.as_slice() {
        [] => "ready".to_owned(),
        starting if starting.iter().all(|name| readiness.is_starting(name)) => {
            format!("starting: {}", starting.join(", "))
        }
        faulty => format!("not ready: {}; GET /readyz says why", faulty.join(", ")),
    };
    // A forge may take its time for the first look at it.
    (status, !faulty.contains(&"worker") || readiness.is_starting("worker"))
}

/// Nobody listens on most machines, which is no fault.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Part;

    #[test]
    fn the_status_names_what_does_not_work_and_only_a_worker_that_stopped_is_restarted() {
        let readiness = |faulty: &'static [&'static str]| {
            let part = |name: &'static str| Part {
                name: name.into(),
                fault: faulty.contains(&name).then(|| "secret".to_owned()),
            };
            Readiness::new(move || ["journal", "worker", "forge"].map(part).into())
        };
        let of = |faulty| state(&readiness(faulty));
        assert_eq!(of(&[]), ("ready".to_owned(), true));
        assert_eq!(of(&["journal", "forge"]), ("not ready: journal, forge; GET /readyz says why".to_owned(), true));
        assert!(!of(&["worker"]).1);
        let (new, away) = (readiness(&[]), readiness(&["forge"]));
        let _guards = [new.start("worker"), away.start("worker")];
        assert_eq!(state(&new), ("starting: worker".to_owned(), true));
        assert_eq!(state(&away), ("not ready: worker, forge; GET /readyz says why".to_owned(), true));
    }
}
