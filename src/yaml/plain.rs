//! Reading the plain block style that Meshwright writes, many times faster than YAML in general.
//!
//! It understands maps, lists, bare words, whole numbers, quoted strings without escapes and literal blocks of bare lines,
//! laid out as [`super::to_string`] lays them out, below comments at the head. At anything else it gives up, and the YAML crate reads the document: what is
//! YAML, and what is wrong with it, is decided there alone.

use serde_json::{Map, Value};

use super::bare::is_bare;

/// The deepest nesting that is read here.
const DEPTH: usize = 32;

/// The value that `text` holds; none when it takes a reader of all of YAML to say.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut lines = Lines { rest: text.strip_prefix('\n').unwrap_or(text) };
    lines.head()?;
    let value = lines.block(0, 0)?;
    lines.rest.is_empty().then_some(value)
}

/// The lines that are not read yet; the first may be one that was begun.
struct Lines<'t> {
    rest: &'t str,
}

impl<'t> Lines<'t> {
    /// The indentation of the next line; none at the end.
    fn indentation(&self) -> Option<usize> {
        let spaces = self.rest.len() - self.rest.trim_start_matches(' ').len();
        (!self.rest.is_empty()).then_some(spaces)
    }

    /// Whether the next line is an item of a list at `column`.
    fn is_item(&self, column: usize) -> bool {
        self.indentation() == Some(column) && self.rest[column..].starts_with("- ")
    }

    /// The rest of the line.
    fn line(&mut self) -> Option<&'t str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        Some(line)
    }

    /// Passes over comments before the first line that says something.
    fn head(&mut self) -> Option<()> {
        while self.rest.starts_with('#') {
            self.line().filter(|line| line.bytes().all(|byte| matches!(byte, b' '..=b'~')))?;
        }
        Some(())
    }

    /// The lines of a literal block, bare ones at `column` without the last line break.
    fn literal(&mut self, column: usize) -> Option<String> {
        let mut text = String::new();
        while self.indentation().is_some_and(|found| found >= column) {
            let line = self.line()?.get(column..).filter(|line| is_bare(line))?;
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(line);
        }
        (!text.is_empty()).then_some(text)
    }

    /// A map or list at `column`.
    fn block(&mut self, column: usize, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        if self.is_item(column) {
            return self.list(column, depth).map(Value::Array);
        }
        if self.indentation()? != column {
            return None;
        }
        self.rest = &self.rest[column..];
        self.map(column, depth).map(Value::Object)
    }

    /// The items of a list at `column`.
    fn list(&mut self, column: usize, depth: usize) -> Option<Vec<Value>> {
        let mut items = vec![];
        while self.is_item(column) {
            self.rest = &self.rest[column + 2..];
            let line = &self.rest[..self.rest.find('\n')?];
            items.push(match key(line) {
                Some(_) => Value::Object(self.map(column + 2, depth + 1)?),
                None => scalar(self.line()?)?,
            });
        }
        Some(items)
    }

    /// The members of a map at `column`, whose first line was begun.
    fn map(&mut self, column: usize, depth: usize) -> Option<Map<String, Value>> {
        let mut members = Map::new();
        loop {
            let (name, value) = key(self.line()?)?;
            let value = match (value, self.indentation()) {
                ("", Some(deeper)) if deeper > column => self.block(deeper, depth + 1)?,
                ("", _) if self.is_item(column) => self.block(column, depth + 1)?,
                ("", _) => return None,
                ("|-", _) => self.literal(column + 2).map(Value::String)?,
                (value, _) => scalar(value)?,
            };
            if members.insert(name.to_owned(), value).is_some() {
                return None;
            }
            if self.indentation() != Some(column) || self.is_item(column) {
                return Some(members);
            }
            self.rest = &self.rest[column..];
        }
    }
}

/// Cuts a line into its key and the value behind it, if any.
fn key(line: &str) -> Option<(&str, &str)> {
    let (name, value) = match line.split_once(": ") {
        Some((name, value)) if !value.is_empty() => (name, value),
        Some(_) => return None,
        None => (line.strip_suffix(':')?, ""),
    };
    is_bare(name).then_some((name, value))
}

/// A value that stands on one line.
fn scalar(text: &str) -> Option<Value> {
    if is_bare(text) {
        return Some(Value::from(text));
    }
    match text {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        "[]" => return Some(Value::Array(vec![])),
        "{}" => return Some(Value::Object(Map::new())),
        _ => {}
    }
    if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        let bare = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        return quoted.bytes().all(bare).then(|| Value::from(quoted));
    }
    let digits = text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let decimal = digits && (text == "0" || !text.starts_with('0'));
    decimal.then(|| text.parse::<i64>().ok()).flatten().map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::yaml::{from_str, to_string};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const TEXT: &str = "anchor: a/b/clients\nmetadata:\n  name: x-1\n  description: one of many\nspec:\n  port: 80\n  \
                        open: true\n  none: []\n  url:\n  - /items/*\n  - \"*\"\n  list:\n  - a: 1\n    b:\n    - c\n  \
                        - a: \"2\"\nlast: z\n";

    const COMMENTED: &str =
        "# by: us\n#\na:\n  b: |-\n    c\n    d e/f\n  g: 1\nh:\n- i: |-\n    j\n- k: |-\n    l\n    m\n";

    #[test]
    fn what_we_write_is_read() {
        let value = json!({
            "anchor": "a/b/clients", "metadata": {"name": "x-1", "description": "one of many"},
            "spec": {"port": 80, "open": true, "none": [], "url": ["/items/*", "*"], "list": [{"a": 1, "b": ["c"]}, {"a": "2"}]},
            "last": "z",
        });
        assert_eq!(read(TEXT), Some(value.clone()));
        assert_eq!(to_string(&value), TEXT);
        assert_eq!(from_str::<Value>(TEXT).unwrap(), value);
    }

    #[test]
    fn what_takes_thought_is_left_to_others() {
        let strange = [
            "",
            "a",
            "a: 1",
            "a: 1\r\n",
            "a: 1\na: 2\n",
            "a: 1 # b\n",
            "a: b\n  c\n",
            "a:\n",
            "a: *b\n",
            "a: 012\n",
            "a: yes\n",
            "a: b: c\n",
            "a: 'b'\n",
            "a: \"b\\n\"\n",
            "a: \"b\"c\"\n",
            "a: |\n  b\n",
            "a: |-\n",
            "a: |-\nb: c\n",
            "a: |-\n b\n",
            "a: |-\n   b\n",
            "a: |-\n  b\n\n  c\n",
            "a: |-\n  b\n c\n",
            "a: |-\n  # b\n",
            "- |-\n  b\n",
            "# \u{7}\na: 1\n",
            "#\ta\na: 1\n",
            "a: 1\n# b\n",
            " # b\na: 1\n",
            "a:  b\n",
            "a: b \n",
            "a:\n   b: 1\n  c: 2\n",
            "- - a\n",
            "-\n  a\n",
            "a: 1\n\nb: 1\n",
            "a: {b: 1}\n",
            "? a\n: b\n",
            "a: 1\n- b\n",
            "- a\nb: 1\n",
            " a: 1\nb: 2\n",
            "a: 1e3\n",
            "a: -1\n",
            "a: 99999999999999999999\n",
        ];
        for text in strange {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn comments_at_the_head_and_literal_blocks_are_read() {
        let value = json!({"a": {"b": "c\nd e/f", "g": 1}, "h": [{"i": "j"}, {"k": "l\nm"}]});
        assert_eq!(read(COMMENTED), Some(value.clone()));
        assert_eq!(read(&format!("\n{COMMENTED}")), Some(value.clone()));
        assert_eq!(from_str::<Value>(COMMENTED).unwrap(), value);
    }

    /// Where there is an answer, it is the YAML crate's.
    fn agrees(text: &str) {
        if let Some(value) = read(text) {
            assert_eq!(from_str::<Value>(text).as_ref(), Ok(&value), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_answer_is_the_one_of_yaml_in_general(text in "([ ]{0,4}(- )?([a-z0-9/\"*.]{1,4}:?)?[ ]?([|]-|[-a-z0-9/\"*.:#'|>&!{}\\[\\]=]{0,4})[ ]?\n){1,6}") {
            agrees(&text);
        }

        #[test]
        fn a_few_changed_bytes_change_no_answer_for_the_worse(
            changes in proptest::collection::vec((0..TEXT.len(), proptest::sample::select(b" \n:-a1\"#*[{|>'&\t".as_slice())), 1..4),
        ) {
            for text in [TEXT, COMMENTED] {
                let mut text = text.as_bytes().to_vec();
                let length = text.len();
                for (at, byte) in &changes {
                    text[at % length] = *byte;
                }
                agrees(std::str::from_utf8(&text).unwrap());
            }
        }
    }
}
