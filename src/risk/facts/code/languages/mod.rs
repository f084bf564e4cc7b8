//! The languages: a table for each.

mod c;
mod csharp;
mod go;
mod java;
mod javascript;
mod kotlin;
mod php;
mod python;
mod ruby;
mod rust;

use std::sync::OnceLock;

use tree_sitter::Node;

use super::language::{Language, Syntax};
use super::shell;
use super::walk::{Special, Walk};
use crate::grammar::Grammar;

const LANGUAGES: &[(&Language, Special)] = &[
    (&python::LANGUAGE, python::special),
    (&go::LANGUAGE, go::special),
    (&javascript::TYPESCRIPT, javascript::special),
    (&javascript::TSX, javascript::special),
    (&javascript::JAVASCRIPT, javascript::special),
    (&java::LANGUAGE, nothing),
    (&ruby::LANGUAGE, ruby::special),
    (&rust::LANGUAGE, rust::special),
    (&csharp::LANGUAGE, nothing),
    (&php::LANGUAGE, php::special),
    (&kotlin::LANGUAGE, kotlin::special),
    (&c::C, c::special),
    (&c::CPP, c::special),
    (&shell::LANGUAGE, shell::special),
];

/// Made ready on first use.
static READY: [OnceLock<Syntax>; LANGUAGES.len()] = [const { OnceLock::new() }; LANGUAGES.len()];

/// The language of a file, by its name, and what is specific to it.
pub(super) fn of_path(path: &str) -> Option<(&'static Syntax, Special)> {
    let grammar = Grammar::of_path(path)?;
    let at = LANGUAGES.iter().position(|(language, _)| std::ptr::eq(language.grammar, grammar))?;
    let (language, special) = LANGUAGES[at];
    Some((READY[at].get_or_init(|| Syntax::of(language)), special))
}

/// For languages with nothing specific.
fn nothing<'t>(_walk: &mut Walk<'t>, _node: Node<'t>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_node_in_a_table_is_in_its_grammar() {
        for (language, _) in LANGUAGES {
            let grammar = language.grammar.language();
            for (kind, _) in language.roles {
                let is_there = grammar.id_for_node_kind(kind, true) + grammar.id_for_node_kind(kind, false) > 0;
                assert!(is_there, "{kind} of {:?}", language.grammar.extensions);
            }
        }
    }
}
