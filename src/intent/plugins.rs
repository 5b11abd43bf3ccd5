//! The plugins that `meshwright.yaml` lists: who renders beside what is built in.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::kind::Kind;
use super::scalar::DnsLabel;

/// The plugins that are built in: they always render, and are of the version of the renderer.
pub const BUILT_IN: [&str; 3] = ["sm-config", "load-balancer", "dns"];

/// The kinds of intents that a plugin can be asked about.
pub const ASKED_ABOUT: [Kind; 5] =
    [Kind::Inbound, Kind::Client, Kind::AccessPoint, Kind::Outbound, Kind::OutboundServer];

/// The most plugins that are listed.
const MOST: usize = 32;

/// The longest version, in bytes.
const LONGEST_VERSION: usize = 64;

/// A plugin that renders beside those that are built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPlugin {
    /// What it is called.
    pub name: DnsLabel,
    /// The version that answers for it: one word.
    pub version: String,
    /// The kinds of intents that it is asked about.
    pub kinds: BTreeSet<Kind>,
    /// Its place among the others, lower first; where it is not said, that of its registration counts.
    pub priority: Option<i64>,
}

impl ListedPlugin {
    /// Whether it is asked about any of `kinds`.
    #[must_use]
    pub fn wants(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| self.kinds.contains(kind))
    }
}

/// An entry of the list as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    version: String,
    kinds: Vec<String>,
    priority: Option<i64>,
}

/// Reads the list.
///
/// # Errors
/// What is wrong with it, for whoever wrote it.
pub(super) fn read(written: Vec<Written>) -> Result<Vec<ListedPlugin>, String> {
    if written.len() > MOST {
        return Err(format!("plugins: {} are listed, and {MOST} are allowed", written.len()));
    }
    let mut listed: Vec<ListedPlugin> = vec![];
    for (place, entry) in written.into_iter().enumerate() {
        let read = entry.read().map_err(|why| format!("plugins[{place}].{why}"))?;
        if listed.iter().any(|other| other.name == read.name) {
            return Err(format!("plugins[{place}].name: `{}` is listed twice", read.name));
        }
        listed.push(read);
    }
    Ok(listed)
}

impl Written {
    fn read(self) -> Result<ListedPlugin, String> {
        let name = DnsLabel::parse(&self.name).map_err(|why| format!("name: {why}"))?;
        if BUILT_IN.contains(&name.as_str()) {
            return Err(format!("name: `{name}` is built in, renders always, and is not listed"));
        }
        if !is_version(&self.version) {
            return Err(format!(
                "version: write one word of at most {LONGEST_VERSION} letters, digits, `.`, `-`, `_` and `+`, in quotes"
            ));
        }
        let known = || ASKED_ABOUT.map(|kind| kind.entry().collection).join(", ");
        let kind = |text: &String| {
            let found = ASKED_ABOUT.into_iter().find(|kind| kind.entry().collection == text);
            found.ok_or_else(|| {
                format!("kinds: a plugin is not asked about `{}`; known: {}", super::quote::quoted(text), known())
            })
        };
        let kinds: BTreeSet<Kind> = self.kinds.iter().map(kind).collect::<Result<_, _>>()?;
        if kinds.is_empty() {
            return Err(format!("kinds: name the intents that it is asked about: {}", known()));
        }
        Ok(ListedPlugin { name, version: self.version, kinds, priority: self.priority })
    }
}

/// Whether a text can be the version of a plugin.
fn is_version(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    (1..=LONGEST_VERSION).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use crate::intent::Settings;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let settings = Settings::read(text)?;
        Ok(settings.plugins.iter().map(|it| format!("{} {} {:?}", it.name, it.version, it.priority)).collect())
    }

    #[test]
    fn a_plugin_is_listed_with_name_version_kinds_and_maybe_a_priority() {
        let text = "plugins:\n- {name: np, version: '1.2', kinds: [inbound-intents, clients], priority: 5}\n\
                    - {name: other, version: v1, kinds: [servers]}\n";
        assert_eq!(read(text).unwrap(), ["np 1.2 Some(5)", "other v1 None"]);
        // A version is text, whatever it looks like.
        assert_eq!(read("plugins: [{name: np, version: 1.10, kinds: [clients]}]\n").unwrap(), ["np 1.10 None"]);
        assert_eq!(read("plugins: []\n").unwrap(), [""; 0]);
    }

    #[test]
    fn what_makes_no_plugin_is_refused_with_its_place() {
        for (entry, why) in [
            ("{name: sm-config, version: '1', kinds: [clients]}", "plugins[0].name: `sm-config` is built in"),
            ("{name: Np, version: '1', kinds: [clients]}", "plugins[0].name: "),
            ("{name: np, version: a b, kinds: [clients]}", "plugins[0].version: write one word"),
            ("{name: np, version: '1', kinds: []}", "plugins[0].kinds: name the intents"),
            ("{name: np, version: '1', kinds: [projects]}", "plugins[0].kinds: a plugin is not asked about `projects`"),
            ("{name: np, version: '1', kinds: [clients], at: x}", "plugins[0].at: unknown field"),
            (
                "{name: np, version: '1', kinds: [clients], priority: high}",
                "plugins[0].priority: a whole number belongs",
            ),
            (
                "{name: np, version: '1', kinds: [clients]}\n- {name: np, version: '2', kinds: [clients]}",
                "plugins[1].name: `np` is listed twice",
            ),
        ] {
            let error = read(&format!("plugins:\n- {entry}\n")).unwrap_err();
            assert!(error.contains(why), "{entry}: {error}");
        }
    }
}
