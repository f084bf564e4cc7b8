//! Left-over conflict markers that git, Jujutsu, Perforce or Darcs writes into a file with a merge conflict, and files
//! that a failed merge or patch leaves beside it.

use crate::change::diff::Side;
use crate::risk::blast::is_test;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// As they are written, unless an attribute or the text of the file asks for longer ones.
const LENGTH: usize = 7;
/// How labels of Jujutsu begin that only it writes.
const OF_JUJUTSU: &[&str] = &["Changes from ", "Contents of ", "diff from", "side #", "to: "];
/// How markers of Perforce begin.
const OF_PERFORCE: &[&str] = &[">>>> ORIGINAL ", "==== THEIRS ", "==== YOURS ", "==== BOTH "];
/// Markers of Darcs, which are whole lines.
const OF_DARCS: &[&str] = &["v v v v v v v", "^ ^ ^ ^ ^ ^ ^"];
/// Tables in which a row of empty fields may be nothing but its separators.
const TABLES: &[&str] = &[".csv", ".psv", ".tsv", ".dsv"];
/// The names of files with rejected hunks, and with what was there before.
const BESIDE: &[&str] = &[".rej", ".orig"];
/// How a line of a comment begins in files with these ends: what looks like Jujutsu's markers is a comment there.
const COMMENTS: &[(u8, &[&str])] = &[
    (b'%', &[".erl", ".hrl", ".m", ".tex", ".sty", ".cls", ".bib", ".ps", ".pro"]),
    (b'-', &[".sql", ".lua", ".hs", ".elm", ".adb", ".ads", ".vhd", ".vhdl", ".applescript"]),
];
/// How a comment begins whose text is looked at for markers that were commented out.
const COMMENT_STARTS: &[&str] = &["-- ", "// ", "# ", "% ", "; "];
/// Texts that quote changes: a blank before a line is of the quote.
const QUOTES: &[&str] = &[".diff", ".patch", ".rej"];
/// Texts for people, in which the same characters are quotes, tables and headings.
const PROSE: &[&str] = &[".md", ".markdown", ".mdx", ".rst", ".adoc", ".txt", ".org", ".eml"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    /// What both sides had, in the styles diff3 and zdiff3.
    Base,
    Split,
    Theirs,
    /// How Jujutsu shows one side: the lines of a patch, or all of them.
    Shown,
}

/// A line that has the form of a marker.
#[derive(Clone, Copy)]
struct Marker<'t> {
    /// Counts from 0.
    at: usize,
    kind: Kind,
    length: usize,
    is_indented: bool,
    /// No blank is between the signs and the label.
    is_glued: bool,
    /// How the comment begins that it is in.
    comment: Option<&'static str>,
    label: &'t str,
}

impl<'t> Marker<'t> {
    fn of(at: usize, line: &'t str) -> Option<Marker<'t>> {
        let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        let bare = line.trim_start_matches([' ', '\t']);
        let is_indented = bare.len() < line.len();
        let of = |start: &&&str| bare.strip_prefix(**start).is_some_and(|text| text.starts_with(['<', '>']));
        let comment = COMMENT_STARTS.iter().find(of).copied();
        let bare = comment.map_or(bare, |start| &bare[start.len()..]);
        let sign = *bare.as_bytes().first()?;
        let kind = match sign {
            b'<' => Kind::Ours,
            b'|' => Kind::Base,
            b'=' => Kind::Split,
            b'>' => Kind::Theirs,
            b'%' | b'+' | b'-' | b'\\' => Kind::Shown,
            _ => return None,
        };
        let length = bare.bytes().take_while(|byte| *byte == sign).count();
        let rest = bare[length..].trim_end_matches('\r');
        let is_side = matches!(kind, Kind::Ours | Kind::Theirs);
        let is_glued = is_side && rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        let label = if rest.is_empty() || is_glued { rest.trim() } else { rest.strip_prefix([' ', '\t'])?.trim() };
        let fits = match kind {
            Kind::Split => label.is_empty() && !is_indented,
            Kind::Shown => !label.is_empty() && !is_indented,
            // A target of Org is closed in its line.
            Kind::Ours => !label.ends_with(">>>>>>>"),
            _ => true,
        };
        (fits && length >= LENGTH).then_some(Marker { at, kind, length, is_indented, is_glued, comment, label })
    }

    /// Whether it has the form that git gives it of itself; what is longer or indented may be drawn by people.
    fn is_usual(&self) -> bool {
        let is_bare = !self.is_indented && !self.is_glued && self.comment.is_none();
        self.kind != Kind::Shown && self.length == LENGTH && is_bare
    }

    /// Whether an unusual one is a marker all the same: another one of its length is there, or its label tells.
    fn is_plausible(&self, file: &Text<'_>) -> bool {
        let is_side = |kind| matches!(kind, Kind::Ours | Kind::Theirs);
        let form = |one: &Marker<'_>| (one.length, one.is_indented, one.comment);
        let fits = |other: &Marker<'_>| form(other) == form(self) && is_side(other.kind) && other.kind != self.kind;
        let holds = |other: &Marker<'_>| self.comment.is_none_or(|start| file.has_code(start, self.at, other.at));
        let in_company = file.markers.iter().any(|other| fits(other) && holds(other));
        let is_told = match self.kind {
            _ if self.is_glued || self.comment.is_some() => false,
            Kind::Shown if file.comments_begin_with(self) => false,
            Kind::Shown => OF_JUJUTSU.iter().any(|begin| self.label.starts_with(begin)),
            Kind::Base => !self.is_indented && (self.is_of_ancestor() || self.is_of_commit()),
            kind => is_side(kind) && (self.is_of_one_word() || self.is_of_commit()),
        };
        let is_row = self.kind == Kind::Base && self.label.is_empty() && ends(file.path, TABLES);
        self.is_usual() && !is_row || in_company || is_told
    }

    /// Whether the label is one that git writes for what both sides had, or a word that may name it.
    fn is_of_ancestor(&self) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
        self.label == "merged common ancestors" || self.label.len() > 2 && self.label.chars().all(is_name)
    }

    fn is_of_one_word(&self) -> bool {
        let is_code = self.is_indented && self.label.ends_with([';', ',', ')', '{']);
        !self.label.is_empty() && !self.label.contains([' ', '|', '<', '>']) && !is_code
    }

    fn is_of_commit(&self) -> bool {
        let id = self.label.split_once(' ').map(|(id, _)| id);
        id.is_some_and(|id| id.len() >= LENGTH && id.chars().all(|c| c.is_ascii_hexdigit()))
    }
}

/// A text with all that has the form of a marker.
struct Text<'t> {
    path: &'t str,
    lines: &'t [&'t str],
    markers: Vec<Marker<'t>>,
}

impl Text<'_> {
    /// Whether there is more than comments between two lines: a whole conflict in comments is an example.
    fn has_code(&self, comment: &str, one: usize, other: usize) -> bool {
        let between = self.lines.get(one.min(other) + 1..one.max(other)).unwrap_or_default();
        between.iter().map(|line| line.trim()).any(|line| !line.is_empty() && !line.starts_with(comment.trim_end()))
    }

    fn comments_begin_with(&self, marker: &Marker<'_>) -> bool {
        let sign = self.lines[marker.at].bytes().next();
        COMMENTS.iter().any(|(own, endings)| Some(*own) == sign && ends(self.path, endings))
    }
}

/// Whether a file is a text for people.
pub(super) fn is_prose(path: &str) -> bool {
    ends(path, PROSE)
}

fn ends(path: &str, endings: &[&str]) -> bool {
    let path = path.to_ascii_lowercase();
    endings.iter().any(|ending| path.ends_with(ending))
}

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    let mut found: Vec<Finding> = beside(file, rules).into_iter().collect();
    found.extend(of_perforce(file, rules));
    if ends(&path, &[".ipynb"]) {
        found.extend(in_notebook(file, rules));
    }
    found.extend(of_lines(file, rules));
    found
}

/// A file that a failed merge or patch leaves. Cargo packs an original of its manifest.
fn beside(file: &FileUnderReview<'_>, rules: &Rules) -> Option<Finding> {
    let path = file.path();
    let is_named = || ends(&path, BESIDE) || is_of_conflict(path.rsplit('/').next().unwrap_or_default());
    let is_left = file.diff.old.is_none() && file.diff.new.is_some() && is_named();
    if !is_left || is_test(&path) || ends(&path, &["cargo.toml.orig"]) {
        return None;
    }
    let title = "A file that a failed merge or patch leaves".to_owned();
    let found = rules.of_check("merge.left-over", file, Side::New, 0, &path)?;
    Some(Finding { title, severity: Severity::Medium, ..found })
}

/// Whether a name is one that `git mergetool`, git, or Subversion gives to one side of a conflict: `a_LOCAL_98.py`,
/// `lib~HEAD`, `a.c.mine`, `a.c.r1234`.
fn is_of_conflict(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_tool = ["BACKUP", "BASE", "LOCAL", "REMOTE"].iter().any(|side| {
        let after = |sign: char| Some(name.rsplit_once(&format!("{sign}{side}{sign}"))?.1);
        ['_', '.'].into_iter().filter_map(after).any(|rest| is_number(rest.split('.').next().unwrap_or_default()))
    });
    let of_branch = name.rsplit_once('~').is_some_and(|(own, side)| !own.is_empty() && is_of_branch(side));
    let of_subversion = name.rsplit_once('.').filter(|(own, _)| own.trim_start_matches('.').contains('.'));
    let of_subversion = of_subversion.is_some_and(|(_, end)| {
        let number = end.strip_prefix("merge-left.r").or(end.strip_prefix("merge-right.r")).or(end.strip_prefix('r'));
        // An archive in parts has `r00`.
        end == "mine" || number.is_some_and(|number| is_number(number) && !number.starts_with('0'))
    });
    of_tool || of_branch || of_subversion
}

/// Whether it is how git writes one side of a conflict behind a name: a branch, or a commit with its subject.
fn is_of_branch(side: &str) -> bool {
    const NAMES: &[&str] = &["HEAD", "main", "master", "develop", "trunk", "ours", "theirs"];
    const BEGIN: &[&str] = &[
        "feature",
        "feat",
        "fix",
        "bugfix",
        "hotfix",
        "release",
        "origin_",
        "upstream_",
        "remotes_",
        "topic",
        "chore",
        "dependabot",
    ];
    // A second one of the same name has a number.
    let bare = side.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('_').unwrap_or(side);
    let is_begun = |begin: &&str| {
        side.strip_prefix(*begin).is_some_and(|rest| begin.ends_with('_') || rest.starts_with(['_', '-']))
    };
    let is_commit = side
        .split_once(" (")
        .is_some_and(|(id, _)| id.len() >= LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    NAMES.contains(&bare) || BEGIN.iter().any(is_begun) || is_commit
}

fn of_perforce(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    if is_test(&path) || is_prose(&path) {
        return Vec::new();
    }
    let is_marker = |line: &str| OF_PERFORCE.iter().any(|begin| line.starts_with(begin)) || OF_DARCS.contains(&line);
    let marked = file.added().iter().filter(|(_, line)| is_marker(line));
    marked.filter_map(|(at, line)| rules.of_check("merge.left-over", file, Side::New, *at, line)).collect()
}

/// Markers that are lines of their own.
fn of_lines(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    if is_test(&path) || !file.added().iter().any(|(_, line)| Marker::of(0, line).is_some()) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(file.new_text());
    let lines: Vec<&str> = text.split('\n').collect();
    let is_prose = is_prose(&path);
    let seen = if is_prose { outside_of_fences(&lines) } else { all(&lines) };
    let seen = Text { path: &path, lines: &lines, markers: seen };
    // Indented text for people is an example.
    let is_quote = |marker: &Marker<'_>| marker.is_indented && (is_prose || ends(&path, QUOTES));
    let is_one = |marker: &&Marker<'_>| marker.is_plausible(&seen) && !is_quote(marker);
    let markers: Vec<Marker<'_>> = seen.markers.iter().filter(is_one).copied().collect();
    let others = markers.iter().any(|marker| marker.kind != Kind::Split);
    let say = |marker: &Marker<'_>| {
        let (_, line) = file.added().iter().find(|(number, _)| *number as usize == marker.at + 1)?;
        let sure = match marker.kind {
            Kind::Split => !others && !is_prose && !is_heading(&lines, marker.at),
            _ => !is_prose || is_surely(*marker, &markers, &lines),
        };
        let found = rules.of_check("merge.left-over", file, Side::New, marker.at as u32 + 1, line).filter(|_| sure)?;
        // Alone it may be a drawn line.
        let severity = if marker.kind == Kind::Split { Severity::Medium } else { found.severity };
        Some(Finding { severity, ..found })
    };
    markers.iter().filter_map(say).collect()
}

/// In a notebook, each line of a cell is a string of JSON.
fn in_notebook(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    const SIDES: [&str; 2] = ["\"<<<<<<< ", "\">>>>>>> "];
    let text = String::from_utf8_lossy(file.new_text());
    if is_test(&file.path()) || !SIDES.iter().all(|side| text.contains(side)) {
        return Vec::new();
    }
    let added = file.added();
    let marked = added.iter().filter(|(_, line)| SIDES.iter().any(|side| line.contains(side)));
    marked.filter_map(|(at, line)| rules.of_check("merge.left-over", file, Side::New, *at, line)).collect()
}

fn all<'t>(lines: &[&'t str]) -> Vec<Marker<'t>> {
    lines.iter().enumerate().filter_map(|(at, line)| Marker::of(at, line)).collect()
}

/// Text in a fence is an example.
fn outside_of_fences<'t>(lines: &[&'t str]) -> Vec<Marker<'t>> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let start = line.trim_start();
        match fence {
            Some(open) if start.starts_with(open) => fence = None,
            Some(_) => {}
            None if start.starts_with("```") || start.starts_with("~~~") => fence = Some(&start[..3]),
            None => found.extend(Marker::of(at, line)),
        }
    }
    found
}

/// Whether a marker in a text for people is real, and not a nested quote or a table row.
fn is_surely(marker: Marker<'_>, markers: &[Marker<'_>], lines: &[&str]) -> bool {
    let neighbours = [marker.at.wrapping_sub(1), marker.at + 1];
    let sign = lines[marker.at].chars().next();
    let alone = neighbours.iter().filter_map(|&at| lines.get(at)).all(|line| line.chars().next() != sign);
    let in_company = markers.iter().any(|other| other.kind != marker.kind);
    let is_told = marker.is_of_one_word() || marker.is_of_commit() || marker.label == "merged common ancestors";
    match marker.kind {
        Kind::Ours => !marker.label.is_empty() || in_company,
        _ => alone && (in_company || is_told),
    }
}

/// Whether a line is the underline or overline of a short title.
fn is_heading(lines: &[&str], at: usize) -> bool {
    let is_title = |line: &&str| {
        let line = line.trim_end();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '.' | ',' | '&');
        let count = line.chars().count();
        // A statement of one word, such as `done`, is no title.
        let begins = line.starts_with(|c: char| c.is_uppercase() || c.is_numeric()) || count == LENGTH;
        count <= LENGTH && begins && line.chars().all(is_word) && line.starts_with(char::is_alphanumeric)
    };
    let above = at.checked_sub(1).and_then(|above| lines.get(above)).is_some_and(is_title);
    above || lines.get(at + 1).is_some_and(is_title)
}
