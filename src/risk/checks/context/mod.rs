//! What stands around a fact and makes a finding about it say less: what it guarded is gone as well, its place said the
//! same before, another check took its place.

mod calls;
mod delivery;
mod guards;
mod resources;
mod surroundings;
mod values;

use crate::risk::facts::{Delta, Fact, Kind, Value};
use crate::risk::rules::FactRule;
use crate::risk::{FileUnderReview, Finding, Severity, is_code};
use Severity::{Low, Medium};
pub(super) use resources::is_outward;

/// How many facts, or lines of a file, are looked at for one.
const MAX_TRIED: usize = 4_000;
/// The most lines of the block around a guard.
const MAX_BLOCK: u32 = 200;

/// What a change did to a fact, the rule that reports it, and what stands around it.
struct Around<'a> {
    rule: &'a FactRule,
    delta: &'a Delta,
    file: &'a FileUnderReview<'a>,
    deltas: &'a [Delta],
}

impl Around<'_> {
    fn id(&self) -> &str {
        &self.rule.wording.id
    }

    /// The fact that came.
    fn came(&self) -> Option<&Fact> {
        if let Delta::Came(fact) = self.delta { Some(fact) } else { None }
    }

    /// The fact that is there since, whether it came or was another one before.
    fn now(&self) -> Option<&Fact> {
        match self.delta {
            Delta::Came(fact) | Delta::Changed { new: fact, .. } => Some(fact),
            Delta::Went { .. } => None,
        }
    }

    /// The fact that is gone.
    fn went(&self) -> Option<&Fact> {
        if let Delta::Went { fact, .. } = self.delta { Some(fact) } else { None }
    }

    /// The fact that is gone, of a rule about who may do something.
    fn check(&self) -> Option<&Fact> {
        self.went().filter(|_| self.rule.is_of_access())
    }

    /// A fact before and after.
    fn changed(&self) -> Option<(&Fact, &Fact)> {
        if let Delta::Changed { old, new } = self.delta { Some((old, new)) } else { None }
    }
}

/// What a finding is at most where something stands around its fact, and the words for it.
struct Grade {
    most: Severity,
    how: &'static str,
    holds: fn(&Around<'_>) -> bool,
}

const fn grade(most: Severity, how: &'static str, holds: fn(&Around<'_>) -> bool) -> Grade {
    Grade { most, how, holds }
}

/// The first that holds counts.
const GRADES: &[Grade] = &[
    grade(Medium, "it was so before", |a| {
        a.rule.is_of_presence() && a.came().is_some_and(|fact| calls::was_there(a.rule, fact, a.deltas))
    }),
    grade(Medium, "it was so before", |a| {
        let is_as_before = |(old, new): (&Fact, &Fact)| a.rule.looks_for(old) && calls::is_as_before(old, new);
        a.rule.is_of_presence() && a.changed().is_some_and(is_as_before)
    }),
    grade(Low, "it was only handed on", |a| a.went().is_some_and(values::is_handed_on)),
    grade(Medium, "it let something in, and others of its kind are left", |a| {
        a.went().is_some_and(|fact| resources::is_one_of_permissions(fact, a.file, a.deltas))
    }),
    grade(Medium, "it is for a test environment", |a| delivery::is_of_rehearsal(a.delta.fact(), a.file)),
    grade(Low, "it is made again", |a| {
        a.id() == "destr.rm-rf" && a.came().is_some_and(|new| calls::is_made_after(new, a.file))
    }),
    grade(Low, "another condition has the rest", |a| {
        a.rule.is_of_access() && a.changed().is_some_and(|(old, new)| guards::is_split(old, new, a.deltas))
    }),
    grade(Medium, "it asked for a feature flag", |a| a.check().is_some_and(guards::is_of_feature)),
    grade(Medium, "its result is asked for since", |a| {
        a.check().is_some_and(|fact| guards::is_asked_later(fact, a.file, a.deltas))
    }),
    grade(Low, "its task is gone with it", |a| {
        a.went().is_some_and(|fact| delivery::is_of_task_that_is_gone(fact, a.file))
    }),
    grade(Medium, "it was so before", |a| {
        a.changed().is_some_and(|(old, new)| a.rule.looks_for(old) && values::is_as_wide(old, new))
    }),
    grade(Medium, "the file has it so elsewhere", |a| {
        a.id().starts_with("flag.") && a.changed().is_some_and(|(old, new)| values::is_so_beside(old, new, a.file))
    }),
    grade(Low, "the resource is new", |a| {
        matches!(a.id(), "destr.backup-off" | "destr.expiry")
            && a.came().is_some_and(|new| resources::is_of_new_resource(new, a.deltas))
    }),
    grade(Medium, "the step is new", |a| a.came().is_some_and(|new| delivery::is_of_new_step(new, a.deltas))),
    grade(Low, "only what models know changes", |a| {
        a.came().is_some_and(|fact| resources::is_of_models_only(fact, a.file))
    }),
    grade(Low, "it is a text of the program", |a| {
        a.id() == "inj.html" && a.now().is_some_and(|fact| values::is_from_a_file(fact, a.file))
    }),
    grade(Low, "it is a pattern that is looked for", |a| {
        a.id() == "inj.shell" && a.now().is_some_and(|fact| calls::is_of_pattern(fact, a.file))
    }),
    grade(Low, "it is a question, and lets nobody in", |a| {
        a.id() == "auth.open-to-all" && a.now().is_some_and(|fact| calls::is_asked(fact, a.file))
    }),
    grade(Medium, "emptying is what it is called after", |a| {
        a.id() == "destr.sql" && a.came().is_some_and(|fact| resources::is_for_emptying(fact, a.file))
    }),
    grade(Medium, "it had all of these rights before", |a| {
        a.id() == "container.host" && a.came().is_some_and(|fact| resources::was_privileged(fact, a.deltas))
    }),
    grade(Medium, "it let something pass", |a| {
        a.id() == "net.filter-lost" && a.went().is_some_and(|fact| resources::let_pass(fact, a.deltas))
    }),
    grade(Medium, "what it was attached to names it itself", |a| {
        a.id() == "net.filter-lost" && a.went().is_some_and(|fact| resources::is_named_by_other(fact, a.deltas))
    }),
    grade(Medium, "what it renames is made in the same steps", |a| {
        a.id() == "mig.sql-breaks" && a.came().is_some_and(|fact| resources::is_made_anew(fact, a.file))
    }),
    grade(Medium, "without an end it may be kept for ever", |a| {
        let is_zero = |(_, new): (&Fact, &Fact)| new.name().to_ascii_lowercase().contains("expir") && is_nothing(new);
        a.id() == "ops.retention" && is_code(&a.file.path()) && a.changed().is_some_and(is_zero)
    }),
    grade(Medium, "it held one statement", |a| {
        a.id() == "conc.transaction-lost" && a.went().is_some_and(|fact| calls::held_one_call(fact, a.file))
    }),
    grade(Medium, "it runs where the program is built", |a| {
        a.id() == "inj.shell" && a.now().is_some() && delivery::is_of_build(&a.file.path())
    }),
    grade(Low, "it was not set", |a| a.went().is_some_and(values::is_unset)),
    grade(Medium, "another call of it is left there", |a| {
        a.id() == "conc.join-lost" && a.went().is_some_and(|fact| calls::is_called_still(fact, a.file))
    }),
    grade(Medium, "it was computed here", |a| {
        a.id() == "tls.lost" && a.went().is_some_and(|fact| values::is_of_call(fact, a.file))
    }),
    grade(Medium, "it was only handed on", |a| a.went().is_some_and(|fact| values::is_passed_on(fact, a.file))),
    grade(Medium, "it was computed here", |a| a.went().is_some_and(|fact| values::is_computed(fact, a.file))),
    grade(Medium, "a similar check is in its place", |a| {
        a.check().is_some_and(|fact| guards::is_checked_alike(fact, a.deltas))
    }),
    grade(Low, "what it ended is gone with it", |a| a.went().is_some_and(|fact| calls::is_of_pair(fact, a.deltas))),
    grade(Medium, "its bound has another name", |a| {
        a.went().is_some_and(|fact| guards::has_renamed_bound(fact, a.deltas))
    }),
    grade(Low, "the job is new", |a| a.came().is_some_and(|new| delivery::is_of_new_job(new, a.deltas))),
    grade(Medium, "another check is in its place", |a| {
        a.rule.is_of_access() && a.changed().is_some_and(|(old, new)| guards::is_checked_otherwise(old, new))
    }),
    grade(Medium, "another check is in its place", |a| {
        a.check().is_some_and(|fact| guards::has_other_check(fact, a.deltas))
    }),
    grade(Low, "its call is gone with it", |a| {
        a.went().is_some_and(|fact| calls::is_of_call_that_is_gone(fact, a.file, a.deltas))
    }),
    grade(Low, "nothing runs side by side there any more", |a| {
        a.went().is_some_and(|fact| calls::runs_nothing_beside(fact, a.file, a.deltas))
    }),
    grade(Low, "the field is gone with it", |a| {
        a.went().is_some_and(|fact| guards::is_field_that_is_gone(fact, a.file))
    }),
    grade(Low, "it has another name now", |a| a.went().is_some_and(|fact| delivery::is_renamed_job(fact, a.deltas))),
    grade(Low, "it is one of numbers in a row", |a| a.went().is_some_and(|fact| values::is_numbered(fact, a.file))),
    grade(Low, "what it belongs to is gone", |a| {
        a.went().is_some_and(|fact| values::belongs_to_what_is_gone(fact, a.deltas))
    }),
    grade(Low, "what it is declared for is gone", |a| {
        a.went().is_some_and(|fact| guards::is_declared_for_what_is_gone(fact, a.file))
    }),
    grade(Low, "its caller has it now", |a| {
        a.went().is_some_and(|fact| guards::has_caller_with_it(fact, a.file, a.deltas))
    }),
    grade(Low, "what it guarded is gone with it", |a| {
        a.went().is_some_and(|fact| guards::went_with_what_it_guarded(fact, a.file))
    }),
    grade(Medium, "the file does the same already", |a| {
        let does = |new: &Fact| {
            surroundings::stands_elsewhere(new, a.file) || surroundings::has_another(a.rule, a.file, a.deltas)
        };
        is_of(a, AS_BEFORE) && a.came().is_some_and(does)
    }),
    grade(Medium, "its file is new", |a| {
        (is_of(a, OF_WHAT_RUNS) || a.id() == "tls.off" && !is_code(&a.file.path()))
            && a.came().is_some()
            && surroundings::is_new(a.file)
    }),
    grade(Medium, "the resource is new", |a| {
        is_of(a, OF_WHAT_RUNS) && a.came().is_some_and(|new| resources::is_of_new_resource(new, a.deltas))
    }),
    grade(Medium, "what stands around it was rewritten too", |a| {
        is_of(a, OF_LOSSES) && a.went().is_some_and(|fact| surroundings::is_rewritten(fact, a.file))
    }),
    grade(Medium, "it is still bounded", |a| {
        is_of(a, OF_BOUNDS) && a.changed().is_some_and(|(old, new)| surroundings::is_still_bounded(old, new))
    }),
    grade(Medium, "a constant is gone, and whatever used it with it", |a| {
        is_of(a, OF_BOUNDS) && is_code(&a.file.path()) && a.went().is_some_and(surroundings::is_constant)
    }),
    grade(Medium, "no secret is spoken of beside it", |a| {
        a.id() == "crypto.weak" && a.now().is_some_and(|fact| !surroundings::is_about_secrets(fact, a.file))
    }),
    grade(Low, "another command or a file takes it", |a| {
        a.id() == "secret.log" && a.now().is_some_and(|fact| surroundings::is_passed_to_another(fact, a.file))
    }),
    grade(Medium, "what it runs stands in the program", |a| {
        matches!(a.id(), "inj.eval" | "inj.deser") && a.now().is_some_and(surroundings::is_of_literal)
    }),
    grade(Medium, "a value of the page's own script", |a| {
        a.id() == "inj.html" && a.now().is_some_and(surroundings::is_of_page)
    }),
    grade(Medium, "its loader makes only data", |a| {
        a.id() == "inj.deser" && a.now().is_some_and(|fact| surroundings::is_of_plain_loader(fact, a.file))
    }),
    grade(Medium, "nothing was said of rights before", |a| {
        a.id() == "ci.permission" && a.came().is_some_and(|fact| delivery::says_rights_first(fact, a.file))
    }),
    grade(Medium, "another check is run since", |a| {
        a.id() == "ci.command-lost" && a.went().is_some() && calls::has_other_of_rule(a.rule, a.deltas)
    }),
    grade(Medium, "no pipeline or image runs it", |a| {
        a.id() == "inj.curl-sh" && a.came().is_some() && !delivery::is_of_pipeline(&a.file.path())
    }),
    grade(Medium, "what it deletes is a path of its own", |a| {
        a.id() == "destr.rm-rf" && a.came().is_some_and(calls::deletes_a_path_of_its_own)
    }),
    grade(Medium, "it was an argument of code", |a| {
        a.id() == "iam.denial-lost" && a.went().is_some() && is_code(&a.file.path())
    }),
    grade(Medium, "it chose among items", |a| {
        a.id() == "auth.check-removed" && a.went().is_some_and(guards::chooses_items)
    }),
    grade(Medium, "it is of a program, not of an alarm", |a| a.id() == "ops.alarm-off" && is_code(&a.file.path())),
    grade(Medium, "both name it by a reference", |a| {
        a.id() == "destr.replace" && a.changed().is_some_and(values::are_references)
    }),
    grade(Medium, "it asks about nobody", |a| {
        a.id() == "auth.check-removed" && a.went().is_some_and(guards::asks_about_nobody)
    }),
    grade(Medium, "another one is taken there since", |a| {
        a.id().starts_with("conc.") && a.went().is_some_and(|fact| calls::has_other_lock(fact, a.deltas))
    }),
    grade(Medium, "it is made again", |a| {
        a.id() == "destr.sql" && a.came().is_some_and(|fact| resources::is_made_again(fact, a.file))
    }),
    grade(Medium, "it was computed here", |a| {
        let is_computed = |fact: &Fact| is_code(&a.file.path()) && values::is_expression(fact);
        a.id() == "destr.protection-off" && a.went().is_some_and(is_computed)
    }),
    grade(Medium, "it holds no data", |a| {
        matches!(a.id(), "mig.sql-breaks" | "destr.schema-table") && resources::holds_no_data(a.delta.fact())
    }),
    grade(Medium, "something else is written where it was", |a| {
        // A check by another name may be one that asks for less.
        let few = usize::from(!a.rule.is_of_access());
        is_of(a, OF_LOSSES) && a.went().is_some_and(|fact| surroundings::is_replaced(fact, a.file, few))
    }),
    grade(Medium, "something else is asked where it was", |a| {
        let is_code_of = |fact: &Fact| matches!(fact.kind, Kind::Call | Kind::Guard);
        let is_other = |(old, _): (&Fact, &Fact)| is_code_of(old) && surroundings::is_replaced(old, a.file, 0);
        a.id() == "auth.check-removed" && a.changed().is_some_and(is_other)
    }),
    grade(Medium, "it is still named there", |a| {
        a.id() == "auth.check-removed" && a.went().is_some_and(|fact| surroundings::is_named_still(fact, a.file))
    }),
    grade(Medium, "much else is gone with it", |a| {
        let is_loss = is_of(a, OF_LOSSES) && is_code(&a.file.path());
        is_loss && a.went().is_some_and(|fact| surroundings::went_with_much(fact, a.file))
    }),
    grade(Medium, "it is so only if somebody asks for it", |a| {
        (is_of(a, &["container.", "iam.priv-container"]))
            && a.now().is_some_and(|fact| resources::is_conditional(fact, a.file))
    }),
    grade(Medium, "what it was stands elsewhere", |a| {
        a.id() == "destr.backup-off" && a.went().is_some_and(values::is_expression)
    }),
    grade(Medium, "it is written to a log", |a| {
        a.id() == "err.swallowed" && a.now().is_some_and(|fact| surroundings::is_logged(fact, a.file))
    }),
    grade(Medium, "what it says need not be a secret", |a| {
        a.id() == "secret.log" && a.now().is_some_and(|fact| !surroundings::names_a_secret(fact))
    }),
    grade(Medium, "it is a command of a container", |a| {
        let path = a.file.path();
        a.id() == "inj.shell" && !is_code(&path) && !delivery::is_of_pipeline(&path) && path.ends_with("ml")
    }),
    grade(Medium, "it applies, and does not destroy", |a| {
        let applies = |fact: &Fact| fact.text.contains(" apply") && !fact.text.contains("destroy");
        a.id() == "destr.infra-verb" && a.now().is_some_and(applies)
    }),
    grade(Medium, "not everybody gets it", |a| {
        a.id() == "flag.rollout" && a.changed().is_some_and(|(_, new)| !surroundings::is_for_all(new))
    }),
    grade(Medium, "what it was, the caller said", |a| {
        let is_loss = is_of(a, &["resil.timeout-lost", "resil.limit-lost"]) && is_code(&a.file.path());
        is_loss && a.went().is_some_and(values::is_expression)
    }),
    grade(Medium, "which table it is, the program chooses", |a| {
        a.id() == "destr.sql" && is_code(&a.file.path()) && a.now().is_some_and(|fact| fact.object.contains('?'))
    }),
    grade(Low, "its step only hands a result on", |a| {
        a.id() == "ci.check-off" && a.now().is_some_and(|fact| delivery::is_of_report(fact, a.file))
    }),
    grade(Medium, "it is new, and could never fail", |a| {
        a.id() == "ci.check-off" && a.came().is_some_and(|fact| delivery::is_new_command(fact, a.deltas))
    }),
    grade(Medium, "much else came with it", |a| {
        is_of(a, OF_MUCH) && a.now().is_some_and(|fact| surroundings::is_of_much(fact, a.file))
    }),
    grade(Medium, "only its bound moved by one", |a| {
        a.id() == "guard.inverted" && a.changed().is_some_and(|(old, new)| surroundings::is_moved_by_one(old, new))
    }),
    grade(Medium, "it is a part of what it was", |a| {
        is_of(a, OF_KEEPING) && a.changed().is_some_and(|(old, new)| surroundings::is_a_few_times_less(old, new))
    }),
    grade(Medium, "some copies are left", |a| {
        let is_some = |(old, new): (&Fact, &Fact)| new.value.amounts(&old.value).is_some_and(|(left, _)| left >= 1.0);
        a.id() == "resil.replicas" && a.changed().is_some_and(is_some)
    }),
    grade(Medium, "it allows all of one service only", |a| {
        a.id() == "iam.star" && a.now().is_some_and(resources::is_narrow)
    }),
    grade(Medium, "code that runs meanwhile still finds what it asks for", |a| {
        a.id() == "mig.sql-breaks" && !a.delta.fact().object.to_ascii_uppercase().contains("RENAME")
    }),
    grade(Medium, "no code of the stranger is fetched", |a| {
        a.id() == "ci.stranger" && !delivery::fetches_what_was_sent(a.file)
    }),
    grade(Medium, "it is a default of a module, or a list of a subnet", |a| {
        a.id() == "net.any" && a.now().is_some_and(resources::is_default_or_list_of_subnet)
    }),
    grade(Medium, "it is a value of a program", |a| {
        a.id() == "auth.check-removed" && delivery::is_value_of_program(a.delta.fact(), &a.file.path())
    }),
    grade(Medium, "nothing that was stronger is gone", |a| {
        a.id() == "crypto.weak" && a.came().is_some_and(|fact| !surroundings::was_stronger(fact, a.deltas))
    }),
    grade(Medium, "the machine lives as long as the job", |a| {
        a.id() == "destr.rm-rf" && a.now().is_some_and(|fact| delivery::deletes_on_a_runner(fact, a.file))
    }),
];

/// Rules of which one more in a file that does the same already says little.
const AS_BEFORE: &[&str] = &[
    "auth.open-to-all",
    "ci.permission",
    "ci.unpinned",
    "container.",
    "crypto.",
    "destr.infra-verb",
    "destr.rm-rf",
    "iam.priv-container",
    "inj.",
    "net.any",
    "tls.off",
];
/// Rules about what runs already: in a new file or resource nothing does.
const OF_WHAT_RUNS: &[&str] = &[
    "ci.permission",
    "ci.check-off",
    "container.root",
    "crypto.weak",
    "destr.call",
    "destr.rm-rf",
    "flag.",
    "iam.priv-container",
    "inj.curl-sh",
    "ops.",
    "resil.",
];
/// Rules about a danger that says more if it is all that an edit does.
const OF_MUCH: &[&str] = &[
    "auth.check-removed",
    "auth.open-to-all",
    "auth.unverified-token",
    "cfg.",
    "crypto.",
    "err.",
    "flag.",
    "inj.deser",
    "inj.eval",
    "inj.html",
    "inj.sql",
    "net.any",
    "net.cors",
    "net.exposed",
    "ops.",
    "resil.",
    "secret.log",
    "tls.",
];
/// Rules about how long something is kept.
const OF_KEEPING: &[&str] = &["ops.audit-off", "ops.retention"];
/// Rules about what is gone from code or configuration that stays.
const OF_LOSSES: &[&str] =
    &["auth.", "ci.", "conc.", "container.", "err.", "guard.", "iam.", "net.", "ops.", "resil.", "tls."];
/// Rules about amounts.
const OF_BOUNDS: &[&str] =
    &["ops.alarm-off", "resil.limit-lost", "resil.max-raised", "resil.timeout-changed", "resil.timeout-lost"];

fn is_nothing(fact: &Fact) -> bool {
    fact.value == Value::Number(0.0) || matches!(fact.value, Value::Duration(amount) if amount <= 0.0)
}

fn is_of(around: &Around<'_>, rules: &[&str]) -> bool {
    rules.iter().any(|start| around.id().starts_with(start))
}

/// The finding of a rule about what a change did to a fact of a file, as grave as it is where it stands.
pub(super) fn weigh(
    rule: &FactRule,
    finding: Finding,
    delta: &Delta,
    file: &FileUnderReview<'_>,
    deltas: &[Delta],
) -> Finding {
    if file.is_run {
        return finding;
    }
    let around = Around { rule, delta, file, deltas };
    match GRADES.iter().find(|grade| (grade.holds)(&around)) {
        Some(grade) if grade.most < finding.severity => {
            Finding { title: format!("{}; {}", finding.title, grade.how), severity: grade.most, ..finding }
        }
        _ => finding,
    }
}

#[cfg(test)]
mod tests;
