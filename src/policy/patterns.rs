//! Path patterns: what they match, what they may match below a folder, and which can match nothing.

use std::borrow::Cow;

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet};

use crate::change::RepoPath;
use crate::change::spelling::{folded, spellings};

/// The most alternatives, `{a,b}`, to which one pattern may expand.
const MAX_ALTERNATIVES: usize = 256;

/// The patterns of a compartment. Differences that file systems ignore do not matter: letter case, Unicode form,
/// trailing dots and blanks of a name.
#[derive(Debug, Clone, Default)]
pub(super) struct PathPatterns {
    set: GlobSet,
    /// The patterns name by name, but for those of which the first name may be any.
    anchored: Vec<Vec<PatternComponent>>,
    /// Those, from the first name on that may not.
    floating: Vec<Vec<PatternComponent>>,
    /// The first names of everything that they match, if each pattern has one: this decides for most of the many
    /// compartments of a policy, without asking a matcher. In ASCII, so that only letter case may differ.
    firsts: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
enum PatternComponent {
    /// `**`
    AnyNumber,
    /// Without a wildcard: nearly all are, and a matcher for each would cost more than the rest of a policy.
    Plain(String),
    Wild(GlobMatcher),
}

impl PatternComponent {
    fn of(name: &str) -> Result<PatternComponent, globset::Error> {
        Ok(match name {
            "**" => PatternComponent::AnyNumber,
            name if name.contains(['*', '?', '[', ']', '{', '}', '\\']) => {
                PatternComponent::Wild(glob(name)?.compile_matcher())
            }
            name => PatternComponent::Plain(name.to_owned()),
        })
    }

    /// Whether it matches whatever there is: `*`, `**`.
    fn is_any(&self) -> bool {
        // A name that no pattern contains.
        matches!(self, PatternComponent::AnyNumber) || self.is_match("\u{FFFD}")
    }

    fn is_match(&self, name: &str) -> bool {
        match self {
            PatternComponent::AnyNumber => true,
            PatternComponent::Plain(own) => own.eq_ignore_ascii_case(name),
            PatternComponent::Wild(glob) => glob.is_match(name),
        }
    }
}

impl PathPatterns {
    /// # Errors
    /// One of them is not a valid pattern, or they are too large together.
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p str>) -> Result<PathPatterns, globset::Error> {
        let (mut set, mut firsts) = (GlobSet::builder(), Some(Vec::new()));
        let (mut anchored, mut floating) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let plain = folded(pattern);
            if plain != pattern {
                set.add(glob(&plain)?);
            }
            set.add(glob(pattern)?);
            let own = first_names(pattern, &plain);
            firsts = firsts.zip(own).map(|(firsts, own)| [firsts, own].concat());
            for one in alternatives(&plain).unwrap_or_default() {
                let names = components(&one)?;
                match names.first().is_some_and(PatternComponent::is_any) {
                    true => floating.extend(after_any(&names).map(<[_]>::to_vec)),
                    false => anchored.push(names),
                }
            }
        }
        Ok(PathPatterns { set: set.build()?, anchored, floating, firsts })
    }

    pub(super) fn hold(&self, path: &RepoPath) -> bool {
        self.hold_any(&spellings(path))
    }

    /// As [`PathPatterns::hold`], for a path whose spellings are already known: a policy asks each of its compartments.
    pub(super) fn hold_any(&self, spellings: &[Cow<'_, str>]) -> bool {
        spellings.iter().any(|path| self.may_hold(path) && self.set.is_match(path.as_ref()))
    }

    /// The first names of everything that they match, if each pattern has one: no path in ASCII that begins with
    /// another name, whatever its letter case, is held.
    pub(super) fn first_names(&self) -> Option<&[String]> {
        self.firsts.as_deref()
    }

    fn may_hold(&self, path: &str) -> bool {
        let Some(firsts) = self.firsts.as_ref().filter(|_| path.is_ascii()) else { return true };
        firsts.iter().any(|own| is_first_name(path.as_bytes(), own.as_bytes()))
    }

    /// Whether they could match something below a folder, whatever exists now. Those that begin with `*` or `**` could
    /// match something below any folder: they are considered for folders that end as they go on, `app/envs` for
    /// `**/envs/**`, and for others only what exists counts.
    pub(super) fn reach_below(&self, folder: &RepoPath) -> bool {
        spellings(folder).iter().any(|folder| {
            let names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
            let ends = || (0..names.len()).map(|from| &names[from..]);
            self.anchored.iter().any(|components| reach_below(components, &names))
                || self.floating.iter().any(|components| ends().any(|end| reach_below(components, end)))
        })
    }

    /// Whether they match everything that could be below a folder.
    pub(super) fn cover(&self, folder: &RepoPath) -> bool {
        // A name that no pattern contains.
        let below = |names: &str| {
            let slash = if folder.0.is_empty() { "" } else { "/" };
            self.hold(&RepoPath([&folder.0, slash.as_bytes(), names.as_bytes()].concat()))
        };
        below("\u{FFFD}") && below("\u{FFFD}/\u{FFFD}")
    }
}

/// Checks one pattern; the matcher is built from all of them together.
///
/// # Errors
/// Why it is not valid.
pub(super) fn check(pattern: &str) -> Result<(), globset::Error> {
    glob(pattern).map(drop)
}

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).case_insensitive(true).build()
}

/// The first names of what a pattern matches; none if a wildcard is there, or if more than letter case may differ.
fn first_names(pattern: &str, plain: &str) -> Option<Vec<String>> {
    if !pattern.is_ascii() || !plain.eq_ignore_ascii_case(pattern) {
        return None;
    }
    let first = |one: String| match PatternComponent::of(names(&one).first()?) {
        Ok(PatternComponent::Plain(name)) if !one.starts_with('*') => Some(name),
        _ => None,
    };
    alternatives(plain)?.into_iter().map(first).collect()
}

/// Whether this is the first name of a path, ignoring letter case. The length is checked first, which decides nearly
/// all cases.
fn is_first_name(path: &[u8], name: &[u8]) -> bool {
    matches!(path.get(name.len()), None | Some(b'/'))
        && path.get(..name.len()).is_some_and(|first| first.eq_ignore_ascii_case(name))
}

fn components(pattern: &str) -> Result<Vec<PatternComponent>, globset::Error> {
    names(pattern).into_iter().map(PatternComponent::of).collect()
}

/// How a pattern goes on from the first name that may not be any; none if all may.
fn after_any(names: &[PatternComponent]) -> Option<&[PatternComponent]> {
    match names {
        [first, rest @ ..] if first.is_any() => after_any(rest),
        [] => None,
        names => Some(names),
    }
}

/// The characters that are in no class (`[!/a]`), with their places.
fn outside_of_classes(pattern: &str) -> impl Iterator<Item = (usize, char)> {
    /// Where the members of a class begin, and whether it is one of those that exclude.
    struct Class {
        members: usize,
        excludes: bool,
    }
    let mut class: Option<Class> = None;
    pattern.char_indices().filter(move |&(at, c)| match (&mut class, c) {
        (None, '[') => {
            class = Some(Class { members: at + 1, excludes: false });
            false
        }
        (None, _) => true,
        (Some(own), '!' | '^') if at == own.members && !own.excludes => {
            *own = Class { members: at + 1, excludes: true };
            false
        }
        // The first member may be `]`; any later one ends the class, also behind `!`, `^` and `[`.
        (Some(own), ']') if at > own.members => {
            class = None;
            false
        }
        (Some(_), _) => false,
    })
}

/// The text between slashes, except slashes in classes.
fn names(pattern: &str) -> Vec<&str> {
    let (mut names, mut start) = (Vec::new(), 0);
    for (at, _) in outside_of_classes(pattern).filter(|(_, c)| *c == '/') {
        names.push(&pattern[start..at]);
        start = at + 1;
    }
    names.push(&pattern[start..]);
    names
}

fn reach_below(components: &[PatternComponent], folder: &[&str]) -> bool {
    match (components.split_first(), folder.split_first()) {
        (None, _) => false,
        (Some((PatternComponent::AnyNumber, _)), _) | (Some(_), None) => true,
        (Some((name, components)), Some((first, folder))) => name.is_match(first) && reach_below(components, folder),
    }
}

/// The patterns without `{a,b}` that a pattern expands to; none if there are too many.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let (mut done, mut open) = (Vec::new(), vec![pattern.to_owned()]);
    while let Some(pattern) = open.pop() {
        match braces(&pattern) {
            None => done.push(pattern),
            Some((from, to, choices)) => {
                let (before, after) = (&pattern[..from], &pattern[to..]);
                open.extend(choices.iter().map(|choice| format!("{before}{choice}{after}")));
            }
        }
        if done.len() + open.len() > MAX_ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

/// The first `{a,b}` outside of a class: its start and end, and the choices.
fn braces(pattern: &str) -> Option<(usize, usize, Vec<&str>)> {
    let (mut from, mut depth) = (None, 0_usize);
    let (mut choices, mut start) = (Vec::new(), 0);
    for (at, c) in outside_of_classes(pattern) {
        match c {
            '{' => {
                depth += 1;
                if depth == 1 {
                    (from, start) = (Some(at), at + 1);
                }
            }
            ',' if depth == 1 => {
                choices.push(&pattern[start..at]);
                start = at + 1;
            }
            '}' if depth > 0 => {
                depth -= 1;
                if let (0, Some(from)) = (depth, from) {
                    choices.push(&pattern[start..at]);
                    return Some((from, at + 1, choices));
                }
            }
            _ => {}
        }
    }
    None
}

/// Why a pattern can match no path, and what to write instead, as a sentence. Paths are relative to the root of the
/// repository, with `/` between their names.
pub(super) fn idle_path(pattern: &str) -> Option<String> {
    if pattern.starts_with('!') {
        return Some(format!(
            "`{}` excludes nothing: a list of patterns has no exceptions; name what it holds instead",
            pattern.escape_debug()
        ));
    }
    let Some(all) = alternatives(pattern) else {
        return Some(format!("a pattern has more than {MAX_ALTERNATIVES} alternatives; write several patterns"));
    };
    let why = all.iter().find_map(|one| why_idle(one))?;
    let instead = match mended(pattern) {
        Some(mended) => format!("write \"{mended}\""),
        None => "write it from the root of the repository on, such as \"envs/prod/**\"".to_owned(),
    };
    Some(format!("`{}` {why}; {instead}", pattern.escape_debug()))
}

fn why_idle(pattern: &str) -> Option<&'static str> {
    let names = || pattern.split('/');
    Some(match pattern {
        "" => "is empty and matches nothing",
        _ if pattern.trim() != pattern => "begins or ends with a blank, and so do no names that are meant",
        _ if pattern.replace("[\\]", "").contains('\\') => {
            "has a backslash: names are separated by `/`, and `[*]` is a literal `*`"
        }
        _ if pattern.starts_with('/') => "begins with `/`, and no path does",
        _ if pattern.ends_with('/') => "ends with `/`, and no path does",
        _ if names().any(str::is_empty) => "has `//` in it, and no path has",
        _ if names().any(|name| matches!(name, "." | "..")) => "has `.` or `..` for a name, and no path has",
        _ if names().any(|name| name.eq_ignore_ascii_case(".git")) => "is in `.git`, and nothing of that lands",
        _ => return None,
    })
}

/// What was probably meant; none if that is unclear.
fn mended(pattern: &str) -> Option<String> {
    let text = pattern.trim().replace('\\', "/");
    let mut names: Vec<&str> = Vec::new();
    for name in text.split('/') {
        match name {
            "" | "." => {}
            ".." => _ = names.pop()?,
            name => names.push(name),
        }
    }
    if text.ends_with('/') && names.last() != Some(&"**") {
        names.push("**");
    }
    let mended = names.join("/");
    let is_sound =
        !names.is_empty() && glob(&mended).is_ok() && alternatives(&mended)?.iter().all(|one| why_idle(one).is_none());
    is_sound.then_some(mended)
}

/// The same for a pattern of full names of refs. The rules of their names are those of `git check-ref-format`.
pub(super) fn idle_ref(pattern: &str) -> Option<String> {
    let why = why_no_ref(pattern)?;
    let names: Vec<&str> = pattern.trim().split('/').filter(|name| !name.is_empty()).collect();
    let name = names.join("/");
    let full = if name.starts_with("refs/") { name } else { format!("refs/heads/{name}") };
    let instead = match why_no_ref(&full) {
        None if pattern.ends_with('/') => format!("; write \"{full}\" or \"{full}/**\""),
        None => format!("; write \"{full}\""),
        Some(_) => "; write it in full, such as \"refs/heads/main\"".to_owned(),
    };
    Some(format!("`{}` {why}{instead}", pattern.escape_debug()))
}

fn why_no_ref(pattern: &str) -> Option<&'static str> {
    let names = || pattern.split('/');
    let odd = |c: char| c.is_control() || matches!(c, '\\' | '~' | '^' | ':' | ' ');
    Some(match pattern {
        "" => "is empty and names no ref",
        _ if pattern.starts_with('!') => "excludes nothing: a list of patterns has no exceptions",
        _ if pattern.trim() != pattern => "begins or ends with a blank, and no ref does",
        _ if !pattern.starts_with("refs/") => "is not a full ref name",
        _ if pattern.ends_with('/') => "ends with `/`, and no ref does",
        _ if names().any(str::is_empty) => "has `//` in it, and no ref has",
        _ if pattern.contains("..") || names().any(|name| name.starts_with('.') || name.ends_with(".lock")) => {
            "has `..`, a leading `.` or `.lock` in it, and no ref has"
        }
        _ if pattern.contains("@{") || pattern.replace("[^", "[").contains(odd) => {
            "has a character in it that no ref has"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn patterns(text: &str) -> PathPatterns {
        PathPatterns::new(text.split_ascii_whitespace()).unwrap()
    }

    #[test]
    fn a_path_is_held_however_a_file_system_lets_it_be_spelled() {
        let of = patterns("envs/prod/** straße/** ΣΙΣΥΦΟΣ/* İx/** ");
        for path in [
            "envs/prod/x",
            "ENVS/Prod/X",
            "envs/prod./x",
            "envs/prod /x",
            "envs/prod:a/x",
            "envs/prod::$INDEX_ALLOCATION/x",
            "ENVS./prod/x",
            "envs /prod/x",
            "envs:a/prod/x",
            "envs\\prod\\x",
            "app/..\\envs\\prod/x",
            "envs/pr\u{200c}od/x",
            "en\u{17f}/prod/x",
            "env\u{17f}/prod/x",
            "STRASSE/x",
            "stra\u{df}e/x",
            "STRA\u{1E9E}E/x",
            "σίσυφοσ/x",
            "σισυφος/x",
            "i\u{307}X/a",
        ] {
            let wanted = !matches!(path, "en\u{17f}/prod/x" | "σίσυφοσ/x");
            assert_eq!(of.hold(&path.into()), wanted, "{path}");
        }
        for path in ["envs/prods/x", "envs/prod", "envs/p/rod/x", "envs/prod.x/y", "\u{131}x/a", "strase/x"] {
            assert!(!of.hold(&path.into()), "{path}");
        }
    }

    proptest! {
        /// Checking the first name only saves asking the matcher; it never changes the result.
        #[test]
        fn whether_a_path_is_held_is_the_same_without_a_look_at_its_first_name(
            patterns in prop::collection::vec("[aAbk*?/{},.!\\[\\]K ]{1,8}", 1..4),
            path in "[aAbk/. :*K\u{17f}\u{212a}\\\\]{1,9}",
        ) {
            if let Ok(own) = PathPatterns::new(patterns.iter().map(String::as_str)) {
                let plain = PathPatterns { firsts: None, ..own.clone() };
                let path = RepoPath::from(&*path);
                prop_assert_eq!(own.hold(&path), plain.hold(&path));
            }
        }
    }

    #[test]
    fn a_folder_lies_above_what_a_pattern_could_hold() {
        let of = patterns("envs/prod/** n[!/x]/y/* {live,a/b}/x/*.tf **/CODEOWNERS */any/** envs/*/secrets/**");
        for folder in [
            "",
            "envs",
            "na",
            "ENVS",
            "envs/prod",
            "envs/prod/deep/er",
            "live",
            "a",
            "a/b",
            "a/b/x",
            "envs/test",
            "envs.",
            "docs/any",
            "docs/any/deep/er",
        ] {
            assert!(of.reach_below(&folder.into()), "{folder}");
        }
        for folder in ["docs", "live/y", "a/b/x/main.tf", "b", "env", "envs/test/x", "prod", "docs/CODEOWNERS"] {
            assert!(!of.reach_below(&folder.into()), "{folder}");
        }
    }

    #[test]
    fn a_folder_that_ends_as_a_pattern_goes_on_lies_above_what_it_could_hold() {
        let of = patterns("**/.claude/** */*/secrets/*.key **/**/live/{eu,us}/** **/*.tf * **");
        for folder in [".claude", "app/.CLAUDE", "a/b/secrets", "live", "x/live", "x/live/eu", "x/live/us/y"] {
            assert!(of.reach_below(&folder.into()), "{folder}");
        }
        for folder in ["app", "claude", "x/live/asia", "main.tf", "x/main.tf", "secrets/y"] {
            assert!(!of.reach_below(&folder.into()), "{folder}");
        }
    }

    #[test]
    fn a_class_ends_where_the_matcher_ends_it() {
        let of = patterns("x/[a!]/y/** z/[b^]/y/* w/[[]/q/** v/[!]c]/q/* u/[]/]d/q/** t/[a!]{m,n}/k/**");
        for folder in ["x/a", "x/!", "x/a/y", "z/b", "z/^/y", "w/[", "w/[/q/r", "v/d", "t/am", "t/!n/k"] {
            assert!(of.reach_below(&folder.into()), "{folder}");
        }
        for folder in ["x/b", "z/c", "w/a", "v/c", "v/]", "t/bm", "t/ao"] {
            assert!(!of.reach_below(&folder.into()), "{folder}");
        }
        assert_eq!(names("a[!/]]/b[]/]/c"), ["a[!/]]", "b[]/]", "c"]);
    }

    #[test]
    fn a_folder_is_covered_where_all_in_it_is_held() {
        let of = patterns("envs/prod/** docs/*.md a/*");
        for (folder, wanted) in
            [("envs/prod", true), ("envs/prod/x", true), ("envs", false), ("docs", false), ("a", false), ("", false)]
        {
            assert_eq!(of.cover(&folder.into()), wanted, "{folder}");
        }
        assert!(patterns("**").cover(&"".into()));
    }

    #[test]
    fn a_pattern_that_can_match_no_path_is_told_with_what_to_write() {
        for (pattern, wanted) in [
            ("/envs/prod/**", "write \"envs/prod/**\""),
            ("./envs/prod/**", "write \"envs/prod/**\""),
            ("envs/prod/", "write \"envs/prod/**\""),
            ("envs\\prod\\**", "write \"envs/prod/**\""),
            ("envs\\prod\\", "write \"envs/prod/**\""),
            (" envs/prod/**", "write \"envs/prod/**\""),
            ("envs/prod/** ", "write \"envs/prod/**\""),
            ("envs/prod/**\t", "write \"envs/prod/**\""),
            ("envs//prod/**", "write \"envs/prod/**\""),
            ("envs/./prod/**", "write \"envs/prod/**\""),
            ("envs/test/../prod/**", "write \"envs/prod/**\""),
            ("envs/prod/**/", "write \"envs/prod/**\""),
            ("{/envs,/live}/prod/**", "begins with `/`"),
            ("{envs/,live}/prod/**", "`//`"),
            ("envs/{./a,b}", "`.` or `..`"),
            ("../envs/prod/**", "write it from the root"),
            ("..", "write it from the root"),
            (".", "write it from the root"),
            ("/", "write \"**\""),
            ("", "is empty"),
            (" ", "write it from the root"),
            ("!envs/prod/**", "no exceptions"),
            ("! envs", "no exceptions"),
            (".git/hooks/**", "nothing of that lands"),
        ] {
            let said = idle_path(pattern).unwrap_or_default();
            assert!(said.contains(wanted), "{pattern}: {said}");
        }
    }

    #[test]
    fn a_pattern_that_can_match_a_path_is_none_of_those() {
        for pattern in [
            "envs/prod/**",
            "**/*.tf",
            "**",
            "*",
            "a b/c",
            "{envs,live}/prod/**",
            "[!a]*",
            "x!/y",
            ".github/**",
            "Makefile",
            "a./b",
            "..a/b",
            "...",
            "a/[{]/b",
            "**/.gitattributes",
            "a/[!/b]c/[\\]",
            "größe/**",
        ] {
            assert_eq!(idle_path(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_can_match_no_ref_is_told_with_what_to_write() {
        for (pattern, wanted) in [
            ("main", "write \"refs/heads/main\""),
            ("/refs/heads/main", "write \"refs/heads/main\""),
            ("heads/main", "not a full ref name"),
            ("refs/heads/main/", "write \"refs/heads/main\" or \"refs/heads/main/**\""),
            ("refs/heads/", "ends with `/`"),
            (" refs/heads/main", "write \"refs/heads/main\""),
            ("refs/heads/main ", "write \"refs/heads/main\""),
            ("refs/heads//main", "write \"refs/heads/main\""),
            ("refs/heads/../main", "no ref has"),
            ("refs/heads/./main", "no ref has"),
            ("refs\\heads\\main", "not a full ref name"),
            ("refs/heads/ma in", "no ref has"),
            ("refs/heads/main:x", "no ref has"),
            ("!refs/heads/main", "no exceptions"),
            ("", "names no ref"),
        ] {
            let said = idle_ref(pattern).unwrap_or_default();
            assert!(said.contains(wanted), "{pattern}: {said}");
        }
        for pattern in ["refs/heads/main", "refs/heads/release/*", "refs/**", "refs/heads/v[0-9]", "refs/tags/{a,b}"] {
            assert_eq!(idle_ref(pattern), None, "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_pattern_or_told(pattern: String, path: String) {
            let _ = (idle_path(&pattern), idle_ref(&pattern));
            if let Ok(of) = PathPatterns::new(std::iter::once(pattern.as_str())) {
                let path = RepoPath::from(path.as_str());
                let _ = (of.hold(&path), of.reach_below(&path), of.cover(&path));
            }
        }
    }
}
