//! The states that a gate recorded, in an append-only file: one line for each state, `<commit> <ref>`, and after each
//! batch `tag <hex>`, an HMAC over the previous tag and the batch. Lines that no tag of ours follows are ignored.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::folder::Folder;
use super::key::StateKey;
use crate::change::ObjectId;
use crate::change::digest::Digest;
use crate::disk::read_regular;
use crate::gate::States;

pub(super) const FILE: &str = "states";
const HEADER: &str = "undersign-states/v1\n";
/// Bytes; enough for some millions of landings.
pub(super) const MAX_FILE: u64 = 512 << 20;

/// The file of a state directory.
#[derive(Debug)]
pub(super) struct StatesFile {
    path: PathBuf,
    key: StateKey,
    purpose: String,
    /// The tag of the last batch, and where it ends.
    last: Digest,
    end: u64,
}

impl StatesFile {
    /// Reads the authenticated part. A torn or foreign end is ignored, and the next batch cuts it off.
    ///
    /// # Errors
    /// A sentence: the file exists, but cannot be read.
    pub fn open(dir: &Path, key: StateKey, repository: &str) -> Result<(StatesFile, States), String> {
        let (path, purpose) = (dir.join(FILE), super::purpose(FILE, repository));
        let failed = |why: String| format!("The gate's states {} cannot be read: {why}.", path.display());
        let bytes = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error.to_string())),
            Ok(meta) if meta.len() > MAX_FILE => return Err(failed("it is too large".to_owned())),
            Ok(_) => read_regular(&path).map_err(|error| failed(error.to_string()))?,
        };
        let first = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
        if first.starts_with(b"undersign-states/") && first != HEADER.trim_end().as_bytes() {
            return Err(super::newer(&path, "in a format that this one does not know"));
        }
        let (mut states, mut last, mut end) = (States::default(), Digest([0; 32]), 0);
        let (mut start, mut at, mut batch) = (0, 0, Vec::new());
        while let Some(length) = bytes[at..].iter().position(|&b| b == b'\n') {
            let line = &bytes[at..at + length];
            let next = at + length + 1;
            if let Some(told) = line.strip_prefix(b"tag ") {
                let tag = std::str::from_utf8(told).ok().and_then(|text| text.parse().ok());
                let vouched = |tag: &Digest| key.vouches(*tag, &purpose, &[&last.0, &bytes[start..at]]);
                let Some(tag) = tag.filter(vouched) else { break };
                batch.drain(..).for_each(|(commit, name): (ObjectId, String)| _ = states.insert(commit, &name));
                states.are_recorded = true;
                (last, end, start) = (tag, next as u64, next);
            } else if let Some(state) = state(line) {
                batch.push(state);
            }
            at = next;
        }
        Ok((StatesFile { path, key, purpose, last, end }, states))
    }

    /// How many bytes are authenticated.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Appends a batch, which may be empty: then it only says that from now on states are recorded.
    pub fn append(&mut self, folder: &Folder, states: &[(ObjectId, String)]) -> Result<(), String> {
        let mut batch = if self.end == 0 { HEADER.to_owned() } else { String::new() };
        states.iter().for_each(|(commit, name)| batch.push_str(&format!("{commit} {name}\n")));
        let tag = self.key.tag(&self.purpose, &[&self.last.0, batch.as_bytes()]);
        batch.push_str(&format!("tag {tag}\n"));
        let write = || -> std::io::Result<()> {
            let mut file = folder.file(FILE, OFlag::empty())?;
            file.set_len(self.end)?;
            file.seek(SeekFrom::Start(self.end))?;
            file.write_all(batch.as_bytes())?;
            file.sync_data()?;
            if self.end == 0 { folder.sync() } else { Ok(()) }
        };
        write().map_err(|error| format!("The gate's states {} cannot be written: {error}.", self.path.display()))?;
        (self.last, self.end) = (tag, self.end + batch.len() as u64);
        Ok(())
    }
}

fn state(line: &[u8]) -> Option<(ObjectId, String)> {
    let (commit, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((commit.parse().ok()?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(digit: char) -> StateKey {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, digit.to_string().repeat(64)).unwrap();
        StateKey::read(&path).unwrap()
    }

    fn id(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    fn folder(dir: &Path) -> Folder {
        Folder::open(dir).unwrap()
    }

    fn written(dir: &Path) -> PathBuf {
        let (mut file, states) = StatesFile::open(dir, key('1'), "r1").unwrap();
        assert!(!states.are_recorded);
        file.append(&folder(dir), &[(id(1), "refs/heads/main".into())]).unwrap();
        file.append(&folder(dir), &[(id(2), "refs/heads/main".into()), (id(1), "refs/tags/v1".into())]).unwrap();
        dir.join(FILE)
    }

    #[test]
    fn what_was_recorded_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path());
        let (_, states) = StatesFile::open(dir.path(), key('1'), "r1").unwrap();
        assert!(states.are_recorded && states.len() == 2);
        assert!(states.is_of(id(1), "refs/tags/v1") && !states.is_of(id(2), "refs/tags/v1"));
    }

    #[test]
    fn a_line_that_somebody_added_or_altered_is_not_there() {
        for forge in [
            |text: String| text + &format!("{} refs/heads/main\n", id(9)),
            |text: String| text.clone() + &format!("{} refs/heads/main\n", id(9)) + text.lines().last().unwrap() + "\n",
            |text: String| text.replacen(&id(2).to_string(), &id(9).to_string(), 1),
            |text: String| text.lines().filter(|line| !line.starts_with("tag")).collect::<Vec<_>>().join("\n"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = written(dir.path());
            std::fs::write(&path, forge(std::fs::read_to_string(&path).unwrap())).unwrap();
            assert!(!StatesFile::open(dir.path(), key('1'), "r1").unwrap().1.contains(id(9)));
        }
    }

    #[test]
    fn another_key_knows_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path());
        let (_, states) = StatesFile::open(dir.path(), key('2'), "r1").unwrap();
        assert!(states.is_empty() && !states.are_recorded);
    }

    #[test]
    fn what_another_repository_recorded_under_the_same_key_is_not_known_here() {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path());
        let (_, states) = StatesFile::open(dir.path(), key('1'), "r2").unwrap();
        assert!(states.is_empty() && !states.are_recorded);
    }

    #[test]
    fn a_torn_batch_is_cut_off_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let (mut file, states) = StatesFile::open(dir.path(), key('1'), "r1").unwrap();
        assert!(states.are_recorded && states.len() == 1);
        file.append(&folder(dir.path()), &[(id(3), "refs/heads/main".into())]).unwrap();
        let (_, states) = StatesFile::open(dir.path(), key('1'), "r1").unwrap();
        assert!(states.contains(id(3)) && !states.contains(id(2)));
    }
}
