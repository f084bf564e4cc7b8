//! In which folder the drafts of a repository are. Its name is kept in the repository, so that they follow a folder
//! that is renamed, and come to no other repository that takes its place.

use std::io::{ErrorKind, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::change::digest::Digest;
use crate::change::from_hex;
use crate::disk::write_atomically;

/// In the git directory: the name, and where the repository was when it got it.
const NAME: &str = "undersign/drafts";

/// The name of the folder; none if nothing was kept of this repository yet.
pub(super) fn of(repository: &Path) -> Option<String> {
    let Noted { name, place } = Noted::read(repository)?;
    // A copy of a repository has its own drafts from the first that is written there.
    let is_copy = !is_same(&place, repository) && Noted::read(&place).is_some_and(|other| other.name == name);
    (!is_copy).then_some(name)
}

/// The same, after one was given to a repository that had none.
///
/// # Errors
/// The repository is not there any more: a draft in any other folder would be found by nobody.
pub(super) fn given(repository: &Path) -> Result<String, String> {
    if !repository.is_dir() {
        return Err(format!("the repository is no longer in {}", repository.display()));
    }
    let place = std::fs::canonicalize(repository).unwrap_or_else(|_| repository.to_owned());
    let name = match of(repository) {
        Some(name) => name,
        None => base16ct::lower::encode_string(&random()?),
    };
    let kept = Noted { name, place }.keep(repository);
    // Where nothing can be written, as in a repository of somebody else, the path has to do.
    Ok(kept.ok().and_then(|()| of(repository)).unwrap_or_else(|| by_path(repository)))
}

/// The name for a repository in which none can be kept.
pub(super) fn by_path(repository: &Path) -> String {
    let place = std::fs::canonicalize(repository).unwrap_or_else(|_| repository.to_owned());
    format!("path-{}", Digest::of(place.as_os_str().as_bytes()).short())
}

struct Noted {
    name: String,
    place: PathBuf,
}

impl Noted {
    fn read(repository: &Path) -> Option<Noted> {
        let bytes = std::fs::read(repository.join(NAME)).ok()?;
        let at = bytes.iter().position(|byte| *byte == b'\n')?;
        let name = String::from_utf8(bytes[..at].to_vec()).ok()?;
        let place = bytes[at + 1..].strip_suffix(b"\n")?.to_vec();
        from_hex::<8>(&name)?;
        Some(Noted { name, place: PathBuf::from(std::ffi::OsString::from_vec(place)) })
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
                // Of two desks that begin at once, the first names it.
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

fn random() -> Result<[u8; 8], String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| format!("this system gives no random bytes: {error}"))?;
    Ok(bytes)
}
