//! The rules: each takes the sources and says, one line per fault, where they are broken.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{File, House};
use crate::source::Named;
use crate::{AMBIENT, EDGE, EMPTY_NAMES, HOMES, LONGEST_FILE, ROOMS};

pub(crate) type Rule = fn(&House) -> Vec<String>;

pub(crate) const ALL: &[Rule] =
    &[imports, reexports, crates, ambient, circles, undeclared, sizes, names, unfinished, dependencies];

/// What belongs to the library and the program, with the room it is in; the root of the library has none.
fn rooms(house: &House) -> impl Iterator<Item = (&File, Option<&str>)> {
    let inside = house.files.iter().filter(|file| file.path.starts_with("src/"));
    inside.map(|file| (file, file.module.first().map(String::as_str)))
}

/// Where in the crate a path leads; `None` for what comes from outside or is found by a bare name.
fn target(file: &File, named: &Named) -> Option<Vec<String>> {
    let mut segments = named.segments.iter().map(String::as_str).peekable();
    let mut at = [&file.module[..], &named.inside].concat();
    match *segments.peek()? {
        "crate" => at.truncate(usize::from(at.first().is_some_and(|root| root == "main"))),
        "meshwright" => at.clear(),
        "self" => {}
        "super" => _ = at.pop(),
        _ => return None,
    }
    segments.next();
    for segment in segments {
        match segment {
            "super" => _ = at.pop(),
            "self" => {}
            segment => at.push(segment.to_owned()),
        }
    }
    Some(at)
}

fn row<'t>(table: &[(&str, &'t [&'t str])], name: &str) -> Option<&'t [&'t str]> {
    table.iter().find(|(key, _)| *key == name).map(|(_, values)| *values)
}

/// A room imports what its row says; the root of the library only declares rooms.
pub(crate) fn imports(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, room) in rooms(house) {
        let path = &file.path;
        let Some(room) = room else {
            faults.extend(file.source.named.iter().map(|named| {
                let written = named.segments.join("::");
                format!("{path}:{}: the root only declares rooms, but names {written}", named.line)
            }));
            continue;
        };
        let Some(allowed) = row(ROOMS, room) else {
            faults.push(format!("{path}: room {room} has no row in the table"));
            continue;
        };
        for named in &file.source.named {
            let Some(target) = target(file, named) else { continue };
            let to = target.first().map_or("*", String::as_str);
            if to != room && to != "finding" && !allowed.contains(&to) {
                let to = if to == "*" { "the whole crate" } else { to };
                faults.push(format!("{path}:{}: {room} may not import {to}", named.line));
            }
        }
    }
    faults
}

/// A room hands on nothing that belongs to another: it would be a door around the table.
pub(crate) fn reexports(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, room) in rooms(house) {
        for named in file.source.named.iter().filter(|named| named.public) {
            let foreign = match target(file, named) {
                Some(target) => target.first().map(String::as_str) != room,
                None => row(HOMES, &named.segments[0]).is_some(),
            };
            if foreign {
                let written = named.segments.join("::");
                faults.push(format!("{}:{}: re-exports {written}, which is another's", file.path, named.line));
            }
        }
    }
    faults
}

/// An outside crate is named in its own room only.
pub(crate) fn crates(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, room) in rooms(house) {
        for named in &file.source.named {
            let name = named.segments[0].as_str();
            let Some(homes) = row(HOMES, name) else { continue };
            if !room.is_some_and(|room| homes.contains(&room)) {
                let homes = homes.join(" and ");
                faults.push(format!("{}:{}: {name} belongs to {homes}", file.path, named.line));
            }
        }
    }
    faults
}

/// Environment, clock and randomness are read at the edge.
pub(crate) fn ambient(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, room) in rooms(house).filter(|(file, _)| !file.test) {
        if room.is_some_and(|room| EDGE.contains(&room)) {
            continue;
        }
        for named in file.source.named.iter().filter(|named| !named.test) {
            let segments = &named.segments;
            if AMBIENT.iter().any(|wanted| segments.windows(wanted.len()).any(|window| window == *wanted)) {
                let edge = EDGE.join(", ");
                let written = segments.join("::");
                faults.push(format!("{}:{}: {written} is read in {edge} only", file.path, named.line));
            }
        }
    }
    faults
}

/// The direct children of a room do not import each other in a circle.
pub(crate) fn circles(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    let mut by_room: BTreeMap<&str, Edges> = BTreeMap::new();
    for (file, room) in rooms(house).filter(|(file, _)| !file.test && file.module.len() > 1) {
        let Some(room) = room else { continue };
        for named in file.source.named.iter().filter(|named| !named.test) {
            let Some(target) = target(file, named).filter(|target| target.len() > 1 && target[0] == room) else {
                continue;
            };
            let place = format!("{}:{}", file.path, named.line);
            if target[1] == "*" {
                faults.push(format!("{place}: takes everything from {room}: name what it needs"));
            }
            let to = child_behind(house, room, &target[1]);
            if to != file.module[1] {
                let edges = by_room.entry(room).or_default();
                edges.entry(file.module[1].clone()).or_default().insert(to);
            }
        }
    }
    for (room, edges) in by_room {
        let mut seen = BTreeSet::new();
        for from in edges.keys() {
            let mut trail = vec![from.clone()];
            if back_to_start(&edges, &mut trail, &mut BTreeSet::new())
                && seen.insert(trail.iter().cloned().collect::<BTreeSet<_>>())
            {
                faults.push(format!("src/{room}: {} → {from} is a circle of imports", trail.join(" → ")));
            }
        }
    }
    faults
}

/// Which child of a room imports which.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// The child of `room` that `name` is, or comes from by a `pub use` of the room.
fn child_behind(house: &House, room: &str, name: &str) -> String {
    let root = house.files.iter().find(|file| file.module == [room]);
    let through = root.and_then(|root| {
        let exports = root.source.named.iter().filter(|named| named.public);
        let mut exports = exports.filter(|named| named.segments.last().is_some_and(|last| last == name));
        exports.find_map(|named| named.segments.iter().find(|segment| *segment != "self").cloned())
    });
    through.unwrap_or_else(|| name.to_owned())
}

/// Extends `trail` until its last child imports its first; whether that is possible.
fn back_to_start(edges: &Edges, trail: &mut Vec<String>, seen: &mut BTreeSet<String>) -> bool {
    let Some(next) = trail.last().and_then(|last| edges.get(last)) else { return false };
    if next.contains(&trail[0]) {
        return true;
    }
    for to in next {
        if seen.insert(to.clone()) {
            trail.push(to.clone());
            if back_to_start(edges, trail, seen) {
                return true;
            }
            trail.pop();
        }
    }
    false
}

/// A file that no `mod` leads to is never compiled; a benchmark that `Cargo.toml` does not list never runs.
pub(crate) fn undeclared(house: &House) -> Vec<String> {
    let by_hand = house.cargo_toml.contains("autobenches = false");
    let unlisted = house.files.iter().filter(|file| {
        let name = file.path.strip_prefix("benches/").and_then(|name| name.strip_suffix(".rs"));
        by_hand
            && file.module == [file.path.clone()]
            && name.is_some_and(|name| !house.cargo_toml.contains(&format!("name = \"{name}\"")))
    });
    let orphans = house.undeclared.iter().map(|path| format!("{path}: no mod declares it"));
    orphans.chain(unlisted.map(|file| format!("{}: Cargo.toml does not list it", file.path))).collect()
}

/// No file is longer than the cap.
pub(crate) fn sizes(house: &House) -> Vec<String> {
    let generated = |text: &str| text.lines().take(5).any(|line| line.contains("@generated"));
    let long = house.texts.iter().filter(|(_, text)| text.lines().count() > LONGEST_FILE && !generated(text));
    long.map(|(path, text)| format!("{path}: {} lines, at most {LONGEST_FILE}", text.lines().count())).collect()
}

/// A module is named for what it holds.
pub(crate) fn names(house: &House) -> Vec<String> {
    let declared = house.files.iter().flat_map(|file| file.source.declared.iter().map(move |one| (file, one)));
    let empty = declared.filter(|(_, one)| one.name.split('_').any(|word| EMPTY_NAMES.contains(&word)));
    empty
        .map(|(file, one)| format!("{}:{}: module {} is not named for what it holds", file.path, one.line, one.name))
        .collect()
}

/// Nothing is left for later, and no test is passed over.
pub(crate) fn unfinished(house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    for file in &house.files {
        let source = &file.source;
        let macros = source.macros.iter().filter(|(_, name)| name == "todo" || name == "unimplemented");
        faults.extend(macros.map(|(line, name)| format!("{}:{line}: {name}! is unfinished work", file.path)));
        let ignored = source.attributes.iter().filter(|(_, words)| words.iter().any(|word| word == "ignore"));
        faults.extend(ignored.map(|(line, _)| format!("{}:{line}: a test is ignored", file.path)));
    }
    faults
}

/// A dependency that nothing names is a cost without a use. While rooms still stand empty, those that may come to
/// use it excuse it.
pub(crate) fn dependencies(house: &House) -> Vec<String> {
    let used: BTreeSet<&str> =
        house.files.iter().flat_map(|file| file.source.named.iter().map(|named| named.segments[0].as_str())).collect();
    let empty: Vec<&str> = rooms(house)
        .filter(|(file, _)| file.module.len() == 1 && !file.source.has_code)
        .filter_map(|(_, room)| room)
        .collect();
    let excused = |name: &str| match row(HOMES, name) {
        Some(homes) => homes.iter().any(|home| empty.contains(home)),
        None => !empty.is_empty(),
    };
    let unused = declared_dependencies(&house.cargo_toml).into_iter();
    let unused = unused.filter(|name| !used.contains(name.as_str()) && !excused(name));
    unused.map(|name| format!("Cargo.toml: nothing uses {name}")).collect()
}

/// The names in `[dependencies]`, `[dev-dependencies]` and their kin, as the code writes them.
fn declared_dependencies(cargo_toml: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in cargo_toml.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            inside = header.ends_with("dependencies");
            names.extend(header.split_once("dependencies.").map(|(_, name)| name.replace('-', "_")));
        } else if inside && !line.starts_with('#') {
            let name = line.split_once(['=', '.']).map(|(name, _)| name.trim().replace('-', "_"));
            names.extend(name.filter(|name| name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())));
        }
    }
    names
}
