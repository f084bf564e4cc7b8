//! What a line, an identity or a branch is evidence of.

use super::attribution::{Format, Writer};
use super::lines::{self, MessageLine};
use super::recognise::{self, How};
use super::rules::{Key, Rules, Tool, Wanted};
use super::{Channel, Class, Evidence, Strength};
use crate::change::{Identity, ObjectId, visible};

/// The most characters of evidence that are kept.
const MAX_RAW: usize = 300;
/// The most characters of a tool's name that no rule knows.
const MAX_TOOL: usize = 40;

impl Evidence {
    pub(super) fn new(rule: impl Into<String>, strength: Strength, class: Class, channel: Channel, raw: &str) -> Self {
        let raw = raw.chars().take(MAX_RAW).collect();
        Evidence { rule: rule.into(), strength, class, tool: None, channel, commit: None, raw }
    }

    /// A note that may have named a tool.
    pub(super) fn unread_note(commit: Option<ObjectId>, sentence: &str) -> Self {
        let (strength, class, channel) = (Strength::Medium, Class::Unrecognised, Channel::Note);
        Evidence { commit, ..Evidence::new("note-unread", strength, class, channel, sentence) }
    }

    fn by(mut self, tool: Option<&Tool>) -> Self {
        self.tool = tool.map(|tool| tool.name.clone());
        self
    }
}

impl Rules {
    pub(super) fn identity(&self, who: &Identity, channel: Channel) -> Option<Evidence> {
        self.known_people.evidence_of(who, channel, || self.of_identity(who, channel))
    }

    fn of_identity(&self, who: &Identity, channel: Channel) -> Option<Evidence> {
        let raw = who_text(who);
        let Some((owner, how)) = self.known.find(who) else {
            let beside = || self.beside(who, channel, &raw).or_else(|| self.nobody(who, channel, &raw));
            return self.bot(who, channel, &raw).or_else(beside);
        };
        let tool = &self.tools[owner];
        let class = tool.class_in(channel);
        Some(
            Evidence::new(tool.rule(how.name()), tool.strength_by(how), class, channel, &raw)
                .by(Some(self.shown(tool, how, who))),
        )
    }

    fn bot(&self, who: &Identity, channel: Channel, raw: &str) -> Option<Evidence> {
        if let Some((_, how)) = self.bots.find(who) {
            return Some(Evidence::new(format!("bot.{}", how.name()), Strength::Strong, Class::BotNotAi, channel, raw));
        }
        let email = who.email.to_lowercase();
        let (login, _) = email.split_once("[bot]@")?;
        let login = login.rsplit('+').next().unwrap_or(login);
        // Only an application has such an account.
        if let Some(tool) = self.tool_that_begins(login) {
            let class = tool.class_in(channel);
            return Some(Evidence::new(tool.rule("bot"), Strength::Medium, class, channel, raw).by(Some(tool)));
        }
        Some(Evidence::new("bot.unknown", Strength::Medium, Class::Unrecognised, channel, raw))
    }

    /// The tool with whose name a login begins, unless others may have that name.
    fn tool_that_begins(&self, login: &str) -> Option<&Tool> {
        let login = words(login);
        let begins = |tool: &&Tool| {
            let name = words(&tool.name);
            login.starts_with(&name) && !self.is_ambiguous(&tool.name)
        };
        self.tools.iter().find(begins)
    }

    fn is_ambiguous(&self, name: &str) -> bool {
        self.values.ambiguous.iter().any(|own| name.eq_ignore_ascii_case(own))
    }

    /// Marks that people add to their own identity for a tool that works in their name: `mina+claude-code@example.com`,
    /// `Mina (claude)`, `Claude for Mina`. They remain authors.
    fn beside(&self, who: &Identity, channel: Channel, raw: &str) -> Option<Evidence> {
        let new = |rule: String, class| Evidence::new(rule, Strength::Medium, class, channel, raw);
        if let Some(tag) = recognise::tag_of(&who.email) {
            let spaced = tag.replace(['-', '_', '.'], " ");
            let tool = [tag.as_str(), &spaced].into_iter().find_map(|name| self.known.names.first(name));
            match tool.map(|owner| &self.tools[owner]) {
                Some(tool) if !self.is_ambiguous(&tag) => {
                    return Some(new(tool.rule("tag"), tool.class_in(channel)).by(Some(tool)));
                }
                Some(tool) => return Some(new(tool.rule("tag"), Class::Unrecognised).by(Some(tool))),
                None if self.values.tags.is_match(&tag) => return Some(new("tag".to_owned(), Class::Unrecognised)),
                None => {}
            }
        }
        let name = lines::shown(&who.name);
        if let Some(tool) = self.for_somebody(&name) {
            return Some(new(tool.rule("for"), Class::Unrecognised).by(Some(tool)));
        }
        // The parentheses may contain their employer.
        let (_, aside) = name.trim().strip_suffix(')')?.rsplit_once(" (")?;
        let aside = aside.trim();
        let aside = ["via ", "with ", "by "].iter().find_map(|word| aside.strip_prefix(word)).unwrap_or(aside);
        let tool = &self.tools[self.known.names.first(aside)?];
        Some(new(tool.rule("suffix"), Class::Unrecognised).by(Some(tool)))
    }

    /// An identity that no rule knows and that is hardly a person's: an address or a name that only programs have, or
    /// the mailbox of a vendor for its tool. It remains an author. Who commits for others is often a program.
    fn nobody(&self, who: &Identity, channel: Channel, raw: &str) -> Option<Evidence> {
        if channel == Channel::Committer {
            return None;
        }
        let email = lines::shown(&who.email).trim().to_lowercase();
        let name = lines::shown(&who.name).trim().to_owned();
        let (local, host) = email.rsplit_once('@').unwrap_or_default();
        let tool = self.mailbox(local, &name).filter(|_| self.values.vendors.is_match(host));
        // `Tabnine <noreply@tabnine.com>`: a mailbox of nobody, and the name is that of the host.
        let called = words(&name).into_iter().next();
        let is_host = || called.is_some_and(|called| words(host).iter().rev().nth(1) == Some(&called));
        let is_forge = self.values.forges.iter().any(|forge| forge == host);
        let is_nobody = matches!(local, "noreply" | "no-reply") && !is_forge && is_host();
        let is_program = self.values.accounts.is_match(&email) || self.values.agents.is_match(&name);
        let found = Evidence::new("nobody", Strength::Medium, Class::Unrecognised, channel, raw).by(tool);
        (tool.is_some() || is_nobody || is_program).then_some(found)
    }

    /// The tool that has a mailbox of its own at its vendor. People there may have its name as well: then the whole
    /// name beside the address must be the tool's.
    fn mailbox(&self, local: &str, name: &str) -> Option<&Tool> {
        let called = |text: &str| self.known.names.first(&text.to_lowercase());
        let tool = self.tools.iter().position(|tool| words(&tool.name) == words(local)).or_else(|| called(local))?;
        let is_sure = !self.is_ambiguous(local) && words(&self.tools[tool].name) == words(local);
        (is_sure || called(name) == Some(tool)).then(|| &self.tools[tool])
    }

    /// The tool in a name such as `Claude for Dana` or `Dana via Claude Code`.
    fn for_somebody(&self, name: &str) -> Option<&Tool> {
        let name = name.to_lowercase();
        let before = [" for ", " on behalf of "].iter().find_map(|word| Some(name.split_once(word)?.0));
        let called = before.or_else(|| Some(name.rsplit_once(" via ")?.1))?;
        let tool = self.known.names.first(called.trim())?;
        (!self.is_ambiguous(called.trim())).then(|| &self.tools[tool])
    }

    /// An address identifies the vendor, the name the tool: `Cursor Grok 4.6 <noreply@anthropic.com>` is Cursor.
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

    /// A tool that a note names. Names that no rule knows are kept, escaped.
    pub(super) fn note(&self, format: Format, commit: ObjectId, writer: &Writer) -> Evidence {
        let parts = [writer.tool.as_deref(), writer.model.as_deref()];
        let raw = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let raw = if raw.is_empty() { "a session of no named tool".to_owned() } else { raw };
        let rule = format!("{}.note", words(format.name()).join("-"));
        let found = Evidence::new(rule, Strength::Medium, Class::Assisted, Channel::Note, &raw);
        let known = parts.into_iter().flatten().find_map(|part| self.tool_in(part)?).map(|tool| tool.name.clone());
        let own = || writer.tool.as_deref().map(|tool| tool.chars().take(MAX_TOOL).collect::<String>());
        let tool = known.or_else(|| own().map(|tool| visible::text(&tool).into_owned()));
        Evidence { tool, commit: Some(commit), ..found }
    }

    /// What a note of no known format says of AI, line by line as a message would; or only by the name of its ref.
    /// Anybody adds such notes afterwards, so that all of it is weak.
    pub(super) fn plain_note(&self, commit: ObjectId, name: &str, text: &str) -> Vec<Evidence> {
        // Its first line is not a title.
        let scan = lines::scan(&format!("note\n{}", lines::without_json(text)));
        let mut found: Vec<Evidence> = scan.lines.iter().flat_map(|line| self.line(line)).collect();
        let spaced = name.replace(['-', '_', '/'], " ");
        if let Some(owner) = self.known.names.first(&spaced).filter(|_| !self.is_ambiguous(name)) {
            let (tool, raw) = (&self.tools[owner], format!("a note in refs/notes/{name}"));
            let evidence = Evidence::new(tool.rule("notes"), Strength::Weak, Class::Assisted, Channel::Note, &raw);
            found.push(evidence.by(Some(tool)));
        }
        found.retain(|evidence| evidence.class.is_ai());
        for evidence in &mut found {
            (evidence.strength, evidence.channel, evidence.commit) = (Strength::Weak, Channel::Note, Some(commit));
        }
        found
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
            found.extend(self.made(line));
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

    /// "Made with TOOL" and similar phrases, alone on a line. In prose the sentence continues: "made with Cursor in
    /// mind".
    fn made(&self, line: &MessageLine) -> Option<Evidence> {
        if !line.key.is_empty() && !line.key.contains(' ') {
            // A separate key, with separate rules.
            return None;
        }
        let parts = self.values.made.captures(&line.text)?;
        let (sign, told) = (&parts["sign"], &parts["tool"]);
        let has_picture = !sign.is_ascii();
        let is_link = told.contains("](") || line.text.contains("[");
        // The rest of a sentence begins with a lower-case letter.
        if !has_picture && !is_link && !parts["verb"].starts_with(char::is_uppercase) {
            return None;
        }
        let name = first_name(told);
        if self.values.prose.is_match(&name) {
            return None;
        }
        let named = self.tool_in(&name);
        let new = |rule: String, class| in_line(rule, Strength::Medium, class, line);
        match named {
            Some(Some(tool)) if self.is_ambiguous(&name) && !has_picture && !is_link => {
                Some(new(tool.rule("made"), Class::Unrecognised).by(Some(tool)))
            }
            Some(tool) => {
                // "GPT-5.6 Sol via Codex"
                let tool = tool.or_else(|| self.tool_in(told)?);
                let rule = tool.map_or_else(|| "made".to_owned(), |tool| tool.rule("made"));
                Some(new(rule, Class::Assisted).by(tool))
            }
            None => {
                let few = name.split_whitespace().count() <= 4;
                let smells = few && (has_picture || is_link) && self.values.smells.is_match(told);
                smells.then(|| new("made".to_owned(), Class::Unrecognised))
            }
        }
    }

    /// A key that usually says nothing about how a change was made, with the name of a tool.
    fn ordinary(&self, line: &MessageLine) -> Option<Evidence> {
        let tool = self.tool_in(&line.value)??;
        let rule = tool.rule("trailer");
        if self.values.making.is_match(&line.key) && !self.is_ambiguous(&line.value) {
            return Some(in_line(rule, tool.strength.min(Strength::Medium), Class::Assisted, line).by(Some(tool)));
        }
        let is_judged = self.values.judgement.contains(&line.key);
        let rule = if is_judged { tool.rule("judgement") } else { rule };
        Some(in_line(rule, Strength::Weak, Class::Unrecognised, line).by(Some(tool)))
    }

    fn generic(&self, line: &MessageLine) -> Option<Evidence> {
        if line.value.is_empty() || line.key.is_empty() {
            return None;
        }
        if self.values.ordinary.contains(&line.key) {
            return self.ordinary(line);
        }
        let key = self.keys.iter().find(|key| key.key.is_match(&line.key))?;
        let rule = format!("key.{}", line.key);
        let is_about_ai = key.class == Class::Assisted || line.key.starts_with("ai-");
        if is_about_ai && self.values.negative.is_match(&line.value) {
            return Some(in_line(rule, Strength::Medium, Class::NegativeClaim, line));
        }
        let named = self.tool_in(&line.value);
        if self.is_wanted(key, &line.value, named.is_some()) {
            let makes = key.class == Class::Unrecognised && self.values.making.is_match(&line.key);
            let tool = named.flatten();
            let (strength, class) = match tool {
                Some(_) if makes && !self.is_ambiguous(&line.value) => (Strength::Medium, Class::Assisted),
                _ => (key.strength, key.class),
            };
            return Some(in_line(rule, strength, class, line).by(tool));
        }
        // People have no versions, and are rarely called so.
        let is_name = line.value.contains('@') || key.class != Class::Assisted;
        let is_odd = |value: &str| value.contains(|c: char| c.is_ascii_digit()) || self.values.smells.is_match(value);
        let strength = if !is_name && is_odd(&line.value) { Strength::Medium } else { Strength::Weak };
        key.shows_others.then(|| in_line(rule, strength, Class::Unrecognised, line))
    }

    fn is_wanted(&self, key: &Key, value: &str, names_tool: bool) -> bool {
        match &key.value {
            Wanted::Any => true,
            Wanted::Tool => names_tool,
            Wanted::Like(pattern) => pattern.is_match(value),
        }
    }

    /// Whether a value names a tool or AI in general, and which tool: `Claude Code (claude-opus-4-6)`, `GPT-5.6 Sol via
    /// Codex`, `generic LLM chatbot`. A value with an address names a person or an account, for which there are other
    /// rules.
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

    /// The person named in a line as the one who asked.
    pub(super) fn operator_in(&self, line: &str) -> Option<String> {
        let name = self.values.operators.iter().find_map(|pattern| pattern.captures(line)?.get(1))?;
        Some(name.as_str().trim().to_owned()).filter(|name| !name.is_empty())
    }

    /// Whether the identity was credited by mistake at that time.
    pub(super) fn is_doubtful(&self, evidence: &Evidence, time: i64) -> bool {
        let raw = evidence.raw.to_lowercase();
        evidence.channel == Channel::CoAuthor
            && self.doubts.iter().any(|doubt| {
                (doubt.from..doubt.until).contains(&time) && doubt.emails.iter().any(|email| raw.contains(email))
            })
    }
}

impl Tool {
    fn class_in(&self, channel: Channel) -> Class {
        match channel {
            _ if self.class == Class::AiSuggestionAccepted => self.class,
            Channel::CoAuthor => Class::AgentCoauthored,
            // It commits what a person wrote, or what it wrote for the person named as the author.
            Channel::Committer => Class::Assisted,
            _ => Class::AgentAuthored,
        }
    }

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

/// The first name after "made with", without Markdown marks and additions.
fn first_name(told: &str) -> String {
    let plain: String = told.chars().filter(|c| !matches!(c, '*' | '`' | '"' | '_' | '“' | '”')).collect();
    let plain = plain.trim_start_matches(['[', ' ']);
    let ends = ["](", "]", "(", ",", ";", "|", "/", " + ", " & ", " and ", " via ", " – ", " — ", " - ", ". ", "http"];
    let end = ends.iter().filter_map(|end| plain.find(end)).min().unwrap_or(plain.len());
    plain[..end].trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn who_text(who: &Identity) -> String {
    if who.email.is_empty() { who.name.clone() } else { format!("{} <{}>", who.name, who.email) }
}
