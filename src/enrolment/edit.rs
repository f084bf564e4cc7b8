//! An edit of a policy file, or of the file of an organization, that keeps its comments, order and layout, and does
//! only what was meant: the result is read by that file's own parser and compared with what the edit should mean.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Formatted, InlineTable, Item, Table, TableLike, Value};

use crate::change::visible;
use crate::datafile::FileError;
use crate::policy::{
    Enrolment, ORGANIZATION_FILE, Organization, POLICY_FILE, Person, PersonKind, Policy, Revocation, Roster, meaning,
};
use crate::record::{Key, Presence};

/// A file that says who people are, and which keys are theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RosterFile {
    /// The policy of a repository.
    Policy,
    /// The file of an organization, from which policies of other repositories have their people.
    Organization,
}

impl RosterFile {
    /// Its path in the repository.
    pub fn path(self) -> &'static str {
        match self {
            RosterFile::Policy => POLICY_FILE,
            RosterFile::Organization => ORGANIZATION_FILE,
        }
    }

    /// What its text says, as a policy, and for how long a copy of it counts, if that is limited.
    fn read(self, text: &str) -> Result<(Policy, Option<i64>), FileError> {
        match self {
            RosterFile::Policy => Policy::parse(POLICY_FILE, text).map(|policy| (policy, None)),
            RosterFile::Organization => Organization::read(ORGANIZATION_FILE, text.as_bytes())
                .map(|organization| (organization.rules().clone(), organization.stale())),
        }
    }
}

/// One change of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Somebody new, with one key.
    AddPerson {
        /// The id, which nobody has.
        id: String,
        /// To show to people.
        name: String,
        /// As commits have them.
        emails: Vec<String>,
        /// What they may sign as.
        roles: Vec<String>,
        /// The first key.
        key: NewKey,
    },
    /// One key more.
    AddKey {
        /// The id of who is in the roster.
        person: String,
        /// The key.
        key: NewKey,
    },
    /// A key signs no longer, and stays in the roster, so that its records keep their owner.
    EndKey {
        /// The id of its owner.
        person: String,
        /// The key.
        key: Key,
        /// How, and from when.
        end: Revocation,
    },
}

/// A key as the policy will have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The public key.
    pub key: Key,
    /// What follows it in the file, for people.
    pub comment: String,
    /// What it is believed to prove.
    pub presence: Presence,
    /// SHA-256 of the attestation that came along.
    pub attestation: Option<String>,
}

impl NewKey {
    fn enrolment(&self) -> Enrolment {
        let NewKey { key, presence, attestation, .. } = self.clone();
        Enrolment { key, presence, attestation, valid: (None, None), revoked: None }
    }
}

/// The byte order mark, with which some editors begin a file.
const MARK: char = '\u{feff}';

/// Why an edit is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file that results has mistakes.
    #[error("the file would have mistakes then: {0}")]
    Mistakes(String),
    /// The place is not where this knows to write.
    #[error("{0} in the file is not written in a way that this program can edit; edit it by hand")]
    Place(String),
    /// The result means something else: the file is written in a way that was not foreseen.
    #[error("the edit would mean something else than was asked for; edit the file by hand")]
    OtherMeaning,
    /// Some lines end in CR LF, others in LF.
    #[error("some of its lines end in CR LF and others in LF; make them alike first, in a change of its own")]
    LineEnds,
    /// The key has an end already, and this one lets more count.
    #[error("the key {0} has ended already ({1}), and the edit ({2}) would let count again what does not")]
    Weaker(String, String, String),
}

/// A file with edits, and what it then says. The version becomes `version`.
///
/// # Errors
/// It cannot be edited so; then nothing of it may be used.
pub fn apply(file: RosterFile, source: &str, edits: &[Edit], version: u64) -> Result<(String, Policy), EditError> {
    let mistakes = |error: FileError| EditError::Mistakes(visible::lines(&error.to_string()));
    let (old, stale) = file.read(source).map_err(mistakes)?;
    only_strengthens(&old, edits)?;
    let mut document: DocumentMut = source.parse().map_err(|_| EditError::Place("Something".to_owned()))?;
    let place = || EditError::Place("`version`".to_owned());
    set(document.get_mut("version").and_then(Item::as_value_mut).ok_or_else(place)?, (version as i64).into());
    let people = document.get_mut("people").and_then(Item::as_table_like_mut);
    let people = people.ok_or_else(|| EditError::Place("[people]".to_owned()))?;
    for edit in edits {
        let (Edit::AddPerson { id, .. } | Edit::AddKey { person: id, .. } | Edit::EndKey { person: id, .. }) = edit;
        made(people, edit).ok_or_else(|| EditError::Place(format!("[people.{id}]")))?;
    }
    let text = lines_as_in(source, &document.to_string()).ok_or(EditError::LineEnds)?;
    let (new, still_stale) = file.read(&text).map_err(mistakes)?;
    let is_meant = new.version == version && still_stale == stale && means_only(&old, &new, edits);
    if is_meant { Ok((text, new)) } else { Err(EditError::OtherMeaning) }
}

/// A text with the line ends of another, and its byte order mark; none if those are of two kinds.
fn lines_as_in(source: &str, text: &str) -> Option<String> {
    let (all, windows) = (source.matches('\n').count(), source.matches("\r\n").count());
    let text = text.trim_start_matches(MARK).replace("\r\n", "\n");
    let text = match windows {
        0 => text,
        _ if windows == all => text.replace('\n', "\r\n"),
        _ => return None,
    };
    Some(if source.starts_with(MARK) { format!("{MARK}{text}") } else { text })
}

/// Whether no key that has ended, as a policy has it, ends in a way that lets more count.
///
/// # Errors
/// One does.
pub fn only_strengthens(policy: &Policy, edits: &[Edit]) -> Result<(), EditError> {
    let ends = edits.iter().filter_map(|edit| match edit {
        Edit::EndKey { key, end, .. } => Some((key, *end)),
        _ => None,
    });
    for (key, end) in ends {
        let of_point = |own: &&Enrolment| own.key.point() == key.point();
        let mut known = policy.roster.people().flat_map(|person| &person.keys).filter(of_point);
        if let Some(then) = known.find_map(|own| own.revoked.filter(|then| end.weakens(*then))) {
            return Err(EditError::Weaker(key.fingerprint(), then.to_string(), end.to_string()));
        }
    }
    Ok(())
}

/// Whether one policy is the other with these edits, and nothing else.
fn means_only(old: &Policy, new: &Policy, edits: &[Edit]) -> bool {
    let mut people: Vec<Person> = old.roster.people().cloned().collect();
    for edit in edits {
        match edit {
            Edit::AddPerson { id, name, emails, roles, key } => people.push(Person {
                id: id.clone(),
                name: name.clone(),
                kind: PersonKind::Human,
                roles: roles.clone(),
                emails: emails.clone(),
                logins: Vec::new(),
                keys: vec![key.enrolment()],
                away: Vec::new(),
            }),
            Edit::AddKey { person, key } => {
                people.iter_mut().filter(|own| own.id == *person).for_each(|own| own.keys.push(key.enrolment()));
            }
            Edit::EndKey { person, key, end } => {
                let keys = people.iter_mut().filter(|own| own.id == *person).flat_map(|own| &mut own.keys);
                keys.filter(|own| own.key == *key).for_each(|own| own.revoked = Some(*end));
            }
        }
    }
    let by_id = |roster: &Roster| {
        let mut people: Vec<Person> = roster.people().cloned().collect();
        people.sort_by(|a, b| a.id.cmp(&b.id));
        people
    };
    people.sort_by(|a, b| a.id.cmp(&b.id));
    let elsewhere = Policy { roster: new.roster.clone(), ..old.clone() };
    by_id(&new.roster) == people && meaning(&elsewhere, new).is_empty()
}

/// Sets a value, and keeps what stands around it.
fn set(place: &mut Value, mut value: Value) {
    *value.decor_mut() = place.decor().clone();
    *place = value;
}

fn made(people: &mut dyn TableLike, edit: &Edit) -> Option<()> {
    match edit {
        Edit::AddPerson { id, name, emails, roles, key } => add_person(people, id, name, [emails, roles], key),
        Edit::AddKey { person, key } => add_key(people.get_mut(person)?.as_table_like_mut()?, key),
        Edit::EndKey { person, key, end } => {
            end_key(people.get_mut(person)?.as_table_like_mut()?.get_mut("keys")?, key, *end)
        }
    }
}

fn add_person(
    people: &mut dyn TableLike,
    id: &str,
    name: &str,
    [emails, roles]: [&Vec<String>; 2],
    key: &NewKey,
) -> Option<()> {
    let list = |texts: &Vec<String>| Value::from(texts.iter().map(String::as_str).collect::<Array>());
    let entries = [("name", Value::from(name)), ("roles", list(roles)), ("emails", list(emails))];
    let keys = Value::from(std::iter::once(entry(key)).collect::<Array>());
    let entries = entries.into_iter().chain([("keys", keys)]);
    let is_inline = people.iter().any(|(_, own)| own.is_inline_table());
    let item = if is_inline {
        Item::Value(Value::InlineTable(entries.collect()))
    } else {
        Item::Table(entries.map(|(key, value)| (key, Item::Value(value))).collect::<Table>())
    };
    people.insert(id, item).is_none().then_some(())
}

/// A line if there is nothing else to say, or a table.
fn entry(new: &NewKey) -> Value {
    let line = format!("{} {}", new.key.to_openssh(), new.comment);
    if new.presence == Presence::None && new.attestation.is_none() {
        return line.into();
    }
    let mut table = InlineTable::new();
    table.insert("key", line.into());
    table.insert("presence", new.presence.name().into());
    table.insert("application", new.key.application().into());
    new.attestation.iter().for_each(|digest| _ = table.insert("attestation", digest.as_str().into()));
    Value::InlineTable(table)
}

fn add_key(person: &mut dyn TableLike, key: &NewKey) -> Option<()> {
    match person.get_mut("keys") {
        None => _ = person.insert("keys", Item::Value(Value::from(std::iter::once(entry(key)).collect::<Array>()))),
        Some(Item::Value(Value::Array(keys))) => push(keys, entry(key)),
        Some(Item::ArrayOfTables(tables)) => {
            let mut table = Table::new();
            match entry(key) {
                Value::InlineTable(inline) => table = inline.into_table(),
                line => _ = table.insert("key", Item::Value(line)),
            }
            tables.push(table);
        }
        Some(_) => return None,
    }
    Some(())
}

/// Appends to a list in the layout that it has: on a line of its own if the others are, behind the comment that belongs
/// to the last.
fn push(list: &mut Array, mut value: Value) {
    let text = |raw: Option<&toml_edit::RawString>| raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
    let in_line = |value: &Value| Some(text(value.decor().prefix()).rsplit_once('\n')?.1.to_owned());
    let is_last_open = !list.is_empty() && !list.trailing_comma();
    let last = list.iter().last().filter(|_| is_last_open);
    let after_last = text(last.map_or(Some(list.trailing()), |last| last.decor().suffix()));
    // The comment of the last one stays with it, that of a list without any with its bracket; what closes the list
    // stays in its line.
    let in_lines = after_last.rsplit_once('\n').map(|(own, closing)| (own.to_owned(), closing.to_owned()));
    let indent = list.iter().find_map(in_line).or_else(|| Some(format!("{}    ", in_lines.as_ref()?.1)));
    let Some(indent) = indent else {
        if list.is_empty() {
            return list.push(value);
        }
        value.decor_mut().set_prefix(" ");
        return list.push_formatted(value);
    };
    if is_last_open {
        list.iter_mut().last().iter_mut().for_each(|last| last.decor_mut().set_suffix(""));
    }
    let (own, closing) = in_lines.unwrap_or_default();
    value.decor_mut().set_prefix(format!("{own}\n{indent}"));
    list.push_formatted(value);
    list.set_trailing(format!("\n{closing}"));
    list.set_trailing_comma(true);
}

fn end_key(keys: &mut Item, key: &Key, end: Revocation) -> Option<()> {
    let is_it = |line: Option<&str>| line.and_then(|line| Key::from_openssh(line).ok()).is_some_and(|own| own == *key);
    match keys {
        Item::Value(Value::Array(list)) => {
            let holds = |value: &&mut Value| match value {
                Value::InlineTable(table) => is_it(table.get("key").and_then(Value::as_str)),
                other => is_it(other.as_str()),
            };
            let value = list.iter_mut().find(holds)?;
            if let Value::String(line) = value {
                let mut table = InlineTable::new();
                let mut line = line.clone();
                line.decor_mut().clear();
                table.insert("key", Value::String(line));
                set(value, Value::InlineTable(table));
            }
            let table = value.as_inline_table_mut()?;
            if let Some(own) = table.get_mut("revoked") {
                set(own, revocation(end)?);
                return Some(());
            }
            // The blank before the brace is that of the last value.
            if let Some((_, last)) = table.iter_mut().last() {
                last.decor_mut().set_suffix("");
            }
            table.insert("revoked", revocation(end)?);
        }
        Item::ArrayOfTables(tables) => {
            let of = |tables: &mut ArrayOfTables| {
                tables.iter().position(|table| is_it(table.get("key").and_then(Item::as_str)))
            };
            let at = of(tables)?;
            let table = tables.get_mut(at)?;
            match table.get_mut("revoked") {
                Some(Item::Value(own)) => set(own, revocation(end)?),
                Some(Item::Table(own)) => end_in(own, revocation(end)?)?,
                _ => _ = table.insert("revoked", Item::Value(revocation(end)?)),
            }
        }
        _ => return None,
    }
    Some(())
}

/// Another end in a table of its own, member by member, with what is written beside each.
fn end_in(table: &mut Table, end: Value) -> Option<()> {
    let other = if end.as_inline_table()?.contains_key("at") { "since" } else { "at" };
    for (word, value) in end.as_inline_table()?.iter() {
        match table.get_mut(word) {
            Some(own) => set(own.as_value_mut()?, value.clone()),
            None => {
                let mut value = value.clone();
                if let Some(Item::Value(own)) = table.get(other) {
                    *value.decor_mut() = own.decor().clone();
                }
                let above = table.key(other).map(|key| key.leaf_decor().clone());
                table.insert(word, Item::Value(value));
                if let (Some(above), Some(mut key)) = (above, table.key_mut(word)) {
                    *key.leaf_decor_mut() = above;
                }
            }
        }
    }
    table.remove(other);
    Some(())
}

fn revocation(end: Revocation) -> Option<Value> {
    let (reason, word) = match end {
        Revocation::Retired { .. } => ("retired", "at"),
        Revocation::Compromised { .. } => ("compromised", "since"),
    };
    let time = jiff::Timestamp::from_second(end.time()).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut table = InlineTable::new();
    table.insert("reason", reason.into());
    table.insert(word, Value::Datetime(Formatted::new(time.parse().ok()?)));
    Some(Value::InlineTable(table))
}
