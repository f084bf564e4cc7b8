//! The gate's log: one line of JSON for each verdict, each with the SHA-256 of the previous line, so that an altered or
//! removed line is detected. A large log continues in a new file; the memory knows the last line, so that a deleted log
//! is detected too. The newest lines can still be cut off undetected: so each answer contains the head of the log after
//! it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::SystemTime;

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use crate::change::digest::Digest;
use crate::disk::open_regular;
use crate::gate::{AuditHead, Decided};

/// The outcome for a push that was let through and was seen to have landed.
pub const LANDED: &str = "landed";
/// The outcome for a ref of which an operator recorded what it shows.
pub const RECORDED: &str = "recorded";
/// The ref by which an installation tries whether git asks the gate: below what belongs to us on a host, where nobody's
/// push of this name ever lands.
pub const PROBE: &str = "refs/undersign/is-the-gate-asked";
pub(super) const FILE: &str = "log.jsonl";
/// Earlier parts are `log-<seq of the last line>.jsonl`.
const PART: (&str, &str) = ("log-", ".jsonl");
/// The largest part, in bytes: the first line beyond it begins another part. Earlier parts are complete, and may be
/// archived.
pub(super) const MAX_PART: u64 = 16 << 20;
/// No log is longer: a larger number means damage.
const MAX_SEQ: u64 = 1 << 53;
/// How many bytes from the end each verdict searches for a known line.
const MAX_BACK: u64 = 1 << 20;
/// What to do with a damaged log.
pub(super) const ASIDE: &str = " Set it aside; the gate begins a new one.";
/// The longest line, in bytes: a push of a hundred thousand refs.
pub(super) const MAX_LINE: u64 = 64 << 20;

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// From 1.
    pub seq: u64,
    /// The SHA-256 of the previous line, without its line feed; 64 zeros in the first.
    pub prev: String,
    /// Seconds since the epoch, by the gate's clock.
    pub at: i64,
    pub pusher: Option<String>,
    pub outcome: String,
    pub enforced: bool,
    pub policy: Option<String>,
    /// SHA-256 of the file of the organization that the policy inherited from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    pub refs: Vec<EntryRef>,
    /// A proposal was judged, and no ref moves by that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proposal: bool,
    /// The bytes of an unfinished line before it, which was cut off: the disk was full, or the process was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
    /// The number of the first of the lines before it that were known and are missing. They were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// The operator's reason, in words; none in a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The host on which the gate runs from here on; none in any other line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

impl Entry {
    /// A line that is not a verdict, with a sentence.
    pub fn noted(outcome: &str, at: i64, note: String) -> Entry {
        Entry {
            seq: 0,
            prev: String::new(),
            at,
            pusher: None,
            outcome: outcome.to_owned(),
            enforced: true,
            policy: None,
            organization: None,
            refs: Vec::new(),
            proposal: false,
            cut: None,
            missing: None,
            note: Some(note),
            host: None,
        }
    }

    /// Whether the gate stopped nothing: it allowed the push, or was only reporting.
    pub fn let_through(&self) -> bool {
        self.outcome == Decided::Allow.name() || !self.enforced
    }
}

/// The outcome for one ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRef {
    #[serde(rename = "ref")]
    pub name: String,
    pub old: String,
    pub new: String,
    pub outcome: String,
    pub reasons: Vec<String>,
    /// The ids of the records that it is based on.
    pub records: Vec<String>,
    /// Of a gate that only reports, and would have refused this: the sentences of the first reasons, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// A log in a state directory; its user holds the lock.
pub struct Log {
    dir: PathBuf,
    /// The last line that it is known to have had.
    known: Option<AuditHead>,
    lasting: bool,
}

/// The content of a log.
#[derive(Debug, Default)]
pub struct Entries {
    pub entries: Vec<(Entry, AuditHead)>,
    /// The first and last of each range of missing lines: at the beginning, parts that were archived; elsewhere,
    /// deleted lines.
    pub missing: Vec<(u64, u64)>,
}

/// What reading a log found besides its lines.
#[derive(Debug, Default)]
pub struct Extent {
    pub lines: u64,
    /// The last line.
    pub head: Option<AuditHead>,
    /// As in [`Entries::missing`].
    pub missing: Vec<(u64, u64)>,
}

impl Log {
    pub fn in_dir(dir: &Path) -> Log {
        Log { dir: dir.to_path_buf(), known: None, lasting: false }
    }

    /// The same log, known to have reached this line.
    pub fn known_to(self, known: Option<AuditHead>) -> Log {
        Log { known, ..self }
    }

    /// The same log, of which a long-running process also knows the last line that it wrote itself.
    pub fn lasting(self, lasting: bool) -> Log {
        Log { lasting, ..self }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    /// Appends an entry, as [`Log::append_in`] does to the directory that is at the path now.
    ///
    /// # Errors
    /// Like [`Log::append_in`].
    pub fn append(&self, entry: Entry) -> Result<AuditHead, String> {
        let folder = Folder::open(&self.dir).map_err(|error| unread(&self.dir, &error))?;
        self.append_in(&folder, entry)
    }

    /// Appends an entry to the log in a directory that is open and locked; its `seq`, `prev`, `cut` and `missing` are
    /// set here. It is on the disk when this returns.
    ///
    /// # Errors
    /// A sentence: a verdict that cannot be logged is not given.
    pub fn append_in(&self, folder: &Folder, mut entry: Entry) -> Result<AuditHead, String> {
        let path = self.path();
        let failed = |error: std::io::Error| format!("The gate's log {} cannot be written: {error}.", path.display());
        let open = || folder.file(FILE, OFlag::O_APPEND);
        let mut file = open().map_err(failed)?;
        let mut is_new = file.metadata().map_err(failed)?.len() == 0;
        entry.cut = cut_torn(&mut file).map_err(failed)?;
        let mut last = head_of(&mut file, &path)?;
        if last.is_some() && file.metadata().map_err(failed)?.len() >= MAX_PART {
            let seq = last.as_ref().map_or(0, |head| head.seq);
            folder.rename(FILE, &name_of_part(seq)).map_err(failed)?;
            file = open().map_err(failed)?;
            is_new = true;
        }
        if last.is_none()
            && let Some((_, part)) = self.parts().map_err(failed)?.pop()
        {
            last = head_of(&mut open_regular(&part).map_err(failed)?, &part)?;
        }
        let there = last.unwrap_or_else(|| AuditHead { seq: 0, digest: "0".repeat(64) });
        let own = Own::of(&self.dir, &file).filter(|_| self.lasting);
        let known = newer(self.known.clone(), own.as_ref().and_then(Own::last));
        if let Some(known) = &known
            && is_another(&mut file, &there, known).map_err(failed)?
        {
            return Err(damaged(&path, &rewritten(known.seq)));
        }
        let lost = known.as_ref().filter(|known| known.seq > there.seq && known.seq < MAX_SEQ);
        entry.missing = lost.map(|_| there.seq + 1);
        let before = lost.unwrap_or(&there);
        (entry.seq, entry.prev) = (before.seq + 1, before.digest.clone());
        let mut line = serde_json::to_vec(&entry).expect("plain data always serialises into memory");
        let digest = Digest::of(&line).to_string();
        line.push(b'\n');
        file.write_all(&line).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        if is_new {
            folder.sync().map_err(failed)?;
        }
        let head = AuditHead { seq: entry.seq, digest };
        if let Some(own) = own {
            own.wrote(&head);
        }
        Ok(head)
    }

    /// The last finished line; none if there is none.
    ///
    /// # Errors
    /// A sentence: the log cannot be read.
    pub(super) fn head(&self) -> Result<Option<AuditHead>, String> {
        let of = |path: &Path| -> Result<Option<AuditHead>, String> {
            let mut file = match open_regular(path) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unread(path, &error)),
            };
            head_of(&mut file, path)
        };
        if let Some(head) = of(&self.path())? {
            return Ok(Some(head));
        }
        let last = self.parts().map_err(|error| unread(&self.dir, &error))?.pop();
        last.map_or(Ok(None), |(_, path)| of(&path))
    }

    /// The complete parts that are here, the oldest first, with the number of their last line.
    pub(super) fn parts(&self) -> std::io::Result<Vec<(u64, PathBuf)>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let of = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.ok()?.path();
            Some((part(path.file_name()?.to_str()?)?, path))
        };
        let mut parts: Vec<_> = entries.filter_map(of).collect();
        parts.sort();
        Ok(parts)
    }

    /// Reads the whole log that is here, and checks that each line follows the previous one. An absent log is empty.
    ///
    /// # Errors
    /// A sentence that names the first invalid line.
    pub fn read(&self) -> Result<Entries, String> {
        let mut entries = Vec::new();
        let extent = self.visit(&mut |entry, head| entries.push((entry, head.clone())))?;
        Ok(Entries { entries, missing: extent.missing })
    }

    /// The same line by line, for logs of any length: one line is in memory at a time. What was passed on before an
    /// error counts for nothing.
    ///
    /// # Errors
    /// Like [`Log::read`].
    pub fn visit(&self, each: &mut dyn FnMut(Entry, &AuditHead)) -> Result<Extent, String> {
        let parts = self.parts().map_err(|error| unread(&self.dir, &error))?;
        let (mut extent, mut is_another) = (Extent::default(), false);
        let known = self.known.as_ref();
        for path in parts.into_iter().map(|(_, path)| path).chain([self.path()]) {
            let mut pass = |entry: Entry, head: &AuditHead| {
                is_another |= known.is_some_and(|known| known.seq == head.seq && known != head);
                each(entry, head);
            };
            read_part(&path, &mut extent, &mut pass)?;
        }
        if let Some(known) = known.filter(|_| is_another) {
            return Err(damaged(&self.path(), &rewritten(known.seq)));
        }
        let seq = extent.head.as_ref().map_or(0, |head| head.seq);
        extent.missing.extend(known.filter(|known| known.seq > seq).map(|known| (seq + 1, known.seq)));
        Ok(extent)
    }
}

/// A file of a log, as this process knows it again: one that was restored or begun anew is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Own {
    dir: PathBuf,
    device: u64,
    inode: u64,
    made: SystemTime,
}

/// The last line that this process wrote to each file. The memory is not written for every line, and without this a
/// service would search the file for the line that it knows, longer each time.
static WROTE: LazyLock<Mutex<HashMap<Own, AuditHead>>> = LazyLock::new(Mutex::default);
/// The files of which that is known; beyond that, all are forgotten.
const MAX_OWN: usize = 4096;

impl Own {
    /// None if the file system does not say when it was made.
    fn of(dir: &Path, file: &File) -> Option<Own> {
        let meta = file.metadata().ok()?;
        Some(Own { dir: dir.to_path_buf(), device: meta.dev(), inode: meta.ino(), made: meta.created().ok()? })
    }

    fn last(&self) -> Option<AuditHead> {
        WROTE.lock().ok()?.get(self).cloned()
    }

    fn wrote(self, head: &AuditHead) {
        let Ok(mut wrote) = WROTE.lock() else { return };
        if wrote.len() >= MAX_OWN {
            wrote.clear();
        }
        wrote.insert(self, head.clone());
    }
}

fn newer(one: Option<AuditHead>, other: Option<AuditHead>) -> Option<AuditHead> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.seq >= one.seq { other } else { one }),
        (one, other) => one.or(other),
    }
}

fn read_part(path: &Path, extent: &mut Extent, each: &mut dyn FnMut(Entry, &AuditHead)) -> Result<(), String> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unread(path, &error)),
    };
    let (mut reader, mut line) = (BufReader::new(file), Vec::new());
    for number in 1.. {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        read.map_err(|error| unread(path, &error))?;
        let Some(text) = line.strip_suffix(b"\n") else {
            return if line.is_empty() {
                Ok(())
            } else {
                Err(damaged(path, "its last line was never finished, and the next verdict cuts it off"))
            };
        };
        let entry: Entry =
            serde_json::from_slice(text).map_err(|error| no_entry(path, &format!("line {number}"), &error))?;
        let Some(gap) = follows(&entry, extent.head.as_ref()) else {
            return Err(damaged(path, &format!("line {number} does not follow the one before it")));
        };
        extent.missing.extend(gap);
        extent.lines += 1;
        let head = AuditHead { seq: entry.seq, digest: Digest::of(text).to_string() };
        each(entry, &head);
        extent.head = Some(head);
    }
    Ok(())
}

/// Whether a line may stand after another, and which lines are missing between them.
fn follows(entry: &Entry, before: Option<&AuditHead>) -> Option<Option<(u64, u64)>> {
    let expected = before.map_or(1, |head| head.seq.saturating_add(1));
    // At the beginning of the log, earlier parts may have been archived; where the gate itself saw a loss, the log says
    // so.
    if entry.seq > expected && (before.is_none() || entry.missing == Some(expected)) {
        return Some(Some((expected, entry.seq - 1)));
    }
    let zeros = "0".repeat(64);
    let is_next =
        entry.seq == expected && entry.missing.is_none() && entry.prev == *before.map_or(&zeros, |head| &head.digest);
    is_next.then_some(None)
}

/// The last finished line of a file of the log; none if it has none.
fn head_of(file: &mut File, path: &Path) -> Result<Option<AuditHead>, String> {
    let end = end_of_lines(file).map_err(|error| unread(path, &error))?;
    let line = last_line(file, end).map_err(|error| unread(path, &error))?;
    let Some(line) = line else { return Ok(None) };
    let last: Entry = serde_json::from_slice(&line).map_err(|error| no_entry(path, "its last line", &error))?;
    Ok(Some(AuditHead { seq: last.seq, digest: Digest::of(&line).to_string() }))
}

/// A line that cannot be read: by damage, or because a later version of the program wrote more into it.
fn no_entry(path: &Path, which: &str, error: &serde_json::Error) -> String {
    if super::is_from_later(error) {
        return super::newer(path, &format!("which says more in {which} than this one knows"));
    }
    damaged(path, &format!("{which} is not an entry"))
}

/// The number of the last line of a complete part, by the name of its file.
pub(super) fn part(name: &str) -> Option<u64> {
    let seq = name.strip_prefix(PART.0)?.strip_suffix(PART.1)?.parse().ok()?;
    // The number has its digits and no sign, so that each part has one name.
    (name == name_of_part(seq)).then_some(seq)
}

fn name_of_part(seq: u64) -> String {
    format!("{}{seq:012}{}", PART.0, PART.1)
}

/// A log may be chained again with new digests, but it must still contain the line that the gate remembers.
fn rewritten(seq: u64) -> String {
    format!("its line {seq} is not the one that the gate wrote and remembers")
}

/// Whether the line with the number of a known one differs from it. Usually that is the last line, which was already
/// read; after refusals it is one near the end. A line further up is not checked here: reading the whole log detects
/// it.
fn is_another(file: &mut File, last: &AuditHead, known: &AuditHead) -> std::io::Result<bool> {
    let Some(before_last) = last.seq.checked_sub(known.seq) else { return Ok(false) };
    if before_last == 0 {
        return Ok(last.digest != known.digest);
    }
    let start = file.seek(SeekFrom::End(0))?.saturating_sub(MAX_BACK);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let mut lines = tail.strip_suffix(b"\n").unwrap_or_default().rsplit(|&b| b == b'\n');
    let Some(line) = usize::try_from(before_last).ok().and_then(|before| lines.nth(before)) else {
        return Ok(false);
    };
    let is_whole = start == 0 || lines.next().is_some();
    let is_it = is_whole && serde_json::from_slice::<Entry>(line).is_ok_and(|entry| entry.seq == known.seq);
    Ok(is_it && Digest::of(line).to_string() != known.digest)
}

fn unread(path: &Path, error: &std::io::Error) -> String {
    format!("The gate's log {} cannot be read: {error}.", path.display())
}

fn damaged(path: &Path, why: &str) -> String {
    format!("The gate's log {} is damaged: {why}.{ASIDE}", path.display())
}

/// Cuts off an unfinished line: no answer was given for it. Returns its bytes, if there was one.
fn cut_torn(file: &mut File) -> std::io::Result<Option<u64>> {
    let (start, end) = (end_of_lines(file)?, file.seek(SeekFrom::End(0))?);
    if start == end {
        return Ok(None);
    }
    file.set_len(start)?;
    Ok(Some(end - start))
}

/// Where the last finished line ends.
pub(super) fn end_of_lines(file: &mut File) -> std::io::Result<u64> {
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut block = [0; 4096];
    while start > 0 {
        let size = start.min(block.len() as u64);
        file.seek(SeekFrom::Start(start - size))?;
        let block = &mut block[..size as usize];
        file.read_exact(block)?;
        if let Some(at) = block.iter().rposition(|&b| b == b'\n') {
            return Ok(start - size + at as u64 + 1);
        }
        start -= size;
    }
    Ok(0)
}

/// The last of the lines that end there, without its line feed; none if nothing is there.
fn last_line(file: &mut File, end: u64) -> std::io::Result<Option<Vec<u8>>> {
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
        Entry { note: None, ..Entry::noted(outcome, 7, String::new()) }
    }

    #[test]
    fn a_line_that_was_altered_or_taken_out_shows() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path());
        for outcome in ["allow", "deny", "allow"] {
            log.append(entry(outcome)).unwrap();
        }
        let heads: Vec<_> = log.read().unwrap().entries.into_iter().map(|(_, head)| head.seq).collect();
        assert_eq!(heads, [1, 2, 3]);
        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("deny", "allow")).unwrap();
        assert!(log.read().unwrap_err().contains("line 3 does not follow"));
        let without: Vec<_> = text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
        std::fs::write(&path, without.join("\n") + "\n").unwrap();
        assert!(log.read().unwrap_err().contains("line 2 does not follow"));
        // An unfinished line gave no answer: the next one replaces it, and says so.
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        assert!(log.read().unwrap_err().contains("never finished"));
        assert_eq!(log.append(entry("allow")).unwrap().seq, 3);
        assert!(log.read().unwrap().entries[2].0.cut.is_some_and(|bytes| bytes > 100));
    }

    #[test]
    fn a_long_last_line_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path());
        let long = Entry { pusher: Some("x".repeat(100_000)), ..entry("allow") };
        log.append(long.clone()).unwrap();
        log.append(long).unwrap();
        assert_eq!(log.append(entry("deny")).unwrap().seq, 3);
        assert_eq!(log.read().unwrap().entries.len(), 3);
    }

    #[test]
    fn a_process_that_goes_on_knows_its_own_last_line_and_notices_that_it_was_altered_or_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path()).lasting(true);
        for outcome in ["allow", "deny", "deny"] {
            log.append(entry(outcome)).unwrap();
        }
        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let altered = text.rsplitn(3, '\n').collect::<Vec<_>>();
        std::fs::write(&path, format!("{}\n{}\n", altered[2], altered[1].replace("deny", "allow"))).unwrap();
        assert!(log.append(entry("deny")).unwrap_err().contains("its line 3 is not the one"));
        assert_eq!(Log::in_dir(dir.path()).append(entry("deny")).unwrap().seq, 4, "nobody else knows that");
        std::fs::write(&path, format!("{}\n", altered[2])).unwrap();
        assert_eq!(log.append(entry("deny")).unwrap().seq, 4);
        assert_eq!(log.read().unwrap().missing, [(3, 3)]);
        // Another file is not the one that it wrote.
        std::fs::rename(&path, dir.path().join("aside")).unwrap();
        std::fs::write(&path, &text).unwrap();
        assert_eq!(log.append(entry("deny")).unwrap().seq, 4);
    }

    fn seqs(log: &Log) -> (Vec<u64>, Vec<(u64, u64)>) {
        let read = log.read().unwrap();
        (read.entries.iter().map(|(_, head)| head.seq).collect(), read.missing)
    }

    #[test]
    fn a_log_that_was_deleted_shows_and_goes_on_from_where_it_is_known_to_have_gone() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path());
        log.append(entry("allow")).unwrap();
        let head = log.append(entry("allow")).unwrap();
        let known = Log::in_dir(dir.path()).known_to(Some(head.clone()));
        assert_eq!(seqs(&known), (vec![1, 2], vec![]));
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert_eq!(seqs(&known), (vec![], vec![(1, 2)]));
        assert_eq!(known.append(entry("deny")).unwrap().seq, 3);
        assert_eq!(seqs(&known), (vec![3], vec![(1, 2)]));
        let entries = log.read().unwrap().entries;
        assert_eq!((entries[0].0.missing, &entries[0].0.prev), (Some(1), &head.digest));
        // In the middle of the log, only the gate itself can report a loss.
        let path = dir.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"missing\":1,", "")).unwrap();
        assert_eq!(seqs(&log).1, [(1, 2)], "earlier parts may have been put away");
    }

    #[test]
    fn a_log_that_was_chained_anew_is_not_the_one_that_is_remembered() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log = Log::in_dir(dir.path());
        log.append(entry("allow")).unwrap();
        let head = log.append(entry("deny")).unwrap();
        // The memory is written when something is let through, so it may be some refusals behind.
        log.append(entry("deny")).unwrap();
        let known = Log::in_dir(dir.path()).known_to(Some(head));
        assert_eq!(known.append(entry("deny")).unwrap().seq, 4);
        assert_eq!(seqs(&known).0, [1, 2, 3, 4]);
        let forged = Log::in_dir(other.path());
        ["allow"; 4].iter().for_each(|outcome| _ = forged.append(entry(outcome)).unwrap());
        std::fs::copy(other.path().join(FILE), dir.path().join(FILE)).unwrap();
        assert_eq!(seqs(&log).0, [1, 2, 3, 4], "by itself it holds");
        assert!(known.read().unwrap_err().contains("its line 2 is not the one"));
        assert!(known.append(entry("allow")).unwrap_err().contains("its line 2 is not the one"));
    }

    #[test]
    fn a_log_goes_on_in_another_file_and_parts_may_be_put_away() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::in_dir(dir.path());
        log.append(Entry { pusher: Some("x".repeat(MAX_PART as usize - 1000)), ..entry("allow") }).unwrap();
        log.append(Entry { pusher: Some("y".repeat(2000)), ..entry("allow") }).unwrap();
        log.append(entry("deny")).unwrap();
        let part = dir.path().join("log-000000000002.jsonl");
        assert!(part.exists());
        assert_eq!(seqs(&log), (vec![1, 2, 3], vec![]));
        std::fs::rename(&part, dir.path().join("put-away")).unwrap();
        assert_eq!(seqs(&log), (vec![3], vec![(1, 2)]));
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        std::fs::rename(dir.path().join("put-away"), &part).unwrap();
        assert_eq!(log.append(entry("allow")).unwrap().seq, 3, "it follows the last part");
    }
}
