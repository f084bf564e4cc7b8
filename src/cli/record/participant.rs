//! Somebody who takes part in a drill, of a change or of a command: the part of a statement that is the same
//! for both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::follow_up::{Pen, confirm, sentence};
use crate::clock::now;
use crate::datafile::date;
use crate::examination::RepositorySnapshot;
use crate::gate::drill::DrillReport;
use crate::ledger::drills::AllDrills;
use crate::ledger::own_chain::{PerClone, own_chain};
use crate::policy::{Person, Policy};
use crate::random::random;
use crate::record::drill::OfDrill;
use crate::record::statement::{Decimal, Link, RepositoryName};
use crate::record::typed::Statement;
use crate::record::{Chain, ChainId};
use crate::signing::{Prepared, TOOL};

/// Somebody at a terminal who takes part in a drill.
pub(super) struct Participant<'s> {
    pub pen: &'s Pen,
    pub snapshot: &'s RepositorySnapshot,
    pub policy: &'s Policy,
    pub person: &'s Person,
    pub all: &'s AllDrills,
    pub reason: &'s str,
}

/// What any statement about a drill says of its signer and its place, whatever is practised.
pub(super) struct Frame {
    pub principal: String,
    pub roles: Vec<String>,
    pub repository: RepositoryName,
    pub issued: i64,
    pub chain: Link,
    pub nonce: String,
    pub tool: String,
    pub reason: String,
}

impl Participant<'_> {
    /// Shows a statement, has its code typed, and appends it to the own chain of drills of this kind. `files` are
    /// stored with it.
    pub fn sign<R: PerClone + OfDrill>(
        &self,
        chains: &[Chain<R>],
        banner: &str,
        files: BTreeMap<String, Vec<u8>>,
        about: impl FnOnce(Frame) -> R::Drill,
    ) -> Result<Arc<R>, String> {
        let Participant { pen, snapshot, policy, person, reason, .. } = self;
        let own = own_chain(&pen.repository, &pen.key.public.id().to_string(), chains, random()?, now())?;
        let (seq, prev) = own.chain.next();
        let ChainId { key, device } = own.chain.id.clone();
        // A clock that was set back since makes no record that a gate refuses.
        let last = own.chain.records.last().map_or(0, |record| record.issued());
        let statement = Statement::new(about(Frame {
            principal: person.id.clone(),
            roles: person.roles.clone(),
            repository: RepositoryName { id: policy.repository.clone(), uri: snapshot.uri.clone() },
            issued: now().max(last),
            chain: Link { key, id: device, seq: Decimal(seq), prev, forks: Vec::new() },
            nonce: base16ct::lower::encode_string(&random::<16>()?),
            tool: TOOL.to_owned(),
            reason: reason.trim().to_owned(),
        }));
        let prepared = Prepared::fix((), &statement, files, str::to_owned).map_err(sentence)?;
        own.ended.iter().for_each(|why| eprintln!("undersign: {why}"));
        outln!("{banner}");
        confirm(&prepared)?;
        let record = prepared.append::<R>(&pen.repository, &pen.key, None, now()).map_err(sentence)?;
        outln!("Signed and recorded: {}. `undersign sync` sends it.", record.id());
        Ok(record)
    }

    /// Refuses to take part in a drill that is over, or twice.
    pub fn may_join(&self, report: &DrillReport) -> Result<(), String> {
        let short = &report.id[..12];
        if !report.is_open(now()) {
            return Err(format!("The drill {short} ended {}. Begin another.", date(report.until)));
        }
        if report.people.contains(&self.person.id) {
            return Err(format!("You take part in the drill {short} already. Nothing was signed."));
        }
        Ok(())
    }
}

/// The record that began a drill.
pub(super) fn beginning<'c, R: OfDrill>(chains: &'c [Chain<R>], id: &str) -> Result<&'c R, String> {
    let mut records = chains.iter().flat_map(|chain| &chain.records).map(|record| &**record);
    let record = records.find(|record| record.id().to_string() == id);
    record.ok_or_else(|| "The record of the drill is not here. Run `undersign sync`.".to_owned())
}

/// How others take part, and how it is reviewed.
pub(super) fn others(record: &impl OfDrill) -> String {
    let id = &record.began_by()[..12];
    format!(
        "Others take part with `undersign record drill --join {id} --reason …`; the review is signed with `undersign \
         record drill --review {id} --reason …`."
    )
}
