//! Comments that colleagues wrote at a review server, at the lines of the revision that is open. A server numbers lines
//! at the commit that was there when they were written, so git says where these lines are now: as for notes of one's
//! own, a comment whose lines no longer exist is outdated, and moves to no other line.

use std::cell::Cell;

use super::notes;
use crate::change::diff::Diff;
use crate::change::manifest::escape;
use crate::change::{ObjectId, RepoPath, Revision, visible};
use crate::decision::Note;
use crate::decision::anchor::Anchor;
use crate::source::git::Repository;
use crate::source::server::{Comment, NOTE_OF, is_same_account};

/// Gerrit's name for the message, in place of the path of a file.
pub const COMMIT_MESSAGE: &str = "/COMMIT_MSG";

/// A comment of somebody else, at its lines. Its texts are escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remark {
    /// The server's name for it.
    pub id: String,
    pub note: Note,
    /// Who wrote it, as the server says: `zoe`, `mina, the author`, `you`.
    pub by: String,
    /// It answers the one before.
    pub is_answer: bool,
    /// Somebody marked it as settled there.
    pub is_resolved: bool,
}

/// Places comments. `login` is our account there, `author` that of who opened the request.
pub fn placed(
    repository: &Repository,
    revision: &Revision,
    diff: &Diff,
    comments: Vec<Comment>,
    (login, author): (&str, &str),
) -> Vec<Remark> {
    let bases = || repository.bases(revision.head, revision.target_tip).unwrap_or_default();
    let is_stacked = comments.iter().any(|comment| comment.place.old_side) && !bases().contains(&revision.base);
    let placer = Placer { repository, revision, diff, is_stacked, left: Cell::new(MAX_FOLLOWED) };
    let remark = |comment: Comment| {
        let name = visible::text(&comment.account).into_owned();
        let by = match () {
            () if comment.account == login => "you".to_owned(),
            () if comment.program.is_some() => format!("{name}, a program"),
            () if is_same_account(&comment.account, author) => format!("{name}, the author"),
            () if name.is_empty() => "somebody".to_owned(),
            () => name,
        };
        let (is_answer, is_resolved) = (comment.answers.is_some(), comment.is_resolved);
        Remark { id: comment.id.clone(), note: placer.note(comment), by, is_answer, is_resolved }
    };
    comments.into_iter().map(remark).collect()
}

/// The words of a comment. Of a note that undersign put there, without their fence and the line that names the record.
fn words(text: &str) -> String {
    let mut lines: Vec<&str> = text.trim_end().lines().collect();
    if lines.pop_if(|line| line.starts_with(NOTE_OF)).is_none() {
        return text.to_owned();
    }
    while lines.pop_if(|line| line.trim().is_empty()).is_some() {}
    lines.pop_if(|line| line.starts_with("```"));
    let first = usize::from(lines.first().is_some_and(|line| line.starts_with("```")));
    lines[first..].join("\n")
}

/// Bytes of texts in which the lines of comments on other commits are looked for, in all; later comments count as
/// outdated.
const MAX_FOLLOWED: usize = 16 << 20;

struct Placer<'r> {
    repository: &'r Repository,
    revision: &'r Revision,
    diff: &'r Diff,
    /// The base is no base of the target: a server may count its old side there or here, and does not say where.
    is_stacked: bool,
    /// How much of [`MAX_FOLLOWED`] is left.
    left: Cell<usize>,
}

impl Placer<'_> {
    fn note(&self, comment: Comment) -> Note {
        let place = comment.place;
        if !place.is_in_file() {
            let text = visible::lines(words(&comment.text).trim());
            // Lines of the commit message are none of the change.
            let path = if place.path == COMMIT_MESSAGE { place.path } else { String::new() };
            return Note { path, text, ..Note::default() };
        }
        let path = RepoPath(place.path.into_bytes());
        // A file with a new name is known by that.
        let moved = self.diff.files.iter().find(|file| file.from.as_ref() == Some(&path));
        let shown = moved.map_or(&path, |file| &file.path);
        let until = (place.until > place.line).then_some(place.until);
        let text = visible::lines(words(&comment.text).trim());
        let mut note =
            Note { path: escape(shown), old_side: place.old_side, line: place.line, until, text, anchor: None };
        if note.line == 0 {
            return note;
        }
        let now = if note.old_side { self.revision.base } else { self.revision.head };
        let then = match (note.old_side, place.head) {
            (false, head) => head,
            (true, Some(head)) => place.base.or_else(|| self.base_of(head)),
            (true, None) => place.base,
        };
        let text = then.filter(|then| *then == now || self.left.get() > 0);
        let text = text.and_then(|then| Some((then, self.repository.text_at(then, &path)?)));
        let before = text.as_ref().map(|(_, text)| text.clone());
        let cost = text.as_ref().filter(|(then, _)| *then != now).map_or(0, |(_, text)| text.len());
        self.left.set(self.left.get().saturating_sub(cost));
        note.anchor = Some(match text {
            Some((then, text)) => {
                Anchor::of(text.as_bytes(), note.line, note.until.unwrap_or(note.line), &then.to_string())
            }
            None => Anchor::lost(&now.to_string()),
        });
        let there = if note.old_side { &path } else { shown };
        let text = self.repository.text_at(now, there);
        if !note.is_at_commit(&now.to_string()) {
            notes::follow_text(&mut note, before.as_deref(), text.as_deref(), &now.to_string());
        }
        note
    }

    /// The base of a head that was there before, if the server counts from that.
    fn base_of(&self, head: ObjectId) -> Option<ObjectId> {
        if self.is_stacked {
            return None;
        }
        if head == self.revision.head {
            return Some(self.revision.base);
        }
        match self.repository.bases(head, self.revision.target_tip).ok()?[..] {
            [base] => Some(base),
            _ => None,
        }
    }
}
