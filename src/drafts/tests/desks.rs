//! Two desks on one change, in any interleaving.

use super::*;

/// A desk: what it last wrote or read, and what it shows now.
#[derive(Default)]
struct Desk {
    saved: Draft,
    draft: Draft,
}

impl Desk {
    fn open(drafts: &Drafts) -> Desk {
        let draft = drafts.load(&refs(), &change()).unwrap().draft.unwrap_or_else(Desk::fresh);
        Desk { saved: draft.clone(), draft }
    }

    fn fresh() -> Draft {
        Draft::new(CHANGE, crate::decision::Revised::of(&change().revision))
    }

    fn save(&mut self, drafts: &Drafts) {
        let written = self.draft.clone();
        let base = std::mem::replace(&mut self.saved, written.clone());
        let Ok(saved) = drafts.save(&refs(), &base, &written) else { return };
        let merged = saved.draft;
        self.draft.take_in(&written, &merged);
        self.saved.take_in(&written, &merged);
    }
}

#[derive(Debug, Clone)]
enum Act {
    Mark(u8),
    Unmark(u8),
    Answer(u8),
    Note(u8),
    Reason,
    Save,
    Leave,
    /// The disk is full until the next one.
    Full,
}

fn acts() -> impl proptest::strategy::Strategy<Value = Vec<(bool, Act)>> {
    use proptest::prelude::*;
    let act = prop_oneof![
        (0u8..6).prop_map(Act::Mark),
        (0u8..6).prop_map(Act::Unmark),
        (0u8..4).prop_map(Act::Answer),
        (0u8..3).prop_map(Act::Note),
        Just(Act::Reason),
        Just(Act::Save),
        Just(Act::Save),
        Just(Act::Leave),
        Just(Act::Full),
    ];
    prop::collection::vec((any::<bool>(), act), 1..40)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 96, ..Default::default() })]

    #[test]
    fn two_desks_in_any_interleaving_lose_no_mark_answer_note_or_reason(acts in acts()) {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("drafts");
        // Each desk is a separate process.
        let drafts = [Drafts::at(place.clone()), Drafts::at(place.clone())];
        let mut desks = [Desk::open(&drafts[0]), Desk::open(&drafts[1])];
        let (mut unmarked, mut words) = (std::collections::BTreeSet::new(), Vec::new());
        let mut marked = std::collections::BTreeSet::new();
        let mut is_full = false;
        for (n, (second, act)) in acts.into_iter().enumerate() {
            let at = usize::from(second);
            let (desk, drafts) = (&mut desks[at], &drafts[at]);
            let word = format!("word {n}.");
            match act {
                Act::Mark(key) => {
                    marked.insert(key.to_string());
                    desk.draft.seen.insert(key.to_string());
                }
                Act::Unmark(key) => {
                    unmarked.insert(key.to_string());
                    desk.draft.seen.remove(&key.to_string());
                }
                // A person adds to the existing text.
                Act::Answer(key) => {
                    let answer = desk.draft.answers.entry(key.to_string()).or_default();
                    answer.push_str(&word);
                    words.push(word);
                }
                Act::Note(line) => {
                    let text = word.clone();
                    desk.draft.notes.push(Note { line: u32::from(line), text, ..Note::default() });
                    words.push(word);
                }
                Act::Reason => {
                    let verdict = if words.len() % 2 == 0 { Verdict::Approve } else { Verdict::Reject };
                    desk.draft.reasons.entry(verdict).or_default().push_str(&word);
                    words.push(word);
                }
                Act::Save => desk.save(drafts),
                // A desk that ends while nothing can be written loses what it reported as lost.
                Act::Leave if !is_full => {
                    desk.save(drafts);
                    *desk = Desk::open(drafts);
                }
                Act::Leave => {}
                Act::Full => {
                    let aside = dir.path().join("aside");
                    let moves = if is_full { [&aside, &place] } else { [&place, &aside] };
                    if is_full {
                        std::fs::remove_file(&place).unwrap();
                    }
                    let _ = std::fs::rename(moves[0], moves[1]);
                    is_full = !is_full;
                    if is_full {
                        std::fs::write(&place, "no directory").unwrap();
                    }
                }
            }
        }
        if is_full {
            std::fs::remove_file(&place).unwrap();
            let _ = std::fs::rename(dir.path().join("aside"), &place);
        }
        desks[0].save(&drafts[0]);
        desks[1].save(&drafts[1]);
        desks[0].save(&drafts[0]);
        let kept = Desk::open(&drafts[0]).draft;
        let text = String::from_utf8(kept.encode()).unwrap();
        for word in words {
            proptest::prop_assert!(text.contains(&word), "{word} is lost: {text}");
        }
        for key in marked.difference(&unmarked) {
            proptest::prop_assert!(kept.seen.contains(key), "mark {key} is lost");
        }
        proptest::prop_assert_eq!(&desks[0].draft.seen, &kept.seen);
        proptest::prop_assert_eq!(&desks[0].draft.notes.len(), &kept.notes.len());
    }
}
