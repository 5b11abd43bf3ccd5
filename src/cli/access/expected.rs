//! The expectations that a config repository holds.

use std::path::Path;

use super::super::{Failure, sources};
use crate::access::Expectation;
use crate::finding::{Finding, Place};
use crate::repo::Files;

/// The folder of expectations in a config repository.
const FOLDER: &str = "access-tests";

/// The expectations in the files that are given, each with its path.
pub(super) fn read<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<Expectation>, Vec<Finding>> {
    let (mut all, mut findings) = (vec![], vec![]);
    for (path, text) in texts {
        match Expectation::read(path, text) {
            Ok(read) => all.extend(read),
            Err(wrong) => findings.extend(wrong),
        }
    }
    if findings.is_empty() { Ok(all) } else { Err(findings) }
}

/// The expectations in the folder of a config repository, or what cannot be read of them.
pub(in crate::cli) fn beside(files: &dyn Files) -> Result<Result<Vec<Expectation>, Vec<Finding>>, Failure> {
    let (mut texts, mut findings) = (vec![], vec![]);
    for (path, content) in files.read_all(FOLDER).map_err(Failure::failed)? {
        if path == FOLDER {
            let why = "is no folder, so that nothing is expected";
            findings.push(Finding::error("access/expectation", Place::at(path), why, "make it a folder, or remove it"));
            continue;
        }
        if !sources::is_yaml(Path::new(&path)) {
            continue;
        }
        let text = content.map_err(|long| format!("the file has {} bytes and is not read", long.bytes));
        match text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())) {
            Ok(text) => texts.push((path, text)),
            Err(why) => findings.push(Finding::error("access/expectation", Place::at(path), why, "write it anew")),
        }
    }
    if !findings.is_empty() {
        return Ok(Err(findings));
    }
    Ok(read(texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))))
}
