//! What stands around a fact and makes a finding about it say less: what it guarded is gone as well, its place said the
//! same before, another check took its place.

use std::collections::BTreeSet;

use super::successor::words;
use crate::change::diff::Side;
use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::rules::FactRule;
use crate::risk::{FileUnderReview, Finding, Severity, is_code};

/// How many facts, or lines of a file, are looked at for one.
const MAX_TRIED: usize = 4_000;
/// The most lines of the block around a guard.
const MAX_BLOCK: u32 = 200;

/// The finding of a rule about what a change did to a fact of a file, as grave as it is where it stands.
pub(super) fn weigh(
    rule: &FactRule,
    finding: Finding,
    delta: &Delta,
    file: &FileUnderReview<'_>,
    deltas: &[Delta],
) -> Finding {
    let (most, how) = match delta {
        Delta::Came(fact) if rule.is_of_presence() && was_there(rule, fact, deltas) => {
            (Severity::Medium, "it was so before")
        }
        Delta::Changed { old, new } if rule.is_of_presence() && rule.looks_for(old) && is_as_before(old, new) => {
            (Severity::Medium, "it was so before")
        }
        Delta::Went { fact, .. } if is_handed_on(fact) => (Severity::Low, "it was only handed on"),
        Delta::Went { fact, .. } if is_one_of_permissions(fact, file, deltas) => {
            (Severity::Medium, "it let something in, and others of its kind are left")
        }
        _ if is_of_rehearsal(delta.fact(), file) => (Severity::Medium, "it is for a test environment"),
        Delta::Came(new) if rule.wording.id == "destr.rm-rf" && is_made_after(new, file) => {
            (Severity::Low, "it is made again")
        }
        Delta::Changed { old, new } if rule.is_of_access() && is_split(old, new, deltas) => {
            (Severity::Low, "another condition has the rest")
        }
        Delta::Went { fact, .. } if rule.is_of_access() && is_of_feature(fact) => {
            (Severity::Medium, "it asked for a feature flag")
        }
        Delta::Went { fact, .. } if rule.is_of_access() && is_asked_later(fact, file, deltas) => {
            (Severity::Medium, "its result is asked for since")
        }
        Delta::Went { fact, .. } if is_of_task_that_is_gone(fact, file) => (Severity::Low, "its task is gone with it"),
        Delta::Changed { old, new } if rule.looks_for(old) && is_as_wide(old, new) => {
            (Severity::Medium, "it was so before")
        }
        Delta::Changed { old, new } if rule.wording.id.starts_with("flag.") && is_so_beside(old, new, file) => {
            (Severity::Medium, "the file has it so elsewhere")
        }
        Delta::Came(new)
            if matches!(rule.wording.id.as_str(), "destr.backup-off" | "destr.expiry")
                && is_of_new_resource(new, deltas) =>
        {
            (Severity::Low, "the resource is new")
        }
        Delta::Came(new) if is_of_new_step(new, deltas) => (Severity::Medium, "the step is new"),
        Delta::Came(fact) if is_of_models_only(fact, file) => (Severity::Low, "only what models know changes"),
        Delta::Came(fact) | Delta::Changed { new: fact, .. }
            if rule.wording.id == "inj.html" && is_from_a_file(fact, file) =>
        {
            (Severity::Low, "it is a text of the program")
        }
        Delta::Came(_) | Delta::Changed { .. } if rule.wording.id == "inj.shell" && is_of_build(&file.path()) => {
            (Severity::Medium, "it runs where the program is built")
        }
        Delta::Went { fact, .. } if rule.wording.id.starts_with("resil.") && is_unset(fact) => {
            (Severity::Low, "it was not set")
        }
        Delta::Went { fact, .. } if rule.wording.id == "conc.join-lost" && is_called_still(fact, file) => {
            (Severity::Medium, "another call of it is left there")
        }
        Delta::Went { fact, .. } if rule.wording.id == "tls.lost" && is_of_call(fact, file) => {
            (Severity::Medium, "it was computed here")
        }
        Delta::Went { fact, .. } if is_passed_on(fact, file) => (Severity::Medium, "it was only handed on"),
        Delta::Went { fact, .. } if is_computed(fact, file) => (Severity::Medium, "it was computed here"),
        Delta::Went { fact, .. } if rule.is_of_access() && is_checked_alike(fact, deltas) => {
            (Severity::Medium, "a similar check is in its place")
        }
        Delta::Went { fact, .. } if is_of_pair(fact, deltas) => (Severity::Low, "what it ended is gone with it"),
        Delta::Went { fact, .. } if has_renamed_bound(fact, deltas) => (Severity::Medium, "its bound has another name"),
        Delta::Came(new) if is_of_new_job(new, deltas) => (Severity::Low, "the job is new"),
        Delta::Changed { old, new } if rule.is_of_access() && is_checked_otherwise(old, new) => {
            (Severity::Medium, "another check is in its place")
        }
        Delta::Went { fact, .. } if rule.is_of_access() && has_other_check(fact, deltas) => {
            (Severity::Medium, "another check is in its place")
        }
        Delta::Went { fact, .. } if is_of_call_that_is_gone(fact, file, deltas) => {
            (Severity::Low, "its call is gone with it")
        }
        Delta::Went { fact, .. } if runs_nothing_beside(fact, file, deltas) => {
            (Severity::Low, "nothing runs side by side there any more")
        }
        Delta::Went { fact, .. } if is_field_that_is_gone(fact, file) => (Severity::Low, "the field is gone with it"),
        Delta::Went { fact, .. } if is_renamed_job(fact, deltas) => (Severity::Low, "it has another name now"),
        Delta::Went { fact, .. } if is_numbered(fact, file) => (Severity::Low, "it is one of numbers in a row"),
        Delta::Went { fact, .. } if belongs_to_what_is_gone(fact, deltas) => {
            (Severity::Low, "what it belongs to is gone")
        }
        Delta::Went { fact, .. } if is_declared_for_what_is_gone(fact, file) => {
            (Severity::Low, "what it is declared for is gone")
        }
        Delta::Went { fact, .. } if has_caller_with_it(fact, file, deltas) => (Severity::Low, "its caller has it now"),
        Delta::Went { fact, .. } if went_with_what_it_guarded(fact, file) => {
            (Severity::Low, "what it guarded is gone with it")
        }
        _ => return finding,
    };
    if finding.severity <= most {
        return finding;
    }
    Finding { title: format!("{}; {how}", finding.title), severity: most, ..finding }
}

/// Whether a setting of a filter is about what goes out: its block says so beside it.
pub(super) fn is_outward(delta: &Delta, file: &FileUnderReview<'_>) -> bool {
    let fact = delta.fact();
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let says_so = |other: &&Fact| {
        matches!(other.name(), "type" | "direction" | "Direction" | "traffic_direction")
            && other.parent() == fact.parent()
            && matches!(other.value.say().to_ascii_lowercase().as_str(), "egress" | "outbound")
    };
    fact.kind == Kind::Setting && facts.iter().filter(says_so).take(1).count() > 0
}

/// Whether the file said as often before what a rule looks for, in other words or in another place.
fn was_there(rule: &FactRule, fact: &Fact, deltas: &[Delta]) -> bool {
    // Of settings, only what has the same long value under another name.
    let is_setting = fact.kind == Kind::Setting && fact.value.say().len() > 20;
    if !matches!(fact.kind, Kind::Call | Kind::Command | Kind::Handler) && !is_setting {
        return false;
    }
    let is_alike = |own: &Fact| match is_setting {
        true => own.value.say() == fact.value.say(),
        false => own.object == fact.object || own.scope == fact.scope,
    };
    let is_one = |own: &Fact| own.kind == fact.kind && is_alike(own) && rule.looks_for(own);
    let mut count = 0_i64;
    for delta in deltas.iter().take(MAX_TRIED) {
        match delta {
            Delta::Went { fact, .. } if is_one(fact) => count += 1,
            Delta::Came(fact) if is_one(fact) => count -= 1,
            _ => {}
        }
    }
    count >= 0
}

/// Whether a setting that suspends a job came with its schedule.
fn is_of_new_job(new: &Fact, deltas: &[Delta]) -> bool {
    let is_suspended = matches!(new.name(), "suspend" | "paused" | "is_paused");
    let is_schedule = |delta: &Delta| {
        matches!(delta, Delta::Came(own) if own.parent() == new.parent()
            && matches!(own.name(), "schedule" | "cron" | "schedule_interval"))
    };
    is_suspended && !new.parent().is_empty() && deltas.iter().take(MAX_TRIED).any(is_schedule)
}

/// Words in the names of functions that decide who may do something.
const DECIDING: &[&str] = &[
    "may",
    "can",
    "permitted",
    "perm",
    "permission",
    "allowed",
    "allow",
    "authorize",
    "authorized",
    "access",
    "grant",
];

/// Whether the function that no longer calls a check calls another one since.
fn has_other_check(fact: &Fact, deltas: &[Delta]) -> bool {
    let is_one = |own: &Fact| {
        let name = own.name().to_ascii_lowercase();
        let decides = name.contains('_') && name.split('_').any(|word| DECIDING.contains(&word));
        own.kind == Kind::Call && own.scope == fact.scope && decides && !own.text.ends_with("()")
    };
    let is_there = |delta: &Delta| matches!(delta, Delta::Came(own) if is_one(own));
    matches!(fact.kind, Kind::Call | Kind::Guard) && deltas.iter().take(MAX_TRIED).any(is_there)
}

/// Whether an argument went with its call: its scope makes fewer calls of that function than before, but some.
fn is_of_call_that_is_gone(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let calls_it = |own: &Fact| own.kind == Kind::Call && own.object == fact.parent() && own.scope == fact.scope;
    if !facts.iter().any(calls_it) || fact.kind != Kind::Setting || fact.parent().is_empty() {
        return false;
    }
    let (mut calls, mut settings) = (0_i64, 0_i64);
    for delta in deltas.iter().take(MAX_TRIED) {
        match delta {
            Delta::Went { fact: own, .. } if own.scope == fact.scope => {
                calls += i64::from(own.kind == Kind::Call && own.object == fact.parent());
                settings += i64::from(own.kind == Kind::Setting && own.object == fact.object);
            }
            Delta::Came(own) if own.scope == fact.scope && own.kind == Kind::Call && own.object == fact.parent() => {
                calls -= 1;
            }
            _ => {}
        }
    }
    calls > 0 && settings <= calls
}

/// Whether a call has other arguments, or a place that took an expression takes another one.
fn is_as_before(old: &Fact, new: &Fact) -> bool {
    let is_expression = |fact: &Fact| matches!(fact.value, Value::Expression(_));
    matches!(old.kind, Kind::Call | Kind::Command)
        || old.kind == Kind::Setting && is_expression(old) && is_expression(new) && old.name().contains("HTML")
}

/// Whether a setting came with the whole resource.
fn is_of_new_resource(new: &Fact, deltas: &[Delta]) -> bool {
    let is_resource = |own: &Fact| {
        own.kind == Kind::Block
            && ["resource.", "module."].iter().any(|of| own.object.starts_with(of))
            && new.object.strip_prefix(&own.object).is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    matches!(new.kind, Kind::Setting | Kind::Block)
        && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(own) if is_resource(own)))
}

/// Whether a statement of a policy was as wide before: it says something else, too.
fn is_as_wide(old: &Fact, new: &Fact) -> bool {
    old.kind == Kind::Block && old.object == new.object && old.object.contains("tatement[")
}

/// Whether a key of several words has its new value in another part of the same file already, which did not change:
/// what is on elsewhere is switched on here as well.
fn is_so_beside(old: &Fact, new: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_telling = new.name().trim_end_matches("[]").split(['_', '-']).filter(|word| word.len() > 1).count() > 1;
    if old.kind != Kind::Setting || is_code(&file.path()) || !is_telling || new.parent().is_empty() {
        return false;
    }
    let said = |line: u32| file.line(Side::New, line).trim_end_matches(',').trim_end().to_owned();
    let own = said(*new.lines.start());
    let changed = file.changed(Side::New);
    let count = file.comparison.new.count().min(MAX_TRIED as u32);
    own.len() > 12 && (1..=count).any(|line| !changed.touch(&(line..=line)) && said(line) == own)
}

/// Whether what may fail unseen came with its step: nothing that could fail before can fail unseen now.
fn is_of_new_step(new: &Fact, deltas: &[Delta]) -> bool {
    let is_of_steps = |object: &str| object.rsplit('.').next().is_some_and(|last| last.starts_with("steps["));
    let is_whole = |own: &Fact| own.kind == Kind::Block && own.object == new.parent() && is_of_steps(&own.object);
    let is_one = new.kind == Kind::Setting && matches!(new.name(), "continue-on-error" | "continueOnError");
    is_one && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(own) if is_whole(own)))
}

/// Whether a key of a configuration is below the name of a test environment: `accounts.development.replicas`.
fn is_of_rehearsal(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const NAMES: &[&str] = &["dev", "development", "sandbox", "staging", "qa", "preview", "preprod", "preproduction"];
    let parts = || fact.parent().split(['.', '[', ']']);
    fact.kind == Kind::Setting && !is_code(&file.path()) && parts().any(|part| NAMES.contains(&part))
}

/// Whether a command removes what the next lines put there again: `rm -rf /etc/a` before `cp -a backup /etc/a`.
fn is_made_after(new: &Fact, file: &FileUnderReview<'_>) -> bool {
    const MAKING: &[&str] = &["cp", "mv", "ln", "mkdir", "rsync", "tar", "git", "unzip", "install"];
    const LINES: u32 = 4;
    let paths: Vec<&str> = new.text.split_whitespace().skip(1).filter(|word| !word.starts_with('-')).collect();
    let last = *new.lines.end();
    let made = |line: u32| {
        let text = file.line(Side::New, line);
        let mut words = text.split_whitespace();
        let is_making = words.next().is_some_and(|first| MAKING.contains(&first));
        is_making && text.split_whitespace().skip(1).any(|word| paths.contains(&word.trim_end_matches('/')))
    };
    new.kind == Kind::Command && paths.len() == 1 && (last + 1..=last + LINES).any(made)
}

/// Whether a condition became two: what it no longer says is in another one of the same function that came.
fn is_split(old: &Fact, new: &Fact, deltas: &[Delta]) -> bool {
    let left: BTreeSet<&str> = words(&new.object).into_iter().collect();
    let lost: Vec<&str> = words(&old.object).into_iter().filter(|word| !left.contains(word)).collect();
    let has_rest = |own: &Fact| {
        let said = words(&own.text);
        own.kind == Kind::Guard
            && own.scope == new.scope
            && lost.iter().all(|word| said.contains(word) || is_sign(word))
    };
    let is_there = |delta: &Delta| matches!(delta, Delta::Came(own) if has_rest(own));
    let is_telling = lost.iter().any(|word| !is_sign(word));
    new.kind == Kind::Guard && is_telling && deltas.iter().take(MAX_TRIED).any(is_there)
}

/// A word that only joins conditions.
fn is_sign(word: &str) -> bool {
    matches!(word, "and" | "or" | "not" | "is" | "in")
}

/// Whether a condition asks whether a feature is released: its end is planned from the start.
fn is_of_feature(fact: &Fact) -> bool {
    let text = fact.text.to_ascii_lowercase();
    let asks = ["isenabled(", "is_enabled(", "enabled?(", "featureflag", "feature_flag", "isfeatureenabled("];
    fact.kind == Kind::Guard && text.contains("feature") && asks.iter().any(|word| text.contains(word))
}

/// Whether a function still makes the call that a lost check was about, and has another condition since:
/// `get(id) ?? throw` became `a = get(id)` and `if (a == null)`.
fn is_asked_later(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let call = fact.object.trim_start_matches("await ");
    let is_call = |own: &Fact| own.kind == Kind::Call && own.scope == fact.scope && own.text == call;
    let is_check = |own: &Fact| own.kind == Kind::Guard && own.scope == fact.scope;
    let is_new = |delta: &Delta| matches!(delta, Delta::Came(own) if is_check(own));
    fact.kind == Kind::Guard
        && call.ends_with(')')
        && facts.iter().any(is_call)
        && deltas.iter().take(MAX_TRIED).any(is_new)
}

/// Whether the whole task that had a setting is gone: an item of a list that begins with its name.
fn is_of_task_that_is_gone(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let path = file.path();
    if fact.kind != Kind::Setting || !(path.ends_with(".yml") || path.ends_with(".yaml")) || file.new.is_none() {
        return false;
    }
    let indent = |text: &str| text.len() - text.trim_start().len();
    let first = *fact.lines.start();
    let own = indent(&file.line(Side::Old, first));
    let is_head = |text: &str| text.trim_start().starts_with("- name:") && indent(text) < own;
    let Some(head) =
        (first.saturating_sub(MAX_BLOCK).max(1)..first).rev().find(|at| is_head(&file.line(Side::Old, *at)))
    else {
        return false;
    };
    let outer = indent(&file.line(Side::Old, head));
    let count = file.comparison.old.count();
    let is_end = |at: &u32| {
        let text = file.line(Side::Old, *at);
        !text.trim().is_empty() && indent(&text) <= outer
    };
    let end = (head + 1..=count.min(head + MAX_BLOCK)).find(is_end).unwrap_or(count + 1);
    // A module is what tells a task from a container, whose names are those of its kind.
    let is_task = (head + 1..end).any(|at| {
        let text = file.line(Side::Old, at);
        let key = text.trim_start().split(':').next().unwrap_or_default();
        indent(&text) == outer + 2
            && (key.contains('.') && !key.contains(' ') || matches!(key, "when" | "register" | "become"))
    });
    let removed = file.changed(Side::Old);
    is_task && (head..end).all(|at| file.line(Side::Old, at).trim().is_empty() || removed.touch(&(at..=at)))
}

/// Whether a step of a migration stands in the list of those that change only what models know of the tables, and not
/// the tables.
fn is_of_models_only(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let first = *fact.lines.start();
    let mut least = indent(&file.line(Side::New, first));
    let is_call = fact.kind == Kind::Call && file.path().ends_with(".py");
    is_call
        && (first.saturating_sub(MAX_BLOCK).max(1)..first).rev().map(|line| file.line(Side::New, line)).any(|text| {
            let is_outer = !text.trim().is_empty() && indent(&text) < least;
            least = if is_outer { indent(&text) } else { least };
            is_outer && text.trim_start().starts_with("state_operations")
        })
}

/// Whether what goes into a page is a text of the program, or of a file that it brings as one,
/// `import icon from "./close.svg"`.
fn is_from_a_file(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_plain = |text: &str| !text.contains(['$', '{']);
    if matches!(&fact.value, Value::Text(text) if text.len() > 2 && is_plain(text)) && is_code(&file.path()) {
        return true;
    }
    let value = fact.value.say();
    let name = value.split("||").next().unwrap_or_default().trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
    let is_import = |line: &str| {
        let mut parts = line.trim_start().strip_prefix("import ").into_iter().flat_map(|rest| rest.split(" from "));
        let (names, from) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        names.trim() == name && [".svg", ".html", "?raw"].iter().any(|end| from.contains(end))
    };
    is_name && file.decoded(Side::New).lines().take(MAX_TRIED).any(is_import)
}

/// Whether a file only runs where a program is built, with what its developers have.
fn is_of_build(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let names =
        ["Rakefile", "setup.py", "build.rs", "noxfile.py", "tasks.py", "conftest.py", "build.gradle", "magefile.go"];
    let starts = ["gulpfile.", "Gruntfile.", "webpack.config.", "rollup.config.", "vite.config.", "esbuild."];
    name.ends_with(".rake") || names.contains(&name) || starts.iter().any(|start| name.starts_with(start))
}

/// Whether a field of code only handed on what another one of the same name holds: `Provider: config.Provider`.
fn is_passed_on(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let plain = |name: &str| name.trim_start_matches(['$', '&', '*']).replace('_', "").to_ascii_lowercase();
    let value = fact.value.say();
    let is_path = value.contains('.') && value.chars().all(|c| c.is_alphanumeric() || "._$&*".contains(c));
    let is_one = fact.kind == Kind::Setting && is_code(&file.path()) && is_path && !fact.parent().is_empty();
    let is_argument = || {
        let facts = file.stated(Side::Old).map_or(&[][..], |stated| &stated.facts);
        facts.iter().any(|own| own.kind == Kind::Call && own.object == fact.parent())
    };
    is_one && plain(value.rsplit('.').next().unwrap_or_default()) == plain(fact.name()) && !is_argument()
}

/// Whether a setting had no value.
fn is_unset(fact: &Fact) -> bool {
    fact.kind == Kind::Setting && matches!(fact.value.say().as_str(), "nothing" | "")
}

/// Whether a function that lost a call still calls the same.
fn is_called_still(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let is_same = |own: &Fact| own.kind == Kind::Call && own.scope == fact.scope && own.object == fact.object;
    !fact.scope.is_empty() && facts.iter().any(is_same)
}

/// Whether a value of code was what a function returned.
fn is_of_call(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_call = |text: &str| text.ends_with(')') && text.contains('(') && !text.starts_with('(');
    is_code(&file.path()) && matches!(&fact.value, Value::Expression(text) if is_call(text))
}

/// Whether a variable of a function was computed from others: what it is for is said where it is used.
fn is_computed(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_local = fact.parent().is_empty() && !fact.scope.is_empty() && is_code(&file.path());
    let is_constant = fact.name().bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b));
    let Value::Expression(text) = &fact.value else { return false };
    fact.kind == Kind::Setting && is_local && !is_constant && text.contains(['(', '+', '&', '|', '?'])
}

/// Words that begin the names of functions which check something.
const CHECKING: &[&str] = &[
    "allow",
    "assert",
    "authenticate",
    "authorize",
    "check",
    "compare",
    "constant",
    "ensure",
    "enforce",
    "fixed",
    "grant",
    "has",
    "is",
    "must",
    "require",
    "timing",
    "valid",
    "validate",
    "verify",
];

/// Whether the function that lost a check has another call since that checks in the same way, of the same things: one
/// of the same name, or of a name that begins with the same word.
fn is_checked_alike(fact: &Fact, deltas: &[Delta]) -> bool {
    let (lost, about) = checks_in(&fact.text);
    let begins = |name: &String| parts_of(name).into_iter().next().filter(|word| CHECKING.contains(&word.as_str()));
    let is_one = |own: &Fact| {
        let (gained, others) = checks_in(&own.text);
        let checks = |name: &&String| begins(name).is_some();
        let is_same_call = lost.iter().filter(checks).any(|name| gained.contains(name));
        let is_alike =
            || lost.iter().filter_map(begins).any(|word| gained.iter().filter_map(begins).any(|own| own == word));
        let is_about_it = about.intersection(&others).next().is_some();
        matches!(own.kind, Kind::Call | Kind::Guard)
            && own.scope == fact.scope
            && own.text != fact.text
            && (is_same_call || is_alike())
            && is_about_it
    };
    let gained = |delta: &Delta| match delta {
        Delta::Came(own) => is_one(own),
        Delta::Changed { old, new } => is_one(new) && !is_one(old),
        Delta::Went { .. } => false,
    };
    matches!(fact.kind, Kind::Call | Kind::Guard) && !lost.is_empty() && deltas.iter().take(MAX_TRIED).any(gained)
}

/// The last names of the functions that a text calls, and the other words in it.
fn checks_in(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut calls = BTreeSet::new();
    for (at, _) in text.match_indices('(') {
        let name = text[..at].rsplit(|c: char| !is_of_name(c)).next().unwrap_or_default();
        if !name.is_empty() {
            calls.insert(name.to_owned());
        }
    }
    let others = words(text).into_iter().filter(|word| word.len() > 1 && !calls.contains(*word)).map(str::to_owned);
    let others = others.collect();
    (calls, others)
}

/// The words of a name in lower case: `VerifyHMAC` and `verify_hmac` begin with `verify`.
fn parts_of(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut was_lower = false;
    for c in name.chars() {
        let begins = c == '_' || c.is_uppercase() && was_lower || parts.is_empty();
        if begins {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut().filter(|_| c != '_') {
            last.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// Whether a shell no longer stops at failures because it never stops ignoring them: `set +e` went with `set -e`.
fn is_of_pair(fact: &Fact, deltas: &[Delta]) -> bool {
    let is_off = |own: &Fact| own.kind == Kind::Command && own.scope == fact.scope && own.text.starts_with("set +e");
    fact.kind == Kind::Command
        && fact.text.starts_with("set -e")
        && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Went { fact: own, .. } if is_off(own)))
}

/// Whether the same condition names another constant: `length > MAX_PAYLOAD` became `length > PAYLOAD_MAX`.
fn has_renamed_bound(fact: &Fact, deltas: &[Delta]) -> bool {
    let is_constant = |word: &str| word.len() > 3 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let shape = |text: &str| {
        let bare = words(text)
            .into_iter()
            .filter(|word| is_constant(word))
            .fold(text.to_owned(), |text, word| text.replace(word, ""));
        (bare, words(text).into_iter().filter(|word| is_constant(word)).count())
    };
    let own = shape(&fact.object);
    let is_same = |new: &Fact| new.kind == Kind::Guard && new.scope == fact.scope && shape(&new.object) == own;
    fact.kind == Kind::Guard
        && own.1 > 0
        && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(new) if is_same(new)))
}

/// Whether a constructor only handed an argument on to a field of its name: `this.limit = limit`.
fn is_handed_on(fact: &Fact) -> bool {
    let value = fact.value.say();
    let is_own = matches!(fact.parent(), "this" | "self" | "$this");
    fact.kind == Kind::Setting && is_own && value.trim_start_matches('$') == fact.name()
}

/// Whether a policy of a network that is gone let something in, where without any policy all may come, and others of
/// its file are left to refuse the rest.
fn is_one_of_permissions(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    let is_policy = |own: &Fact| own.kind == Kind::Block && own.parent() == "NetworkPolicy";
    let lets_in = |delta: &Delta| {
        let is_part =
            |own: &Fact| own.object.strip_prefix(&fact.object).is_some_and(|rest| rest.starts_with(".spec.ingress["));
        matches!(delta, Delta::Went { fact: own, .. } if is_part(own))
    };
    let is_left = |own: &Fact| own.object.starts_with("NetworkPolicy.") && !own.object.starts_with(&fact.object);
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    is_policy(fact) && facts.iter().any(is_left) && deltas.iter().take(MAX_TRIED).any(lets_in)
}

/// What starts something that runs beside.
const STARTS: &[&str] = &[
    "Go",
    "go",
    "spawn",
    "submit",
    "start",
    "gather",
    "create_task",
    "execute",
    "Thread",
    "map_async",
    "StartNew",
    "Run",
];

/// Whether a function that lost a lock, or a bound of how much runs at once, starts nothing any more.
fn runs_nothing_beside(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    const WORDS: &[&str] = &["lock", "unlock", "setlimit", "acquire", "semaphore"];
    let is_one = WORDS.contains(&fact.name().to_ascii_lowercase().as_str());
    if fact.kind != Kind::Call || fact.scope.is_empty() || !is_one {
        return false;
    }
    let starts = |own: &Fact| own.kind == Kind::Call && own.scope == fact.scope && STARTS.contains(&own.name());
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let is_gone = |delta: &Delta| matches!(delta, Delta::Went { fact: own, .. } if starts(own));
    deltas.iter().take(MAX_TRIED).any(is_gone) && !facts.iter().any(starts)
}

/// Whether what is declared of a field went with the field, and no field of its type came.
fn is_field_that_is_gone(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    if fact.kind != Kind::Decorator || fact.name() != "volatile" {
        return false;
    }
    let line = file.line(Side::Old, *fact.lines.end());
    let head = line.split(['=', ';']).next().unwrap_or_default().to_owned();
    let [.., of, name] = words(&head)[..] else { return false };
    let text = String::from_utf8_lossy(file.new_text());
    let is_of_type = |(_, line): &(u32, String)| words(line).contains(&of);
    !words(&text).contains(&name) && !file.added().iter().any(is_of_type)
}

/// Whether a job has another name, and did not lose anything else.
fn is_renamed_job(fact: &Fact, deltas: &[Delta]) -> bool {
    if fact.kind != Kind::Block || fact.parent() != "jobs" {
        return false;
    }
    let is_job = |own: &Fact| own.kind == Kind::Block && own.parent() == "jobs" && own.text == fact.text;
    let is_new = |delta: &Delta| matches!(delta, Delta::Came(own) if is_job(own));
    let is_part = |own: &Fact| {
        let is_below = |name: &str| name.strip_prefix(&fact.object).is_some_and(|rest| rest.starts_with(['.', '[']));
        is_below(&own.object) || own.scope == fact.object || is_below(&own.scope)
    };
    let lost =
        |delta: &Delta| matches!(delta, Delta::Went { fact: own, .. } if own.object != fact.object && is_part(own));
    deltas.iter().take(MAX_TRIED).any(is_new) && !deltas.iter().any(lost)
}

/// Whether a condition calls another function that decides who may do something, which it did not before.
fn is_checked_otherwise(old: &Fact, new: &Fact) -> bool {
    let calls = |text: &str| {
        let parts = text.split('(').filter_map(|before| {
            before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().map(str::to_ascii_lowercase)
        });
        parts.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>()
    };
    let before = calls(&old.text);
    let decides = |name: &String| name.split('_').any(|word| DECIDING.contains(&word)) && name.contains('_');
    let has_arguments = |name: &str| {
        let lower = new.text.to_ascii_lowercase();
        lower.split_once(&format!("{name}(")).is_some_and(|(_, rest)| !rest.trim_start().starts_with(')'))
    };
    let gained = calls(&new.text);
    let mut own = gained.iter().filter(|name| !before.contains(*name));
    new.kind == Kind::Guard && own.any(|name| decides(name) && has_arguments(name))
}

/// Whether a constant is one of several that number something: the values before and after it stand beside it.
fn is_numbered(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const NEAR: u32 = 6;
    let Value::Number(own) = fact.value else { return false };
    let facts = file.stated(Side::Old).map_or(&[][..], |stated| &stated.facts);
    let line = *fact.lines.start();
    let has = |value: f64| {
        facts.iter().any(|other| {
            other.kind == Kind::Setting
                && other.scope == fact.scope
                && other.parent() == fact.parent()
                && other.object != fact.object
                && other.lines.start().abs_diff(line) <= NEAR
                && other.value == Value::Number(value)
        })
    };
    let is_constant = fact.kind == Kind::Setting
        && fact.name().bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b));
    is_constant && is_code(&file.path()) && own.fract() == 0.0 && own < 256.0 && has(own - 1.0) && has(own + 1.0)
}

/// Whether the setting that another one says more about is gone too: `endpoint` with `endpoint_certificate`.
fn belongs_to_what_is_gone(fact: &Fact, deltas: &[Delta]) -> bool {
    let is_owner = |own: &Fact| {
        own.kind == Kind::Setting
            && own.scope == fact.scope
            && own.parent() == fact.parent()
            && own.name().len() >= 4
            && fact.name().strip_prefix(own.name()).is_some_and(|rest| {
                rest.starts_with('_') || rest.starts_with('-') || rest.starts_with(|c: char| c.is_uppercase())
            })
            && matches!(own.value, Value::Text(_) | Value::Expression(_))
    };
    let is_gone = |delta: &Delta| matches!(delta, Delta::Went { fact: own, .. } if is_owner(own));
    fact.kind == Kind::Setting && deltas.iter().take(MAX_TRIED).any(is_gone)
}

/// Whether a declaration names the functions that it is for, `only: [:edit, :update]`, and the change took all of them
/// out of the type.
fn is_declared_for_what_is_gone(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let Some((_, list)) = fact.text.split_once("only:").filter(|_| fact.kind == Kind::Decorator) else { return false };
    let end = list.find([']', ')']).unwrap_or(list.len());
    let is_name = |word: &&str| !word.is_empty() && *word != "only";
    let names = words(&list[..end]).into_iter().filter(is_name).collect::<Vec<_>>();
    let defines = |side: Side, name: &str| {
        let lines = match side {
            Side::Old => file.removed(),
            Side::New => file.added(),
        };
        lines.iter().any(|(_, line)| is_definition(line, name))
    };
    let is_gone = |name: &&str| {
        defines(Side::Old, name) && !defines(Side::New, name) && {
            let text = String::from_utf8_lossy(file.new_text());
            !text.lines().any(|line| is_definition(line, name))
        }
    };
    !names.is_empty() && names.iter().all(is_gone)
}

fn is_definition(line: &str, name: &str) -> bool {
    let rest = line.trim_start().strip_prefix("def ").and_then(|rest| rest.strip_prefix(name));
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '?' | '!')))
}

/// Whether a function that lost a declaration has none any more, and is called by functions which the change declares
/// the same of.
fn has_caller_with_it(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    if fact.kind != Kind::Decorator || fact.scope.is_empty() {
        return false;
    }
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let is_route = facts.iter().any(|own| own.kind == Kind::Decorator && own.scope == fact.scope);
    let calls_it = |scope: &str| {
        facts.iter().any(|own| own.kind == Kind::Call && own.scope == scope && last(&own.object) == last(&fact.scope))
    };
    let is_there = |delta: &Delta| {
        matches!(delta, Delta::Came(own) if own.kind == Kind::Decorator
            && own.object == fact.object
            && own.text == fact.text
            && own.scope != fact.scope
            && calls_it(&own.scope))
    };
    !is_route && deltas.iter().take(MAX_TRIED).any(is_there)
}

/// Whether the block that a guard or a limit was in is gone, and nothing of it is said again elsewhere in the file.
fn went_with_what_it_guarded(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_one = matches!(fact.kind, Kind::Guard | Kind::Call);
    if !is_one || !is_code(&file.path()) || file.new_text().is_empty() {
        return false;
    }
    let Some(block) = block_around(fact, file) else { return false };
    let removed = file.changed(Side::Old);
    let is_blank = |line: &str| !line.contains(|c: char| c.is_alphanumeric());
    let own = |line: u32| fact.lines.contains(&line);
    let lines: Vec<(u32, String)> = block.map(|line| (line, file.line(Side::Old, line))).collect();
    if !lines.iter().all(|(line, text)| is_blank(text) || removed.touch(&(*line..=*line))) {
        return false;
    }
    let again: BTreeSet<&str> = file.added().iter().map(|(_, line)| line.trim()).collect();
    let again_words: BTreeSet<&str> = file.added().iter().flat_map(|(_, line)| words(line)).collect();
    let guarded: Vec<&(u32, String)> = lines.iter().filter(|(line, text)| !own(*line) && !is_blank(text)).collect();
    let is_said_again = guarded.iter().any(|(_, text)| words(text).len() > 1 && again.contains(text.trim()));
    let telling: BTreeSet<&str> =
        guarded.iter().flat_map(|(_, text)| words(text)).filter(|word| word.len() >= 5).collect();
    let kept = telling.iter().filter(|word| again_words.contains(**word)).count();
    guarded.len() > 1 && !is_said_again && telling.len() > 2 && kept * 3 <= telling.len()
}

/// The lines of the block that a fact is in, with its head, by how they are indented; none if its head is still there.
fn block_around(fact: &Fact, file: &FileUnderReview<'_>) -> Option<std::ops::RangeInclusive<u32>> {
    let indent = |line: u32| {
        let text = file.line(Side::Old, line);
        let bare = text.trim_start();
        (!bare.is_empty()).then(|| text.len() - bare.len())
    };
    let first = *fact.lines.start();
    let own = indent(first)?;
    let lowest = first.saturating_sub(MAX_BLOCK).max(1);
    let head = (lowest..first).rev().find(|line| indent(*line).is_some_and(|other| other < own))?;
    let is_gone = file.changed(Side::Old).touch(&(head..=head)) && file.news(Side::Old).has_words(head);
    // What ends a loop, or tells one error from another, is missed with the loop.
    let says = file.line(Side::Old, head);
    let of_trials = ["for", "while", "loop", "until", "except", "catch", "rescue", "do", "retry"];
    if words(&says).into_iter().take(2).any(|word| of_trials.contains(&word)) {
        return None;
    }
    let outer = indent(head)?;
    let count = file.comparison.old.count();
    let end = (first + 1..=count.min(first + MAX_BLOCK)).find(|line| indent(*line).is_some_and(|other| other <= outer));
    // A function has an end of its own, of which the comparison of facts knows.
    let is_of_function = file.stated(Side::Old).is_some_and(|stated| {
        stated.facts.iter().any(|own| own.kind == Kind::Definition && *own.lines.start() == head)
    });
    (is_gone && !is_of_function).then(|| head..=end.map_or(count, |end| end - 1))
}

#[cfg(test)]
mod tests {
    use crate::risk::Severity;
    use crate::risk::tests::findings;

    /// The gravest that a rule reports of a change of one file.
    fn worst(rule: &str, path: &str, old: &str, new: &str) -> Option<Severity> {
        let found = findings(&[(path, old, new)]).into_iter().filter(|found| found.rule == rule);
        found.map(|found| found.severity).max()
    }

    #[test]
    fn a_guard_that_went_with_all_that_it_guarded_is_low_and_one_whose_work_goes_on_is_not() {
        let guarded = |work: &str| {
            format!(
                "class A {{\n  void send(Request request) {{\n    if (eager()) {{\n      long total = request.total();\n      \
                 if (total > MAX_TOTAL) {{\n        throw new Bad(\"too large\");\n      }}\n{work}    }}\n    close();\n  \
                 }}\n}}\n"
            )
        };
        let work = "      stream.writeHeaders(request);\n      buffered = new Sink(length);\n";
        let without = "class A {\n  void send(Request request) {\n    close();\n  }\n}\n";
        let rule = "guard.bound-lost";
        assert_eq!(worst(rule, "src/A.java", &guarded(work), without), Some(Severity::Low));
        let goes_on = "class A {\n  void send(Request request) {\n    stream.writeHeaders(request);\n    buffered = \
                       new Sink(length);\n    close();\n  }\n}\n";
        assert_eq!(worst(rule, "src/A.java", &guarded(work), goes_on), Some(Severity::Medium));
    }

    #[test]
    fn an_argument_of_one_of_two_calls_that_became_one_is_not_missed() {
        let old = "def flips(request, check):\n    if a:\n        found = Flip.objects.filter(owner=request.user, a=1)\n    \
                   else:\n        found = Flip.objects.filter(owner=request.user, b=1)\n    return found\n";
        let one = "def flips(request, check):\n    return Flip.objects.filter(owner=request.user)\n";
        let none = "def flips(request, check):\n    if a:\n        found = Flip.objects.filter(owner=request.user, a=1)\n    \
                    else:\n        found = Flip.objects.filter(b=1)\n    return found\n";
        let loud = |new: &str| {
            let found = findings(&[("a/views.py", old, new)]);
            found.iter().any(|found| found.severity >= Severity::High)
        };
        assert!(!loud(one));
        assert!(loud(none), "the other call shows the rows of everybody");
    }

    #[test]
    fn a_call_as_dangerous_as_one_before_it_is_medium_and_one_more_is_high() {
        let old = "class Story\n  def save(user)\n    taggings.where(user_id: user.id).destroy_all\n  end\nend\n";
        let other = old.replace("destroy_all", "delete_all");
        let more = old.replace("  end\nend", "    comments.delete_all\n  end\nend");
        assert_eq!(worst("destr.call", "app/story.rb", old, &other), Some(Severity::Medium));
        assert_eq!(worst("destr.call", "app/story.rb", old, &more), Some(Severity::High));
    }

    #[test]
    fn a_port_that_is_open_to_go_out_lets_nobody_in() {
        let rule = |way: &str| {
            format!(
                "resource \"aws_security_group_rule\" \"a\" {{\n  type        = \"{way}\"\n  cidr_blocks = [\"0.0.0.0/0\"]\n}}\n"
            )
        };
        assert_eq!(worst("net.any", "infra/a.tf", "", &rule("egress")), None);
        assert_eq!(worst("net.any", "infra/a.tf", "", &rule("ingress")), Some(Severity::High));
    }

    #[test]
    fn what_says_more_of_a_setting_goes_with_it() {
        let domain = |lines: &str| {
            format!(
                "resource \"aws_opensearch_domain\" \"a\" {{\n  domain_endpoint_options {{\n    enforce_https = true\n{lines}  }}\n}}\n"
            )
        };
        let arn = "    custom_endpoint_certificate_arn = \"arn:aws:acm:a\"\n";
        let both = format!("    custom_endpoint = \"a.example\"\n{arn}");
        let rule = "tls.lost";
        assert_eq!(worst(rule, "infra/a.tf", &domain(&both), &domain("")), Some(Severity::Low));
        assert_eq!(worst(rule, "infra/a.tf", &domain(arn), &domain("")), Some(Severity::High));
    }

    #[test]
    fn a_filter_for_actions_that_left_with_it_is_low() {
        let old = "class Origins < Base\n  before_action :require_moderator, only: [:edit, :update]\n\n  def edit\n    a\n  \
                   end\n\n  def update\n    b\n  end\n\n  def show\n    c\n  end\nend\n";
        let gone = "class Origins < Base\n  def show\n    c\n  end\nend\n";
        let bare = old.replace("  before_action :require_moderator, only: [:edit, :update]\n\n", "");
        let rule = "auth.check-removed";
        assert_eq!(worst(rule, "app/controllers/origins_controller.rb", old, gone), Some(Severity::Low));
        assert_eq!(worst(rule, "app/controllers/origins_controller.rb", old, &bare), Some(Severity::Critical));
    }

    #[test]
    fn a_bound_that_is_gone_is_medium_and_one_under_another_name_no_more() {
        let guarded = |guard: &str| {
            format!("class R {{\n  void read(long length) {{\n{guard}    source.read(length);\n  }}\n}}\n")
        };
        let guard = |name: &str| format!("    if (length > {name}) {{\n      throw new Bad();\n    }}\n");
        let (old, rule) = (guarded(&guard("MAX_PAYLOAD")), "guard.bound-lost");
        assert!(worst(rule, "src/R.java", &old, &guarded(&guard("PAYLOAD_MAX"))) <= Some(Severity::Medium));
        assert_eq!(worst(rule, "src/R.java", &old, &guarded("")), Some(Severity::Medium));
    }

    #[test]
    fn a_check_that_is_made_by_another_name_is_medium_and_one_that_is_gone_is_not() {
        let with = |check: &str| {
            format!("package a\n\nfunc (s *S) Approve(w W, r R) {{\n{check}\ts.approve(w, r.Order)\n}}\n")
        };
        let old = with("\tif !verifyHMAC(r.Key, r.Mac, r.ID) {\n\t\ts.fail(w)\n\t\treturn\n\t}\n");
        let alike = with("\tif !verifyStep(r, r.Mac, stepApprove) {\n\t\ts.fail(w)\n\t\treturn\n\t}\n");
        let other = with("\tif !parseForm(r, r.Mac) {\n\t\ts.fail(w)\n\t\treturn\n\t}\n");
        let loud = |new: &str| {
            let found = findings(&[("a/a.go", &old, new)]);
            found.iter().any(|found| found.severity >= Severity::High)
        };
        assert!(!loud(&alike));
        assert!(loud(&other));
        assert!(loud(&with("")));
    }

    #[test]
    fn a_condition_in_two_parts_refuses_what_it_refused() {
        let old = "def show(order, who):\n    if order.is_old or not has_permission(who, ORDERS):\n        raise Denied()\n    \
                   return order\n";
        let two = "def show(order, who):\n    if order.is_old:\n        raise Denied()\n    if not has_permission(who, \
                   ORDERS):\n        raise Denied()\n    return order\n";
        let one = "def show(order, who):\n    if order.is_old:\n        raise Denied()\n    return order\n";
        let loud = |new: &str| {
            let found = findings(&[("a/views.py", old, new)]);
            found.iter().any(|found| found.severity >= Severity::High)
        };
        assert!(!loud(two));
        assert!(loud(one));
    }

    #[test]
    fn what_reverts_a_migration_loses_nothing_and_a_migration_does() {
        let migration = |up: &str, down: &str| {
            format!(
                "class Migration(migrations.Migration):\n    operations = [\n        migrations.RunSQL(\n            \
                 sql=\"{up}\",\n            reverse_sql=\"{down}\",\n        )\n    ]\n"
            )
        };
        let (rule, path) = ("destr.sql", "shop/migrations/0002_a.py");
        let (drop, add) = ("ALTER TABLE a DROP COLUMN b", "ALTER TABLE a ADD COLUMN b int");
        assert_eq!(worst(rule, path, "", &migration(add, drop)), None);
        assert_eq!(worst(rule, path, "", &migration(drop, add)), Some(Severity::Critical));
        let bare = |first: &str, second: &str| {
            format!("operations = [\n    migrations.RunSQL(\n        \"{first}\",\n        \"{second}\",\n    )\n]\n")
        };
        assert_eq!(worst(rule, path, "", &bare(add, drop)), None);
        assert_eq!(worst(rule, path, "", &bare(drop, add)), Some(Severity::Critical));
    }

    #[test]
    fn a_field_that_only_models_lose_is_low() {
        let step = "migrations.RemoveField(model_name=\"a\", name=\"b\"),\n";
        let state = format!(
            "operations = [\n    migrations.SeparateDatabaseAndState(\n        state_operations=[\n            {step}        \
             ],\n    )\n]\n"
        );
        let path = "shop/migrations/0002_a.py";
        assert_eq!(worst("destr.migration", path, "", &state), Some(Severity::Low));
        let real = format!("operations = [\n    {step}]\n");
        assert_eq!(worst("destr.migration", path, "", &real), Some(Severity::Critical));
    }

    #[test]
    fn what_is_put_back_at_once_and_what_belonged_to_a_task_is_low() {
        let script = |next: &str| format!("#!/bin/sh\nset -e\nrm -rf /etc/proxy\n{next}\n");
        assert_eq!(worst("destr.rm-rf", "ops/a.sh", "", &script("cp -a backup /etc/proxy")), Some(Severity::Low));
        assert_eq!(worst("destr.rm-rf", "ops/a.sh", "", &script("cp -a backup /etc/other")), Some(Severity::High));
        let tasks = |copy: &str, wait: &str| {
            format!(
                "- name: Copy\n  ansible.builtin.copy:\n    src: a\n    dest: b\n{copy}  when: a\n{wait}- name: Last\n  \
                 ansible.builtin.command: c\n"
            )
        };
        let wait = "- name: Wait\n  ansible.builtin.wait_for:\n    port: 1\n    timeout: 30\n  when: a\n";
        let rule = "resil.timeout-lost";
        let whole = worst(rule, "roles/a/tasks/main.yml", &tasks("", wait), &tasks("", ""));
        assert!(whole <= Some(Severity::Low), "{whole:?}");
        let without = wait.replace("    timeout: 30\n", "");
        let bare = worst(rule, "roles/a/tasks/main.yml", &tasks("", wait), &tasks("", &without));
        assert_eq!(bare, Some(Severity::High));
    }

    #[test]
    fn a_flag_that_is_on_elsewhere_or_in_a_test_environment_is_medium() {
        let file = |test: bool, dev: bool, prod: bool| {
            format!(
                "{{\n  \"accounts\": {{\n    \"uat\": {{\n      \"enable_chat_model\": {test},\n      \"a\": 1\n    }},\n    \
                 \"development\": {{\n      \"enable_chat_model\": {dev},\n      \"a\": 1\n    }},\n    \"production\": \
                 {{\n      \"enable_chat_model\": {prod},\n      \"a\": 1\n    }}\n  }}\n}}\n"
            )
        };
        let (rule, path) = ("flag.default", "infra/config.json");
        let of = |old: String, new: String| worst(rule, path, &old, &new);
        assert_eq!(of(file(false, false, false), file(false, false, true)), Some(Severity::High));
        assert_eq!(of(file(true, false, false), file(true, false, true)), Some(Severity::Medium));
        assert_eq!(of(file(false, false, false), file(false, true, false)), Some(Severity::Medium));
    }

    #[test]
    fn a_step_that_is_new_and_may_fail_takes_nothing_from_the_checks() {
        let (rule, path) = ("ci.check-off", ".github/workflows/ci.yml");
        let job = |more: &str| format!("jobs:\n  test:\n    steps:\n      - name: t\n        run: make test\n{more}");
        let old = job("");
        let own = job("        continue-on-error: true\n");
        let other = job("      - name: find\n        run: gh api a\n        continue-on-error: true\n");
        assert_eq!(worst(rule, path, &old, &own), Some(Severity::High));
        assert!(worst(rule, path, &old, &other) <= Some(Severity::Medium));
    }
}
