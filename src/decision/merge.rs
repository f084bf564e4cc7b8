//! Two desks of one person on one change: what was written in either is kept. A three-way merge of drafts, item by
//! item.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Draft, Note};
use crate::change::counted;

impl Draft {
    /// Applies the difference between `base` and `ours` to this draft. Only what one side removed and the other left
    /// alone is dropped. Of a text that both changed differently, both versions are kept.
    pub fn with_changes(&self, base: &Draft, ours: &Draft) -> Draft {
        let theirs = self;
        let at = |draft: &Draft| (draft.base.clone(), draft.head.clone(), draft.looked_at.clone());
        let (base_id, head, looked_at) = if at(ours) == at(base) { at(theirs) } else { at(ours) };
        let own = |key: &&String| !base.seen.contains(*key);
        let kept = theirs.seen.iter().filter(|key| ours.seen.contains(*key) || !base.seen.contains(*key));
        let decided = if ours.decided_on == base.decided_on { theirs } else { ours };
        Draft {
            schema: ours.schema.clone(),
            change: ours.change.clone(),
            refs: ours.refs.clone(),
            head,
            base: base_id,
            looked_at,
            decided_on: decided.decided_on.clone(),
            seen: kept.chain(ours.seen.iter().filter(own)).cloned().collect(),
            shown: maps(&base.shown, &ours.shown, &theirs.shown, |_, ours, theirs| join(ours, theirs)),
            answers: maps(&base.answers, &ours.answers, &theirs.answers, both),
            acknowledged: maps(&base.acknowledged, &ours.acknowledged, &theirs.acknowledged, both),
            notes: notes(&base.notes, &ours.notes, &theirs.notes),
            reasons: maps(&base.reasons, &ours.reasons, &theirs.reasons, both),
        }
    }

    /// Takes over what another desk did, given that `written` of this one became `merged` on disk. Which revision is
    /// open, and what of it was on this screen, remains this desk's own.
    pub fn take_in(&mut self, written: &Draft, merged: &Draft) {
        let own = std::mem::take(self);
        let joined = merged.with_changes(written, &own);
        *self = Draft { base: own.base, head: own.head, looked_at: own.looked_at, shown: own.shown, ..joined };
    }

    /// Describes what another desk did, given that `written` of this one became `merged`; none if it did nothing.
    pub fn told(written: &Draft, merged: &Draft) -> Option<String> {
        fn more<K: Ord>(then: &BTreeMap<K, String>, now: &BTreeMap<K, String>) -> usize {
            now.iter().filter(|(key, text)| then.get(*key) != Some(text)).count()
        }
        let came = [
            (merged.seen.difference(&written.seen).count(), "mark"),
            (more(&written.answers, &merged.answers), "answer"),
            (more(&written.acknowledged, &merged.acknowledged), "acknowledgement"),
            (merged.notes.iter().filter(|note| !written.notes.contains(note)).count(), "note"),
            (more(&written.reasons, &merged.reasons), "reason"),
        ];
        let came: Vec<String> = came.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(*n, noun)).collect();
        let is_taken_back = written.seen.difference(&merged.seen).next().is_some()
            || written.answers.keys().any(|key| !merged.answers.contains_key(key))
            || written.acknowledged.keys().any(|key| !merged.acknowledged.contains_key(key))
            || written.notes.iter().any(|note| !merged.notes.contains(note));
        match (came.is_empty(), is_taken_back) {
            (true, false) => None,
            (true, true) => {
                Some("Another desk of yours took something back in this review; it is gone here too.".into())
            }
            (false, _) => {
                Some(format!("Another desk of yours is on this change: {} came from there.", came.join(", ")))
            }
        }
    }
}

fn maps<K: Clone + Ord, V: Clone + PartialEq>(
    base: &BTreeMap<K, V>,
    ours: &BTreeMap<K, V>,
    theirs: &BTreeMap<K, V>,
    join: impl Fn(Option<&V>, &V, &V) -> V,
) -> BTreeMap<K, V> {
    let merged = |key: &K| {
        let (base, ours, theirs) = (base.get(key), ours.get(key), theirs.get(key));
        match (ours, theirs) {
            _ if ours == base => theirs.cloned(),
            _ if theirs == base || ours == theirs => ours.cloned(),
            (Some(ours), Some(theirs)) => Some(join(base, ours, theirs)),
            // Removed here, rewritten there: the written one is kept.
            (one, other) => one.or(other).cloned(),
        }
    };
    let keys = ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
    keys.filter_map(|key| Some((key.clone(), merged(key)?))).collect()
}

/// Two texts that were written instead of one. Where theirs already has ours of before beside their own, as when both
/// are typed at the same time, that is replaced.
fn both(base: Option<&String>, ours: &String, theirs: &String) -> String {
    let base = base.map_or("", String::as_str);
    let after = theirs.strip_suffix(base).filter(|own| !base.is_empty() && own.ends_with('\n'));
    let before = theirs.strip_prefix(base).filter(|own| !base.is_empty() && own.starts_with('\n'));
    match (after, before) {
        _ if ours.contains(theirs.as_str()) => ours.clone(),
        (Some(own), _) => format!("{own}{ours}"),
        (_, Some(own)) => format!("{ours}{own}"),
        _ if theirs.contains(ours.as_str()) => theirs.clone(),
        _ => format!("{theirs}\n{ours}"),
    }
}

/// A note that both desks rewrote becomes two notes.
fn notes(base: &[Note], ours: &[Note], theirs: &[Note]) -> Vec<Note> {
    let (removed, added) = (without(base, ours), without(ours, base));
    let mut merged = without(theirs, &removed);
    let new = without(&added, &merged);
    merged.extend(new);
    merged
}

/// The notes of one list that are not in another, counted.
fn without(notes: &[Note], others: &[Note]) -> Vec<Note> {
    let mut others: Vec<&Note> = others.iter().collect();
    let is_left = |note: &&Note| match others.iter().position(|other| other == note) {
        Some(at) => {
            others.swap_remove(at);
            false
        }
        None => true,
    };
    notes.iter().filter(is_left).cloned().collect()
}

/// Lines that were shown in one or the other.
fn join(ours: &[Range<u32>], theirs: &[Range<u32>]) -> Vec<Range<u32>> {
    let mut all: Vec<Range<u32>> = ours.iter().chain(theirs).cloned().collect();
    all.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u32>> = Vec::new();
    for range in all {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn answered(answer: &str) -> Draft {
        let mut draft = Draft::default();
        draft.answers.insert("k".into(), answer.into());
        draft
    }

    #[test]
    fn of_two_answers_to_one_finding_both_are_kept_and_one_that_was_taken_back_is_gone() {
        let (ours, theirs, none) = (answered("ours"), answered("theirs"), Draft::default());
        assert_eq!(theirs.with_changes(&none, &ours).answers["k"], "theirs\nours");
        assert_eq!(theirs.with_changes(&theirs, &none).answers.len(), 0);
        assert_eq!(theirs.with_changes(&ours, &none).answers["k"], "theirs", "it was written anew meanwhile");
        assert_eq!(ours.with_changes(&ours, &answered("ours, more")).answers["k"], "ours, more");
    }

    #[test]
    fn a_note_that_both_rewrote_is_two_notes_and_one_that_both_wrote_is_one() {
        let note = |text: &str| Note { path: "a".into(), line: 1, text: text.into(), ..Note::default() };
        let draft = |texts: &[&str]| Draft { notes: texts.iter().map(|t| note(t)).collect(), ..Draft::default() };
        let merged = |base: &[&str], ours: &[&str], theirs: &[&str]| {
            let merged = draft(theirs).with_changes(&draft(base), &draft(ours));
            merged.notes.into_iter().map(|note| note.text).collect::<Vec<_>>()
        };
        assert_eq!(merged(&["x"], &["y"], &["z"]), ["z", "y"]);
        assert_eq!(merged(&["x"], &["x", "y"], &["x", "y"]), ["x", "y"]);
        assert_eq!(merged(&["x"], &[], &["x", "z"]), ["z"]);
    }

    #[test]
    fn words_for_one_verdict_never_become_words_for_another() {
        let wrote = |verdict, words: &str| Draft { reasons: [(verdict, words.into())].into(), ..Draft::default() };
        let (against, for_it) = (wrote(Verdict::Reject, "wrong file"), wrote(Verdict::Approve, "reverts well"));
        for (theirs, ours) in [(&against, &for_it), (&for_it, &against)] {
            let merged = theirs.with_changes(&Draft::default(), ours);
            assert_eq!(merged.reason(Verdict::Reject), "wrong file");
            assert_eq!(merged.reason(Verdict::Approve), "reverts well");
            assert_eq!(merged.reason(Verdict::BreakGlass), "");
        }
    }

    /// Each letter is saved, and what the other desk wrote is not in the field that is typed into.
    #[test]
    fn two_desks_that_type_at_the_same_time_are_both_kept_whole() {
        let texts = |text: &str| (1..=text.len()).map(|end| text[..end].to_owned()).collect::<Vec<_>>();
        let (mut on_disk, mut before) = (Draft::default(), [Draft::default(), Draft::default()]);
        for (one, other) in texts("first thought").into_iter().zip(texts("then a second")) {
            for (before, typed) in before.iter_mut().zip([one, other]) {
                let ours = Draft { reasons: [(Verdict::Approve, typed)].into(), ..Draft::default() };
                on_disk = on_disk.with_changes(before, &ours);
                *before = ours;
            }
        }
        assert_eq!(on_disk.reason(Verdict::Approve), "first thought\nthen a second");
    }

    #[test]
    fn what_another_desk_did_is_told_in_numbers() {
        let written = answered("a");
        let mut merged = written.clone();
        assert_eq!(Draft::told(&written, &merged), None);
        merged.seen.extend(["1".to_owned(), "2".to_owned()]);
        merged.notes.push(Note::default());
        assert!(Draft::told(&written, &merged).unwrap().contains("2 marks, 1 note came"));
        assert!(Draft::told(&merged, &written).unwrap().contains("took something back"));
    }
}
