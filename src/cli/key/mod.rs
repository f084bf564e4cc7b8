//! `undersign key`: signing keys come and go by edits of the policy, or of an organization's file, that somebody else
//! signs. No command here lets a
//! key count: each writes into the working tree and says what landing it would mean.

mod accept;
mod check;
mod file;
mod leave;
mod list;
mod lost;
mod pen;
mod request;

use std::path::Path;

use clap::{Args, Subcommand};

use crate::enrolment::{Edit, EditError};
use crate::policy::Policy;
use file::PeopleFile;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a request for your key, signed by that key, to send to whoever maintains the policy
    #[command(after_help = help!(
        ["0   the request is made"],
        "undersign key enrol --out dana.request",
        "undersign key enrol --key ~/.ssh/id_review_sk --with ~/.ssh/id_ed25519 --attestation review.attest"
    ))]
    Enrol(request::EnrolOptions),
    /// Make a request that puts a new key in the place of your old one; both sign it
    #[command(after_help = help!(
        ["0   the request is made"],
        "undersign key rotate --to ~/.ssh/id_new --overlap 14d --out dana.request"
    ))]
    Rotate(request::RotateOptions),
    /// Verify a request, and write the edit of the policy that it asks for
    #[command(after_help = help!(
        ["0   the edit is written", "2   the request is refused, and nothing is written"],
        "undersign key accept dana.request --role senior",
        "undersign key accept dana.request --code 3f9c-1a7e-0b2d-88c1",
        "undersign key accept dana.request --dry-run"
    ))]
    Accept(accept::Options),
    /// Write the edit of the policy that ends a key which may be in other hands
    #[command(after_help = help!(
        ["0   the edit is written", "2   there is no such key"],
        "undersign key lost",
        "undersign key lost --person dana --since 2026-11-20T08:00:00Z"
    ))]
    Lost(lost::Options),
    /// Write the edit that ends all keys of somebody who leaves; what they signed before stays theirs
    #[command(after_help = help!(
        ["0   the edit is written", "2   there is nothing to end"],
        "undersign key leave --person dana",
        "undersign key leave --person dana --at 2026-11-30T17:00:00Z"
    ))]
    Leave(leave::Options),
    /// Sign a throw-away text with a key, and say what it is worth here: 0 it signs for you, 2 it does not
    #[command(after_help = help!(
        ["0   the key signs for somebody of the policy", "2   it does not"],
        "undersign key check",
        "undersign key check --key ~/.ssh/id_new"
    ))]
    Check(check::Options),
    /// List the keys of the roster, whose they are, what they prove and until when
    #[command(after_help = help!(["0   success"], "undersign key list --person dana"))]
    List(list::Options),
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<u8, String> {
    let here = repository.unwrap_or(Path::new("."));
    match &options.command {
        Command::Enrol(options) => request::enrol(options, here).map(|()| 0),
        Command::Rotate(options) => request::rotate(options, here).map(|()| 0),
        Command::Accept(options) => accept::run(options, here),
        Command::Lost(options) => lost::run(options, here),
        Command::Leave(options) => leave::run(options, here),
        Command::Check(options) => check::run(options, here),
        Command::List(options) => list::run(options, here).map(|()| 0),
    }
}

/// Refused: the exit code of a verdict, with its sentence.
fn refused(what: &str, why: impl std::fmt::Display) -> Result<u8, String> {
    let why = crate::change::visible::lines(&why.to_string());
    eprintln!("undersign: {what}: {why}. Nothing was written.");
    Ok(2)
}

/// A file, and what is to be done to it.
type Edits<'f> = (&'f PeopleFile, Vec<Edit>);

/// Each file with its edits made, as it would be; nothing is written.
fn edit_all(edits: Vec<Edits<'_>>) -> Result<Vec<(&PeopleFile, String, Policy)>, EditError> {
    let made = |(file, edits): (_, Vec<Edit>)| {
        let file: &PeopleFile = file;
        file.edited(&edits).map(|(text, new)| (file, text, new))
    };
    edits.into_iter().map(made).collect()
}

/// Writes all of them. What was written stays where a later one cannot be written: it is only in the working tree.
fn write_all(edited: Vec<(&PeopleFile, String, Policy)>) -> Result<Vec<(&PeopleFile, Policy)>, String> {
    let mut written: Vec<(&PeopleFile, Policy)> = Vec::new();
    for (file, text, new) in edited {
        file.write(&text).map_err(|why| match written.first() {
            None => why,
            Some((first, _)) => format!("{why} {} was written: take that back first, with git restore.", first.path()),
        })?;
        written.push((file, new));
    }
    Ok(written)
}

/// The bytes of a file, or of standard input for `-`, up to a limit and one more.
fn bytes_of(file: &Path, limit: usize) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let name = crate::change::visible::line(file.as_os_str().as_encoded_bytes());
    let failed = |error: std::io::Error| format!("{name} cannot be read: {error}.");
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        return Ok(bytes);
    }
    // A pipe or a device may never end, or never begin.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(format!("{name} is not an ordinary file."));
    }
    let open = std::fs::File::open(file).map_err(failed)?;
    open.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The digest of the attestation in a file, if it is one of this key.
fn attestation(file: &Path, key: &crate::record::Key) -> Result<crate::change::digest::Digest, String> {
    use crate::enrolment::attestation::{MAX_ATTESTATION, digest};
    let name = crate::change::visible::line(file.as_os_str().as_encoded_bytes());
    digest(&bytes_of(file, MAX_ATTESTATION)?, key).map_err(|fault| format!("{name} is of no use here: {fault}."))
}
