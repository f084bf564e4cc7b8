//! Facts of code, by the syntax of its language. One walk serves all languages: [`language`] says what the nodes of a
//! grammar mean to it, and [`languages`] has a table for each, and for each a file with what is specific to it. A
//! language is added by adding its table.

#[cfg(feature = "syntax")]
mod bounds;
#[cfg(feature = "syntax")]
mod calls;
#[cfg(feature = "syntax")]
mod constants;
#[cfg(feature = "syntax")]
mod control;
#[cfg(feature = "syntax")]
mod definitions;
#[cfg(feature = "syntax")]
mod inert;
#[cfg(feature = "syntax")]
mod language;
#[cfg(feature = "syntax")]
mod languages;
#[cfg(feature = "syntax")]
mod names;
#[cfg(feature = "syntax")]
mod settings;
#[cfg(feature = "syntax")]
mod shell;
#[cfg(feature = "syntax")]
mod strings;
#[cfg(all(test, feature = "syntax"))]
mod tests;
#[cfg(feature = "syntax")]
mod text;
#[cfg(feature = "syntax")]
mod walk;

use super::inert::Rows;
use super::{ChangedLines, Facts};

/// Nothing if the path has no supported language.
#[cfg(feature = "syntax")]
pub(super) fn facts(path: &str, text: &str, changed: &ChangedLines) -> Option<Facts> {
    let (syntax, special) = languages::of_path(path)?;
    let Some(tree) = crate::grammar::parse_again(syntax.language.grammar, text) else {
        return Some(Facts { is_cut: true, ..Facts::default() });
    };
    Some(walk::walk((syntax, special), text, &tree, changed, walk::is_of_tests(path)))
}

/// Nothing: this build has no grammars.
#[cfg(not(feature = "syntax"))]
pub(super) fn facts(_path: &str, _text: &str, _changed: &ChangedLines) -> Option<Facts> {
    None
}

/// Marks the lines that do not run; nothing if the path has no supported language.
#[cfg(feature = "syntax")]
pub(super) fn mark_inert(path: &str, text: &str, rows: &mut Rows<'_>) -> Option<()> {
    let (syntax, _) = languages::of_path(path)?;
    let tree = crate::grammar::parse_again(syntax.language.grammar, text)?;
    inert::mark(syntax, text, &tree, rows);
    Some(())
}

/// Nothing: this build has no grammars.
#[cfg(not(feature = "syntax"))]
pub(super) fn mark_inert(_path: &str, _text: &str, _rows: &mut Rows<'_>) -> Option<()> {
    None
}
