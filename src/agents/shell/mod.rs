//! Reads the command line of a shell, as far as it is certain what that runs. It never guesses: a line that it cannot
//! read to its end, or words that are only known at run time, are marked as such.

mod line;
mod text;
mod variables;

use std::rc::Rc;

use line::Reader;
use variables::Variables;

/// The longest command line that is read, in bytes.
pub const MAX_TEXT: usize = 4 << 20;
/// The deepest nesting of command lines.
const MAX_DEPTH: u8 = 16;

/// A word, without its quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// Its text; for an expansion, the source of the expansion.
    pub text: String,
    /// It contains no expansion.
    pub is_literal: bool,
    /// Where its last expansion ends.
    pub(super) filled: usize,
    /// Some of it is quoted.
    is_quoted: bool,
    /// The shell replaces it by matching files, or by a home directory.
    pub is_pattern: bool,
}

impl Word {
    /// A word without expansions.
    pub fn literal(text: impl Into<String>) -> Word {
        Word { text: text.into(), is_literal: true, ..Word::default() }
    }

    /// A word that is an expansion.
    pub fn filled_in(text: impl Into<String>) -> Word {
        let text = text.into();
        Word { filled: text.len(), text, ..Word::default() }
    }

    /// A part of this word, with the given text.
    pub fn part(&self, text: &str) -> Word {
        Word { text: text.to_owned(), filled: text.len(), ..self.clone() }
    }

    /// The last part of its path, if that is known: also for `$HOME/bin/tool`.
    pub fn file_name(&self) -> Option<&str> {
        let at = self.text.rfind('/').map_or(0, |at| at + 1);
        (self.is_literal || at > 0 && at >= self.filled).then(|| &self.text[at..])
    }

    /// Whether it is this keyword of the shell: keywords count only without quotes.
    fn is_keyword(&self, keyword: &str) -> bool {
        self.is_literal && !self.is_quoted && self.text == keyword
    }
}

/// One program that is run, without the destination of its output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimpleCommand {
    /// `NAME=value` before it.
    pub assignments: Vec<(String, Word)>,
    /// The program and its arguments; empty if it only sets variables, or marks the end of a loop.
    pub words: Vec<Word>,
    /// What is written to its standard input, if the line contains that.
    pub inputs: Vec<Rc<str>>,
    /// Files that it reads and writes by `<` and `>`.
    pub files: Vec<Word>,
}

impl SimpleCommand {
    /// All texts in it.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let assigned = self.assignments.iter().map(|(_, value)| value.text.as_str());
        let words = self.words.iter().chain(&self.files).map(|word| word.text.as_str());
        assigned.chain(words).chain(self.inputs.iter().map(AsRef::as_ref))
    }

    /// The same command, starting at one of its words.
    pub fn from(&self, at: usize) -> SimpleCommand {
        SimpleCommand { words: self.words.get(at..).unwrap_or_default().to_vec(), ..self.clone() }
    }
}

/// What a command line runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// In the order in which they end, including those of substitutions.
    pub commands: Vec<SimpleCommand>,
    /// Something was not read: an unclosed quote, or too deep a nesting.
    pub is_cut: bool,
    /// Bytes that came from variables.
    pub(super) filled: usize,
}

impl Script {
    /// Reads a command line; reads nothing of one longer than [`MAX_TEXT`] bytes. Expands variables that the line sets
    /// itself, if it sets them once and unconditionally.
    pub fn of(text: &str) -> Script {
        let mut script = Script::default();
        if text.len() > MAX_TEXT {
            script.is_cut = true;
            return script;
        }
        let mut variables = Variables::default();
        Reader::new(text, 0, &mut script, &mut variables).read();
        if !variables.settle() {
            return script;
        }
        let mut filled = Script::default();
        Reader::new(text, 0, &mut filled, &mut variables).read();
        filled
    }

    /// All values that each of its variables is set to.
    pub fn variables(&self) -> impl Iterator<Item = (String, Word)> {
        self.commands.iter().flat_map(variables::set_by)
    }
}

/// `NAME=value`, `NAME+=value`, `NAME[1]=value`.
pub fn assignment(word: &Word) -> Option<(String, Word)> {
    let (name, value) = word.text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let name = name.strip_suffix(']').and_then(|name| name.split_once('[')).map_or(name, |(name, _)| name);
    is_variable(name).then(|| (name.to_owned(), word.part(value)))
}

/// Whether this is a valid name for a variable.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The commands with their words joined; a word with an expansion is put in brackets.
    fn read(text: &str) -> Vec<String> {
        let script = Script::of(text);
        assert!(!script.is_cut, "{text}: {script:?}");
        let word = |word: &Word| if word.is_literal { word.text.clone() } else { format!("[{}]", word.text) };
        let line = |command: &SimpleCommand| command.words.iter().map(word).collect::<Vec<_>>().join(" ");
        script.commands.iter().filter(|command| !command.words.is_empty()).map(line).collect()
    }

    #[test]
    fn a_line_is_split_where_a_shell_splits_it() {
        for (text, commands) in [
            ("a b; c && d || e | f & g", &["a b", "c", "d", "e", "f", "g"][..]),
            ("a 'x ; y' \"p | q\" r\\ s", &["a x ; y p | q r s"]),
            ("(cd x && a) > out 2>&1 < in", &["cd x", "a"]),
            ("A=1 B=\"2 3\" a b", &["a b"]),
            ("if a; then b; else c; fi", &["a", "b", "c"]),
            ("while ! a; do b; done", &["a", "b"]),
            ("a # b; c\nd", &["a", "d"]),
            ("a \\\n b", &["a b"]),
            ("a &> log; b >&2", &["a", "b"]),
            ("{ a; }", &["a"]),
            ("a $x \"${y:-z}\"", &["a [$x] [${y:-z}]"]),
            ("a $(b c) `d`", &["b c", "d", "a [$(b c)] [`d`]"]),
            ("a \"$(b 'x)' c)\"", &["b x) c", "a [$(b 'x)' c)]"]),
            ("a ${x:-$(b)}", &["b", "a [${x:-$(b)}]"]),
            ("a <(b) >(c)", &["b", "c", "a [/dev/fd] [/dev/fd]"]),
            ("a $'\\x6b\\'' \"$'b\"", &["a k' $'b"]),
            ("a\\\nb \"c\\\nd\"", &["ab cd"]),
            ("case $x in a) b;; c | d) e;; esac; f", &["case [$x] in a", "b", "e", "f"]),
            ("a $(case x in y) b;; esac) c", &["case x in y", "b", "a [$(case x in y) b;; esac)] c"]),
            ("[[ a && b < c ]] && d", &["[[ a & & b < c ]]", "d"]),
            ("a $((1 << 2)); (( 1 << 3 )) && b", &["a [$((1 << 2))]", "((", "b"]),
            ("a \"$(cat <<'E'\nIt's 1)\nE\n)\"; b", &["cat", "a [$(cat <<'E'\nIt's 1)\nE\n)]", "b"]),
            ("a \"${x:-'}\"; b \"'}\"", &["a [${x:-'}]", "b '}"]),
            ("a=(b 'c d' $(e)); f", &["e", "f"]),
            ("a {b,c} {}", &["a [{b,c}] {}"]),
            ("A='b c'; $A \"$A d\"; A=$(e); f", &["[$A] [$A d]", "e", "f"]),
            ("A='b c'; $A \"$A d\"", &["b c b c d"]),
            ("x || A=b; $A", &["x", "[$A]"]),
            ("A=b $A; for A in c; do $A; done", &["[$A]", "for A in c", "[$A]"]),
            ("f() { a; }; function g { b; }", &["f", "a", "b"]),
            ("a 'é'ü", &["a éü"]),
            ("", &[]),
        ] {
            assert_eq!(read(text), commands, "{text}");
        }
    }

    #[test]
    fn what_is_written_below_a_command_is_its_input_and_only_what_is_filled_in_there_runs() {
        let script = Script::of("cat <<EOF | a b\nx $(c)\nEOF\nd <<'E' e\n$(f)\nE\n");
        let found: Vec<_> =
            script.commands.iter().map(|own| (own.words[0].text.as_str(), own.inputs.concat())).collect();
        let expected = [("cat", "x $(c)\n"), ("a", ""), ("c", ""), ("d", "$(f)\n")];
        assert_eq!(found, expected.map(|(name, input)| (name, input.to_owned())));
        let here = Script::of("a <<< 'b c' > d");
        assert_eq!(
            (here.commands[0].inputs.concat(), here.commands[0].files[0].text.as_str()),
            ("b c".to_owned(), "d")
        );
    }

    #[test]
    fn the_last_part_of_a_path_is_known_whatever_stands_before_it() {
        let name = |text: &str| Script::of(text).commands.last().unwrap().words[0].file_name().map(str::to_owned);
        for (text, file) in [("/a/b", "b"), ("$HOME/bin/b", "b"), ("\"$A/b\"", "b"), ("b", "b")] {
            assert_eq!(name(text).as_deref(), Some(file), "{text}");
        }
        for text in ["$A", "${A:-a/b}", "a/$B", "$(which b)", "{a,b}"] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_end_is_said_to_be_cut() {
        for text in [
            "a 'b",
            "a \"b",
            "a $(b",
            "a `b",
            "a <<EOF\nb\n",
            "[[ a",
            "a=(b",
            "a ${b",
            &"$(".repeat(40),
            &"a".repeat(MAX_TEXT + 1),
        ] {
            assert!(Script::of(text).is_cut, "{}", &text[..text.len().min(40)]);
        }
    }

    proptest! {
        /// No text makes it panic or run away, and a plain first command on a line is found.
        #[test]
        fn any_text_is_read(text in "[a-c $`'\"(){}<>|&;\\\\\n#=éE-]{0,60}") {
            let script = Script::of(&format!("kubectl delete\n{text}"));
            let first = &script.commands[0].words;
            prop_assert_eq!(&first[0].text, "kubectl");
            prop_assert_eq!(&first[1].text, "delete");
        }
    }
}
