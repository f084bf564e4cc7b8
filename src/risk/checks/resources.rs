//! `destr.resource-removed` and `destr.recreate`: a Terraform resource is gone, or an attribute that forces replacement
//! changed, so that applying deletes what is there and creates it anew.

use super::hcl::{self, Resource, Resources};
use crate::change::diff::{Location, Side};
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// Attributes whose change replaces the resource with nearly every provider.
const REPLACING: &[&str] = &[
    "name",
    "identifier",
    "bucket",
    "cluster_identifier",
    "cluster_name",
    "db_name",
    "availability_zone",
    "location",
    "region",
    "cidr_block",
    "engine",
    "project_id",
];
/// Words of a resource type that holds data, names or whole environments: what recreating does not bring back.
const STATEFUL: &[&str] = &[
    "db",
    "rds",
    "database",
    "sql",
    "bucket",
    "environment",
    "cluster",
    "disk",
    "volume",
    "table",
    "vault",
    "kms",
    "zone",
    "namespace",
    "project",
    "vpc",
    "storage",
    "redis",
    "elasticache",
    "dynamodb",
    "instance",
    "efs",
    "ebs",
    "queue",
    "sqs",
    "pool",
    "registry",
];
/// Types that only attach, allow or describe something stateful: recreated in an instant.
const ATTACHING: &[&str] =
    &["attachment", "association", "policy", "rule", "role", "configuration", "record", "profile", "subscription"];

pub(super) fn check(files: &[FileUnderReview<'_>], rules: &Rules) -> Vec<Finding> {
    let is_code = |file: &&FileUnderReview<'_>| {
        file.path().ends_with(".tf") && !is_test(&file.path()) && !is_sample(&file.path())
    };
    let sides: Vec<_> = files
        .iter()
        .filter(is_code)
        .map(|file| (file, hcl::resources(file.old_text()), hcl::resources(file.new_text())))
        .collect();
    // A `moved` or `removed` block says that the state follows, or is kept: the author thought of it.
    let said = sides.iter().any(|(file, ..)| {
        file.added().iter().any(|(_, line)| line.starts_with("moved {") || line.starts_with("removed {"))
    });
    let mut found = Vec::new();
    for (file, old, new) in &sides {
        let mut gone = Vec::new();
        for (address, before) in old {
            match new.get(address) {
                Some(after) => found.extend(recreated(file, &address.0, before, after, rules)),
                None if said => {}
                None => gone.extend(removed(file, address, before, &sides, rules)),
            }
        }
        found.extend(if file.new.is_none() { as_one(gone) } else { gone });
    }
    found
}

/// One finding for a file that is gone, however many resources were in it: they share one answer.
fn as_one(gone: Vec<Finding>) -> Vec<Finding> {
    let evidence = format!("{} resources were in this file", gone.len());
    let worst = gone.into_iter().max_by_key(|finding| finding.severity);
    let whole = |finding: Finding| Location { line: 0, ..finding.location };
    worst.map(|f| Finding { evidence, location: whole(f.clone()), ..f }).into_iter().collect()
}

/// Applying deletes it. Elsewhere in the directory it is only moved; in another one it may belong to another state.
fn removed(
    file: &FileUnderReview<'_>,
    address: &(String, String),
    before: &Resource,
    sides: &[(&FileUnderReview<'_>, Resources, Resources)],
    rules: &Rules,
) -> Option<Finding> {
    let homes: Vec<_> = sides.iter().filter(|(_, _, new)| new.contains_key(address)).collect();
    if homes.iter().any(|(home, ..)| directory(&home.path()) == directory(&file.path())) {
        return None;
    }
    let finding = rules.of_check("destr.resource-removed", file, Side::Old, before.line, &before.header)?;
    let severity = if is_stateful(&address.0) && homes.is_empty() { finding.severity } else { Severity::Medium };
    Some(Finding { severity, ..finding })
}

fn recreated(
    file: &FileUnderReview<'_>,
    kind: &str,
    before: &Resource,
    after: &Resource,
    rules: &Rules,
) -> Option<Finding> {
    let changed = REPLACING.iter().find_map(|key| {
        let ((old, _), (new, line)) = (before.attributes.get(*key)?, after.attributes.get(*key)?);
        // Only a literal is known to differ: `var.name` for "x" may well be the same.
        let literal = old.starts_with('"') && new.starts_with('"') && !old.contains("${") && !new.contains("${");
        (literal && old != new).then(|| (*line, format!("{key} = {new}")))
    });
    let (line, evidence) = changed?;
    let finding = rules.of_check("destr.recreate", file, Side::New, line, &evidence)?;
    let severity = if is_stateful(kind) { finding.severity } else { Severity::Medium };
    Some(Finding { severity, ..finding })
}

fn is_stateful(kind: &str) -> bool {
    let has = |words: &[&str]| kind.split('_').any(|word| words.contains(&word));
    has(STATEFUL) && !has(ATTACHING)
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
