//! How much of what stands around a fact changed with it: a loss in code that is as it was says more than one in code
//! that was written anew, and one more of what a file does already says less than the first.

use super::MAX_TRIED;
use crate::change::diff::Side;
use crate::risk::FileUnderReview;
use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::rules::FactRule;

/// As many lines before and after a fact are what stands around it.
const NEAR: u32 = 10;
/// With fewer lines around it, nothing is said.
const FEW: usize = 5;

/// Whether two fifths or more of the lines around what is gone are gone as well, apart from their layout: what replaces
/// it stands in other words, which a reader of the whole finds and a comparison of facts does not.
pub(super) fn is_rewritten(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let (first, last) = (*fact.lines.start(), *fact.lines.end());
    let count = file.comparison.old.count();
    let before = first.saturating_sub(NEAR).max(1)..first;
    // What a condition guards goes with it.
    let indent = |line: u32| {
        let text = file.line(Side::Old, line);
        text.len() - text.trim_start().len()
    };
    let own = indent(first);
    let body = (last + 1..=count).take_while(|line| indent(*line) > own).last().unwrap_or(last);
    let around = before.chain(body + 1..=body.saturating_add(NEAR).min(count));
    // So do the other calls of what it is about: `mu.Unlock()` with `mu.Lock()`.
    let of = fact.parent();
    let says = |line: &u32| {
        let text = file.line(Side::Old, *line);
        text.contains(char::is_alphanumeric) && !(of.len() > 2 && text.contains(of))
    };
    let telling: Vec<u32> = around.filter(says).collect();
    let (removed, news) = (file.changed(Side::Old), file.news(Side::Old));
    let gone = telling.iter().filter(|line| removed.touch(&(**line..=**line)) && news.has_words(**line)).count();
    telling.len() >= FEW && gone * 5 >= telling.len() * 2
}

/// Whether lines of the file that stay do the same already: the same call or command, or the same setting.
pub(super) fn stands_elsewhere(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const SHORT: usize = 5;
    let needle = match fact.kind {
        Kind::Call => head_of_call(&fact.text),
        Kind::Command => fact.text.split_whitespace().take(2).collect::<Vec<_>>().join(" "),
        _ => file.line(Side::New, *fact.lines.start()).trim().to_owned(),
    };
    let removed = file.changed(Side::Old);
    let count = file.comparison.old.count().min(MAX_TRIED as u32);
    let is_there = |line: u32| !removed.touch(&(line..=line)) && file.line(Side::Old, line).contains(&needle);
    needle.len() > SHORT && (1..=count).any(is_there)
}

/// A call up to its first argument, with it if it is a literal text: `createHash("sha1"`, `exec(`.
fn head_of_call(text: &str) -> String {
    let Some(open) = text.find('(') else { return String::new() };
    let rest = &text[open + 1..];
    let is_literal = rest.starts_with(['"', '\'', '`']);
    let end = rest[is_literal.into()..].find(['"', '\'', '`']).map_or(0, |at| at + 2);
    text[..open + 1 + if is_literal { end } else { 0 }].to_owned()
}

/// Whether a path came with the change: what is new takes nothing from what runs already.
pub(super) fn is_new(file: &FileUnderReview<'_>) -> bool {
    file.diff.old.is_none() && file.diff.from.is_none()
}

/// Whether a bound is still one, at most a hundred times as far off: `5 s` became `60 s`.
pub(super) fn is_still_bounded(old: &Fact, new: &Fact) -> bool {
    const FAR: f64 = 100.0;
    let Some((before, after)) = old.value.amounts(&new.value) else { return false };
    let is_bound = |amount: f64| amount > 0.0 && amount.is_finite();
    is_bound(before) && is_bound(after) && after / before <= FAR && before / after <= FAR
}

/// Whether a constant of a file is gone: whoever still used it would not build.
pub(super) fn is_constant(fact: &Fact) -> bool {
    let is_upper = |name: &str| name.bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b));
    let is_amount = matches!(fact.value, Value::Number(_) | Value::Duration(_) | Value::Size(_));
    fact.kind == Kind::Setting
        && fact.parent().is_empty()
        && fact.name().len() > 3
        && is_upper(fact.name())
        && is_amount
}

/// Whether passwords or other secrets are spoken of in a fact, in its function, or in the lines beside it.
pub(super) fn is_about_secrets(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const WORDS: &[&str] =
        &["passw", "secret", "token", "credential", "signature", "apikey", "api_key", "session", "cookie", "pin"];
    const BESIDE: u32 = 2;
    let (first, last) = (fact.lines.start().saturating_sub(BESIDE).max(1), fact.lines.end() + BESIDE);
    let says = |text: &str| {
        let lower = text.to_ascii_lowercase();
        WORDS.iter().any(|word| if word.len() > 3 { lower.contains(word) } else { has_word(&lower, word) })
    };
    says(&fact.scope) || (first..=last).any(|line| says(&file.line(Side::New, line)))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|own| own == word)
}

/// Whether what a command writes goes into another command or a file: its line says so behind it.
pub(super) fn is_passed_to_another(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let line = file.line(Side::New, *fact.lines.end());
    fact.kind == Kind::Command && line.contains(['|', '>'])
}

/// Whether a call takes nothing but a literal text: what it runs or loads stands in the program.
pub(super) fn is_of_literal(fact: &Fact) -> bool {
    let Some((_, rest)) = fact.text.split_once('(') else { return false };
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return false };
    let Some((text, after)) = rest[1..].split_once(quote) else { return false };
    fact.kind == Kind::Call && !text.contains(['$', '{', '%']) && after.trim_start().starts_with(')')
}

/// Whether a script writes into an element of its own page: most such values are its own as well.
pub(super) fn is_of_page(fact: &Fact) -> bool {
    let name = fact.name().trim_start_matches('.');
    matches!(name, "innerHTML" | "outerHTML" | "insertAdjacentHTML") && fact.value.say() != "nothing"
}

/// Whether the library of a language that loads YAML makes nothing but data of it unless it is told to.
pub(super) fn is_of_plain_loader(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let path = file.path();
    let is_script = path.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "js" | "jsx" | "mjs" | "ts" | "tsx"));
    is_script && fact.object.ends_with("yaml.load")
}

/// Whether another fact near the change, which stays, is what the rule looks for.
pub(super) fn has_another(rule: &FactRule, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    let facts = file.stated(Side::Old).map_or(&[][..], |stated| &stated.facts);
    let is_gone = |own: &Fact| {
        deltas.iter().take(MAX_TRIED).any(|delta| match delta {
            Delta::Went { fact: old, .. } | Delta::Changed { old, .. } => old.lines == own.lines,
            Delta::Came(_) => false,
        })
    };
    facts.iter().take(MAX_TRIED).any(|own| rule.looks_for(own) && !is_gone(own))
}
