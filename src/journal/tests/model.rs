//! Both journals remember the same, whatever they are asked.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tempfile::TempDir;

use super::samples::{all, announced, answer, change, deliveries, delivery, id, put, waiting};
use crate::change::journal::{Entry, Journal};
use crate::change::{Change, Timestamp};
use crate::journal::{MemoryJournal, SqliteJournal};

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        4 => (0..20_u64, 1..4_u64).prop_map(|(seq, of)| Entry::Write(crate::change::Write { seq, ..put(seq + 1, of) })),
        2 => (1..4_u64, 0..3_i64, 0..6_u64).prop_map(|(number, created, branch)| {
            let branch = format!("meshwright/{branch}");
            Entry::Change(Box::new(Change { branch, ..change(number, created) }))
        }),
        1 => (1..4_u64, 0..20_u64).prop_map(|(of, seq)| Entry::Forget(id(of), seq)),
        1 => (1..4_u64).prop_map(|of| Entry::Drop(id(of))),
        1 => (1..4_u64, 1..4_u64, 0..20_u64).prop_map(|(from, to, after)| Entry::Move(id(from), id(to), after)),
        2 => (0..3_u8, 0..9_i64).prop_map(|(key, at)| Entry::Answer(answer("a", &key.to_string(), at))),
        1 => (0..9_i64).prop_map(|at| Entry::Expire(Timestamp(at))),
        2 => (0..3_u8, 0..9_i64).prop_map(|(id, at)| delivery(&id.to_string(), at)),
        1 => (0..9_i64).prop_map(|at| Entry::ExpireDeliveries(Timestamp(at))),
        3 => (0..9_u64, sinks()).prop_map(|(number, sinks)| {
            let sinks: Vec<&str> = sinks.iter().map(String::as_str).collect();
            Entry::Announce(waiting(number, &sinks))
        }),
        2 => ("[abc]", 0..9_u64).prop_map(|(sink, number)| Entry::Taken(sink, number)),
        1 => (0..9_u64).prop_map(Entry::DropAnnounced),
        1 => sinks().prop_map(Entry::Sinks),
    ]
}

fn sinks() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[abc]", 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_and_memory_agree(batches in prop::collection::vec(prop::collection::vec(entry(), 0..6), 0..12)) {
        let directory = TempDir::new().unwrap();
        let mut file = SqliteJournal::open(directory.path().join("journal")).unwrap();
        file.connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let mut memory = MemoryJournal::new();
        for batch in &batches {
            let (one, two) = (file.append(batch), memory.append(batch));
            prop_assert_eq!(one.is_ok(), two.is_ok(), "{:?}: {:?}, {:?}", batch, one, two);
            prop_assert_eq!(all(&mut file), all(&mut memory));
            prop_assert_eq!(deliveries(&mut file), deliveries(&mut memory));
            prop_assert_eq!(announced(&mut file), announced(&mut memory));
        }
    }
}
