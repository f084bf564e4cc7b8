//! `iam.widen`: a policy names someone new, or denies less than before. Compares the whole texts, so that reordering or
//! reformatting a policy is not reported.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use crate::change::diff::Side;
use crate::risk::blast::is_for_trial;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// Principals, as clouds write them.
static PRINCIPAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"["'](arn:aws:(iam|sts)::[\w${}.-]*:(root|(role|user|assumed-role)/[^"']+)|(user|group|serviceAccount):[^"'\s]*(@|\$\{)[^"'\s]*|domain:[^"'\s]+|allUsers|allAuthenticatedUsers|system:(authenticated|unauthenticated|masters))["']"#).ok()
});
/// Names for the account in which the policy is applied.
const OWN: &[&str] = &["caller_identity", "AWS::AccountId"];
static DENY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)["']?effect["']?\s*[:=]\s*["']?deny\b"#).ok());
const ENDINGS: &[&str] = &["tf", "json", "yaml", "yml", "hcl", "bicep", "jsonnet", "rego"];

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    let about = path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    if !about || is_for_trial(&path) || file.old.is_none() || file.new.is_none() {
        return Vec::new();
    }
    let mut found: Vec<Finding> = denies_less(file, rules).into_iter().collect();
    let added = file.added();
    if added.iter().any(|(_, line)| principals(line).next().is_some()) {
        let old = String::from_utf8_lossy(file.old_text());
        let known: BTreeSet<&str> = principals(&old).collect();
        // A condition on who calls narrows what a statement says.
        let is_condition =
            |line: &str| ["aws:Principal", "aws:Source", "aws:userid"].iter().any(|key| line.contains(key));
        let added = added.iter().filter(|(_, line)| !is_condition(line));
        let new = added.filter(|(_, line)| principals(line).any(|name| !known.contains(name)));
        let say = |(number, line): &(u32, String)| {
            let found = rules.of_check("iam.widen", file, Side::New, *number, line)?;
            let most = if is_role_to_use(line) { Severity::Medium } else { Severity::Critical };
            Some(Finding { severity: found.severity.min(most), ..found })
        };
        found.extend(new.filter_map(say));
    }
    found
}

/// Whether a line says as whom something acts, or what a variable is by default: whom it lets in is said elsewhere.
fn is_role_to_use(line: &str) -> bool {
    let key = line.split([':', '=']).next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let key = key.replace('-', "_");
    matches!(key.as_str(), "default" | "role_to_assume" | "assume_role" | "rolearn") || key.ends_with("role_arn")
}

fn denies_less(file: &FileUnderReview<'_>, rules: &Rules) -> Option<Finding> {
    // If the format is read for facts, a rule over its statements reports it.
    let deny = DENY.as_ref().filter(|_| file.stated(Side::Old).is_none())?;
    let removed = file.removed();
    let (number, line) = removed.iter().find(|(_, line)| deny.is_match(line))?;
    let count = |lines: &[(u32, String)]| lines.iter().filter(|(_, line)| deny.is_match(line)).count();
    (count(removed) > count(file.added())).then(|| rules.of_check("iam.widen", file, Side::Old, *number, line))?
}

fn principals(text: &str) -> impl Iterator<Item = &str> {
    // A key's policy names its own account, since otherwise nobody could repair it.
    let is_own = |name: &&str| name.contains(":root") && OWN.iter().any(|own| name.contains(own));
    let named = PRINCIPAL.as_ref().into_iter().flat_map(|regex| regex.find_iter(text)).map(|name| name.as_str());
    named.filter(move |name| !is_own(name))
}
