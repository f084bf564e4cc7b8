//! `undersign verify`: the gate for one ref of a push. No network, no writes, no configuration of the inspected repository.

use std::path::Path;
use std::time::Instant;

use clap::Args;

use crate::change::{ObjectId, visible};
use crate::gate::{self, Code, Decided, LedgerSummary, MemorySummary, Outcome, PolicySummary, Reason, RefOutcome};
use crate::ledger;
use crate::memory::Memory;
use crate::policy::Policy;
use crate::record::{Chain, Heads};
use crate::source::git::{GitError, PolicyState, Repository, push};

#[derive(Args)]
pub struct Options {
    /// Full name of the ref that would move
    #[arg(long = "ref", value_name = "REF")]
    name: String,
    /// Where the ref stands; 40 zeros if it does not exist yet
    #[arg(long, value_name = "OID")]
    old: ObjectId,
    /// Where it would stand
    #[arg(long, value_name = "OID")]
    new: ObjectId,
    /// A policy file to judge by, instead of the one on the policy branch
    #[arg(long, value_name = "FILE")]
    policy: Option<std::path::PathBuf>,
    /// Where the gate remembers what it saw; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<std::path::PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Json,
    /// Sentences
    Plain,
}

/// Judges, prints, and gives the exit code. Every path that is no clear yes is non-zero.
pub fn run(options: &Options, repository: Option<&Path>) -> u8 {
    if !options.name.starts_with("refs/") {
        eprintln!("undersign: --ref takes the full name of a ref, such as refs/heads/main.");
        return super::USAGE;
    }
    let started = Instant::now();
    let now = super::now();
    let mut outcome = judge(options, repository.unwrap_or(Path::new(".")), now);
    outcome.elapsed_ms = started.elapsed().as_millis() as u64;
    match options.format {
        Format::Json => outln!("{}", serde_json::to_string_pretty(&outcome).unwrap_or_default()),
        Format::Plain => out!("{}", sentences(&outcome)),
    }
    outcome.outcome.exit_code()
}

fn judge(options: &Options, path: &Path, now: i64) -> Outcome {
    gather(options, path).and_then(|facts| facts.judge(now)).unwrap_or_else(|reason| {
        let name = options.name.clone();
        let nothing = gate::Push { name, old: options.old, new: options.new, steps: Vec::new(), rewind: false };
        outcome(RefOutcome::refused(&nothing, Decided::Undecidable, reason), None, &[], None, now)
    })
}

/// What a verdict rests on.
struct Facts {
    push: gate::Push,
    policy: Policy,
    chains: Vec<Chain>,
    /// None where there is no place to remember anything, and nobody named one.
    memory: Option<Memory>,
}

impl Facts {
    fn judge(mut self, now: i64) -> Result<Outcome, Reason> {
        let nothing = Heads::default();
        let remembered = self.memory.as_ref().map_or(&nothing, Memory::heads);
        let judged = gate::decide(&self.push, &self.policy, &self.chains, remembered, now);
        if let Some(memory) = &mut self.memory {
            // Chains of unknown keys are nobody's, and anyone could fill the memory with them.
            let known = self.chains.iter().filter(|chain| self.policy.roster.by_key_id(&chain.id.key).is_some());
            memory.learn(&Heads::of(known)).map_err(|why| Reason::new(Code::Unreadable, why))?;
        }
        let memory = self.memory.as_ref().map(|memory| MemorySummary { chains: memory.heads().iter().count() });
        Ok(outcome(judged, Some(&self.policy), &self.chains, memory, now))
    }
}

fn gather(options: &Options, path: &Path) -> Result<Facts, Reason> {
    let unreadable = |error: GitError| Reason::new(Code::Unreadable, error.to_string());
    let repository = Repository::open(path).map_err(unreadable)?;
    let memory = match &options.state {
        Some(dir) => Some(Memory::open(dir).map_err(|why| Reason::new(Code::Unreadable, why))?),
        None => default_memory(&repository)?,
    };
    let trunk = repository.target().map_err(unreadable)?;
    // The policy as it stood before the push: of the policy branch itself, that is where the push says it was.
    let before = if trunk.name == options.name && !options.old.is_zero() { options.old } else { trunk.tip };
    let policy = match &options.policy {
        Some(file) => policy_file(file)?,
        None => policy_of(&repository, before)?,
    };
    let push = push::read(&repository, &options.name, options.old, options.new, before).map_err(unreadable)?;
    let chains = ledger::read(&repository).map_err(unreadable)?;
    Ok(Facts { push, policy, chains, memory })
}

/// The state in the git directory; none where that cannot be written and never was, such as a read-only checkout.
fn default_memory(repository: &Repository) -> Result<Option<Memory>, Reason> {
    let dir = repository.common_dir().join("undersign").join("gate");
    match Memory::open(&dir) {
        Ok(memory) => Ok(Some(memory)),
        Err(_) if !dir.exists() => Ok(None),
        Err(why) => Err(Reason::new(Code::Unreadable, why)),
    }
}

fn policy_of(repository: &Repository, commit: ObjectId) -> Result<Policy, Reason> {
    match repository.policy_at(commit) {
        Ok(PolicyState::Found(policy)) => Ok(*policy),
        Ok(PolicyState::Absent) => {
            let detail = "There is no .undersign/policy.toml on the policy branch. `undersign init` writes one.";
            Err(Reason::new(Code::PolicyAbsent, detail))
        }
        Ok(PolicyState::Invalid(refused)) => {
            Err(Reason::new(Code::PolicyInvalid, visible::lines(&refused.to_string())))
        }
        Err(error) => Err(Reason::new(Code::Unreadable, error.to_string())),
    }
}

fn policy_file(file: &Path) -> Result<Policy, Reason> {
    let source = std::fs::read_to_string(file).map_err(|error| {
        Reason::new(Code::PolicyAbsent, format!("The policy file {} cannot be read: {error}.", file.display()))
    })?;
    let name = file.display().to_string();
    Policy::parse(&name, &source)
        .map_err(|refused| Reason::new(Code::PolicyInvalid, visible::lines(&refused.to_string())))
}

fn outcome(
    judged: RefOutcome,
    policy: Option<&Policy>,
    chains: &[Chain],
    memory: Option<MemorySummary>,
    now: i64,
) -> Outcome {
    Outcome {
        schema: "undersign-outcome/v0",
        outcome: judged.outcome,
        enforced: true,
        valid_until: judged.valid_until,
        refs: vec![judged],
        policy: policy.map(|policy| PolicySummary { version: policy.version, digest: policy.digest.to_string() }),
        ledger: LedgerSummary { chains: chains.len(), records: chains.iter().map(|chain| chain.records.len()).sum() },
        memory,
        evaluated_at: now,
        elapsed_ms: 0,
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn sentences(outcome: &Outcome) -> String {
    let mut text = String::new();
    for judged in &outcome.refs {
        let verdict = match judged.outcome {
            Decided::Allow => "may land",
            Decided::Deny => "may not land",
            Decided::Undecidable => "cannot be decided, so it may not land",
        };
        text.push_str(&format!("{}: {verdict}.\n", visible::text(&judged.name)));
        for slot in &judged.requirements {
            let by = if slot.by.is_empty() { String::new() } else { format!(" ({})", slot.by.join(", ")) };
            text.push_str(&format!(
                "  {} needs {} {}, has {}{by}\n",
                slot.compartment, slot.need, slot.slot, slot.have
            ));
        }
        for reason in &judged.reasons {
            text.push_str(&format!("  {}: {}\n", reason.code, reason.detail));
        }
    }
    text
}
