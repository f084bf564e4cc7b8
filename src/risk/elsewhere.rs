//! What a change loses in one file and says in another: a deadline that moved into the client, a lock into the caller.

use std::collections::BTreeMap;

use super::{FileUnderReview, Finding, Severity, is_source};
use crate::change::diff::Side;

/// The rules about a loss in code, and the words of what makes up for it.
const KINDS: &[(&str, &[&str])] = &[
    ("resil.timeout", &["timeout", "deadline"]),
    ("resil.limit", &["limit", "max_"]),
    ("resil.breaker", &["throttl", "limiter", "ratelimit", "rate_limit", "breaker"]),
    ("resil.retry", &["retry", "retries", "attempt"]),
    ("conc.", &[".lock(", "lock!", "with_lock", "for_update", "mutex", "transaction", "atomic", "synchronized"]),
    ("auth.check", &["authori", "authenti", "permission", "require_", "@can", "policy"]),
];
/// More files than these are not told apart.
const MANY: usize = 2;

/// The files in which code came that speaks of a kind.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(BTreeMap<&'static str, Vec<String>>);

impl Elsewhere {
    pub fn read(&mut self, file: &FileUnderReview<'_>) {
        let path = file.path();
        if !is_source(&path) {
            return;
        }
        for (rule, words) in KINDS {
            let paths = self.0.entry(rule).or_default();
            if paths.len() >= MANY {
                continue;
            }
            let says = |(number, line): &(u32, String)| {
                let is_comment = || file.stated(Side::New).is_some_and(|stated| stated.comments.contains(number));
                let lower = line.to_ascii_lowercase();
                words.iter().any(|word| lower.contains(word))
                    && file.news(Side::New).has_words(*number)
                    && !is_comment()
            };
            if file.added().iter().any(says) {
                paths.push(path.clone());
            }
        }
    }

    /// A finding about a loss, at most medium if another file of the change says something of its kind since.
    pub fn weigh(&self, finding: Finding) -> Finding {
        let path = finding.location.path.lossy();
        let is_loss = finding.severity > Severity::Medium && finding.location.side == Side::Old && is_source(&path);
        let is_other = |paths: &Vec<String>| paths.iter().any(|other| **other != *path);
        let is_said = |rule: &&str| finding.rule.starts_with(*rule) && self.0.get(*rule).is_some_and(is_other);
        if !is_loss || !KINDS.iter().any(|(rule, _)| is_said(rule)) {
            return finding;
        }
        let title = format!("{}; another file says something of its kind", finding.title);
        Finding { title, severity: Severity::Medium, ..finding }
    }
}

#[cfg(test)]
mod tests {
    use crate::risk::Severity;
    use crate::risk::tests::findings;

    #[test]
    fn a_timeout_that_moved_into_another_file_is_medium_and_one_that_is_nowhere_grave() {
        let of = |value: &str| format!("import c\n\n\ndef pay(order):\n    return c.post(order{value})\n");
        let (old, new) = (of(", timeout=5"), of(""));
        let client = |value: &str| format!("def post(order{value}):\n    return send(order)\n");
        let worst = |own: &str| {
            let files = [("app/pay.py", old.as_str(), new.as_str()), ("app/c.py", &client(""), own)];
            let found = findings(&files).into_iter().filter(|found| found.rule == "resil.timeout-lost");
            found.map(|found| found.severity).max()
        };
        assert_eq!(worst(&client(", timeout=5")), Some(Severity::Medium));
        assert_eq!(worst(&client(", retry_on=None")), Some(Severity::High));
    }
}
