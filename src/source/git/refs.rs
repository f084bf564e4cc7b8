//! Refs and the commits that they name: what the server is known to have, and what a person typed.

use super::{GitError, Repository, object_id, oid};
use crate::change::{ObjectId, visible};
use crate::gate::ref_names::RefFacts;

/// The most tags of tags on the way to a commit. People create one, or a tag of a tag.
const MAX_TAGS: usize = 16;

impl Repository {
    /// The branch that HEAD names, whether or not it exists. No push changes that.
    pub fn head_branch(&self) -> Option<String> {
        self.raw.find_reference("HEAD").ok().and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned))
    }

    /// The name inside an annotated tag; none for any other object.
    pub fn tag_name(&self, id: ObjectId) -> Option<Vec<u8>> {
        self.raw.find_tag(oid(id)).ok().map(|tag| tag.name_bytes().to_vec())
    }

    /// The commit that a ref points to; none if it is absent, dangling or not a commit.
    pub fn tip(&self, name: &str) -> Option<ObjectId> {
        let reference = self.raw.find_reference(name).ok()?;
        reference.peel_to_commit().ok().map(|commit| object_id(commit.id()))
    }

    /// The commit that an object is, or that it tags.
    pub fn commit_named(&self, id: ObjectId) -> Option<ObjectId> {
        self.peeled(id).ok().flatten()
    }

    /// As [`Repository::commit_named`]; none if it is something else, or the chain of tags is too long.
    ///
    /// # Errors
    /// An object is missing, or the time is over.
    pub(crate) fn peeled(&self, id: ObjectId) -> Result<Option<ObjectId>, GitError> {
        self.deadline.check()?;
        let mut object = self.raw.find_object(oid(id), None)?;
        for _ in 0..MAX_TAGS {
            let Some(tag) = object.as_tag() else { break };
            object = tag.target()?;
        }
        Ok(object.as_commit().map(|commit| object_id(commit.id())))
    }

    /// The remote from which the server's refs are known, as for all commands that of the target; none where the refs
    /// here are the server's own, and while a push is being received.
    fn server(&self, ahead: bool) -> Option<String> {
        self.home().filter(|remote| !ahead && self.raw.find_remote(remote).is_ok())
    }

    /// How the names of the server's refs begin here, and there.
    fn prefixes(&self, ahead: bool) -> (String, &'static str) {
        match self.server(ahead) {
            Some(remote) => (format!("refs/remotes/{remote}/"), "refs/heads/"),
            None => ("refs/".to_owned(), "refs/"),
        }
    }

    /// The object to which a ref of the server points, as far as known here: in a clone, where its remote was last seen
    /// to have it; tags are as they are here.
    pub fn shown(&self, name: &str, ahead: bool) -> Option<ObjectId> {
        let held = |name: &str| self.raw.refname_to_id(name).ok().map(object_id);
        let branch = name.strip_prefix("refs/heads/").zip(self.server(ahead));
        branch.and_then(|(branch, remote)| held(&format!("refs/remotes/{remote}/{branch}"))).or_else(|| held(name))
    }

    /// The refs of the server that match, with their commits, as far as known here. In a clone only the branches of
    /// its remote: tags and branches of a clone may be anybody's.
    pub fn shown_refs(&self, ahead: bool, wanted: impl Fn(&str) -> bool) -> Vec<(String, ObjectId)> {
        let (prefix, own) = self.prefixes(ahead);
        let prefix = prefix.as_str();
        let Ok(references) = self.raw.references_glob(&format!("{prefix}*")) else { return Vec::new() };
        let shown = references.flatten().filter_map(|reference| {
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            let rest = name.strip_prefix(prefix)?;
            let name = format!("{own}{rest}");
            let ours = name.starts_with("refs/undersign/") || name.starts_with("refs/remotes/");
            if ours || !wanted(&name) {
                return None;
            }
            // A symbolic ref shows what another one shows.
            let commit = self.commit_named(object_id(reference.target()?))?;
            Some((name, commit))
        });
        shown.collect()
    }

    /// The symbolic refs of the server that match, each with the ref that it names, and that one's commit.
    pub fn symbolic_refs(&self, ahead: bool, wanted: impl Fn(&str) -> bool) -> Vec<(String, String, ObjectId)> {
        let (prefix, own) = self.prefixes(ahead);
        let prefix = prefix.as_str();
        let Ok(references) = self.raw.references_glob(&format!("{prefix}*")) else { return Vec::new() };
        let named = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).into_owned();
            name.strip_prefix(prefix).map(|rest| format!("{own}{rest}"))
        };
        let found = references.flatten().filter_map(|reference| {
            let name = named(reference.name_bytes()).filter(|name| wanted(name))?;
            let target = named(reference.symbolic_target_bytes()?)?;
            let commit = self.commit_named(object_id(reference.resolve().ok()?.target()?))?;
            Some((name, target, commit))
        });
        found.collect()
    }

    /// The refs below a folder that are files without a commit id, as a crash leaves them; those that are known are not
    /// read. A ref that is being written or deleted is none of these.
    pub(super) fn unreadable_refs(&self, folder: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(self.common_dir().join(&folder)) else { continue };
            for entry in entries.flatten() {
                let (Ok(kind), Some(name)) = (entry.file_type(), entry.file_name().to_str().map(str::to_owned)) else {
                    continue;
                };
                let full = format!("{folder}/{name}");
                let is_broken = |error: git2::Error| error.code() != git2::ErrorCode::NotFound;
                if kind.is_dir() {
                    folders.push(full);
                } else if !is_known(&full)
                    && git2::Reference::is_valid_name(&full)
                    && self.raw.find_reference(&full).is_err_and(is_broken)
                {
                    found.push(full);
                }
            }
        }
        found.sort();
        found
    }

    /// The ref that a symbolic ref names.
    pub fn stands_for(&self, name: &str) -> Option<String> {
        let reference = self.raw.find_reference(name).ok()?;
        reference.symbolic_target_bytes().map(|target| String::from_utf8_lossy(target).into_owned())
    }

    /// Whether a ref points to this object; for the zero id, whether it does not exist.
    pub fn stands_at(&self, name: &str, id: ObjectId) -> bool {
        match self.raw.refname_to_id(name) {
            Ok(held) => object_id(held) == id,
            Err(error) => error.code() == git2::ErrorCode::NotFound && id.is_zero(),
        }
    }

    /// Resolves what a person typed: a ref, an abbreviation, `HEAD~2`.
    pub fn resolve(&self, text: &str) -> Result<ObjectId, GitError> {
        let missing = || GitError::NoSuchRevision(visible::text(text).into_owned());
        let object = self.raw.revparse_single(text).map_err(|_| missing())?;
        object.peel_to_commit().map(|commit| object_id(commit.id())).map_err(|_| missing())
    }

    /// The full name of the ref that a person means, if it is one and no expression; of a detached `HEAD` the name by
    /// which [`Repository::tip_of`] knows it.
    pub fn ref_named(&self, text: &str) -> Option<String> {
        let (_, reference) = self.raw.revparse_ext(text).ok()?;
        let name = String::from_utf8_lossy(reference?.resolve().ok()?.name_bytes()).into_owned();
        if name != "HEAD" {
            return Some(name);
        }
        let worktree = self.git_dir().strip_prefix(self.common_dir()).ok()?.to_str()?;
        let worktree = worktree.trim_end_matches('/');
        Some(format!("{}/HEAD", if worktree.is_empty() { "main-worktree" } else { worktree }))
    }

    /// As [`Repository::resolve`], and a branch that only a remote has by its plain name.
    pub fn named(&self, text: &str) -> Option<ObjectId> {
        let of_remote = |remote: String| self.resolve(&format!("refs/remotes/{remote}/{text}")).ok();
        self.resolve(text).ok().or_else(|| self.remotes().into_iter().find_map(of_remote))
    }

    /// Lets a ref of ours point to a commit.
    pub(crate) fn point(&self, name: &str, commit: ObjectId) -> Result<(), GitError> {
        self.raw.reference(name, oid(commit), true, "undersign")?;
        Ok(())
    }
}

impl RefFacts for Repository {
    fn stands_for(&self, name: &str) -> Option<String> {
        self.stands_for(name)
    }

    fn stands_at(&self, name: &str, id: ObjectId) -> bool {
        self.stands_at(name, id)
    }

    fn shown(&self, name: &str) -> Option<ObjectId> {
        self.shown(name, false)
    }

    fn tag_name(&self, id: ObjectId) -> Option<Vec<u8>> {
        self.tag_name(id)
    }

    fn is_descendant(&self, of: ObjectId, ancestor: ObjectId) -> bool {
        self.is_descendant(of, ancestor)
    }

    fn is_empty(&self, commit: ObjectId) -> bool {
        self.is_empty(commit)
    }

    fn bytes_of_blob(&self, id: ObjectId) -> Option<usize> {
        self.bytes_of_blob(id)
    }
}
