//! Lines that look like code and do not run: in a comment or a literal text that begins above them, after a `return`,
//! in a branch that is never taken.

use std::ops::Range;

/// The most lines that are marked, counted for each mark, so that texts in texts take no quadratic time.
const MAX_MARKED: usize = 4_000_000;

/// The lines of a text.
pub(super) struct Rows<'t> {
    text: &'t str,
    /// Where each begins.
    starts: Vec<usize>,
    /// Where the first character of each is that is no blank.
    firsts: Vec<usize>,
    states: Vec<State>,
    left: usize,
}

/// Whether a line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Runs,
    /// In a comment or a text; code in a text runs.
    Text,
    /// Where the program never comes.
    Never,
}

impl<'t> Rows<'t> {
    pub fn of(text: &'t str) -> Rows<'t> {
        let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let lines = starts.iter().zip(text.split('\n'));
        let firsts = lines.map(|(start, line)| start + line.len() - line.trim_start().len()).collect();
        Rows { text, states: vec![State::Runs; starts.len()], starts, firsts, left: MAX_MARKED }
    }

    fn row_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Marks the lines whose first character is in these bytes.
    pub fn mark(&mut self, bytes: Range<usize>, state: State) {
        if bytes.is_empty() {
            return;
        }
        for row in self.row_of(bytes.start)..=self.row_of(bytes.end - 1) {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            if bytes.contains(&self.firsts[row]) && self.states[row] != State::Never {
                self.states[row] = state;
            }
        }
    }

    /// Whether the program never comes to the line at a byte.
    #[cfg(feature = "syntax")]
    pub fn is_never_run(&self, at: usize) -> bool {
        self.states[self.row_of(at)] == State::Never
    }

    /// Whether each line does not run.
    pub fn into_idle(self) -> Vec<bool> {
        self.states.into_iter().map(|state| state != State::Runs).collect()
    }
}

/// Marks what is in comments and texts of a format without a grammar; returns whether it is one of these.
pub(super) fn mark_by_signs(path: &str, text: &str, rows: &mut Rows<'_>) -> bool {
    let lex = LEXES.iter().find(|lex| lex.ends.contains(&ending(path).as_str()));
    lex.map(|lex| lex.mark(text, rows)).is_some()
}

/// Marks what a preprocessor leaves out, if the language has one.
pub(super) fn mark_left_out(path: &str, rows: &mut Rows<'_>) {
    if CONDITIONAL.contains(&ending(path).as_str()) {
        mark_conditional(rows);
    }
}

/// The extension of a file in small letters, or else its name.
fn ending(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(_, end)| end).to_ascii_lowercase()
}

/// Whether a changed line may put lines after it out of the program, or bring them back.
pub(in crate::risk) fn may_turn(line: &str) -> bool {
    const SIGNS: &[&str] = &[
        "/*", "*/", "<!--", "-->", "\"\"\"", "'''", "`", "<<", "?>", "<?", "[[", "]]", "{-", "-}", "(*", "*)", "<#",
        "#>", "{#", "#}", "CDATA", "]]>",
    ];
    const STARTS: &[&str] = &[
        "=", "#if", "#else", "#elif", "#endif", "# if", "# e", "__END__", "__halt", "return", "raise", "throw",
        "break", "continue", "goto", "next", "exit", "die",
    ];
    let start = line.trim_start();
    let is_odd = |quote: char| line.matches(quote).count() % 2 == 1;
    let never = ["false", "False", "FALSE", "(0)", "if 0", "while 0", "&& 0", "0 &&", "nil", "true", "True", "(1)"];
    SIGNS.iter().any(|sign| line.contains(sign))
        || STARTS.iter().any(|sign| start.starts_with(sign))
        || never.iter().any(|word| line.contains(word))
        || line.trim_end().ends_with('\\')
        || is_odd('"')
        || is_odd('\'')
        // The end of a heredoc.
        || !start.is_empty() && start.trim_end().chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Comments and texts of a format without a grammar.
struct Lex {
    ends: &'static [&'static str],
    /// How comments begin that end with their line.
    line: &'static [&'static str],
    blocks: &'static [(&'static str, &'static str)],
    /// Quotes of texts in one line.
    quotes: &'static [char],
}

const LEXES: &[Lex] = &[
    Lex { ends: &["sql", "psql", "pgsql", "ddl", "cql"], line: &["--"], blocks: &[("/*", "*/")], quotes: &['\'', '"'] },
    Lex {
        ends: &[
            "proto",
            "prisma",
            "bicep",
            "gradle",
            "groovy",
            "jenkinsfile",
            "scala",
            "sc",
            "swift",
            "dart",
            "sol",
            "thrift",
            "m",
            "mm",
            "jsonc",
            "json5",
            "css",
            "scss",
            "less",
            "rego",
            "zig",
        ],
        line: &["//"],
        blocks: &[("\"\"\"", "\"\"\""), ("'''", "'''"), ("/*", "*/")],
        quotes: &['\'', '"'],
    },
    Lex {
        ends: &["tf", "tfvars", "hcl", "nomad", "tofu"],
        line: &["#", "//"],
        blocks: &[("/*", "*/")],
        quotes: &['"'],
    },
    Lex { ends: &["toml"], line: &["#"], blocks: &[("\"\"\"", "\"\"\""), ("'''", "'''")], quotes: &['"', '\''] },
    Lex {
        ends: &[
            "xml", "csproj", "props", "targets", "config", "pom", "plist", "html", "htm", "xhtml", "vue", "svelte",
            "xaml", "xsl", "xslt", "jsp", "cshtml", "svg",
        ],
        line: &[],
        blocks: &[("<!--", "-->"), ("<![CDATA[", "]]>"), ("<%--", "--%>"), ("@*", "*@")],
        quotes: &[],
    },
    Lex { ends: &["j2", "jinja", "jinja2", "twig"], line: &[], blocks: &[("{#", "#}")], quotes: &[] },
    Lex { ends: &["lua"], line: &[], blocks: &[("--[[", "]]"), ("[[", "]]")], quotes: &['"', '\''] },
    Lex { ends: &["ps1", "psm1", "psd1"], line: &[], blocks: &[("<#", "#>")], quotes: &['"', '\''] },
    Lex { ends: &["hs", "elm", "purs"], line: &["--"], blocks: &[("{-", "-}")], quotes: &['"'] },
    Lex { ends: &["ml", "mli", "fs"], line: &[], blocks: &[("(*", "*)")], quotes: &['"'] },
    Lex { ends: &["ex", "exs"], line: &["#"], blocks: &[("\"\"\"", "\"\"\"")], quotes: &['"'] },
    Lex { ends: &["graphql", "gql", "graphqls"], line: &["#"], blocks: &[("\"\"\"", "\"\"\"")], quotes: &['"'] },
    Lex { ends: &["cmake"], line: &[], blocks: &[("#[[", "]]"), ("[[", "]]")], quotes: &['"'] },
    Lex { ends: &["pl", "pm", "t"], line: &["# "], blocks: &[("\n=", "\n=cut"), ("\n__END__", "\0")], quotes: &[] },
];

impl Lex {
    fn mark(&self, text: &str, rows: &mut Rows<'_>) {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let line_end = || rest.find('\n').map_or(text.len(), |end| at + end);
            if let Some((open, close)) = self.blocks.iter().find(|(open, _)| rest.starts_with(open)) {
                let body = at + open.len();
                let end = text[body..].find(close).map_or(text.len(), |end| body + end + close.len());
                rows.mark(at..end, State::Text);
                // What ends a block may begin the line of the next one.
                at = end.max(body);
            } else if self.line.iter().any(|sign| rest.starts_with(sign)) {
                at = line_end();
            } else if let Some(quote) = rest.chars().next().filter(|c| self.quotes.contains(c)) {
                at = end_of_text(text, at + 1, quote).unwrap_or(at + 1);
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
    }
}

/// The most characters of a text in one line.
const MAX_TEXT_IN_LINE: usize = 200;

/// Where a text ends that begins before a byte, if it is closed in its line.
fn end_of_text(text: &str, from: usize, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text[from..].char_indices().take(MAX_TEXT_IN_LINE) {
        match c {
            '\n' => return None,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return Some(from + at + 1),
            _ => {}
        }
    }
    None
}

/// Languages with conditional compilation.
const CONDITIONAL: &[&str] = &["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp", "cu", "cs", "m", "mm"];

/// Marks what a preprocessor leaves out whatever is defined: `#if 0`.
fn mark_conditional(rows: &mut Rows<'_>) {
    let text = rows.text;
    // Of each open condition: whether it is known, and where what it leaves out begins.
    let mut open: Vec<(Option<bool>, Option<usize>)> = Vec::new();
    let mut left_out = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let word = line.trim_start().strip_prefix('#').map(str::trim).unwrap_or_default();
        if let Some(condition) = word.strip_prefix("if").filter(|rest| !rest.starts_with(char::is_alphabetic)) {
            let known = match condition.split(['/', ' ', '\t']).find(|word| !word.is_empty()) {
                Some("0" | "false" | "(0)") => Some(false),
                Some("1" | "true" | "(1)") => Some(true),
                _ => None,
            };
            let is_whole = condition.split_whitespace().nth(1).is_none_or(|more| more.starts_with('/'));
            let known = known.filter(|_| is_whole);
            open.push((known, (known == Some(false)).then_some(end)));
        } else if word.starts_with("if") {
            open.push((None, None));
        } else if word.starts_with("else") || word.starts_with("elif") {
            if let Some((known, from)) = open.last_mut() {
                left_out.extend(from.take().map(|from| from..at));
                *from = (*known == Some(true)).then_some(end);
            }
        } else if word.starts_with("endif") {
            left_out.extend(open.pop().and_then(|(_, from)| from).map(|from| from..at));
        }
        at = end;
    }
    left_out.into_iter().for_each(|bytes| rows.mark(bytes, State::Never));
}

#[cfg(test)]
mod tests {
    /// The numbers of the lines that do not run.
    fn found(path: &str, text: &str) -> Vec<usize> {
        let rows = super::super::idle_lines(path, text).unwrap_or_default();
        (1..).zip(rows).filter(|(_, is_inert)| *is_inert).map(|(number, _)| number).collect()
    }

    #[test]
    fn what_is_in_a_block_of_a_comment_does_not_run_and_what_is_around_it_does() {
        assert_eq!(found("a.sql", "a;\n/*\nb;\n*/\nc '/*';\nd -- /*\n"), [2, 3, 4]);
        assert_eq!(found("a.tf", "a = \"/*\"\n# /*\nb = 1\n"), [0_usize; 0]);
        assert_eq!(found("a.xml", "<a>\n<!--\n<b/>\n-->\n<c/>\n</a>\n"), [2, 3, 4]);
        assert_eq!(found("a.h", "#if 0\na();\n#else\nb();\n#endif\n#ifdef X\nc();\n#endif\n"), [2]);
    }

    #[cfg(feature = "syntax")]
    #[test]
    fn what_follows_a_return_does_not_run_and_labels_and_conditional_returns_do() {
        assert_eq!(found("a.py", "def f(x):\n    return 1\n    g(x)\n"), [3]);
        assert_eq!(found("a.py", "def f(x):\n    if x:\n        return 1\n    g(x)\n"), [0_usize; 0]);
        assert_eq!(found("a.c", "int f(void) {\n  return 0;\n  h();\nout:\n  g();\n}\n"), [3]);
        assert_eq!(found("a.c", "int f(int x) {\n  if (x)\n    return 0;\n  g();\n}\n"), [0_usize; 0]);
        assert_eq!(found("a.rb", "def f(x)\n  return if x\n  g\nend\n"), [0_usize; 0]);
        assert_eq!(found("a.rs", "fn f() {\n    return;\n    g();\n    fn g() {}\n}\n"), [3]);
        assert_eq!(found("a.js", "if (false) {\n  f();\n} else {\n  g();\n}\n"), [2, 3]);
        assert_eq!(found("a.c", "void f(void) {\n  do {\n    g();\n  } while (0);\n}\n"), [0_usize; 0]);
        assert_eq!(found("a.js", "x = `\n${\n  f()\n}\n`;\n"), [2, 5]);
        assert_eq!(found("a.c", "// a \\\nf();\n"), [1, 2]);
    }
}
