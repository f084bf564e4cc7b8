//! Verifies record files by themselves, wherever they come from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::change::counted;
use crate::change::digest::Digest;
use crate::command::drill_statement::{self as command_drill, CommandDrill};
use crate::command::records::Beside as _;
use crate::command::{AuthorizationStatement, RunStatement, authorization, receipt};
use crate::record::drill::{self, Drill, Practised};
use crate::record::{Fault, Key, sshsig, typed, verify, verify_as};

pub(super) fn run(files: &[PathBuf], signers: Option<&Path>) -> Result<u8, String> {
    let signers = signers.map(Signers::read).transpose()?;
    let mut sound = true;
    for path in files {
        let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let said = match Sound::of(line) {
                Ok(sound) => sound.said(signers.as_ref(), path.parent().unwrap_or(Path::new(""))),
                Err(fault) => Err(format!("{}: {} ({fault})", path.display(), fault.name())),
            };
            sound &= said.is_ok();
            outln!("{}", said.unwrap_or_else(|why| why));
        }
        if bytes.is_empty() {
            sound = false;
            outln!("{}: {} (it is empty)", path.display(), Fault::EnvelopeMalformed.name());
        }
    }
    Ok(if sound { 0 } else { 2 })
}

/// A record of any kind that verifies.
struct Sound {
    /// Its id, and what it says.
    what: String,
    /// Whose it claims to be; a broker claims no name.
    principal: Option<String>,
    key: Key,
    /// For what the key must be given.
    namespace: &'static str,
    /// Digests of the files that belong to it, in hex.
    beside: BTreeSet<String>,
}

impl Sound {
    /// # Errors
    /// The fault of a decision, unless it is signed for another kind.
    fn of(line: &[u8]) -> Result<Sound, Fault> {
        match verify(line) {
            Err(Fault::Namespace) => {}
            Err(fault) => return Err(fault),
            Ok(verified) => {
                let own = &verified.statement().predicate;
                let what = format!("{}  {} by {}", verified.id(), own.verdict, own.principal);
                let (principal, key) = (Some(own.principal.clone()), verified.key().clone());
                return Ok(Sound { what, principal, key, namespace: sshsig::NAMESPACE, beside: BTreeSet::new() });
            }
        }
        match verify_as::<AuthorizationStatement>(line) {
            Err(Fault::Namespace) => {}
            Err(fault) => return Err(fault),
            Ok(verified) => {
                let own = &verified.statement().predicate;
                let what = format!("{}  {} at {} by {}", verified.id(), own.verdict, own.target, own.principal);
                let (principal, key) = (Some(own.principal.clone()), verified.key().clone());
                return Ok(Sound {
                    what,
                    principal,
                    key,
                    namespace: authorization::NAMESPACE,
                    beside: BTreeSet::new(),
                });
            }
        }
        if let Some(sound) = drill_of::<Drill>(line, |_| String::new())? {
            return Ok(sound);
        }
        if let Some(sound) = drill_of::<CommandDrill>(line, |own| format!(" at {}", own.target))? {
            return Ok(sound);
        }
        let verified = verify_as::<RunStatement>(line)?;
        let own = &verified.statement().predicate;
        let what = format!("{}  {} at {} by a broker", verified.id(), own.event.word(), own.target);
        let beside = verified.statement().beside().into_iter().map(str::to_owned).collect();
        Ok(Sound { what, principal: None, key: verified.key().clone(), namespace: receipt::NAMESPACE, beside })
    }

    fn said(self, signers: Option<&Signers>, folder: &Path) -> Result<String, String> {
        let Sound { what, principal, key, namespace, beside } = self;
        let files = attachments(&beside, folder).map_err(|why| format!("{what}: {why}"))?;
        let Some(signers) = signers else { return Ok(format!("{what}, sound; key {}{files}", key.fingerprint())) };
        match (signers.owner(&key, namespace, principal.as_deref()), principal) {
            (Some(_), Some(_)) => Ok(format!("{what}, sound{files}")),
            (Some(name), None) => Ok(format!("{what}, sound; it is {name}{files}")),
            (None, Some(who)) => Err(format!("{what}: the key is not one of {who}")),
            (None, None) => Err(format!("{what}: the key is that of no broker")),
        }
    }
}

/// A sound record of a drill of this kind; none if it is of another kind. `place` says where an emergency would have
/// been, if that is short.
fn drill_of<P: Practised>(line: &[u8], place: impl Fn(&P) -> String) -> Result<Option<Sound>, Fault> {
    let verified = match verify_as::<typed::Statement<P>>(line) {
        Err(Fault::Namespace) => return Ok(None),
        verified => verified?,
    };
    let own = &verified.statement().predicate;
    let (step, who) = (own.step(), own.step().principal.to_owned());
    let what = format!("{}  DRILL ({}){} by {who}", verified.id(), step.step.name(), place(own));
    let key = verified.key().clone();
    Ok(Some(Sound { what, principal: Some(who), key, namespace: P::NAMESPACE, beside: BTreeSet::new() }))
}

/// What is said of the files of a record, which are named after their digests.
///
/// # Errors
/// One is another file.
fn attachments(beside: &BTreeSet<String>, folder: &Path) -> Result<String, String> {
    let mut missing = 0;
    for digest in beside {
        match std::fs::read(folder.join(digest)) {
            Ok(bytes) if Digest::of(&bytes).to_string() == *digest => {}
            Ok(_) => return Err(format!("the file {digest} is another one")),
            Err(_) => missing += 1,
        }
    }
    Ok(match missing {
        0 => String::new(),
        _ => format!("; {} of it not here", counted(missing, "file")),
    })
}

/// Lines of `allowed_signers` in the form that an export has: one principal, one of our namespaces and no other option.
struct Signers(Vec<(String, &'static str, Key)>);

const NAMESPACES: [&str; 5] =
    [sshsig::NAMESPACE, authorization::NAMESPACE, receipt::NAMESPACE, drill::NAMESPACE, command_drill::NAMESPACE];

impl Signers {
    fn read(path: &Path) -> Result<Signers, String> {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        let mut signers = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let wrong = || {
                format!(
                    "{}, line {}: only `PRINCIPAL namespaces=\"NAMESPACE\" TYPE KEY` is read here, for {}.",
                    path.display(),
                    at + 1,
                    NAMESPACES.join(", ")
                )
            };
            let (who, rest) = line.split_once(' ').ok_or_else(wrong)?;
            let own = |namespace: &&'static str| {
                Some((*namespace, rest.strip_prefix(&format!("namespaces=\"{namespace}\" "))?))
            };
            let (namespace, key) = NAMESPACES.iter().find_map(own).ok_or_else(wrong)?;
            signers.push((who.to_owned(), namespace, Key::from_openssh(key).map_err(|_| wrong())?));
        }
        Ok(Signers(signers))
    }

    /// Whose a key is for a purpose, among those of one principal if that is said.
    fn owner(&self, key: &Key, namespace: &str, principal: Option<&str>) -> Option<&str> {
        let fits = |(who, purpose, own): &&(String, &'static str, Key)| {
            own == key && *purpose == namespace && principal.is_none_or(|principal| principal == who)
        };
        self.0.iter().find(fits).map(|(who, _, _)| who.as_str())
    }
}
