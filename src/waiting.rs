//! FLOOR 2: since when the heads of a repository wait, as this user's program saw it: the start of their clocks.
//!
//! No time of a commit is used, since its author writes that, and none of a ref, which the last fetch moved. What
//! counts is when a queue here first showed the head as waiting for a person. So two people may see different times; a
//! queue that is printed by a timer sees the earliest.
//!
//! A file of JSON for each repository, in the user's state directory. One that cannot be read is never overwritten: all
//! clocks would begin anew, and nobody would know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::change::ObjectId;
use crate::change::digest::Digest;
use crate::disk::{read_small, write_atomically};

const SCHEMA: &str = "undersign-waiting/v0";
/// Bytes of a file; a larger one is not read.
const MAX_BYTES: u64 = 4 << 20;

/// Heads, and since when each waits, in seconds since the epoch.
pub type WaitingSince = BTreeMap<ObjectId, i64>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: String,
    since: BTreeMap<String, i64>,
}

/// The directory of what this user's program remembers: `$XDG_STATE_HOME/undersign`, otherwise
/// `~/.local/state/undersign`; none without either.
pub fn home() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("undersign"))
}

/// The file about one repository.
fn file(home: &Path, common_dir: &Path) -> PathBuf {
    let place = std::fs::canonicalize(common_dir).unwrap_or_else(|_| common_dir.to_owned());
    home.join("waiting").join(format!("{}.json", Digest::of(place.as_os_str().as_encoded_bytes()).short()))
}

/// None if it is damaged, or of another version.
fn parse(bytes: &[u8]) -> Option<WaitingSince> {
    let kept = serde_json::from_slice::<Kept>(bytes).ok().filter(|kept| kept.schema == SCHEMA)?;
    kept.since.into_iter().map(|(head, since)| Some((head.parse().ok()?, since))).collect()
}

fn stored(home: &Path, common_dir: &Path) -> Result<WaitingSince, String> {
    let path = file(home, common_dir);
    if std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(WaitingSince::new());
    }
    parse(&read_small(&path, MAX_BYTES)).ok_or_else(|| {
        format!(
            "Since when changes wait cannot be read: {} is damaged, of another version, or not yours to read. Remove it \
             to start their clocks again.",
            path.display()
        )
    })
}

/// Nothing waits from the future: a clock that was ahead once must not put anything off.
fn no_later_than(mut since: WaitingSince, now: i64) -> WaitingSince {
    since.values_mut().for_each(|since| *since = (*since).min(now));
    since
}

/// Since when heads of a repository wait, as far as that can be read; [`keep`] says if it cannot.
pub fn since(home: Option<&Path>, common_dir: &Path, now: i64) -> WaitingSince {
    home.and_then(|home| stored(home, common_dir).ok()).map(|all| no_later_than(all, now)).unwrap_or_default()
}

/// One writer at a time; where no lock can be had, writing goes on all the same.
fn locked(home: &Path) -> Option<File> {
    let dir = home.join("waiting");
    std::fs::create_dir_all(&dir).ok()?;
    let lock = File::create(dir.join("lock")).ok()?;
    lock.lock().ok().map(|()| lock)
}

/// Remembers which heads wait since when, of those that are pending; for one that was remembered already, the earlier
/// time.
///
/// # Errors
/// A sentence: the file cannot be written, or what is in it cannot be read.
pub fn keep(
    home: Option<&Path>,
    common_dir: &Path,
    pending: &BTreeSet<ObjectId>,
    fresh: &WaitingSince,
    now: i64,
) -> Result<(), String> {
    let Some(home) = home else { return Ok(()) };
    // Between reading and writing, another queue must not add what would be lost.
    let _lock = locked(home);
    let before = stored(home, common_dir)?;
    // What was in the future begins now, and is written: otherwise it would begin anew each time.
    let mut all = no_later_than(before.clone(), now);
    for (head, since) in fresh {
        all.entry(*head).and_modify(|known| *known = (*known).min(*since)).or_insert(*since);
    }
    all.retain(|head, _| pending.contains(head));
    if all == before {
        return Ok(());
    }
    let since = all.into_iter().map(|(head, since)| (head.to_string(), since)).collect();
    let path = file(home, common_dir);
    let bytes = serde_json::to_vec(&Kept { schema: SCHEMA.to_owned(), since }).unwrap_or_default();
    write_atomically(&path, &bytes)
        .map_err(|error| format!("Since when changes wait cannot be remembered: {}: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn id(digit: char) -> ObjectId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn the_first_time_counts_and_what_is_pending_no_more_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (home, place) = (Some(dir.path()), Path::new("/srv/shop.git"));
        let pending = |digits: &str| digits.chars().map(id).collect::<BTreeSet<_>>();
        let times =
            |all: &[(char, i64)]| all.iter().map(|(digit, since)| (id(*digit), *since)).collect::<WaitingSince>();
        keep(home, place, &pending("ab"), &times(&[('a', 10), ('b', 20)]), 100).unwrap();
        keep(home, place, &pending("ab"), &times(&[('a', 30), ('b', 15)]), 100).unwrap();
        assert_eq!(since(home, place, 100), times(&[('a', 10), ('b', 15)]));
        assert_eq!(since(home, Path::new("/srv/other.git"), 100), WaitingSince::new());
        assert_eq!(since(home, place, 12), times(&[('a', 10), ('b', 12)]), "a clock that was set back");
        // A run whose clock was ahead: it begins once the clock is right, and not anew each time.
        keep(home, place, &pending("abc"), &times(&[('c', 9_000)]), 9_000).unwrap();
        for now in [200, 300, 400] {
            keep(home, place, &pending("abc"), &since(home, place, now), now).unwrap();
            assert_eq!(since(home, place, now)[&id('c')], 200);
        }
        keep(home, place, &pending("b"), &WaitingSince::new(), 100).unwrap();
        assert_eq!(since(home, place, 100), times(&[('b', 15)]));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (home, place) = (Some(dir.path()), Path::new("/srv/shop.git"));
        let pending = BTreeSet::from([id('a')]);
        let times = WaitingSince::from([(id('a'), 5)]);
        keep(home, place, &pending, &times, 100).unwrap();
        let path = file(dir.path(), place);
        let good = std::fs::read_to_string(&path).unwrap();
        for bad in ["", "[]", "{}", &good.replace("v0", "v9"), &good.replace(":5", ":\"5\""), &good.replace("aa", "x")]
        {
            std::fs::write(&path, bad).unwrap();
            assert!(
                keep(home, place, &pending, &times, 100).unwrap_err().contains("start their clocks again"),
                "{bad}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
            assert_eq!(since(home, place, 100), WaitingSince::new());
        }
        std::fs::write(&path, good).unwrap();
        assert_eq!(since(home, place, 100), times);
    }
}
