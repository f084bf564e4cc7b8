//! `undersign keymap`: the key bindings of the desk as currently configured.

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::app::action::{Action, Context};
use crate::app::keymap::Keymap;
use crate::config;

#[derive(Args)]
pub struct Options {
    /// That of a preset, instead of your own
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Keymap::presets()))]
    preset: Option<String>,
    /// Print a whole keymap.toml
    #[arg(long)]
    toml: bool,
}

pub fn run(options: &Options) -> Result<(), String> {
    let mut problems = Vec::new();
    let keymap = match options.preset.as_deref().and_then(Keymap::preset) {
        Some(preset) => preset,
        None => config::keymap(&mut problems),
    };
    if options.toml {
        out!("{}", keymap.to_toml());
    } else {
        table(&keymap);
        outln!("\nChange entries, or name a preset, in {}.", config::directory().join("keymap.toml").display());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn table(keymap: &Keymap) {
    let width = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let strokes = |action: Action| keymap.names(action).join(", ");
    let first = width(&mut Action::ALL.iter().map(|action| strokes(*action)));
    let second = width(&mut Action::ALL.iter().map(|action| action.name().to_owned()));
    for (at, context) in Context::ALL.into_iter().enumerate() {
        outln!("{}{}", if at == 0 { "" } else { "\n" }, context.name());
        for action in Action::ALL.iter().filter(|action| action.context() == context) {
            outln!("  {:<first$}  {:<second$}  {}", strokes(*action), action.name(), action.sentence());
        }
    }
}
