//! An unfinished review. Marks are bound to content, so they outlive a rebase and fall where the content changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The format of a draft on disk; another one is refused, not guessed at.
pub const DRAFT_SCHEMA: &str = "undersign-draft/v0";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub schema: String,
    /// Id of the change, to find it again.
    pub change: String,
    /// Head commit when it was last written: another head means that the change moved meanwhile.
    pub head: String,
    /// Keys of the hunks that the reviewer marked.
    pub seen: BTreeSet<String>,
    /// Finding key → the reviewer's answer.
    pub answers: BTreeMap<String, String>,
    /// Omission key → why it is acceptable.
    pub acknowledged: BTreeMap<String, String>,
    pub notes: Vec<Note>,
    pub reason: String,
}

/// The reviewer's remark at a place. `line` is 1-based on the named side; 0 is the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub path: String,
    pub old_side: bool,
    pub line: u32,
    pub text: String,
}

impl Draft {
    pub fn new(change: &str, head: &str) -> Draft {
        Draft { schema: DRAFT_SCHEMA.to_owned(), change: change.to_owned(), head: head.to_owned(), ..Draft::default() }
    }

    /// Nothing in it that could be lost.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
            && self.answers.is_empty()
            && self.acknowledged.is_empty()
            && self.notes.is_empty()
            && self.reason.is_empty()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = serde_json::to_vec_pretty(self).expect("plain data always serialises into memory");
        out.push(b'\n');
        out
    }

    /// Reads a draft; the error says what is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Draft, String> {
        let draft: Draft = serde_json::from_slice(bytes).map_err(|error| format!("it is damaged ({error})"))?;
        if draft.schema != DRAFT_SCHEMA {
            return Err(format!(
                "it was written by another version (`{}`)",
                crate::change::visible::text(&draft.schema)
            ));
        }
        Ok(draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_read_back_as_it_was_written_and_damage_is_named() {
        let mut draft = Draft::new("infra:kiro/x", "8f2c1e0");
        draft.answers.insert("k".into(), "a\u{1b}b".into());
        assert_eq!(Draft::decode(&draft.encode()), Ok(draft.clone()));
        assert!(Draft::decode(&draft.encode()[..20]).unwrap_err().contains("damaged"));
        draft.schema = "undersign-draft/v9".into();
        assert!(Draft::decode(&draft.encode()).unwrap_err().contains("another version"));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Draft::decode(&bytes);
        }
    }
}
