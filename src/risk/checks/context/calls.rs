//! Calls and commands that are there still, were there before, or went with what they were for.

use super::{MAX_BLOCK, MAX_TRIED};
use crate::change::diff::Side;
use crate::risk::FileUnderReview;
use crate::risk::checks::successor::words;
use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::rules::FactRule;

/// Whether `exec` is asked of a pattern, which the file makes, or a function for patterns returns:
/// `emojiRegex().exec(text)` runs no command. What any other call returns may be the module that does.
pub(super) fn is_of_pattern(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const OF_SCRIPTS: &[&str] = &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"];
    let is_script = file.path().rsplit_once('.').is_some_and(|(_, ending)| OF_SCRIPTS.contains(&ending));
    let line = file.line(Side::New, *fact.lines.start()).to_lowercase();
    let of = |before: &str| ["regex()", "regexp()", "pattern()"].iter().any(|end| before.ends_with(end));
    let is_of_call = fact.object == "exec" && line.split_once(".exec(").is_some_and(|(before, _)| of(before));
    is_script && (is_of_call || fact.name() == "exec" && is_made_as_pattern(fact.parent(), file))
}

/// Whether a file declares a name once, as a pattern: `const RULE = new RegExp(…)`, `const RULE = /…/`.
fn is_made_as_pattern(name: &str, file: &FileUnderReview<'_>) -> bool {
    let made = |line: &str| {
        let rest = ["const ", "export const "].iter().find_map(|word| line.trim_start().strip_prefix(word))?;
        let said = rest.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim_start();
        Some(said.starts_with("new RegExp(") || said.starts_with('/'))
    };
    let mut said = file.decoded(Side::New).lines().take(MAX_TRIED).filter_map(made).peekable();
    !name.is_empty() && said.peek().is_some() && said.all(|is_pattern| is_pattern)
}

/// Whether a call stands in a condition, which asks for its result: `if profile.AllowAnonymous() {`.
pub(super) fn is_asked(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let line = file.line(Side::New, *fact.lines.start());
    let Some((before, after)) = line.split_once(fact.name()).filter(|_| fact.kind == Kind::Call) else { return false };
    let Some(condition) = ["if ", "if(", "while ", "elif "].iter().find_map(|word| before.split_once(word)) else {
        return false;
    };
    let asked = condition.1.trim_start();
    let depth = |text: &str| text.matches('(').count() as i64 - text.matches(')').count() as i64;
    // `if (x) route.AllowAnonymous()` says it.
    let is_inside = !asked.contains(['{', ';', ':']) && (!asked.starts_with('(') || depth(asked) > 0);
    let is_bracketed = before.trim_end_matches(|c| c != '(').ends_with("if(") && depth(asked) >= 0;
    (is_inside || is_bracketed) && !after.trim_start_matches("()").starts_with(['.', ';'])
}

/// Whether a transaction that is gone held one call of what it gave: that is done as a whole without it.
pub(super) fn held_one_call(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let given = fact.text.rsplit_once("=>").map(|(head, _)| head.trim_end());
    let name = given.and_then(|head| head.trim_end_matches(')').rsplit(['(', ' ', ',']).next()).unwrap_or_default();
    let first = *fact.lines.start();
    let indent = |line: u32| {
        let text = file.line(Side::Old, line);
        let bare = text.trim_start();
        (!bare.is_empty()).then(|| text.len() - bare.len())
    };
    let own = indent(first);
    let count = file.comparison.old.count();
    let end = (first + 1..=count.min(first + MAX_BLOCK)).find(|line| indent(*line).is_some_and(|at| Some(at) <= own));
    let Some(end) = end.filter(|_| !name.is_empty()) else { return false };
    let is_named = |line: &u32| words(&file.line(Side::Old, *line)).contains(&name);
    let comments = file.stated(Side::Old).map(|stated| &stated.comments);
    let is_comment = |line: &u32| comments.is_some_and(|lines| lines.contains(line));
    (first + 1..end).filter(|line| !is_comment(line) && is_named(line)).count() == 1
}

/// Whether the file said as often before what a rule looks for, in other words or in another place.
pub(super) fn was_there(rule: &FactRule, fact: &Fact, deltas: &[Delta]) -> bool {
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

/// Whether a call has other arguments, or a place that took an expression takes another one.
pub(super) fn is_as_before(old: &Fact, new: &Fact) -> bool {
    let is_expression = |fact: &Fact| matches!(fact.value, Value::Expression(_));
    matches!(old.kind, Kind::Call | Kind::Command)
        || old.kind == Kind::Setting && is_expression(old) && is_expression(new) && old.object.contains("HTML")
}

/// Whether an argument went with its call: its scope makes fewer calls of that function than before, but some.
pub(super) fn is_of_call_that_is_gone(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
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

/// Whether a function that lost a call still calls the same.
pub(super) fn is_called_still(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let is_same = |own: &Fact| own.kind == Kind::Call && own.scope == fact.scope && own.object == fact.object;
    !fact.scope.is_empty() && facts.iter().any(is_same)
}

/// Whether a command removes what the next lines put there again: `rm -rf /etc/a` before `cp -a backup /etc/a`.
pub(super) fn is_made_after(new: &Fact, file: &FileUnderReview<'_>) -> bool {
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

/// Whether a shell no longer stops at failures because it never stops ignoring them: `set +e` went with `set -e`.
pub(super) fn is_of_pair(fact: &Fact, deltas: &[Delta]) -> bool {
    let is_off = |own: &Fact| own.kind == Kind::Command && own.scope == fact.scope && own.text.starts_with("set +e");
    fact.kind == Kind::Command
        && fact.text.starts_with("set -e")
        && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Went { fact: own, .. } if is_off(own)))
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
pub(super) fn runs_nothing_beside(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
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

/// Whether a call or command that the rule looks for came with the change.
pub(super) fn has_other_of_rule(rule: &FactRule, deltas: &[Delta]) -> bool {
    let is_one = |delta: &Delta| match delta {
        Delta::Came(own) | Delta::Changed { new: own, .. } => rule.looks_for(own),
        Delta::Went { .. } => false,
    };
    deltas.iter().take(MAX_TRIED).any(is_one)
}

/// Whether a command deletes a folder that it, or the build around it, made: none at the root, of data, of somebody's
/// home, or of a variable that may be empty before a slash.
pub(super) fn deletes_a_path_of_its_own(new: &Fact) -> bool {
    const OF_ALL: &[&str] = &["HOME", "DATA", "ROOT", "PWD"];
    const OWN: &[&str] = &["/tmp/", "/var/tmp/", "/var/cache/", "/usr/local/src/", "/root/.cache/"];
    let is_of_more = |word: &str| {
        let bare = word.trim_matches(['"', '\'']);
        let is_at_root = bare.starts_with(['/', '~']) && !OWN.iter().any(|own| bare.starts_with(own));
        let is_variable = bare.starts_with('$');
        let is_of_all = OF_ALL.iter().any(|word| bare.to_ascii_uppercase().contains(word));
        is_at_root
            || is_variable && (bare.contains('/') || is_of_all)
            || matches!(bare, "*" | "." | "./" | "./*")
            || bare.contains("..")
    };
    let is_deletion = new.text.contains("rm ") || new.text.starts_with("find ");
    let words = || new.text.split_whitespace().skip(1).filter(|word| !word.starts_with('-'));
    new.kind == Kind::Command && is_deletion && !words().any(is_of_more)
}

/// Whether the function that lost a lock or a transaction takes another one since.
pub(super) fn has_other_lock(fact: &Fact, deltas: &[Delta]) -> bool {
    let takes = |own: &Fact| {
        let name = own.name().to_ascii_lowercase();
        let is_one = ["lock", "transaction", "atomic", "singleflight", "mutex"].iter().any(|word| name.contains(word));
        own.kind == Kind::Call && own.scope == fact.scope && is_one && !name.contains("unlock")
    };
    deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(own) if takes(own)))
}
