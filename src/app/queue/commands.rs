//! Commands in the queue: those that expire first are at the top, and those that are over at the bottom.

use std::sync::Arc;

use super::{Queue, QueueRow};
use crate::app::command::AskedRemote;
use crate::authorizing::PendingCommand;
use crate::datafile::date;

/// A pending command of a repository, or one that ended recently.
#[derive(Debug, Clone)]
pub struct QueuedCommand {
    pub repository: usize,
    pub pending: Arc<PendingCommand>,
}

/// What is known of the remote ledger of a repository.
#[derive(Debug, Clone, Default)]
pub struct RemoteLedger {
    /// When its remote last answered, in seconds since the epoch.
    pub answered: Option<i64>,
    /// Since when it has not answered, and why.
    pub silent: Option<(i64, String)>,
    /// Warnings about it, a sentence each.
    alarms: Vec<String>,
}

impl QueuedCommand {
    /// Its identity: two clones may both have it.
    pub fn key(&self) -> String {
        format!("{} {}", self.repository, self.pending.id)
    }

    /// What is owed comes first, then what can still be started, sorted by expiry.
    fn rank(&self) -> (bool, i64, String) {
        let pending = &self.pending;
        let time = match pending.is_open() {
            true => pending.until(),
            false => pending.until().saturating_neg(),
        };
        (!pending.is_for_people(), time, pending.id.to_string())
    }

    fn matches(&self, filter: &str) -> bool {
        let request = self.pending.request();
        let text = [
            self.pending.target(),
            &self.pending.line(),
            &request.asked.operator,
            &request.asked.claims.join(" "),
            &request.why,
            &self.pending.word(),
        ];
        let text = text.join(" ").to_lowercase();
        filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

impl Queue {
    /// Replaces the commands of a repository.
    pub fn commands_came(&mut self, repository: usize, commands: Vec<PendingCommand>) {
        self.set_commands(repository, commands);
        self.keep_selection();
    }

    /// The result of fetching commands from the remote of a repository.
    pub fn remote_said(&mut self, repository: usize, said: AskedRemote, now: i64) {
        let ledger = self.ledgers.entry(repository).or_default();
        match said {
            AskedRemote::None => *ledger = RemoteLedger::default(),
            AskedRemote::Answered(alarms) => {
                *ledger = RemoteLedger { answered: Some(now), silent: None, alarms };
            }
            AskedRemote::Silent(why) => {
                let since = ledger.silent.take().map_or(now, |(since, _)| since);
                ledger.silent = Some((since, why));
            }
        }
    }

    /// Problems with the ledgers of repositories, each with the name of its repository.
    pub(super) fn ledger_alarms(&self) -> Vec<(String, String)> {
        let mut alarms = Vec::new();
        for (repository, ledger) in &self.ledgers {
            let name = self.ready(*repository).map_or("", |snapshot| snapshot.name.as_str());
            let silent = ledger.silent.iter().map(|(since, why)| {
                format!("its remote does not answer since {}, so commands are as they were then: {why}", date(*since))
            });
            alarms.extend(silent.chain(ledger.alarms.iter().cloned()).map(|alarm| (name.to_owned(), alarm)));
        }
        alarms
    }

    pub(super) fn set_commands(&mut self, repository: usize, commands: Vec<PendingCommand>) {
        self.commands.retain(|command| command.repository != repository);
        let pending = commands.into_iter().map(Arc::new);
        self.commands.extend(pending.map(|pending| QueuedCommand { repository, pending }));
        self.commands.sort_by_key(|command| command.rank());
    }

    /// Positions of the commands that are shown: those that people have something to do about, and the rest.
    pub(super) fn shown_commands(&self) -> (Vec<usize>, Vec<usize>) {
        let is_shown = |at: &usize| self.filter.is_empty() || self.commands[*at].matches(&self.filter);
        (0..self.commands.len()).filter(is_shown).partition(|at| self.commands[*at].pending.is_for_people())
    }

    pub fn selected_command(&self) -> Option<&QueuedCommand> {
        match self.current()? {
            QueueRow::Command(at) => self.commands.get(at),
            _ => None,
        }
    }
}
