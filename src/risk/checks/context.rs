//! What stands around a fact and makes a finding about it say less: what it guarded is gone as well, its place said the
//! same before, another check took its place.

use std::collections::BTreeSet;

use super::successor::words;
use crate::change::diff::Side;
use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::rules::FactRule;
use crate::risk::{FileUnderReview, Finding, Severity, is_code};

/// How many facts are looked at for one.
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
        Delta::Came(new) if rule.wording.id == "destr.backup-off" && is_of_new_resource(new, deltas) => {
            (Severity::Low, "the resource is new")
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
            && own.object.starts_with("resource.")
            && new.object.strip_prefix(&own.object).is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    new.kind == Kind::Setting
        && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(own) if is_resource(own)))
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
        assert_eq!(worst(rule, "src/A.java", &guarded(work), goes_on), Some(Severity::High));
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
    fn a_bound_under_another_name_is_medium_and_a_bound_that_is_gone_is_high() {
        let guarded = |guard: &str| {
            format!("class R {{\n  void read(long length) {{\n{guard}    source.read(length);\n  }}\n}}\n")
        };
        let guard = |name: &str| format!("    if (length > {name}) {{\n      throw new Bad();\n    }}\n");
        let (old, rule) = (guarded(&guard("MAX_PAYLOAD")), "guard.bound-lost");
        assert!(worst(rule, "src/R.java", &old, &guarded(&guard("PAYLOAD_MAX"))) <= Some(Severity::Medium));
        assert_eq!(worst(rule, "src/R.java", &old, &guarded("")), Some(Severity::High));
    }
}
