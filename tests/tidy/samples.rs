//! Each rule against code that breaks it, and against the nearest code that does not.

use crate::house::House;
use crate::rules::{self, Rule};

/// A library of `files`, its root declaring a room for each folder below `src/`.
fn house(cargo_toml: &str, files: &[(&str, &str)]) -> House {
    let mut rooms: Vec<&str> =
        files.iter().filter_map(|(path, _)| path.strip_prefix("src/")?.split('/').next()).collect();
    rooms.retain(|room| !room.ends_with(".rs"));
    rooms.dedup();
    let root: String = rooms.iter().map(|room| format!("pub mod {room};\n")).collect();
    let mut texts = vec![("src/lib.rs".to_owned(), root)];
    texts.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    House::of(texts.into_iter().collect(), cargo_toml.to_owned())
}

#[track_caller]
fn says(rule: Rule, files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(rule(&house("", files)), expected);
}

#[test]
fn a_room_imports_only_what_its_row_says() {
    let fault = &["src/render/mod.rs:1: render may not import lint"];
    says(rules::imports, &[("src/render/mod.rs", "use crate::lint::Rule;")], fault);
    says(rules::imports, &[("src/render/mod.rs", "use crate::{intent::Name, lint::{self, Rule}};")], &[fault[0]; 2]);
    says(rules::imports, &[("src/render/mod.rs", "fn f() -> crate::lint::Rule { g::<crate::intent::Name>() }")], fault);
    says(rules::imports, &[("src/render/mod.rs", "use super::lint as l;")], fault);
    says(rules::imports, &[("src/render/mod.rs", "use meshwright::lint;")], fault);
    says(rules::imports, &[("src/render/mod.rs", "mod inner { use super::super::lint; }")], fault);
    says(rules::imports, &[("src/render/mod.rs", "#[cfg(test)] mod tests { use crate::lint::Rule; }")], fault);
    says(rules::imports, &[("src/render/mod.rs", "use crate::intent; use crate::finding::Finding; use self::a;")], &[]);
    says(
        rules::imports,
        &[(
            "src/render/mod.rs",
            "// use crate::lint;\n/* crate::lint::f /* */ */ const A: &str = r#\"crate::lint::\"#;",
        )],
        &[],
    );
}

#[test]
fn a_path_is_followed_from_the_module_it_stands_in() {
    let files = &[
        ("src/render/mod.rs", "mod a;"),
        ("src/render/a.rs", "mod deep { use super::super::b; use super::super::super::yaml::Node; }"),
    ];
    says(rules::imports, files, &["src/render/a.rs:1: render may not import yaml"]);
}

#[test]
fn the_whole_crate_is_not_imported_at_once() {
    says(
        rules::imports,
        &[("src/boot/mod.rs", "use crate::*;")],
        &["src/boot/mod.rs:1: boot may not import the whole crate"],
    );
}

#[test]
fn the_program_imports_by_the_crates_name() {
    let files = &[("src/main.rs", "mod own; use meshwright::{cli, render::render};"), ("src/own.rs", "use crate::a;")];
    says(rules::imports, files, &["src/main.rs:1: main may not import render"]);
}

#[test]
fn the_root_of_the_library_only_declares_rooms() {
    let fault = "src/lib.rs:1: the root only declares rooms, but names lint::Rule";
    says(rules::imports, &[("src/lib.rs", "pub use lint::Rule;")], &[fault]);
}

#[test]
fn a_room_has_a_row() {
    says(rules::imports, &[("src/attic/mod.rs", "")], &["src/attic/mod.rs: room attic has no row in the table"]);
}

#[test]
fn a_room_hands_on_only_its_own() {
    let fault = |what: &str| format!("src/review/mod.rs:1: re-exports {what}, which is another's");
    says(rules::reexports, &[("src/review/mod.rs", "pub use crate::lint::Rule;")], &[&fault("crate::lint::Rule")]);
    says(
        rules::reexports,
        &[("src/review/mod.rs", "pub(crate) use similar::TextDiff;")],
        &[&fault("similar::TextDiff")],
    );
    says(rules::reexports, &[("src/review/mod.rs", "pub use words::Words; use crate::lint::Rule;")], &[]);
}

#[test]
fn an_outside_crate_stays_in_its_room() {
    let fault = &["src/change/mod.rs:1: git2 belongs to repo"];
    says(rules::crates, &[("src/change/mod.rs", "use git2::Oid;")], fault);
    says(rules::crates, &[("src/change/mod.rs", "use ::git2::Oid;")], fault);
    says(rules::crates, &[("src/change/mod.rs", "use {git2 as g};")], fault);
    says(rules::crates, &[("src/change/mod.rs", "fn f(id: git2::Oid) {}")], fault);
    says(rules::crates, &[("src/change/mod.rs", "#[git2::made_up] fn f() {}")], fault);
    says(rules::crates, &[("src/repo/mod.rs", "use git2::Oid;"), ("src/main.rs", "use clap::Parser;")], &[]);
}

#[test]
fn environment_clock_and_randomness_are_read_at_the_edge() {
    let fault = |what: &str| format!("src/change/mod.rs:1: {what} is read in boot, cli, main only");
    for what in ["std::env::var", "SystemTime::now", "std::time::Instant::now", "chrono::Utc::now"] {
        let source = format!("fn f() {{ let _ = {what}(); }}");
        says(rules::ambient, &[("src/change/mod.rs", &source)], &[&fault(what)]);
        says(rules::ambient, &[("src/change/mod.rs", &format!("#[cfg(test)] mod tests {{ {source} }}"))], &[]);
        says(rules::ambient, &[("src/boot/mod.rs", &source)], &[]);
    }
    says(rules::ambient, &[("src/change/mod.rs", "use std::{env, fs};")], &[&fault("std::env")]);
    says(rules::ambient, &[("src/change/mod.rs", "use rand::thread_rng;")], &[&fault("rand::thread_rng")]);
    says(rules::ambient, &[("src/change/mod.rs", "const V: &str = env!(\"V\"); use std::time::Instant;")], &[]);
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_test_code() {
    let declared = |how| [("src/change/mod.rs", how), ("src/change/tests.rs", "use std::env;")];
    says(rules::ambient, &declared("#[cfg(test)]\nmod tests;"), &[]);
    assert_eq!(rules::ambient(&house("", &declared("mod tests;"))).len(), 1);
}

#[test]
fn code_after_a_test_item_is_code_again() {
    let files = &[("src/change/mod.rs", "#[cfg(test)]\nuse a::{b, c};\n#[cfg(test)] fn t() {}\nuse std::env;")];
    says(rules::ambient, files, &["src/change/mod.rs:4: std::env is read in boot, cli, main only"]);
}

#[test]
fn siblings_do_not_import_each_other_in_a_circle() {
    let room = |a, b, c| {
        let root = "mod a; mod b; mod c; pub use b::Bee; pub use self::c::{Sea};";
        [("src/render/mod.rs", root), ("src/render/a.rs", a), ("src/render/b.rs", b), ("src/render/c.rs", c)]
    };
    let fault = &["src/render: a → b → c → a is a circle of imports"];
    says(rules::circles, &room("use super::b::f;", "use crate::render::c;", "use super::a;"), fault);
    says(rules::circles, &room("use super::Bee;", "use super::{Sea, T};", "fn f() { super::a::g() }"), fault);
    says(rules::circles, &room("use super::b;", "use super::c;", "#[cfg(test)] mod t { use super::super::a; }"), &[]);
    says(rules::circles, &room("use super::b;", "use super::Root;", "use super::Root;"), &[]);
    let fault = &["src/render/a.rs:1: takes everything from render: name what it needs"];
    says(rules::circles, &room("use super::*;", "", ""), fault);
}

#[test]
fn a_circle_is_found_below_a_child_too() {
    let files = &[
        ("src/render/mod.rs", "mod a; mod b;"),
        ("src/render/a.rs", "mod deep;"),
        ("src/render/a/deep.rs", "use super::super::b; use super::x;"),
        ("src/render/b/mod.rs", "use super::a;"),
    ];
    says(rules::circles, files, &["src/render: a → b → a is a circle of imports"]);
}

#[test]
fn a_file_is_declared() {
    let files = &[("src/render/mod.rs", "mod a;\n// mod lost;"), ("src/render/a.rs", ""), ("src/render/lost.rs", "")];
    says(rules::undeclared, files, &["src/render/lost.rs: no mod declares it"]);
    let files = &[
        ("tests/api.rs", "#[path = \"api/plans.rs\"] mod plans;"),
        ("tests/api/plans.rs", "mod big;"),
        ("tests/api/big.rs", ""),
        ("tests/api/lost.rs", ""),
    ];
    says(rules::undeclared, files, &["tests/api/lost.rs: no mod declares it"]);
}

#[test]
fn a_benchmark_is_listed() {
    let cargo_toml = "autobenches = false\n[[bench]]\nname = \"render\"\n";
    let house = house(cargo_toml, &[("benches/render.rs", ""), ("benches/lost.rs", "")]);
    assert_eq!(rules::undeclared(&house), ["benches/lost.rs: Cargo.toml does not list it"]);
}

#[test]
fn a_file_is_short_or_generated() {
    let long = "\n".repeat(crate::LONGEST_FILE + 1);
    let generated = format!("// @generated{long}");
    let files = &[("src/yaml/mod.rs", long.as_str()), ("src/yaml/generated.rs", &generated)];
    says(rules::sizes, files, &["src/yaml/mod.rs: 501 lines, at most 500"]);
}

#[test]
fn a_module_is_named_for_what_it_holds() {
    let files = &[("src/render/mod.rs", "mod gateway;\nmod yaml_utils { }\nmod commonly;")];
    says(rules::names, files, &["src/render/mod.rs:2: module yaml_utils is not named for what it holds"]);
}

#[test]
fn nothing_is_left_for_later() {
    let text = "fn f() { todo!() }\n#[ignore = \"slow\"]\n#[cfg_attr(x, ignore)]\nfn t() { let todo = a != b; }";
    let faults = &[
        "src/yaml/mod.rs:1: todo! is unfinished work",
        "src/yaml/mod.rs:2: a test is ignored",
        "src/yaml/mod.rs:3: a test is ignored",
    ];
    says(rules::unfinished, &[("src/yaml/mod.rs", text)], faults);
}

#[test]
fn a_dependency_is_used() {
    let cargo_toml = "[dependencies]\nserde = { version = \"1\", features = [\n  \"derive\",\n] }\n# sha2 = \"1\"\narc-swap = \"1\"\ngit2.workspace = true\n\n[target.'cfg(unix)'.dependencies.rustix]\nversion = \"1\"\n[dev-dependencies]\ntempfile = \"3\"\n[profile.dev]\ndebug = 1\n";
    let used = "use serde::Serialize; // arc_swap::ArcSwap";
    let unused = [
        "Cargo.toml: nothing uses arc_swap",
        "Cargo.toml: nothing uses git2",
        "Cargo.toml: nothing uses rustix",
        "Cargo.toml: nothing uses tempfile",
    ];
    let files = [("src/yaml/mod.rs", used), ("src/repo/mod.rs", "fn f() {}")];
    assert_eq!(rules::dependencies(&house(cargo_toml, &files)), unused);
    let while_repo_is_empty = [("src/yaml/mod.rs", used), ("src/repo/mod.rs", "//! Soon.")];
    assert_eq!(rules::dependencies(&house(cargo_toml, &while_repo_is_empty)), [""; 0]);
    let while_yaml_is_empty = [("src/yaml/mod.rs", ""), ("src/repo/mod.rs", used)];
    assert_eq!(rules::dependencies(&house(cargo_toml, &while_yaml_is_empty)), unused[1..3]);
}

#[test]
fn strings_and_characters_do_not_confuse_the_reading() {
    let text = r####"
        const A: (char, char, u8) = ('"', '\'', b'"'); // '"'
        fn f<'a>(x: &'a str) -> [&'a [u8]; 3] { [br##"" "# "##, b"\"", r#fn::r#type()] }
        const B: &str = "\\"; const C: f64 = 1.0e3; const D: core::ops::Range<u8> = 0..b'\\';
        use git2::Oid;
    "####;
    says(rules::crates, &[("src/change/mod.rs", text)], &["src/change/mod.rs:5: git2 belongs to repo"]);
}
