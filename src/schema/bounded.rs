//! Rules within a budget: what they make and look at is counted while they are evaluated.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelInt, CelList, CelMap, CelOptional, CelString, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

use super::pattern::{Patterns, Unfit};

/// Hands its argument on, and counts the values in it.
const WEIGHED: &str = "@weighed";
/// Hands its argument on, and counts the square of the values in it.
const SQUARED: &str = "@squared";
/// Hands a number on, and counts as many.
const COUNTED: &str = "@counted";
/// `matches` with an expression of Go, compiled once.
pub(super) const MATCHES: &str = "@matches";

/// The bytes of a text that count as one value.
const BYTES: usize = 16;
/// What compiling an expression counts as.
const COMPILING: u64 = 100_000;

thread_local! {
    /// How much the rule that this thread evaluates may still count.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    /// Why the rule is not evaluated.
    static WHY: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Looks at `steps` at most while `evaluate` runs: its answer, what was used, and why it is worth nothing if it failed.
pub(super) fn within<T>(steps: u64, evaluate: impl FnOnce() -> T) -> (T, u64, Option<String>) {
    LEFT.set(steps);
    WHY.take();
    let answer = evaluate();
    (answer, steps - LEFT.get(), WHY.take())
}

fn fail(why: &str) -> ExecutionError {
    WHY.with_borrow_mut(|it| it.get_or_insert_with(|| why.to_owned()).len());
    ExecutionError::InternalError(why.to_owned())
}

fn charge(steps: u64) -> Result<(), ExecutionError> {
    match LEFT.get().checked_sub(steps) {
        Some(left) => {
            LEFT.set(left);
            Ok(())
        }
        None => {
            LEFT.set(0);
            Err(fail("it would take too long on a value of this size"))
        }
    }
}

fn text(length: usize) -> u64 {
    1 + (length / BYTES) as u64
}

fn weigh(value: &dyn Val) -> Result<(), ExecutionError> {
    if let Some(of) = value.downcast_ref::<CelString<'_>>() {
        return charge(text(of.inner().len()));
    }
    charge(1)?;
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner().iter().try_for_each(|item| weigh(item.as_ref()))
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        map.inner().iter().try_for_each(|(key, value)| weigh(key.inner()).and_then(|()| weigh(value.as_ref())))
    } else if let Some(inner) = value.downcast_ref::<CelOptional<'_>>().and_then(CelOptional::option) {
        weigh(inner)
    } else {
        Ok(())
    }
}

fn only<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    args.into_iter().next().ok_or_else(|| fail("it needs what is not known here"))
}

fn weighed<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = only(args)?;
    weigh(&*value)?;
    Ok(value)
}

fn squared<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let before = LEFT.get();
    let value = weighed(args)?;
    let weight = before - LEFT.get();
    charge(weight.saturating_mul(weight))?;
    Ok(value)
}

fn counted<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = only(args)?;
    charge(value.downcast_ref::<CelInt>().map_or(1, |number| u64::try_from(*number.inner()).unwrap_or(1)))?;
    Ok(value)
}

/// Whether a text matches an expression.
pub(super) fn matches(text_: &str, pattern: &str, patterns: &Patterns) -> Result<bool, ExecutionError> {
    charge(text(text_.len()).saturating_mul(text(pattern.len())))?;
    let (compiled, new) = patterns.get(pattern);
    if new {
        charge(COMPILING)?;
    }
    compiled.map(|compiled| compiled.is_match(text_)).map_err(|why| match why {
        Unfit::Alone(why) => fail(&format!("of its pattern: {why}")),
        Unfit::Together => fail("its patterns and those before them take too much memory"),
    })
}

/// Makes known what [`bound`] calls.
pub(super) fn declare(environment: &mut Env) {
    // Nobody else may call anything so: there is no `@` in the names of the language.
    let _ = environment.add_overload(WEIGHED, WEIGHED, vec![DYN_TYPE], weighed);
    let _ = environment.add_overload(SQUARED, SQUARED, vec![DYN_TYPE], squared);
    let _ = environment.add_overload(COUNTED, COUNTED, vec![DYN_TYPE], counted);
}

/// Lets an expression count what it copies before it does, and what it loops over.
pub(super) fn bound(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            children(call);
            if !is_light(&call.func_name) {
                arguments(call);
            }
        }
        Expr::Comprehension(looped) => {
            let appends = is_accumulator(&looped.result, &looped.accu_var)
                && matches!(looped.loop_cond.expr, Expr::Literal(_))
                && matches!(&looped.accu_init.expr, Expr::List(list) if list.elements.is_empty());
            for inner in [&mut looped.iter_range, &mut looped.accu_init, &mut looped.loop_cond, &mut looped.result] {
                bound(inner);
            }
            wrap(&mut looped.iter_range, WEIGHED);
            if !(appends && append(&mut looped.loop_step, &looped.accu_var)) {
                wrap(&mut looped.accu_init, WEIGHED);
                wrap(&mut looped.loop_cond, WEIGHED);
                bound(&mut looped.loop_step);
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(copied),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| self::entry(&mut entry.expr)),
        Expr::Struct(made) => made.entries.iter_mut().for_each(|entry| self::entry(&mut entry.expr)),
        Expr::Select(select) => bound(&mut select.operand),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

/// How deep an expression is nested.
pub(super) fn depth(expression: &IdedExpr) -> usize {
    let entry = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => depth(&field.value),
        EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
    };
    let within = match &expression.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).map(depth).max(),
        Expr::Comprehension(looped) => {
            let all = [&looped.iter_range, &looped.accu_init, &looped.loop_cond, &looped.loop_step, &looped.result];
            all.into_iter().map(depth).max()
        }
        Expr::List(list) => list.elements.iter().map(depth).max(),
        Expr::Map(map) => map.entries.iter().map(|it| entry(&it.expr)).max(),
        Expr::Struct(made) => made.entries.iter().map(|it| entry(&it.expr)).max(),
        Expr::Select(select) => Some(depth(&select.operand)),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => None,
    };
    1 + within.unwrap_or(0)
}

fn children(call: &mut CallExpr) {
    call.target.iter_mut().for_each(|target| bound(target));
    call.args.iter_mut().for_each(bound);
}

fn copied(expression: &mut IdedExpr) {
    bound(expression);
    wrap(expression, WEIGHED);
}

fn entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => copied(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            copied(&mut entry.key);
            copied(&mut entry.value);
        }
    }
}

fn is_accumulator(expression: &IdedExpr, name: &str) -> bool {
    matches!(&expression.expr, Expr::Ident(ident) if ident == name)
}

/// The step of `map` and `filter`, which the language appends in place as long as it looks like that: its parts alone count.
fn append(step: &mut IdedExpr, accumulator: &str) -> bool {
    let Expr::Call(call) = &mut step.expr else { return false };
    match (call.func_name.as_str(), call.args.as_mut_slice()) {
        (operators::CONDITIONAL, [guard, step, otherwise]) if is_accumulator(otherwise, accumulator) => {
            let appends = append(step, accumulator);
            if appends {
                copied(guard);
            }
            appends
        }
        (operators::ADD, [before, IdedExpr { expr: Expr::List(list), .. }]) if is_accumulator(before, accumulator) => {
            list.elements.iter_mut().for_each(copied);
            true
        }
        _ => false,
    }
}

/// Calls that copy nothing and look at what is small.
fn is_light(name: &str) -> bool {
    matches!(
        name,
        operators::CONDITIONAL
            | operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE
            | operators::INDEX
            | operators::OPT_SELECT
            | operators::OPT_INDEX
    )
}

/// Lets a call count its arguments.
fn arguments(call: &mut CallExpr) {
    let short = |argument: &IdedExpr| match &argument.expr {
        Expr::Literal(LiteralValue::String(text)) => text.inner().len() <= BYTES,
        Expr::Literal(_) => true,
        _ => false,
    };
    let how = match call.func_name.as_str() {
        // What is made grows with the product of what goes in.
        "replace" | "join" | "indexOf" | "lastIndexOf" if !call.args.iter().all(short) => SQUARED,
        "format" | "distinct" | "split" => SQUARED,
        "range" | "lists.range" => COUNTED,
        _ => WEIGHED,
    };
    if call.func_name == "matches" {
        MATCHES.clone_into(&mut call.func_name);
        call.args.splice(0..0, call.target.take().map(|target| *target));
    }
    // The target of a qualified function is part of its name.
    let named = matches!(call.target.as_deref(), Some(IdedExpr { expr: Expr::Ident(name), .. })
        if matches!((name.as_str(), call.func_name.as_str()),
            ("lists", "range") | ("strings", "quote") | ("optional", "of" | "ofNonZeroValue" | "none")));
    if let Some(target) = call.target.as_mut().filter(|_| !named) {
        wrap(target, how);
    }
    call.args.iter_mut().filter(|argument| how != WEIGHED || !short(argument)).for_each(|argument| wrap(argument, how));
}

fn wrap(expression: &mut IdedExpr, name: &str) {
    let id = expression.id;
    let inner = std::mem::take(expression);
    *expression =
        IdedExpr { id, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args: vec![inner] }) };
}

/// `matches` as rules call it, of the patterns of a run.
pub(super) fn matcher(
    patterns: Arc<Patterns>,
) -> impl Fn(Arc<String>, Arc<String>) -> Result<bool, ExecutionError> + Send + Sync + 'static {
    move |text, pattern| matches(&text, &pattern, &patterns)
}
