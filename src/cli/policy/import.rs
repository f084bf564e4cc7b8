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
    let dialect = dialect(options, &text)?;
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

/// Whose rules a file follows. Gitea and Forgejo have regular expressions in it, which are never read as globs.
fn dialect(options: &Options, text: &[u8]) -> Result<Dialect, String> {
    let is_in = |folder: &str| options.file.components().any(|part| part.as_os_str() == folder);
    let lines = || text.split(|&byte| byte == b'\n');
    let is_expression = |line: &[u8]| {
        let first = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let first = first.strip_prefix(b"!").unwrap_or(first);
        let is_heading = first.starts_with(b"^[") || first.starts_with(b"#");
        !is_heading && (first.starts_with(b"^") || first.ends_with(b"$") || first.windows(2).any(|own| own == b"\\."))
    };
    match options.dialect {
        Some(Word::Github) => Ok(Dialect::GitHub),
        Some(Word::Gitlab) => Ok(Dialect::GitLab),
        None if is_in(".gitea") || is_in(".forgejo") || lines().any(is_expression) => Err(format!(
            "{} has the regular expressions of Gitea and Forgejo, which cannot be imported. Write its compartments by \
             hand, or say with --dialect github or gitlab that it has globs.",
            options.file.display()
        )),
        None if is_in(".gitlab") || lines().any(|line| line.starts_with(b"[") || line.starts_with(b"^[")) => {
            Ok(Dialect::GitLab)
        }
        None => Ok(Dialect::GitHub),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_of_gitea_are_not_taken_for_globs() {
        let read = |file: &str, text: &str, dialect| dialect_name(&Options { file: file.into(), dialect }, text);
        assert_eq!(read(".gitea/CODEOWNERS", "src/.* @a\n", None), None);
        assert_eq!(read(".forgejo/CODEOWNERS", "* @a\n", None), None);
        assert_eq!(read("CODEOWNERS", "# all\n.*\\.go$ @a\n", None), None);
        assert_eq!(read("CODEOWNERS", "!^docs/ @a\n", None), None);
        // The twins: globs, sections, and a person who knows.
        assert_eq!(read("CODEOWNERS", "README.* @a\n/src/ @b\n", None), Some(Dialect::GitHub));
        assert_eq!(read("CODEOWNERS", "^[Docs] @a\n*.md\n", None), Some(Dialect::GitLab));
        assert_eq!(read(".gitea/CODEOWNERS", "/src/ @b\n", Some(Word::Github)), Some(Dialect::GitHub));
    }

    fn dialect_name(options: &Options, text: &str) -> Option<Dialect> {
        dialect(options, text.as_bytes()).ok()
    }
}
