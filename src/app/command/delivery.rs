//! Records about commands are sent to the remote automatically, and the person sees their status. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::CommandEffect;
use crate::command::Verdict;
use crate::examination::RepositorySnapshot;
use crate::record::RecordId;

/// The delivery status of the records about commands of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Being sent. `again`: something was signed after sending began; `is_retry`: an earlier attempt failed.
    UnderWay { again: bool, is_retry: bool },
    /// The repository has no remote: whoever reads it has the records.
    Here,
    /// The remote of this name has all of them.
    Arrived(String),
    /// They are only here, and why.
    Stuck(String),
}

/// What was signed and is not known to have arrived, in words.
#[derive(Debug, Clone)]
struct Signed {
    repository: usize,
    what: String,
}

/// The deliveries of all repositories: one at a time for each.
#[derive(Debug, Default)]
pub struct Deliveries {
    by_repository: BTreeMap<usize, (Arc<RepositorySnapshot>, Delivery)>,
    signed: Vec<Signed>,
}

impl Deliveries {
    pub fn of(&self, repository: usize) -> Option<&Delivery> {
        self.by_repository.get(&repository).map(|(_, delivery)| delivery)
    }

    /// Whether any is under way.
    pub fn is_open(&self) -> bool {
        self.by_repository.values().any(|(_, delivery)| matches!(delivery, Delivery::UnderWay { .. }))
    }

    /// Whether something did not arrive and must be resent.
    pub fn are_stuck(&self) -> bool {
        self.by_repository.values().any(|(_, delivery)| matches!(delivery, Delivery::Stuck(_)))
    }

    /// Something was signed.
    pub fn signed(&mut self, repository: usize, verdict: Verdict, request: RecordId) {
        let noun = match verdict {
            Verdict::Authorize => "authorization",
            Verdict::Refuse => "refusal",
            Verdict::BreakGlass => "emergency",
            Verdict::Withdraw => "withdrawal",
            Verdict::Handover => "handover",
            Verdict::Repair => "repair",
        };
        let what = format!("the {noun} of request {}", &request.to_string()[..12]);
        self.signed.push(Signed { repository, what });
    }

    /// Sends what a repository has. If a delivery is already in progress, another one follows it.
    pub fn send(&mut self, repository: usize, snapshot: &Arc<RepositorySnapshot>) -> Option<CommandEffect> {
        let mut is_retry = false;
        match self.by_repository.get_mut(&repository) {
            Some((_, Delivery::UnderWay { again, .. })) => {
                *again = true;
                return None;
            }
            Some((_, Delivery::Stuck(_))) => is_retry = true,
            _ => {}
        }
        self.by_repository.insert(repository, (snapshot.clone(), Delivery::UnderWay { again: false, is_retry }));
        Some(CommandEffect::Deliver { repository, snapshot: snapshot.clone() })
    }

    /// Resends what did not arrive.
    pub fn send_stuck(&mut self) -> Vec<CommandEffect> {
        let is_stuck = |delivery: &Delivery| matches!(delivery, Delivery::Stuck(_));
        let stuck = self.by_repository.iter().filter(|(_, (_, delivery))| is_stuck(delivery));
        let stuck: Vec<(usize, Arc<RepositorySnapshot>)> =
            stuck.map(|(repository, (snapshot, _))| (*repository, snapshot.clone())).collect();
        stuck.iter().filter_map(|(repository, snapshot)| self.send(*repository, snapshot)).collect()
    }

    /// The result: the name of the remote, or none if there is none. What was signed meanwhile is sent now.
    pub fn came(&mut self, repository: usize, result: Result<Option<String>, String>) -> Option<CommandEffect> {
        let (snapshot, delivery) = self.by_repository.get_mut(&repository)?;
        let again = matches!(delivery, Delivery::UnderWay { again: true, .. });
        *delivery = match result {
            Ok(None) => Delivery::Here,
            Ok(Some(remote)) => Delivery::Arrived(remote),
            Err(why) => Delivery::Stuck(why),
        };
        let (is_stuck, snapshot) = (matches!(delivery, Delivery::Stuck(_)), snapshot.clone());
        if again {
            return self.send(repository, &snapshot);
        }
        if !is_stuck {
            self.signed.retain(|signed| signed.repository != repository);
        }
        None
    }

    /// What did not arrive: one sentence for each repository.
    pub fn missing(&self) -> Vec<String> {
        let missing = self.by_repository.iter().filter_map(|(repository, (snapshot, delivery))| {
            let why = match delivery {
                Delivery::Stuck(why) => why.clone(),
                Delivery::UnderWay { .. } => "It had not answered yet.".to_owned(),
                Delivery::Here | Delivery::Arrived(_) => return None,
            };
            let own = self.signed.iter().filter(|signed| signed.repository == *repository);
            let own: Vec<&str> = own.map(|signed| signed.what.as_str()).collect();
            let what = if own.is_empty() { "what was signed about commands before".to_owned() } else { own.join(", ") };
            let root = snapshot.root.display();
            Some(format!("NOT SENT from {root}: {what}. {why} `undersign sync` there sends it."))
        });
        missing.collect()
    }
}
