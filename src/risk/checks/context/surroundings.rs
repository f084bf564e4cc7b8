//! How much of what stands around a fact changed with it: a loss in code that is as it was says more than one in code
//! that was written anew, and one more of what a file does already says less than the first.

use std::collections::BTreeSet;

use super::MAX_TRIED;
use crate::change::compare::{Hunk, Line};
use crate::change::diff::Side;
use crate::risk::FileUnderReview;
use crate::risk::checks::successor::words;
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

/// Whether the run of changes in which something went says something new: what takes its place may be among it. What
/// only lost something repeats the words that it had.
pub(super) fn is_replaced(fact: &Fact, file: &FileUnderReview<'_>, few: usize) -> bool {
    let Some(run) = Run::of(fact, file, Side::Old) else { return false };
    let words_of = |side: Side, lines: &[u32]| {
        let said: Vec<String> = lines.iter().map(|line| file.line(side, *line).to_ascii_lowercase()).collect();
        let telling = said.iter().flat_map(|line| words(line)).filter(|word| is_telling(word));
        telling.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (gone, came) = (words_of(Side::Old, &run.removed), words_of(Side::New, &run.added));
    came.difference(&gone).count() > few
}

/// Whether lines that came beside a check name it still: it is asked with other arguments, or from elsewhere.
pub(super) fn is_named_still(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let name = fact.name();
    let says = |line: &u32| words(&file.line(Side::New, *line)).contains(&name);
    name.len() > 3 && Run::of(fact, file, Side::Old).is_some_and(|run| run.said(file, Side::New).any(says))
}

/// Whether much else went with a fact: what it was there for is gone, too.
pub(super) fn went_with_much(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const MUCH: usize = 14;
    let own = (fact.lines.end() - fact.lines.start()) as usize;
    Run::of(fact, file, Side::Old).is_some_and(|run| run.said(file, Side::Old).count().saturating_sub(own) > MUCH)
}

/// Whether lines that came beside a handler write what happened to a log.
pub(super) fn is_logged(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const WORDS: &[&str] = &["log", "warn", "capture", "report", "notify"];
    let says = |line: &u32| {
        let line = file.line(Side::New, *line).to_ascii_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    Run::of(fact, file, Side::New).is_some_and(|run| run.said(file, Side::New).any(says))
}

/// Whether a log gets what is a secret by its name alone, and not only a word that has several meanings.
pub(super) fn names_a_secret(fact: &Fact) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "api_key",
        "apikey",
        "private_key",
        "privatekey",
        "secret_key",
        "secretkey",
        "access_token",
        "accesstoken",
        "refresh_token",
        "card_number",
        "cardnumber",
        "cvv",
        "cvc",
        "authorization",
        "jwt",
        "headers",
        "body",
    ];
    let text = fact.text.to_ascii_lowercase();
    WORDS.iter().any(|word| text.contains(word)) || fact.value.say().to_ascii_lowercase().contains("body")
}

/// Whether the function that calls a weak hash called another one before.
pub(super) fn was_stronger(fact: &Fact, deltas: &[Delta]) -> bool {
    const STRONG: &[&str] = &["sha", "bcrypt", "argon", "scrypt", "blake", "pbkdf", "aes", "hmac"];
    let is_one = |old: &Fact| {
        let text = old.text.to_ascii_lowercase();
        old.scope == fact.scope && STRONG.iter().any(|word| text.contains(word))
    };
    deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Went { fact: old, .. } if is_one(old)))
}

/// Whether a share is all of it.
pub(super) fn is_for_all(fact: &Fact) -> bool {
    match fact.value {
        Value::Number(share) | Value::Share(share) => share >= 100.0 || share == 1.0,
        _ => true,
    }
}

/// Whether much else came with a fact: a danger in a small edit was put there, and one in a text of many lines is part
/// of what the whole does.
pub(super) fn is_of_much(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const MUCH: usize = 8;
    let own = (fact.lines.end() - fact.lines.start()) as usize;
    Run::of(fact, file, Side::New).is_some_and(|run| run.said(file, Side::New).count().saturating_sub(own) > MUCH)
}

/// The changed lines of the run of changes that a fact is in, without comments and lines that say nothing.
struct Run {
    removed: Vec<u32>,
    added: Vec<u32>,
}

impl Run {
    /// The lines that say something new, apart from their layout.
    fn said<'r>(&'r self, file: &'r FileUnderReview<'_>, side: Side) -> impl Iterator<Item = &'r u32> {
        let lines = if side == Side::Old { &self.removed } else { &self.added };
        lines.iter().filter(move |line| file.news(side).has_words(**line))
    }

    fn of(fact: &Fact, file: &FileUnderReview<'_>, side: Side) -> Option<Run> {
        let at = file.changed(side).first_in(&fact.lines)? - 1;
        let is_in = |hunk: &&Hunk| if side == Side::Old { hunk.old.contains(&at) } else { hunk.new.contains(&at) };
        let hunk = file.comparison.hunks.iter().find(is_in)?;
        let mut run = Run { removed: Vec::new(), added: Vec::new() };
        for line in hunk.lines.iter().take(MAX_TRIED) {
            let (side, number, lines) = match *line {
                Line::Removed { old } => (Side::Old, old + 1, &mut run.removed),
                Line::Added { new } => (Side::New, new + 1, &mut run.added),
                Line::Context { .. } => continue,
            };
            let is_comment = file.stated(side).is_some_and(|stated| stated.comments.contains(&number));
            if !is_comment && file.line(side, number).contains(char::is_alphanumeric) {
                lines.push(number);
            }
        }
        Some(run)
    }
}

/// Whether a word names something: neither a number nor what stands in any code.
fn is_telling(word: &str) -> bool {
    const PLAIN: &[&str] = &[
        "and", "as", "const", "def", "do", "else", "end", "false", "fn", "for", "func", "function", "if", "in", "is",
        "let", "new", "nil", "none", "not", "null", "of", "or", "pass", "return", "self", "the", "then", "this", "to",
        "true", "var", "with",
    ];
    word.len() > 1 && !word.starts_with(|c: char| c.is_ascii_digit()) && !PLAIN.contains(&word)
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

/// Whether a call takes nothing but a literal text, or runs one in a context that it names next: what it runs or loads
/// stands in the program.
pub(super) fn is_of_literal(fact: &Fact) -> bool {
    let Some((_, rest)) = fact.text.split_once('(') else { return false };
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return false };
    let Some((text, after)) = rest[1..].split_once(quote) else { return false };
    let is_all = after.trim_start().starts_with(')') || fact.name().starts_with("runIn") && after.starts_with(',');
    fact.kind == Kind::Call && !text.contains(['$', '{', '%']) && is_all
}

/// Whether a script writes into an element of its own page: most such values are its own as well.
pub(super) fn is_of_page(fact: &Fact) -> bool {
    let name = fact.name().trim_start_matches('.');
    matches!(name, "innerHTML" | "outerHTML" | "insertAdjacentHTML") && fact.value.say() != "nothing"
}

/// Whether a condition only moved by the bound itself: `a > b` became `a >= b`.
pub(super) fn is_moved_by_one(old: &Fact, new: &Fact) -> bool {
    let bare = |fact: &Fact| fact.object.replace(">=", ">").replace("<=", "<");
    old.object != new.object && bare(old) == bare(new)
}

/// Whether a bound is still a few parts of what it was: 90 days became 30.
pub(super) fn is_a_few_times_less(old: &Fact, new: &Fact) -> bool {
    const TIMES: f64 = 7.0;
    old.value.amounts(&new.value).is_some_and(|(before, after)| after > 0.0 && before / after < TIMES)
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
