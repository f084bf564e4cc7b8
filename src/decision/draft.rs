//! An unfinished review. Marks are bound to content, so they survive a rebase and are dropped if the content changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::anchor::Anchor;
use crate::change::Revision;

/// The format of a draft on disk; an unknown one is refused, not guessed.
pub const DRAFT_SCHEMA: &str = "undersign-draft/v5";
/// They lacked the members that have a default here: notes had no anchor. They had one `reason`, in v4 with the verdict
/// that it was for, before that without.
const EARLIER_SCHEMAS: [&str; 5] =
    ["undersign-draft/v0", "undersign-draft/v1", "undersign-draft/v2", "undersign-draft/v3", "undersign-draft/v4"];

/// What a reviewer has done with one change so far, not signed yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Name and version of the format of the file.
    pub schema: String,
    /// Id of the change, to find it again.
    pub change: String,
    /// Full names of the refs that showed the change when it was last written, the one by which it is kept first; empty
    /// for a range of commits.
    #[serde(default)]
    pub refs: Vec<String>,
    /// The head commit when it was last written: a different head means that the change moved meanwhile.
    pub head: String,
    /// The base at that time.
    #[serde(default)]
    pub base: String,
    /// The revision before this one that the reviewer opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Revised>,
    /// The revision that the reviewer last decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_on: Option<Revised>,
    /// Keys of the hunks that the reviewer marked.
    pub seen: BTreeSet<String>,
    /// For hunks that were partly on the screen: which of their lines were, counted from 0.
    #[serde(default)]
    pub shown: BTreeMap<String, Vec<Range<u32>>>,
    /// Finding key → the reviewer's answer.
    pub answers: BTreeMap<String, String>,
    /// Omission key → why it is acceptable.
    pub acknowledged: BTreeMap<String, String>,
    /// Remarks at places, in the order in which they were written.
    pub notes: Vec<Note>,
    /// The reviewer's own words so far, each by the verdict that they were written for: what was written against a
    /// change must not be signed for it.
    #[serde(default)]
    pub reasons: BTreeMap<Verdict, String>,
}

/// A revision by its commits: 40 hex digits each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revised {
    /// The base commit: 40 hex digits.
    pub base: String,
    /// The head commit: 40 hex digits.
    pub head: String,
}

impl Revised {
    /// Of base and head of a revision.
    pub fn of(revision: &Revision) -> Revised {
        Revised { base: revision.base.to_string(), head: revision.head.to_string() }
    }
}

/// The reviewer's remark at a place. `line` is 1-based on the named side; 0 is the whole file, or the whole change if
/// there is no path either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Escaped as a path is displayed; empty if it is about the change as a whole.
    pub path: String,
    /// Whether its lines are on the old side.
    pub old_side: bool,
    /// Counts from 1; 0 is the file as a whole.
    pub line: u32,
    /// The last line, if it is about several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u32>,
    /// If it is about more than the file that stands for it: `all 5 files of old/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
    /// Its text.
    pub text: String,
    /// The content of its lines; none for a note on a file or on the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
}

impl Note {
    /// Whether it is about the same lines. A note whose lines no longer exist is about none.
    pub fn is_at(&self, place: &Note) -> bool {
        !self.is_outdated()
            && (&self.path, self.old_side, self.line, self.until, self.whole.is_some())
                == (&place.path, place.old_side, place.line, place.until, place.whole.is_some())
    }
}

impl Draft {
    /// An empty draft.
    pub fn new(change: &str, revision: Revised) -> Draft {
        let Revised { base, head } = revision;
        Draft { schema: DRAFT_SCHEMA.to_owned(), change: change.to_owned(), head, base, ..Draft::default() }
    }

    /// The name by which it is kept: the first ref, or the id of a range.
    pub fn key(&self) -> &str {
        self.refs.first().unwrap_or(&self.change)
    }

    /// The revision that it is about.
    pub fn revision(&self) -> Revised {
        Revised { base: self.base.clone(), head: self.head.clone() }
    }

    /// The change has a new revision; the previous one is kept, to show what changed since.
    pub fn moved_to(&mut self, revision: Revised) {
        if self.head != revision.head && !self.base.is_empty() {
            self.looked_at = Some(self.revision());
        }
        (self.base, self.head) = (revision.base, revision.head);
        DRAFT_SCHEMA.clone_into(&mut self.schema);
    }

    /// What is left once this has become a record: what was looked at and answered is kept, for a new decision or the
    /// next revision. Notes and reasons are in the record, or have nothing more to say.
    pub fn decided(&self) -> Draft {
        let (notes, reasons) = (Vec::new(), BTreeMap::new());
        Draft { decided_on: Some(self.revision()), notes, reasons, ..self.clone() }
    }

    /// The words for a verdict; blank if there are none.
    pub fn reason(&self, verdict: Verdict) -> &str {
        self.reasons.get(&verdict).map_or("", String::as_str)
    }

    /// Whether the reviewer decided on the revision that it is about.
    pub fn is_decided(&self) -> bool {
        self.decided_on.as_ref().is_some_and(|decided| decided.head == self.head)
    }

    /// Whether it holds nothing that could be lost.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
            && self.answers.is_empty()
            && self.acknowledged.is_empty()
            && self.notes.is_empty()
            && self.reasons.is_empty()
            && self.shown.is_empty()
            && self.looked_at.is_none()
            && self.decided_on.is_none()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = serde_json::to_vec_pretty(self).expect("plain data always serialises into memory");
        out.push(b'\n');
        out
    }

    /// Reads a draft; the error says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Draft, String> {
        let damaged = |error: serde_json::Error| format!("it is damaged ({error})");
        let mut file: serde_json::Value = serde_json::from_slice(bytes).map_err(damaged)?;
        bring_up(&mut file);
        let draft: Draft = serde_json::from_value(file).map_err(damaged)?;
        if draft.schema != DRAFT_SCHEMA && !EARLIER_SCHEMAS.contains(&draft.schema.as_str()) {
            return Err(format!(
                "it was written by another version (`{}`)",
                crate::change::visible::text(&draft.schema)
            ));
        }
        Ok(draft)
    }
}

/// Puts the reason of an earlier format under its verdict. Where that is not known, the words may be against the
/// change, and must not be signed for it.
fn bring_up(file: &mut serde_json::Value) {
    let Some(members) = file.as_object_mut() else { return };
    if !members.get("schema").is_some_and(|schema| EARLIER_SCHEMAS.iter().any(|earlier| schema == earlier)) {
        return;
    }
    let (reason, verdict) = (members.remove("reason"), members.remove("reason_for"));
    if let Some(reason) = reason.filter(|reason| reason != "") {
        let verdict = verdict.as_ref().and_then(serde_json::Value::as_str).unwrap_or("reject");
        members.insert("reasons".to_owned(), serde_json::json!({ verdict: reason }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_an_unknown_verdict_are_never_offered_for_an_approval() {
        let earlier = |schema: &str, more: &str| {
            let text = format!(
                r#"{{"schema": "{schema}", "change": "a:b", "head": "1", "seen": [], "answers": {{}}, "acknowledged": {{}},
                "notes": [], "reason": "drops the table"{more}}}"#
            );
            Draft::decode(text.as_bytes()).unwrap().reasons
        };
        let words = |verdict| BTreeMap::from([(verdict, "drops the table".to_owned())]);
        assert_eq!(earlier("undersign-draft/v3", ""), words(Verdict::Reject));
        assert_eq!(earlier("undersign-draft/v4", r#", "reason_for": "approve""#), words(Verdict::Approve));
    }

    #[test]
    fn a_draft_is_read_back_as_it_was_written_and_damage_is_named() {
        let revision = Revised { base: "b71d9aa".into(), head: "8f2c1e0".into() };
        let mut draft = Draft::new("infra:kiro/x", revision.clone());
        draft.answers.insert("k".into(), "a\u{1b}b".into());
        assert_eq!(Draft::decode(&draft.encode()), Ok(draft.clone()));
        assert!(Draft::decode(&draft.encode()[..20]).unwrap_err().contains("damaged"));
        draft.schema = "undersign-draft/v9".into();
        assert!(Draft::decode(&draft.encode()).unwrap_err().contains("another version"));
    }

    #[test]
    fn a_draft_of_the_version_before_is_read_and_remembers_what_it_was_about() {
        let earlier = br#"{"schema": "undersign-draft/v0", "change": "a:b", "head": "1", "seen": ["k"], "answers": {},
            "acknowledged": {}, "notes": [{"path": "a", "old_side": false, "line": 3, "text": "t"}], "reason": ""}"#;
        let mut draft = Draft::decode(earlier).unwrap();
        assert!(draft.seen.contains("k") && draft.notes[0].until.is_none());
        draft.moved_to(Revised { base: "b".into(), head: "2".into() });
        assert_eq!(draft.looked_at, None, "its base is not known");
        draft.moved_to(Revised { base: "b".into(), head: "3".into() });
        assert_eq!(draft.looked_at.as_ref().unwrap().head, "2");
        let decided = draft.decided();
        assert!(decided.is_decided() && decided.notes.is_empty() && decided.seen.contains("k"));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Draft::decode(&bytes);
        }
    }
}
