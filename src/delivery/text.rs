//! A signed decision in words, for the page of a review request. The reviewer's words are fenced: they are not our
//! markup.

use crate::change::visible;
use crate::decision::Verdict;
use crate::record::Record;
use crate::source::server::{RECORD_OF, at_lines};

/// The length limit of a status description at GitHub and similar hosts, in characters.
const MAX_SUMMARY: usize = 140;
/// Characters of a comment. GitHub accepts 65,536.
const MAX_TEXT: usize = 60_000;
/// Of these, for reason and notes. Gerrit accepts 16,384 in all.
const MAX_WORDS: usize = 14_000;
const TOO_LONG: &str = "\nReason and notes are too long for a comment: they stand in the record.\n";

/// Where else a server has the record, apart from the comment.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    pub is_in_ref: bool,
    /// In the data of the verdict.
    pub is_with_verdict: bool,
}

impl Home {
    /// For people.
    pub fn place(self) -> &'static str {
        match (self.is_in_ref, self.is_with_verdict) {
            (true, false) => "in a ref",
            (true, true) => "in a ref, and with the verdict",
            (false, true) => "with the verdict: no ref was taken",
            (false, false) => "in the comment: no ref was taken",
        }
    }
}

/// In one line.
pub fn summary(record: &Record) -> String {
    let predicate = record.predicate();
    let text = format!("{} by {}, record {}", done(predicate.verdict), predicate.principal, &id(record)[..16]);
    text.chars().take(MAX_SUMMARY).collect()
}

/// For people, as Markdown; with the whole record if the server does not have it elsewhere. The notes that are not in
/// it, by their positions in the record, stand at their lines.
pub fn comment(record: &Record, home: Home, is_in: impl Fn(usize) -> bool) -> String {
    let predicate = record.predicate();
    let head = &predicate.head.commit[..predicate.head.commit.len().min(12)];
    let mut text = format!("**{}** at `{head}` by {}.\n", done(predicate.verdict), predicate.principal);
    let words = words(record, &is_in);
    text += if words.chars().count() > MAX_WORDS { TOO_LONG } else { &words };
    let elsewhere = (0..predicate.notes.len()).filter(|at| !is_in(*at)).count();
    if elsewhere > 0 {
        text += &format!("\n{}\n", at_lines(elsewhere));
    }
    text += &format!("\n{RECORD_OF}{}`. ", id(record));
    text += match home {
        Home { is_in_ref: true, .. } => "`undersign sync` fetches it, ",
        Home { is_with_verdict: true, .. } => "It stands in `extra_data` of this review, ",
        Home { .. } => "It stands below, ",
    };
    text += "`undersign record verify` checks it.\n";
    if !home.is_in_ref && !home.is_with_verdict {
        text += &whole(record, MAX_TEXT.saturating_sub(text.chars().count()));
    }
    text
}

/// The reason and the notes.
fn words(record: &Record, is_in: &dyn Fn(usize) -> bool) -> String {
    let predicate = record.predicate();
    let mut words = String::new();
    if !predicate.reason.is_empty() {
        words += &format!("\n{}", visible::fenced(&predicate.reason, "text"));
    }
    let notes = predicate.notes.iter().enumerate().filter(|(at, _)| is_in(*at));
    for (_, note) in notes {
        let place = match (note.path.as_str(), note.line.0) {
            ("", _) => "The change as a whole".to_owned(),
            (path, 0) => visible::code_span(path),
            (path, line) => visible::code_span(&format!("{path}:{line}")),
        };
        words += &format!("\n{place}\n\n{}", visible::fenced(&note.text, "text"));
    }
    words
}

fn whole(record: &Record, room: usize) -> String {
    let envelope = String::from_utf8_lossy(&record.link.envelope).into_owned();
    if envelope.chars().count() + 64 > room {
        return "\nIt is too long for a comment: ask its signer for `undersign record export`.\n".to_owned();
    }
    format!("\n<details><summary>The record</summary>\n\n{}\n</details>\n", visible::fenced(&envelope, "json"))
}

fn done(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "Approved",
        Verdict::Reject => "Rejected",
        Verdict::HumanOnly => "Claimed to be written without AI",
        Verdict::BreakGlass => "Let through in an emergency, the review is owed",
        Verdict::Withdraw => "Decision withdrawn",
        Verdict::HandOver => "Rejection taken over",
        Verdict::Repair => "Chain repaired",
    }
}

fn id(record: &Record) -> String {
    record.id().to_string()
}
