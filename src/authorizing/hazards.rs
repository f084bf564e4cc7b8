//! The findings of the rules about a command: about its arguments, as in a shell, and about each input that is stored
//! with the request, as a new file.

use std::collections::HashSet;

use crate::change::diff::{Content, FileDiff, Mode, TreeEntry};
use crate::change::{ObjectId, RepoPath, shell_word};
use crate::command::request::{Input, Kept, Request};
use crate::examination::FileMaterial;
use crate::risk::{Assessor, Finding, Rules};

/// The name under which the arguments are read. No role has a capital letter, so no input has this name.
pub const ARGUMENTS: &str = "ARGUMENTS.sh";

/// File extensions that determine how a file is read; a role with such a name does so too.
const FORMATS: [&str; 16] =
    ["sql", "sh", "bash", "py", "rb", "js", "ts", "go", "yaml", "yml", "json", "toml", "tf", "hcl", "xml", "ini"];

/// The inputs whose content is stored with the request.
pub fn readable(request: &Request) -> impl Iterator<Item = &Input> {
    request.command.inputs.iter().filter(|input| input.kept == Kept::Record)
}

/// The names under which an input is read: by its program, by its first line, and by its role. The requester chooses
/// the role, so it can only add a name.
fn names(input: &Input, text: &[u8], program: &str) -> Vec<String> {
    let role = input.role.as_str();
    let first = text.split(|&byte| byte == b'\n').next().map(String::from_utf8_lossy).unwrap_or_default();
    let by_program = ending(program.rsplit('/').next().unwrap_or(program));
    let by_first_line = first.strip_prefix("#!").map(|line| {
        let mut words = line.split(['/', ' ']).rev();
        words.find_map(ending).unwrap_or("sh")
    });
    let by_role = FORMATS.iter().find(|format| **format == role).copied();
    let by_guess = || match role {
        role if role.contains("script") => Some("sh"),
        _ if first.trim_start().starts_with(['{', '[']) => Some("json"),
        _ => None,
    };
    let mut endings: Vec<&str> = [by_program, by_first_line, by_role].into_iter().flatten().collect();
    if endings.is_empty() {
        endings.extend(by_guess());
    }
    endings.sort_unstable();
    endings.dedup();
    if endings.is_empty() { vec![role.to_owned()] } else { endings.iter().map(|end| format!("{role}.{end}")).collect() }
}

/// The format that a program of this name reads.
fn ending(program: &str) -> Option<&'static str> {
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    Some(match name {
        "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh" => "sh",
        "psql" | "mysql" | "mariadb" | "sqlite" | "sqlcmd" | "sqlplus" => "sql",
        "python" | "pypy" => "py",
        "ruby" => "rb",
        "node" | "nodejs" => "js",
        _ => return None,
    })
}

/// The findings, gravest first. Line numbers of the arguments refer to [`ARGUMENTS`].
pub fn hazards(request: &Request, inputs: &[(&Input, &[u8])], rules: &Rules) -> Vec<Finding> {
    let mut texts = vec![(ARGUMENTS.to_owned(), line_of(&request.command.argv).into_bytes())];
    for (input, text) in inputs {
        let names = names(input, text, &request.command.program.path);
        texts.extend(names.into_iter().map(|name| (name, text.to_vec())));
    }
    let files: Vec<FileMaterial> = texts.into_iter().map(|(name, text)| new_file(&name, text)).collect();
    let mut assessor = Assessor::new(rules);
    files.iter().for_each(|file| assessor.read(&file.under_review().run_as_it_is()));
    let diffs: Vec<FileDiff> = files.iter().map(|file| file.diff.clone()).collect();
    let mut findings = assessor.finish(&diffs).findings;
    // A finding under several names is reported once.
    let mut said = HashSet::new();
    findings.retain(|finding| {
        let path = finding.location.path.lossy();
        let role = path.split('.').next().unwrap_or_default().to_owned();
        said.insert((finding.rule.clone(), role, finding.location.line))
    });
    findings
}

fn new_file(name: &str, text: Vec<u8>) -> FileMaterial {
    // No rule uses the ID of a blob.
    let new = Some(TreeEntry { mode: Mode::File, id: ObjectId::ZERO });
    let diff = FileDiff { path: RepoPath::from(name), from: None, counterpart: None, old: None, new };
    FileMaterial::of(diff, None, Some(Content::of_blob(text)))
}

/// The arguments as one line of a shell. No shell ever reads it: it is only for rules about commands.
pub fn line_of(argv: &[String]) -> String {
    let words: Vec<String> = argv.iter().map(|argument| shell_word(argument)).collect();
    words.join(" ") + "\n"
}
