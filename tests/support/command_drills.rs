//! Records of drills of commands, signed with real keys: also such as no terminal would sign.

use undersign::command::RunRecord;
use undersign::command::drill_statement::{CommandDrill, CommandDrillRecord, CommandDrillStatement, NAMESPACE};
use undersign::ledger::append_to;
use undersign::ledger::families::{Family as _, read_family};
use undersign::record::chain::{Link as Files, file_name};
use undersign::record::drill::DrillStep;
use undersign::record::statement::{Decimal, Link, RepositoryName};
use undersign::record::{ChainId, Signable as _};

use crate::support::{DEVICE, Fixture};

/// The next record of somebody's chain of such drills, about a request that is in the repository; `set` changes what is
/// signed. It is appended, and returned as it is kept there.
pub fn append(f: &Fixture, who: &str, id: &str, now: i64, set: impl FnOnce(&mut CommandDrill)) -> (ChainId, Files) {
    let repository = f.repository();
    let runs = read_family::<RunRecord>(&repository, true).unwrap();
    let record = runs.iter().flat_map(|chain| &chain.records).find(|record| record.id().to_string() == id).unwrap();
    let (key, run) = (f.key(who), record.run());
    let chain = ChainId { key: key.public.id().to_string(), device: DEVICE.to_owned() };
    let (seq, prev) = CommandDrillRecord::chain(&repository, &chain).next();
    let mut own = CommandDrill {
        step: DrillStep::Begin,
        drill: String::new(),
        principal: who.into(),
        roles: vec!["senior".into()],
        repository: RepositoryName { id: run.repository.id.clone(), uri: String::new() },
        target: run.target.clone(),
        broker: run.broker.clone(),
        request: id.into(),
        command: run.command_digest().unwrap().to_string(),
        answers: Vec::new(),
        issued_at: Decimal(now as u64),
        not_after: Decimal(now as u64 + 1_800),
        chain: Link { key: chain.key.clone(), id: chain.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() },
        nonce: format!("{seq:032x}"),
        tool: "a test".into(),
        reason: "the drill of May".into(),
    };
    set(&mut own);
    let payload = CommandDrillStatement::new(own).encode();
    let envelope = key.sign_for(NAMESPACE, payload, None).unwrap().encode();
    let link = Files { name: file_name(seq), envelope, ..Files::default() };
    append_to::<CommandDrillRecord>(&repository, &chain, link.clone(), now).unwrap();
    (chain, link)
}
