//! In which folder the drafts of a repository are. Its name is kept in the repository, so that they follow a folder
//! that is renamed, and come to no other repository that takes its place. The folder says of which repository it is,
//! so that no copy takes it from the first.

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::change::digest::Digest;
use crate::change::from_hex;
use crate::disk::{read_small, write_atomically};
use crate::random::random;

/// In the git directory: the name, and where the repository was when it got it.
const NAME: &str = "undersign/drafts";
/// In the folder of drafts: of which repository they are.
const CLAIM: &str = "repository";
/// More than that is neither.
const MAX_FILE: u64 = 16 * 1024;

/// The drafts of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub dir: PathBuf,
    /// What was written while no name could be kept in the repository; the rest is in `dir`.
    pub more: Option<PathBuf>,
    /// Those of the repository of which this is a copy, if that is out of sight, and none are of the copy yet.
    pub first: Option<PathBuf>,
}

/// What a repository's name is worth.
enum Named {
    /// It has its folder.
    Own(String),
    /// It was put back from a backup, or moved to another disk. Should the first still be somewhere, that keeps its
    /// folder: this one goes on with a copy of it.
    PutBack(String),
    /// It is a copy of a repository of that name, which is there, or out of sight.
    Copy(Option<String>),
    None,
}

impl Folder {
    /// Where drafts are read, as long as nothing is written.
    pub fn of(all: &Path, repository: &Path) -> Folder {
        let by_path = by_path(all, repository);
        match named(all, repository) {
            Named::Own(name) | Named::PutBack(name) => {
                Folder { dir: all.join(name), more: by_path.is_dir().then_some(by_path), first: None }
            }
            Named::Copy(Some(first)) => Folder { dir: by_path, more: None, first: Some(all.join(first)) },
            Named::Copy(None) | Named::None => Folder { dir: by_path, more: None, first: None },
        }
    }

    /// Where they are written; the repository gets a name if it has none.
    ///
    /// # Errors
    /// The repository is not there any more, or another one is in its place: a draft in any other folder would be found
    /// by nobody, or by the wrong one.
    pub fn given(all: &Path, repository: &Path, seen: Option<&Seen>) -> Result<Folder, String> {
        if !repository.is_dir() {
            return Err(format!("the repository is no longer in {}", repository.display()));
        }
        if seen.is_some_and(|seen| !seen.is_still(all, repository)) {
            return Err(format!("another repository is in {} now", repository.display()));
        }
        let claim = Claim::of(repository);
        let place = claim.place.clone();
        let known = named(all, repository);
        let own = if let Named::Own(name) = &known { Some(name.clone()) } else { None };
        let name = match &own {
            Some(name) => name.clone(),
            None => base16ct::lower::encode_string(&random::<8>()?),
        };
        if let Named::PutBack(before) = &known {
            copy(&all.join(before), &all.join(&name)).map_err(|error| error.to_string())?;
        }
        let named = match (Noted { name: name.clone(), place }).keep(repository) {
            // Of two desks that begin at once, the first names it.
            Ok(()) => Noted::read(repository).map(|noted| noted.name),
            // Where nothing can be written, as in a repository of somebody else, the path has to do.
            Err(_) => own,
        };
        if matches!(known, Named::PutBack(_)) && named.as_ref() != Some(&name) {
            let _ = std::fs::remove_dir_all(all.join(&name));
        }
        let by_path = by_path(all, repository);
        let folder = match named {
            Some(name) => Folder { dir: all.join(name), more: by_path.is_dir().then_some(by_path), first: None },
            None => Folder { dir: by_path, more: None, first: None },
        };
        claim.keep(&folder.dir).map_err(|error| error.to_string())?;
        Ok(folder)
    }
}

/// Which repository a desk read, so that what it writes goes to no other that takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    name: Option<String>,
    claim: Claim,
}

impl Seen {
    pub fn of(all: &Path, repository: &Path) -> Seen {
        let name = match named(all, repository) {
            Named::Own(name) | Named::PutBack(name) => Some(name),
            Named::Copy(_) | Named::None => None,
        };
        Seen { name, claim: Claim::of(repository) }
    }

    pub fn is_still(&self, all: &Path, repository: &Path) -> bool {
        let now = Seen::of(all, repository);
        match self.claim.born.and(now.claim.born) {
            Some(_) => self.claim.is_of(&now.claim),
            None => self.name.is_none() || self.name == now.name,
        }
    }
}

fn named(all: &Path, repository: &Path) -> Named {
    let Some(Noted { name, place }) = Noted::read(repository) else { return Named::None };
    let own = Claim::of(repository);
    let bears_it = |place: &Path| Noted::read(place).is_some_and(|other| other.name == name);
    match Claim::read(&all.join(&name)) {
        Some(claim) if claim.is_of(&own) => Named::Own(name),
        Some(claim) if claim.is_of(&Claim::of(&claim.place)) && bears_it(&claim.place) => Named::Copy(None),
        // Whoever moves a folder on one disk keeps its number: this is a copy, and the first is out of sight.
        Some(claim) if claim.device == own.device && claim.place != own.place => Named::Copy(Some(name)),
        Some(_) => Named::PutBack(name),
        // Until now, folders did not say whose they are.
        None if is_same(&place, repository) => Named::Own(name),
        None if bears_it(&place) => Named::Copy(None),
        None => Named::PutBack(name),
    }
}

/// The folder of a repository in which no name can be kept.
fn by_path(all: &Path, repository: &Path) -> PathBuf {
    let own = Claim::of(repository);
    let dir = |of: &[u8]| all.join(format!("path-{}", Digest::of(of).short()));
    let first = dir(own.place.as_os_str().as_bytes());
    match Claim::read(&first) {
        Some(claim) if claim.is_of(&own) => first,
        // Until now, folders did not say whose they are.
        None if first.is_dir() => first,
        // It was elsewhere when it got its folder, or another repository was here.
        other => {
            let folders = std::fs::read_dir(all).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut folders = folders.filter(|path| path.file_name().is_some_and(is_by_path));
            let found = folders.find(|path| Claim::read(path).is_some_and(|claim| claim.is_of(&own)));
            found.unwrap_or_else(|| if other.is_none() { first } else { dir(&own.encode()) })
        }
    }
}

fn is_by_path(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"path-")
}

/// Copies drafts, so that who has the first ones keeps them.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_file() && entry.file_name() != CLAIM {
            write_atomically(&to.join(entry.file_name()), &std::fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// A repository, so that it is known again: by where it is, and the numbers of its git directory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    device: u64,
    inode: u64,
    /// When the directory was made, in nanoseconds: numbers are used again. Not every file system tells it.
    born: Option<u128>,
    place: PathBuf,
}

impl Claim {
    fn of(repository: &Path) -> Claim {
        let place = std::fs::canonicalize(repository).unwrap_or_else(|_| repository.to_owned());
        let about = std::fs::metadata(repository).ok();
        let made = about.as_ref().and_then(|about| about.created().ok());
        Claim {
            device: about.as_ref().map_or(0, |about| about.dev()),
            inode: about.as_ref().map_or(0, |about| about.ino()),
            born: made.and_then(|made| made.duration_since(UNIX_EPOCH).ok()).map(|made| made.as_nanos()),
            place,
        }
    }

    fn is_of(&self, other: &Claim) -> bool {
        self.inode != 0 && self.inode == other.inode && self.born == other.born
    }

    fn encode(&self) -> Vec<u8> {
        let born = self.born.map_or("-".to_owned(), |born| born.to_string());
        let numbers = format!("{} {} {born}\n", self.device, self.inode);
        [numbers.as_bytes(), self.place.as_os_str().as_bytes(), b"\n"].concat()
    }

    fn read(dir: &Path) -> Option<Claim> {
        let bytes = read_small(&dir.join(CLAIM), MAX_FILE);
        let (numbers, place) = two_lines(&bytes)?;
        let mut numbers = std::str::from_utf8(numbers).ok()?.split(' ');
        let (device, inode) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(Claim { device, inode, born: numbers.next()?.parse().ok(), place })
    }

    /// In the folder; it is not written for nothing.
    fn keep(&self, dir: &Path) -> std::io::Result<()> {
        if Claim::read(dir).as_ref() == Some(self) {
            Ok(())
        } else {
            write_atomically(&dir.join(CLAIM), &self.encode())
        }
    }
}

/// A line, and a path up to the end of the other.
fn two_lines(bytes: &[u8]) -> Option<(&[u8], PathBuf)> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    let place = bytes[at + 1..].strip_suffix(b"\n")?.to_vec();
    Some((&bytes[..at], PathBuf::from(OsString::from_vec(place))))
}

struct Noted {
    name: String,
    place: PathBuf,
}

impl Noted {
    fn read(repository: &Path) -> Option<Noted> {
        let bytes = read_small(&repository.join(NAME), MAX_FILE);
        let (name, place) = two_lines(&bytes)?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        from_hex::<8>(&name)?;
        Some(Noted { name, place })
    }

    fn keep(&self, repository: &Path) -> std::io::Result<()> {
        let text = [self.name.as_bytes(), b"\n", self.place.as_os_str().as_bytes(), b"\n"].concat();
        let (file, dir) = (repository.join(NAME), repository.join(NAME).with_file_name(""));
        match Noted::read(repository) {
            Some(noted) if noted.name == self.name && noted.place == self.place => Ok(()),
            Some(_) => write_atomically(&file, &text),
            None => {
                std::fs::create_dir_all(&dir)?;
                let mut new = tempfile::NamedTempFile::new_in(&dir)?;
                new.write_all(&text)?;
                match new.persist_noclobber(&file) {
                    Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
                    _ => Ok(()),
                }
            }
        }
    }
}

/// Whether two paths lead to one directory.
fn is_same(a: &Path, b: &Path) -> bool {
    let about = |path: &Path| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    about(a).is_some_and(|a| Some(a) == about(b))
}
