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

#[cfg(feature = "syntax")]
use super::MAX_PARSED;
use super::inert::Rows;
use super::{ChangedLines, Facts, ParsedText};
use crate::change::compare::Comparison;

/// The tree of a text, if its path has a supported language and it can be parsed in bounded time.
#[cfg(feature = "syntax")]
#[derive(Debug, Default)]
pub(in crate::risk) struct SyntaxTree(Option<tree_sitter::Tree>);

/// Nothing: this build has no grammars.
#[cfg(not(feature = "syntax"))]
#[derive(Debug, Default)]
pub(in crate::risk) struct SyntaxTree;

#[cfg(feature = "syntax")]
impl SyntaxTree {
    pub fn of(path: &str, text: &str) -> SyntaxTree {
        let language = languages::of_path(path).filter(|_| text.len() <= MAX_PARSED);
        SyntaxTree(language.and_then(|(syntax, _)| crate::grammar::parse(syntax.language.grammar, text)))
    }

    /// Of the new text of a comparison: what both have is not parsed again.
    pub fn after(old: ParsedText<'_>, path: &str, text: &str, comparison: &Comparison) -> SyntaxTree {
        let (was, is) = (languages::of_path(old.path), languages::of_path(path));
        match (was.zip(is), &old.tree.0) {
            (Some(((was, _), (is, _))), Some(tree)) if std::ptr::eq(was, is) && text.len() <= MAX_PARSED => {
                let grammar = is.language.grammar;
                SyntaxTree(crate::grammar::parse_edited(grammar, comparison, (old.text, tree), text))
            }
            _ => SyntaxTree::of(path, text),
        }
    }
}

#[cfg(not(feature = "syntax"))]
impl SyntaxTree {
    pub fn of(_path: &str, _text: &str) -> SyntaxTree {
        SyntaxTree
    }

    pub fn after(_old: ParsedText<'_>, _path: &str, _text: &str, _comparison: &Comparison) -> SyntaxTree {
        SyntaxTree
    }
}

/// Nothing if the path has no supported language.
#[cfg(feature = "syntax")]
pub(super) fn facts(source: ParsedText<'_>, changed: &ChangedLines) -> Option<Facts> {
    let (syntax, special) = languages::of_path(source.path)?;
    let Some(tree) = &source.tree.0 else {
        return Some(Facts { is_cut: true, ..Facts::default() });
    };
    Some(walk::walk((syntax, special), source.text, tree, changed, walk::is_of_tests(source.path)))
}

/// Nothing: this build has no grammars.
#[cfg(not(feature = "syntax"))]
pub(super) fn facts(_source: ParsedText<'_>, _changed: &ChangedLines) -> Option<Facts> {
    None
}

/// Marks the lines that do not run; nothing if the path has no supported language.
#[cfg(feature = "syntax")]
pub(super) fn mark_inert(source: ParsedText<'_>, rows: &mut Rows<'_>) -> Option<()> {
    let (syntax, _) = languages::of_path(source.path)?;
    inert::mark(syntax, source.text, source.tree.0.as_ref()?, rows);
    Some(())
}

/// Nothing: this build has no grammars.
#[cfg(not(feature = "syntax"))]
pub(super) fn mark_inert(_source: ParsedText<'_>, _rows: &mut Rows<'_>) -> Option<()> {
    None
}
