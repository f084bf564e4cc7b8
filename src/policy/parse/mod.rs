//! `policy.toml` → [`Policy`], or every mistake in it at its line.

mod compartments;
mod limits;
pub(super) mod people;
mod targets;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::patterns::{self, PathPatterns, idle_path, idle_ref};
use super::{AiRules, AuthorProof, Person, Policy, RefRule, Refs, Roster};
use crate::change::digest::Digest;
use crate::datafile::{self, FileError, Item, Placed, Table};
use compartments::MAX_SLOT;

pub(super) const SCHEMA: &str = "undersign-policy/v1";

pub(super) fn parse(file: &str, source: &str) -> Result<Policy, FileError> {
    let digest = Digest::of(source.as_bytes());
    datafile::read(file, source, |root| {
        let schema = root.need_string("schema");
        if let Some(schema) = schema.filter(|schema| schema.value != SCHEMA) {
            schema.mistake(format!("`schema` must be \"{SCHEMA}\"; this version reads no other"));
        }
        let version = root.need_number("version");
        if let Some(zero) = version.as_ref().filter(|version| version.value == 0) {
            zero.mistake("`version` counts from 1 and grows with every change of the policy");
        }
        let repository = root.need_string("repository");
        if let Some(empty) = repository.as_ref().filter(|id| !is_id(&id.value, 64)) {
            empty.mistake("`repository` must be an id of 2 to 64 characters a-z, 0-9, `.`, `_`, `-`");
        }
        let self_review = root.boolean("self_review").is_some_and(|flag| flag.value);
        let (expires, author_proof) = (root.time("expires").map(|time| time.value), author_proof(root));
        let people = people::people(root);
        let refs = refs(root);
        let ai = ai(root, &people);
        let compartments = compartments::compartments(root, &people);
        let freezes = limits::freezes(root, compartments.as_deref().unwrap_or_default());
        let limits = limits::limits(root);
        let break_glass = limits::break_glass(root, &people);
        let hidden =
            root.table("hidden").map(|table| compartments::slots("hidden", &table, "sign")).unwrap_or_default();
        let brokers = targets::brokers(root, &people);
        let targets = targets::targets(root, &people, &brokers, &freezes);
        Some(Policy {
            version: version?.value,
            repository: repository?.value,
            self_review,
            expires,
            author_proof,
            roster: Roster::new(people),
            refs,
            ai,
            compartments: compartments?,
            limits,
            freezes,
            break_glass,
            hidden,
            brokers,
            targets,
            digest,
        })
    })
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

fn refs(root: &Table<'_>) -> Refs {
    let table = root.table("refs");
    let items = table.as_ref().map(|table| table.items("protected")).unwrap_or_default();
    if items.is_empty() {
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
    rule.map_err(|error| pattern.mistake(format!("`{}` is no pattern: {}", pattern.value, error.kind()))).ok()
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
            pattern.mistake(format!("`{}` is no pattern: {}", pattern.value.escape_debug(), error.kind()));
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
                pattern.mistake(format!("`{}` is no pattern: {}", pattern.value.escape_debug(), error.kind()));
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
        first
            .mistake("these patterns are too large together; split the compartment, or name folders in place of files");
    }
}

fn ai(root: &Table<'_>, people: &[Person]) -> AiRules {
    let Some(table) = root.table("ai") else {
        // Absent means the strict default: presumed, one outside senior, two if no known person wrote it.
        return AiRules { presume: true, junior: 1, mid: 1, senior: 1, none: 2, human_only_by: Vec::new() };
    };
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
    for role in human_only_by.iter().filter(|role| !people.iter().any(|person| person.roles.contains(&role.value))) {
        role.mistake(format!("nobody in the roster has the role `{}`", role.value.escape_debug()));
    }
    AiRules {
        presume: table.boolean("presume").is_none_or(|flag| flag.value),
        junior: number("junior", 1),
        mid: number("mid", 1),
        senior: number("senior", 1),
        none: number("none", 2),
        human_only_by: human_only_by.into_iter().map(|role| role.value).collect(),
    }
}
