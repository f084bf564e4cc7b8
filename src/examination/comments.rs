//! Comments that colleagues wrote at a review server, at the lines of the revision that is open. A server numbers lines
//! at the commit that was there when they were written, so git says where these lines are now: as for notes of one's
//! own, a comment whose lines no longer exist is outdated, and moves to no other line. The notes of signed rejections
//! are shown like them.

use std::cell::Cell;

use super::notes;
use crate::change::diff::Diff;
use crate::change::manifest::{escape, unescape};
use crate::change::{ObjectId, RepoPath, Revision, visible};
use crate::decision::Note;
use crate::decision::anchor::Anchor;
use crate::gate::Answerable;
use crate::record::Chain;
use crate::record::statement::{Predicate, SignedNote};
use crate::source::git::Repository;
use crate::source::server::{Comment, NOTE_OF, Place, is_same_account};

/// Gerrit's name for the message, in place of the path of a file.
pub const COMMIT_MESSAGE: &str = "/COMMIT_MSG";

/// A comment of somebody else, at its lines. Its texts are escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remark {
    /// The server's name for it; empty for a note that is at no server.
    pub id: String,
    pub note: Note,
    /// Who wrote it, as the server says: `zoe`, `mina, the author`, `you`.
    pub by: String,
    /// It answers the one before.
    pub is_answer: bool,
    /// Somebody marked it as settled there.
    pub is_resolved: bool,
    /// It is a note of a signed rejection.
    pub is_signed: bool,
    /// Record and number of the note that it is, or that it says to be a copy of.
    pub note_of: Option<(String, usize)>,
}

impl Remark {
    /// In a sentence: who, what it is about if that is not a line of the file of this name, and the words in quotes.
    pub fn said(&self, name: &str) -> String {
        let note = &self.note;
        let answers = if self.is_answer { "↳ " } else { "" };
        let resolved = if self.is_resolved { ", resolved" } else { "" };
        let place = match note.until {
            _ if note.is_outdated() => format!(", outdated, about {}", note.quote()),
            _ if note.path.is_empty() => ", on the change as a whole".to_owned(),
            _ if note.path == COMMIT_MESSAGE => ", on the commit message".to_owned(),
            _ if note.path != name => format!(", at {}", note.place()),
            Some(until) if until != note.line => format!(", lines {}–{until}", note.line),
            _ => String::new(),
        };
        // A place quotes a line of the change.
        format!("{answers}{}{resolved}{}: “{}”", self.by, visible::text(&place), note.text)
    }
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
        let (id, note_of) = (comment.id.clone(), copied(&comment.text));
        Remark { id, note: placer.note(comment), by, is_answer, is_resolved, is_signed: false, note_of }
    };
    comments.into_iter().map(remark).collect()
}

/// The notes of rejections that are in force against a change, of this head or of an earlier one. They say whose they
/// are, and whether their lines are as they were.
pub fn of_rejections(
    repository: &Repository,
    revision: &Revision,
    diff: &Diff,
    rejections: &[Answerable],
    chains: &[Chain],
) -> Vec<Remark> {
    let placer = Placer { repository, revision, diff, is_stacked: false, left: Cell::new(MAX_FOLLOWED) };
    let records = || chains.iter().flat_map(|chain| &chain.records);
    let notes = rejections.iter().flat_map(|rejection| {
        let record = records().find(|record| record.id().to_string() == rejection.record);
        let decision = record.map(|record| record.predicate());
        decision.into_iter().flat_map(move |own| (1..).zip(&own.notes).map(move |note| (rejection, own, note)))
    });
    let remark = |(rejection, decision, (number, signed)): (&Answerable, &Predicate, (usize, &SignedNote))| {
        let note = placer.note(as_comment(repository, decision, signed));
        let then = decision.head.commit.parse::<ObjectId>().ok().filter(|then| *then != revision.head);
        let since = match then {
            None => String::new(),
            Some(then) if note.line == 0 || note.is_outdated() => format!(", of {}", then.short()),
            Some(then) => format!(", of {}, unchanged since", then.short()),
        };
        let by = format!("{}, rejection {}{since}", visible::text(&rejection.by), &rejection.record[..8]);
        Remark { note, by, is_signed: true, note_of: Some((rejection.record.clone(), number)), ..Remark::default() }
    };
    notes.map(remark).collect()
}

/// The notes of rejections, and what is written at a server without the copies of these notes that were put there. A
/// note that has a copy is answered at that.
pub fn together(mut signed: Vec<Remark>, mut others: Vec<Remark>) -> Vec<Remark> {
    for own in &mut signed {
        // Anybody can write that it is a copy: then it has to read like one, and says nothing of the note.
        let says_where = |before: &str| {
            before.starts_with("Lines ") && before.ends_with(": ") && before.len() < 40 && !before.contains('\n')
        };
        let is_copy = |other: &Remark| {
            let before = other.note.text.strip_suffix(own.note.text.as_str());
            other.note_of == own.note_of && before.is_some_and(|before| before.is_empty() || says_where(before))
        };
        if let Some(at) = others.iter().position(is_copy) {
            own.id = others.remove(at).id;
        }
    }
    signed.append(&mut others);
    signed
}

/// Of which record's note, by its number, a comment says to be a copy.
fn copied(text: &str) -> Option<(String, usize)> {
    let (record, rest) = text.trim_end().lines().last()?.strip_prefix(NOTE_OF)?.split_once('`')?;
    let number = rest.strip_prefix(", note ")?.strip_suffix('.')?.parse().ok()?;
    Some((record.to_owned(), number))
}

/// A signed note as a comment at the commits that were decided on.
fn as_comment(repository: &Repository, decision: &Predicate, note: &SignedNote) -> Comment {
    let (base, head) = (&decision.base.commit, &decision.head.commit);
    let old_side = note.side == "old";
    let at_base = Some(()).filter(|()| old_side).and_then(|()| notes::path_at_base(repository, base, head, &note.path));
    let path = at_base.unwrap_or_else(|| note.path.clone());
    let path = unescape(&path).and_then(|path| String::from_utf8(path.0).ok()).unwrap_or(path);
    let (until, text) = note.until_and_words();
    let line = |line: u64| u32::try_from(line).unwrap_or(0);
    let (base, head) = (base.parse().ok(), head.parse().ok());
    let place = Place { head, base, path, old_side, line: line(note.line.0), until: line(until) };
    Comment { text: text.to_owned(), place, ..Comment::default() }
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
    /// The base is not a base of the target: a server may count its old side there or here, and does not say where.
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
            Note { path: escape(shown), old_side: place.old_side, line: place.line, until, text, ..Note::default() };
        if note.line == 0 {
            notes::follow_file(self.repository, &mut note, self.revision);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_was_put_at_a_server_is_shown_once_and_a_comment_that_only_says_to_be_one_as_well() {
        let remark = |id: &str, text: &str, note_of: Option<(String, usize)>| Remark {
            id: id.to_owned(),
            note: Note { text: text.to_owned(), ..Note::default() },
            note_of,
            ..Remark::default()
        };
        let id = "ab".repeat(32);
        let said = format!("```text\nKeep this.\n```\n\n{NOTE_OF}{id}`, note 2.");
        assert_eq!(copied(&said), Some((id.clone(), 2)));
        assert_eq!(copied("Keep this."), None);
        let signed = || vec![Remark { is_signed: true, ..remark("", "Keep this.", Some((id.clone(), 2))) }];
        let (copy, answer) = (remark("7", &words(&said), copied(&said)), remark("8", "Why?", None));
        let shown = together(signed(), vec![copy, answer.clone()]);
        assert_eq!(shown.iter().map(|remark| &remark.id[..]).collect::<Vec<_>>(), ["7", "8"]);
        assert!(shown[0].is_signed && shown[1] == answer);
        // The twin: other words, or another note.
        let others = [remark("7", "Drop this.", copied(&said)), remark("9", "Keep this.", Some((id.clone(), 3)))];
        assert_eq!(together(signed(), others.to_vec()).len(), 3);
    }
}
