//! What the rules say of a command: of its arguments, as a shell would be given them, and of each input that lies
//! beside the request, as files that are new.

use crate::change::diff::{Content, FileDiff, Mode, TreeEntry};
use crate::change::{ObjectId, RepoPath};
use crate::command::request::{Input, Kept, Request};
use crate::examination::FileMaterial;
use crate::risk::{Assessor, Finding, Rules};

/// The name under which the arguments are read.
pub const ARGUMENTS: &str = "command.sh";

/// Endings that say how a file is read; a role of that name says it, too.
const FORMATS: [&str; 16] =
    ["sql", "sh", "bash", "py", "rb", "js", "ts", "go", "yaml", "yml", "json", "toml", "tf", "hcl", "xml", "ini"];

/// The inputs whose content lies beside the request.
pub fn readable(request: &Request) -> impl Iterator<Item = &Input> {
    request.command.inputs.iter().filter(|input| input.kept == Kept::Record)
}

/// The name under which an input is read: what its role says of it, else what its first line does.
pub fn name(input: &Input, text: &[u8]) -> String {
    let role = input.role.as_str();
    if FORMATS.contains(&role) {
        return format!("{role}.{role}");
    }
    let first = text.split(|&byte| byte == b'\n').next().map(String::from_utf8_lossy).unwrap_or_default();
    let is_script = role.contains("script") || first.starts_with("#!");
    match first.strip_prefix("#!").unwrap_or_default() {
        program if program.contains("python") => format!("{role}.py"),
        program if program.contains("ruby") => format!("{role}.rb"),
        program if program.contains("node") => format!("{role}.js"),
        _ if is_script => format!("{role}.sh"),
        _ if first.trim_start().starts_with(['{', '[']) => format!("{role}.json"),
        _ => role.to_owned(),
    }
}

/// What the rules find, gravest first. Lines of the arguments are those of [`ARGUMENTS`].
pub fn hazards(request: &Request, inputs: &[(&Input, &[u8])], rules: &Rules) -> Vec<Finding> {
    let mut texts = vec![(ARGUMENTS.to_owned(), line_of(&request.command.argv).into_bytes())];
    texts.extend(inputs.iter().map(|(input, text)| (name(input, text), text.to_vec())));
    let files: Vec<FileMaterial> = texts.into_iter().map(|(name, text)| new_file(&name, text)).collect();
    let mut assessor = Assessor::new(rules);
    files.iter().for_each(|file| assessor.read(&file.under_review()));
    let diffs: Vec<FileDiff> = files.iter().map(|file| file.diff.clone()).collect();
    assessor.finish(&diffs).findings
}

fn new_file(name: &str, text: Vec<u8>) -> FileMaterial {
    // No rule asks for the id of a blob.
    let new = Some(TreeEntry { mode: Mode::File, id: ObjectId::ZERO });
    let diff = FileDiff { path: RepoPath::from(name), from: None, counterpart: None, old: None, new };
    FileMaterial::of(diff, None, Some(Content::of_blob(text)))
}

/// The arguments as one line of a shell. No shell ever sees them: this is only how rules about commands read them.
pub fn line_of(argv: &[String]) -> String {
    let quoted: Vec<String> = argv.iter().map(|argument| quoted(argument)).collect();
    quoted.join(" ") + "\n"
}

fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}
