use super::*;
use crate::command::request::{Kept, Limits, Program};
use crate::record::statement::Decimal;

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
    let counts = [Act::Destroy, Act::Replace, Act::Unclear, Act::Change, Act::Create].map(|act| document.count(act));
    assert_eq!(counts, [1, 0, 0, 3, 3], "{told:?}");
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
        ("WITH d AS (UPDATE a SET b = 1 RETURNING *) SELECT * FROM d WHERE c", Act::Destroy),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n) SEARCH DEPTH FIRST BY n SET key UPDATE a SET b = 1 WHERE c",
            Act::Replace,
        ),
        ("WITH RECURSIVE r AS (SELECT 1 AS n) CYCLE n SET x USING key UPDATE a SET b = 1", Act::Destroy),
        ("WITH x AS (SELECT 1) UPDATE a SET b = 1", Act::Destroy),
        ("UPDATE a SET b = 1 RETURNING 1 AS where", Act::Destroy),
        ("UPDATE a SET b = c.where FROM c", Act::Destroy),
        ("CREATE TABLE t AS SELECT 1 AS x FROM o, (SELECT 0 AS add) z WHERE add BETWEEN o.wipe AND 5", Act::Unclear),
        ("CREATE TABLE t AS SELECT 1 AS x FROM o, (SELECT 0 AS add) z WHERE x LIKE add ESCAPE o.wipe", Act::Unclear),
        ("SELECT E'\u{30d7}\\'; DELETE FROM orders WHERE id > 0; --'", Act::Unclear),
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
        ("GRANT ALL ON a TO PUBLIC", Act::Unclear),
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
        ("SELECT 1 FROM a FOR NO KEY UPDATE", Act::Read),
        ("SELECT E'caf\u{e9} it\\'s'", Act::Read),
        ("", Act::Read),
        (";;", Act::Read),
    ] {
        assert_eq!(worst(script), act, "{script}");
    }
}

/// What an attacker got past an earlier version, with its relatives, and what must still pass.
#[test]
fn what_only_looks_harmless_is_not() {
    for (script, act) in [
        // psql ends no statement at most of its own commands.
        ("SELECT 1 AS \\timing on\nshow, purge();", Act::Unclear),
        ("SELECT 1 AS \\set ON_ERROR_STOP on\nbegin, purge();", Act::Unclear),
        ("ALTER TABLE a ADD \\timing on\nshow int, ALTER v TYPE int USING 0, SET UNLOGGED;", Act::Replace),
        ("SELECT (1; \\timing on\nshow, purge());", Act::Unclear),
        ("SELECT (1; show)", Act::Unclear),
        ("SELECT (1; DROP TABLE a)", Act::Destroy),
        ("SELECT 1 \\gexec\nDROP TABLE a;", Act::Destroy),
        ("SELECT 1 /* a */ \\timing\n;", Act::Unclear),
        ("SELECT 1;\\timing on\nSELECT 2;\\timing\n", Act::Read),
        // Expressions that are stored, and run by a later row.
        ("CREATE DOMAIN d AS int CHECK (purge() > 0)", Act::Unclear),
        ("CREATE DOMAIN d AS int CHECK (lo_unlink(VALUE) IS NOT NULL)", Act::Unclear),
        ("CREATE DOMAIN d AS int CHECK (value > 0)", Act::Create),
        ("CREATE DOMAIN d AS int; SELECT 1::d", Act::Unclear),
        ("CREATE DOMAIN d AS int; SELECT '{1}'::d", Act::Unclear),
        ("CREATE DOMAIN d AS int; SELECT d '1'", Act::Unclear),
        ("CREATE DOMAIN s.\"D\" AS int; SELECT cast(1 AS \"D\")", Act::Unclear),
        ("CREATE DOMAIN d AS int; ALTER TABLE a ADD b d DEFAULT 1", Act::Unclear),
        ("CREATE TYPE d AS (a int); SELECT '(1)'::d", Act::Unclear),
        ("CREATE TYPE d; CREATE TABLE a (b d)", Act::Unclear),
        ("CREATE TYPE d AS RANGE (subtype = int, canonical = purge)", Act::Unclear),
        ("CREATE TYPE d AS ENUM ('x', 'y'); CREATE TABLE a (b d DEFAULT 'x', c d DEFAULT 'y'::d)", Act::Create),
        ("CREATE TABLE a (b int DEFAULT purge())", Act::Unclear),
        ("CREATE TABLE a (b int CHECK (purge() = b))", Act::Unclear),
        ("CREATE TABLE a (b text DEFAULT set_config('session_replication_role', 'replica', false))", Act::Unclear),
        ("CREATE TABLE a (b int DEFAULT lo_export(1, '/tmp/a'))", Act::Unclear),
        ("CREATE TABLE a (b int GENERATED ALWAYS AS (purge(c)) STORED)", Act::Unclear),
        ("CREATE TABLE b PARTITION OF a FOR VALUES FROM (purge()) TO (MAXVALUE)", Act::Unclear),
        ("CREATE TABLE b PARTITION OF s.a FOR VALUES FROM (1) TO (MAXVALUE)", Act::Create),
        ("CREATE TABLE b PARTITION OF a FOR VALUES WITH (MODULUS 4, REMAINDER 0)", Act::Create),
        ("CREATE SCHEMA s CREATE TABLE a (b int DEFAULT purge())", Act::Unclear),
        ("CREATE SCHEMA s CREATE TABLE a (b int)", Act::Unclear),
        ("CREATE SCHEMA IF NOT EXISTS s", Act::Create),
        ("CREATE VIEW a (b, c) AS SELECT lower(b), c FROM d", Act::Create),
        ("CREATE VIEW a AS SELECT purge()", Act::Unclear),
        ("ALTER TABLE a ADD CHECK (purge() > 0)", Act::Unclear),
        ("ALTER TABLE a ALTER b SET DEFAULT purge()", Act::Unclear),
        (
            "CREATE TABLE IF NOT EXISTS s.a (id bigint GENERATED BY DEFAULT AS IDENTITY (START 5) PRIMARY KEY, \
             b s.kind DEFAULT 'x'::s.kind NOT NULL, c int DEFAULT nextval('s.q'::regclass), d character varying(20), \
             e timestamp(3) with time zone DEFAULT now(), CONSTRAINT f FOREIGN KEY (b, c) REFERENCES s.g (b, c), \
             UNIQUE (b) INCLUDE (c), CHECK (b IN ('x', 'y'))) PARTITION BY RANGE (id)",
            Act::Create,
        ),
        // What is not a call by its look.
        ("SELECT o.wipe FROM orders o", Act::Unclear),
        ("SELECT (o).wipe FROM orders o", Act::Unclear),
        ("SELECT (SELECT o FROM orders o).wipe", Act::Unclear),
        ("SELECT a[1].wipe FROM orders", Act::Unclear),
        ("SELECT o.\"wipe\" FROM orders o", Act::Unclear),
        ("SELECT s.orders.wipe FROM s.orders", Act::Unclear),
        ("SELECT extract(year FROM o.wipe) FROM orders o", Act::Unclear),
        ("SELECT 1 IS DISTINCT FROM o.wipe FROM orders o", Act::Unclear),
        ("SELECT 1 FROM orders o JOIN b ON o.wipe", Act::Unclear),
        ("SELECT 1 FROM a, s.b", Act::Unclear),
        ("INSERT INTO a SELECT o.wipe FROM orders o", Act::Unclear),
        ("CREATE TABLE a AS SELECT o.wipe FROM orders o", Act::Unclear),
        ("CREATE INDEX ON s.a ((a.wipe))", Act::Unclear),
        ("ALTER TABLE a ADD CHECK (a.wipe > 0)", Act::Unclear),
        ("SELECT * FROM s.a JOIN s.b USING (id) WHERE c IN (SELECT d FROM s.e)", Act::Read),
        ("SELECT o.*, .5, 1.5 FROM s.orders o", Act::Read),
        ("INSERT INTO s.a (b) SELECT c FROM s.d ON CONFLICT (b) DO NOTHING", Act::Create),
        ("INSERT INTO a SELECT 1 FROM b JOIN c ON conflict(1)", Act::Unclear),
        ("SELECT key(1)", Act::Unclear),
        ("SELECT partition(1)", Act::Unclear),
        ("SELECT filter(1)", Act::Unclear),
        ("SELECT set(1)", Act::Unclear),
        ("SELECT by(1)", Act::Unclear),
        ("SELECT include(1)", Act::Unclear),
        ("SELECT varying(1)", Act::Unclear),
        ("SELECT range(1)", Act::Unclear),
        ("SELECT enum(1)", Act::Unclear),
        ("SELECT nextval('a')", Act::Unclear),
        ("CREATE TABLE a (b int DEFAULT nextval(1))", Act::Unclear),
        ("SELECT DISTINCT ON (1) over(1)", Act::Unclear),
        ("CREATE TABLE a AS SELECT DISTINCT ON (1) include(1)", Act::Unclear),
        ("CREATE TABLE a AS SELECT count(*) OVER (PARTITION BY range(1)) FROM b", Act::Unclear),
        ("SELECT s.select(1)", Act::Unclear),
        ("SELECT join(1)", Act::Unclear),
        (
            "SELECT sum(b) FILTER (WHERE c) OVER (PARTITION BY d ORDER BY (e)) FROM a JOIN (SELECT 1) f ON true",
            Act::Read,
        ),
        ("SELECT 1 GROUP BY (a) ORDER BY (b)", Act::Read),
        // Versions of psql and PostgreSQL read what touches a number in different ways.
        ("SELECT 1E--;DROP TABLE a;", Act::Unclear),
        ("SELECT 1e+--;DROP TABLE a;", Act::Unclear),
        ("SELECT 1a$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT 1$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT 1.5x$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT 1e1$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT $1a$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT $1$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT 1.e--;DROP TABLE a;", Act::Unclear),
        ("SELECT .5e--;DROP TABLE a;", Act::Unclear),
        ("SELECT a.5e--;DROP TABLE a;", Act::Unclear),
        ("SELECT 1é$$;DROP TABLE a;$$;", Act::Unclear),
        ("SELECT 1_0", Act::Unclear),
        ("SELECT 0x1F", Act::Unclear),
        ("SELECT 1..2", Act::Unclear),
        ("SELECT 1, 1.5, .5, 1., 1e5, 1.5E-3, 1::int, a1, a[1:2]", Act::Read),
        // Words that are names.
        ("ALTER TABLE if ALTER COLUMN owner TYPE int USING 0", Act::Replace),
        ("ALTER TABLE if DISABLE TRIGGER owner", Act::Unclear),
        ("ALTER TABLE IF EXISTS if ADD b int", Act::Change),
        ("ALTER TABLE ONLY (owner) DISABLE TRIGGER ALL", Act::Unclear),
        ("ALTER TABLE ONLY (a) DROP b", Act::Destroy),
        ("ALTER TABLE a ALTER storage RESTART WITH 1", Act::Unclear),
        ("ALTER TABLE a ALTER statistics SET (n_distinct = 1)", Act::Unclear),
        ("ALTER TABLE a ALTER \"default\" SET GENERATED ALWAYS", Act::Unclear),
        ("ALTER TABLE a ALTER type SET DEFAULT 1, ALTER b SET STATISTICS 5", Act::Change),
        ("ALTER TABLE a ALTER b SET DATA TYPE int", Act::Replace),
        ("ALTER TYPE a ADD ATTRIBUTE add value, ALTER ATTRIBUTE b TYPE int", Act::Unclear),
        ("ALTER TYPE s.a ADD VALUE IF NOT EXISTS 'z'", Act::Change),
        ("ALTER INDEX s.a RENAME TO b", Act::Change),
        // Rights, owners and the catalog.
        ("REFRESH MATERIALIZED VIEW a WITH NO DATA", Act::Destroy),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY a", Act::Replace),
        ("REVOKE ALL ON a FROM b", Act::Unclear),
        ("GRANT postgres TO a", Act::Unclear),
        ("CREATE ROLE a SUPERUSER", Act::Unclear),
        ("CREATE USER a", Act::Unclear),
        ("CREATE POLICY p ON a USING (true)", Act::Unclear),
        ("ALTER TABLE a OWNER TO b", Act::Unclear),
        ("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO a", Act::Unclear),
        ("CREATE SCHEMA AUTHORIZATION a", Act::Unclear),
        ("INSERT INTO pg_catalog.pg_auth_members VALUES (1)", Act::Unclear),
        ("INSERT INTO PG_Class VALUES (1)", Act::Unclear),
        ("INSERT INTO \"pg_catalog\".\"pg_class\" VALUES (1)", Act::Unclear),
        ("INSERT INTO information_schema.sql_parts VALUES (1)", Act::Unclear),
        ("INSERT INTO cron.job (command) VALUES ('x')", Act::Unclear),
        ("WITH a AS (INSERT INTO pg_authid VALUES (1) RETURNING 1) SELECT 1", Act::Unclear),
        ("ALTER TABLE pg_catalog.pg_class ADD a int", Act::Unclear),
        // A condition of a query is none of the statement.
        ("UPDATE a SET b = (SELECT 1 WHERE true)", Act::Destroy),
        ("UPDATE a SET b = wipe() WHERE c", Act::Replace),
        ("INSERT INTO a VALUES (1) ON CONFLICT (b) DO UPDATE SET (c, d) = (1, 2)", Act::Replace),
        ("ALTER TABLE a ADD b text[] DEFAULT ARRAY['x', 'y'], ADD c int", Act::Change),
        ("BEGIN (wipe())", Act::Unclear),
    ] {
        assert_eq!(worst(script), act, "{script}: {:?}", preview(script.as_bytes()));
    }
}

/// The rows that destroy, as they are told.
fn destroyed(script: &str) -> Vec<String> {
    let rows = preview(script.as_bytes()).unwrap().rows;
    rows.into_iter().filter(|row| row.act == Act::Destroy).map(|row| row.what).collect()
}

#[test]
fn each_object_that_is_destroyed_has_a_row_which_no_comment_hides() {
    let long = "x".repeat(200);
    for (script, rows) in [
        (
            "DROP TABLE tmp_import -- staging only\n, orders;".to_owned(),
            vec!["line 1: DROP TABLE tmp_import".to_owned(), "line 2: DROP TABLE orders".to_owned()],
        ),
        (
            format!("DROP TABLE IF EXISTS tmp /* {long} */, orders CASCADE"),
            vec!["line 1: DROP TABLE IF EXISTS tmp".to_owned(), "line 1: DROP TABLE orders CASCADE".to_owned()],
        ),
        (
            "DROP MATERIALIZED VIEW a, s.b".to_owned(),
            vec!["line 1: DROP MATERIALIZED VIEW a".to_owned(), "line 1: DROP MATERIALIZED VIEW s.b".to_owned()],
        ),
        (
            "DROP FUNCTION f(int, text), g(int)".to_owned(),
            vec!["line 1: DROP FUNCTION f(int, text)".to_owned(), "line 1: DROP FUNCTION g(int)".to_owned()],
        ),
        ("TRUNCATE a, ONLY b".to_owned(), vec!["line 1: TRUNCATE a".to_owned(), "line 1: TRUNCATE ONLY b".to_owned()]),
        (
            "ALTER TABLE a DROP b, ADD c int,\nDROP d".to_owned(),
            vec!["line 1: ALTER TABLE a DROP b".to_owned(), "line 2: ALTER TABLE a DROP d".to_owned()],
        ),
        (
            format!("WITH a AS (SELECT '{long}'), b AS (DELETE FROM orders -- no\nRETURNING *) SELECT 1"),
            vec![format!("line 1: WITH a AS (SELECT '{}…'), … DELETE FROM orders RETURNING *", "x".repeat(56))],
        ),
        (
            format!("DROP TABLE \"{long}\".\"a -- b\""),
            vec![format!("line 1: DROP TABLE \"{}…\".\"a -- b\"", "x".repeat(63))],
        ),
    ] {
        assert_eq!(destroyed(&script), rows, "{script}");
    }
    assert_eq!(destroyed("DROP TABLE a,b,c,d,e").len(), 5);
    assert_eq!(
        destroyed("DROP TABLE a \\g\nDELETE FROM b;"),
        ["line 1: DROP TABLE a DELETE FROM b", "line 2: DROP TABLE a DELETE FROM b"]
    );
    let many = format!("DROP TABLE {}z", "a,".repeat(MAX_ROWS));
    assert!(preview(many.as_bytes()).unwrap_err().contains("more than"));
}

fn psql(options: &[&str], variable: Option<&str>) -> Result<(), String> {
    let input = Input {
        role: "sql".to_owned(),
        path: "/in/sql".to_owned(),
        sha256: "0".repeat(64),
        size: Decimal(1),
        kept: Kept::Record,
    };
    let argv = ["/usr/bin/psql", "-X", "-f", "/in/sql"].iter().chain(options).map(ToString::to_string);
    let command = Command {
        entry: String::new(),
        argv: argv.collect(),
        program: Program { path: "/usr/bin/psql".to_owned(), sha256: "0".repeat(64) },
        cwd: "/".to_owned(),
        env: Vec::new(),
        secrets: variable.iter().map(ToString::to_string).collect(),
        stdin: String::new(),
        inputs: vec![input],
        uid: Decimal(1),
        limits: Limits { time: Decimal(1), output: Decimal(1) },
    };
    super::script(&command).map(|_| ())
}

#[test]
fn where_it_connects_to_is_a_place_and_no_string_of_options() {
    for place in [
        "dbname=w options='-csearch_path=evil,pg_catalog'",
        "options=-crole=admin",
        "client_encoding=SJIS dbname=w",
        "service=x",
        "postgresql:///w?options=-csearch_path%3Devil",
        "postgres://h/w",
    ] {
        for options in [&["-d", place][..], &["--dbname", place], &[&format!("--dbname={place}")], &[place]] {
            assert!(psql(options, None).is_err(), "{options:?}");
        }
        assert!(psql(&["-h", place], None).is_err(), "{place}");
    }
    assert_eq!(psql(&["-d", "w", "-h", "db.internal", "--port=5432", "-U", "app"], None), Ok(()));
    for variable in ["PGOPTIONS", "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGCLIENTENCODING"] {
        assert!(psql(&[], Some(variable)).is_err(), "{variable}");
    }
    assert_eq!(psql(&[], Some("PGPASSWORD")), Ok(()));
}

proptest::proptest! {
    /// Whatever stands around it, a statement that begins after a semicolon outside of quotes is seen.
    #[test]
    fn a_drop_after_any_text_is_seen_or_the_text_is_unclear(
        before in "([a-z ;'\"$\\\\:(){}*/-]|--|/\\*|\\*/|\\$\\$|E'|\n|1|1E|\\.|\\$1|\\\\timing on\n|show){0,24}",
    ) {
        let found = worst(&format!("{before}\n;DROP TABLE orders;"));
        // The text may have opened a quote or a comment that hides the rest, but it must not pass then.
        proptest::prop_assert!(matches!(found, Act::Destroy | Act::Unclear), "{before:?} {found:?}");
    }

    /// A call in a place of an expression is seen, whatever comments, blanks and commands of psql are in between.
    #[test]
    fn a_call_or_an_attribute_is_never_harmless(
        start in "SELECT 1 AS a,|INSERT INTO a SELECT|CREATE TABLE a AS SELECT|CREATE TABLE a \\(b int DEFAULT|\
                  ALTER TABLE a ADD CHECK \\(|CREATE DOMAIN a AS int CHECK \\(|\
                  CREATE SCHEMA a CREATE TABLE b \\(c int CHECK \\(",
        gap in "( |\n|/\\*\\*/|--x\n|\\\\timing on\n|\\\\set ON_ERROR_STOP on\n){1,3}",
        call in "(purge|key|lo_unlink|s\\.lower|show|begin)\\(1\\)|o\\.wipe|\\(o\\)\\.wipe",
    ) {
        let found = worst(&format!("{start}{gap}{call}"));
        proptest::prop_assert_eq!(found, Act::Unclear);
    }

    /// Whatever touches a number, what may hide the rest of the line is not believed after it.
    #[test]
    fn nothing_hides_a_drop_behind_a_number_that_something_touches(
        number in "[0-9]{1,3}|[0-9]\\.[0-9]?|\\.[0-9]|\\$[0-9]|[0-9]\\.?[eE]|[0-9][eE][0-9]",
        touching in "[a-zA-Z_$é][+-]?",
        hiding in "--|\\$\\$|/\\*|'|\"",
        end in "\\$\\$|\\*/|'|\"|",
    ) {
        let found = worst(&format!("SELECT {number}{touching}{hiding};DROP TABLE orders;\n{end}"));
        proptest::prop_assert!(matches!(found, Act::Destroy | Act::Unclear), "{found:?}");
    }

    #[test]
    fn no_script_makes_it_panic(text in "\\PC{0,200}") {
        let _ = preview(text.as_bytes());
    }
}
