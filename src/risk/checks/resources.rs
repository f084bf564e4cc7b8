//! `destr.resource-removed` and `destr.recreate`: a Terraform resource is gone, or an attribute that forces replacement
//! changed, so that applying deletes what is there and creates it anew.

use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules};

/// Attributes whose change replaces the resource with nearly every provider.
const REPLACING: &[&str] = &[
    "name",
    "identifier",
    "bucket",
    "cluster_identifier",
    "db_name",
    "availability_zone",
    "location",
    "cidr_block",
    "engine",
];

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    if !file.path().ends_with(".tf") {
        return Vec::new();
    }
    let (removed, added) = (file.removed(), file.added());
    if file.new.is_none() {
        // One finding for a file that is gone, however many resources were in it: they share one answer.
        let gone = removed.iter().filter(|(_, line)| is_resource(line)).count();
        let evidence = format!("{gone} resources were in this file");
        let finding = rules.of_check("destr.resource-removed", file, Side::Old, 0, &evidence).filter(|_| gone > 0);
        return finding.into_iter().collect();
    }
    let moved = added.iter().any(|(_, line)| line.trim_start().starts_with("moved {"));
    let mut found = Vec::new();
    for (number, line) in &removed {
        if is_resource(line) {
            let kept = added.iter().any(|(_, new)| new.trim() == line.trim()) || moved;
            if !kept {
                found.extend(rules.of_check("destr.resource-removed", file, Side::Old, *number, line));
            }
        } else if let Some((key, value)) = attribute(line).filter(|(key, _)| REPLACING.contains(key)) {
            let renamed = added.iter().find(|(_, new)| attribute(new).is_some_and(|(k, v)| k == key && v != value));
            if let Some((at, new)) = renamed {
                found.extend(rules.of_check("destr.recreate", file, Side::New, *at, new));
            }
        }
    }
    found
}

fn is_resource(line: &str) -> bool {
    line.trim_start().starts_with("resource \"") && line.contains('{')
}

fn attribute(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    (value.starts_with('"') && line.starts_with([' ', '\t'])).then_some((key, value))
}
