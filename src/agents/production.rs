//! What an agent may not run without a person. This helps against accidents and is not a security boundary: a shell can
//! hide what it runs from any reader, so whatever is not understood for certain counts as reaching production.

use super::carriers::Goes;
use super::phrase::{Phrase, positional};
use super::rules::{Alone, ProductionRules, Program};
use super::runs::{Inner, Interpreter, ShellCall, Wrapper, plain_name};
use super::sed;
use super::shell::{Script, SimpleCommand, Word};

/// The deepest nesting of command lines, and of programs that run others.
const MAX_DEPTH: u8 = 16;
/// How often words on the way to a command may be read in several ways: each doubles the work.
const MAX_FORKS: u8 = 5;
/// The longest quote of a command in a sentence, in characters.
const MAX_PART: usize = 160;

/// The judgement of a command line or of a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It does not reach production, as far as can be seen.
    Elsewhere,
    /// It does, or nobody can tell.
    Production(Reach),
}

/// How something reaches production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// A sentence for the agent.
    pub why: String,
    /// The program and its arguments, if they are known.
    pub command: Vec<String>,
    /// What else belongs to the command, and would be missing in a request.
    pub left_out: Vec<String>,
    /// The target in the policy.
    pub target: Option<String>,
}

impl Reach {
    fn because(why: String) -> Reach {
        Reach { why, ..Reach::default() }
    }
}

/// The context of a command.
#[derive(Clone, Default)]
struct Place {
    depth: u8,
    /// A name in the surrounding text that is not run there: something unseen may run it.
    named: Option<String>,
    /// Variables that the line sets.
    variables: Vec<(String, Word)>,
    /// It may be a command line, or just a message.
    is_guess: bool,
    is_in_container: bool,
    /// Something sets variables to unknown values.
    is_set_up: bool,
    /// Files that the line writes.
    written: Vec<String>,
    /// All of its arguments were checked already, each by itself.
    is_scanned: bool,
    /// How often it was read in several ways on the way here.
    forks: u8,
}

impl Place {
    fn deeper(&self) -> Place {
        Place { depth: self.depth + 1, ..self.clone() }
    }

    fn guessed(&self) -> Place {
        Place { is_guess: true, ..self.deeper() }
    }

    /// Whether the line writes a file before it runs it.
    fn writes(&self, file: &Word) -> bool {
        self.written.iter().any(|own| own.trim_start_matches("./") == file.text.trim_start_matches("./"))
    }

    /// What is run cannot be seen; that matters only if something is named.
    fn unseen(&self, why: &str) -> Option<Reach> {
        self.named.as_deref().map(|named| unclear(named, why))
    }
}

impl ProductionRules {
    /// Judges a tool of an agent that is not a shell.
    pub fn judge_tool(&self, name: &str) -> Judgement {
        match self.tools.iter().any(|tool| tool.is_match(name)) {
            true => Judgement::Production(Reach::because(format!("The tool {name} acts on production."))),
            false => Judgement::Elsewhere,
        }
    }

    /// Judges a command line: the first of its commands that reaches production decides.
    pub fn judge_line(&self, text: &str) -> Judgement {
        self.judge_text(text, &Place::default()).map_or(Judgement::Elsewhere, Judgement::Production)
    }

    /// Like [`ProductionRules::judge_line`], for a program and its arguments.
    pub fn judge_words(&self, words: &[String]) -> Judgement {
        let words = words.iter().map(Word::literal).collect();
        let script =
            Script { commands: vec![SimpleCommand { words, ..SimpleCommand::default() }], ..Script::default() };
        self.judge_script(&script, &Place::default()).map_or(Judgement::Elsewhere, Judgement::Production)
    }

    /// Like [`ProductionRules::judge_line`], for a text that may be a line.
    pub fn judge_item(&self, text: &str) -> Judgement {
        self.judge_guess(text, &Place::default()).map_or(Judgement::Elsewhere, Judgement::Production)
    }

    /// Judges a text in a language that is not parsed here: whether it names anything.
    pub fn judge_code(&self, text: &str) -> Judgement {
        let found = self.named_in(text).map(|named| unclear(named, "nobody can see what the code does with that"));
        found.map_or(Judgement::Elsewhere, Judgement::Production)
    }

    fn judge_text(&self, text: &str, place: &Place) -> Option<Reach> {
        let has_rules = |text: &str| self.known.is_match(text) || self.named_in(text).is_some();
        // A name may be split by quotes.
        let bare = text.contains(['\'', '"', '\\']).then(|| text.replace("\\\n", "").replace(['\'', '"', '\\'], ""));
        if !has_rules(text) && !bare.as_deref().is_some_and(has_rules) && place.named.is_none() {
            return None;
        }
        let script = Script::of(text);
        if (script.is_cut || place.depth >= MAX_DEPTH) && !place.is_guess {
            let named = self.named_in(text).or(place.named.as_deref());
            if let Some(named) = named {
                return Some(unclear(named, "it cannot be read to its end"));
            }
        }
        self.judge_script(&script, place)
    }

    fn judge_script(&self, script: &Script, place: &Place) -> Option<Reach> {
        if place.depth >= MAX_DEPTH {
            return place.unseen("it goes too deep");
        }
        let named = script.commands.iter().find_map(|command| self.named_as_data(command));
        let variables = place.variables.iter().cloned().chain(script.variables()).collect();
        let is_setting = |command: &SimpleCommand| {
            command.words.first().is_some_and(|head| matches!(head.text.as_str(), "source" | "." | "eval"))
        };
        let is_set_up = place.is_set_up || script.commands.iter().any(is_setting);
        let written = place.written.iter().cloned().chain(script.commands.iter().flat_map(written_by)).collect();
        let named = place.named.clone().or(named);
        let place = Place { named, variables, is_set_up, written, is_scanned: false, ..place.clone() };
        let found = script.commands.iter().find_map(|command| {
            let mut reach = self.judge_command(command, &place)?;
            reach.leave_out(script, command);
            Some(reach)
        });
        found.or_else(|| script.commands.iter().find_map(|command| self.marked(command)))
    }

    /// What a command names but does not run itself: in the value of a variable, in an argument, or in its input.
    fn named_as_data(&self, command: &SimpleCommand) -> Option<String> {
        let is_program = command.words.first().is_some_and(|head| self.program(head).is_some_and(|own| own.is_named()));
        let found = command.texts().filter(|_| !is_program).find_map(|text| self.named_in(text));
        found.map(str::to_owned)
    }

    /// The name of a program, or a marker.
    fn named_in<'t>(&'t self, text: &'t str) -> Option<&'t str> {
        let marker = || self.markers.iter().find(|marker| text.contains(*marker)).map(String::as_str);
        self.names.captures(text).and_then(|found| found.get(1)).map(|found| found.as_str()).or_else(marker)
    }

    fn judge_command(&self, command: &SimpleCommand, place: &Place) -> Option<Reach> {
        if place.depth >= MAX_DEPTH {
            return place.unseen("it goes too deep");
        }
        let head = command.words.first()?;
        let set = command.assignments.iter().filter(|(_, value)| value.text.contains(char::is_whitespace));
        let by_variable = set.map(|(_, value)| &value.text).find_map(|line| self.judge_guess(line, place));
        by_variable.or_else(|| {
            let Some(file) = head.file_name() else {
                return place.unseen("nobody can see what it runs").filter(|_| !place.is_guess);
            };
            if place.writes(head) {
                return place.unseen("it runs what it writes");
            }
            let line = Some(&head.text).filter(|text| text.contains(char::is_whitespace));
            let found = line.and_then(|line| self.judge_text(line, &place.guessed()));
            found.or_else(|| self.judge_named(plain_name(file), command, place))
        })
    }

    fn judge_named(&self, name: &str, command: &SimpleCommand, place: &Place) -> Option<Reach> {
        let head = &command.words[0];
        if let Some(program) = self.program(head) {
            let reach = self.judge_program(program, command, place);
            if reach.is_some() || program.is_named() {
                return reach;
            }
        }
        let speaks = self.speaks(command);
        let mut is_wrapper = false;
        // Options that are not known may hide which of several it is.
        for (wrapper, begin) in self.wrappers_of(name, command).into_iter().filter(|(own, _)| own.is_lines || !speaks) {
            is_wrapper = true;
            let reach = self.judge_wrapper(wrapper, command, begin, place);
            if reach.is_some() {
                return reach;
            }
        }
        if matches!(name, "sed" | "gsed") && sed::runs_commands(&command.words[1..]) {
            return place.unseen("nobody can see what the script of `sed` runs");
        }
        if speaks || is_wrapper || self.has_phrase(&self.harmless, command) {
            return None;
        }
        if self.is_shell(name) {
            return self.judge_shell(command, place);
        }
        if let Some(interpreter) = self.interpreter(name) {
            return self.judge_interpreter(interpreter, command, place);
        }
        match place.is_guess {
            true => None,
            false => self.judge_arguments(command, 1, place),
        }
    }

    fn judge_wrapper(&self, wrapper: &Wrapper, command: &SimpleCommand, begin: usize, place: &Place) -> Option<Reach> {
        let mut place = place.deeper();
        place.is_in_container |= wrapper.is_inside;
        place.is_set_up |= wrapper.sets_variables;
        let mut inner = wrapper.inner(command, begin);
        if inner.len() > 1 {
            place.forks += 1;
        }
        if place.forks > MAX_FORKS {
            let unseen = place.unseen("it goes too deep");
            if unseen.is_some() {
                return unseen;
            }
            inner.truncate(1);
        }
        if !inner.is_empty() {
            return inner.iter().find_map(|own| self.judge_inner(own, wrapper.is_image, &place));
        }
        if !wrapper.starts_shell {
            return None;
        }
        match command.inputs.is_empty() {
            true => place.unseen("it feeds a shell"),
            false => command.inputs.iter().find_map(|input| self.judge_text(input, &place)),
        }
    }

    /// The wrappers that a command may be, and the index after the name of each.
    fn wrappers_of(&self, name: &str, command: &SimpleCommand) -> Vec<(&Wrapper, usize)> {
        let words = &command.words;
        let mut begun: Vec<_> =
            self.wrappers.iter().filter_map(|own| own.begins(name, words).map(|begin| (own, begin))).collect();
        // `yarn workspace` is for certain not `yarn` with a program that is called `workspace`.
        if begun.len() > 1 {
            let longest = begun.iter().filter_map(|(own, _)| own.surely_begins(name, words)).max().unwrap_or(0);
            begun.retain(|(own, begin)| own.is_lines || *begin >= longest);
        }
        begun
    }

    fn judge_inner(&self, inner: &Inner, is_image: bool, place: &Place) -> Option<Reach> {
        match inner {
            Inner::Line(text) => self.judge_line_within(text, place),
            Inner::Command(command) if is_image => self.judge_image(command, place),
            Inner::Command(command) => self.judge_command(command, place),
            Inner::Perhaps(command) if self.is_certain(command) => self.judge_command(command, place),
            Inner::Perhaps(_) => None,
        }
    }

    /// Whether words before a `--` are a command of their own: `doppler run kubectl exec web -- rm`, but not
    /// `mise exec terraform -- terraform plan`.
    fn is_certain(&self, command: &SimpleCommand) -> bool {
        let Some((head, rest)) = command.words.split_first() else { return false };
        let dashes = rest.iter().position(|word| word.text == "--").unwrap_or(rest.len());
        let is_run = |word: &Word| self.is_known(word) || word.file_name().is_some_and(|name| self.is_wrapper(name));
        let is_behind = rest.get(dashes + 1).is_some_and(is_run);
        is_run(head) && !head.text.contains('@') && (!is_behind || self.has_orders(head, &rest[..dashes]))
    }

    fn is_wrapper(&self, name: &str) -> bool {
        self.wrappers.iter().any(|own| own.is_called(name))
    }

    /// Judges a line that another program runs; editors and git put a `!` or a key before it.
    fn judge_line_within(&self, text: &str, place: &Place) -> Option<Reach> {
        let behind = text.split_once('!').or_else(|| text.split_once('=')).map(|(_, behind)| behind);
        let place = Place { is_guess: false, ..place.deeper() };
        self.judge_text(text, &place).or_else(|| self.judge_text(behind?, &place))
    }

    /// An image or a service may have the name of the program in it; without arguments, it is only started.
    fn judge_image(&self, command: &SimpleCommand, place: &Place) -> Option<Reach> {
        let (image, rest) = command.words.split_first()?;
        let own = rest.first().filter(|word| self.is_known(word));
        if own.is_none() && self.program(image).is_some() && has_words(rest) {
            return self.judge_command(command, place);
        }
        self.judge_command(&command.from(1), place)
    }

    /// Looks for programs after an unknown one. A name that is followed by nothing is an argument.
    fn judge_arguments(&self, command: &SimpleCommand, from: usize, place: &Place) -> Option<Reach> {
        if place.is_scanned {
            return None;
        }
        let scanned = Place { is_scanned: true, ..place.deeper() };
        let is_run = |at: &usize| {
            let word = &command.words[*at];
            is_called(word) && self.is_known(word) && self.has_orders(word, &command.words[at + 1..])
        };
        let mut runs = (from..command.words.len()).filter(is_run);
        runs.find_map(|at| self.judge_command(&command.from(at), &scanned)).or_else(|| {
            let lines = command.words.iter().skip(from).filter(|word| word.text.contains(char::is_whitespace));
            lines.flat_map(|word| parts(&word.text)).find_map(|line| self.judge_guess(line, place))
        })
    }

    /// Whether a program is followed by something that it could do. A word after an option that the program does not
    /// have belongs to the program that has the option.
    fn has_orders(&self, program: &Word, words: &[Word]) -> bool {
        let Some(program) = self.program(program) else { return has_words(words) };
        let is_own = |at: usize| at == 0 || !words[at - 1].text.starts_with('-') || program.takes(&words[at - 1].text);
        (0..words.len()).any(|at| is_own(at) && has_words(&words[at..=at]))
    }

    /// A word that contains blanks may be a command line itself.
    fn judge_guess(&self, line: &str, place: &Place) -> Option<Reach> {
        let line = line.trim_start();
        let first = line.split_whitespace().next().unwrap_or_default();
        let behind = first.rfind('!').map(|at| &line[at + 1..]);
        let place = Place { named: None, ..place.guessed() };
        self.judge_text(line, &place).or_else(|| self.judge_text(behind?, &place))
    }

    fn is_known(&self, word: &Word) -> bool {
        let Some(name) = word.file_name().map(plain_name) else { return false };
        self.program(word).is_some_and(Program::is_named) || self.is_shell(name) || self.interpreter(name).is_some()
    }

    /// Whether a command does nothing to what its arguments name.
    fn speaks(&self, command: &SimpleCommand) -> bool {
        self.has_phrase(&self.speaks, command)
    }

    /// Whether a command surely begins with one of these phrases.
    fn has_phrase(&self, phrases: &[Phrase], command: &SimpleCommand) -> bool {
        let Some(head) = command.words.first() else { return false };
        let name = head.file_name().map_or("", plain_name);
        let options = self.program(head).map(Program::options).unwrap_or_default();
        phrases.iter().any(|own| own.surely_of(name, &command.words, options).is_some())
    }

    fn judge_program(&self, program: &Program, command: &SimpleCommand, place: &Place) -> Option<Reach> {
        let reach = program.judge(command, place, &self.environment);
        if reach.is_some() || !program.hands_on {
            return reach;
        }
        // The rest is passed on to another place, and runs there.
        let arguments = &command.words[1..];
        let (at, _) = positional(arguments, &program.valued).next()?;
        let rest = arguments[at + 1..].iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        self.judge_text(&rest, &place.deeper())
    }

    /// `sh -c TEXT`, `bash < TEXT`, `bash FILE`.
    fn judge_shell(&self, command: &SimpleCommand, place: &Place) -> Option<Reach> {
        let own = self.named_as_data(command);
        let place = Place { named: place.named.clone().or(own), is_guess: false, ..place.deeper() };
        match ShellCall::of(&command.words[1..]) {
            ShellCall::Script(script) => self.judge_text(&script.text, &place),
            ShellCall::Input if command.inputs.is_empty() => place.unseen("it feeds a shell"),
            ShellCall::Input => command.inputs.iter().find_map(|input| self.judge_text(input, &place)),
            ShellCall::File(file) if !file.is_literal => place.unseen("nobody can see what it runs"),
            ShellCall::File(file) if place.writes(&file) => place.unseen("it runs what it writes"),
            ShellCall::File(_) => self.judge_arguments(command, 2, &place),
        }
    }

    fn judge_interpreter(&self, own: &Interpreter, command: &SimpleCommand, place: &Place) -> Option<Reach> {
        let arguments = &command.words[1..];
        let given = own.given(arguments);
        let starts = |text: &str| self.starts.iter().chain(&own.starts).any(|start| text.contains(start.as_str()));
        let by_code = given.code.iter().find_map(|code| self.judge_code_of(code, starts(&code.text), place));
        if by_code.is_some() {
            return by_code;
        }
        if arguments.get(given.rest).is_some_and(|file| !given.reads && place.writes(file)) {
            return place.unseen("it runs what it writes");
        }
        if !given.reads {
            return self.judge_arguments(command, given.rest + 1, place);
        }
        if command.inputs.is_empty() {
            return place.unseen("it feeds an interpreter");
        }
        let is_started = |text: &&str| starts(text);
        let inputs = command.inputs.iter().map(AsRef::as_ref).filter(is_started);
        let found = inputs.filter_map(|input| self.named_in(input)).next();
        found.map(|named| unclear(named, "nobody can see what the code does with that"))
    }

    /// Judges code in an argument, which may or may not start other programs.
    fn judge_code_of(&self, code: &Word, starts: bool, place: &Place) -> Option<Reach> {
        let named = self.named_in(&code.text).filter(|_| starts);
        let found = named.map(|named| unclear(named, "nobody can see what the code does with that"));
        let is_open = starts || !code.is_literal && code.text.starts_with(['$', '`']);
        found.or_else(|| place.unseen("nobody can see what the code runs").filter(|_| is_open))
    }

    /// Finds a command that contains a marker of production, other than one that only mentions it.
    fn marked(&self, command: &SimpleCommand) -> Option<Reach> {
        let files = command.files.iter().map(|word| word.text.as_str());
        let texts: Vec<&str> = if self.speaks(command) { files.collect() } else { command.texts().collect() };
        let marker = self.markers.iter().find(|marker| texts.iter().any(|text| text.contains(*marker)))?;
        let why = format!("`{marker}` is said to be production here.");
        let mut reach = Reach { why, command: words(command), ..Reach::default() };
        reach.leave_out(&Script::default(), command);
        Some(reach)
    }
}

impl Program {
    /// Whether an option has a value, as far as is known; one with `=` contains its value.
    fn takes(&self, option: &str) -> bool {
        self.valued.iter().any(|own| own == option) || option.contains('=')
    }

    fn judge(&self, command: &SimpleCommand, place: &Place, environment: &[(String, Word)]) -> Option<Reach> {
        let arguments = &command.words[1..];
        let begins = |own: &Phrase| own.surely(arguments, self.options()).is_some();
        let may_begin = |own: &Phrase| own.possibly(arguments, self.options()).is_some();
        let shows = arguments.is_empty() && self.shows_bare;
        if shows || says_only(arguments, self.hands_on || self.takes_all) || self.reads.iter().any(begins) {
            return None;
        }
        let is_reached = match self.carriers.goes(command, &self.valued, &place.variables) {
            Goes::Elsewhere => false,
            Goes::There => true,
            Goes::Unsaid if !self.reaches.is_empty() => self.reaches.iter().any(may_begin),
            Goes::Unsaid => match self.alone {
                Alone::Local if place.is_in_container => false,
                Alone::Local => self.carriers.is_set(environment) || place.is_set_up && self.carriers.has_variables(),
                Alone::LocalInContainers => !place.is_in_container,
                Alone::Production => true,
            },
        };
        is_reached.then(|| {
            let name = &command.words[0].text;
            let part = part(command);
            let why = match arguments.iter().all(|word| word.is_literal) {
                true => format!("`{name}` reaches production here: `{part}`."),
                false => {
                    format!("`{name}` reaches production here, and parts of it are put together as it runs: `{part}`.")
                }
            };
            Reach { why, command: words(command), target: self.target.clone(), ..Reach::default() }
        })
    }
}

/// Programs that may be left out of a request: they only run the command that they are given.
const SILENT: &[&str] = &["sudo", "doas", "time", "nohup", "exec", "command"];

impl Reach {
    /// Notes what a request for the command alone would lack, compared with the line that contains it.
    fn leave_out(&mut self, script: &Script, top: &SimpleCommand) {
        let command = self.command.clone();
        if command.is_empty() {
            return;
        }
        let mut lacks = |is_there: bool, what: &str| {
            if is_there && !self.left_out.iter().any(|own| own == what) {
                self.left_out.push(what.to_owned());
            }
        };
        lacks(script.commands.len() > 1, "the other commands of the line");
        lacks(!top.assignments.is_empty(), "the variables that are set (--env NAME=VALUE)");
        lacks(!top.inputs.is_empty() || !top.files.is_empty(), "its input and output (--input ROLE=PATH)");
        let is_filled = |word: &Word| !word.is_literal || word.is_pattern;
        lacks(top.words.iter().any(is_filled), "what the shell fills in");
        let before = top.words.len().saturating_sub(command.len());
        let is_silent = before == 1 && SILENT.contains(&top.words[0].text.as_str());
        let is_own = before == 0 || is_silent;
        lacks(!is_own || words(&top.from(before)) != command, "what it stands in");
    }
}

/// `--help` and the like. A program that passes words on may pass these on too.
fn says_only(arguments: &[Word], hands_on: bool) -> bool {
    let is = |word: &Word, texts: &[&str]| word.is_literal && texts.contains(&word.text.as_str());
    match arguments {
        [own] => is(own, &["--version", "-version", "-V", "version", "--help", "-help", "-h", "help"]),
        [first, ..] if is(first, &["help"]) => true,
        _ => {
            !hands_on
                && arguments.iter().take_while(|word| word.text != "--").any(|word| is(word, &["--help", "-help"]))
        }
    }
}

/// Whether there is a word that a program could be told to do; options and files may belong to other programs too.
fn has_words(words: &[Word]) -> bool {
    words.iter().any(|word| !word.text.starts_with('-') && (!word.is_literal || !word.text.contains(['/', '.'])))
}

/// An argument, and the value in it: `--run=LINE` has a line as well.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let value = text.split_once('=').filter(|(name, _)| name.starts_with('-')).map(|(_, value)| value);
    std::iter::once(text).chain(value)
}

/// Files that a command writes.
fn written_by(command: &SimpleCommand) -> Vec<String> {
    let is_tee = command.words.first().and_then(Word::file_name) == Some("tee");
    let files = command.words.iter().skip(1).filter(|_| is_tee).chain(&command.files);
    files.map(|word| word.text.clone()).collect()
}

/// Whether a word may call a program of this name: a file in a directory of that name does not.
fn is_called(word: &Word) -> bool {
    let starts = ["/", "./", "../", "~/", "$"];
    !word.text.contains('/')
        || !word.text.contains("://")
            && (word.text.contains("bin/") || starts.iter().any(|start| word.text.starts_with(start)))
}

fn unclear(named: &str, why: &str) -> Reach {
    Reach::because(format!("It names `{named}`, which reaches production here, and {why}."))
}

fn words(command: &SimpleCommand) -> Vec<String> {
    command.words.iter().map(|word| word.text.clone()).collect()
}

/// A command, shortened for a sentence.
fn part(command: &SimpleCommand) -> String {
    let text = words(command).join(" ");
    match text.char_indices().nth(MAX_PART) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use proptest::prelude::*;

    const OWN: &str = r#"
schema = "undersign-hook/v0"
markers = ["shop-prod.example.com"]
tools = ["mcp__k8s__*"]
harmless = ["quiet kubectl"]

[[program]]
names = ["deploy.sh"]
reads = ["status"]
target = "shop-prod"

[[program]]
names = ["helm"]
elsewhere = ["KUBECONFIG=*/dev.yaml"]
"#;

    static RULES: LazyLock<ProductionRules> =
        LazyLock::new(|| ProductionRules::with(Some(("hook.toml", OWN))).unwrap_or_else(|error| panic!("{error}")));

    fn rules() -> &'static ProductionRules {
        &RULES
    }

    /// Why a line reaches production; empty if it does not.
    fn why(line: &str) -> String {
        match rules().judge_line(line) {
            Judgement::Elsewhere => String::new(),
            Judgement::Production(reach) => reach.why,
        }
    }

    #[test]
    fn what_reaches_production_is_found_however_it_is_called() {
        for line in [
            "kubectl delete ns shop",
            "/usr/local/bin/kubectl delete ns shop",
            "sudo -u ops kubectl apply -f x.yaml",
            "env A=1 kubectl apply -f x.yaml",
            "cd infra && terraform apply",
            "bash -c 'terraform destroy'",
            "sh -lc \"cd x; kubectl delete pod a\"",
            "bash <<EOF\nterraform apply\nEOF\n",
            "echo 'terraform apply' | sh",
            "cat <<EOF | kubectl apply -f -\nkind: Pod\nEOF\n",
            "eval \"kubectl delete ns x\"",
            "echo pod | xargs -n1 kubectl delete",
            "$(echo kubectl) delete ns x",
            "x=$(kubectl delete ns x)",
            "python3 -c \"os.system('kubectl delete ns x')\"",
            "kubectl $VERB ns x",
            "kubectl --context=kind-a --context prod delete ns x",
            "kubectl --context=$CONTEXT delete ns x",
            "PGHOST=db timeout 5 psql -c 'drop table x'",
            "psql -h db.internal -c x",
            "psql postgres://localhost.example.com/x",
            "PGHOST=localhost PGHOST=db psql -c x",
            "aws-vault exec prod -- aws s3 rm s3://x",
            "aws secretsmanager get-secret-value --secret-id x",
            "if true; then helm upgrade a b; fi",
            "while :; do terraform apply; done",
            "kubectl delete ns 'x",
            "ssh web-1 uptime",
            "command kubectl delete ns x",
            "nohup ./kubectl delete ns x &",
            "./deploy.sh now",
            "curl -X POST https://shop-prod.example.com/orders",
            "KUBECONFIG=~/prod.yaml helm upgrade a b",
            "bash run.sh kubectl delete ns x",
            "su ops -c 'cd /srv && kubectl delete ns x'",
            "env -S 'kubectl delete ns x'",
            "watch 'terraform apply -auto-approve'",
        ] {
            assert_ne!(why(line), "", "{line}");
        }
    }

    #[test]
    fn what_only_reads_names_it_or_is_pointed_elsewhere_passes() {
        for line in [
            "",
            "ls",
            "cargo test",
            "git commit -m \"kubectl delete\"",
            "grep -rn terraform . | head",
            "cat infra/terraform/main.tf",
            "cd infra/terraform && ls",
            "pytest tests/kubectl",
            "kubectl get pods -n shop",
            "kubectl -n shop logs web-1",
            "watch kubectl get pods",
            "kubectl --help",
            "kubectl --context kind-a apply -f x.yaml",
            "terraform -chdir=x plan -out=plan",
            "helmfile template x",
            "KUBECONFIG=$HOME/x/dev.yaml true; KUBECONFIG=/x/dev.yaml helm upgrade a b",
            "aws ec2 describe-instances",
            "which kubectl && command -v helm",
            "kubectl-ns; terraform-docs .",
            "curl -LO https://dl.k8s.io/release/v1/bin/linux/amd64/kubectl",
            "ssh -T git@github.com",
            "psql -h localhost -c 'drop table x'",
            "docker compose exec db psql -U app -c 'select 1'",
            "sh -c 'ls'",
            "./deploy.sh status",
            "gh pr create --title 'Say how kubectl delete is asked for'",
            "watch 'kubectl get pods'",
            "quiet kubectl delete ns x",
            "undersign exec request --target shop-prod -- /usr/bin/kubectl delete ns x",
        ] {
            assert_eq!(why(line), "", "{line}");
        }
    }

    #[test]
    fn what_is_known_of_a_command_is_said_so_that_it_can_be_asked_for() {
        let Judgement::Production(reach) = rules().judge_line("sudo ./deploy.sh now 'a b'") else {
            panic!("it passes")
        };
        assert_eq!(reach.command, ["./deploy.sh", "now", "a b"]);
        assert!(reach.left_out.is_empty(), "{reach:?}");
        for (line, left_out) in [
            ("./deploy.sh a; ./deploy.sh b", "the other commands of the line"),
            ("AWS_PROFILE=prod aws s3 rm s3://x", "the variables that are set (--env NAME=VALUE)"),
            ("kubectl apply -f - < pod.yaml", "its input and output (--input ROLE=PATH)"),
            ("kubectl apply -f ~/x/*.yaml", "what the shell fills in"),
            ("kubectl delete pod $POD", "what the shell fills in"),
            ("echo a | xargs -n1 kubectl delete pod", "the other commands of the line"),
            ("docker exec tools kubectl delete ns shop", "what it stands in"),
            ("sudo -u ops kubectl delete ns shop", "what it stands in"),
            ("bash -c 'kubectl delete ns shop'", "what it stands in"),
        ] {
            let Judgement::Production(reach) = rules().judge_line(line) else { panic!("{line} passes") };
            assert!(reach.left_out.iter().any(|own| own == left_out), "{line}: {reach:?}");
        }
        assert_eq!(reach.target.as_deref(), Some("shop-prod"));
        let words = ["kubectl", "delete", "ns", "shop"].map(str::to_owned);
        assert!(matches!(rules().judge_words(&words), Judgement::Production(_)));
        assert_eq!(rules().judge_words(&["kubectl", "get", "ns"].map(str::to_owned)), Judgement::Elsewhere);
        assert!(matches!(rules().judge_tool("mcp__k8s__delete"), Judgement::Production(_)));
        assert_eq!(rules().judge_tool("mcp__docs__search"), Judgement::Elsewhere);
    }

    /// Each of them may run the words after it.
    #[test]
    fn many_programs_behind_one_another_are_judged_in_no_time() {
        for own in ["bash x ", "python x ", "kubectl get ", "sudo ", "foo 'bash x' "] {
            why(&format!("foo {}", own.repeat(400)));
        }
    }

    #[test]
    fn all_mistakes_of_a_file_are_told_with_their_lines() {
        let text = "schema = 'x'\nharmless = ['']\nmarkers = [' ']\n[[program]]\nnames = ['a/b']\n\
                    [[program]]\nreads = ['[']\n";
        let error = ProductionRules::with(Some(("hook.toml", text))).map(|_| ()).unwrap_err().to_string();
        for line in [
            "line 1: the schema",
            "line 2: this has no words",
            "line 3: a marker",
            "line 5: a name",
            "line 6: a program",
            "line 7: `[`",
        ] {
            assert!(error.contains(line), "{line}: {error}");
        }
    }

    proptest! {
        /// A program that reaches production is found wherever a shell would run it, whatever surrounds it.
        #[test]
        fn a_command_of_production_is_found_among_others(
            before in prop::collection::vec("(ls -l|cargo test|cd 'a b'|A=1 true|echo \"\\$x\"|# no|x=`date`)", 0..4),
            joint in "(;|&&|\\|\\||\n|\\|)",
            wrap in 0..6_usize,
        ) {
            let own = "kubectl delete ns shop";
            let own = match wrap {
                0 => own.to_owned(),
                1 => format!("({own})"),
                2 => format!("$({own})"),
                3 => format!("sudo {own}"),
                4 => format!("bash -c '{own}'"),
                _ => format!("if true; then {own}; fi"),
            };
            let comment = |text: &String| if text.starts_with('#') { format!("{text}\n") } else { text.clone() };
            let mut parts: Vec<String> = before.iter().map(comment).collect();
            parts.push(own);
            let line = parts.join(&format!(" {joint} ")).replace(&format!("# no\n {joint} "), "# no\n");
            prop_assert_ne!(why(&line), "", "{}", line);
        }
    }
}
