//! Verifies record files by themselves, wherever they come from.

use std::path::{Path, PathBuf};

use crate::command::{AuthorizationStatement, RunStatement};
use crate::record::{Fault, Key, sshsig, verify, verify_as};

pub(super) fn run(files: &[PathBuf], signers: Option<&Path>) -> Result<u8, String> {
    let signers = signers.map(Signers::read).transpose()?;
    let mut sound = true;
    for path in files {
        let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let said = match Sound::of(line) {
                Ok(sound) => sound.said(signers.as_ref()),
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
    /// Whose it claims to be; a broker's is nobody's.
    principal: Option<String>,
    key: Key,
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
                return Ok(Sound { what, principal: Some(own.principal.clone()), key: verified.key().clone() });
            }
        }
        match verify_as::<AuthorizationStatement>(line) {
            Err(Fault::Namespace) => {}
            Err(fault) => return Err(fault),
            Ok(verified) => {
                let own = &verified.statement().predicate;
                let what = format!("{}  {} at {} by {}", verified.id(), own.verdict, own.target, own.principal);
                return Ok(Sound { what, principal: Some(own.principal.clone()), key: verified.key().clone() });
            }
        }
        let verified = verify_as::<RunStatement>(line)?;
        let own = &verified.statement().predicate;
        let what = format!("{}  {} at {} by a broker", verified.id(), own.event.word(), own.target);
        Ok(Sound { what, principal: None, key: verified.key().clone() })
    }

    fn said(self, signers: Option<&Signers>) -> Result<String, String> {
        let Sound { what, principal, key } = self;
        match signers.zip(principal).map(|(signers, who)| (signers.own(&who, &key), who)) {
            Some((false, who)) => Err(format!("{what}: the key is not one of {who}")),
            Some((true, _)) => Ok(format!("{what}, sound")),
            None => Ok(format!("{what}, sound; key {}", key.fingerprint())),
        }
    }
}

/// Lines of `allowed_signers` in the form that an export has: one principal, our namespace and no other option.
struct Signers(Vec<(String, Key)>);

impl Signers {
    fn read(path: &Path) -> Result<Signers, String> {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        let mut signers = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let wrong = || {
                format!(
                    "{}, line {}: only `PRINCIPAL namespaces=\"{}\" TYPE KEY` is read here.",
                    path.display(),
                    at + 1,
                    sshsig::NAMESPACE
                )
            };
            let (who, rest) = line.split_once(' ').ok_or_else(wrong)?;
            let key = rest.strip_prefix(&format!("namespaces=\"{}\" ", sshsig::NAMESPACE)).ok_or_else(wrong)?;
            signers.push((who.to_owned(), Key::from_openssh(key).map_err(|_| wrong())?));
        }
        Ok(Signers(signers))
    }

    fn own(&self, principal: &str, key: &Key) -> bool {
        self.0.iter().any(|(who, own)| who == principal && own == key)
    }
}
