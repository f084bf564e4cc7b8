//! One pattern of CODEOWNERS → globs of a policy that match the same paths.
//!
//! GitHub reads patterns as gitignore does, without `!`, `[ ]` and `\#`; the documented exception is `dir/*`, which
//! does not descend. GitLab passes them to Ruby's `File.fnmatch` with `FNM_PATHNAME` and `FNM_DOTMATCH`: a pattern
//! matches whole paths of files, so only `docs/` includes what is below `docs`; without a leading `/` it matches at any
//! depth; `**` crosses directories only as `**/`.

use globset::GlobBuilder;

use super::Dialect;
use crate::change::visible::is_hidden;
use crate::policy::patterns::idle_path;

/// Longer patterns name no path of a repository, and would produce regular expressions of any size.
const MAX_BYTES: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub globs: Vec<String>,
    /// Whether it matches every path.
    pub all: bool,
    /// Its letters, as a name for a compartment.
    pub name: String,
    pub shape: Shape,
}

/// Enough information to see that two patterns have no path in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Shape {
    /// The directories with which all of its paths begin.
    pub prefix: Vec<String>,
    pub tail: Tail,
}

/// What is known about its file names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Tail {
    #[default]
    Any,
    /// All end in `.` and this.
    Extension(String),
    Name(String),
}

/// The text between two slashes.
struct Segment {
    glob: String,
    /// `**`
    deep: bool,
    /// The text after its last wildcard; all of it if there is none.
    tail: String,
    literal: bool,
}

/// Translates a pattern, or explains in a sentence why that is impossible.
pub(super) fn translate(text: &str, dialect: Dialect) -> Result<Pattern, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("The pattern is longer than 1,024 bytes. Write a shorter one.");
    }
    if text.contains('\u{FFFD}') {
        return Err("The pattern is not UTF-8. Write one with `?` or `*` for the bytes in question.");
    }
    let rooted = text.starts_with('/');
    let below = text.ends_with('/');
    let inner = text.trim_start_matches('/');
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return match dialect {
            Dialect::GitHub => Err("GitHub matches nothing with `/`. Write `*` if everything is meant."),
            // `/` becomes `/**/*` there.
            Dialect::GitLab => Ok(everything()),
        };
    }
    let mut segments = inner.split('/').map(|s| segment(s, dialect)).collect::<Result<Vec<_>, _>>()?;
    let single = segments.len() == 1;
    if dialect == Dialect::GitLab && !below {
        // Without a following slash, fnmatch reads `**` as `*`.
        segments.iter_mut().rev().take(1).filter(|last| last.deep).for_each(|last| *last = star());
    }
    let anywhere = !rooted && (single || dialect == Dialect::GitLab);
    if anywhere && segments.first().is_some_and(|first| !first.deep) {
        segments.insert(0, deep());
    }
    if below {
        // In gitignore, `**/` matches any directory, but no file beside it.
        if dialect == Dialect::GitHub && inner == "**" {
            segments = vec![star()];
        }
        segments.push(deep());
    }
    segments.dedup_by(|later, earlier| later.deep && earlier.deep);
    finish(&segments, dialect)
}

fn finish(segments: &[Segment], dialect: Dialect) -> Result<Pattern, &'static str> {
    if is_everything(segments) {
        return Ok(everything());
    }
    let glob = segments.iter().map(|s| s.glob.as_str()).collect::<Vec<_>>().join("/");
    let mut globs = vec![glob];
    let last = segments.last();
    // What a gitignore pattern matches may be a directory, and then includes everything below it; `dir/*` is GitHub's
    // exception.
    if dialect == Dialect::GitHub && last.is_some_and(|last| !last.deep && last.glob != "*") {
        globs.push(format!("{}/**", globs[0]));
    }
    if !globs.iter().all(|glob| compiles(glob)) {
        return Err("The policy cannot read the pattern either. Rewrite it as `paths` of a compartment.");
    }
    let name = segments.iter().filter(|s| !s.deep && s.glob != "*").map(|s| s.glob.as_str()).collect::<Vec<_>>();
    Ok(Pattern { globs, all: false, name: name.join("-"), shape: shape(segments, dialect) })
}

/// Checks a glob in the same way as the parser of policies.
fn compiles(glob: &str) -> bool {
    GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).build().is_ok() && idle_path(glob).is_none()
}

fn everything() -> Pattern {
    Pattern { globs: vec!["**".to_owned()], all: true, name: "everything".to_owned(), shape: Shape::default() }
}

fn is_everything(segments: &[Segment]) -> bool {
    match segments {
        [one] => one.deep,
        [one, two] => one.deep && two.glob == "*",
        _ => false,
    }
}

fn star() -> Segment {
    Segment { glob: "*".to_owned(), deep: false, tail: String::new(), literal: false }
}

fn deep() -> Segment {
    Segment { glob: "**".to_owned(), deep: true, ..star() }
}

fn segment(text: &str, dialect: Dialect) -> Result<Segment, &'static str> {
    match text {
        "" | "." | ".." => {
            return Err("No path has an empty name, `.` or `..` in it, so it matches nothing. Delete it.");
        }
        "**" => return Ok(deep()),
        _ => {}
    }
    let mut out = Segment { glob: String::new(), deep: false, tail: String::new(), literal: true };
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            // Several stars count as one, unless there is nothing else.
            '*' if out.glob.ends_with('*') && out.tail.is_empty() => {}
            '*' | '?' => out.wild(&c.to_string()),
            '[' if dialect == Dialect::GitLab => {
                let (class, after) = rest.as_str().split_once(']').ok_or(CLASS)?;
                out.wild(&set(class)?);
                rest = after.chars();
            }
            '[' | ']' if dialect == Dialect::GitHub => {
                return Err("GitHub knows no `[ ]` in patterns and skips the line. Write a line for each case.");
            }
            '\\' => out.plain(rest.next().ok_or("A lone backslash ends the pattern. Delete it.")?),
            c => out.plain(c),
        }
    }
    Ok(out)
}

impl Segment {
    fn wild(&mut self, glob: &str) {
        self.glob.push_str(glob);
        self.tail.clear();
        self.literal = false;
    }

    /// In brackets, since on Windows a backslash does not escape anything in globs.
    fn plain(&mut self, c: char) {
        match c {
            '*' | '?' | '[' | ']' | '{' | '}' | '\\' => self.glob.extend(['[', c, ']']),
            c => self.glob.push(c),
        }
        self.tail.push(c);
    }
}

const CLASS: &str = "Only `[abc]`, `[a-z]` and `[^…]` of plain letters and digits can be kept of a set of characters. Write \
                     the pattern again as `paths` of a compartment.";

/// The content of `[…]`. Ruby and globset agree on letters, digits and ranges of them; nothing here may match `/`.
fn set(class: &str) -> Result<String, &'static str> {
    let (not, letters) = match class.strip_prefix(['!', '^']) {
        Some(letters) => ("!/", letters),
        None => ("", class),
    };
    let letters: Vec<char> = letters.chars().collect();
    let plain = |at: usize| letters.get(at).is_some_and(char::is_ascii_alphanumeric);
    let kept = |at: usize| match letters[at] {
        '-' => at > 0 && plain(at - 1) && plain(at + 1),
        '_' | '.' => true,
        _ => plain(at),
    };
    if letters.is_empty() || !(0..letters.len()).all(kept) {
        return Err(CLASS);
    }
    Ok(format!("[{not}{}]", letters.iter().collect::<String>()))
}

fn shape(segments: &[Segment], dialect: Dialect) -> Shape {
    let prefix = segments.iter().take_while(|s| s.literal).map(|s| s.tail.clone()).collect();
    let tail = match segments.last() {
        // A name with a dot is treated as a file; GitHub may read one without a dot as a directory.
        Some(last) if last.literal && (dialect == Dialect::GitLab || extension(&last.tail).is_some()) => {
            Tail::Name(last.tail.clone())
        }
        Some(last) if !last.literal => extension(&last.tail).map_or(Tail::Any, |e| Tail::Extension(e.to_owned())),
        _ => Tail::Any,
    };
    Shape { prefix, tail }
}

/// The text after the last dot.
pub(super) fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension)
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) => out.push_str(&format!("\\U{:08X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
