//! `undersign evidence ci`: the result of a check, signed by the machine that ran it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::pen::Pen;
use crate::record::evidence::{Evidence, EvidenceKind, EvidenceResult};
use crate::record::outcome::is_link;

#[derive(Args)]
pub struct Options {
    /// The check, as the policy names it
    #[arg(long, value_name = "NAME")]
    check: String,
    /// What came of it
    #[arg(long, value_enum)]
    result: Word,
    /// The file of the machine's private key, in OpenSSH's format, without a passphrase
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What was checked: a commit whose tree is what is to land
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    commit: String,
    /// The ref on which it is to land; by default the one on which changes land
    #[arg(long, value_name = "REF")]
    target: Option<String>,
    /// Where to read more: http or https, without user, query and fragment
    #[arg(long, value_name = "URL", default_value = "")]
    link: String,
    /// The remote to which it is sent; by default the one on which changes land
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Leave it in this repository: `undersign sync` sends it later
    #[arg(long, conflicts_with = "remote")]
    no_push: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Word {
    Pass,
    Fail,
}

pub fn run(options: &Options, here: &Path) -> Result<(), String> {
    let (target, remote) = (options.target.as_deref(), options.remote.as_deref());
    let pen = Pen::new(here, &options.key, EvidenceKind::Ci, target, remote, options.no_push)?;
    let check = &options.check;
    pen.source(|source| source.checks.contains(check), &format!("check {check}"))?;
    if !options.link.is_empty() && !is_link(&options.link) {
        let why = "A link is http:// or https://, at most 1,000 plain characters, without user, query and fragment: \
                   these may contain secrets, and what is signed cannot be taken back.";
        return Err(why.to_owned());
    }
    let commit = pen.repository.resolve(&options.commit).map_err(|error| error.to_string())?;
    let result = match options.result {
        Word::Pass => EvidenceResult::Pass,
        Word::Fail => EvidenceResult::Fail,
    };
    let about = pen.about(commit)?;
    let evidence = Evidence { name: check.clone(), result, link: options.link.clone(), ..about };
    let told = format!("{check} {} on the tree {} of {}", result.name(), &evidence.tree[..12], commit.short());
    let ids = pen.sign(check, &[evidence])?;
    let id = ids.first().map(|id| id.short()).unwrap_or_default();
    match pen.remote() {
        Some(remote) => outln!("Signed, and sent to {remote}: {told}: {id}."),
        None => outln!("Signed: {told}: {id}. `undersign sync` sends it."),
    }
    Ok(())
}
