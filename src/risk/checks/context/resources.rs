//! Resources, policies and tables that a finding is about.

use super::guards::parts_of;
use super::{MAX_BLOCK, MAX_TRIED};
use crate::change::diff::Side;
use crate::risk::FileUnderReview;
use crate::risk::facts::{Delta, Fact, Kind, Value};

/// Whether a setting of a filter is about what goes out: its block says so beside it.
pub(in crate::risk::checks) fn is_outward(delta: &Delta, file: &FileUnderReview<'_>) -> bool {
    let fact = delta.fact();
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    let says_so = |other: &&Fact| {
        matches!(other.name(), "type" | "direction" | "Direction" | "traffic_direction")
            && other.parent() == fact.parent()
            && matches!(other.value.say().to_ascii_lowercase().as_str(), "egress" | "outbound")
    };
    fact.kind == Kind::Setting && facts.iter().filter(says_so).take(1).count() > 0
}

/// Whether a setting came with the whole resource.
pub(super) fn is_of_new_resource(new: &Fact, deltas: &[Delta]) -> bool {
    let is_resource = |own: &Fact| {
        own.kind == Kind::Block
            && ["resource.", "module."].iter().any(|of| own.object.starts_with(of))
            && new.object.strip_prefix(&own.object).is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    matches!(new.kind, Kind::Setting | Kind::Block)
        && deltas.iter().take(MAX_TRIED).any(|delta| matches!(delta, Delta::Came(own) if is_resource(own)))
}

/// Whether a policy of a network that is gone let something in, where without any policy all may come, and others of
/// its file are left to refuse the rest.
pub(super) fn is_one_of_permissions(fact: &Fact, file: &FileUnderReview<'_>, deltas: &[Delta]) -> bool {
    let is_policy = |own: &Fact| own.kind == Kind::Block && own.parent() == "NetworkPolicy";
    let lets_in = |delta: &Delta| {
        let is_part =
            |own: &Fact| own.object.strip_prefix(&fact.object).is_some_and(|rest| rest.starts_with(".spec.ingress["));
        matches!(delta, Delta::Went { fact: own, .. } if is_part(own))
    };
    let is_left = |own: &Fact| own.object.starts_with("NetworkPolicy.") && !own.object.starts_with(&fact.object);
    let facts = file.stated(Side::New).map_or(&[][..], |stated| &stated.facts);
    is_policy(fact) && facts.iter().any(is_left) && deltas.iter().take(MAX_TRIED).any(lets_in)
}

/// Whether a step of a migration stands in the list of those that change only what models know of the tables, and not
/// the tables.
pub(super) fn is_of_models_only(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let first = *fact.lines.start();
    let mut least = indent(&file.line(Side::New, first));
    let is_call = fact.kind == Kind::Call && file.path().ends_with(".py");
    is_call
        && (first.saturating_sub(MAX_BLOCK).max(1)..first).rev().map(|line| file.line(Side::New, line)).any(|text| {
            let is_outer = !text.trim().is_empty() && indent(&text) < least;
            least = if is_outer { indent(&text) } else { least };
            is_outer && text.trim_start().starts_with("state_operations")
        })
}

/// Whether a statement of SQL is about a constraint, or what is computed from tables: it can be made again.
pub(super) fn holds_no_data(fact: &Fact) -> bool {
    const WORDS: &[&str] = &["CONSTRAINT", "TRIGGER", "FUNCTION", "VIEW", "PROCEDURE", "CHECK", "INDEX", "FOREIGN"];
    const ACTS: &[&str] = &["DROP", "DISABLE", "CREATE"];
    let words: Vec<String> = fact.object.split_whitespace().map(str::to_ascii_uppercase).collect();
    let acts = |word: &String| ACTS.contains(&word.as_str());
    let is_of_these = |word: &String| WORDS.contains(&word.as_str());
    // How a table is kept, and not what is in it: `MODIFY ORDER BY`, `MODIFY TTL`.
    let of_keeping = |pair: &[String]| pair[0] == "MODIFY" && ["ORDER", "TTL", "SETTING"].contains(&pair[1].as_str());
    if words.windows(2).any(of_keeping) || words.ends_with(&["ORDER".to_owned()]) {
        return true;
    }
    let place = words.iter().position(acts).map_or(words.len(), |at| at + 1);
    words.iter().skip(place).take(3).any(is_of_these)
}

/// Whether a text that drops a table makes it as well, as the dump of a schema does.
pub(super) fn is_made_again(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let words: Vec<&str> = fact.object.split_whitespace().collect();
    let Some(name) = words.last().filter(|_| words.len() > 2 && words[0].eq_ignore_ascii_case("DROP")) else {
        return false;
    };
    let makes = |line: &str| line.trim_start().starts_with("CREATE TABLE") && line.contains(name);
    file.decoded(Side::New).lines().any(makes)
}

/// Words that begin the names of what empties something.
const EMPTYING: &[&str] = &["cleanup", "clear", "flush", "prune", "purge"];

/// Words of names that say that only some are meant.
const SOME: &[&str] = &["expired", "inactive", "old", "older", "orphaned", "orphans", "outdated", "stale", "unused"];

/// Whether rows are deleted where the name of the function, the command or its type says so: nobody calls it for
/// something else. A migration runs by itself, what drops a table leaves none to be filled again, and what deleted some
/// rows before, or says so, is not expected to delete all.
pub(super) fn is_for_emptying(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    const OF_COMMANDS: &[&str] = &["command", "commands", "cmd", "console", "tasks"];
    const OF_CHOICE: &[&str] = &["delete", "exclude", "filter", "truncate", "where"];
    let path = file.path();
    let lower = path.to_ascii_lowercase();
    let is_delete = ["DELETE ", "TRUNCATE "].iter().any(|act| fact.object.starts_with(act));
    let says_so = |name: &str| {
        let parts = parts_of(name);
        let is_of_all = !parts.iter().any(|word| SOME.contains(&word.as_str()));
        let is_cleaned_up =
            parts.first().is_some_and(|word| word == "clean") && parts.get(1).is_some_and(|word| word == "up");
        is_of_all && (is_cleaned_up || parts.first().is_some_and(|word| EMPTYING.contains(&word.as_str())))
    };
    let mut folders: Vec<&str> = lower.split('/').collect();
    folders.pop();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let stem = name.split('.').next().unwrap_or(name).replace('-', "_");
    let is_command = folders.iter().any(|folder| OF_COMMANDS.contains(folder)) && says_so(&stem);
    let is_migration = lower.contains("migrat") || lower.ends_with(".sql");
    let said_which = |(_, line): &(u32, String)| {
        let lower = line.to_ascii_lowercase();
        OF_CHOICE.iter().any(|word| lower.contains(word))
    };
    let is_new = !file.removed().iter().take(MAX_TRIED).any(said_which);
    is_delete && is_new && !is_migration && (is_command || fact.scope.split('.').any(says_so))
}

/// Whether a container that is given some rights of its host had all of them before.
pub(super) fn was_privileged(fact: &Fact, deltas: &[Delta]) -> bool {
    let Some((container, _)) = fact.object.split_once("securityContext.") else { return false };
    let had_all = |delta: &Delta| match delta {
        Delta::Went { fact: old, .. } | Delta::Changed { old, .. } => {
            old.value == Value::Bool(true)
                && old.object.strip_prefix(container).is_some_and(|rest| rest == "securityContext.privileged")
        }
        Delta::Came(_) => false,
    };
    deltas.iter().take(MAX_TRIED).any(had_all)
}

/// Whether a rule of a firewall for the web that is gone let something pass, or listed what only such a rule named.
pub(super) fn let_pass(fact: &Fact, deltas: &[Delta]) -> bool {
    let went = || {
        deltas
            .iter()
            .take(MAX_TRIED)
            .filter_map(|delta| if let Delta::Went { fact, .. } = delta { Some(fact) } else { None })
    };
    let allows = |rule: &str| {
        went().any(|own| own.object.strip_prefix(rule).is_some_and(|rest| rest.starts_with(".action.allow")))
    };
    let rule_of = |own: &Fact| {
        let at = own.object.find(".rule[")?;
        let end = own.object[at..].find(']')? + at + 1;
        Some(own.object[..end].to_owned())
    };
    if let Some(rule) = rule_of(fact) {
        return allows(&rule);
    }
    let Some(set) =
        fact.object.strip_prefix("resource.").filter(|set| set.contains("_ipset.") || set.contains("_ip_set."))
    else {
        return false;
    };
    let mut users = went().filter(|own| own.value.say().contains(set)).peekable();
    users.peek().is_some() && users.all(|own| rule_of(own).is_some_and(|rule| allows(&rule)))
}

/// Whether a firewall for the web is no longer attached by a resource of its own, and what it guards names one since.
pub(super) fn is_named_by_other(fact: &Fact, deltas: &[Delta]) -> bool {
    let names_it =
        |delta: &Delta| matches!(delta, Delta::Came(own) if own.name() == "web_acl_id" && !own.value.say().is_empty());
    fact.object.contains("_web_acl_association.") && deltas.iter().take(MAX_TRIED).any(names_it)
}

/// Whether a text makes the table that it renames, as one is rebuilt: `ALTER TABLE a_new RENAME TO a`, or, before it is
/// made anew, `ALTER TABLE a RENAME TO a_old`.
pub(super) fn is_made_anew(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let upper = fact.object.to_ascii_uppercase();
    let Some(at) = upper.find(" RENAME TO ").filter(|_| upper.starts_with("ALTER TABLE ")) else { return false };
    let Some(name) = fact.object.get("ALTER TABLE ".len()..at).map(bare_name) else { return false };
    let makes = |line: &str| {
        let upper = line.trim_start().to_ascii_uppercase();
        let rest = upper.strip_prefix("CREATE TABLE ").map(|rest| rest.trim_start_matches("IF NOT EXISTS "));
        rest.is_some_and(|rest| rest.split(['(', ' ']).next().map(bare_name) == Some(name.clone()))
    };
    !name.is_empty() && file.decoded(Side::New).lines().take(MAX_TRIED).any(makes)
}

fn bare_name(name: &str) -> String {
    name.trim().trim_matches(['"', '`', '[', ']']).to_ascii_uppercase()
}

/// Whether a statement of a policy allows only all acts of one service, on resources that it names, or of a service by
/// which nobody gets further.
pub(super) fn is_narrow(fact: &Fact) -> bool {
    const FAR: &[&str] = &["dynamodb", "ec2", "iam", "lambda", "organizations", "rds", "s3", "secretsmanager", "sts"];
    let items = |key: &str| -> Vec<String> {
        let starts = [format!("{key}=["), format!("{key}s=[")];
        let rest = starts.iter().find_map(|start| fact.text.split_once(start.as_str())).map(|(_, rest)| rest);
        let list = rest.and_then(|rest| rest.split_once(']')).map_or("", |(list, _)| list);
        let bare = list.split([',', ' ', ';']).map(|item| item.trim_matches(['"', '\'']).to_ascii_lowercase());
        bare.filter(|item| !item.is_empty()).collect()
    };
    let (acts, on) = (items("Action"), items("Resource"));
    let is_far = |act: &String| act.strip_suffix(":*").is_some_and(|service| FAR.contains(&service));
    let is_of_all = on.iter().any(|item| item == "*");
    // `*` and `*:*` are all services, and `ia*:*` may be any.
    let is_star = acts.iter().any(|act| act.split_once(':').is_none_or(|(service, _)| service.contains('*')));
    let is_far_for_all = is_of_all && acts.iter().any(is_far);
    fact.kind == Kind::Block
        && !acts.is_empty()
        && !is_star
        && !is_far_for_all
        && !fact.text.contains("Principal")
        && !["NotAction", "NotResource"].iter().any(|word| fact.text.contains(word))
}

/// Whether an address is one of a list of a subnet, which others narrow, or what a module takes if nobody says more.
pub(super) fn is_default_or_list_of_subnet(fact: &Fact) -> bool {
    let object = fact.object.to_ascii_lowercase();
    object.starts_with("variable.") || object.contains("network_acl") || object.contains("networkacl")
}

/// Whether a template has a line only under a condition, which the line before it begins.
pub(super) fn is_conditional(fact: &Fact, file: &FileUnderReview<'_>) -> bool {
    let first = file.changed(Side::New).first_in(&fact.lines).unwrap_or(*fact.lines.start());
    let before = file.line(Side::New, first.saturating_sub(1));
    before.contains("{{") && before.contains("if ") || before.trim_start().starts_with("{% if ")
}
