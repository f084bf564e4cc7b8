//! What takes the place of a check, and what a check went with.

use std::collections::BTreeSet;

use super::{MAX_BLOCK, MAX_TRIED};
use crate::change::diff::Side;
use crate::risk::checks::successor::words;
use crate::risk::facts::{Delta, Fact, Kind};
use crate::risk::{FileUnderReview, is_code};

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
pub(super) fn has_other_check(fact: &Fact, deltas: &[Delta]) -> bool {
    let is_one = |own: &Fact| {
        let name = own.name().to_ascii_lowercase();
        let decides = name.contains('_') && name.split('_').any(|word| DECIDING.contains(&word));
        own.kind == Kind::Call && own.scope == fact.scope && decides && !own.text.ends_with("()")
    };
    let is_there = |delta: &Delta| matches!(delta, Delta::Came(own) if is_one(own));
    matches!(fact.kind, Kind::Call | Kind::Guard) && deltas.iter().take(MAX_TRIED).any(is_there)
}

/// Whether a condition calls another function that decides who may do something, which it did not before.
pub(super) fn is_checked_otherwise(old: &Fact, new: &Fact) -> bool {
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
pub(super) fn is_checked_alike(fact: &Fact, deltas: &[Delta]) -> bool {
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
pub(super) fn parts_of(name: &str) -> Vec<String> {
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

/// Whether a condition became two: what it no longer says is in another one of the same function that came.
pub(super) fn is_split(old: &Fact, new: &Fact, deltas: &[Delta]) -> bool {
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
pub(super) fn is_of_feature(fact: &Fact) -> bool {
    let text = fact.text.to_ascii_lowercase();
    let asks = ["isenabled(", "is_enabled(", "enabled?(", "featureflag", "feature_flag", "isfeatureenabled("];
    fact.kind == Kind::Guard && text.contains("feature") && asks.iter().any(|word| text.contains(word))
}

/// Whether a function still makes the call that a lost check was about, and has another condition since:
/// `get(id) ?? throw` became `a = get(id)` and `if (a == null)`.
pub(super) fn is_asked_later(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
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

/// Whether the same condition names another constant: `length > MAX_PAYLOAD` became `length > PAYLOAD_MAX`.
pub(super) fn has_renamed_bound(fact: &Fact, deltas: &[Delta]) -> bool {
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

/// Whether the block that a guard or a limit was in is gone, and nothing of it is said again elsewhere in the file.
pub(super) fn went_with_what_it_guarded(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
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

/// Whether a declaration names the functions that it is for, `only: [:edit, :update]`, and the change took all of them
/// out of the type.
pub(super) fn is_declared_for_what_is_gone(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
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
pub(super) fn has_caller_with_it(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
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

/// Whether what is declared of a field went with the field, and no field of its type came.
pub(super) fn is_field_that_is_gone(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
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

/// Whether a call filters a list by a function: what it left out may be what is not of interest.
pub(super) fn chooses_items(fact: &Fact) -> bool {
    let is_filter = matches!(fact.name(), "filter" | "Filter" | "select" | "reject" | "find" | "some" | "every");
    fact.kind == Kind::Call && is_filter && ["=>", "->", "lambda", "|"].iter().any(|sign| fact.text.contains(sign))
}

/// Whether a call authorizes without saying whom, or for what: a payment is authorized so.
pub(super) fn asks_about_nobody(fact: &Fact) -> bool {
    let text = fact.text.trim_end();
    let is_bare = ["authorize!", "authorize!()", "authorize()"].iter().any(|end| text.ends_with(end));
    fact.kind == Kind::Call && is_bare || text.to_ascii_lowercase().ends_with("authorized_amount")
}
