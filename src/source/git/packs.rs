//! Packs of rules in the tree of a commit: `.undersign/rules/*.toml` of the policy branch, never of a change.

use std::path::Path;

use super::{GitError, Repository, oid};
use crate::change::ObjectId;
use crate::risk::{Origin, PackFile, PackText};

/// The folder with a repository's packs.
pub const PACKS: &str = ".undersign/rules";

impl Repository {
    /// The packs of rules at a commit. If one cannot be read, the reason is reported.
    ///
    /// # Errors
    /// The commit or one of the trees is missing.
    pub fn rule_packs_at(&self, commit: ObjectId) -> Result<Vec<PackFile>, GitError> {
        let tree = self.raw.find_commit(oid(commit))?.tree()?;
        let folder = match tree.get_path(Path::new(PACKS)) {
            Ok(entry) if entry.kind() == Some(git2::ObjectType::Tree) => self.raw.find_tree(entry.id())?,
            Ok(_) => return Ok(Vec::new()),
            Err(error) if error.code() == git2::ErrorCode::NotFound && error.class() != git2::ErrorClass::Odb => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error.into()),
        };
        let is_folder = |entry: &git2::TreeEntry<'_>| entry.kind() == Some(git2::ObjectType::Tree);
        let names = folder.iter().filter(|entry| !is_folder(entry));
        let names = names.map(|entry| String::from_utf8_lossy(entry.name_bytes()).into_owned()).collect();
        let place = |name: &str| format!("{PACKS}/{name}");
        Ok(PackFile::of_folder(Origin::Repository, names, place, |name| self.pack_text(&folder, name)))
    }

    fn pack_text(&self, folder: &git2::Tree<'_>, name: &str) -> PackText {
        let entry = folder.get_name(name).ok_or("its name is not UTF-8")?;
        if entry.kind() != Some(git2::ObjectType::Blob) || entry.filemode() == 0o120_000 {
            return Err("a pack must be an ordinary file".to_owned());
        }
        let sentence = |error: git2::Error| format!("it cannot be read: {}", GitError::from(error));
        let (size, _) = self.raw.odb().and_then(|odb| odb.read_header(entry.id())).map_err(sentence)?;
        if size >= PackFile::ASKED {
            return Err(PackFile::too_large());
        }
        Ok(self.raw.find_blob(entry.id()).map_err(sentence)?.content().to_vec())
    }
}
