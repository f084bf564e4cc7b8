//! `undersign policy import CODEOWNERS`: a host's owners, as compartments.

use std::path::PathBuf;

use clap::Args;

use crate::policy::codeowners::{self, Dialect};

#[derive(Args)]
pub struct Options {
    /// The CODEOWNERS file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose rules it follows; by default gitlab where it has sections or lies in .gitlab/, else github
    #[arg(long, value_enum)]
    dialect: Option<Word>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    Github,
    Gitlab,
}

pub fn run(options: &Options) -> Result<(), String> {
    let text =
        std::fs::read(&options.file).map_err(|error| format!("{} cannot be read: {error}.", options.file.display()))?;
    let sections = || text.split(|&b| b == b'\n').any(|line| line.starts_with(b"[") || line.starts_with(b"^["));
    let in_gitlab = || options.file.components().any(|part| part.as_os_str() == ".gitlab");
    let dialect = match options.dialect {
        Some(Word::Github) => Dialect::GitHub,
        Some(Word::Gitlab) => Dialect::GitLab,
        None if in_gitlab() || sections() => Dialect::GitLab,
        None => Dialect::GitHub,
    };
    let imported = codeowners::import(&text, dialect);
    out!("{}", imported.policy);
    // The report is for the user, on stderr; what goes into the file is on stdout.
    for role in &imported.roles {
        eprintln!("role  {role}");
    }
    for lost in &imported.lost {
        let place = if lost.line == 0 { options.file.display().to_string() } else { format!("line {}", lost.line) };
        eprintln!("lost  {place}: {}\n      {}", lost.text, lost.why);
    }
    let kept = match imported.lost.len() {
        0 => "every line was kept, with paths in any letter case".to_owned(),
        1 => "1 line could not be kept as it was".to_owned(),
        n => format!("{n} lines could not be kept as they were"),
    };
    eprintln!("undersign: {kept}; give people the roles above, then `undersign policy check`.");
    Ok(())
}
