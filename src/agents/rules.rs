//! What reaches production, according to rule files.

use regex::Regex;

use super::carriers::Carriers;
use super::phrase::{Options, Pattern, Phrase};
use super::runs::{Interpreter, Wrapper, plain_name};
use super::shell::Word;
use crate::datafile::{self, FileError, Placed, Table};

/// The name of the format in rule files.
pub const SCHEMA: &str = "undersign-hook/v0";

/// What reaches production.
#[derive(Debug, Clone)]
pub struct ProductionRules {
    pub(super) programs: Vec<Program>,
    /// The leading words of commands that run nothing that their arguments name.
    pub(super) harmless: Vec<Phrase>,
    /// Those among them that do nothing to what their arguments name.
    pub(super) speaks: Vec<Phrase>,
    pub(super) wrappers: Vec<Wrapper>,
    pub(super) interpreters: Vec<Interpreter>,
    pub(super) shells: Vec<String>,
    /// How code starts other programs, in any language.
    pub(super) starts: Vec<String>,
    /// Tools of an agent that are not shells.
    pub(super) tools: Vec<Pattern>,
    pub(super) markers: Vec<String>,
    /// The variables that everything runs with.
    pub(super) environment: Vec<(String, Word)>,
    /// Finds the name of a program anywhere in a text, except for programs whose name alone means nothing.
    pub(super) names: Regex,
    /// Finds everything that has a rule.
    pub(super) known: Regex,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    pub names: Vec<String>,
    /// With these first arguments it changes nothing.
    pub reads: Vec<Phrase>,
    /// If there are any: it reaches production only with these first arguments.
    pub reaches: Vec<Phrase>,
    /// Options that take the next word as their value.
    pub valued: Vec<String>,
    /// Options that do not.
    pub flags: Vec<String>,
    pub carriers: Carriers,
    has_carriers: bool,
    /// Places outside production, as written.
    places: Vec<String>,
    /// What it reaches if nothing says where.
    pub alone: Alone,
    /// It runs the words after its first argument at another place.
    pub hands_on: bool,
    /// It passes its arguments to a server unchanged, including `--help`.
    pub takes_all: bool,
    /// Without arguments it prints its usage.
    pub shows_bare: bool,
    /// Its name alone means nothing: everybody uses it for other things.
    is_common: bool,
    /// The target in the policy that it reaches.
    pub target: Option<String>,
}

/// Where a program connects if nothing says where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Alone {
    #[default]
    Production,
    /// In a container, it connects to what runs beside it.
    LocalInContainers,
    Local,
}

impl ProductionRules {
    /// The built-in rules, and those of a file on top: programs of the file replace built-in ones, all else is added.
    ///
    /// # Errors
    /// All mistakes in the file.
    pub fn with(own: Option<(&str, &str)>) -> Result<ProductionRules, FileError> {
        let shipped = datafile::read("production.toml", include_str!("../../assets/production.toml"), read_file)?;
        let own = own.map(|(name, text)| datafile::read(name, text, read_file)).transpose()?;
        Ok(ProductionRules::of(shipped, own.unwrap_or_default()))
    }

    fn of(shipped: RulesFile, own: RulesFile) -> ProductionRules {
        let mut programs = own.programs;
        // A program has more carriers than anybody wants to write down: use the built-in ones.
        for program in programs.iter_mut().filter(|program| !program.has_carriers) {
            let same = shipped.programs.iter().find(|own| program.names.iter().any(|name| own.is_called(name)));
            let mut carriers = same.map(|own| own.carriers.without_places()).unwrap_or_default();
            program.places.iter().for_each(|place| _ = carriers.point_elsewhere(place));
            program.carriers = carriers;
        }
        let own_names: Vec<String> = programs.iter().flat_map(|program| program.names.clone()).collect();
        programs.extend(shipped.programs.into_iter().map(|mut program| {
            program.names.retain(|name| !own_names.contains(name));
            program
        }));
        let names = found_by(programs.iter().filter(|program| !program.is_common));
        let known = found_by(programs.iter());
        let both = |shipped: Vec<Phrase>, own: Vec<Phrase>| shipped.into_iter().chain(own).collect();
        ProductionRules {
            programs,
            harmless: both(shipped.harmless, own.harmless),
            speaks: both(shipped.speaks, own.speaks),
            wrappers: own.wrappers.into_iter().chain(shipped.wrappers).collect(),
            interpreters: own.interpreters.into_iter().chain(shipped.interpreters).collect(),
            shells: shipped.shells.into_iter().chain(own.shells).collect(),
            starts: shipped.starts.into_iter().chain(own.starts).collect(),
            tools: shipped.tools.into_iter().chain(own.tools).collect(),
            markers: own.markers,
            environment: Vec::new(),
            names,
            known,
        }
    }

    /// The same rules, for commands that run with these variables: they decide where a program connects if nothing else
    /// does.
    pub fn within(mut self, environment: impl Iterator<Item = (String, String)>) -> ProductionRules {
        self.environment = environment.map(|(name, value)| (name, Word::literal(value))).collect();
        self
    }

    pub(super) fn program(&self, word: &Word) -> Option<&Program> {
        let name = word.file_name()?;
        let called = |name: &str| self.programs.iter().find(|program| program.is_called(name));
        called(name).or_else(|| called(plain_name(name)))
    }

    pub(super) fn interpreter(&self, name: &str) -> Option<&Interpreter> {
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        // `-12` is an option, and no interpreter on standard input.
        let plain = if plain.contains(|c: char| c.is_ascii_alphabetic()) { plain } else { name };
        let is_called = |own: &&Interpreter| own.names.iter().any(|own| own == name || own == plain);
        self.interpreters.iter().find(is_called)
    }

    pub(super) fn is_shell(&self, name: &str) -> bool {
        self.shells.iter().any(|own| own == name)
    }
}

impl Program {
    /// Whether its name alone means that production is reached.
    pub fn is_named(&self) -> bool {
        !self.is_common
    }

    /// What is known of its options.
    pub fn options(&self) -> Options<'_> {
        Options { valued: &self.valued, flags: &self.flags }
    }

    pub fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }
}

/// Matches whole words: `kubectl-get-all` is another program, and `${NAME:-kubectl}` is this one.
fn found_by<'p>(programs: impl Iterator<Item = &'p Program>) -> Regex {
    let names: Vec<String> = programs.flat_map(|program| &program.names).map(|name| regex::escape(name)).collect();
    let pattern = format!(r"(?:^|[^A-Za-z0-9_.-]|:-)({})(?:\.exe|\.cmd)?(?:$|[^A-Za-z0-9_-])", names.join("|"));
    Regex::new(&pattern).unwrap_or_else(|_| Regex::new("()").expect("an empty pattern"))
}

/// The content of a rule file.
#[derive(Default)]
struct RulesFile {
    programs: Vec<Program>,
    harmless: Vec<Phrase>,
    speaks: Vec<Phrase>,
    wrappers: Vec<Wrapper>,
    interpreters: Vec<Interpreter>,
    shells: Vec<String>,
    starts: Vec<String>,
    tools: Vec<Pattern>,
    markers: Vec<String>,
}

fn read_file(table: &Table<'_>) -> Option<RulesFile> {
    if let Some(schema) = table.need_string("schema").filter(|schema| schema.value != SCHEMA) {
        schema.mistake(format!("the schema is `{SCHEMA}`"));
    }
    let markers = table.strings("markers");
    markers.iter().filter(|own| own.value.trim().is_empty()).for_each(|own| own.mistake("a marker has letters"));
    Some(RulesFile {
        programs: table.tables("program").iter().map(read_program).collect(),
        harmless: phrases(table.strings("harmless")),
        speaks: phrases(table.strings("speaks")),
        wrappers: table.tables("wrapper").iter().map(read_wrapper).collect(),
        interpreters: table.tables("interpreter").iter().map(read_interpreter).collect(),
        shells: texts(table, "shells"),
        starts: texts(table, "starts"),
        tools: table.strings("tools").iter().filter_map(read_pattern).collect(),
        markers: markers.into_iter().map(|own| own.value).collect(),
    })
}

fn read_program(table: &Table<'_>) -> Program {
    let places = table.strings("elsewhere");
    let mut carriers = Carriers::default();
    let spellings = table.strings("carriers");
    let unread = spellings.iter().filter(|own| !carriers.add(&own.value));
    unread.for_each(|own| {
        own.mistake("this is not a carrier: `--option`, `^--option`, `NAME`, `key=`, `://`, `1`, `1/` or `*:`")
    });
    let misread = places.iter().filter(|own| !carriers.point_elsewhere(&own.value));
    misread
        .for_each(|own| own.mistake("this is not a pattern: `--option=glob`, `NAME=glob` or a glob for an argument"));
    Program {
        names: names(table, "a program"),
        reads: phrases(table.strings("reads")),
        reaches: phrases(table.strings("reaches")),
        valued: texts(table, "valued"),
        flags: texts(table, "flags"),
        carriers,
        has_carriers: table.has("carriers"),
        places: places.into_iter().map(|own| own.value).collect(),
        alone: table.string("alone").map_or(Alone::Production, |own| read_alone(&own)),
        hands_on: is_set(table, "hands_on"),
        takes_all: is_set(table, "takes_all"),
        shows_bare: is_set(table, "bare_shows"),
        is_common: is_set(table, "common"),
        target: table.string("target").map(|own| own.value),
    }
}

fn read_alone(text: &Placed<'_, String>) -> Alone {
    match text.value.as_str() {
        "local" => Alone::Local,
        "local in containers" => Alone::LocalInContainers,
        _ => {
            text.mistake("this is `local` or `local in containers`");
            Alone::Production
        }
    }
}

fn read_wrapper(table: &Table<'_>) -> Wrapper {
    let runs = table.strings("runs");
    if runs.is_empty() {
        table.mistake("a wrapper has `runs`");
    }
    Wrapper {
        runs: phrases(runs),
        valued: texts(table, "valued"),
        lines: texts(table, "lines"),
        after: texts(table, "after"),
        is_lines: is_set(table, "lines_only"),
        skip: count(table, "skip"),
        may_skip: count(table, "may_skip"),
        is_prefixed: is_set(table, "prefixed"),
        has_scripts: is_set(table, "scripts"),
        has_settings: is_set(table, "settings"),
        is_dashed: is_set(table, "dashes"),
        is_joined: is_set(table, "joins"),
        is_image: is_set(table, "image"),
        is_inside: is_set(table, "inside"),
        is_feeding: is_set(table, "feeds"),
        starts_shell: is_set(table, "shell"),
        sets_variables: is_set(table, "sets"),
    }
}

fn read_interpreter(table: &Table<'_>) -> Interpreter {
    Interpreter {
        names: names(table, "an interpreter"),
        code: texts(table, "code"),
        valued: texts(table, "valued"),
        has_code_first: is_set(table, "code_first"),
        always_reads: is_set(table, "reads_input"),
        has_code_anywhere: is_set(table, "code_anywhere"),
        starts: texts(table, "starts"),
    }
}

fn names(table: &Table<'_>, what: &str) -> Vec<String> {
    let names = table.strings("names");
    if names.is_empty() {
        table.mistake(format!("{what} has `names`"));
    }
    let is_path = |name: &&Placed<'_, String>| name.value.is_empty() || name.value.contains(['/', ' ']);
    names.iter().filter(is_path).for_each(|name| name.mistake("a name is the last part of a path"));
    names.into_iter().map(|name| name.value).collect()
}

fn texts(table: &Table<'_>, key: &str) -> Vec<String> {
    table.strings(key).into_iter().map(|own| own.value).collect()
}

fn is_set(table: &Table<'_>, key: &str) -> bool {
    table.boolean(key).is_some_and(|own| own.value)
}

fn count(table: &Table<'_>, key: &str) -> usize {
    table.number(key).map_or(0, |own| usize::try_from(own.value).unwrap_or(usize::MAX))
}

/// Words separated by blanks, each a glob.
fn phrases(texts: Vec<Placed<'_, String>>) -> Vec<Phrase> {
    let phrase = |text: &Placed<'_, String>| {
        if text.value.trim().is_empty() {
            text.mistake("this has no words");
        }
        let phrase = Phrase::parse(&text.value);
        if phrase.is_none() {
            text.mistake(format!("`{}` is not a pattern", text.value));
        }
        phrase
    };
    texts.iter().filter_map(phrase).collect()
}

fn read_pattern(text: &Placed<'_, String>) -> Option<Pattern> {
    let pattern = Pattern::parse(&text.value);
    if pattern.is_none() {
        text.mistake(format!("`{}` is not a pattern", text.value));
    }
    pattern
}
