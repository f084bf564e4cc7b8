//! Whether what a change adds does what it took away: a lock for a lock, but no lock of readers for one of writers.

use std::collections::BTreeSet;

use crate::risk::facts::{Delta, Fact, Kind, Value};

/// Whether a new fact does less than the one that is gone, so that it does not replace it.
pub(super) fn is_weaker(old: &Fact, new: &Fact) -> bool {
    let is_probe = |fact: &Fact| fact.object.to_ascii_lowercase().contains("probe");
    stars(new) > stars(old)
        || new.is_empty_list()
        || is_shared_lock(&new.object) && !is_shared_lock(&old.object)
        || switches_off(&new.object) && !switches_off(&old.object)
        || is_probe(old) && always_succeeds(&new.text) && !always_succeeds(&old.text)
        || old.kind == Kind::Definition && promise(old) != promise(new)
}

/// What decides which facts are weaker than this one, for a cache.
pub(super) fn strength(fact: &Fact) -> String {
    let promise = if fact.kind == Kind::Definition { promise(fact) } else { String::new() };
    let always = always_succeeds(&fact.text);
    let is_probe = fact.object.to_ascii_lowercase().contains("probe");
    let is_off = switches_off(&fact.object);
    format!("{} {} {is_off} {is_probe} {always} {promise}", stars(fact), is_shared_lock(&fact.object))
}

/// How many wildcards the value of a setting has: `repo:*` takes in more than `repo:a/b:ref:c`.
fn stars(fact: &Fact) -> usize {
    match (&fact.kind, &fact.value) {
        (Kind::Setting, Value::Text(text) | Value::Expression(text)) => text.matches('*').count(),
        _ => 0,
    }
}

/// A lock that several may hold at once.
fn is_shared_lock(object: &str) -> bool {
    let last = object.rsplit(['.', ':']).next().unwrap_or(object).to_ascii_lowercase().replace('_', "");
    matches!(last.as_str(), "rlock" | "readlock" | "sharedlock" | "lockshared" | "acquireread" | "enterreadlock")
        || object.to_ascii_lowercase().contains(".readlock().")
}

/// A call that turns a limit or a check off: `Limit::disable()`.
fn switches_off(object: &str) -> bool {
    let last = object.rsplit(['.', ':']).next().unwrap_or(object).to_ascii_lowercase().replace('_', "");
    matches!(
        last.as_str(),
        "disable" | "disabled" | "none" | "unlimited" | "nolimit" | "off" | "permitall" | "allowall"
    )
}

/// A command that asks nothing: `true`, `exit 0`.
fn always_succeeds(text: &str) -> bool {
    let words = text.split(|c: char| c.is_whitespace() || ",[]\"'=:{}".contains(c)).filter(|word| !word.is_empty());
    words.clone().any(|word| matches!(word, "true" | "/bin/true" | "/usr/bin/true")) || text.contains("exit 0")
}

/// What a definition promises, apart from its name: another name for the same is a new name, and what is reserved is
/// replaced only by what is reserved.
fn promise(fact: &Fact) -> String {
    let name = fact.name();
    match name {
        "reserved" => "reserved".to_owned(),
        _ => fact.text.replacen(name, "", 1),
    }
}

/// How something else in the file does what a removed fact did, if it does.
pub(super) fn of(fact: &Fact, deltas: &[Delta], is_code: bool) -> Option<&'static str> {
    const MAX_TRIED: usize = 4_000;
    deltas.iter().take(MAX_TRIED).find_map(|delta| match delta {
        Delta::Came(new) if is_code && is_renamed(fact, new) => Some("the same value has another name now"),
        Delta::Changed { old, new } if covers(fact, old, new) => Some("what encloses it states it now"),
        Delta::Came(new) if covers_all(fact, new) => Some("what encloses it states it now"),
        _ => None,
    })
}

/// Words of declarations that narrow themselves to some methods.
const NARROWING: &[&str] = &["only", "except", "if", "unless", "methods"];

/// Whether a new declaration of the enclosing type says for all of its methods what one of them said:
/// `@method_decorator(login_required, name="dispatch")` for `@login_required`.
fn covers_all(fact: &Fact, new: &Fact) -> bool {
    let is_decorator = fact.kind == Kind::Decorator && new.kind == Kind::Decorator;
    let is_outer = || {
        let rest = fact.scope.strip_prefix(&new.scope);
        !new.scope.is_empty() && rest.is_some_and(|rest| rest.starts_with('.'))
    };
    is_decorator && is_outer() && {
        let (gained, lost) = (words(&new.text), words(&fact.text));
        let is_said = lost.iter().all(|word| gained.contains(word));
        let is_of_another = || new.name() == "method_decorator" && !gained.contains(&"dispatch");
        let is_narrowed = || gained.iter().any(|word| NARROWING.contains(word) && !lost.contains(word));
        is_said && (fact.object == new.object || new.name() == "method_decorator") && !is_of_another() && !is_narrowed()
    }
}

/// The names in a declaration that guards a route, `@UseGuards(Jwt)`; none if it is something else.
pub(super) fn guards(fact: &Fact) -> BTreeSet<String> {
    let is_guard = fact.kind == Kind::Decorator && fact.name() == "UseGuards";
    let names = words(&fact.text).into_iter().filter(|word| is_guard && *word != "UseGuards");
    names.map(str::to_owned).collect()
}

/// The names of the guards that an application applies to all of its routes: `{ provide: APP_GUARD, useClass: Jwt }`,
/// `app.useGlobalGuards(new Jwt())`.
pub(super) fn of_all_routes<'f>(came: impl Iterator<Item = &'f Fact>) -> BTreeSet<String> {
    let (mut names, mut is_app_guard) = (BTreeSet::new(), false);
    for fact in came {
        match (fact.kind, fact.name()) {
            (Kind::Setting, "provide") => is_app_guard = fact.value.say().contains("APP_GUARD"),
            (Kind::Setting, "useClass" | "useExisting") if is_app_guard => {
                names.extend(words(&fact.value.say()).into_iter().map(str::to_owned))
            }
            (Kind::Call, "useGlobalGuards") => names.extend(words(&fact.text).into_iter().map(str::to_owned)),
            _ => {}
        }
    }
    names
}

/// Whether a route lost what its router takes all later routes through since: `router.use(check)`.
pub(super) fn is_used_by_router(old: &Fact, new: &Fact, deltas: &[Delta]) -> bool {
    const MAX_TRIED: usize = 4_000;
    if old.kind != Kind::Call || old.parent().is_empty() {
        return false;
    }
    let (used, left) = (format!("{}.use", old.parent()), words(&new.text));
    let lost: Vec<&str> = words(&old.text).into_iter().filter(|word| !left.contains(word)).collect();
    let path = literal(&new.text);
    let uses = |call: &Fact| {
        let is_before = call.object == used && call.scope == new.scope && call.lines.start() <= new.lines.start();
        let is_for_it = match literal(&call.text) {
            None => !call.text.contains(QUOTES),
            Some(prefix) => path.and_then(|path| path.strip_prefix(prefix)).is_some_and(is_end_of_path),
        };
        let said = words(&call.text);
        is_before && is_for_it && lost.iter().all(|word| said.contains(word))
    };
    let is_use = |delta: &Delta| matches!(delta, Delta::Came(call) if call.kind == Kind::Call && uses(call));
    !lost.is_empty() && deltas.iter().take(MAX_TRIED).any(is_use)
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

/// The only literal text of a call; none if there are several.
fn literal(text: &str) -> Option<&str> {
    let mut parts = text.split(QUOTES);
    let (_, said, _) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(said)
}

/// Whether a path ends here, or goes on in a part of its own.
fn is_end_of_path(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The names on added lines that declare something atomic: `n atomic.Int64`, `AtomicLong n`.
pub(super) fn atomics(added: &[(u32, String)]) -> BTreeSet<String> {
    let lines = added.iter().filter(|(_, line)| line.contains("tomic"));
    lines.flat_map(|(_, line)| words(line)).map(str::to_owned).collect()
}

/// A call of something that is atomic since, named as such: `atomic.Add` for `c.n.Add(1)`.
pub(super) fn as_atomic(fact: &Fact, atomics: &BTreeSet<String>) -> Option<Fact> {
    let of = fact.parent().rsplit('.').next().filter(|of| atomics.contains(*of))?;
    let is_act = || {
        let name = fact.name().to_ascii_lowercase();
        ["add", "sub", "inc", "dec", "load", "store", "swap", "compare", "get", "set", "update", "fetch"]
            .iter()
            .any(|act| name.starts_with(act))
    };
    let is_call = fact.kind == Kind::Call && !of.is_empty() && is_act();
    is_call.then(|| Fact { object: format!("atomic.{}", fact.name()), ..fact.clone() })
}

/// Whether a statement of a migration takes away what a later one makes again under the same name: that is changed.
/// What holds rows loses them all the same.
pub(super) fn is_made_again(fact: &Fact, deltas: &[Delta]) -> bool {
    const MAX_TRIED: usize = 4_000;
    let (true, Some((before, dropped))) = (fact.kind == Kind::Sql, fact.object.split_once("DROP ")) else {
        return false;
    };
    let thing = dropped.split(' ').next().unwrap_or_default();
    let keeps_rows = matches!(
        thing,
        "CONSTRAINT" | "INDEX" | "POLICY" | "TRIGGER" | "VIEW" | "FUNCTION" | "PROCEDURE" | "TYPE" | "RULE"
    );
    let verb = if before.is_empty() { "CREATE" } else { "ADD" };
    let again = format!("{before}{verb} {dropped}");
    let is_again = |delta: &Delta| {
        matches!(delta, Delta::Came(new) if new.kind == Kind::Sql
            && new.object == again
            && new.lines.start() >= fact.lines.start())
    };
    keeps_rows && deltas.iter().take(MAX_TRIED).any(is_again)
}

/// A constant of the same quantity under another name. Small numbers are the same by chance.
fn is_renamed(old: &Fact, new: &Fact) -> bool {
    let is_telling = match old.value {
        Value::Duration(amount) | Value::Size(amount) => amount > 0.0,
        Value::Number(amount) => amount.abs() >= 10.0,
        _ => false,
    };
    let is_there = (old.kind, new.kind) == (Kind::Setting, Kind::Setting)
        && old.scope == new.scope
        && old.parent().is_empty()
        && new.parent().is_empty();
    is_telling && is_there && old.value.is_the_same_as(&new.value)
}

/// Whether a decorator of the enclosing type gained what that of a method lost.
fn covers(fact: &Fact, old: &Fact, new: &Fact) -> bool {
    let is_decorator = [fact, old, new].iter().all(|fact| fact.kind == Kind::Decorator);
    let is_outer = fact.scope.strip_prefix(&new.scope).is_some_and(|rest| rest.starts_with('.'));
    is_decorator && is_outer && fact.object == new.object && {
        let (gained, before) = (words(&new.text), words(&old.text));
        let lost = words(&fact.text);
        lost.iter().all(|word| gained.contains(word)) && !lost.iter().all(|word| before.contains(word))
    }
}

pub(super) fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(kind: Kind, object: &str, value: Value, text: &str, scope: &str) -> Fact {
        let (object, text, scope) = (object.to_owned(), text.to_owned(), scope.to_owned());
        Fact { kind, object, value, text, scope, lines: 1..=1, opens: 0 }
    }

    #[test]
    fn what_does_less_replaces_nothing() {
        let setting = |value: &str| fact(Kind::Setting, "a.sub", Value::Text(value.to_owned()), value, "");
        let call = |object: &str| fact(Kind::Call, object, Value::None, object, "f");
        let probe = |text: &str| fact(Kind::Block, "c.readinessProbe.exec", Value::None, text, "");
        let field = |name: &str, text: &str| fact(Kind::Definition, name, Value::None, text, "M");
        assert!(is_weaker(&setting("repo:a/b"), &setting("repo:*")));
        assert!(!is_weaker(&setting("repo:*"), &setting("repo:*")));
        let checks = |value: &str| fact(Kind::Setting, "checks", Value::Expression(value.to_owned()), value, "");
        assert!(is_weaker(&setting("tests"), &checks("[]")));
        assert!(!is_weaker(&setting("tests"), &checks("CHECKS")));
        assert!(is_weaker(&call("mu.Lock"), &call("mu.RLock")));
        assert!(!is_weaker(&call("mu.RLock"), &call("mu.Lock")));
        assert!(is_weaker(&call("Limit.max"), &call("Limit.disable")));
        assert!(is_weaker(&probe("path: /ready"), &probe("command: [/bin/true]")));
        assert!(!is_weaker(&probe("path: /ready"), &probe("command: [/bin/ready]")));
        assert!(is_weaker(&field("M.reserved", "reserved 4"), &field("M.coupon", "string coupon = 4")));
        assert!(!is_weaker(&field("M.total", "int64 total = 2"), &field("M.amount", "int64 amount = 2")));
        assert!(is_weaker(&field("M.total", "int64 total = 2"), &field("M.amount", "int64 amount = 9")));
    }

    #[test]
    fn a_new_name_for_a_quantity_and_a_decorator_of_the_type_do_what_was_there() {
        let budget = fact(Kind::Setting, "budget", Value::Duration(5.0), "5s", "");
        let renamed = fact(Kind::Setting, "timeout", Value::Duration(5.0), "5000ms", "");
        let other = fact(Kind::Setting, "timeout", Value::Duration(6.0), "6s", "");
        assert!(of(&budget, &[Delta::Came(renamed.clone())], true).is_some());
        assert!(of(&budget, &[Delta::Came(renamed)], false).is_none(), "a key of a configuration is no name of ours");
        assert!(of(&budget, &[Delta::Came(other)], true).is_none());
        let guards = |text: &str, scope: &str| fact(Kind::Decorator, "UseGuards", Value::None, text, scope);
        let (method, before) = (guards("UseGuards(Roles)", "C.list"), guards("UseGuards(Jwt)", "C"));
        let whole = Delta::Changed { old: before.clone(), new: guards("UseGuards(Jwt, Roles)", "C") };
        assert!(of(&method, &[whole], true).is_some());
        let unlike = Delta::Changed { old: before, new: guards("UseGuards(Jwt, Tenant)", "C") };
        assert!(of(&method, &[unlike], true).is_none());
    }
}
