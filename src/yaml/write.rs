//! Writing: block style, one way to write each value, strings that come back as strings.

use serde::Serialize;

use super::block;
use super::general::append;

/// Writes a value as one document without markers, in the order in which its type gives its fields.
///
/// Strings that a YAML 1.1 or 1.2 reader could take for something else are quoted; long lines are not folded; a string
/// of several lines is a literal block where YAML can hold it exactly.
///
/// # Panics
/// Only if `T`'s own `Serialize` fails: writing to a string does not.
pub fn to_string<T: Serialize>(value: &T) -> String {
    let mut text = String::with_capacity(1024);
    if !block::write(value, &mut text) {
        text.clear();
        append(value, &mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    /// Strings that some YAML reader takes for something else when they stand bare.
    const AWKWARD: &[&str] = &[
        "",
        " ",
        "  a",
        "a  ",
        "\t",
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "n",
        "Y",
        "N",
        "true",
        "False",
        "null",
        "Null",
        "~",
        "0123",
        "0o17",
        "0x1f",
        "0b11",
        "1e3",
        "1E5",
        "1_000",
        "1.5",
        ".5",
        "5.",
        "-1",
        "+1",
        ".inf",
        "-.Inf",
        ".nan",
        "12:30:45",
        "190:20:30",
        "2001-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "=",
        "<<",
        "*foo",
        "&a",
        "!x",
        "@x",
        "`x`",
        "%x",
        "- ",
        "- a",
        "-",
        "? ",
        "?",
        "? a",
        ": a",
        ":",
        "a:",
        "a: b",
        "a #b",
        "#a",
        "a#b",
        "[a",
        "]",
        "{a",
        "}",
        ",a",
        "|",
        ">",
        "'",
        "\"",
        "'a'",
        "\"a\"",
        "\\",
        "---",
        "--- a",
        "...",
        "a\nb",
        "a\n",
        "\n",
        "\na",
        "a\n\n",
        " a\nb",
        "a\n b\n",
        "a \nb",
        "a\r\nb",
        "\ta\nb",
        "#a\nb",
        "---\na",
        "a\n---\nb",
        "\u{85}",
        "a\u{85}b",
        "\u{2028}",
        "\u{2029}x\ny",
        "\u{feff}",
        "\u{feff}a\nb",
        "\u{0}",
        "\u{7}",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{9f}",
        "\u{fffe}",
        "ü",
        "日本",
        "🦀",
        "e\u{301}",
        "https://x.example/a?b=c#d",
        "a, b",
        "10.0.0.0/8",
        "::1",
        "fe80::1",
        "1:2",
        "0",
        "00",
        "09",
        "08:30",
        "1.2.3",
        "1.10",
        "infinity",
        "NaN",
        "{*}",
        "*",
        "*.example.com",
        "@request.auth.claims.x",
        "$x",
        "key:\tv",
    ];

    fn survives(value: &Value) {
        let text = to_string(value);
        let mut in_general = String::new();
        append(value, &mut in_general);
        assert_eq!(text, in_general);
        let back: Value = crate::yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(&back, value, "{text}");
        assert_eq!(crate::yaml::documents(&text).unwrap().len(), 1, "{text}");
    }

    #[test]
    fn awkward_strings_come_back_in_every_position() {
        for text in AWKWARD {
            survives(&json!(text));
            survives(&json!({"a": {"b": [text, [text], {"c": text, *text: 1}]}, "z": text}));
            survives(&json!({*text: {*text: [text]}}));
        }
    }

    #[test]
    fn what_readers_differ_about_is_quoted() {
        for text in ["yes", "off", "y", "0123", "1e3", "1_000", "12:30:45", "2001-01-01", "=", "~", "", "null"] {
            assert_eq!(to_string(&json!({"a": text})), format!("a: \"{text}\"\n"));
            assert_eq!(to_string(&json!({text: 1})), format!("\"{text}\": 1\n"));
        }
    }

    #[test]
    fn block_style_is_what_kubernetes_users_write() {
        let value = json!({
            "list": [{"a": 1, "b": [true, null]}, "x"], "empty": {}, "none": [],
            "text": "one\ntwo\n", "long": "word ".repeat(60).trim_end(), "host": "*.x", "share": 0.5,
        });
        let long = value["long"].as_str().unwrap();
        assert_eq!(
            to_string(&value),
            format!(
                "list:\n- a: 1\n  b:\n  - true\n  - null\n- x\nempty: {{}}\nnone: []\ntext: |\n  one\n  two\nlong: {long}\n\
                 host: \"*.x\"\nshare: 0.5\n"
            )
        );
    }

    fn any_string() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            proptest::sample::select(AWKWARD).prop_map(str::to_owned),
            "[-+_.:0-9eExXobTZ ]{0,12}",
            "[ \t\n#:\\-a|>'\"]{0,12}",
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            any_string().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((any_string(), inner), 0..6)
                    .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_json_value_survives(value in any_value()) {
            survives(&value);
        }
    }
}
