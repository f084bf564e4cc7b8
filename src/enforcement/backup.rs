//! Backups of a gate's state, at the request of its operator.

use std::path::{Path, PathBuf};

use super::operator::{entry, open, time};
use super::policy::{policy, policy_branch};
use super::{Settings, default_state, own_key};
use crate::change::shown_path;
use crate::disk::{sync_dir, with_suffix};
use crate::gate_state::{self, Access, Archive, Checked, GateState, StateKey};
use crate::policy::Policy;

/// What was written, checked or restored.
pub struct Backup {
    /// When it was made, in seconds since the epoch.
    pub made: i64,
    /// The number of the last line of the log in it.
    pub line: u64,
    pub checked: Checked,
    /// Whether the gate's key was there to say that it is its own.
    pub is_vouched: bool,
    pub has_key: bool,
}

/// A gate whose state is to be copied.
struct Gate {
    policy: std::sync::Arc<Policy>,
    dir: PathBuf,
    key: PathBuf,
}

impl Gate {
    fn open(path: &Path, settings: &Settings, now: i64) -> Result<Gate, String> {
        let repository = open(path, settings, now)?;
        let hosts = repository.is_pushed_to();
        let branch = policy_branch(&repository, settings, hosts).map_err(|reason| reason.detail)?;
        let policy = policy(&repository, settings, branch.map(|branch| branch.tip)).map_err(|reason| reason.detail)?;
        let dir = settings.state.clone().unwrap_or_else(|| default_state(&repository));
        let key = settings.state_key.clone().unwrap_or_else(|| own_key(&repository));
        Ok(Gate { policy, dir, key })
    }
}

/// Copies the state of a gate into a file, and reads it back. Pushes wait only for the moment in which it is seen what
/// there is.
///
/// # Errors
/// A sentence: there is no state, or it cannot be copied.
pub fn back_up(path: &Path, settings: &Settings, to: &Path, with_key: bool, now: i64) -> Result<Backup, String> {
    let gate = Gate::open(path, settings, now)?;
    refuse_place(&gate, to)?;
    let snapshot = {
        // Without a state there is no key to be made, and an older state is taken over by a push alone.
        if !gate_state::has_memory(&gate.dir)? {
            return Err(format!("The gate has no state in {}: it judged nothing yet.", gate.dir.display()));
        }
        let own = if gate.key.exists() { Some(StateKey::read(&gate.key)?) } else { None };
        let access = Access { key: own, repository: &gate.policy.repository, patience: None, lasting: false };
        let state = GateState::open_as_it_is(&gate.dir, access).map_err(|error| error.to_string())?;
        let key = with_key
            .then(|| std::fs::read_to_string(&gate.key).map_err(|error| format!("{}: {error}.", gate.key.display())));
        state.snapshot(key.transpose()?)?
    };
    // Beside the last good one, whose place it takes only once it was read back.
    let beside = with_suffix(to, ".new");
    snapshot.write(&beside, now)?;
    let unwritten = |error: std::io::Error| format!("{error}.");
    let placed = check_backup(path, settings, &beside, now).and_then(|backup| {
        std::fs::rename(&beside, to).map_err(unwritten)?;
        sync_dir(to.parent().unwrap_or(Path::new("."))).map_err(unwritten)?;
        Ok(backup)
    });
    placed.map_err(|why| {
        let _ = std::fs::remove_file(&beside);
        format!(
            "No backup was written, and {} is as it was: what was copied does not hold, and `undersign doctor` says more \
             of the state itself. {why}",
            to.display()
        )
    })
}

/// A backup takes the place of nothing but a backup, or of an empty file.
fn refuse_place(gate: &Gate, to: &Path) -> Result<(), String> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let above = to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_in_state = real(above).is_some_and(|above| Some(above) == real(&gate.dir));
    let is_key = real(to).is_some_and(|to| Some(to) == real(&gate.key));
    let holds_other = |meta: std::fs::Metadata| !meta.is_file() || meta.len() > 0 && !gate_state::is_backup(to);
    let is_other = std::fs::metadata(to).is_ok_and(holds_other);
    if is_in_state || is_key || is_other {
        return Err(format!(
            "No backup is written to {}: it belongs to the gate's state, or is something other than a backup. Name \
             another file.",
            to.display()
        ));
    }
    Ok(())
}

/// Reads all of a backup, and checks it: against the gate's key, where that is.
///
/// # Errors
/// A sentence: the backup does not hold, or is of another gate.
pub fn check_backup(path: &Path, settings: &Settings, file: &Path, now: i64) -> Result<Backup, String> {
    let mut archive = Archive::open(file)?;
    // A backup is also checked where there is no repository.
    let own = || Gate::open(path, settings, now).ok().map(|gate| gate.key).filter(|key| key.exists());
    let key = settings.state_key.clone().or_else(own).map(|key| StateKey::read(&key)).transpose()?;
    refuse_foreign(&archive, key.as_ref(), file)?;
    let checked = gate_state::check(&mut archive, key.as_ref())?;
    Ok(told(&archive, checked, key.is_some()))
}

/// Puts a backup in the place of a state that is lost. With `with_key`, the gate's key is taken from it too, if that is
/// gone. Nothing lands until somebody answers for what may be missing.
///
/// # Errors
/// A sentence: the backup does not hold, is of another gate, or the place knows more than it. Then nothing was changed.
pub fn restore(path: &Path, settings: &Settings, file: &Path, with_key: bool, now: i64) -> Result<Backup, String> {
    let gate = Gate::open(path, settings, now)?;
    let mut archive = Archive::open(file)?;
    if archive.repository() != gate.policy.repository {
        return Err(format!(
            "The backup {} is of the gate of {}, and the policy here is of {}. Nothing was changed.",
            file.display(),
            crate::change::visible::text(archive.repository()),
            crate::change::visible::text(&gate.policy.repository)
        ));
    }
    let own = if gate.key.exists() { Some(StateKey::read(&gate.key)?) } else { None };
    let is_new = own.is_none() && with_key;
    let key = if is_new { Some(archive.key()?) } else { own };
    if key.is_none() {
        return Err(format!(
            "The gate's key {} is gone, and nothing else can say that the backup is the gate's own. Put the key back, \
             or take the one in the backup, if it has one: --with-key. If it is lost for good, the gate begins anew: \
             `undersign gate record`.",
            gate.key.display()
        ));
    }
    refuse_foreign(&archive, key.as_ref(), file).map_err(|why| with_new_key(why, &archive, &gate, with_key))?;
    let mut restored = gate_state::restore(&mut archive, &gate.dir, key.clone())?;
    if let Some(key) = key.filter(|_| is_new) {
        key.write(&gate.key)?;
    }
    let line = archive.log().map_or(0, |head| head.seq);
    let note = format!(
        "The state was restored from a backup of {}, which ends with line {line}. Nothing lands until somebody accepts \
         that.",
        time(archive.made())
    );
    restored.state.enter_and_keep(entry(&gate.policy, "restored", now, Vec::new(), Some(note)))?;
    Ok(told(&archive, restored.checked, archive.has_tag()))
}

/// Whoever asks a gate whose key is lost makes it a new one, which vouches for no backup.
fn with_new_key(why: String, archive: &Archive, gate: &Gate, with_key: bool) -> String {
    if !(with_key && archive.has_key()) {
        return why;
    }
    format!(
        "{why} If the gate made the key {0} only after the loss, set that aside, and what it wrote since: `mv {} \
         {}`, `mv {} {}`. Then restore again.",
        shown_path(&gate.key),
        shown_path(&with_suffix(&gate.key, ".new")),
        shown_path(&gate.dir),
        shown_path(&with_suffix(&gate.dir, ".new"))
    )
}

fn refuse_foreign(archive: &Archive, key: Option<&StateKey>, file: &Path) -> Result<(), String> {
    match key {
        Some(_) if !archive.has_tag() => Err(format!(
            "The backup {} was made without the gate's key, so anybody may have written it. It is not used.",
            file.display()
        )),
        Some(key) if !archive.is_vouched_by(key) => Err(format!(
            "The gate's key does not vouch for the backup {}: it was altered, or another key wrote it (--state-key \
             FILE). It is not used.",
            file.display()
        )),
        _ => Ok(()),
    }
}

fn told(archive: &Archive, checked: Checked, has_own_key: bool) -> Backup {
    Backup {
        made: archive.made(),
        line: archive.log().map_or(0, |head| head.seq),
        checked,
        is_vouched: has_own_key && archive.has_tag(),
        has_key: archive.has_key(),
    }
}
