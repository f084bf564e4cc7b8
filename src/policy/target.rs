//! `[broker.NAME]` and `[target.NAME]`: where commands requested by agents run, what runs them, and who authorizes
//! them.

use std::fmt;

use super::argv::Argument;
use super::{Person, Policy, Requirement, Slot};
use crate::record::{Key, Presence};

/// The name under which the requirement of every request to a target is listed.
pub const SIGN: &str = "sign";
/// The name of the additional requirement of destructive ones.
pub const DESTRUCTIVE: &str = "destructive";

/// A program that admits requests, runs what was authorized, and signs the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its name in the policy.
    pub name: String,
    /// The key with which it signs: not a person's, so it fills no slot.
    pub key: Key,
}

/// What, apart from its own good will, separates an agent from a target. Ordered from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A hook of the agent asks; nothing else restrains it.
    L0,
    /// A broker runs the commands, in the account of the requester.
    L1,
    /// The credential belongs to another account.
    L2,
    /// The credential is created for a single run.
    L3,
    /// The target verifies the records itself.
    L4,
}

impl Level {
    /// All of them, from weak to strong.
    pub const ALL: [Level; 5] = [Level::L0, Level::L1, Level::L2, Level::L3, Level::L4];

    /// The word in policies and receipts.
    pub fn name(self) -> &'static str {
        match self {
            Level::L0 => "L0",
            Level::L1 => "L1",
            Level::L2 => "L2",
            Level::L3 => "L3",
            Level::L4 => "L4",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who starts an authorized run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The requester, by a second call.
    Call,
    /// The broker, as soon as it may.
    Authorized,
}

/// A production environment. Times are seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in the policy.
    pub name: String,
    /// The name of its one broker.
    pub broker: String,
    /// A description of it, for people.
    pub about: String,
    /// If less is proven, nothing runs.
    pub level: Level,
    /// Whose authorizations each request needs, except those of [`CommandEntry::unasked`].
    pub sign: Vec<Slot>,
    /// Whose authorizations a destructive request needs in addition.
    pub destructive: Vec<Slot>,
    /// What each authorization must prove about the presence of the signer.
    pub presence: Presence,
    /// The longest time for which an authorization counts from its signature, and a request from its admission.
    pub valid: i64,
    /// The most open requests of one operator.
    pub pending: usize,
    /// Names of the policy's freezes during which nothing starts.
    pub freezes: Vec<String>,
    /// How long the broker must have known the last authorization of a destructive request.
    pub cooling: i64,
    /// The greatest age of the broker's last reading of the ledger.
    pub fresh: i64,
    /// Who starts what was authorized.
    pub start: Start,
    /// How an emergency is let through; without it, none is.
    pub break_glass: Option<TargetBreakGlass>,
    /// The allowed commands, in the order of the file. Anything else is destructive.
    pub commands: Vec<CommandEntry>,
}

/// How a target lets an emergency through, and what is owed afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBreakGlass {
    /// Whose signatures let one through.
    pub sign: Vec<Slot>,
    /// Whether the operator's signature counts, too.
    pub operator: bool,
    /// The least that each of them must prove about the presence of the signer.
    pub presence: Presence,
    /// The most runs in any 30 days.
    pub max_per_30d: usize,
    /// Seconds within which it must be authorized in the ordinary way; after that, nothing more runs there.
    pub debt_after: i64,
}

/// A command that may be requested: a runbook of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEntry {
    /// Its name in requests.
    pub name: String,
    /// One pattern for each argument; the first is the program, an absolute path.
    pub argv: Vec<Argument>,
    /// Variables that a draft may set.
    pub env: Vec<String>,
    /// Runs without anybody's authorization, but is admitted and receipted.
    pub unasked: bool,
}

impl CommandEntry {
    /// Whether this allows a command, given its inputs by role and path.
    pub fn allows(&self, argv: &[String], inputs: &[(&str, &str)]) -> bool {
        let allowed = |(pattern, argument): (&Argument, &String)| pattern.allows(argument, &mut inputs.iter().copied());
        argv.len() == self.argv.len() && self.argv.iter().zip(argv).all(allowed)
    }

    /// The roles of the command's inputs.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.argv.iter().filter_map(|argument| match argument {
            Argument::Input(role) => Some(role.as_str()),
            _ => None,
        })
    }
}

impl Target {
    /// The first entry that matches a command.
    pub fn entry(&self, argv: &[String], inputs: &[(&str, &str)]) -> Option<&CommandEntry> {
        self.commands.iter().find(|entry| entry.allows(argv, inputs))
    }

    /// The requirements of a request, each of which must be filled separately.
    pub fn requirements(&self, is_destructive: bool, is_unasked: bool) -> Vec<Requirement> {
        let of = |name: &str, slots: &[Slot], cooling: i64| Requirement {
            slots: slots.to_vec(),
            presence: self.presence,
            cooling,
            ..Requirement::named(name)
        };
        match (is_destructive, is_unasked) {
            (true, _) => {
                vec![of(SIGN, &self.sign, self.cooling), of(DESTRUCTIVE, &self.destructive, self.cooling)]
            }
            (false, true) => Vec::new(),
            (false, false) => vec![of(SIGN, &self.sign, 0)],
        }
    }

    /// What lets an emergency through.
    pub fn emergency(&self) -> Option<Requirement> {
        let terms = self.break_glass.as_ref()?;
        Some(Requirement {
            slots: terms.sign.clone(),
            presence: terms.presence,
            ..Requirement::named(super::BREAK_GLASS)
        })
    }
}

/// Whether a variable changes what a program loads or runs, or adds to its arguments: variables of the loader, of
/// interpreters and shells, and those from which tools read arguments.
pub fn is_loaded(name: &str) -> bool {
    const STARTS: [&str; 14] = [
        "LD_",
        "DYLD_",
        "PYTHON",
        "PERL",
        "RUBY",
        "NODE_",
        "JAVA_",
        "BASH_",
        "TF_CLI_",
        "TF_PLUGIN",
        "GIT_",
        "SSH_",
        "KUBE",
        "GCONV_",
    ];
    const NAMES: [&str; 18] = [
        "PATH",
        "HOME",
        "ENV",
        "IFS",
        "SHELL",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "PSQLRC",
        "PSQL_PAGER",
        "PSQL_EDITOR",
        "PGSERVICEFILE",
        "PGSYSCONFDIR",
        "PGPASSFILE",
        "MYSQL_HOME",
        "XDG_CONFIG_HOME",
        "TERRAFORM_CONFIG",
        "TF_CONFIG_FILE",
    ];
    let name = name.to_ascii_uppercase();
    STARTS.iter().any(|start| name.starts_with(start))
        || NAMES.contains(&name.as_str())
        || name.ends_with("_ENDPOINT_URL")
}

impl Policy {
    /// A target by its name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// The key of a target's broker.
    pub fn broker_of(&self, target: &Target) -> Option<&Broker> {
        self.brokers.iter().find(|broker| broker.name == target.broker)
    }

    /// The freeze that currently prevents starts at a target, if there is one.
    pub fn frozen(&self, target: &Target, now: i64) -> Option<&super::Freeze> {
        let on = |freeze: &&super::Freeze| {
            target.freezes.contains(&freeze.name) && (freeze.from..freeze.until).contains(&now)
        };
        self.freezes.iter().find(on)
    }

    /// Whether a person could authorize something at a target.
    pub fn may_authorize(&self, target: &Target, person: &Person, now: i64) -> bool {
        let slots = target.sign.iter().chain(&target.destructive);
        slots.into_iter().any(|slot| person.could_fill(&slot.role, target.presence, now))
    }
}
