//! FLOOR 1: the policy: who the people are, which refs are protected, which compartments a repository has and who signs
//! for each. It is read from the policy branch in its state before a push, never from the change.

#![warn(missing_docs)]

mod advice;
pub mod argv;
mod ask;
mod away;
mod clock;
#[cfg(feature = "git")]
pub mod codeowners;
mod compartment;
mod crossing;
mod evidence;
mod limits;
pub mod meaning;
mod organization;
mod parse;
mod patterns;
pub(crate) mod reason_codes;
mod refs;
mod requirement;
mod roster;
#[cfg(feature = "git")]
mod services;
mod split;
pub mod target;

#[cfg(feature = "git")]
pub use advice::services_file;
pub use advice::{advice, unfilled};
pub use ask::{Ask, AskedPerson, Load, OpenChange, ask};
pub use away::Away;
pub use clock::{Clock, Deadlines, Terms};
pub use compartment::{Binding, Compartment, Criticality, Slot};
pub use crossing::Crossing;
pub use evidence::{EvidenceNeed, EvidenceSource};
pub use limits::{BreakGlass, Freeze, Limits};
pub use meaning::{Direction, Meaning, meaning};
pub use organization::{Inherited, Organization};
#[cfg(feature = "tui")]
pub(crate) use parse::people::is_address;
pub use refs::{RefProtection, RefRule, Refs};
pub use requirement::{Ai, Asked, Requirement, Signer, SlotState, Violation};
pub use roster::{Enrolment, Person, PersonKind, Rank, Revocation, Roster, Unfit};
#[cfg(feature = "git")]
pub use services::{SERVICES_FILE, Service, Services};
pub use split::SplitChange;
pub use target::{Broker, CommandEntry, Level, Target};

use std::collections::{BTreeSet, HashMap};

use crate::change::RepoPath;
use crate::change::digest::Digest;
use crate::change::spelling;
use crate::datafile::{FileError, Mistake};

/// The name of the compartment for what no other matches.
pub const DEFAULT: &str = "default";
/// The name under which the requirement of the `[ai]` table is listed.
pub const AI: &str = "ai";
/// The name for `[hidden]`: invisible characters.
pub const HIDDEN: &str = "hidden";
/// The name for `[break_glass]`.
pub const BREAK_GLASS: &str = "break-glass";
/// Names that no compartment may have.
const RESERVED: [&str; 3] = [AI, HIDDEN, BREAK_GLASS];
/// What the names of compartments, freezes and requirements of an organization begin with.
pub const INHERITED: &str = "org/";
/// The file of an organization, in a repository of its own.
pub const ORGANIZATION_FILE: &str = ".undersign/organization.toml";
/// The file itself; its compartment must be `solo`.
pub const POLICY_FILE: &str = ".undersign/policy.toml";

/// A policy that was read completely and found consistent.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Grows by at least 1 with every change of the file; an older one is refused as `POLICY_STALE`.
    pub version: u64,
    /// Stable id of the repository, signed into each decision: a fork's copy is a different repository.
    pub repository: String,
    /// Lets an author's own signature count. Every outcome that rests on it says so.
    pub self_review: bool,
    /// Seconds since the epoch; after that, only a change of the policy lands.
    pub expires: Option<i64>,
    /// Whose statement about a commit's author is believed.
    pub author_proof: AuthorProof,
    /// Who the people are, and their keys.
    pub roster: Roster,
    /// Which refs are protected, which are open.
    pub refs: Refs,
    /// What AI assistance requires in addition.
    pub ai: AiRules,
    /// The parts of the repository, including [`DEFAULT`]; a path is in every compartment that matches it.
    pub compartments: Vec<Compartment>,
    /// The most that one change may do.
    pub limits: Limits,
    /// Periods in which nothing lands.
    pub freezes: Vec<Freeze>,
    /// How an emergency is let through; without it, none is.
    pub break_glass: Option<BreakGlass>,
    /// The terms by which the review of earlier emergencies is owed: those of [`Policy::break_glass`], or of repository
    /// and organization each.
    pub owed_by: Vec<BreakGlass>,
    /// Who signs in addition if a change adds characters that are not visible.
    pub hidden: Vec<Slot>,
    /// The programs that run commands requested by agents.
    pub brokers: Vec<Broker>,
    /// Where commands run, and who authorizes them.
    pub targets: Vec<Target>,
    /// Whose statements count as weaker evidence.
    pub evidence: Vec<EvidenceSource>,
    /// By when changes are to be signed; none if nothing is ever due. Nothing lands or is refused by it.
    pub clock: Option<Clock>,
    /// What comes from an organization; none if the policy inherits nothing.
    pub inherited: Option<Inherited>,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Of all that applies: of the file, or of that and the organization's together.
    pub whole: Digest,
}

/// What counts as proof of a commit's author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorProof {
    /// The author named in the commit.
    Claimed,
    /// A signature by the author's key, or the author pushing it; otherwise whoever committed and whoever pushed count
    /// as authors too.
    Proven,
}

/// What AI assistance requires in addition: outside seniors, by the lowest rank among the authors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiRules {
    /// Every change counts as AI-assisted, with or without a sign of it.
    pub presume: bool,
    /// The number of seniors who are needed if a junior is among the authors.
    pub junior: usize,
    /// If the lowest rank among the authors is `mid`.
    pub mid: usize,
    /// If every author is a senior.
    pub senior: usize,
    /// If no author is in the roster.
    pub none: usize,
    /// Roles that may sign that no AI was used.
    pub human_only_by: Vec<String>,
}

impl AiRules {
    /// Where a policy says nothing: presumed, one outside senior, two if no known person wrote it.
    pub const STRICT: AiRules =
        AiRules { presume: true, junior: 1, mid: 1, senior: 1, none: 2, human_only_by: Vec::new() };
    /// Nothing is required.
    pub const NONE: AiRules =
        AiRules { presume: false, junior: 0, mid: 0, senior: 0, none: 0, human_only_by: Vec::new() };
}

/// Bytes; a larger policy file is refused.
pub const MAX_FILE: usize = 1 << 20;

/// # Errors
/// It is larger than [`MAX_FILE`], or not UTF-8.
fn text<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, FileError> {
    let refused = |line, text: &str| {
        let mistakes = vec![Mistake { line, text: text.to_owned() }];
        Err(FileError { file: file.to_owned(), mistakes })
    };
    if bytes.len() > MAX_FILE {
        return refused(1, "the file is larger than 1 MiB");
    }
    std::str::from_utf8(bytes).or_else(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
        refused(line, "the file is not UTF-8")
    })
}

impl Policy {
    /// Reads the bytes of a policy file. What `inherits` in it means is in the organization.
    ///
    /// # Errors
    /// It is larger than [`MAX_FILE`], not UTF-8, or has mistakes: all of them.
    pub fn read(file: &str, bytes: &[u8], organization: Option<&Organization>) -> Result<Policy, FileError> {
        let source = text(file, bytes)?;
        parse::parse(file, source, organization)
    }

    /// Reads the text of a policy file that inherits nothing; a file with mistakes is refused as a whole, and all of
    /// them are reported.
    pub fn parse(file: &str, source: &str) -> Result<Policy, FileError> {
        parse::parse(file, source, None)
    }

    /// The compartments that contain the policy itself, and not all that no other contains.
    pub fn own_compartments(&self) -> Vec<&Compartment> {
        let mut own = self.compartments_of(&RepoPath::from(POLICY_FILE));
        own.retain(|compartment| !compartment.is_default());
        own
    }

    /// Why not whoever signs for the policy signs for the file of an organization, and for nothing else with it, if so.
    pub fn unguarded(&self) -> Option<String> {
        let holding = self.compartments_of(&RepoPath::from(ORGANIZATION_FILE));
        let why = || format!("no compartment of its policy that is `solo` holds {ORGANIZATION_FILE}");
        (!holding.iter().any(|compartment| compartment.solo)).then(why)
    }

    /// A source of evidence by its name.
    pub fn evidence_source(&self, name: &str) -> Option<&EvidenceSource> {
        self.evidence.iter().find(|source| source.name == name)
    }

    /// The sources of evidence that a key, by its id, signs for.
    pub fn evidence_by(&self, key: &str) -> impl Iterator<Item = (&EvidenceSource, &Enrolment)> {
        self.evidence.iter().filter_map(move |source| Some((source, source.enrolment(key)?)))
    }

    /// The compartments of a path: all that match, else the default one.
    pub fn compartments_of(&self, path: &RepoPath) -> Vec<&Compartment> {
        let spellings = spelling::spellings(path);
        self.in_any(|compartment| compartment.holds_any(&spellings))
    }

    /// The compartments that a link affects by its destination: all that contain it or are below it, otherwise the
    /// default one.
    fn compartments_at(&self, place: &RepoPath) -> Vec<&Compartment> {
        self.in_any(|compartment| compartment.lies_at(place))
    }

    /// As [`Policy::compartments_of`], for many paths.
    fn finder(&self) -> CompartmentFinder<'_> {
        CompartmentFinder::of(self)
    }

    fn in_any(&self, lies: impl Fn(&Compartment) -> bool) -> Vec<&Compartment> {
        self.those_or_default(&self.compartments.iter().filter(|c| lies(c)).collect::<Vec<_>>())
    }

    /// Of compartments that contain something, those that count: the default of the repository, and that of its
    /// organization, contain only what no other of the same origin does.
    fn those_or_default<'p>(&'p self, holding: &[&'p Compartment]) -> Vec<&'p Compartment> {
        let of = |is_inherited: bool| {
            let is_own = |c: &&Compartment| c.is_inherited == is_inherited;
            let named: Vec<_> = holding.iter().copied().filter(|c| is_own(c) && !c.is_default()).collect();
            let default = || self.compartments.iter().filter(|c| is_own(c) && c.is_default()).collect();
            if named.is_empty() { default() } else { named }
        };
        if self.inherited.is_none() { of(false) } else { [of(false), of(true)].concat() }
    }
}

#[cfg(feature = "git")]
impl Services {
    /// Reads the bytes of a file of services.
    ///
    /// # Errors
    /// It is larger than [`MAX_FILE`], not UTF-8, or has mistakes: all of them.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Services, FileError> {
        parse::services(file, text(file, bytes)?)
    }
}

/// The compartments of a policy by the first names of what they contain: a policy of some hundred compartments is asked
/// for each path of a push, and most contain what one folder does.
struct CompartmentFinder<'p> {
    policy: &'p Policy,
    by_first_name: HashMap<String, Vec<usize>>,
    /// Those that may contain a path of any name.
    of_any_name: Vec<usize>,
}

impl<'p> CompartmentFinder<'p> {
    fn of(policy: &'p Policy) -> CompartmentFinder<'p> {
        let mut finder = CompartmentFinder { policy, by_first_name: HashMap::new(), of_any_name: Vec::new() };
        for (at, compartment) in policy.compartments.iter().enumerate() {
            match compartment.paths.first_names() {
                None => finder.of_any_name.push(at),
                Some(names) => {
                    for name in names {
                        finder.by_first_name.entry(name.to_ascii_lowercase()).or_default().push(at);
                    }
                }
            }
        }
        finder
    }

    /// As [`Policy::compartments_of`].
    fn compartments_of(&self, path: &RepoPath) -> Vec<&'p Compartment> {
        let spellings = spelling::spellings(path);
        // Beyond ASCII, more than letter case may differ.
        if !spellings.iter().all(|path| path.is_ascii()) {
            return self.policy.compartments_of(path);
        }
        let first = |path: &str| path.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let named = spellings.iter().filter_map(|path| self.by_first_name.get(&first(path))).flatten();
        let asked: BTreeSet<usize> = named.chain(&self.of_any_name).copied().collect();
        let asked = asked.into_iter().map(|at| &self.policy.compartments[at]);
        let holding: Vec<_> = asked.filter(|one| one.holds_any(&spellings)).collect();
        self.policy.those_or_default(&holding)
    }
}

#[cfg(test)]
mod tests;
