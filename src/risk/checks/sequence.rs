//! The order of what a function, a script or a job does, and what it does it with: an acknowledgement before the work,
//! a backup after the change, a lock that is given back between reading and writing, a statement outside its
//! transaction. Compared scope by scope, with what both sides do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::change::diff::Side;
use crate::risk::blast::is_for_trial;
use crate::risk::facts::{Fact, Kind};
use crate::risk::rules::ascii;
use crate::risk::{FileUnderReview, Finding, Rules};

/// What must be done in this order: the first is the act that makes the second safe.
struct Order {
    rule: &'static str,
    kind: Kind,
    first: &'static str,
    second: &'static str,
}

const ORDERS: &[Order] = &[
    Order {
        rule: "resil.ack-early",
        kind: Kind::Call,
        first: r"(?i)(^|[._])(handle|process|execute|apply|consume|perform|save|store|insert|persist|charge|capture|dispatch|work)\w*$",
        second: r"(?i)(^|[._])(ack|acknowledge|basic_?ack|ack_?message|delete_?message(_?batch)?|complete_?message|commit_?(sync|async|offsets?|messages?)|mark_?(done|processed|handled))!?$",
    },
    Order {
        rule: "ops.order",
        kind: Kind::Command,
        first: r"(?i)\b(pg_dump(all)?|pg_basebackup|mysqldump|mariadb-dump|mongodump|xtrabackup|etcdctl snapshot save|velero backup|\w*[-_/]?backup\w*(\.sh)?|create-(db-)?snapshot)\b",
        second: r"(?i)\b(migrate\w*|migrations?|flyway|liquibase|alembic|db:migrate|prisma migrate|terraform apply|helm (upgrade|rollback)|kubectl (apply|delete)|psql\b.*(-f|<)|drop(db)?)\b",
    },
    Order {
        rule: "ops.order",
        kind: Kind::Command,
        first: r"(?i)(\b|[-_/])(tests?|pytest|lint|verify|check|scan|audit|cosign verify)(\.sh)?\b",
        second: r"(?i)\b(deploy\w*|publish|release|docker push|kubectl apply|helm upgrade|terraform apply|roll-?out)(\.sh)?\b",
    },
];

/// Compiled: the patterns of an order.
struct Patterns {
    order: &'static Order,
    first: Regex,
    second: Regex,
}

static PATTERNS: LazyLock<Vec<Patterns>> = LazyLock::new(|| {
    let compile = |order: &'static Order| {
        Some(Patterns { order, first: ascii(order.first).ok()?, second: ascii(order.second).ok()? })
    };
    ORDERS.iter().filter_map(compile).collect()
});

/// The most acts of one scope that are compared.
const MAX_ACTS: usize = 200;

/// The acts of each scope, in order.
type Acts<'f> = BTreeMap<&'f str, Vec<&'f Fact>>;

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    if is_for_trial(&path) {
        return Vec::new();
    }
    let (Some(old), Some(new)) = (file.stated(Side::Old), file.stated(Side::New)) else { return Vec::new() };
    let (old, new) = (acts(&old.facts), acts(&new.facts));
    let mut found = Vec::new();
    for (scope, after) in &new {
        let Some(before) = old.get(scope) else { continue };
        let turned =
            PATTERNS.iter().filter_map(|patterns| Some((patterns.order.rule, patterns.turned(before, after)?)));
        let split = lock_taken_again(before, after)
            .filter(|fact| !is_of_another(fact, file))
            .map(|fact| ("conc.lock-split", vec![fact]));
        let outside = outside_transaction(before, after).map(|fact| ("conc.outside-transaction", vec![fact]));
        for (rule, facts) in turned.chain(split).chain(outside) {
            // Either may have been moved: the other one is on the lines that it was on.
            let Some(line) = facts.iter().find_map(|fact| file.changed(Side::New).first_in(&fact.lines)) else {
                continue;
            };
            let objects: Vec<&str> = facts.iter().map(|fact| fact.object.as_str()).collect();
            let shown = rules.of_check(rule, file, Side::New, line, &file.line(Side::New, line));
            found.extend(
                shown.map(|shown| Finding { title: format!("{}: {}", shown.title, objects.join(", ")), ..shown }),
            );
        }
    }
    found
}

fn acts(facts: &[Fact]) -> Acts<'_> {
    let mut acts: Acts = BTreeMap::new();
    let is_act = |fact: &&Fact| match fact.kind {
        Kind::Call => true,
        Kind::Command => !is_told(&fact.object),
        _ => false,
    };
    for fact in facts.iter().filter(is_act) {
        let of_scope = acts.entry(fact.scope.as_str()).or_default();
        if of_scope.len() < MAX_ACTS {
            of_scope.push(fact);
        }
    }
    acts.values_mut().for_each(|acts| acts.sort_by_key(|fact| *fact.lines.start()));
    acts
}

/// Whether a command only tells people something.
fn is_told(command: &str) -> bool {
    let program = command.split(' ').next().unwrap_or(command);
    matches!(program, "log" | "echo" | "printf" | "logger" | "say" | "info" | "warn" | "notify")
}

impl Patterns {
    /// The second act and the first one, where they come in this order now, and came in the other.
    fn turned<'f>(&self, old: &[&Fact], new: &[&'f Fact]) -> Option<Vec<&'f Fact>> {
        let is = |regex: &Regex, fact: &Fact| {
            let said = if fact.kind == Kind::Command { &fact.text } else { &fact.object };
            fact.kind == self.order.kind && regex.is_match(said.as_bytes())
        };
        let is_first = |fact: &Fact| is(&self.first, fact) && !is(&self.second, fact);
        let is_second = |fact: &Fact| is(&self.second, fact) && !is(&self.first, fact);
        let place = |acts: &[&Fact], wanted: &dyn Fn(&Fact) -> bool| acts.iter().position(|fact| wanted(fact));
        let (first, second) = (place(old, &is_first)?, place(old, &is_second)?);
        // Of the same act on both sides: a new one may be about something else.
        let now = |wanted: &Fact| new.iter().position(|fact| fact.object == wanted.object);
        let (first_now, second_now) = (now(old[first])?, now(old[second])?);
        let is_first_elsewhere = place(new, &is_first).is_some_and(|at| at < second_now);
        (first < second && second_now < first_now && !is_first_elsewhere).then(|| vec![new[second_now], new[first_now]])
    }
}

/// A lock that was taken once and is taken twice now: what it guards may change in between.
fn lock_taken_again<'f>(old: &[&Fact], new: &[&'f Fact]) -> Option<&'f Fact> {
    let count = |acts: &[&Fact], lock: &str| acts.iter().filter(|fact| fact.object == lock).count();
    let is_lock = |fact: &&&Fact| fact.kind == Kind::Call && takes_a_lock(&fact.object);
    let mut locks = new.iter().filter(is_lock);
    let again = locks.find(|fact| count(old, &fact.object) == 1 && count(new, &fact.object) == 2)?;
    new.iter().rev().find(|fact| fact.object == again.object).copied()
}

/// Whether what is locked is set anew just before: that is a lock of something else.
fn is_of_another(lock: &Fact, file: &FileUnderReview<'_>) -> bool {
    const NEAR: u32 = 6;
    let own = lock.parent();
    let line = *lock.lines.start();
    let sets = |number: u32| {
        let text = file.line(Side::New, number);
        let text = text.trim_start();
        let rest = text.strip_prefix("let ").unwrap_or(text).strip_prefix(own).map(str::trim_start);
        let is_loop = text.starts_with("for ") && text.contains(own);
        is_loop || rest.is_some_and(|rest| rest.starts_with(":=") || rest.starts_with('=') && !rest.starts_with("=="))
    };
    !own.is_empty() && (line.saturating_sub(NEAR).max(1)..line).any(sets)
}

fn takes_a_lock(object: &str) -> bool {
    let last = object.rsplit(['.', ':']).next().unwrap_or(object);
    object.contains(['.', ':'])
        && matches!(last, "lock" | "Lock" | "acquire" | "Acquire" | "WaitAsync" | "lockInterruptibly")
}

/// A statement that was run in a transaction which is still there, and is run past it now: `tx.exec` became `db.exec`.
fn outside_transaction<'f>(old: &[&Fact], new: &[&'f Fact]) -> Option<&'f Fact> {
    let calls = |acts: &[&Fact]| acts.iter().filter(|fact| fact.kind == Kind::Call).count();
    if calls(old) == 0 {
        return None;
    }
    let objects = |acts: &[&Fact]| acts.iter().map(|fact| fact.object.clone()).collect::<Vec<_>>();
    let (before, after) = (objects(old), objects(new));
    let count = |all: &[String], object: &str| all.iter().filter(|own| *own == object).count();
    let own: BTreeSet<&String> = before.iter().filter(|object| in_transaction(object).is_some()).collect();
    own.into_iter().find_map(|object| {
        let (transaction, act) = in_transaction(object)?;
        let is_left = after.iter().any(|own| in_transaction(own).is_some_and(|(name, _)| name == transaction));
        let outside = |fact: &&&'f Fact| {
            let of = fact.object.strip_suffix(act).and_then(|of| of.strip_suffix('.'));
            of.is_some_and(|of| !is_transaction(of) && is_store(of))
                && count(&after, &fact.object) > count(&before, &fact.object)
        };
        let is_gone = count(&after, object) < count(&before, object);
        (is_left && is_gone).then(|| new.iter().find(outside).copied())?
    })
}

/// The transaction and what is done in it: `tx` and `orders.create`. How it ends is nothing that is done in it.
fn in_transaction(object: &str) -> Option<(&str, &str)> {
    let (name, act) = object.split_once('.').filter(|(name, _)| is_transaction(name))?;
    let ends = ["commit", "rollback", "begin", "close", "end"];
    (!ends.contains(&act.to_ascii_lowercase().as_str())).then_some((name, act))
}

fn is_transaction(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    matches!(last.as_str(), "tx" | "trx" | "txn" | "transaction" | "dbtx" | "sqltx")
}

/// Whether a name is that of what transactions are made of.
fn is_store(name: &str) -> bool {
    const WORDS: &[&str] =
        &["db", "pool", "conn", "connection", "database", "client", "prisma", "knex", "sql", "repo", "store", "pg"];
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    WORDS.iter().any(|word| last.ends_with(word))
}
