//! `destr.resource-removed` and `destr.recreate`: a Terraform resource is gone, or an attribute that forces replacement
//! changed, so that applying deletes the resource and creates it again.

use std::collections::{BTreeMap, BTreeSet};

use super::hcl::{self, Address, Resource};
use crate::change::diff::{Location, Side};
use crate::risk::blast::is_for_trial;
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
/// Words in the types of resources with data, names or whole environments, which re-creating does not restore.
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
/// Types that only attach, allow or describe something stateful: re-created in an instant.
const ATTACHING: &[&str] = &[
    "acl",
    "association",
    "attachment",
    "binding",
    "capacity",
    "configuration",
    "controls",
    "cors",
    "iam",
    "lifecycle",
    "logging",
    "member",
    "notification",
    "option",
    "ownership",
    "parameter",
    "policy",
    "profile",
    "record",
    "role",
    "rule",
    "subscription",
    "versioning",
];

/// Resources that are no longer in any file of their directory, and where the change has them now.
#[derive(Default)]
pub(super) struct Moved {
    gone: Vec<Gone>,
    /// By address: the directories that it is in now.
    homes: BTreeMap<Address, BTreeSet<String>>,
    /// A `moved` or `removed` block says that the state is moved or kept: the author considered it.
    said: bool,
}

/// Resources that a file no longer has.
struct Gone {
    directory: String,
    /// The file itself is deleted too.
    with_file: bool,
    resources: Vec<(Address, Finding)>,
}

impl Moved {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let path = file.path();
        if !path.ends_with(".tf") || is_for_trial(&path) {
            return Vec::new();
        }
        let (old, new) = (hcl::resources(file.old_text()), hcl::resources(file.new_text()));
        self.said |= file.added().iter().any(|(_, line)| line.starts_with("moved {") || line.starts_with("removed {"));
        for address in new.keys() {
            self.homes.entry(address.clone()).or_default().insert(directory(&path).to_owned());
        }
        let (mut found, mut resources) = (Vec::new(), Vec::new());
        for (address, before) in old {
            match new.get(&address) {
                Some(after) => found.extend(recreated(file, &address.0, &before, after, rules)),
                None => {
                    let said = rules.of_check("destr.resource-removed", file, Side::Old, before.line, &before.header);
                    resources.extend(said.map(|finding| (address, finding)));
                }
            }
        }
        self.gone.push(Gone { directory: directory(&path).to_owned(), with_file: file.new.is_none(), resources });
        found
    }

    pub fn finish(self) -> Vec<Finding> {
        let Moved { gone, homes, said } = self;
        if said {
            return Vec::new();
        }
        let of_file = |gone: Gone| {
            let removed = |(address, finding)| removed(homes.get(&address), &gone.directory, &address.0, finding);
            let found: Vec<_> = gone.resources.into_iter().filter_map(removed).collect();
            if gone.with_file { as_one(found, &gone.directory) } else { found }
        };
        gone.into_iter().flat_map(of_file).collect()
    }
}

/// One finding for a deleted file, however many resources were in it: they share one answer.
fn as_one(gone: Vec<Finding>, directory: &str) -> Vec<Finding> {
    let evidence = format!("{} resources were in this file", gone.len());
    let worst = gone.into_iter().max_by_key(|finding| finding.severity);
    let whole = |finding: Finding| Location { line: 0, ..finding.location };
    // What a module no longer has is taken away by whoever uses it, with the next version.
    let most = if directory.split('/').any(|part| part == "modules") { Severity::Medium } else { Severity::Critical };
    let said = worst.map(|f| Finding { evidence, location: whole(f.clone()), severity: f.severity.min(most), ..f });
    said.into_iter().collect()
}

/// Applying deletes it. If it is elsewhere in the directory, it only moved; in another directory it may belong to
/// another state.
fn removed(homes: Option<&BTreeSet<String>>, directory: &str, kind: &str, finding: Finding) -> Option<Finding> {
    if homes.is_some_and(|homes| homes.contains(directory)) {
        return None;
    }
    let severity = if is_stateful(kind) && homes.is_none() { finding.severity } else { Severity::Medium };
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
        // Only literals are known to differ: `var.name` instead of "x" may have the same value.
        let literal = old.starts_with('"') && new.starts_with('"') && !old.contains("${") && !new.contains("${");
        (literal && old != new).then(|| (*line, format!("{key} = {new}")))
    });
    let (line, evidence) = changed?;
    let finding = rules.of_check("destr.recreate", file, Side::New, line, &evidence)?;
    let severity = if is_stateful(kind) { finding.severity } else { Severity::Medium };
    Some(Finding { severity, ..finding })
}

pub(super) fn is_stateful(kind: &str) -> bool {
    let has = |words: &[&str]| kind.split('_').any(|word| words.contains(&word));
    has(STATEFUL) && !has(ATTACHING)
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
