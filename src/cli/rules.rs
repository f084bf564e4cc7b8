//! `undersign rules`: for people who write rules, or wonder what one means.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::change::visible;
use crate::risk::{self, RuleText, Rules};

/// Bytes of a file that is read.
const MAX_FILE: u64 = 2 << 20;
/// A file of rules with mistakes.
const WRONG: u8 = 2;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print all rules: id, severity, title
    #[command(after_help = help!("0", "undersign rules list"))]
    List,
    /// Print what one rule says, and what it does and does not fire on
    #[command(after_help = help!("0 when there is such a rule", "undersign rules explain resil.timeout-lost"))]
    Explain {
        /// As findings name it
        id: String,
    },
    /// Read a file of rules and try their examples; all mistakes at once
    #[command(after_help = help!("0 when all is well, 2 for mistakes", "undersign rules test rules.toml"))]
    Test {
        /// TOML, as docs/rules.md describes it
        file: PathBuf,
    },
    /// Print the facts that rules are over, as they are read off a file
    #[command(after_help = help!("0 when its format is read", "undersign rules facts deploy/app.yaml"))]
    Facts {
        /// The format goes by its name
        file: PathBuf,
    },
}

pub fn run(options: &Options) -> Result<u8, String> {
    match &options.command {
        Command::List => list(),
        Command::Explain { id } => explain(id)?,
        Command::Test { file } => return test(file),
        Command::Facts { file } => facts(file)?,
    }
    Ok(0)
}

fn list() {
    for RuleText { id, severity, title, .. } in Rules::shipped().texts() {
        outln!("{id:<28}  {:<8}  {title}", severity.name());
    }
}

fn explain(id: &str) -> Result<(), String> {
    let found: Vec<RuleText> = Rules::shipped().texts().into_iter().filter(|rule| rule.id == id).collect();
    if found.is_empty() {
        return Err(format!("No rule is called {}. `undersign rules list` lists them.", visible::text(id)));
    }
    for RuleText { id, severity, title, why, ask, hits, misses } in found {
        outln!("{id}  {}", severity.name());
        outln!("  {title}");
        outln!("  Why: {why}");
        outln!("  Ask: {ask}");
        for (heading, examples) in [("fires on", hits), ("does not fire on", misses)] {
            for example in examples {
                outln!("  {heading}");
                example.lines().for_each(|line| outln!("    {}", visible::text(line)));
            }
        }
    }
    Ok(())
}

fn test(file: &Path) -> Result<u8, String> {
    let text = read(file)?;
    let name = visible::line(file.as_os_str().as_encoded_bytes());
    let rules = match Rules::parse(&[(&name, &text)]) {
        Ok(rules) => rules,
        Err(error) => {
            outln!("{}", visible::lines(&error.to_string()));
            return Ok(WRONG);
        }
    };
    let wrong = rules.trial();
    wrong.iter().for_each(|sentence| outln!("{}", visible::lines(sentence)));
    if wrong.is_empty() {
        outln!("{} of {name}: all examples hold.", crate::change::counted(rules.texts().len(), "rule"));
    }
    Ok(if wrong.is_empty() { 0 } else { WRONG })
}

fn facts(file: &Path) -> Result<(), String> {
    let text = read(file)?;
    let path = file.to_string_lossy();
    let facts = risk::facts_of(path.trim_start_matches("./"), &text).ok_or_else(|| {
        let name = visible::text(&path);
        format!("The format of {name} is not read for facts; rules look at its lines (`[[rule]]`).")
    })?;
    facts.iter().for_each(|fact| outln!("{}", visible::text(fact)));
    if facts.is_empty() {
        outln!("Nothing in it is a fact to a rule.");
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, String> {
    let name = visible::line(file.as_os_str().as_encoded_bytes());
    let mut text = Vec::new();
    let opened = File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut text));
    opened.map_err(|error| format!("{name} cannot be read: {error}."))?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("{name} is larger than {} MiB, which is more than is read.", MAX_FILE >> 20));
    }
    String::from_utf8(text).map_err(|_| format!("{name} is no text in UTF-8."))
}
