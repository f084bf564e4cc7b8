//! `undersign rules`: for people who write rules, or want to know what one means.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::cache::{self, Caches};
use crate::change::{counted, visible};
use crate::examination::{background, packs};
use crate::risk::{self, Rates, RuleText, Rulebook, Rules};
use crate::source::git::{GitError, Repository};

/// Bytes of a file whose facts are read.
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
    /// Print all rules that hold here, those of packs as well: id, severity, title
    #[command(after_help = help!(["0   success", "2   a pack is not used, for its mistakes"], "undersign rules list"))]
    List,
    /// Print what one rule says, and what it does and does not fire on
    #[command(after_help = help!(["0   there is such a rule"], "undersign rules explain resil.timeout-lost"))]
    Explain {
        /// As findings name it
        id: String,
    },
    /// Read a pack of rules and try their examples; all mistakes at once
    #[command(after_help = help!(["0   all is well", "2   it has mistakes"], "undersign rules test rules.toml"))]
    Test {
        /// TOML, as docs/rules.md describes it
        file: PathBuf,
    },
    /// Print the facts of a file, as rules read them
    #[command(after_help = help!(["0   its format is read"], "undersign rules facts deploy/app.yaml"))]
    Facts {
        /// The format goes by its name
        file: PathBuf,
    },
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<u8, String> {
    match &options.command {
        Command::List => return Ok(list(&Here::of(repository)?)),
        Command::Explain { id } => explain(id, &Here::of(repository)?)?,
        Command::Test { file } => return test(file),
        Command::Facts { file } => facts(file)?,
    }
    Ok(0)
}

/// The rules that hold where one stands: in a repository, or outside of any.
struct Here {
    rules: Rulebook,
    rates: Option<Rates>,
}

impl Here {
    fn of(repository: Option<&Path>) -> Result<Here, String> {
        match Repository::open(repository.unwrap_or(Path::new("."))) {
            Ok(repository) => {
                let rules = super::rulebook(&repository)?;
                let cache = Caches::at(cache::home()).of(repository.common_dir());
                Ok(Here { rates: background::kept_rates(rules.rules(), &cache), rules })
            }
            Err(GitError::NotARepository(_)) if repository.is_none() => {
                Ok(Here { rules: Rulebook::default().and(&super::own_packs()), rates: None })
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Rules of packs that are not used are not rules: that is told, and is not success.
fn list(here: &Here) -> u8 {
    for RuleText { id, severity, title, quieted, .. } in here.rules.rules().texts() {
        let quieted = if quieted.is_empty() { String::new() } else { format!("  ({})", quieted.join("; ")) };
        outln!("{id:<28}  {:<8}  {title}{quieted}", severity.name());
    }
    let refused: Vec<String> = here.rules.refused().map(|error| visible::lines(&error.to_string())).collect();
    refused.iter().for_each(|error| eprintln!("undersign: {error}\nNothing of it is used."));
    if refused.is_empty() { 0 } else { WRONG }
}

/// All entries of that name: what lines and what facts say may be one rule.
fn explain(id: &str, here: &Here) -> Result<(), String> {
    let found: Vec<RuleText> = here.rules.rules().texts().into_iter().filter(|rule| rule.id == id).collect();
    if found.is_empty() {
        return Err(format!("No rule is called {}. `undersign rules list` lists them.", visible::text(id)));
    }
    outln!("{id}");
    here.rates.iter().filter_map(|rates| rates.said(id)).for_each(|said| outln!("  It {said}."));
    let count = found.len();
    for (at, RuleText { severity, title, why, ask, hits, misses, quieted, .. }) in found.into_iter().enumerate() {
        let which = if count > 1 { format!("{} of {count}: ", at + 1) } else { String::new() };
        outln!("  {which}{title}  ({})", severity.name());
        outln!("  Why: {why}");
        outln!("  Ask: {ask}");
        quieted.iter().for_each(|quieted| outln!("  Quiet: {quieted}"));
        for (heading, examples) in [("fires on", hits), ("does not fire on", misses)] {
            for example in examples {
                outln!("  {heading}");
                example.lines().for_each(|line| outln!("    {}", visible::text(line)));
            }
        }
    }
    Ok(())
}

/// As a pack is read, wherever the file is.
fn test(file: &Path) -> Result<u8, String> {
    let file = packs::one(file);
    if let Err(why) = &file.text {
        return Err(format!("{}: {why}.", file.place));
    }
    let name = file.place.clone();
    let rules = Rules::with_packs(&[file]);
    if let Some(error) = rules.refused().first() {
        outln!("{}", visible::lines(&error.to_string()));
        return Ok(WRONG);
    }
    let (rules, quiets) = rules.of_packs();
    let quiets = if quiets > 0 { format!(" {} quieted.", counted(quiets, "rule")) } else { String::new() };
    outln!("{} of {name}: all examples hold.{quiets}", counted(rules, "rule"));
    Ok(0)
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
    String::from_utf8(text).map_err(|_| format!("{name} is not UTF-8."))
}
