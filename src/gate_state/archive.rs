//! The file of a backup: one line of JSON that lists what is in it, one line with the tag of that line by the gate's
//! own key, and then the bytes of each file, in the order of the list. Strictly read: only the names of a gate's state
//! exist, each at most once, with bounded sizes, and nothing after the last.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::key::StateKey;
use super::{log, states};
use crate::change::digest::Digest;
use crate::disk::{give_away, open_regular};
use crate::gate::AuditHead;

const SCHEMA: &str = "undersign-gate-backup/v1";
/// With this begin backups of all versions.
const BEGINNING: &str = "{\"schema\":\"undersign-gate-backup/";
/// The name of the gate's key in a backup that has it.
pub(super) const KEY: &str = "state.key";
/// Bytes of the list; enough for some ten thousand parts of a log.
const MAX_HEADER: u64 = 4 << 20;
/// Bytes of a key.
const MAX_KEY: u64 = 80;
const BLOCK: usize = 64 << 10;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub schema: String,
    /// The version of the program that wrote it.
    pub version: String,
    /// The id of the repository, from its policy.
    pub repository: String,
    /// When it was made, in seconds since the epoch.
    pub made: i64,
    /// The last line of the log in it.
    pub log: Option<AuditHead>,
    pub files: Vec<Held>,
}

/// One file in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    pub name: String,
    pub size: u64,
    pub sha256: String,
}

/// The most bytes of a file in a backup; none for a name that does not belong to a state.
fn limit(name: &str) -> Option<u64> {
    match name {
        super::FILE => Some(super::MAX_FILE),
        states::FILE => Some(states::MAX_FILE),
        log::FILE => Some(log::MAX_PART + log::MAX_LINE),
        KEY => Some(MAX_KEY),
        _ => log::part(name).map(|_| log::MAX_PART + log::MAX_LINE),
    }
}

impl Header {
    pub fn new(repository: String, made: i64, log: Option<AuditHead>, files: Vec<Held>) -> Header {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Header { schema: SCHEMA.to_owned(), version, repository, made, log, files }
    }

    /// The names are those of a state, in order, none twice, and each of a size that it may have.
    fn check(&self) -> Result<(), String> {
        let mut names: Vec<&str> = self.files.iter().map(|held| held.name.as_str()).collect();
        let fits = |held: &Held| limit(&held.name).is_some_and(|limit| held.size <= limit);
        if let Some(held) = self.files.iter().find(|held| !fits(held)) {
            let name = crate::change::visible::text(&held.name);
            return Err(format!("it lists {name}, which is not a file of a gate's state, or is too large"));
        }
        names.sort_unstable();
        if names.windows(2).any(|two| two[0] == two[1]) {
            return Err("it lists a file twice".to_owned());
        }
        if !names.contains(&super::FILE) {
            return Err(format!("it lists no {}", super::FILE));
        }
        Ok(())
    }

    fn tag(&self, key: &StateKey, line: &[u8]) -> Digest {
        key.tag(&purpose(&self.repository), &[line])
    }
}

fn purpose(repository: &str) -> String {
    super::purpose("backup", repository)
}

/// The head of a backup as it is written: the list, and its tag.
pub(super) fn head(header: &Header, key: Option<&StateKey>) -> Vec<u8> {
    let mut bytes = super::plain(header);
    let tag = key.map_or_else(|| "none".to_owned(), |key| header.tag(key, &bytes).to_string());
    bytes.extend(format!("\ntag {tag}\n").into_bytes());
    bytes
}

/// A backup that is read.
pub struct Archive {
    path: PathBuf,
    file: File,
    header: Header,
    line: Vec<u8>,
    tag: Option<Digest>,
    /// Where the first file begins.
    start: u64,
}

impl Archive {
    /// Opens a backup, and reads the list of what is in it.
    ///
    /// # Errors
    /// A sentence: it cannot be read, or is not a backup.
    pub fn open(path: &Path) -> Result<Archive, String> {
        let unread = |error: io::Error| unread(path, &error);
        let wrong = |why: String| broken(path, &why);
        let file = open_regular(path).map_err(unread)?;
        let meta = file.metadata().map_err(unread)?;
        let mut reader = BufReader::new(&file);
        let mut first = Vec::new();
        reader.by_ref().take(MAX_HEADER).read_until(b'\n', &mut first).map_err(unread)?;
        let mut second = Vec::new();
        reader.by_ref().take(80).read_until(b'\n', &mut second).map_err(unread)?;
        let start = (first.len() + second.len()) as u64;
        if first.pop() != Some(b'\n') {
            return Err(wrong("it has no list of what is in it".to_owned()));
        }
        let no_list = |_| wrong("it does not begin with a list of what is in it, as a backup does".to_owned());
        let schema: Schema = serde_json::from_slice(&first).map_err(no_list)?;
        if schema.schema != SCHEMA {
            return Err(format!(
                "The backup {} is not one that this version of undersign knows ({}). Use the version that wrote it, or \
                 a later one.",
                path.display(),
                crate::change::visible::text(&schema.schema)
            ));
        }
        let header: Header = serde_json::from_slice(&first).map_err(|error| wrong(error.to_string()))?;
        header.check().map_err(wrong)?;
        let size = header.files.iter().map(|held| held.size).sum::<u64>();
        if start + size != meta.len() {
            return Err(wrong(format!("it should have {} bytes, and has {}", start + size, meta.len())));
        }
        let told = second.strip_prefix(b"tag ").and_then(|told| told.strip_suffix(b"\n"));
        let tag = match told.and_then(|told| std::str::from_utf8(told).ok()) {
            Some("none") => None,
            Some(text) => Some(text.parse().map_err(|_| wrong("its tag is none".to_owned()))?),
            None => return Err(wrong("it has no tag".to_owned())),
        };
        Ok(Archive { path: path.to_path_buf(), file, header, line: first, tag, start })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id of the repository of the gate.
    pub fn repository(&self) -> &str {
        &self.header.repository
    }

    /// When it was made, in seconds since the epoch.
    pub fn made(&self) -> i64 {
        self.header.made
    }

    /// The last line of the log in it.
    pub fn log(&self) -> Option<&AuditHead> {
        self.header.log.as_ref()
    }

    pub fn files(&self) -> &[Held] {
        &self.header.files
    }

    /// Whether a gate's key authenticates it; one without a tag was made where the gate had no key.
    pub fn has_tag(&self) -> bool {
        self.tag.is_some()
    }

    pub fn is_vouched_by(&self, key: &StateKey) -> bool {
        self.tag.is_some_and(|tag| key.vouches(tag, &purpose(&self.header.repository), &[&self.line]))
    }

    /// The gate's key, if it was put into the backup.
    pub fn has_key(&self) -> bool {
        self.header.files.iter().any(|held| held.name == KEY)
    }

    /// The gate's key that was put into it.
    ///
    /// # Errors
    /// A sentence: it has none, or it is not what the list says.
    pub fn key(&mut self) -> Result<StateKey, String> {
        let before = self.header.files.iter().take_while(|held| held.name != KEY);
        let at = self.start + before.map(|held| held.size).sum::<u64>();
        let Some(held) = self.header.files.iter().find(|held| held.name == KEY) else {
            return Err(format!("The backup {} does not have the gate's key.", self.path.display()));
        };
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| Read::by_ref(&mut self.file).take(held.size).read_to_end(&mut bytes));
        read.map_err(|error| unread(&self.path, &error))?;
        let key = std::str::from_utf8(&bytes).ok().and_then(|text| StateKey::parse(text).ok());
        let key = key.filter(|_| Digest::of(&bytes).to_string() == held.sha256);
        key.ok_or_else(|| broken(&self.path, "the key in it is none"))
    }

    /// Writes what is in it into a directory that is empty, and checks each file against the list. The key is not
    /// written: it never lies beside what it authenticates.
    pub(super) fn extract(&mut self, into: &Path) -> Result<(), String> {
        let Archive { path, file, header, start, .. } = self;
        file.seek(SeekFrom::Start(*start)).map_err(|error| unread(path, &error))?;
        for held in &header.files {
            let mut from = Read::by_ref(file).take(held.size);
            let fits = match held.name.as_str() {
                KEY => hashed(&mut from, io::sink()).map_err(|error| unread(path, &error))?.0 == told(held),
                name => {
                    let to = into.join(name);
                    let create = || File::options().write(true).create_new(true).mode(0o600).open(&to);
                    let out = BufWriter::new(create().map_err(|error| unwritten(&to, &error))?);
                    let (got, out) = hashed(&mut from, out).map_err(|error| unwritten(&to, &error))?;
                    let out = out.into_inner().map_err(|error| unwritten(&to, error.error()))?;
                    out.sync_all().map_err(|error| unwritten(&to, &error))?;
                    give_away(&to);
                    got == told(held)
                }
            };
            if !fits {
                return Err(broken(path, &format!("{} is not what its list says", held.name)));
            }
        }
        Ok(())
    }
}

fn told(held: &Held) -> (String, u64) {
    (held.sha256.clone(), held.size)
}

/// Copies all of it; returns its SHA-256 and size.
fn hashed<W: Write>(from: &mut impl Read, out: W) -> io::Result<((String, u64), W)> {
    let mut out = Hashing::new(out);
    copy(from, &mut out)?;
    let (digest, size, out) = out.end();
    Ok(((digest.to_string(), size), out))
}

/// Whether a file begins as a backup does. Nothing else of it is checked.
pub fn is_backup(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(BEGINNING.len() as u64).read_to_end(&mut beginning));
    read.is_ok() && beginning == BEGINNING.as_bytes()
}

fn unread(path: &Path, error: &io::Error) -> String {
    format!("The backup {} cannot be read: {error}.", path.display())
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
}

pub(super) fn broken(path: &Path, why: &str) -> String {
    let why = crate::change::visible::text(why);
    format!("The backup {} cannot be used: {why}. Use another one.", path.display())
}

pub(super) fn unwritten(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}.", path.display())
}

/// Copies all of it.
pub(super) fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(n) => to.write_all(&block[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes the SHA-256 of bytes while it writes them.
pub(super) struct Hashing<W> {
    sha256: Sha256,
    size: u64,
    out: W,
}

impl<W: Write> Hashing<W> {
    pub fn new(out: W) -> Hashing<W> {
        Hashing { sha256: Sha256::new(), size: 0, out }
    }

    pub fn end(self) -> (Digest, u64, W) {
        (Digest(self.sha256.finalize().into()), self.size, self.out)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
