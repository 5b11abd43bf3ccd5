//! Rules in the Common Expression Language (`x-kubernetes-validations`).

use std::sync::OnceLock;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, operators};
use cel::{ExecutionError, Program};
use serde::Deserialize;
use serde_json::Value;

use super::check::short;
use super::language;

/// A rule that a value must obey.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) rule: String,
    message: Option<String>,
    #[serde(default)]
    optional_old_self: bool,
    #[serde(skip)]
    compiled: OnceLock<Result<Compiled, String>>,
}

#[derive(Debug)]
struct Compiled {
    program: Program,
    /// Whether it compares with an earlier state.
    looks_back: bool,
    weight: Weight,
}

/// What is found of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    /// It does not, in these words.
    Broken(String),
    /// It cannot be told, for this reason.
    Unsure(String),
}

/// The longest rule that is evaluated, in bytes.
const LONGEST: usize = 8 << 10;
/// The most steps of nested loops, bytes of texts that are made, and bytes that all steps look at.
const BUDGET: [f64; 3] = [1e7, 1e9, 1e11];

impl Rule {
    /// Whether `value`, which is `own` in the language, obeys the rule. A rule about how values change holds for new ones.
    pub(super) fn judge(&self, value: &Value, own: impl FnOnce() -> cel::Value) -> Verdict {
        if self.rule.len() > LONGEST {
            return Verdict::Unsure(format!("it is longer than {LONGEST} bytes"));
        }
        let compiled = match self.compiled.get_or_init(|| self.compile()) {
            Ok(compiled) => compiled,
            Err(why) => return Verdict::Unsure(why.clone()),
        };
        if compiled.looks_back {
            let why = "it compares with an earlier state, of which manifests know nothing";
            return if self.optional_old_self { Verdict::Unsure(why.to_owned()) } else { Verdict::Holds };
        }
        if !compiled.weight.is_bearable(value, self.rule.len()) {
            return Verdict::Unsure("it would take too long on a value of this size".to_owned());
        }
        let mut context = language::language().new_inner_scope();
        context.add_variable_from_value("self", own());
        match compiled.program.execute(&context) {
            Ok(cel::Value::Bool(true)) => Verdict::Holds,
            Ok(cel::Value::Bool(false)) => Verdict::Broken(self.words()),
            Ok(_) => Verdict::Unsure("it gives no truth value".to_owned()),
            // Kubernetes refuses what makes a rule fail, too.
            Err(error) => match told(&error) {
                Ok(why) => Verdict::Broken(format!("{} ({why})", self.words())),
                Err(why) => Verdict::Unsure(why),
            },
        }
    }

    fn words(&self) -> String {
        self.message.clone().unwrap_or_else(|| format!("failed rule: {}", short(&self.rule)))
    }

    fn compile(&self) -> Result<Compiled, String> {
        let program = language::environment().compile(&self.rule).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.clone()).unwrap_or_default();
            format!("it cannot be compiled: {first}")
        })?;
        let mut weight = Weight::default();
        weight.add(program.expression(), 0);
        let looks_back = program.references().has_variable("oldSelf");
        Ok(Compiled { program, looks_back, weight })
    }
}

/// Why evaluating went wrong, in words without values: what the value is to blame for, or else what is not known here.
fn told(error: &ExecutionError) -> Result<String, String> {
    match error {
        ExecutionError::NoSuchKey(name) => Ok(format!("there is no {name}")),
        ExecutionError::IndexOutOfBounds(_) => Ok("an index is out of bounds".to_owned()),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => Ok("it divides by zero".to_owned()),
        ExecutionError::Overflow(..) => Ok("a number is too large".to_owned()),
        ExecutionError::FunctionError { function, message } => Ok(format!("{function}: {message}")),
        ExecutionError::UndeclaredReference(name) => Err(format!("{name} is not known here")),
        ExecutionError::NoSuchOverload(error) => Err(format!("{} is not known here for these types", error.function())),
        _ => Err("it needs what is not known here".to_owned()),
    }
}

/// How much work a rule may make of a value.
#[derive(Debug, Default)]
struct Weight {
    /// The deepest nesting of loops.
    loops: i32,
    /// How many calls may make texts of the product of their arguments.
    products: i32,
    /// How many calls add texts or lists up.
    sums: i32,
}

impl Weight {
    fn is_bearable(&self, value: &Value, rule: usize) -> bool {
        let (mut nodes, mut bytes) = (0, 0);
        measure(value, &mut nodes, &mut bytes);
        let (nodes, bytes) = (f64::from(nodes) + rule as f64 / 16.0, (bytes + rule) as f64);
        let steps = nodes.powi(self.loops);
        // A sum of sums copies its beginning again for each.
        let made = bytes.powi(self.products + 1) * (1.0 + f64::from(self.sums).powi(2));
        steps <= BUDGET[0] && made <= BUDGET[1] && steps * made <= BUDGET[2]
    }

    fn add(&mut self, expression: &IdedExpr, depth: i32) {
        match &expression.expr {
            Expr::Call(call) => {
                self.products += i32::from(matches!(call.func_name.as_str(), "replace" | "join" | "format"));
                self.sums += i32::from(call.func_name == operators::ADD);
                call.target.iter().for_each(|target| self.add(target, depth));
                call.args.iter().for_each(|argument| self.add(argument, depth));
            }
            Expr::Comprehension(looped) => {
                self.loops = self.loops.max(depth + 1);
                self.add(&looped.iter_range, depth);
                for inner in [&looped.accu_init, &looped.loop_cond, &looped.loop_step, &looped.result] {
                    self.add(inner, depth + 1);
                }
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.add(element, depth)),
            Expr::Select(select) => self.add(&select.operand, depth),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr, depth)),
            Expr::Struct(made) => made.entries.iter().for_each(|entry| self.entry(&entry.expr, depth)),
            _ => {}
        }
    }

    fn entry(&mut self, entry: &EntryExpr, depth: i32) {
        match entry {
            EntryExpr::StructField(field) => self.add(&field.value, depth),
            EntryExpr::MapEntry(entry) => {
                self.add(&entry.key, depth);
                self.add(&entry.value, depth);
            }
        }
    }
}

/// Counts the values in a value, and the bytes of its texts.
fn measure(value: &Value, nodes: &mut u32, bytes: &mut usize) {
    *nodes = nodes.saturating_add(1);
    *bytes += 1;
    match value {
        Value::String(text) => *bytes += text.len(),
        Value::Array(items) => items.iter().for_each(|item| measure(item, nodes, bytes)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            *bytes += name.len();
            measure(value, nodes, bytes);
        }),
        _ => {}
    }
}
