//! The habits of this crate, read off its sources: who may import whom, and what stays out.
//!
//! The tables below are the law; `CONTRIBUTING.md` explains them. `tidy/rules.rs` holds the rules,
//! `tidy/samples.rs` shows each of them a bad sample, so that a rule which went blind is noticed.

#[path = "tidy/house.rs"]
mod house;
#[path = "tidy/lexer.rs"]
mod lexer;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/samples.rs"]
mod samples;
#[path = "tidy/source.rs"]
mod source;

/// A room, and the rooms it may import. Everybody may import `finding`.
const ROOMS: &[(&str, &[&str])] = &[
    ("finding", &[]),
    ("yaml", &[]),
    ("json", &[]),
    ("intent", &["yaml"]),
    ("istio", &["yaml"]),
    ("render", &["intent", "istio"]),
    ("lint", &["istio", "yaml"]),
    ("schema", &["istio", "yaml"]),
    ("access", &["istio", "yaml"]),
    ("review", &["intent", "istio", "render", "lint", "access"]),
    ("repo", &[]),
    ("signature", &[]),
    ("change", &["intent", "render", "review", "repo"]),
    ("journal", &["change", "intent"]),
    ("forge", &["change", "intent", "repo"]),
    ("plugin", &["change", "intent", "istio", "json", "render", "yaml"]),
    ("query", &["change", "review", "access", "intent"]),
    ("http", &["query", "change", "review", "intent", "json", "signature"]),
    ("orchestrator", &[]),
    ("sink", &["change", "signature"]),
    ("config", &["yaml"]),
    (
        "boot",
        &[
            "yaml",
            "json",
            "intent",
            "istio",
            "render",
            "lint",
            "schema",
            "access",
            "review",
            "repo",
            "change",
            "journal",
            "forge",
            "plugin",
            "query",
            "http",
            "orchestrator",
            "signature",
            "sink",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "boot", "config", "http", "query", "change", "review", "render", "lint", "schema", "access", "intent",
            "repo", "plugin",
        ],
    ),
    ("main", &["boot", "cli"]),
];

/// An outside crate, and the rooms that may name it. Crates without a row are for everybody.
const HOMES: &[(&str, &[&str])] = &[
    ("serde_yaml", &["yaml"]),
    ("cel", &["schema"]),
    ("serde_path_to_error", &["yaml", "schema", "cli"]),
    ("imbl", &["intent", "change"]),
    ("similar", &["review", "cli"]),
    ("git2", &["repo"]),
    ("libz_sys", &["repo"]),
    ("rustix", &["repo", "boot"]),
    ("sd_notify", &["boot"]),
    ("rusqlite", &["journal"]),
    ("octocrab", &["forge"]),
    ("http_types", &["forge"]),
    ("http_body_util", &["forge"]),
    ("hmac", &["signature"]),
    ("aes_gcm", &["intent"]),
    ("p256", &["intent"]),
    ("p384", &["intent"]),
    ("rfc6979", &["intent"]),
    ("rsa", &["intent"]),
    ("x509_cert", &["intent", "lint"]),
    ("axum", &["http"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("ureq", &["cli", "forge", "orchestrator", "sink"]),
    ("hyper_util", &["plugin"]),
    ("tonic", &["plugin"]),
    ("tonic_prost", &["plugin"]),
    ("tonic_health", &["plugin"]),
    ("prost", &["plugin"]),
    ("tracing_subscriber", &["boot"]),
    ("mimalloc", &["main"]),
];

/// Environment, clock and randomness: read by the rooms at the edge and handed on as values.
const AMBIENT: &[&[&str]] = &[
    &["std", "env"],
    &["SystemTime", "now"],
    &["Instant", "now"],
    &["Utc", "now"],
    &["Local", "now"],
    &["thread_rng"],
    &["getrandom"],
    &["OsRng"],
];
const EDGE: &[&str] = &["boot", "cli", "main"];

/// Words that say nothing about what a module holds.
const EMPTY_NAMES: &[&str] =
    &["adapter", "adapters", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"];

/// Lines a file may have, generated code apart.
const LONGEST_FILE: usize = 500;

#[test]
fn the_sources_keep_the_habits() {
    let house = house::House::open(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the sources are readable");
    for root in ["src/lib.rs", "src/main.rs", "tests/tidy.rs"] {
        assert!(house.files.iter().any(|file| file.path == root), "{root} was not read");
    }
    let faults: Vec<String> = rules::ALL.iter().flat_map(|rule| rule(&house)).collect();
    assert!(faults.is_empty(), "{} broken habits:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_row_of_the_table_is_a_room_and_imports_rooms_above_it() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (n, (room, imports)) in ROOMS.iter().enumerate() {
        let found = [format!("{room}.rs"), format!("{room}/mod.rs")].iter().any(|file| sources.join(file).is_file());
        assert!(found, "the table has a row for {room}, the sources have no such room");
        for import in *imports {
            assert!(
                ROOMS[..n].iter().any(|(above, _)| above == import),
                "{room} imports {import}, which stands below it or nowhere: the rows would form a circle"
            );
        }
    }
    for (name, homes) in HOMES {
        for home in *homes {
            assert!(ROOMS.iter().any(|(room, _)| room == home), "{name} lives in {home}, which is no room");
        }
    }
}

#[test]
fn the_page_for_contributors_shows_the_same_table() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRIBUTING.md");
    let page = std::fs::read_to_string(page).expect("CONTRIBUTING.md is readable");
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut shown = std::collections::BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let [_, room, _, imports, _] = row.split('|').collect::<Vec<_>>()[..] else { panic!("not three cells: {row}") };
        let room = quoted(room)[0].trim_end_matches(".rs").to_owned();
        let mut imports = match imports.trim().strip_prefix("all but ") {
            Some(but) => {
                ROOMS.iter().map(|(name, _)| (*name).to_owned()).filter(|name| !quoted(but).contains(name)).collect()
            }
            None => quoted(imports),
        };
        imports.retain(|name| *name != room && name != "finding" && name != "main");
        imports.sort();
        shown.insert(room, imports);
    }
    let table = ROOMS.iter().map(|(room, imports)| {
        let mut imports: Vec<String> = imports.iter().map(|name| (*name).to_owned()).collect();
        imports.sort();
        ((*room).to_owned(), imports)
    });
    assert_eq!(shown, table.collect());
}
