//! Holding a value against a structural schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::format;
use super::pattern::{Pattern, Unfit};
use super::rule::Verdict;
use super::run::Run;
use super::short::short;
use super::structure::{Additional, Schema, Type};
use super::value::in_language;

/// Something that a schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) pointer: String,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// What could not be evaluated: a rule, a pattern, or patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsure {
    pub(super) what: String,
    pub(super) why: String,
}

/// What is found of one resource.
#[derive(Debug)]
pub(super) struct Check<'r> {
    run: &'r Run,
    pub(super) faults: Vec<Fault>,
    pub(super) unsure: Vec<Unsure>,
    /// Where the check stands, as a JSON pointer.
    at: String,
    /// Whether something is found that keeps rules from being evaluated.
    blocked: bool,
}

/// What every resource has, whatever its schema says.
const OF_RESOURCES: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl<'r> Check<'r> {
    pub(super) fn new(run: &'r Run) -> Self {
        Self { run, faults: vec![], unsure: vec![], at: String::new(), blocked: false }
    }

    /// Holds a whole resource against its schema; rules are evaluated where the value has the shape they count on.
    pub(super) fn resource(&mut self, schema: &Schema, value: &Value) {
        let mut value = value.clone();
        schema.complete(&mut value);
        self.structure(schema, &value, true);
        if !self.blocked {
            self.rules(schema, &value);
        }
    }

    fn fault(&mut self, message: impl Into<String>, remedy: impl Into<String>) {
        self.faults.push(Fault { pointer: self.at.clone(), message: message.into(), remedy: remedy.into() });
    }

    /// A fault that rules would stumble over.
    fn block(&mut self, message: impl Into<String>, remedy: impl Into<String>) {
        self.blocked = true;
        self.fault(message, remedy);
    }

    fn within<T>(&mut self, token: &str, look: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.at.len();
        self.at.push('/');
        self.at.push_str(&token.replace('~', "~0").replace('/', "~1"));
        let answer = look(self);
        self.at.truncate(length);
        answer
    }

    /// Everything but rules, and that fields are known.
    fn structure(&mut self, schema: &Schema, value: &Value, root: bool) {
        if !self.of_type(schema, value) || (value.is_null() && schema.nullable) {
            return;
        }
        self.limits(schema, value);
        self.junctions(schema, value);
        match value {
            Value::Object(members) => {
                let resource = root || schema.embedded;
                for (name, value) in members {
                    match schema.member(name) {
                        _ if resource && OF_RESOURCES.contains(&name.as_str()) => {}
                        Some(schema) => self.within(name, |this| this.structure(schema, value, false)),
                        None if schema.is_open() || schema.kind.is_none() => {}
                        None => {
                            let known = nearest(name, schema.properties.keys().map(String::as_str));
                            let remedy = match known {
                                Some(known) => format!("did you mean {known}?"),
                                None => "mind the spelling, or remove it".to_owned(),
                            };
                            self.within(name, |this| this.fault(format!("there is no field {name}"), remedy));
                        }
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.within(&index.to_string(), |this| this.structure(schema, item, false));
                    }
                }
            }
            _ => {}
        }
    }

    fn of_type(&mut self, schema: &Schema, value: &Value) -> bool {
        let whole =
            |value: &Value| value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0);
        if value.is_null() && schema.nullable {
            return true;
        }
        let (fits, wanted) = match schema.kind {
            _ if schema.int_or_string => (value.is_string() || whole(value), "an integer or a string"),
            None => return true,
            Some(Type::Object) => (value.is_object(), "a map"),
            Some(Type::Array) => (value.is_array(), "a list"),
            Some(Type::String) => (value.is_string(), "a string"),
            Some(Type::Integer) => (whole(value), "an integer"),
            Some(Type::Number) => (value.is_number(), "a number"),
            Some(Type::Boolean) => (value.is_boolean(), "a boolean"),
        };
        if !fits {
            self.block(format!("{} where {wanted} belongs", kind_of(value)), format!("write {wanted}"));
        }
        fits
    }

    /// The value alone.
    fn limits(&mut self, schema: &Schema, value: &Value) {
        if let Some(values) = schema.values.as_ref().filter(|values| !values.contains(value)) {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            self.fault("the field has no such value", format!("use one of {}", values.join(", ")));
        }
        if let Some(format) = schema.format.as_ref().filter(|format| !format::holds(format, value)) {
            self.fault(format!("the value is not of the format {format}"), "mind how such values are written");
        }
        match value {
            Value::Object(members) => self.map_limits(schema, members),
            Value::Array(items) => self.list_limits(schema, items),
            Value::String(text) => {
                if schema.min_length.is_some() || schema.max_length.is_some() {
                    self.count("character", text.chars().count(), schema.min_length, schema.max_length);
                }
                if let Some(pattern) = &schema.pattern {
                    self.pattern(pattern, text);
                }
            }
            Value::Number(number) => self.number_limits(schema, number.as_f64().unwrap_or(f64::NAN)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern, text: &str) {
        match pattern.is_match(text, &self.run.patterns) {
            Ok(true) => {}
            Ok(false) => {
                self.fault(
                    "the value does not match its pattern",
                    format!("write what matches {}", short(&pattern.text)),
                );
            }
            Err(Unfit::Alone(why)) => {
                self.unsure.push(Unsure { what: format!("the pattern `{}`", short(&pattern.text)), why });
            }
            Err(Unfit::Together) => {
                let why = "together with those before they take too much memory".to_owned();
                self.unsure.push(Unsure { what: "their patterns".to_owned(), why });
            }
        }
    }

    fn count(&mut self, of: &str, count: usize, least: Option<usize>, most: Option<usize>) {
        let many = |count: usize| if count == 1 { format!("1 {of}") } else { format!("{count} {of}s") };
        if let Some(least) = least.filter(|least| count < *least) {
            self.fault(format!("{}, and at least {least} belong here", many(count)), "add what is missing");
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.block(format!("{}, and at most {most} are allowed", many(count)), "shorten it");
        }
    }

    fn map_limits(&mut self, schema: &Schema, members: &Map<String, Value>) {
        self.count("field", members.len(), schema.min_properties, schema.max_properties);
        for name in schema.required.iter().filter(|name| !members.contains_key(*name)) {
            self.within(name, |this| this.block("the field is missing", "write it"));
        }
    }

    fn list_limits(&mut self, schema: &Schema, items: &[Value]) {
        self.count("item", items.len(), schema.min_items, schema.max_items);
        let keys: Option<Vec<&String>> = match schema.list_type.as_deref() {
            Some("map") => Some(schema.list_map_keys.iter().collect()),
            Some("set") => Some(vec![]),
            _ => schema.unique_items.then(Vec::new),
        };
        let Some(keys) = keys else { return };
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let key = match keys.is_empty() {
                true => item.to_string(),
                false => keys.iter().map(|key| format!("{}\n", item.get(*key).unwrap_or(&Value::Null))).collect(),
            };
            if !seen.insert(key) {
                self.within(&index.to_string(), |this| this.fault("the item stands in the list twice", "remove one"));
            }
        }
    }

    fn number_limits(&mut self, schema: &Schema, number: f64) {
        if let Some(least) = schema.minimum.filter(|it| number < *it || (schema.exclusive_minimum && number <= *it)) {
            let than = if schema.exclusive_minimum { "more than" } else { "at least" };
            self.fault(format!("{number} is too small"), format!("write {than} {least}"));
        }
        if let Some(most) = schema.maximum.filter(|it| number > *it || (schema.exclusive_maximum && number >= *it)) {
            let than = if schema.exclusive_maximum { "less than" } else { "at most" };
            self.fault(format!("{number} is too large"), format!("write {than} {most}"));
        }
        if let Some(of) = schema.multiple_of.filter(|of| *of > 0.0 && !is_multiple(number, *of)) {
            self.fault(format!("{number} is no multiple of {of}"), "write one");
        }
    }

    /// What is said of the value by other schemas.
    fn junctions(&mut self, schema: &Schema, value: &Value) {
        for part in &schema.all_of {
            self.constraints(part, value);
        }
        let (holding, unknown) = self.holding(&schema.any_of, value);
        if !schema.any_of.is_empty() && holding + unknown == 0 {
            self.fault("the value is none of what it may be", remedy("write one of", &schema.any_of));
        }
        let (holding, unknown) = self.holding(&schema.one_of, value);
        if !schema.one_of.is_empty() && (holding > 1 || holding + unknown == 0) {
            let (message, words) = match holding {
                0 => ("the value is none of what it may be".to_owned(), "write one of"),
                _ => (format!("the value is {holding} of those things of which it must be one"), "keep one of"),
            };
            self.fault(message, remedy(words, &schema.one_of));
        }
        let not = schema.not.as_deref();
        if let Some(not) = not.filter(|not| self.holding(std::slice::from_ref(*not), value).0 == 1) {
            self.fault("the value is what it must not be", remedy("leave out one of", std::slice::from_ref(not)));
        }
    }

    /// How many narrowing schemas a value is held by, and of how many that is not known.
    fn holding(&mut self, schemas: &[Schema], value: &Value) -> (usize, usize) {
        let (mut holding, mut unknown) = (0, 0);
        for schema in schemas {
            let mut check = Check::new(self.run);
            check.constraints(schema, value);
            holding += usize::from(check.faults.is_empty() && check.unsure.is_empty());
            unknown += usize::from(check.faults.is_empty() && !check.unsure.is_empty());
            self.unsure.extend(check.unsure);
        }
        (holding, unknown)
    }

    /// A schema that only narrows: it makes no fields known.
    fn constraints(&mut self, schema: &Schema, value: &Value) {
        if !self.of_type(schema, value) {
            return;
        }
        self.limits(schema, value);
        self.junctions(schema, value);
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match (schema.member(name), &schema.additional_properties) {
                        (Some(schema), _) => self.within(name, |this| this.constraints(schema, value)),
                        (None, Some(Additional::Any(false))) => {
                            self.within(name, |this| this.fault(format!("there is no field {name}"), "remove it"));
                        }
                        (None, _) => {}
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.within(&index.to_string(), |this| this.constraints(schema, item));
                    }
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, schema: &Schema, value: &Value) {
        if value.is_null() {
            return;
        }
        for rule in &schema.rules {
            match rule.judge(value, self.run, || in_language(schema, value)) {
                Verdict::Holds => {}
                Verdict::Broken(message) => {
                    self.fault(message, format!("obey the rule `{}`", short(&rule.rule)));
                }
                Verdict::Unsure(why) => {
                    let what = format!("the rule `{}`", short(&rule.rule));
                    self.unsure.push(Unsure { what, why: short(&why) });
                }
            }
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if let Some(schema) = schema.member(name) {
                        self.within(name, |this| this.rules(schema, value));
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &schema.items {
                    for (index, item) in items.iter().enumerate() {
                        self.within(&index.to_string(), |this| this.rules(schema, item));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a number is a multiple of another but for what binary numbers round (`MultipleOf` of kube-openapi,
/// `pkg/validation/validate`, and `IsFloat64AJSONInteger` of go-openapi/swag).
fn is_multiple(number: f64, of: f64) -> bool {
    let times = if of < 1.0 { 1.0 / of * number } else { number / of };
    times.abs() < 2_f64.powi(53) && (times - times.round()).abs() <= 1e-9 * times.round().abs()
}

/// What to do about schemas of which too few or too many hold, by the fields that they ask for.
fn remedy(words: &str, schemas: &[Schema]) -> String {
    let mut fields: Vec<&str> = vec![];
    let inner = schemas.iter().flat_map(|part| part.any_of.iter().chain(&part.one_of).chain(part.not.as_deref()));
    let asked = schemas.iter().chain(inner).flat_map(|part| &part.required);
    asked.for_each(|field| {
        if !fields.contains(&field.as_str()) {
            fields.push(field);
        }
    });
    if fields.is_empty() {
        "mind what the definition allows".to_owned()
    } else {
        format!("{words} {}", fields.join(", "))
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The one of the known names that differs from `name` by case or underscores alone.
fn nearest<'n>(name: &str, mut known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let wanted = plain(name);
    known.find(|known| plain(known) == wanted)
}
