//! What a gate needs to know about blobs beyond their ids. Each is read once, however many paths, steps and sides refer
//! to it: a push of a few bytes can refer to one large blob a million times.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use git2::Oid;

use super::{GitError, Repository, oid};
use crate::change::ObjectId;
use crate::change::diff::{ContentKind, MAX_TEXT_BYTES};
use crate::change::digest::Digest;
use crate::change::wide;

/// The most bytes of a blob that is read; git2 holds it whole in memory.
const MAX_BLOB: usize = 512 << 20;
/// The most bytes of a symlink's target: no system follows a longer one.
const MAX_LINK: u64 = 4 << 10;
/// The most bytes of texts kept for the next comparison: the largest on both sides, and some more.
const MAX_KEPT: usize = 4 * MAX_TEXT_BYTES as usize;

/// The facts found about blobs so far.
#[derive(Default)]
pub(super) struct Blobs {
    facts: RefCell<HashMap<Oid, Facts>>,
    texts: RefCell<Texts>,
    reads: Cell<u64>,
}

type Text = Rc<[u8]>;

/// What is known about a blob that was read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub digest: Digest,
    pub kind: ContentKind,
}

/// Texts in memory.
#[derive(Default)]
struct Texts {
    by_id: HashMap<Oid, Text>,
    bytes: usize,
}

impl Texts {
    fn keep(&mut self, id: Oid, text: &Text) {
        if self.bytes + text.len() > MAX_KEPT {
            *self = Texts::default();
        }
        self.bytes += text.len();
        self.by_id.insert(id, Rc::clone(text));
    }
}

impl Repository {
    /// How many blobs were read so far to judge them; bounds on the cost are measured with it.
    pub fn blob_reads(&self) -> u64 {
        self.blobs.reads.get()
    }

    /// The size of a blob in bytes, from its header alone.
    pub(super) fn blob_size(&self, id: ObjectId) -> Result<u64, GitError> {
        Ok(self.raw.odb()?.read_header(oid(id))?.0 as u64)
    }

    /// # Errors
    /// It is missing, or larger than the limit, or the time is over.
    pub(super) fn facts(&self, id: ObjectId) -> Result<Facts, GitError> {
        if let Some(facts) = self.blobs.facts.borrow().get(&oid(id)) {
            return Ok(*facts);
        }
        if self.blob_size(id)? > MAX_BLOB as u64 {
            let detail = format!("Object {id} is larger than {} MiB, which is more than is read.", MAX_BLOB >> 20);
            return Err(GitError::Unsupported(detail));
        }
        self.read(id).map(|(facts, _)| facts)
    }

    /// The kind of content of a blob. If it is too large for a text, it is not read to find out.
    pub(super) fn kind(&self, id: ObjectId) -> Result<ContentKind, GitError> {
        let known = self.blobs.facts.borrow().get(&oid(id)).map(|facts| facts.kind);
        match known {
            Some(kind) => Ok(kind),
            None if self.blob_size(id)? > MAX_TEXT_BYTES => Ok(ContentKind::TooLarge),
            None => self.facts(id).map(|facts| facts.kind),
        }
    }

    /// The bytes of a blob that is compared line by line according to [`Repository::kind`].
    pub(super) fn text(&self, id: ObjectId) -> Result<Text, GitError> {
        if let Some(text) = self.blobs.texts.borrow().by_id.get(&oid(id)) {
            return Ok(Rc::clone(text));
        }
        Ok(self.read(id)?.1)
    }

    /// Where a symlink points.
    ///
    /// # Errors
    /// As [`Repository::facts`]; also if the target is too long for any system to follow.
    pub(super) fn link_target(&self, id: ObjectId) -> Result<Text, GitError> {
        if self.blob_size(id)? > MAX_LINK {
            let detail = format!("The target of a symlink, object {id}, is longer than {MAX_LINK} bytes. Take it out.");
            return Err(GitError::Unsupported(detail));
        }
        let text = self.text(id)?;
        // A file system uses the bytes as they are.
        match self.kind(id)? {
            ContentKind::Wide => Ok(Text::from(self.raw.find_blob(oid(id))?.content())),
            _ => Ok(text),
        }
    }

    /// Reads a blob. Returns its bytes too; empty if it is too large for a text.
    fn read(&self, id: ObjectId) -> Result<(Facts, Text), GitError> {
        self.deadline.check()?;
        self.blobs.reads.set(self.blobs.reads.get() + 1);
        let blob = self.raw.find_blob(oid(id))?;
        let bytes = blob.content();
        let facts = Facts { digest: Digest::of(bytes), kind: ContentKind::of(bytes) };
        self.blobs.facts.borrow_mut().insert(oid(id), facts);
        let text = match facts.kind {
            ContentKind::TooLarge => Text::default(),
            ContentKind::Wide => {
                wide::decoded(bytes).map(|(_, text)| Text::from(text.into_bytes())).unwrap_or_default()
            }
            _ => Text::from(bytes),
        };
        self.blobs.texts.borrow_mut().keep(oid(id), &text);
        Ok((facts, text))
    }
}
