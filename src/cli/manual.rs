//! `undersign completions` and `undersign man`: for shells and for man(1), from the same texts as `--help`.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::disk::write_atomically;

#[derive(Args)]
pub struct CompletionsOptions {
    /// For which shell
    shell: Shell,
}

#[derive(Args)]
pub struct ManOptions {
    /// The directory to write undersign.1 and a page for each command into; without it, undersign.1 is printed
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The page of the program itself.
const FIRST: &str = "undersign.1";
/// Between the exit codes and the examples in what stands below the options of a command.
const EXAMPLES: &str = "\n\nExamples:\n";

pub fn completions(options: &CompletionsOptions, mut command: Command) -> Result<(), String> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "undersign", &mut script);
    out!("{}", String::from_utf8_lossy(&script));
    Ok(())
}

pub fn man(options: &ManOptions, command: Command) -> Result<(), String> {
    let pages = pages(command).map_err(|error| format!("The pages cannot be made: {error}."))?;
    let Some(dir) = &options.dir else {
        let page = pages.iter().find(|(name, _)| name == FIRST);
        out!("{}", page.map_or("", |(_, text)| text));
        return Ok(());
    };
    for (name, text) in &pages {
        write(&dir.join(name), text)?;
    }
    outln!("Wrote {} pages to {}.", pages.len(), dir.display());
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    write_atomically(path, text.as_bytes()).map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}

/// Name and text of the page of a command and of all below it.
fn pages(command: Command) -> std::io::Result<Vec<(String, String)>> {
    fn add(command: &Command, pages: &mut Vec<(String, String)>) -> std::io::Result<()> {
        pages.push(page(command.clone())?);
        command.get_subcommands().filter(|below| !below.is_hide_set()).try_for_each(|below| add(below, pages))
    }
    let mut command = without_help(command);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    Ok(pages)
}

/// `undersign help` prints what the pages say: it has none of its own.
fn without_help(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let command = command.disable_help_subcommand(true);
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, without_help))
}

fn page(command: Command) -> std::io::Result<(String, String)> {
    let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (codes, examples) = below.split_once(EXAMPLES).unwrap_or((&below, ""));
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command).source(concat!("undersign ", env!("CARGO_PKG_VERSION"))).manual("Manual of undersign");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_subcommands {
        man.render_subcommands_section(&mut text)?;
    }
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.control("nf", []);
    codes.lines().skip(1).for_each(|code| _ = roff.text([roman(code.trim())]));
    roff.control("fi", []);
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    examples.lines().for_each(|example| _ = roff.text([roman(example.trim())]));
    roff.control("fi", []);
    if man.get_filename() != FIRST {
        roff.control("SH", ["SEE ALSO"]);
        roff.control("BR", ["undersign", "(1)"]);
    }
    roff.to_writer(&mut text)?;
    Ok((man.get_filename(), String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn every_command_has_a_page_with_how_it_exits_and_an_example() {
        let pages = pages(cli::command()).unwrap();
        for name in ["undersign.1", "undersign-verify.1", "undersign-gate-install.1", "undersign-record-hand-over.1"] {
            assert!(pages.iter().any(|(own, _)| own == name), "{name}");
        }
        assert!(pages.iter().all(|(name, _)| !name.contains("-help")), "it has no page of its own");
        for (name, text) in &pages {
            let command = name.trim_end_matches(".1").split('-').next().unwrap();
            let (_, codes) = text.split_once(".SH \"EXIT STATUS\"\n").unwrap();
            let (codes, example) = codes.split_once(".SH EXAMPLES\n").unwrap();
            assert!(codes.starts_with(".nf\n0 ") && example.contains(command), "{name}: {codes}{example}");
            assert!(text.contains(".SH NAME\n") && text.contains(".SH OPTIONS\n"), "{name}");
        }
    }
}
