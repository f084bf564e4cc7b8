//! Packs: rules of a user, or of a repository on its policy branch, in addition to the shipped ones. A pack adds rules,
//! and may quiet a shipped rule, so that it only makes notes, with a reason that is shown. If a pack has a mistake,
//! none of it is used, and that is reported; the shipped rules stay in use.

use std::sync::{Arc, OnceLock};

use globset::GlobSet;

use super::applicable::KnownPaths;
use super::pattern::Compiling;
use super::{FactRule, Rule, Rules, Wording, globs, rule};
use crate::change::diff::{Location, Side};
use crate::change::digest::Digest;
use crate::change::{RepoPath, visible};
use crate::datafile::{self, FileError, Mistake, Placed, Table};
use crate::risk::{Finding, Severity};

/// The most packs of one origin, and rules in all of them.
const MAX_PACKS: usize = 16;
const MAX_RULES: usize = 100;
/// The most bytes of a pack, and of a compiled pattern in it: all of them are kept in memory, and a rule may have a
/// dozen.
const MAX_BYTES: usize = 128 << 10;
const MAX_PATTERN: usize = 128 << 10;
/// The most characters of a name, of a title, and of other sentences.
const MAX_NAME: usize = 48;
const MAX_TITLE: usize = 120;
const MAX_SENTENCE: usize = 600;
/// The most mistakes that one row names.
const MAX_NAMED: usize = 3;
/// The rule that says that a pack is not used.
const REFUSED: &str = "rules.pack-refused";

/// The origin of a pack. The ids of its rules begin with it, so that none can be mistaken for a shipped one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The policy branch of a repository.
    Repository,
    /// The configuration directory of the user.
    User,
}

impl Origin {
    fn prefix(self) -> &'static str {
        match self {
            Origin::Repository => "repo/",
            Origin::User => "user/",
        }
    }
}

/// Whether an id is that of a rule of a pack.
pub(super) fn is_of_pack(id: &str) -> bool {
    [Origin::Repository, Origin::User].iter().any(|origin| id.starts_with(origin.prefix()))
}

/// The content of the file of a pack, or why it cannot be read, as a clause.
pub type PackText = Result<Vec<u8>, String>;

/// A pack file that is not parsed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFile {
    /// Whose it is.
    pub origin: Origin,
    /// Name of the file: `shop.toml`.
    pub name: String,
    /// Its location, for people; escaped.
    pub place: String,
    /// Its bytes.
    pub text: PackText,
}

impl PackFile {
    /// How many bytes are read: one more than a pack may have, to detect one that is too large.
    pub const ASKED: usize = MAX_BYTES + 1;

    /// The packs among the files in a folder, by name, with their content. Packs beyond the limit are refused, each by
    /// its name.
    pub fn of_folder(
        origin: Origin,
        names: Vec<String>,
        place: impl Fn(&str) -> String,
        text: impl Fn(&str) -> PackText,
    ) -> Vec<PackFile> {
        let mut names: Vec<String> = names.into_iter().filter(|name| name.ends_with(".toml")).collect();
        names.sort();
        let too_many = || format!("there are {} packs beside each other; at most {MAX_PACKS} are read", names.len());
        let file = |(at, name): (usize, &String)| PackFile {
            origin,
            name: name.clone(),
            place: visible::text(&place(name)).into_owned(),
            text: if at < MAX_PACKS { text(name) } else { Err(too_many()) },
        };
        // One more refusal is as good as a thousand.
        names.iter().enumerate().take(MAX_PACKS + 1).map(file).collect()
    }

    /// Why a pack of this size is not read.
    pub fn too_large() -> String {
        format!("it is larger than {} KiB, the most that is read", MAX_BYTES >> 10)
    }

    fn refusal(&self, text: impl Into<String>) -> FileError {
        FileError { file: self.place.clone(), mistakes: vec![Mistake { line: 1, text: text.into() }] }
    }

    fn digest(&self) -> Digest {
        let text = match &self.text {
            Ok(text) => Digest::of(text),
            Err(why) => Digest::of(format!("\0{why}").as_bytes()),
        };
        Digest::of(format!("{}\0{}\0{text}", self.origin.prefix(), self.place).as_bytes())
    }
}

/// A shipped rule that only makes notes.
#[derive(Debug, Clone)]
pub(super) struct Quiet {
    id: String,
    reason: String,
    /// The pack that says so.
    place: String,
    /// Empty: all paths.
    paths: Option<GlobSet>,
}

/// The content of a valid pack.
struct Pack {
    rules: Vec<Rule>,
    facts: Vec<FactRule>,
    quiets: Vec<Quiet>,
}

impl Pack {
    /// Reads a pack with at most this many rules, and tries its examples.
    fn read(file: &PackFile, most: usize) -> Result<Pack, FileError> {
        let text = file.text.as_ref().map_err(|why| file.refusal(why))?;
        if text.len() > MAX_BYTES {
            return Err(file.refusal(PackFile::too_large()));
        }
        let text = std::str::from_utf8(text).map_err(|_| file.refusal("it is no text in UTF-8"))?;
        let stem = file.name.strip_suffix(".toml").unwrap_or(&file.name);
        if !is_name(stem) {
            return Err(file.refusal(format!("a pack is called {NAME}, and then .toml")));
        }
        datafile::read(&file.place, text, |root| {
            let (rules, facts) = (root.tables("rule"), root.tables("fact"));
            let count = rules.len() + facts.len();
            if count > most {
                root.mistake(format!("it has {count} rules; all packs together may have {MAX_RULES}"));
            }
            let prefix = format!("{}{stem}.", file.origin.prefix());
            let quiets = root.tables("quiet");
            let pack = Pack {
                rules: rules.iter().take(most).filter_map(|table| own_rule(table, &prefix)).collect(),
                facts: facts.iter().take(most).filter_map(|table| own_fact(table, &prefix)).collect(),
                quiets: quiets.iter().take(MAX_RULES).filter_map(|table| quiet(table, &file.place)).collect(),
            };
            Some(pack)
        })
    }
}

/// The valid names of a pack and of a rule in it.
const NAME: &str = "by small letters, digits, `.` and `-`, at most 48 of them";

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    !text.is_empty() && text.len() <= MAX_NAME && text.bytes().all(is_part)
}

fn own_rule(table: &Table<'_>, prefix: &str) -> Option<Rule> {
    bounded(table);
    let mut own = rule(table, Compiling::AtOnce(MAX_PATTERN))?;
    own.wording = called(own.wording, prefix);
    let only = Rules { rules: vec![own.clone()], ..Rules::none() };
    only.trial().into_iter().for_each(|wrong| table.mistake(wrong));
    Some(own)
}

fn own_fact(table: &Table<'_>, prefix: &str) -> Option<FactRule> {
    bounded(table);
    let mut own = FactRule::read(table, Compiling::AtOnce(MAX_PATTERN))?;
    own.wording = called(own.wording, prefix);
    let only = Rules { facts: vec![own.clone()], ..Rules::none() };
    only.trial().into_iter().for_each(|wrong| table.mistake(wrong));
    Some(own)
}

fn called(wording: Wording, prefix: &str) -> Wording {
    let shown = |text: String| visible::text(&text).into_owned();
    Wording {
        id: format!("{prefix}{}", wording.id),
        title: shown(wording.title),
        why: shown(wording.why),
        ask: shown(wording.ask),
        severity: wording.severity,
    }
}

/// Texts of a pack are shown beside the program's own, and have the same length limits.
fn bounded(table: &Table<'_>) {
    if let Some(id) = table.string("id").filter(|id| !is_name(&id.value)) {
        id.mistake(format!("a rule is called {NAME}"));
    }
    let text = |key| table.string(key);
    at_most(text("title"), MAX_TITLE);
    at_most(text("why"), MAX_SENTENCE);
    at_most(text("ask"), MAX_SENTENCE);
}

fn at_most(text: Option<Placed<'_, String>>, most: usize) {
    if let Some(text) = text.filter(|text| text.value.trim().is_empty() || text.value.chars().count() > most) {
        text.mistake(format!("write 1 to {most} characters"));
    }
}

fn quiet(table: &Table<'_>, place: &str) -> Option<Quiet> {
    let (id, reason, paths) = (table.need_string("id"), table.need_string("reason"), table.strings("paths"));
    at_most(reason.clone(), MAX_SENTENCE);
    if let Some(id) = id.as_ref().filter(|id| !Rules::shipped().words(&id.value)) {
        let detail = "no shipped rule is called so; `undersign rules list` lists them, and a rule of a pack is changed \
                      where it stands";
        id.mistake(detail);
    }
    Some(Quiet {
        id: id?.value,
        reason: visible::text(&reason?.value).into_owned(),
        place: place.to_owned(),
        paths: if table.has("paths") { Some(globs(&paths)) } else { None },
    })
}

/// The rules that apply in a repository: the shipped ones, and those of packs. They are read on first use.
#[derive(Debug, Clone, Default)]
pub struct Rulebook(Arc<Book>);

#[derive(Debug, Default)]
struct Book {
    files: Vec<PackFile>,
    rules: OnceLock<Rules>,
}

impl Rulebook {
    /// The shipped rules with packs.
    pub fn with(files: Vec<PackFile>) -> Rulebook {
        Rulebook(Arc::new(Book { files, rules: OnceLock::new() }))
    }

    /// The same with more packs.
    pub fn and(&self, more: &[PackFile]) -> Rulebook {
        if more.is_empty() { self.clone() } else { Rulebook::with([&self.0.files, more].concat()) }
    }

    /// Refused packs, each with its mistakes. Without packs this reads no rules.
    pub fn refused(&self) -> impl Iterator<Item = &FileError> {
        let files = (!self.0.files.is_empty()).then(|| self.rules());
        files.into_iter().flat_map(Rules::refused)
    }

    /// All rules that apply.
    pub fn rules(&self) -> &Rules {
        if self.0.files.is_empty() {
            return Rules::shipped();
        }
        self.0.rules.get_or_init(|| Rules::with_packs(&self.0.files))
    }
}

impl Rules {
    /// The shipped rules, as modified by packs.
    pub fn with_packs(files: &[PackFile]) -> Rules {
        let mut all = Rules::shipped().clone();
        let mut sources = all.digest.0.to_vec();
        let mut left = [MAX_RULES; 2];
        for file in files {
            sources.extend(file.digest().0);
            let left = &mut left[file.origin as usize];
            match Pack::read(file, *left) {
                Ok(pack) => {
                    *left -= pack.rules.len() + pack.facts.len();
                    all.rules.extend(pack.rules);
                    all.facts.extend(pack.facts);
                    all.quiets.extend(pack.quiets);
                }
                Err(error) => all.refused.push(error),
            }
        }
        all.digest = Digest::of(&sources);
        all
    }

    pub(super) fn none() -> Rules {
        let (rules, facts, checks, reaches, packages, quiets, refused) = Default::default();
        let (digest, known_paths) = (Digest([0; 32]), KnownPaths::default());
        Rules { rules, facts, checks, reaches, packages, quiets, refused, digest, known_paths }
    }

    /// Refused packs, each with its mistakes.
    pub fn refused(&self) -> &[FileError] {
        &self.refused
    }

    /// How many rules packs added, and how many of the shipped ones they quiet.
    pub fn of_packs(&self) -> (usize, usize) {
        let (own, shipped) = (self, Rules::shipped());
        (own.rules.len() + own.facts.len() - shipped.rules.len() - shipped.facts.len(), own.quiets.len())
    }

    /// One row for each refused pack: whoever answers for a change must know that some rules were not applied.
    pub fn refused_packs(&self, first: &RepoPath) -> Vec<Finding> {
        self.refused.iter().map(|error| refused_pack(error, first)).collect()
    }

    /// A finding of a rule that a pack quiets: a note that says why.
    pub(in crate::risk) fn quieted(&self, finding: Finding) -> Finding {
        let path = finding.location.path.lossy();
        let holds = |quiet: &&Quiet| {
            quiet.id == finding.rule && quiet.paths.as_ref().is_none_or(|paths| paths.is_match(&*path))
        };
        let Some(quiet) = self.quiets.iter().find(holds) else { return finding };
        let why = format!("{} Only a note by {}: {}", finding.why, quiet.place, quiet.reason);
        Finding { severity: Severity::Note, why, ..finding }
    }

    /// Why a rule only makes notes, and where that is written.
    pub(super) fn quieting(&self, id: &str) -> Vec<String> {
        let own = self.quiets.iter().filter(|quiet| quiet.id == id);
        let where_ = |quiet: &Quiet| if quiet.paths.is_some() { " on some paths" } else { "" };
        own.map(|quiet| format!("only a note{} by {}: {}", where_(quiet), quiet.place, quiet.reason)).collect()
    }

    /// Whether a rule or check has this id.
    fn words(&self, id: &str) -> bool {
        let rules = self.rules.iter().map(|rule| &rule.wording);
        let facts = self.facts.iter().map(|rule| &rule.wording);
        rules.chain(facts).chain(&self.checks).any(|wording| wording.id == id)
    }
}

fn refused_pack(error: &FileError, first: &RepoPath) -> Finding {
    let mut said: Vec<String> =
        error.mistakes.iter().take(MAX_NAMED).map(|one| format!("line {}: {}", one.line, one.text)).collect();
    let more = error.mistakes.len().saturating_sub(MAX_NAMED);
    said.extend((more > 0).then(|| format!("and {more} more")));
    let said: String = visible::text(&said.join("; ")).chars().take(MAX_SENTENCE).collect();
    Finding {
        rule: REFUSED.to_owned(),
        severity: Severity::Low,
        title: format!("Rules that did not look: {}", error.file),
        why: format!("The pack has mistakes, so nothing of it is used; the shipped rules looked. {said}"),
        ask: "Can it be decided without them?".to_owned(),
        location: Location { path: first.clone(), side: Side::New, line: 0 },
        evidence: String::new(),
        text: Digest::of(error.to_string().as_bytes()).key(),
        within: String::new(),
        ordinal: 0,
        places: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "[[rule]]\nid = \"print\"\ntitle = \"A line is printed\"\nseverity = \"high\"\nside = \"added\"\n\
                        regex = '^print'\nwhy = \"It is slow.\"\nask = \"Is it?\"\nhits = [\"print(1)\"]\n\
                        misses = [\"log(1)\"]\n";

    fn file(name: &str, text: &str) -> PackFile {
        let (name, place) = (name.to_owned(), format!("rules/{name}"));
        PackFile { origin: Origin::Repository, name, place, text: Ok(text.as_bytes().to_vec()) }
    }

    fn mistakes(file: &PackFile) -> String {
        let rules = Rules::with_packs(std::slice::from_ref(file));
        assert_eq!(rules.rules.len(), Rules::shipped().rules.len(), "nothing of a pack with a mistake is used");
        assert_eq!((rules.facts.len(), rules.quiets.len()), (Rules::shipped().facts.len(), 0));
        let [error] = rules.refused() else { panic!("{:?}", rules.refused()) };
        error.to_string()
    }

    #[test]
    fn a_pack_adds_its_rules_under_a_name_that_no_shipped_rule_has() {
        let rules = Rules::with_packs(&[file("shop.toml", RULE)]);
        assert_eq!(rules.refused(), []);
        assert!(rules.words("repo/shop.print") && rules.words("destr.sql"));
        assert!(Rules::shipped().texts().iter().all(|rule| !is_of_pack(&rule.id)));
    }

    #[test]
    fn a_pack_is_refused_whole_with_the_line_of_each_mistake() {
        let second = RULE.replace("print\"\n", "echo\"\n").replace("log(1)", "print(2)");
        let told = mistakes(&file("shop.toml", &format!("{RULE}{second}")));
        assert!(told.contains("rules/shop.toml has 1 mistake"), "{told}");
        assert!(told.contains("line 11: repo/shop.echo must not fire, and does, on print(2)"), "{told}");
        let cases = [
            (RULE.replace("\"print\"", "\"Print\""), "line 2: a rule is called by small letters"),
            (RULE.replace("\"print\"", "\"a/b\""), "line 2: a rule is called by small letters"),
            (RULE.replace("high", "grave"), "line 4: a severity is critical, high, medium, low or note, not `grave`"),
            (RULE.replace("hits", "hit"), "unknown key `hit`"),
            (RULE.replace("'^print'", "'^(print'"), "line 6: this is no pattern"),
            (RULE.replace("'^print'", "'^((print){999}){99}'"), "line 6: this is no pattern"),
            (RULE.replace("It is slow.", &"x".repeat(601)), "line 7: write 1 to 600 characters"),
            ("[[check]]\nid = \"destr.sql\"\n".to_owned(), "unknown key `check`"),
            ("[[blast]]\nclass = \"B0\"\n".to_owned(), "unknown key `blast`"),
            ("[[quiet]]\nid = \"destr.sql\"\n".to_owned(), "needs `reason`"),
            ("[[quiet]]\nid = \"destr.sqk\"\nreason = \"r\"\n".to_owned(), "line 2: no shipped rule is called so"),
            ("[[quiet]]\nid = \"repo/shop.x\"\nreason = \"r\"\n".to_owned(), "line 2: no shipped rule is called so"),
            ("[[quiet]]\nid = \"destr.sql\"\nreason = \" \"\n".to_owned(), "line 3: write 1 to 600"),
            (RULE.repeat(MAX_RULES + 1), "it has 101 rules; all packs together may have 100"),
            (format!("{RULE}{}", "#".repeat(MAX_BYTES)), "it is larger than 128 KiB"),
        ];
        for (text, wanted) in cases {
            let told = mistakes(&file("shop.toml", &text));
            assert!(told.contains(wanted), "{wanted}: {told}");
        }
        assert!(mistakes(&file("Shop.toml", RULE)).contains("a pack is called by small letters"));
        let unread = PackFile { text: Err("it is a symbolic link".to_owned()), ..file("shop.toml", "") };
        assert!(mistakes(&unread).contains("it is a symbolic link"));
    }

    /// One mistake for a value, without a second one that some key is unknown.
    #[test]
    fn a_wrong_value_is_the_one_mistake_that_is_told() {
        for (key, wrong) in [("severity = \"high\"", "severity = \"grave\""), ("side = \"added\"", "side = \"new\"")] {
            let told = mistakes(&file("shop.toml", &RULE.replace(key, wrong)));
            assert!(told.contains("has 1 mistake:"), "{told}");
        }
        let fact = "[[fact]]\nid = \"x\"\ntitle = \"T\"\nseverity = \"grave\"\nkind = [\"setting\"]\nwhen = [\"came\"]\n\
                    why = \"w.\"\nask = \"a?\"\nhits = [{ path = \"a.yaml\", new = \"a: 1\\n\" }]\n\
                    misses = [{ path = \"a.txt\", new = \"a: 1\\n\" }]\n";
        assert!(mistakes(&file("shop.toml", fact)).contains("has 1 mistake:"));
    }

    #[test]
    fn a_shipped_rule_is_a_note_on_the_paths_that_a_pack_names_and_says_why() {
        let quiet = "[[quiet]]\nid = \"destr.sql\"\nreason = \"Caches.\"\npaths = [\"db/caches/**\"]\n";
        let rules = Rules::with_packs(&[file("shop.toml", quiet)]);
        let error = FileError { file: "x".to_owned(), mistakes: Vec::new() };
        let found = |path: &str| {
            let finding = Finding { rule: "destr.sql".to_owned(), ..refused_pack(&error, &path.into()) };
            let quieted = rules.quieted(finding.clone());
            assert_eq!(quieted.key(), finding.key(), "an answer stays");
            (quieted.severity, quieted.why.ends_with("Only a note by rules/shop.toml: Caches."))
        };
        assert_eq!(found("db/caches/a.sql"), (Severity::Note, true));
        assert_eq!(found("db/orders.sql"), (Severity::Low, false));
        let said: Vec<_> = rules.texts().into_iter().filter(|rule| !rule.quieted.is_empty()).collect();
        assert!(said.iter().all(|rule| rule.id == "destr.sql") && !said.is_empty());
        assert_eq!(said[0].quieted, ["only a note on some paths by rules/shop.toml: Caches."]);
    }

    #[test]
    fn of_too_many_packs_and_rules_the_first_are_read() {
        let names: Vec<String> = (10..30).map(|n| format!("p{n}.toml")).chain(["README".to_owned()]).collect();
        let of = |text: String| {
            PackFile::of_folder(Origin::User, names.clone(), str::to_owned, |_| Ok(text.clone().into_bytes()))
        };
        let refused = |rules: &Rules| rules.refused().iter().map(|error| error.file.clone()).collect::<Vec<_>>();
        let rules = Rules::with_packs(&of(RULE.to_owned()));
        assert_eq!(refused(&rules), ["p26.toml"]);
        assert!(rules.refused()[0].to_string().contains("there are 20 packs"), "{:?}", rules.refused());
        let many = Rules::with_packs(&of(RULE.repeat(30)));
        assert_eq!(many.rules.len() - Rules::shipped().rules.len(), 90);
        assert_eq!(refused(&many).len(), 14);
    }

    #[test]
    fn other_packs_are_other_rules_by_their_digest_also_where_they_are_refused() {
        let digest = |files: &[PackFile]| Rulebook::with(files.to_vec()).rules().digest();
        let own = digest(&[file("shop.toml", RULE)]);
        let of_user = PackFile { origin: Origin::User, ..file("shop.toml", RULE) };
        let others =
            [vec![], vec![file("other.toml", RULE)], vec![file("shop.toml", &format!("{RULE}#"))], vec![of_user]];
        others.iter().for_each(|files| assert_ne!(digest(files), own));
        assert_ne!(digest(&[file("shop.toml", "x")]), digest(&[file("shop.toml", "y")]));
        assert_eq!(digest(&[]), Rules::shipped().digest());
    }
}
