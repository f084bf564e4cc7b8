//! Variables that a command line sets and uses itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{SimpleCommand, Word, assignment, is_variable};

/// Commands whose arguments set variables.
const SETTERS: &[&str] = &["export", "declare", "typeset", "local", "readonly"];
/// Commands that set each argument that is a name to a value unknown here.
const READERS: &[&str] = &["read", "mapfile", "readarray", "getopts", "printf", "unset", "for", "select", "let"];

/// What is known of variables. The first pass collects values, the second expands them.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// None if it is set twice, or by something that is not read here.
    values: BTreeMap<String, Option<String>>,
    /// The variables that the second pass has come to.
    set: BTreeSet<String>,
    is_second: bool,
}

impl Variables {
    /// Ends the first pass; returns whether the second one can expand anything.
    pub fn settle(&mut self) -> bool {
        self.is_second = true;
        self.values.values().any(Option::is_some)
    }

    /// The known value of a variable at this point.
    pub fn value(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name).filter(|_| self.is_second && self.set.contains(name))?;
        value.as_deref()
    }

    /// Notes what a command sets. It is not certain if it runs only under a condition, or in a subshell.
    pub fn see(&mut self, command: &SimpleCommand, is_sure: bool) {
        set_by(command).iter().for_each(|(name, value)| self.set(name, value, is_sure));
        if command.words.first().is_some_and(|word| READERS.contains(&word.text.as_str())) {
            let names = command.words[1..].iter().filter(|word| is_variable(&word.text));
            names.for_each(|name| self.forget(&name.text));
        }
    }

    /// Notes that a variable is set to an unknown value.
    pub fn forget(&mut self, name: &str) {
        if !self.is_second {
            self.values.insert(name.to_owned(), None);
        }
    }

    fn set(&mut self, name: &str, value: &Word, is_sure: bool) {
        if self.is_second {
            self.set.insert(name.to_owned());
            return;
        }
        let value = (value.is_literal && is_sure).then(|| value.text.clone());
        let known = self.values.entry(name.to_owned()).or_insert_with(|| value.clone());
        if *known != value {
            *known = None;
        }
    }
}

/// The variables that a command sets for the commands after it.
pub(super) fn set_by(command: &SimpleCommand) -> Vec<(String, Word)> {
    match command.words.split_first() {
        None => command.assignments.clone(),
        Some((head, rest)) if SETTERS.contains(&head.text.as_str()) => rest.iter().filter_map(assignment).collect(),
        Some(_) => Vec::new(),
    }
}
