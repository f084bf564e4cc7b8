//! What a command runs if it is not itself a program of production: programs that run another one, shells, and
//! interpreters of languages that are not parsed here. The rules list them.

use std::collections::BTreeSet;

use super::phrase::{Options, Phrase};
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
    /// The number of further arguments that may precede the command, or be missing.
    pub may_skip: usize,
    /// The command may follow a name and a `:` in its own word.
    pub is_prefixed: bool,
    /// The first argument may be a script that has the name of a program: alone it does not call that program.
    pub has_scripts: bool,
    /// The lines follow a key and `=`.
    pub has_settings: bool,
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
    /// Words before a `--` that are a command if they begin with a program that is known.
    Perhaps(SimpleCommand),
}

impl Wrapper {
    /// The index after the words that name this wrapper, if the command is one of it.
    pub fn begins(&self, name: &str, words: &[Word]) -> Option<usize> {
        self.runs.iter().find_map(|phrase| phrase.possibly_of(name, words, Options::default()))
    }

    /// The same, if it is so however the options before that index are read.
    pub fn surely_begins(&self, name: &str, words: &[Word]) -> Option<usize> {
        self.runs.iter().find_map(|phrase| phrase.surely_of(name, words, Options::default()))
    }

    /// Whether a program of this name is this wrapper, in one of its forms.
    pub fn is_called(&self, name: &str) -> bool {
        self.runs.iter().any(|phrase| phrase.is_called(name))
    }

    /// What a command runs, if the words after the wrapper's name begin at this index.
    pub fn inner(&self, command: &SimpleCommand, begin: usize) -> Vec<Inner> {
        let rest = &command.words[begin..];
        let lines = self.lines_in(rest).filter(|line| !self.has_settings || line.contains('='));
        let mut inner: Vec<Inner> = lines.map(Inner::Line).collect();
        let commands = match (self.is_lines, self.after.is_empty()) {
            (true, _) => Vec::new(),
            (_, true) => {
                self.starts(&command.words, begin).into_iter().filter_map(|own| own.of(self, command)).collect()
            }
            (_, false) => self.segments(command, begin).into_iter().map(Inner::Command).collect(),
        };
        for own in commands {
            self.add(own, &mut inner);
        }
        inner
    }

    fn add(&self, own: Inner, inner: &mut Vec<Inner>) {
        match own {
            Inner::Command(mut own) => {
                self.feed(&mut own.words);
                if !self.is_joined {
                    return inner.push(Inner::Command(own));
                }
                // Some programs join them, and others take each for a line.
                let texts = || own.words.iter().map(|word| word.text.as_str());
                inner.push(Inner::Line(texts().collect::<Vec<_>>().join(" ")));
                let lines = texts().filter(|text| text.contains(char::is_whitespace)).map(str::to_owned);
                inner.extend(lines.map(Inner::Line));
            }
            other => inner.push(other),
        }
    }

    /// Where the command may begin, after the options and arguments of the wrapper: the likeliest place first.
    fn starts(&self, words: &[Word], begin: usize) -> Vec<Start> {
        let dashes = words[begin..].iter().position(|word| word.text == "--").filter(|_| self.is_dashed);
        let dashes = dashes.map(|at| begin + at);
        let mut starts: Vec<Start> =
            dashes.map(|at| Start { begin, at: at + 1, is_behind: true, is_sure: true }).into_iter().collect();
        let mut places = vec![(begin, self.skip, self.may_skip)];
        let mut seen = BTreeSet::new();
        let mut read = BTreeSet::new();
        while let Some((mut at, mut skip, may_skip)) = places.pop() {
            while let Some(word) = words.get(at).filter(|_| dashes.is_none_or(|dashes| at < dashes)) {
                if !read.insert((at, skip, may_skip)) {
                    break;
                }
                let text = word.text.as_str();
                if text == "--entrypoint" || self.takes_next(text) {
                    // Several programs of one kind stand in one rule, and their options differ.
                    places.extend((self.may_skip > 0).then_some((at + 1, skip, may_skip)));
                    at += 2;
                } else if self.lines.iter().any(|own| is_it_or_ends_in(text, own)) {
                    // An option for a line may be one without a value in another program of this kind.
                    places.push((at + 2, skip, may_skip));
                    at += 1;
                } else if text.starts_with('-') && (text.len() > 1 || self.starts_shell)
                    || !self.is_image && assignment(word).is_some()
                {
                    at += 1;
                } else if skip > 0 {
                    skip -= 1;
                    at += 1;
                } else {
                    if may_skip > 0 {
                        places.push((at + 1, skip, may_skip - 1));
                    }
                    let is_place = dashes.is_none() || self.may_skip > 0;
                    let is_script = self.has_scripts && at + 1 == words.len();
                    if is_place && !is_script && seen.insert(at) {
                        starts.push(Start { begin, at, is_behind: false, is_sure: dashes.is_none() });
                    }
                    break;
                }
            }
        }
        starts
    }

    /// `-u`, also at the end of a bundle: `-nu`, but not `-uroot`, which has its value.
    fn takes_next(&self, option: &str) -> bool {
        if self.valued.iter().any(|own| own == option) {
            return true;
        }
        let Some(letters) = option.strip_prefix('-').filter(|letters| !letters.starts_with('-')) else { return false };
        let is_valued = |c: char| self.valued.iter().any(|own| own.len() == 2 && own.ends_with(c));
        letters.find(is_valued).is_some_and(|at| at + 1 == letters.len())
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

/// Where the command of a wrapper may begin.
struct Start {
    /// After the name of the wrapper.
    begin: usize,
    at: usize,
    /// It stands behind a `--`.
    is_behind: bool,
    /// It is a command wherever it begins, and not only with a known program.
    is_sure: bool,
}

impl Start {
    /// The command that begins here.
    fn of(&self, wrapper: &Wrapper, command: &SimpleCommand) -> Option<Inner> {
        let words = &command.words;
        let mut own = command.clone();
        let before = words.get(self.begin..self.at).unwrap_or_default();
        own.assignments.extend(before.iter().filter(|_| !wrapper.is_image).filter_map(assignment));
        let entry = entry_point(before);
        let at = if entry.is_some() { self.at + 1 } else { self.at };
        own.words = entry.into_iter().chain(words.iter().skip(at).cloned()).collect();
        // `-- PROGRAM`, and for nix `PACKAGE -- ARGUMENT`.
        for at in [0, 1] {
            if self.is_sure && own.words.get(at).is_some_and(|word| word.text == "--") {
                own.words.remove(at);
            }
        }
        let head = own.words.first_mut()?;
        // `npm run test -- --grep TEXT`: what begins with an option is not a command.
        if self.is_behind && head.text.starts_with('-') {
            return None;
        }
        if let Some((_, name)) = head.text.split_once(':').filter(|_| wrapper.is_prefixed) {
            *head = head.part(name);
        }
        Some(if self.is_sure { Inner::Command(own) } else { Inner::Perhaps(own) })
    }
}

/// `--entrypoint PROGRAM`, `--entrypoint=PROGRAM`.
fn entry_point(words: &[Word]) -> Option<Word> {
    let at = words.iter().position(|word| word.text.split('=').next() == Some("--entrypoint"))?;
    match words[at].text.split_once('=') {
        Some((_, program)) => Some(words[at].part(program)),
        None => words.get(at + 1).cloned(),
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
