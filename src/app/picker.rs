//! A list to choose from by typing some letters of an entry: commands, files, what is still open.

use std::cmp::Reverse;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::keymap::{Key, Stroke};
use super::text::TextField;
use crate::risk::Severity;

/// A row of a list, and what choosing it means.
#[derive(Debug, Clone)]
pub struct PickerEntry<C> {
    /// What is matched.
    pub label: String,
    /// The text at the right: keys, counts.
    pub detail: String,
    pub badge: Badge,
    pub choice: C,
}

impl<C> PickerEntry<C> {
    /// The same row, with another choice.
    pub fn map<D>(self, meaning: impl FnOnce(C) -> D) -> PickerEntry<D> {
        let PickerEntry { label, detail, badge, choice } = self;
        PickerEntry { label, detail, badge, choice: meaning(choice) }
    }
}

/// The mark before an entry: a letter, never only a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badge {
    None,
    Severity(Severity),
    Seen,
    Unseen,
    Omission,
    /// Nobody known stands behind it.
    Unknown,
    Note,
    Bookmark,
}

#[derive(Debug, Clone)]
pub struct Picker<C> {
    pub title: String,
    pub field: TextField,
    entries: Vec<PickerEntry<C>>,
    /// The first entry acts on all the others.
    acts_on_all: bool,
    /// Entries that match, best first.
    matching: Vec<usize>,
    pub selected: usize,
    /// Rows of the list on the screen.
    pub page: usize,
}

/// The result of a stroke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked<C> {
    Open,
    Closed,
    Chosen(C),
}

impl<C: Clone> Picker<C> {
    pub fn new(title: &str, entries: Vec<PickerEntry<C>>) -> Picker<C> {
        let matching = (0..entries.len()).collect();
        let field = TextField::default();
        Picker { title: title.to_owned(), field, entries, acts_on_all: false, matching, selected: 0, page: 10 }
    }

    /// The same with a first row, which acts on all of them. It disappears as soon as something is typed: whoever
    /// searches for one entry must not act on all, whatever the letters match.
    pub fn with_all(title: &str, all: PickerEntry<C>, entries: Vec<PickerEntry<C>>) -> Picker<C> {
        let entries = std::iter::once(all).chain(entries).collect();
        Picker { acts_on_all: true, ..Picker::new(title, entries) }
    }

    pub fn stroke(&mut self, stroke: Stroke) -> Picked<C> {
        let last = self.matching.len().saturating_sub(1);
        match (stroke.key, stroke.ctrl) {
            (Key::Esc, _) | (Key::Char('c'), true) => return Picked::Closed,
            (Key::Enter, _) => {
                let chosen = self.matching.get(self.selected).map(|at| self.entries[*at].choice.clone());
                return chosen.map_or(Picked::Closed, Picked::Chosen);
            }
            (Key::Down, _) | (Key::Char('n' | 'j'), true) | (Key::Tab, _) => {
                self.selected = (self.selected + 1).min(last)
            }
            (Key::Up, _) | (Key::Char('p' | 'k'), true) | (Key::BackTab, _) => {
                self.selected = self.selected.saturating_sub(1);
            }
            (Key::PageDown, _) => self.selected = (self.selected + self.page).min(last),
            (Key::PageUp, _) => self.selected = self.selected.saturating_sub(self.page),
            _ => {
                let before = self.field.text().to_owned();
                self.field.take(stroke);
                if self.field.text() != before {
                    self.filter();
                }
            }
        }
        Picked::Open
    }

    pub fn paste(&mut self, text: &str) {
        let _ = self.field.insert(text);
        self.filter();
    }

    fn filter(&mut self) {
        self.selected = 0;
        let pattern = self.pattern();
        let (mut matcher, mut buffer) = (Matcher::new(Config::DEFAULT.match_paths()), Vec::new());
        let mut score = |entry: &PickerEntry<C>| pattern.score(Utf32Str::new(&entry.label, &mut buffer), &mut matcher);
        let not_asked = usize::from(self.acts_on_all && !self.field.text().is_empty());
        let entries = self.entries.iter().enumerate().skip(not_asked);
        // Letters that stand together mean more than letters that are scattered over a sentence.
        let typed = self.field.text().to_lowercase();
        let is_scattered = |entry: &PickerEntry<C>| !entry.label.to_lowercase().contains(&typed);
        let scored = entries.filter_map(|(at, entry)| Some((is_scattered(entry), Reverse(score(entry)?), at)));
        let mut scored: Vec<_> = scored.collect();
        scored.sort_unstable();
        self.matching = scored.into_iter().map(|(.., at)| at).collect();
    }

    fn pattern(&self) -> Pattern {
        Pattern::parse(self.field.text(), CaseMatching::Smart, Normalization::Smart)
    }

    /// How many match, of how many. A row that acts on all is none of them.
    pub fn counts(&self) -> (usize, usize) {
        let acting = usize::from(self.acts_on_all);
        let shown = if self.field.text().is_empty() { acting } else { 0 };
        (self.matching.len().saturating_sub(shown), self.entries.len().saturating_sub(acting))
    }

    /// How many rows it has without a filter.
    pub fn height(&self) -> usize {
        self.entries.len()
    }

    /// The entries of a page, from the one on top: whether it is selected, the entry, and which of its characters
    /// match.
    pub fn rows(&self, page: usize) -> Vec<(bool, &PickerEntry<C>, Vec<u32>)> {
        let top = self.selected.saturating_sub(page.saturating_sub(1)).min(self.matching.len());
        let pattern = self.pattern();
        let (mut matcher, mut buffer) = (Matcher::new(Config::DEFAULT.match_paths()), Vec::new());
        let mut rows = Vec::new();
        for (at, entry) in self.matching.iter().enumerate().skip(top).take(page) {
            let (entry, mut characters) = (&self.entries[*entry], Vec::new());
            pattern.indices(Utf32Str::new(&entry.label, &mut buffer), &mut matcher, &mut characters);
            characters.sort_unstable();
            rows.push((at == self.selected, entry, characters));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker<u8> {
        let entry =
            |label: &str| PickerEntry { label: label.to_owned(), detail: String::new(), badge: Badge::None, choice: 7 };
        Picker::new("files", ["src/gate/mod.rs", "src/app/review.rs", "README.md"].map(entry).into())
    }

    #[test]
    fn letters_in_order_find_a_file_and_its_name_weighs_more() {
        let mut picker = picker();
        "rev".chars().for_each(|c| _ = picker.stroke(Stroke::plain(Key::Char(c))));
        assert_eq!(picker.rows(5)[0].1.label, "src/app/review.rs");
        assert_eq!(picker.stroke(Stroke::plain(Key::Enter)), Picked::Chosen(7));
    }

    #[test]
    fn letters_that_stand_together_come_before_scattered_ones() {
        let entry =
            |label: &str| PickerEntry { label: label.to_owned(), detail: String::new(), badge: Badge::None, choice: 7 };
        let labels = ["lock: forget the remembered passphrase", "next: go on in this theme"];
        let mut picker = Picker::new("commands", labels.map(entry).into());
        "theme".chars().for_each(|c| _ = picker.stroke(Stroke::plain(Key::Char(c))));
        assert_eq!(picker.rows(5)[0].1.label, labels[1]);
    }

    #[test]
    fn the_row_that_acts_on_all_is_there_only_while_nothing_is_typed() {
        let entry = |(choice, label): (u8, &str)| PickerEntry {
            label: label.to_owned(),
            detail: String::new(),
            badge: Badge::None,
            choice,
        };
        let places = [(1, "src/mark_all.rs:3"), (2, "src/b.rs:3")].map(entry).into();
        let mut picker = Picker::with_all("edit", entry((0, "mark all 2 hunks as seen")), places);
        let mut stroke = |key| picker.stroke(Stroke::plain(key));
        "markall".chars().for_each(|c| _ = stroke(Key::Char(c)));
        assert_eq!(stroke(Key::Enter), Picked::Chosen(1));
        "seen".chars().for_each(|c| _ = stroke(Key::Char(c)));
        assert_eq!(stroke(Key::Enter), Picked::Closed);
        (0..11).for_each(|_| _ = stroke(Key::Backspace));
        assert_eq!(stroke(Key::Enter), Picked::Chosen(0));
    }

    #[test]
    fn what_matches_nothing_chooses_nothing() {
        let mut picker = picker();
        "zzzz".chars().for_each(|c| _ = picker.stroke(Stroke::plain(Key::Char(c))));
        assert_eq!(picker.counts(), (0, 3));
        assert_eq!(picker.stroke(Stroke::plain(Key::Down)), Picked::Open);
        assert_eq!(picker.stroke(Stroke::plain(Key::Enter)), Picked::Closed);
    }
}
