//! What one line, identity or branch is evidence of.

use super::known::How;
use super::lines::{self, MessageLine};
use super::rules::{Key, Rules, Tool, Wanted};
use super::{Channel, Class, Evidence, Strength};
use crate::change::Identity;

/// Characters of evidence that are kept.
const MAX_RAW: usize = 300;

impl Evidence {
    pub(super) fn new(rule: impl Into<String>, strength: Strength, class: Class, channel: Channel, raw: &str) -> Self {
        let raw = raw.chars().take(MAX_RAW).collect();
        Evidence { rule: rule.into(), strength, class, tool: None, channel, commit: None, raw }
    }

    fn by(mut self, tool: Option<&Tool>) -> Self {
        self.tool = tool.map(|tool| tool.name.clone());
        self
    }
}

impl Rules {
    pub(super) fn identity(&self, who: &Identity, channel: Channel) -> Option<Evidence> {
        let raw = who_text(who);
        let Some((owner, how)) = self.known.find(who) else { return self.bot(who, channel, &raw) };
        let tool = &self.tools[owner];
        let class = match channel {
            _ if tool.class == Class::AiSuggestionAccepted => tool.class,
            Channel::CoAuthor => Class::AgentCoauthored,
            // It commits what a person wrote, or what it wrote for one who stands as the author.
            Channel::Committer => Class::Assisted,
            _ => Class::AgentAuthored,
        };
        Some(
            Evidence::new(tool.rule(how.name()), tool.strength_by(how), class, channel, &raw)
                .by(Some(self.shown(tool, how, who))),
        )
    }

    fn bot(&self, who: &Identity, channel: Channel, raw: &str) -> Option<Evidence> {
        if let Some((_, how)) = self.bots.find(who) {
            return Some(Evidence::new(format!("bot.{}", how.name()), Strength::Strong, Class::BotNotAi, channel, raw));
        }
        let unknown = who.email.to_lowercase().contains("[bot]@");
        unknown.then(|| Evidence::new("bot.unknown", Strength::Weak, Class::Unrecognised, channel, raw))
    }

    /// An address says which vendor, the name which tool: `Cursor Grok 4.6 <noreply@anthropic.com>` is Cursor.
    fn shown<'r>(&'r self, tool: &'r Tool, how: How, who: &Identity) -> &'r Tool {
        let name = words(&who.name);
        let called = self.tools.iter().find(|tool| name.starts_with(&words(&tool.name)));
        called.filter(|_| how == How::Address).unwrap_or(tool)
    }

    pub(super) fn title(&self, title: &str) -> Option<Evidence> {
        let tool = &self.tools[self.titles.first(title)?];
        let (class, channel) = (Class::Assisted, Channel::MessageLine);
        Some(Evidence::new(tool.rule("title"), Strength::Weak, class, channel, title).by(Some(tool)))
    }

    pub(super) fn branch(&self, branch: &str) -> Option<Evidence> {
        let (_, owner) = self.branches.iter().find(|(glob, _)| glob.is_match(branch))?;
        let tool = &self.tools[*owner];
        let (class, channel) = (Class::Assisted, Channel::Branch);
        Some(Evidence::new(tool.rule("branch"), Strength::Weak, class, channel, branch).by(Some(tool)))
    }

    pub(super) fn line(&self, line: &MessageLine) -> Vec<Evidence> {
        let mut found = Vec::new();
        for tool in self.lines.all(&line.text).into_iter().map(|owner| &self.tools[owner]) {
            let class = if tool.class == Class::AiSuggestionAccepted { tool.class } else { Class::Assisted };
            found.push(in_line(tool.rule("line"), tool.strength, class, line).by(Some(tool)));
        }
        found.extend(line.co_authors().iter().filter_map(|who| self.identity(who, Channel::CoAuthor)));
        if found.is_empty() {
            found.extend(self.signature(line));
        }
        if found.is_empty() && self.values.phrases.iter().any(|phrase| phrase.is_match(&line.text)) {
            found.push(in_line("phrase", Strength::Medium, Class::Assisted, line));
        }
        if found.is_empty() {
            found.extend(self.generic(line));
        }
        if line.disguised {
            found.push(in_line("disguised-key", Strength::Medium, Class::Unrecognised, line));
        }
        found
    }

    /// An agent in `Signed-off-by:` (it cannot certify anything), or in any other key that credits somebody.
    fn signature(&self, line: &MessageLine) -> Vec<Evidence> {
        if !line.key.ends_with("-by") {
            return Vec::new();
        }
        let signs = line.key == "signed-off-by";
        let of = |who: &Identity| {
            let (owner, how) = self.known.find(who)?;
            let tool = &self.tools[owner];
            // A bare name in any other key is a person, or a value for the generic keys.
            let counts = signs || matches!(how, How::Account | How::Address);
            let (rule, class) = match () {
                () if signs => ("signed-off-by-agent".to_owned(), Class::Assisted),
                () if self.values.judgement.contains(&line.key) => (tool.rule("judgement"), Class::Unrecognised),
                () => (tool.rule("trailer"), Class::Assisted),
            };
            counts.then(|| in_line(rule, tool.strength_by(how), class, line).by(Some(self.shown(tool, how, who))))
        };
        lines::identities(&line.value).iter().filter(|who| !who.email.is_empty() || signs).filter_map(of).collect()
    }

    fn generic(&self, line: &MessageLine) -> Option<Evidence> {
        if line.value.is_empty() || line.key.is_empty() || self.values.ordinary.contains(&line.key) {
            return None;
        }
        let key = self.keys.iter().find(|key| key.key.is_match(&line.key))?;
        let rule = format!("key.{}", line.key);
        let is_about_ai = key.class == Class::Assisted || line.key.starts_with("ai-");
        if is_about_ai && self.values.negative.is_match(&line.value) {
            return Some(in_line(rule, Strength::Medium, Class::NegativeClaim, line));
        }
        let named = self.tool_in(&line.value);
        if self.is_wanted(key, &line.value, named.is_some()) {
            return Some(in_line(rule, key.strength, key.class, line).by(named.flatten()));
        }
        Some(in_line(rule, Strength::Weak, Class::Unrecognised, line))
    }

    fn is_wanted(&self, key: &Key, value: &str, names_tool: bool) -> bool {
        match &key.value {
            Wanted::Any => true,
            Wanted::Tool => names_tool,
            Wanted::Like(pattern) => pattern.is_match(value),
        }
    }

    /// Whether a value names a tool or the trade, and which tool: `Claude Code (claude-opus-4-6)`, `GPT-5.6 Sol via
    /// Codex`, `generic LLM chatbot`. A value with an address names a person or an account, and those have their rules.
    fn tool_in(&self, value: &str) -> Option<Option<&Tool>> {
        if value.contains('@') {
            return None;
        }
        let plain =
            [" via ", " with ", " and ", " using "].iter().fold(value.to_owned(), |v, word| v.replace(word, ","));
        let parts = || plain.split([':', '/', '(', ')', '[', ']', '#', '<', '>', ',', ';', '|', '+']).map(str::trim);
        let tool = parts().find_map(|part| self.known.names.first(part));
        match tool {
            Some(owner) => Some(Some(&self.tools[owner])),
            None if self.values.pair.is_match(value) || parts().any(|p| self.values.trade.is_match(p)) => Some(None),
            None => None,
        }
    }

    /// Whom a line names as the one who asked.
    pub(super) fn operator_in(&self, line: &str) -> Option<String> {
        let name = self.values.operators.iter().find_map(|pattern| pattern.captures(line)?.get(1))?;
        Some(name.as_str().trim().to_owned()).filter(|name| !name.is_empty())
    }

    /// Whether the identity was credited wrongly at that time.
    pub(super) fn is_doubtful(&self, evidence: &Evidence, time: i64) -> bool {
        let raw = evidence.raw.to_lowercase();
        evidence.channel == Channel::CoAuthor
            && self.doubts.iter().any(|doubt| {
                (doubt.from..doubt.until).contains(&time) && doubt.emails.iter().any(|email| raw.contains(email))
            })
    }
}

impl Tool {
    fn strength_by(&self, how: How) -> Strength {
        if how == How::Name { self.strength.min(Strength::Medium) } else { self.strength }
    }

    /// The id of a rule of this tool.
    fn rule(&self, how: &str) -> String {
        let name = words(&self.name).join("-");
        if self.class == Class::AiSuggestionAccepted {
            format!("{name}.suggestion.{how}")
        } else {
            format!("{name}.{how}")
        }
    }
}

fn in_line(rule: impl Into<String>, strength: Strength, class: Class, line: &MessageLine) -> Evidence {
    Evidence::new(rule, strength, class, Channel::MessageLine, &line.raw)
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn who_text(who: &Identity) -> String {
    if who.email.is_empty() { who.name.clone() } else { format!("{} <{}>", who.name, who.email) }
}
