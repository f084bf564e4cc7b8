//! FLOOR 0: TOML files that people write (policy, rules, themes, keymap, configuration), with **all** mistakes of a
//! file reported at once, each with its line. Unknown and duplicate keys are mistakes, never ignored.
//!
//! It does not guess: a file with one mistake yields no value at all, so a caller never runs on half of what was meant.

#![warn(missing_docs)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Date, DateTime};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset};

/// The greatest number in a file: every reader of JSON and TOML has it exactly.
pub const MAX_NUMBER: u64 = 1 << 53;

/// What is wrong in a file, and in which line (1-based).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong, as a sentence without its full stop.
    pub text: String,
}

/// Why a file is refused: its name and all of its mistakes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct FileError {
    /// The name of the file as it was given.
    pub file: String,
    /// All of them, by line.
    pub mistakes: Vec<Mistake>,
}

impl FileError {
    /// The first mistake, and how many more there are, in one line.
    pub fn brief(&self) -> String {
        let first = self.mistakes.first();
        let place = first.map(|mistake| format!(" line {}: {}", mistake.line, mistake.text)).unwrap_or_default();
        let more = match self.mistakes.len() {
            0 | 1 => String::new(),
            2 => " (and 1 more mistake)".to_owned(),
            n => format!(" (and {} more mistakes)", n - 1),
        };
        format!("{}{place}{more}", self.file)
    }

    fn sentence(&self) -> String {
        let count = match self.mistakes.len() {
            1 => "1 mistake".to_owned(),
            n => format!("{n} mistakes"),
        };
        let mut text = format!("{} has {count}:", self.file);
        for mistake in &self.mistakes {
            text.push_str(&format!("\n  line {}: {}", mistake.line, mistake.text));
        }
        text
    }
}

/// Reads `source` with `read`, and refuses the whole file if anything in it is wrong.
pub fn read<T>(file: &str, source: &str, read: impl FnOnce(&Table<'_>) -> Option<T>) -> Result<T, FileError> {
    let (root, errors) = DeTable::parse_recoverable(source);
    let sheet = Sheet { source, mistakes: RefCell::default() };
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        sheet.mistake(at, error.message().to_owned());
    }
    let value = {
        let span = root.span();
        let table = Table {
            sheet: &sheet,
            table: root.get_ref(),
            at: span.start,
            name: String::new(),
            used: RefCell::default(),
        };
        read(&table)
    };
    let mut mistakes = sheet.mistakes.into_inner();
    match value {
        Some(value) if mistakes.is_empty() => Ok(value),
        _ => {
            mistakes.sort();
            mistakes.dedup();
            debug_assert!(!mistakes.is_empty(), "a file is refused without a reason");
            Err(FileError { file: file.to_owned(), mistakes })
        }
    }
}

struct Sheet<'s> {
    source: &'s str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Sheet<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self.source.as_bytes()[..at.min(self.source.len())].iter().filter(|&&b| b == b'\n').count()
    }

    fn mistake(&self, at: usize, text: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { line: self.line(at), text: text.into() });
    }
}

/// A value together with its place, so that a rule about it can still name its line.
#[derive(Clone)]
pub struct Placed<'t, T> {
    /// The value as the file has it.
    pub value: T,
    sheet: &'t Sheet<'t>,
    at: usize,
}

impl<T> Placed<'_, T> {
    /// Reports that this value is wrong.
    pub fn mistake(&self, text: impl Into<String>) {
        self.sheet.mistake(self.at, text);
    }

    /// What is said about its line, where the file is not to be refused for it.
    pub fn remark(&self, text: impl Into<String>) -> Mistake {
        Mistake { line: self.sheet.line(self.at), text: text.into() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Placed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// An entry of a list that has a short form and a long one.
pub enum Item<'t> {
    /// The short form.
    Text(Placed<'t, String>),
    /// The long form.
    Table(Table<'t>),
}

/// One table of the file. Keys that were never read are reported when it is dropped.
pub struct Table<'t> {
    sheet: &'t Sheet<'t>,
    table: &'t DeTable<'t>,
    at: usize,
    name: String,
    used: RefCell<BTreeSet<String>>,
}

impl<'t> Table<'t> {
    /// Reports that this table as a whole is wrong.
    pub fn mistake(&self, text: impl Into<String>) {
        self.sheet.mistake(self.at, text);
    }

    /// Whether the table has the key, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the table has the key; a key that was asked for in this way is not unknown.
    pub fn has_value(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key; none if it is absent, or not a string, which is a mistake.
    pub fn string(&self, key: &str) -> Option<Placed<'t, String>> {
        let value = self.get(key)?;
        self.placed(value, key, "a string", DeValue::as_str).map(|p| p.map(str::to_owned))
    }

    /// A required string.
    pub fn need_string(&self, key: &str) -> Option<Placed<'t, String>> {
        self.need(key);
        self.string(key)
    }

    /// As [`Table::string`], for a boolean.
    pub fn boolean(&self, key: &str) -> Option<Placed<'t, bool>> {
        let value = self.get(key)?;
        self.placed(value, key, "true or false", DeValue::as_bool)
    }

    /// A whole number from 0 to [`MAX_NUMBER`].
    pub fn number(&self, key: &str) -> Option<Placed<'t, u64>> {
        let value = self.get(key)?;
        let number = |v: &DeValue<'_>| {
            let integer = v.as_integer()?;
            u64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|&n| n <= MAX_NUMBER)
        };
        self.placed(value, key, "a whole number that is not negative", number)
    }

    /// As [`Table::number`]; its absence is a mistake, too.
    pub fn need_number(&self, key: &str) -> Option<Placed<'t, u64>> {
        self.need(key);
        self.number(key)
    }

    /// A point in time, `2027-03-01T00:00:00Z`, in seconds since the epoch. A time without an offset is not a point in
    /// time.
    pub fn time(&self, key: &str) -> Option<Placed<'t, i64>> {
        let value = self.get(key)?;
        self.placed(value, key, "a time with its offset, such as 2027-03-01T00:00:00Z", |v| point(v.as_datetime()?))
    }

    /// As [`Table::time`]; its absence is a mistake, too.
    pub fn need_time(&self, key: &str) -> Option<Placed<'t, i64>> {
        self.need(key);
        self.time(key)
    }

    /// A duration, `"90s"`, `"30m"`, `"4h"` or `"14d"`, in seconds; at most ten years.
    pub fn duration(&self, key: &str) -> Option<Placed<'t, i64>> {
        let value = self.get(key)?;
        self.placed(value, key, "a length of time: \"90s\", \"30m\", \"4h\" or \"14d\"", |v| seconds(v.as_str()?))
    }

    /// A whole day, `2026-12-20`, quoted or not, in days since the epoch; its absence is a mistake.
    pub fn need_day(&self, key: &str) -> Option<Placed<'t, i64>> {
        self.need(key);
        self.placed(self.get(key)?, key, A_DAY, day_of)
    }

    /// An array of whole days; empty if the key is absent.
    pub fn days(&self, key: &str) -> Vec<Placed<'t, i64>> {
        self.array(key).iter().filter_map(|v| self.placed(v, key, A_DAY, day_of)).collect()
    }

    /// An array of strings; empty if the key is absent.
    pub fn strings(&self, key: &str) -> Vec<Placed<'t, String>> {
        let items = self.array(key);
        items
            .iter()
            .filter_map(|v| self.placed(v, key, "a list of strings", DeValue::as_str))
            .map(|p| p.map(str::to_owned))
            .collect()
    }

    /// A table inside this one; none if it is absent, or not a table, which is a mistake.
    pub fn table(&self, key: &str) -> Option<Table<'t>> {
        let value = self.get(key)?;
        self.sub(value, key.to_owned())
    }

    /// As [`Table::table`], for a table that is read as a whole elsewhere: what is not read here is not unknown.
    pub fn part_of(&self, key: &str) -> Option<Table<'t>> {
        let table = self.table(key)?;
        table.used.borrow_mut().extend(table.table.iter().map(|(key, _)| key.get_ref().to_string()));
        Some(table)
    }

    /// An array of tables, `[[key]]` or `key = [{ … }]`; empty if the key is absent.
    pub fn tables(&self, key: &str) -> Vec<Table<'t>> {
        self.array(key).iter().filter_map(|v| self.sub(v, key.to_owned())).collect()
    }

    /// An array of strings and tables; empty if the key is absent.
    pub fn items(&self, key: &str) -> Vec<Item<'t>> {
        let item = |value: &'t Spanned<DeValue<'t>>| match value.get_ref() {
            DeValue::Table(_) => self.sub(value, key.to_owned()).map(Item::Table),
            _ => self
                .placed(value, key, "a list of strings and tables", DeValue::as_str)
                .map(|p| Item::Text(p.map(str::to_owned))),
        };
        self.array(key).iter().filter_map(item).collect()
    }

    /// Every entry of this table that is itself a table, with its key, in the order of the file.
    pub fn named_tables(&self) -> Vec<(Placed<'t, String>, Table<'t>)> {
        let keys = self.keys();
        keys.into_iter().filter_map(|key| self.table(&key.value).map(|table| (key, table))).collect()
    }

    /// The keys of this table in the order of the file.
    pub fn keys(&self) -> Vec<Placed<'t, String>> {
        let mut keys: Vec<_> = self
            .table
            .iter()
            .map(|(key, _)| Placed { value: key.get_ref().to_string(), sheet: self.sheet, at: key.span().start })
            .collect();
        keys.sort_by_key(|key| key.at);
        keys
    }

    fn need(&self, key: &str) {
        if !self.has(key) {
            let place = if self.name.is_empty() { "the file".to_owned() } else { format!("[{}]", self.name) };
            self.mistake(format!("{place} needs `{key}`"));
        }
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.used.borrow_mut().insert(key.to_owned());
        self.table.get(key)
    }

    fn array(&self, key: &str) -> &'t [Spanned<DeValue<'t>>] {
        let Some(value) = self.get(key) else { return &[] };
        match value.get_ref() {
            DeValue::Array(items) => items,
            other => {
                self.sheet.mistake(value.span().start, format!("`{key}` must be a list, not a {}", other.type_str()));
                &[]
            }
        }
    }

    fn sub(&self, value: &'t Spanned<DeValue<'t>>, key: String) -> Option<Table<'t>> {
        let at = value.span().start;
        let name = if self.name.is_empty() { key.clone() } else { format!("{}.{key}", self.name) };
        match value.get_ref() {
            DeValue::Table(table) => Some(Table { sheet: self.sheet, table, at, name, used: RefCell::default() }),
            other => {
                self.sheet.mistake(at, format!("`{key}` must be a table, not a {}", other.type_str()));
                None
            }
        }
    }

    fn placed<T>(
        &self,
        value: &'t Spanned<DeValue<'t>>,
        key: &str,
        wanted: &str,
        take: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<Placed<'t, T>> {
        let at = value.span().start;
        let taken = take(value.get_ref());
        if taken.is_none() {
            self.sheet.mistake(at, format!("`{key}` must be {wanted}, not a {}", value.get_ref().type_str()));
        }
        taken.map(|value| Placed { value, sheet: self.sheet, at })
    }
}

impl<'t, T> Placed<'t, T> {
    fn map<U>(self, f: impl FnOnce(T) -> U) -> Placed<'t, U> {
        Placed { value: f(self.value), sheet: self.sheet, at: self.at }
    }
}

const A_DAY: &str = "a day without a time, such as 2026-12-20";

fn day_of(value: &DeValue<'_>) -> Option<i64> {
    let day: Datetime = match value.as_str() {
        Some(text) => text.parse().ok()?,
        None => *value.as_datetime()?,
    };
    if day.time.is_some() || day.offset.is_some() {
        return None;
    }
    let day = civil(day.date?)?.at(0, 0, 0, 0);
    Some(day.duration_since(date_time_of_epoch()).as_secs().div_euclid(SECONDS_OF_A_DAY))
}

/// Seconds of a day: the time of the epoch knows no others.
pub const SECONDS_OF_A_DAY: i64 = 24 * 3600;

fn civil(date: toml::value::Date) -> Option<Date> {
    Date::new(i16::try_from(date.year).ok()?, date.month.try_into().ok()?, date.day.try_into().ok()?).ok()
}

/// Seconds since the epoch, up to the last second of the year 9999 in any zone, which is beyond a [`jiff::Timestamp`].
fn point(time: &Datetime) -> Option<i64> {
    let (date, clock) = (time.date?, time.time?);
    let west = match time.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60,
    };
    let date = civil(date)?;
    // A leap second counts as the second before it.
    let second = clock.second.unwrap_or(0).min(59).try_into().ok()?;
    let local = date.at(clock.hour.try_into().ok()?, clock.minute.try_into().ok()?, second, 0);
    Some(local.duration_since(date_time_of_epoch()).as_secs() - west)
}

fn date_time_of_epoch() -> DateTime {
    Date::constant(1970, 1, 1).at(0, 0, 0, 0)
}

/// A time as people write it, to the minute; for one beyond the year 9999, that is said.
pub fn date(seconds: i64) -> String {
    let time = date_time_of_epoch().checked_add(jiff::SignedDuration::from_secs(seconds));
    time.map_or_else(|_| "beyond all dates".to_owned(), |time| time.strftime("%Y-%m-%d %H:%MZ").to_string())
}

/// A whole day as people write it, from days since the epoch.
pub fn day(days: i64) -> String {
    let time = date_time_of_epoch().checked_add(jiff::SignedDuration::from_secs(days.saturating_mul(SECONDS_OF_A_DAY)));
    time.map_or_else(|_| "beyond all dates".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// A time of the day, to the minute.
pub fn clock(seconds: i64) -> String {
    let time = date_time_of_epoch().checked_add(jiff::SignedDuration::from_secs(seconds));
    time.map_or_else(|_| "beyond all dates".to_owned(), |time| time.strftime("%H:%M UTC").to_string())
}

fn seconds(text: &str) -> Option<i64> {
    const TEN_YEARS: i64 = 10 * 365 * 24 * 3600;
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let number: i64 = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    number.checked_mul(unit).filter(|&seconds| seconds <= TEN_YEARS)
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        let used = self.used.borrow();
        for key in self.keys() {
            if !used.contains(&key.value) {
                let known = used.iter().map(AsRef::as_ref);
                let hint = match closest(&key.value, known.clone()) {
                    Some(meant) => format!("; did you mean `{meant}`?"),
                    None if used.is_empty() => String::new(),
                    None => format!("; known here: {}", known.map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
                };
                key.mistake(format!("unknown key `{}`{hint}", key.value));
            }
        }
    }
}

/// Longer keys are not compared: a file may come from anybody, and this takes time by the square of the length.
const MAX_COMPARED: usize = 64;

/// The known key that somebody probably meant: at most a third of its letters differ.
fn closest<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if key.len() > MAX_COMPARED {
        return None;
    }
    let near = known.map(|known| (distance(key, known), known)).filter(|(far, known)| far * 3 <= known.len());
    near.min().map(|(_, known)| known)
}

/// How many letters must be added, removed or replaced to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let source = "name = 3\nsurprise = true\n[inner]\ncount = -1\nwhat = 1\nwhat = 2\n";
        let refused = read("sample.toml", source, |root| {
            root.need_string("name");
            root.need_string("title");
            let inner = root.table("inner")?;
            inner.number("count");
            inner.number("what");
            Some(())
        })
        .unwrap_err();
        let lines: Vec<_> = refused.mistakes.iter().map(|m| m.line).collect();
        assert_eq!(lines, [1, 1, 2, 4, 6], "{refused}");
    }

    #[test]
    fn an_unknown_key_that_is_nearly_a_known_one_is_answered_with_that() {
        let said = |key: &str| {
            let refused = read("sample.toml", &format!("{key} = 1\n"), |root| {
                root.number("version");
                root.number("senior");
                Some(())
            });
            refused.unwrap_err().mistakes[0].text.clone()
        };
        assert_eq!(said("verison"), "unknown key `verison`; did you mean `version`?");
        assert_eq!(said("senoir"), "unknown key `senoir`; did you mean `senior`?");
        assert_eq!(said("people"), "unknown key `people`; known here: `senior`, `version`");
        assert!(said(&"v".repeat(MAX_COMPARED + 1)).contains("known here"));
    }

    #[test]
    fn times_and_lengths_of_time_are_read_strictly() {
        let source = "a = 2027-03-01T00:00:00Z\nb = '4h'\nc = 2027-03-01\nd = '1w'\ne = '-1s'\nf = '99999d'\n";
        let mut read_in = (None, None);
        let refused = read("sample.toml", source, |root| {
            read_in = (root.time("a").map(|p| p.value), root.duration("b").map(|p| p.value));
            root.time("c");
            assert!(["d", "e", "f"].iter().all(|key| root.duration(key).is_none()));
            Some(())
        });
        assert_eq!(read_in, (Some(1_803_859_200), Some(14_400)));
        assert_eq!(refused.unwrap_err().mistakes.iter().map(|m| m.line).collect::<Vec<_>>(), [3, 4, 5, 6]);
    }

    #[test]
    fn times_are_read_and_said_up_to_the_last_second_of_the_last_year() {
        let source = "a = 9999-12-31T23:59:59Z\nb = 2027-03-01T01:30:00+01:30\nc = 2027-02-28T22:00:00-02:00\nd = 0001-01-01T00:00:00Z\n";
        let read =
            read("sample.toml", source, |root| ["a", "b", "c", "d"].map(|key| root.time(key).map(|p| p.value)).into());
        let [last, east, west, first] = read.unwrap().map(Option::unwrap);
        assert_eq!((last, east, west, first), (253_402_300_799, 1_803_859_200, 1_803_859_200, -62_135_596_800));
        assert_eq!((date(last).as_str(), date(east).as_str()), ("9999-12-31 23:59Z", "2027-03-01 00:00Z"));
        assert_eq!((date(last + 1), date(i64::MAX)), ("beyond all dates".to_owned(), "beyond all dates".to_owned()));
    }

    #[test]
    fn whole_days_are_read_quoted_or_not_and_never_with_a_time() {
        let source = "a = 2026-12-20\nb = '2026-12-20'\nc = 2026-12-20T00:00:00Z\nd = '2026-02-30'\ne = [1970-01-01, 0001-01-01]\n";
        let mut days = Vec::new();
        let refused = read("sample.toml", source, |root| {
            days = ["a", "b", "c", "d"].map(|key| root.need_day(key).map(|day| day.value)).to_vec();
            days.extend(root.days("e").iter().map(|day| Some(day.value)));
            Some(())
        });
        assert_eq!(days, [Some(20_807), Some(20_807), None, None, Some(0), Some(-719_162)]);
        assert_eq!(refused.unwrap_err().mistakes.iter().map(|m| m.line).collect::<Vec<_>>(), [3, 4]);
        assert_eq!([day(20_807), day(-719_162), day(i64::MAX)], ["2026-12-20", "0001-01-01", "beyond all dates"]);
    }

    #[test]
    fn a_good_file_is_read() {
        let name = read("sample.toml", "[a.b]\nname = 'x'\n", |root| {
            let (key, table) = root.table("a")?.named_tables().remove(0);
            Some((key.value, table.need_string("name")?.value))
        });
        assert_eq!(name, Ok(("b".to_owned(), "x".to_owned())));
    }
}
