//! The counts by rule of one report, kept in the git directory, so that they can stand beside the findings of later
//! changes. They say what happened, and change neither severity nor order of anything.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::change::{counted, visible};
use crate::datafile::date;
use crate::disk::write_atomically;
use crate::record::json;
use crate::source::git::Repository;

const SCHEMA: &str = "undersign-rule-outcomes/v1";
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
    /// The period in which the changes with rules landed, in seconds since the epoch: of a longer one, only the newest
    /// changes have rules.
    from: i64,
    to: i64,
    /// The refs, if they were asked for; empty for all protected ones.
    refs: Vec<String>,
    /// An outcome counts within this many days; a change that had fewer is not watched.
    within_days: u32,
    by_rule: BTreeMap<String, Tally>,
}

/// The counts of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    pub landed: usize,
    pub with_outcome: usize,
    /// Those that were watched for all of the days in which an outcome counts.
    pub watched: usize,
}

/// The dates that a period is told by: from 1970 up to the end of 9999. Committers claim others.
const DATES: RangeInclusive<i64> = 0..=253_402_300_799;

impl Remembered {
    /// None if the report has no rules, or nothing of which any were computed landed at a time that can be.
    pub fn of(report: &Report) -> Option<Remembered> {
        let rules = report.rules.clone()?;
        let with_rules = report.changes.iter().filter(|change| change.tier.is_some());
        let times: Vec<i64> = with_rules.map(|change| change.at.0).filter(|at| DATES.contains(at)).collect();
        let group = report.groups.iter().find(|group| group.by == "rule")?;
        let tally = |row: &super::report::Row| {
            let counts =
                Tally { landed: row.counts.landed, with_outcome: row.counts.with_outcome, watched: row.counts.watched };
            (row.name.to_string(), counts)
        };
        let refs = report.query.refs.iter().filter(|_| report.query.refs_are_given);
        Some(Remembered {
            schema: SCHEMA.to_owned(),
            rules,
            from: times.iter().min().copied()?,
            to: times.iter().max().copied()?,
            refs: refs.map(ToString::to_string).collect(),
            within_days: report.query.within_days,
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
        let again = "`undersign report outcomes --remember` rewrites it.";
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

    /// `of 41 changes on which it fired here from 2026-01-01 to 2026-06-30, 3 had an outcome; 38 were watched for 90
    /// days`. `rules` is the digest of the rules that apply now.
    pub fn said(&self, rule: &str, rules: &str) -> Option<String> {
        let Tally { landed, with_outcome, watched } = self.tally(rule)?;
        let day = |time: i64| match DATES.contains(&time) {
            true => date(time).chars().take(10).collect(),
            false => "no known day".to_owned(),
        };
        let (changes, days) = (counted(landed, "change"), counted(self.within_days as usize, "day"));
        let were = if watched == 1 { "was" } else { "were" };
        let on = match &self.refs[..] {
            [] => String::new(),
            refs => format!(" on {}", refs.iter().map(|name| visible::text(name)).collect::<Vec<_>>().join(", ")),
        };
        let earlier = if rules == self.rules { "" } else { ", by the rules of then" };
        Some(format!(
            "of {changes} on which it fired here{on} from {} to {}, {with_outcome} had an outcome; {watched} {were} \
             watched for {days}{earlier}",
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
        let tally = Tally { landed: 41, with_outcome: 3, watched: 38 };
        Remembered {
            schema: SCHEMA.into(),
            rules: "aa".into(),
            from: 0,
            to: 86_400,
            refs: Vec::new(),
            within_days: 90,
            by_rule: BTreeMap::from([("a.b".to_owned(), tally), ("a.c".to_owned(), Tally { landed: 1, ..tally })]),
        }
    }

    #[test]
    fn a_rule_is_told_by_its_counts_and_a_rule_that_never_fired_by_nothing() {
        let expected = "of 41 changes on which it fired here from 1970-01-01 to 1970-01-02, 3 had an outcome; 38 were \
                        watched for 90 days";
        assert_eq!(kept().said("a.b", "aa").as_deref(), Some(expected));
        assert!(kept().said("a.c", "bb").unwrap().ends_with("days, by the rules of then"));
        assert!(kept().said("a.c", "aa").unwrap().starts_with("of 1 change on"));
        assert_eq!(kept().said("a.d", "aa"), None);
        let on = Remembered { refs: vec!["refs/heads/x\u{202e}".into()], from: i64::MIN, to: i64::MAX, ..kept() };
        let told = on.said("a.b", "aa").unwrap();
        assert!(told.contains(" on refs/heads/x") && !told.contains('\u{202e}'), "{told}");
        assert!(told.contains("from no known day to no known day"), "{told}");
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_is_not_of_its_form_is_refused_in_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        assert_eq!(Remembered::read(&repository), Ok(None));
        kept().keep(&repository).unwrap();
        assert_eq!(Remembered::read(&repository), Ok(Some(kept())));
        let other = Remembered { schema: "undersign-rule-outcomes/v0".into(), ..kept() };
        other.keep(&repository).unwrap();
        let why = Remembered::read(&repository).unwrap_err();
        assert!(why.contains("another version") && why.contains("--remember"), "{why}");
        for bytes in ["", "{}", "{\"schema\":"] {
            std::fs::write(path(&repository), bytes).unwrap();
            assert!(Remembered::read(&repository).unwrap_err().contains("cannot be read"), "{bytes}");
        }
    }
}
