//! A command line of a shell, read as far as it says for sure what it runs. It would rather not know than guess: what
//! it cannot read to its end, or what is put together as it runs, is said to be so.

/// Bytes of a command line that is read.
pub const MAX_TEXT: usize = 4 << 20;
/// Command lines inside of one another.
const MAX_DEPTH: u8 = 16;

/// A word, with what quotes did to it taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// What it says; of what is filled in as it runs, the text that stands for it.
    pub text: String,
    /// Nothing is filled in.
    pub is_literal: bool,
}

/// One program that is run, without what its output and input are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimpleCommand {
    /// `NAME=value` before it.
    pub assignments: Vec<(String, Word)>,
    /// The program and its arguments; never empty.
    pub words: Vec<Word>,
    /// What is written to its standard input, where that stands beside it.
    pub input: String,
}

/// What a command line runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// In the order in which they end, those of substitutions among them.
    pub commands: Vec<SimpleCommand>,
    /// Something was not read: a quote that does not end, or too many things inside of one another.
    pub is_cut: bool,
}

impl Script {
    /// Reads a command line; of a longer one than [`MAX_TEXT`] bytes nothing.
    pub fn of(text: &str) -> Script {
        let mut script = Script::default();
        if text.len() > MAX_TEXT {
            script.is_cut = true;
        } else {
            Reader { text, at: 0, depth: 0, script: &mut script, waiting: Vec::new() }.read();
        }
        script
    }
}

/// A `<<END` whose lines follow below.
struct HereDocument {
    end: String,
    /// `<<-`: blanks before the end do not count.
    is_indented: bool,
    is_literal: bool,
}

struct Reader<'r> {
    text: &'r str,
    at: usize,
    depth: u8,
    script: &'r mut Script,
    waiting: Vec<HereDocument>,
}

/// Words that may stand before a command and run nothing themselves.
const KEYWORDS: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "!", "{", "}", "coproc"];

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn read(&mut self) {
        let mut command = SimpleCommand::default();
        // How many commands end above this line.
        let mut line = self.script.commands.len();
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\n' => {
                    self.at += 1;
                    self.end(&mut command);
                    self.here_documents(line);
                    line = self.script.commands.len();
                }
                b'#' => self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at),
                b'<' | b'>' => self.redirection(&mut command),
                b'&' if self.peek(1) == Some(b'>') => self.at += 1,
                b';' | b'&' | b'|' | b'(' | b')' => {
                    self.at += 1;
                    self.end(&mut command);
                }
                _ => {
                    let word = self.word();
                    let is_descriptor = word.text.bytes().all(|byte| byte.is_ascii_digit())
                        && matches!(self.peek(0), Some(b'<' | b'>'));
                    if !is_descriptor {
                        command.words.push(word);
                    }
                }
            }
        }
        self.script.is_cut |= !self.waiting.is_empty();
        self.end(&mut command);
    }

    fn end(&mut self, command: &mut SimpleCommand) {
        self.script.commands.extend(complete(command));
    }

    /// `<`, `>`, `<<`, `<<<`, `<(`, with what follows.
    fn redirection(&mut self, command: &mut SimpleCommand) {
        let rest = &self.text[self.at..];
        let operator = ["<<<", "<<-", "<<", "<>", ">>", ">&", "<&", ">|", "<(", ">(", "<", ">"];
        let operator = operator.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or("<");
        self.at += operator.len();
        if operator.ends_with('(') {
            self.at -= 1;
            let inner = self.bracketed(b'(', b')');
            self.inside(&inner);
            command.words.push(Word { text: "/dev/fd".to_owned(), is_literal: false });
            return;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let word = self.word();
        match operator {
            "<<" | "<<-" => self.waiting.push(HereDocument {
                is_literal: self.text[..self.at].ends_with(['\'', '"']) || word.text.contains('\\'),
                end: word.text,
                is_indented: operator == "<<-",
            }),
            "<<<" => command.input.push_str(&word.text),
            _ => {}
        }
    }

    /// The lines that `<<` promised. Each command of the line above is taken to read them, since one of them does.
    fn here_documents(&mut self, line: usize) {
        for document in std::mem::take(&mut self.waiting) {
            let mut body = String::new();
            let mut is_ended = false;
            while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
                let line = rest.split_inclusive('\n').next().unwrap_or(rest);
                self.at += line.len();
                let bare = line.trim_end_matches(['\n', '\r']);
                is_ended = if document.is_indented { bare.trim_start_matches('\t') } else { bare } == document.end;
                if is_ended {
                    break;
                }
                body.push_str(line);
            }
            self.script.is_cut |= !is_ended;
            let above = self.script.commands.iter_mut().skip(line);
            above.for_each(|command| command.input.push_str(&body));
            if !document.is_literal {
                self.substitutions(&body);
            }
        }
    }

    fn word(&mut self) -> Word {
        let mut word = Word { text: String::new(), is_literal: true };
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\\' => {
                    self.at += 1;
                    self.take(&mut word);
                }
                b'\'' => {
                    let inner = self.until(b'\'');
                    word.text.push_str(&inner);
                }
                b'"' => self.double_quoted(&mut word),
                b'$' | b'`' => self.expansion(&mut word),
                _ => self.take(&mut word),
            }
        }
        word
    }

    /// One character, as it stands.
    fn take(&mut self, word: &mut Word) {
        if let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            self.at += c.len_utf8();
            word.text.push(c);
        }
    }

    /// What stands between here and the next such byte; behind both.
    fn until(&mut self, end: u8) -> String {
        let from = self.at + 1;
        let length = self.text.as_bytes()[from..].iter().position(|byte| *byte == end);
        self.script.is_cut |= length.is_none();
        let to = length.map_or(self.text.len(), |length| from + length);
        self.at = (to + 1).min(self.text.len());
        self.text[from..to].to_owned()
    }

    fn double_quoted(&mut self, word: &mut Word) {
        self.at += 1;
        loop {
            match self.peek(0) {
                None => {
                    self.script.is_cut = true;
                    return;
                }
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                Some(b'\\') if matches!(self.peek(1), Some(b'"' | b'\\' | b'$' | b'`' | b'\n')) => {
                    self.at += 1;
                    self.take(word);
                }
                Some(b'$' | b'`') => self.expansion(word),
                Some(_) => self.take(word),
            }
        }
    }

    /// `$NAME`, `${…}`, `$(…)`, `` `…` ``, `$'…'`; a dollar that is none of these.
    fn expansion(&mut self, word: &mut Word) {
        let from = self.at;
        match (self.peek(0), self.peek(1)) {
            (Some(b'`'), _) => {
                let inner = self.until(b'`');
                self.inside(&inner);
            }
            (_, Some(b'(')) => {
                self.at += 1;
                let inner = self.bracketed(b'(', b')');
                self.inside(&inner);
            }
            (_, Some(b'{')) => {
                self.at += 1;
                let inner = self.bracketed(b'{', b'}');
                self.substitutions(&inner);
            }
            // Escapes may spell anything.
            (_, Some(b'\'')) => {
                self.at += 1;
                self.until(b'\'');
            }
            (
                _,
                Some(b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'@' | b'*' | b'#' | b'?' | b'!' | b'$' | b'-'),
            ) => {
                self.at += 2;
                while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    self.at += 1;
                }
            }
            _ => return self.take(word),
        }
        word.text.push_str(&self.text[from..self.at]);
        word.is_literal = false;
    }

    /// What stands between a bracket here and the one that closes it; behind both. Quotes hide brackets.
    fn bracketed(&mut self, open: u8, close: u8) -> String {
        let (from, bytes) = (self.at + 1, self.text.as_bytes());
        let (mut depth, mut quote) = (0_usize, None);
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match quote {
                _ if byte == b'\\' && quote != Some(b'\'') => self.at += 1,
                Some(own) if own == byte => quote = None,
                Some(_) => {}
                None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
                None if byte == open => depth += 1,
                None if byte == close => {
                    depth -= 1;
                    if depth == 0 {
                        return self.text[from..self.at - 1].to_owned();
                    }
                }
                None => {}
            }
        }
        self.at = bytes.len();
        self.script.is_cut = true;
        self.text.get(from..).unwrap_or_default().to_owned()
    }

    /// A command line inside of this one.
    fn inside(&mut self, text: &str) {
        if self.depth >= MAX_DEPTH {
            self.script.is_cut = true;
            return;
        }
        Reader { text, at: 0, depth: self.depth + 1, script: self.script, waiting: Vec::new() }.read();
    }

    /// The command lines inside of a text that is none itself.
    fn substitutions(&mut self, text: &str) {
        if self.depth >= MAX_DEPTH {
            self.script.is_cut = true;
            return;
        }
        let mut reader = Reader { text, at: 0, depth: self.depth + 1, script: self.script, waiting: Vec::new() };
        let mut ignored = Word::default();
        while let Some(byte) = reader.peek(0) {
            match byte {
                b'\\' => reader.at += 1 + usize::from(reader.text.is_char_boundary(reader.at + 2)),
                b'$' | b'`' => reader.expansion(&mut ignored),
                _ => reader.take(&mut ignored),
            }
        }
    }
}

/// What is gathered so far, as a command of its own: without the words of the shell's own before it.
fn complete(command: &mut SimpleCommand) -> Option<SimpleCommand> {
    let mut done = std::mem::take(command);
    let is_keyword = |word: &Word| word.is_literal && KEYWORDS.contains(&word.text.as_str());
    let skipped = done.words.iter().take_while(|word| is_keyword(word)).count();
    done.words.drain(..skipped);
    while let Some((name, value)) = done.words.first().and_then(assignment) {
        done.words.remove(0);
        done.assignments.push((name, value));
    }
    (!done.words.is_empty()).then_some(done)
}

/// `NAME=value`.
pub fn assignment(word: &Word) -> Option<(String, Word)> {
    let (name, value) = word.text.split_once('=')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    is_name.then(|| (name.to_owned(), Word { text: value.to_owned(), is_literal: word.is_literal }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The commands with their words joined; a word that is filled in stands in brackets.
    fn read(text: &str) -> Vec<String> {
        let script = Script::of(text);
        assert!(!script.is_cut, "{text}: {script:?}");
        let word = |word: &Word| if word.is_literal { word.text.clone() } else { format!("[{}]", word.text) };
        let line = |command: &SimpleCommand| command.words.iter().map(word).collect::<Vec<_>>().join(" ");
        script.commands.iter().map(line).collect()
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
            ("a $'\\x6b'", &["a [$'\\x6b']"]),
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
            script.commands.iter().map(|own| (own.words[0].text.as_str(), own.input.as_str())).collect();
        assert_eq!(found, [("cat", "x $(c)\n"), ("a", "x $(c)\n"), ("c", ""), ("d", "$(f)\n")]);
        assert_eq!(Script::of("a <<< 'b c'").commands[0].input, "b c");
    }

    #[test]
    fn what_does_not_end_is_said_to_be_cut() {
        for text in ["a 'b", "a \"b", "a $(b", "a `b", "a <<EOF\nb\n", &"$(".repeat(40), &"a".repeat(MAX_TEXT + 1)] {
            assert!(Script::of(text).is_cut, "{}", &text[..text.len().min(40)]);
        }
    }

    proptest! {
        /// No text makes it panic or run away, and what stands plainly first on a line is found.
        #[test]
        fn any_text_is_read(text in "[a-c $`'\"(){}<>|&;\\\\\n#=éE-]{0,60}") {
            let script = Script::of(&format!("kubectl delete\n{text}"));
            let first = &script.commands[0].words;
            prop_assert_eq!(&first[0].text, "kubectl");
            prop_assert_eq!(&first[1].text, "delete");
        }
    }
}
