//! Formats of repositories that libgit2 opens but does not read correctly: they are refused.

use crate::change::{shown_operand, shown_word};

/// The sentence that refuses the format of a repository; none if it is read correctly.
pub(super) fn unsupported(raw: &git2::Repository) -> Option<String> {
    let config = raw.config().ok()?.snapshot().ok()?;
    let is = |key: &str, value: &str| config.get_str(key).is_ok_and(|v| v.eq_ignore_ascii_case(value));
    let grafts = raw.commondir().join("info").join("grafts");
    let what = if std::fs::metadata(&grafts).is_ok_and(|meta| meta.len() > 0) {
        "grafts, which put another history in place of the one that commits name"
    } else if is("extensions.objectformat", "sha256") {
        "SHA-256 objects"
    } else if is("extensions.refstorage", "reftable") {
        "reftable"
    } else {
        return partial(&config);
    };
    Some(format!("This repository uses {what}, which cannot be read here yet. Use a full SHA-1 clone."))
}

/// What to do with a partial clone: a remote promised to provide missing objects later.
fn partial(config: &git2::Config) -> Option<String> {
    let of_extension = config.get_str("extensions.partialclone").ok().map(str::to_owned);
    let remote = promisor(config).or(of_extension)?;
    let keys = [
        format!("remote.{remote}.partialclonefilter"),
        format!("remote.{remote}.promisor"),
        "extensions.partialclone".to_owned(),
    ];
    let set = keys.iter().filter(|key| config.get_str(key).is_ok());
    let unset: String = set.map(|key| format!(" && git config --unset {}", shown_word(key))).collect();
    Some(format!(
        "A partial clone, which cannot be read here: objects are missing until git fetches them. To fetch all of them: \
         `git fetch --refetch --no-filter {}{unset}`.",
        shown_operand(&remote)
    ))
}

/// The remote that promised to provide missing objects later.
fn promisor(config: &git2::Config) -> Option<String> {
    let mut entries = config.entries(Some(r"^remote\..*\.promisor$")).ok()?;
    while let Some(entry) = entries.next() {
        let Ok(entry) = entry else { continue };
        // The last of several values counts; `yes` and `1` are true, too, and a key without a value.
        if entry.name().is_ok_and(|key| config.get_bool(key).unwrap_or(false)) {
            let name = entry.name().ok()?.strip_prefix("remote.")?.strip_suffix(".promisor")?.to_owned();
            return Some(name);
        }
    }
    None
}
