//! Rules in the Common Expression Language (`x-kubernetes-validations`).

use std::sync::OnceLock;

use cel::{ExecutionError, IdedExpr};
use serde::Deserialize;
use serde_json::Value;

use super::run::Run;
use super::short::short;
use super::{bounded, language};

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
    expression: IdedExpr,
    /// Whether it compares with an earlier state.
    looks_back: bool,
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
/// The deepest nesting of a rule that is evaluated: the language takes some stack for each level.
const DEEPEST: usize = 48;
/// The most values that a rule looks at or makes, of one value.
const OF_VALUE: u64 = 2_000_000;

impl Rule {
    /// Whether `value`, which is `own` in the language, obeys the rule. A rule about how values change holds for new ones.
    pub(super) fn judge(&self, value: &Value, run: &Run, own: impl FnOnce() -> cel::Value) -> Verdict {
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
        let least = measure(value) + self.rule.len() as u64 / 16;
        if least > OF_VALUE {
            return Verdict::Unsure("it would take too long on a value of this size".to_owned());
        }
        if !run.spend(least) {
            return Verdict::Unsure("all rules of this run together would take too long".to_owned());
        }
        let mut context = run.language.new_inner_scope();
        context.add_variable_from_value("self", own());
        let (answer, used, why) = bounded::within(OF_VALUE, || context.resolve(&compiled.expression));
        run.spend(used);
        match answer {
            Ok(cel::Value::Bool(true)) => Verdict::Holds,
            Ok(cel::Value::Bool(false)) => Verdict::Broken(self.words()),
            Ok(_) => Verdict::Unsure("it gives no truth value".to_owned()),
            // Kubernetes refuses what makes a rule fail, too.
            Err(error) => match why.map_or_else(|| told(&error), Err) {
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
        if bounded::depth(program.expression()) > DEEPEST {
            return Err(format!("it is nested deeper than {DEEPEST} levels"));
        }
        let looks_back = program.references().has_variable("oldSelf");
        let mut expression = program.expression().clone();
        bounded::bound(&mut expression);
        Ok(Compiled { expression, looks_back })
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

/// How much there is to look at in a value.
fn measure(value: &Value) -> u64 {
    let text = |text: &str| text.len() as u64 / 16;
    1 + match value {
        Value::String(of) => text(of),
        Value::Array(items) => items.iter().map(measure).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| text(name) + measure(value)).sum(),
        _ => 0,
    }
}
