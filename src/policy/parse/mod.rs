//! `policy.toml` → [`Policy`], or every mistake in it at its line.

mod compartments;
mod evidence;
mod limits;
pub(super) mod people;
#[cfg(feature = "git")]
mod services;
mod targets;
mod team;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::patterns::{self, PathPatterns, idle_path, idle_ref};
use super::{AiRules, AuthorProof, Inherited, Limits, Organization, Policy, RefRule, Refs, Roster, Slot};
use crate::change::digest::Digest;
use crate::change::visible;
use crate::datafile::{self, FileError, Item, Mistake, Placed, Table};
use crate::record::Key;
use evidence::Others;
use people::Listed;
#[cfg(feature = "git")]
pub(super) use services::services;

pub(super) const SCHEMA: &str = "undersign-policy/v1";
pub(super) const ORGANIZATION_SCHEMA: &str = "undersign-organization/v1";
/// Seconds; whoever fetches more often than that would be late all the same.
const MIN_STALE: i64 = 5 * 60;

/// A slot for more people than this must be a typing error.
const MAX_SLOT: u64 = 20;

/// Reads the policy of a repository.
pub(super) fn parse(file: &str, source: &str, organization: Option<&Organization>) -> Result<Policy, FileError> {
    let own = datafile::read(file, source, |root| {
        need_schema(root, SCHEMA);
        let (version, repository) = (version(root), id(root, "repository"));
        let inherits = root.string("inherits");
        let organization = inherits.as_ref().and_then(|name| known(name, organization));
        let local = organization.map(|organization| people::local_roles(root, organization)).unwrap_or_default();
        let people = match (&inherits, organization) {
            (None, _) => Listed { all: people::people(root), are_inherited: false },
            (Some(_), Some(organization)) => {
                Listed { all: organization.people_with(&local.roles), are_inherited: true }
            }
            // That nobody is known is reported where the organization is named.
            (Some(_), None) => {
                root.has_value("people");
                Listed { all: Vec::new(), are_inherited: true }
            }
        };
        let refs = refs(root, true);
        let ai = ai(root, &people);
        let brokers = targets::brokers(root, &people);
        // An organization that enrols a key later must not make the file invalid.
        let own_people = if people.are_inherited { &[] } else { &people.all[..] };
        let roster = organization.map(Organization::roster);
        let others = Others { people: own_people, brokers: &brokers, inherited: roster };
        let (evidence, refused) = evidence::sources(root, &others);
        let inherited = organization.map(|organization| Inherited {
            organization: organization.id().to_owned(),
            version: organization.version(),
            digest: organization.digest(),
            weaker: [local.refused, refused, weaker(root, organization)].concat(),
            strangers: local.strangers,
        });
        let compartments = compartments::compartments(root, &people, &evidence);
        let freezes = limits::freezes(root, compartments.as_deref().unwrap_or_default());
        let targets = targets::targets(root, &people, &brokers, &freezes);
        let break_glass = limits::break_glass(root, &people);
        let scalars = Scalars::of(root);
        let (limits, hidden, clock) = (limits::limits(root, Limits::default()), hidden(root), team::clock(root));
        let digest = Digest::of(source.as_bytes());
        Some(Policy {
            version: version?,
            repository: repository?,
            self_review: scalars.self_review,
            expires: scalars.expires,
            author_proof: scalars.author_proof,
            refs,
            ai: ai.unwrap_or(AiRules::STRICT),
            compartments: compartments?,
            limits,
            freezes,
            owed_by: break_glass.iter().cloned().collect(),
            break_glass,
            hidden,
            roster: Roster::new(people.all),
            brokers,
            targets,
            evidence,
            clock,
            inherited,
            digest,
            whole: digest,
        })
    })?;
    Ok(match organization.filter(|_| own.inherited.is_some()) {
        Some(organization) => organization.over(own),
        None => own,
    })
}

/// Settings of the whole file. Each is read before a mistake elsewhere gives up: a key that nobody read is called
/// unknown.
struct Scalars {
    self_review: bool,
    expires: Option<i64>,
    author_proof: AuthorProof,
}

impl Scalars {
    fn of(root: &Table<'_>) -> Scalars {
        Scalars {
            self_review: root.boolean("self_review").is_some_and(|flag| flag.value),
            expires: root.time("expires").map(|time| time.value),
            author_proof: author_proof(root),
        }
    }
}

/// Reads what an organization asks of each of its repositories. Whatever the file leaves out, it does not ask for.
pub(super) fn organization(file: &str, source: &str) -> Result<Organization, FileError> {
    datafile::read(file, source, |root| {
        need_schema(root, ORGANIZATION_SCHEMA);
        let (version, id) = (version(root), id(root, "organization"));
        let stale = root.duration("stale");
        if let Some(none) = stale.as_ref().filter(|stale| stale.value < MIN_STALE) {
            none.mistake("`stale` is at least \"5m\": a copy that is older lets nothing land");
        }
        // Somebody who leaves must not make the file invalid, by which every repository judges.
        let people = Listed { all: people::people(root), are_inherited: true };
        let others = Others { people: &people.all, brokers: &[], inherited: None };
        let (evidence, _) = evidence::sources(root, &others);
        let compartments = compartments::of_organization(root, &people, &evidence);
        let ai = ai(root, &people);
        let unsaid = Limits { validity: i64::MAX, ..Limits::default() };
        let break_glass = limits::break_glass(root, &people);
        let (refs, freezes) = (refs(root, false).inherited(), limits::freezes(root, &compartments));
        let scalars = Scalars::of(root);
        let (limits, hidden, clock) = (limits::limits(root, unsaid), hidden(root), team::clock(root));
        let digest = Digest::of(source.as_bytes());
        let rules = Policy {
            version: version?,
            repository: id?,
            self_review: scalars.self_review,
            expires: scalars.expires,
            author_proof: scalars.author_proof,
            refs,
            ai: ai.unwrap_or(AiRules::NONE),
            freezes,
            compartments,
            limits,
            owed_by: break_glass.iter().cloned().collect(),
            break_glass,
            hidden,
            roster: Roster::new(people.all),
            brokers: Vec::new(),
            targets: Vec::new(),
            evidence,
            clock,
            inherited: None,
            digest,
            whole: digest,
        };
        Some(Organization::new(rules, stale.map(|stale| stale.value)))
    })
}

fn need_schema(root: &Table<'_>, wanted: &str) {
    let schema = root.need_string("schema");
    if let Some(schema) = schema.filter(|schema| schema.value != wanted) {
        schema.mistake(format!("`schema` must be \"{wanted}\"; this version reads no other"));
    }
}

fn version(root: &Table<'_>) -> Option<u64> {
    let version = root.need_number("version")?;
    if version.value == 0 {
        version.mistake("`version` counts from 1 and grows with every change of the file");
    }
    Some(version.value)
}

fn id(root: &Table<'_>, key: &str) -> Option<String> {
    let id = root.need_string(key)?;
    if !is_id(&id.value, 64) {
        id.mistake(format!("`{key}` must be an id of 2 to 64 characters a-z, 0-9, `.`, `_`, `-`"));
    }
    Some(id.value)
}

/// The organization of which a file says that it inherits.
fn known<'o>(name: &Placed<'_, String>, organization: Option<&'o Organization>) -> Option<&'o Organization> {
    let wanted = visible::text(&name.value);
    match organization {
        Some(organization) if organization.id() == name.value => return Some(organization),
        Some(other) => name.mistake(format!(
            "the policy inherits from `{wanted}`, and the organization that is known here is `{}`",
            other.id()
        )),
        None => name.mistake(format!(
            "the policy inherits from `{wanted}`, and no organization is known here: say where its repository is, \
             `git config undersign.organization DIR`, and for a gate with `--organization DIR`"
        )),
    }
    None
}

/// Where a file asks for less than its organization, so that its word has no effect.
fn weaker(root: &Table<'_>, organization: &Organization) -> Vec<Mistake> {
    let rules = organization.rules();
    let mut found = Vec::new();
    if let Some(flag) = root.boolean("self_review").filter(|flag| flag.value && !rules.self_review) {
        found.push(flag.remark("the organization lets nobody sign for themselves"));
    }
    if let Some(word) = root.string("author_proof").filter(|word| word.value == "claimed")
        && rules.author_proof == AuthorProof::Proven
    {
        found.push(word.remark("the organization asks for proof of authors: `author_proof = \"proven\"`"));
    }
    if let Some(table) = root.part_of("ai")
        && let Some(flag) = table.boolean("presume").filter(|flag| !flag.value && rules.ai.presume)
    {
        found.push(flag.remark("the organization presumes that AI was used"));
    }
    if let Some(validity) = root.part_of("limits").and_then(|table| table.duration("validity"))
        && validity.value > rules.limits.validity
    {
        found.push(validity.remark("the organization lets approvals count for less time"));
    }
    for (_, broker) in root.part_of("broker").map(|table| table.named_tables()).unwrap_or_default() {
        let Some(line) = broker.string("key") else { continue };
        let key = Key::from_openssh(&line.value).ok();
        if let Some((owner, _)) = key.and_then(|key| rules.roster.enrolment(&key)) {
            found.push(line.remark(format!("this key is that of `{}`: such a broker runs nothing", owner.id)));
        }
    }
    for pattern in root.part_of("refs").map(|table| table.strings("open")).unwrap_or_default() {
        if rules.refs.rules().iter().any(|rule| rule.pattern == pattern.value) {
            found.push(pattern.remark("the organization protects these refs"));
        }
    }
    found
}

fn hidden(root: &Table<'_>) -> Vec<Slot> {
    root.table("hidden").map(|table| compartments::slots("hidden", &table, "sign")).unwrap_or_default()
}

fn is_id(text: &str, max: usize) -> bool {
    (2..=max).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn author_proof(root: &Table<'_>) -> AuthorProof {
    match root.string("author_proof") {
        None => AuthorProof::Claimed,
        Some(word) => match word.value.as_str() {
            "claimed" => AuthorProof::Claimed,
            "proven" => AuthorProof::Proven,
            other => {
                word.mistake(format!("`author_proof` is claimed or proven, not `{other}`"));
                AuthorProof::Proven
            }
        },
    }
}

fn refs(root: &Table<'_>, must_protect: bool) -> Refs {
    let table = root.table("refs");
    let items = table.as_ref().map(|table| table.items("protected")).unwrap_or_default();
    if must_protect && items.is_empty() {
        root.mistake("the file needs [refs] with `protected = [\"refs/heads/main\"]`: a policy that protects no ref protects nothing");
    }
    let open = table.as_ref().map(|table| table.strings("open")).unwrap_or_default();
    open.iter().for_each(full_name);
    Refs {
        rules: items.iter().filter_map(ref_rule).collect(),
        open: globs(&open),
        open_patterns: open.into_iter().map(|pattern| pattern.value).collect(),
    }
}

/// `"refs/heads/main"`, or `{ match = "refs/heads/release/*", rewrite = "allow", delete = "allow" }`.
fn ref_rule(item: &Item<'_>) -> Option<RefRule> {
    let (pattern, rewrite, delete) = match item {
        Item::Text(pattern) => (pattern.clone(), false, false),
        Item::Table(table) => {
            let (rewrite, delete) = (allows(table, "rewrite"), allows(table, "delete"));
            (table.need_string("match")?, rewrite, delete)
        }
    };
    full_name(&pattern);
    let rule = RefRule::new(&pattern.value, rewrite, delete);
    rule.map_err(|error| pattern.mistake(format!("`{}` is not a pattern: {}", pattern.value, error.kind()))).ok()
}

fn allows(table: &Table<'_>, key: &str) -> bool {
    let Some(word) = table.string(key) else { return false };
    if !matches!(word.value.as_str(), "allow" | "deny") {
        word.mistake(format!("`{key}` is deny or allow, not `{}`", word.value));
    }
    word.value == "allow"
}

fn full_name(pattern: &Placed<'_, String>) {
    if let Some(why) = idle_ref(&pattern.value) {
        pattern.mistake(why);
    }
}

/// The patterns of a compartment; each mistake is reported at its line.
fn path_patterns(patterns: &[Placed<'_, String>]) -> PathPatterns {
    patterns.iter().for_each(whole_path);
    let sound = patterns.iter().filter(|pattern| match patterns::check(&pattern.value) {
        Ok(()) => true,
        Err(error) => {
            pattern.mistake(format!("`{}` is not a pattern: {}", pattern.value.escape_debug(), error.kind()));
            false
        }
    });
    PathPatterns::new(sound.map(|pattern| pattern.value.as_str())).unwrap_or_else(|_| {
        too_large(patterns);
        PathPatterns::default()
    })
}

fn whole_path(pattern: &Placed<'_, String>) {
    if let Some(why) = idle_path(&pattern.value) {
        pattern.mistake(why);
    }
}

/// Case-sensitive patterns.
fn globs(patterns: &[Placed<'_, String>]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match GlobBuilder::new(&pattern.value).literal_separator(true).build() {
            Ok(glob) => _ = set.add(glob),
            Err(error) => {
                pattern.mistake(format!("`{}` is not a pattern: {}", pattern.value.escape_debug(), error.kind()));
            }
        }
    }
    set.build().unwrap_or_else(|_| {
        too_large(patterns);
        GlobSet::empty()
    })
}

/// A set that cannot be built must not count as empty: its paths would belong to nobody.
fn too_large(patterns: &[Placed<'_, String>]) {
    if let Some(first) = patterns.first() {
        first.mistake(
            "these patterns are too large together; split the compartment, or name directories in place of files",
        );
    }
}

fn ai(root: &Table<'_>, people: &Listed) -> Option<AiRules> {
    let table = root.table("ai")?;
    let sign = table.table("sign");
    let number = |key: &str, absent: usize| match sign.as_ref().and_then(|sign| sign.number(key)) {
        Some(number) if number.value > MAX_SLOT => {
            number.mistake(format!("`{key}` asks for more than {MAX_SLOT} people"));
            absent
        }
        Some(number) => number.value as usize,
        None => absent,
    };
    let human_only_by = table.strings("human_only_by");
    let is_given =
        |role: &str| people.are_inherited || people.all.iter().any(|own| own.roles.iter().any(|r| r == role));
    for role in human_only_by.iter().filter(|role| !is_given(&role.value)) {
        role.mistake(format!("nobody in the roster has the role `{}`", role.value.escape_debug()));
    }
    Some(AiRules {
        presume: table.boolean("presume").is_none_or(|flag| flag.value),
        junior: number("junior", 1),
        mid: number("mid", 1),
        senior: number("senior", 1),
        none: number("none", 2),
        human_only_by: human_only_by.into_iter().map(|role| role.value).collect(),
    })
}
