//! Asks the gate's own rules what they would have said when something landed: by the policy of that time, and the
//! records that were known then. Nothing is decided here.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::book::Book;
use super::policies::Held;
use super::report::Decision;
use crate::change::{ObjectId, RepoPath};
use crate::gate::{Code, Decided, Input, PushEvaluation, Reason, RefOutcome, Remembered, States, Update};
use crate::ledger::evidence;
use crate::policy::{AuthorProof, Policy};
use crate::source::git::organization::Known;
use crate::source::git::push::Commits;
use crate::source::git::{GitError, Objects, Repository};

/// The most times at which one segment is judged.
const MAX_TIMES: usize = 8;
/// The number of questions that a thread takes at once.
const SHARE: usize = 16;

/// A question about one segment.
#[derive(Debug, Clone)]
pub struct Question {
    pub from: ObjectId,
    pub to: ObjectId,
    /// The digest of its change; empty if no record matches it.
    pub manifest: String,
    /// Paths of it that records name.
    pub near: Vec<RepoPath>,
    pub pusher: Option<String>,
    /// The times at which to judge, the earliest first: the first at which it may land counts, otherwise the first of
    /// all.
    pub times: Vec<i64>,
    /// The policy before the segment.
    pub held: Held,
    /// What policies inherited from then.
    pub organization: Known,
}

/// The answer of the rules.
#[derive(Debug, Clone)]
pub struct Judged {
    pub at: i64,
    pub outcome: RefOutcome,
}

impl Judged {
    pub fn decision(&self) -> Decision {
        match self.outcome.outcome {
            Decided::Undecidable => Decision::Undecidable,
            Decided::Deny => Decision::Unapproved,
            Decided::Allow if self.outcome.break_glass => Decision::BreakGlass,
            Decided::Allow if self.outcome.records.is_empty() => Decision::Nothing,
            Decided::Allow => Decision::Approved,
        }
    }
}

/// The index of a share of questions, and the answers to it.
type Answered = (usize, Vec<Option<Judged>>);

/// The data that questions about one ref need.
pub struct RefJudge<'c> {
    pub repository: &'c Repository,
    pub book: &'c Book,
    pub name: &'c str,
    /// The full name of the policy branch; none if the policy was given as a file.
    pub policy_branch: Option<&'c str>,
    /// What was read of evidence.
    pub evidence: &'c evidence::Book,
    /// Commits that other refs show, each with its ref.
    pub shown: &'c [(ObjectId, &'c str)],
}

impl RefJudge<'_> {
    /// The answers, in the order of the questions, which is that of the line; none if no policy protected the ref. Uses
    /// all processors.
    ///
    /// # Errors
    /// The repository cannot be reopened.
    pub fn judge(&self, questions: &[Option<Question>]) -> Result<Vec<Option<Judged>>, GitError> {
        let shares: Vec<&[Option<Question>]> = questions.chunks(SHARE).collect();
        let next = AtomicUsize::new(0);
        let (git_dir, book, name) = (self.repository.git_dir(), self.book, self.name);
        let (policy_branch, shown, evidence) = (self.policy_branch, self.shown, self.evidence);
        let answer = || -> Result<Vec<Answered>, GitError> {
            let repository = Repository::open_exactly(git_dir)?;
            let judge = Judge::new(&repository, (book, evidence), name, policy_branch, shown);
            let mut answers = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(share) = shares.get(at) else { return Ok(answers) };
                answers.push((at, share.iter().map(|question| judge.judge(question.as_ref()?)).collect()));
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(shares.len()).max(1);
        let answers = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(answer)).collect();
            let joined = running.into_iter().map(|thread| thread.join());
            joined.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
        });
        let mut shares = answers.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        shares.sort_by_key(|(at, _)| *at);
        Ok(shares.into_iter().flat_map(|(_, answers)| answers).collect())
    }
}

/// The state of one thread.
struct Judge<'j> {
    repository: &'j Repository,
    book: &'j Book,
    evidence: &'j evidence::Book,
    name: &'j str,
    policy_branch: Option<&'j str>,
    /// The commits that protected refs showed, as far as they were read; for the ref that is judged, the base of each
    /// question. So no question may start before the base of an earlier one.
    states: RefCell<States>,
}

impl<'j> Judge<'j> {
    fn new(
        repository: &'j Repository,
        (book, evidence): (&'j Book, &'j evidence::Book),
        name: &'j str,
        policy_branch: Option<&'j str>,
        shown: &[(ObjectId, &str)],
    ) -> Judge<'j> {
        let mut states = States::default();
        shown.iter().for_each(|(commit, name)| _ = states.insert(*commit, name));
        Judge { repository, book, evidence, name, policy_branch, states: RefCell::new(states) }
    }

    fn judge(&self, question: &Question) -> Option<Judged> {
        let policy = match &question.held {
            Held::Absent => return None,
            Held::Invalid(why) => {
                let reason = Reason::undecidable(Code::PolicyInvalid, why.clone());
                let at = question.times.first().copied().unwrap_or_default();
                return Some(Judged { at, outcome: RefOutcome::refused(self.name, reason) });
            }
            Held::Found(policy) => policy,
        };
        if !policy.refs.protects(self.name) {
            return None;
        }
        self.states.borrow_mut().insert(question.from, self.name);
        let mut judged: Option<Judged> = None;
        for &at in question.times.iter().take(MAX_TIMES) {
            let outcome = self.asked(question, policy, at);
            let is_allowed = outcome.outcome == Decided::Allow;
            if is_allowed || judged.is_none() {
                judged = Some(Judged { at, outcome });
            }
            if is_allowed {
                break;
            }
        }
        judged
    }

    fn asked(&self, question: &Question, policy: &Policy, now: i64) -> RefOutcome {
        let (chains, receipts) = self.book.as_of(&question.manifest, &question.near, now);
        let remembered = Remembered { receipts, ..Remembered::default() };
        let history = match Commits::of(self.repository, policy.author_proof == AuthorProof::Proven) {
            Ok(history) => history,
            Err(why) => {
                return RefOutcome::refused(self.name, Reason::undecidable(Code::Unreadable, why.to_string()));
            }
        };
        let contents = Objects::of_then(self.repository, question.from, question.organization.clone());
        let contents = contents.with_evidence(|keys| {
            let with_remotes = !self.repository.is_bare();
            let scope = evidence::Scope::all(with_remotes);
            let all = self.evidence.read(self.repository, keys, &scope)?;
            Ok(Arc::new(evidence::until(&all, now)))
        });
        let states = self.states.borrow();
        let input = Input {
            policy,
            chains: &chains,
            remembered: &remembered,
            contents: &contents,
            history: &history,
            states: &states,
            policy_branch: self.policy_branch,
            ahead: false,
            pusher: question.pusher.as_deref(),
            signs_of_ai: false,
            now,
        };
        // A tag is created with what it shows; that it would be moved there is another question.
        let old = if self.name.starts_with("refs/tags/") { ObjectId::ZERO } else { question.from };
        let update = Update { name: self.name.to_owned(), old, new: question.to };
        PushEvaluation::new(&input).decide(&update).outcome
    }
}
