//! SQL statements: the action and object of each. A small tokenizer, for SQL files and for texts in code.

/// The most statements of one text.
const MAX_STATEMENTS: usize = 5_000;

/// What a statement does, or a clause of one that changes a table.
#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    /// How many lines of the text are before its first and its last one.
    pub lines: std::ops::RangeInclusive<u32>,
    /// Its verb and what it is about.
    pub object: String,
    pub text: String,
}

/// A token, and how many lines are before it.
type Word<'t> = (u32, &'t str);

/// The SQL statements of a text. Linear.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let found = split(text).into_iter().filter(|words| !is_sentence(&plain(words)));
    found
        .flat_map(|words| clauses(&words).into_iter().filter_map(|clause| statement(&clause)).collect::<Vec<_>>())
        .collect()
}

fn plain<'t>(words: &[Word<'t>]) -> Vec<&'t str> {
    words.iter().map(|(_, word)| *word).collect()
}

fn statement(words: &[Word]) -> Option<Statement> {
    let (first, _) = words.first()?;
    let lines = words.iter().map(|(line, word)| line + newlines(word));
    let last = lines.max()?;
    let said = plain(words);
    Some(Statement { lines: *first..=last, object: object(&said)?, text: spelled(&said) })
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(0)
}

/// The clauses of `ALTER TABLE orders ADD COLUMN a int, DROP COLUMN b`, each as a statement of its own; otherwise the
/// statement. A clause without a verb has that of the clause before it.
fn clauses<'t>(words: &[Word<'t>]) -> Vec<Vec<Word<'t>>> {
    let said = plain(words);
    let is_table = upper(said.first()) == "ALTER" && upper(said.get(1)) == "TABLE";
    let head = 2 + name_at(said.get(2..).unwrap_or_default()) + 1;
    if !is_table || head >= words.len() {
        return vec![words.to_vec()];
    }
    let mut parts: Vec<Vec<Word>> = vec![Vec::new()];
    let mut depth = 0_u32;
    for word in &words[head..] {
        match word.1 {
            "," if depth == 0 && parts.len() < MAX_CLAUSES => {
                parts.push(Vec::new());
                continue;
            }
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(*word);
        }
    }
    if parts.len() == 1 {
        return vec![words.to_vec()];
    }
    let mut before: Vec<Word> = Vec::new();
    let whole = |part: Vec<Word<'t>>| {
        let has_verb = part.first().is_some_and(|(_, word)| VERBS.contains(&upper(Some(word)).as_str()));
        if has_verb {
            let named = part.get(1).is_some_and(|(_, word)| THINGS.contains(&upper(Some(word)).as_str()));
            before = part[..1 + usize::from(named)].to_vec();
        }
        let verb = if has_verb { &[] } else { before.as_slice() };
        // All on the lines of the clause, so that it alone is what a change touches.
        let line = part.first().map_or(0, |(line, _)| *line);
        let moved = words[..head].iter().chain(verb).map(|(_, word)| (line, *word));
        moved.chain(part.iter().copied()).collect()
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(whole).collect()
}

/// The most clauses of one statement.
const MAX_CLAUSES: usize = 500;
/// The verbs that clauses begin with.
const VERBS: &[&str] = &[
    "ADD", "ALTER", "ATTACH", "CHANGE", "CLUSTER", "CONVERT", "DETACH", "DISABLE", "DROP", "ENABLE", "ENGINE", "FORCE",
    "INHERIT", "MODIFY", "NO", "OWNER", "RENAME", "RESET", "SET", "VALIDATE",
];

/// Whether it is prose: no table is called `the`, except in brackets or quotes.
fn is_sentence(words: &[&str]) -> bool {
    const ARTICLES: &[&str] = &["the", "your", "this", "these", "all", "its", "our", "their"];
    let follows = |pair: &[&str]| ["FROM", "INTO", "TABLE", "UPDATE", "SET"].contains(&upper(pair.first()).as_str());
    words.windows(2).any(|pair| follows(pair) && ARTICLES.contains(&pair[1]))
}

/// Words, symbols and literals of each statement, without comments.
fn split(text: &str) -> Vec<Vec<Word<'_>>> {
    let mut statements = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    let (mut line, mut rest) = (0, text);
    while let Some(first) = rest.chars().next() {
        let ends = length(rest, first);
        let token = &rest[..(ends..=rest.len()).find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len())];
        let is_comment = token.starts_with("--") || token.starts_with("/*");
        if first == ';' {
            statements.push(std::mem::take(&mut words));
        } else if !first.is_whitespace() && !is_comment {
            words.push((line, token));
        }
        line += newlines(token);
        rest = &rest[token.len()..];
        if statements.len() >= MAX_STATEMENTS {
            return statements;
        }
    }
    statements.push(words);
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
        "UPDATE" => has("SET").then(|| conditional("UPDATE", first_name(&words[1..]), is_conditional(words))),
        "DELETE" => is_delete(words).then(|| conditional("DELETE", after(words, &["FROM"]), is_conditional(words))),
        "TRUNCATE" => truncated(words).map(|name| format!("TRUNCATE {name}")),
        "GRANT" | "REVOKE" => (has("TO") || has("FROM")).then(|| format!("{verb} {}", upper(words.get(1)))),
        "DROP" | "CREATE" => of_schema(&verb, &words[1..]),
        "ALTER" => altered(&words[1..]),
        "WITH" => (has("AS") && has("(")).then(|| with(words)),
        _ => None,
    }
}

/// Whether `delete` is the verb of a statement: what is named before `FROM` is so in capitals, else it is prose.
fn is_delete(words: &[&str]) -> bool {
    let from = words.iter().position(|word| word.eq_ignore_ascii_case("FROM"));
    from.is_some_and(|at| at == 1 || words.first() == Some(&"DELETE"))
}

fn conditional(verb: &str, name: String, has_condition: bool) -> String {
    format!("{verb} {name}{}", if has_condition { "" } else { " without WHERE" })
}

/// Whether a statement has a condition of its own, not that of a query inside it, which does not hold for every row.
fn is_conditional(words: &[&str]) -> bool {
    let mut depth = 0_u32;
    let at = words.iter().position(|word| {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && word.eq_ignore_ascii_case("WHERE")
    });
    let Some(at) = at else { return false };
    let ends = ["RETURNING", "LIMIT", "ORDER", "ON", "OPTION"];
    let condition = &words[at + 1..];
    let end = condition.iter().position(|word| ends.contains(&upper(Some(word)).as_str())).unwrap_or(condition.len());
    !holds_always(&condition[..end])
}

/// `1 = 1`, `TRUE`, `(1=1)`, `id = 7 OR true`.
fn holds_always(condition: &[&str]) -> bool {
    let mut depth = 0_u32;
    let mut operands = condition.split(|word| {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && word.eq_ignore_ascii_case("OR")
    });
    operands.any(|operand| {
        let said: Vec<&str> = operand.iter().copied().filter(|word| !matches!(*word, "(" | ")")).collect();
        match said.as_slice() {
            [only] => only.eq_ignore_ascii_case("TRUE") || *only == "1",
            [a, "=", b] => a == b && is_literal(a),
            [not, word] => not.eq_ignore_ascii_case("NOT") && word.eq_ignore_ascii_case("FALSE"),
            _ => false,
        }
    })
}

fn is_literal(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == '\'') || word.eq_ignore_ascii_case("TRUE")
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

/// Parts of a table that are no columns.
const PARTS: &[&str] = &["FOREIGN", "PRIMARY", "KEY", "CHECK", "PARTITION", "FULLTEXT", "SPATIAL"];

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
        (verb @ ("DROP" | "ADD"), part) if PARTS.contains(&part) => format!(" {verb} {part}"),
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
        statements(text).into_iter().map(|statement| statement.object).collect()
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
        let of = |lines, object: &str, text: &str| Statement { lines, object: object.into(), text: text.into() };
        assert_eq!(found[0], of(2..=2, "DROP TABLE a", "DROP TABLE a"));
        assert_eq!(found[1], of(3..=5, "DELETE b", "DELETE FROM b WHERE x IN (1, 2)"));
    }

    #[test]
    fn each_clause_that_changes_a_table_is_a_statement_on_its_own_lines() {
        let rows: &[(&str, &[&str])] = &[
            (
                "ALTER TABLE a ADD COLUMN b numeric(10, 2), DROP COLUMN c",
                &["ALTER TABLE a ADD COLUMN b", "ALTER TABLE a DROP COLUMN c"],
            ),
            ("ALTER TABLE a DROP COLUMN b, c", &["ALTER TABLE a DROP COLUMN b", "ALTER TABLE a DROP COLUMN c"]),
            (
                "alter table if exists `a` rename column b to c, drop foreign key d",
                &["ALTER TABLE a RENAME COLUMN b", "ALTER TABLE a DROP FOREIGN"],
            ),
            ("ALTER TABLE a ADD b int, c int", &["ALTER TABLE a ADD COLUMN b", "ALTER TABLE a ADD COLUMN c"]),
            ("ALTER TABLE a", &["ALTER TABLE a"]),
            ("ALTER TABLE a ADD b int,", &["ALTER TABLE a ADD COLUMN b"]),
        ];
        for (text, expected) in rows {
            assert_eq!(objects(text), *expected, "{text}");
        }
        let found = statements("ALTER TABLE a\n  ADD b int,\n  DROP c;");
        assert_eq!(found.iter().map(|each| each.lines.clone()).collect::<Vec<_>>(), [1..=1, 2..=2]);
        assert_eq!(found[1].text, "ALTER TABLE a DROP c");
    }

    #[test]
    fn a_condition_is_that_of_the_statement_and_not_one_that_always_holds() {
        for text in [
            "UPDATE a SET b = (SELECT c FROM d WHERE d.id = a.id)",
            "DELETE FROM a WHERE 1 = 1",
            "DELETE FROM a WHERE 1=1 RETURNING id",
            "DELETE FROM a WHERE true",
            "UPDATE a SET b = 1 WHERE (TRUE)",
            "UPDATE a SET b = 1 WHERE id = 7 OR 1=1",
            "DELETE FROM a WHERE 'x' = 'x'",
        ] {
            assert!(objects(text)[0].ends_with("without WHERE"), "{text}");
        }
        for text in [
            "UPDATE a SET b = (SELECT 1) WHERE id IN (SELECT id FROM c WHERE d)",
            "DELETE FROM a WHERE active = true",
            "DELETE FROM a WHERE (1 = 1 AND b = 2)",
            "DELETE FROM a WHERE a.id = b.id",
            "UPDATE a SET b = 1 FROM c WHERE c.id = a.id OR c.x = 1",
        ] {
            assert!(!objects(text)[0].contains("without"), "{text}");
        }
    }
}
