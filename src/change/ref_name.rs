//! Valid names of refs: the rules of `git check-ref-format`.

/// Whether git allows this as the full name of a ref, starting with `refs/`. Non-ASCII bytes are not checked.
pub fn is_full_name(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let is_allowed = |c: char| !c.is_ascii_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    name.starts_with("refs/")
        && name.split('/').all(is_part)
        && name.chars().all(is_allowed)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_git_does_not_allow_is_none_and_one_step_beside_it_is_one() {
        let rows = [
            ("main", "refs/main"),
            ("@", "refs/@"),
            ("refs", "refs/refs"),
            ("refs/", "refs/a"),
            ("/refs/heads/a", "refs/heads/a"),
            ("refs/heads/a/", "refs/heads/a/b"),
            ("refs/heads//a", "refs/heads/a/b"),
            ("refs/heads/.a", "refs/heads/a.b"),
            ("refs/.heads/a", "refs/he.ads/a"),
            ("refs/heads/a.", "refs/heads/a./b"),
            ("refs/heads/a..b", "refs/heads/a.b"),
            ("refs/heads/a.lock", "refs/heads/a.locks"),
            ("refs/heads/a.lock/b", "refs/heads/a.LOCK/b"),
            ("refs/heads/.lock", "refs/heads/lock"),
            ("refs/heads/a@{1}", "refs/heads/a@1"),
            ("refs/heads/a b", "refs/heads/a-b"),
            ("refs/heads/a\tb", "refs/heads/a\u{85}b"),
            ("refs/heads/a\u{7f}", "refs/heads/a\u{80}"),
            ("refs/heads/a~1", "refs/heads/a-1"),
            ("refs/heads/a^", "refs/heads/-a"),
            ("refs/heads/a:b", "refs/heads/a;b"),
            ("refs/heads/a?", "refs/heads/a!"),
            ("refs/heads/*", "refs/heads/+"),
            ("refs/heads/a[", "refs/heads/a]"),
            ("refs/heads/a\\b", "refs/heads/a|b"),
        ];
        for (none, one) in rows {
            assert!(!is_full_name(none), "{none}");
            assert!(is_full_name(one), "{one}");
        }
    }
}
