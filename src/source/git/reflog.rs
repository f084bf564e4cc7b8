//! What git remembers of where a ref was, and what it was called. Nobody who pushes can write that.

use std::collections::HashSet;
use std::path::{Component, Path};

use super::Repository;
use crate::change::ObjectId;
use crate::disk::read_small;

/// The longest memory that is read.
const MOST: u64 = 16 * 1024 * 1024;

/// The memory of a ref; empty where git keeps none, as in bare repositories.
#[derive(Debug, Default)]
pub struct RefLog {
    /// The commits at which it was.
    pub commits: HashSet<ObjectId>,
    /// The full names that it had before.
    pub names: Vec<String>,
}

impl RefLog {
    fn of(text: &str) -> RefLog {
        let mut log = RefLog::default();
        for line in text.lines() {
            let (entry, message) = line.split_once('\t').unwrap_or((line, ""));
            log.commits.extend(entry.split(' ').take(2).filter_map(|id| id.parse::<ObjectId>().ok()));
            // `Branch: renamed refs/heads/a to refs/heads/b`, `remote: renamed …`.
            let renamed = message.split_once(": renamed ").and_then(|(_, names)| names.split_once(" to "));
            log.names.extend(renamed.map(|(before, _)| before.to_owned()));
        }
        log
    }
}

impl Repository {
    /// What git remembers of a ref. Its library would begin a memory where there is none.
    pub fn log_of(&self, name: &str) -> RefLog {
        let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || !name.starts_with("refs/") {
            return RefLog::default();
        }
        let bytes = read_small(&self.common_dir().join("logs").join(name), MOST);
        RefLog::of(&String::from_utf8_lossy(&bytes))
    }

    /// The full names of branches and review requests, and where they are.
    pub fn branch_tips(&self) -> Vec<(String, ObjectId)> {
        let all = self.branch_refs().unwrap_or_default().into_iter();
        all.filter_map(|(at, tip)| Some((at.full, tip.ok()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_tells_where_a_ref_was_and_what_it_was_called() {
        let id = |n: char| n.to_string().repeat(40);
        let text = format!(
            "{} {} Dana <d@example.com> 1 +0000\tcommit: x\n{} {} Dana <d@example.com> 2 +0000\tBranch: renamed \
             refs/heads/a to refs/heads/b\nrubbish\n\tremote: renamed refs/remotes/o/x to refs/remotes/u/x\n",
            id('0'),
            id('1'),
            id('1'),
            id('1'),
        );
        let log = RefLog::of(&text);
        assert!(log.commits.contains(&id('1').parse().unwrap()));
        assert_eq!(log.names, ["refs/heads/a", "refs/remotes/o/x"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text: String) {
            RefLog::of(&text);
        }
    }
}
