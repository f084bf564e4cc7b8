//! What a statement does, by its words. The lists name what is surely understood; everything else is unclear.

use std::ops::Range;

use super::lexer::{Part, Token};
use super::statement::Statement;
use super::words::{CATALOGS, SETTINGS};
use super::{Act, MAX_ROWS};

/// One thing that a statement does.
#[derive(Debug)]
pub struct Found {
    pub act: Act,
    pub note: String,
    /// The words that it is told by.
    pub parts: Range<usize>,
    /// What is told before them, so that they make sense: the verb of a list, or the start of a long statement.
    pub verb: Range<usize>,
    /// Whether something else is between the two.
    pub has_gap: bool,
}

type Told = (Act, String);

/// The things that a statement does; none that is worth a row, perhaps.
pub fn of(parts: &[Part<'_>]) -> Vec<Found> {
    let statement = Statement::of(parts);
    let mut found = match statement.word(0).as_str() {
        "drop" | "truncate" => statement.objects().into_iter().chain(statement.hidden()).collect(),
        "alter" if matches!(statement.word(1).as_str(), "table" | "view" | "materialized") => statement.actions(),
        _ => {
            let whole = statement.classify().map(|told| statement.found(told, 0..statement.len()));
            whole.into_iter().chain(statement.hidden()).collect()
        }
    };
    // Whatever a statement is, what is read in more than one way counts.
    if parts.iter().any(|part| part.token == Token::Odd) {
        doubt(&mut found, parts, "what it says depends on a variable or a setting");
    }
    // psql sends it as one statement.
    if parts.iter().any(|part| part.token == Token::Sign(';')) {
        doubt(&mut found, parts, "a semicolon in parentheses");
    }
    found
}

/// Makes a statement unclear that would be harmless.
pub fn doubt(found: &mut Vec<Found>, parts: &[Part<'_>], note: &str) {
    if found.iter().any(|own| own.act <= Act::Unclear) {
        return;
    }
    if found.is_empty() {
        found.push(Found { act: Act::Unclear, note: String::new(), parts: 0..parts.len(), verb: 0..0, has_gap: false });
    }
    (found[0].act, found[0].note) = (Act::Unclear, note.to_owned());
}

/// The name of a type that a statement makes, and by which others may run code: not that of a list of values.
pub fn made_type(parts: &[Part<'_>]) -> Option<String> {
    let statement = Statement::of(&parts[..parts.len().min(40)]);
    let is_type = match (statement.word(0).as_str(), statement.word(1).as_str()) {
        ("create", "domain") => true,
        ("create", "type") => !statement.is_enum(),
        _ => false,
    };
    let name = statement.object().filter(|_| is_type).map(|first| statement.after_name(first) - 1)?;
    statement.token(name).and_then(name_of)
}

/// The name that a token is, as PostgreSQL compares it.
pub fn name_of(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.to_ascii_lowercase()),
        Token::Quoted(name) => Some(name.replace("\"\"", "\"")),
        _ => None,
    }
}

fn told(act: Act, note: &str) -> Option<Told> {
    Some((act, note.to_owned()))
}

/// How many parts of the start of a statement tell what a part of it is in.
const START: usize = 8;

impl Statement<'_, '_> {
    fn found(&self, (act, note): Told, parts: Range<usize>) -> Found {
        Found { act, note, parts, verb: 0..0, has_gap: false }
    }

    /// Whether these words follow one another from a place on.
    fn reads(&self, at: usize, wanted: &[&str]) -> bool {
        wanted.iter().enumerate().all(|(off, word)| self.word(at + off) == *word)
    }

    /// Unclear if it calls what may do anything.
    fn unless_called(&self, act: Act, note: &str) -> Option<Told> {
        Some(self.called().map_or_else(|| (act, note.to_owned()), |called| (Act::Unclear, called)))
    }

    fn classify(&self) -> Option<Told> {
        match self.word(0).as_str() {
            "begin" | "start" | "commit" | "end" | "savepoint" | "release" | "rollback" | "abort" => {
                if self.has("prepared") { told(Act::Unclear, "a prepared transaction") } else { self.nothing() }
            }
            "set" => self.setting(),
            "show" => self.nothing(),
            "select" | "values" | "table" | "with" => self.query(),
            "insert" => self.unless_called(Act::Create, "adds rows"),
            "update" => Some(self.update()),
            "delete" if self.has_condition() => told(Act::Destroy, "deletes rows"),
            "delete" => told(Act::Destroy, "deletes every row"),
            "merge" => told(Act::Replace, "overwrites values"),
            "create" => self.creation(),
            "alter" => self.alteration(),
            "comment" => told(Act::Change, ""),
            "grant" => told(Act::Unclear, "gives rights"),
            "revoke" => told(Act::Unclear, "takes rights away"),
            "refresh" if self.has("no") => told(Act::Destroy, "empties it"),
            "refresh" => told(Act::Replace, "refills it"),
            "vacuum" | "analyze" | "reindex" | "lock" | "checkpoint" => told(Act::Change, ""),
            "do" | "call" | "execute" => told(Act::Unclear, "runs code that is not looked into"),
            "copy" => told(Act::Unclear, "moves data to or from a file, a program or the script"),
            _ => told(Act::Unclear, "a statement that is not known here"),
        }
    }

    /// A statement that does nothing to data, and has no place for an expression.
    fn nothing(&self) -> Option<Told> {
        self.first_open.and_then(|_| told(Act::Unclear, "a statement of a form that is not known here"))
    }

    fn setting(&self) -> Option<Told> {
        let at = if matches!(self.word(1).as_str(), "local" | "session") { 2 } else { 1 };
        match SETTINGS.contains(&self.word(at).as_str()) {
            true => self.nothing(),
            false => told(Act::Unclear, "a setting that may change what other statements do"),
        }
    }

    fn query(&self) -> Option<Told> {
        let (act, note) = match () {
            () if self.has("insert") => (Act::Create, "adds rows"),
            () if self.has("into") => (Act::Create, "makes a table"),
            () => (Act::Read, ""),
        };
        self.unless_called(act, note)
    }

    fn update(&self) -> Told {
        let (act, note) = match self.has_condition() {
            true => (Act::Replace, "overwrites values"),
            false => (Act::Destroy, "overwrites values in every row"),
        };
        (act, self.called().map_or_else(|| note.to_owned(), |called| format!("{note}; {called}")))
    }

    /// Whether the statement itself has a condition, and not only a query in it.
    fn has_condition(&self) -> bool {
        self.has_condition_from(0)
    }

    /// Whether the part of it that begins at a word has a condition; a label may have that name, and so may a column.
    fn has_condition_from(&self, start: usize) -> bool {
        let is_name = |at: usize| at > 0 && (self.token(at - 1) == Some(Token::Sign('.')) || self.word(at - 1) == "as");
        let end = self.opened(start).map_or(self.len(), |open| self.closed(open));
        let mut own = (start..end).filter(|at| self.opened(*at) == self.opened(start));
        own.any(|at| self.word(at) == "where" && !is_name(at))
    }

    /// Rows in the catalog are objects, rights and settings, and those of a scheduler in the database are commands.
    fn is_of_catalog(&self, first: usize) -> bool {
        let is_part = |at: &usize| *at == first || self.token(at - 1) == Some(Token::Sign('.'));
        let names = (first..first + 8).step_by(2).take_while(is_part);
        let mut names = names.filter_map(|at| self.token(at).and_then(name_of));
        names.any(|name| name.starts_with("pg_") || CATALOGS.contains(&name.as_str()))
    }

    /// What a statement destroys or overwrites by a word that is not its first one.
    fn hidden(&self) -> Vec<Found> {
        let found = (1..self.len()).filter_map(|at| {
            let told = self.hidden_at(at)?;
            let end = self.opened(at).map_or(self.len(), |open| self.closed(open));
            Some(Found { verb: 0..at.min(START), has_gap: at > START, ..self.found(told, at..end) })
        });
        found.take(MAX_ROWS + 1).collect()
    }

    fn hidden_at(&self, at: usize) -> Option<Told> {
        let word = self.word(at);
        let is_definition = matches!(self.word(0).as_str(), "create" | "alter");
        let is_grant = matches!(self.word(0).as_str(), "grant" | "revoke");
        let before = self.word(at - 1);
        match word.as_str() {
            // `ON DELETE CASCADE` is what a reference does later, and `DROP NOT NULL` loses nothing.
            "delete" | "update" if is_definition && before == "on" => None,
            "delete" | "update" | "truncate" if is_grant => None,
            "drop" if is_definition && self.loses_nothing(at) => None,
            "delete" | "truncate" | "drop" => told(Act::Destroy, "destroys by a part of it"),
            // `FOR` is reserved. `KEY` is not: `SEARCH DEPTH FIRST BY n SET key UPDATE …` overwrites.
            "update" if before == "for" || at >= 3 && self.reads(at - 3, &["for", "no", "key"]) => None,
            "update" if before != "do" && !self.has_condition_from(at) => {
                told(Act::Destroy, "overwrites values in every row by a part of it")
            }
            "update" | "merge" => told(Act::Replace, "overwrites values by a part of it"),
            "into" if self.is_of_catalog(at + 1) => {
                told(Act::Unclear, "writes into the catalog, or that of a scheduler")
            }
            _ => None,
        }
    }

    /// `DROP NOT NULL` and `DROP DEFAULT` of a column: nothing can have these names without quotes.
    fn loses_nothing(&self, at: usize) -> bool {
        self.word(at + 1) == "default" || self.reads(at + 1, &["not", "null"])
    }

    /// Each object of `DROP` or `TRUNCATE`, which commas separate.
    fn objects(&self) -> Vec<Found> {
        let is_drop = self.word(0) == "drop";
        let is_cascade = self.word(self.len() - 1) == "cascade";
        let note = match (is_drop, is_cascade) {
            (true, false) => "drops it with what it holds",
            (true, true) => "drops it with what it holds, and what depends on it",
            (false, false) => "deletes every row",
            (false, true) => "deletes every row, and those of tables that refer to it",
        };
        let is_long = matches!(self.word(1).as_str(), "materialized" | "foreign" | "event" | "owned" | "access");
        let verb = match (is_drop, is_long) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 3,
        };
        let found = self.lists(0).into_iter().map(|parts| {
            let verb = if parts.start == 0 { 0..0 } else { 0..verb };
            Found { verb, ..self.found((Act::Destroy, note.to_owned()), parts) }
        });
        found.collect()
    }

    /// What commas outside of parentheses separate; more than a preview has rows are one.
    fn lists(&self, start: usize) -> Vec<Range<usize>> {
        let is_comma = |at: &usize| self.opened(*at).is_none() && self.token(*at) == Some(Token::Sign(','));
        let commas: Vec<usize> = (start..self.len()).filter(is_comma).take(MAX_ROWS).chain([self.len()]).collect();
        let starts = [start].into_iter().chain(commas.iter().map(|comma| comma + 1));
        starts.zip(commas.iter().copied()).map(|(start, end)| start..end).collect()
    }

    fn creation(&self) -> Option<Told> {
        let is_replacing = self.reads(1, &["or", "replace"]);
        let end = self.object().map_or(0, |first| self.after_name(first));
        match self.word(self.kind()).as_str() {
            "table" | "view" if is_replacing => told(Act::Replace, "takes the place of one that is there"),
            "table" if self.has("execute") => told(Act::Unclear, "runs a prepared statement"),
            // What it is filled from, and the bounds of a partition, are run now; what it checks or adds, with each
            // row; an index, for each row that is there.
            "table" | "view" | "materialized" | "index" | "domain" => self.unless_called(Act::Create, ""),
            "type" if self.is_enum() || self.reads(end, &["as"]) && self.token(end + 1) == Some(Token::Sign('(')) => {
                self.unless_called(Act::Create, "")
            }
            // It has no expression.
            "sequence" => told(Act::Create, ""),
            "schema" | "database" if end == self.len() && self.word(end - 1) != "authorization" => {
                told(Act::Create, "")
            }
            "schema" | "database" => told(Act::Unclear, "makes more than itself, or for somebody else"),
            "policy" | "role" | "user" | "group" => told(Act::Unclear, "changes who may do what"),
            _ => told(Act::Unclear, "code or a rule that acts later"),
        }
    }

    /// A type that is a list of values: nothing can be run by it.
    pub fn is_enum(&self) -> bool {
        self.object().is_some_and(|first| self.reads(self.after_name(first), &["as", "enum"]))
    }

    fn alteration(&self) -> Option<Told> {
        let after = self.object().map_or(self.len(), |first| self.after_name(first));
        match self.word(1).as_str() {
            "type" if self.reads(after, &["add", "value"]) => told(Act::Change, ""),
            "index" | "schema" | "sequence" | "type" if self.reads(after, &["rename", "to"]) => {
                told(Act::Change, "another name")
            }
            "default" => told(Act::Unclear, "rights of what is made later"),
            _ => told(Act::Unclear, "a change that is not known here"),
        }
    }

    /// Each action of `ALTER TABLE` or `ALTER VIEW`.
    fn actions(&self) -> Vec<Found> {
        let first = self.object().unwrap_or(self.len());
        let after = self.after_name(first);
        let verb = if self.token(after) == Some(Token::Sign('*')) { after + 1 } else { after };
        let is_known = matches!(self.token(first), Some(Token::Word(_) | Token::Quoted(_))) && verb < self.len();
        if !is_known || self.is_of_catalog(first) {
            let told = (Act::Unclear, "a change of a table that is not known here".to_owned());
            return [self.found(told, 0..self.len())].into_iter().chain(self.hidden()).collect();
        }
        let found = self.lists(verb).into_iter().map(|parts| {
            let hidden = (parts.start + 1..parts.end).filter_map(|at| self.hidden_at(at));
            let worst = |worst: Told, told: Told| if told.0 < worst.0 { told } else { worst };
            let told = hidden.fold(self.action(&parts), worst);
            Found { verb: 0..verb, ..self.found(told, parts) }
        });
        found.collect()
    }

    fn action(&self, parts: &Range<usize>) -> Told {
        let (act, note) = match self.word(parts.start).as_str() {
            "add" | "validate" => (Act::Change, ""),
            "alter" => self.column_action(parts),
            "drop" => (Act::Destroy, "drops it with what it holds"),
            "owner" => (Act::Unclear, "makes somebody else its owner"),
            "rename" => (Act::Change, "another name: what uses the old one fails"),
            _ => (Act::Unclear, "a change of a table that is not known here"),
        };
        match self.called_in(parts.clone()) {
            Some(called) if act < Act::Unclear => (act, format!("{note}; {called}")),
            Some(called) => (Act::Unclear, called),
            None => (act, note.to_owned()),
        }
    }

    /// `ALTER [COLUMN] name …`. The name may be that of an action.
    fn column_action(&self, parts: &Range<usize>) -> (Act, &'static str) {
        let name = if self.word(parts.start + 1) == "column" { parts.start + 2 } else { parts.start + 1 };
        let at = name + 1;
        match () {
            () if self.reads(at, &["type"]) || self.reads(at, &["set", "data"]) => {
                (Act::Replace, "rewrites its values as another type")
            }
            () if self.word(at) == "drop" && self.loses_nothing(at) => (Act::Change, ""),
            () if self.word(at) == "drop" => (Act::Destroy, "drops a part of it"),
            () if self.reads(at, &["set", "not", "null"]) || self.reads(at, &["add", "generated"]) => (Act::Change, ""),
            () if self.word(at) == "set"
                && matches!(self.word(at + 1).as_str(), "default" | "statistics" | "storage") =>
            {
                (Act::Change, "")
            }
            () => (Act::Unclear, "a change of a column that is not known here"),
        }
    }
}
