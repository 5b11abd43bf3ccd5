//! Where outside plugins are reached, as a configuration and the folder that it names say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::BootError;
use super::forges;
use crate::config::{Config, PluginAddress};
use crate::intent::plugins::BUILT_IN;
use crate::intent::scalar::DnsLabel;
use crate::plugin::{DEADLINE, Directory, Target, Tls};

/// The most files of a folder of plugins.
const MOST_FILES: usize = 256;

/// The longest deadline, in milliseconds.
const LONGEST_DEADLINE: i64 = 600_000;

/// Where the plugins of a configuration are reached: its list, then what its folder says of others.
///
/// # Errors
/// What cannot be used, with the field or the file.
pub fn plugin_directory(config: &Config) -> Result<Directory, BootError> {
    let mut targets = BTreeMap::new();
    for entry in &config.plugins {
        let target = target(entry).map_err(|why| BootError::config("plugins", format!("{}: {why}", entry.name)))?;
        if targets.insert(entry.name.clone(), target).is_some() {
            return Err(BootError::config("plugins", format!("`{}` is listed twice", entry.name)));
        }
    }
    if let Some(folder) = &config.plugin_directory {
        for (name, target) in in_folder(folder)? {
            targets.entry(name).or_insert(target);
        }
    }
    let registered = config.registered_plugins.as_ref().map(|it| {
        tls(&it.ca_file, it.certificate_file.as_ref(), it.key_file.as_ref())
            .map_err(|why| BootError::config("registeredPlugins", why))
    });
    Ok(Directory { targets, registered: registered.transpose()? })
}

/// Every file that says where plugins are reached and how it is made sure that it is them, as they are now.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    let folder = config.plugin_directory.as_deref().map(listed).and_then(Result::ok).unwrap_or_default();
    let read = |path: &PathBuf| PluginAddress::read(&forges::read(path, "pluginDirectory").ok()?).ok();
    let in_folder: Vec<PluginAddress> = folder.iter().filter_map(read).collect();
    let of = |it: &PluginAddress| [it.ca_file.clone(), it.certificate_file.clone(), it.key_file.clone()];
    let named = config.plugins.iter().chain(&in_folder).flat_map(of);
    let registered = config.registered_plugins.iter();
    let registered =
        registered.flat_map(|it| [Some(it.ca_file.clone()), it.certificate_file.clone(), it.key_file.clone()]);
    let files: Vec<PathBuf> = named.chain(registered).flatten().collect();
    folder.into_iter().chain(files).collect()
}

/// The files of a folder, by name.
fn listed(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file());
    files.sort();
    Ok(files)
}

fn in_folder(folder: &Path) -> Result<BTreeMap<String, Target>, BootError> {
    const FIELD: &str = "pluginDirectory";
    let wrong = |path: &Path, why: String| BootError::config(FIELD, format!("{}: {why}", path.display()));
    let files = listed(folder).map_err(|error| wrong(folder, error.to_string()))?;
    if files.len() > MOST_FILES {
        return Err(wrong(folder, format!("{} files, and {MOST_FILES} are read", files.len())));
    }
    let mut found: BTreeMap<String, Target> = BTreeMap::new();
    for path in &files {
        let entry = PluginAddress::read(&forges::read(path, FIELD)?).map_err(|why| wrong(path, why))?;
        let target = target(&entry).map_err(|why| wrong(path, why))?;
        if found.insert(entry.name.clone(), target).is_some() {
            return Err(wrong(path, format!("another file is about `{}` already", entry.name)));
        }
    }
    Ok(found)
}

fn target(entry: &PluginAddress) -> Result<Target, String> {
    let name = DnsLabel::parse(&entry.name).map_err(|why| format!("name: {why}"))?;
    if BUILT_IN.contains(&name.as_str()) {
        return Err("name: it is built in, and is reached nowhere else".to_owned());
    }
    let files = (&entry.ca_file, &entry.certificate_file, &entry.key_file);
    let tls = match files {
        (None, None, None) => None,
        (None, ..) => return Err("certificateFile and keyFile take a caFile".to_owned()),
        (Some(authorities), certificate, key) => Some(tls(authorities, certificate.as_ref(), key.as_ref())?),
    };
    let deadline = match entry.deadline {
        None => DEADLINE,
        Some(deadline) if (1..=LONGEST_DEADLINE).contains(&deadline.0) => {
            Duration::from_millis(u64::try_from(deadline.0).unwrap_or_default())
        }
        Some(_) => return Err("deadline: say more than 0 and at most 10m".to_owned()),
    };
    let target = Target { address: entry.address.clone(), tls, deadline };
    target.check().map_err(|error| error.to_string())?;
    Ok(target)
}

fn tls(authorities: &Path, certificate: Option<&PathBuf>, key: Option<&PathBuf>) -> Result<Tls, String> {
    let read = |path: &Path, field| forges::read(path, field).map_err(|error| error.to_string());
    let authorities = read(authorities, "caFile")?;
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Some((read(certificate, "certificateFile")?, Zeroizing::new(read(key, "keyFile")?)))
        }
        _ => return Err("certificateFile and keyFile go together".to_owned()),
    };
    Ok(Tls { authorities, identity })
}
