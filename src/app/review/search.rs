//! Find in the diff: texts are searched, not rows.

use super::Review;
use super::rows::{Row, bytes_of};

impl Review {
    /// Moves to the next match after the cursor, or the one before it; false where there is none.
    pub fn find(&mut self, forward: bool) -> bool {
        let Some(needle) = self.search.clone().filter(|needle| !needle.is_empty()) else { return false };
        // As in less: lower-case letters match both cases.
        let fold = !needle.chars().any(char::is_uppercase);
        let total = self.height();
        let order: Vec<usize> = (1..=total)
            .map(|step| if forward { (self.cursor + step) % total } else { (self.cursor + total - step) % total })
            .collect();
        let found =
            order.into_iter().find(|&row| self.row_text(row).is_some_and(|text| contains(&text, &needle, fold)));
        if let Some(row) = found {
            self.go(row);
        }
        found.is_some()
    }

    fn row_text(&self, row: usize) -> Option<String> {
        let (position, row) = self.locate(row)?;
        let index = self.order[position];
        match self.rows[position].rows[row] {
            Row::File => Some(self.diff.files[index].path.to_string()),
            Row::Line { hunk, line, from, to } => {
                let file = self.files[index].as_ref()?;
                let line = *file.comparison.hunks.get(hunk)?.lines.get(line)?;
                Some(String::from_utf8_lossy(bytes_of(file, line).get(from as usize..to as usize)?).into_owned())
            }
            _ => None,
        }
    }
}

fn contains(text: &str, needle: &str, fold: bool) -> bool {
    if fold { text.to_lowercase().contains(needle) } else { text.contains(needle) }
}
