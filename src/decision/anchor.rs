//! The position of a note, by content: the lines that it is about, and a few around them. A line number alone would be
//! wrong as soon as lines are added above it.

use serde::{Deserialize, Serialize};

use super::Note;
use crate::change::manifest::shown;

/// Lines that are kept of what a note is about, and of its context.
const MAX_LINES: usize = 40;
const AROUND: usize = 3;
/// Bytes of a line that are kept; a longer line is identified by its length, too.
const MAX_LINE: usize = 400;
/// Letters and digits that make a line distinctive enough to be found again by itself.
const TELLING: usize = 4;
/// Equal lines of which it is asked whether a note may be about them.
const MAX_ASKED: usize = 256;
/// Bytes of a line, and of all lines, that are quoted for a note whose lines no longer exist: with the most text that a
/// note may have, they fit into a record.
const MAX_QUOTED_LINE: usize = 240;
const MAX_QUOTE: usize = 320;
/// The two signs around a quoted line, and the two between it and the next.
const AROUND_QUOTED: usize = 4;

/// The lines of a note at the time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The commit to which the note's line numbers refer: the head, or the base if it is about the old side. If the
    /// lines no longer exist, the last one that had them.
    pub at: String,
    /// The lines that the note is about.
    pub lines: Vec<String>,
    /// Lines above them, the nearest last.
    pub before: Vec<String>,
    /// Lines below them, the nearest first.
    pub after: Vec<String>,
    /// The lines no longer exist: this is what is left of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// They are gone because a removed line, which they were, is there again: the change does not remove it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
}

impl Anchor {
    /// From 1-based lines of a text, at a commit.
    pub fn of(text: &[u8], first: u32, last: u32, at: &str) -> Anchor {
        let all = lines_of(text);
        let (first, last) = (first.max(1) as usize - 1, last.max(first) as usize);
        let kept = |range: std::ops::Range<usize>| {
            let range = range.start.min(all.len())..range.end.min(all.len());
            all[range].iter().map(|line| kept(line)).collect::<Vec<_>>()
        };
        Anchor {
            at: at.to_owned(),
            lines: kept(first..last.min(first + MAX_LINES)),
            before: kept(first.saturating_sub(AROUND)..first),
            after: kept(last..last + AROUND),
            gone: false,
            back: false,
        }
    }

    /// Lines whose text is not known, such as those of a note from before texts were kept.
    pub fn lost(at: &str) -> Anchor {
        Anchor { at: at.to_owned(), gone: true, ..Anchor::default() }
    }

    /// Whether these are the 1-based lines of a text, with whatever line ends.
    pub fn is_of(&self, text: &[u8], first: u32, last: u32) -> bool {
        let there = Anchor::of(text, first, last, "").lines;
        let is_same =
            |(one, other): (&String, &String)| without_return(one.as_bytes()) == without_return(other.as_bytes());
        !there.is_empty() && there.len() == self.lines.len() && there.iter().zip(&self.lines).all(is_same)
    }

    /// The position of the lines in a text, 1-based: the one place with most of their context. None if there is no such
    /// place, or if two are equally good: a note never moves to a line that it was not about.
    pub fn find(&self, text: &[u8], count: u32) -> Option<u32> {
        self.find_where(text, count, |_| true)
    }

    /// The same, among the places whose first line (1-based) may be the one that was meant.
    pub fn find_where(&self, text: &[u8], count: u32, may_be: impl Fn(u32) -> bool) -> Option<u32> {
        // Asking of each of thousands of equal lines would take long: only the best are asked about, and one that is no
        // better than those beyond counts as not alone.
        let places = self.places(text, count);
        let beyond = places.len().checked_sub(MAX_ASKED + 1).map(|at| places[at].0);
        let may_be_here = |(_, at): &&(usize, usize)| u32::try_from(at + 1).is_ok_and(&may_be);
        let mut found = places.iter().rev().take(MAX_ASKED).filter(may_be_here);
        let &(score, at) = found.next()?;
        let is_alone = found.next().is_none_or(|(next, _)| *next < score) && beyond.is_none_or(|next| next < score);
        let around = self.before.iter().chain(&self.after).filter(|line| is_telling(line)).count();
        let tells = self.lines.iter().any(|line| is_telling(line));
        let is_known = score > 0 || around == 0 && tells;
        (is_alone && is_known).then(|| u32::try_from(at + 1).ok())?
    }

    /// Whether the lines at a place (1-based) of a text are there in another, with more of their context around them
    /// than at a place of that, and than any such lines but their own had before: then they rather went there.
    pub fn is_likelier_elsewhere(&self, (old, own): (&[u8], u32), (new, place): (&[u8], u32), count: u32) -> bool {
        let others = |text: &[u8], but: u32| {
            let found = self.places(text, count).into_iter().filter(|(_, at)| at + 1 != but as usize);
            found.map(|(score, _)| score).max().unwrap_or(0)
        };
        let here = self.likeness(&lines_of(new), (place as usize).saturating_sub(1), count as usize);
        others(new, place) > here.max(others(old, own))
    }

    /// Where the lines are in a text (0-based), with how much of their context is there, least first.
    fn places(&self, text: &[u8], count: u32) -> Vec<(usize, usize)> {
        let (all, Some(first)) = (lines_of(text), self.lines.first()) else { return Vec::new() };
        let is_here = |at: &usize| {
            is_same(all[*at], first)
                && self.lines.iter().enumerate().all(|(n, line)| all.get(at + n).is_some_and(|own| is_same(own, line)))
        };
        let mut found: Vec<(usize, usize)> =
            (0..all.len()).filter(is_here).map(|at| (self.likeness(&all, at, count as usize), at)).collect();
        found.sort_unstable();
        found
    }

    /// How many distinctive lines of the old context are around a place.
    fn likeness(&self, all: &[&[u8]], at: usize, count: usize) -> usize {
        let is = |at: Option<usize>, line: &String| {
            is_telling(line) && at.and_then(|at| all.get(at)).is_some_and(|own| is_same(own, line))
        };
        let before = self.before.iter().rev().enumerate().filter(|(n, line)| is(at.checked_sub(n + 1), line));
        let after = self.after.iter().enumerate().filter(|(n, line)| is(Some(at + count + n), line));
        before.count() + after.count()
    }
}

impl Note {
    /// Whether the lines that it was about no longer exist.
    pub fn is_outdated(&self) -> bool {
        self.anchor.as_ref().is_some_and(|anchor| anchor.gone)
    }

    /// How many lines it is about.
    pub fn count(&self) -> u32 {
        self.until.unwrap_or(self.line).saturating_sub(self.line).saturating_add(1)
    }

    /// Whether its line numbers already refer to this commit.
    pub fn is_at_commit(&self, at: &str) -> bool {
        self.anchor.as_ref().is_some_and(|anchor| anchor.at == at && (!anchor.gone || anchor.back))
    }

    /// Looks for its lines by what they are and what is around them, in the text of another commit; none if the text
    /// no longer exists.
    pub fn follow(&mut self, text: Option<&[u8]>, at: &str) {
        let count = self.count();
        let found = self.anchor.as_ref().zip(text).and_then(|(anchor, text)| Some((anchor.find(text, count)?, text)));
        match found {
            Some((line, text)) => self.stand_at(line, line.saturating_add(count - 1), text, at),
            None => self.set_gone(),
        }
    }

    /// Its lines no longer exist.
    pub fn set_gone(&mut self) {
        if let Some(anchor) = self.anchor.as_mut() {
            (anchor.gone, anchor.back) = (true, false);
        }
    }

    /// Is about these 1-based lines of a text from now on.
    pub fn stand_at(&mut self, first: u32, last: u32, text: &[u8], at: &str) {
        (self.line, self.until) = (first, (last > first).then_some(last));
        // Its context may have changed, too.
        self.anchor = Some(Anchor::of(text, first, last, at));
    }

    /// Is about a file, and whether that exists.
    pub fn stand_on_file(&mut self, exists: bool, at: &str) {
        self.anchor = (!exists).then(|| Anchor::lost(at));
    }

    /// Whether the line that was removed is there again: then it is about nothing that the change does.
    pub fn set_back(&mut self, is_back: bool) {
        if let Some(anchor) = self.anchor.as_mut().filter(|anchor| !anchor.gone || anchor.back) {
            (anchor.gone, anchor.back) = (is_back, is_back);
        }
    }

    /// Whether the line that it is about was removed, and is there again.
    pub fn is_back(&self) -> bool {
        self.anchor.as_ref().is_some_and(|anchor| anchor.back)
    }

    /// What it is about, if that no longer exists: its lines, as many as have room beside the note in a record.
    pub fn quote(&self) -> String {
        let lines = self.anchor.iter().flat_map(|anchor| &anchor.lines).map(|line| line.trim());
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let (mut quoted, mut room) = (Vec::new(), MAX_QUOTE);
        for line in &lines {
            let end = line.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_QUOTED_LINE);
            let end = end.last().unwrap_or(0);
            // The first is always quoted; a later one whole or not at all.
            if !quoted.is_empty() && (end < line.len() || end + AROUND_QUOTED > room) {
                break;
            }
            room = room.saturating_sub(end + AROUND_QUOTED);
            quoted.push(format!("`{}`", &line[..end]));
        }
        let more = if quoted.len() < lines.len() { " …" } else { "" };
        let back = match lines.len() {
            _ if !self.is_back() => "",
            0 | 1 => ", which is there again",
            _ => ", which are there again",
        };
        match quoted.is_empty() {
            true if self.line == 0 => match &self.whole {
                Some(whole) => format!("{whole}, as they were before"),
                None => "a file that no longer exists".to_owned(),
            },
            true => format!("a line that is not known any more{back}"),
            false => format!("{}{more}{back}", quoted.join(", ")),
        }
    }

    /// Its position in a few words.
    pub fn place(&self) -> String {
        match (&shown(&self.path)[..], self.line, self.until) {
            ("", ..) => "the change".to_owned(),
            (path, 0, _) if !self.is_outdated() => self.whole.clone().unwrap_or_else(|| path.to_owned()),
            (path, ..) if self.is_outdated() => format!("{path}, outdated, about {}", self.quote()),
            (path, line, Some(until)) => format!("{path}:{line}–{until}"),
            (path, line, None) => format!("{path}:{line}"),
        }
    }
}

fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n').collect()
}

fn kept(line: &[u8]) -> String {
    if line.len() <= MAX_LINE {
        return String::from_utf8_lossy(line).into_owned();
    }
    format!("{} … ({} bytes)", String::from_utf8_lossy(&line[..MAX_LINE]), line.len())
}

/// Whether a line is a kept one; line ends may differ.
fn is_same(line: &[u8], text: &str) -> bool {
    let (line, text) = (without_return(line), text.strip_suffix('\r').unwrap_or(text));
    line == text.as_bytes() || (line.len() > MAX_LINE || !line.is_ascii()) && kept(line) == text
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_telling(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= TELLING
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn one() {\n    first();\n    done();\n}\n\nfn two() {\n    second();\n    done();\n}\n";

    fn noted(line: u32, until: Option<u32>) -> Note {
        let anchor = Some(Anchor::of(TEXT.as_bytes(), line, until.unwrap_or(line), "old"));
        Note { path: "a".into(), line, until, anchor, ..Note::default() }
    }

    fn followed(mut note: Note, text: &str) -> Note {
        note.follow(Some(text.as_bytes()), "new");
        note
    }

    #[test]
    fn a_note_moves_with_its_line() {
        let note = followed(noted(8, None), &format!("one\ntwo\nthree\n{TEXT}"));
        assert_eq!((note.line, note.is_outdated()), (11, false));
        let note = followed(noted(6, Some(8)), &format!("one\n{TEXT}"));
        assert_eq!((note.line, note.until), (7, Some(9)));
    }

    #[test]
    fn a_note_whose_line_is_gone_goes_to_no_other_that_reads_the_same() {
        let without = TEXT.replace("    second();\n    done();\n", "    second();\n");
        let note = followed(noted(8, None), &without);
        assert!(note.is_outdated(), "{note:?}");
        assert_eq!(note.quote(), "`done();`");
        assert!(followed(noted(7, None), "nothing\n").is_outdated());
        let mut gone = noted(7, None);
        gone.follow(None, "new");
        assert!(gone.is_outdated() && gone.place().contains("`second();`"));
        // It comes back with its line.
        gone.follow(Some(TEXT.as_bytes()), "newer");
        assert_eq!((gone.line, gone.is_outdated()), (7, false));
    }

    #[test]
    fn a_note_that_is_outdated_quotes_all_of_its_lines_within_bounds() {
        let mut note = noted(2, Some(3));
        note.follow(None, "new");
        assert_eq!(note.quote(), "`first();`, `done();`");
        let text = "x".repeat(300) + "\n" + &"é".repeat(200) + "\n";
        let mut note = Note { line: 1, until: Some(2), ..Note::default() };
        note.anchor = Some(Anchor { gone: true, ..Anchor::of(text.as_bytes(), 1, 2, "old") });
        assert_eq!(note.quote(), format!("`{}` …", "x".repeat(MAX_QUOTED_LINE)));
    }

    #[test]
    fn a_note_finds_its_line_where_only_line_ends_changed() {
        let note = followed(noted(7, None), &TEXT.replace('\n', "\r\n"));
        assert_eq!((note.line, note.is_outdated()), (7, false));
        let note = followed(note, TEXT);
        assert_eq!((note.line, note.is_outdated()), (7, false));
    }

    #[test]
    fn of_two_places_that_are_alike_none_is_taken() {
        let mut note = noted(4, None);
        note.anchor.as_mut().unwrap().before.clear();
        note.anchor.as_mut().unwrap().after.clear();
        assert!(followed(note, TEXT).is_outdated(), "a brace is everywhere");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text: Vec<u8>, other: Vec<u8>, first: u32, last: u32) {
            let anchor = Anchor::of(&text, first, last, "a");
            let _ = anchor.find(&other, last);
            let mut note = Note { line: first, until: Some(last), anchor: Some(anchor), ..Note::default() };
            note.follow(Some(&other), "b");
            let _ = (note.quote(), note.place());
        }

        #[test]
        fn a_line_that_is_found_is_the_line_that_was_meant(
            lines in proptest::collection::vec("[a-d]{4}", 1..12), at in 0usize..12, above in 0usize..4
        ) {
            let line = (at % lines.len()) as u32 + 1;
            let text = lines.join("\n");
            let anchor = Anchor::of(text.as_bytes(), line, line, "a");
            let later = format!("{}{text}", "zzzz\n".repeat(above));
            if let Some(found) = anchor.find(later.as_bytes(), 1) {
                let found = later.lines().nth(found as usize - 1).unwrap();
                proptest::prop_assert_eq!(found, &lines[line as usize - 1]);
            }
        }
    }
}
