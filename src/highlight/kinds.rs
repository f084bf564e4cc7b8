//! What the kinds of nodes mean for colours. Grammars name alike what is alike, so that names decide for all languages;
//! what none of these names fits stays plain.

use std::sync::OnceLock;

use super::TokenClass;
use super::TokenClass::{Attribute, Comment, Constant, Function, Keyword, Number, String, Tag, Type};
use crate::grammar::Grammar;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is as what encloses it.
    Plain,
    /// It has a class, as does what it contains.
    Class(TokenClass),
    /// Code inside a text or an attribute.
    Code,
    /// A name, whose class depends on where it is.
    Identifier,
    /// It gives its name a class: a call, a definition.
    Names(TokenClass),
    /// A word or an operator of the language.
    Keyword,
    Punctuation,
}

/// What a field is for the node that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What is called or defined.
    Name,
    /// The last name of a path.
    Member,
    Other,
}

/// Kinds and fields of a grammar, by their numbers.
pub struct Kinds {
    kinds: Vec<Kind>,
    fields: Vec<Field>,
}

impl Kinds {
    /// Made once for each grammar.
    pub fn of(grammar: &'static Grammar) -> &'static Kinds {
        static READY: [OnceLock<Kinds>; Grammar::ALL.len()] = [const { OnceLock::new() }; Grammar::ALL.len()];
        READY[grammar.number()].get_or_init(|| Kinds::new(grammar))
    }

    fn new(grammar: &Grammar) -> Kinds {
        let language = grammar.language();
        let kind = |id: u16| match language.node_kind_for_id(id) {
            Some(name) if language.node_kind_is_named(id) => named(name),
            Some(name) => anonymous(name),
            None => Kind::Plain,
        };
        let field = |id: u16| language.field_name_for_id(id).map_or(Field::Other, field);
        let kinds = (0..u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX)).map(kind).collect();
        let fields = (0..=u16::try_from(language.field_count()).unwrap_or(u16::MAX - 1)).map(field).collect();
        Kinds { kinds, fields }
    }

    pub fn kind(&self, id: u16) -> Kind {
        self.kinds.get(usize::from(id)).copied().unwrap_or(Kind::Plain)
    }

    pub fn field(&self, id: Option<std::num::NonZeroU16>) -> Field {
        id.and_then(|id| self.fields.get(usize::from(id.get()))).copied().unwrap_or(Field::Other)
    }
}

fn anonymous(name: &str) -> Kind {
    const PUNCTUATION: &str = "()[]{}<>,;:.\"'`@#";
    match name.trim_start_matches(['#', '@']) {
        "" => Kind::Punctuation,
        word if word.starts_with(|c: char| c.is_ascii_alphabetic()) => Kind::Keyword,
        _ if name.chars().all(|c| PUNCTUATION.contains(c)) => Kind::Punctuation,
        _ => Kind::Keyword,
    }
}

fn named(name: &str) -> Kind {
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match name {
        "identifier"
        | "simple_identifier"
        | "field_identifier"
        | "property_identifier"
        | "name"
        | "word"
        | "private_property_identifier"
        | "shorthand_property_identifier" => Kind::Identifier,
        "type_identifier"
        | "primitive_type"
        | "predefined_type"
        | "builtin_type"
        | "integral_type"
        | "void_type"
        | "floating_point_type"
        | "boolean_type"
        | "sized_type_specifier"
        | "type"
        | "constant" => Kind::Class(Type),
        "true" | "false" | "none" | "null" | "nil" | "undefined" | "boolean" | "boolean_literal" | "null_literal"
        | "nil_literal" => Kind::Class(Constant),
        "self"
        | "this"
        | "super"
        | "lifetime"
        | "mutable_specifier"
        | "crate"
        | "visibility_modifier"
        | "preproc_directive"
        | "accessibility_modifier"
        | "storage_class_specifier"
        | "type_qualifier"
        | "modifier" => Kind::Class(Keyword),
        "jsx_opening_element" | "jsx_closing_element" | "jsx_self_closing_element" => Kind::Names(Tag),
        "jsx_expression" | "template_type" => Kind::Code,
        "decorator"
        | "annotation"
        | "marker_annotation"
        | "attribute_item"
        | "inner_attribute_item"
        | "attribute_list"
        | "file_annotation"
        | "jsx_attribute" => Kind::Class(Attribute),
        "command_name" => Kind::Class(Function),
        "symbol" | "simple_symbol" | "hash_key_symbol" => Kind::Class(Constant),
        _ if has(&["comment"]) => Kind::Class(Comment),
        _ if has(&["escape_sequence"]) => Kind::Class(Constant),
        _ if has(&["interpolation", "substitution", "expansion"]) => Kind::Code,
        _ if has(&["string", "char_literal", "character_literal", "rune_literal", "heredoc_body", "regex"]) => {
            Kind::Class(String)
        }
        _ if has(&["integer", "int_literal", "float", "number", "decimal", "imaginary", "real_literal"]) => {
            Kind::Class(Number)
        }
        _ if has(&["call", "invocation", "function", "method", "constructor", "macro"]) => Kind::Names(Function),
        _ if has(&["class", "struct", "enum", "interface", "trait", "object_declaration", "record", "namespace"]) => {
            Kind::Names(Type)
        }
        _ => Kind::Plain,
    }
}

fn field(name: &str) -> Field {
    match name {
        "name" | "function" | "method" | "macro" | "declarator" => Field::Name,
        "field" | "property" | "attribute" => Field::Member,
        _ => Field::Other,
    }
}
