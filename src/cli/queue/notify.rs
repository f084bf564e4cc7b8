//! `undersign queue --notify`: what is new in the queue, for a command of the user's.

use super::reading::{Pending, Queue};
use super::row::Row;
use crate::notices::{self, Fact, Seen};
use crate::{config, waiting};

/// Tells the user's command what is new. What it does not take is only reported.
pub fn notify(queue: &Queue, seen: &[Pending]) -> Result<(), String> {
    let command = config::notify();
    if command.is_empty() {
        return Err("There is no `notify` in config.toml: it names the command that gets the notices.".to_owned());
    }
    let home = waiting::home().ok_or("There is no directory to remember which notices were sent: set HOME.")?;
    let is_over = |time: Option<i64>| time.is_some_and(|time| time <= crate::clock::now());
    let fact = |row: &Row| Fact {
        key: row.source.key.clone(),
        root: row.source.root.clone(),
        id: row.id.clone(),
        repository: row.repository.clone(),
        branch: row.name.clone(),
        target: row.target.clone(),
        title: row.title.clone(),
        head: row.head.clone(),
        tier: row.tier,
        status: row.status.clone(),
        waits: row.waits(),
        is_due: is_over(row.due),
        is_late: is_over(row.late),
        ask: row.ask.clone(),
        told_ask: row.told_ask.clone(),
        claims: row.claims.iter().map(|claim| claim.by.clone()).collect(),
        page: row.source.page.clone(),
    };
    let facts: Vec<Fact> = queue.changes.iter().map(fact).collect();
    let seen: Vec<Seen> = seen.iter().map(|own| Seen::of(&own.common_dir, &own.ids)).collect();
    let problems = notices::tell(&command, &facts, &seen, &home, crate::clock::now());
    problems.iter().for_each(|why| eprintln!("undersign: {why}"));
    Ok(())
}
