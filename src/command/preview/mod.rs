//! What a command would do, item by item: computed by the broker from the bound bytes, stored beside the request, and
//! read by people before they sign.
//!
//! The promise: **what is not surely understood counts as destructive.** A preview is made only for a command of which
//! the arguments say exactly what it applies; there is none for all others.

pub mod plan;
pub mod sql;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::{Command, Input, Preview, PreviewBy};
use crate::change::digest::Digest;
use crate::record::json;
use crate::record::statement::Decimal;

/// The limit for the rows of a preview: a person must see each of them.
pub const MAX_ROWS: usize = 2_000;
/// The limit for a text of a row in bytes.
const MAX_TEXT: usize = 400;

/// What happens to an item, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It is gone afterwards.
    Destroy,
    /// It is destroyed and created anew, or its values are overwritten.
    Replace,
    /// It may do anything: it is decided while it runs, or not understood.
    Unclear,
    /// It is changed in place.
    Change,
    /// It is added.
    Create,
    /// It stays, and the tool ceases to manage it.
    Forget,
    /// It is read.
    Read,
    /// It was changed by somebody else since the last run.
    Drift,
    /// It is left for a later run.
    Later,
}

/// One item, or several of one kind to which the same happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What happens to it.
    pub act: Act,
    /// Its name: the address of a resource, the start of a statement.
    pub what: String,
    /// How many there are.
    pub count: Decimal,
    /// Why, and how; empty if there is nothing to say.
    pub note: String,
}

impl Row {
    fn new(act: Act, what: &str, note: &str) -> Row {
        Row { act, what: cut(what), count: Decimal(1), note: cut(note) }
    }
}

/// The preview of a command: the file beside its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What computed it, for people.
    pub tool: String,
    /// The gravest first.
    pub rows: Vec<Row>,
}

impl Document {
    /// Sorts the rows.
    ///
    /// # Errors
    /// A sentence: there are more than a person can read.
    fn new(tool: &str, mut rows: Vec<Row>) -> Result<Document, String> {
        if rows.len() > MAX_ROWS {
            return Err(format!("it does {} things, and a preview lists at most {MAX_ROWS}", rows.len()));
        }
        rows.sort_by_key(|row| row.act);
        Ok(Document { tool: cut(tool), rows })
    }

    /// The bytes beside the request.
    pub fn encode(&self) -> Vec<u8> {
        json::encode(self)
    }

    /// Reads what [`Document::encode`] writes, if it is what the request says of it.
    pub fn decode(bytes: &[u8], preview: &Preview) -> Option<Document> {
        let document: Document = json::decode(bytes).ok()?;
        let is_text = |text: &String| text.len() <= MAX_TEXT;
        let is_sound = document.rows.len() <= MAX_ROWS
            && document.rows.is_sorted_by_key(|row| row.act)
            && document.rows.iter().all(|row| row.count.0 > 0 && is_text(&row.what) && is_text(&row.note))
            && document.summary() == *preview;
        is_sound.then_some(document)
    }

    /// How many items an act happens to.
    pub fn count(&self, act: Act) -> u64 {
        let own = self.rows.iter().filter(|row| row.act == act);
        own.fold(0, |sum, row| sum.saturating_add(row.count.0))
    }

    /// What the request says of it.
    pub fn summary(&self) -> Preview {
        Preview {
            tool: self.tool.clone(),
            by: PreviewBy::Broker,
            sha256: Digest::of(&self.encode()).to_string(),
            destroys: Decimal(self.count(Act::Destroy)),
            replaces: Decimal(self.count(Act::Replace)),
            unclear: Decimal(self.count(Act::Unclear)),
        }
    }
}

/// How the preview of a command is made, and from which input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'c> {
    /// A saved plan, which the program itself shows as JSON.
    Plan(&'c Input),
    /// The statements of a PostgreSQL script, as psql reads them.
    Statements(&'c Input),
}

impl<'c> Method<'c> {
    /// The method for a command.
    ///
    /// # Errors
    /// A sentence: there is none, since nothing here understands the program, or not with these arguments.
    pub fn of(command: &'c Command) -> Result<Method<'c>, String> {
        let name = command.program.path.rsplit('/').next().unwrap_or_default();
        match name {
            "terraform" | "tofu" => plan::applied(command).map(Method::Plan),
            "psql" => sql::script(command).map(Method::Statements),
            _ => Err(format!("what {name} does is not understood")),
        }
    }
}

/// The input that an argument names.
fn input_at<'c>(command: &'c Command, argument: &str) -> Option<&'c Input> {
    command.inputs.iter().find(|input| input.path == argument)
}

/// Joins items of one kind to which the same happens, if there are several: `kind` gives the common name and the own
/// name of an item. Each own name stands in a row: what does not fit begins another one.
fn grouped(rows: Vec<Row>, kind: impl Fn(&str) -> (String, String)) -> Vec<Row> {
    const SEVERAL: usize = 4;
    let mut groups: BTreeMap<(Act, String, String), Vec<(String, Row)>> = BTreeMap::new();
    for row in rows {
        let (name, own) = kind(&row.what);
        groups.entry((row.act, name, row.note.clone())).or_default().push((own, row));
    }
    let joined = groups.into_iter().flat_map(|((act, name, note), items)| match items.len() {
        ..SEVERAL => items.into_iter().map(|(_, row)| row).collect(),
        _ => listed(act, &name, &note, items.into_iter().map(|(own, _)| own)),
    });
    joined.collect()
}

/// Rows of as many names as fit.
fn listed(act: Act, name: &str, note: &str, items: impl Iterator<Item = String>) -> Vec<Row> {
    const NAMES: usize = 200;
    let mut rows: Vec<(u64, String)> = Vec::new();
    for item in items {
        match rows.last_mut() {
            Some((count, names)) if names.len() + item.len() < NAMES => {
                *count += 1;
                names.push(' ');
                names.push_str(&item);
            }
            _ => rows.push((1, item)),
        }
    }
    let row = |(count, names): (u64, String)| {
        let note = if note.is_empty() { names } else { format!("{names}; {note}") };
        Row { count: Decimal(count), ..Row::new(act, name, &note) }
    };
    rows.into_iter().map(row).collect()
}

fn cut(text: &str) -> String {
    cut_to(text, MAX_TEXT)
}

/// At most so many bytes, with an ellipsis if something is cut.
fn cut_to(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let most = bytes - '…'.len_utf8();
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_only_if_it_is_what_the_request_says_of_it() {
        let rows = vec![Row::new(Act::Create, "b", ""), Row::new(Act::Destroy, "a", &"x".repeat(999))];
        let document = Document::new("t", rows).unwrap();
        let (bytes, summary) = (document.encode(), document.summary());
        assert_eq!((summary.destroys.0, summary.replaces.0, document.rows[0].act), (1, 0, Act::Destroy));
        assert_eq!(Document::decode(&bytes, &summary), Some(document));
        assert_eq!(Document::decode(&bytes, &Preview { destroys: Decimal(0), ..summary.clone() }), None);
        let unsorted = String::from_utf8(bytes).unwrap().replace("destroy", "read");
        assert_eq!(Document::decode(unsorted.as_bytes(), &summary), None);
    }

    #[test]
    fn items_of_one_kind_to_which_the_same_happens_are_one_row() {
        let row = |at: usize| Row::new(if at == 4 { Act::Create } else { Act::Destroy }, &format!("w.p[{at}]"), "gone");
        let kind = |what: &str| what.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
        let rows = grouped((0..6).map(row).collect(), kind);
        let told: Vec<_> =
            rows.iter().map(|row| (row.act, row.what.as_str(), row.count.0, row.note.as_str())).collect();
        assert_eq!(
            told,
            [(Act::Destroy, "w", 5, "p[0] p[1] p[2] p[3] p[5]; gone"), (Act::Create, "w.p[4]", 1, "gone")]
        );
    }
}
