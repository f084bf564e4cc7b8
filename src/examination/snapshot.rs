//! A repository as it stands when it is opened: its target, its policy, its rules and what was decided in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::packages;
use crate::datafile::FileError;
use crate::gate::{self, Reason};
use crate::ledger;
use crate::policy::{Policy, Services};
use crate::record::Chain;
use crate::risk::{PackFile, Rulebook, Rules};
use crate::source::git::{GitError, NotesRefs, PolicyState, Repository, TargetBranch};

/// What is known about a repository when it is opened, before its changes are examined.
#[derive(Debug, Clone)]
pub struct RepositorySnapshot {
    pub root: PathBuf,
    /// The git directory that its work trees share.
    pub common_dir: PathBuf,
    pub name: String,
    pub uri: String,
    pub target: TargetBranch,
    pub policy: PolicyState,
    /// Which service a path belongs to; or why its file cannot be used.
    pub services: Result<Services, FileError>,
    pub chains: Vec<Chain>,
    /// Why a gate could not judge by these chains: a rejection may be missing from them.
    pub ledger_fault: Option<Reason>,
    /// The remote that is the project, if its decisions were never fetched.
    pub unread: Option<String>,
    /// Chains of evidence, read once a policy asks for some.
    pub evidence: Arc<ledger::evidence::Book>,
    /// Chains of drills, read once a refusal is explained.
    pub drills: Arc<ledger::drills::Book>,
    /// The packages of the trees that its changes begin with.
    pub packages: Arc<packages::PackagesOf>,
    pub notes: NotesRefs,
    /// The rules that apply here: this is the only place that determines them.
    pub rules: Rulebook,
}

impl RepositorySnapshot {
    /// Opens a repository and reads target, policy and ledger.
    pub fn open(path: &Path) -> Result<(Repository, RepositorySnapshot), GitError> {
        RepositorySnapshot::open_for(path, None)
    }

    /// As [`RepositorySnapshot::open`], with a target ref by its full name.
    pub fn open_for(path: &Path, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), GitError> {
        RepositorySnapshot::of(Repository::open(path)?, target)
    }

    /// As it is now, under the name that it has.
    pub fn reopened(&self, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), GitError> {
        let repository = Repository::open(&self.root)?.named_as(self.name.clone());
        RepositorySnapshot::of(repository, target)
    }

    /// Reads target, policy and ledger of an opened one.
    pub fn of(repository: Repository, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), GitError> {
        let target = target.map_or_else(|| repository.target(), |name| repository.target_named(name))?;
        let policy_branch = repository.target().unwrap_or_else(|_| target.clone());
        let (policy, chains) = (repository.policy_at(policy_branch.tip)?, ledger::read_with_remotes(&repository)?);
        let ledger_fault = match &policy {
            PolicyState::Found(policy) => gate::unsound(policy, &chains),
            PolicyState::Absent | PolicyState::Invalid(_) => None,
        };
        let snapshot = RepositorySnapshot {
            root: repository.root.clone(),
            common_dir: repository.common_dir().to_path_buf(),
            name: repository.name.clone(),
            uri: repository.uri(),
            policy,
            // Like the policy, they come from the policy branch.
            services: repository.services_at(policy_branch.tip)?,
            chains,
            ledger_fault,
            unread: ledger::never_read(&repository),
            evidence: Arc::default(),
            drills: Arc::default(),
            packages: Arc::default(),
            notes: NotesRefs::of(&repository),
            // Like the policy, they come from the policy branch: a change cannot bring rules for itself.
            rules: Rulebook::with(repository.rule_packs_at(policy_branch.tip)?),
            target,
        };
        Ok((repository, snapshot))
    }

    /// The same with the decisions that are here now: target and policy stay as they were read.
    pub fn with_decisions_of(&self, repository: &Repository) -> Result<RepositorySnapshot, GitError> {
        let chains = ledger::read_with_remotes(repository)?;
        let ledger_fault = self.policy().and_then(|policy| gate::unsound(policy, &chains));
        let (unread, evidence) = (ledger::never_read(repository), Arc::default());
        Ok(RepositorySnapshot { chains, ledger_fault, unread, evidence, ..self.clone() })
    }

    /// The same with the user's own packs.
    pub fn with_packs(self, own: &[PackFile]) -> RepositorySnapshot {
        RepositorySnapshot { rules: self.rules.and(own), ..self }
    }

    /// That decisions may be missing here, as a sentence; none without a policy by which any count.
    pub fn told_unread(&self) -> Option<String> {
        self.unread.as_deref().filter(|_| self.policy().is_some()).map(ledger::told_unread)
    }

    /// Whether requests for commands can be pending here.
    pub fn has_targets(&self) -> bool {
        self.policy().is_some_and(|policy| !policy.targets.is_empty())
    }

    /// All rules that examine its changes.
    pub fn rules(&self) -> &Rules {
        self.rules.rules()
    }

    pub fn policy(&self) -> Option<&Policy> {
        match &self.policy {
            PolicyState::Found(policy) => Some(policy),
            _ => None,
        }
    }
}

/// The rules that apply in a repository, also without a target, when only the user's own packs are known.
pub fn rulebook(repository: &Repository) -> Result<Rulebook, GitError> {
    let policy_branch = repository.target().ok();
    let packs = policy_branch.map(|branch| repository.rule_packs_at(branch.tip)).transpose()?;
    Ok(Rulebook::with(packs.unwrap_or_default()))
}
