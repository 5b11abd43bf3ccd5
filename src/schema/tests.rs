use serde_json::{Value, json};

use super::Schemas;
use crate::yaml;

const WIDGETS: &str = include_str!("tests.yaml");

fn widgets() -> Schemas {
    Schemas::read(&[("widgets.yaml".to_owned(), WIDGETS.to_owned())]).unwrap()
}

fn widget(spec: &str) -> Value {
    let spec: Value = yaml::from_str(spec).unwrap();
    json!({"apiVersion": "mesh.example/v1", "kind": "Widget", "metadata": {"name": "a", "x": 1}, "spec": spec})
}

/// Pointer and message of each finding.
fn found(schemas: &Schemas, value: &Value) -> Vec<String> {
    let found = schemas.check(value);
    assert!(found.iter().all(|it| it.rule == "istio/IST0106" && !it.remedy.is_empty()), "{found:?}");
    found.into_iter().map(|it| format!("{}: {}", it.place.pointer, it.message)).collect()
}

#[test]
fn what_a_schema_allows_is_let_through() {
    let schemas = widgets();
    for more in [
        "",
        "port: 65535, share: 0.5, step: 10, mode: CLOSED, target: 1, maybe: null, labels: {a: b}",
        "target: http, free: {known: true, unknown: 1}, any: {a: [1]}, address: 192.0.2.1, tags: [a, b]",
        "template: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}, timeout: 1.5s, namespace: b",
        "ports: [{name: a, number: 1}, {name: b, number: 2}], one: {a: x}, some: {a: x, b: x}, never: {a: x}",
        "both: {a: x, b: xy}, url: 'https://a.example', port: null, step: 5.0",
    ] {
        assert_eq!(found(&schemas, &widget(&format!("{{host: a.example, {more}}}"))), [""; 0], "{more}");
    }
    assert_eq!(schemas.unsure(), []);
}

#[test]
fn each_keyword_refuses_what_breaks_it() {
    let schemas = widgets();
    for (more, expected) in [
        ("host: 1", "/spec/host: an integer where a string belongs"),
        (
            "host: ''",
            "/spec/host: 0 characters, and at least 1 belong here|/spec/host: the value does not match its pattern",
        ),
        ("host: aaaaaaaaaaaaaaaaaaaaa", "/spec/host: 21 characters, and at most 20 are allowed"),
        ("host: A", "/spec/host: the value does not match its pattern"),
        ("port: 0", "/spec/port: 0 is too small"),
        ("port: 65536", "/spec/port: 65536 is too large"),
        ("port: 1.5", "/spec/port: a number where an integer belongs"),
        ("port: 9999999999", "/spec/port: the value is not of the format int32|/spec/port: 9999999999 is too large"),
        ("share: 0", "/spec/share: 0 is too small"),
        ("share: 1", "/spec/share: 1 is too large"),
        ("step: 7", "/spec/step: 7 is no multiple of 5"),
        ("mode: AJAR", "/spec/mode: the field has no such value"),
        ("target: 1.5", "/spec/target: a number where an integer or a string belongs"),
        ("labels: {}", "/spec/labels: 0 fields, and at least 1 belong here"),
        ("labels: {a: a, b: b, c: c}", "/spec/labels: 3 fields, and at most 2 are allowed"),
        ("labels: {a/b: 1}", "/spec/labels/a~1b: an integer where a string belongs"),
        ("free: {known: 1}", "/spec/free/known: an integer where a boolean belongs"),
        ("template: []", "/spec/template: a list where a map belongs"),
        ("timeout: 1us", "/spec/timeout: too short"),
        ("timeout: soon", "/spec/timeout: too short (duration: not a duration)"),
        ("address: '::1'", "/spec/address: the value is not of the format ipv4"),
        ("tags: []", "/spec/tags: 0 items, and at least 1 belong here"),
        ("tags: [a, b, c, d]", "/spec/tags: 4 items, and at most 3 are allowed"),
        ("tags: [a, a]", "/spec/tags/1: the item stands in the list twice"),
        ("tags: [null]", "/spec/tags/0: nothing where a string belongs"),
        ("ports: [{number: 1}]", "/spec/ports/0/name: the field is missing"),
        ("ports: [{name: a, number: 1}, {name: a, number: 2}]", "/spec/ports/1: the item stands in the list twice"),
        ("ports: [{name: a, number: 1}, {name: b, number: 1}]", "/spec/ports: numbers are unique"),
        ("ports: [{name: a}]", "/spec/ports: numbers are unique (there is no number)"),
        ("one: {}", "/spec/one: the value is none of what it may be"),
        ("one: {a: x, b: x}", "/spec/one: the value is 2 of those things of which it must be one"),
        ("some: {}", "/spec/some: the value is none of what it may be"),
        ("never: {a: x, b: x}", "/spec/never: the value is what it must not be"),
        ("both: {b: x}", "/spec/both/a: the field is missing|/spec/both/b: 1 character, and at least 2 belong here"),
        ("namespace: a.example", "/spec: host is no namespace"),
        ("url: 'ftp://a'", r#"/spec/url: failed rule: url(self).getScheme() in ["http", "https"]"#),
        ("hots: a", "/spec/hots: there is no field hots"),
    ] {
        let host = if more.starts_with("host:") { "" } else { "host: a.example, " };
        let told = found(&schemas, &widget(&format!("{{{host}{more}}}"))).join("|");
        assert_eq!(told, expected, "{more}");
    }
    assert_eq!(found(&schemas, &widget("{port: 1}")), ["/spec/host: the field is missing"]);
    let none = json!({"apiVersion": "mesh.example/v1", "kind": "Widget", "metadata": {}, "speck": {}});
    assert_eq!(found(&schemas, &none), ["/spec: the field is missing", "/speck: there is no field speck"]);
    assert_eq!(schemas.unsure(), []);
}

#[test]
fn a_field_that_is_spelled_otherwise_is_named() {
    let found = widgets().check(&widget("{host: a, time_out: 1s}"));
    assert_eq!((found.len(), found[0].remedy.as_str()), (1, "did you mean timeout?"));
}

#[test]
fn what_excludes_each_other_is_named() {
    let remedy = |more: &str| widgets().check(&widget(&format!("{{host: a, {more}}}")))[0].remedy.clone();
    assert_eq!(remedy("one: {}"), "write one of a, b");
    assert_eq!(remedy("one: {a: x, b: x}"), "keep one of a, b");
    assert_eq!(remedy("never: {a: x, b: x}"), "leave out one of a, b");
}

#[test]
fn versions_are_told_apart() {
    let schemas = widgets();
    let told = |api_version: &str, kind: &str| {
        let found = schemas.check(&json!({"apiVersion": api_version, "kind": kind, "metadata": {}, "spec": 1}));
        found.into_iter().map(|it| format!("{it}")).collect::<Vec<_>>()
    };
    assert_eq!(
        told("mesh.example/v1beta1", "Widget"),
        ["warning[istio/IST0002] #/apiVersion: use v1 — use one of v1, v1beta1"]
    );
    assert_eq!(
        told("mesh.example/v1alpha1", "Widget"),
        ["error[istio/IST0106] #/apiVersion: the version v1alpha1 of Widget is not served — use one of v1, v1beta1"]
    );
    assert_eq!(
        told("mesh.example/v2", "Widget"),
        ["error[istio/IST0106] #/apiVersion: Widget has no version \"v2\" — use one of v1, v1beta1"]
    );
    assert_eq!(
        told("mesh.example/v1", "Wigdet"),
        ["error[istio/IST0106] #/kind: mesh.example has no kind \"Wigdet\" — mind the spelling, or the apiVersion"]
    );
    assert_eq!(told("other.example/v1", "Widget"), [""; 0]);
    assert_eq!(told("v1", "Pod"), [""; 0]);
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_told_once_and_refuses_nothing() {
    let schemas = widgets();
    let deep = vec!["1"; 300].join(", ");
    for _ in 0..2 {
        let value = widget(&format!("{{host: a, strange: 1Gi, broken: x, fixed: x, deep: [{deep}]}}"));
        assert_eq!(found(&schemas, &value), [""; 0]);
    }
    let told: Vec<String> = schemas.unsure().iter().map(ToString::to_string).collect();
    let [broken, strange, deep] = &told[..] else { panic!("{told:?}") };
    let begins = "note[lint/cel] widgets.yaml:2:1: 2 values were not held against the rule `";
    assert!([broken, strange, deep].iter().all(|told| told.starts_with(begins)), "{told:?}");
    assert!(told.iter().any(|it| it.contains("isGreaterThan") && it.ends_with("is not known here")), "{told:?}");
    assert!(told.iter().any(|it| it.contains("self ===") && it.contains("it cannot be compiled: ")), "{told:?}");
    assert!(told.iter().any(|it| it.ends_with("it would take too long on a value of this size")), "{told:?}");
}

#[test]
fn definitions_that_cannot_be_used_are_refused_with_their_places() {
    let refused = |text: &str| {
        let found = Schemas::read(&[("a.yaml".to_owned(), text.to_owned())]).unwrap_err();
        found.into_iter().map(|it| format!("{}: {}", it.place, it.message)).collect::<Vec<_>>()
    };
    let with = |old: &str, new: &str| refused(&WIDGETS.replace(old, new));
    assert_eq!(refused("a: 1\n"), ["a.yaml:1:1: the file holds no CustomResourceDefinition"]);
    assert!(refused("---\na: [\n")[0].starts_with("a.yaml:2:4: "));
    assert_eq!(
        with("k8s.io/v1\n", "k8s.io/v1beta1\n"),
        ["a.yaml:2:1: #/apiVersion: a definition is of apiextensions.k8s.io/v1"]
    );
    let at = "#/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/step/multipleOf: ";
    let field = with("multipleOf: 5", "multipleOf: five");
    assert!(field[0].starts_with("a.yaml:26:37: ") && field[0].contains(at), "{field:?}");
    let twice = refused(&format!("{WIDGETS}---\n{WIDGETS}"));
    assert!(twice[0].ends_with(": Widget of mesh.example is defined twice"), "{twice:?}");
}

#[test]
fn a_pattern_that_cannot_be_compiled_is_told_and_refuses_nothing() {
    for (pattern, why) in [
        ("[", "it is no expression of RE2"),
        ("(((a{1,99}){1,99}){1,99}){1,99}", "it is too large"),
        ("(?=a)", "it cannot be compiled: look-around, including look-ahead and look-behind, is not supported"),
    ] {
        let text = WIDGETS
            .replace("'^[a-z.]+$'", &format!("'{pattern}'"))
            .replace("not: {required: [a, b]}", "not: {properties: {a: {pattern: '['}}}");
        let schemas = Schemas::read(&[("a.yaml".to_owned(), text)]).unwrap();
        assert_eq!(found(&schemas, &widget("{host: a, never: {a: x}}")), [""; 0]);
        let told: Vec<String> = schemas.unsure().iter().map(ToString::to_string).collect();
        let note = format!(" not held against the pattern `{pattern}`: {why}");
        assert!(told.iter().any(|told| told.ends_with(&note)), "{told:?}");
    }
}

#[test]
fn multiples_of_decimals_are_those_of_kubernetes() {
    for (of, number, fits) in [
        ("0.1", "0.3", true),
        ("0.01", "1.13", true),
        ("0.1", "0.35", false),
        ("0.1", "0.0", true),
        ("5.0", "1.0e-12", false),
        ("0", "1", true),
        ("2.5", "7.5", true),
    ] {
        let text = WIDGETS.replace("{type: integer, multipleOf: 5}", &format!("{{type: number, multipleOf: {of}}}"));
        let schemas = Schemas::read(&[("a.yaml".to_owned(), text)]).unwrap();
        let told = found(&schemas, &widget(&format!("{{host: a, step: {number}}}")));
        assert_eq!(told.is_empty(), fits, "{number} of {of}: {told:?}");
    }
}

#[test]
fn a_long_rule_is_told_in_short() {
    let rule = format!("self == 'a' || {}", "x".repeat(1000));
    let text = WIDGETS.replace("'self ==='", &format!("\"{rule}\""));
    let schemas = Schemas::read(&[("a.yaml".to_owned(), text)]).unwrap();
    assert_eq!(found(&schemas, &widget("{host: a, broken: b}")), [""; 0]);
    let told = schemas.unsure();
    assert!(told.len() == 1 && told[0].message.chars().count() < 500 && told[0].message.contains('…'), "{told:?}");
}

/// What is said of a rule about a text.
fn judged(rule: &str, value: &str) -> (Vec<String>, Vec<String>) {
    let text = WIDGETS.replace("rule: 'self ==='", &format!("rule: {}", serde_json::to_string(rule).unwrap()));
    let schemas = Schemas::read(&[("a.yaml".to_owned(), text)]).unwrap();
    let told = found(&schemas, &widget(&format!("{{host: a, broken: {value}}}")));
    (told, schemas.unsure().into_iter().map(|it| it.message).collect())
}

#[test]
fn rules_that_make_or_look_at_too_much_are_not_evaluated() {
    for rule in [
        format!("[self]{}.size() > 0", ".map(a, a + a)".repeat(40)),
        format!("[self]{}.size() > 0", ".map(a, [a, a])".repeat(40)),
        "lists.range(1000000000000).size() > 0".to_owned(),
        "lists.range(100000).map(a, lists.range(100000)).size() > 0".to_owned(),
        "lists.range(10000).all(a, lists.range(10000).all(b, a + b >= 0))".to_owned(),
        format!("self{}.size() > 0", ".replace('', self)".repeat(4)),
        format!("self{}.split('').size() > 0", ".replace('', '0123456789')".repeat(6)),
        "lists.range(3000).all(a, 'x'.matches('^' + string(a) + '[a-z]{0,900}') || true)".to_owned(),
    ] {
        let started = std::time::Instant::now();
        let (told, unsure) = judged(&rule, "aaaaaaaaaaaaaaaaaaaa");
        assert_eq!(told, [""; 0], "{rule}");
        assert!(
            unsure.len() == 1 && unsure[0].ends_with("it would take too long on a value of this size"),
            "{unsure:?}"
        );
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{rule}");
    }
}

#[test]
fn what_rules_say_is_what_they_said_before_it_was_counted() {
    for (rule, holds) in [
        ("self.split('.').all(a, a.matches('^[[a-z]+$'))", true),
        (r"self.matches(r'^\w+$')", false),
        ("matches(self, '^a.b$')", true),
        ("[1, 2, 3].map(a, a * 2).filter(a, a > 2) == [4, 6]", true),
        ("[1, 2, 3].exists_one(a, a > 2) && lists.range(3) == [0, 1, 2]", true),
        ("self.replace('.', '-') == 'a-b' && ['a', 'b'].join('.') == self", true),
        ("[[1], [2, 3]].flatten().size() == 3 && {'a': 1}.all(k, k == 'a')", true),
        ("[3, 1, 2].sort() == [1, 2, 3] && '%s'.format([self]) == self", true),
        ("has(self.x) || true", true),
        ("optional.of(self).hasValue() && [3, 1].sortBy(a, a)[0] == 1", true),
        ("self == 'b'", false),
    ] {
        let (told, unsure) = judged(rule, "a.b");
        assert_eq!((told.is_empty(), unsure), (holds, vec![]), "{rule}: {told:?}");
    }
}

#[test]
fn rules_that_are_nested_too_deep_are_not_evaluated() {
    let (told, unsure) = judged(&format!("size({}) > 0", vec!["self"; 1000].join(" + ")), "a");
    assert_eq!(told, [""; 0]);
    assert!(unsure.len() == 1 && unsure[0].ends_with("it is nested deeper than 48 levels"), "{unsure:?}");
}

#[test]
fn all_rules_of_a_run_have_one_budget() {
    let text = WIDGETS.replace("rule: 'self ==='", "rule: 'lists.range(100).all(a, lists.range(70).all(b, b >= 0))'");
    let schemas = Schemas::read(&[("a.yaml".to_owned(), text)]).unwrap();
    let run = || found(&schemas, &widget("{host: a, broken: a}"));
    assert_eq!((run(), schemas.unsure()), (vec![], vec![]));
    schemas.spend(u64::MAX / 2);
    assert_eq!(run(), [""; 0]);
    assert!(
        schemas.unsure().iter().any(|it| it.message.ends_with("all rules of this run together would take too long"))
    );
}

#[test]
fn absurd_rules_cost_bounded_time() {
    for rule in [
        "(".repeat(4000),
        format!("{}true{}", "(".repeat(4000), ")".repeat(4000)),
        format!("{}true", "!".repeat(8000)),
        "-".repeat(8000),
        format!("self{}", ".replace('', self)".repeat(100)),
        format!("size({}) > 0", vec!["self"; 1000].join(" + ")),
        "[".repeat(4000),
        vec!["true"; 1000].join(" && "),
        format!("self{}", ".a".repeat(4000)),
        "true ? ".repeat(1000),
        "self.matches('(a*)*'.replace('', '(a*)*'))".to_owned(),
        "x".repeat(9000),
    ] {
        let rule = serde_json::to_string(&rule).unwrap();
        let text = WIDGETS.replace("rule: 'self ==='", &format!("rule: {rule}"));
        let schemas = Schemas::read(&[("a.yaml".to_owned(), text)]).unwrap();
        let started = std::time::Instant::now();
        schemas.check(&widget(&format!("{{host: a, broken: {}}}", "x".repeat(100_000))));
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{rule}");
    }
}
