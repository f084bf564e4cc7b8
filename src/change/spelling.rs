//! How file systems read names. In git, names are bytes; on disks of macOS and Windows, many spellings refer to one
//! file.

use std::borrow::Cow;
use std::collections::HashMap;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

use super::RepoPath;
use super::diff::Mode;
use super::visible;

/// Files that git itself reads; on a disk with short names, their short names begin like this: with the first letters,
/// or hashed.
const READ_BY_GIT: [(&str, &str, &str); 4] = [
    (".gitmodules", "gitmod", "gi7eba"),
    (".gitattributes", "gitatt", "gi7d29"),
    (".gitignore", "gitign", "gi250a"),
    (".mailmap", "mailma", "maba30"),
];

/// A text without letter case (full folding: `ß` is `ss`), composed, and without characters that HFS+ and ext4 ignore.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let fold = |text: String| UniCase::unicode(text).to_folded_case();
    let visible: String = text.nfd().filter(|c| !visible::is_hidden(*c)).collect();
    // Folding can yield something that composes to text that folds again.
    fold(fold(visible).nfc().collect()).nfc().collect()
}

/// A normalised name: names for which it is equal are one file on some system, or look alike.
pub fn likeness(name: &[u8]) -> String {
    let text: String = match std::str::from_utf8(name) {
        Ok(text) => folded(trimmed(text)).nfkc().collect(),
        // Bytes that are not UTF-8 are compared as they are.
        Err(_) => return name.iter().map(|&b| char::from(b)).collect(),
    };
    folded(&text)
}

/// The spellings of a path that are matched against patterns: unchanged, folded, and folded as Windows reads it.
/// Patterns are folded too, and ASCII letter case does not matter in them.
pub fn spellings(path: &RepoPath) -> Vec<Cow<'_, str>> {
    let text = path.lossy();
    let is_windows = on_windows(&text) == text;
    if text.is_ascii() && is_windows {
        return vec![text];
    }
    let mut all = vec![Cow::Owned(folded(&text))];
    if !is_windows {
        all.push(Cow::Owned(folded(&on_windows(&text))));
    }
    all.push(text);
    all.dedup();
    all
}

/// A path as Windows reads it: backslashes are separators, trailing dots and blanks of a name are ignored, and the text
/// after a colon names a stream of the file.
fn on_windows(path: &str) -> Cow<'_, str> {
    let odd = |name: &str| name.contains([':', '\\']) || name.ends_with(['.', ' ']);
    if !path.split('/').any(odd) {
        return Cow::Borrowed(path);
    }
    let mut names: Vec<&str> = Vec::new();
    for name in path.split(['/', '\\']) {
        match name {
            "" | "." => {}
            ".." => _ = names.pop(),
            name => names.push(trimmed(name)),
        }
    }
    Cow::Owned(names.join("/"))
}

/// A name without the trailing characters that Windows ignores. A name that consists only of these stays unchanged.
fn trimmed(name: &str) -> &str {
    let file = name.split_once(':').map_or(name, |(file, _)| file);
    let rest = file.trim_end_matches(['.', ' ']);
    if rest.is_empty() { name } else { rest }
}

/// Why a name never lands, even if approved: on some disk it is one of git's own, or refers to another folder. The
/// rules are those of `git fsck`, regardless of a host's configuration.
pub fn forbidden(name: &[u8], mode: Mode) -> Option<&'static str> {
    let text = String::from_utf8_lossy(name);
    text.split('\\').find_map(|part| forbidden_part(part, mode))
}

fn forbidden_part(name: &str, mode: Mode) -> Option<&'static str> {
    let plain = folded(trimmed(&folded(name)));
    if plain.chars().all(|c| matches!(c, '.' | ' ')) && !name.is_empty() {
        return Some("is not a name of its own on Windows, where dots and blanks at the end do not count");
    }
    if matches!(plain.as_str(), ".git" | "git~1") {
        return Some("is `.git` on some file systems, and what lies there is obeyed by git");
    }
    let is_read = |(own, letters, hashed): &(&str, &str, &str)| plain == *own || is_short_for(&plain, letters, hashed);
    (mode == Mode::Symlink && READ_BY_GIT.iter().any(is_read))
        .then_some("is a file that git reads, on some file systems at least, and must not be a symlink")
}

/// `gitmod~1`, `gi7eba~1`, `gi7eb~12`.
fn is_short_for(name: &str, letters: &str, hashed: &str) -> bool {
    let Some((stem, number)) = numbered(name) else { return false };
    (stem == letters && matches!(number, "1" | "2" | "3" | "4"))
        || (name.len() == 8 && !stem.is_empty() && hashed.starts_with(stem))
}

fn numbered(base: &str) -> Option<(&str, &str)> {
    let (stem, number) = base.rsplit_once('~')?;
    (number.bytes().all(|b| b.is_ascii_digit()) && matches!(number.as_bytes(), [b'1'..=b'9', ..]))
        .then_some((stem, number))
}

/// The names of a folder, to find those that some file system treats as the same.
#[derive(Debug, Default)]
pub struct Names {
    alike: HashMap<String, Vec<Vec<u8>>>,
    /// By each short name that Windows may give to a long one, without its number.
    long: HashMap<String, Vec<u8>>,
    short: HashMap<String, Vec<u8>>,
}

impl Names {
    /// Collects names, unchanged, in any order.
    pub fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Names {
        let mut all = Names::default();
        for name in names {
            all.alike.entry(likeness(name)).or_default().push(name.to_vec());
            all.long.extend(given(name).into_iter().map(|key| (key, name.to_vec())));
            all.short.extend(short(name).into_iter().map(|key| (key, name.to_vec())));
        }
        all
    }

    /// Another name that is equal after normalisation.
    pub fn alike(&self, name: &[u8]) -> Option<&[u8]> {
        let same = self.alike.get(&likeness(name))?;
        same.iter().map(Vec::as_slice).find(|other| *other != name)
    }

    /// A long name for which this one may be the short one, or the other way round: `ENVIRO~1` and `environments`.
    pub fn shortened(&self, name: &[u8]) -> Option<&[u8]> {
        let long = short(name).into_iter().find_map(|key| self.long.get(&key));
        let found = long.or_else(|| given(name).into_iter().find_map(|key| self.short.get(&key)));
        found.map(Vec::as_slice)
    }
}

/// What a short name contains of the long one: its first letters, or two of them before a hash; and its ending.
fn short(name: &[u8]) -> Vec<String> {
    let name = folded(trimmed(&String::from_utf8_lossy(name)));
    let (base, ending) = name.split_once('.').unwrap_or((&name, ""));
    let Some((stem, number)) = numbered(base).filter(|_| base.len() <= 8) else { return Vec::new() };
    let mut keys = vec![format!("{stem}~{}.{ending}", number.len())];
    if let Some((two, hash)) = stem.split_at_checked(2)
        && !hash.is_empty()
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
    {
        keys.push(format!("{two}#.{ending}"));
    }
    keys
}

/// The same for a long name, for each length that the number can have.
fn given(name: &[u8]) -> Vec<String> {
    let Some((letters, ending)) = shortened(&folded(trimmed(&String::from_utf8_lossy(name)))) else {
        return Vec::new();
    };
    let first = |n: usize| letters.chars().take(n).collect::<String>();
    let mut keys: Vec<_> = (1..=6).map(|digits| format!("{}~{digits}.{ending}", first(7 - digits))).collect();
    keys.push(format!("{}#.{ending}", first(2)));
    keys
}

/// The first six letters and the ending of the short name of a long one; none if the name is short itself.
fn shortened(name: &str) -> Option<(String, String)> {
    let (base, ending) = match name.rsplit_once('.') {
        Some(("", _)) | None => (name, ""),
        Some(split) => split,
    };
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|c| !matches!(c, '.' | ' '));
        kept.map(|c| if matches!(c, '+' | ',' | ';' | '=' | '[' | ']') { '_' } else { c }).collect()
    };
    let (letters, kept) = (plain(base), plain(ending));
    let is_short = letters == base && kept == ending && base.len() <= 8 && ending.len() <= 3;
    let first = |text: String, n: usize| text.chars().take(n).collect::<String>();
    (!is_short).then(|| (first(letters, 6), first(kept, 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_one_file_somewhere_are_alike() {
        for (a, b) in [
            ("prod", "PROD"),
            ("straße", "STRASSE"),
            ("ſtage", "STAGE"),
            ("\u{212A}ube", "kube"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("\u{1FB3}", "\u{3B1}\u{3B9}"),
            ("prod.", "prod"),
            ("prod ", "prod"),
            ("prod. .", "prod"),
            ("prod:x", "prod"),
            ("prod::$INDEX_ALLOCATION", "prod"),
            ("pr\u{200c}od", "prod"),
            ("\u{feff}prod", "prod"),
            ("ﬁle", "file"),
            ("ｐrod", "prod"),
        ] {
            assert_eq!(likeness(a.as_bytes()), likeness(b.as_bytes()), "{a} {b}");
        }
    }

    #[test]
    fn names_that_differ_in_a_letter_are_not_alike() {
        for (a, b) in
            [("prod", "prods"), ("cafe", "caf\u{e9}"), ("\u{131}x", "ix"), (".prod", "prod"), (" prod", "prod")]
        {
            assert_ne!(likeness(a.as_bytes()), likeness(b.as_bytes()), "{a} {b}");
        }
        assert_ne!(likeness(b"\xff"), likeness(b"\xfe"));
    }

    #[test]
    fn a_path_is_looked_for_as_windows_reads_it_too() {
        let of = |path: &str| spellings(&path.into()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of("envs/prod/x.tf"), ["envs/prod/x.tf"]);
        assert_eq!(of("app\\..\\envs\\prod\\x"), ["app\\..\\envs\\prod\\x", "envs/prod/x", "app\\..\\envs\\prod\\x"]);
        assert!(of("envs/prod./x").contains(&"envs/prod/x".to_owned()));
        assert!(of("envs/prod:x/y").contains(&"envs/prod/y".to_owned()));
        assert_eq!(of("größe/X"), ["grösse/x", "größe/X"]);
    }

    #[test]
    fn what_is_gits_own_on_some_disk_is_forbidden() {
        for name in [
            ".git",
            ".GIT",
            ".Git ",
            ".git.",
            ".git. .",
            ".git:x",
            ".git::$INDEX_ALLOCATION",
            "git~1",
            "GIT~1",
            "GIT~1.",
            ".g\u{200c}it",
            ".gi\u{feff}t",
            "a\\.git",
            ".git\\config",
            "x\\GIT~1\\y",
            "...",
            ".. ",
            ". ",
            "a\\..",
        ] {
            assert!(forbidden(name.as_bytes(), Mode::File).is_some(), "{name}");
        }
        for name in
            [".gitmodules", ".github", ".gitignore", "git", "git~2", "git1", "a.git", ".git2", "x.", "a\\b", "…"]
        {
            assert_eq!(forbidden(name.as_bytes(), Mode::File), None, "{name}");
        }
    }

    #[test]
    fn what_git_reads_is_no_symlink() {
        for name in [
            ".gitmodules",
            ".GITMODULES",
            ".gitmodules ",
            ".gitmodules::$DATA",
            "gitmod~1",
            "GI7EBA~1",
            "gi7eb~12",
            ".git\u{200c}modules",
            ".gitattributes",
            "gitatt~4",
            "gi7d29~1",
            ".gitignore",
            "gi250a~1",
            ".mailmap",
            "maba30~1",
        ] {
            assert!(forbidden(name.as_bytes(), Mode::Symlink).is_some(), "{name}");
            assert_eq!(forbidden(name.as_bytes(), Mode::File), None, "{name}");
        }
        for name in ["gitmod~5", "gi7eba1", "gitmodules", ".gitmodule", "gi7eb~1", "AGENTS.md"] {
            assert_eq!(forbidden(name.as_bytes(), Mode::Symlink), None, "{name}");
        }
    }

    #[test]
    fn a_short_name_may_stand_for_a_long_one() {
        let found = |a: &str, b: &str| Names::of(std::iter::once(b.as_bytes())).shortened(a.as_bytes()).is_some();
        let may = |short: &str, long: &str| {
            assert_eq!(found(short, long), found(long, short), "{short} {long}");
            found(short, long)
        };
        for (short, long) in [
            ("ENVIRO~1", "environments"),
            ("enviro~3", "Environments"),
            ("ENVIR~12", "environments"),
            ("UNDERS~1", ".undersign"),
            ("POLICY~1.TOM", "policy.toml"),
            ("EN1A2B~1", "environments"),
            ("MYPROD~1", "my prod"),
        ] {
            assert!(may(short, long), "{short} {long}");
        }
        for (short, long) in [
            ("PROD~1", "prod"),
            ("ENVIRO~1", "envelopes"),
            ("environ~", "environments"),
            ("ENVIRO~1.TF", "environments"),
        ] {
            assert!(!may(short, long), "{short} {long}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_have_spellings_and_folding_twice_is_folding_once(bytes: Vec<u8>, text: String) {
            spellings(&RepoPath(bytes.clone()));
            forbidden(&bytes, Mode::Symlink);
            Names::of([bytes.as_slice()].into_iter()).shortened(text.as_bytes());
            proptest::prop_assert_eq!(folded(&folded(&text)), folded(&text));
        }
    }
}
