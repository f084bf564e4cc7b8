//! `provenance.toml` → rules: the meaning of lines, identities and branches.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};

use super::known_people::KnownPeople;
use super::patterns::Patterns;
use super::recognise::Known;
use super::{Class, Strength};
use crate::change::digest::Digest;
use crate::datafile::{self, FileError, Placed, Table};

const SHIPPED: &str = include_str!("../../assets/provenance.toml");

/// The rules of one file.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) tools: Vec<Tool>,
    pub(super) known: Known,
    pub(super) bots: Known,
    pub(super) lines: Patterns,
    pub(super) titles: Patterns,
    pub(super) branches: Vec<(GlobMatcher, usize)>,
    pub(super) keys: Vec<Key>,
    pub(super) values: Values,
    pub(super) doubts: Vec<Doubt>,
    pub(super) known_people: KnownPeople,
    digest: Digest,
}

#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub name: String,
    pub class: Class,
    pub strength: Strength,
}

/// A key that any tool, or person, may write.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub key: Regex,
    pub class: Class,
    pub strength: Strength,
    pub value: Wanted,
    /// Whether other values are shown.
    pub shows_others: bool,
}

/// The values for which a key counts.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Any,
    Tool,
    Like(Regex),
}

/// Patterns for the values of generic keys, and for their surroundings.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub negative: Regex,
    pub trade: Regex,
    pub pair: Regex,
    pub ordinary: Vec<String>,
    pub judgement: Vec<String>,
    pub making: Regex,
    pub made: Regex,
    pub prose: Regex,
    pub ambiguous: Vec<String>,
    pub tags: Regex,
    pub smells: Regex,
    pub accounts: Regex,
    pub agents: Regex,
    pub vendors: Regex,
    pub forges: Vec<String>,
    pub phrases: Vec<Regex>,
    pub operators: Vec<Regex>,
}

/// A period in which identities were credited by mistake.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    pub emails: Vec<String>,
    pub from: i64,
    pub until: i64,
}

impl Rules {
    /// The rules shipped with this version, read once.
    pub fn shipped() -> &'static Rules {
        static RULES: LazyLock<Rules> =
            LazyLock::new(|| Rules::parse("provenance.toml", SHIPPED).expect("a test reads the shipped rules"));
        &RULES
    }

    /// Reads a file of rules; a file with mistakes is refused as a whole, and all of them are reported.
    pub fn parse(file: &str, source: &str) -> Result<Rules, FileError> {
        datafile::read(file, source, |root| {
            let mut draft = Draft::default();
            root.tables("tool").iter().for_each(|table| draft.tool(table));
            let mut bots = Draft::default();
            if let Some(table) = root.table("bots") {
                bots.identities(&table, 0);
            }
            let keys = root.tables("key").iter().filter_map(key).collect();
            let doubts = root.tables("doubt").iter().filter_map(doubt).collect();
            if !root.has("values") {
                root.mistake("the file needs [values]");
            }
            Some(Rules {
                values: values(&root.table("values")?)?,
                bots: bots.known(root)?,
                lines: patterns(root, std::mem::take(&mut draft.lines))?,
                titles: patterns(root, std::mem::take(&mut draft.titles))?,
                branches: std::mem::take(&mut draft.branches),
                tools: std::mem::take(&mut draft.tools),
                known: draft.known(root)?,
                keys,
                doubts,
                known_people: KnownPeople::default(),
                digest: Digest::of(source.as_bytes()),
            })
        })
    }

    /// The digest of the file from which these rules were read.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// What the blocks of a file have defined so far.
#[derive(Default)]
struct Draft {
    tools: Vec<Tool>,
    known: Known,
    names: Vec<(String, usize)>,
    lines: Vec<(String, usize)>,
    titles: Vec<(String, usize)>,
    branches: Vec<(GlobMatcher, usize)>,
}

impl Draft {
    fn tool(&mut self, table: &Table<'_>) {
        let owner = self.tools.len();
        self.identities(table, owner);
        for (list, key) in [(&mut self.lines, "lines"), (&mut self.titles, "titles")] {
            list.extend(
                table.strings(key).iter().filter(|text| pattern(text).is_some()).map(|p| (p.value.clone(), owner)),
            );
        }
        self.branches.extend(table.strings("branches").iter().filter_map(|p| Some((glob(p, &p.value)?, owner))));
        if let Some(suffix) = table.string("suffix") {
            self.known.suffixes.push((suffix.value, owner));
        }
        let (class, strength) = (tool_class(table), strength(table, Strength::Strong));
        let name = table.need_string("name").map(|name| name.value).unwrap_or_default();
        self.tools.push(Tool { name, class, strength });
    }

    fn identities(&mut self, table: &Table<'_>, owner: usize) {
        for text in table.strings("ids") {
            let Ok(id) = text.value.parse() else {
                text.mistake("an account id is a number in quotes");
                continue;
            };
            let other = self.known.ids.insert(id, owner);
            once(other, &text);
        }
        for text in table.strings("logins") {
            let login = text.value.to_lowercase();
            if login.contains('*') {
                // Only the star is special: brackets are a part of bots' logins.
                let escaped = globset::escape(&login).replace("[*]", "*");
                self.known.login_globs.extend(glob(&text, &escaped).map(|glob| (glob, owner)));
            } else {
                once(self.known.logins.insert(login, owner), &text);
            }
        }
        for text in table.strings("emails") {
            let email = text.value.to_lowercase();
            if email.contains('*') {
                self.known.email_globs.extend(glob(&text, &email).map(|glob| (glob, owner)));
            } else {
                once(self.known.emails.insert(email, owner), &text);
            }
        }
        let names = table.strings("names");
        // A version may follow a name: "Codex 0.42".
        let whole = |name: &str| format!(r"^(?:{name})(?:[ -]v?[0-9][^@]*)?$");
        self.names.extend(names.iter().filter(|p| pattern(p).is_some()).map(|p| (whole(&p.value), owner)));
    }

    fn known(self, root: &Table<'_>) -> Option<Known> {
        Some(Known { names: patterns(root, self.names)?, ..self.known })
    }
}

fn once(other: Option<usize>, text: &Placed<'_, String>) {
    if other.is_some() {
        text.mistake(format!("`{}` stands here twice", text.value));
    }
}

fn tool_class(table: &Table<'_>) -> Class {
    match table.string("class") {
        Some(class) if class.value == "suggestion" => Class::AiSuggestionAccepted,
        Some(class) if class.value != "agent" => {
            class.mistake("`class` of a tool is \"agent\" or \"suggestion\"");
            Class::AgentAuthored
        }
        _ => Class::AgentAuthored,
    }
}

fn strength(table: &Table<'_>, usual: Strength) -> Strength {
    let Some(text) = table.string("strength") else { return usual };
    match text.value.as_str() {
        "strong" => Strength::Strong,
        "medium" => Strength::Medium,
        "weak" => Strength::Weak,
        other => {
            text.mistake(format!("`strength` is \"strong\", \"medium\" or \"weak\", not \"{other}\""));
            usual
        }
    }
}

fn key(table: &Table<'_>) -> Option<Key> {
    let strength = strength(table, Strength::Medium);
    let value = match table.string("value") {
        Some(text) if text.value == "tool" => Some(Wanted::Tool),
        Some(text) => whole(&text).map(Wanted::Like),
        None => Some(Wanted::Any),
    };
    let key = table.need_string("key").and_then(|text| whole(&text));
    let class = table.need_string("class")?;
    let class = match class.value.as_str() {
        "assisted" => Class::Assisted,
        "unrecognised" => Class::Unrecognised,
        other => {
            class.mistake(format!("`class` of a key is \"assisted\" or \"unrecognised\", not \"{other}\""));
            return None;
        }
    };
    let shows_others = otherwise(table);
    Some(Key { key: key?, class, strength, value: value?, shows_others })
}

/// Whether a value that does not count is shown.
fn otherwise(table: &Table<'_>) -> bool {
    let Some(text) = table.string("otherwise") else { return true };
    if !matches!(&*text.value, "nothing" | "unrecognised") {
        text.mistake(format!("`otherwise` of a key is \"unrecognised\" or \"nothing\", not \"{}\"", text.value));
    }
    text.value != "nothing"
}

fn values(table: &Table<'_>) -> Option<Values> {
    let one = |key: &str| table.need_string(key).and_then(|text| whole(&text));
    let many = |key: &str| table.strings(key).iter().filter_map(pattern).collect();
    let words = |key: &str| table.strings(key).into_iter().map(|word| word.value).collect();
    let (negative, trade, pair) = (one("negative"), one("trade"), one("pair"));
    let (ordinary, judgement, ambiguous) = (words("ordinary"), words("judgement"), words("ambiguous"));
    let (making, made, tags) = (one("making"), one("made"), one("tags"));
    let prose = table.need_string("prose").and_then(|text| pattern(&text));
    let smells = table.need_string("smells").and_then(|text| pattern(&text));
    let (accounts, agents, vendors) = (one("accounts"), one("agents"), one("vendors"));
    let (phrases, operators) = (many("phrases"), many("operators"));
    if let Some((made, text)) = made.as_ref().zip(table.string("made"))
        && ["sign", "verb", "tool"].iter().any(|group| !made.capture_names().any(|name| name == Some(group)))
    {
        text.mistake("`made` has the groups `sign`, `verb` and `tool`");
        return None;
    }
    Some(Values {
        negative: negative?,
        trade: trade?,
        pair: pair?,
        ordinary,
        judgement,
        making: making?,
        made: made?,
        prose: prose?,
        ambiguous,
        tags: tags?,
        smells: smells?,
        accounts: accounts?,
        agents: agents?,
        vendors: vendors?,
        forges: words("forges"),
        phrases,
        operators,
    })
}

fn doubt(table: &Table<'_>) -> Option<Doubt> {
    let emails = table.strings("emails").into_iter().map(|email| email.value.to_lowercase()).collect();
    let (from, until) = (table.need_number("from"), table.need_number("until"));
    let time = |placed: Placed<'_, u64>| i64::try_from(placed.value).unwrap_or(i64::MAX);
    Some(Doubt { emails, from: time(from?), until: time(until?) })
}

fn patterns(root: &Table<'_>, patterns: Vec<(String, usize)>) -> Option<Patterns> {
    Patterns::new(patterns).inspect_err(|error| root.mistake(format!("the patterns are too much: {error}"))).ok()
}

fn pattern(text: &Placed<'_, String>) -> Option<Regex> {
    compiled(text, &text.value)
}

/// A pattern for a whole text.
fn whole(text: &Placed<'_, String>) -> Option<Regex> {
    compiled(text, &format!("^(?:{})$", text.value))
}

fn compiled(text: &Placed<'_, String>, pattern: &str) -> Option<Regex> {
    let built = RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build();
    built.inspect_err(|error| text.mistake(format!("`{}` is not a pattern: {error}", text.value))).ok()
}

fn glob(text: &Placed<'_, String>, pattern: &str) -> Option<GlobMatcher> {
    let built = GlobBuilder::new(pattern).build().map(|glob| glob.compile_matcher());
    built.inspect_err(|error| text.mistake(format!("`{}` is not a pattern: {error}", text.value))).ok()
}
