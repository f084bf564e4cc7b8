//! SQL statements: the action and object of each. A small tokenizer, for SQL files and for texts in code.

/// The most statements of one text.
const MAX_STATEMENTS: usize = 5_000;

/// The SQL statements of a text: how many lines before each, its verb and object, its text. Linear.
pub(super) fn statements(text: &str) -> Vec<(u32, String, String)> {
    let statement = |(line, words): (u32, Vec<&str>)| Some((line, object(&words)?, spelled(&words)));
    split(text).into_iter().filter(|(_, words)| !is_sentence(words)).filter_map(statement).collect()
}

/// Whether it is prose: no table is called `the`, except in brackets or quotes.
fn is_sentence(words: &[&str]) -> bool {
    const ARTICLES: &[&str] = &["the", "your", "this", "these", "all", "its", "our", "their"];
    let follows = |pair: &[&str]| ["FROM", "INTO", "TABLE", "UPDATE", "SET"].contains(&upper(pair.first()).as_str());
    words.windows(2).any(|pair| follows(pair) && ARTICLES.contains(&pair[1]))
}

/// Words, symbols and literals of each statement, without comments, and its first line.
fn split(text: &str) -> Vec<(u32, Vec<&str>)> {
    let mut statements = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let (mut line, mut begins, mut rest) = (0, 0, text);
    while let Some(first) = rest.chars().next() {
        let ends = length(rest, first);
        let token = &rest[..(ends..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len())];
        let is_comment = token.starts_with("--") || token.starts_with("/*");
        if first == ';' {
            statements.push((begins, std::mem::take(&mut words)));
        } else if !first.is_whitespace() && !is_comment {
            begins = if words.is_empty() { line } else { begins };
            words.push(token);
        }
        line += u32::try_from(token.matches('\n').count()).unwrap_or(0);
        rest = &rest[token.len()..];
        if statements.len() >= MAX_STATEMENTS {
            return statements;
        }
    }
    statements.push((begins, words));
    statements
}

/// The length of the first token of a text in bytes: a word, a literal, a comment, blanks, or else one character.
fn length(text: &str, first: char) -> usize {
    let until = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    let word = |fits: fn(char) -> bool| text.find(|c| !fits(c)).unwrap_or(text.len());
    match first {
        _ if text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
        _ if text.starts_with("/*") => until("*/", 2),
        '\'' | '"' | '`' => until(&text[..1], 1),
        '[' => bracketed(text),
        _ if first.is_whitespace() => word(char::is_whitespace),
        _ if is_of_word(first) => word(is_of_word),
        _ => first.len_utf8(),
    }
    .clamp(first.len_utf8(), text.len())
}

/// `[orders]`, a name in SQL Server.
fn bracketed(text: &str) -> usize {
    let end = text[1..].find(|c: char| !is_of_word(c)).map_or(text.len(), |at| at + 1);
    if text[end..].starts_with(']') { end + 1 } else { 1 }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '@' | '?' | ':' | '%')
}

/// With one blank between words, and none before a comma or inside brackets.
fn spelled(words: &[&str]) -> String {
    let mut out = String::new();
    for word in words {
        let is_tight = out.is_empty() || out.ends_with('(') || matches!(*word, ")" | ",");
        if !is_tight {
            out.push(' ');
        }
        out.extend(word.split_whitespace().flat_map(|part| [" ", part]).skip(1));
        if out.len() > super::MAX_TEXT {
            break;
        }
    }
    super::cut(out)
}

/// The action of a statement, if it is one: `DROP TABLE orders`, `DELETE orders without WHERE`.
fn object(words: &[&str]) -> Option<String> {
    let verb = words.first()?.to_ascii_uppercase();
    let has = |word: &str| words.iter().any(|said| said.eq_ignore_ascii_case(word));
    match verb.as_str() {
        "SELECT" => has("FROM").then(|| format!("SELECT {}", after(words, &["FROM"]))),
        "INSERT" | "REPLACE" | "MERGE" => has("INTO").then(|| format!("{verb} {}", after(words, &["INTO"]))),
        "UPDATE" => has("SET").then(|| conditional("UPDATE", first_name(&words[1..]), has("WHERE"))),
        "DELETE" => has("FROM").then(|| conditional("DELETE", after(words, &["FROM"]), has("WHERE"))),
        "TRUNCATE" => truncated(words).map(|name| format!("TRUNCATE {name}")),
        "GRANT" | "REVOKE" => (has("TO") || has("FROM")).then(|| format!("{verb} {}", upper(words.get(1)))),
        "DROP" | "CREATE" => of_schema(&verb, &words[1..]),
        "ALTER" => altered(&words[1..]),
        "WITH" => (has("AS") && has("(")).then(|| with(words)),
        _ => None,
    }
}

fn conditional(verb: &str, name: String, has_condition: bool) -> String {
    format!("{verb} {name}{}", if has_condition { "" } else { " without WHERE" })
}

/// The action of a statement after common table expressions.
fn with(words: &[&str]) -> String {
    let is_verb = |word: &&&str| ["DELETE", "UPDATE", "INSERT"].iter().any(|verb| word.eq_ignore_ascii_case(verb));
    let at = words.iter().position(|word| is_verb(&word)).unwrap_or(words.len());
    object(&words[at..]).unwrap_or_else(|| format!("SELECT {}", after(words, &["FROM"])))
}

/// `TRUNCATE orders`, but not a sentence that begins with the word.
fn truncated(words: &[&str]) -> Option<String> {
    let has_table = words.get(1)?.eq_ignore_ascii_case("TABLE");
    (has_table || words.len() == 2).then(|| first_name(&words[1 + usize::from(has_table)..]))
}

const THINGS: &[&str] = &[
    "COLUMN",
    "CONSTRAINT",
    "DATABASE",
    "EVENT",
    "EXTENSION",
    "FUNCTION",
    "INDEX",
    "KEYSPACE",
    "MATERIALIZED",
    "POLICY",
    "PROCEDURE",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "TABLE",
    "TABLESPACE",
    "TRIGGER",
    "TYPE",
    "USER",
    "VIEW",
];

/// `DROP TABLE orders`: the object type, whatever is in between, and its name.
fn of_schema(verb: &str, words: &[&str]) -> Option<String> {
    const MAX_WORDS_BETWEEN: usize = 4;
    let at = words.iter().take(MAX_WORDS_BETWEEN).position(|word| THINGS.contains(&upper(Some(word)).as_str()))?;
    let between = words[..at].iter().all(|word| BETWEEN.contains(&upper(Some(word)).as_str()));
    (between && at + 1 < words.len())
        .then(|| format!("{verb} {} {}", upper(words.get(at)), first_name(&words[at + 1..])))
}

const BETWEEN: &[&str] =
    &["OR", "REPLACE", "UNIQUE", "TEMP", "TEMPORARY", "MATERIALIZED", "GLOBAL", "LOCAL", "UNLOGGED", "RECURSIVE"];

/// `ALTER TABLE orders DROP COLUMN total`.
fn altered(words: &[&str]) -> Option<String> {
    let thing = upper(words.first()).to_owned();
    let name = words.get(1..).filter(|_| THINGS.contains(&thing.as_str()))?;
    let at = name_at(name);
    let action = name.get(at + 1..).unwrap_or_default();
    let verb = upper(action.first());
    let of = match (verb.as_str(), upper(action.get(1)).as_str()) {
        ("DROP" | "ADD" | "ALTER" | "RENAME" | "MODIFY" | "CHANGE", thing) if THINGS.contains(&thing) => {
            format!(" {verb} {thing} {}", first_name(&action[2..]))
        }
        ("DROP" | "ADD" | "ALTER" | "MODIFY" | "CHANGE", _) => format!(" {verb} COLUMN {}", first_name(&action[1..])),
        ("RENAME", next) => format!(" RENAME {next} {}", first_name(action.get(2..).unwrap_or_default())),
        ("", _) => String::new(),
        (verb, next) => format!(" {verb} {next}"),
    };
    Some(format!("ALTER {thing} {}{}", first_name(name), of.trim_end()))
}

fn after(words: &[&str], before: &[&str]) -> String {
    let at = words.iter().position(|word| before.iter().any(|before| word.eq_ignore_ascii_case(before)));
    first_name(at.and_then(|at| words.get(at + 1..)).unwrap_or_default())
}

/// The position of the name, after `IF EXISTS`, `ONLY` and the like.
fn name_at(words: &[&str]) -> usize {
    const SKIPPED: &[&str] =
        &["IF", "NOT", "EXISTS", "ONLY", "CONCURRENTLY", "LOW_PRIORITY", "IGNORE", "VIEW", "TABLE"];
    words.iter().position(|word| !SKIPPED.contains(&upper(Some(word)).as_str())).unwrap_or(words.len())
}

fn first_name(words: &[&str]) -> String {
    let name = words.get(name_at(words)).copied().unwrap_or_default();
    name.trim_matches(['"', '`', '\'', '[', ']']).replace(['"', '`'], "")
}

fn upper(word: Option<&&str>) -> String {
    word.map(|word| word.to_ascii_uppercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<String> {
        statements(text).into_iter().map(|(_, object, _)| object).collect()
    }

    #[test]
    fn a_letter_beyond_ascii_behind_a_bracket_is_no_panic() {
        assert_eq!(statements("[⌚ Refreshing...] `; [é]; [é"), []);
    }

    #[test]
    fn a_statement_is_its_verb_and_what_it_is_about() {
        let rows: &[(&str, &str)] = &[
            ("DROP TABLE IF EXISTS `orders` CASCADE", "DROP TABLE orders"),
            ("drop database shop", "DROP DATABASE shop"),
            ("ALTER TABLE public.orders\n  DROP COLUMN total", "ALTER TABLE public.orders DROP COLUMN total"),
            ("ALTER TABLE orders DROP total", "ALTER TABLE orders DROP COLUMN total"),
            ("alter table only orders rename to bills", "ALTER TABLE orders RENAME TO bills"),
            ("ALTER TABLE orders ALTER COLUMN total SET NOT NULL", "ALTER TABLE orders ALTER COLUMN total"),
            ("DELETE FROM orders", "DELETE orders without WHERE"),
            ("DELETE FROM orders WHERE id = 1", "DELETE orders"),
            ("UPDATE orders SET total = 0", "UPDATE orders without WHERE"),
            ("TRUNCATE TABLE orders", "TRUNCATE orders"),
            ("TRUNCATE orders", "TRUNCATE orders"),
            ("SELECT * FROM orders -- all\nWHERE x = ';'", "SELECT orders"),
            ("INSERT INTO orders (a) VALUES (1)", "INSERT orders"),
            ("CREATE UNIQUE INDEX CONCURRENTLY by_total ON orders (total)", "CREATE INDEX by_total"),
            ("GRANT ALL ON orders TO PUBLIC", "GRANT ALL"),
            ("WITH old AS (SELECT 1) DELETE FROM orders", "DELETE orders without WHERE"),
        ];
        for (text, object) in rows {
            assert_eq!(objects(text), [*object], "{text}");
        }
    }

    #[test]
    fn sentences_that_begin_like_a_statement_are_none() {
        for text in [
            "Delete this item?",
            "Update failed",
            "Create a new user",
            "Select a file",
            "truncate long lines",
            "drop it",
            "Delete ${name} from the list?",
            "Update the table and set your own limits",
        ] {
            assert!(objects(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn statements_of_a_file_know_their_lines_and_are_spelled_alike() {
        let text = "-- gone\nBEGIN;\nDROP TABLE a;\n/* b */ DELETE\nFROM b\nWHERE x IN ( 1 ,2 );";
        let found = statements(text);
        assert_eq!(found[0], (2, "DROP TABLE a".to_owned(), "DROP TABLE a".to_owned()));
        assert_eq!(found[1], (3, "DELETE b".to_owned(), "DELETE FROM b WHERE x IN (1, 2)".to_owned()));
    }
}
