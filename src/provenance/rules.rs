//! `provenance.toml` → rules: which lines, identities and branches say what.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use super::lines::{self, MessageLine};
use super::{Channel, Class, Evidence, Strength, identity};
use crate::change::Identity;
use crate::datafile::{self, Placed, Refused, Table};

const SHIPPED: &str = include_str!("../../assets/provenance.toml");
/// Characters of evidence that are kept.
const MAX_RAW: usize = 300;

/// The rules of one file.
#[derive(Debug, Clone)]
pub struct Rules {
    tools: Vec<Tool>,
    keys: Vec<Key>,
    bots: Identities,
    doubtful: Vec<Doubt>,
}

#[derive(Debug, Clone)]
struct Tool {
    name: String,
    class: Class,
    identities: Identities,
    lines: Vec<Regex>,
    branches: Vec<GlobMatcher>,
}

#[derive(Debug, Clone, Default)]
struct Identities {
    ids: Vec<u64>,
    logins: Vec<String>,
    emails: Vec<GlobMatcher>,
    names: Vec<Regex>,
    name_suffix: Option<String>,
}

/// A key that any tool, or person, may write.
#[derive(Debug, Clone)]
struct Key {
    key: Regex,
    class: Class,
    strength: Strength,
    /// Only values that name a tool count.
    value: Option<Regex>,
}

/// A time in which an identity was credited wrongly.
#[derive(Debug, Clone)]
struct Doubt {
    email: String,
    from: i64,
    until: i64,
}

impl Rules {
    /// The rules of this version, read once.
    pub fn shipped() -> &'static Rules {
        static RULES: LazyLock<Rules> =
            LazyLock::new(|| Rules::parse("provenance.toml", SHIPPED).expect("a test reads the shipped rules"));
        &RULES
    }

    pub fn parse(file: &str, source: &str) -> Result<Rules, Refused> {
        datafile::read(file, source, |root| {
            let tools = root.tables("tool").iter().filter_map(tool).collect();
            let keys = root.tables("key").iter().filter_map(key).collect();
            let bots = root.table("bots").map(|table| identities(&table)).unwrap_or_default();
            let doubtful = root.tables("doubt").iter().filter_map(doubt).collect();
            Some(Rules { tools, keys, bots, doubtful })
        })
    }

    pub(super) fn identity(&self, who: &Identity, channel: Channel) -> Option<Evidence> {
        if self.bots.matches(who) {
            return Some(evidence("bot", Strength::Strong, Class::BotNotAi, None, channel, &who_text(who)));
        }
        let tool = self.tools.iter().find(|tool| tool.identities.matches(who))?;
        let class = match channel {
            _ if tool.class == Class::AiSuggestionAccepted => tool.class,
            Channel::CoAuthor => Class::AgentCoauthored,
            Channel::Committer => Class::Assisted,
            _ => Class::AgentAuthored,
        };
        Some(evidence(
            &format!("{}.identity", slug(&tool.name)),
            Strength::Strong,
            class,
            Some(&tool.name),
            channel,
            &who_text(who),
        ))
    }

    pub(super) fn line(&self, line: &MessageLine) -> Vec<Evidence> {
        let mut found = Vec::new();
        if line.disguised && self.keys.iter().any(|key| key.key.is_match(&line.key)) {
            found.push(evidence(
                "disguised-key",
                Strength::Medium,
                Class::Unrecognised,
                None,
                Channel::Message,
                &line.whole,
            ));
        }
        for tool in self.tools.iter().filter(|tool| tool.lines.iter().any(|re| re.is_match(&line.whole))) {
            let rule = format!("{}.line", slug(&tool.name));
            found.push(evidence(
                &rule,
                Strength::Strong,
                Class::Assisted,
                Some(&tool.name),
                Channel::Message,
                &line.whole,
            ));
        }
        let generic = self.keys.iter().find(|key| key.key.is_match(&line.key));
        if let Some(key) =
            generic.filter(|_| found.iter().all(|e| e.class == Class::Unrecognised) && !line.value.is_empty())
        {
            found.extend(self.generic(key, line));
        }
        if line.key == "signed-off-by" {
            let who = lines::identity(&line.value);
            found.extend(self.tools.iter().find(|tool| tool.identities.matches(&who)).map(|tool| {
                evidence(
                    "signed-off-by-agent",
                    Strength::Strong,
                    Class::Assisted,
                    Some(&tool.name),
                    Channel::Message,
                    &line.whole,
                )
            }));
        }
        found
    }

    fn generic(&self, key: &Key, line: &MessageLine) -> Option<Evidence> {
        let value = line.value.trim();
        let of = |class, strength, tool: Option<&str>| {
            Some(evidence("generic-key", strength, class, tool, Channel::Message, &line.whole))
        };
        if value.eq_ignore_ascii_case("none") || value.eq_ignore_ascii_case("no") {
            return of(Class::NegativeClaim, Strength::Medium, None);
        }
        let tool = self.tools.iter().find(|tool| mentions(value, &tool.name)).map(|tool| tool.name.as_str());
        match &key.value {
            Some(wanted) if tool.is_none() && !wanted.is_match(value) => None,
            _ => of(key.class, key.strength, tool),
        }
    }

    pub(super) fn branch(&self, branch: &str) -> Option<Evidence> {
        let tool = self.tools.iter().find(|tool| tool.branches.iter().any(|glob| glob.is_match(branch)))?;
        Some(evidence(
            &format!("{}.branch", slug(&tool.name)),
            Strength::Weak,
            Class::Assisted,
            Some(&tool.name),
            Channel::Branch,
            branch,
        ))
    }

    /// Neither an agent nor a bot, as far as the rules know.
    pub(super) fn is_person(&self, who: &Identity) -> bool {
        let suffix = |tool: &Tool| tool.identities.name_suffix.as_ref().is_some_and(|s| who.name.ends_with(s.as_str()));
        let agent = self.tools.iter().any(|tool| tool.identities.matches(who) && !suffix(tool));
        !agent && !self.bots.matches(who) && !(who.email.is_empty() && who.name.is_empty())
    }

    pub(super) fn is_doubtful(&self, evidence: &Evidence, time: i64) -> bool {
        evidence.channel == Channel::CoAuthor
            && self
                .doubtful
                .iter()
                .any(|d| evidence.raw.to_ascii_lowercase().contains(&d.email) && (d.from..d.until).contains(&time))
    }
}

impl Identities {
    fn matches(&self, who: &Identity) -> bool {
        let account = identity::account(&who.email);
        let by_account = account.as_ref().is_some_and(|(id, login)| match id {
            // A renamed bot keeps its id; an id that is not listed is somebody else of that login.
            Some(id) => self.ids.contains(id) || (login.ends_with("[bot]") && self.has_login(login)),
            None => login.ends_with("[bot]") && self.has_login(login),
        });
        let email = who.email.to_ascii_lowercase();
        by_account
            || (account.is_none() && self.emails.iter().any(|glob| glob.is_match(&email)))
            || (identity::is_impersonal(who)
                && (self.names.iter().any(|re| re.is_match(&who.name)) || self.has_login(&who.name)))
            || self.name_suffix.as_ref().is_some_and(|suffix| who.name.ends_with(suffix.as_str()))
    }

    fn has_login(&self, login: &str) -> bool {
        self.logins.iter().any(|own| own.eq_ignore_ascii_case(login))
    }
}

fn tool(table: &Table<'_>) -> Option<Tool> {
    let class = match table.string("class") {
        Some(class) if class.value == "suggestion" => Class::AiSuggestionAccepted,
        Some(class) => {
            class.mistake("`class` of a tool is \"suggestion\" or absent");
            return None;
        }
        None => Class::AgentAuthored,
    };
    Some(Tool {
        identities: identities(table),
        lines: table.strings("lines").iter().filter_map(pattern).collect(),
        branches: table.strings("branches").iter().filter_map(glob).collect(),
        name: table.need_string("name")?.value,
        class,
    })
}

fn identities(table: &Table<'_>) -> Identities {
    let id = |text: Placed<'_, String>| {
        let parsed = text.value.parse().ok();
        if parsed.is_none() {
            text.mistake("an account id is a number in quotes");
        }
        parsed
    };
    Identities {
        ids: table.strings("ids").into_iter().filter_map(id).collect(),
        logins: table.strings("logins").into_iter().map(|login| login.value).collect(),
        emails: table.strings("emails").iter().filter_map(glob).collect(),
        names: table.strings("names").iter().filter_map(pattern).collect(),
        name_suffix: table.string("name_suffix").map(|suffix| suffix.value),
    }
}

fn key(table: &Table<'_>) -> Option<Key> {
    let class = match table.need_string("class")?.value.as_str() {
        "assisted" => Class::Assisted,
        "unrecognised" => Class::Unrecognised,
        other => {
            table.mistake(format!("`class` of a key is assisted or unrecognised, not `{other}`"));
            return None;
        }
    };
    let value = table.string("value");
    Some(Key {
        key: pattern(&table.need_string("key")?)?,
        class,
        strength: Strength::Medium,
        value: match &value {
            Some(text) => Some(pattern(text)?),
            None => None,
        },
    })
}

fn doubt(table: &Table<'_>) -> Option<Doubt> {
    let (email, from, until) = (table.need_string("email")?, table.need_number("from")?, table.need_number("until")?);
    Some(Doubt { email: email.value, from: from.value as i64, until: until.value as i64 })
}

fn pattern(text: &Placed<'_, String>) -> Option<Regex> {
    let built = regex::RegexBuilder::new(&text.value).case_insensitive(true).size_limit(1 << 20).build();
    built.inspect_err(|error| text.mistake(format!("`{}` is no pattern: {error}", text.value))).ok()
}

fn glob(text: &Placed<'_, String>) -> Option<GlobMatcher> {
    let built = GlobBuilder::new(&text.value).build();
    built
        .map(|glob| glob.compile_matcher())
        .inspect_err(|error| text.mistake(format!("`{}` is no pattern: {error}", text.value)))
        .ok()
}

/// Whether a value names a tool as a word: "Claude Code (claude-opus-4-6)".
fn mentions(value: &str, tool: &str) -> bool {
    let words = |text: &str| {
        text.to_ascii_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
    };
    let wanted = words(tool);
    words(value).windows(wanted.len()).any(|window| window == wanted)
}

fn slug(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "-")
}

fn who_text(who: &Identity) -> String {
    if who.email.is_empty() { who.name.clone() } else { format!("{} <{}>", who.name, who.email) }
}

fn evidence(rule: &str, strength: Strength, class: Class, tool: Option<&str>, channel: Channel, raw: &str) -> Evidence {
    let raw = raw.chars().take(MAX_RAW).collect();
    Evidence { rule: rule.to_owned(), strength, class, tool: tool.map(str::to_owned), channel, commit: None, raw }
}
