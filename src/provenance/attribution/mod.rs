//! Who is *said* to have written each added line: notes of git-ai and Agent Trace, in one form.
//!
//! Whoever pushes commits can push notes, so this is a claim of the author. It is shown beside the lines; it neither
//! allows nor orders anything. A line without a note is unknown, never human. A tool named in a note is evidence, just
//! as one in a line of the message: it can only raise what is required.

pub mod agent_trace;
pub mod git_ai;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::{Evidence, Rules};
use crate::change::{Commit, ObjectId, RepoPath, counted, visible};

/// Bytes of one note, or of a file of traces. A note usually has about a kilobyte, but git-ai used to put whole
/// conversations into them: its own repository has some of 3 MiB.
pub const MAX_BYTES: usize = 8 << 20;
/// Ranges of lines in one note, or in a file of traces.
pub const MAX_RANGES: usize = 100_000;
/// The most characters of a name that are kept.
const MAX_NAME: usize = 300;
/// The most problems that are reported separately.
const MAX_PROBLEMS: usize = 20;

/// Who is said to have written a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hand {
    /// A tool.
    Ai,
    /// A person.
    Human,
    /// Both: one note says so, or several contradict each other.
    Mixed,
    /// No note says anything.
    Unknown,
}

impl Hand {
    /// One letter for the gutter.
    pub fn letter(self) -> char {
        match self {
            Hand::Ai => 'A',
            Hand::Human => 'h',
            Hand::Mixed => 'm',
            Hand::Unknown => '·',
        }
    }

    /// `AI`, `human`, `mixed`, `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Hand::Ai => "AI",
            Hand::Human => "human",
            Hand::Mixed => "mixed",
            Hand::Unknown => "unknown",
        }
    }
}

/// The format of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Notes of git-ai, authorship log 3.
    GitAi,
    /// Records of Agent Trace.
    AgentTrace,
}

impl Format {
    /// The project's own spelling of its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::GitAi => "git-ai",
            Format::AgentTrace => "Agent Trace",
        }
    }
}

/// Whom a note names. Unchanged and not escaped; each field cut at 300 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Writer {
    /// The tool that a person or agent used.
    pub tool: Option<String>,
    /// The model behind it.
    pub model: Option<String>,
    /// An id, or the address of the conversation.
    pub session: Option<String>,
    /// Who typed it, or for whom the tool worked.
    pub person: Option<String>,
}

/// Lines of a file in one commit, and who is said to have written them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// 0-based, the end not included; never empty.
    pub lines: Range<u32>,
    /// Who is said to have written these lines.
    pub hand: Hand,
    /// Position in [`Claims::writers`].
    pub writer: usize,
}

/// What one note says about one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Indexed by [`Claim::writer`].
    pub writers: Vec<Writer>,
    /// By path in that commit; claims may overlap.
    pub files: BTreeMap<RepoPath, Vec<Claim>>,
    /// Tools that were at work but for which no line is named.
    pub absent: Vec<Writer>,
    /// Entries that attribute lines to a person because no tool claimed them. The lines stay unknown.
    pub guessed: usize,
    /// Entries that attribute lines in an unknown way. The lines stay unknown.
    pub left_out: usize,
}

impl Claims {
    /// The named tools, each once.
    fn tools(&self) -> impl Iterator<Item = &Writer> {
        let by_tool = |claim: &&Claim| matches!(claim.hand, Hand::Ai | Hand::Mixed);
        let at: BTreeSet<usize> = self.files.values().flatten().filter(by_tool).map(|claim| claim.writer).collect();
        at.into_iter().filter_map(|at| self.writers.get(at)).chain(&self.absent)
    }
}

/// Why a note is not read. None of it is used then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Over [`MAX_BYTES`].
    #[error("it is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// Over [`MAX_RANGES`].
    #[error("it has more than {MAX_RANGES} ranges of lines")]
    TooManyRanges,
    /// A byte that is not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// 1-based.
    #[error("line {0}: {1}")]
    Line(usize, &'static str),
    /// The line between attestations and metadata is missing.
    #[error("no line `---` divides it")]
    NoDivider,
    /// Escaped.
    #[error("it is of schema `{0}`, which is not known here")]
    Schema(String),
    /// An impossible range of lines.
    #[error("a range of lines is reversed, or begins at 0")]
    Range,
    /// Escaped.
    #[error("its JSON is not as expected: {0}")]
    Json(String),
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Malformed::Json(shown(&error.to_string()))
    }
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    if bytes.len() > MAX_BYTES {
        return Err(Malformed::TooLarge);
    }
    std::str::from_utf8(bytes).map_err(|_| Malformed::NotUtf8)
}

/// A short excerpt of a note, for a sentence.
fn shown(text: &str) -> String {
    visible::text(&text.chars().take(MAX_NAME).collect::<String>()).into_owned()
}

fn name(text: Option<&str>) -> Option<String> {
    text.map(|text| text.chars().take(MAX_NAME).collect()).filter(|text: &String| !text.is_empty())
}

/// Lines as notes count them, from 1, both ends included.
fn lines(first: u32, last: u32) -> Option<Range<u32>> {
    (1..=last).contains(&first).then(|| first - 1..last)
}

/// Counts the ranges of a document.
#[derive(Default)]
struct Ranges(usize);

impl Ranges {
    fn another(&mut self) -> Result<(), Malformed> {
        self.0 += 1;
        if self.0 > MAX_RANGES { Err(Malformed::TooManyRanges) } else { Ok(()) }
    }
}

/// Added lines of a file of the diff that one commit introduced, by their numbers (0-based) at the head and in that
/// commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Position in [`crate::change::diff::Diff::files`].
    pub file: usize,
    /// The commit that introduced these lines.
    pub commit: ObjectId,
    /// The path of the file in that commit.
    pub path: RepoPath,
    /// Pairs of a line there and the same line in the diff, both 0-based.
    pub lines: Vec<(u32, u32)>,
}

/// What all notes say about the commits of a change.
#[derive(Debug, Clone, Default)]
pub struct Testimony {
    notes: HashMap<ObjectId, Vec<(Format, Claims)>>,
    problems: Vec<String>,
    more_problems: usize,
    /// Notes of no known format: the commit, the name of their ref below `refs/notes/`, and the text.
    texts: Vec<(ObjectId, String, String)>,
    /// Notes on commits of the change of which only the existence is known.
    unread: Vec<(Option<ObjectId>, String)>,
}

impl Testimony {
    /// If several notes agree, the first one is named as the source.
    pub fn add(&mut self, commit: ObjectId, format: Format, claims: Claims) {
        if !claims.files.is_empty() || !claims.absent.is_empty() {
            self.notes.entry(commit).or_default().push((format, claims));
        }
    }

    /// Adds a note of no known format, from a ref by its name below `refs/notes/`. It says nothing about lines.
    pub fn add_text(&mut self, commit: ObjectId, name: String, text: String) {
        self.texts.push((commit, name, text));
    }

    /// A sentence for people, escaped: what was not read, so that its lines stay unknown.
    pub fn problem(&mut self, sentence: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(sentence);
        } else {
            self.more_problems += 1;
        }
    }

    /// As [`Testimony::problem`], for a note that may have named a tool.
    pub fn unread(&mut self, commit: Option<ObjectId>, sentence: String) {
        if self.unread.len() < MAX_PROBLEMS {
            self.unread.push((commit, sentence.clone()));
        }
        self.problem(sentence);
    }

    /// Whether no file is mentioned.
    pub fn is_empty(&self) -> bool {
        self.notes.values().flatten().all(|(_, claims)| claims.files.is_empty())
    }

    /// What notes say about tools at work on these commits, and which of them could not be read.
    pub fn evidence(&self, commits: &[impl Borrow<Commit>], rules: &Rules) -> Vec<Evidence> {
        let mut found = Vec::new();
        for commit in commits.iter().map(Borrow::borrow) {
            for (format, claims) in self.notes.get(&commit.id).into_iter().flatten() {
                found.extend(claims.tools().map(|writer| rules.note(*format, commit.id, writer)));
            }
        }
        found.extend(self.texts.iter().flat_map(|(commit, name, text)| rules.plain_note(*commit, name, text)));
        found.extend(self.unread.iter().map(|(commit, sentence)| Evidence::unread_note(*commit, sentence)));
        found
    }

    /// The mentioned files, by their path in any of the commits.
    pub fn paths(&self) -> BTreeSet<&RepoPath> {
        self.notes.values().flatten().flat_map(|(_, claims)| claims.files.keys()).collect()
    }

    /// Looks up each added line in the commit that introduced it.
    pub fn attribute(mut self, brought: &[Brought]) -> Attribution {
        let mut found = Attribution { problems: std::mem::take(&mut self.problems), ..Attribution::default() };
        if self.more_problems > 0 {
            found.problems.push(format!("{} not listed.", counted(self.more_problems, "more trouble")));
        }
        let mut sources = Sources::default();
        for group in brought {
            let spans = flatten(&self.layers(group, &mut sources));
            let said = group.lines.iter().filter_map(|&(head, there)| {
                let span = at(&spans, there)?;
                Some(Span { lines: head..head + 1, ..span.clone() })
            });
            found.files.entry(group.file).or_default().extend(said);
        }
        found.files.retain(|_, spans| !spans.is_empty());
        found.files.values_mut().for_each(join);
        found.sources = sources.list;
        found
    }

    /// What all notes say about a file in a commit.
    fn layers(&self, group: &Brought, sources: &mut Sources) -> Vec<Layer> {
        let mut layers = Vec::new();
        for (format, claims) in self.notes.get(&group.commit).into_iter().flatten() {
            for claim in claims.files.get(&group.path).into_iter().flatten() {
                let Some(writer) = claims.writers.get(claim.writer) else { continue };
                let source = sources.of(*format, group.commit, writer);
                layers.push(Layer { lines: claim.lines.clone(), hand: claim.hand, source });
            }
        }
        layers
    }
}

/// The origin of a claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The format of the note.
    pub format: Format,
    /// The commit that introduced the line.
    pub commit: ObjectId,
    /// Whom the note names.
    pub writer: Writer,
}

/// Each source once.
#[derive(Default)]
struct Sources {
    list: Vec<Source>,
    known: HashMap<Source, usize>,
}

impl Sources {
    fn of(&mut self, format: Format, commit: ObjectId, writer: &Writer) -> usize {
        let source = Source { format, commit, writer: writer.clone() };
        *self.known.entry(source).or_insert_with_key(|source| {
            self.list.push(source.clone());
            self.list.len() - 1
        })
    }
}

/// One of several claims about the same file.
struct Layer {
    lines: Range<u32>,
    hand: Hand,
    source: usize,
}

/// Lines with the same attribution.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    lines: Range<u32>,
    hand: Hand,
    source: usize,
    /// The first source that disagrees.
    against: Option<usize>,
}

/// Arbitrarily overlapping claims → disjoint spans, in order. Costs n log n, however they overlap.
fn flatten(layers: &[Layer]) -> Vec<Span> {
    let ends = |(index, layer): (usize, &Layer)| [(layer.lines.start, index), (layer.lines.end, index)];
    let mut edges: Vec<(u32, usize)> = layers.iter().enumerate().flat_map(ends).collect();
    edges.sort_unstable();
    let mut open: BTreeMap<Hand, BTreeSet<usize>> = BTreeMap::new();
    let (mut spans, mut from) = (Vec::new(), 0);
    for (line, index) in edges {
        let mut firsts: Vec<usize> = open.values().filter_map(|same| same.first().copied()).collect();
        firsts.sort_unstable();
        if let Some(first) = firsts.first().filter(|_| line > from).map(|&first| &layers[first]) {
            let against = firsts.get(1).map(|&other| layers[other].source);
            let hand = if against.is_some() { Hand::Mixed } else { first.hand };
            spans.push(Span { lines: from..line, hand, source: first.source, against });
        }
        from = line;
        let same = open.entry(layers[index].hand).or_default();
        if !same.remove(&index) {
            same.insert(index);
        }
    }
    spans
}

fn at(spans: &[Span], line: u32) -> Option<&Span> {
    let after = spans.partition_point(|span| span.lines.end <= line);
    spans.get(after).filter(|span| span.lines.start <= line)
}

/// Sorts spans of single lines, and joins neighbours with the same attribution.
fn join(spans: &mut Vec<Span>) {
    spans.sort_by_key(|span| span.lines.start);
    spans.dedup_by(|next, span| {
        let same = (next.hand, next.source, next.against) == (span.hand, span.source, span.against);
        let joins = same && next.lines.start == span.lines.end;
        if joins {
            span.lines.end = next.lines.end;
        }
        joins
    });
}

/// Who is said to have written the added lines of a diff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attribution {
    /// By position in the diff: sorted, disjoint.
    files: BTreeMap<usize, Vec<Span>>,
    sources: Vec<Source>,
    problems: Vec<String>,
}

impl Attribution {
    /// Who is said to have written an added line. `file` is the position in the diff, `line` 0-based on the new side.
    pub fn of(&self, file: usize, line: u32) -> Hand {
        self.span(file, line).map_or(Hand::Unknown, |span| span.hand)
    }

    /// The source of that.
    pub fn source(&self, file: usize, line: u32) -> Option<&Source> {
        self.sources.get(self.span(file, line)?.source)
    }

    /// The source that disagrees, if notes contradict each other.
    pub fn against(&self, file: usize, line: u32) -> Option<&Source> {
        self.sources.get(self.span(file, line)?.against?)
    }

    /// Counts the added lines that are attributed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for span in self.files.values().flatten() {
            let lines = span.lines.len();
            match span.hand {
                Hand::Ai => counts.ai += lines,
                Hand::Human => counts.human += lines,
                Hand::Mixed => counts.mixed += lines,
                Hand::Unknown => {}
            }
            if span.against.is_some() {
                counts.disputed += lines;
            }
        }
        counts
    }

    /// Whether no line is attributed. There may still be problems.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Adds another reason why lines are unknown, as an escaped sentence.
    pub fn problem(&mut self, sentence: String) {
        self.problems.push(sentence);
    }

    /// Escaped sentences: what was not read, so that its lines are unknown. At most 21.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn span(&self, file: usize, line: u32) -> Option<&Span> {
        at(self.files.get(&file)?, line)
    }
}

/// Added lines by who is said to have written them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines by tools alone.
    pub ai: usize,
    /// Lines by people alone.
    pub human: usize,
    /// Including disputed lines.
    pub mixed: usize,
    /// Lines on which notes contradict each other.
    pub disputed: usize,
}

impl Counts {
    /// How many of `added` lines have no attribution: files that no note mentions are not read for this.
    pub fn unknown(&self, added: usize) -> usize {
        added.saturating_sub(self.ai + self.human + self.mixed)
    }
}

#[cfg(test)]
mod tests;
