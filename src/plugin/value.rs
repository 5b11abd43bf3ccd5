//! Values of manifests, counted while they are read, so that what many small values or deep nesting cost has a limit beside
//! that of the text.

use std::cell::Cell;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

use crate::json::{self, Watch};

/// The most values of one manifest: lists of numbers take many times their text in memory.
const MOST_VALUES: usize = 20_000;

/// The deepest nesting of maps and lists in one manifest.
pub(super) const DEEPEST: usize = 50;

/// A value of at most [`MOST_VALUES`], nested no deeper than [`DEEPEST`].
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) value: Value,
    /// How many values it is, itself included.
    pub(super) count: usize,
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let count = Cell::new(0);
        let value = json::read(from, Count { count: &count, deeper: DEEPEST })?;
        Ok(Self { value, count: count.get() })
    }
}

#[derive(Clone, Copy)]
struct Count<'c> {
    /// How many values were read.
    count: &'c Cell<usize>,
    /// How much deeper maps and lists may be.
    deeper: usize,
}

impl Watch for Count<'_> {
    fn value<E: Error>(self) -> Result<(), E> {
        if self.count.get() == MOST_VALUES {
            return Err(E::custom(format_args!("has more than {MOST_VALUES} values")));
        }
        self.count.update(|count| count + 1);
        Ok(())
    }

    fn open<E: Error>(self) -> Result<Self, E> {
        match self.deeper.checked_sub(1) {
            Some(deeper) => Ok(Self { deeper, ..self }),
            None => Err(E::custom(format_args!("is nested deeper than {DEEPEST}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn of_json(text: &str) -> Result<Counted, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn of_yaml(text: &str) -> Result<Counted, String> {
        yaml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_value_counts() {
        for (text, count) in [
            ("null", 1),
            ("[1, -2, 1.5, true, null, [], {}, 18446744073709551615]", 9),
            (r#"{"b": {"d": [{"z": 1, "a": "x"}, {}], "c": false}, "a": "", "e": {"f": {"g": 0}}}"#, 12),
        ] {
            assert_eq!((of_json(text).unwrap().count, of_yaml(text).unwrap().count), (count, count), "{text}");
        }
        assert_eq!(of_yaml("h: &h {i: [1]}\nj: *h\n").unwrap().count, 7, "so does what an alias stands for");
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let list = |items: usize| format!("[{}1]", "1,".repeat(items - 1));
        let maps = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for read in [of_json, of_yaml] {
            assert_eq!(read(&list(MOST_VALUES - 1)).unwrap().count, MOST_VALUES);
            assert_eq!(read(&nested(DEEPEST)).unwrap().count, DEEPEST);
            assert_eq!(read(&maps(DEEPEST)).unwrap().count, DEEPEST + 1);
            for (text, words) in [
                (list(MOST_VALUES), "has more than 20000 values"),
                (nested(DEEPEST + 1), "is nested deeper than 50"),
                (maps(DEEPEST + 1), "is nested deeper than 50"),
            ] {
                let error = read(&text).unwrap_err();
                assert!(error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn yaml_is_what_kubernetes_makes_of_it() {
        let text = "a: yes\nb: 0644\nc: \"yes\"\nd: 2001-01-01\ne: 1e3\nf: ~\n1: 1.5\ng:\nh: &h {i: [1]}\nj: *h\nk: {<<: *h}\n";
        let (read, value) = (of_yaml(text).unwrap().value, yaml::from_str::<Value>(text).unwrap());
        assert_eq!(read.to_string(), value.to_string());
        assert!(of_yaml("a: .inf\n").is_err());
    }

    #[test]
    fn yaml_that_says_two_things_is_refused() {
        for (text, words) in [
            ("1: a\n\"1\": b\n", "gives a key twice in one object"),
            ("$serde_json::private::RawValue: '[]'\n", "begins with `$serde_json::`"),
            ("a: {b: hunter2, c: 2, b: hunter2}\n", "duplicate"),
        ] {
            let error = of_yaml(text).unwrap_err();
            assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
        }
    }
}
