//! The queue as lines of text.

use unicode_width::UnicodeWidthStr as _;

use super::reading::Queue;
use super::row::Row;
use crate::change::counted;
use crate::examination::ChangeStatus;

/// With blanks up to so many columns, as a terminal counts them.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

impl Row {
    /// Whether texts are written in another encoding, in a few words.
    fn told_encodings(&self) -> Vec<String> {
        let count = self.encodings.len();
        (count > 0).then(|| format!("{} in another encoding", counted(count, "file"))).into_iter().collect()
    }
}

/// What a row needs, and from whom if it is from others.
fn needed(row: &Row) -> String {
    let claims: Vec<_> = row.claims.iter().map(|claim| format!(", claimed {}", claim.told)).collect();
    let need = row.not_ready.map_or_else(|| row.status.to_string(), str::to_owned);
    let is_over = |time: Option<i64>| time.is_some_and(|time| time <= crate::clock::now());
    let due = match () {
        () if is_over(row.late) => ", late",
        () if is_over(row.due) => ", due",
        () => "",
    };
    let is_mine = row.not_ready.is_none() && row.status == ChangeStatus::NeedsYou || row.told_ask.is_empty();
    let ask = match &row.left_open {
        Some(left) if is_mine => format!(": {left}"),
        _ if is_mine => String::new(),
        _ => format!(": {}", row.told_ask),
    };
    let answers = if row.answers.is_empty() { String::new() } else { format!(", answers {}", row.answers.join(", ")) };
    format!("{need}{ask}{answers}{}{due}", claims.concat())
}

/// Prints all of it, or this sentence if that is nothing.
pub fn print(queue: &Queue, nothing: &str) {
    for row in &queue.changes {
        outln!(
            "tier {}  {:<7}  {} {} {} {:>6} {:>6}  {}  {}",
            row.tier,
            row.reach.word(),
            padded(&row.repository, 12),
            padded(&row.title, 44),
            padded(&row.made_by, 12),
            format!("+{}", row.added),
            format!("-{}", row.removed),
            needed(row),
            [std::slice::from_ref(&row.name), &row.stands, &row.told_encodings()].concat().join("; ")
        );
    }
    queue.drills.iter().for_each(|drill| outln!("{}", drill.told()));
    queue.commands.iter().for_each(|told| outln!("{told}"));
    for row in &queue.unreadable {
        outln!("unreadable: {}: {}", row.what, row.why);
    }
    if queue.changes.is_empty() && queue.commands.is_empty() && queue.unreadable.is_empty() {
        outln!("{nothing}");
    }
}
