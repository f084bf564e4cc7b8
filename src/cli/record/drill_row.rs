//! What the lists of both kinds of drills share.

use serde::Serialize;

use crate::change::{counted, visible};
use crate::record::drill::MAX_RECORDS;
use crate::record::{Chain, Entry};

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
