//! The counts by rule of one report, kept in the git directory, so that they can stand beside the findings of later
//! changes. They say what happened, and change neither severity nor order of anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::change::visible;
use crate::datafile::date;
use crate::disk::write_atomically;
use crate::record::json;
use crate::source::git::Repository;

const SCHEMA: &str = "undersign-rule-outcomes/v0";
/// The file, in the git directory that all worktrees share.
const FILE: &str = "undersign/rule-outcomes.json";
/// The largest file that is read.
const MAX_FILE: u64 = 4 << 20;

/// What came of the changes on which each rule fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    schema: String,
    /// The SHA-256 of the rules.
    rules: String,
    /// The period in which the changes landed, in seconds since the epoch.
    from: i64,
    to: i64,
    by_rule: BTreeMap<String, Tally>,
}

/// The counts of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    pub landed: usize,
    pub with_outcome: usize,
}

impl Remembered {
    /// None if the report has no rules, or nothing landed.
    pub fn of(report: &Report) -> Option<Remembered> {
        let rules = report.rules.clone()?;
        let first = report.changes.iter().map(|change| change.at.0).min()?;
        let group = report.groups.iter().find(|group| group.by == "rule")?;
        let tally = |row: &super::report::Row| {
            let counts = Tally { landed: row.counts.landed, with_outcome: row.counts.with_outcome };
            (row.name.to_string(), counts)
        };
        Some(Remembered {
            schema: SCHEMA.to_owned(),
            rules,
            from: report.query.from.map_or(first, |from| from.0),
            to: report.query.to.map_or(first, |to| to.0),
            by_rule: group.rows.iter().map(tally).collect(),
        })
    }

    /// Writes it into the git directory, in place of an earlier one.
    ///
    /// # Errors
    /// A sentence: it cannot be written.
    pub fn keep(&self, repository: &Repository) -> Result<(), String> {
        let path = path(repository);
        write_atomically(&path, &json::encode(self))
            .map_err(|error| format!("{} cannot be written: {error}.", shown(&path)))
    }

    /// What an earlier report left; none if there is nothing.
    ///
    /// # Errors
    /// A sentence: it cannot be read.
    pub fn read(repository: &Repository) -> Result<Option<Remembered>, String> {
        let path = path(repository);
        let again = "`undersign report outcomes --remember` writes it anew.";
        let unreadable = |why: String| format!("{} cannot be read: {why}. {again}", shown(&path));
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
            Ok(data) if !data.is_file() || data.len() > MAX_FILE => return Err(unreadable("it is too large".into())),
            Ok(_) => {}
        }
        let bytes = std::fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
        let kept: Remembered = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if kept.schema == SCHEMA { Ok(Some(kept)) } else { Err(unreadable("it is of another version".into())) }
    }

    /// The counts of a rule; none if it fired on nothing that landed.
    pub fn tally(&self, rule: &str) -> Option<Tally> {
        self.by_rule.get(rule).copied()
    }

    /// `of 41 changes on which it fired here from 2026-01-01 to 2026-06-30, 3 had an outcome`. `rules` is the digest of
    /// the rules that apply now.
    pub fn said(&self, rule: &str, rules: &str) -> Option<String> {
        let Tally { landed, with_outcome } = self.tally(rule)?;
        let day = |time: i64| date(time).chars().take(10).collect::<String>();
        let (changes, earlier) =
            (crate::change::counted(landed, "change"), if rules == self.rules { "" } else { ", by the rules of then" });
        Some(format!(
            "of {changes} on which it fired here from {} to {}, {with_outcome} had an outcome{earlier}",
            day(self.from),
            day(self.to)
        ))
    }
}

fn path(repository: &Repository) -> PathBuf {
    repository.common_dir().join(FILE)
}

fn shown(path: &std::path::Path) -> String {
    visible::line(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Remembered {
        let tally = Tally { landed: 41, with_outcome: 3 };
        Remembered {
            schema: SCHEMA.into(),
            rules: "aa".into(),
            from: 0,
            to: 86_400,
            by_rule: BTreeMap::from([("a.b".to_owned(), tally), ("a.c".to_owned(), Tally { landed: 1, ..tally })]),
        }
    }

    #[test]
    fn a_rule_is_told_by_its_counts_and_a_rule_that_never_fired_by_nothing() {
        let expected = "of 41 changes on which it fired here from 1970-01-01 to 1970-01-02, 3 had an outcome";
        assert_eq!(kept().said("a.b", "aa").as_deref(), Some(expected));
        assert!(kept().said("a.c", "bb").unwrap().ends_with("outcome, by the rules of then"));
        assert!(kept().said("a.c", "aa").unwrap().starts_with("of 1 change on"));
        assert_eq!(kept().said("a.d", "aa"), None);
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_is_not_of_its_form_is_refused_in_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        assert_eq!(Remembered::read(&repository), Ok(None));
        kept().keep(&repository).unwrap();
        assert_eq!(Remembered::read(&repository), Ok(Some(kept())));
        let other = Remembered { schema: "undersign-rule-outcomes/v1".into(), ..kept() };
        other.keep(&repository).unwrap();
        let why = Remembered::read(&repository).unwrap_err();
        assert!(why.contains("another version") && why.contains("--remember"), "{why}");
        for bytes in ["", "{}", "{\"schema\":"] {
            std::fs::write(path(&repository), bytes).unwrap();
            assert!(Remembered::read(&repository).unwrap_err().contains("cannot be read"), "{bytes}");
        }
    }
}
