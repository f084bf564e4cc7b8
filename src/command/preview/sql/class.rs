//! What a statement does, by its words. The lists name what is surely understood; everything else is unclear.

use super::Act;
use super::lexer::Token;

/// Functions that only compute. Operators and types with a length stand here, too, since a parenthesis follows them.
const FUNCTIONS: [&str; 73] = [
    "abs",
    "age",
    "all",
    "and",
    "any",
    "array_agg",
    "as",
    "avg",
    "between",
    "bigint",
    "bit",
    "cast",
    "ceil",
    "char",
    "character",
    "check",
    "coalesce",
    "concat",
    "count",
    "current_timestamp",
    "date_part",
    "date_trunc",
    "decimal",
    "else",
    "every",
    "exists",
    "extract",
    "filter",
    "float",
    "floor",
    "from",
    "gen_random_uuid",
    "greatest",
    "group",
    "having",
    "in",
    "interval",
    "key",
    "least",
    "left",
    "length",
    "like",
    "lower",
    "max",
    "min",
    "not",
    "now",
    "nullif",
    "numeric",
    "on",
    "or",
    "over",
    "partition",
    "position",
    "replace",
    "right",
    "round",
    "row",
    "row_number",
    "select",
    "some",
    "substring",
    "sum",
    "then",
    "time",
    "timestamp",
    "timestamptz",
    "to_char",
    "trim",
    "upper",
    "varying",
    "using",
    "where",
];
/// More words that a parenthesis follows.
const BEFORE_LISTS: [&str; 14] = [
    "values",
    "varchar",
    "unique",
    "include",
    "with",
    "when",
    "by",
    "set",
    "union",
    "except",
    "intersect",
    "limit",
    "into",
    "table",
];
/// Settings that a statement may change without changing what the others mean.
const SETTINGS: [&str; 4] =
    ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "client_min_messages"];

type Found = (Act, String);

/// What a statement does; none if it does nothing that is worth a row.
pub fn of(tokens: &[Token<'_>]) -> Option<Found> {
    let statement = Statement(tokens);
    // Whatever a statement is, words that destroy in it count, and so does what is read in more than one way.
    statement.classify().into_iter().chain(statement.hidden()).min_by_key(|(act, _)| *act)
}

struct Statement<'t>(&'t [Token<'t>]);

fn told(act: Act, note: &str) -> Option<Found> {
    Some((act, note.to_owned()))
}

impl Statement<'_> {
    /// The word at a place, in lower case; empty if there is another token.
    fn word(&self, at: usize) -> String {
        match self.0.get(at) {
            Some(Token::Word(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    fn words(&self) -> impl Iterator<Item = String> {
        (0..self.0.len()).map(|at| self.word(at))
    }

    fn has(&self, wanted: &str) -> bool {
        self.words().any(|word| word == wanted)
    }

    /// Whether these words follow one another somewhere.
    fn has_words(&self, wanted: &[&str]) -> bool {
        (0..self.0.len()).any(|at| wanted.iter().enumerate().all(|(off, word)| self.word(at + off) == *word))
    }

    fn classify(&self) -> Option<Found> {
        let first = self.word(0);
        match first.as_str() {
            "begin" | "start" | "commit" | "end" | "savepoint" | "release" | "rollback" | "abort" => {
                match self.has("prepared") {
                    true => told(Act::Unclear, "a prepared transaction"),
                    false => None,
                }
            }
            "set" => self.setting(),
            "show" => None,
            "select" | "values" | "table" | "with" => self.query(),
            "insert" => self.called().or_else(|| told(Act::Create, "adds rows")),
            "update" if self.has("where") => self.called().or_else(|| told(Act::Replace, "overwrites values")),
            "update" => told(Act::Destroy, "overwrites values in every row"),
            "delete" if self.has("where") => told(Act::Destroy, "deletes rows"),
            "delete" => told(Act::Destroy, "deletes every row"),
            "truncate" => told(Act::Destroy, "deletes every row"),
            "drop" => told(Act::Destroy, "drops it with what it holds"),
            "merge" => told(Act::Replace, "overwrites values"),
            "create" => self.creation(),
            "alter" => self.alteration(),
            "comment" => told(Act::Change, ""),
            "grant" => told(Act::Change, "gives rights"),
            "revoke" => told(Act::Change, "takes rights away"),
            "vacuum" | "analyze" | "reindex" | "refresh" | "lock" | "checkpoint" => told(Act::Change, ""),
            "do" | "call" | "execute" => told(Act::Unclear, "runs code that is not looked into"),
            "copy" => told(Act::Unclear, "moves data to or from a file, a program or the script"),
            _ => told(Act::Unclear, "a statement that is not known here"),
        }
    }

    fn setting(&self) -> Option<Found> {
        let at = if matches!(self.word(1).as_str(), "local" | "session") { 2 } else { 1 };
        match SETTINGS.contains(&self.word(at).as_str()) {
            true => None,
            false => told(Act::Unclear, "a setting that may change what other statements do"),
        }
    }

    fn query(&self) -> Option<Found> {
        if let Some(called) = self.called() {
            return Some(called);
        }
        match () {
            () if self.has("insert") => told(Act::Create, "adds rows"),
            () if self.has("into") => told(Act::Create, "makes a table"),
            () => told(Act::Read, ""),
        }
    }

    /// What a statement destroys or overwrites by a word that is not its first one, and what is odd in it.
    fn hidden(&self) -> Option<Found> {
        let mut worst: Option<Found> = None;
        let mut add = |act: Act, note: &str| {
            if worst.as_ref().is_none_or(|(known, _)| act < *known) {
                worst = told(act, note);
            }
        };
        let is_definition = matches!(self.word(0).as_str(), "create" | "alter");
        for at in 0..self.0.len() {
            if self.0[at] == Token::Odd {
                add(Act::Unclear, "what it says depends on a variable or a setting");
            }
            let before = |back: usize| if at < back { String::new() } else { self.word(at - back) };
            match self.word(at).as_str() {
                // `ON DELETE CASCADE` is what a reference does later, and `DROP NOT NULL` loses nothing.
                "delete" | "update" if is_definition && before(1) == "on" => {}
                "delete" | "update" if self.word(0) == "grant" || self.word(0) == "revoke" => {}
                "truncate" if self.word(0) == "grant" || self.word(0) == "revoke" => {}
                "drop" if is_definition && self.loses_nothing(at) => {}
                "delete" | "truncate" | "drop" => add(Act::Destroy, "destroys by a part of it"),
                "update" if before(1) == "for" || before(1) == "key" => {}
                "update" | "merge" if at > 0 => add(Act::Replace, "overwrites values by a part of it"),
                _ => {}
            }
        }
        worst
    }

    /// `DROP NOT NULL` and `DROP DEFAULT` of a column: nothing can have these names without quotes.
    fn loses_nothing(&self, at: usize) -> bool {
        let after = (self.word(at + 1), self.word(at + 2));
        after.0 == "default" || (after.0 == "not" && after.1 == "null")
    }

    fn creation(&self) -> Option<Found> {
        let is_replacing = self.word(1) == "or" && self.word(2) == "replace";
        let mut at = if is_replacing { 3 } else { 1 };
        while matches!(self.word(at).as_str(), "global" | "local" | "temp" | "temporary" | "unlogged" | "unique") {
            at += 1;
        }
        let kind = self.word(at);
        match kind.as_str() {
            "table" | "view" if is_replacing => told(Act::Replace, "takes the place of one that is there"),
            "table" if self.has("execute") => told(Act::Unclear, "runs a prepared statement"),
            // What it is filled from is run now.
            "table" | "view" | "materialized" if self.has("as") => {
                self.called_after("as").or_else(|| told(Act::Create, ""))
            }
            // So is an expression of an index, for each row that is there.
            "index" => {
                let columns = self.0.iter().position(|token| *token == Token::Sign('('));
                columns.and_then(|at| self.called_from(at)).or_else(|| told(Act::Create, ""))
            }
            "table" | "schema" | "type" | "sequence" | "domain" | "view" => told(Act::Create, ""),
            "policy" | "role" | "user" | "database" => told(Act::Create, "changes who may do what"),
            _ => told(Act::Unclear, "code or a rule that acts later"),
        }
    }

    fn alteration(&self) -> Option<Found> {
        match self.word(1).as_str() {
            "table" | "view" | "materialized" => self.alter_table(),
            "type" if self.has_words(&["add", "value"]) => told(Act::Change, ""),
            "index" | "schema" | "sequence" | "type" if self.has_words(&["rename", "to"]) => {
                told(Act::Change, "another name")
            }
            "default" => told(Act::Change, "rights of what is made later"),
            _ => told(Act::Unclear, "a change that is not known here"),
        }
    }

    /// Each action, of which commas outside of parentheses separate several.
    fn alter_table(&self) -> Option<Found> {
        let mut depth = 0_usize;
        let actions = self.0.split(|token| {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && *token == Token::Sign(',')
        });
        let mut worst = told(Act::Change, "");
        for (index, action) in actions.enumerate() {
            let found = Statement(action).action(index == 0);
            if worst.as_ref().is_none_or(|(known, _)| found.0 < *known) {
                worst = Some(found);
            }
        }
        worst
    }

    fn action(&self, is_first: bool) -> Found {
        let unclear = || (Act::Unclear, "a change of a table that is not known here".to_owned());
        if let Some(called) = self.called() {
            return called;
        }
        let verb = if is_first { self.after_table() } else { 0 };
        match self.word(verb).as_str() {
            "alter" if self.has("type") => (Act::Replace, "writes its values anew, as another type".to_owned()),
            "alter" if ["default", "null", "statistics", "storage"].iter().any(|word| self.has(word)) => {
                (Act::Change, String::new())
            }
            "add" | "validate" | "owner" => (Act::Change, String::new()),
            "rename" => (Act::Change, "another name: what uses the old one fails".to_owned()),
            _ => unclear(),
        }
    }

    /// Where the first action of `ALTER TABLE` is: after the name, which may be that of an action.
    fn after_table(&self) -> usize {
        let mut at = if self.word(1) == "materialized" { 3 } else { 2 };
        if self.word(at) == "if" {
            at += 2;
        }
        if self.word(at) == "only" {
            at += 1;
        }
        at += 1;
        while self.0.get(at) == Some(&Token::Sign('.')) {
            at += 2;
        }
        if self.0.get(at) == Some(&Token::Sign('*')) { at + 1 } else { at }
    }

    /// A call of a function that may do anything.
    fn called(&self) -> Option<Found> {
        self.called_from(0)
    }

    fn called_after(&self, word: &str) -> Option<Found> {
        self.called_from((0..self.0.len()).find(|&at| self.word(at) == word)?)
    }

    fn called_from(&self, start: usize) -> Option<Found> {
        let calls = (start + 1..self.0.len()).filter(|&at| self.0[at] == Token::Sign('('));
        let unknown = calls.map(|at| at - 1).find(|&at| self.may_call(at))?;
        let name = self.word(unknown);
        let name = if name.is_empty() { "a function".to_owned() } else { format!("{name}()") };
        told(Act::Unclear, &format!("calls {name}, which may do anything"))
    }

    /// Whether what stands before a parenthesis may be the name of a function with effects.
    fn may_call(&self, at: usize) -> bool {
        let is_after = |words: &[&str]| at > 0 && words.contains(&self.word(at - 1).as_str());
        // The name of a table before its columns. `a.b` is one name.
        let is_table = {
            let mut first = at;
            while first >= 2 && self.0[first - 1] == Token::Sign('.') {
                first -= 2;
            }
            first > 0 && matches!(self.word(first - 1).as_str(), "into" | "references" | "table")
        };
        match self.0[at] {
            _ if is_table => false,
            Token::Word(_) if at > 0 && self.0[at - 1] == Token::Sign('.') => true,
            Token::Word(word) => {
                let word = word.to_ascii_lowercase();
                let is_known = FUNCTIONS.contains(&word.as_str()) || BEFORE_LISTS.contains(&word.as_str());
                !is_known && !is_after(&["conflict"])
            }
            Token::Quoted | Token::Odd => true,
            Token::Value | Token::Sign(_) => false,
        }
    }
}
