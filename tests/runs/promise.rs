//! What is promised: for each request at most one run, only with its slots filled, and with no refusal that was known or
//! could have been known. It looks at what people signed and sent, and at nothing that a broker keeps or computes.

use std::collections::BTreeSet;

use undersign::command::Verdict;

use crate::world::{Exec, Who, World};

/// So old may what is known be.
const FRESH: i64 = 60;
/// So long is an authorization good.
const VALID: i64 = 30 * 60;

/// What the world did that takes a part of the promise away; the manual names each under "not stopped".
#[derive(Debug, Clone, Copy, Default)]
pub struct Excused {
    /// The host showed less than it had: a refusal that no disk saw cannot be known.
    pub host_lied: bool,
    /// A clock went back, though not behind the broker's last record: what is over may count.
    pub clock_went_back: bool,
    /// A disk was restored or copied: an emergency while the host is away, or a ledger without a remote, knows of
    /// nothing else.
    pub disk_is_old: bool,
}

/// The first part of the promise that the last run broke.
pub fn broken(world: &World, excused: Excused) -> Option<String> {
    let last = world.execs.last()?;
    let same = world.execs.iter().filter(|exec| exec.request == last.request).count();
    let is_local = last.is_emergency || !world.has_remote;
    if same > 1 && !(is_local && excused.disk_is_old) {
        return Some(format!("{:?} ran {same} times", last.ask));
    }
    slots(world, last, excused).or_else(|| refusal(world, last, excused))
}

fn slots(world: &World, exec: &Exec, excused: Excused) -> Option<String> {
    let verdict = if exec.is_emergency { Verdict::BreakGlass } else { Verdict::Authorize };
    let signs = |who: &&Who| {
        world.people[*who].records.iter().any(|record| {
            let own = record.authorization();
            let age = exec.at - own.issued_at.seconds();
            own.verdict == verdict
                && own.request.id == exec.request.to_string()
                && record.authorization().view.seen == record.authorization().view.rows
                && (age < VALID || excused.clock_went_back)
        })
    };
    let signed: BTreeSet<Who> = Who::ALL.iter().filter(signs).copied().collect();
    let fills = |who: &&Who| match (exec.is_emergency, who) {
        (true, who) => **who == Who::Ines,
        // Whoever is the operator in truth is mina.
        (false, who) => !matches!(who, Who::Ines | Who::Mina),
    };
    let enough = signed.iter().filter(fills).count() >= 1;
    (!enough).then(|| format!("{:?} ran, and only {signed:?} signed for it", exec.ask))
}

fn refusal(world: &World, exec: &Exec, excused: Excused) -> Option<String> {
    let command = |ask: crate::world::Ask| ask.word;
    let saw = &world.brokers[exec.instance].saw;
    for who in Who::ALL {
        // What was taken back and not sent yet stands for everybody else.
        let Some(chain) = world.host.get(&who) else { continue };
        for (id, refusal) in World::refusals(chain) {
            let ask = world.requests.iter().find(|(_, request)| request.to_string() == refusal.request.id);
            if ask.is_none_or(|(ask, _)| command(*ask) != command(exec.ask)) {
                continue;
            }
            let old = world.sent.get(&id).is_some_and(|sent| exec.at - sent > FRESH);
            let could = old && !excused.host_lied && !exec.is_emergency && world.has_remote;
            if could || saw.contains(&id) {
                return Some(format!("{:?} ran against a refusal of {who:?}", exec.ask));
            }
        }
    }
    None
}
