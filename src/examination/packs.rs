//! Packs of rules in a local folder: those of the user.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use crate::risk::{Origin, PackFile, PackText};

/// The packs in a folder, which need not exist.
pub fn in_folder(folder: &Path) -> Vec<PackFile> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let (place, why) = (folder.display().to_string(), format!("the directory cannot be read: {error}"));
            let name = vec!["rules.toml".to_owned()];
            return PackFile::of_folder(Origin::User, name, |_| place.clone(), |_| Err(why.clone()));
        }
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let place = |name: &str| folder.join(name).display().to_string();
    PackFile::of_folder(Origin::User, names, place, |name| text(&folder.join(name)))
}

/// A file that is tested before it is added to the folder of packs.
pub fn one(file: &Path) -> PackFile {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = crate::change::visible::line(file.as_os_str().as_encoded_bytes());
    PackFile { origin: Origin::User, name, place, text: text(file) }
}

fn text(file: &Path) -> PackText {
    let mut text = Vec::new();
    let read = File::open(file).and_then(|file| file.take(PackFile::ASKED as u64).read_to_end(&mut text));
    read.map(|_| text).map_err(|error| format!("it cannot be read: {error}"))
}
