//! A few thousand bytes that nobody wrote: the corpora of `fuzz/`, changed a little, always in the same way.
//!
//! `MESHWRIGHT_FUZZ_INPUTS` chooses how many of each sort; `cargo +nightly fuzz run TARGET` goes on from the same corpora for
//! as long as one likes, led by what the inputs reach.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is a test")]

#[path = "../fuzz/promises.rs"]
mod promises;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What each seed is changed by: pieces that mean something to a reader.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "  ",
    "- ",
    ": ",
    ":",
    "?",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!x ",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
    "\u{feff}",
    "\u{0}",
    "\u{85}",
    "\u{2028}",
    "ü",
    "🦀",
    "~",
    "0x",
    "1e9",
    "-1",
    "99999999999999999999",
    ".inf",
    "yes",
    "null",
    "/",
    "*",
    "(",
    ")",
    "||",
    "self",
    "\\",
    "\\u0000",
];

/// Numbers that look random and are the same everywhere (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % bound.max(1)
    }
}

fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = own("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} holds {} seeds", folder.display(), files.len());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A seed with a few changes.
fn changed(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..1 + numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let to = (at + numbers.below(12)).min(bytes.len());
        match numbers.below(8) {
            0 => drop(bytes.drain(at..to)),
            1 => bytes.truncate(at),
            2 | 3 => drop(bytes.splice(at..at, PIECES[numbers.below(PIECES.len())].bytes())),
            4 => drop(bytes.splice(at..to, PIECES[numbers.below(PIECES.len())].bytes())),
            5 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            6 => {
                let piece = bytes[at..to].to_vec();
                let times = 1 + numbers.below(40);
                drop(bytes.splice(at..at, piece.repeat(times)));
            }
            _ => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                let piece = other[from..(from + numbers.below(200)).min(other.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
        }
    }
    bytes
}

fn keeps(target: &str, promise: fn(&[u8])) {
    let count = std::env::var("MESHWRIGHT_FUZZ_INPUTS").map_or(4_000, |count| count.parse().unwrap());
    let seeds = seeds(target);
    let mut numbers = Numbers(0x6d65_7368_7772_6967);
    for round in 0..seeds.len() + count {
        let bytes = seeds.get(round).cloned().unwrap_or_else(|| changed(&seeds, &mut numbers));
        if catch_unwind(AssertUnwindSafe(|| promise(&bytes))).is_err() {
            panic!("{target}, input {round}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn any_yaml_is_read_or_refused() {
    keeps("yaml", promises::yaml);
}

#[test]
fn any_manifests_are_linted_or_refused() {
    keeps("manifests", promises::manifests);
}

#[test]
fn any_bundle_is_read_or_refused() {
    keeps("bundle", promises::bundle);
}

#[test]
fn any_definitions_are_held_against_or_refused() {
    keeps("definitions", promises::definitions);
}
