//! Commands in the queue: what runs out first stands first, and what is over last.

use std::sync::Arc;

use super::{Queue, QueueRow};
use crate::authorizing::PendingCommand;

/// A command that waits in a repository, or whose end is not long ago.
#[derive(Debug, Clone)]
pub struct QueuedCommand {
    pub repository: usize,
    pub pending: Arc<PendingCommand>,
}

impl QueuedCommand {
    /// What can still be started goes first, and of that what runs out first.
    fn rank(&self) -> (bool, i64, String) {
        let pending = &self.pending;
        let time = if pending.is_open() { pending.until() } else { pending.until().saturating_neg() };
        (!pending.is_open(), time, pending.id.to_string())
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
    /// The commands of a repository, in place of what it had.
    pub fn commands_came(&mut self, repository: usize, commands: Vec<PendingCommand>) {
        self.set_commands(repository, commands);
        self.keep_selection();
    }

    pub(super) fn set_commands(&mut self, repository: usize, commands: Vec<PendingCommand>) {
        self.commands.retain(|command| command.repository != repository);
        let pending = commands.into_iter().map(Arc::new);
        self.commands.extend(pending.map(|pending| QueuedCommand { repository, pending }));
        self.commands.sort_by_key(|command| command.rank());
    }

    /// Positions of the commands that are shown: those that can still be started, and the rest.
    pub(super) fn shown_commands(&self) -> (Vec<usize>, Vec<usize>) {
        let is_shown = |at: &usize| self.filter.is_empty() || self.commands[*at].matches(&self.filter);
        (0..self.commands.len()).filter(is_shown).partition(|at| self.commands[*at].pending.is_open())
    }

    pub fn selected_command(&self) -> Option<&QueuedCommand> {
        match self.current()? {
            QueueRow::Command(at) => self.commands.get(at),
            _ => None,
        }
    }
}
