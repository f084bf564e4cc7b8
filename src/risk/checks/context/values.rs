//! Values that were computed or handed on, are as before, or stand elsewhere in the file.

use super::MAX_TRIED;
use crate::change::diff::Side;
use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::{FileUnderReview, is_code};

/// Whether a statement of a policy was as wide before: it says something else, too.
pub(super) fn is_as_wide(old: &Fact, new: &Fact) -> bool {
    old.kind == Kind::Block && old.object == new.object && old.object.contains("tatement[")
}

/// Whether a key of several words has its new value in another part of the same file already, which did not change:
/// what is on elsewhere is switched on here as well.
pub(super) fn is_so_beside(old: &Fact, new: &Fact, file: &FileUnderReview<'_>) -> bool {
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

/// Whether what goes into a page is a text of the program, or of a file that it brings as one,
/// `import icon from "./close.svg"`.
pub(super) fn is_from_a_file(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
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

/// Whether a field of code only handed on what another one of the same name holds: `Provider: config.Provider`.
pub(super) fn is_passed_on(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
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
pub(super) fn is_unset(fact: &Fact) -> bool {
    fact.kind == Kind::Setting && matches!(fact.value.say().as_str(), "nothing" | "")
}

/// Whether a value of code was what a function returned.
pub(super) fn is_of_call(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_call = |text: &str| text.ends_with(')') && text.contains('(') && !text.starts_with('(');
    is_code(&file.path()) && matches!(&fact.value, Value::Expression(text) if is_call(text))
}

/// Whether a variable of a function was computed from others: what it is for is said where it is used.
pub(super) fn is_computed(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let is_local = fact.parent().is_empty() && !fact.scope.is_empty() && is_code(&file.path());
    let is_constant = fact.name().bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b));
    let Value::Expression(text) = &fact.value else { return false };
    fact.kind == Kind::Setting && is_local && !is_constant && text.contains(['(', '+', '&', '|', '?'])
}

/// Whether a constructor only handed an argument on to a field of its name: `this.limit = limit`.
pub(super) fn is_handed_on(fact: &Fact) -> bool {
    let value = fact.value.say();
    let is_own = matches!(fact.parent(), "this" | "self" | "$this");
    fact.kind == Kind::Setting && is_own && value.trim_start_matches('$') == fact.name()
}

/// Whether a constant is one of several that number something: the values before and after it stand beside it.
pub(super) fn is_numbered(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
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
pub(super) fn belongs_to_what_is_gone(fact: &Fact, deltas: &[Delta]) -> bool {
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

/// Whether a value that was said by a reference still is: what it refers to may be the same.
pub(super) fn are_references((old, new): (&Fact, &Fact)) -> bool {
    [old, new].iter().all(|fact| matches!(fact.value, Value::Expression(_)))
}

/// Whether a value is not said as such.
pub(super) fn is_expression(fact: &Fact) -> bool {
    matches!(fact.value, Value::Expression(_))
}
