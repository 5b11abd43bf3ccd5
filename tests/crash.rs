//! `kill -9` at any moment loses nothing that was promised and does nothing twice: the real server, under load, killed
//! again and again.
//!
//! `MESHWRIGHT_CRASH_SEED` and `MESHWRIGHT_CRASH_KILLS` choose the moments and how many there are.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "all of this is a test"
)]

#[path = "crash/mesh.rs"]
mod mesh;
mod process;
#[path = "crash/random.rs"]
mod random;
#[path = "crash/repository.rs"]
mod repository;
#[path = "crash/reviewer.rs"]
mod reviewer;
#[path = "crash/siege.rs"]
mod siege;
#[path = "crash/writer.rs"]
mod writer;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use process::{Client, Server};
use random::Random;
use repository::Repository;
use siege::{Siege, Work, configuration};

/// How often the server of the long test is killed.
const KILLS: usize = 220;
/// How many kills there are before a server may finish its work.
const STRETCH: usize = 20;
/// How many folders the short test begins in.
const BEGINNINGS: usize = 20;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// The seed that was asked for, else another each time; said in either case.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let seed = number("MESHWRIGHT_CRASH_SEED").unwrap_or(u64::try_from(now).unwrap());
    println!("MESHWRIGHT_CRASH_SEED={seed}");
    seed
}

#[test]
fn a_server_that_is_killed_at_any_moment_keeps_every_promise_and_does_nothing_twice() {
    let kills = number("MESHWRIGHT_CRASH_KILLS").map_or(KILLS, |kills| usize::try_from(kills).unwrap());
    let mut siege = Siege::begin(seed());
    while siege.kills < kills {
        if siege.kills % STRETCH == STRETCH - 1 {
            siege.finish();
        }
        match siege.random.below(5) {
            0 => siege.kill_at_start(),
            1 => siege.kill_at(Work::Any),
            2 => siege.kill_at(Work::Writing),
            _ => siege.kill_at(Work::Reviewing),
        }
    }
    siege.finish();
    println!("{}", siege.story());
    siege.end();
}

#[test]
fn a_server_that_is_killed_while_it_starts_for_the_first_time_starts_the_next_time() {
    let mut random = Random::new(seed());
    for _ in 0..BEGINNINGS {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path());
        let data = folder.path().join("data");
        for _ in 0..3 {
            let server = Server::spawn(&data, &config);
            std::thread::sleep(Duration::from_micros(random.next() % 40_000));
            server.kill();
        }
        works(&data, &config);
    }
}

#[test]
fn a_lock_that_a_killed_server_left_does_not_keep_the_next_one_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let data = folder.path().join("data");
    for lock in ["config.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock"] {
        let path = data.join("config.git").join(lock);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    works(&data, &config);
}

/// A server starts, takes a write and is ready, and its repository is whole.
fn works(data: &Path, config: &Path) {
    let mut server = Server::spawn(data, config);
    let client = Client::new(&server.url());
    let body = Some(("application/json", r#"{"metadata": {"name": "first"}}"#.as_bytes()));
    let answer = client.send("POST", "/v2/projects", &[], body).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    client.until_ready();
    server.kill();
    Repository::of(data).check();
}
