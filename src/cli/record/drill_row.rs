//! What the lists and the commands of both kinds of drills share: the row of a record, and how one is named.

use serde::Serialize;

use crate::change::{counted, visible};
use crate::record::drill::MAX_RECORDS;
use crate::record::{Chain, Entry};

/// The fewest digits by which a drill is named.
const MIN_DIGITS: usize = 4;

/// A record of a drill, of a change or of a command.
#[derive(Serialize)]
pub(super) struct Row {
    pub id: String,
    pub kind: &'static str,
    pub step: &'static str,
    pub drill: String,
    pub principal: String,
    /// Whose record it is, by its key.
    pub by: String,
    pub issued_at: i64,
    pub chain: String,
    pub seq: u64,
    pub standing: &'static str,
}

/// Says what of these chains is damaged, or was not read.
pub(super) fn warn<R: Entry>(chains: &[Chain<R>], unread: usize) {
    for chain in chains {
        if let Some((position, fault)) = chain.fault {
            let id = visible::text(&chain.id.to_string()).into_owned();
            eprintln!("undersign: record {position} of the chain of drills {id} does not hold: {fault}.");
        }
    }
    if unread > 0 {
        let left_out = counted(unread, "chain");
        eprintln!(
            "undersign: {left_out} of drills left out: a chain of more than {MAX_RECORDS} records, or all of a key, are too much."
        );
    }
}

/// The one id of these that begins so.
pub(super) fn named<'i>(
    id: &str,
    all: impl Iterator<Item = &'i String>,
    noun: &str,
    missing: &str,
) -> Result<&'i str, String> {
    if id.len() < MIN_DIGITS {
        return Err(format!("Give at least {MIN_DIGITS} digits of the {noun}'s id."));
    }
    let found: Vec<&String> = all.filter(|one| one.starts_with(id)).collect();
    let id = visible::text(id);
    match found[..] {
        [one] => Ok(one),
        [] => Err(format!("No {noun} begins with {id}. {missing}")),
        _ => Err(format!("{} {noun}s begin with {id}. Give more digits.", found.len())),
    }
}
