//! Files of which the facts were not all read: what else they say, rules over facts do not know.

use crate::change::diff::Side;
use crate::risk::machine::Author;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_generated};

/// For texts whose encoding is not known.
const MISREAD: (&str, &str, &str) = (
    "Not UTF-8: signs of code may be misread",
    "In Shift-JIS, GBK and Big5 a backslash or a brace may be half of a letter: a rule may take the text for another.",
    "Can it be in UTF-8, and who read it as what it is?",
);

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    if file.author() == Author::Packer {
        return packed(file, rules).into_iter().collect();
    }
    let is_cut = |side| file.stated(side).is_some_and(|facts| facts.is_cut);
    let (side, lines) = match (is_cut(Side::New), is_cut(Side::Old)) {
        (true, _) if !file.added().is_empty() => (Side::New, file.added()),
        (_, true) | (true, _) if !file.removed().is_empty() => (Side::Old, file.removed()),
        _ => return misread(file, rules).into_iter().collect(),
    };
    let first = lines.first().and_then(|(line, text)| rules.of_check("read.partly", file, side, *line, text));
    first.into_iter().chain(misread(file, rules)).collect()
}

/// Says that a text that the rules read may be in an encoding in which they misread it.
fn misread(file: &FileUnderReview<'_>, rules: &Rules) -> Option<Finding> {
    file.stated(Side::New).filter(|_| file.may_be_misread(Side::New))?;
    let (line, text) = file.added().first()?;
    let (title, why, ask) = MISREAD;
    let found = rules.of_check("read.partly", file, Side::New, *line, text)?;
    Some(Finding { title: title.to_owned(), why: why.to_owned(), ask: ask.to_owned(), ..found })
}

/// Packed code, of which a pattern tells nothing and a person reads nothing. One that comes anew may hold anything.
fn packed(file: &FileUnderReview<'_>, rules: &Rules) -> Option<Finding> {
    let (line, text) = file.added().first().filter(|_| !is_generated(&file.path()))?;
    let found = rules.of_check("read.packed", file, Side::New, *line, text)?;
    let severity = if file.old_text().is_empty() { Severity::Medium } else { found.severity };
    Some(Finding { severity, ..found })
}
