//! `undersign verify`: the gate. Says whether a push may land, by exit code, JSON and sentences.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::change::{ObjectId, visible};
use crate::enforcement::{self, MAX_REFS, Request, Settings, Update};
use crate::gate::{Code, Decided, Lands, Outcome, Reason, ReasonEffect, RefOutcome, SlotState};

/// A look back that found nothing wrong. Never 0: it is not a pass.
const WOULD_ALLOW: u8 = 3;
/// Bytes of one line of what a hook is told.
const MAX_LINE: usize = 8 << 10;

#[derive(Args)]
pub struct Options {
    /// Full name of the ref that would move
    #[arg(long = "ref", value_name = "REF", required_unless_present = "pre_receive")]
    name: Option<String>,
    /// Where the ref stands; 40 zeros if it does not exist yet
    #[arg(long, value_name = "OID", required_unless_present = "pre_receive")]
    old: Option<ObjectId>,
    /// Where it would stand
    #[arg(long, value_name = "OID", required_unless_present = "pre_receive")]
    new: Option<ObjectId>,
    /// Read all moves of a push from standing input, as git's pre-receive hook gets them
    #[arg(long, conflicts_with_all = ["name", "old", "new", "at"])]
    pre_receive: bool,
    /// --new is the head of a proposal: judge what merging it into --old now would do
    #[arg(long, conflicts_with = "pre_receive")]
    proposal: bool,
    /// How the host lands a proposal: ff, merge (always a merge commit), squash or rebase; what a rebase may land, the
    /// others may too
    #[arg(long, value_name = "METHOD", default_value_t, requires = "proposal")]
    lands: Lands,
    /// Judge as of a time, 2026-11-24T09:30:00Z, to look back; lets nothing through
    #[arg(long, value_name = "TIME", requires = "audit")]
    at: Option<jiff::Timestamp>,
    /// Say that this is a look back: exit 3 instead of 0
    #[arg(long, requires = "at")]
    audit: bool,
    #[command(flatten)]
    gate: GateOptions,
    #[command(flatten)]
    summary: super::summary::SummaryOptions,
    /// What to print
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How the gate is set up. By whoever runs it: nothing in a repository sets any of this.
#[derive(Args, Clone)]
pub struct GateOptions {
    /// A policy file to judge by, instead of the one on the policy branch
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The organization that policies inherit from: its repository, a copy that `undersign org fetch` keeps, or its
    /// file
    #[arg(long, value_name = "PATH")]
    organization: Option<PathBuf>,
    /// Full name of the branch that holds the policy; by default the one that HEAD of a repository that is pushed to
    /// names
    #[arg(long, value_name = "REF")]
    policy_branch: Option<String>,
    /// The id that the policy must give the repository, so that approvals of another are worth nothing here
    #[arg(long, value_name = "ID")]
    repository_id: Option<String>,
    /// Where the gate remembers what it saw; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that vouches for that state, 64 hex digits; by default in the git directory, so that a copied state is
    /// not believed
    #[arg(long, value_name = "FILE")]
    state_key: Option<PathBuf>,
    /// Who pushes, as the host authenticated them: an account that the policy lists
    #[arg(long, value_name = "ID", conflicts_with = "pusher_env")]
    pusher: Option<String>,
    /// The variable in which the host says who pushes: GL_USERNAME, GITEA_PUSHER_NAME, REMOTE_USER …
    #[arg(long, value_name = "NAME")]
    pusher_env: Option<String>,
    /// Seconds that one push may take to judge, 1 to 86400; after that it is not decided. By default 120, of a service
    /// 30
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: Option<u64>,
    /// MiB of decisions that are read for one push; they are held in memory
    #[arg(long, value_name = "MIB", default_value_t = enforcement::MAX_LEDGER >> 20,
        value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    max_ledger: u64,
    /// Say what would be denied, and let everything through
    #[arg(long)]
    report_only: bool,
}

/// Seconds that one push may take, unless told otherwise: a person waits for `git push`.
const DEADLINE: u64 = 120;

impl GateOptions {
    /// `deadline` is in seconds, for where none is given.
    pub fn settings_within(&self, deadline: u64) -> Settings {
        Settings {
            has_landed: false,
            deadline: Some(Duration::from_secs(self.deadline.unwrap_or(deadline))),
            max_ledger: Some(self.max_ledger << 20),
            organization: self.organization.clone(),
            policy: self.policy.clone(),
            branch: self.policy_branch.clone(),
            repository_id: self.repository_id.clone(),
            state: self.state.clone(),
            state_key: self.state_key.clone(),
            report_only: self.report_only,
            lasting: false,
        }
    }

    pub fn settings(&self) -> Settings {
        self.settings_within(DEADLINE)
    }

    pub fn has_organization(&self) -> bool {
        self.organization.is_some()
    }

    pub fn has_policy(&self) -> bool {
        self.policy.is_some()
    }

    #[cfg(feature = "serve")]
    pub fn names_pusher(&self) -> bool {
        self.pusher.is_some() || self.pusher_env.is_some()
    }

    pub fn is_report_only(&self) -> bool {
        self.report_only
    }

    /// The same as words of a command line, with paths that hold from any folder.
    pub fn as_arguments(&self, here: &Path) -> Vec<String> {
        let path = |path: &PathBuf| here.join(path).display().to_string();
        let given = [
            ("--organization", self.organization.as_ref().map(path)),
            ("--policy", self.policy.as_ref().map(path)),
            ("--policy-branch", self.policy_branch.clone()),
            ("--repository-id", self.repository_id.clone()),
            ("--state", self.state.as_ref().map(path)),
            ("--state-key", self.state_key.as_ref().map(path)),
            ("--pusher", self.pusher.clone()),
            ("--pusher-env", self.pusher_env.clone()),
            ("--deadline", self.deadline.map(|seconds| seconds.to_string())),
            ("--max-ledger", other_than(enforcement::MAX_LEDGER >> 20, self.max_ledger)),
        ];
        let words = given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
        words.flatten().chain(self.report_only.then(|| "--report-only".to_owned())).collect()
    }

    fn pusher(&self) -> Option<String> {
        let told = self.pusher_env.as_ref().and_then(|name| std::env::var(name).ok());
        self.pusher.clone().or(told).filter(|name| !name.trim().is_empty())
    }
}

/// A number as a word, unless it is what holds without it.
fn other_than(usual: u64, given: u64) -> Option<String> {
    (given != usual).then(|| given.to_string())
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Json,
    /// Sentences
    Plain,
}

/// Judges, prints, and gives the exit code. Every path that is not a clear yes is non-zero.
pub fn run(options: &Options, repository: Option<&Path>) -> u8 {
    let updates = match updates(options) {
        Ok(updates) => updates,
        Err(why) => {
            eprintln!("undersign: {why}");
            return super::USAGE;
        }
    };
    // Git does not call a hook for an empty push: the caller has not passed on git's input.
    if updates.is_empty() {
        eprintln!(
            "undersign: standard input names no move of a ref, so there is nothing to judge and nothing may land."
        );
        return super::USAGE;
    }
    let path = repository.unwrap_or(Path::new("."));
    let Some(path) = path.to_str() else {
        eprintln!("undersign: the repository's path is not UTF-8.");
        return super::USAGE;
    };
    let request = Request {
        repository: path,
        quarantine: if options.pre_receive { quarantine() } else { Vec::new() },
        ahead: options.pre_receive,
        updates,
        pusher: options.gate.pusher(),
        proposal: options.proposal,
        lands: options.lands,
        at: options.at.map(jiff::Timestamp::as_second),
    };
    let outcome = enforcement::judge(&request, &options.gate.settings(), crate::clock::now());
    let format = options.format.unwrap_or(if options.pre_receive { Format::Plain } else { Format::Json });
    print(&outcome, format, options.pre_receive);
    if let Some(new) = options.new
        && let Err(why) = options.summary.write(&outcome, Path::new(path), new)
    {
        eprintln!("undersign: {why}");
        return Decided::Undecidable.exit_code();
    }
    exit_code(&outcome, options.audit)
}

/// The code of an outcome. A report only is 0 whatever it says; a look back never.
fn exit_code(outcome: &Outcome, audit: bool) -> u8 {
    match outcome.outcome {
        Decided::Allow if audit => WOULD_ALLOW,
        decided if audit => decided.exit_code(),
        _ => outcome.exit_code(),
    }
}

fn updates(options: &Options) -> Result<Vec<Update>, String> {
    if options.pre_receive {
        return from_hook(std::io::stdin().lock());
    }
    let (Some(name), Some(old), Some(new)) = (&options.name, options.old, options.new) else {
        return Err("--ref, --old and --new go together.".to_owned());
    };
    if !name.starts_with("refs/") {
        return Err("--ref takes the full name of a ref, such as refs/heads/main.".to_owned());
    }
    Ok(vec![Update { name: name.clone(), old, new }])
}

/// `<old> <new> <ref>` a line, as git writes it.
fn from_hook(input: impl std::io::BufRead) -> Result<Vec<Update>, String> {
    let malformed =
        || "standard input is not in the format of a pre-receive hook: one `<old> <new> <ref>` per line.".to_owned();
    let mut updates = Vec::new();
    for line in input.split(b'\n') {
        let line = line.map_err(|error| format!("standard input cannot be read: {error}."))?;
        if updates.len() > MAX_REFS || line.len() > MAX_LINE {
            return Err(format!(
                "a push of more than {MAX_REFS} refs, or a name of more than {MAX_LINE} bytes, is not judged."
            ));
        }
        // No policy names a ref whose name is not UTF-8.
        let text = String::from_utf8_lossy(&line);
        let mut parts = text.splitn(3, ' ');
        let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or_else(malformed);
        let (old, new, name) = (next()?, next()?, next()?);
        let id = |text: &str| text.parse().map_err(|_| malformed());
        updates.push(Update { name: name.to_owned(), old: id(old)?, new: id(new)? });
    }
    Ok(updates)
}

/// Where git keeps what is pushed until the hook agrees.
fn quarantine() -> Vec<PathBuf> {
    let list = |name: &str| std::env::var_os(name).map(|value| std::env::split_paths(&value).collect::<Vec<_>>());
    ["GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"].into_iter().filter_map(list).flatten().collect()
}

fn print(outcome: &Outcome, format: Format, hook: bool) {
    match format {
        Format::Json => super::print_json(outcome),
        Format::Plain if hook => {
            // Git shows the pusher the hook's output on either stream; a push that lands needs no other words than
            // these.
            let _ = std::io::stderr().write_all(hook_text(outcome).as_bytes());
        }
        Format::Plain => out!("{}", sentences(outcome)),
    }
}

/// What a pusher reads: refs that may land are not worth a line, unless something must be said of them.
fn hook_text(outcome: &Outcome) -> String {
    let speaks = |judged: &&RefOutcome| {
        judged.outcome != Decided::Allow || judged.break_glass || judged.reasons.iter().any(concerns_others)
    };
    let mut text: String = outcome.refs.iter().filter(speaks).map(|judged| of_ref(judged, false)).collect();
    if !outcome.enforced && outcome.outcome != Decided::Allow {
        text.push_str("undersign only reports here: it lands all the same.\n");
    } else if outcome.outcome != Decided::Allow && outcome.refs.len() > 1 {
        text.push_str("Nothing of this push landed.\n");
    }
    text
}

/// It lands, and something has to be done about other refs: nobody would hear of it later.
fn concerns_others(reason: &Reason) -> bool {
    reason.effect == ReasonEffect::Said && reason.code == Code::NotAState
}

fn sentences(outcome: &Outcome) -> String {
    let mut text: String = outcome.refs.iter().map(|judged| of_ref(judged, true)).collect();
    if !outcome.enforced {
        text.push_str("This is a report: it stops nothing.\n");
    }
    text
}

fn of_ref(judged: &RefOutcome, whole: bool) -> String {
    let verdict = match judged.outcome {
        Decided::Allow => "may land",
        Decided::Deny => "may not land",
        Decided::Undecidable => "cannot be decided, so it may not land",
    };
    let mut text = format!("{}: {verdict}.\n", visible::text(&judged.name));
    // The reason for an open slot says all that this line would.
    let is_told = |slot: &SlotState| !slot.is_filled() && judged.reasons.iter().any(|reason| reason.is_of(slot));
    for slot in judged.requirements.iter().filter(|slot| !is_told(slot)) {
        let by = if slot.by.is_empty() { String::new() } else { format!(" ({})", slot.by.join(", ")) };
        let line = format!("  {} needs {} {}, has {}{by}\n", slot.compartment, slot.need, slot.slot, slot.have);
        text.push_str(&line);
    }
    let is_said = |reason: &&Reason| {
        whole || reason.effect != ReasonEffect::Said || judged.break_glass || concerns_others(reason)
    };
    for reason in judged.reasons.iter().filter(is_said) {
        text.push_str(&format!("  {}: {}\n", reason.code, reason.detail));
    }
    let unsigned = |reason: &Reason| matches!(reason.code, Code::Unsigned | Code::AiUnsigned);
    let is_vetoed = judged.reasons.iter().any(|reason| reason.code == Code::Vetoed);
    if judged.outcome == Decided::Deny && !is_vetoed && judged.reasons.iter().any(unsigned) {
        // The most common reason for a missing signature is a record that was not sent.
        text.push_str("  If it is signed: `undersign sync` in the clone where it was signed sends the decision.\n");
    }
    text
}
