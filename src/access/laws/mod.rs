//! Laws that every set of policies keeps, on random ones.

mod arbitrary;
mod decisions;
mod languages;
mod matrix;
mod naive;
mod permissions;
mod ztunnel;

use proptest::test_runner::Config;

/// So many random cases; one that fails is printed, and becomes a test by hand.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
