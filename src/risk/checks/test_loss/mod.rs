//! `test.deleted`, `test.assert-lost`, `test.weakened`, `test.trivial` and `test.snapshot-mass`: what is no longer
//! tested. Compared test by test: an assertion with the same text elsewhere in the change was moved, one that other
//! assertions check as exactly was rewritten, and tests that are added elsewhere compensate for nothing.

mod assertion;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::change::diff::Side;
use crate::risk::blast::is_test;
use crate::risk::finding::as_one as together;
use crate::risk::rules::ascii;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_code, subject};
use assertion::{Assertion, Strength, words};
use read::{Test, Tests, short};

/// The most characters of an assertion in a title.
const MAX_SAID: usize = 70;

/// What the files lost, and the candidate findings.
#[derive(Default)]
pub(super) struct Losses {
    files: Vec<Loss>,
    /// Added assertions by their text: how often.
    came: BTreeMap<String, usize>,
    /// Names of added tests.
    tests: BTreeSet<String>,
    /// New files of tests.
    written: Vec<Whole>,
    code: Code,
    snapshots: Vec<Finding>,
}

/// The code of the change that is not a test.
#[derive(Default)]
struct Code {
    /// The subjects of remaining files, by their names, and of deleted ones.
    changed: BTreeSet<String>,
    gone: BTreeSet<String>,
    /// Names defined on removed lines, and on added lines.
    undefined: BTreeSet<String>,
    defined: BTreeSet<String>,
    lines_removed: u64,
    lines_added: u64,
}

static DEFINES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    ascii(r"\b(?:def|fn|func|function|class|struct|enum|trait|interface|type|const|let|var|val|module|object|void)\s+(?:\([^)]*\)\s*)?(?:self\.)?(\w+)|^\s*(?:(?:public|private|protected|internal|static|final|override|async|readonly)\s+)+(?:[\w<>\[\],.?]+\s+)?(\w+)|^\s*(?:self|this)\.(\w+)\s*=|^\s*(\w+)\s*:\s*[A-Za-z]").ok()
});

fn definitions(lines: &[(u32, String)]) -> impl Iterator<Item = String> {
    let captures = lines.iter().filter_map(|(_, line)| DEFINES.as_ref()?.captures(line.as_bytes()));
    captures.filter_map(|found| {
        let name = found.iter().skip(1).flatten().next()?;
        Some(String::from_utf8_lossy(name.as_bytes()).into_owned())
    })
}

/// The losses of one file.
struct Loss {
    subject: String,
    /// It contains the tested code itself.
    is_code: bool,
    /// Fewer exact assertions were added than removed.
    is_net: bool,
    /// It gained no test and no exact assertion: nothing stands for what it lost.
    is_bare: bool,
    /// The names that its old text uses.
    names: BTreeSet<String>,
    /// The whole file, if it is gone.
    whole: Option<Whole>,
    /// One for each candidate finding, with its subject.
    said: Vec<Said>,
}

/// A candidate finding about a test.
struct Said {
    finding: Finding,
    kind: Kind,
    /// If none of these is left, nothing is reported.
    tests: Vec<String>,
    asserts: Vec<Assertion>,
    /// It is one of several exact assertions of the file that accept nearly everything now.
    is_of_many: bool,
    /// Its test has exact assertions since which it had not, half as many as those that are gone or more.
    is_made_up: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deleted,
    Lost,
    Weakened,
}

impl Losses {
    /// Adds a file, each once; returns the findings that are already certain.
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let path = file.path();
        if is_snapshot(&path) {
            self.snapshots.extend(rewritten(file, rules));
            return Vec::new();
        }
        let in_test_file = is_test(&path);
        if is_code(&path) && !in_test_file {
            self.code.read(file, &path);
        }
        let tests = Tests::of(file, &path, in_test_file);
        for added in &tests.added {
            *self.came.entry(added.text.clone()).or_default() += 1;
        }
        self.tests.extend(tests.came.iter().map(|test| test.short().to_owned()));
        if file.old.is_none() && !tests.came.is_empty() {
            self.written.push(Whole::of(&path, &tests.came, tests.added.len()));
        }
        let said = said(file, &tests, rules);
        if !said.is_empty() {
            let old = String::from_utf8_lossy(file.old_text());
            let (subject, is_code) = (subject(&path), !in_test_file);
            let whole = file.new.is_none().then(|| Whole::of(&path, &tests.gone, tests.lost.len()));
            let is_gain = |own: &&Assertion| own.strength == Strength::Exact && !own.is_tautology();
            let is_bare = tests.came.is_empty() && tests.added.iter().filter(is_gain).count() == 0;
            let is_net = tests.lost_more();
            self.files.push(Loss { subject, is_code, is_net, is_bare, names: words(&old), whole, said });
        }
        trivial(file, &tests, rules)
    }

    pub fn finish(self) -> Vec<Finding> {
        let Losses { files, mut came, tests, written, code, snapshots } = self;
        let mut found = Vec::new();
        for file in files.iter().filter(|file| !file.is_in_another_language(&written)) {
            for said in &file.said {
                let names = said.tests.iter().any(|test| code.is_named_after_what_is_gone(test));
                let of = |words: &BTreeSet<String>| if names { Severity::Medium } else { code.severity(file, words) };
                let left = said.left(&mut came, &tests, of);
                found.extend(left.map(|left| {
                    if file.is_bare && said.kind == Kind::Weakened { left } else { left.at_most(Severity::Medium) }
                }));
            }
        }
        let mut found = of_many(found);
        let code_changed = !code.changed.is_empty();
        found.extend(as_one(snapshots).filter(|_| code_changed));
        found
    }
}

/// As many findings of a rule about tests are answered together.
const MANY: usize = 3;

/// The findings, those of a rule that are many as one at all of their places.
fn of_many(found: Vec<Finding>) -> Vec<Finding> {
    let mut of_rule: BTreeMap<(String, Severity), Vec<Finding>> = BTreeMap::new();
    for finding in found {
        of_rule.entry((finding.rule.clone(), finding.severity)).or_default().push(finding);
    }
    let joined = |found: Vec<Finding>| if found.len() < MANY { found } else { together(found).into_iter().collect() };
    of_rule.into_values().flat_map(joined).collect()
}

/// A file of tests that is new, or gone.
struct Whole {
    subject: String,
    /// Its extension.
    language: String,
    tests: BTreeSet<String>,
    /// How many assertions it has.
    asserts: usize,
}

impl Whole {
    fn of(path: &str, tests: &[Test], asserts: usize) -> Whole {
        let language = path.rsplit('.').next().unwrap_or_default().to_owned();
        let tests = tests.iter().map(|test| test.short().to_owned()).collect();
        Whole { subject: subject(path), language, tests, asserts }
    }

    /// Whether the other one is the same in another language, with all of its tests and no fewer assertions.
    fn is_rewritten_as(&self, new: &Whole) -> bool {
        new.subject == self.subject
            && new.language != self.language
            && new.asserts >= self.asserts
            && self.tests.is_subset(&new.tests)
    }
}

impl Loss {
    fn is_in_another_language(&self, written: &[Whole]) -> bool {
        self.whole.as_ref().is_some_and(|whole| written.iter().any(|new| whole.is_rewritten_as(new)))
    }
}

impl Said {
    /// The remaining findings, once the whole change was read.
    fn left(
        &self,
        came: &mut BTreeMap<String, usize>,
        tests: &BTreeSet<String>,
        severity: impl Fn(&BTreeSet<String>) -> Severity,
    ) -> Option<Finding> {
        let mut is_moved = |own: &&Assertion| {
            let left = came.get_mut(&own.text).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_some()
        };
        let lost: Vec<&Assertion> = self.asserts.iter().filter(|own| !is_moved(own)).collect();
        let is_moved = match self.kind {
            Kind::Deleted => {
                let all_moved = !self.asserts.is_empty() && lost.is_empty();
                all_moved || self.tests.iter().all(|test| tests.contains(test)) && lost.is_empty()
            }
            _ => lost.is_empty(),
        };
        if is_moved {
            return None;
        }
        // The same tests assert in other words elsewhere: somebody moved them to another library, or dulled them.
        let is_said_anew = self.kind == Kind::Deleted
            && !self.tests.is_empty()
            && self.tests.iter().all(|test| tests.contains(test))
            && came.values().sum::<usize>() >= lost.len();
        let about: BTreeSet<String> = lost.iter().flat_map(|own| own.words.iter().cloned()).collect();
        let is_exact = lost.iter().any(|own| own.strength == Strength::Exact);
        let severity = match is_exact {
            true if is_said_anew || self.is_made_up => Severity::Medium,
            // One may be another opinion of what is right; two say that it need not be right any more.
            true if self.is_of_many => severity(&about),
            _ => Severity::Medium,
        };
        Some(Finding { severity, ..self.finding.clone() })
    }
}

impl Code {
    fn read(&mut self, file: &FileUnderReview<'_>, path: &str) {
        let about = if file.new.is_none() { &mut self.gone } else { &mut self.changed };
        about.insert(stem(path));
        self.lines_removed += u64::from(file.comparison.removed);
        self.lines_added += u64::from(file.comparison.added);
        self.undefined.extend(definitions(file.removed()));
        self.defined.extend(definitions(file.added()));
    }

    /// Whether the name of a test contains that of a function which is gone: `test_prepare_document_without_address`.
    fn is_named_after_what_is_gone(&self, test: &str) -> bool {
        let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
        let own = plain(test);
        let is_gone = |name: &&String| !self.defined.contains(*name) && name.len() > 8;
        self.undefined.iter().filter(is_gone).any(|name| own.contains(&plain(name)))
    }

    /// High if the tested code stays and changes, and nothing is tested instead; if it is removed together with its
    /// tests, that is as it should be.
    fn severity(&self, file: &Loss, about: &BTreeSet<String>) -> Severity {
        let tests = |stems: &BTreeSet<String>| {
            stems.iter().any(|stem| *stem == file.subject || stem.len() > 3 && file.names.contains(stem))
        };
        let is_name = |word: &&String| word.len() > 3 && word.starts_with(|c: char| c.is_alphabetic());
        let goes =
            about.iter().filter(is_name).any(|word| self.undefined.contains(word) && !self.defined.contains(word));
        let stays = file.is_code || tests(&self.changed);
        // If a feature is removed with its tests, or other tests replace them, a question is enough.
        let shrinks = self.lines_removed > self.lines_added && !file.is_code;
        let is_grave = stays && file.is_net && !goes && !shrinks && !tests(&self.gone);
        if is_grave { Severity::High } else { Severity::Medium }
    }
}

/// What a file of code is called where it is used: its name, or that of its folder where the name says nothing.
fn stem(path: &str) -> String {
    let own = subject(path);
    let says_nothing = matches!(own.as_str(), "index" | "mod" | "lib" | "main" | "__init__");
    let folder = path.rsplit('/').nth(1).filter(|_| says_nothing);
    folder.map_or(own, str::to_owned)
}

/// What there is to say of a file, unless it stands elsewhere.
fn said(file: &FileUnderReview<'_>, tests: &Tests, rules: &Rules) -> Vec<Said> {
    let gone: BTreeSet<&String> = tests.gone.iter().map(|test| &test.name).collect();
    let (of_gone, of_kept): (Vec<_>, Vec<_>) = tests.lost.iter().cloned().partition(|lost| gone.contains(&lost.test));
    let mut said: Vec<Said> = deleted(file, tests, of_gone, rules).into_iter().collect();
    let mut by_test: BTreeMap<&String, Vec<&Assertion>> = BTreeMap::new();
    for lost in of_kept.iter().filter(|lost| !tests.emptied.contains(&lost.test)) {
        by_test.entry(&lost.test).or_default().push(lost);
    }
    for asserts in by_test.into_values() {
        said.extend(fewer(file, tests, &asserts, rules));
    }
    let is_gutted = |(before, after): &&(Assertion, Assertion)| {
        let says_nothing = after.strength == Strength::Loose && !after.text.contains(['"', '\'', '`']);
        before.strength == Strength::Exact && says_nothing && before.test == after.test
    };
    let is_of_many = tests.weakened.iter().filter(is_gutted).count() > 1;
    for pair @ (before, after) in &tests.weakened {
        let what = format!("{} → {}", cut(&before.text), cut(&after.text));
        // What asserts something else is another opinion of what is right, and not only a lower demand.
        let is_made_up = !is_gutted(&pair) || after.words.difference(&before.words).count() > 1;
        let finding = say(rules, "test.weakened", file, Side::New, after.line, &what);
        let asserts = vec![before.clone()];
        let (kind, tests) = (Kind::Weakened, Vec::new());
        said.extend(finding.map(|finding| Said { finding, kind, tests, asserts, is_of_many, is_made_up }));
    }
    said
}

fn deleted(file: &FileUnderReview<'_>, tests: &Tests, asserts: Vec<Assertion>, rules: &Rules) -> Option<Said> {
    let first = tests.gone.first()?;
    let count = tests.gone.len();
    let names = tests.gone.iter().take(2).map(|test| test.short()).collect::<Vec<_>>().join(", ");
    let more = if count > 2 { format!(" and {} more", count - 2) } else { String::new() };
    let line = if file.new.is_none() { 0 } else { first.line };
    let finding = say(rules, "test.deleted", file, Side::Old, line, &(names + &more))?;
    let names = tests.gone.iter().map(|test| test.short().to_owned()).collect();
    Some(Said { finding, kind: Kind::Deleted, tests: names, asserts, is_of_many: false, is_made_up: false })
}

fn fewer(file: &FileUnderReview<'_>, tests: &Tests, asserts: &[&Assertion], rules: &Rules) -> Option<Said> {
    let first = asserts.iter().min_by_key(|own| own.line)?;
    let more = if asserts.len() > 1 { format!(" and {} more", asserts.len() - 1) } else { String::new() };
    let of = if first.test.is_empty() { String::new() } else { format!("{}: ", short(&first.test)) };
    let what = format!("{of}{}{more}", cut(&first.text));
    let finding = say(rules, "test.assert-lost", file, Side::Old, first.line, &what)?;
    let asserts: Vec<Assertion> = asserts.iter().map(|own| (*own).clone()).collect();
    let is_gain = |own: &&Assertion| own.test == first.test && own.strength == Strength::Exact && !own.is_tautology();
    let is_made_up = !first.test.is_empty() && tests.added.iter().filter(is_gain).count() * 2 >= asserts.len();
    Some(Said { finding, kind: Kind::Lost, tests: Vec::new(), asserts, is_of_many: false, is_made_up })
}

/// Tests that cannot fail any more.
fn trivial(file: &FileUnderReview<'_>, tests: &Tests, rules: &Rules) -> Vec<Finding> {
    let emptied = tests.emptied.iter().filter_map(|test| {
        let line = tests.lost.iter().filter(|lost| lost.test == *test).map(|lost| lost.line).min()?;
        say(rules, "test.emptied", file, Side::Old, line, short(test))
    });
    let same = tests.added.iter().filter(|own| own.is_tautology());
    let same = same.filter_map(|own| say(rules, "test.tautology", file, Side::New, own.line, cut(&own.text).as_str()));
    emptied.chain(same).collect()
}

/// A finding of a check that names its object.
fn say(rules: &Rules, id: &str, file: &FileUnderReview<'_>, side: Side, line: u32, what: &str) -> Option<Finding> {
    let evidence = if line == 0 { what.to_owned() } else { file.line(side, line) };
    let found = rules.of_check(id, file, side, line, &evidence)?;
    Some(Finding { title: format!("{}: {what}", found.title), ..found })
}

fn cut(text: &str) -> String {
    let short: String = text.chars().take(MAX_SAID).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

/// What a tool writes of what the code answers, to compare it with later.
fn is_snapshot(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = [".snap", ".ambr", ".snapshot", ".golden", ".verified.txt", ".approved.txt"];
    endings.iter().any(|ending| name.ends_with(ending)) || path.split('/').any(|part| part == "__snapshots__")
}

fn rewritten(file: &FileUnderReview<'_>, rules: &Rules) -> Option<Finding> {
    let (line, _) = file.removed().first().filter(|_| file.new.is_some())?;
    let count = file.comparison.removed;
    let evidence = format!("{count} lines of it were other ones");
    let found = rules.of_check("test.snapshot-mass", file, Side::Old, *line, &evidence)?;
    let title = format!("{}: {}", found.title, file.path());
    Some(Finding { title, ..found })
}

/// One finding for all snapshots: they share one answer.
fn as_one(mut found: Vec<Finding>) -> impl Iterator<Item = Finding> {
    let count = found.len();
    found.sort_by(|a, b| a.location.cmp(&b.location));
    let more = move |finding: Finding| match count {
        1 => finding,
        _ => Finding { title: format!("{} and {} more", finding.title, count - 1), ..finding },
    };
    found.into_iter().take(1).map(more)
}

#[cfg(test)]
mod tests;
