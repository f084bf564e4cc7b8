//! What a command runs if it is not itself a program of production: programs that run another one, shells, and
//! interpreters of languages that are not parsed here. The rules list them.

use super::phrase::Phrase;
use super::shell::{SimpleCommand, Word, assignment};

/// A program, or a form of one, that runs what its arguments name.
#[derive(Debug, Clone, Default)]
pub struct Wrapper {
    pub runs: Vec<Phrase>,
    /// Options that take the next word as their value.
    pub valued: Vec<String>,
    /// Options whose value is a command line.
    pub lines: Vec<String>,
    /// Words that are each followed by a command; there are no other commands.
    pub after: Vec<String>,
    /// There are no commands except those lines.
    pub is_lines: bool,
    /// The number of arguments before the command.
    pub skip: usize,
    /// The command follows `--`, if there is one.
    pub is_dashed: bool,
    /// A shell reads the words as one line.
    pub is_joined: bool,
    /// The first argument is an image or a service that may have the name of the program it runs.
    pub is_image: bool,
    /// It runs in a container.
    pub is_inside: bool,
    /// What it reads becomes arguments.
    pub is_feeding: bool,
    /// Without a command it starts a shell.
    pub starts_shell: bool,
    /// It sets variables to unknown values.
    pub sets_variables: bool,
}

/// Something that a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inner {
    Command(SimpleCommand),
    /// A command line for a shell.
    Line(String),
}

impl Wrapper {
    /// The index after the words that name this wrapper, if the command is one of it.
    pub fn begins(&self, name: &str, words: &[Word]) -> Option<usize> {
        self.runs.iter().find_map(|phrase| phrase.end_of(name, words, &self.valued))
    }

    /// What a command runs, if the words after the wrapper's name begin at this index.
    pub fn inner(&self, command: &SimpleCommand, begin: usize) -> Vec<Inner> {
        let rest = &command.words[begin..];
        let mut inner: Vec<Inner> = self.lines_in(rest).map(Inner::Line).collect();
        let commands = match (self.is_lines, self.after.is_empty()) {
            (true, _) => Vec::new(),
            (_, true) => self.behind(command, begin).into_iter().collect(),
            (_, false) => self.segments(command, begin),
        };
        inner.extend(commands.into_iter().map(|mut own| {
            self.feed(&mut own.words);
            match self.is_joined {
                true => Inner::Line(own.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")),
                false => Inner::Command(own),
            }
        }));
        inner
    }

    /// The command after the options and arguments of the wrapper.
    fn behind(&self, command: &SimpleCommand, begin: usize) -> Option<SimpleCommand> {
        let words = &command.words;
        let mut own = command.clone();
        let (mut at, mut skip, mut entry) = (begin, self.skip, None);
        let dashes = words[begin..].iter().position(|word| word.text == "--").filter(|_| self.is_dashed);
        while let Some(word) = words.get(at) {
            if dashes.is_some_and(|dashes| at >= begin + dashes) {
                at += 1;
                break;
            } else if word.text == "--entrypoint" {
                entry = words.get(at + 1).cloned();
                at += 2;
            } else if self.takes_next(&word.text) {
                at += 2;
            } else if word.text.starts_with('-') && (word.text.len() > 1 || self.starts_shell) {
                at += 1;
            } else if let Some(set) = assignment(word).filter(|_| !self.is_image) {
                own.assignments.push(set);
                at += 1;
            } else if dashes.is_some() || skip > 0 {
                skip = skip.saturating_sub(1);
                at += 1;
            } else {
                break;
            }
        }
        let entry_at = entry.as_ref().map(|_| at + 1);
        own.words = entry.into_iter().chain(words.iter().skip(entry_at.unwrap_or(at)).cloned()).collect();
        // `-- PROGRAM`, and for nix `PACKAGE -- ARGUMENT`.
        for at in [0, 1] {
            if own.words.get(at).is_some_and(|word| word.text == "--") {
                own.words.remove(at);
            }
        }
        // `npm run test -- --grep TEXT`: what begins with an option is not a command.
        let is_option = dashes.is_some() && own.words.first().is_some_and(|word| word.text.starts_with('-'));
        (!own.words.is_empty() && !is_option).then_some(own)
    }

    /// `-u`, also at the end of a bundle: `-nu`.
    fn takes_next(&self, option: &str) -> bool {
        self.valued.iter().any(|own| is_it_or_ends_in(option, own))
    }

    /// Each command from such a word to `;` or `+`.
    fn segments(&self, command: &SimpleCommand, begin: usize) -> Vec<SimpleCommand> {
        let words = &command.words[begin..];
        let starts = words.iter().enumerate().filter(|(_, word)| self.after.contains(&word.text));
        let segment = |(at, _): (usize, &Word)| {
            let own = words[at + 1..].iter().take_while(|word| !matches!(word.text.as_str(), ";" | "+" | "{}+"));
            SimpleCommand { words: own.cloned().collect(), inputs: Vec::new(), ..command.clone() }
        };
        starts.map(segment).filter(|own| !own.words.is_empty()).collect()
    }

    /// Values of the options that take a line: `-c LINE`, `-qc LINE`, `-SLINE`, `--command=LINE`.
    fn lines_in<'w>(&'w self, words: &'w [Word]) -> impl Iterator<Item = String> + 'w {
        let value = |(at, word): (usize, &'w Word)| {
            if self.lines.iter().any(|own| is_it_or_ends_in(&word.text, own)) {
                return words.get(at + 1).map(|own| own.text.clone());
            }
            let glued =
                |own: &String| word.text.strip_prefix(own.as_str()).filter(|rest| own.len() == 2 && rest.contains(' '));
            if let Some(line) = self.lines.iter().find_map(glued) {
                return Some(line.to_owned());
            }
            let (name, value) = word.text.split_once('=')?;
            self.lines.iter().any(|own| own == name).then(|| value.to_owned())
        };
        words.iter().enumerate().filter_map(value)
    }

    /// Adds the unknown words that replace `{}`, or follow the arguments.
    fn feed(&self, words: &mut Vec<Word>) {
        if !self.is_feeding && self.after.is_empty() {
            return;
        }
        let places = words.iter_mut().filter(|word| word.text == "{}");
        let count = places.map(|word| *word = Word::filled_in("$ITEM")).count();
        if count == 0 && self.is_feeding {
            words.push(Word::filled_in("$ITEM"));
        }
    }
}

/// Whether a word is an option, or a bundle of short ones that ends in it.
pub fn is_it_or_ends_in(word: &str, option: &str) -> bool {
    let letters = word.strip_prefix('-').filter(|own| own.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let is_short = option.len() == 2 && !option.starts_with("--");
    word == option || is_short && letters.is_some_and(|letters| letters.ends_with(&option[1..]))
}

/// How a shell is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellCall {
    /// `-c SCRIPT`.
    Script(Word),
    /// The script is its input.
    Input,
    /// A file.
    File(Word),
}

impl ShellCall {
    /// From the words after the name of a shell.
    pub fn of(arguments: &[Word]) -> ShellCall {
        let (mut at, mut has_script, mut is_joined) = (0, false, false);
        while let Some(word) = arguments.get(at) {
            let text = word.text.as_str();
            let lower = text.to_ascii_lowercase();
            if text == "--" {
                at += 1;
                break;
            } else if matches!(lower.as_str(), "-command" | "--command" | "/c" | "/k") {
                (has_script, is_joined) = (true, true);
                at += 1;
            } else if matches!(text, "--rcfile" | "--init-file") {
                at += 2;
            } else if text.starts_with(['-', '+']) && text.len() > 1 && word.is_literal {
                let letters = if text.starts_with("--") { "" } else { &text[1..] };
                has_script |= text.starts_with('-') && letters.contains('c') && letters.len() <= MAX_LETTERS;
                at += 1 + usize::from(letters.ends_with(['o', 'O']));
            } else {
                break;
            }
        }
        let is_input = |word: &Word| word.text == "-" || word.text.starts_with("/dev/");
        match arguments.get(at) {
            Some(first) if is_joined => {
                let rest = arguments[at..].iter().map(|word| word.text.as_str()).collect::<Vec<_>>();
                ShellCall::Script(first.part(&rest.join(" ")))
            }
            Some(script) if has_script => ShellCall::Script(script.clone()),
            Some(file) if !is_input(file) && !arguments[..at].iter().any(|own| own.text == "-s") => {
                ShellCall::File(file.clone())
            }
            _ => ShellCall::Input,
        }
    }
}

/// The most letters of bundled shell options in one word; longer words are other options, such as `-NoProfile`.
const MAX_LETTERS: usize = 6;

/// An interpreter of a language that is not parsed here.
#[derive(Debug, Clone, Default)]
pub struct Interpreter {
    pub names: Vec<String>,
    /// Options whose value is code.
    pub code: Vec<String>,
    /// Options that take the next word as their value.
    pub valued: Vec<String>,
    /// Its first argument is code.
    pub has_code_first: bool,
    /// Its input is code, whatever its arguments are.
    pub always_reads: bool,
    /// Any of its arguments may be code.
    pub has_code_anywhere: bool,
    /// How its code starts other programs, beyond what all languages share.
    pub starts: Vec<String>,
}

/// The code that an interpreter gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    pub code: Vec<Word>,
    /// It runs its input.
    pub reads: bool,
    /// The index of the first word that does not belong to the interpreter.
    pub rest: usize,
}

impl Interpreter {
    /// From the words after its name.
    pub fn given(&self, arguments: &[Word]) -> Given {
        let mut given = Given::default();
        let (mut at, mut has_file) = (0, false);
        while let Some(word) = arguments.get(at) {
            let text = word.text.as_str();
            if let Some((code, taken)) = self.code_in(arguments, at) {
                given.code.push(code);
                at += taken;
            } else if self.valued.contains(&word.text) {
                at += 2;
            } else if text.starts_with(['-', '+']) && text.len() > 1 {
                given.code.extend(Some(word.clone()).filter(|_| text.starts_with('+')));
                at += 1;
            } else {
                has_file = text != "-" && !text.starts_with("/dev/");
                break;
            }
        }
        if self.has_code_first && given.code.is_empty() {
            given.code.extend(arguments.get(at).cloned());
            has_file = true;
        }
        let blank = arguments.iter().filter(|word| self.has_code_anywhere && word.text.contains(char::is_whitespace));
        given.code.extend(blank.cloned());
        // A file with an expansion in its name may be a pipe.
        let is_unknown = arguments.get(at).is_some_and(|word| !word.is_literal && word.text.starts_with("/dev/"));
        given.reads = given.code.is_empty() && !has_file || is_unknown || self.always_reads;
        given.rest = at;
        given
    }

    /// `-c CODE`, `-cCODE`, `--eval=CODE`, `-lne CODE`: the code, and the number of words it takes.
    fn code_in(&self, arguments: &[Word], at: usize) -> Option<(Word, usize)> {
        let word = &arguments[at];
        for option in &self.code {
            let letters = word.text.strip_prefix('-').filter(|_| option.len() == 2 && !word.text.starts_with("--"));
            let is_bundle = letters.is_some_and(|own| own.len() < MAX_LETTERS && own.ends_with(&option[1..]));
            if word.text == *option || is_bundle {
                return arguments.get(at + 1).map(|code| (code.clone(), 2));
            }
            let glued = word.text.strip_prefix(option.as_str()).filter(|rest| !rest.is_empty());
            let glued = glued.and_then(|rest| rest.strip_prefix('=').or(Some(rest).filter(|_| option.len() == 2)));
            if let Some(code) = glued {
                return Some((word.part(code), 1));
            }
        }
        None
    }
}

/// The name of a program, without what package managers, images and other systems put before and after it:
/// `owner/tool:1.2`, `tool@latest`, `registry#tool`, `tool.exe`.
pub fn plain_name(name: &str) -> &str {
    let name = name.rsplit('#').next().unwrap_or(name);
    let end = name.char_indices().skip(1).find(|(_, c)| matches!(c, '@' | ':')).map_or(name.len(), |(at, _)| at);
    let name = &name[..end];
    let dot = name
        .rfind('.')
        .filter(|at| matches!(name[at + 1..].to_ascii_lowercase().as_str(), "exe" | "cmd" | "bat" | "com" | "ps1"));
    dot.map_or(name, |at| &name[..at])
}
