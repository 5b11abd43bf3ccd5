//! What single callers gain and lose.

use std::collections::{BTreeMap, BTreeSet};

use super::phrase;
use crate::access::{Attribute, Caller, Covering, Permission};
use crate::review::Shift;

type Permissions = BTreeSet<Permission>;

/// Says what each caller of a closed workload gains and loses.
pub(super) fn compare(
    name: &str,
    had: &Permissions,
    has: &Permissions,
    terminated: bool,
    say: &mut impl FnMut(Shift, &str, String),
) {
    let (had, has) = alike(had, has);
    if has.is_empty() && !had.is_empty() {
        let callers: BTreeSet<&Caller> = had.iter().map(|permission| &permission.caller).collect();
        let key = if let [caller] = Vec::from_iter(&callers)[..] { phrase::key(caller) } else { String::new() };
        let why = if terminated { ", because it is terminated" } else { "" };
        let lose = if callers.len() == 1 { "loses" } else { "lose" };
        let callers = phrase::listed(&callers.iter().map(|caller| phrase::caller(caller)).collect::<Vec<_>>());
        let nobody = "nobody may call it any more, as far as this repository shows";
        return say(Shift::Lost, &key, format!("{callers} {lose} all access to {name}{why}: {nobody}"));
    }
    let [may, could] = [&has, &had].map(Covering::of);
    let [own_now, own_before] = [&has, &had].map(by_caller);
    let callers: BTreeSet<&Caller> = own_before.keys().chain(own_now.keys()).copied().collect();
    for caller in callers {
        let lost = may.uncovered(own_before.get(caller).into_iter().flatten().copied());
        let gained = could.uncovered(own_now.get(caller).into_iter().flatten().copied());
        let [before, after] = [&could, &may].map(|these| these.reach(caller).cloned().collect::<Permissions>());
        let who = phrase::caller(caller);
        let [lost_words, gained_words] = [&lost, &gained].map(phrase::scopes);
        let (shift, sentence) = match (lost.is_empty(), gained.is_empty()) {
            (true, true) => continue,
            (true, false) if matches!(caller, Caller::Outside(_)) => {
                let also = if before.is_empty() { "" } else { "also " };
                (Shift::Exposed, format!("{who} {also}gains {gained_words} on {name}"))
            }
            (true, false) if before.is_empty() => (Shift::Gained, format!("{who} gains {gained_words} on {name}")),
            (true, false) => (Shift::Widened, format!("{who} also gains {gained_words} on {name}")),
            (false, _) if after.is_empty() => lost_all(caller, &who, &before, &may, name),
            (false, _) => {
                let (keeps, until_now) = (phrase::scopes(&after), phrase::scopes(&before));
                let words = match gained.is_empty() && lost_words != until_now {
                    true => format!("{who} loses {lost_words} on {name} and keeps {keeps}"),
                    false => format!("{who} may do only {keeps} on {name}; until now {until_now}"),
                };
                (Shift::Narrowed, words)
            }
        };
        say(shift, &phrase::key(caller), sentence);
    }
}

/// A caller that loses everything, but perhaps not all that it stands for.
fn lost_all(caller: &Caller, who: &str, before: &Permissions, may: &Covering<'_>, name: &str) -> (Shift, String) {
    let until_now = phrase::scopes(before);
    let kept: Permissions = may.within(caller).cloned().collect();
    match kept.is_empty() {
        true => (Shift::Lost, format!("{who} loses all access to {name}; until now {until_now}")),
        false => {
            let kept = phrase::rights(&kept);
            (Shift::Narrowed, format!("{who} loses access to {name}, but for {kept}; until now {until_now}"))
        }
    }
}

/// Says what DENY policies turn away, or not any more.
pub(super) fn denied(name: &str, had: &Permissions, has: &Permissions, say: &mut impl FnMut(Shift, &str, String)) {
    let (had, has) = alike(had, has);
    for_each_more(&has, &had, |caller, who, what| {
        say(Shift::Lost, &phrase::key(caller), format!("{who} is denied {what} on {name}"));
    });
    for_each_more(&had, &has, |caller, who, what| {
        say(Shift::Gained, &phrase::key(caller), format!("{who} is no longer denied {what} on {name}"));
    });
}

/// Says what AUDIT policies mark, or not any more.
pub(super) fn audited(name: &str, had: &Permissions, has: &Permissions, say: &mut impl FnMut(Shift, &str, String)) {
    let (had, has) = alike(had, has);
    for_each_more(&has, &had, |caller, who, what| {
        say(Shift::Noted, &phrase::key(caller), format!("{what} by {who} on {name} is marked for the audit log"));
    });
    for_each_more(&had, &has, |caller, who, what| {
        let sentence = format!("{what} by {who} on {name} is no longer marked for the audit log");
        say(Shift::Noted, &phrase::key(caller), sentence);
    });
}

/// Says of each caller what `more` has for it and `less` does not: the caller, its name, and the scopes in words.
fn for_each_more(more: &Permissions, less: &Permissions, mut say: impl FnMut(&Caller, &str, &str)) {
    let less = Covering::of(less);
    for (caller, permissions) in by_caller(more) {
        let permissions = less.uncovered(permissions);
        if !permissions.is_empty() {
            say(caller, &phrase::caller(caller), &phrase::scopes(&permissions));
        }
    }
}

type ByCaller<'a> = BTreeMap<&'a Caller, Vec<&'a Permission>>;

fn by_caller(permissions: &Permissions) -> ByCaller<'_> {
    let mut groups = ByCaller::new();
    for permission in permissions {
        groups.entry(&permission.caller).or_default().push(permission);
    }
    groups
}

/// Permissions without what all of them name alike.
pub(super) fn plain(permissions: &Permissions) -> Permissions {
    alike(permissions, &Permissions::new()).0
}

/// Both without their port and trust domain, where all name the same: what does not differ needs no word.
fn alike(one: &Permissions, other: &Permissions) -> (Permissions, Permissions) {
    let all = || one.iter().chain(other);
    let same_port = all_same(all().map(|permission| permission.scope.within.get(&Attribute::Port)));
    let is_principal = |permission: &Permission| matches!(permission.caller, Caller::Principal(_));
    let principals = all().filter(|permission| is_principal(permission));
    let same_domain = all_same(principals.map(|permission| permission.caller.parts().map(|(domain, ..)| domain)));
    let bare = |permission: &Permission| {
        let mut permission = permission.clone();
        if same_port {
            permission.scope.within.remove(&Attribute::Port);
        }
        if let (true, Some((namespace, account))) =
            (same_domain && is_principal(&permission), permission.caller.account())
        {
            permission.caller = Caller::ServiceAccount(format!("{namespace}/{account}"));
        }
        permission
    };
    (one.iter().map(bare).collect(), other.iter().map(bare).collect())
}

/// Whether there is something, and the same everywhere.
fn all_same<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>) -> bool {
    let first = values.next().flatten();
    first.is_some() && values.all(|value| value == first)
}
