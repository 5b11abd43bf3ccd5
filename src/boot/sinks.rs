//! The sinks that a configuration names, and what they are told of the parts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::error::BootError;
use super::forges;
use crate::change::Desk;
use crate::change::announcement::Health;
use crate::config::{self, Config};
use crate::http::{Part, Readiness};
use crate::signature::Secret;
use crate::sink::Sink;

/// The most sinks, and the longest name of one.
const MOST: usize = 16;
const LONGEST_NAME: usize = 63;
/// How often the parts are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often a server is looked at that is still starting.
const MOMENT: Duration = Duration::from_millis(20);
/// How long two events of readiness are apart at least.
const DISTANCE: Duration = Duration::from_secs(10);
/// How long a server that stops waits for the sinks to hear of it.
const FAREWELL: Duration = Duration::from_secs(1);

/// The sinks that a configuration names. An address is never shown: its path may be a secret.
pub(super) fn sinks(configured: &[config::Sink]) -> Result<Vec<Sink>, BootError> {
    const FIELD: &str = "sinks";
    if configured.len() > MOST {
        return Err(BootError::config(FIELD, format!("name {MOST} at most; one of them may hand events on to others")));
    }
    let mut names = BTreeSet::new();
    configured
        .iter()
        .map(|config::Sink { name, url, secret_file }| {
            let is_one_word = (1..=LONGEST_NAME).contains(&name.len())
                && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it));
            if !is_one_word {
                let what = format!("use 1 to {LONGEST_NAME} letters, digits, `.`, `-` and `_`");
                return Err(BootError::config("sinks.name", format!("{name:?} is no name; {what}")));
            }
            if !names.insert(name) {
                return Err(BootError::config("sinks.name", format!("`{name}` is the name of two; give each its own")));
            }
            let wrong = || {
                let what = "say an https:// URL, or one of http:// on this machine, without user, password, query and \
                            fragment; sign events by a secretFile instead";
                BootError::config("sinks.url", format!("`{name}`: {what}"))
            };
            if !forges::is_safe(url) {
                return Err(wrong());
            }
            let secret = secret_file.as_deref().map(|path| {
                let unfit = |why: String| BootError::config("sinks.secretFile", format!("`{name}`: {why}"));
                let text = forges::text(path).map_err(unfit)?;
                Secret::new(text.trim()).map_err(|why| unfit(format!("{}: {why}", path.display())))
            });
            Sink::new(name.clone(), url, secret.transpose()?).map_err(|_| wrong())
        })
        .collect()
}

/// Who announces, as a URI reference: the URL of the server, else a name that lasts as long as its repository.
pub(super) fn source(config: &Config, public_url: &str) -> String {
    if !public_url.is_empty() {
        return escaped(public_url);
    }
    format!("urn:meshwright:{}", escaped(config.forge.repository.as_deref().unwrap_or("local")))
}

/// A text with what stands in no URI (RFC 3986, section 2) escaped.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Announces how the parts are: once, and then whenever another works or does not, but not more often than every few
/// seconds. What was so for a shorter time is not told. Once `stopping` resolves, it announces at once what stopped, and
/// waits for a moment until the sinks have heard it; those that have not hear it after the next start.
pub(super) async fn announce_readiness(readiness: Readiness, desk: Desk, mut stopping: oneshot::Receiver<()>) {
    let mut told = Told::default();
    let mut has_stopped = false;
    while !has_stopped {
        // Of a worker that is starting the parts say nothing yet.
        let starting = readiness.is_starting("worker");
        let (parts, sinks, now) = (readiness.parts(), names(&desk), Instant::now());
        told.sinks.retain(|sink| sinks.contains(sink));
        let is_due = told.is_due(&parts, now) || sinks != told.sinks;
        if !starting && is_due && announce(&desk, &parts).await {
            told = Told { works: Some((now, works(&parts).collect())), sinks };
        }
        let pause = if starting { MOMENT } else { LOOK };
        has_stopped = tokio::time::timeout(pause, &mut stopping).await.is_ok();
    }
    let parts = readiness.parts();
    if told.differs(&parts) && announce(&desk, &parts).await {
        let heard = async {
            while desk.tallies().sinks.values().any(|sink| sink.waiting > 0) {
                tokio::time::sleep(MOMENT).await;
            }
        };
        // What they have not heard by then is in the journal.
        drop(tokio::time::timeout(FAREWELL, heard).await);
    }
}

/// Announces how the parts are; whether that was written. A journal that cannot be written says in the log why it cannot.
async fn announce(desk: &Desk, parts: &[Part]) -> bool {
    let shown = parts.iter().map(|part| Health { name: part.name.to_string(), fault: part.fault.clone() });
    !names(desk).is_empty() && desk.announce(shown.collect()).await.is_ok()
}

/// The sinks that there are now.
fn names(desk: &Desk) -> BTreeSet<String> {
    desk.tallies().sinks.into_keys().collect()
}

/// What was told last, and to whom: a sink that came since knows nothing of it.
#[derive(Default)]
struct Told {
    works: Option<(Instant, Vec<Works>)>,
    sinks: BTreeSet<String>,
}

/// Whether a part works.
type Works = (Cow<'static, str>, bool);

fn works(parts: &[Part]) -> impl Iterator<Item = Works> {
    parts.iter().map(|part| (part.name.clone(), part.fault.is_none()))
}

impl Told {
    fn is_due(&self, parts: &[Part], now: Instant) -> bool {
        self.works.as_ref().is_none_or(|(at, _)| now.duration_since(*at) >= DISTANCE) && self.differs(parts)
    }

    /// Whether other parts work, or others do not, than was told.
    fn differs(&self, parts: &[Part]) -> bool {
        self.works.as_ref().is_none_or(|(_, told)| !works(parts).eq(told.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(name: &str, url: &str) -> config::Sink {
        config::Sink { name: name.to_owned(), url: url.to_owned(), secret_file: None }
    }

    #[test]
    fn a_sink_has_a_name_and_an_address_that_nobody_listens_in_on() {
        for url in [
            "https://sink.example",
            "https://sink.example:8443/a/b",
            "http://127.0.0.1:1",
            "http://[::1]/x",
            "http://localhost",
        ] {
            assert!(sinks(&[sink("a.b_C-9", url)]).is_ok(), "{url}");
        }
        for url in [
            "",
            "sink.example",
            "ftp://sink.example",
            "https://",
            "http://sink.example",
            "http://localhost.example",
            "https://user:hunter2@sink.example",
            "https://hunter2@sink.example",
            "https://sink.example/?token=hunter2",
            "https://sink.example/#hunter2",
            "https://sink.example/hun ter2",
            "https://sink.example:0/hunter2",
            "https://sink.example:99999/hunter2",
        ] {
            let error = sinks(&[sink("a", url)]).unwrap_err().to_string();
            assert!(error.starts_with("sinks.url: `a`: ") && !error.contains("hunter2"), "{url}: {error}");
        }
        for name in ["", "a b", "a/b", "ä", "a\n", &"a".repeat(64)] {
            let error = sinks(&[sink(name, "https://sink.example")]).unwrap_err().to_string();
            assert!(error.starts_with("sinks.name: ") && !error.contains('\n'), "{name}: {error}");
        }
        let named = |name: usize| sink(&name.to_string(), "https://sink.example");
        assert_eq!(sinks(&(0..16).map(named).collect::<Vec<_>>()).unwrap().len(), 16);
        assert!(sinks(&(0..17).map(named).collect::<Vec<_>>()).unwrap_err().to_string().contains("16 at most"));
        assert!(sinks(&[named(1), named(1)]).unwrap_err().to_string().contains("`1` is the name of two"));
        let shown = format!("{:?}", sinks(&[sink("a", "https://sink.example/hunter2")]).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_secret_is_read_from_a_file_and_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let of = || sinks(&[config::Sink { secret_file: Some(path.clone()), ..sink("a", "https://sink.example") }]);
        assert!(of().unwrap_err().to_string().starts_with("sinks.secretFile: "), "it is missing");
        for (text, fits) in [("fifteen letters\n", false), ("", false), ("sixteen letters!\n", true)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(of().is_ok(), fits, "{text}");
            assert!(fits || !of().unwrap_err().to_string().contains("fifteen"));
        }
        assert!(!format!("{:?}", of().unwrap()).contains("sixteen"));
    }

    #[test]
    fn the_source_is_a_uri_that_lasts() {
        let mut config = Config::default();
        assert_eq!(source(&config, ""), "urn:meshwright:local");
        config.forge.repository = Some("acme/mesh".into());
        assert_eq!(source(&config, ""), "urn:meshwright:acme/mesh");
        assert_eq!(source(&config, "https://mesh.example/ä|b"), "https://mesh.example/%C3%A4%7Cb");
    }

    #[test]
    fn readiness_is_told_once_and_when_it_changed_but_not_with_every_flap() {
        let parts = |works: bool| [Part { name: "forge".into(), fault: (!works).then(|| "away".to_owned()) }];
        let begin = Instant::now();
        let (mut told, mut events) = (Told::default(), vec![]);
        // It flaps every second for a minute, and is well from then on.
        for second in 0..120 {
            let (parts, now) = (parts(second % 2 == 0 || second > 60), begin + Duration::from_secs(second));
            if told.is_due(&parts, now) {
                told.works = Some((now, works(&parts).collect()));
                events.push((second, parts[0].fault.is_none()));
            }
        }
        let expected = [(0, true), (11, false), (22, true), (33, false), (44, true), (55, false), (65, true)];
        assert_eq!(events, expected, "and nothing while nothing changes");
        assert!(!told.is_due(&[Part { name: "forge".into(), fault: None }], begin + Duration::from_secs(999)));
    }
}
