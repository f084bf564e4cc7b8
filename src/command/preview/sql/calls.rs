//! Where a statement may call a function: before a parenthesis, and behind a dot.

use std::ops::Range;

use super::lexer::Token;
use super::statement::Statement;
use super::words::{BEFORE_EXPRESSIONS, FUNCTIONS, NO_FUNCTIONS};

impl Statement<'_, '_> {
    /// What these parts may call, which may do anything, as a sentence; none if they surely only compute.
    pub fn called_in(&self, parts: Range<usize>) -> Option<String> {
        parts.into_iter().find_map(|at| match self.token(at) {
            Some(Token::Sign('(')) if at > 0 && self.may_call(at) => {
                let name = self.word(at - 1);
                let name = if name.is_empty() { "a function".to_owned() } else { format!("{name}()") };
                Some(format!("calls {name}, which may do anything"))
            }
            Some(Token::Sign('.')) if self.may_be_attribute(at) => {
                let name = self.word(at + 1);
                let name = if name.is_empty() { "the name after the dot".to_owned() } else { format!(".{name}") };
                Some(format!("{name} is a column, or a function that may do anything"))
            }
            _ => None,
        })
    }

    pub fn called(&self) -> Option<String> {
        self.called_in(0..self.len())
    }

    /// Whether this parenthesis may hold the arguments of a function with effects.
    fn may_call(&self, open: usize) -> bool {
        let name = open - 1;
        if matches!(self.token(name), Some(Token::Value | Token::Sign(_))) || self.begins_no_argument(open) {
            return false;
        }
        let first = self.first_of_name(name);
        if self.is_name_before_columns(first) || self.is_columns_of_index(open) {
            return false;
        }
        match self.token(name) {
            Some(Token::Word(word)) if first == name => !self.is_no_function(&word.to_ascii_lowercase(), name, open),
            _ => true,
        }
    }

    /// What no argument of a function begins with: these words are reserved, or stand together nowhere else.
    fn begins_no_argument(&self, open: usize) -> bool {
        match self.word(open + 1).as_str() {
            "select" | "with" | "where" => true,
            "order" | "partition" => self.word(open + 2) == "by",
            _ => false,
        }
    }

    /// The name of a table, view or the like before its columns.
    fn is_name_before_columns(&self, first: usize) -> bool {
        match self.word_before(first, 1).as_str() {
            "into" | "references" | "table" => true,
            _ => self.word(0) == "create" && self.object() == Some(first),
        }
    }

    /// The first parenthesis of `CREATE INDEX`.
    fn is_columns_of_index(&self, open: usize) -> bool {
        self.is_index() && self.first_open == Some(open)
    }

    fn is_index(&self) -> bool {
        self.word(0) == "create" && (self.word(1) == "index" || (self.word(1) == "unique" && self.word(2) == "index"))
    }

    fn is_no_function(&self, word: &str, name: usize, open: usize) -> bool {
        let before = self.word_before(name, 1);
        let is_definition = matches!(self.word(0).as_str(), "create" | "alter");
        match word {
            "key" => matches!(before.as_str(), "primary" | "foreign"),
            "by" => matches!(before.as_str(), "order" | "group"),
            "set" => self.word(0) == "update" || (before == "update" && self.word_before(name, 2) == "do"),
            "varying" => matches!(before.as_str(), "character" | "char" | "bit" | "nchar"),
            // After `DISTINCT ON (…)` an expression follows, and could be a call.
            "include" | "inherits" => {
                let is_after_list = name > 0 && self.token(name - 1) == Some(Token::Sign(')'));
                is_definition && is_after_list && !self.has_distinct
            }
            "identity" => is_definition && before == "as",
            "enum" => self.word(0) == "create" && self.word(1) == "type" && before == "as",
            "range" | "list" | "hash" => {
                let is_partitioned = before == "by" && self.word_before(name, 2) == "partition";
                self.word(0) == "create" && is_partitioned && self.opened(name).is_none()
            }
            // It takes a number from a sequence, as each row will that gets the default. A function of the same name
            // for another type would be called for anything else.
            "nextval" => {
                let is_sequence = self.token(open + 1) == Some(Token::Value) && self.word(open + 3) == "regclass";
                let is_cast = self.parts.get(open + 2).is_some_and(|part| part.text == "::");
                is_definition && before == "default" && is_sequence && is_cast && self.closed(open) == open + 4
            }
            "conflict" => before == "on" && self.word(self.closed(open) + 1) == "do",
            _ => FUNCTIONS.contains(&word) || NO_FUNCTIONS.contains(&word),
        }
    }

    /// Whether what is behind this dot may be a function: `a.b` is `b(a)` if the table `a` has no column `b`. Names of
    /// tables and types are told by what stands before them.
    fn may_be_attribute(&self, dot: usize) -> bool {
        if !matches!(self.token(dot + 1), Some(Token::Word(_) | Token::Quoted(_) | Token::Odd)) || dot == 0 {
            return false;
        }
        if matches!(self.token(dot - 1), Some(Token::Sign(_) | Token::Value)) {
            return true;
        }
        let first = dot - 1;
        let before = first.checked_sub(1).and_then(|at| self.parts.get(at));
        if before.is_some_and(|part| part.token == Token::Sign('.')) {
            // The first dot of the name was judged.
            return false;
        }
        let is_after_cast = before.is_some_and(|part| part.text == "::");
        let is_definition = matches!(self.word(0).as_str(), "create" | "alter");
        let is_other_name = match self.word_before(first, 1).as_str() {
            // Reserved, and followed by a name of a table or type alone.
            "into" | "references" | "table" | "join" | "collate" | "as" | "only" => true,
            "from" => self.is_from_clause(first - 1),
            "on" => self.is_index() && self.first_on == Some(first - 1),
            "of" => self.word(0) == "create" && self.word_before(first, 2) == "partition",
            "like" => self.word(0) == "create" && self.is_at_start_of_element(first - 1),
            _ => is_definition && (self.object() == Some(first) || self.is_type_of_column(first)),
        };
        !is_after_cast && !is_other_name && !self.is_before_parenthesis(dot)
    }

    /// Before a parenthesis it is the name of a function or table, which [`Self::may_call`] tells apart.
    fn is_before_parenthesis(&self, dot: usize) -> bool {
        let mut end = dot + 2;
        while self.token(end) == Some(Token::Sign('.')) {
            end += 2;
        }
        self.token(end) == Some(Token::Sign('('))
    }

    /// `FROM` before tables, and not that of `extract(year FROM a)` or `IS DISTINCT FROM a`.
    fn is_from_clause(&self, from: usize) -> bool {
        let is_query = |open: usize| matches!(self.word(open + 1).as_str(), "select" | "with");
        self.word_before(from, 1) != "distinct" && self.opened(from).is_none_or(is_query)
    }

    fn is_at_start_of_element(&self, at: usize) -> bool {
        at > 0 && matches!(self.token(at - 1), Some(Token::Sign('(' | ',')))
    }

    /// `a s.kind` after a parenthesis, a comma or `ADD`: two names follow one another in no expression.
    fn is_type_of_column(&self, first: usize) -> bool {
        let Some(column) = first.checked_sub(1).filter(|at| *at > 0) else { return false };
        let is_name = match self.token(column) {
            Some(Token::Quoted(_)) => true,
            Some(Token::Word(word)) => !BEFORE_EXPRESSIONS.contains(&word.to_ascii_lowercase().as_str()),
            _ => false,
        };
        // These words may be names of columns, too: only what `ALTER` itself adds has a type there.
        let is_action = self.word(0) == "alter" && self.opened(column).is_none();
        let is_after = is_action && matches!(self.word_before(column, 1).as_str(), "add" | "column" | "exists");
        is_name && (self.is_at_start_of_element(column) || is_after)
    }
}
