//! A bounded part of the diff, equal diffs over many clusters once.

use std::collections::BTreeMap;

use super::PullMeta;
use super::markdown::{code, longest_run};
use super::page::Page;
use crate::review::diff::hunks;
use crate::review::path::Location;
use crate::review::words::visible;
use crate::review::{FileChange, Happening, Plan};

/// The most files whose diffs are looked at.
const MOST_FILES: usize = 2_000;

/// The most bytes of one diff.
const LONGEST: usize = 6_000;

/// The most bytes of a file that is compared here.
const LONGEST_FILE: usize = 100_000;

/// The longest fence; a file that needs a longer one is left out.
const LONGEST_FENCE: usize = 32;

/// Writes the section with the diff, and where all of it is.
pub(super) fn diff(page: &mut Page, plan: &Plan, meta: &PullMeta) {
    let path = format!("/v2/changes/{}/diff", meta.change);
    let whole = match meta.server.as_str() {
        "" => code(&format!("GET {path}")),
        server => format!("[{}]({server}{path})", code(&path)),
    };
    if plan.files.is_empty() {
        return;
    }
    page.push(&format!("\nThe full diff: {whole}\n"));
    page.section("Diff", |page| {
        let groups = groups(&plan.files);
        let shown = groups.iter().take_while(|group| group.write(page)).count();
        let left = plan.files.len() - groups.iter().take(shown).map(|group| group.files).sum::<usize>();
        if left > 0 {
            page.push(&format!("… and {left} more files: {whole}\n"));
        }
    });
}

/// Files that change alike on several clusters.
struct Group {
    path: String,
    happening: Happening,
    /// None where the file is too long to be compared.
    hunks: Option<String>,
    files: usize,
}

fn groups(files: &[FileChange]) -> Vec<Group> {
    let mut files: Vec<&FileChange> = files.iter().collect();
    files.sort_by_key(|file| (rank(&file.path), &file.path));
    let mut groups: Vec<Group> = Vec::new();
    // Files that are alike are compared once; those that are not may still change alike.
    let mut compared: BTreeMap<(&str, &str), Option<String>> = BTreeMap::new();
    let mut known: BTreeMap<(&str, Happening, Option<String>), usize> = BTreeMap::new();
    for file in files.into_iter().take(MOST_FILES) {
        let below = Location::of(&file.path).map_or(&*file.path, |location| location.below(&file.path));
        let short = file.old.len().max(file.new.len()) <= LONGEST_FILE;
        let hunks = compared.entry((&file.old, &file.new)).or_insert_with(|| short.then(|| hunks(file))).clone();
        let at = *known.entry((below, file.happening, hunks.clone())).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) if hunks.is_some() => group.files += 1,
            _ => groups.push(Group { path: file.path.clone(), happening: file.happening, hunks, files: 1 }),
        }
    }
    groups
}

/// Who may call comes first, what was written last.
fn rank(path: &str) -> u8 {
    let name = path.rsplit('/').next().unwrap_or_default();
    match (path.starts_with("clusters/"), name.starts_with("authorizationpolicy-")) {
        (true, true) => 0,
        (true, false) => 1,
        (false, _) => 2,
    }
}

impl Group {
    /// Writes the diff, cut at a line where it is long; false when there is no room for it.
    fn write(&self, page: &mut Page) -> bool {
        let happening = match self.happening {
            Happening::Added => "added",
            Happening::Changed => "changed",
            Happening::Removed => "removed",
        };
        let same = if self.files > 1 { format!(", same in {} clusters", self.files) } else { String::new() };
        let head = format!("{} {happening}{same}\n", code(&self.path));
        let hunks: String = self.hunks.iter().flat_map(|hunks| hunks.chars()).map(visible).collect();
        let Some(room) = page.left().checked_sub(head.len() + 200) else { return false };
        let shown = cut(&hunks, room.min(LONGEST));
        let fence = "`".repeat((longest_run(shown) + 1).max(3));
        let fenced = match (shown.is_empty(), self.hunks.is_none() || fence.len() > LONGEST_FENCE) {
            (_, true) => "left out: it cannot be shown here\n".to_owned(),
            (true, false) if hunks.is_empty() => "no lines\n".to_owned(),
            (true, false) => return false,
            (false, false) => format!("{fence}diff\n{shown}{fence}\n"),
        };
        let rest = match hunks[shown.len()..].lines().count() {
            0 => String::new(),
            rest => format!("… and {rest} more lines\n"),
        };
        page.push(&format!("{head}\n{fenced}{rest}\n"));
        true
    }
}

/// The first whole lines of a text, of at most `room` bytes.
fn cut(text: &str, room: usize) -> &str {
    if text.len() <= room && text.ends_with('\n') {
        return text;
    }
    let mut end = room.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..text[..end].rfind('\n').map_or(0, |at| at + 1)]
}
