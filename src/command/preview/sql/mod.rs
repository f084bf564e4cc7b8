//! Scripts of SQL, as psql and PostgreSQL read them: each statement by its class.
//!
//! Lexical rules: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>. Nothing is looked up: a name that
//! may be a function with effects, code in another language, and whatever depends on variables is unclear.

mod class;
mod lexer;

use super::{Act, Document, Row, cut_to, input_at};
use crate::command::request::{Command, Input};
use lexer::Piece;

/// Options of psql that change nothing of what a script does.
const HARMLESS: [&str; 22] = [
    "-q",
    "--quiet",
    "-a",
    "--echo-all",
    "-b",
    "--echo-errors",
    "-e",
    "--echo-queries",
    "-n",
    "--no-readline",
    "-1",
    "--single-transaction",
    "-w",
    "--no-password",
    "-A",
    "--no-align",
    "-t",
    "--tuples-only",
    "-x",
    "--expanded",
    "-X",
    "--no-psqlrc",
];
/// Options with a value: where it connects to, which the policy and the settings decide.
const CONNECTION: [&str; 8] = ["-d", "-h", "-p", "-U", "--dbname", "--host", "--port", "--username"];
/// Variables of the environment that change what a script means.
const REDIRECTS: [&str; 3] = ["PGOPTIONS", "PGCLIENTENCODING", "PSQLRC"];
/// Assignments of psql's own variables that change nothing of what a script means.
const ASSIGNMENTS: [&str; 4] = ["ON_ERROR_STOP=1", "ON_ERROR_STOP=on", "VERBOSITY=verbose", "VERBOSITY=terse"];

/// The script that a command runs.
///
/// # Errors
/// A sentence: it runs none, several, or one that its options may change.
pub fn script(command: &Command) -> Result<&Input, String> {
    let refused = |why: String| Err(format!("only a script that psql runs plainly has a preview, and {why}"));
    let (mut script, mut has_no_profile) = (None, false);
    let mut arguments = command.argv.iter().skip(1).map(String::as_str);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=').filter(|(name, _)| name.starts_with("--")) {
            Some((name, value)) => (name, Some(value)),
            None => (argument, None),
        };
        has_no_profile |= matches!(argument, "-X" | "--no-psqlrc");
        match name {
            _ if HARMLESS.contains(&argument) => {}
            "-f" | "--file" if script.is_none() => {
                script = value.or_else(|| arguments.next()).and_then(|path| input_at(command, path));
                if script.is_none() {
                    return refused("its file is no input".to_owned());
                }
            }
            "-v" | "--set" | "--variable" => {
                let assignment = value.or_else(|| arguments.next()).unwrap_or_default();
                if !ASSIGNMENTS.contains(&assignment) {
                    return refused(format!("{} may change what it means", cut_to(assignment, 60)));
                }
            }
            _ if CONNECTION.contains(&name) => _ = value.or_else(|| arguments.next()),
            _ => return refused(format!("{} may change what it does", cut_to(argument, 60))),
        }
    }
    let mut names = command.env.iter().map(|variable| &variable.name).chain(&command.secrets);
    if let Some(name) = names.find(|name| REDIRECTS.contains(&name.as_str())) {
        return refused(format!("the variable {name} may change what it means"));
    }
    if !has_no_profile {
        return refused("without -X it reads a file of its account first".to_owned());
    }
    let on_stdin = || command.inputs.iter().find(|input| !command.stdin.is_empty() && input.role == command.stdin);
    script.or_else(on_stdin).ok_or_else(|| "it is given no script".to_owned())
}

/// The preview of a script.
///
/// # Errors
/// A sentence: it is no text, or has more statements than a person reads.
pub fn preview(script: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(script).map_err(|_| "the script is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.contains('\0') {
        // psql reads a line up to it.
        return Err("the script holds NUL".to_owned());
    }
    let mut rows = Vec::new();
    for piece in lexer::pieces(text) {
        let (act, note) = match &piece {
            Piece::Statement { tokens, .. } => match class::of(tokens) {
                Some(found) => found,
                None => continue,
            },
            Piece::Meta { text, .. } if is_harmless(text) => continue,
            Piece::Meta { .. } => (Act::Unclear, "a command of psql itself".to_owned()),
            Piece::Rest { why, .. } => (Act::Unclear, (*why).to_owned()),
        };
        let (line, text) = (piece.line(), piece.text().split_whitespace().collect::<Vec<_>>().join(" "));
        rows.push(Row::new(act, &format!("line {line}: {}", cut_to(&text, 100)), &note));
    }
    Document::new("undersign, statement by statement", rows)
}

/// Commands of psql that change nothing of what the script does.
fn is_harmless(meta: &str) -> bool {
    let words: Vec<&str> = meta.split_whitespace().collect();
    matches!(words[..], ["\\set", "ON_ERROR_STOP", "on" | "1" | "true"] | ["\\timing"] | ["\\timing", "on" | "off"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(script: &str) -> Vec<Act> {
        preview(script.as_bytes()).unwrap().rows.iter().map(|row| row.act).collect()
    }

    /// The worst act of a script; `Read` if there is no row.
    fn worst(script: &str) -> Act {
        acts(script).into_iter().min().unwrap_or(Act::Read)
    }

    #[test]
    fn a_migration_is_told_statement_by_statement_the_gravest_first() {
        let script = "\\set ON_ERROR_STOP on\nBEGIN;\nSET LOCAL lock_timeout = '2s';\n-- DROP TABLE orders;\n\
            CREATE TABLE refunds (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id) ON DELETE CASCADE,\n  \
            amount numeric(10, 2) NOT NULL DEFAULT 0, note text DEFAULT 'drop table x; delete');\n\
            CREATE INDEX CONCURRENTLY ON refunds (order_id);\nALTER TABLE orders ADD COLUMN refunded boolean;\n\
            ALTER TABLE orders ALTER COLUMN refunded SET DEFAULT false, ALTER COLUMN refunded SET NOT NULL;\n\
            INSERT INTO kinds (name) VALUES ('refund');\nDROP TABLE orders_old;\nCOMMIT;\n";
        let document = preview(script.as_bytes()).unwrap();
        let told: Vec<_> = document.rows.iter().map(|row| (row.act, row.what.as_str())).collect();
        assert_eq!(told[0], (Act::Destroy, "line 11: DROP TABLE orders_old"));
        let counts =
            [Act::Destroy, Act::Replace, Act::Unclear, Act::Change, Act::Create].map(|act| document.count(act));
        assert_eq!(counts, [1, 0, 0, 2, 3], "{told:?}");
    }

    #[test]
    fn what_destroys_or_is_not_surely_understood_is_never_harmless() {
        for (script, act) in [
            ("DROP INDEX a", Act::Destroy),
            ("drop\ttable/**/if exists a", Act::Destroy),
            ("/* /* nested */ */ TRUNCATE a", Act::Destroy),
            ("DELETE FROM a WHERE b", Act::Destroy),
            ("UPDATE a SET b = 1", Act::Destroy),
            ("UPDATE a SET b = 1 WHERE c", Act::Replace),
            ("WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d", Act::Destroy),
            ("WITH d AS (UPDATE a SET b = 1 WHERE c RETURNING *) SELECT * FROM d", Act::Replace),
            ("INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 1", Act::Replace),
            ("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", Act::Destroy),
            ("ALTER TABLE a DROP COLUMN b", Act::Destroy),
            ("ALTER TABLE a DROP b", Act::Destroy),
            ("ALTER TABLE a ADD b int, DROP CONSTRAINT c", Act::Destroy),
            ("ALTER TABLE a ALTER b TYPE int USING b::int", Act::Replace),
            ("ALTER TABLE a DISABLE TRIGGER ALL", Act::Unclear),
            ("ALTER TABLE a DISABLE ROW LEVEL SECURITY", Act::Unclear),
            ("ALTER TABLE a SET UNLOGGED", Act::Unclear),
            ("ALTER TABLE a DETACH PARTITION b", Act::Unclear),
            ("ALTER TABLE a ADD b int DEFAULT wipe()", Act::Unclear),
            ("ALTER TABLE s.owner DISABLE TRIGGER ALL", Act::Unclear),
            ("ALTER TABLE IF EXISTS ONLY s.owner * ADD b numeric(10, 2)", Act::Change),
            ("ALTER TABLE a ALTER b DROP NOT NULL, ALTER COLUMN c DROP DEFAULT", Act::Change),
            ("ALTER TABLE a ALTER b DROP IDENTITY", Act::Destroy),
            ("ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES s.b (id) ON DELETE SET NULL", Act::Change),
            ("ALTER SEQUENCE rename RESTART", Act::Unclear),
            ("ALTER SYSTEM SET fsync = off", Act::Unclear),
            ("CREATE OR REPLACE VIEW a AS SELECT 1", Act::Replace),
            ("CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ SELECT 1 $$", Act::Unclear),
            ("CREATE TRIGGER t AFTER INSERT ON a EXECUTE FUNCTION f()", Act::Unclear),
            ("CREATE TABLE a AS SELECT wipe()", Act::Unclear),
            ("CREATE TABLE a AS VALUES (wipe())", Act::Unclear),
            ("CREATE INDEX ON a (wipe(b))", Act::Unclear),
            ("CREATE UNIQUE INDEX ON s.a USING btree (lower(b)) WHERE b IS NOT NULL", Act::Create),
            ("-- a\rDROP TABLE a", Act::Destroy),
            ("SELECT wipe\x0b()", Act::Unclear),
            ("E'a'\n'\\''; DROP TABLE a; --'", Act::Destroy),
            ("DO $$ BEGIN DROP TABLE a; END $$", Act::Unclear),
            ("DO $x$ BEGIN END $x$; DROP TABLE a", Act::Destroy),
            ("CALL f()", Act::Unclear),
            ("SELECT wipe()", Act::Unclear),
            ("SELECT \"count\"(1)", Act::Unclear),
            ("SELECT pg_catalog.set_config('a', 'b', false)", Act::Unclear),
            ("SELECT a.now()", Act::Unclear),
            ("SELECT count\n/* x */ (*), lower(b) FROM a WHERE c IN (1, 2)", Act::Read),
            ("EXPLAIN ANALYZE SELECT 1", Act::Unclear),
            ("PREPARE p AS DROP TABLE a", Act::Destroy),
            ("EXECUTE p", Act::Unclear),
            ("SET search_path = evil", Act::Unclear),
            ("SET session_replication_role = replica", Act::Unclear),
            ("COPY a TO PROGRAM 'sh'", Act::Unclear),
            ("COPY a FROM stdin;\n1\n\\.\n", Act::Unclear),
            ("GRANT ALL ON a TO PUBLIC", Act::Change),
            ("SELECT 1 \\gexec\n", Act::Unclear),
            ("\\! rm -rf /\n", Act::Unclear),
            ("\\set ON_ERROR_STOP `sh`\n", Act::Unclear),
            ("\\i other.sql\n", Act::Unclear),
            ("BEGIN :x", Act::Unclear),
            ("SET lock_timeout = :x", Act::Unclear),
            ("SHOW a DROP TABLE a", Act::Destroy),
            ("ALTER TABLE a ADD b character varying(20)", Act::Change),
            ("SELECT :x", Act::Unclear),
            ("SELECT :'x'", Act::Unclear),
            ("SELECT a::text, '{1}'::int[]", Act::Read),
            ("SELECT 'a\\'; DROP TABLE a; --'", Act::Destroy),
            ("SELECT E'a\\'; DROP TABLE a; --'", Act::Read),
            ("SELECT e'\\\\'; DROP TABLE a", Act::Destroy),
            ("SELECT 'it''s; DROP TABLE a'", Act::Read),
            ("SELECT U&'d\\0061t'", Act::Unclear),
            ("SELECT $$; DROP TABLE a $$", Act::Read),
            ("SELECT $a$ $b$ $a$; DROP TABLE a", Act::Destroy),
            ("SELECT a$b$ FROM c; DROP TABLE a -- $b$", Act::Destroy),
            ("SELECT 'open", Act::Unclear),
            ("SELECT \"open", Act::Unclear),
            ("/* open", Act::Unclear),
            ("SELECT $q$ open", Act::Unclear),
            ("FROBNICATE a", Act::Unclear),
            ("SELECT * INTO b FROM a", Act::Create),
            ("SELECT 1 FROM a FOR UPDATE", Act::Read),
            ("", Act::Read),
            (";;", Act::Read),
        ] {
            assert_eq!(worst(script), act, "{script}");
        }
    }

    proptest::proptest! {
        /// Whatever stands around it, a statement that begins after a semicolon outside of quotes is seen.
        #[test]
        fn a_drop_after_any_text_is_seen_or_the_text_is_unclear(
            before in "([a-z ;'\"$\\\\:(){}*/-]|--|/\\*|\\*/|\\$\\$|E'|\n){0,24}",
        ) {
            let found = worst(&format!("{before}\n;DROP TABLE orders;"));
            // The text may have opened a quote or a comment that hides the rest, but it must not pass then.
            proptest::prop_assert!(matches!(found, Act::Destroy | Act::Unclear), "{before:?} {found:?}");
        }

        #[test]
        fn no_script_makes_it_panic(text in "\\PC{0,200}") {
            let _ = preview(text.as_bytes());
        }
    }
}
