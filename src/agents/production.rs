//! What an agent may not run without a person: which programs reach production, what of them only reads, and by which
//! arguments they are pointed elsewhere. A help against accidents, and no wall: a shell hides what it runs from whoever
//! reads it, so what is not surely understood is held to reach production.

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use super::shell::{Script, SimpleCommand, Word, assignment};
use crate::datafile::{self, FileError, Placed, Table};

/// As rule files name their format.
pub const SCHEMA: &str = "undersign-hook/v0";
/// Command lines given to shells as arguments, inside of one another.
const MAX_DEPTH: u8 = 8;

/// What reaches production.
#[derive(Debug, Clone)]
pub struct ProductionRules {
    programs: Vec<Program>,
    /// Leading words of commands that run nothing that their arguments name.
    harmless: Vec<Vec<Pattern>>,
    /// Tools of an agent that are no shell.
    tools: Vec<Pattern>,
    markers: Vec<String>,
    /// Finds the name of a program, or a marker, anywhere in a text.
    names: Regex,
}

#[derive(Debug, Clone)]
struct Program {
    names: Vec<String>,
    /// Leading arguments, options left out, with which it changes nothing.
    reads: Vec<Vec<Pattern>>,
    /// Options that take the next word as their value.
    valued: Vec<String>,
    elsewhere: Vec<Elsewhere>,
    /// The target of the policy that it reaches.
    target: Option<String>,
}

/// What points a program at something that is not production.
#[derive(Debug, Clone)]
enum Elsewhere {
    /// `--option=value`, as one word or two.
    Option(String, Pattern),
    /// `NAME=value`, a variable set before the program.
    Variable(String, Pattern),
    /// Its first argument that is no option.
    Argument(Pattern),
}

/// What is held of a command line or of a tool's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It does not reach production, as far as can be seen.
    Elsewhere,
    /// It does, or nobody can say.
    Production(Reach),
}

/// How something reaches production.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// A sentence for the agent.
    pub why: String,
    /// The program and its arguments, where these are known.
    pub command: Vec<String>,
    /// The target of the policy.
    pub target: Option<String>,
}

impl Reach {
    fn because(why: String) -> Reach {
        Reach { why, ..Reach::default() }
    }
}

impl ProductionRules {
    /// Those that are shipped, and those of a file on top: its programs stand for themselves, the rest is added.
    ///
    /// # Errors
    /// All mistakes of the file.
    pub fn with(own: Option<(&str, &str)>) -> Result<ProductionRules, FileError> {
        let shipped = datafile::read("production.toml", include_str!("../../assets/production.toml"), read_file)?;
        let own = own.map(|(name, text)| datafile::read(name, text, read_file)).transpose()?;
        Ok(ProductionRules::of(shipped, own.unwrap_or_default()))
    }

    fn of(shipped: RulesFile, own: RulesFile) -> ProductionRules {
        let mut programs = shipped.programs;
        for program in &mut programs {
            program.names.retain(|name| !own.programs.iter().any(|own| own.is_called(name)));
        }
        programs.extend(own.programs);
        let markers: Vec<String> = own.markers;
        let names = programs.iter().flat_map(|program| &program.names);
        let names: Vec<String> = names.chain(&markers).map(|name| regex::escape(name)).collect();
        // A word of its own: `kubectl-get-all` is another program.
        let pattern = format!("(?:^|[^A-Za-z0-9_.-])(?:{})(?:$|[^A-Za-z0-9_-])", names.join("|"));
        let names = Regex::new(&pattern).unwrap_or_else(|_| Regex::new("").expect("an empty pattern"));
        let harmless = shipped.harmless.into_iter().chain(own.harmless).collect();
        ProductionRules { programs, harmless, tools: own.tools, markers, names }
    }

    /// What a tool of an agent that is no shell is held to do.
    pub fn judge_tool(&self, name: &str) -> Judgement {
        match self.tools.iter().any(|tool| tool.is_match(name)) {
            true => Judgement::Production(Reach::because(format!("The tool {name} acts on production."))),
            false => Judgement::Elsewhere,
        }
    }

    /// What a command line is held to do: the first of its commands that reaches production says so for all.
    pub fn judge_line(&self, text: &str) -> Judgement {
        self.judge_text(text, 0).map_or(Judgement::Elsewhere, Judgement::Production)
    }

    /// As [`ProductionRules::judge_line`], of a program and its arguments.
    pub fn judge_words(&self, words: &[String]) -> Judgement {
        let word = |text: &String| Word { text: text.clone(), is_literal: true };
        let command = SimpleCommand { words: words.iter().map(word).collect(), ..SimpleCommand::default() };
        self.judge_command(&command, 0).map_or(Judgement::Elsewhere, Judgement::Production)
    }

    fn judge_text(&self, text: &str, depth: u8) -> Option<Reach> {
        let named = self.names.find(text)?;
        let script = Script::of(text);
        if script.is_cut || depth >= MAX_DEPTH {
            return Some(unclear(named.as_str(), "it cannot be read to its end"));
        }
        let fed = script.commands.iter().any(reads_script);
        let found = script.commands.iter().find_map(|command| self.judge_command(command, depth));
        found.or_else(|| fed.then(|| unclear(named.as_str(), "it feeds a shell")))
    }

    fn judge_command(&self, command: &SimpleCommand, depth: u8) -> Option<Reach> {
        let head = command.words.first()?;
        let name = base_name(&head.text);
        if let Some(program) = self.program(head) {
            return program.judge(command);
        }
        let rest = &command.words[1..];
        let asks_where =
            name == "command" && rest.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V"));
        if asks_where || head.is_literal && self.is_harmless(name, rest) {
            return None;
        }
        let marked = self.marker(command);
        if is_shell(name) || name == "eval" {
            return self.judge_shell(command, depth).or(marked);
        }
        if let Some(found) = self.names.find(&rest_of(command)).filter(|_| runs_code(name) || !head.is_literal) {
            return Some(unclear(found.as_str(), "nobody can see what it does with that"));
        }
        // Whatever stands before it: `sudo`, `env`, `xargs`, `timeout 5`, and what nobody here has heard of.
        let Some(at) = (1..command.words.len()).find(|at| self.is_run(&command.words[*at])) else {
            // `su -c TEXT`, `env -S TEXT`: a word with blanks may be a command line of its own.
            let lines = command.words[1..].iter().filter(|word| word.text.contains(char::is_whitespace));
            return lines.map(|word| &word.text).find_map(|line| self.judge_text(line, depth + 1)).or(marked);
        };
        let before = command.words[1..at].iter().filter_map(assignment);
        let assignments = command.assignments.iter().cloned().chain(before).collect();
        let inner = SimpleCommand { assignments, words: command.words[at..].to_vec(), input: command.input.clone() };
        self.judge_command(&inner, depth + 1).or(marked)
    }

    /// `sh -c TEXT`, `bash < TEXT`, `eval TEXT`.
    fn judge_shell(&self, command: &SimpleCommand, depth: u8) -> Option<Reach> {
        let words = &command.words[1..];
        let flag = words.iter().position(|word| is_script_flag(&word.text));
        let script = match flag {
            _ if command.words[0].text == "eval" => {
                Some(words.iter().map(|word| word.text.clone()).collect::<Vec<_>>().join(" "))
            }
            Some(at) => words.get(at + 1).map(|word| word.text.clone()),
            None => None,
        };
        let is_filled_in = script.is_some() && words.iter().any(|word| !word.is_literal);
        if let Some(found) = self.names.find(&rest_of(command)).filter(|_| is_filled_in) {
            return Some(unclear(found.as_str(), "parts of it are put together as it runs"));
        }
        if let Some(found) = self.names.find(&rest_of(command)).filter(|_| script.is_none() && command.input.is_empty())
        {
            return Some(unclear(found.as_str(), "it is handed to a script that is not read"));
        }
        [script.as_deref(), Some(command.input.as_str())]
            .into_iter()
            .flatten()
            .find_map(|text| self.judge_text(text, depth + 1))
    }

    fn is_harmless(&self, name: &str, arguments: &[Word]) -> bool {
        let begins = |own: &Vec<Pattern>| {
            own.first().is_some_and(|first| first.is_match(name)) && begins_with(&own[1..], &[], arguments)
        };
        self.harmless.iter().any(begins)
    }

    fn program(&self, word: &Word) -> Option<&Program> {
        let name = base_name(&word.text);
        self.programs.iter().find(|program| word.is_literal && program.is_called(name))
    }

    /// Whether a word may be a program that another one runs: a file in a folder that is called so is none.
    fn is_run(&self, word: &Word) -> bool {
        let is_file = word.text.contains("://")
            || word.text.contains('/') && !word.text.contains("bin/") && !word.text.starts_with("./");
        !is_file && (self.program(word).is_some() || word.is_literal && is_shell(base_name(&word.text)))
    }

    fn marker(&self, command: &SimpleCommand) -> Option<Reach> {
        let text = rest_of(command);
        let marker = self.markers.iter().find(|marker| text.contains(*marker))?;
        let why = format!("`{marker}` is said to be production here.");
        Some(Reach { why, command: texts(command), target: None })
    }
}

impl Program {
    fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    fn judge(&self, command: &SimpleCommand) -> Option<Reach> {
        let arguments = &command.words[1..];
        let says_only = |word: &Word| word.is_literal && matches!(word.text.as_str(), "--help" | "--version");
        let is_read = self.reads.iter().any(|own| begins_with(own, &self.valued, arguments));
        if is_read
            || arguments.iter().any(says_only)
            || self.elsewhere.iter().any(|own| own.holds(command, &self.valued))
        {
            return None;
        }
        let name = base_name(&command.words[0].text);
        let why = match arguments.iter().all(|word| word.is_literal) {
            true => format!("`{name}` reaches production here."),
            false => format!("`{name}` reaches production here, and parts of it are put together as it runs."),
        };
        Some(Reach { why, command: texts(command), target: self.target.clone() })
    }
}

impl Elsewhere {
    fn parse(text: &str) -> Option<Elsewhere> {
        let pair = text.split_once('=');
        Some(match pair {
            Some((name, value)) if text.starts_with('-') => Elsewhere::Option(name.to_owned(), glob(value)?),
            Some((name, value)) if name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') => {
                Elsewhere::Variable(name.to_owned(), glob(value)?)
            }
            _ => Elsewhere::Argument(glob(text)?),
        })
    }

    /// Where a program is told twice, the last word counts for most of them: all must be of here.
    fn holds(&self, command: &SimpleCommand, valued: &[String]) -> bool {
        let arguments = &command.words[1..];
        let (values, glob): (Vec<Word>, _) = match self {
            Elsewhere::Option(name, glob) => (values_of(name, arguments), glob),
            Elsewhere::Variable(name, glob) => {
                let set = command.assignments.iter().filter(|(own, _)| own == name);
                (set.map(|(_, value)| value.clone()).collect(), glob)
            }
            Elsewhere::Argument(glob) => (positional(arguments, valued).take(1).cloned().collect(), glob),
        };
        !values.is_empty() && values.iter().all(|value| value.is_literal && glob.is_match(&value.text))
    }
}

/// What an option is set to, each time.
fn values_of(name: &str, arguments: &[Word]) -> Vec<Word> {
    let value = |(at, word): (usize, &Word)| {
        if word.text == name {
            return Some(arguments.get(at + 1).cloned().unwrap_or_default());
        }
        let value = word.text.strip_prefix(name)?.strip_prefix('=')?;
        Some(Word { text: value.to_owned(), is_literal: word.is_literal })
    };
    arguments.iter().enumerate().filter_map(value).collect()
}

/// Arguments that are neither options nor values of those.
fn positional<'w>(arguments: &'w [Word], valued: &'w [String]) -> impl Iterator<Item = &'w Word> {
    let mut is_value = false;
    arguments.iter().filter(move |word| {
        let is_own = is_value;
        is_value = !is_own && valued.contains(&word.text);
        !is_own && !word.text.starts_with('-')
    })
}

/// Whether words begin with these, options left out, and none of them is filled in as it runs.
fn begins_with(own: &[Pattern], valued: &[String], words: &[Word]) -> bool {
    let mut words = positional(words, valued);
    own.iter().all(|glob| words.next().is_some_and(|word| word.is_literal && glob.is_match(&word.text)))
}

fn unclear(named: &str, why: &str) -> Reach {
    let named = named.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '-'));
    Reach::because(format!("It names `{named}`, which reaches production here, and {why}."))
}

fn rest_of(command: &SimpleCommand) -> String {
    let assigned = command.assignments.iter().map(|(_, value)| value.text.as_str());
    let words = command.words.iter().map(|word| word.text.as_str());
    assigned.chain(words).chain([command.input.as_str()]).collect::<Vec<_>>().join(" ")
}

fn texts(command: &SimpleCommand) -> Vec<String> {
    command.words.iter().map(|word| word.text.clone()).collect()
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "zsh" | "dash" | "ash" | "ksh" | "mksh" | "fish")
}

/// A shell that reads what it runs from its standard input, of which nothing stands beside it.
fn reads_script(command: &SimpleCommand) -> bool {
    let is_bare = |words: &[Word]| words.iter().all(|word| word.text.starts_with('-') && !is_script_flag(&word.text));
    let name = command.words.first().map(|word| base_name(&word.text));
    name.is_some_and(is_shell) && is_bare(&command.words[1..]) && command.input.is_empty()
}

/// `-c`, `-lc`.
fn is_script_flag(text: &str) -> bool {
    let letters = text.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
    letters.is_some_and(|letters| letters.ends_with('c') && letters.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// Programs that run what is written in their arguments or input, in a language that is not read here.
fn runs_code(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(
        name,
        "python"
            | "perl"
            | "ruby"
            | "node"
            | "deno"
            | "bun"
            | "php"
            | "lua"
            | "awk"
            | "gawk"
            | "osascript"
            | "pwsh"
            | "powershell"
            | "source"
            | "."
            | "trap"
            | "alias"
            | "at"
            | "batch"
            | "crontab"
            | "make"
    )
}

/// A word, or a glob over one. Most are words, and a hook has no time to compile what need not be.
#[derive(Debug, Clone)]
enum Pattern {
    Word(String),
    Glob(GlobMatcher),
}

impl Pattern {
    fn is_match(&self, text: &str) -> bool {
        match self {
            Pattern::Word(word) => word == text,
            Pattern::Glob(glob) => glob.is_match(text),
        }
    }
}

fn glob(text: &str) -> Option<Pattern> {
    if !text.contains(['*', '?', '[', ']', '{', '}', '\\']) {
        return Some(Pattern::Word(text.to_owned()));
    }
    let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(true).build();
    glob.ok().map(|glob| Pattern::Glob(glob.compile_matcher()))
}

/// What a file of rules says.
#[derive(Default)]
struct RulesFile {
    programs: Vec<Program>,
    harmless: Vec<Vec<Pattern>>,
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
        tools: table.strings("tools").iter().filter_map(|own| globbed(&own.value, own)).collect(),
        markers: markers.into_iter().map(|own| own.value).collect(),
    })
}

fn read_program(table: &Table<'_>) -> Program {
    let names = table.strings("names");
    if names.is_empty() {
        table.mistake("a program has `names`");
    }
    let is_name = |name: &&Placed<'_, String>| name.value.is_empty() || name.value.contains(['/', ' ']);
    names.iter().filter(is_name).for_each(|name| name.mistake("a name is the last part of a path"));
    let elsewhere = table.strings("elsewhere").into_iter().filter_map(|own| {
        let parsed = Elsewhere::parse(&own.value);
        if parsed.is_none() {
            own.mistake("this is no pattern: `--option=glob`, `NAME=glob` or a glob for the first argument");
        }
        parsed
    });
    Program {
        elsewhere: elsewhere.collect(),
        reads: phrases(table.strings("reads")),
        valued: table.strings("valued").into_iter().map(|own| own.value).collect(),
        target: table.string("target").map(|own| own.value),
        names: names.into_iter().map(|own| own.value).collect(),
    }
}

/// Words with blanks between them, each a glob.
fn phrases(texts: Vec<Placed<'_, String>>) -> Vec<Vec<Pattern>> {
    let phrase = |text: &Placed<'_, String>| {
        if text.value.trim().is_empty() {
            text.mistake("this has no words");
        }
        text.value.split_whitespace().filter_map(|word| globbed(word, text)).collect()
    };
    texts.iter().map(phrase).collect()
}

fn globbed(pattern: &str, place: &Placed<'_, String>) -> Option<Pattern> {
    let found = glob(pattern);
    if found.is_none() {
        place.mistake(format!("`{pattern}` is no pattern"));
    }
    found
}

#[cfg(test)]
mod tests {
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

    fn rules() -> ProductionRules {
        ProductionRules::with(Some(("hook.toml", OWN))).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Why a line reaches production; nothing where it does not.
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
            "timeout 5 psql -c 'drop table x'",
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
            "make kubectl",
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
        assert_eq!(reach.target.as_deref(), Some("shop-prod"));
        let words = ["kubectl", "delete", "ns", "shop"].map(str::to_owned);
        assert!(matches!(rules().judge_words(&words), Judgement::Production(_)));
        assert_eq!(rules().judge_words(&["kubectl", "get", "ns"].map(str::to_owned)), Judgement::Elsewhere);
        assert!(matches!(rules().judge_tool("mcp__k8s__delete"), Judgement::Production(_)));
        assert_eq!(rules().judge_tool("mcp__docs__search"), Judgement::Elsewhere);
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
        /// A program that reaches production is found wherever a shell would run it, whatever stands around it.
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
