//! `destr.renamed`: the identity by which a tool knows what it made has changed, so that it is deleted and made anew: a
//! key of `for_each`, an index, the name of a module, of a resource in a template, of a manifest, or in a program of
//! Pulumi or a CDK.

use std::collections::BTreeSet;

use super::resources::is_stateful;
use crate::change::diff::Side;
use crate::risk::blast::{extension, is_for_trial};
use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// The most objects of a file that are compared with each other.
const MAX_COMPARED: usize = 64;
/// Words of what has data or an address that others know, in the names of classes, types and modules.
const PRECIOUS: &[&str] = &[
    "instance",
    "database",
    "db",
    "cluster",
    "bucket",
    "table",
    "queue",
    "topic",
    "volume",
    "filesystem",
    "vault",
    "key",
    "secret",
    "userpool",
    "stream",
    "disk",
    "account",
    "repository",
    "zone",
    "registry",
    "vpc",
    "network",
    "rds",
    "postgres",
    "mysql",
    "redis",
    "kafka",
    "storage",
    "domain",
    "server",
    "address",
    "eip",
];
/// Kinds of manifests with data.
const MANIFESTS: &[&str] = &[
    "StatefulSet",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "Namespace",
    "Cluster",
    "Postgresql",
    "Kafka",
    "KafkaTopic",
    "Elasticsearch",
    "Bucket",
    "Database",
    "Certificate",
];

/// What changed its identity, unless the change says that it was moved.
#[derive(Default)]
pub(super) struct Identities {
    found: Vec<Finding>,
    is_said: bool,
}

impl Identities {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) {
        let path = file.path();
        let says = |line: &str| {
            let line = line.trim_start();
            line.starts_with("moved {") || line.starts_with("removed {") || line.contains("aliases")
        };
        self.is_said |= file.added().iter().any(|(_, line)| says(line));
        let has_both = file.old.is_some() && file.new.is_some();
        if !has_both || is_for_trial(&path) || !may_declare(&path, file.new_text()) {
            return;
        }
        let deltas = file.deltas();
        let text = String::from_utf8_lossy(file.new_text());
        let seen = Seen { deltas, file, rules, text: &text };
        self.found.extend(seen.wholes());
        self.found.extend(seen.keys());
        self.found.extend(seen.items());
        self.found.extend(seen.shifted());
        self.found.extend(seen.counted());
        self.found.extend(seen.named());
        self.found.extend(seen.taken_away());
    }

    pub fn finish(self) -> Vec<Finding> {
        if self.is_said { Vec::new() } else { self.found }
    }
}

/// What a program names that says what is to exist, as it includes it.
const TOOLS: &[&str] = &[
    "pulumi",
    "aws-cdk",
    "aws_cdk",
    "awscdk",
    "cdktf",
    "\"constructs\"",
    "'constructs'",
    "from constructs",
    "software.constructs",
    "constructs-go",
];

/// Formats and programs that say what is to exist.
fn may_declare(path: &str, text: &[u8]) -> bool {
    let has = |word: &[u8]| text.windows(word.len()).any(|part| part == word);
    match extension(path) {
        "tf" | "tofu" | "tfvars" | "bicep" | "json" | "yaml" | "yml" | "template" => true,
        "ts" | "js" | "py" | "go" | "java" | "cs" | "kt" => TOOLS.iter().any(|word| has(word.as_bytes())),
        _ => false,
    }
}

struct Seen<'s> {
    deltas: &'s [Delta],
    file: &'s FileUnderReview<'s>,
    rules: &'s Rules,
    /// The new text.
    text: &'s str,
}

impl Seen<'_> {
    fn say(&self, side: Side, fact: &Fact, what: &str, severity: Severity) -> Option<Finding> {
        let line = self.file.changed(side).first_in(&fact.lines)?;
        let found = self.rules.of_check("destr.renamed", self.file, side, line, &self.file.line(side, line))?;
        let title = format!("{}: {what}", found.title);
        Some(Finding { title, severity: found.severity.min(severity), ..found })
    }

    fn went(&self) -> impl Iterator<Item = &Fact> {
        self.deltas.iter().filter_map(|delta| if let Delta::Went { fact, .. } = delta { Some(fact) } else { None })
    }

    fn came(&self) -> impl Iterator<Item = &Fact> {
        self.deltas.iter().filter_map(|delta| if let Delta::Came(fact) = delta { Some(fact) } else { None })
    }

    /// Modules, resources of templates and manifests with another name, and otherwise mostly the same.
    fn wholes(&self) -> Vec<Finding> {
        let of = |fact: &&Fact| fact.kind == Kind::Block && family(&fact.object).is_some();
        let came: Vec<&Fact> = self.came().filter(of).take(MAX_COMPARED).collect();
        let heir = |old: &Fact| {
            let is_alike = |new: &&&Fact| family(&new.object) == family(&old.object) && are_alike(&old.text, &new.text);
            came.iter().find(is_alike).copied()
        };
        let went = self.went().filter(of).take(MAX_COMPARED);
        let renamed = went.filter_map(|old| {
            let new = heir(old)?;
            let severity = if is_precious(old) { Severity::High } else { Severity::Medium };
            self.say(Side::New, new, &format!("{} → {}", old.object, new.object), severity)
        });
        renamed.collect()
    }

    /// A key of a map, of which the value is the same.
    fn keys(&self) -> Vec<Finding> {
        let came: Vec<&Fact> = self.came().take(MAX_COMPARED * 4).collect();
        let renamed = self.went().take(MAX_COMPARED * 4).filter_map(|old| {
            let is_heir = |new: &&&Fact| {
                new.kind == old.kind && new.parent() == old.parent() && new.text == old.text && !new.text.is_empty()
            };
            let new = came.iter().find(is_heir)?;
            let severity = self.weight_of_map(old)?;
            self.say(Side::New, new, &format!("{} → {}", old.object, new.name()), severity)
        });
        renamed.collect()
    }

    /// How grave it is if resources are made by the keys of a map; none if they are not.
    fn weight_of_map(&self, key: &Fact) -> Option<Severity> {
        let map = key.parent();
        if map.starts_with("resource.") && map.ends_with(".for_each") {
            return Some(self.weight_of(map));
        }
        let name = ["locals.", "variable."].iter().find_map(|of| map.strip_prefix(of));
        if let Some(name) = name.map(|name| name.trim_end_matches(".default")) {
            return self.users_of(name);
        }
        // The values of variables: what they are for is in another file, and a map of maps is seldom for tags.
        let is_of_variables = self.file.path().contains(".tfvars");
        (is_of_variables && key.kind == Kind::Block && !map.is_empty()).then_some(Severity::High)
    }

    /// How grave it is if something goes by the name of a local value or variable; none if nothing does in this file.
    fn users_of(&self, name: &str) -> Option<Severity> {
        let is_user = |line: &str| line.trim_start().starts_with("for_each") && self.names(line, name);
        let lines: Vec<&str> = self.text.lines().collect();
        let at = lines.iter().position(|line| is_user(line))?;
        let head = lines[..at].iter().rev().find(|line| line.starts_with("resource ") || line.starts_with("module "));
        let head = head.map(|line| line.replace("\" \"", ".").replace('"', "").replacen(' ', ".", 1));
        Some(head.map_or(Severity::Medium, |head| self.weight_of(&head)))
    }

    fn names(&self, line: &str, name: &str) -> bool {
        ["local.", "var."].iter().any(|of| {
            let follows = |(at, sign): (usize, &str)| line[at + sign.len()..].chars().next();
            let sign = format!("{of}{name}");
            let mut places = line.match_indices(&sign).map(follows);
            places.any(|next| next.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '-')))
        })
    }

    /// By the type of a resource: `resource.aws_s3_bucket.team`.
    fn weight_of(&self, object: &str) -> Severity {
        let kind = object.split('.').nth(1).unwrap_or_default();
        if is_stateful(kind) || object.starts_with("module.") { Severity::High } else { Severity::Medium }
    }

    /// An item of a list that resources are made by, and one before the last of a list that they are counted by.
    fn items(&self) -> Vec<Finding> {
        let lost = self.deltas.iter().filter_map(|delta| match delta {
            Delta::Went { fact, .. } => Some((Side::Old, fact, fact)),
            Delta::Changed { old, new } if old.object.ends_with("[]") => Some((Side::New, new, old)),
            _ => None,
        });
        let found = lost.filter(|(_, fact, _)| fact.kind == Kind::Setting).filter_map(|(side, fact, old)| {
            let list = fact.object.strip_suffix("[]")?;
            let own = list.strip_suffix(".for_each").map(|resource| self.weight_of(resource));
            let name = ["locals.", "variable."].iter().find_map(|of| list.strip_prefix(of));
            let name = name.map(|name| name.trim_end_matches(".default"));
            let severity = own.or_else(|| self.users_of(name?)).or_else(|| self.counters_of(name?, side, old))?;
            self.say(side, fact, &old.value.say(), severity)
        });
        found.take(MAX_COMPARED).collect()
    }

    /// How grave it is if resources are counted by a list, and an item before its last one is gone.
    fn counters_of(&self, name: &str, side: Side, item: &Fact) -> Option<Severity> {
        let is_counter = |line: &&str| line.trim_start().starts_with("count") && self.names(line, name);
        let facts = &self.file.stated(Side::Old)?.facts;
        let has_more = facts.iter().any(|fact| fact.object == item.object && fact.lines.start() > item.lines.end());
        (side == Side::Old && has_more && self.text.lines().any(|line| is_counter(&line))).then_some(Severity::High)
    }

    /// A list by whose positions resources are named, which got longer or shorter elsewhere than at its end: all behind
    /// that place change their names.
    fn shifted(&self) -> Vec<Finding> {
        let mut seen = BTreeSet::new();
        let moved = self.deltas.iter().filter_map(|delta| match delta {
            Delta::Went { fact, .. } => Some((Side::Old, fact)),
            Delta::Came(fact) => Some((Side::New, fact)),
            Delta::Changed { .. } => None,
        });
        let found = moved.filter_map(|(side, fact)| {
            let list = list_of(fact).filter(|list| seen.len() < MAX_COMPARED && seen.insert((*list).to_owned()))?;
            let name = ["locals.", "variable.", "var.", "param."].iter().find_map(|of| list.strip_prefix(of));
            let name = name.unwrap_or(list).trim_end_matches(".default");
            let (old, new) = (self.items_of(Side::Old, list), self.items_of(Side::New, list));
            let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
            let is_shifted = old.len() != new.len() && same < old.len().min(new.len());
            let what = if fact.kind == Kind::Block { list.to_owned() } else { fact.value.say() };
            (is_shifted && is_by_index(self.text, name)).then(|| self.say(side, fact, &what, Severity::High))?
        });
        found.collect()
    }

    /// The items of a list, in order.
    fn items_of(&self, side: Side, list: &str) -> Vec<String> {
        let facts = self.file.stated(side).map_or(&[][..], |stated| &stated.facts);
        let mut items: Vec<&Fact> = facts.iter().filter(|fact| list_of(fact) == Some(list)).collect();
        items.sort_by_key(|fact| *fact.lines.start());
        items.into_iter().map(|fact| fact.text.clone()).collect()
    }

    /// A resource that was counted, or was one, and is made by keys now; or the other way round.
    fn counted(&self) -> Vec<Finding> {
        let by = |fact: &Fact, word: &str| {
            let object = fact.object.trim_end_matches("[]");
            let object = object.strip_suffix(word)?.strip_suffix('.')?;
            (object.starts_with("resource.") || object.starts_with("module.")).then(|| object.to_owned())
        };
        let of = |facts: &mut dyn Iterator<Item = &Fact>, word: &str| {
            facts.filter_map(|fact| by(fact, word)).take(MAX_COMPARED).collect::<BTreeSet<_>>()
        };
        let (was_counted, was_keyed) = (of(&mut self.went(), "count"), of(&mut self.went(), "for_each"));
        let is_block = |fact: &&Fact| fact.kind == Kind::Block;
        let is_new: BTreeSet<String> = self.came().filter(is_block).map(|fact| fact.object.clone()).collect();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for fact in self.came() {
            let (keyed, counted) = (by(fact, "for_each"), by(fact, "count"));
            let changed = keyed.filter(|of| was_counted.contains(of)).or(counted.filter(|of| was_keyed.contains(of)));
            let Some(object) = changed.filter(|object| !is_new.contains(object) && seen.insert(object.clone())) else {
                continue;
            };
            found.extend(self.say(
                Side::New,
                fact,
                &format!("{object} is numbered otherwise"),
                self.weight_of(&object),
            ));
        }
        found
    }

    /// The name that a program gives a resource.
    fn named(&self) -> Vec<Finding> {
        let changed = self.deltas.iter().filter_map(|delta| match delta {
            Delta::Changed { old, new } => Some((old, new)),
            _ => None,
        });
        let renamed = changed.filter_map(|(old, new)| {
            let class = new.object.strip_suffix(".#1").or(new.object.strip_suffix(".#2"))?;
            let is_text = matches!((&old.value, &new.value), (Value::Text(_), Value::Text(_)));
            if !is_text || !is_class(class, new.object.ends_with("#1")) {
                return None;
            }
            let what = format!("{class} {} → {}", old.value.say(), new.value.say());
            self.say(Side::New, new, &what, Severity::High)
        });
        renamed.take(MAX_COMPARED).collect()
    }
}

impl Seen<'_> {
    /// A resource that a program no longer makes.
    fn taken_away(&self) -> Vec<Finding> {
        let class = |fact: &Fact| {
            let class = fact.object.strip_suffix(".#1").or(fact.object.strip_suffix(".#2"))?;
            let is_one = matches!(fact.value, Value::Text(_)) && is_class(class, fact.object.ends_with("#1"));
            is_one.then(|| class.to_owned())
        };
        let made: BTreeSet<String> = self.came().filter_map(class).take(MAX_COMPARED).collect();
        let gone = self.went().filter(|fact| class(fact).is_some_and(|class| !made.contains(&class)));
        let found = gone.filter_map(|fact| {
            let line = self.file.changed(Side::Old).first_in(&fact.lines)?;
            let evidence = self.file.line(Side::Old, line);
            let found = self.rules.of_check("destr.resource-removed", self.file, Side::Old, line, &evidence)?;
            Some(Finding { severity: Severity::High, ..found })
        });
        found.take(MAX_COMPARED).collect()
    }
}

/// The list that a fact is an item of.
fn list_of(fact: &Fact) -> Option<&str> {
    let is_item = matches!(fact.kind, Kind::Setting | Kind::Block) && fact.object.ends_with(']');
    let (list, _) = fact.object.rsplit_once('[').filter(|_| is_item)?;
    (!list.is_empty()).then_some(list)
}

/// How many lines of the body of a loop are examined.
const LOOKED_AT: usize = 12;

/// Whether a loop over a list names what it makes by the positions in it.
fn is_by_index(text: &str, list: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().filter(|(_, line)| has_word(line, list)).any(|(at, line)| {
        let body = &lines[at..lines.len().min(at + LOOKED_AT)];
        match index_of(line) {
            Some((index, item)) if line.contains("=>") && line.contains(" for ") => {
                let key = line.rsplit_once(':').and_then(|(_, rest)| rest.split_once("=>")).map_or("", |(key, _)| key);
                has_word(key, index) && (item.is_empty() || !has_word(key, item))
            }
            Some((index, _)) => {
                let signs = [format!("${{{index}}}"), format!("{{{index}}}"), format!("str({index})")];
                body.iter().any(|line| signs.iter().any(|sign| line.contains(sign.as_str())))
            }
            None => false,
        }
    })
}

/// The names of index and item in the head of a loop.
fn index_of(line: &str) -> Option<(&str, &str)> {
    let is_name = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let heads = ["for (", "for ", "forEach((", "map(("];
    let rest = heads.iter().find_map(|head| line.split_once(head)).map(|(_, rest)| rest)?;
    let end = [" in ", ") in ", " := range", ") =>"].iter().filter_map(|sign| rest.find(sign)).min()?;
    let names: Vec<&str> = rest[..end].split(',').map(|name| name.trim_matches(['(', ')', ' '])).collect();
    match names.as_slice() {
        // Bicep and JavaScript have the index behind the item.
        [item, index] if line.contains("for (") || line.contains("=>") && !line.contains(" in ") => {
            Some((*index, *item))
        }
        [index, item] => Some((*index, *item)),
        [index] if line.contains("range(") => Some((*index, "")),
        _ => None,
    }
    .filter(|(index, _)| is_name(index))
}

fn has_word(text: &str, word: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_of_name) && !text[at + word.len()..].starts_with(is_of_name))
}

/// Whether a call makes a resource with data: its class is said with its package, in a program of Pulumi, or it is the
/// second argument of a construct.
fn is_class(callee: &str, is_first: bool) -> bool {
    let last = callee.rsplit('.').next().unwrap_or(callee);
    let last = last.strip_prefix("New").unwrap_or(last);
    let is_large = last.starts_with(|c: char| c.is_uppercase());
    is_large && (callee.contains('.') || !is_first) && has_precious(last)
}

/// Whether a name has one of the words, each of which begins with a capital or behind a sign.
fn has_precious(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    PRECIOUS.iter().any(|word| {
        lower.match_indices(word).any(|(at, _)| {
            let begins = at == 0 || name[at..].starts_with(|c: char| c.is_uppercase());
            begins || !name[..at].ends_with(|c: char| c.is_alphanumeric())
        })
    })
}

/// Which things may take each other's place: modules, resources of one type, manifests of one kind.
fn family(object: &str) -> Option<&str> {
    let (kind, name) = object.split_once('.')?;
    let is_one = match kind {
        "module" | "Resources" => !name.contains('.'),
        kind => MANIFESTS.contains(&kind) && !name.contains(".spec") && !name.contains(".metadata"),
    };
    is_one.then_some(kind)
}

fn is_precious(fact: &Fact) -> bool {
    match fact.object.split('.').next() {
        Some("Resources") => has_precious(fact.text.split(' ').next().unwrap_or_default()),
        Some("module") => {
            let source = fact.text.split("source: ").nth(1).unwrap_or_default();
            has_precious(fact.name()) || has_precious(source.split(',').next().unwrap_or_default())
        }
        _ => true,
    }
}

/// Whether most words of two texts are the same, and the first, which is the type, is.
fn are_alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
    let (own, others) = (words(one), words(other));
    let same = own.intersection(&others).count();
    one.split(' ').next() == other.split(' ').next() && same * 3 >= own.len().max(others.len()) * 2
}
