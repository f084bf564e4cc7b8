//! The gate's log: one line of JSON a verdict, each with the SHA-256 of the line before, so that a line that was
//! altered or taken out shows. Lines at the end can be cut off unseen by the log alone: each answer carries the head
//! that it made.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::change::manifest::Digest;
use crate::gate::AuditHead;

const FILE: &str = "log.jsonl";
/// Bytes of one line: a push of a hundred thousand refs.
const MAX_LINE: u64 = 64 << 20;

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// From 1.
    pub seq: u64,
    /// SHA-256 of the line before, without its line feed; 64 zeros in the first.
    pub prev: String,
    /// Seconds since the epoch, by the gate's clock.
    pub at: i64,
    pub pusher: Option<String>,
    pub outcome: String,
    pub enforced: bool,
    pub policy: Option<String>,
    pub refs: Vec<EntryRef>,
    /// Bytes of a line before it that was never finished, and was cut off: the disk was full, or the process was
    /// killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
    /// What an operator answered for, in words; none in a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRef {
    #[serde(rename = "ref")]
    pub name: String,
    pub old: String,
    pub new: String,
    pub outcome: String,
    pub reasons: Vec<String>,
    /// Ids of the records that it rests on.
    pub records: Vec<String>,
}

/// A log in a state directory, whose lock its user holds.
pub struct Log {
    path: PathBuf,
}

impl Log {
    pub fn in_dir(dir: &Path) -> Log {
        Log { path: dir.join(FILE) }
    }

    /// Adds an entry; its `seq` and `prev` are set here.
    ///
    /// # Errors
    /// A sentence: a verdict that cannot be written down is not given.
    pub fn append(&self, mut entry: Entry) -> Result<AuditHead, String> {
        let failed =
            |error: std::io::Error| format!("The gate's log {} cannot be written: {error}.", self.path.display());
        let mut file = File::options().create(true).read(true).append(true).open(&self.path).map_err(failed)?;
        entry.cut = cut_torn(&mut file).map_err(failed)?;
        let (seq, prev) = match last_line(&mut file).map_err(failed)? {
            None => (0, "0".repeat(64)),
            Some(line) => {
                let last: Entry =
                    serde_json::from_slice(&line).map_err(|_| self.damaged("its last line is no entry"))?;
                (last.seq, Digest::of(&line).to_string())
            }
        };
        entry.seq = seq + 1;
        entry.prev = prev;
        let mut line = serde_json::to_vec(&entry).expect("plain data always serialises into memory");
        let digest = Digest::of(&line).to_string();
        line.push(b'\n');
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(failed)?;
        Ok(AuditHead { seq: entry.seq, digest })
    }

    /// Reads the whole log and checks that each line follows the one before. An absent log is empty.
    ///
    /// # Errors
    /// A sentence that names the first line that does not hold.
    pub fn read(&self) -> Result<Vec<(Entry, AuditHead)>, String> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(format!("The gate's log {} cannot be read: {error}.", self.path.display())),
        };
        let (mut entries, mut prev) = (Vec::new(), "0".repeat(64));
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        for seq in 1.. {
            line.clear();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            read.map_err(|error| format!("The gate's log {} cannot be read: {error}.", self.path.display()))?;
            let Some(text) = line.strip_suffix(b"\n") else {
                return if line.is_empty() {
                    Ok(entries)
                } else {
                    Err(self.damaged("its last line was never finished, and the next verdict cuts it off"))
                };
            };
            let entry: Entry =
                serde_json::from_slice(text).map_err(|_| self.damaged(&format!("line {seq} is no entry")))?;
            if entry.seq != seq || entry.prev != prev {
                return Err(self.damaged(&format!("line {seq} does not follow the one before it")));
            }
            prev = Digest::of(text).to_string();
            entries.push((entry, AuditHead { seq, digest: prev.clone() }));
        }
        Ok(entries)
    }

    fn damaged(&self, why: &str) -> String {
        format!("The gate's log {} is damaged: {why}. Set it aside; the gate begins a new one.", self.path.display())
    }
}

/// Cuts off a line that was never finished: no answer was given on it. How many bytes, if there was one.
fn cut_torn(file: &mut File) -> std::io::Result<Option<u64>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut start = end;
    let mut block = [0; 4096];
    while start > 0 {
        let size = start.min(block.len() as u64);
        file.seek(SeekFrom::Start(start - size))?;
        let block = &mut block[..size as usize];
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|&b| b == b'\n') {
            start = start - size + at as u64 + 1;
            break;
        }
        start -= size;
    }
    if start == end {
        return Ok(None);
    }
    file.set_len(start)?;
    Ok(Some(end - start))
}

/// The last line without its line feed; none in an empty file.
fn last_line(file: &mut File) -> std::io::Result<Option<Vec<u8>>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut take = 4096u64;
    loop {
        let start = end.saturating_sub(take);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        Read::by_ref(file).take(end - start).read_to_end(&mut tail)?;
        let Some(body) = tail.strip_suffix(b"\n") else {
            return Ok((!tail.is_empty()).then_some(tail));
        };
        if let Some(at) = body.iter().rposition(|&b| b == b'\n') {
            return Ok(Some(body[at + 1..].to_vec()));
        }
        if start == 0 {
            return Ok(Some(body.to_vec()));
        }
        take = take.saturating_mul(4).min(MAX_LINE.max(4096));
        if take >= MAX_LINE {
            return Ok(Some(body.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn entry(outcome: &str) -> Entry {
        Entry {
            seq: 0,
            prev: String::new(),
            at: 7,
            pusher: None,
            outcome: outcome.to_owned(),
            enforced: true,
            policy: None,
            refs: Vec::new(),
            cut: None,
            note: None,
        }
    }

    #[test]
    fn a_line_that_was_altered_or_taken_out_shows() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path());
        for outcome in ["allow", "deny", "allow"] {
            log.append(entry(outcome)).unwrap();
        }
        let heads: Vec<_> = log.read().unwrap().into_iter().map(|(_, head)| head.seq).collect();
        assert_eq!(heads, [1, 2, 3]);
        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("deny", "allow")).unwrap();
        assert!(log.read().unwrap_err().contains("line 3 does not follow"));
        let without: Vec<_> = text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
        std::fs::write(&path, without.join("\n") + "\n").unwrap();
        assert!(log.read().unwrap_err().contains("line 2 does not follow"));
        // A line that was never finished gave no answer: the next one takes its place, and says so.
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        assert!(log.read().unwrap_err().contains("never finished"));
        assert_eq!(log.append(entry("allow")).unwrap().seq, 3);
        assert!(log.read().unwrap()[2].0.cut.is_some_and(|bytes| bytes > 100));
    }

    #[test]
    fn a_long_last_line_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path());
        let long = Entry { pusher: Some("x".repeat(100_000)), ..entry("allow") };
        log.append(long.clone()).unwrap();
        log.append(long).unwrap();
        assert_eq!(log.append(entry("deny")).unwrap().seq, 3);
        assert_eq!(log.read().unwrap().len(), 3);
    }
}
