//! Reading one document into a type, within limits.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_yaml::options::{AliasLimits, DuplicateKeyPolicy};
use serde_yaml::{Budget, Options, with_deserializer_from_str_with_options};

use super::{YamlError, plain};

/// How much a text may ask of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest text, in bytes.
    pub bytes: usize,
    /// The deepest nesting of maps and lists.
    pub depth: usize,
    /// The most nodes that aliases may add to those written out.
    pub aliased_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// What a text may ask where nothing else is said.
    pub const DEFAULT: Self = Self { bytes: 10 * 1024 * 1024, depth: 64, aliased_nodes: 100_000 };

    /// Refuses a text longer than `bytes`.
    ///
    /// # Errors
    /// The text is longer.
    pub fn admit(&self, text: &str) -> Result<(), YamlError> {
        if text.len() > self.bytes {
            return Err(YamlError::new(format!("{} bytes, and {} are allowed", text.len(), self.bytes)));
        }
        Ok(())
    }

    fn options(self) -> Options {
        let mut budget = Budget::default();
        // Every node takes at least a byte, so the length of the text bounds what is written out.
        budget.max_events = self.bytes;
        budget.max_nodes = self.bytes;
        budget.max_depth = self.depth;
        budget.flow_nesting_limit = self.depth;
        budget.max_total_scalar_bytes = self.bytes.saturating_mul(2);
        let mut alias_limits = AliasLimits::default();
        alias_limits.max_total_replayed_events = self.aliased_nodes;
        let mut options = Options::default();
        options.budget = Some(budget);
        options.alias_limits = alias_limits;
        options.duplicate_keys = DuplicateKeyPolicy::Error;
        options.legacy_octal_numbers = true;
        options.emit_comments = false;
        options.with_snippet = false;
        options
    }
}

/// Reads a text of one document within the default [`Limits`].
///
/// # Errors
/// The text is not YAML, breaks a limit, repeats a key, holds several documents, or does not hold a `T`.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    from_str_within(text, Limits::default())
}

/// Reads a text of one document in which people set fields, within the default [`Limits`]: an error names the field.
///
/// # Errors
/// As [`from_str`].
pub fn fields<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let limits = Limits::default();
    limits.admit(text)?;
    let mut field = String::new();
    let read = with_deserializer_from_str_with_options(text, limits.options(), |from| {
        serde_path_to_error::deserialize(from).map_err(|error| {
            field = error.path().to_string();
            error.into_inner()
        })
    });
    read.map_err(|error| YamlError::from(error).of_field(&field))
}

/// Reads a text of one document, whatever it holds, within the default [`Limits`].
///
/// # Errors
/// As [`from_str`].
pub fn value(text: &str) -> Result<Value, YamlError> {
    Limits::default().admit(text)?;
    plain::read(text).map_or_else(|| from_str(text), Ok)
}

/// Reads a text of one document within `limits`.
///
/// # Errors
/// As [`from_str`].
pub fn from_str_within<T: DeserializeOwned>(text: &str, limits: Limits) -> Result<T, YamlError> {
    limits.admit(text)?;
    serde_yaml::from_str_with_options(text, limits.options()).map_err(YamlError::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn untyped_values_are_what_kubernetes_makes_of_them() {
        let value: Value = from_str("a: yes\nb: 0644\nc: \"yes\"\nd: 2001-01-01\ne: 1e3\nf: ~\n").unwrap();
        assert_eq!(value, json!({"a": true, "b": 0o644, "c": "yes", "d": "2001-01-01", "e": 1000.0, "f": null}));
    }

    #[test]
    fn a_repeated_key_is_refused_with_its_position() {
        let error = from_str::<Value>("a: 1\nb:\n  c: 1\n  c: 2\n").unwrap_err();
        assert_eq!((error.line, error.column), (4, 3), "{error}");
    }

    #[test]
    fn an_error_names_the_field_that_it_is_about() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Entry {
            port: u16,
        }
        type Entries = std::collections::BTreeMap<String, Vec<Entry>>;
        let error = |text: &str| fields::<Entries>(text).unwrap_err().to_string();
        assert!(fields::<Entries>("a: [{port: 1}]\n").is_ok());
        for (text, words) in [
            ("a:\n- port: high\n", "line 2, column 9: a[0].port: a whole number of 0 or more belongs here"),
            ("a:\n- port: 1\n- {}\n", "line 3, column 3: a[1]: missing field `port`"),
            ("a: [{port: 1, x: 2}]\n", "line 1, column 15: a[0].x: unknown field `x`"),
            ("- a\n", "line 1, column 1: a map belongs here"),
            ("a: {}\n", "line 1, column 4: a: a list belongs here"),
        ] {
            assert!(error(text).starts_with(words), "{text}: {}", error(text));
        }
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let previous = level - 1;
            let items = vec![format!("*a{previous}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(from_str::<Value>(&bomb).is_err());
    }

    #[test]
    fn depth_and_length_are_limited() {
        assert!(from_str::<Value>(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_err());
        let limits = Limits { bytes: 3, ..Limits::default() };
        assert_eq!(from_str_within::<Value>("a: 1", limits).unwrap_err().message, "4 bytes, and 3 are allowed");
    }

    #[test]
    fn an_error_does_not_repeat_the_value() {
        let error = from_str::<std::collections::BTreeMap<String, u16>>("a: 1\npassword: hunter2\n").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(error.line, 2, "{error}");
        let error = from_str::<std::collections::BTreeMap<String, Vec<u16>>>("password: \"hunter2\"\n").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_long_list_is_within_the_budget() {
        let text = "- {a: 1, b: 2}\n".repeat(300_000);
        assert_eq!(from_str::<Value>(&text).unwrap().as_array().map(Vec::len), Some(300_000));
    }
}
